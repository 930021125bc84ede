"""Another site, another browser or another tab sends the forms of our pages: sign in, consent, deny, sign out."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from pushgate.testing import Browser, Running
from tests.support.manifests import REQUEST
from tests.support.steps import AUTHORIZE, HYBRID, answered, ask, at, shown, stored

ALICE = {"username": "alice", "password": "alice-password"}
ALLOW = {"decision": "allow", "scope": ["openid", "email"]}
ACTIONS = {
    "sign in": ("login", ALICE),
    "cancel": ("login", {"action": "cancel"}),
    "allow": ("consent", ALLOW),
    "deny": ("consent", {"decision": "deny"}),
    "switch": ("consent", {"decision": "switch"}),
}
EVERY_ACTION = pytest.mark.parametrize("action", ACTIONS)


def csrf_of(browser: Browser) -> str:
    """The anti-forgery value of the page."""
    return dict(browser.form().fields)["csrf"]


def path_of(browser: Browser) -> str:
    """Where the browser stands."""
    assert browser.page is not None
    return browser.page.url.path


async def victim(server: Running, page: str) -> Browser:
    """A browser in the middle of it, on this page."""
    browser = await ask(server, REQUEST, push=True)
    if page == "consent":
        await browser.sign_in()
    assert at(browser, page)
    return browser


async def unharmed(server: Running, browser: Browser, page: str) -> None:
    """Nothing happened: no code, no consent, still on the same page, and the honest way on works."""
    assert stored(server, "code") == 0
    assert await server.audit("consent_given") == []
    assert await server.audit("authorization_answered") == []
    await browser.open(path_of(browser))
    assert at(browser, page)
    if page == "login":
        await browser.sign_in()
    await browser.allow()
    assert "code" in browser.answer


# --- A foreign page in the same browser -------------------------------------------------------------------------


@pytest.mark.requirement("OA-10.12-1", "OIDC-3.1.2.3-1")
@EVERY_ACTION
@pytest.mark.parametrize("csrf", [None, "", "x", "é", "A" * 43])
async def test_post_the_form_from_another_site(server: Running, action: str, csrf: str | None) -> None:
    page, fields = ACTIONS[action]
    browser = await victim(server, page)
    # Even if the browser sent its cookies along.
    data = {**fields, **({} if csrf is None else {"csrf": csrf})}
    reply = await browser.http.post(path_of(browser), data=data, headers={"origin": "https://evil.example"})
    shown(reply, 403, "access_denied", "login.csrf")
    assert "set-cookie" not in reply.headers
    await unharmed(server, browser, page)


@pytest.mark.requirement("OA-10.12-1")
@EVERY_ACTION
async def test_post_the_form_without_the_cookies_that_browsers_keep_from_other_sites(
    server: Running, action: str
) -> None:
    page, fields = ACTIONS[action]
    browser = await victim(server, page)
    reply = await server.http.post(path_of(browser), data={**fields, "csrf": csrf_of(browser)})
    shown(reply, 403, "access_denied", "login.other_browser")
    await unharmed(server, browser, page)


@pytest.mark.requirement("OA-10.12-1", "OIDC-3.1.2.3-1")
@EVERY_ACTION
async def test_use_the_value_of_another_browser(server: Running, action: str) -> None:
    page, fields = ACTIONS[action]
    browser, attacker = await victim(server, page), await victim(server, page)
    reply = await browser.http.post(path_of(browser), data={**fields, "csrf": csrf_of(attacker)})
    shown(reply, 403, "access_denied", "login.csrf")
    await unharmed(server, browser, page)


@pytest.mark.requirement("OA-10.12-1", "OIDC-3.1.2.3-1")
@EVERY_ACTION
async def test_use_the_value_of_another_request_in_the_same_browser(server: Running, action: str) -> None:
    page, fields = ACTIONS[action]
    browser = await victim(server, page)
    here = browser.page
    other = await ask(server, HYBRID, "hybrid", browser=browser)
    assert at(other, page)
    value = csrf_of(other)
    browser.page = here
    reply = await browser.http.post(path_of(browser), data={**fields, "csrf": value})
    shown(reply, 403, "access_denied", "login.csrf")
    await unharmed(server, browser, page)


@pytest.mark.requirement("OA-10.12-1")
async def test_use_the_value_of_the_sign_out_page(server: Running) -> None:
    browser = await victim(server, "consent")
    here = browser.page
    await browser.open("/oauth2/logout")
    value = csrf_of(browser)
    browser.page = here
    reply = await browser.http.post(path_of(browser), data={**ALLOW, "csrf": value})
    shown(reply, 403, "access_denied", "login.csrf")
    await unharmed(server, browser, "consent")


@pytest.mark.requirement("OA-10.12-1")
@EVERY_ACTION
async def test_put_the_form_into_the_url_of_a_link(server: Running, action: str) -> None:
    page, fields = ACTIONS[action]
    browser = await victim(server, page)
    reply = await browser.http.get(path_of(browser), params={**fields, "csrf": csrf_of(browser)})
    assert reply.status_code == 200
    await unharmed(server, browser, page)


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data; boundary=x"])
async def test_post_the_form_as_something_that_needs_no_permission(server: Running, content_type: str) -> None:
    browser = await victim(server, "consent")
    body = f"decision=allow&csrf={csrf_of(browser)}&scope=openid"
    reply = await browser.http.post(path_of(browser), content=body, headers={"content-type": content_type})
    shown(reply, 415, "invalid_request", "http.content_type")
    await unharmed(server, browser, "consent")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
async def test_send_the_form_with_another_method(server: Running, method: str) -> None:
    browser = await victim(server, "consent")
    reply = await browser.http.request(method, path_of(browser), params={**ALLOW, "csrf": csrf_of(browser)})
    shown(reply, 405, "invalid_request", "http.method")
    await unharmed(server, browser, "consent")


@pytest.mark.requirement("OA-10.12-1")
async def test_start_a_request_in_a_signed_in_browser_and_finish_it_from_afar(server: Running) -> None:
    # A form on another site starts the request; the consent it needs cannot be given from there.
    browser = await answered(server, HYBRID, "hybrid")
    reply = await server.http.post(AUTHORIZE, data={"client_id": "app", **REQUEST})
    assert (reply.status_code, urlsplit(reply.headers["location"]).path) == (303, AUTHORIZE)
    await browser.open(reply.headers["location"])
    assert at(browser, "consent")
    reply = await browser.http.post(path_of(browser), data=ALLOW)
    shown(reply, 403, "access_denied", "login.csrf")


# --- Another browser -----------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-10.12-1")
@EVERY_ACTION
async def test_carry_on_in_a_browser_that_did_not_begin(server: Running, action: str) -> None:
    page, fields = ACTIONS[action]
    browser = await victim(server, page)
    stranger = await answered(server, HYBRID, "hybrid", username="bob")
    path, value = path_of(browser), csrf_of(browser)
    shown((await stranger.open(path)).page, 403, "access_denied", "login.other_browser")
    reply = await stranger.http.post(path, data={**fields, "csrf": value})
    shown(reply, 403, "access_denied", "login.other_browser")
    assert [row["client_id"] for row in await server.audit("authorization_answered")] == ["hybrid"]
    await browser.open(path)
    assert at(browser, page)


@pytest.mark.requirement("OA-10.12-1")
async def test_sign_a_victim_in_to_the_attackers_account(server: Running) -> None:
    browser, attacker = await victim(server, "login"), await victim(server, "login")
    bob = {"username": "bob", "password": "bob-password", "csrf": csrf_of(attacker)}
    # Neither at the victim's page, nor at the attacker's.
    shown(await browser.http.post(path_of(browser), data=bob), 403, "access_denied", "login.csrf")
    shown(await browser.http.post(path_of(attacker), data=bob), 403, "access_denied", "login.other_browser")
    assert "pushgate-session-default" not in browser.http.cookies
    await browser.sign_in()
    assert at(browser, "consent")
    assert "bob" not in (browser.page.text if browser.page else "")


async def test_guess_the_address_of_a_page(server: Running) -> None:
    browser = await victim(server, "login")
    path = path_of(browser)
    for guess in (path[:-1] + ("A" if path[-1] != "A" else "B"), "/oauth2/login/x", "/oauth2/consent/" + "A" * 43):
        shown((await server.browser().open(guess)).page, 400, "invalid_request", "login.unknown")
        reply = await browser.http.post(guess, data={**ALICE, "csrf": csrf_of(browser)})
        shown(reply, 400, "invalid_request", "login.unknown")


async def test_come_back_to_a_page_long_after(server: Running) -> None:
    for page in ("login", "consent"):
        browser = await victim(server, page)
        server.clock.advance(1800)
        data = {**ALICE, **ALLOW, "csrf": csrf_of(browser)}
        shown(await browser.http.post(path_of(browser), data=data), 400, "invalid_request", "login.unknown")
        shown(await browser.http.get(path_of(browser)), 400, "invalid_request", "login.unknown")
    assert stored(server, "code") == 0


# --- Signing out -----------------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-10.12-1")
async def test_sign_a_user_out_from_another_site(server: Running) -> None:
    browser, other = await answered(server), await answered(server, username="bob")
    await other.open("/oauth2/logout")
    foreign = csrf_of(other)
    for method, status in (("GET", 200), ("HEAD", 405)):
        reply = await browser.http.request(method, "/oauth2/logout", params={"csrf": foreign})
        assert reply.status_code == status
        assert "set-cookie" not in reply.headers
    for data in ({}, {"csrf": ""}, {"csrf": "x"}, {"csrf": foreign}):
        shown(await browser.http.post("/oauth2/logout", data=data), 403, "access_denied", "login.csrf")
    assert await server.audit("signed_out") == []
    assert "code" in (await ask(server, REQUEST, browser=browser)).answer


@pytest.mark.requirement("OA-10.12-1")
async def test_use_the_value_of_a_session_that_is_over(server: Running) -> None:
    browser = await answered(server)
    await browser.open("/oauth2/logout")
    old = csrf_of(browser)
    await browser.submit("logout-submit")
    assert "pushgate-session-default" not in browser.http.cookies
    await answered(server, browser=browser)
    shown(await browser.http.post("/oauth2/logout", data={"csrf": old}), 403, "access_denied", "login.csrf")
    assert "code" in (await ask(server, REQUEST, browser=browser)).answer


async def test_signing_out_ends_the_session_on_the_server_too(server: Running) -> None:
    browser = await answered(server)
    cookies = dict(browser.http.cookies)
    await browser.open("/oauth2/logout")
    await browser.submit("logout-submit")
    assert [row["event"] for row in await server.audit("signed_out")] == ["signed_out"]
    # Whoever kept a copy of the cookie has nothing.
    reply = await server.http.get(
        AUTHORIZE, params={"client_id": "app", **REQUEST}, headers={"cookie": header(cookies)}
    )
    assert "/oauth2/login/" in reply.headers["location"]


def header(cookies: dict[str, str]) -> str:
    """A Cookie header."""
    return "; ".join(f"{name}={value}" for name, value in cookies.items())
