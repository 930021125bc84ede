"""Gain by a crash: kill the server in the middle of its work, and use again what was used before."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from httpx import BasicAuth
from joserfc import jwt

from pushgate.testing import Browser
from pushgate.web.run import MIN_LIFE
from tests.support import live
from tests.support.connections import Answer, Broken, Connection, Gone, Load, across_workers
from tests.support.live import Live
from tests.support.manifests import APP, KEY, MANIFEST, REDIRECT, REQUEST, VERIFIER

WORKERS = 2
CODES = 120
LONG = "rates: {failures_per_minute: 0}\n    lifetimes: {code: 600}\n    pushed_authorization_requests: {lifetime: 600}"
SESSION = "pushgate-session-default"
BASIC = next(BasicAuth(*APP).auth_flow(httpx.Request("GET", "http://x"))).headers["authorization"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    """A server with two workers whose requests and codes live for ten minutes."""
    with live.serving(tmp_path, MANIFEST.replace("rates: {failures_per_minute: 0}", LONG), "--workers", "2") as found:
        yield found


def restarted(server: Live) -> Live:
    """The same data at the same address again."""
    return live.start(server.folder, "--workers", "2", port=urlsplit(server.url).port)


async def settled(server: Live) -> None:
    """Until both workers know the clients."""
    deadline = time.monotonic() + 10
    for connection in await across_workers(server.url, 1, WORKERS):
        while (await connection.ask(pushing(connection))).status != 201:
            assert time.monotonic() < deadline, "a worker does not know the client"


def pushing(connection: Connection) -> bytes:
    """A push of the client `app`."""
    return connection.post("/oauth2/par", REQUEST, authorization=BASIC)


def visiting(connection: Connection, uri: str, **cookie: str) -> bytes:
    """A visit with a request_uri."""
    return connection.get("/oauth2/authorize", {"client_id": "app", "request_uri": uri}, **cookie)


def redeeming(connection: Connection, code: str) -> bytes:
    """A redemption of a code of `app`."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    return connection.post("/oauth2/token", form, authorization=BASIC)


async def signed_in(server: Live) -> str:
    """A session cookie, with consent given."""
    async with httpx.AsyncClient(base_url=server.url) as http:
        browser = await Browser(http).open("/oauth2/authorize", params={"client_id": "app", **REQUEST})
        await browser.sign_in()
        await browser.allow()
        return f"{SESSION}={http.cookies[SESSION]}"


async def completed(server: Live, count: int) -> dict[str, str]:
    """Codes that wait to be redeemed, by the request_uri each came from."""
    cookie, connection = await signed_in(server), await Connection.open(server.url)
    found = {}
    for _ in range(count):
        uri = (await connection.ask(pushing(connection))).json["request_uri"]
        answer = await connection.ask(visiting(connection, uri, cookie=cookie))
        found[uri] = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    return found


async def redeemed(server: Live, codes: list[str]) -> dict[str, Answer | None]:
    """Redeem codes until the server goes away; None for the one whose answer was lost."""
    connection = await Connection.open(server.url)
    found: dict[str, Answer | None] = {}
    for code in codes:
        found[code] = None
        try:
            found[code] = await connection.ask(redeeming(connection, code))
        except (Gone, Broken):
            break
    return found


def outcome(answer: Answer) -> tuple[int, str | None]:
    """Status and refusal."""
    return answer.status, answer.refusal


