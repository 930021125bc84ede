"""The account page: what a user sees of their own, takes back, ends and changes."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httpx
import msgspec
import pyotp
import pytest

from pushgate.model import Credential
from pushgate.testing import Browser, Running
from tests.support.manifests import APP, MANIFEST, REDIRECT, REQUEST, VERIFIER
from tests.support.steps import HYBRID, answered, ask, but, redeem, refused

ACCOUNT = "/oauth2/account"
NEW = "correct horse battery staple"


def shown(browser: Browser) -> str:
    """The words of the page, without markup."""
    assert browser.page is not None
    assert browser.page.status_code in (200, 400), browser.page.text
    return " ".join(re.sub(r"<[^>]+>", " ", browser.page.text).split())


async def csrf_of(browser: Browser) -> str:
    """The anti-forgery value of this user's forms, wherever the browser stands."""
    for path in (ACCOUNT, f"{ACCOUNT}/password"):  # an overview on which there is nothing to do has no form
        page = await browser.http.get(path)
        found = re.search(r'name="csrf" value="([^"]+)"', page.text)
        if found:
            return found[1]
    raise AssertionError(page.text)


async def at_account(server: Running, username: str = "alice", browser: Browser | None = None) -> Browser:
    """Signed in, on the overview."""
    browser = await (browser or server.browser()).open(ACCOUNT)
    if "/login/" in str(browser.page and browser.page.url):
        await browser.sign_in(username, f"{username}-password")
    assert "Your account" in shown(browser)
    return browser


async def send(browser: Browser, action: str, path: str = ACCOUNT, **fields: str) -> Browser:
    """Send one of the forms."""
    form = {"csrf": await csrf_of(browser), "action": action, **fields}
    return await browser._follow(await browser.http.post(path, data=form))


async def tokens(server: Running, scope: str = "openid email") -> tuple[Browser, dict[str, Any]]:
    """A browser that went the whole way, and what the client got."""
    browser = await answered(server, but(REQUEST, scope=scope))
    form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    reply = await server.http.post("/oauth2/token", auth=APP, data={**form, "code": browser.answer["code"]})
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return browser, found


async def refreshed(server: Running, token: str) -> httpx.Response:
    """What a refresh gets."""
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return await server.http.post("/oauth2/token", auth=APP, data=form)


async def test_without_a_session_one_signs_in_and_comes_back(server: Running) -> None:
    browser = await server.browser().open(ACCOUNT)
    assert browser.page is not None
    assert browser.page.url.path == "/oauth2/login/own"
    await browser.sign_in()
    assert browser.page.url.path == ACCOUNT
    assert "You are signed in as alice" in shown(browser)
    assert "None so far." in shown(browser)


async def test_an_application_is_listed_and_loses_its_access(server: Running) -> None:
    browser, found = await tokens(server)
    await at_account(server, browser=browser)
    text = shown(browser)
    assert "The App" in text
    assert "app.example" in text
    assert "Your email address" in text
    await send(browser, "remove-access", client_id="app")
    assert "The application can no longer use your account." in shown(browser)
    assert "The App" not in shown(browser)
    bearer = {"authorization": f"Bearer {found['access_token']}"}
    reply = await server.http.get("/oauth2/userinfo", headers=bearer)
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_token")
    reply = await refreshed(server, found["refresh_token"])
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")
    assert len(await server.audit("access_removed")) == 1
    # And it has to ask again.
    again = await browser.open("/oauth2/authorize", params={"client_id": "app", **REQUEST})
    assert again.page is not None
    assert "/consent/" in again.page.url.path


async def test_others_keep_what_they_allowed(server: Running) -> None:
    browser, _ = await tokens(server)
    other = await answered(server, username="bob")
    await at_account(server, browser=browser)
    await send(browser, "remove-access", client_id="app")
    await at_account(server, "bob", other)
    assert "The App" in shown(other)


async def test_a_link_begins_at_the_application(server: Running) -> None:
    await server.apply(
        """realms: [{name: default, clients: [{client_id: app, client_name: The App,
        client_secret: app-secret-of-at-least-22-characters, redirect_uris: [https://app.example/callback],
        scope: openid email, initiate_login_uri: "https://app.example/start?a=1"}]}]"""
    )
    browser = await at_account(server, browser=await answered(server))
    assert browser.page is not None
    assert 'href="https://app.example/start?a=1&amp;iss=http%3A%2F%2F' in browser.page.text


