"""Encryption at rest of private keys and of client secrets that are needed in clear (AES-256-GCM)."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class CannotOpen(Exception):
    """The sealed value was made under another secret key, or for another place."""


class Seal:
    """Seals with a key derived from the server's secret key (PUSHGATE_SECRET_KEY)."""

    def __init__(self, secret_key: str) -> None:
        # The secret is long random text, so one hash makes a key of it; no password stretching is needed.
        self._aead = AESGCM(hashlib.sha256(b"pushgate seal 1\0" + secret_key.encode()).digest())
        self._root = hashlib.sha256(b"pushgate derive 1\0" + secret_key.encode()).digest()

    def derive(self, purpose: bytes) -> bytes:
        """A key of 256 bits for another purpose; the same in every process that has the secret key."""
        return hmac.digest(self._root, purpose, hashlib.sha256)

    def close(self, clear: bytes, context: bytes) -> bytes:
        """Encrypt; `context` names the place of the value, so that it cannot be moved to another."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, clear, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypt. Raises CannotOpen."""
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise CannotOpen("sealed under another PUSHGATE_SECRET_KEY, or damaged") from None
