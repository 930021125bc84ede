"""Journeys: which steps a sign-in has, by request, by client, by realm, by level and by what the user has."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pushgate.manage.manifest import BadManifest
from pushgate.testing import Browser, Running
from tests.support.authenticator import BACKED_UP, ELIGIBLE, PRESENT, VERIFIED, passkey_form, press
from tests.support.factors import (
    BASE_URL,
    KEY,
    MFA,
    OTP,
    SMART_CARD,
    ask,
    code_of,
    secret_on,
    serving,
    session_of,
    shows,
    with_passkey,
    with_totp,
)
from tests.support.manifests import REDIRECT, REQUEST
from tests.support.steps import answered, at, but, post_as, redeem, refused, verified
from tests.support.steps import told as told_by

CODE, APP, KEY_PAGE, NEW_KEY = "Enter a code", "Set up an authenticator app", "Use your passkey", "Create a passkey"


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server with levels, where passkeys work."""
    async with serving() as found:
        yield found


def told(browser: Browser, request: dict[str, str], error: str, refusal: str) -> None:
    """The client was told no."""
    told_by(browser, request, error, refusal, iss=BASE_URL)


async def claims(server: Running, browser: Browser) -> dict[str, Any]:
    """The ID Token's claims, at the end of the flow; `amr` as a set."""
    if at(browser, "consent"):
        await browser.allow()
    tokens = (await redeem(server, browser.answer["code"])).json()
    found = await verified(server, tokens["id_token"])
    return {**found, "amr": set(found["amr"])}


# --- A sign-in with a second factor ---------------------------------------------------------------------------


@pytest.mark.requirement("VEN-P-7")
async def test_the_request_names_the_journey(server: Running) -> None:
    browser = await ask(server, service="password-totp")
    await browser.sign_in()
    assert shows(browser, APP)
    assert session_of(browser) is None, "there is no session before the journey is done"
    secret = secret_on(browser)
    await browser.submit("enrol-submit", code="000000")
    assert browser.page is not None
    assert browser.page.status_code == 400
    assert secret_on(browser) == secret, "who mistypes the code need not scan another picture"
    await browser.submit("enrol-submit", code=code_of(secret, server))
    found = await claims(server, browser)
    assert (found["amr"], found["acr"]) == ({"pwd", "otp", "mfa"}, OTP)
    [event] = await server.audit("credential_added")
    assert (event["kind"], event["sub"]) == ("totp", found["sub"])


@pytest.mark.requirement("VEN-P-7")
async def test_who_has_an_app_is_asked_for_its_code(server: Running) -> None:
    secret = await with_totp(server)
    # Whatever the journey is: also where nobody asks for it.
    for service in ({"service": "password-totp"}, {}, {"service": "password"}):
        browser = await ask(server, **service)
        await browser.sign_in()
        assert shows(browser, CODE)
        assert "alice" in (browser.page.text if browser.page else "")
        await browser.submit("code-submit", code=" ".join(code_of(secret, server)))
        assert (await claims(server, browser))["amr"] == {"pwd", "otp", "mfa"}
        server.clock.advance(30)
    other = await ask(server)
    await other.sign_in("bob", "bob-password")
    assert at(other, "consent")


async def test_a_code_of_the_step_before_or_after_is_right_and_no_other(server: Running) -> None:
    secret = await with_totp(server)
    server.clock.advance(300)
    for steps, right in ((-2, False), (2, False), (-1, True), (1, True), (0, False)):
        browser = await ask(server)
        await browser.sign_in()
        await browser.submit("code-submit", code=code_of(secret, server, steps))
        # The present code is older than the last one that was used, so it is used up with it.
        assert at(browser, "consent") is right, steps


async def test_another_account_or_none(server: Running) -> None:
    await with_totp(server)
    browser = await ask(server)
    await browser.sign_in()
    page = str(browser.page.url) if browser.page else ""
    assert shows(await browser.open(page), CODE), "a reload shows the same step"
    await browser.submit("login-restart")
    assert shows(browser, "Sign in")
    await browser.sign_in("bob", "bob-password")
    assert at(browser, "consent")
    browser = await ask(server)
    await (await browser.sign_in()).submit("login-cancel")
    assert browser.answer["error"] == "access_denied"


