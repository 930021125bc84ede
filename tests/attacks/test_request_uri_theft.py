"""Steal a request_uri: to use it as another client, to burn it for its owner, or to take over a sign-in."""

from __future__ import annotations

import httpx
import pytest

from pushgate.testing import Browser, Running
from tests.support.manifests import APP, APP_SECRET, REDIRECT, REQUEST, VERIFIER
from tests.support.steps import shown

STRANGERS = ["post", "jwt", "spa", "hybrid", "must-push"]


async def push(server: Running, **changes: str) -> str:
    reply = await server.http.post("/oauth2/par", auth=APP, data=REQUEST | changes)
    assert reply.status_code == 201
    return str(reply.json()["request_uri"])


async def visit(browser: Browser, request_uri: str, client_id: str = "app", **more: str) -> Browser:
    params = {"client_id": client_id, "request_uri": request_uri} | more
    return await browser.open("/oauth2/authorize", params=params)


async def works(server: Running, browser: Browser, request_uri: str) -> None:
    """The owner's browser gets from the request_uri to tokens."""
    await visit(browser, request_uri)
    if browser.page is not None and "/login/" in browser.page.url.path:
        await browser.sign_in()
    if browser.landed is None:
        await browser.allow()
    form = {"grant_type": "authorization_code", "code": browser.answer["code"], "redirect_uri": REDIRECT}
    tokens = await server.http.post("/oauth2/token", auth=APP, data=form | {"code_verifier": VERIFIER})
    assert tokens.status_code == 200


async def session_of(server: Running) -> Browser:
    """A browser that is signed in, and has agreed to the request of `app` before."""
    browser = await visit(server.browser(), await push(server))
    await browser.sign_in("bob", "bob-password")
    return await browser.allow()


