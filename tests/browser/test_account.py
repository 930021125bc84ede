"""The account page, in a real browser: what a person finds there, takes back, ends, changes and sets up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pyotp
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.test_layout import PALE, SMALL, WIDTHS, wordy_redirect
from tests.browser.visitor import SCRIPTS, Arrive, Visitor
from tests.support.live import Live, serving
from tests.support.manifests import APP, APP_SECRET, MANIFEST

NEW = "correct horse battery staple"
PEOPLE = ("carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "olivia", "peggy", "trent")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with a name, which passkeys need, and with a person for each test."""
    people = "".join(f"      - {{username: {name}, password: {name}-password}}\n" for name in PEOPLE)
    manifest = MANIFEST.replace(
        "        redirect_uris: [https://app.example/callback]",
        "        redirect_uris: [https://app.example/callback]\n        initiate_login_uri: https://app.example/start",
    )
    with serving(tmp_path_factory.mktemp("live"), manifest + people, host="localhost") as found:
        yield found


def account(person: Visitor, username: str | None = None) -> None:
    """Go to the account page, and sign in first where a name is given."""
    person.page.goto(f"{person.live.url}/oauth2/account")
    if username is not None:
        person.sees_login()
        person.sign_in(username)
    person.sees("Your account")


def allowed(person: Visitor, username: str, **changes: str | None) -> dict[str, Any]:
    """Let the application use the account; its tokens."""
    person.start(**changes)
    person.sign_in(username)
    person.press("Allow")
    return person.redeem(person.answer()["code"])


def follow(person: Visitor, link: str) -> None:
    """Follow the link with this text."""
    person.page.get_by_role("link", name=link, exact=True).click()


def entry(person: Visitor, text: str) -> Locator:
    """The entry that says this."""
    return person.page.get_by_role("listitem").filter(has_text=text).first


def done(person: Visitor, text: str) -> None:
    """The page says what was done."""
    expect(person.page.get_by_role("status")).to_have_text(text)


def unfold(person: Visitor, summary: str) -> None:
    """Unfold what this line stands above."""
    person.page.locator("summary", has_text=summary).first.click()


def userinfo(person: Visitor, tokens: dict[str, Any]) -> int:
    """What the access token is worth."""
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    return httpx.get(f"{person.live.url}/oauth2/userinfo", headers=bearer).status_code


def refreshed(person: Visitor, tokens: dict[str, Any]) -> int:
    """What the refresh token is worth."""
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    return httpx.post(f"{person.live.url}/oauth2/token", auth=APP, data=form).status_code


