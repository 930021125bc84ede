"""The keys of an issuer at an API: fetched once, again when they are old or one is unknown, and not more often."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pushgate.resource import AccessRefused, ProtectedResource
from pushgate.resource.keys import AGAIN, FRESH, STALE
from pushgate.testing import FrozenClock
from tests.support.assertions import public, signed

METADATA = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"
AWAY = ", ".join(("resource.keys_unavailable", str(AGAIN)))
"""The refusal while there are no keys, and when to come again."""


@dataclass
class Issuer:
    """A real HTTP server with whatever documents a test gives it; `asked` are the paths that were requested."""

    url: str = ""
    documents: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    answer: threading.Event = field(default_factory=threading.Event)
    """Set, unless a test wants requests to wait."""

    def publish(self, *names: str) -> None:
        """Metadata, and these keys."""
        self.documents = {METADATA: {"issuer": self.url, "jwks_uri": f"{self.url}/jwks"}, "/jwks": public(*names)}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer with one key."""
    found = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            found.arrived.set()
            found.answer.wait(10)
            document = found.documents.get(self.path)
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(404 if document is None else 200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    found.publish("p256")
    found.answer.set()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Api:
    """An API that trusts the issuer."""

    resource: ProtectedResource
    issuer: Issuer
    clock: FrozenClock

    async def calls(self, by: str = "p256", kid: str | None = "") -> str:
        """Call it with a token signed by this key; what became of it."""
        alg = {"p256": "ES256", "p384": "ES384", "rsa": "PS256"}[by]
        now = int(self.clock())
        claims = {"iss": self.issuer.url, "sub": "a", "aud": "api", "client_id": "a", "jti": "1"}
        token = signed({**claims, "iat": now, "exp": now + 60}, alg=alg, typ="at+jwt", kid=by if kid == "" else kid)
        try:
            await self.resource.check(method="GET", url="/", headers={"authorization": f"Bearer {token}"})
        except AccessRefused as why:
            return f"{why.refusal}, {why.joined_headers['Retry-After']}" if why.status == 503 else why.refusal
        return "passed"


@pytest.fixture
def api(issuer: Issuer) -> Api:
    """An API with a clock that stands still."""
    clock = FrozenClock()
    return Api(ProtectedResource(issuer=issuer.url, audience="api", clock=clock), issuer, clock)


async def test_keys_are_fetched_when_the_first_token_comes_and_kept(api: Api) -> None:
    assert api.issuer.asked == []
    assert await asyncio.gather(*[api.calls() for _ in range(20)]) == ["passed"] * 20
    assert api.issuer.asked == [METADATA, "/jwks"]
    api.clock.advance(FRESH)
    assert await asyncio.gather(*[api.calls() for _ in range(20)]) == ["passed"] * 20
    assert api.issuer.asked == [METADATA, "/jwks", "/jwks"]


async def test_an_unknown_key_is_looked_for_once_in_a_while(api: Api) -> None:
    assert await api.calls() == "passed"
    api.clock.advance(AGAIN)
    api.issuer.publish("p256", "p384")
    assert await asyncio.gather(*[api.calls("p384") for _ in range(5)]) == ["passed"] * 5
    assert api.issuer.asked == [METADATA, "/jwks", "/jwks"]
    for kid in ("made-up", "made-up-too", None):
        assert await api.calls("rsa", kid) == "resource.token_signature"
    assert len(api.issuer.asked) == 3, "made-up keys make the API ask the issuer again and again"
    api.clock.advance(AGAIN)
    assert await asyncio.gather(*[api.calls("rsa", str(n)) for n in range(20)]) == ["resource.token_signature"] * 20
    assert len(api.issuer.asked) == 4


async def test_a_key_that_was_withdrawn_is_soon_forgotten(api: Api) -> None:
    assert await api.calls() == "passed"
    api.issuer.publish("p384")
    api.clock.advance(FRESH)
    assert await api.calls() == "resource.token_signature"


async def test_the_issuer_may_be_away_for_a_while(api: Api) -> None:
    assert await api.calls() == "passed"
    api.issuer.documents = {}
    api.clock.advance(FRESH)
    assert await api.calls() == "passed"
    api.clock.advance(STALE - FRESH)
    assert await api.calls() == AWAY
    api.issuer.publish("p256")
    assert await api.calls() == AWAY, "asked again at once"
    api.clock.advance(AGAIN)
    assert await api.calls() == "passed"


async def test_an_issuer_that_cannot_be_reached_lets_nothing_pass() -> None:
    clock = FrozenClock()
    issuer = Issuer("http://127.0.0.1:9")
    api = Api(ProtectedResource(issuer=issuer.url, audience="api", clock=clock), issuer, clock)
    assert await api.calls() == AWAY


async def test_metadata_where_rfc_8414_puts_it(api: Api) -> None:
    api.issuer.documents[OAUTH] = api.issuer.documents.pop(METADATA)
    assert await api.calls() == "passed"
    assert api.issuer.asked == [METADATA, OAUTH, "/jwks"]


@pytest.mark.parametrize(
    "change",
    [
        {METADATA: {"issuer": "https://evil.example", "jwks_uri": "{url}/jwks"}},
        {METADATA: {"issuer": "{url}/", "jwks_uri": "{url}/jwks"}},
        {METADATA: {"issuer": "{url}"}},
        {METADATA: {"issuer": "{url}", "jwks_uri": "http://keys.example/jwks"}},
        {METADATA: {"issuer": "{url}", "jwks_uri": 1}},
        {METADATA: []},
        {METADATA: None},
        {"/jwks": None},
        {"/jwks": {"keys": []}},
        {"/jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}},
        {"/jwks": []},
    ],
)
async def test_documents_that_are_not_as_they_must_be(api: Api, change: dict[str, Any]) -> None:
    api.issuer.documents |= json.loads(json.dumps(change).replace("{url}", api.issuer.url))
    assert await api.calls() == AWAY


def test_one_resource_serves_many_event_loops(api: Api) -> None:
    """As Django's synchronous views do, each in a loop of its own."""
    assert [asyncio.run(api.calls()) for _ in range(3)] == ["passed"] * 3
    assert api.issuer.asked == [METADATA, "/jwks"]


async def test_a_task_that_is_cancelled_leaves_nothing_behind(api: Api) -> None:
    api.issuer.answer.clear()
    task = asyncio.create_task(api.calls())
    assert await asyncio.to_thread(api.issuer.arrived.wait, 10)
    task.cancel()
    assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)
    api.issuer.answer.set()
    assert await api.calls() == "passed"


async def test_nobody_waits_for_new_keys_while_the_old_ones_serve(api: Api) -> None:
    assert await api.calls() == "passed"
    api.clock.advance(FRESH)
    api.issuer.answer.clear()
    api.issuer.arrived.clear()
    renews = asyncio.create_task(api.calls())
    assert await asyncio.to_thread(api.issuer.arrived.wait, 10)
    assert await api.calls() == "passed"
    assert not renews.done()
    api.issuer.answer.set()
    assert await renews == "passed"
