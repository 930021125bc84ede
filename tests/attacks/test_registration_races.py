"""Register more clients than an initial access token is good for, or bring a deleted one back, at two workers at once.

Each round is held behind a start barrier, as in test_races.py.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.connections import Answer, Connection, across_workers, volley
from tests.support.live import Live, serving

ROUNDS = 10
TOKENS = 4
RACERS = 20
WORKERS = 2
URI = "https://new.example/callback"
REALMS = """
realms:
  - {name: default, registration: {mode: "open", per_minute: 0}}
  - {name: closed, registration: {mode: token}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """`pushgate serve --workers 2`."""
    with serving(tmp_path_factory.mktemp("races"), REALMS, "--workers", str(WORKERS)) as found:
        yield found
        assert "Traceback" not in found.log
        assert '"level":"error"' not in found.log


def sent(connection: Connection, method: str, path: str, token: str | None = None, **members: Any) -> bytes:
    """A request with JSON, or without anything."""
    body = json.dumps(members).encode() if members else b""
    head = f"{method} {path} HTTP/1.1\r\nhost: {connection.host}\r\ncontent-length: {len(body)}\r\n"
    head += "content-type: application/json\r\n" if members else ""
    head += f"authorization: Bearer {token}\r\n" if token else ""
    return f"{head}\r\n".encode() + body


async def racers(server: Live) -> list[Connection]:
    """Connections, half of them at each worker."""
    return await across_workers(server.url, RACERS // WORKERS, WORKERS)


def statuses(answers: list[Answer]) -> dict[int, int]:
    """How many answers of each status."""
    found = [answer.status for answer in answers]
    return {status: found.count(status) for status in set(found)}


@pytest.mark.requirement("REG-7591-3-2")
@pytest.mark.parametrize("uses", [1, 3])
async def test_a_token_registers_as_many_clients_as_it_has_uses(server: Live, uses: int) -> None:
    # Before there are connections: the server closes those that are silent while a command runs.
    made = ("token", "initial", "--realm", "closed", "--uses", str(uses), "--json")
    tokens = [json.loads(server.pushgate(*made).stdout)["initial_access_token"] for _ in range(TOKENS)]
    connections = await racers(server)
    path = "/realms/closed/oauth2/register"
    for token in tokens:
        answers = await volley(connections, [sent(c, "POST", path, token, redirect_uris=[URI]) for c in connections])
        assert statuses(answers) == {201: uses, 401: RACERS - uses}
        assert {a.refusal for a in answers if a.status == 401} == {"registration.token"}
        assert len({a.json["client_id"] for a in answers if a.status == 201}) == uses


@pytest.mark.requirement("REG-7592-2.3-1")
async def test_no_update_at_another_worker_brings_a_deleted_client_back(server: Live) -> None:
    connections = await racers(server)
    for _ in range(ROUNDS):
        first = connections[0]
        client = (await first.ask(sent(first, "POST", "/oauth2/register", redirect_uris=[URI]))).json
        path, token = urlsplit(client["registration_client_uri"]).path, client["registration_access_token"]
        for connection in connections[:WORKERS]:
            assert (await connection.ask(sent(connection, "GET", path, token))).status == 200
        update = {"client_id": client["client_id"], "redirect_uris": [URI]}
        requests = [
            sent(c, "DELETE", path, token)
            if index in (8, 9, 10, 11)
            else sent(c, "PUT", path, token, **update, client_name=f"Name {index}")
            for index, c in enumerate(connections)
        ]
        found = statuses(await volley(connections, requests))
        assert found[204] == 1
        assert set(found) <= {200, 204, 401}
        with closing(sqlite3.connect(server.folder / "pushgate-data" / "pushgate.db")) as database, database:
            query = "SELECT count(*) FROM clients WHERE client_id = ?"
            assert database.execute(query, (client["client_id"],)).fetchone() == (0,)
