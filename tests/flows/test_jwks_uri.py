"""A client publishes its keys at `jwks_uri`: fetched over real TLS when first needed, kept, renewed when keys change.

RFC 7523 3, RFC 7517 5, OpenID Connect Core 10.1.1.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwe
from joserfc.jwk import OctKey, RSAKey

from pushgate.fetch import Fetcher
from pushgate.testing import Running, running
from tests.support.assertions import FORMS, MAC_SECRET, accepted, b64, claims, key, public, send, signed
from tests.support.introspection import INTROSPECT
from tests.support.steps import PAR, refused, stored, used
from tests.unit.fetch_support import PUBLIC, Names, Origin, Route, authority, reply

Serve = Callable[..., AbstractAsyncContextManager[Running]]

FRESH = 300  # seconds that a fetched document is used without asking
PAUSE = 30  # seconds between two refetches for an unknown kid
FAILED = 10  # seconds that a failure is remembered
STALE = 3600  # seconds that a good document outlives its server


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    """The client's own server, which has one key to begin with."""
    async with Origin(authority().server_context(["keys.example", "127.0.0.1"])) as found:
        publish(found, "p256")
        yield found


def publish(origin: Origin, *names: str, **members: Any) -> None:
    """Put these keys, and nothing else, at the jwks_uri."""
    document(origin, public(*names) | members)


def document(origin: Origin, content: Any, status: str = "200 OK") -> None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    origin.routes["/jwks"] = reply(body, status)


@pytest.fixture
def serve(tmp_path: Path, origin: Origin) -> Serve:
    """A server in both of whose realms the clients `any` and `fixed` publish their keys at the origin."""
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(authority().pem())

    @asynccontextmanager
    async def start(uri: str = origin.url(), **options: Any) -> AsyncIterator[Running]:
        found = {"ca_file": ca_file, "resolver": Names(keys_example=[[PUBLIC]]), "dial": Route()} | options
        async with running(manifest(uri), fetcher=Fetcher(**found)) as server:
            yield server

    return start


def manifest(uri: str) -> str:
    common = {
        "redirect_uris": ["https://client.example/cb"],
        "scope": "write",
        "grant_types": ["authorization_code", "client_credentials"],
        "token_endpoint_auth_method": "private_key_jwt",
    }
    clients = [{"client_id": name, "jwks_uri": uri} | common for name in ("any", "fixed")]
    sealed = {"client_id": "sealed", "client_secret": MAC_SECRET, "grant_types": ["client_credentials"]}
    clients.append(sealed | {"jwks_uri": uri, "introspection_encrypted_response_alg": "RSA-OAEP-256"})
    clients.append({"client_id": "single", "jwks": public("p256")} | common)
    resources = [{"identifier": "https://api.example", "scopes": ["write"]}]
    realm = {"rates": {"failures_per_minute": 0}, "resources": resources, "clients": clients}
    return json.dumps({"realms": [{"name": "default"} | realm, {"name": "beta"} | realm]})


def fresh(server: Running, name: str = "p256", client_id: str = "any", **header: Any) -> str:
    """A new assertion signed with the key of this name."""
    alg = {"rsa": "RS256", "rsa-other": "RS256", "ed25519": "EdDSA", "p384": "ES384"}.get(name, "ES256")
    return signed(claims(server, client_id), alg=alg, by=key(name), **header)


async def bad(server: Running, token: str, refusal: str = "assertion.key", path: str = PAR) -> None:
    """Refused, and nothing is stored."""
    before = stored(server), used(server)
    refused(await send(server, path, token), 401, "invalid_client", refusal)
    assert (stored(server), used(server)) == before


# --- Fetched once ------------------------------------------------------------------------------------------


@pytest.mark.requirement("ASSERT-7523-3-12")
async def test_the_first_use_fetches_and_the_next_ones_do_not(serve: Serve, origin: Origin) -> None:
    async with serve() as server:
        assert origin.requests == []
        for _ in range(3):
            for path in FORMS:
                accepted(await send(server, path, fresh(server)))
        accepted(await send(server, PAR, fresh(server, client_id="fixed")))
        assert [path for path, _ in origin.requests] == ["/jwks"]


