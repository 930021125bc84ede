"""The sign-out page, in a real browser."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.visitor import SCRIPTS, Arrive, Visitor

SESSION = "pushgate-session-default"


@SCRIPTS
def test_signing_out_ends_the_session(arrive: Arrive, scripts: bool) -> None:
    person = arrive(java_script_enabled=scripts)
    person.complete()
    kept = [cookie for cookie in person.context.cookies() if cookie["name"] == SESSION]
    assert len(kept) == 1
    person.page.goto(f"{person.live.url}/oauth2/logout")
    person.sees("Do you want to sign out?")
    expect(person.main).to_contain_text("You are signed in as alice.")
    person.shot("logout")
    person.press("Sign out")
    person.sees("You are signed out")
    person.shot("signed-out")
    assert SESSION not in {cookie["name"] for cookie in person.context.cookies()}

    person.start(prompt=None)
    person.sees_login()
    person.context.add_cookies([{k: kept[0][k] for k in ("name", "value", "domain", "path")}])  # type: ignore[list-item]
    person.start(prompt=None)
    person.sees_login()


def test_after_signing_out_nothing_can_be_looked_up_again(person: Visitor) -> None:
    person.complete()
    person.page.goto(f"{person.live.url}/oauth2/logout")
    person.press("Sign out")
    person.sees("You are signed out")
    person.page.go_back()
    person.sees("You are already signed out")
    person.page.reload()
    person.sees("You are already signed out")


def test_reloading_the_last_page_is_harmless(person: Visitor) -> None:
    person.complete()
    person.page.goto(f"{person.live.url}/oauth2/logout")
    person.press("Sign out")
    person.sees("You are signed out")
    person.page.reload()
    person.sees("You are already signed out")


def test_who_never_signed_in_is_told_so(person: Visitor) -> None:
    person.page.goto(f"{person.live.url}/oauth2/logout")
    person.sees("You are already signed out")
    person.shot("already-signed-out")
