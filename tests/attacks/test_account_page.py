"""Somebody else's hands on the account page: forms from elsewhere, other people's ids, markup in names."""

from __future__ import annotations

import json
import re

import pyotp
import pytest

from pushgate.model import Credential
from pushgate.testing import Browser, Running
from tests.rules.test_account import ACCOUNT, at_account, csrf_of, send
from tests.support.manifests import MANIFEST
from tests.support.steps import answered

SESSION = "pushgate-session-default"

FORMS = {
    "remove-access": {"client_id": "app"},
    "end-session": {"sid": "x"},
    "end-others": {},
    "rename-credential": {"credential_id": "c", "label": "x"},
    "remove-credential": {"credential_id": "c"},
}


async def credential_of(server: Running, username: str, label: str = "Phone") -> str:
    """Something this user has enrolled."""
    context = await server.server.realm()
    assert context is not None
    user = await context.accounts.user_by_username(username)
    assert user is not None
    await context.credentials.save(
        Credential(credential_id=f"c-{username}", sub=user.sub, kind="totp", label=label, created_at=1)
    )
    return f"c-{username}"


@pytest.mark.parametrize("action", FORMS)
@pytest.mark.parametrize("csrf", ["", "wrong", None, "another browser's", "another user's"])
async def test_a_form_from_elsewhere_does_nothing(server: Running, action: str, csrf: str | None) -> None:
    browser = await at_account(server, browser=await answered(server))
    if csrf == "another browser's":
        csrf = await csrf_of(await at_account(server))
    elif csrf == "another user's":
        csrf = await csrf_of(await at_account(server, "bob"))
    form = {"action": action, **FORMS[action], **({} if csrf is None else {"csrf": csrf})}
    reply = await browser.http.post(ACCOUNT, data=form)
    assert reply.status_code == 403
    assert reply.headers["pushgate-refusal"] == "login.csrf"
    await browser.open(ACCOUNT)
    assert browser.page is not None
    assert "The App" in browser.page.text


@pytest.mark.parametrize("page", ["password", "totp"])
async def test_changes_are_not_made_from_elsewhere(server: Running, page: str) -> None:
    browser = await at_account(server)
    form = {"current": "alice-password", "new": "correct horse battery", "again": "correct horse battery"}
    reply = await browser.http.post(f"{ACCOUNT}/{page}", data=form)
    assert (reply.status_code, reply.headers["pushgate-refusal"]) == (403, "login.csrf")
    assert await server.audit("password_changed") == []
    assert await server.audit("credential_added") == []


async def test_the_ids_of_another_user_open_nothing(server: Running) -> None:
    """Mallory knows Alice's sid and credential ids, and has a client in common with her."""
    alice = await at_account(server, browser=await answered(server))
    theirs = await credential_of(server, "alice")
    context = await server.server.realm()
    assert context is not None
    user = await context.accounts.user_by_username("alice")
    assert user is not None
    ((_, session),) = await context.accounts.sessions_of(user.sub, 0)
    bob = await at_account(server, "bob")
    await send(bob, "remove-credential", credential_id=theirs)
    await send(bob, "rename-credential", credential_id=theirs, label="Bob's now")
    await send(bob, "end-session", sid=session.sid)
    await send(bob, "remove-access", client_id="app")
    kept = await context.credentials.credential(theirs)
    assert kept is not None
    assert kept.label == "Phone"
    await alice.open(ACCOUNT)
    assert alice.page is not None
    assert alice.page.url.path == ACCOUNT
    assert "The App" in alice.page.text
    for event in ("credential_removed", "signed_out", "access_removed"):
        assert await server.audit(event) == []


async def test_the_page_of_one_user_decides_nothing_for_the_next(server: Running) -> None:
    """Alice's page stays open in a tab while Bob signs in in the same browser."""
    browser = await at_account(server, browser=await answered(server))
    stale = await csrf_of(browser)
    await browser.open("/oauth2/logout")
    await browser.submit("logout-submit")
    await at_account(server, "bob", browser)
    reply = await browser.http.post(ACCOUNT, data={"csrf": stale, "action": "end-others"})
    assert (reply.status_code, reply.headers["pushgate-refusal"]) == (403, "login.csrf")


async def test_the_secret_of_one_user_enrols_nobody_else(server: Running) -> None:
    bob = await (await at_account(server, "bob")).open(f"{ACCOUNT}/totp")
    pending = dict(bob.form().fields)["secret"]
    secret = re.search(r'id="totp-secret"[^>]*>([A-Z2-7 ]+)<', bob.page.text)  # type: ignore[union-attr]
    assert secret
    code = pyotp.TOTP(secret[1].replace(" ", "")).at(server.clock.now)
    alice = await (await at_account(server)).open(f"{ACCOUNT}/totp")
    await send(alice, "enrol-totp", f"{ACCOUNT}/totp", secret=pending, code=code)
    assert alice.page is not None
    assert alice.page.status_code == 400
    assert await server.audit("credential_added") == []


HOSTILE = "\"><script>alert(1)</script><b x='"


async def test_names_are_only_names(server: Running) -> None:
    await server.apply(
        "realms: [{name: default, clients: [{client_id: app, client_secret: app-secret-of-at-least-22-characters,"
        f" client_name: {json.dumps(HOSTILE)}, redirect_uris: [https://app.example/callback], scope: openid email}}]}}]"
    )
    browser = await answered(server)
    await credential_of(server, "alice", HOSTILE)
    await at_account(server, browser=browser)
    assert browser.page is not None
    assert "<script>alert" not in browser.page.text
    assert browser.page.text.count("&lt;script&gt;alert") >= 2