@pytest.mark.requirement("ASSERT-7523-3-12")
async def test_many_at_once_fetch_once(serve: Serve, origin: Origin) -> None:
    async with serve() as server:
        for answer in await asyncio.gather(*(send(server, PAR, fresh(server)) for _ in range(30))):
            accepted(answer)
        assert len(origin.requests) == 1


async def test_realms_share_what_was_fetched_but_nothing_else(serve: Serve, origin: Origin) -> None:
    async with serve() as server:
        issuer = f"{server.server.base_url}/realms/beta"
        accepted(await send(server, PAR, fresh(server)))
        accepted(await send(server, PAR, signed(claims(server, aud=issuer)), realm="/realms/beta"))
        assert len(origin.requests) == 1


@pytest.mark.parametrize("name", ["p256", "p384", "rsa", "ed25519"])
async def test_every_kind_of_key(serve: Serve, origin: Origin, name: str) -> None:
    publish(origin, "p256", "p384", "rsa", "ed25519", comment="and a member that means nothing")
    async with serve() as server:
        accepted(await send(server, PAR, fresh(server, name)))


# --- Keys change -------------------------------------------------------------------------------------------


@pytest.mark.requirement("ASSERT-7523-3-12")
async def test_a_new_key_is_accepted_after_one_refetch(serve: Serve, origin: Origin) -> None:
    async with serve() as server:
        accepted(await send(server, PAR, fresh(server)))
        publish(origin, "p256", "p256-new")
        for _ in range(3):
            accepted(await send(server, PAR, fresh(server, "p256-new")))
            accepted(await send(server, PAR, fresh(server)))
        assert len(origin.requests) == 2


@pytest.mark.requirement("ASSERT-7523-3-12")
async def test_an_old_key_is_refused_once_its_removal_is_seen(serve: Serve, origin: Origin) -> None:
    async with serve() as server:
        accepted(await send(server, PAR, fresh(server)))
        publish(origin, "p256-new")
        accepted(await send(server, PAR, fresh(server)))  # nobody has looked yet
        accepted(await send(server, PAR, fresh(server, "p256-new")))
        await bad(server, fresh(server))


async def test_a_removal_is_seen_after_five_minutes_at_the_latest(serve: Serve, origin: Origin) -> None:
    async with serve() as server:
        accepted(await send(server, PAR, fresh(server)))
        publish(origin, "p256-new")
        server.clock.advance(FRESH - 1)
        accepted(await send(server, PAR, fresh(server)))
        server.clock.advance(1)
        await bad(server, fresh(server))


async def test_another_key_under_the_same_kid_counts_after_five_minutes(serve: Serve, origin: Origin) -> None:
    async with serve() as server:
        accepted(await send(server, PAR, fresh(server)))
        document(origin, {"keys": [key("twin").as_dict(private=False) | {"kid": "p256"}]})
        await bad(server, fresh(server, "twin", kid="p256"), "assertion.signature")
        server.clock.advance(FRESH)
        accepted(await send(server, PAR, fresh(server, "twin", kid="p256")))
        await bad(server, fresh(server), "assertion.signature")


@pytest.mark.requirement("ASSERT-7523-3-12")
async def test_a_flood_of_unknown_kids_causes_few_fetches(serve: Serve, origin: Origin) -> None:
    async with serve() as server:
        accepted(await send(server, PAR, fresh(server)))
        for window in range(3):
            for number in range(20):
                await bad(server, fresh(server, "twin", kid=f"no-{window}-{number}"))
            assert len(origin.requests) == 2 + window
            server.clock.advance(PAUSE)


