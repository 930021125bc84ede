"""When the user is asked: prompt, max_age, hints, consent, and the session behind them."""

from __future__ import annotations

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from pushgate.testing import Browser, Running
from tests.support.manifests import APP_SECRET, REDIRECT, REQUEST
from tests.support.steps import (
    HYBRID,
    agree,
    answer_in,
    answered,
    ask,
    at,
    but,
    code_for,
    redeem,
    tokens_for,
    told,
    verified,
)

ENTRIES = pytest.mark.parametrize("push", [True, False], ids=["pushed", "browser"])
SILENT = but(REQUEST, prompt="none")


async def auth_time(server: Running, browser: Browser) -> int:
    """When the user signed in, by the ID Token of the code that the browser brought."""
    tokens = (await redeem(server, browser.answer["code"])).json()
    found: int = (await verified(server, tokens["id_token"]))["auth_time"]
    return found


def app(**members: str) -> str:
    """A manifest that registers `app` anew, with more members."""
    lines = "".join(f"\n        {name}: {value}" for name, value in members.items())
    return f"""
realms:
  - name: default
    clients:
      - client_id: app
        client_name: The App
        client_secret: {APP_SECRET}
        redirect_uris: [{REDIRECT}]
        grant_types: [authorization_code, refresh_token]
        scope: openid profile email write read other{lines}
"""


# --- prompt=none --------------------------------------------------------------------------------------------


@pytest.mark.requirement("OIDC-3.1.2.1-5", "ISS-2-2")
@ENTRIES
async def test_a_silent_request_without_session(server: Running, push: bool) -> None:
    browser = await ask(server, SILENT, push=push)
    told(browser, SILENT, "login_required", "authorize.login_required")


@pytest.mark.requirement("OIDC-3.1.2.1-5")
@ENTRIES
async def test_a_silent_request_with_session_and_consent_succeeds(server: Running, push: bool) -> None:
    browser = await answered(server)
    assert (await ask(server, SILENT, push=push, browser=browser)).landed is not None
    assert answer_in(browser, "query", REDIRECT).keys() == {"code", "state", "iss"}


@pytest.mark.requirement("OIDC-3.1.2.1-5", "ISS-2-2")
@ENTRIES
async def test_a_silent_request_without_consent(server: Running, push: bool) -> None:
    browser = await ask(server, REQUEST)
    await browser.sign_in()
    told(
        await ask(server, SILENT, push=push, browser=browser), SILENT, "consent_required", "authorize.consent_required"
    )


@pytest.mark.requirement("OIDC-3.1.2.1-5", "OIDC-3.1.2.4-1")
@ENTRIES
async def test_a_silent_request_for_more_than_was_allowed(server: Running, push: bool) -> None:
    browser = await answered(server)
    request = but(SILENT, scope="openid email write")
    told(await ask(server, request, push=push, browser=browser), request, "consent_required",
         "authorize.consent_required")  # fmt: skip


@pytest.mark.requirement("OIDC-3.1.2.1-5")
@ENTRIES
async def test_a_silent_request_after_the_session_ended(server: Running, push: bool) -> None:
    browser = await answered(server)
    server.clock.advance(28_799)
    await ask(server, SILENT, push=push, browser=browser)
    assert "code" in browser.answer
    server.clock.advance(1)
    told(await ask(server, SILENT, push=push, browser=browser), SILENT, "login_required", "authorize.login_required")


@pytest.mark.requirement("OIDC-3.1.2.1-5")
async def test_a_silent_request_after_signing_out(server: Running) -> None:
    browser = await answered(server)
    await browser.open("/oauth2/logout")
    await browser.submit("logout-submit")
    told(await ask(server, SILENT, browser=browser), SILENT, "login_required", "authorize.login_required")


@pytest.mark.requirement("OIDC-3.1.2.1-5")
async def test_a_silent_request_of_a_user_who_was_disabled(server: Running) -> None:
    browser = await answered(server)
    await server.apply("realms: [{name: default, users: [{username: alice, enabled: false}]}]")
    told(await ask(server, SILENT, browser=browser), SILENT, "login_required", "authorize.login_required")


# --- prompt=login, select_account, consent ----------------------------------------------------------------------


