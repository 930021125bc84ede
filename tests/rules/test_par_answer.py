"""What a good push is answered: 201, a fresh unguessable reference, and how long it may be used."""

from __future__ import annotations

import random
from base64 import urlsafe_b64decode

import httpx
import pytest

from pushgate.model import PushedAuthorizationRequest
from pushgate.testing import Running
from tests.support.manifests import APP, REQUEST

URN = "urn:ietf:params:oauth:request_uri:"
MANY = 200


async def push(server: Running, data: dict[str, str] = REQUEST) -> httpx.Response:
    return await server.http.post("/oauth2/par", auth=APP, data=data)


async def handles(server: Running, count: int) -> list[str]:
    return [(await push(server)).json()["request_uri"].removeprefix(URN) for _ in range(count)]


@pytest.mark.requirement("PAR-2.2-1", "PAR-2.2-4", "PAR-2.2-7", "VEN-S-1")
async def test_a_push_is_answered_201_with_a_reference_and_its_life_and_nothing_else(server: Running) -> None:
    reply = await push(server)
    assert reply.status_code == 201
    assert reply.headers["content-type"] == "application/json"
    assert {"no-cache", "no-store"} <= {part.strip() for part in reply.headers["cache-control"].split(",")}
    assert reply.json().keys() == {"request_uri", "expires_in"}
    assert reply.json()["request_uri"].startswith(URN)
    assert type(reply.json()["expires_in"]) is int
    assert reply.json()["expires_in"] == 60


@pytest.mark.requirement("PAR-2.2-1", "VEN-S-1")
@pytest.mark.parametrize("accept", ["text/html", "application/xml;q=1, */*;q=0", "*/*"])
async def test_the_answer_is_json_whatever_the_client_says_it_accepts(server: Running, accept: str) -> None:
    reply = await server.http.post("/oauth2/par", auth=APP, data=REQUEST, headers={"accept": accept})
    assert reply.status_code == 201
    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["request_uri"].startswith(URN)


@pytest.mark.requirement("PAR-2.2-3", "JAR-10.2-1")
async def test_a_handle_has_128_bits_that_nobody_can_foretell(server: Running) -> None:
    decoded = [urlsafe_b64decode(handle + "=") for handle in await handles(server, MANY)]
    assert {len(value) for value in decoded} == {32}
    assert len(set(decoded)) == MANY
    counts = [sum(value[bit // 8] >> bit % 8 & 1 for value in decoded) for bit in range(256)]
    # Mean 100, standard deviation 7.07: a fair bit leaves these bounds once in ten thousand million runs.
    fair = [bit for bit, ones in enumerate(counts) if 50 < ones < 150]
    assert len(fair) >= 128, counts
    # No two of them move together, so they are as many as they seem.
    columns = {tuple(value[bit // 8] >> bit % 8 & 1 for value in decoded) for bit in fair}
    assert len(columns) == len(fair)


@pytest.mark.requirement("PAR-2.2-3")
async def test_the_handle_does_not_come_from_a_generator_that_can_be_seeded(server: Running) -> None:
    state = random.getstate()
    try:
        random.seed(1)
        first = await handles(server, 1)
        random.seed(1)
        assert await handles(server, 1) != first
    finally:
        random.setstate(state)


@pytest.mark.requirement("PAR-2.2-6")
async def test_two_pushes_of_one_body_give_two_references_that_both_work(server: Running) -> None:
    references = [(await push(server)).json()["request_uri"] for _ in range(2)]
    assert references[0] != references[1]
    for reference in references:
        browser = server.browser()
        await browser.open("/oauth2/authorize", params={"client_id": "app", "request_uri": reference})
        await browser.sign_in()
        if browser.landed is None:  # consent is asked for once
            await browser.allow()
        assert browser.answer["code"]
        assert browser.answer["state"] == REQUEST["state"]


@pytest.mark.requirement("PAR-2.1-10")
@pytest.mark.parametrize(
    "extra",
    [
        {"grant_type": "authorization_code"},
        {"grant_type": "client_credentials"},
        {"code": "a-code"},
        {"code_verifier": "not-the-verifier-of-this-challenge-but-of-some-other"},
        {"refresh_token": "a-refresh-token"},
        {"grant_type": "refresh_token", "code": "c", "code_verifier": "v", "refresh_token": "r", "scope2": "write"},
    ],
    ids="+".join,
)
async def test_parameters_of_the_token_endpoint_change_nothing(server: Running, extra: dict[str, str]) -> None:
    context = await server.server.realm()
    assert context is not None
    records = []
    for data in (REQUEST, REQUEST | extra):
        reply = await push(server, data)
        assert reply.status_code == 201
        handle = reply.json()["request_uri"].removeprefix(URN)
        stored = await context.transient.get("par", context.transient.key("par", handle))
        assert stored is not None
        records.append(PushedAuthorizationRequest.decode(stored.value))
    assert records[0].request == records[1].request
    assert records[0].scope == records[1].scope