@pytest.mark.requirement("ASSERT-7523-3-12")
async def test_a_flood_at_one_moment_causes_one_fetch(serve: Serve, origin: Origin) -> None:
    async with serve() as server:
        accepted(await send(server, PAR, fresh(server)))
        tokens = [fresh(server, "twin", kid=f"no-{number}") for number in range(50)]
        for answer in await asyncio.gather(*(send(server, PAR, token) for token in tokens)):
            refused(answer, 401, "invalid_client", "assertion.key")
        assert len(origin.requests) == 2


@pytest.mark.requirement("ASSERT-7523-3-12")
async def test_who_cannot_sign_cannot_make_the_server_fetch_for_a_method_of_another_client(
    serve: Serve, origin: Origin
) -> None:
    """Unknown clients, clients with keys of their own, and wrong algorithms cause no fetch at all."""
    async with serve() as server:
        await bad(server, fresh(server, "twin", "nobody"), "client.authentication")
        await bad(server, fresh(server, "twin", "single"))
        await bad(server, signed(claims(server), alg="HS256"), "assertion.alg")
        assert origin.requests == []


async def test_without_kid_no_key_is_missing(serve: Serve, origin: Origin) -> None:
    publish(origin, "p256", "p256-new", "rsa")
    async with serve() as server:
        for name in ("p256", "p256-new", "rsa"):
            accepted(await send(server, PAR, fresh(server, name, kid=None)))
        await bad(server, fresh(server, "twin", kid=None), "assertion.signature")
        assert len(origin.requests) == 1


# --- Keys to encrypt to ------------------------------------------------------------------------------------


@pytest.mark.requirement("JIR-5-6")
async def test_a_key_to_encrypt_to_is_found_after_one_refetch(serve: Serve, origin: Origin) -> None:
    async with serve() as server:
        ask: dict[str, Any] = {"url": INTROSPECT, "auth": ("sealed", MAC_SECRET), "data": {"token": "x"}}
        for _ in range(3):  # the one that is there is of another kind
            refused(await server.http.post(**ask), 400, "invalid_request", "introspection.key")
        assert len(origin.requests) == 2
        publish(origin, "p256", "rsa")
        server.clock.advance(PAUSE)
        for _ in range(3):
            text = (await server.http.post(**ask)).text
            opened = jwe.decrypt_compact(text, key("rsa"), ["RSA-OAEP-256", "A128CBC-HS256"]).plaintext
            assert (opened or b"").count(b".") == 2
        assert len(origin.requests) == 3


async def test_no_key_to_encrypt_to_where_the_origin_fails(serve: Serve, origin: Origin) -> None:
    document(origin, b"", "500 Oops")
    async with serve() as server:
        reply = await server.http.post(INTROSPECT, auth=("sealed", MAC_SECRET), data={"token": "x"})
        refused(reply, 400, "invalid_request", "introspection.key")
        assert len(origin.requests) == 1


# --- The origin fails --------------------------------------------------------------------------------------


@pytest.mark.requirement("ASSERT-7523-3-9")
async def test_unreachable(serve: Serve, origin: Origin) -> None:
    route = Route(dead=[PUBLIC])
    async with serve(dial=route) as server:
        for path in FORMS:
            await bad(server, fresh(server), path=path)
        assert len(route.dialled) == 1  # a failure is remembered
        route.dead = []
        await bad(server, fresh(server))
        server.clock.advance(FAILED)
        accepted(await send(server, PAR, fresh(server)))


async def test_a_good_document_outlives_its_server_for_an_hour(serve: Serve, origin: Origin) -> None:
    async with serve() as server:
        accepted(await send(server, PAR, fresh(server)))
        document(origin, b"", "503 Service Unavailable")
        server.clock.advance(STALE - 1)
        accepted(await send(server, PAR, fresh(server)))
        server.clock.advance(FAILED)
        await bad(server, fresh(server))
        publish(origin, "p256")
        server.clock.advance(FAILED)
        accepted(await send(server, PAR, fresh(server)))