@pytest.mark.requirement("OIDC-3.1.2.1-7")
@ENTRIES
@pytest.mark.parametrize("prompt", ["login", "login select_account", "login consent"])
async def test_a_session_does_not_spare_the_login_that_was_asked_for(server: Running, push: bool, prompt: str) -> None:
    browser = await answered(server)
    before = await auth_time(server, browser)
    server.clock.advance(100)
    request = but(REQUEST, prompt=prompt)
    await ask(server, request, push=push, browser=browser)
    assert at(browser, "login")
    page = str(browser.page.url) if browser.page else ""
    # Going back and forth, or straight to the consent page, cannot skip it.
    for url in (page, page.replace("/login/", "/consent/"), page):
        await browser.open(url)
        assert at(browser, "login")
    form = browser.form()
    await browser.http.post(page.replace("/login/", "/consent/"), data={**dict(form.fields), "decision": "allow"})
    assert (await browser.open(page)).page is not None
    assert at(browser, "login")
    await agree(browser)
    assert await auth_time(server, browser) == before + 100


@pytest.mark.requirement("OIDC-3.1.2.1-8")
@ENTRIES
async def test_stored_consent_does_not_spare_the_consent_that_was_asked_for(server: Running, push: bool) -> None:
    browser = await answered(server)
    server.clock.advance(100)
    await ask(server, but(REQUEST, prompt="consent"), push=push, browser=browser)
    assert at(browser, "consent")
    await browser.allow()
    assert answer_in(browser, "query", REDIRECT).keys() == {"code", "state", "iss"}


@pytest.mark.requirement("OIDC-3.1.2.1-8")
async def test_who_chooses_another_account_signs_in_as_that(server: Running) -> None:
    browser = await answered(server)
    server.clock.advance(1)
    await ask(server, but(REQUEST, prompt="select_account"), browser=browser)
    await browser.submit("select-another")
    assert ("username", "") in browser.form().fields
    await browser.sign_in("bob", "bob-password")
    await browser.allow()
    tokens = (await redeem(server, browser.answer["code"])).json()
    alice, bob = await server.management.accounts("default").users()
    assert (await verified(server, tokens["id_token"]))["sub"] == bob.sub != alice.sub


@pytest.mark.requirement("OIDC-3.1.2.1-8")
@ENTRIES
async def test_who_is_asked_for_an_account_may_go_on_with_theirs(server: Running, push: bool) -> None:
    browser = await answered(server)
    before = await auth_time(server, browser)
    server.clock.advance(100)
    await ask(server, but(REQUEST, prompt="select_account"), push=push, browser=browser)
    assert at(browser, "login")
    page = str(browser.page.url) if browser.page else ""
    assert "Continue as" in (browser.page.text if browser.page else "")
    # Nothing but the choice leads on, and a reload asks for it again.
    for url in (page, page.replace("/login/", "/consent/")):
        await browser.open(url)
        assert at(browser, "login")
    await browser.submit("select-continue")
    assert await auth_time(server, browser) == before
    # The next request asks again: a choice is for one request.
    await ask(server, but(REQUEST, prompt="select_account"), push=push, browser=browser)
    assert at(browser, "login")


@pytest.mark.requirement("OIDC-3.1.2.1-8")
async def test_who_chooses_an_account_without_a_session_just_signs_in(server: Running) -> None:
    browser = await ask(server, but(REQUEST, prompt="select_account"))
    await browser.sign_in()
    assert at(browser, "consent")


@pytest.mark.requirement("OIDC-3.1.2.1-8", "OIDC-3.1.2.1-10")
async def test_a_chosen_account_has_to_be_fresh_all_the_same(server: Running) -> None:
    browser = await answered(server)
    server.clock.advance(100)
    await ask(server, but(REQUEST, prompt="select_account", max_age="50"), browser=browser)
    await browser.submit("select-continue")
    assert ("username", "alice") in browser.form().fields
    await browser.sign_in()
    assert await auth_time(server, browser) == int(server.clock())


# --- max_age and auth_time ---------------------------------------------------------------------------------------


@pytest.mark.requirement("OIDC-3.1.2.1-10")
@ENTRIES
async def test_max_age_lets_a_session_be_just_that_old(server: Running, push: bool) -> None:
    browser = await answered(server)
    server.clock.advance(300)
    request = but(REQUEST, max_age="300")
    await ask(server, request, push=push, browser=browser)
    assert "code" in browser.answer
    server.clock.advance(1)
    silent = but(request, prompt="none")
    told(await ask(server, silent, push=push, browser=browser), silent, "login_required", "authorize.login_required")
    await ask(server, request, push=push, browser=browser)
    assert at(browser, "login")
    await agree(browser)
    assert await auth_time(server, browser) == int(server.clock())


@pytest.mark.requirement("OIDC-3.1.2.1-10")
@ENTRIES
async def test_max_age_zero_is_a_demand_to_sign_in(server: Running, push: bool) -> None:
    browser = await answered(server)
    server.clock.advance(1)
    request = but(REQUEST, max_age="0")
    await ask(server, request, push=push, browser=browser)
    assert at(browser, "login")
    await agree(browser)
    assert await auth_time(server, browser) == int(server.clock())
    server.clock.advance(1)
    silent = but(request, prompt="none")
    told(await ask(server, silent, push=push, browser=browser), silent, "login_required", "authorize.login_required")


