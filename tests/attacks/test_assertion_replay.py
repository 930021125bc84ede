"""Use a client assertion that was seen on its way a second time: here, elsewhere, respelt, or at the same moment.

RFC 7523 3 item 7, OpenID Connect Core 9 (`jti`).
"""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pushgate.store.ports import StoreUnavailable
from pushgate.testing import BASE_URL, Running, running
from tests.support.assertions import FORMS, accepted, b64, claims, key, manifest, send, signed
from tests.support.steps import PAR, TOKEN, refused, stored, used

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ENDPOINTS = [(first, second) for first in FORMS for second in FORMS]
SKEW = 10  # seconds that an assertion is accepted after its exp


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server with the clients of tests/support/assertions.py, in two realms."""
    async with running(manifest()) as found:
        yield found


async def replayed(server: Running, token: str, path: str = PAR, **more: Any) -> None:
    """The assertion is refused because it was used, and nothing is stored by it."""
    before = stored(server), used(server)
    refused(await send(server, path, token, **more), 401, "invalid_client", "assertion.replay")
    assert (stored(server), used(server)) == before


@pytest.mark.requirement("ASSERT-7523-3-8")
@pytest.mark.parametrize(("first", "second"), ENDPOINTS)
@pytest.mark.parametrize(("client_id", "alg"), [("any", "ES256"), ("any", "RS256"), ("mac", "HS256")])
async def test_use_it_again(server: Running, client_id: str, alg: str, first: str, second: str) -> None:
    token = signed(claims(server, client_id), alg=alg)
    accepted(await send(server, first, token))
    for _ in range(2):
        await replayed(server, token, second)


@pytest.mark.requirement("ASSERT-7523-3-8")
async def test_push_another_request_with_it(server: Running) -> None:
    token = signed(claims(server))
    accepted(await send(server, PAR, token, state="of the client"))
    await replayed(server, token, state="of the attacker")
    await replayed(server, token, client_id="any")


@pytest.mark.requirement("ASSERT-7523-3-8")
async def test_use_one_whose_push_failed(server: Running) -> None:
    """Whoever authenticates uses the assertion up, whatever comes of the rest of the request."""
    token = signed(claims(server))
    failed = await send(server, PAR, token, response_type=None)
    refused(failed, 400, "invalid_request", "request.response_type_missing")
    await replayed(server, token)


def other_half(signature: bytes) -> bytes:
    """The second signature that every ECDSA signature has: s and its negative both verify."""
    r, s = signature[:32], int.from_bytes(signature[32:])
    return r + (P256_ORDER - s).to_bytes(32)


def other_bits(token: str) -> str:
    """The same bytes in another spelling: base64 of 64 bytes leaves four bits unused."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) | 1]


@pytest.mark.requirement("ASSERT-7523-3-8")
async def test_change_the_signature_so_that_it_still_verifies(server: Running) -> None:
    token = signed(claims(server))
    head, _, tail = token.rpartition(".")
    negated = f"{head}.{b64(other_half(urlsafe_b64decode(tail + '==')))}"
    accepted(await send(server, PAR, token))
    await replayed(server, negated)
    respelt = other_bits(token)
    assert respelt != token
    reply = await send(server, PAR, respelt)
    assert reply.status_code == 401
    assert reply.headers["pushgate-refusal"] in ("assertion.replay", "assertion.malformed")


@pytest.mark.requirement("ASSERT-7523-3-8")
async def test_sign_the_same_jti_again(server: Running) -> None:
    """A client that numbers its assertions badly is told so, whatever else differs in them."""
    accepted(await send(server, PAR, signed(claims(server, jti="1"))))
    await replayed(server, signed(claims(server, jti="1"), alg="RS256"))
    await replayed(server, signed(claims(server, jti="1", aud=BASE_URL + TOKEN)), TOKEN)


