"""A valid DPoP proof, then the same with one thing wrong: each has its refusal.

RFC 9449 4, 8, 10, 11.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from joserfc.jwk import Key, OctKey, OKPKey, RSAKey

from pushgate import errors
from pushgate.errors import OAuthError
from pushgate.jose.thumbprints import jwk_thumbprint
from pushgate.jose.verify import MAX_HEADER, import_key
from pushgate.protocol import dpop
from pushgate.protocol.dpop import (
    ALGS,
    NONCE_PERIOD,
    Proof,
    check_jkt,
    check_nonce,
    check_same_key,
    find_proof,
    make_nonce,
    nonce_valid,
    normalise_htu,
    verify_proof,
)
from tests.support.assertions import ASYMMETRIC, b64, key, seal
from tests.support.strategies import anything, is_refusal, json_values, jwks, pieces, text, thoroughly, uris

URL = "https://as.example/oauth2/token"
ALIAS = "https://login.example/oauth2/token"
NOW = 1_800_000_000.5  # seconds since the epoch
TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
TOKEN_HASH = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
HS = OctKey.import_key("a-secret-that-is-as-long-as-the-longest-hash-of-them-all-and-more-yet")

_numbers = itertools.count(1)


def jwk_of(name: str) -> dict[str, Any]:
    """A public key as a proof carries it."""
    return {k: v for k, v in key(name).as_dict(private=False).items() if k != "kid"}


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good proof with a new jti, but with these changes; None leaves one out."""
    good = {"jti": f"jti-{next(_numbers)}", "htm": "POST", "htu": URL, "iat": int(NOW), **changes}
    return {name: value for name, value in good.items() if value is not None}


def proof(payload: object = None, *, alg: str = "ES256", by: Key | None = None, **header: Any) -> str:
    """A proof signed with the key that goes with `alg`, or `by` another; a header member None is left out."""
    name = ASYMMETRIC[alg]
    members = {"typ": "dpop+jwt", "alg": alg, "jwk": jwk_of(name), **header}
    members = {name: value for name, value in members.items() if value is not None}
    return seal(members, claims() if payload is None else payload, alg, by or key(name))


def verify(value: str, **changes: Any) -> Proof:
    """Verify as the token endpoint would."""
    facts = {"method": "POST", "urls": frozenset({URL}), "now": NOW, "algorithms": frozenset(ALGS)}
    return verify_proof(value, **{**facts, **changes})


def refused(
    call: Callable[[], object], refusal: str, code: type[OAuthError] = errors.InvalidDpopProof, status: int = 400
) -> OAuthError:
    """The call is refused, for this reason."""
    with pytest.raises(OAuthError) as caught:
        call()
    assert (caught.value.refusal.id, caught.value.code, caught.value.status) == (refusal, code.code, status)
    return caught.value


def bad(value: str, refusal: str, **changes: Any) -> OAuthError:
    """The proof is refused, for this reason."""
    return refused(lambda: verify(value, **changes), refusal)


# --- What is accepted -----------------------------------------------------------------------------------


@pytest.mark.requirement("DPOP-4.3-2", "DPOP-4.3-5", "DPOP-4.3-6", "DPOP-6.1-1")
@pytest.mark.parametrize("alg", ALGS)
def test_every_algorithm(alg: str) -> None:
    found = verify(proof(alg=alg))
    assert found.jkt == key(ASYMMETRIC[alg]).thumbprint()
    assert (found.nonce, found.remember_until) == (None, int(NOW) + 61)


RFC_PROOF = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJo"
    "RjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJq"
    "dGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0Ijox"
    "NTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)


@pytest.mark.requirement("DPOP-4.3-2", "DPOP-4.3-6")
def test_the_example_of_the_rfc() -> None:
    found = verify(RFC_PROOF, urls=frozenset({"https://server.example.com/token"}), now=1562262616)
    assert found.jkt == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


@pytest.mark.requirement("DPOP-4.2-1")
def test_what_means_nothing_here_is_passed_over() -> None:
    more = {"aud": 5, "exp": 0, "nbf": "x", "ath": "not asked for", "sub": None, "x": {"y": []}}
    verify(proof({**claims(), **more}, kid="any", cty="x", jku="https://evil.example/jwks", x5c=["x"], b64=True))


@pytest.mark.requirement("DPOP-4.2-1")
def test_what_a_browser_writes_into_a_key() -> None:
    # WebCrypto's exportKey adds these, and calls Ed25519 by its new name where libraries still sign as EdDSA.
    extra = {"ext": True, "key_ops": ["verify"], "alg": "Ed25519", "use": "sig", "kid": "mine"}
    verify(proof(alg="EdDSA", jwk=jwk_of("ed25519") | extra))