async def test_a_user_agent_is_not_shown_as_it_comes(server: Running) -> None:
    browser: Browser = server.browser()
    browser.http.headers["user-agent"] = f"{HOSTILE} Firefox/1 Windows {HOSTILE}"
    await at_account(server, browser=browser)
    assert browser.page is not None
    assert "Firefox, Windows" in browser.page.text
    assert "alert(1)" not in browser.page.text


@pytest.mark.parametrize("path", ["", "/password", "/totp"])
async def test_nobody_frames_or_keeps_the_pages(server: Running, path: str) -> None:
    browser = await (await at_account(server)).open(ACCOUNT + path)
    assert browser.page is not None
    headers = browser.page.headers
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "no-store" in headers["cache-control"]


async def test_use_the_session_and_the_forms_of_one_realm_in_another(server: Running) -> None:
    await server.apply(MANIFEST.replace("name: default", "name: other"))
    browser = await at_account(server)
    other = f"/realms/other{ACCOUNT}"
    await browser.open(other)
    assert browser.page is not None
    assert browser.page.url.path == "/realms/other/oauth2/login/own"
    await browser.sign_in()
    assert browser.page.url.path == other
    await browser.open(f"{other}/totp")
    for path, csrf in ((other, await csrf_of(browser)), (ACCOUNT, dict(browser.form().fields)["csrf"])):
        reply = await browser.http.post(path, data={"csrf": csrf, "action": "end-others"})
        assert (reply.status_code, reply.headers.get("pushgate-refusal")) == (403, "login.csrf"), path


async def test_plant_a_session_before_the_victim_signs_in(server: Running) -> None:
    """What the victim then does on the account page happens in a session that the attacker never knew."""
    attacker, victim = await at_account(server, "bob"), server.browser()
    planted = attacker.http.cookies[SESSION]
    victim.http.cookies.set(SESSION, planted, domain="127.0.0.1", path="/")
    server.clock.advance(601)
    await victim.open(f"{ACCOUNT}/totp")
    await victim.sign_in()
    assert victim.page is not None
    assert victim.page.url.path == f"{ACCOUNT}/totp"
    assert victim.http.cookies[SESSION] != planted
    await attacker.open(ACCOUNT)
    assert attacker.page is not None
    assert "alice" not in attacker.page.text


async def test_go_on_with_a_session_that_was_ended_elsewhere(server: Running) -> None:
    """Whoever was signed out from afar can change nothing with the pages that are still open."""
    here, thief = await at_account(server), await at_account(server)
    csrf = await csrf_of(thief)
    await send(here, "end-others")
    for path, form in (("", {"action": "end-others"}), ("/password", {"current": "alice-password"}), ("/totp", {})):
        reply = await thief.http.post(ACCOUNT + path, data={"csrf": csrf, **form})
        assert reply.status_code == 303
        assert "/oauth2/login/own?" in reply.headers["location"]
    await here.open(ACCOUNT)
    assert here.page is not None
    assert here.page.url.path == ACCOUNT


async def test_a_name_that_turns_the_line_around(server: Running) -> None:
    browser = await at_account(server)
    await credential_of(server, "alice", "evil\u202egnp.exe")
    await browser.open(ACCOUNT)
    assert browser.page is not None
    titles = re.findall(r'class="entry-title">(.*?)</p>', browser.page.text)
    assert any("evil" in title for title in titles)
    assert not any("\u202e" in title for title in titles)


@pytest.mark.parametrize("act", ["remove", "password", "totp"])
async def test_take_away_the_second_factor_with_the_password_alone(server: Running, act: str) -> None:
    """Whoever has nothing but the password can look, but not change how the user signs in."""
    thief, owner = await at_account(server), await at_account(server)
    await owner.open(f"{ACCOUNT}/totp")
    assert owner.page is not None
    found = re.search(r'id="totp-secret"[^>]*>([A-Z2-7 ]+)<', owner.page.text)
    assert found is not None
    secret, form = found[1].replace(" ", ""), dict(owner.form().fields)
    app = pyotp.TOTP(secret)
    await send(owner, "", f"{ACCOUNT}/totp", secret=form["secret"], code=app.at(server.clock.now))
    [kept] = re.findall(r'name="credential_id" value="([^"]+)"', owner.page.text)
    path = {"remove": "", "password": "/password", "totp": "/totp"}[act]
    sent = {
        "remove": {"action": "remove-credential", "credential_id": kept},
        "password": {"current": "alice-password", "new": "correct horse battery", "again": "correct horse battery"},
        "totp": {"code": app.at(server.clock.now)},
    }[act]
    reply = await thief.http.post(ACCOUNT + path, data={"csrf": await csrf_of(thief), **sent})
    assert (reply.status_code, reply.headers["location"].split("?")[0]) == (303, "/oauth2/login/own")
    await thief.open(reply.headers["location"])
    assert thief.page is not None
    assert 'autocomplete="one-time-code"' in thief.page.text
    assert await server.audit("password_changed") == []
    assert await server.audit("credential_removed") == []
    # The owner, who has just shown the app, goes straight on; the thief does with the next code.
    await send(owner, "remove-credential", credential_id="none")
    assert owner.page.url.path == ACCOUNT
    server.clock.advance(30)
    await thief.submit("code-submit", code=app.at(server.clock.now))
    assert thief.page.url.path == ACCOUNT + path