async def test_a_failed_refetch_keeps_the_keys_that_are_known(serve: Serve, origin: Origin) -> None:
    async with serve() as server:
        accepted(await send(server, PAR, fresh(server)))
        document(origin, b"<html>", "500 Internal Server Error")
        await bad(server, fresh(server, "p256-new"))
        accepted(await send(server, PAR, fresh(server)))


async def test_a_slow_origin_holds_up_nobody_else(serve: Serve, origin: Origin) -> None:
    never = asyncio.Event()

    async def hang(writer: asyncio.StreamWriter) -> None:
        await never.wait()

    origin.routes["/jwks"] = hang
    async with serve(timeout=0.3) as server:
        waiting = asyncio.create_task(send(server, PAR, fresh(server)))
        await origin.asked.wait()
        accepted(await send(server, PAR, fresh(server, client_id="single")))
        assert not waiting.done()
        refused(await waiting, 401, "invalid_client", "assertion.key")


def jwk(**changes: Any) -> dict[str, Any]:
    return {**key("p256").as_dict(private=False), **changes}


NO_KEYS: dict[str, Any] = {
    "nothing": b"",
    "a page": b"<html><body>Sign in</body></html>",
    "a key without a set": jwk(),
    "an array": [jwk()],
    "null": None,
    "text": "keys",
    "no keys": {},
    "empty": {"keys": []},
    "null keys": {"keys": None},
    "keys that are an object": {"keys": {"p256": jwk()}},
    "keys that are text": {"keys": "p256"},
    "keys that are no objects": {"keys": [1, None, "p256", [jwk()]]},
    "keys twice": b'{"keys": [], "keys": []}',
    "half a document": json.dumps(public("p256")).encode()[:-5],
    "a document that is too large": public("p256") | {"padding": "x" * 70_000},
}
BAD_KEYS: dict[str, dict[str, Any]] = {
    "a private key": key("p256").as_dict(private=True),
    "a secret": OctKey.import_key(MAC_SECRET).as_dict() | {"kid": "p256"},
    "a key for encryption": jwk(use="enc"),
    "a key for another algorithm": jwk(alg="ES384"),
    "a key of an odd kind": jwk(kty=["EC"]),
    "a key of no kind": jwk(kty={}),
    "a key of the wrong kind": jwk(kty="RSA"),
    "a curve that is a list": jwk(crv=["P-256"]),
    "coordinates that are numbers": jwk(x=1, y=2),
    "coordinates that are nothing": jwk(x="", y=""),
    "coordinates off the curve": jwk(x=public("twin")["keys"][0]["x"]),
    "coordinates not in base64": jwk(x="é"),
}
DOCUMENTS = NO_KEYS | {case: {"keys": [bad_key]} for case, bad_key in BAD_KEYS.items()}


@pytest.mark.requirement("ASSERT-7523-3-9")
async def test_documents_without_a_key_that_can_be_used(
    serve: Serve, origin: Origin, subtests: pytest.Subtests
) -> None:
    async with serve() as server:
        for case, content in DOCUMENTS.items():
            document(origin, content)
            server.clock.advance(FRESH)
            with subtests.test(case):
                await bad(server, fresh(server))
        document(origin, public("p256"))
        server.clock.advance(FRESH)
        accepted(await send(server, PAR, fresh(server)))


async def test_a_good_key_among_bad_ones(serve: Serve, origin: Origin) -> None:
    """RFC 7517 5: keys that are not understood are passed over."""
    document(origin, {"keys": [*BAD_KEYS.values(), None, 5, "p256", jwk()]})
    async with serve() as server:
        accepted(await send(server, PAR, fresh(server)))


@pytest.mark.requirement("FAPI-5.4.1-2")
@pytest.mark.parametrize("bits", [1024, 2047])
@pytest.mark.filterwarnings("ignore:Key size should be")
async def test_a_weak_rsa_key(serve: Serve, origin: Origin, bits: int) -> None:
    weak = RSAKey.import_key(rsa.generate_private_key(65537, bits), {"kid": "weak"})
    document(origin, {"keys": [weak.as_dict(private=False), *public("p256")["keys"]]})
    async with serve() as server:
        await bad(server, signed(claims(server), alg="RS256", by=weak))
        accepted(await send(server, PAR, fresh(server)))