async def test_the_first_factor_is_good_for_ten_minutes(server: Running) -> None:
    secret = await with_totp(server)
    browser = await ask(server)
    await browser.sign_in()
    server.clock.advance(601)
    await browser.submit("code-submit", code=code_of(secret, server))
    assert shows(browser, "Sign in")
    assert session_of(browser) is None


# --- Passkeys ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "kind"),
    [(PRESENT | VERIFIED, "hwk"), (PRESENT | VERIFIED | ELIGIBLE | BACKED_UP, "swk")],
    ids=["of-one-device", "synchronised"],
)
async def test_sign_in_with_a_passkey(server: Running, flags: int, kind: str) -> None:
    authenticator = await with_passkey(server, flags=flags)
    browser = await ask(server)
    found = passkey_form(browser)
    assert found is not None
    assert (found[0].get("allowCredentials", []), found[0]["userVerification"]) == ([], "required")
    assert found[0]["rpId"] == "localhost"
    await press(browser, authenticator)
    signed_in = await claims(server, browser)
    assert (signed_in["amr"], signed_in["acr"]) == ({kind, "pop", "user", "mfa"}, KEY)
    # The password alone is still a way in; who has a passkey is not locked out where it is not at hand.
    other = await ask(server)
    await other.sign_in()
    assert (await claims(server, other))["amr"] == {"pwd"}


async def test_a_passkey_as_second_factor_is_one_of_the_users(server: Running) -> None:
    authenticator = await with_passkey(server)
    strange = await with_passkey(server, "bob")
    browser = await ask(server, service="with-passkey")
    await browser.sign_in()
    assert shows(browser, KEY_PAGE)
    found = passkey_form(browser)
    assert found is not None
    assert len(found[0]["allowCredentials"]) == 1
    page = browser.page
    await press(browser, strange)
    assert shows(browser, "Sign in"), "somebody else's passkey begins somebody else's sign-in"
    assert session_of(browser) is None
    browser.page = page
    browser = await ask(server, service="with-passkey")
    await (await press(await browser.sign_in(), authenticator)).allow()
    assert (await claims(server, browser))["amr"] == {"pwd", "hwk", "pop", "user", "mfa"}


async def test_a_journey_of_passkeys_alone(server: Running) -> None:
    authenticator = await with_passkey(server)
    browser = await ask(server, service="passkey")
    assert shows(browser, KEY_PAGE)
    assert 'name="password"' not in (browser.page.text if browser.page else "")
    await press(browser, authenticator)
    assert at(browser, "consent")


async def test_where_there_can_be_no_passkeys_there_is_no_button() -> None:
    from pushgate.testing import running
    from tests.support.factors import WITH_LEVELS

    async with running(WITH_LEVELS, base_url="http://127.0.0.1:8080") as server:
        browser = await ask(server)
        assert passkey_form(browser) is None
        assert at(browser, "login")
        told_by(await ask(server, service="passkey"), REQUEST, "unmet_authentication_requirements",
                "authorize.acr_unmet")  # fmt: skip


# --- Step-up of a running session ---------------------------------------------------------------------------------


@pytest.mark.requirement("STEP-5-1", "VEN-P-7")
@pytest.mark.parametrize("level", [MFA, OTP])
async def test_a_session_that_lacks_a_factor_is_asked_for_it_alone(server: Running, level: str) -> None:
    secret = await with_totp(server)
    await server.apply("realms: [{name: default, step_up: true}]")
    browser = await answered(server)  # stops at the code
    await browser.submit("code-submit", code=code_of(secret, server))
    await browser.allow()
    await downgrade(server)
    before = session_of(browser)
    server.clock.advance(3_600)
    await ask(server, browser, acr_values=level)
    assert shows(browser, CODE), "the password is not asked for again"
    await browser.submit("code-submit", code=code_of(secret, server))
    found = await claims(server, browser)
    assert (found["acr"], found["auth_time"]) == (level, int(server.clock()) - 3_600), "the password is that old"
    assert found["amr"] == {"pwd", "otp", "mfa"}
    assert session_of(browser) not in (None, before), "more rights, a new cookie"
    # And from now on nothing is asked for.
    await ask(server, browser, acr_values=level, prompt="none")
    assert "code" in browser.answer


