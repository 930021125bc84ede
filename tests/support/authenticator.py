"""An authenticator without hardware: it makes passkeys and signs with them (WebAuthn Level 3, 6)."""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64(data: bytes) -> str:
    """base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """The bytes of `b64`."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Passkey:
    """One key pair. What it says can be changed, to see what is refused."""

    origin: str
    rp_id: str
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(20))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    flags: int = PRESENT | VERIFIED
    sign_count: int = 0
    user_handle: bytes = b""

    def create(self, options: dict[str, Any], **client_data: Any) -> str:
        """The answer to creation options, as a browser posts it; `client_data` replaces members of the client data."""
        self.user_handle = unb64(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        attested = bytes(16) + len(self.credential_id).to_bytes(2) + self.credential_id + cbor2.dumps(cose)
        statement = {"fmt": "none", "attStmt": {}, "authData": self._data(self.flags | ATTESTED) + attested}
        response = {
            "clientDataJSON": b64(self._client_data("webauthn.create", options["challenge"], client_data)),
            "attestationObject": b64(cbor2.dumps(statement)),
            "transports": ["internal"],
        }
        return self._answer(response)

    def get(self, options: dict[str, Any], **client_data: Any) -> str:
        """The answer to request options: a signature over the challenge."""
        self.sign_count += 1
        told = self._client_data("webauthn.get", options["challenge"], client_data)
        data = self._data(self.flags)
        response = {
            "clientDataJSON": b64(told),
            "authenticatorData": b64(data),
            "signature": b64(self.key.sign(data + sha256(told).digest(), ec.ECDSA(SHA256()))),
            "userHandle": b64(self.user_handle),
        }
        return self._answer(response)

    def _data(self, flags: int) -> bytes:
        return sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.sign_count.to_bytes(4)

    def _client_data(self, kind: str, challenge: str, changes: dict[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, **changes}).encode()

    def _answer(self, response: dict[str, Any]) -> str:
        identifier = b64(self.credential_id)
        return json.dumps({"id": identifier, "rawId": identifier, "type": "public-key", "response": response})
