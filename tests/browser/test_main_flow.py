"""The whole way in a real browser: sign in, decide, and arrive at the client, with and without JavaScript."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import SCRIPTS, Arrive, Visitor


@pytest.mark.requirement("PAR-4-1", "BCP-4.12-1", "BCP-4.2.4-1")
@SCRIPTS
def test_from_authorization_url_to_the_client(arrive: Arrive, scripts: bool) -> None:
    person = arrive(java_script_enabled=scripts)
    person.start()
    person.sees_login()
    expect(person.page).to_have_title("Sign in – Pushgate")
    expect(person.main).to_contain_text("The App asks you to sign in.")
    expect(person.main).to_contain_text("You will then go back to app.example.")
    person.shot("login")

    person.sign_in()
    person.sees_consent()
    expect(person.page).to_have_title("Allow access? – Pushgate")
    person.shot("consent")

    person.press("Allow")
    answer = person.answer()
    assert set(answer) == {"code"}
    assert person.redeem(answer["code"])["scope"] == "openid email"


@pytest.mark.requirement("FAPI-5.3.2.2-13")
def test_consent_says_who_wants_what_from_whom(person: Visitor) -> None:
    person.start(scope="openid profile write")
    person.sign_in()
    person.sees_consent()
    expect(person.main).to_contain_text("Your answer will take you back to app.example.")
    expect(person.main).to_contain_text("You are signed in as alice.")
    boxes = person.page.get_by_role("group", name="If you allow it, this application can:").get_by_role("checkbox")
    expect(boxes).to_have_count(3)
    expect(boxes.nth(0)).to_have_accessible_name("Know who you are Required")
    expect(boxes.nth(0)).to_be_disabled()
    expect(boxes.nth(1)).to_have_accessible_name("Your profile")
    expect(boxes.nth(2)).to_have_accessible_name("write")
    expect(boxes.nth(2)).to_have_accessible_description("Access to https://api.example")


def test_only_what_is_ticked_is_granted(person: Visitor) -> None:
    person.start(scope="openid profile email")
    person.sign_in()
    person.page.get_by_role("checkbox", name="Your profile").uncheck()
    person.press("Allow")
    assert person.redeem(person.answer()["code"])["scope"] == "openid email"


@pytest.mark.requirement("OIDC-3.1.2.4-1", "OIDC-3.1.2.1-8")
def test_who_agreed_before_is_asked_again_only_for_more(person: Visitor) -> None:
    person.start(scope="openid")
    person.sign_in("bob")
    person.press("Allow")
    person.answer()

    person.start(scope="openid", prompt=None)
    assert set(person.answer()) == {"code"}

    person.start(scope="openid profile", prompt=None)
    person.sees_consent()

    person.start(scope="openid")
    person.sees_consent()


@SCRIPTS
@pytest.mark.requirement("OA-4.1.2.1-1", "PAR-4-2")
def test_cancel_at_login_is_the_answer_access_denied(arrive: Arrive, scripts: bool) -> None:
    person = arrive(java_script_enabled=scripts)
    url = person.start()
    person.press("Cancel")
    assert person.answer() == {"error": "access_denied", "error_description": "The request was denied."}
    person.finds_it_used(url)


@SCRIPTS
@pytest.mark.requirement("OA-4.1.2.1-1", "PAR-4-2")
def test_refusing_consent_is_the_answer_access_denied(arrive: Arrive, scripts: bool) -> None:
    person = arrive(java_script_enabled=scripts)
    url = person.start()
    person.sign_in()
    person.press("Do not allow")
    assert person.answer() == {"error": "access_denied", "error_description": "The request was denied."}
    person.finds_it_used(url)


def test_somebody_else_can_sign_in_instead(person: Visitor) -> None:
    person.start()
    person.sign_in("alice")
    person.press("Not you? Sign in as someone else")
    person.sees_login()
    person.sign_in("bob")
    person.sees_consent()
    expect(person.main).to_contain_text("You are signed in as bob.")


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(person: Visitor) -> None:
    person.start()
    person.sign_in()
    person.sees_consent()
    cookies = {cookie["name"]: cookie for cookie in person.context.cookies()}
    assert set(cookies) == {"pushgate-browser", "pushgate-session-default", "pushgate-known-default"}
    # That the name was used here before is all that outlasts the browser's session.
    assert cookies.pop("pushgate-known-default")["httpOnly"]
    for cookie in cookies.values():
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Lax"
        assert (cookie["domain"], cookie["path"]) == ("127.0.0.1", "/")
        assert cookie["expires"] == -1
    assert person.page.evaluate("document.cookie") == ""