@contextmanager
def authenticator(person: Visitor) -> Iterator[Callable[[], int]]:
    """A device that makes passkeys and knows its user; how many it has."""
    devtools = person.context.new_cdp_session(person.page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    device = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    name = {"authenticatorId": device["authenticatorId"]}
    yield lambda: len(devtools.send("WebAuthn.getCredentials", name)["credentials"])
    devtools.send("WebAuthn.removeVirtualAuthenticator", name)
    devtools.send("WebAuthn.disable")


@SCRIPTS
def test_an_application_loses_its_access(arrive: Arrive, scripts: bool) -> None:
    username = "carol" if scripts else "dave"
    person = arrive(java_script_enabled=scripts)
    tokens = allowed(person, username)
    account(person)
    application = entry(person, "The App")
    expect(application).to_contain_text("app.example")
    expect(application).to_contain_text("Your email address")
    expect(application.get_by_role("link")).to_have_attribute(
        "href", f"https://app.example/start?iss={httpx.QueryParams({'i': person.live.url})!s}".replace("iss=i=", "iss=")
    )
    assert userinfo(person, tokens) == 200
    unfold(person, "Remove access")
    person.press("Remove access")
    done(person, "The application can no longer use your account.")
    expect(person.main).to_contain_text("None so far.")
    assert (userinfo(person, tokens), refreshed(person, tokens)) == (401, 400)


def test_another_browser_is_signed_out(arrive: Arrive) -> None:
    here, there = arrive(), arrive()
    account(there, "erin")
    account(here, "erin")
    expect(entry(here, "This browser")).to_contain_text("Chrome, Linux")
    here.page.get_by_role("button", name="Sign out: Chrome, Linux").click()
    done(here, "That browser is signed out.")
    there.page.reload()
    there.sees_login()


@SCRIPTS
def test_everybody_else_is_signed_out(arrive: Arrive, scripts: bool) -> None:
    username = "frank" if scripts else "grace"
    here, others = arrive(java_script_enabled=scripts), [arrive(), arrive()]
    for browser in (*others, here):
        account(browser, username)
    here.press("Sign out everywhere else")
    done(here, "All other browsers are signed out.")
    for other in others:
        other.page.reload()
        other.sees_login()
    here.page.reload()
    here.sees("Your account")


def test_a_password_is_changed(arrive: Arrive) -> None:
    person, other = arrive(), arrive()
    tokens = allowed(person, "heidi")
    account(other, "heidi")
    account(person)
    follow(person, "Change password")
    person.sees("Change password")
    person.shot("password")
    for current, new, problem in (
        ("wrong", NEW, "That is not your current password."),
        ("heidi-password", "too short", "Please choose a password of at least 12 characters."),
    ):
        person.page.get_by_label("Current password").fill(current)
        person.page.get_by_label("New password", exact=True).fill(new)
        person.page.get_by_label("New password again").fill(new)
        person.press("Change password")
        expect(person.page.get_by_role("alert")).to_contain_text(problem)
    person.shot("password-error")
    person.page.get_by_label("Current password").fill("heidi-password")
    person.page.get_by_label("New password", exact=True).fill(NEW)
    person.page.get_by_label("New password again").fill(NEW)
    person.press("Change password")
    done(person, "Your password is changed. Other browsers are signed out.")
    assert refreshed(person, tokens) == 400
    other.page.reload()
    other.sees_login()
    other.sign_in("heidi")
    expect(other.page.get_by_role("alert")).to_be_visible()
    other.sign_in("heidi", NEW)
    other.sees("Your account")


@SCRIPTS
def test_an_authenticator_app_is_set_up_renamed_and_removed(arrive: Arrive, scripts: bool) -> None:
    username = "ivan" if scripts else "judy"
    person = arrive(java_script_enabled=scripts)
    account(person, username)
    follow(person, "Set up an authenticator app")
    person.sees("Set up an authenticator app")
    person.shot("totp")
    secret = person.page.locator("#totp-secret").inner_text().replace(" ", "")
    person.page.get_by_label("Six-digit code").fill("000000")
    person.press("Turn on")
    expect(person.page.get_by_role("alert")).to_contain_text("That code is not right")
    person.page.get_by_label("Six-digit code").fill(pyotp.TOTP(secret).now())
    person.press("Turn on")
    done(person, "The authenticator app is set up.")
    unfold(person, "Rename or remove")
    person.page.get_by_label("Name", exact=True).fill("My old phone")
    person.press("Save name")
    done(person, "The name is changed.")
    expect(entry(person, "My old phone")).to_be_visible()
    unfold(person, "Rename or remove")
    person.press("Remove")
    done(person, "It is removed and no longer signs anybody in.")
    expect(person.main).not_to_contain_text("My old phone")


def test_a_passkey_is_made(person: Visitor) -> None:
    account(person, "mallory")
    with authenticator(person) as passkeys:
        follow(person, "Add a passkey")
        person.sees("Add a passkey")
        person.shot("passkey")
        person.page.get_by_label("A name for it").fill("Laptop")
        person.press("Make a passkey")
        done(person, "The passkey is ready to use.")
        expect(entry(person, "Laptop")).to_contain_text("Passkey")
        assert passkeys() == 1
        # The same device is not asked for a second one.
        follow(person, "Add a passkey")
        person.press("Make a passkey")
        expect(person.page.get_by_role("alert")).to_contain_text("That did not work.")
        person.shot("passkey-failed")
        assert passkeys() == 1


def test_without_scripts_the_page_says_why_there_is_no_passkey(arrive: Arrive) -> None:
    person = arrive(java_script_enabled=False)
    account(person, "olivia")
    follow(person, "Add a passkey")
    expect(person.main).to_contain_text("Passkeys need JavaScript, and a browser that knows them.")
    person.shot("passkey-without-scripts")
    person.press("Cancel")
    person.sees("Your account")


# --- How it looks ---------------------------------------------------------------------------------------------


def empty(person: Visitor) -> None:
    account(person, "peggy")


def full(person: Visitor, username: str = "alice") -> None:
    """Applications with short and endless names, two browsers, two credentials, everything unfolded."""
    everything = "openid profile email address phone write"
    form = {"response_type": "code", "redirect_uri": wordy_redirect(), "scope": everything, "prompt": "consent"}
    reply = httpx.post(f"{person.live.url}/oauth2/par", auth=("wordy", APP_SECRET), data=form)
    query = httpx.QueryParams(client_id="wordy", request_uri=reply.json()["request_uri"])
    person.page.goto(f"{person.live.url}/oauth2/authorize?{query}")
    person.sign_in(username)
    person.press("Allow")
    person.sees("Welcome back")
    person.watch.strangers.clear()  # it is a client, too
    details = '[{"type":"payment","amount":%d}]'
    for amount in range(7):
        person.start(authorization_details=details % amount, scope="openid profile email write read")
        person.press("Allow")
        person.answer()
    account(person)
    follow(person, "Set up an authenticator app")
    secret = person.page.locator("#totp-secret").text_content() or ""
    person.page.get_by_label("Six-digit code").fill(pyotp.TOTP(secret.replace(" ", "")).now())
    person.press("Turn on")
    with authenticator(person):
        follow(person, "Add a passkey")
        person.page.get_by_label("A name for it").fill("Donaudampfschifffahrtsgesellschaftskapitaen" + "s" * 17)
        person.press("Make a passkey")
        done(person, "The passkey is ready to use.")


def unfolded(person: Visitor) -> None:
    full(person, "bob")
    person.page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true })")


def password(person: Visitor) -> None:
    account(person, "trent")
    follow(person, "Change password")
    person.press("Change password")


def totp(person: Visitor) -> None:
    account(person, "trent")
    follow(person, "Set up an authenticator app")


def passkey(person: Visitor) -> None:
    account(person, "trent")
    follow(person, "Add a passkey")


@pytest.mark.parametrize("bring_up", [empty, full, unfolded, password, totp, passkey], ids=lambda page: page.__name__)
def test_a_page_of_the_account_fits_and_can_be_read(person: Visitor, bring_up: Callable[[Visitor], None]) -> None:
    bring_up(person)
    for width in WIDTHS:
        person.page.set_viewport_size({"width": width, "height": 740})
        for scheme in ("light", "dark"):
            person.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            person.shot(f"{bring_up.__name__}-{scheme}-{width}")
            wide = person.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
            assert wide[0] <= wide[1], f"{scheme}, {width}: scrolls sideways, {wide}"
            assert person.page.evaluate(PALE) == [], f"{scheme}, {width}"
            assert person.page.evaluate(SMALL) == [], f"{scheme}, {width}"
    expect(person.page.get_by_role("heading", level=1)).to_have_count(1)
    ids = person.page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
