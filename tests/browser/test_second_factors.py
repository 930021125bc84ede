"""Passkeys with an authenticator that Chromium simulates, and authenticator apps with and without scripts."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyotp
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from playwright.sync_api import Browser, expect

from tests.browser.relying_party import RelyingParty
from tests.browser.test_layout import PALE, SMALL, WIDTHS
from tests.browser.visitor import SCRIPTS, Arrive, Visitor, Watch
from tests.support.factors import MFA, OTP, WITH_LEVELS
from tests.support.live import Live, free_port, serving

USERS = "".join(f"      - {{username: user-{n}, password: user-{n}-password}}\n" for n in range(30))
OWN = "    journeys: [{name: with-passkey, ways: [[password, passkey]]}]\n    step_up: true\n"
REALM = WITH_LEVELS.replace("    rates:", OWN + "    rates:", 1).replace("    users:\n", "    users:\n" + USERS, 1)
_numbers = iter(range(30))


@pytest.fixture(scope="package")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that is reached by a name: there are no passkeys for IP addresses."""
    port = free_port()
    url = f"http://localhost:{port}"
    with serving(tmp_path_factory.mktemp("named"), REALM, port=port, PUSHGATE_BASE_URL=url) as found:
        yield replace(found, url=url)


@pytest.fixture
def arrive(chromium: Browser, client: RelyingParty, named: Live, tmp_path: Path) -> Iterator[Arrive]:
    """As in conftest, at that server."""
    client.arrivals.clear()
    contexts = []
    watch = Watch(named)

    def arrival(**options: Any) -> Visitor:
        context = chromium.new_context(**options)
        contexts.append(context)
        watch.on(context)
        return Visitor(named, client, context, context.new_page(), watch, tmp_path)

    yield arrival
    for context in contexts:
        context.close()
    assert not watch.strangers
    assert not watch.complaints
    assert not watch.unprotected


@pytest.fixture
def user() -> str:
    """A user whom no other test knows."""
    return f"user-{next(_numbers)}"


class Device:
    """The authenticator of a browser."""

    def __init__(self, person: Visitor) -> None:
        self.cdp = person.context.new_cdp_session(person.page)
        self.cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
            "isUserVerified": True, "automaticPresenceSimulation": True,
        }  # fmt: skip
        self.id = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def recognises(self, yes: bool) -> None:
        """Whether it recognises its user."""
        self.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": yes})


def claims(person: Visitor) -> dict[str, Any]:
    """The ID Token's claims, at the end; agrees on the way if asked."""
    if "/consent/" in person.page.url:
        person.press("Allow")
    token = person.redeem(person.answer()["code"])["id_token"]
    keys = KeySet.import_key_set(person.page.request.get(f"{person.live.url}/oauth2/jwks").json())
    return dict(jwt.decode(token, keys, algorithms=["RS256"]).claims)


def secret_of(person: Visitor) -> str:
    """The key that the page shows as text."""
    return person.page.locator("#totp-secret").inner_text().replace(" ", "")


def enrol_app(person: Visitor, user: str) -> str:
    """Set up an app in a sign-in."""
    person.start(service="password-totp")
    person.sign_in(user)
    person.sees("Set up an authenticator app")
    secret = secret_of(person)
    person.page.get_by_label("Six-digit code").fill(pyotp.TOTP(secret).now())
    person.press("Continue")
    person.sees_consent()
    return secret


@pytest.mark.requirement("VEN-P-7")
def test_create_a_passkey_and_sign_in_with_it(arrive: Arrive, user: str) -> None:
    person = arrive()
    Device(person)
    person.start(service="with-passkey")
    person.sign_in(user)
    person.sees("Create a passkey")
    person.press("Create a passkey")
    person.sees_consent()
    assert {"pwd", "pop", "user", "mfa"} < set(claims(person)["amr"])

    person.context.clear_cookies()
    person.start()
    person.sees_login()
    person.press("Use a passkey")
    person.sees_consent()
    expect(person.main).to_contain_text(user)
    found = claims(person)
    assert "pwd" not in found["amr"]
    assert {"pop", "user", "mfa"} < set(found["amr"])


def test_a_passkey_whose_user_is_not_recognised(arrive: Arrive, user: str) -> None:
    person = arrive()
    device = Device(person)
    person.start(service="with-passkey")
    person.sign_in(user)
    person.press("Create a passkey")
    person.sees_consent()
    person.context.clear_cookies()
    device.recognises(False)
    person.start()
    person.press("Use a passkey")
    expect(person.page.get_by_role("alert")).to_have_text("That did not work. Please try again, or choose another way.")
    # The button can be pressed again, and the password is a way in as before.
    device.recognises(True)
    person.press("Use a passkey")
    person.sees_consent()