async def test_kill_the_server_under_load_and_every_promise_is_kept(server: Live) -> None:
    await settled(server)
    by_uri = await completed(server, CODES)
    codes = list(by_uri.values())
    now = int(time.time())
    claims = {"iss": "jwt", "sub": "jwt", "aud": server.url, "iat": now, "exp": now + 600, "jti": "before the crash"}
    proof = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode({"alg": "ES256", "kid": "test-key"}, claims, KEY),
        "response_type": "code", "redirect_uri": "https://jwt.example/cb", "scope": "openid",
    }  # fmt: skip
    connection = await Connection.open(server.url)
    assert (await connection.ask(connection.post("/oauth2/par", proof))).status == 201

    load = Load(await across_workers(server.url, 10, WORKERS))
    running = asyncio.gather(
        load.run("/oauth2/par", REQUEST, authorization=BASIC),
        *(redeemed(server, codes[first::4]) for first in range(4)),
    )
    await load.reached(300)
    server.kill()
    _, *parts = await running
    outcomes = {code: answer for part in parts for code, answer in part.items()}
    assert {answer.status for answer in load.answers} == {201}
    before = [code for code, answer in outcomes.items() if answer is not None]
    assert {outcomes[code].status for code in before} == {200}  # type: ignore[union-attr]
    assert len(before) >= 10

    await asyncio.to_thread(wait_until_gone, server)
    again = restarted(server)
    try:
        connection = await Connection.open(again.url)
        for answer in load.answers:
            visit = await connection.ask(visiting(connection, answer.json["request_uri"]))
            assert (visit.status, visit.headers["location"].startswith("/oauth2/login/")) == (303, True)
        for uri in by_uri:
            visit = await connection.ask(visiting(connection, uri))
            assert outcome(visit) == (400, "authorize.request_uri_used")
        for code in codes:
            first = await connection.ask(redeeming(connection, code))
            second = await connection.ask(redeeming(connection, code))
            assert outcome(second) == (400, "code.replayed")
            if code in before:
                assert outcome(first) == (400, "code.replayed")
            elif code not in outcomes:
                assert outcome(first) == (200, None)
            else:
                assert outcome(first) in {(200, None), (400, "code.replayed")}
        replay = await connection.ask(connection.post("/oauth2/par", proof))
        assert outcome(replay) == (401, "assertion.replay")
        assert again.stop() == 0
    finally:
        if again.process.poll() is None:
            again.kill()


async def test_kill_the_parent_alone_and_no_worker_stays_behind(server: Live) -> None:
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(30)
    await asyncio.to_thread(wait_until_gone, server)
    again = restarted(server)
    assert again.stop() == 0


def wait_until_gone(server: Live) -> None:
    """Until nobody listens any more."""
    deadline = time.monotonic() + 30
    while is_up(server):
        assert time.monotonic() < deadline, "a worker goes on without anybody to stop it"


def is_up(server: Live) -> bool:
    """Whether anybody listens at the server's address."""
    parts = urlsplit(server.url)
    try:
        socket.create_connection((parts.hostname, parts.port), 1).close()
    except OSError:
        return False
    return True


def workers_of(server: Live) -> list[int]:
    """The process ids of the workers."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == server.process.pid:
            found.append(int(stat.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="/proc is missing: processes cannot be listed")
async def test_kill_one_worker_and_it_is_replaced_while_the_other_goes_on(server: Live) -> None:
    await settled(server)
    lived = time.monotonic() + MIN_LIFE
    load = Load(await across_workers(server.url, 10, WORKERS))
    running = asyncio.ensure_future(load.run("/oauth2/par", REQUEST, authorization=BASIC))
    while time.monotonic() < lived:  # who dies sooner is taken for one that cannot start
        await load.reached(len(load.answers) + 100)
    victim, survivor = workers_of(server)
    os.kill(victim, signal.SIGKILL)
    await load.reached(len(load.answers) + 300)
    connections = await across_workers(server.url, 1, WORKERS)
    assert set(workers_of(server)) > {survivor}
    assert {answer.status for answer in load.answers} == {201}
    for answer in load.answers[::10]:
        for connection in connections:
            visit = await connection.ask(visiting(connection, answer.json["request_uri"]))
            assert (visit.status, visit.headers["location"].startswith("/oauth2/login/")) == (303, True)
    assert '"event":"worker_died"' in server.log
    assert server.stop() == 0
    await running