@pytest.mark.requirement("DPOP-4.3-2")
def test_json_with_spaces_is_as_good_as_without() -> None:
    head = json.dumps({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk_of("p256")}, indent=1).encode()
    assert verify(seal(head, json.dumps(claims(), indent=2).encode(), "ES256", key("p256"))).jkt


@pytest.mark.requirement("DPOP-4.3-6")
def test_a_long_key_fits() -> None:
    long = RSAKey.generate_key(4096)
    value = proof(alg="PS256", by=long, jwk=long.as_dict(private=False))
    assert len(value.split(".", maxsplit=1)[0]) < MAX_HEADER
    assert verify(value).jkt == long.thumbprint()


def test_a_key_is_imported_once() -> None:
    fresh = OKPKey.generate_key("Ed25519")
    dpop._imported.cache_clear()
    for _ in range(5):
        verify(proof(alg="EdDSA", by=fresh, jwk=fresh.as_dict(private=False)))
    assert (dpop._imported.cache_info().misses, dpop._imported.cache_info().hits) == (1, 4)
    assert dpop._imported.cache_info().maxsize == 1024


def test_what_is_too_long_for_a_key_is_not_kept() -> None:
    dpop._imported.cache_clear()
    for jwk in ({"kty": "RSA", "e": "AQAB", "n": "_" * 2000}, jwk_of("p256") | {"n": "_" * 2000}):
        bad(proof(jwk=jwk), "dpop.jwk")
    assert dpop._imported.cache_info().currsize == 0


def test_a_proof_does_not_show_itself() -> None:
    found = verify(proof(claims(nonce="a-nonce", jti="a-jti")))
    assert repr(found) == str(found) == "Proof(...)"
    assert (found.nonce, found.handle) == ("a-nonce", f"{found.jkt}\0{URL}\0a-jti")


# --- The header field -------------------------------------------------------------------------------------


@pytest.mark.requirement("DPOP-4.3-1")
def test_one_header_or_none() -> None:
    assert find_proof([]) is None
    value = proof()
    assert find_proof([value]) == find_proof([f" {value}\t"]) == value


@pytest.mark.requirement("DPOP-4.3-1")
@pytest.mark.parametrize("joined", [",", ", ", None], ids=repr)
def test_two_proofs(joined: str | None) -> None:
    two = [proof(), proof()]
    refused(lambda: find_proof(two if joined is None else [joined.join(two)]), "dpop.twice")
    refused(lambda: find_proof([two[0], two[0]]), "dpop.twice")
    refused(lambda: find_proof(["", two[0]]), "dpop.twice")
    refused(lambda: find_proof([two[0] + ","]), "dpop.twice")


@pytest.mark.requirement("DPOP-4.3-2")
@pytest.mark.parametrize("value", ["", " ", "\t "], ids=repr)
def test_an_empty_header(value: str) -> None:
    refused(lambda: find_proof([value]), "dpop.malformed")


# --- Its form -----------------------------------------------------------------------------------------------


def glued(pattern: str) -> str:
    """A good proof's three parts where the pattern has H, P and S."""
    return "".join(dict(zip("HPS", proof().split("."), strict=True)).get(letter, letter) for letter in pattern)


HEAD = {"typ": "dpop+jwt", "alg": "ES256"}
MALFORMED: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "garbage": lambda: "garbage",
    "two parts": lambda: glued("H.P"),
    "five parts, like a JWE": lambda: glued("H.P.S.P.S"),
    "no signature": lambda: glued("H.P."),
    "padding": lambda: glued("H.P.S=="),
    "a space in front": lambda: glued(" H.P.S"),
    "a line break behind": lambda: glued("H.P.S\n"),
    "a scheme in front": lambda: "DPoP " + proof(),
    "outside ASCII": lambda: glued("H.P.é"),
    "payload that is no object": lambda: proof([claims()]),
    "payload that is no JSON": lambda: proof(b"jti=1"),
    "header without alg": lambda: seal({"typ": "dpop+jwt", "jwk": jwk_of("p256")}, claims(), "ES256", key("p256")),
    "alg that is no text": lambda: seal({**HEAD, "alg": 5}, claims(), "ES256", key("p256")),
    "typ twice": lambda: seal(b'{"typ":"dpop+jwt","typ":"dpop+jwt","alg":"ES256"}', claims(), "ES256", key("p256")),
    "jti twice": lambda: proof(json.dumps(claims()).encode()[:-1] + b',"jti":"x"}'),
    "iat that is not even JSON": lambda: proof(json.dumps(claims(iat=7)).replace("7}", "NaN}").encode()),
    "half a character in the jti": lambda: proof(claims(jti="\ud800")),
    "a jti of 17 kB": lambda: proof(claims(jti="j" * 17_000)),
    "a huge header": lambda: proof(x="x" * MAX_HEADER),
}


