"""Signing in for a page of the server itself: there, back, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pushgate.endpoints.browser import browser_of
from pushgate.endpoints.http import Reply
from pushgate.protocol.interaction import known_enough
from pushgate.testing import Browser, Running
from pushgate.web import routes
from pushgate.web.call import Call
from pushgate.web.interaction import own
from tests.support.manifests import MANIFEST
from tests.support.steps import answered, shown

PAGE = "/oauth2/test-page"
LOGIN = "/oauth2/login/own"


@pytest.fixture(autouse=True)
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    """A page of the server; the dictionary says what it wants of a session."""
    wanted: dict[str, object] = {}

    async def show(call: Call) -> Reply:
        session = (await browser_of(call.ctx, call.request)).session
        if not known_enough(session, call.ctx.now(), **wanted):  # type: ignore[arg-type]
            return own.sign_in_first(call, PAGE, **wanted)  # type: ignore[arg-type]
        assert session is not None
        return Reply(200, f"page of {session.username}".encode())

    monkeypatch.setitem(routes.ROUTES, PAGE, routes.Route("test", routes.GET, page=show))
    monkeypatch.setattr(own, "DESTINATIONS", own.DESTINATIONS | {PAGE})
    routes._known_place.cache_clear()
    yield wanted
    routes._known_place.cache_clear()


def text(browser: Browser) -> str:
    """What is on the screen."""
    assert browser.page is not None
    return browser.page.text


def at_login(browser: Browser) -> bool:
    """Whether the browser stands at the login page for a page of the server."""
    return browser.page is not None and (browser.page.url.path, browser.page.status_code) == (LOGIN, 200)


async def test_there_and_back(server: Running) -> None:
    browser = await server.browser().open(PAGE)
    assert at_login(browser)
    assert "The App" not in text(browser)
    assert "asks you to sign in" not in text(browser)
    await browser.sign_in("alice", "wrong")
    assert browser.page is not None
    assert (browser.page.status_code, browser.page.url.path) == (400, LOGIN)
    await browser.sign_in()
    assert (browser.page.url.path, browser.page.text) == (PAGE, "page of alice")
    # Who has signed in goes straight through the login page.
    assert text(await browser.open(LOGIN, params={"to": PAGE})) == "page of alice"
    [event] = await server.audit("login_succeeded")
    assert "correlation_id" not in event


async def test_a_session_that_began_for_a_client_is_enough(server: Running) -> None:
    browser = await answered(server)
    assert text(await browser.open(PAGE)) == "page of alice"


async def test_a_page_that_wants_a_fresh_sign_in(server: Running, page: dict[str, object]) -> None:
    page["max_age"] = 600
    browser = await answered(server)
    server.clock.advance(600)
    assert text(await browser.open(PAGE)) == "page of alice"
    server.clock.advance(1)
    await browser.open(PAGE)
    assert at_login(browser)
    assert "Sign in again" in text(browser)
    before = browser.http.cookies["pushgate-session-default"]
    await browser.sign_in()
    assert text(browser) == "page of alice"
    assert browser.http.cookies["pushgate-session-default"] != before


async def test_who_cancels_is_on_the_front_page(server: Running) -> None:
    browser = await server.browser().open(PAGE)
    await browser.submit("login-cancel")
    assert browser.page is not None
    assert (browser.page.url.path, browser.page.status_code) == ("/", 200)


async def test_every_realm_has_its_own(server: Running) -> None:
    await server.apply(MANIFEST.replace("name: default", "name: other"))
    browser = await server.browser().open(f"/realms/other{PAGE}")
    form = browser.form()
    assert form.action.startswith(f"/realms/other{LOGIN}?")
    data = {**dict(form.fields), "username": "alice", "password": "alice-password"}
    crossed = await browser.http.post(LOGIN, params={"to": PAGE}, data=data)
    shown(crossed, 403, "access_denied", "login.csrf")
    await browser.sign_in()
    assert browser.page is not None
    assert browser.page.url.path == f"/realms/other{PAGE}"


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"to": "https://evil.example/"},
        {"to": "//evil.example"},
        {"to": "/oauth2/consent/x"},
        {"to": PAGE + "/"},
        {"to": PAGE + "?next=//evil.example"},
        {"to": [PAGE, "//evil.example"]},
        {"to": PAGE, "max_age": "0"},
        {"to": PAGE, "max_age": "-1"},
        {"to": PAGE, "max_age": "9" * 5000},
        {"to": PAGE, "max_age": "１"},
    ],
)
async def test_lead_a_browser_elsewhere_through_the_login_page(server: Running, query: dict[str, str]) -> None:
    browser = await answered(server)
    for found in (browser, server.browser()):
        reply = await found.http.get(LOGIN, params=query)
        shown(reply, 400, "invalid_request", "login.unknown")


@pytest.mark.parametrize("csrf", [None, "", "x", "A" * 43])
async def test_sign_somebody_in_to_the_attackers_account(server: Running, csrf: str | None) -> None:
    attacker, victim = await server.browser().open(PAGE), await server.browser().open(PAGE)
    own_value = dict(attacker.form().fields)["csrf"]
    for sent in (csrf, own_value):
        data = {"username": "bob", "password": "bob-password", **({} if sent is None else {"csrf": sent})}
        reply = await victim.http.post(LOGIN, params={"to": PAGE}, data=data)
        shown(reply, 403, "access_denied", "login.csrf")
        assert "set-cookie" not in reply.headers
    assert at_login(await victim.open(PAGE))


async def test_a_path_that_is_not_in_the_set_is_a_bug(server: Running) -> None:
    for path, age in (("/oauth2/logout", None), ("//evil.example", None), (PAGE, 0)):
        with pytest.raises(ValueError, match=r"."):
            own.sign_in_first(None, path, max_age=age)  # type: ignore[arg-type]
