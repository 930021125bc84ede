"""Reload, the back button, a second tab, a second browser: one pushed request has one answer, and nobody is lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import Arrive, Visitor


@pytest.mark.requirement("PAR-4-3", "FAPI-5.3.2.2-15")
def test_every_page_can_be_reloaded(person: Visitor) -> None:
    url = person.start()
    person.page.reload()
    person.sees_login()
    person.sign_in("alice", "not-her-password")
    expect(person.page.get_by_role("alert")).to_be_visible()
    person.page.reload()
    person.sees_login()
    expect(person.page.get_by_role("alert")).to_be_visible()
    person.page.goto(url)
    person.sees_login()
    person.sign_in()
    person.sees_consent()
    person.page.reload()
    person.sees_consent()
    person.page.goto(url)
    person.sees_consent()
    person.press("Allow")
    assert set(person.answer()) == {"code"}


@pytest.mark.requirement("PAR-4-2")
def test_reloading_the_last_page_gives_no_second_answer(person: Visitor) -> None:
    url = person.start()
    person.sign_in()
    person.press("Allow")
    person.answer()
    person.finds_it_used(url)
    person.page.reload()
    person.sees_used()
    assert len(person.client.arrivals) == 1


def test_back_after_signing_in_goes_on_without_asking_again(person: Visitor) -> None:
    person.start()
    person.sign_in()
    person.sees_consent()
    person.page.go_back()
    person.sees_consent()
    person.press("Allow")
    assert set(person.answer()) == {"code"}


def test_back_after_completion_says_that_it_is_done(person: Visitor) -> None:
    person.start()
    person.sign_in()
    person.press("Allow")
    person.answer()
    person.page.go_back()
    person.sees_used()
    person.shot("back-after-completion")
    person.page.go_back()
    person.sees_used()
    assert len(person.client.arrivals) == 1


def test_back_after_denial_says_that_it_is_done(person: Visitor) -> None:
    person.start()
    person.press("Cancel")
    assert person.answer()["error"] == "access_denied"
    person.page.go_back()
    person.sees_used()


def test_of_two_tabs_one_wins_and_the_other_is_told(person: Visitor) -> None:
    url = person.start()
    other = person.tab()
    other.page.goto(url)
    other.sees_login()
    person.sign_in()
    person.sees_consent()
    other.page.reload()
    other.sees_consent()
    person.press("Allow")
    assert set(person.answer()) == {"code"}
    other.press("Allow")
    other.sees_used()
    assert len(person.client.arrivals) == 1


def test_a_tab_that_waits_at_login_goes_on_when_another_has_signed_in(person: Visitor) -> None:
    person.start()
    other = person.tab()
    other.start()
    other.sign_in()
    other.sees_consent()
    person.sign_in()
    person.sees_consent()
    for tab in (other, person):
        tab.press("Allow")
        assert set(tab.answer()) == {"code"}


def test_what_alice_was_asked_is_not_decided_by_bob(person: Visitor) -> None:
    """A consent page stays open in one tab while somebody else signs in in another."""
    person.start()
    person.sign_in("alice")
    person.sees_consent()
    other = person.tab()
    other.start(prompt="login consent")
    other.sees("Sign in again")
    other.sign_in("bob")
    other.sees_consent()

    person.press("Allow")
    person.sees_consent()
    expect(person.main).to_contain_text("You are signed in as bob.")
    assert person.client.arrivals == []


@pytest.mark.requirement("PAR-4-2", "PAR-4-3")
def test_a_link_scanner_burns_nothing(arrive: Arrive) -> None:
    scanner, person = arrive(), arrive()
    url = scanner.start()
    scanner.sees_login()
    person.page.goto(url)
    person.sign_in()
    person.press("Allow")
    assert set(person.answer()) == {"code"}
    scanner.sign_in()
    scanner.sees_used()


def test_a_page_of_another_browser_is_of_no_use(arrive: Arrive) -> None:
    person, stranger = arrive(), arrive()
    person.start()
    stranger.page.goto(person.page.url)
    stranger.sees_refusal("This cannot go on", "access_denied", "login.other_browser")
    person.sign_in()
    person.sees_consent()


@pytest.mark.parametrize("button", ["login-submit", "consent-allow", "consent-deny"])
def test_pressing_a_button_twice_is_pressing_it_once(person: Visitor, button: str) -> None:
    """The second press comes before the answer to the first, as with a double click over a slow line."""
    person.start()
    if button.startswith("consent"):
        person.sign_in()
        person.sees_consent()
    else:
        person.page.get_by_label("Username").fill("alice")
        person.page.get_by_label("Password").fill("alice-password")
    posts: list[str] = []
    person.page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    twice = "button => { button.click(); setTimeout(() => button.click(), 1) }"
    person.page.locator(f"#{button}").evaluate(twice)
    if button == "login-submit":
        person.sees_consent()
    else:
        assert set(person.answer()) == ({"code"} if button == "consent-allow" else {"error", "error_description"})
    assert len(posts) == 1