async def test_another_browser_is_signed_out(server: Running) -> None:
    here, there = await at_account(server), await at_account(server)
    await here.open(ACCOUNT)
    sid = re.search(r'name="sid" value="([^"]+)"', here.page.text)  # type: ignore[union-attr]
    assert sid
    await send(here, "end-session", sid=sid[1])
    assert "That browser is signed out." in shown(here)
    await there.open(ACCOUNT)
    assert there.page is not None
    assert "/login/" in there.page.url.path
    assert len(await server.audit("signed_out")) == 1


async def test_all_others_are_signed_out(server: Running) -> None:
    here = await at_account(server)
    others = [await at_account(server) for _ in range(2)]
    await here.open(ACCOUNT)
    await send(here, "end-others")
    assert "All other browsers are signed out." in shown(here)
    for other in others:
        await other.open(ACCOUNT)
        assert other.page is not None
        assert "/login/" in other.page.url.path


async def test_a_password_is_changed(server: Running) -> None:
    here, other = await at_account(server), await at_account(server)
    await here.open(f"{ACCOUNT}/password")
    await send(here, "", f"{ACCOUNT}/password", current="alice-password", new=NEW, again=NEW)
    assert "Your password is changed." in shown(here)
    await other.open(ACCOUNT)
    await other.sign_in("alice", "alice-password")
    assert "do not match" in shown(other)
    await other.sign_in("alice", NEW)
    assert "Your account" in shown(other)
    assert len(await server.audit("password_changed")) == 1


@pytest.mark.parametrize(
    ("current", "new", "again", "words"),
    [
        ("wrong-password", NEW, NEW, "That is not your current password."),
        ("alice-password", NEW, NEW + "!", "The two new passwords are not the same."),
        ("alice-password", "short", "short", "at least 12 characters"),
        ("alice-password", "x" * 1025, "x" * 1025, "at most 1024 characters"),
        ("", "", "", "at least 12 characters"),
    ],
)
async def test_a_password_that_cannot_be_changed(
    server: Running, current: str, new: str, again: str, words: str
) -> None:
    browser = await (await at_account(server)).open(f"{ACCOUNT}/password")
    await send(browser, "", f"{ACCOUNT}/password", current=current, new=new, again=again)
    assert browser.page is not None
    assert browser.page.status_code == 400
    assert words in shown(browser)
    fresh = await server.browser().open(ACCOUNT)
    await fresh.sign_in()
    assert "Your account" in shown(fresh)


async def test_the_current_password_is_not_guessed_here(server: Running) -> None:
    browser = await (await at_account(server)).open(f"{ACCOUNT}/password")
    form = {"csrf": await csrf_of(browser), "current": "wrong-password", "new": NEW, "again": NEW}
    statuses = [(await browser.http.post(f"{ACCOUNT}/password", data=form)).status_code for _ in range(7)]
    assert statuses == [400] * 5 + [429] * 2


@pytest.mark.parametrize("page", ["password", "totp"])
async def test_changes_want_a_fresh_sign_in(server: Running, page: str) -> None:
    browser = await at_account(server)
    server.clock.advance(601)
    await browser.open(f"{ACCOUNT}/{page}")
    assert browser.page is not None
    assert browser.page.url.path == "/oauth2/login/own"
    assert "sign in again" in shown(browser).lower()
    await browser.sign_in()
    assert browser.page.url.path == f"{ACCOUNT}/{page}"


async def test_an_authenticator_app_is_set_up_and_removed(server: Running) -> None:
    browser = await (await at_account(server)).open(f"{ACCOUNT}/totp")
    assert browser.page is not None
    secret = re.search(r'id="totp-secret"[^>]*>([A-Z2-7 ]+)<', browser.page.text)
    assert secret
    assert "<svg" in browser.page.text
    generator = pyotp.TOTP(secret[1].replace(" ", ""))
    pending = dict(browser.form().fields)["secret"]

    wrong = f"{(int(generator.at(server.clock.now)) + 1) % 1_000_000:06d}"
    await send(browser, "enrol-totp", f"{ACCOUNT}/totp", secret=pending, code=wrong)
    assert browser.page.status_code == 400
    assert "That code is not right" in shown(browser)
    assert secret[1] in browser.page.text

    code = generator.at(server.clock.now)
    await send(browser, "enrol-totp", f"{ACCOUNT}/totp", secret=pending, code=f"{code[:3]} {code[3:]}")
    assert "The authenticator app is set up." in shown(browser)
    assert "Authenticator app" in shown(browser)
    added = await server.audit("credential_added")
    assert [row["kind"] for row in added] == ["totp"]

    identifier = re.search(r'name="credential_id" value="([^"]+)"', browser.page.text)
    assert identifier
    await send(browser, "remove-credential", credential_id=identifier[1])
    assert "It is removed" in shown(browser)
    assert "credential_id" not in browser.page.text