async def test_the_default_max_age_of_a_client_holds_where_the_request_says_nothing(server: Running) -> None:
    await server.apply(app(default_max_age="60"))
    browser = await answered(server)
    server.clock.advance(61)
    assert at(await ask(server, REQUEST, browser=browser), "login")
    browser = await answered(server)
    server.clock.advance(61)
    assert "code" in (await ask(server, but(REQUEST, max_age="3600"), browser=browser)).answer


@pytest.mark.requirement("OIDC-2-6")
@pytest.mark.parametrize(
    ("members", "extra"),
    [
        ({}, {"max_age": "1000"}),
        ({"require_auth_time": "true"}, {}),
        ({}, {"claims": '{"id_token": {"auth_time": {"essential": true}}}'}),
    ],
    ids=["max_age", "require_auth_time", "essential"],
)
async def test_auth_time_is_there_whenever_it_was_asked_for(
    server: Running, members: dict[str, str], extra: dict[str, str]
) -> None:
    await server.apply(app(**members))
    signed_in_at = int(server.clock())
    browser = await answered(server)
    server.clock.advance(50)
    await ask(server, REQUEST | extra, browser=browser)
    assert await auth_time(server, browser) == signed_in_at


# --- Hints ---------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("OIDC-3.1.2.1-13", "OIDC-3.1.2.2-1")
@ENTRIES
async def test_the_hinted_user_is_the_one_who_is_signed_in(server: Running, push: bool) -> None:
    browser = await answered(server)
    hint = (await redeem(server, browser.answer["code"])).json()["id_token"]
    for request in (but(REQUEST, id_token_hint=hint), but(SILENT, id_token_hint=hint)):
        await ask(server, request, push=push, browser=browser)
        assert "code" in browser.answer
    # An expired hint is as good, and so is one that was issued to another client.
    server.clock.advance(3600)
    await ask(server, but(SILENT, id_token_hint=hint), push=push, browser=browser)
    assert "code" in browser.answer
    await answered(server, HYBRID, "hybrid", browser=browser)
    other = but(HYBRID, prompt="none", id_token_hint=hint)
    assert "code" in (await ask(server, other, "hybrid", push=push, browser=browser)).answer


@pytest.mark.requirement("OIDC-3.1.2.1-13")
@ENTRIES
async def test_no_token_for_another_user_than_the_hinted_one(server: Running, push: bool) -> None:
    hint = (await tokens_for(server))["id_token"]
    browser = await answered(server, username="bob")
    server.clock.advance(10)
    silent = but(SILENT, id_token_hint=hint)
    told(await ask(server, silent, push=push, browser=browser), silent, "login_required", "authorize.login_other_user")
    request = but(REQUEST, id_token_hint=hint)
    await ask(server, request, push=push, browser=browser)
    assert at(browser, "login")
    # Whoever signs in as somebody else again is sent back, not asked for ever.
    await browser.sign_in("bob", "bob-password")
    told(browser, request, "login_required", "authorize.login_other_user")
    server.clock.advance(10)
    await ask(server, request, push=push, browser=browser)
    await agree(browser)
    alice = (await server.management.accounts("default").users())[0]
    tokens = (await redeem(server, browser.answer["code"])).json()
    assert (await verified(server, tokens["id_token"]))["sub"] == alice.sub


@pytest.mark.requirement("OIDC-3.1.2.1-13")
async def test_a_silent_hint_without_session(server: Running) -> None:
    request = but(SILENT, id_token_hint=(await tokens_for(server))["id_token"])
    told(await ask(server, request), request, "login_required", "authorize.login_required")


@pytest.mark.requirement("OIDC-3.1.2.2-1")
@ENTRIES
@pytest.mark.parametrize("kind", ["foreign", "tampered", "unsigned", "access token", "garbage", "other realm"])
async def test_a_hint_that_is_not_an_id_token_of_ours(server: Running, push: bool, kind: str) -> None:
    browser = await answered(server)
    tokens = (await redeem(server, browser.answer["code"])).json()
    start, payload, signature = tokens["id_token"].split(".")
    claims = await verified(server, tokens["id_token"])
    hint = {
        "foreign": jwt.encode({"alg": "RS256"}, claims, RSAKey.generate_key(2048)),
        "tampered": f"{start}.{payload[:-4]}AAAA.{signature}",
        "unsigned": f"eyJhbGciOiJub25lIn0.{payload}.",
        "access token": tokens["access_token"],
        "garbage": "x",
        "other realm": await hint_of_another_realm(server),
    }[kind]
    request = but(REQUEST, id_token_hint=hint)
    told(await ask(server, request, push=push, browser=browser), request, "invalid_request", "authorize.id_token_hint")


