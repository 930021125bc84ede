"""Signed JWTs for the load, made before anything is measured: client assertions and DPoP proofs, both ES256.

Every one has its own `jti`, so that no server can refuse it as used, or know it from before.
"""

import base64
import json
import multiprocessing
import os
import secrets
import time
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ASSERTION_LIFETIME = 1800  # seconds; servers refuse assertions that live an hour or longer
PROOF_LIFETIME = 55  # seconds from the begin of signing; Pushgate takes proofs of up to a minute, the peer of five
PROOF_KEYS = 16


def b64url(data: bytes) -> str:
    """Base64url without padding, as JOSE and PKCE use it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(value: dict[str, object]) -> str:
    """JSON without spaces, as JOSE libraries write it."""
    return json.dumps(value, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A P-256 key of a client: for its assertions, or for its proofs."""

    pem: bytes
    public: dict[str, str]

    @classmethod
    def generate(cls) -> "SigningKey":
        """A new key."""
        key = ec.generate_private_key(ec.SECP256R1())
        numbers = key.public_key().public_numbers()
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        public = {
            "kty": "EC",
            "crv": "P-256",
            "x": b64url(numbers.x.to_bytes(32, "big")),
            "y": b64url(numbers.y.to_bytes(32, "big")),
        }
        return cls(pem=pem, public=public)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public half, as client metadata carries it."""
        return {"keys": [self.public | {"kid": "bench", "use": "sig", "alg": "ES256"}]}


@dataclass(frozen=True, slots=True)
class Statement:
    """A JWT that is to be signed many times: all of it but the `jti`."""

    key: SigningKey
    header: dict[str, object]
    claims: dict[str, object]


def assertion(key: SigningKey, client_id: str, audience: str) -> Statement:
    """A client assertion (RFC 7523 3)."""
    now = int(time.time())
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "iat": now, "exp": now + ASSERTION_LIFETIME}
    return Statement(key, {"alg": "ES256", "kid": "bench", "typ": "JWT"}, claims)


def proof(key: SigningKey, url: str) -> Statement:
    """A DPoP proof for a POST to this URL (RFC 9449 4.2)."""
    header: dict[str, object] = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.public}
    return Statement(key, header, {"htm": "POST", "htu": url, "iat": int(time.time())})


def sign(statements: list[Statement], count: int) -> list[bytes]:
    """A pile of so many JWTs, each statement in its turn, made on every core: nothing is measured meanwhile."""
    workers = os.cpu_count() or 1
    if count < 5000 or workers == 1:
        return sign_some((statements, count))
    job = (statements, count // workers + 1)
    # The parent is pinned to the load core and its children would be too.
    with multiprocessing.get_context("spawn").Pool(workers, initializer=unpin) as pool:
        return [signed for part in pool.map(sign_some, [job] * workers) for signed in part]


def sign_some(job: tuple[list[Statement], int]) -> list[bytes]:
    """The work of one process."""
    statements, count = job
    ready = [prepared(statement) for statement in statements]
    return [sign_one(*ready[number % len(ready)]) for number in range(count)]


def prepared(statement: Statement) -> tuple[ec.EllipticCurvePrivateKey, str, dict[str, object]]:
    """The key, the encoded header and the claims."""
    key = serialization.load_pem_private_key(statement.key.pem, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key, b64url(compact(statement.header).encode()), statement.claims


def sign_one(key: ec.EllipticCurvePrivateKey, front: str, claims: dict[str, object]) -> bytes:
    """One JWT with a new jti. All of one statement have one length."""
    message = f"{front}.{b64url(compact(claims | {'jti': secrets.token_hex(16)}).encode())}".encode()
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    signature = b64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return b"%b.%b" % (message, signature.encode())


def unpin() -> None:
    """Let a worker process run on any core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