@pytest.mark.requirement("FAPI-5.4.1-2")
async def test_a_weak_curve(serve: Serve, origin: Origin) -> None:
    point = ec.generate_private_key(ec.SECP192R1()).public_key().public_numbers()
    coordinates = {"x": b64(point.x.to_bytes(24, "big")), "y": b64(point.y.to_bytes(24, "big"))}
    for crv in ("P-192", "secp192r1", "P-256"):
        weak = {"kty": "EC", "crv": crv, "kid": "weak", **coordinates}
        document(origin, {"keys": [weak, *public("p256")["keys"]]})
        async with serve() as server:
            await bad(server, fresh(server, kid="weak"))
            accepted(await send(server, PAR, fresh(server)))


@pytest.mark.requirement("ASSERT-7523-3-11")
async def test_a_published_secret_makes_no_mac_client(serve: Serve, origin: Origin) -> None:
    secret = OctKey.import_key(MAC_SECRET)
    document(origin, {"keys": [secret.as_dict() | {"kid": "mac", "alg": "HS256"}]})
    async with serve() as server:
        await bad(server, signed(claims(server), alg="HS256", kid="mac"), "assertion.alg")


# --- Where the server may be sent ----------------------------------------------------------------------------


INSIDE = {
    "loopback": ["127.0.0.1"],
    "six": ["::1"],
    "mapped": ["::ffff:127.0.0.1"],
    "private": ["10.0.0.1"],
    "local": ["fe80::1"],
    "metadata": ["169.254.169.254"],
    "mixed": [PUBLIC, "127.0.0.1"],
}
"""What the names of an attacker's domain lead to."""


async def test_a_private_address_is_refused(serve: Serve, origin: Origin, subtests: pytest.Subtests) -> None:
    """Whoever registers a client chooses where the server connects: not to its own neighbourhood."""
    names, route = Names(**{f"{name}_example": [found] for name, found in INSIDE.items()}), Route()
    async with serve(resolver=names, dial=route) as server:
        for host in ("127.0.0.1", "[::1]", *(f"{name}.example" for name in INSIDE)):
            with subtests.test(host):
                await server.apply(manifest(origin.url(host=host)))
                await bad(server, fresh(server))
    assert route.dialled == []
    assert origin.requests == []


async def test_a_private_address_that_the_operator_allows(serve: Serve, origin: Origin) -> None:
    async with serve(origin.url(host="127.0.0.1"), allow_hosts=["127.0.0.1"]) as server:
        accepted(await send(server, PAR, fresh(server)))


async def test_a_redirect_is_not_followed(serve: Serve, origin: Origin) -> None:
    origin.routes["/elsewhere"] = origin.routes["/jwks"]
    origin.routes["/jwks"] = reply(b"", "302 Found", f"Location: {origin.url('/elsewhere')}")
    async with serve() as server:
        await bad(server, fresh(server))
    assert {path for path, _ in origin.requests} == {"/jwks"}


async def test_a_certificate_of_another_name(serve: Serve, origin: Origin) -> None:
    async with serve(origin.url(host="other.example"), resolver=Names(other_example=[[PUBLIC]])) as server:
        await bad(server, fresh(server))
    assert origin.requests == []


async def test_nobody_learns_why(serve: Serve, origin: Origin) -> None:
    """What the origin says, and what is at an address, does not come out in the reply."""
    async with serve(origin.url(), resolver=Names(keys_example=[["127.0.0.1"]])) as inside:
        one = await send(inside, PAR, fresh(inside))
    document(origin, b"a secret of the neighbourhood")
    async with serve() as outside:
        other = await send(outside, PAR, fresh(outside))
    assert (one.status_code, one.content) == (other.status_code, other.content)