async def test_a_secret_on_the_screen_grows_old(server: Running) -> None:
    browser = await (await at_account(server)).open(f"{ACCOUNT}/totp")
    assert browser.page is not None
    secret = re.search(r'id="totp-secret"[^>]*>([A-Z2-7 ]+)<', browser.page.text)
    assert secret
    pending = dict(browser.form().fields)["secret"]
    server.clock.advance(1801)
    await browser.open(f"{ACCOUNT}/totp")
    assert browser.page.url.path == "/oauth2/login/own"
    await browser.sign_in()
    code = pyotp.TOTP(secret[1].replace(" ", "")).at(server.clock.now)
    await send(browser, "enrol-totp", f"{ACCOUNT}/totp", secret=pending, code=code)
    assert browser.page.status_code == 400


async def test_removing_wants_a_fresh_sign_in(server: Running) -> None:
    browser = await at_account(server)
    context = await server.server.realm()
    assert context is not None
    user = await context.accounts.user_by_username("alice")
    assert user is not None
    await context.credentials.save(Credential(credential_id="c", sub=user.sub, kind="totp", label="x", created_at=1))
    await browser.open(ACCOUNT)
    form = {"csrf": await csrf_of(browser), "action": "remove-credential", "credential_id": "c"}
    server.clock.advance(601)
    await browser._follow(await browser.http.post(ACCOUNT, data=form))
    assert browser.page is not None
    assert browser.page.url.path == "/oauth2/login/own"
    assert await context.credentials.credential("c") is not None


async def test_no_passkeys_where_the_host_is_an_address(server: Running) -> None:
    browser = await at_account(server)
    assert ("Add a passkey" in shown(browser)) == ("127.0.0.1" not in server.server.base_url)


async def test_an_unknown_form_does_nothing(server: Running) -> None:
    browser = await at_account(server)
    await send(browser, "delete-everything")
    assert browser.page is not None
    assert browser.page.status_code == 200
    assert await server.audit("access_removed") == []


async def test_what_a_removed_application_still_holds_is_worth_nothing(server: Running) -> None:
    """A code that was not redeemed yet, and an access token that an API asks about."""
    await server.apply(
        """realms: [{name: default, resources: [{identifier: "https://api.example", scopes: [write, read],
        introspection_clients: [hybrid]}]}]"""
    )
    browser, found = await tokens(server, "openid write")
    question = {"token": found["access_token"]}
    reply = await server.http.post("/oauth2/introspect", auth=("hybrid", APP[1]), data=question)
    assert reply.json()["active"] is True
    await ask(server, but(REQUEST, scope="openid write"), browser=browser)
    code = browser.answer["code"]
    await at_account(server, browser=browser)
    await send(browser, "remove-access", client_id="app")
    reply = await server.http.post("/oauth2/introspect", auth=("hybrid", APP[1]), data=question)
    assert reply.json() == {"active": False}
    refused(await redeem(server, code), 400, "invalid_grant", "token.grant_revoked")


async def test_what_one_application_lost_others_keep(server: Running) -> None:
    browser = await answered(server, HYBRID, "hybrid")
    await answered(server, browser=browser)
    await at_account(server, browser=browser)
    await send(browser, "remove-access", client_id="app")
    assert "hybrid" in shown(browser)
    assert "The App" not in shown(browser)


async def test_transactions_are_listed_the_latest_first_and_not_without_end(server: Running) -> None:
    browser = await at_account(server)
    for amount in range(101, 109):
        details = json.dumps([{"type": "payment", "amount": amount}])
        await answered(server, but(REQUEST, authorization_details=details), browser=browser)
        server.clock.advance(1)
    await at_account(server, browser=browser)
    assert re.findall(r"amount (\d+)", shown(browser)) == ["108", "107", "106", "105", "104"]
    assert "3 earlier ones are not shown." in shown(browser)


