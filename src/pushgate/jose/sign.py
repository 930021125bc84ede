"""Make signed JWTs."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import Any

import msgspec

from pushgate.jose.algorithms import ALGORITHMS
from pushgate.jose.keys import SigningKey


def sign_jwt(claims: dict[str, Any], key: SigningKey, typ: str | None) -> str:
    """A compact JWS over the claims, with `alg`, `kid`, `typ` in the header and nothing else; None leaves it out."""
    signing_input = _header(key.alg, key.kid, typ) + b"." + _base64(msgspec.json.encode(claims))
    return (signing_input + b"." + _base64(ALGORITHMS[key.alg].sign(signing_input, key.key))).decode()


@lru_cache(maxsize=256)
def _header(alg: str, kid: str | None, typ: str | None) -> bytes:
    members = {"alg": alg, "kid": kid, "typ": typ}
    return _base64(msgspec.json.encode({name: value for name, value in members.items() if value is not None}))


def _base64(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")
