"""Applications that want to hear of sign-outs: their registrations, what they receive, and the steps of a sign-out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl

import httpcore

from pushgate.fetch import Fetcher
from pushgate.testing import Browser, Running, running
from tests.support.manifests import APP_SECRET, CHALLENGE
from tests.support.steps import VERIFIER_FORM, agree, ask, post_as

LOGOUT = "/oauth2/logout"
SIGNED_OUT = "https://{}.example/signed-out"
CODE = {"grant_types": ["authorization_code", "refresh_token"], "client_secret": APP_SECRET}
USERS = [{"username": name, "password": f"{name}-password", "claims": {}} for name in ("alice", "bob")]
PUBLIC = "93.184.215.14"
"""A public address: the whole guard is on."""


def client(name: str, **members: Any) -> dict[str, Any]:
    """A client at NAME.example, with a place to go on to after a sign-out."""
    return {
        "client_id": name, "client_name": f"The {name.title()}", "redirect_uris": [f"https://{name}.example/cb"],
        "post_logout_redirect_uris": [SIGNED_OUT.format(name)], "scope": "openid email offline_access",
        "skip_consent": True, **CODE, **members,
    }  # fmt: skip


def back(name: str, **members: Any) -> dict[str, Any]:
    """A client that hears of sign-outs at its server."""
    return client(name, backchannel_logout_uri=f"https://{name}.example/back", **members)


def front(name: str, **members: Any) -> dict[str, Any]:
    """A client that hears of sign-outs in the user's browser."""
    return client(name, frontchannel_logout_uri=f"https://{name}.example/front?x=1", **members)


def manifest(*clients: dict[str, Any], **realm: Any) -> str:
    """A realm with these clients, and alice and bob."""
    settings = {"name": "default", "rates": {"failures_per_minute": 0}, "users": USERS, **realm}
    return json.dumps({"realms": [{**settings, "clients": [*clients]}]})


def request_of(name: str, scope: str = "openid") -> dict[str, str]:
    """A valid request of a client."""
    return {
        "response_type": "code", "redirect_uri": f"https://{name}.example/cb", "scope": scope, "state": "a-state",
        "nonce": "a-nonce", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }  # fmt: skip


async def use(
    server: Running, name: str, browser: Browser, scope: str = "openid", username: str = "alice"
) -> dict[str, Any]:
    """Sign in to an application; the tokens that it gets."""
    await agree(await ask(server, request_of(name, scope), name, browser=browser), username)
    form = {**VERIFIER_FORM, "code": browser.answer["code"], "redirect_uri": f"https://{name}.example/cb"}
    reply = await post_as(server, name, "/oauth2/token", form)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def signed_in(browser: Browser) -> bool:
    """Whether the browser has a session cookie."""
    return "pushgate-session-default" in browser.http.cookies


# --- What arrives at the applications' servers ----------------------------------------------------------------


class Receivers(httpcore.AsyncNetworkBackend):
    """The applications' servers, behind the guarded fetcher: each host answers with its next status, the last stays.

    A status of 0 is a server that never answers. What was posted is in `posted`, by host, as it came.
    """

    def __init__(self, **statuses: list[int]) -> None:
        self.statuses = {f"{name}.example": list(codes) for name, codes in statuses.items()}
        self.posted: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.location = "https://metadata.example/"
        self.hanging = 0
        self.most_at_once = self.now = 0
        self.address: dict[str, str] = {}
        self.dialled: list[str] = []

    async def resolve(self, host: str) -> list[str]:
        """Everybody is at a public address, unless told otherwise."""
        return [self.address.get(host, PUBLIC)]

    def tokens(self, name: str) -> list[str]:
        """The logout tokens that a client received."""
        return [form["logout_token"] for host, _, form in self.posted if host == f"{name}.example"]

    def answer(self, host: str) -> int:
        """The next status."""
        left = self.statuses.get(host, [200])
        return left.pop(0) if len(left) > 1 else left[0]

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        """A connection of which one end is this object."""
        self.dialled.append(host)
        return _Stream(self)


class _Stream(httpcore.AsyncNetworkStream):
    """One exchange. TLS is passed over: the fetcher's own tests are about that."""

    def __init__(self, receivers: Receivers) -> None:
        self._receivers, self._sent, self._answered = receivers, b"", False

    async def start_tls(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        """The same connection."""
        return self

    def get_extra_info(self, info: str) -> Any:
        """Nothing is known of it."""
        return None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's
        """Part of the request."""
        self._sent += buffer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's
        """The answer, once."""
        if self._answered:
            return b""
        head, _, body = self._sent.decode().partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        assert first.startswith("POST "), first
        self._receivers.posted.append((headers["host"], headers, dict(parse_qsl(body))))
        self._receivers.now += 1
        self._receivers.most_at_once = max(self._receivers.now, self._receivers.most_at_once)
        try:
            status = self._receivers.answer(headers["host"])
            if status == 0:
                await asyncio.Event().wait()
            await asyncio.sleep(0)
        finally:
            self._receivers.now -= 1
        self._answered = True
        extra = f"location: {self._receivers.location}\r\n" if 300 <= status < 400 else ""
        return f"HTTP/1.1 {status} X\r\n{extra}content-length: 0\r\n\r\n".encode()

    async def aclose(self) -> None:
        """Nothing to let go."""


@asynccontextmanager
async def serving(
    *clients: dict[str, Any], receivers: Receivers | None = None, patience: float = 30, **realm: Any
) -> AsyncIterator[tuple[Running, Receivers]]:
    """A server with these clients, whose servers are the receivers; it looks for deliveries when the test says so."""
    found = receivers or Receivers()
    fetcher = Fetcher(resolver=found.resolve, dial=found, timeout=patience)
    assert fetcher._tls  # reading the system's authorities is no part of anybody's patience
    with patch("pushgate.server.DELIVER_EVERY", 1_000_000):
        async with running(manifest(*clients, **realm), fetcher=fetcher) as server:
            server.server.logouts.patience = patience
            yield server, found