async def test_who_was_allowed_by_the_operator_does_not_ask_again(server: Running) -> None:
    await server.apply(MANIFEST.replace("client_name: The App", "client_name: The App\n        skip_consent: true"))
    browser = await at_account(server, browser=await answered(server))
    assert "has to ask you again" not in shown(browser)
    assert "allowed by those who run this server" in shown(browser)


@pytest.mark.requirement("BCP-4.14.2-2")
@pytest.mark.parametrize("applications", [True, False])
async def test_a_new_password_can_end_what_applications_hold(server: Running, applications: bool) -> None:
    browser, found = await tokens(server)
    form = {"current": "alice-password", "new": NEW, "again": NEW, **({"applications": "on"} if applications else {})}
    await send(browser, "", f"{ACCOUNT}/password", **form)
    assert "Your password is changed." in shown(browser)
    assert "The App" in shown(browser), "what was agreed to is remembered"
    assert (await refreshed(server, found["refresh_token"])).status_code == (400 if applications else 200)
    [event] = await server.audit("password_changed")
    assert event["tokens_revoked"] is applications


async def test_a_new_password_at_the_same_moment_as_another(server: Running) -> None:
    browsers = [await at_account(server) for _ in range(4)]
    barrier = asyncio.Barrier(len(browsers))

    async def change(i: int) -> int:
        password = f"{NEW} {i}"
        form = {"csrf": await csrf_of(browsers[i]), "current": "alice-password", "new": password, "again": password}
        await barrier.wait()
        return (await browsers[i].http.post(f"{ACCOUNT}/password", data=form)).status_code

    statuses = await asyncio.gather(*map(change, range(len(browsers))))
    assert sorted(statuses) == [303, 400, 400, 400]
    fresh = await server.browser().open(ACCOUNT)
    await fresh.sign_in("alice", f"{NEW} {statuses.index(303)}")
    assert "Your account" in shown(fresh)


@pytest.mark.parametrize(
    ("typed", "label"),
    [("Laptop", "Laptop"), ("  a \n b ", "a b"), ("", "Phone"), ("   ", "Phone"), ("x" * 90, "x" * 60), ("ü", "ü")],
)
async def test_a_credential_gets_another_name(server: Running, typed: str, label: str) -> None:
    browser, context = await at_account(server), await server.server.realm()
    assert context is not None
    user = await context.accounts.user_by_username("alice")
    assert user is not None
    kept = Credential(credential_id="c", sub=user.sub, kind="totp", label="Phone", created_at=1, last_step=7)
    await context.credentials.save(kept)
    await send(browser, "rename-credential", credential_id="c", label=typed)
    assert "The name is changed." in shown(browser)
    assert label in shown(browser)
    assert await context.credentials.credential("c") == msgspec.structs.replace(kept, label=label)


async def test_the_page_does_not_repeat_what_a_link_says_was_done(server: Running) -> None:
    browser, other = await at_account(server), await at_account(server)
    await send(browser, "end-others")
    assert browser.page is not None
    proven = browser.page.url.query.decode()
    assert "All other browsers are signed out." in shown(browser)
    await at_account(server, browser=other)
    for query in (proven, "done=password", "done=password.x", "done=others-signed-out.", "done=.", "done=é.é"):
        await other.open(f"{ACCOUNT}?{query}")
        assert 'id="account-done"' not in other.page.text  # type: ignore[union-attr]


async def test_an_operator_sees_what_the_user_sees(server: Running) -> None:
    browser, _ = await tokens(server)
    await at_account(server, browser=browser)
    management = server.management
    user = await management.accounts("default").user_by_username("alice")
    assert user is not None
    [grant] = await management.grants("default").of_user(user.sub, management.now())
    consents = await management.grants("default").consents_of(user.sub)
    assert (grant.client_id, list(consents)) == ("app", ["app"])
    assert consents["app"][0] == {"openid", "email"}
    server.clock.advance(3 * 2_592_000)
    assert await management.grants("default").of_user(user.sub, management.now()) == []
    assert await management.accounts("default").sessions_of(user.sub, management.now()) == []