async def downgrade(server: Running) -> None:
    """Every session was begun with the password alone."""
    import msgspec

    from pushgate.model import Session
    from pushgate.store.durable import tables as t
    from pushgate.store.durable.configuration import pack, unpack

    def work(c: Any) -> None:
        for row in c.execute(t.sessions.select()).all():
            session = unpack(row.data, Session)
            less = msgspec.structs.replace(session, amr=("pwd",), methods={"pwd": session.authenticated_at})
            c.execute(t.sessions.update().where(t.sessions.c.digest == row.digest).values(data=pack(less)))

    await server.engine.write(work)


@pytest.mark.requirement("STEP-5-1")
async def test_a_factor_is_not_enrolled_on_an_old_sign_in(server: Running) -> None:
    await server.apply("realms: [{name: default, step_up: true}]")
    browser = await answered(server)
    server.clock.advance(601)
    await ask(server, browser, acr_values=OTP)
    assert shows(browser, "Sign in again")
    await browser.sign_in()
    assert shows(browser, APP)
    await browser.submit("enrol-submit", code=code_of(secret_on(browser), server))
    assert (await claims(server, browser))["acr"] == OTP


@pytest.mark.requirement("OIDC-5.5.1.1-2", "STEP-5-2")
async def test_a_wish_makes_nobody_enrol_anything(server: Running) -> None:
    browser = await ask(server, acr_values=OTP)
    await browser.sign_in()
    assert at(browser, "consent")
    assert (await claims(server, browser))["acr"] == "urn:level:basic"
    # Nor is it asked for again and again, nor anything of a session.
    assert "code" in (await ask(server, browser, acr_values=OTP)).answer
    assert "code" in (await ask(server, browser, acr_values=f"{SMART_CARD} {KEY}", prompt="none")).answer


@pytest.mark.requirement("STEP-5-2")
async def test_a_level_that_no_page_reaches(server: Running) -> None:
    await server.apply("realms: [{name: default, step_up: true}]")
    request = but(REQUEST, acr_values=SMART_CARD)
    told(await ask(server, acr_values=SMART_CARD), request, "unmet_authentication_requirements", "authorize.acr_unmet")


@pytest.mark.requirement("OIDC-3.1.2.1-7", "OIDC-3.1.2.1-10")
@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"max_age": "60"}, {"max_age": "0"}])
async def test_what_has_to_be_fresh_is_the_whole_journey(server: Running, changes: dict[str, str]) -> None:
    secret = await with_totp(server)
    browser = await answered(server)
    await browser.submit("code-submit", code=code_of(secret, server))
    await browser.allow()
    server.clock.advance(120)
    await ask(server, browser, **changes)
    await browser.sign_in()
    assert shows(browser, CODE), "the code of before is not fresh either"
    await browser.submit("code-submit", code=code_of(secret, server))
    assert (await claims(server, browser))["auth_time"] == int(server.clock())


async def test_the_session_lives_from_the_password_not_from_the_code(server: Running) -> None:
    await server.apply("realms: [{name: default, step_up: true, lifetimes: {session: 1000}}]")
    secret = await with_totp(server)
    browser = await answered(server)
    await browser.submit("code-submit", code=code_of(secret, server))
    await browser.allow()
    await downgrade(server)
    server.clock.advance(900)
    await ask(server, browser, acr_values=MFA)
    await browser.submit("code-submit", code=code_of(secret, server))
    assert "code" in browser.answer
    server.clock.advance(101)
    assert shows(await ask(server, browser), "Sign in")


async def test_somebody_else_may_sign_in_in_place_of_a_step_up(server: Running) -> None:
    await server.apply("realms: [{name: default, step_up: true}]")
    browser = await answered(server)
    before = session_of(browser)
    await ask(server, browser, acr_values=OTP)
    await browser.submit("login-restart")
    assert shows(browser, "Sign in")
    assert ("username", "") in browser.form().fields
    assert session_of(browser) == before, "whoever does not sign in takes nothing away"
    await browser.sign_in("bob", "bob-password")
    assert shows(browser, APP)
    await browser.submit("enrol-submit", code=code_of(secret_on(browser), server))
    [_, bob] = await server.management.accounts("default").users()
    assert (await claims(server, browser))["sub"] == bob.sub


# --- Policy -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["realm", "client"])
async def test_realm_and_client_have_a_journey_of_their_own(server: Running, where: str) -> None:
    browser = await answered(server)
    if where == "realm":
        await server.apply("realms: [{name: default, default_journey: password-totp}]")
    else:
        await server.apply(f"""
realms:
  - name: default
    clients:
      - {{client_id: app, client_secret: app-secret-of-at-least-22-characters, redirect_uris: ["{REDIRECT}"],
          scope: openid email, default_journey: password-totp}}
""")
    # The session of before is not enough any more.
    assert shows(await ask(server, browser), APP)
    await ask(server, browser, prompt="none")
    assert browser.answer["error"] == "login_required"


