"""The hashes that ID Tokens carry."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode

_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


def half_hash(value: str, alg: str) -> str:
    """at_hash, c_hash, s_hash: the left half of the hash that the algorithm names; EdDSA means SHA-512.

    OpenID Connect Core 3.1.3.6, 3.3.2.11.
    """
    digest = _HASHES.get(alg[-3:], hashlib.sha512)(value.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