def test_without_scripts_there_is_no_passkey_button(arrive: Arrive) -> None:
    person = arrive(java_script_enabled=False)
    person.start()
    person.sees_login()
    expect(person.page.get_by_text("Use a passkey")).to_be_hidden()
    expect(person.page.get_by_role("button")).to_have_text(["Sign in", "Cancel"])
    person.start(service="passkey")
    expect(person.page.get_by_text("Passkeys need JavaScript")).to_be_visible()
    scripted = arrive()
    scripted.start(service="passkey")
    expect(scripted.page.get_by_role("button", name="Use a passkey")).to_be_visible()
    expect(scripted.page.get_by_text("Passkeys need JavaScript")).to_be_hidden()


@SCRIPTS
def test_set_up_an_app_and_sign_in_with_its_code(arrive: Arrive, user: str, scripts: bool) -> None:
    person = arrive(java_script_enabled=scripts)
    secret = enrol_app(person, user)
    assert set(claims(person)["amr"]) == {"pwd", "otp", "mfa"}

    person.context.clear_cookies()
    person.start()
    person.sign_in(user)
    person.sees("Enter a code")
    field = person.page.get_by_label("Six-digit code")
    expect(field).to_be_focused()
    field.fill("000000")
    person.page.keyboard.press("Enter")
    expect(person.page.get_by_role("alert")).to_contain_text("That code is not right")
    expect(field).to_have_accessible_description(re.compile("That code is not right"))
    # The code of the present step may be the one that set the app up; the next one is not.
    field.fill(pyotp.TOTP(secret).at(int(time.time()) + 30))
    person.press("Continue")
    person.sees_consent()


@pytest.mark.requirement("STEP-5-1")
def test_a_session_that_is_not_enough_is_raised(arrive: Arrive, user: str) -> None:
    person = arrive()
    person.start()
    person.sign_in(user)
    assert claims(person)["amr"] == ["pwd"]
    before = {c["name"]: c["value"] for c in person.context.cookies()}
    person.start(acr_values=OTP)
    person.sees("Set up an authenticator app")
    person.page.get_by_label("Six-digit code").fill(pyotp.TOTP(secret_of(person)).now())
    person.press("Continue")
    person.sees_consent()
    found = claims(person)
    assert (found["acr"], set(found["amr"])) == (OTP, {"pwd", "otp", "mfa"})
    after = {c["name"]: c["value"] for c in person.context.cookies()}
    assert after["pushgate-session-default"] != before["pushgate-session-default"]
    person.start(acr_values=MFA)
    person.sees_consent()


@SCRIPTS
@pytest.mark.requirement("OIDC-3.1.2.1-8")
def test_choose_between_accounts(arrive: Arrive, user: str, scripts: bool) -> None:
    person = arrive(java_script_enabled=scripts)
    person.complete(user)
    person.start(prompt="select_account")
    person.sees("Choose an account")
    person.press(f"Continue as {user}")
    assert "code" in person.answer()
    person.start(prompt="select_account")
    person.press("Use another account")
    person.sign_in("alice")
    person.sees_consent()
    expect(person.main).to_contain_text("alice")


def page_login(person: Visitor, user: str) -> None:
    person.start()


def page_code(person: Visitor, user: str) -> None:
    enrol_app(person, user)
    person.context.clear_cookies()
    person.start()
    person.sign_in(user)
    person.page.get_by_label("Six-digit code").fill("000000")
    person.press("Continue")
    expect(person.page.get_by_role("alert")).to_be_visible()


def page_app(person: Visitor, user: str) -> None:
    person.start(service="password-totp")
    person.sign_in(user)
    person.sees("Set up an authenticator app")


def page_passkey(person: Visitor, user: str) -> None:
    person.start(service="passkey")
    person.sees("Use your passkey")


def page_new_passkey(person: Visitor, user: str) -> None:
    person.start(service="with-passkey")
    person.sign_in(user)
    person.sees("Create a passkey")


def page_select(person: Visitor, user: str) -> None:
    person.complete(user)
    person.start(prompt="select_account")
    person.sees("Choose an account")


PAGES = {
    "login": page_login,
    "code": page_code,
    "app": page_app,
    "passkey": page_passkey,
    "new-passkey": page_new_passkey,
    "select": page_select,
}


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_the_pages_can_be_read_everywhere(arrive: Arrive, user: str, name: str, colours: str) -> None:
    person = arrive(color_scheme=colours)
    Device(person)
    PAGES[name](person, user)
    for width in WIDTHS:
        person.page.set_viewport_size({"width": width, "height": 800})
        person.shot(f"{name}-{colours}-{width}")
        assert person.page.evaluate("document.documentElement.scrollWidth") <= width
        assert person.page.evaluate(PALE) == []
        assert person.page.evaluate(SMALL) == []
