"""How often a request makes the server compute a signature: each one that it carries once, each token once."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from joserfc.jwk import Key

from pushgate.jose.algorithms import ALGORITHMS
from pushgate.testing import Running, running
from tests.support.assertions import claims, manifest, send, signed
from tests.support.proofs import proof
from tests.support.steps import PAR, TOKEN, refused


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server with the clients of tests/support/assertions.py."""
    async with running(manifest()) as found:
        yield found


class Counted:
    """An algorithm that does its work and counts it."""

    def __init__(self, algorithm: Any, work: Counter[str]) -> None:
        self.algorithm = algorithm
        self.work = work

    def sign(self, message: bytes, key: Key) -> bytes:
        """Sign, count."""
        self.work["signed"] += 1
        made: bytes = self.algorithm.sign(message, key)
        return made

    def verify(self, message: bytes, signature: bytes, key: Key) -> bool:
        """Verify, count."""
        self.work["verified"] += 1
        holds: bool = self.algorithm.verify(message, signature, key)
        return holds


@pytest.fixture
def work(server: Running, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What the server's algorithms, all of them, are asked to do from now on; tests sign with joserfc's."""
    counter: Counter[str] = Counter()
    for name, algorithm in ALGORITHMS.items():
        monkeypatch.setitem(ALGORITHMS, name, Counted(algorithm, counter))
    return counter


@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA"])
async def test_a_push_verifies_its_assertion_and_its_proof_once(server: Running, work: Counter[str], alg: str) -> None:
    headers = {"dpop": proof(server, PAR)}
    reply = await send(server, PAR, signed(claims(server), alg=alg), headers=headers)
    assert reply.status_code == 201, reply.text
    assert work == {"verified": 2}


async def test_a_token_request_verifies_both_once_and_signs_its_token_once(server: Running, work: Counter[str]) -> None:
    reply = await send(server, TOKEN, signed(claims(server)), headers={"dpop": proof(server)})
    assert reply.status_code == 200, reply.text
    assert reply.json()["token_type"] == "DPoP"
    assert work == {"verified": 2, "signed": 1}


@pytest.mark.parametrize("path", [PAR, TOKEN])
async def test_without_a_proof_there_is_one_signature_to_verify(server: Running, work: Counter[str], path: str) -> None:
    assert (await send(server, path, signed(claims(server)))).is_success
    assert work["verified"] == 1


async def test_what_can_be_refused_without_a_signature_costs_none(server: Running, work: Counter[str]) -> None:
    """A proof for another endpoint is not worth a verification, nor is an assertion that nobody could have made."""
    reply = await send(server, TOKEN, signed(claims(server)), headers={"dpop": proof(server, PAR)})
    refused(reply, 400, "invalid_dpop_proof", "dpop.htu")
    assert work == {"verified": 1}
    reply = await send(server, TOKEN, signed(claims(server, "nobody")), headers={"dpop": proof(server)})
    refused(reply, 401, "invalid_client", "client.authentication")
    assert work == {"verified": 1}, "the unknown client's"


async def test_a_replayed_request_is_verified_once_more_and_not_signed_for(server: Running, work: Counter[str]) -> None:
    assertion, proven = signed(claims(server)), proof(server)
    assert (await send(server, TOKEN, assertion, headers={"dpop": proven})).is_success
    reply = await send(server, TOKEN, assertion, headers={"dpop": proven})
    refused(reply, 401, "invalid_client", "assertion.replay")
    assert work == {"verified": 4, "signed": 1}
