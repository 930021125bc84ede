"""Use one request_uri twice at the same moment: two browsers, two buttons, one answer."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from pushgate.testing import Browser, Running
from tests.support.manifests import APP, REDIRECT, REQUEST, VERIFIER
from tests.support.steps import shown


async def push(server: Running, **changes: str) -> str:
    reply = await server.http.post("/oauth2/par", auth=APP, data=REQUEST | changes)
    assert reply.status_code == 201
    return str(reply.json()["request_uri"])


async def visit(browser: Browser, request_uri: str) -> Browser:
    return await browser.open("/oauth2/authorize", params={"client_id": "app", "request_uri": request_uri})


async def at_consent(server: Running, request_uri: str, username: str = "alice") -> Browser:
    browser = await visit(server.browser(), request_uri)
    await browser.sign_in(username, f"{username}-password")
    assert "/consent/" in str(browser.page and browser.page.url)
    return browser


def too_late(browser: Browser) -> None:
    shown(browser.page, 400, "invalid_request_uri", "authorize.request_uri_used")


async def redeem(server: Running, browser: Browser) -> httpx.Response:
    form = {"grant_type": "authorization_code", "code": browser.answer["code"], "redirect_uri": REDIRECT}
    return await server.http.post("/oauth2/token", auth=APP, data=form | {"code_verifier": VERIFIER})


async def one_answer(server: Running, browsers: list[Browser]) -> Browser:
    """The one browser that landed at the client; all others are on the page that says why not."""
    winners = [browser for browser in browsers if browser.landed is not None]
    assert len(winners) == 1
    for browser in browsers:
        if browser is not winners[0]:
            too_late(browser)
    assert len(await server.audit("authorization_answered")) == 1
    return winners[0]


@pytest.mark.requirement("PAR-4-2")
async def test_finish_one_request_in_two_browsers_as_two_users(server: Running) -> None:
    request_uri = await push(server)
    alice, bob = await at_consent(server, request_uri), await at_consent(server, request_uri, "bob")
    await bob.allow()
    await alice.allow()
    assert await one_answer(server, [alice, bob]) is bob
    tokens = (await redeem(server, bob)).json()
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    claims = (await server.http.get("/oauth2/userinfo", headers=bearer)).json()
    assert "email" not in claims  # bob has none


@pytest.mark.requirement("PAR-4-2")
async def test_finish_one_request_in_many_browsers_at_once(server: Running) -> None:
    request_uri = await push(server)
    browsers = [await at_consent(server, request_uri) for _ in range(12)]
    await asyncio.gather(*(browser.allow() for browser in browsers))
    winner = await one_answer(server, browsers)
    assert (await redeem(server, winner)).status_code == 200


@pytest.mark.requirement("PAR-4-2")
async def test_press_one_button_many_times_at_once(server: Running) -> None:
    browser = await at_consent(server, await push(server))
    clicks = [Browser(browser.http, browser.page) for _ in range(12)]
    await asyncio.gather(*(click.allow() for click in clicks))
    assert (await redeem(server, await one_answer(server, clicks))).status_code == 200


@pytest.mark.requirement("PAR-4-2")
async def test_allow_and_deny_at_once(server: Running) -> None:
    browser = await at_consent(server, await push(server))
    clicks = [Browser(browser.http, browser.page) for _ in range(12)]
    await asyncio.gather(*(click.allow() if n % 2 else click.deny() for n, click in enumerate(clicks)))
    winner = await one_answer(server, clicks)
    assert ("code" in winner.answer) is (winner.answer.get("error") != "access_denied")


@pytest.mark.requirement("PAR-4-2")
@pytest.mark.parametrize("prompt", ["", "none"])
async def test_visit_a_request_that_needs_no_page_many_times_at_once(server: Running, prompt: str) -> None:
    browser = await at_consent(server, await push(server))
    await browser.allow()
    request_uri = await push(server, prompt=prompt)
    before = len(await server.audit("authorization_answered"))
    tabs = [Browser(browser.http) for _ in range(12)]
    await asyncio.gather(*(visit(tab, request_uri) for tab in tabs))
    winners = [tab for tab in tabs if tab.landed is not None]
    assert len(winners) == 1
    for tab in tabs:
        if tab is not winners[0]:
            too_late(tab)
    assert len(await server.audit("authorization_answered")) == before + 1
    assert (await redeem(server, winners[0])).status_code == 200
