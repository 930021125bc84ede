"""Guess a request_uri: from another one, from the stored table, or by making the server read it loosely."""

from __future__ import annotations

import httpx
import pytest

from pushgate.testing import Running
from tests.support.manifests import APP, REQUEST
from tests.support.steps import shown

URN = "urn:ietf:params:oauth:request_uri:"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


async def push(server: Running) -> str:
    reply = await server.http.post("/oauth2/par", auth=APP, data=REQUEST)
    assert reply.status_code == 201
    return str(reply.json()["request_uri"])


async def visit(server: Running, request_uri: str) -> httpx.Response:
    return await server.http.get("/oauth2/authorize", params={"client_id": "app", "request_uri": request_uri})


def stopped(page: httpx.Response, refusal: str = "authorize.request_uri_unknown") -> None:
    shown(page, 400, "invalid_request_uri", refusal)


def alive(reply: httpx.Response) -> None:
    assert reply.status_code == 303
    assert "/login/" in reply.headers["location"]


@pytest.mark.requirement("PAR-2.2-3", "PAR-4-7")
async def test_alter_one_character(server: Running) -> None:
    handle = (await push(server)).removeprefix(URN)
    for position, char in enumerate(handle):
        # The next letter of the alphabet differs in the lowest bits alone; in the last place those are padding.
        for other in {ALPHABET[(ALPHABET.index(char) + 1) % 64], ALPHABET[ALPHABET.index(char) ^ 1]}:
            stopped(await visit(server, f"{URN}{handle[:position]}{other}{handle[position + 1 :]}"))
    alive(await visit(server, URN + handle))


@pytest.mark.requirement("PAR-2.2-3", "PAR-4-7")
@pytest.mark.parametrize(
    "change",
    [
        "",
        "{0}=",
        "{0}==",
        "{0}\x00",
        "{0} ",
        " {0}",
        "{0}\n",
        "{0}%00",
        "{0}?x=y",
        "{0}#x",
        "{0}/",
        "{0}:{0}",
        "{0}\u200b",
        "{0:.42}",
        "{0:.8}",
        "*",
        "%",
        "_" * 43,
        "' OR '1'='1",
        "x" * 8000,
    ],
)
async def test_write_a_request_uri_otherwise(server: Running, change: str) -> None:
    handle = (await push(server)).removeprefix(URN)
    stopped(await visit(server, URN + change.format(handle)))
    alive(await visit(server, URN + handle))


@pytest.mark.requirement("PAR-4-7")
@pytest.mark.parametrize("change", ["{0}", "URN:ietf:params:oauth:request_uri:{0}", "urn:example:{0}", "http://{0}/"])
async def test_use_a_handle_outside_its_namespace(server: Running, change: str) -> None:
    handle = (await push(server)).removeprefix(URN)
    stopped(await visit(server, change.format(handle)), "authorize.request_uri_foreign")
    alive(await visit(server, URN + handle))


@pytest.mark.requirement("PAR-2.2-3")
async def test_change_the_case_of_a_handle(server: Running) -> None:
    handle = (await push(server)).removeprefix(URN)
    for other in {handle.upper(), handle.lower(), handle.swapcase()} - {handle}:
        stopped(await visit(server, URN + other))


@pytest.mark.requirement("PAR-2.2-3", "PAR-2.1-9")
async def test_read_a_request_uri_from_a_leaked_table(server: Running) -> None:
    request_uri = await push(server)
    rows = server.transient._connection.execute("SELECT key FROM transient").fetchall()
    assert len(rows) == 1
    for key in (rows[0][0].hex(), rows[0][0].decode("latin-1")):
        stopped(await visit(server, URN + key))
    assert request_uri.removeprefix(URN).encode() not in server.transient._connection.serialize()


@pytest.mark.requirement("PAR-2.2-3")
async def test_foretell_a_handle_from_those_of_the_same_moment(server: Running) -> None:
    handles = [(await push(server)).removeprefix(URN) for _ in range(50)]
    # Whatever they share (such as the time), what differs is more than anybody can try.
    shared = len(handles[0])
    while len({handle[:shared] for handle in handles}) > 1:
        shared -= 1
    assert (len(handles[0]) - shared) * 6 - 2 >= 128
    assert len({handle[shared : shared + 5] for handle in handles}) > 45
    assert len({handle[-5:] for handle in handles}) > 45
