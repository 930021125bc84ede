"""From the opened request_uri to the answer: people reload, go back, dawdle, change their mind and say no."""

from __future__ import annotations

import pytest

from pushgate.testing import Browser, Running
from tests.support.manifests import APP, REDIRECT, REQUEST, VERIFIER
from tests.support.steps import shown, told

FOREVER = 2**40
URN = "urn:ietf:params:oauth:request_uri:"


async def push(server: Running, **changes: str) -> str:
    reply = await server.http.post("/oauth2/par", auth=APP, data=REQUEST | changes)
    assert reply.status_code == 201
    return str(reply.json()["request_uri"])


async def visit(browser: Browser, request_uri: str) -> Browser:
    return await browser.open("/oauth2/authorize", params={"client_id": "app", "request_uri": request_uri})


async def at_login(server: Running, **changes: str) -> tuple[Browser, str]:
    request_uri = await push(server, **changes)
    browser = await visit(server.browser(), request_uri)
    assert "/login/" in where(browser)
    return browser, request_uri


def where(browser: Browser) -> str:
    """The path of the page on the screen."""
    assert browser.page is not None, f"landed at {browser.landed}"
    assert browser.page.status_code == 200, browser.page.headers.get("pushgate-refusal")
    return browser.page.url.path


async def tokens(server: Running, browser: Browser) -> dict[str, str]:
    form = {"grant_type": "authorization_code", "code": browser.answer["code"], "redirect_uri": REDIRECT}
    reply = await server.http.post("/oauth2/token", auth=APP, data=form | {"code_verifier": VERIFIER})
    assert reply.status_code == 200
    return dict(reply.json())


# --- Reload, back, two tabs -------------------------------------------------------------------------------


@pytest.mark.requirement("PAR-4-3")
async def test_a_request_uri_visited_twice_before_login_works(server: Running) -> None:
    browser, request_uri = await at_login(server)
    first = where(browser)
    await visit(browser, request_uri)
    assert where(browser) == first  # the same interaction, found again
    await browser.open(first)
    await browser.sign_in()
    await browser.allow()
    assert (await tokens(server, browser))["scope"] == REQUEST["scope"]


@pytest.mark.requirement("PAR-4-3")
async def test_a_request_uri_visited_again_between_login_and_consent_goes_on_there(server: Running) -> None:
    browser, request_uri = await at_login(server)
    await browser.sign_in()
    await visit(browser, request_uri)
    assert "/consent/" in where(browser)
    await browser.allow()
    assert (await tokens(server, browser))["scope"] == REQUEST["scope"]


@pytest.mark.requirement("PAR-4-3")
async def test_the_back_button_after_login_leads_forward_again(server: Running) -> None:
    browser, _ = await at_login(server)
    login, form = where(browser), browser.page
    await browser.sign_in()
    await browser.open(login)  # back, and the page is loaded anew
    assert "/consent/" in where(browser)
    browser.page = form  # back, and the old page is shown from memory
    await browser.sign_in()
    assert "/consent/" in where(browser)
    await browser.allow()
    assert browser.answer["code"]


@pytest.mark.requirement("PAR-4-2")
async def test_the_back_button_after_the_answer_gives_no_second_answer(server: Running) -> None:
    browser, _ = await at_login(server)
    login = browser.page
    await browser.sign_in()
    consent = browser.page
    await browser.allow()
    for page, button in ((login, "login-submit"), (consent, "consent-allow"), (consent, "consent-deny")):
        browser.page, browser.landed = page, None
        typed = {"username": "alice", "password": "alice-password"} if button == "login-submit" else {}
        await browser.submit(button, **typed)
        shown(browser.page, 400, "invalid_request_uri", "authorize.request_uri_used")
        assert page is not None
        await browser.open(str(page.url))
        shown(browser.page, 400, "invalid_request_uri", "authorize.request_uri_used")
    assert len(await server.audit("authorization_answered")) == 1


@pytest.mark.requirement("PAR-4-2", "PAR-4-3")
async def test_of_two_tabs_with_one_request_the_first_answer_counts(server: Running) -> None:
    one, request_uri = await at_login(server)
    other = await visit(Browser(one.http), request_uri)  # the same cookies
    assert where(other) == where(one)
    await one.sign_in()
    await other.sign_in()
    await one.deny()
    told(one, REQUEST, "access_denied", "authorize.denied")
    await other.allow()
    shown(other.page, 400, "invalid_request_uri", "authorize.request_uri_used")
    assert len(await server.audit("authorization_answered")) == 1


# --- Time: to start, to finish ----------------------------------------------------------------------------


@pytest.mark.requirement("PAR-4-4")
async def test_a_login_slower_than_the_lifetime_works(server: Running) -> None:
    browser, _ = await at_login(server)
    for step in (browser.sign_in, browser.allow):
        server.clock.advance(600)
        await server.server.purge()
        await step()
    assert browser.answer["code"]


@pytest.mark.requirement("PAR-4-4", "PAR-4-3")
async def test_after_the_window_only_a_browser_that_started_may_reload(server: Running) -> None:
    browser, request_uri = await at_login(server)
    server.clock.advance(61)
    late = await visit(server.browser(), request_uri)
    shown(late.page, 400, "invalid_request_uri", "authorize.request_uri_unknown")
    await visit(browser, request_uri)
    await browser.sign_in()
    await browser.allow()
    assert browser.answer["code"]


@pytest.mark.requirement("PAR-4-4")
async def test_a_browser_that_started_another_request_gains_nothing_for_this_one(server: Running) -> None:
    browser, _ = await at_login(server)
    never_opened = await push(server)
    server.clock.advance(61)
    await visit(browser, never_opened)
    shown(browser.page, 400, "invalid_request_uri", "authorize.request_uri_unknown")


