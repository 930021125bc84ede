"""The names that keys and certificates have by their content: what tokens are bound to."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import msgspec

_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}


def jwk_thumbprint(jwk: Mapping[str, Any]) -> str:
    """The JWK SHA-256 thumbprint, unpadded base64url; members that are not required make no difference.

    Raises ValueError for another type of key than EC, OKP and RSA, and where a member is missing or no text.
    RFC 7638 3, RFC 8037 2.
    """
    kty = jwk.get("kty")
    names = _MEMBERS.get(kty) if isinstance(kty, str) else None
    if names is None:
        raise ValueError("no public key of a known type")
    members = {name: jwk.get(name) for name in names}
    if not all(isinstance(value, str) for value in members.values()):
        raise ValueError("a required member is missing or no text")
    return _sha256(_encode(members))


def certificate_thumbprint(der: bytes) -> str:
    """`x5t#S256`: unpadded base64url of SHA-256 over the DER of a certificate. RFC 8705 3.1."""
    return _sha256(der)


# The order above is the one of code points that RFC 7638 3.3 wants; msgspec writes no spaces.
_encode = msgspec.json.Encoder().encode


def _sha256(content: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