@pytest.mark.parametrize(
    ("realm", "field"),
    [
        ({"journeys": [{"name": "two words", "ways": [["password"]]}]}, "journeys[0].name"),
        ({"journeys": [{"name": "password", "ways": [["passkey"]]}]}, "journeys[0].name"),
        ({"journeys": [{"name": "j", "ways": []}]}, "journeys[0].ways"),
        ({"journeys": [{"name": "j", "ways": [[]]}]}, "journeys[0].ways"),
        ({"journeys": [{"name": "j", "ways": [["totp"]]}]}, "journeys[0].ways"),
        ({"journeys": [{"name": "j", "ways": [["password", "password"]]}]}, "journeys[0].ways"),
        ({"journeys": [{"name": "j", "ways": [["sms"]]}]}, "journeys[0].ways"),
        ({"default_journey": "nobody"}, "default_journey"),
        (
            {"clients": [{"client_id": "x", "redirect_uris": [REDIRECT], "default_journey": "nobody"}]},
            "default_journey",
        ),
    ],
)
async def test_journeys_that_cannot_be(server: Running, realm: dict[str, Any], field: str) -> None:
    with pytest.raises(BadManifest) as refusal:
        await server.apply(json.dumps({"realms": [{"name": "default", **realm}]}))
    assert field in str(refusal.value)


@pytest.mark.requirement("VEN-P-7")
@pytest.mark.parametrize("service", ["nobody", "Password", "password ", "{}"])
async def test_a_journey_that_nobody_knows(server: Running, service: str) -> None:
    request = but(REQUEST, service=service)
    refused(await post_as(server, "app", "/oauth2/par", request), 400, "invalid_request", "request.service")
    told(await ask(server, service=service), request, "invalid_request", "request.service")


async def test_a_journey_that_is_gone_is_not_replaced_by_an_easier_one(server: Running) -> None:
    await server.apply("realms: [{name: default, journeys: [{name: own, ways: [[password, totp]]}]}]")
    await server.apply(f"""
realms:
  - name: default
    clients:
      - {{client_id: app, client_secret: app-secret-of-at-least-22-characters, redirect_uris: ["{REDIRECT}"],
          scope: openid email, default_journey: own}}
""")
    await server.apply("realms: [{name: default, journeys: []}]")
    told(await ask(server), REQUEST, "unmet_authentication_requirements", "authorize.acr_unmet")


# --- login_hint ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("VEN-P-6", "OIDC-3.1.2.1-12")
@pytest.mark.parametrize(
    ("hint", "username"),
    [
        ("bob", "bob"),
        ('{"realm": "local", "username": "bob"}', "bob"),
        (' {"username": "b\\u00f6b"}', "böb"),
        ('{"realm": "local", "username": "\\"><script>"}', '"><script>'),
        ("[1]", "[1]"),
    ],
)
async def test_a_hint_fills_in_the_name(server: Running, hint: str, username: str) -> None:
    reply = await post_as(server, "app", "/oauth2/par", but(REQUEST, login_hint=hint))
    assert reply.status_code == 201
    for browser in (
        await ask(server, login_hint=hint),
        await server.browser().open("/oauth2/authorize", params={"client_id": "app", **reply.json()}),
    ):
        assert ("username", username) in browser.form().fields


@pytest.mark.requirement("VEN-P-6")
@pytest.mark.parametrize(
    "hint",
    [
        "{",
        "{}",
        '{"realm": "local"}',
        '{"username": 1}',
        '{"username": null, "realm": "local"}',
        '{"realm": "elsewhere", "username": "bob"}',
        '{"realm": null, "username": "bob"}',
        '{"username": "bob", "more": 1}',
        '{"username": "bob"} trailing',
        '{"username":' * 3000,
    ],
)
async def test_a_hint_that_is_not_understood(server: Running, hint: str) -> None:
    request = but(REQUEST, login_hint=hint)
    refused(await post_as(server, "app", "/oauth2/par", request), 400, "invalid_request", "request.login_hint")
    if len(hint) < 1000:
        told(await ask(server, login_hint=hint), request, "invalid_request", "request.login_hint")
