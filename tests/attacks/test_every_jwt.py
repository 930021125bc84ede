"""The classic attacks on JWTs, each against every kind of JWT that the server takes, wherever it takes it.

RFC 8725 2 and 3; RFC 7515 4.1.11, 10.12; RFC 7516 11; RFC 9449 11.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwe
from joserfc.jwk import ECKey, Key, RSAKey

from pushgate.fetch import Fetcher
from pushgate.testing import BASE_URL, running
from tests.support.assertions import b64
from tests.support.certificates import self_signed
from tests.support.jwts import KINDS, PASSED, Kind, World, changed, futile, manifest

pytestmark = pytest.mark.asyncio(loop_scope="module")

OWN: dict[str, Key] = {"ES256": ECKey.generate_key("P-256"), "RS256": RSAKey.generate_key(2048)}
"""The attacker's keys, by algorithm."""
ELSEWHERE = "https://attacker.example/keys"
NAMING = {name: kind for name, kind in KINDS.items() if kind.typ != "dpop+jwt"}
"""What names its issuer or its audience; a proof names a URL instead."""
EVERY = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


class Nowhere:
    """A resolver for a server that has no reason to look anything up."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        return ["93.184.215.14"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    """A server that takes every kind; in these tests it fetches nothing."""
    nowhere = Nowhere()
    async with running(manifest(), sample_resource=True, fetcher=Fetcher(resolver=nowhere)) as server:
        yield await World.of(server)
    assert nowhere.asked == []


@EVERY
async def test_an_honest_one_is_taken(world: World, kind: Kind) -> None:
    """What the tests below would be, so that they fail for the right reason."""
    assert await kind.send(world, kind.made(world)) == PASSED


# --- No signature, or one that anybody can make ------------------------------------------------------------------


@pytest.mark.requirement("FAPI-5.4.1-1", "JAR-5-3", "DPOP-4.3-5", "ASSERT-7523-3-10")
@EVERY
@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "none ", "none\0", "", "null", "ｎone"], ids=ascii)
async def test_claim_that_no_signature_is_needed(world: World, kind: Kind, alg: str) -> None:
    genuine = kind.made(world).split(".")[2]
    for signature in ("", genuine):
        head = {**kind.header(world), "alg": alg}
        await futile(world, kind, f"{b64(head)}.{b64(kind.claims(world))}.{signature}", kind.refusals["alg"])


SECRETS: dict[str, Callable[[Any], bytes]] = {
    "PEM": lambda k: k.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "PEM without its last line break": lambda k: SECRETS["PEM"](k).rstrip(),
    "DER": lambda k: k.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "JWK": lambda k: json.dumps(k.as_dict(private=False), separators=(",", ":")).encode(),
    "thumbprint": lambda k: k.thumbprint().encode(),
    "nothing": lambda _: b"",
}


@EVERY
@pytest.mark.parametrize("secret", SECRETS)
async def test_sign_with_the_public_key(world: World, kind: Kind, secret: str) -> None:
    for alg, digest in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")):
        signing_input = f"{b64({**kind.header(world), 'alg': alg})}.{b64(kind.claims(world))}"
        mac = hmac.digest(SECRETS[secret](kind.signer(world)), signing_input.encode(), digest)
        await futile(world, kind, f"{signing_input}.{b64(mac)}", kind.refusals["alg"])


# --- A key of one's own ----------------------------------------------------------------------------------------

x5c = self_signed("attacker").jwk()["x5c"]
INJECTED: dict[str, Callable[[Key], dict[str, Any]]] = {
    "jwk": lambda own: {"jwk": own.as_dict(private=False)},
    "jku": lambda own: {"jku": ELSEWHERE},
    "jku of a file": lambda own: {"jku": "file:///etc/passwd"},
    "x5u": lambda own: {"x5u": ELSEWHERE},
    "x5c": lambda own: {"x5c": x5c},
    "x5t": lambda own: {"x5t": "AAAA", "x5t#S256": "AAAA"},
    "all at once": lambda own: {"jwk": own.as_dict(private=False), "jku": ELSEWHERE, "x5u": ELSEWHERE, "x5c": x5c},
}


@EVERY
@pytest.mark.parametrize("case", INJECTED)
async def test_point_to_a_key_of_ones_own(world: World, kind: Kind, case: str) -> None:
    own, honest = OWN[kind.alg], kind.header(world)
    # The key of a proof stands in jwk, so what is injected stands beside it.
    head = {**honest, **INJECTED[case](own), **{name: honest[name] for name in ("jwk",) if name in honest}}
    await futile(world, kind, kind.made(world, head, by=own), kind.refusals["signature"])
    stranger = {**head, "kid": "a-key-that-is-not-there"}
    await futile(world, kind, kind.made(world, stranger, by=own), kind.refusals["key"])
    # Whoever has the right key gains and loses nothing by them.
    assert await kind.send(world, kind.made(world, head)) == PASSED


# --- What was not understood -------------------------------------------------------------------------------------

EXTENSIONS: dict[str, dict[str, Any]] = {
    "an extension": {"crit": ["https://example.invalid/x"], "https://example.invalid/x": True},
    "a claim": {"crit": ["exp"], "exp": 0},
    "an encoding": {"crit": ["b64"], "b64": False},
    "the usual encoding": {"crit": ["b64"], "b64": True},
    "an encoding without crit": {"b64": False},
    "a registered name": {"crit": ["alg"]},
    "no name": {"crit": []},
    "no list": {"crit": "alg"},
    "null": {"crit": None},
}


@EVERY
@pytest.mark.parametrize("case", EXTENSIONS)
async def test_demand_an_extension(world: World, kind: Kind, case: str) -> None:
    await futile(world, kind, changed(kind, world, EXTENSIONS[case]), kind.refusals["crit"])


@EVERY
async def test_be_too_large(world: World, kind: Kind) -> None:
    for header, claims in (({"x": "x" * 4096}, {}), ({"x": ["x"] * 1100}, {}), ({}, {"x": "x" * 16_000})):
        await futile(world, kind, changed(kind, world, header, **claims), kind.refusals["malformed"])
    for deep in (b"[" * 2000, b'{"":' * 1000):
        head, payload = (json.dumps(part)[:-1].encode() for part in (kind.header(world), kind.claims(world)))
        for value in (kind.made(world, head + b',"x":' + deep), kind.made(world, None, payload + b',"x":' + deep)):
            await futile(world, kind, value, kind.refusals["malformed"])


@EVERY
async def test_say_it_twice(world: World, kind: Kind) -> None:
    head, payload = (json.dumps(part)[:-1].encode() for part in (kind.header(world), kind.claims(world)))
    name = next(iter(kind.claims(world)))
    twice = [
        *(kind.made(world, head + more) for more in (
            b',"alg":"none"}', b',"alg":"%s"}' % kind.alg.encode(), b',"\\u0061lg":"none"}', b',"typ":"JWT"}',
            b',"x":{"y":1,"y":2}}',
        )),
        *(kind.made(world, None, payload + more) for more in (
            b',"%s":"x"}' % name.encode(), b',"\\u%04x%s":"x"}' % (ord(name[0]), name[1:].encode()),
            b',"x":{"y":1,"y":2}}', b',"x":[{"y":1,"\\u0079":1}]}',
        )),
    ]  # fmt: skip
    for value in twice:
        await futile(world, kind, value, kind.refusals["malformed"])


# --- Encryption --------------------------------------------------------------------------------------------------

EVERYTHING = jwe.JWERegistry(algorithms=["RSA-OAEP", "A128GCM", "A256GCM", "DEF"], strict_check_header=False)


class Bombs:
    """JWEs for the server's own key."""

    def __init__(self, jwk: dict[str, Any]) -> None:
        self.key = RSAKey.import_key(jwk)
        self.kid = jwk["kid"]

    def wrapped(self, value: bytes, **header: Any) -> str:
        """One layer."""
        head = {"alg": "RSA-OAEP", "enc": "A128GCM", "kid": self.kid, **header}
        return jwe.encrypt_compact(head, value, self.key, registry=EVERYTHING)

    @cache  # noqa: B019
    def compressed(self) -> str:
        """Ten megabytes in a few kilobytes."""
        return self.wrapped(b"0" * 10_000_000, zip="DEF")

    def derived(self) -> str:
        """A key that takes a billion steps to derive."""
        more = {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2**31 - 1, "p2s": b64(bytes(16))}
        return ".".join([b64({**more, "kid": self.kid}), b64(bytes(40)), b64(bytes(12)), "AAAA", b64(bytes(16))])


