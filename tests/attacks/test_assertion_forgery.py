"""Make an assertion without the client's private key: its public key as a secret, a key of one's own, no key at all.

RFC 8725 2.1, 2.2, 3.1, 3.10; RFC 7523 3 item 9.
"""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64decode
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256, sha512
from typing import Any

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey

from pushgate.fetch import Fetcher
from pushgate.testing import Running, running
from tests.support.assertions import FORMS, MAC_SECRET, accepted, b64, claims, key, manifest, seal, send, signed
from tests.support.steps import PAR, refused, stored, used

pytestmark = pytest.mark.asyncio(loop_scope="module")

MACS = {"HS256": hashes.SHA256, "HS384": hashes.SHA384, "HS512": hashes.SHA512}
OWN = ECKey.generate_key("P-256", {"kid": "p256"})
"""The attacker's key, under the kid of the client's."""
ELSEWHERE = "https://attacker.example/keys"


class Nowhere:
    """A resolver for a server that has no reason to look anything up."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        return ["93.184.215.14"]


nowhere = Nowhere()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Running]:
    """A server with the clients of tests/support/assertions.py; it fetches nothing in these tests."""
    async with running(manifest(), fetcher=Fetcher(resolver=nowhere)) as found:
        yield found
    assert nowhere.asked == []


async def futile(server: Running, token: str, *refusals: str, **more: Any) -> None:
    """No endpoint lets the attacker in, for one of these reasons, and nothing is stored."""
    before = stored(server), used(server)
    for path in FORMS:
        reply = await send(server, path, token, **more)
        assert reply.headers.get("pushgate-refusal") in refusals
        refused(reply, 401, "invalid_client", reply.headers["pushgate-refusal"])
    assert (stored(server), used(server)) == before


# --- Take the public key for a secret ------------------------------------------------------------------------


def public_key(name: str) -> Any:
    """The public key as `cryptography` knows it."""
    return key(name).public_key  # type: ignore[attr-defined]


SECRETS: dict[str, Callable[[str], bytes]] = {
    "PEM": lambda name: public_key(name).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "PEM without its last line break": lambda name: SECRETS["PEM"](name).rstrip(),
    "DER": lambda name: public_key(name).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "JWK": lambda name: json.dumps(key(name).as_dict(private=False)).encode(),
    "JWK without spaces": lambda name: json.dumps(key(name).as_dict(private=False), separators=(",", ":")).encode(),
    "thumbprint": lambda name: key(name).thumbprint().encode(),
    "kid": lambda name: name.encode(),
    "client id": lambda name: b"any",
    "nothing": lambda name: b"",
}


def mac(secret: bytes, signing_input: str, alg: str = "HS256") -> bytes:
    authenticator = hmac.HMAC(secret, MACS[alg]())
    authenticator.update(signing_input.encode())
    return authenticator.finalize()


def under_mac(payload: dict[str, Any], secret: bytes, alg: str = "HS256", **header: Any) -> str:
    signing_input = f"{b64({'alg': alg} | header)}.{b64(payload)}"
    return f"{signing_input}.{b64(mac(secret, signing_input, alg))}"


@pytest.mark.requirement("ASSERT-7523-3-11", "ASSERT-7523-3-10")
@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("name", ["p256", "rsa"])
async def test_sign_with_the_public_key(server: Running, name: str, secret: str) -> None:
    for client_id in ("any", "fixed"):
        for alg in MACS:
            token = under_mac(claims(server, client_id), SECRETS[secret](name), alg, kid=name)
            await futile(server, token, "assertion.alg")


GUESSES = {
    "nothing": b"",
    "the client id": b"mac",
    "the wrong alphabet": MAC_SECRET.encode("utf-16"),
    "its SHA-512": sha512(MAC_SECRET.encode()).digest(),
    "its SHA-256 in hexadecimal": sha256(MAC_SECRET.encode()).hexdigest().encode(),
}


@pytest.mark.requirement("ASSERT-7523-3-11")
@pytest.mark.parametrize("guess", GUESSES)
async def test_sign_with_what_is_not_the_secret(server: Running, guess: str) -> None:
    await futile(server, under_mac(claims(server, "mac"), GUESSES[guess]), "assertion.signature")


@pytest.mark.requirement("ASSERT-7523-3-11")
async def test_sign_with_what_the_database_keeps(server: Running) -> None:
    """HMAC takes the SHA-256 of a long key in place of the key, so that digest must not lie about."""
    assert len(MAC_SECRET) > 64
    client = await server.management.configuration.client("default", "mac")
    assert client is not None
    assert client.secret is not None
    assert client.secret.sealed is not None
    for stolen in (client.secret.digest, client.secret.sealed, client.secret.sealed[12:-16]):
        await futile(server, under_mac(claims(server, "mac"), stolen), "assertion.signature")


@pytest.mark.requirement("ASSERT-7523-3-11")
async def test_a_mac_over_the_secret_itself_is_right(server: Running) -> None:
    """What the test above would accept, so that it fails for the right reason."""
    accepted(await send(server, PAR, under_mac(claims(server, "mac"), MAC_SECRET.encode())))


# --- Bring a key along -------------------------------------------------------------------------------------


def certificate() -> str:
    """A certificate of the attacker's key, as x5c has it."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "any")])
    private, now = OWN.private_key, datetime.now(UTC)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return b64encode(builder.sign(private, hashes.SHA256()).public_bytes(Encoding.DER)).decode()


