"""What pages of other sites can do to a person at this server, and what they cannot."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import CLIENT, Arrive, Visitor
from tests.support.manifests import REQUEST


def form_of(target: str, fields: dict[str, str]) -> str:
    """A page with a form that goes to this server."""
    inputs = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in fields.items())
    form = f'<form method="post" action="{escape(target)}">{inputs}<button>Go</button></form>'
    return f"<!doctype html><html lang=en><title>Start</title>{form}"


def post_from_client(person: Visitor, target: str, fields: dict[str, str]) -> None:
    """Press the button of a form on the client's own site."""
    person.client.pages["/start"] = form_of(target, fields)
    person.page.goto(f"{CLIENT}/start")
    person.press("Go")


def post_from_same_site(person: Visitor, target: str, fields: dict[str, str]) -> None:
    """Press the button of a form with which the browser does send our cookies."""
    person.page.goto(f"{person.live.url}/healthz")
    person.page.set_content(form_of(target, fields))
    person.press("Go")


def reference(url: str) -> dict[str, str]:
    """The parameters of an authorization URL."""
    return dict(parse_qsl(urlsplit(url).query))


@pytest.mark.requirement("OIDC-3.1.2.1-1")
def test_a_form_of_the_client_finds_the_session(person: Visitor) -> None:
    person.complete()
    post_from_client(person, f"{person.live.url}/oauth2/authorize", reference(person.push(prompt=None)))
    assert set(person.answer()) == {"code"}

    post_from_client(person, f"{person.live.url}/oauth2/authorize", {"client_id": "app", **REQUEST})
    assert set(person.answer()) == {"code"}

    post_from_client(person, person.push(prompt=None), {})
    person.sees_refusal("This sign-in cannot go on", "invalid_request", "authorize.client_id_missing")


def test_a_form_of_the_client_leads_to_login(person: Visitor) -> None:
    post_from_client(person, f"{person.live.url}/oauth2/authorize", reference(person.push()))
    person.sees_login()
    person.sign_in()
    person.press("Allow")
    assert set(person.answer()) == {"code"}


def test_a_foreign_form_does_not_disturb_a_sign_in_in_another_tab(person: Visitor) -> None:
    person.start()
    person.sees_login()
    other = person.tab()
    post_from_client(other, f"{person.live.url}/oauth2/authorize", reference(person.push()))
    other.sees_login()
    post_from_client(other, f"{person.live.url}/oauth2/logout", {})
    other.sees("You are already signed out")

    person.sign_in()
    person.sees_consent()
    person.press("Allow")
    assert set(person.answer()) == {"code"}


def test_a_foreign_form_signs_nobody_out(person: Visitor) -> None:
    person.complete()
    post_from_client(person, f"{person.live.url}/oauth2/logout", {"csrf": "guessed"})
    person.sees("Do you want to sign out?")
    person.start(prompt=None)
    assert set(person.answer()) == {"code"}


@pytest.mark.requirement("OA-10.12-1")
@pytest.mark.parametrize("forged", ["nothing", "a guess", "another person's"])
@pytest.mark.parametrize("page", ["login", "consent"])
def test_a_foreign_form_decides_nothing(arrive: Arrive, page: str, forged: str) -> None:
    person, stranger = arrive(), arrive()
    for visitor in (person, stranger):
        visitor.start()
        if page == "consent":
            visitor.sign_in()
            visitor.sees_consent()
    target = person.page.url
    fields = {"decision": "allow", "action": "cancel", "scope": "openid"}
    if forged != "nothing":
        fields["csrf"] = "guess" if forged == "a guess" else stranger.page.locator("[name=csrf]").input_value()
    other = person.tab()
    post_from_client(other, target, fields)
    other.sees_refusal("This cannot go on", "access_denied", "login.other_browser")
    post_from_same_site(other, target, fields)
    other.sees_refusal("This cannot go on", "access_denied", "login.csrf")

    assert [arrival.url for arrival in person.client.arrivals] == [f"{CLIENT}/start"]
    person.page.reload()
    assert person.page.url == target


@pytest.mark.requirement("BCP-4.16-1")
@pytest.mark.parametrize("page", ["login", "error", "logout"])
def test_a_foreign_page_cannot_frame_ours(person: Visitor, page: str) -> None:
    paths = {"login": person.push(), "error": f"{person.live.url}/oauth2/authorize", "logout": "/oauth2/logout"}
    target = paths[page] if paths[page].startswith("http") else person.live.url + paths[page]
    person.client.pages["/frame"] = f"<!doctype html><title>Trap</title><iframe src='{escape(target)}'></iframe>"
    person.watch.expected += ["Refused to frame", "Refused to display", "Framing "]
    person.page.goto(f"{CLIENT}/frame")
    person.page.wait_for_load_state("networkidle")
    framed = person.page.frames[1]
    assert framed.get_by_role("heading", level=1).count() == 0
    assert "Sign in" not in framed.content()


def test_a_prefetching_page_starts_no_sign_in(person: Visitor) -> None:
    url = person.push()
    link = f"<link rel=prefetch href='{escape(url)}'><a href='{escape(url)}'>Sign in</a>"
    person.client.pages["/ahead"] = f"<!doctype html><title>Ahead</title>{link}"
    person.watch.expected += [f"503 {url}", "Failed to load resource: the server responded with a status of 503"]
    with person.page.expect_response(url) as answered:
        person.page.goto(f"{CLIENT}/ahead")
    assert answered.value.status == 503
    assert answered.value.request.headers["sec-purpose"] == "prefetch"
    assert person.context.cookies() == []
    person.page.get_by_role("link", name="Sign in").click()
    person.sees_login()


def test_an_unknown_link_ends_on_a_page_and_not_at_the_address_in_it(person: Visitor) -> None:
    unknown = f"{person.live.url}/oauth2/authorize?client_id=app&request_uri=urn:ietf:params:oauth:request_uri:nothing"
    person.page.goto(f"{unknown}&redirect_uri=https://attacker.example/")
    person.sees_refusal("This sign-in cannot go on", "invalid_request_uri", "authorize.request_uri_unknown")
    expect(person.page.get_by_role("main")).to_contain_text("Go back to the application and start again.")
    person.shot("error")
    assert person.client.arrivals == []


def test_two_people_do_not_meet(arrive: Arrive) -> None:
    alice, bob = arrive(), arrive()
    alice.complete()
    bob.start(prompt=None)
    bob.sees_login()
