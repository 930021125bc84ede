"""Make a request object without the client's private key, smuggle a second meaning into one, or make it a bomb.

RFC 9101 10, RFC 8725 2 and 3.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwe
from joserfc.jwk import ECKey

from pushgate import errors
from pushgate.errors import OAuthError
from pushgate.jose.encrypt import DecryptionKey, DecryptionKeys
from pushgate.jose.verify import KeySet
from pushgate.protocol.request_object import (
    MESSAGE_SIGNING,
    PLAIN,
    open_encrypted,
    parse_request_object,
    verify_request_object,
)
from tests.support.assertions import b64, key, public, seal
from tests.support.encryption import encrypt

ISSUER = "https://as.example"
NOW = 1_800_000_000.0  # seconds since the epoch
KEYS = KeySet.of_jwks(public("p256", "rsa"))
OURS = DecryptionKeys([DecryptionKey("rsa-ours", None, key("rsa-ours"))])
OWN = ECKey.generate_key("P-256", {"kid": "p256"})
"""The attacker's key, under the kid of the client's."""
HEAD = {"typ": "oauth-authz-req+jwt", "alg": "ES256", "kid": "p256"}
CLAIMS = {
    "iss": "app", "aud": ISSUER, "nbf": int(NOW), "exp": int(NOW) + 60,
    "client_id": "app", "response_type": "code", "redirect_uri": "https://app.example/cb", "scope": "openid",
}  # fmt: skip
EVIL = {**CLAIMS, "redirect_uri": "https://attacker.example/cb"}


def take(value: str, keys: KeySet = KEYS, client_id: str = "app") -> dict[str, str]:
    """Read as an endpoint would, under the weakest rules there are."""
    return verify_request_object(
        parse_request_object(value), client_id=client_id, registered_alg=None, keys=keys, issuer=ISSUER, now=NOW,
        rules=PLAIN,
    )  # fmt: skip


def futile(attempt: Callable[[], object], *refusals: str) -> OAuthError:
    """The attack is refused for one of these reasons."""
    with pytest.raises(errors.InvalidRequestObject) as caught:
        attempt()
    assert caught.value.code == "invalid_request_object"
    assert caught.value.refusal.id in refusals
    return caught.value


def test_what_is_attacked_works() -> None:
    assert take(seal(HEAD, CLAIMS, "ES256", key("p256")))["redirect_uri"] == "https://app.example/cb"
    assert "ES256" in MESSAGE_SIGNING.algorithms


# --- No signature at all -------------------------------------------------------------------------------------


@pytest.mark.requirement("JAR-5-3")
@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "nOnE", "none ", " none", "none\0", "", "null", "ｎone"], ids=ascii
)
def test_claim_that_no_signature_is_needed(alg: str) -> None:
    genuine = seal(HEAD, CLAIMS, "ES256", key("p256")).split(".")[2]
    for signature in ("", genuine, "AA"):
        for header in ({"alg": alg}, {**HEAD, "alg": alg}):
            value = f"{b64(header)}.{b64(EVIL)}.{signature}"
            futile(lambda value=value: take(value), "request_object.alg")
    futile(lambda: take(f"{b64({'alg': alg})}.{b64(EVIL)}"), "request_object.malformed")


@pytest.mark.requirement("JAR-6.2-1")
@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(63), bytes(65), b"\xff" * 64, bytes(63) + b"\1"], ids=len)
def test_sign_with_zeros(signature: bytes) -> None:
    futile(lambda: take(f"{b64(HEAD)}.{b64(EVIL)}.{b64(signature)}"), "request_object.signature")
    head = {**HEAD, "alg": "RS256", "kid": "rsa"}
    futile(lambda: take(f"{b64(head)}.{b64(EVIL)}.{b64(signature * 4)}"), "request_object.signature")


@pytest.mark.requirement("JAR-5-4")
def test_encrypt_to_the_server_and_sign_nothing() -> None:
    for inside in (json.dumps(EVIL), f"{b64({'alg': 'none'})}.{b64(EVIL)}."):
        value = encrypt(inside, jwk_keys=public("rsa-ours"), alg="RSA-OAEP", enc="A256GCM")
        futile(lambda value=value: take(open_encrypted(value, OURS)), "request_object.malformed", "request_object.alg")


# --- Take the public key for a secret ------------------------------------------------------------------------

SECRETS: dict[str, Callable[[Any], bytes]] = {
    "PEM": lambda k: k.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "PEM without its last line break": lambda k: SECRETS["PEM"](k).rstrip(),
    "DER": lambda k: k.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "base64 of DER": lambda k: b64encode(SECRETS["DER"](k)),
    "JWK": lambda k: json.dumps(k.as_dict(private=False)).encode(),
    "compact JWK": lambda k: json.dumps(k.as_dict(private=False), separators=(",", ":")).encode(),
    "nothing": lambda _: b"",
}


@pytest.mark.requirement("JAR-6.2-3")
@pytest.mark.parametrize("name", ["rsa", "p256"])
@pytest.mark.parametrize("form", SECRETS)
@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512", "hs256"])
def test_use_the_public_key_as_a_secret(alg: str, form: str, name: str) -> None:
    digest = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[alg[-3:]]
    secret = SECRETS[form](key(name))
    signing_input = f"{b64({**HEAD, 'alg': alg, 'kid': name})}.{b64(EVIL)}"
    mac = hmac.HMAC(secret or b"\0", digest())
    mac.update(signing_input.encode())
    value = f"{signing_input}.{b64(mac.finalize())}"
    futile(lambda: take(value), "request_object.alg")
    # Not even where that very text is a secret of the client, which joserfc, for its part, takes for a mistake.
    if form in ("JWK", "compact JWK", "base64 of DER"):
        futile(lambda: take(value, KeySet([*KEYS.keys, *KeySet.of_secret(secret.decode()).keys])), "request_object.alg")


# --- Bring a key of one's own ---------------------------------------------------------------------------------

ELSEWHERE = "https://attacker.example/keys"
INJECTED: dict[str, dict[str, Any]] = {
    "jwk": {"jwk": OWN.as_dict(private=False)},
    "jwk and no kid": {"jwk": OWN.as_dict(private=False), "kid": None},
    "jku": {"jku": ELSEWHERE},
    "jku of a file": {"jku": "file:///etc/passwd"},
    "x5u": {"x5u": ELSEWHERE},
    "x5c": {"x5c": ["MIIB"]},
    "x5t": {"x5t": "AAAA", "x5t#S256": "AAAA"},
    "all at once": {"jwk": OWN.as_dict(private=False), "jku": ELSEWHERE, "x5u": ELSEWHERE, "x5c": ["MIIB"]},
}


@pytest.mark.requirement("JAR-6.2-4")
@pytest.mark.parametrize("case", INJECTED)
def test_name_a_key_in_the_header(case: str) -> None:
    head = {name: value for name, value in {**HEAD, **INJECTED[case]}.items() if value is not None}
    futile(lambda: take(seal(head, EVIL, "ES256", OWN)), "request_object.signature")
    # The members change nothing for whoever has the right key, either.
    assert take(seal(head, CLAIMS, "ES256", key("p256")))["client_id"] == "app"


@pytest.mark.requirement("JAR-6.2-2")
@pytest.mark.parametrize("kid", ["../../dev/null", "' OR 1=1 --", "p256\0", "*", ELSEWHERE, "", "rsa"], ids=ascii)
def test_name_no_key_of_the_client(kid: str) -> None:
    futile(lambda: take(seal({**HEAD, "kid": kid}, EVIL, "ES256", OWN)), "request_object.key")


@pytest.mark.requirement("JAR-6.2-2", "JAR-6.3-1")
def test_be_another_client() -> None:
    other = KeySet.of_jwks({"keys": [OWN.as_dict(private=False)]})
    forged = seal(HEAD, EVIL, "ES256", OWN)
    futile(lambda: take(forged), "request_object.signature")
    with pytest.raises(errors.InvalidRequest) as caught:
        take(forged, other, client_id="attacker")
    assert caught.value.refusal.id == "request_object.client_id"
    # Nor send an object of the client as one's own.
    genuine = seal(HEAD, CLAIMS, "ES256", key("p256"))
    futile(lambda: take(genuine, other, client_id="attacker"), "request_object.signature")


# --- Two meanings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "twice",
    [
        b'"client_id":"attacker","client_id":"app"', b'"client_id":"app","client_id":"attacker"',
        b'"client_id":"app","client_id":"app"', b'"client_id":"attacker","client\\u005fid":"app"',
        b'"client_id":"app","claims":{"userinfo":{},"userinfo":null}',
        b'"client_id":"app","authorization_details":[{"type":"x","type":"y"}]',
    ],
    ids=bytes.decode,
)  # fmt: skip
def test_say_it_twice(twice: bytes) -> None:
    futile(lambda: take(seal(HEAD, b"{" + twice + b"}", "ES256", key("p256"))), "request_object.malformed")


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"none","alg":"ES256","kid":"p256"}', b'{"alg":"ES256","alg":"none","kid":"p256"}',
        b'{"alg":"ES256","\\u0061lg":"none","kid":"p256"}', b'{"alg":"ES256","kid":"x","kid":"p256"}',
        b'{"alg":"ES256","typ":"dpop+jwt","typ":"JWT","kid":"p256"}',
    ],
    ids=bytes.decode,
)  # fmt: skip
def test_say_it_twice_in_the_header(header: bytes) -> None:
    futile(lambda: take(seal(header, CLAIMS, "ES256", key("p256"))), "request_object.malformed")


@pytest.mark.parametrize(
    "more",
    [{"crit": ["b64"], "b64": False}, {"crit": ["exp"], "exp": 0}, {"crit": []}, {"crit": None}, {"crit": "alg"},
     {"crit": ["alg"]}, {"b64": False}],
    ids=str,
)  # fmt: skip
def test_demand_an_extension(more: dict[str, Any]) -> None:
    futile(lambda: take(seal({**HEAD, **more}, CLAIMS, "ES256", key("p256"))), "request_object.crit")


@pytest.mark.requirement("JAR-4-3")
def test_lead_from_one_request_to_another() -> None:
    inner = seal(HEAD, EVIL, "ES256", key("p256"))
    for more in (
        {"request": inner},
        {"request_uri": "urn:ietf:params:oauth:request_uri:x"},
        {"request_uri": ELSEWHERE},
    ):
        futile(lambda more=more: take(seal(HEAD, {**CLAIMS, **more}, "ES256", key("p256"))), "request_object.nested")


# --- Bombs -------------------------------------------------------------------------------------------------------

EVERYTHING = jwe.JWERegistry(
    algorithms=["RSA-OAEP", "RSA1_5", "PBES2-HS256+A128KW", "dir", "A256GCM", "DEF"], strict_check_header=False
)


def quickly(attempt: Callable[[], object], *refusals: str) -> OAuthError:
    """Refused, and without much work."""
    begun = time.process_time()
    found = futile(attempt, *refusals)
    assert time.process_time() - begun < 0.5
    return found


@pytest.mark.requirement("JAR-6.1-1")
def test_a_small_text_that_unpacks_to_a_large_one() -> None:
    head = {"alg": "RSA-OAEP", "enc": "A256GCM", "kid": "rsa-ours", "zip": "DEF"}
    bomb = jwe.encrypt_compact(head, b"0" * 10_000_000, key("rsa-ours"), registry=EVERYTHING)
    assert len(bomb) < 20_000
    assert quickly(lambda: open_encrypted(bomb, OURS), "request_object.encryption").detail == "compressed"


def test_wrap_it_again_and_again() -> None:
    value = seal(HEAD, CLAIMS, "ES256", key("p256"))
    for _ in range(4):
        value = encrypt(value, jwk_keys=public("rsa-ours"), alg="RSA-OAEP", enc="A128GCM")
    # One layer is opened, and what is inside has to be signed.
    quickly(lambda: parse_request_object(open_encrypted(value, OURS)), "request_object.malformed")


@pytest.mark.requirement("JAR-6.1-1")
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_make_the_server_count_to_a_billion() -> None:
    head = {"alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "p2c": 2**31 - 1, "p2s": b64(bytes(16)), "kid": "rsa-ours"}
    parts = [b64(head), b64(bytes(40)), b64(bytes(12)), "AAAA", b64(bytes(16))]
    quickly(lambda: open_encrypted(".".join(parts), OURS), "request_object.encryption")


@pytest.mark.parametrize("character", [".", "A", "[", "{", "\ud800"], ids=ascii)
def test_a_megabyte_of_the_same(character: str) -> None:
    value = character * 1_000_000
    for text in (value, f"a.b.{value}", f"{b64(HEAD)}.{value}.", f"a.b.c.{value}.d"):
        quickly(lambda text=text: take(text), "request_object.malformed")
        quickly(lambda text=text: open_encrypted(text, OURS), "request_object.encryption")


@pytest.mark.parametrize("opening", [b"[", b'{"":'])
def test_deeper_than_a_stack(opening: bytes) -> None:
    for times in (500, 990, 2_000):
        deep = b'{"client_id":"app","x":' + opening * times
        quickly(lambda deep=deep: take(seal(HEAD, deep, "ES256", key("p256"))), "request_object.malformed")
        head = b'{"alg":"RSA-OAEP","enc":"A256GCM","x":' + opening * min(times, 900)
        quickly(lambda head=head: open_encrypted(f"{b64(head)}.AA.AA.AA.AA", OURS), "request_object.encryption")


# --- Ask the server what it thinks of a guess -------------------------------------------------------------------


def foreign() -> dict[str, Any]:
    """The attacker's key, under the kid of ours."""
    return {"keys": [key("rsa-foreign").as_dict(private=False) | {"kid": "rsa-ours"}]}


