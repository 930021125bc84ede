"""The person in front of the browser, and what a complete flow must have given the library."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from pushgate.testing import Browser
from tests.support.live import Live
from tests.support.manifests import PEER_REDIRECT, PEERS

SCOPE = "openid profile email"
ALICE = {"name": "Alice", "email": "alice@example.com", "preferred_username": "alice"}


async def walk(live: Live, url: str, *, allow: bool = True) -> str:
    """Open the authorization URL, sign in as alice and decide; the URL the browser was sent to.

    Requests say prompt=consent, so that a consent of an earlier test does not count.
    """
    verify = True if live.trust is None else live.context()
    async with httpx.AsyncClient(base_url=live.url, verify=verify) as http:
        browser = await Browser(http).open(url)
        await browser.sign_in()
        await (browser.allow() if allow else browser.deny())
    assert browser.landed is not None
    assert browser.landed.startswith(f"{PEER_REDIRECT}?")
    return browser.landed


def assert_complete(live: Live, method: str, played: dict[str, Any]) -> None:
    """What the library reports after discovery, push, redemption, UserInfo and refresh."""
    assert_played(live.url, PEERS[method], played)
    # Only the public client's refresh token is rotated (RFC 9700 4.14.2).
    assert played["refreshed"]["refresh_token"] == (method == "none")


def assert_played(issuer: str, client_id: str, played: dict[str, Any], scope: str = SCOPE) -> None:
    """The same for any client of any issuer."""
    url = urlsplit(played["authorization_url"])
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{issuer}/oauth2/authorize"
    assert set(parse_qs(url.query)) == {"client_id", "request_uri"}
    claims, refreshed = played["claims"], played["refreshed"]
    assert claims["iss"] == issuer
    assert claims["aud"] == client_id
    assert claims["nonce"] == played["nonce"]
    assert played["userinfo"] == {"sub": claims["sub"], **ALICE}
    assert played["scope"] == scope
    assert refreshed["userinfo"] == played["userinfo"]
    assert refreshed["claims"]["sub"] == claims["sub"]
    assert refreshed["claims"]["auth_time"] == claims["auth_time"]
