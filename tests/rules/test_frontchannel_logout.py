"""Clients hear in the user's browser that a session is over (OpenID Connect Front-Channel Logout 1.0)."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from pushgate.testing import BASE_URL, Browser, Running
from tests.support.logout import LOGOUT, back, client, front, serving, signed_in, use
from tests.support.steps import verified

TO_APP = "https://app.example/signed-out"


def frames(page: httpx.Response | None) -> list[str]:
    """What the page loads of other sites."""
    assert page is not None
    return [unescape(url) for url in re.findall(r'<iframe [^>]*src="([^"]*)"', page.text)]


def framed(page: httpx.Response | None) -> str | None:
    """What the page may load of other sites."""
    assert page is not None
    found = re.search(r"frame-src ([^;]*)", page.headers["content-security-policy"])
    return found and found.group(1)


def on_the_screen(browser: Browser) -> str:
    """The text of the page."""
    assert browser.page is not None, browser.landed
    return browser.page.text


async def used(server: Running, *names: str) -> tuple[Browser, str]:
    """A browser that used these applications; the ID Token of the last one."""
    browser = server.browser()
    for name in names:
        id_token = (await use(server, name, browser))["id_token"]
    return browser, id_token


async def test_the_last_page_loads_the_clients_of_the_session_and_goes_on() -> None:
    async with serving(front("one"), front("two"), front("unused"), client("app")) as (server, _):
        browser, id_token = await used(server, "one", "two", "app")
        sid = (await verified(server, id_token))["sid"]
        await browser.open(
            LOGOUT, params={"id_token_hint": id_token, "post_logout_redirect_uri": TO_APP, "state": 'a"b&c'}
        )
        assert not signed_in(browser)
        loaded = frames(browser.page)
        assert [urlsplit(url)._replace(query="").geturl() for url in loaded] == [
            "https://one.example/front", "https://two.example/front",
        ]  # fmt: skip
        for url in loaded:
            assert parse_qs(urlsplit(url).query) == {"x": ["1"], "iss": [BASE_URL], "sid": [sid]}
        assert framed(browser.page) == "https://one.example https://two.example"
        target = f"{TO_APP}?state=a%22b%26c"
        assert f'<meta http-equiv="refresh" content="3; url={target}">' in on_the_screen(browser)
        assert f'href="{target}"' in on_the_screen(browser)
        assert on_the_screen(browser).count("sandbox=") == 2
        # The rest of the protection is what every page has.
        assert browser.page is not None
        assert "frame-ancestors 'none'" in browser.page.headers["content-security-policy"]
        assert "script-src" not in browser.page.headers["content-security-policy"]


async def test_without_a_place_to_go_it_stays() -> None:
    async with serving(front("one"), back("two")) as (server, receivers):
        browser, _ = await used(server, "one", "two")
        await browser.open(LOGOUT)
        await browser.submit("logout-submit")
        assert len(frames(browser.page)) == 1
        assert "http-equiv" not in on_the_screen(browser)
        assert len(receivers.tokens("two")) == 1
        # The page is not kept, and another look has nothing to load.
        await browser.open(LOGOUT)
        assert frames(browser.page) == []
        assert framed(browser.page) is None


async def test_nothing_is_loaded_where_nobody_asks_for_it() -> None:
    async with serving(front("one"), client("two")) as (server, _):
        browser, id_token = await used(server, "two")
        await browser.open(LOGOUT, params={"id_token_hint": id_token})
        assert frames(browser.page) == []
        assert framed(browser.page) is None


@pytest.mark.parametrize("port", ["", ":443"])
async def test_a_default_port_is_not_spelled_out(port: str) -> None:
    members = {"redirect_uris": ["https://one.example/cb", f"https://one.example{port}/other"]}
    one = {**front("one"), **members, "frontchannel_logout_uri": f"https://one.example{port}/front"}
    async with serving(one) as (server, _):
        browser, id_token = await used(server, "one")
        await browser.open(LOGOUT, params={"id_token_hint": id_token})
        assert framed(browser.page) == "https://one.example"
