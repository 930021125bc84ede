"""Win a race against the server: fifty at the same moment, on two workers, and only one may get through.

Each round is held behind a start barrier: fifty connections, half of them at each worker process, have sent
everything but the last byte of their request; then all last bytes go out together.
"""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from httpx import BasicAuth
from joserfc import jwt

from pushgate.testing import Browser
from tests.support.connections import Answer, Connection, across_workers, volley
from tests.support.live import Live, serving
from tests.support.manifests import APP, KEY, MANIFEST, REDIRECT, REQUEST, VERIFIER
from tests.support.steps import SPA

ROUNDS = 100  # of each kind; all four kinds take about fifteen seconds on two cores
RACERS = 50
WORKERS = 2
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SESSION = "pushgate-session-default"

_numbers = itertools.count()
_basic = next(BasicAuth(*APP).auth_flow(httpx.Request("GET", "http://x"))).headers["authorization"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """`pushgate serve --workers 2`."""
    with serving(tmp_path_factory.mktemp("races"), MANIFEST, "--workers", str(WORKERS)) as found:
        yield found
        assert "Traceback" not in found.log
        assert '"level":"error"' not in found.log


async def racers(server: Live) -> list[Connection]:
    """Connections to both workers, each of which knows the clients by now."""
    connections = await across_workers(server.url, RACERS // WORKERS, WORKERS)
    for connection in connections[:WORKERS]:
        deadline = time.monotonic() + 10
        while (await push(connection)).status != 201:
            assert time.monotonic() < deadline, "a worker does not know the client"
    return connections


def turned(connections: list[Connection]) -> list[Connection]:
    """Another one goes first this time, at another worker."""
    return [*connections[1:], connections[0]]


async def push(connection: Connection) -> Answer:
    """A push of the client `app`."""
    return await connection.ask(connection.post("/oauth2/par", REQUEST, authorization=_basic))


async def request_uri(connection: Connection) -> str:
    """A fresh request_uri."""
    answer = await push(connection)
    assert answer.status == 201
    return str(answer.json["request_uri"])


async def session(server: Live, client_id: str = "app", request: dict[str, str] = REQUEST) -> str:
    """The session cookie of a user who has signed in and consented."""
    async with httpx.AsyncClient(base_url=server.url) as http:
        browser = await Browser(http).open("/oauth2/authorize", params={"client_id": client_id, **request})
        await browser.sign_in()
        if browser.landed is None:
            await browser.allow()
        assert "code" in browser.answer
        return http.cookies[SESSION]


def completion(connection: Connection, uri: str, cookie: str, client_id: str = "app") -> bytes:
    """A visit that completes the request at once, in a browser of its own."""
    browser = f"{next(_numbers):043}"
    query = {"client_id": client_id, "request_uri": uri}
    return connection.get("/oauth2/authorize", query, cookie=f"{SESSION}={cookie}; pushgate-browser={browser}")


def redemption(connection: Connection, code: str) -> bytes:
    """A redemption of a code of the client `app`."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    return connection.post("/oauth2/token", form, authorization=_basic)


def code_in(answer: Answer) -> str:
    """The code of an authorization response."""
    assert answer.status == 303
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


def rows(server: Live, query: str) -> list[tuple[object, ...]]:
    """What the durable store holds."""
    with closing(sqlite3.connect(server.folder / "pushgate-data" / "pushgate.db")) as database, database:
        return database.execute(query).fetchall()


def outcomes(answers: list[Answer]) -> Counter[tuple[int, str | None]]:
    """How many answers of each status and refusal."""
    return Counter((answer.status, answer.refusal) for answer in answers)


@pytest.mark.requirement("PAR-4-2")
async def test_fifty_completions_of_one_request_give_one_code(server: Live) -> None:
    connections = await racers(server)
    cookie = await session(server)
    [[before]] = rows(server, "SELECT count(*) FROM grants")
    codes, winners = set(), set()
    for _ in range(ROUNDS):
        uri = await request_uri(connections[0])
        connections = turned(connections)
        answers = await volley(connections, [completion(c, uri, cookie) for c in connections])
        assert outcomes(answers) == {(303, None): 1, (400, "authorize.request_uri_used"): RACERS - 1}
        [won] = [answer for answer in answers if answer.status == 303]
        assert won.headers["location"].startswith(f"{REDIRECT}?")
        lost = [answer for answer in answers if answer.status != 303]
        assert all(b"invalid_request_uri" in a.body and "location" not in a.headers for a in lost)
        codes.add(code_in(won))
        winners.add(won.worker)
    assert len(codes) == ROUNDS
    assert len(winners) == WORKERS, "one worker won every round: the race was none"
    assert rows(server, "SELECT count(*) FROM grants") == [(before + ROUNDS,)]  # type: ignore[operator]


@pytest.mark.requirement("OA-4.1.2-1", "OA-4.1.2-2")
async def test_fifty_redemptions_of_one_code_give_one_token(server: Live) -> None:
    connections = await racers(server)
    cookie = await session(server)
    winners = set()
    for _ in range(ROUNDS):
        first, *_rest = connections
        code = code_in(await first.ask(completion(first, await request_uri(first), cookie)))
        connections = turned(connections)
        answers = await volley(connections, [redemption(c, code) for c in connections])
        [won] = [answer for answer in answers if answer.status == 200]
        lost = [answer for answer in answers if answer.status != 200]
        # A loser that comes after another loser has revoked the grant may be told so instead.
        assert {(a.status, a.refusal) for a in lost} <= {(400, "code.replayed"), (400, "token.grant_revoked")}
        assert {a.json["error"] for a in lost} == {"invalid_grant"}
        winners.add(won.worker)
        tokens = won.json
        use = await first.ask(first.get("/oauth2/userinfo", authorization=f"Bearer {tokens['access_token']}"))
        assert (use.status, use.refusal) == (401, "userinfo.token_invalid")
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        refresh = await first.ask(first.post("/oauth2/token", form, authorization=_basic))
        assert (refresh.status, refresh.refusal) == (400, "refresh.invalid")
    assert len(winners) == WORKERS, "one worker won every round: the race was none"


async def refresh_token(connection: Connection, cookie: str) -> str:
    """A fresh refresh token of the public client `spa`."""
    pushed = await connection.ask(connection.post("/oauth2/par", {"client_id": "spa", **SPA}))
    code = code_in(await connection.ask(completion(connection, pushed.json["request_uri"], cookie, "spa")))
    form = {"grant_type": "authorization_code", "client_id": "spa", "code": code, "code_verifier": VERIFIER}
    tokens = await connection.ask(connection.post("/oauth2/token", {**form, "redirect_uri": SPA["redirect_uri"]}))
    return str(tokens.json["refresh_token"])


def refreshing(connection: Connection, token: str) -> bytes:
    """A use of a refresh token of `spa`."""
    form = {"grant_type": "refresh_token", "client_id": "spa", "refresh_token": token}
    return connection.post("/oauth2/token", form)


@pytest.mark.requirement("BCP-2.2.2-1")
async def test_fifty_uses_of_one_rotating_refresh_token_give_one_and_end_the_family(server: Live) -> None:
    connections = await racers(server)
    cookie = await session(server, "spa", SPA)
    winners = set()
    for _ in range(ROUNDS):
        token = await refresh_token(connections[0], cookie)
        connections = turned(connections)
        answers = await volley(connections, [refreshing(c, token) for c in connections])
        [won] = [answer for answer in answers if answer.status == 200]
        lost = [answer for answer in answers if answer.status != 200]
        # A loser that comes after another loser has revoked the grant may be told so instead.
        assert {(a.status, a.refusal) for a in lost} <= {(400, "refresh.replayed"), (400, "refresh.invalid")}
        assert {a.json["error"] for a in lost} == {"invalid_grant"}
        winners.add(won.worker)
        heir = await connections[0].ask(refreshing(connections[0], won.json["refresh_token"]))
        assert (heir.status, heir.refusal) == (400, "refresh.invalid")
    assert len(winners) == WORKERS, "one worker won every round: the race was none"


@pytest.mark.requirement("ASSERT-7523-3-8")
async def test_fifty_uses_of_one_assertion_push_once(server: Live) -> None:
    connections = await racers(server)
    winners = set()
    form = {"response_type": "code", "redirect_uri": "https://jwt.example/cb", "scope": "openid"}
    for number in range(ROUNDS):
        now = int(time.time())
        claims = {"iss": "jwt", "sub": "jwt", "aud": server.url, "iat": now, "exp": now + 60, "jti": f"race-{number}"}
        assertion = jwt.encode({"alg": "ES256", "kid": "test-key"}, claims, KEY)
        proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        connections = turned(connections)
        answers = await volley(connections, [c.post("/oauth2/par", form | proof) for c in connections])
        assert outcomes(answers) == {(201, None): 1, (401, "assertion.replay"): RACERS - 1}
        lost = [answer for answer in answers if answer.status == 401]
        assert {a.json["error"] for a in lost} == {"invalid_client"}
        winners |= {answer.worker for answer in answers if answer.status == 201}
    assert len(winners) == WORKERS, "one worker won every round: the race was none"


async def test_a_race_at_two_endpoints_with_one_assertion_has_one_winner(server: Live) -> None:
    """The token endpoint and the push endpoint remember the same assertions."""
    connections = await racers(server)
    push_form = {"response_type": "code", "redirect_uri": "https://jwt.example/cb", "scope": "openid"}
    token_form = {"grant_type": "authorization_code", "code": "x"}
    for number in range(10):
        now = int(time.time())
        claims = {"iss": "jwt", "sub": "jwt", "aud": server.url, "iat": now, "exp": now + 60, "jti": f"both-{number}"}
        assertion = jwt.encode({"alg": "ES256", "kid": "test-key"}, claims, KEY)
        proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        requests = [
            c.post("/oauth2/par", push_form | proof) if index % 4 < 2 else c.post("/oauth2/token", token_form | proof)
            for index, c in enumerate(connections)
        ]
        found = outcomes(await volley(connections, requests))
        assert found[401, "assertion.replay"] == RACERS - 1
        assert found[201, None] + found[400, "code.invalid"] == 1
