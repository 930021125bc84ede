"""The realm's own keys: making them, sealing them, and the ring that signs and publishes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from pushgate.jose.algorithms import ENCRYPTION, SIGNING
from pushgate.jose.encrypt import DecryptionKey, DecryptionKeys
from pushgate.jose.seal import Seal
from pushgate.jose.verify import KeySet
from pushgate.model import StoredKey

RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key that is in use, or a secret that is shared with one client, which has no `kid`."""

    kid: str | None
    alg: str
    key: Key

    def __repr__(self) -> str:
        return f"SigningKey({self.kid!r}, {self.alg!r})"


def make_key(alg: str, seal: Seal, now: int) -> StoredKey:
    """Make a key, sealed for storage; its kid is the RFC 7638 thumbprint.

    A key to encrypt to names no algorithm: it serves its whole family (RSA-OAEP, ECDH-ES).
    """
    key: Key
    if alg in ("ES256", "ECDH-ES"):
        key = ECKey.generate_key("P-256")
    elif alg == "EdDSA":
        key = OKPKey.generate_key("Ed25519")
    elif alg in ("PS256", "RS256", "RSA-OAEP-256"):
        key = RSAKey.generate_key(RSA_BITS)
    else:
        raise ValueError(f"no keys are made for {alg!r}")
    kid = key.thumbprint()
    use = {"use": "enc"} if alg in ENCRYPTION else {"alg": alg, "use": "sig"}
    public = {**key.as_dict(private=False), "kid": kid, **use}
    private = json.dumps(key.as_dict(private=True)).encode()
    return StoredKey(kid=kid, alg=alg, public=public, sealed=seal.close(private, kid.encode()), created_at=now)


def secret_key(alg: str, secret: str) -> SigningKey:
    """The UTF-8 bytes of a client's secret as the key of an HMAC (OpenID Connect Core 10.1)."""
    return SigningKey(None, alg, OctKey.import_key(secret.encode()))


def open_key(stored: StoredKey, seal: Seal) -> SigningKey:
    """Unseal a stored key. Raises jose.seal.CannotOpen under another secret key."""
    return SigningKey(stored.kid, stored.alg, _private_key(stored.sealed, stored.kid, seal))


def check_sealed(stored: StoredKey, seal: Seal) -> None:
    """The key opens; it is not looked at, which takes a thousand times as long. Raises jose.seal.CannotOpen."""
    seal.open(stored.sealed, stored.kid.encode())


@lru_cache(maxsize=4096)
def _private_key(sealed: bytes, kid: str, seal: Seal) -> Key:
    """Checking an RSA key on import takes 25 ms, too long to repeat whenever a realm is loaded anew."""
    private = json.loads(seal.open(sealed, kid.encode()))
    kinds: dict[str, type[ECKey | RSAKey | OKPKey]] = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}
    return kinds[private["kty"]].import_key(private)


@dataclass(frozen=True)
class KeyRing:
    """A realm's keys in force: one to sign with per algorithm, all that are published to verify with or encrypt to."""

    signing: dict[str, SigningKey]
    jwks: dict[str, Any]
    verifying: KeySet = field(repr=False)
    decrypting: DecryptionKeys = field(repr=False)

    @classmethod
    def of(cls, stored: list[StoredKey], seal: Seal) -> KeyRing:
        """The newest key that is not retired signs; retired ones stay published until they are deleted."""
        signing: dict[str, SigningKey] = {}
        decrypting = []
        for key in sorted(stored, key=lambda k: (k.created_at, k.kid)):
            if key.retired_at is None and key.alg in SIGNING:
                signing[key.alg] = open_key(key, seal)
            elif key.alg in ENCRYPTION:
                decrypting.append(DecryptionKey(key.kid, None, open_key(key, seal).key))
        jwks = {"keys": [key.public for key in stored]}
        return cls(signing, jwks, KeySet.of_jwks(jwks), DecryptionKeys(decrypting))