@pytest.mark.requirement("DPOP-4.3-2")
@pytest.mark.parametrize("case", MALFORMED)
def test_malformed(case: str) -> None:
    value = MALFORMED[case]()
    # An empty signature is base64url of nothing, so it is the signature that is wrong.
    bad(value, "dpop.signature" if case == "no signature" else "dpop.malformed")


@pytest.mark.requirement("DPOP-4.2-1")
@pytest.mark.parametrize(
    "header", [{"crit": ["exp"], "exp": 1}, {"crit": []}, {"crit": "b64"}, {"b64": False}], ids=repr
)
def test_crit_is_never_understood(header: dict[str, Any]) -> None:
    bad(proof(**header), "dpop.crit")


@pytest.mark.requirement("DPOP-4.3-3", "DPOP-4.3-4")
@pytest.mark.parametrize(
    "typ", [None, "", "JWT", "at+jwt", "DPoP+jwt", "application/dpop+jwt", "dpop+jwt ", "dpop+JWT", 5, ["dpop+jwt"]],
    ids=repr,
)  # fmt: skip
def test_typed_for_another_purpose(typ: Any) -> None:
    bad(proof(typ=typ), "dpop.typ")


@pytest.mark.requirement("DPOP-4.3-5")
@pytest.mark.parametrize("alg", ["none", "None", "", "HS256", "HS512", "RS384", "RS512", "es256", "ES256K", "dir"])
def test_algorithms_that_are_on_no_list(alg: str) -> None:
    members = {"typ": "dpop+jwt", "alg": alg, "jwk": jwk_of("rsa" if alg.startswith("R") else "p256")}
    signed = (
        seal(members, claims(), alg, HS if alg.startswith("H") else key("rsa")) if alg[:2] in ("HS", "RS") else None
    )
    bad(signed or f"{b64(members)}.{b64(claims())}.", "dpop.alg")
    # Nor does it help if a caller's list is too long.
    bad(signed or f"{b64(members)}.{b64(claims())}.", "dpop.alg", algorithms=frozenset({*ALGS, alg}))


@pytest.mark.requirement("DPOP-4.3-5")
@pytest.mark.parametrize("alg", ALGS)
def test_a_profile_narrows_the_algorithms(alg: str) -> None:
    narrow = frozenset({"PS256", "ES256", "EdDSA", "Ed25519"})
    if alg in narrow:
        assert verify(proof(alg=alg), algorithms=narrow).jkt
    else:
        bad(proof(alg=alg), "dpop.alg", algorithms=narrow)


# --- Its key ----------------------------------------------------------------------------------------------


def without(name: str, jwk: dict[str, Any]) -> dict[str, Any]:
    """The key without this member."""
    return {member: value for member, value in jwk.items() if member != name}


@pytest.mark.requirement("DPOP-4.3-7")
@pytest.mark.parametrize("alg", ALGS)
def test_a_private_key(alg: str) -> None:
    bad(proof(alg=alg, jwk=key(ASYMMETRIC[alg]).as_dict(private=True)), "dpop.private_key")


@pytest.mark.requirement("DPOP-4.3-7")
@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_one_private_member_is_enough(member: str) -> None:
    for value in ("AQAB", None, 5):
        bad(proof(alg="RS256", jwk=jwk_of("rsa") | {member: value}), "dpop.private_key")


@pytest.mark.requirement("DPOP-4.3-7", "DPOP-4.3-5")
@pytest.mark.parametrize("jwk", [HS.as_dict(), {"kty": "oct"}], ids=["with k", "without k"])
def test_a_symmetric_key(jwk: dict[str, Any]) -> None:
    bad(proof(jwk=jwk), "dpop.private_key")


