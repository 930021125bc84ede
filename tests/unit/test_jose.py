"""Reading, verifying and making JWS, keys and seals: the examples of the RFCs, and what is refused."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, strategies
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jwk import KeySet as TheirKeySet
from joserfc.jws import JWSRegistry
from msgspec import structs

from pushgate.jose import algorithms
from pushgate.jose.algorithms import ALGORITHMS, SIGNING, fits, quick
from pushgate.jose.hashes import half_hash
from pushgate.jose.keys import KeyRing, make_key, open_key
from pushgate.jose.seal import CannotOpen, Seal
from pushgate.jose.sign import sign_jwt
from pushgate.jose.verify import (
    MAX_HEADER,
    MAX_JWS,
    BadJws,
    KeySet,
    Unverified,
    VerificationKey,
    import_key,
    parse_jws,
    verify_jws,
)
from pushgate.model import StoredKey
from tests.support.assertions import ASYMMETRIC, SYMMETRIC, b64, key, public, signed

JOE = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
SECRET = Seal("a secret key that is used in tests and nowhere else")

# --- The examples of the RFCs ---------------------------------------------------------------------------------

RFC7515_A1 = f"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{JOE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
RFC7515_A1_KEY = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
RFC7515_A3 = (
    f"eyJhbGciOiJFUzI1NiJ9.{JOE}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)
RFC7515_A3_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
RFC8037_A4 = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
RFC8037_A4_SIGNATURE = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
RFC8037_A4_KEY = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}


def test_hs256_of_rfc_7515() -> None:
    unverified = parse_jws(RFC7515_A1)
    assert unverified.claims == {"iss": "joe", "exp": 1300819380, "http://example.com/is_root": True}
    secret = OctKey.import_key({"kty": "oct", "k": RFC7515_A1_KEY})
    assert verify_jws(unverified, KeySet([VerificationKey(secret, None, None, None, secret)]))
    assert not verify_jws(unverified, KeySet.of_secret("another secret"))


def test_es256_of_rfc_7515() -> None:
    unverified = parse_jws(RFC7515_A3)
    assert verify_jws(unverified, KeySet.of_jwks({"keys": [RFC7515_A3_KEY]}))
    assert not verify_jws(unverified, KeySet.of_jwks(public("p256")))


@pytest.mark.parametrize("alg", ["EdDSA", "Ed25519"])
def test_ed25519_of_rfc_8037(alg: str) -> None:
    raw = b64_decoded(RFC8037_A4_SIGNATURE)
    keys = KeySet.of_jwks({"keys": [RFC8037_A4_KEY]})
    assert verify_jws(Unverified({"alg": alg}, {}, RFC8037_A4, raw), keys)
    assert not verify_jws(Unverified({"alg": alg}, {}, RFC8037_A4 + b"n", raw), keys)
    assert not verify_jws(Unverified({"alg": alg}, {}, RFC8037_A4, raw[::-1]), keys)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "77QmUPtjPfzWtF2AnpK9RQ"),
        ("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk", "LDktKdoQak3Pk0cnXxCltA"),
    ],
    ids=["at_hash", "c_hash"],
)
def test_hashes_of_openid_connect_core_appendix_a(value: str, expected: str) -> None:
    for alg in ("RS256", "PS256", "ES256"):
        assert half_hash(value, alg) == expected


def test_the_hash_is_the_one_the_algorithm_names() -> None:
    """Left half: 24 bytes of SHA-384, 32 of SHA-512, which EdDSA uses inside."""
    assert [len(half_hash("x", alg)) for alg in ("RS256", "ES384", "PS512", "EdDSA")] == [22, 32, 43, 43]


def b64_decoded(text: str) -> bytes:
    return parse_jws(f"{b64({'alg': 'x'})}.{b64({})}.{text}").signature


# --- Parsing ----------------------------------------------------------------------------------------------------

HEAD, BODY = b64({"alg": "ES256"}), b64({"iss": "any"})


NOT_THREE_PARTS = ["", ".", "..", "...", "a", "a.b", "a.b.c", f"{HEAD}.{BODY}", f"{HEAD}.{BODY}.a.b"]
NOT_BASE64URL = ["a", "YQ==", "Y+", "Y/", "é", " ", "YQ\n", "Y Q", "Y%51", "\0"]
NOT_OBJECTS = [
    b"",
    b"null",
    b"[]",
    b'"x"',
    b"1",
    b"{",
    b"{} {}",
    b"{1:2}",
    b"{'a':1}",
    b'{"a":1,}',
    b"\xff",
    b"\xef\xbb\xbf{}",
]
NOT_STRICT = [
    b'{"a":1,"a":1}',
    b'{"a":1,"\\u0061":1}',
    b'{"x":{"a":1,"a":1}}',
    b'{"x":[{"a":1,"a":1}]}',
    b'{"x":NaN}',
    b'{"x":-Infinity}',
    b'{"x":"\\ud800"}',
    b'{"\\udfff":1}',
    b'{"x":["\\udc00\\ud800"]}',
    b'{"x":"\t"}',
    b'{"x":01}',
]


@pytest.mark.requirement("ASSERT-7523-3-13")
@pytest.mark.parametrize(
    "value",
    [
        *NOT_THREE_PARTS,
        *(f"{HEAD}.{BODY}.{part}" for part in NOT_BASE64URL),
        *(f"{HEAD}.{b64(raw)}.YQ" for raw in (*NOT_OBJECTS, *NOT_STRICT)),
        *(f"{b64(raw)}.{BODY}.YQ" for raw in (*NOT_OBJECTS, *NOT_STRICT)),
        *(f"{b64({'alg': alg})}.{BODY}.YQ" for alg in (None, 1, True, ["ES256"], {})),
        *(f"{b64(raw)}.{BODY}.YQ" for raw in ({}, {"ALG": "ES256"}, b'{"alg":"x","alg":"x"}', b'{"alg":"x","y":NaN}')),
    ],
)
def test_what_is_no_jws(value: str) -> None:
    with pytest.raises(BadJws):
        parse_jws(value)


CLAIMS: dict[str, dict[str, Any]] = {
    "empty": {},
    "text": {"x": "żółć 🔑"},
    "kinds": {"x": [1, 2.5, None, True]},
    "long": {"x" * 5000: "y"},
}


@pytest.mark.parametrize("case", CLAIMS)
def test_what_is_one(case: str) -> None:
    for raw in (json.dumps(CLAIMS[case]), json.dumps(CLAIMS[case], ensure_ascii=False)):
        found = parse_jws(f"{HEAD}.{b64(raw.encode())}.YQ")
        assert (found.header, found.claims, found.signature) == ({"alg": "ES256"}, CLAIMS[case], b"a")


def test_limits_are_checked_before_anything_is_decoded() -> None:
    with pytest.raises(BadJws, match="too long"):
        parse_jws("x" * (MAX_JWS + 1))
    with pytest.raises(BadJws, match="header too long"):
        parse_jws(f"{'x' * (MAX_HEADER + 1)}.{BODY}.")
    assert parse_jws(f"{HEAD}.{BODY}.{'a' * 4 * 3_000}").signature


@pytest.mark.parametrize("depth", [10_000, 3_000])
def test_nesting_is_refused_and_not_fatal(depth: int) -> None:
    raw = b'{"x":' + b"[" * depth + b"]" * depth + b"}"
    if len(b64(raw)) > MAX_JWS:
        raw = raw[:9_000]
    with pytest.raises(BadJws):
        parse_jws(f"{HEAD}.{b64(raw)}.")


# --- Verifying ---------------------------------------------------------------------------------------------------


def test_the_list_of_algorithms() -> None:
    assert set(ALGORITHMS) == {*ASYMMETRIC, *SYMMETRIC}
    assert "none" not in ALGORITHMS
    assert set(SIGNING) <= set(ASYMMETRIC)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_an_algorithm_fits_one_kind_of_key(alg: str) -> None:
    kinds = {
        "p256": key("p256"),
        "p384": key("p384"),
        "p521": key("p521"),
        "rsa": key("rsa"),
        "ed25519": key("ed25519"),
    }
    kinds |= {"oct": OctKey.import_key("a secret that is long"), "x25519": OKPKey.generate_key("X25519")}
    kinds |= {"ed448": OKPKey.generate_key("Ed448"), "secp256k1": ECKey.generate_key("secp256k1")}
    assert [name for name, each in kinds.items() if fits(each, alg)] == [ASYMMETRIC.get(alg, "oct")]


@pytest.mark.parametrize("alg", ["none", "None", "", "HS1", "RS1", "ES256K", "RSA-OAEP", "dir", "A128GCM"])
def test_other_algorithms_verify_nothing(alg: str) -> None:
    unverified = Unverified({"alg": alg}, {}, b"x.y", b"")
    assert not verify_jws(unverified, KeySet.of_jwks(public("p256", "rsa", "ed25519")))
    assert not verify_jws(unverified, KeySet.of_secret("a secret that is long"))


EC_SIZES = {"ES256": 32, "ES384": 48, "ES512": 66}
ORDERS = {
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ES384": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    "ES512": int("1" + "f" * 65 + "a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409", 16),
}
"""How many points each curve has (FIPS 186-4 D.1.2)."""


def as_it_is(by: Key) -> Any:
    """OpenSSL verifies with it."""
    return by


def in_aws_lc(by: Key) -> Any:
    """AWS-LC does, where it has the curve; the suite has the extra."""
    found = quick(by)
    assert isinstance(found, ECKey) == (by.as_dict()["crv"] == "P-521")
    return found


BOTH = pytest.mark.parametrize("seen", [as_it_is, in_aws_lc])
Seen = Callable[[Key], Any]


@BOTH
@pytest.mark.parametrize("alg", EC_SIZES)
@given(message=strategies.binary(max_size=200))
def test_ecdsa_agrees_with_joserfc(alg: str, seen: Seen, message: bytes) -> None:
    ours, theirs, by = ALGORITHMS[alg], JWSRegistry.algorithms[alg], key(ASYMMETRIC[alg])
    made = ours.sign(message, by)
    assert len(made) == 2 * EC_SIZES[alg]
    assert theirs.verify(message, made, by)
    assert ours.verify(message, theirs.sign(message, by), seen(by))
    assert not ours.verify(message + b"x", made, seen(by))
    assert not ours.verify(message, made, seen(ECKey.generate_key(by.curve_name)))


@BOTH
@pytest.mark.parametrize("alg", EC_SIZES)
def test_an_ecdsa_signature_is_two_numbers_of_the_right_length(alg: str, seen: Seen) -> None:
    """RFC 7518 3.4; zeros are the psychic signature of CVE-2022-21449."""
    ours, by, size = ALGORITHMS[alg], key(ASYMMETRIC[alg]), EC_SIZES[alg]
    good = ours.sign(b"message", by)
    r, s = good[:size], good[size:]
    assert ours.verify(b"message", good, seen(by))
    der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    longer = b"\0" + r + b"\0" + s
    order = ORDERS[alg].to_bytes(size, "big")
    for wrong in (
        b"",
        r,
        good[:-1],
        good + b"\0",
        longer,
        der,
        s + r,
        bytes(2 * size),
        r + bytes(size),
        b"\xff" * 2 * size,
        bytes(size) + s,
        order + s,
        r + order,
        order + order,
    ):
        assert not ours.verify(b"message", wrong, seen(by))


@pytest.mark.parametrize("alg", EC_SIZES)
@given(data=strategies.data())
def test_both_libraries_say_the_same_of_every_signature(alg: str, data: strategies.DataObject) -> None:
    ours, by, size = ALGORITHMS[alg], key(ASYMMETRIC[alg]), EC_SIZES[alg]
    good = ours.sign(b"message", by)
    order = ORDERS[alg]
    number = strategies.integers(0, 2 ** (8 * size) - 1)
    near = strategies.sampled_from([0, 1, 2, order - 1, order, order + 1, 2 ** (8 * size) - 1])
    numbers = strategies.tuples(near | number, near | number).map(
        lambda two: two[0].to_bytes(size, "big") + two[1].to_bytes(size, "big")
    )
    bits = strategies.integers(0, 16 * size - 1).map(
        lambda bit: (int.from_bytes(good, "big") ^ (1 << bit)).to_bytes(2 * size, "big")
    )
    twin = good[:size] + (order - int.from_bytes(good[size:], "big")).to_bytes(size, "big")
    signature = data.draw(numbers | bits | strategies.sampled_from([good, twin]))
    said = [ours.verify(b"message", signature, seen(by)) for seen in (as_it_is, in_aws_lc)]
    assert said == 2 * [signature in (good, twin)]


def test_without_aws_lc_openssl_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(algorithms, "EC", None)
    keys = KeySet.of_jwks(public("p256", "p384"))
    assert all(known.quick is known.key for known in keys.keys)
    for alg in ("ES256", "ES384"):
        token = parse_jws(signed({"iss": "any"}, alg=alg))
        assert verify_jws(token, keys)
        assert not verify_jws(structs.replace(token, signature=token.signature[::-1]), keys)


def test_kid_selects() -> None:
    keys = KeySet.of_jwks(public("p256", "p256-second", "rsa"))
    assert [k.kid for k in keys.candidates({"alg": "ES256"})] == ["p256", "p256-second"]
    assert [k.kid for k in keys.candidates({"alg": "ES256", "kid": "p256-second"})] == ["p256-second"]
    for kid in ("rsa", "none", "", 1, ["p256"], {"p256": 1}):
        assert keys.candidates({"alg": "ES256", "kid": kid}) == []


def test_a_single_key_without_kid_answers_to_any() -> None:
    nameless = {name: value for name, value in public("p256")["keys"][0].items() if name != "kid"}
    assert len(KeySet.of_jwks({"keys": [nameless]}).candidates({"alg": "ES256", "kid": "whatever"})) == 1
    more = KeySet.of_jwks({"keys": [nameless, *public("p256-second")["keys"]]})
    assert more.candidates({"alg": "ES256", "kid": "whatever"}) == []


def test_use_and_alg_of_a_key_are_respected() -> None:
    jwk = public("p256")["keys"][0]
    for changes in ({}, {"use": "sig"}, {"alg": "ES256"}):
        assert len(KeySet.of_jwks({"keys": [jwk | changes]}).candidates({"alg": "ES256"})) == 1
    for changes in ({"use": "enc"}, {"alg": "ES384"}, {"alg": "ECDH-ES"}):
        assert KeySet.of_jwks({"keys": [jwk | changes]}).candidates({"alg": "ES256"}) == []


def test_a_set_of_many_keys_is_not_tried_to_the_end() -> None:
    """A key set of hundreds must not make one request cost hundreds of verifications."""
    others = [ECKey.generate_key("P-256").as_dict(private=False) for _ in range(6)]
    token = parse_jws(signed({"iss": "any"}, kid=None))
    assert verify_jws(token, KeySet.of_jwks({"keys": [*others[:3], *public("p256")["keys"]]}))
    assert not verify_jws(token, KeySet.of_jwks({"keys": [*others, *public("p256")["keys"]]}))
    named = parse_jws(signed({"iss": "any"}))
    assert verify_jws(named, KeySet.of_jwks({"keys": [*others, *public("p256")["keys"]]}))


def test_a_secret_is_no_asymmetric_key_and_the_other_way_round() -> None:
    """RFC 8725 2.1: the family is decided by the key that is registered, not by the header."""
    pem = key("rsa").as_pem(private=False)  # type: ignore[attr-defined]
    signing_input = f"{b64({'alg': 'HS256'})}.{b64({})}"
    forged = f"{signing_input}.{b64(hmac.digest(pem, signing_input.encode(), 'sha256'))}"
    assert not verify_jws(parse_jws(forged), KeySet.of_jwks(public("rsa")))
    assert not verify_jws(parse_jws(signed({}, kid=None)), KeySet.of_secret("another secret"))


# --- Importing ---------------------------------------------------------------------------------------------------

GOOD = public("p256")["keys"][0]
RSA = public("rsa")["keys"][0]
UNUSABLE: dict[str, dict[str, Any]] = {
    "nothing": {},
    "no kty": {k: v for k, v in GOOD.items() if k != "kty"},
    "kty in lower case": GOOD | {"kty": "ec"},
    "kty that is a list": GOOD | {"kty": ["EC"]},
    "kty that is an object": GOOD | {"kty": {"EC": 1}},
    "kty of another kind": GOOD | {"kty": "RSA"},
    "symmetric": {"kty": "oct", "k": "c2VjcmV0"},
    "private": key("p256").as_dict(private=True),
    "private RSA": key("rsa").as_dict(private=True),
    "private in name only": GOOD | {"d": ""},
    "no curve": {k: v for k, v in GOOD.items() if k != "crv"},
    "unknown curve": GOOD | {"crv": "P-257"},
    "curve of another size": GOOD | {"crv": "P-521"},
    "curve that is a list": GOOD | {"crv": ["P-256"]},
    "no y": {k: v for k, v in GOOD.items() if k != "y"},
    "x that is a number": GOOD | {"x": 1},
    "x that is null": GOOD | {"x": None},
    "x that is empty": GOOD | {"x": ""},
    "x not in base64url": GOOD | {"x": "é!"},
    "a point off the curve": GOOD | {"x": GOOD["y"], "y": GOOD["x"]},
    "the point at zero": GOOD | {"x": "A" * 43, "y": "A" * 43},
    "Ed25519 of no length": {"kty": "OKP", "crv": "Ed25519", "x": ""},
    "Ed25519 too short": {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"},
    "RSA of zero": RSA | {"n": "AA"},
    "RSA without exponent": {k: v for k, v in RSA.items() if k != "e"},
    "RSA with exponent zero": RSA | {"e": "AA"},
    "RSA with exponent one": RSA | {"e": "AQ"},
    "RSA with an even exponent": RSA | {"e": "Ag"},
    "RSA with numbers": RSA | {"n": 5, "e": 3},
}


@pytest.mark.filterwarnings("ignore:Key size should be")
@pytest.mark.parametrize("case", UNUSABLE)
def test_keys_that_cannot_be_used_are_passed_over(case: str) -> None:
    assert import_key(UNUSABLE[case]) is None
    assert [k.kid for k in KeySet.of_jwks({"keys": [UNUSABLE[case], *public("p384")["keys"]]}).keys] == ["p384"]


@pytest.mark.parametrize("alg", ["RS256", "PS512"])
@pytest.mark.parametrize("last", [b"\xfe", b"\xff"], ids=["even", "odd"])
def test_keys_that_are_no_product_of_primes_verify_nothing(last: bytes, alg: str) -> None:
    keys = KeySet.of_jwks({"keys": [RSA | {"n": b64(b"\xff" * 255 + last)}]})
    for signature in (b"", b"\0" * 256, b"\1" * 256, b"\xff" * 256):
        assert not verify_jws(Unverified({"alg": alg}, {}, b"x.y", signature), keys)


@pytest.mark.filterwarnings("ignore:Key size should be")
@pytest.mark.parametrize(("bits", "usable"), [(1024, False), (2047, False), (2048, True), (3072, True)])
def test_rsa_keys_need_2048_bits(bits: int, usable: bool) -> None:
    modulus = (1 << (bits - 1)) | 1
    jwk = {"kty": "RSA", "e": "AQAB", "n": b64(modulus.to_bytes((bits + 7) // 8))}
    assert (import_key(jwk) is not None) == usable


@pytest.mark.parametrize("keys", [None, {}, "x", 5, [], [None, 1, "x", []]], ids=str)
def test_sets_without_keys(keys: Any) -> None:
    assert KeySet.of_jwks({"keys": keys}).keys == []
    assert KeySet.of_jwks({}).keys == KeySet.of_jwks(None).keys == []


def test_members_of_odd_types_are_ignored() -> None:
    found = import_key(GOOD | {"kid": 5, "alg": ["ES256"], "use": None, "key_ops": "x", "x5c": 1, "ext": {}})
    assert found is not None
    assert (found.kid, found.alg, found.use) == (None, None, None)


# --- Our own keys ------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("alg", SIGNING)
def test_a_key_is_made_sealed_opened_and_used(alg: str) -> None:
    stored = make_key(alg, SECRET, 1_000)
    assert (stored.alg, stored.created_at, stored.retired_at) == (alg, 1_000, None)
    private = {"d", "p", "q", "dp", "dq", "qi", "k"}
    assert not private & stored.public.keys()
    assert stored.kid == stored.public["kid"] == imported(stored.public).thumbprint()
    assert (stored.public["alg"], stored.public["use"]) == (alg, "sig")
    token = sign_jwt({"iss": "me", "text": "żółć"}, open_key(stored, SECRET), "at+jwt")
    assert parse_jws(token).header == {"alg": alg, "kid": stored.kid, "typ": "at+jwt"}
    theirs = jwt.decode(token, TheirKeySet([imported(stored.public)]), algorithms=[alg])
    assert theirs.claims == {"iss": "me", "text": "żółć"}


def imported(jwk: dict[str, Any]) -> Key:
    kinds: dict[str, Any] = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}
    found: Key = kinds[jwk["kty"]].import_key(jwk)
    return found


@pytest.mark.parametrize("alg", ["HS256", "none", "ES384", "RSA", ""])
def test_keys_of_other_kinds_are_not_made(alg: str) -> None:
    with pytest.raises(ValueError, match="no keys are made"):
        make_key(alg, SECRET, 0)


def test_the_newest_key_signs_and_all_are_published() -> None:
    old, new, retired = (make_key("ES256", SECRET, at) for at in (1, 3, 2))
    gone = StoredKey(**{**{f: getattr(retired, f) for f in retired.__struct_fields__}, "retired_at": 4})
    ring = KeyRing.of([new, gone, old], SECRET)
    assert ring.signing["ES256"].kid == new.kid
    assert {jwk["kid"] for jwk in ring.jwks["keys"]} == {old.kid, new.kid, gone.kid}
    only_gone = KeyRing.of([gone], SECRET)
    assert only_gone.signing == {}
    assert verify_jws(parse_jws(sign_jwt({}, open_key(gone, SECRET), "JWT")), only_gone.verifying)


# --- Seals -------------------------------------------------------------------------------------------------------


def test_what_is_sealed_opens_only_in_its_place_under_its_key() -> None:
    sealed = SECRET.close(b"clear", b"here")
    assert SECRET.open(sealed, b"here") == b"clear"
    assert Seal("another secret key, which is long enough").close(b"clear", b"here") != sealed
    for seal_, value, place in (
        (SECRET, sealed, b"there"),
        (SECRET, sealed, b""),
        (Seal("another secret key, which is long enough"), sealed, b"here"),
        (SECRET, sealed[:-1], b"here"),
        (SECRET, sealed[:-1] + bytes([sealed[-1] ^ 1]), b"here"),
        (SECRET, bytes([sealed[0] ^ 1]) + sealed[1:], b"here"),
        (SECRET, b"", b"here"),
        (SECRET, sealed[:12], b"here"),
    ):
        with pytest.raises(CannotOpen):
            seal_.open(value, place)


def test_two_seals_of_one_thing_differ() -> None:
    assert len({SECRET.close(b"clear", b"here") for _ in range(100)}) == 100
    assert not any(sha256(b"clear").digest() in SECRET.close(b"clear", b"here") for _ in range(3))


def test_a_key_under_another_secret_is_not_opened() -> None:
    stored = make_key("ES256", SECRET, 0)
    with pytest.raises(CannotOpen):
        open_key(stored, Seal("another secret key, which is long enough"))
