"""The login page as people meet it: mistakes, screen readers, keyboards."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import SCRIPTS, Arrive, Visitor

WRONG = "That username and password do not match. Please try again."


@SCRIPTS
def test_a_wrong_password_is_said_aloud_and_can_be_corrected(arrive: Arrive, scripts: bool) -> None:
    person = arrive(java_script_enabled=scripts)
    person.start()
    person.sign_in("alice", "not-her-password")
    person.sees_login()
    expect(person.page.get_by_role("alert")).to_have_text(WRONG)
    expect(person.page).to_have_title("Error: Sign in – Pushgate")
    username, password = person.page.get_by_label("Username"), person.page.get_by_label("Password")
    for field in (username, password):
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(WRONG)
    expect(username).to_have_value("alice")
    expect(password).to_have_value("")
    expect(password).to_be_focused()
    person.shot("login-error")

    person.sign_in()
    person.sees_consent()


@pytest.mark.parametrize("username", ["nobody", "<b>alice</b>", "' or 1=1 --", "ålice"])
def test_an_unknown_name_looks_like_a_wrong_password(person: Visitor, username: str) -> None:
    person.start()
    person.sign_in(username, "alice-password")
    expect(person.page.get_by_role("alert")).to_have_text(WRONG)
    expect(person.page.get_by_label("Username")).to_have_value(username)


def test_an_empty_form_is_not_even_sent(person: Visitor) -> None:
    person.start()
    posts: list[str] = []
    person.page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    person.press("Sign in")
    person.page.get_by_label("Username").fill("alice")
    person.press("Sign in")
    expect(person.page.get_by_label("Password")).to_be_focused()
    assert posts == []


@pytest.mark.requirement("OIDC-3.1.2.1-12")
def test_a_hint_is_filled_in_as_text(person: Visitor) -> None:
    hint = '"><script>alert(1)</script>'
    person.start(login_hint=hint, ui_locales="xx-YY")
    expect(person.page.locator("html")).to_have_attribute("lang", "en")
    expect(person.page.get_by_label("Username")).to_have_value(hint)
    expect(person.page.get_by_label("Password")).to_be_focused()


def test_a_second_sign_in_says_why(person: Visitor) -> None:
    person.start()
    person.sign_in()
    person.press("Allow")
    person.answer()
    person.start(prompt="login")
    person.sees("Sign in again")
    person.shot("login-again")
    person.sign_in()
    assert set(person.answer()) == {"code"}


def test_password_managers_and_phones_know_the_fields(person: Visitor) -> None:
    person.start()
    username, password = person.page.get_by_label("Username"), person.page.get_by_label("Password")
    expect(username).to_have_attribute("autocomplete", "username")
    expect(username).to_have_attribute("autocapitalize", "none")
    expect(password).to_have_attribute("autocomplete", "current-password")
    expect(password).to_have_attribute("type", "password")
    expect(person.page.locator("html")).to_have_attribute("lang", "en")
    expect(person.page.get_by_role("main")).to_have_count(1)


def test_keyboard_alone_is_enough(person: Visitor) -> None:
    keyboard = person.page.keyboard
    person.start()
    expect(person.page.get_by_label("Username")).to_be_focused()
    keyboard.type("alice")
    keyboard.press("Tab")
    keyboard.type("alice-password")
    person.sees_focus("Password")
    keyboard.press("Tab")
    person.sees_focus("Sign in")
    keyboard.press("Tab")
    person.sees_focus("Cancel")
    keyboard.press("Shift+Tab")
    keyboard.press("Enter")

    person.sees_consent()
    for name in ("Not you? Sign in as someone else", "Your email address", "Allow", "Do not allow"):
        keyboard.press("Tab")
        person.sees_focus(name)
    keyboard.press("Shift+Tab")
    keyboard.press("Enter")
    assert set(person.answer()) == {"code"}


def test_enter_in_the_password_field_signs_in(person: Visitor) -> None:
    person.start()
    person.page.get_by_label("Username").fill("alice")
    person.page.get_by_label("Password").fill("alice-password")
    person.page.keyboard.press("Enter")
    person.sees_consent()


def test_enter_on_a_checkbox_decides_nothing(person: Visitor) -> None:
    person.start()
    person.sign_in()
    box = person.page.get_by_role("checkbox", name="Your email address")
    box.focus()
    person.page.keyboard.press("Enter")
    person.page.keyboard.press("Space")
    expect(box).not_to_be_checked()
    person.sees_consent()
    person.press("Allow")
    assert person.redeem(person.answer()["code"])["scope"] == "openid"