@pytest.mark.requirement("JAR-6.1-1")
def test_no_answer_tells_what_was_wrong_inside() -> None:
    """A wrong key, padding that does not fit, a changed tag, text that is none: all are the same to the sender."""
    genuine = encrypt("x" * 100, jwk_keys=public("rsa-ours"), alg="RSA-OAEP", enc="A128CBC-HS256").split(".")
    strange = encrypt("x", jwk_keys=foreign(), alg="RSA-OAEP", enc="A128CBC-HS256").split(".")
    guesses = [
        [genuine[0], b64(bytes(256)), *genuine[2:]],
        [genuine[0], b64(b"\xff" * 256), *genuine[2:]],
        [genuine[0], b64(bytes(10)), *genuine[2:]],
        [genuine[0], strange[1], *genuine[2:]],
        [*genuine[:3], b64(bytes(16)), genuine[4]],
        [*genuine[:3], b64(bytes(17)), genuine[4]],
        [*genuine[:4], b64(bytes(16))],
        strange,
    ]
    told = set()
    for guess in guesses:
        error = futile(lambda guess=guess: open_encrypted(".".join(guess), OURS), "request_object.encryption")
        told.add((error.detail, error.description, error.status))
    assert told == {("cannot be decrypted", "The request object cannot be decrypted.", 400)}