@pytest.mark.requirement("ASSERT-7523-3-8")
async def test_sign_the_same_jti_again_with_another_lifetime(server: Running) -> None:
    now = int(server.clock())
    accepted(await send(server, PAR, signed(claims(server, jti="1", exp=now + 60))))
    await replayed(server, signed(claims(server, jti="1", exp=now + 61)))
    server.clock.advance(30)
    await replayed(server, signed(claims(server, jti="1")))


@pytest.mark.requirement("ASSERT-7523-3-8")
async def test_a_jti_is_of_one_client(server: Running) -> None:
    accepted(await send(server, PAR, signed(claims(server, jti="1"))))
    accepted(await send(server, PAR, signed(claims(server, "fixed", jti="1"))))
    accepted(await send(server, PAR, signed(claims(server, "mac", jti="1"), alg="HS256")))


@pytest.mark.requirement("ASSERT-7523-3-8", "ASSERT-7523-3-3")
async def test_take_it_to_another_realm(server: Running) -> None:
    """It is of no use there; and what was used in one realm says nothing about the other."""
    beta = BASE_URL + "/realms/beta"
    token = signed(claims(server, jti="1"))
    refused(await send(server, PAR, token, realm="/realms/beta"), 401, "invalid_client", "assertion.aud")
    accepted(await send(server, PAR, token))
    refused(await send(server, PAR, token, realm="/realms/beta"), 401, "invalid_client", "assertion.aud")
    accepted(await send(server, PAR, signed(claims(server, jti="1", aud=beta)), realm="/realms/beta"))


@pytest.mark.requirement("ASSERT-7523-3-8")
@pytest.mark.parametrize("paths", [(PAR, PAR), (TOKEN, TOKEN), (PAR, TOKEN)], ids=["par", "token", "both"])
async def test_use_it_twice_at_the_same_moment(server: Running, paths: tuple[str, str]) -> None:
    for _ in range(20):
        token = signed(claims(server))
        replies = await asyncio.gather(*(send(server, path, token) for path in paths))
        assert sorted(reply.status_code // 100 for reply in replies) == [2, 4]
        [late] = [reply for reply in replies if reply.status_code == 401]
        refused(late, 401, "invalid_client", "assertion.replay")


@pytest.mark.requirement("ASSERT-7523-3-8")
async def test_use_it_fifty_times_at_the_same_moment(server: Running) -> None:
    token = signed(claims(server))
    replies = await asyncio.gather(*(send(server, PAR, token) for _ in range(50)))
    assert sorted(reply.status_code for reply in replies) == [201] + [401] * 49
    assert (stored(server), used(server)) == (1, 1)


@pytest.mark.requirement("ASSERT-7523-3-8")
@pytest.mark.parametrize("lifetime", [1, 60, 3600])
async def test_wait_until_it_is_forgotten(server: Running, lifetime: int) -> None:
    """A jti is remembered as long as its assertion would be accepted, and not much longer."""
    token = signed(claims(server, exp=int(server.clock()) + lifetime, iat=None))
    accepted(await send(server, PAR, token))
    for seconds in (lifetime, SKEW - 1):
        server.clock.advance(seconds)
        await server.server.purge()
        await replayed(server, token)
    server.clock.advance(1)
    await server.server.purge()
    refused(await send(server, PAR, token), 401, "invalid_client", "assertion.exp")
    server.clock.advance(5)
    await server.server.purge()
    assert used(server) == 0
    refused(await send(server, PAR, token), 401, "invalid_client", "assertion.exp")


@pytest.mark.requirement("ASSERT-7523-3-8")
async def test_use_it_while_the_memory_fails(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody gets in whose assertion cannot be remembered."""
    token = signed(claims(server), by=key("p256"))

    def broken(*row: object) -> None:
        raise StoreUnavailable("no disk")

    with monkeypatch.context() as patched:
        patched.setattr(server.transient, "add_all", broken)
        for path in FORMS:
            refused(await send(server, path, token), 503, "temporarily_unavailable", "http.unavailable")
    assert stored(server) == 0
    accepted(await send(server, PAR, token))