HEADERS: dict[str, dict[str, Any]] = {
    "jwk": {"jwk": OWN.as_dict(private=False)},
    "jwk with its private part": {"jwk": OWN.as_dict(private=True)},
    "jku": {"jku": ELSEWHERE},
    "x5u": {"x5u": ELSEWHERE},
    "x5c": {"x5c": [certificate()]},
    "x5t": {"x5t#S256": b64(sha256(b"certificate").digest())},
    "kid as a path": {"kid": "../../../../dev/null"},
    "kid as a query": {"kid": "' OR 1=1 --"},
    "kid as an address": {"kid": ELSEWHERE},
    "everything": {"jwk": OWN.as_dict(private=False), "jku": ELSEWHERE, "x5u": ELSEWHERE, "x5c": [certificate()]},
}


@pytest.mark.requirement("ASSERT-7523-3-9", "ASSERT-7523-3-12")
@pytest.mark.parametrize("case", HEADERS)
async def test_point_to_a_key_of_ones_own(server: Running, case: str) -> None:
    for kid in ({}, {"kid": "p256"}, {"kid": OWN.thumbprint()}):
        token = seal({"alg": "ES256"} | kid | HEADERS[case], claims(server), "ES256", OWN)
        await futile(server, token, "assertion.signature", "assertion.key")


@pytest.mark.requirement("ASSERT-7523-3-13")
@pytest.mark.parametrize("case", [case for case in HEADERS if not case.startswith("kid")])
async def test_such_pointers_in_an_honest_assertion_are_not_followed(server: Running, case: str) -> None:
    accepted(await send(server, PAR, signed(claims(server), **HEADERS[case])))


# --- No key at all -----------------------------------------------------------------------------------------


@pytest.mark.requirement("ASSERT-7523-3-10")
@pytest.mark.parametrize("client_id", ["any", "fixed", "mac", "default", "spa"])
async def test_sign_with_nothing(server: Running, client_id: str) -> None:
    own = {"default": "client.method", "spa": "client.method"}.get(client_id, "assertion.alg")
    for header in ({"alg": "none"}, {"alg": "none", "typ": "JWT"}, {"alg": "none", "kid": "p256"}):
        await futile(server, f"{b64(header)}.{b64(claims(server, client_id))}.", own)


def der(token: str) -> str:
    """The genuine signature as X.509 would write it."""
    head = token.rpartition(".")[0]
    private = key("p256").private_key  # type: ignore[attr-defined]
    return f"{head}.{b64(private.sign(head.encode(), ec.ECDSA(hashes.SHA256())))}"


def swapped(token: str) -> str:
    head, _, tail = token.rpartition(".")
    raw = urlsafe_b64decode(tail + "==")
    return f"{head}.{b64(raw[32:] + raw[:32])}"


@pytest.mark.requirement("ASSERT-7523-3-9")
@pytest.mark.parametrize("change", [der, swapped])
async def test_another_form_of_the_signature(server: Running, change: Callable[[str], str]) -> None:
    await futile(server, change(signed(claims(server))), "assertion.signature")


@pytest.mark.requirement("ASSERT-7523-3-9", "ASSERT-7523-3-1")
async def test_a_client_speaks_for_another(server: Running) -> None:
    """Whoever `iss`, `sub` or `client_id` names, the key decides."""
    own = {"alg": "ES256", "kid": "p256"}
    for changes in ({"iss": "any", "sub": "any"}, {"iss": "any"}):
        token = seal(own, claims(server, "twin", **changes), "ES256", key("twin"))
        await futile(server, token, "assertion.signature")
    token = seal(own, claims(server, "twin", sub="any"), "ES256", key("twin"))
    await futile(server, token, "assertion.sub")
    token = seal(own, claims(server, "twin"), "ES256", key("twin"))
    await futile(server, token, "assertion.client_id", client_id="any")


@pytest.mark.requirement("ASSERT-7523-3-9")
async def test_change_what_was_signed(server: Running) -> None:
    """Every claim of a genuine assertion is under the signature."""
    genuine = claims(server)
    head, _, tail = signed(genuine).split(".")
    for name, value in {"iss": "fixed", "sub": "fixed", "aud": "x", "exp": genuine["exp"] + 1, "jti": "x"}.items():
        await futile(server, f"{head}.{b64(genuine | {name: value})}.{tail}", "assertion.signature")
