"""The account page: getting there, and sending its forms, also ones that the page does not show."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import httpx

from pushgate.testing import Browser, Running

ACCOUNT = "/oauth2/account"
SESSION = "pushgate-session-default"


async def signed_in(server: Running, username: str = "alice", browser: Browser | None = None) -> Browser:
    """A browser on the account page."""
    browser = await (browser or server.browser()).open(ACCOUNT)
    if not at_account(browser):
        await browser.sign_in(username, f"{username}-password")
    assert at_account(browser)
    return browser


def at_account(browser: Browser, below: str = "") -> bool:
    """Whether the browser shows this page of the account."""
    page = browser.page
    return page is not None and (page.url.path, page.status_code) == (ACCOUNT + below, 200)


def text(browser: Browser) -> str:
    """The page's source."""
    assert browser.page is not None
    return browser.page.text


async def csrf(browser: Browser, path: str = f"{ACCOUNT}/password") -> str:
    """The anti-forgery value of the account's forms, for this browser."""
    return hidden(await browser.http.get(path), "csrf")


def hidden(page: httpx.Response, name: str) -> str:
    """The value of the first hidden field of this name."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found is not None, page.text
    return html.unescape(found[1])


async def post(browser: Browser, path: str = ACCOUNT, **fields: str) -> httpx.Response:
    """Send a form with this browser's own anti-forgery value, unless another is given."""
    data = {"csrf": await csrf(browser) if "csrf" not in fields else fields["csrf"], **fields}
    return await browser.http.post(path, data=data)


async def sids(server: Running, username: str = "alice") -> list[str]:
    """The user's sessions, the latest first."""
    user = await server.management.accounts("default").user_by_username(username)
    assert user is not None
    found = await server.management.accounts("default").sessions_of(user.sub, int(server.clock()))
    return [session.sid for _, session in found]


async def credentials(server: Running, username: str = "alice") -> list[Any]:
    """What a user has enrolled."""
    user = await server.management.accounts("default").user_by_username(username)
    ctx = await server.server.realm()
    assert user is not None
    assert ctx is not None
    return list(await ctx.credentials.of_user(user.sub))


def secret_of(page: httpx.Response) -> str:
    """The Base32 secret on the page that enrols an authenticator app."""
    found = re.search(r'id="totp-secret"[^>]*>([A-Z2-7 ]+)<', page.text)
    assert found is not None, page.text
    return found[1].replace(" ", "")


def options_of(page: httpx.Response) -> dict[str, Any]:
    """What the page that enrols a passkey asks of the authenticator."""
    found = re.search(r'data-options="([^"]*)"', page.text)
    assert found is not None, page.text
    options: dict[str, Any] = json.loads(html.unescape(found[1]))
    return options