async def hint_of_another_realm(server: Running) -> str:
    """An ID Token of another issuer on this server."""
    await server.apply(app().replace("name: default", "name: other") + """
    users:
      - {username: alice, password: alice-password}
""")  # fmt: skip
    browser = server.browser()
    await agree(await browser.open("/realms/other/oauth2/authorize", params={"client_id": "app", **REQUEST}))
    form = {"grant_type": "authorization_code", "code": browser.answer["code"], "redirect_uri": REDIRECT}
    form["code_verifier"] = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    reply = await server.http.post("/realms/other/oauth2/token", auth=("app", APP_SECRET), data=form)
    found: str = reply.json()["id_token"]
    return found


async def test_login_hint_fills_in_the_name_and_nothing_more(server: Running) -> None:
    browser = await ask(server, but(REQUEST, login_hint="bob"))
    assert at(browser, "login")
    assert ("username", "bob") in browser.form().fields
    await browser.sign_in("alice", "alice-password")
    assert at(browser, "consent")


# --- Consent ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("OIDC-3.1.2.4-1")
@ENTRIES
async def test_the_page_names_client_and_scopes_before_anything_is_released(server: Running, push: bool) -> None:
    browser = await ask(server, but(REQUEST, scope="openid email write"), push=push)
    await browser.sign_in()
    assert at(browser, "consent")
    assert browser.page is not None
    for text in ("The App", "app.example", "alice", "Know who you are", "Your email address", "write", "api.example"):
        assert text in browser.page.text
    assert "Your profile" not in browser.page.text


@pytest.mark.requirement("OIDC-3.1.2.4-1")
@ENTRIES
async def test_a_scope_that_was_added_since_is_asked_for(server: Running, push: bool) -> None:
    browser = await answered(server)
    assert "code" in (await ask(server, REQUEST, push=push, browser=browser)).answer
    assert "code" in (await ask(server, but(REQUEST, scope="openid"), push=push, browser=browser)).answer
    await ask(server, but(REQUEST, scope="openid email write"), push=push, browser=browser)
    assert at(browser, "consent")
    await browser.deny()
    assert at(await ask(server, but(REQUEST, scope="openid write"), push=push, browser=browser), "consent")


@pytest.mark.requirement("OIDC-3.1.2.4-1")
async def test_consent_is_of_one_user_for_one_client(server: Running) -> None:
    browser = await answered(server)
    assert at(await ask(server, HYBRID, "hybrid", browser=browser), "consent")
    other = await ask(server, REQUEST)
    await other.sign_in("bob", "bob-password")
    assert at(other, "consent")


@pytest.mark.requirement("OIDC-3.1.2.4-1")
async def test_a_client_that_the_operator_approved_is_not_asked_about(server: Running) -> None:
    await server.apply(app(skip_consent="true"))
    browser = await ask(server, REQUEST)
    await browser.sign_in()
    assert "code" in browser.answer
    # But where the client wants the user to be asked, the user is.
    server.clock.advance(1)
    assert at(await ask(server, but(REQUEST, prompt="consent"), browser=browser), "consent")


async def test_who_is_not_the_one_on_the_page_can_sign_in_as_somebody_else(server: Running) -> None:
    browser = await ask(server, REQUEST)
    await browser.sign_in()
    await browser.submit("consent-switch")
    assert at(browser, "login")
    await agree(browser, "bob")
    tokens = (await redeem(server, browser.answer["code"])).json()
    _, bob = await server.management.accounts("default").users()
    assert (await verified(server, tokens["id_token"]))["sub"] == bob.sub


async def test_a_session_that_ended_on_the_consent_page_has_to_come_back_first(server: Running) -> None:
    await server.apply("realms: [{name: default, lifetimes: {session: 100}}]")
    browser = await ask(server, REQUEST)
    await browser.sign_in()
    server.clock.advance(101)
    await browser.allow()
    assert at(browser, "login")
    await agree(browser)
    assert "code" in browser.answer


async def test_one_session_serves_all_clients_of_the_realm(server: Running) -> None:
    browser = await answered(server)
    signed_in_at = int(server.clock())
    server.clock.advance(500)
    await code_for(server, HYBRID, "hybrid", browser=browser)
    tokens = (await redeem(server, browser.answer["code"], "hybrid")).json()
    assert (await verified(server, tokens["id_token"]))["auth_time"] == signed_in_at
