"""Encrypt to a JWK Set, in one step."""

from __future__ import annotations

from typing import Any

from pushgate.jose.encrypt import encrypt_to, encryption_key


class NoKey(ValueError):
    """The recipient has no public key that fits."""


def encrypt(text: str, *, jwk_keys: dict[str, Any] | None, alg: str, enc: str, cty: str = "JWT") -> str:
    """A compact JWE to the first key of the set that fits. Raises NoKey."""
    key = encryption_key(jwk_keys, alg)
    if key is None:
        raise NoKey(alg)
    return encrypt_to(key, text, enc=enc, cty=cty)


def fits_encryption(jwk: dict[str, Any], alg: str) -> bool:
    """Whether something can be encrypted to this key."""
    return encryption_key({"keys": [jwk]}, alg) is not None