def leading_zero(member: str, jwk: dict[str, Any]) -> dict[str, Any]:
    """The same number in one octet more."""
    number = import_key(jwk)
    assert number is not None
    public = number.key.public_key.public_numbers()  # type: ignore[union-attr]
    value = getattr(public, member)
    return jwk | {member: b64(b"\0" + value.to_bytes((value.bit_length() + 7) // 8, "big"))}


SHORT_RSA = {"kty": "RSA", "e": "AQAB", "n": b64(b"\xc1" + b"\x5a" * 126 + b"\1")}
JWKS: dict[str, Callable[[], Any]] = {
    "null": lambda: None,
    "text": lambda: "jwk",
    "a list": lambda: [jwk_of("p256")],
    "empty": lambda: {},
    "no kty": lambda: without("kty", jwk_of("p256")),
    "another kty": lambda: jwk_of("p256") | {"kty": "ec"},
    "kty that is a list": lambda: jwk_of("p256") | {"kty": ["EC"]},
    "no crv": lambda: without("crv", jwk_of("p256")),
    "no x": lambda: without("x", jwk_of("p256")),
    "no y": lambda: without("y", jwk_of("p256")),
    "x that is a number": lambda: jwk_of("p256") | {"x": 5},
    "x that is null": lambda: jwk_of("p256") | {"x": None},
    "x that is no base64url": lambda: jwk_of("p256") | {"x": "é" * 43},
    "x with padding": lambda: jwk_of("p256") | {"x": jwk_of("p256")["x"] + "="},
    "a point that is not on the curve": lambda: jwk_of("p256") | {"x": jwk_of("p256")["y"]},
    "an unknown curve": lambda: jwk_of("p256") | {"crv": "secp256k1"},
    "another curve's name": lambda: jwk_of("p256") | {"crv": "P-384"},
    "for key agreement": lambda: OKPKey.generate_key("X25519").as_dict(private=False) | {"use": "enc"},
    "for encryption": lambda: jwk_of("p256") | {"use": "enc"},
    "a use that is no text": lambda: jwk_of("p256") | {"use": ["sig"]},
    "x with an octet too many": lambda: leading_zero("x", jwk_of("p256")),
    "n with an octet too many": lambda: leading_zero("n", jwk_of("rsa")),
    "e with an octet too many": lambda: leading_zero("e", jwk_of("rsa")),
    "RSA of 1024 bits": lambda: SHORT_RSA,
    "RSA of 12,000 bits": lambda: {"kty": "RSA", "e": "AQAB", "n": "_" * 2000},
    "RSA of 8,208 bits": lambda: {"kty": "RSA", "e": "AQAB", "n": b64(b"\xff" * 1026)},
    "an exponent as long as the modulus": lambda: jwk_of("rsa") | {"e": jwk_of("rsa")["n"][:-6] + "AAAAAQ"},
    "an exponent of 40 bits": lambda: jwk_of("rsa") | {"e": b64(b"\1\0\0\0\1")},
    "an exponent of one": lambda: jwk_of("rsa") | {"e": "AQ"},
    "an even exponent": lambda: jwk_of("rsa") | {"e": "BA"},
}


@pytest.mark.requirement("DPOP-4.3-3", "DPOP-4.3-7")
@pytest.mark.parametrize("case", JWKS)
@pytest.mark.filterwarnings("ignore:Key size should be")
def test_a_jwk_that_is_no_key(case: str) -> None:
    jwk = JWKS[case]()
    alg = "RS256" if isinstance(jwk, dict) and "n" in jwk else "ES256"
    for _ in range(2):  # the second time it is known already
        bad(proof(alg=alg, jwk=jwk), "dpop.jwk")
    bad(seal({**HEAD, "jwk": None}, claims(), "ES256", key("p256")), "dpop.jwk")


# --- Its signature ------------------------------------------------------------------------------------------


@pytest.mark.requirement("DPOP-4.3-6")
@pytest.mark.parametrize("alg", ALGS)
def test_signed_with_another_key_or_by_nobody(alg: str) -> None:
    head, payload, signature = proof(alg=alg).split(".")
    stranger = proof(
        alg=alg, by=key({"rsa": "rsa-other", "ed25519": "ed25519-other"}.get(ASYMMETRIC[alg], "p256-other"))
    )
    altered = b64(claims(jti="another"))
    for wrong in (stranger, f"{head}.{altered}.{signature}", f"{head}.{payload}.", f"{head}.{payload}.AQAB"):
        bad(wrong, "dpop.signature")
    bad(f"{head}.{payload}.{b64(bytes(64))}", "dpop.signature")


@pytest.mark.requirement("DPOP-4.3-5", "DPOP-4.3-6")
@pytest.mark.parametrize(("alg", "name"), [("ES256", "p384"), ("ES384", "p256"), ("PS256", "p256"), ("EdDSA", "rsa")])
def test_a_key_that_does_not_fit_the_algorithm(alg: str, name: str) -> None:
    bad(proof(alg=alg, jwk=jwk_of(name)), "dpop.signature")


@pytest.mark.requirement("DPOP-4.3-6")
def test_a_key_for_agreement_signs_nothing() -> None:
    bad(proof(alg="EdDSA", jwk=OKPKey.generate_key("X25519").as_dict(private=False)), "dpop.signature")


# --- Its claims -----------------------------------------------------------------------------------------------


@pytest.mark.requirement("DPOP-4.3-3")
@pytest.mark.parametrize("name", ["jti", "htm", "htu", "iat"])
def test_a_missing_claim(name: str) -> None:
    bad(proof(claims(**{name: None})), f"dpop.{name}")
    bad(proof({**claims(), name: None}), f"dpop.{name}")


@pytest.mark.requirement("DPOP-4.3-8")
@pytest.mark.parametrize("htm", ["GET", "post", "Post", "POST ", "", 5, ["POST"], True], ids=repr)
def test_another_method(htm: Any) -> None:
    bad(proof(claims(htm=htm)), "dpop.htm")
    verify(proof(claims(htm="GET")), method="GET")


SAME_URL = [
    URL,
    URL + "?x=1#y",
    URL + "?",
    URL + "#",
    URL + "#a?b",
    "HTTPS://AS.EXAMPLE/oauth2/token",
    "https://as.example:443/oauth2/token",
    "https://as.example:/oauth2/token",
    "https://as.example:0443/oauth2/token",
    "https://as.example/%6fauth2/tok%65n",
    "https://as.example/%6Fauth2/token?%zz",
    "https://as.example/x/../oauth2/./token",
    "https://as.example/../oauth2/token",
    "https://as.example/oauth2/%2E/token",
]


@pytest.mark.requirement("DPOP-4.3-9", "DPOP-4.3-10", "DPOP-4.3-11")
@pytest.mark.parametrize("htu", SAME_URL)
def test_the_same_url_in_other_words(htu: str) -> None:
    found = verify(proof(claims(htu=htu, jti="j")))
    assert found.handle == f"{found.jkt}\0{URL}\0j"


@pytest.mark.requirement("DPOP-4.3-11")
def test_a_tilde_may_be_escaped() -> None:
    url = "https://as.example/~alpha/token"
    verify(proof(claims(htu="https://as.example/%7Ealpha/token")), urls=frozenset({url}))
    verify(proof(claims(htu="https://as.example/%7ealpha/token")), urls=frozenset({url}))


OTHER_URLS: list[Any] = [
    "https://as.example/oauth2/par",
    "https://as.example/oauth2/token/",
    "https://as.example/OAuth2/token",
    "https://as.example/oauth2%2Ftoken",
    "https://as.example//oauth2/token",
    "https://as.example/oauth2/token;x",
    "https://as.example/oauth2/token%00",
    "https://as.example/oauth2/token%zz",
    "https://as.example/oauth2/tok%C3%A9n",
    "https://as.example",
    "http://as.example/oauth2/token",
    "https://as.example:8443/oauth2/token",
    "https://as.example:99999/oauth2/token",
    "https://as.example:443443/oauth2/token",
    "https://as.example:x/oauth2/token",
    "https://as.example./oauth2/token",
    "https://as.example.evil.example/oauth2/token",
    "https://evil.example/oauth2/token",
    "https://evil.example@as.example/oauth2/token",
    "https://as.example\\@evil.example/oauth2/token",
    "https://as.example/oauth2/token ",
    " https://as.example/oauth2/token",
    "https://as.example/oauth2/to\nken",
    "https://as.example/oauth2/token?\0",
    "https://as.exаmple/oauth2/token",  # Cyrillic а
    "https://[::1/oauth2/token",
    "https://[x]/oauth2/token",
    "//as.example/oauth2/token",
    "/oauth2/token",
    "https:/as.example/oauth2/token",
    "https:///oauth2/token",
    "urn:ietf:params:oauth:request_uri:x",
    "https://as.example/" + "../" * 1000 + "oauth2/token",
    ALIAS,
    "",
    5,
    True,
    [URL],
    {"url": URL},
]


@pytest.mark.requirement("DPOP-4.3-9")
@pytest.mark.parametrize("htu", OTHER_URLS, ids=lambda v: ascii(v)[:50])
def test_another_url(htu: Any) -> None:
    bad(proof(claims(htu=htu)), "dpop.htu")


@pytest.mark.requirement("DPOP-4.3-9")
def test_a_server_of_two_names() -> None:
    both = frozenset({URL, ALIAS})
    assert verify(proof(claims(htu=URL)), urls=both).handle != verify(proof(claims(htu=ALIAS)), urls=both).handle
    bad(proof(claims(htu=URL)), "dpop.htu", urls=frozenset({ALIAS}))
    bad(proof(claims(htu=URL)), "dpop.htu", urls=frozenset())


@pytest.mark.requirement("DPOP-4.3-12", "DPOP-11.1-1")
@pytest.mark.parametrize("away", [0, -1, -59, -59.5, -60, +1, +30, 0.25], ids=str)
def test_fresh_enough(away: float) -> None:
    iat = NOW + away
    found = verify(proof(claims(iat=iat)))
    # As long as it would be accepted, it is remembered.
    assert iat + 60 < found.remember_until <= iat + 62


@pytest.mark.requirement("DPOP-4.3-12", "DPOP-11.1-1")
@pytest.mark.parametrize("away", [-60.5, -61, -3600, -NOW, -2 * NOW, +30.5, +31, +3600, 1e12], ids=str)
def test_too_old_or_too_new(away: float) -> None:
    bad(proof(claims(iat=NOW + away)), "dpop.iat")


@pytest.mark.requirement("DPOP-4.3-12")
@pytest.mark.parametrize(
    "iat", [True, False, "now", str(int(NOW)), [NOW], {"at": NOW}, 10**400, -(10**400)], ids=lambda v: repr(v)[:20]
)
def test_iat_that_is_no_time(iat: Any) -> None:
    bad(proof(claims(iat=iat)), "dpop.iat")


@pytest.mark.requirement("DPOP-4.3-12")
@pytest.mark.parametrize("literal", ["1e400", "-1e400"])
def test_a_time_past_every_double(literal: str) -> None:
    bad(proof(json.dumps(claims(iat="IAT")).replace('"IAT"', literal).encode()), "dpop.iat")


@pytest.mark.requirement("DPOP-4.3-12")
@pytest.mark.parametrize("iat", [True, 0, 1.5])
def test_iat_at_the_beginning_of_time(iat: Any) -> None:
    value = proof(claims(iat=iat))
    if iat is True:
        bad(value, "dpop.iat", now=1)
    else:
        assert verify(value, now=1).remember_until == int(iat) + 61


@pytest.mark.requirement("DPOP-11.1-2")
@pytest.mark.parametrize("jti", ["", "j" * 257, "j" * 10_000, 1, True, ["jti"], {}], ids=lambda v: repr(v)[:20])
def test_jti_that_is_unusable(jti: Any) -> None:
    bad(proof(claims(jti=jti)), "dpop.jti")


@pytest.mark.requirement("DPOP-11.1-2")
def test_a_jti_as_long_as_may_be() -> None:
    assert verify(proof(claims(jti="j" * 256))).handle.endswith("\0" + "j" * 256)


@pytest.mark.requirement("DPOP-11.1-1")
def test_what_is_used_once_is_the_key_the_url_and_the_jti() -> None:
    urls = frozenset({URL, ALIAS})
    first = verify(proof(claims(jti="same")), urls=urls).handle
    again = [
        proof(claims(jti="same", iat=int(NOW) - 9)),
        proof(claims(jti="same", htu=URL + "?x")),
        proof(claims(jti="same"), x=1),
    ]
    assert {verify(value, urls=urls).handle for value in again} == {first}
    other = [proof(claims(jti="Same")), proof(claims(jti="same", htu=ALIAS)), proof(claims(jti="same"), alg="PS256")]
    assert len({first, *(verify(value, urls=urls).handle for value in other)}) == 4


@pytest.mark.requirement("DPOP-4.3-14")
def test_a_proof_for_an_access_token() -> None:
    assert verify(proof(claims(ath=TOKEN_HASH)), access_token=TOKEN).jkt
    assert b64(hashlib.sha256(TOKEN.encode()).digest()) == TOKEN_HASH


@pytest.mark.requirement("DPOP-4.3-14")
@pytest.mark.parametrize(
    "ath", [None, "", TOKEN_HASH + "=", TOKEN_HASH[:-1], TOKEN_HASH.lower(), TOKEN, 5, [TOKEN_HASH], True], ids=repr
)
def test_a_proof_for_another_access_token(ath: Any) -> None:
    bad(proof(claims(ath=ath)), "dpop.ath", access_token=TOKEN)


@pytest.mark.requirement("DPOP-4.3-14")
@pytest.mark.parametrize("token", ["", "another", "é", "\ud800", TOKEN + "\0"], ids=ascii)
def test_the_hash_of_another_access_token(token: str) -> None:
    bad(proof(claims(ath=TOKEN_HASH)), "dpop.ath", access_token=token)
    bad(proof(), "dpop.ath", access_token=token)


# --- Nonces -----------------------------------------------------------------------------------------------

SECRET = b"a key of thirty-two random bytes"
START = NONCE_PERIOD * 6_000_000


@pytest.mark.requirement("DPOP-4.3-13")
@pytest.mark.parametrize("nonce", ["", "any", "é"], ids=repr)
def test_a_nonce_is_carried(nonce: str) -> None:
    assert verify(proof(claims(nonce=nonce))).nonce == nonce


@pytest.mark.requirement("DPOP-4.3-13")
@pytest.mark.parametrize("nonce", [5, True, ["n"], {}, 1.5], ids=repr)
def test_a_nonce_that_is_no_text(nonce: Any) -> None:
    bad(proof(claims(nonce=nonce)), "dpop.nonce_malformed")


@pytest.mark.requirement("DPOP-8.2-1", "DPOP-4.3-13")
@pytest.mark.parametrize("made", [0, 1, NONCE_PERIOD - 0.001])
def test_a_nonce_lives_in_its_period_and_the_next(made: float) -> None:
    nonce = make_nonce(SECRET, "as", START + made)
    for later in (0, made, NONCE_PERIOD, 2 * NONCE_PERIOD - 0.001):
        assert nonce_valid(SECRET, "as", nonce, START + later)
    for other in (-0.001, -NONCE_PERIOD, 2 * NONCE_PERIOD, 10 * NONCE_PERIOD):
        assert not nonce_valid(SECRET, "as", nonce, START + other)


@pytest.mark.requirement("DPOP-8-2")
def test_a_nonce_is_of_one_server_one_purpose_and_one_time() -> None:
    ways = [
        (SECRET, "as", START),
        (b"another", "as", START),
        (SECRET, "rs", START),
        (SECRET, "", START),
        (SECRET, "as", 0),
    ]
    nonces = [make_nonce(*way) for way in ways]
    assert len(set(nonces)) == len(ways)
    for way, nonce in itertools.product(ways, nonces):
        assert nonce_valid(*way[:2], nonce, way[2]) == (nonce == make_nonce(*way))
    # RFC 9449 8.1: NQCHAR.
    assert all(set(nonce) <= {chr(c) for c in range(0x21, 0x7F)} - {'"', "\\"} for nonce in nonces)


@pytest.mark.requirement("DPOP-8-3")
def test_a_nonce_with_one_character_changed() -> None:
    nonce = make_nonce(SECRET, "as", START)
    for at in range(len(nonce)):
        changed = nonce[:at] + ("A" if nonce[at] != "A" else "B") + nonce[at + 1 :]
        assert not nonce_valid(SECRET, "as", changed, START)
    for wrong in (None, "", nonce[:-1], nonce + "A", nonce + "=", nonce.swapcase(), "é" * 43, "\ud800"):
        assert not nonce_valid(SECRET, "as", wrong, START)


@pytest.mark.requirement("DPOP-4.3-13", "DPOP-8-1", "DPOP-11.3-1")
def test_a_nonce_that_is_demanded() -> None:
    nonce = make_nonce(SECRET, "as", NOW)
    check_nonce(verify(proof(claims(nonce=nonce))), SECRET, "as", NOW)
    old = make_nonce(SECRET, "as", NOW - 2 * NONCE_PERIOD)
    for wrong in (None, "", "guessed", old, make_nonce(SECRET, "rs", NOW), nonce[:-1]):
        found = verify(proof(claims(nonce=wrong)))
        refused(partial(check_nonce, found, SECRET, "as", NOW), "dpop.nonce", errors.UseDpopNonce)


# --- The key of a code --------------------------------------------------------------------------------------


@pytest.mark.requirement("DPOP-10-2")
def test_dpop_jkt() -> None:
    check_jkt(None)
    check_jkt(key("p256").thumbprint())
    check_jkt("-_" + "A" * 41)


@pytest.mark.requirement("DPOP-10-2")
@pytest.mark.parametrize(
    "value",
    ["", "A" * 42, "A" * 44, "A" * 43 + "=", "A" * 43 + "\n", "0" * 64, "+" * 43, "é" * 43, "A" * 42 + " "],
    ids=ascii,
)
def test_dpop_jkt_malformed(value: str) -> None:
    refused(lambda: check_jkt(value), "dpop.jkt_malformed", errors.InvalidRequest)


@pytest.mark.requirement("DPOP-10.1-3")
def test_both_ways_to_name_a_key_agree() -> None:
    one, other = key("p256").thumbprint(), key("p384").thumbprint()
    for pair in ((None, None), (one, None), (None, one), (one, one)):
        check_same_key(*pair)
    refused(lambda: check_same_key(one, other), "dpop.key_pushed")
    refused(lambda: check_same_key(one, one.lower()), "dpop.key_pushed")


# --- Whatever is sent ---------------------------------------------------------------------------------------

CODES = ("invalid_dpop_proof",)
parts = pieces(".", "e30", "eyJhbGciOiJFUzI1NiJ9", "A", "=", "é", " ", "\ud800", "\0", ",", "W10")
changes = st.dictionaries(st.sampled_from(["jti", "htm", "htu", "iat", "nonce", "ath"]), json_values | text | uris)


@anything
@given(st.lists(text | parts, max_size=3))
def test_any_headers_are_a_proof_or_a_refusal(headers: list[str]) -> None:
    try:
        found = find_proof(headers)
        assert (found is None) == (headers == [])
        if found is not None:
            verify(found)
    except OAuthError as problem:
        is_refusal(problem, *CODES)


def sealed(header: object, payload: object) -> str:
    """As bytes of JSON, NaN and lone surrogates included."""
    return seal(json.dumps(header).encode(), json.dumps(payload).encode(), "ES256", key("p256"))


@thoroughly
@given(changes, st.sampled_from([None, TOKEN]))
@example({"iat": float("nan")}, None)
@example({"htu": "https://[/"}, None)
def test_any_claims_are_a_proof_or_a_refusal(changed: dict[str, Any], token: str | None) -> None:
    try:
        found = verify(sealed({**HEAD, "jwk": jwk_of("p256")}, claims() | changed), access_token=token)
    except OAuthError as problem:
        is_refusal(problem, *CODES)
        return
    assert found.jkt == key("p256").thumbprint()
    assert found.nonce is None or isinstance(found.nonce, str)


@thoroughly
@given(jwks | json_values, st.sampled_from(ALGS))
@example({"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}, "EdDSA")
def test_any_jwk_is_a_refusal(jwk: Any, alg: str) -> None:
    with pytest.raises(OAuthError) as caught:
        verify(sealed({**HEAD, "alg": alg, "jwk": jwk}, claims()))
    is_refusal(caught.value, *CODES)
    assert caught.value.refusal.id in ("dpop.jwk", "dpop.private_key", "dpop.signature", "dpop.malformed")


@thoroughly
@given(json_values, st.sampled_from(["typ", "alg", "jwk", "crit", "kid", "b64"]))
def test_any_header_member_is_a_proof_or_a_refusal(value: Any, name: str) -> None:
    try:
        verify(sealed({**HEAD, "jwk": jwk_of("p256"), name: value}, claims()))
        assert name in ("kid", "b64")
    except OAuthError as problem:
        is_refusal(problem, *CODES)


@thoroughly
@given(
    uris
    | st.sampled_from(SAME_URL)
    | st.from_regex(r"https://a(:[0-9]{0,6})?(/(\.|%2e|%[0-9a-f]{2}|b|/){0,6})?(\?x)?", fullmatch=True)
)
@example("https://as.example")
@example("https://[2001:DB8::1]:443/%2e%2E/a%2f")
def test_a_normal_form_is_its_own(url: str) -> None:
    try:
        normal = normalise_htu(url)
    except ValueError:
        return
    assert normalise_htu(normal) == normal
    assert normal.startswith(("https://", "http://"))
    assert not {"?", "#"} & set(normal)
    assert verify(proof(claims(htu=url)), urls=frozenset({normal})).handle.split("\0")[1] == normal


def test_normal_forms() -> None:
    assert normalise_htu("https://AS.example") == "https://as.example/"
    assert normalise_htu("HTTP://localhost:80") == "http://localhost/"
    assert normalise_htu("http://[::1]:8000/a%2fb%7e/") == "http://[::1]:8000/a%2Fb~/"
    assert normalise_htu("https://as.example:80/a/b/..") == "https://as.example:80/a/"
    assert normalise_htu("https://as.example/a/.?x=/../") == "https://as.example/a/"
    for wrong in ("", "ftp://as.example/", "https://", "https://as.example/é", "https://a/" + "a" * 2000):
        with pytest.raises(ValueError, match="URL"):
            normalise_htu(wrong)


@anything
@given(text | st.text(max_size=50), st.integers(0, 2**40))
def test_any_text_is_a_thumbprint_or_a_refusal_and_no_nonce(value: str, now: int) -> None:
    assume(value != make_nonce(SECRET, "as", now))
    assert not nonce_valid(SECRET, "as", value, now)
    try:
        check_jkt(value)
        assert len(value) == 43
    except OAuthError as problem:
        is_refusal(problem, "invalid_request")


def test_a_thumbprint_is_the_one_of_the_rfc() -> None:
    assert verify(proof()).jkt == jwk_thumbprint(jwk_of("p256"))
