"""Thumbprints of keys and certificates: the examples of the RFCs, joserfc's opinion, and what has none."""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import example, given

from pushgate.jose.thumbprints import certificate_thumbprint, jwk_thumbprint
from tests.support.assertions import b64, key
from tests.support.certificates import client
from tests.support.strategies import anything, jwks

RFC_7638 = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
    "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6"
    "qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJ"
    "zKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}
RFC_8037 = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
RFC_9449 = {
    "kty": "EC",
    "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
    "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    "crv": "P-256",
}
EXAMPLES = {
    "RFC 7638 3.1": (RFC_7638, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
    "RFC 8037 A.3": (RFC_8037, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
    "RFC 9449 6.1": (RFC_9449, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"),
}


@pytest.mark.requirement("DPOP-6.1-1")
@pytest.mark.parametrize("case", EXAMPLES)
def test_the_examples(case: str) -> None:
    jwk, thumbprint = EXAMPLES[case]
    assert jwk_thumbprint(jwk) == thumbprint


@pytest.mark.requirement("DPOP-6.1-1")
@pytest.mark.parametrize("name", ["p256", "p384", "p521", "rsa", "ed25519"])
def test_another_library_computes_the_same(name: str) -> None:
    made = key(name)
    private = made.as_dict(private=True)
    assert jwk_thumbprint(private) == jwk_thumbprint(made.as_dict(private=False)) == made.thumbprint()
    assert jwk_thumbprint(dict(reversed(private.items()))) == made.thumbprint()
    assert jwk_thumbprint({**private, "use": "sig", "anything": [1]}) == made.thumbprint()


NO_KEYS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "symmetric": {"kty": "oct", "k": "c2VjcmV0"},
    "another type": {**RFC_9449, "kty": "ec"},
    "a type that is no text": {**RFC_9449, "kty": ["EC"]},
    "without y": {name: value for name, value in RFC_9449.items() if name != "y"},
    "without crv": {name: value for name, value in RFC_8037.items() if name != "crv"},
    "a number for e": {**RFC_7638, "e": 65537},
    "null for n": {**RFC_7638, "n": None},
}


@pytest.mark.parametrize("case", NO_KEYS)
def test_what_has_no_thumbprint(case: str) -> None:
    with pytest.raises(ValueError, match="no"):
        jwk_thumbprint(NO_KEYS[case])


@anything
@given(jwks)
@example(RFC_8037)
def test_any_object_has_a_thumbprint_or_none(jwk: dict[str, Any]) -> None:
    try:
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", jwk_thumbprint(jwk))
    except ValueError:
        assert jwk.get("kty") not in ("EC", "OKP", "RSA") or not all(
            isinstance(jwk.get(name), str)
            for name in {"EC": "crv x y", "OKP": "crv x", "RSA": "n e"}[jwk["kty"]].split()
        )


@pytest.mark.requirement("MTLS-3.1-2")
def test_a_certificate_is_named_by_its_der() -> None:
    made = client()
    lines = [line for line in made.pem.splitlines() if line and not line.startswith("-")]
    assert certificate_thumbprint(made.der) == b64(hashlib.sha256(b64decode("".join(lines))).digest())
    assert len(certificate_thumbprint(made.der)) == 43