async def quickly(world: World, kind: Kind, value: str, refusal: str) -> None:
    """Refused, and without much work."""
    begun = time.process_time()
    await futile(world, kind, value, refusal)
    assert time.process_time() - begun < 0.5


@EVERY
async def test_hide_it_in_a_jwe(world: World, kind: Kind) -> None:
    """Only request objects may be encrypted: once, around a signature, and without compression."""
    bombs = Bombs(world.encryption)
    for bomb in (bombs.compressed(), bombs.derived(), bombs.wrapped(b"x", crit=["zip"], zip="DEF")):
        await quickly(world, kind, bomb, kind.refusals["jwe"])
    once = bombs.wrapped(kind.made(world).encode())
    thrice = bombs.wrapped(bombs.wrapped(once.encode()).encode())
    encrypted = kind.typ == "oauth-authz-req+jwt"
    await quickly(world, kind, thrice, kind.refusals["malformed" if encrypted else "jwe"])
    if encrypted:
        assert await kind.send(world, once) == PASSED
        unsigned = f"{b64({**kind.header(world), 'alg': 'none'})}.{b64(kind.claims(world))}."
        await futile(world, kind, bombs.wrapped(unsigned.encode()), kind.refusals["alg"])
    else:
        await futile(world, kind, once, kind.refusals["jwe"])


# --- Whom it is for ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", NAMING.values(), ids=NAMING)
@pytest.mark.parametrize("issuer", [f"{BASE_URL}/realms/beta", f"{BASE_URL}/", BASE_URL.upper(), f"{BASE_URL}\u200b"])
async def test_take_it_to_another_realm(world: World, kind: Kind, issuer: str) -> None:
    """Realms may have the same keys, as they have here."""
    if kind.typ == "JWT":
        await futile(world, kind, changed(kind, world, {}, iss=issuer), kind.refusals["aud"])
    else:
        await futile(world, kind, changed(kind, world, {}, aud=issuer), kind.refusals["aud"])
