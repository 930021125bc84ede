"""What strangers send is not kept: a hundred large requests leave no more behind than a hundred small ones."""

from __future__ import annotations

import gc
import itertools
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import _lru_cache_wrapper
from urllib.parse import urlencode

import httpx
import pytest
from structlog.testing import capture_logs

from pushgate.testing import Running, running
from tests.support.assertions import TYPE, claims, signed
from tests.support.manifests import MANIFEST, REDIRECT, REQUEST
from tests.support.raw import Header, raw
from tests.support.steps import AUTHORIZE, PAR, TOKEN, USERINFO

TIMES = 40
BOUND = 256
ALLOWED = 10_000  # bytes kept for each large request; they are three times as large


_numbers = itertools.count()
_WORDS = [f"{index:0100x}" for index in range(300)]
_FILLER = {joint: joint.join(_WORDS)[:30_000] for joint in ("", " ")}


def long(joint: str = "") -> str:
    """Text of 30,000 characters that nobody sent before."""
    return f"{next(_numbers):08x}{joint}{_FILLER[joint]}"


@dataclass
class Sent:
    """One large request."""

    method: str
    path: str
    query: bytes = b""
    body: bytes = b""
    headers: list[Header] = field(default_factory=list)


def get(path: str, **params: str) -> Sent:
    return Sent("GET", path, query=urlencode(params).encode())


def post(path: str, *headers: Header, **form: str) -> Sent:
    return Sent("POST", path, body=urlencode(form).encode(), headers=[FORM_TYPE, *headers])


def basic(client_id: str, secret: str) -> Header:
    return b"authorization", httpx.BasicAuth(client_id, secret)._auth_header.encode()


FORM_TYPE = (b"content-type", b"application/x-www-form-urlencoded")
SPA = {"client_id": "spa", "response_type": "code", "redirect_uri": "https://spa.example/cb", "scope": "openid"}
ATTACKS: dict[str, Callable[[Running], Sent]] = {
    "scope": lambda s: get(AUTHORIZE, **REQUEST | {"client_id": "app", "scope": "openid " + long(" ")}),
    "scope, pushed": lambda s: post(PAR, **SPA | {"scope": "openid " + long(" ")}),
    "response_type": lambda s: get(AUTHORIZE, client_id="app", redirect_uri=REDIRECT, response_type=long(" ")),
    "prompt": lambda s: get(AUTHORIZE, **REQUEST | {"client_id": "app", "prompt": "none " + long(" ")}),
    "redirect_uri": lambda s: get(AUTHORIZE, client_id="app", redirect_uri=f"{REDIRECT}/{long()}"),
    "client_id": lambda s: get(AUTHORIZE, client_id=long()),
    "request_uri": lambda s: get(AUTHORIZE, client_id="app", request_uri=f"urn:ietf:params:oauth:request_uri:{long()}"),
    "client at the push": lambda s: post(PAR, basic(long(), "secret")),
    "client in the form": lambda s: post(TOKEN, client_id=long(), client_secret="secret"),
    "secret": lambda s: post(PAR, basic("app", long())),
    "issuer of an assertion": lambda s: post(
        PAR, client_assertion_type=TYPE, client_assertion=signed(claims(s, iss=long()[:9_000]))
    ),
    "kid of an assertion": lambda s: post(
        PAR, client_assertion_type=TYPE, client_assertion=signed(claims(s, "jwt"), kid=long()[:2_000])
    ),
    "code": lambda s: post(TOKEN, client_id="spa", grant_type="authorization_code", code=long()),
    "refresh token": lambda s: post(TOKEN, client_id="spa", grant_type="refresh_token", refresh_token=long()),
    "grant type": lambda s: post(TOKEN, client_id="spa", grant_type=long()),
    "access token": lambda s: Sent("GET", USERINFO, headers=[(b"authorization", f"Bearer {long()}".encode())]),
    "cookie": lambda s: Sent(
        "GET", "/oauth2/logout", headers=[(b"cookie", f"pushgate-session-default={long()}".encode())]
    ),
    "path": lambda s: get(f"/{long()}"),
    "path below a page": lambda s: get(f"/oauth2/login/{long()}"),
    "realm": lambda s: get(f"/realms/{long()}/oauth2/jwks"),
    "short realm": lambda s: get(f"/realms/r{next(_numbers)}/oauth2/jwks", x=long()),
    "origin": lambda s: post(PAR, (b"origin", f"https://{long()}".encode())),
}
"""Where a stranger can put something long."""


def forget_a_little() -> None:
    """Caches of a few hundred entries may fill up: that is an end, not a leak."""
    gc.collect()
    for found in gc.get_objects():
        if isinstance(found, _lru_cache_wrapper) and (found.cache_parameters()["maxsize"] or BOUND + 1) <= BOUND:
            found.cache_clear()


@pytest.mark.parametrize("case", ATTACKS)
async def test_strangers_cannot_fill_the_memory(case: str) -> None:
    with capture_logs() as logs:
        async with running(MANIFEST.replace("failures_per_minute: 0", "failures_per_minute: 1000")) as server:

            async def send(times: int) -> int:
                for _ in range(times):
                    one = ATTACKS[case](server)
                    reply = await raw(
                        server.app, one.method, one.path, query=one.query, headers=one.headers, body=one.body
                    )
                    assert reply.status < 500, reply.body
                await server.server.journal.flush()
                logs.clear()
                forget_a_little()
                return tracemalloc.get_traced_memory()[0]

            tracemalloc.start()
            try:
                before = await send(10)
                after = await send(TIMES)
            finally:
                tracemalloc.stop()
    assert (after - before) / TIMES < ALLOWED