@pytest.mark.requirement("PAR-2.2-5", "JAR-10.2-1")
@pytest.mark.parametrize("client_id", STRANGERS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_use_the_request_uri_of_another_client(server: Running, client_id: str, method: str) -> None:
    request_uri = await push(server)
    params = {"client_id": client_id, "request_uri": request_uri}
    browsers = (server.browser(), await session_of(server))
    answers = await server.audit("authorization_answered")
    for browser in browsers:
        reply = await browser.http.request(
            method,
            "/oauth2/authorize",
            params=params if method == "GET" else None,
            data=params if method == "POST" else None,
        )
        shown(reply, 400, "invalid_request_uri", "authorize.request_uri_unknown")
    assert await server.audit("authorization_answered") == answers
    await works(server, server.browser(), request_uri)


@pytest.mark.requirement("PAR-2.2-5", "PAR-4-7")
@pytest.mark.parametrize("redirect_uri", ["https://evil.example/", "https://spa.example/cb", REDIRECT])
async def test_lead_the_refusal_of_a_foreign_request_uri_elsewhere(server: Running, redirect_uri: str) -> None:
    request_uri = await push(server)
    more = {"redirect_uri": redirect_uri, "response_type": "code", "state": "stolen"}
    browser = await visit(server.browser(), request_uri, "spa", **more)
    shown(browser.page, 400, "invalid_request_uri", "authorize.request_uri_unknown")
    await works(server, server.browser(), request_uri)


@pytest.mark.requirement("PAR-2.2-5")
@pytest.mark.parametrize("client_id", ["nobody", "APP", "app ", "spa,app", "app\x00"])
async def test_use_a_request_uri_as_a_client_that_does_not_exist(server: Running, client_id: str) -> None:
    request_uri = await push(server)
    browser = await visit(server.browser(), request_uri, client_id)
    shown(browser.page, 400, "invalid_request", "authorize.client_unknown")
    await works(server, server.browser(), request_uri)


@pytest.mark.requirement("PAR-2.2-5")
async def test_use_a_request_uri_under_two_client_ids_at_once(server: Running) -> None:
    request_uri = await push(server)
    query = httpx.QueryParams([("client_id", "spa"), ("client_id", "app"), ("request_uri", request_uri)])
    browser = await server.browser().open(f"/oauth2/authorize?{query}")
    shown(browser.page, 400, "invalid_request", "http.repeated_parameter")
    await works(server, server.browser(), request_uri)


@pytest.mark.requirement("PAR-2.2-5", "PAR-4-3")
async def test_burn_a_request_uri_by_visiting_it_first(server: Running) -> None:
    request_uri = await push(server)
    for client_id in (*STRANGERS, "nobody"):
        for _ in range(3):
            await visit(server.browser(), request_uri, client_id)
    scanners = [await visit(server.browser(), request_uri) for _ in range(10)]
    assert {"/login/" in str(scanner.page and scanner.page.url) for scanner in scanners} == {True}
    await works(server, server.browser(), request_uri)


@pytest.mark.requirement("PAR-2.2-5")
async def test_burn_a_silent_request_as_another_client(server: Running) -> None:
    victim = await session_of(server)
    request_uri = await push(server, prompt="none")
    for client_id in STRANGERS:
        browser = await visit(server.browser(), request_uri, client_id)
        shown(browser.page, 400, "invalid_request_uri", "authorize.request_uri_unknown")
    await works(server, victim, request_uri)


@pytest.mark.requirement("PAR-2.2-5")
async def test_redeem_a_request_uri_at_the_other_endpoints(server: Running) -> None:
    request_uri = await push(server)
    handle = request_uri.rpartition(":")[2]
    for value in (request_uri, handle):
        form = {"grant_type": "authorization_code", "code": value, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
        reply = await server.http.post("/oauth2/token", auth=APP, data=form)
        assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")
        assert reply.headers["pushgate-refusal"] == "code.invalid"
        reply = await server.http.post("/oauth2/par", auth=APP, data=REQUEST | {"request_uri": value})
        assert reply.headers["pushgate-refusal"] == "par.request_uri_present"
        page = await server.http.get(f"/oauth2/login/{value}")
        shown(page, 400, "invalid_request", "login.unknown")
    await works(server, server.browser(), request_uri)


# --- The sign-in of another browser ---------------------------------------------------------------------------


async def two_browsers(server: Running, page: str) -> tuple[Browser, Browser, str]:
    """A victim on its login or consent page, a thief who opened the same request, and the request_uri."""
    request_uri = await push(server)
    victim = await visit(server.browser(), request_uri)
    thief = await visit(server.browser(), request_uri)
    if page == "consent":
        await victim.sign_in()
    assert f"/{page}/" in str(victim.page and victim.page.url)
    return victim, thief, request_uri


@pytest.mark.requirement("PAR-4-3")
@pytest.mark.parametrize("page", ["login", "consent"])
async def test_go_on_with_the_sign_in_of_another_browser(server: Running, page: str) -> None:
    victim, thief, request_uri = await two_browsers(server, page)
    assert victim.page is not None
    address, form = str(victim.page.url), victim.page
    await thief.open(address)
    shown(thief.page, 403, "access_denied", "login.other_browser")
    for button in ("login-submit", "login-cancel") if page == "login" else ("consent-allow", "consent-deny"):
        thief.page = form  # with the victim's own anti-forgery value
        await thief.submit(button, **({"username": "bob", "password": "bob-password"} if page == "login" else {}))
        shown(thief.page, 403, "access_denied", "login.other_browser")
    assert await server.audit("authorization_answered") == []
    await works(server, victim, request_uri)


@pytest.mark.parametrize("page", ["login", "consent"])
@pytest.mark.parametrize("csrf", [None, "", "x", "another browser's", "another request's"])
async def test_press_a_button_for_somebody_from_a_foreign_page(server: Running, page: str, csrf: str | None) -> None:
    victim, thief, request_uri = await two_browsers(server, page)
    assert victim.page is not None
    if csrf == "another browser's":
        csrf = dict(thief.form().fields)["csrf"]
    elif csrf == "another request's":
        csrf = dict((await visit(Browser(victim.http), await push(server))).form().fields)["csrf"]
    forged = {
        "login": {"username": "bob", "password": "bob-password"},
        "consent": {"decision": "allow", "scope": "openid"},
    }[page]
    cancelled = {"login": {"action": "cancel"}, "consent": {"decision": "deny"}}[page]
    for fields in (forged, cancelled):
        data = fields | ({} if csrf is None else {"csrf": csrf})
        reply = await victim.http.post(str(victim.page.url), data=data)
        shown(reply, 403, "access_denied", "login.csrf")
    assert await server.audit("authorization_answered") == []
    assert await server.audit("consent_given") == []
    await works(server, victim, request_uri)


async def test_make_a_browser_use_a_value_that_can_be_guessed(server: Running) -> None:
    request_uri = await push(server)
    for planted in ("", "x", "a" * 42, "a" * 44):
        browser = server.browser()
        browser.http.cookies.set("pushgate-browser", planted)
        reply = await browser.http.get("/oauth2/authorize", params={"client_id": "app", "request_uri": request_uri})
        assert "pushgate-browser=" in reply.headers["set-cookie"]
    await works(server, server.browser(), request_uri)


@pytest.mark.requirement("PAR-4-6")
async def test_pass_off_a_request_pushed_by_one_client_where_another_must_push(server: Running) -> None:
    request_uri = await push(server)
    more = {"redirect_uri": "https://must-push.example/cb", "response_type": "code", "scope": "openid"}
    browser = await visit(server.browser(), request_uri, "must-push", **more)
    shown(browser.page, 400, "invalid_request_uri", "authorize.request_uri_unknown")
    own = REQUEST | {"redirect_uri": "https://must-push.example/cb", "scope": "openid"}
    reply = await server.http.post("/oauth2/par", auth=("must-push", APP_SECRET), data=own)
    assert (await visit(server.browser(), reply.json()["request_uri"], "must-push")).form().buttons["login-submit"]