@pytest.mark.requirement("PAR-4-4")
@pytest.mark.parametrize("page", ["login", "consent"])
async def test_an_interaction_ends_too(server: Running, page: str) -> None:
    browser, request_uri = await at_login(server)
    if page == "consent":
        await browser.sign_in()
    assert f"/{page}/" in where(browser)
    form = browser.page
    server.clock.advance(1800)
    await browser.open(where(browser))
    shown(browser.page, 400, "invalid_request", "login.unknown")
    browser.page = form
    if page == "login":
        await browser.sign_in()
    else:
        await browser.allow()
    shown(browser.page, 400, "invalid_request", "login.unknown")
    await visit(browser, request_uri)
    shown(browser.page, 400, "invalid_request_uri", "authorize.request_uri_unknown")
    assert await server.audit("authorization_answered") == []


# --- Yes, no, and in part ---------------------------------------------------------------------------------


async def test_to_deny_consent_is_access_denied(server: Running) -> None:
    browser, _ = await at_login(server)
    await browser.sign_in()
    await browser.deny()
    told(browser, REQUEST, "access_denied", "authorize.denied")
    assert await server.audit("consent_given") == []


async def test_to_cancel_the_login_is_access_denied(server: Running) -> None:
    browser, _ = await at_login(server)
    await browser.submit("login-cancel")
    told(browser, REQUEST, "access_denied", "authorize.denied")
    assert await server.audit("login_succeeded") == []


async def test_consent_is_remembered_for_what_was_allowed(server: Running) -> None:
    browser, _ = await at_login(server, scope="openid email")
    await browser.sign_in()
    await browser.allow()
    for scope in ("openid email", "email openid", "openid"):
        await visit(browser, await push(server, scope=scope))
        assert (await tokens(server, browser))["scope"] == scope
    await visit(browser, await push(server, scope="openid email profile"))
    assert "/consent/" in where(browser)


async def test_consent_is_remembered_for_this_user_only(server: Running) -> None:
    browser, _ = await at_login(server)
    await browser.sign_in()
    await browser.allow()
    other, _ = await at_login(server)
    await other.sign_in("bob", "bob-password")
    assert "/consent/" in where(other)


async def test_an_unticked_scope_is_neither_granted_nor_remembered(server: Running) -> None:
    browser, _ = await at_login(server, scope="openid email profile")
    await browser.sign_in()
    await browser.submit("consent-allow", scope=["openid", "profile"])
    granted = await tokens(server, browser)
    assert granted["scope"] == "openid profile"
    bearer = {"authorization": f"Bearer {granted['access_token']}"}
    claims = (await server.http.get("/oauth2/userinfo", headers=bearer)).json()
    assert claims["name"] == "Alice"
    assert "email" not in claims
    await visit(browser, await push(server, scope="openid email"))
    assert "/consent/" in where(browser)


@pytest.mark.parametrize("ticked", [["openid", "write"], ["openid", "phone"], ["write"], ["openid email write"]])
async def test_ticking_what_was_not_asked_for_grants_nothing_more(server: Running, ticked: list[str]) -> None:
    browser, _ = await at_login(server, scope="openid email")
    await browser.sign_in()
    await browser.submit("consent-allow", scope=ticked)
    assert (await tokens(server, browser))["scope"] == "openid"


async def test_ticking_nothing_is_access_denied(server: Running) -> None:
    browser, _ = await at_login(server, scope="write read")
    await browser.sign_in()
    await browser.submit("consent-allow", scope=[])
    told(browser, REQUEST, "access_denied", "authorize.denied")
    assert await server.audit("consent_given") == []


@pytest.mark.requirement("PAR-2.3-3")
async def test_prompt_none_shows_no_page_whatever_is_missing(server: Running) -> None:
    browser = await visit(server.browser(), await push(server, prompt="none"))
    told(browser, REQUEST, "login_required", "authorize.login_required")
    await visit(browser, await push(server))
    await browser.sign_in()
    await visit(browser, await push(server, prompt="none"))
    told(browser, REQUEST, "consent_required", "authorize.consent_required")
    await visit(browser, await push(server))
    await browser.allow()
    await visit(browser, await push(server, prompt="none"))
    assert (await tokens(server, browser))["scope"] == REQUEST["scope"]


# --- Speculation --------------------------------------------------------------------------------------------


@pytest.mark.requirement("PAR-4-3")
@pytest.mark.parametrize(
    "headers",
    [{"sec-purpose": "prefetch"}, {"sec-purpose": "prefetch;prerender"}, {"purpose": "prefetch"}],
    ids=str,
)
@pytest.mark.parametrize("prompt", ["", "none"])
async def test_a_speculative_visit_starts_nothing(server: Running, headers: dict[str, str], prompt: str) -> None:
    browser, request_uri = server.browser(), await push(server, prompt=prompt)
    params = {"client_id": "app", "request_uri": request_uri}
    await browser.open("/oauth2/authorize", params=params, headers=headers)
    shown(browser.page, 503, "temporarily_unavailable", "authorize.prefetch")
    assert not browser.http.cookies
    plain = REQUEST | {"client_id": "app"}
    await browser.open("/oauth2/authorize", params=plain, headers=headers)
    shown(browser.page, 503, "temporarily_unavailable", "authorize.prefetch")
    assert await server.audit("authorization_answered") == []
    context = await server.server.realm()
    assert context is not None
    row = await context.transient.get("par", context.transient.key("par", request_uri.removeprefix(URN)))
    assert row is not None
    assert row.consumed is False
    assert await server.transient.purge(FOREVER) == 1  # the push, and nothing else
