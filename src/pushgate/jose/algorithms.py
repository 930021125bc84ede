"""The signature algorithms there are; `none` is not one of them."""

from __future__ import annotations

import hashlib
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

try:
    from awscrt.crypto import EC
except ImportError:  # the extra `aws-lc` is not installed
    EC = None

SIGNING = ("ES256", "PS256", "RS256", "EdDSA")
"""What the server signs with."""

HMACS = {"HS256": 32, "HS384": 48, "HS512": 64}
"""What it signs with a client's secret where the client asks for that, and how many bytes of it (RFC 7518 3.2)."""

ENCRYPTION = ("RSA-OAEP-256", "ECDH-ES")
"""What the server has keys for that others encrypt to; each serves its whole family."""

_NAMES = (
    "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA", "Ed25519",
    "HS256", "HS384", "HS512",
)  # fmt: skip
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


class Algorithm(Protocol):
    """What signs and verifies; the key is of the family that the algorithm is for (`fits`)."""

    def sign(self, msg: bytes, key: Any) -> bytes:
        """The signature."""

    def verify(self, msg: bytes, sig: bytes, key: Any) -> bool:
        """Whether the key made this signature."""


class Ecdsa:
    """ECDSA as JWS has it: r and s side by side, each as long as the curve's field. RFC 7518 3.4.

    joserfc's own goes through hexadecimal text and checks the key again: a quarter on top of the time of a signature.
    hashlib is quicker to begin a digest than what signs and verifies.
    """

    def __init__(self, digest: HashAlgorithm, size: int) -> None:
        self._scheme = ECDSA(Prehashed(digest))
        self._digest = getattr(hashlib, digest.name)
        self._size = size

    def sign(self, msg: bytes, key: ECKey) -> bytes:
        """The signature; the key is a private one of the curve."""
        assert key.private_key is not None
        r, s = decode_dss_signature(key.private_key.sign(self._digest(msg).digest(), self._scheme))
        return r.to_bytes(self._size, "big") + s.to_bytes(self._size, "big")

    def verify(self, msg: bytes, sig: bytes, key: Any) -> bool:
        """Whether the key, of the curve, made this signature: an ECKey, or what `quick` made of it."""
        size = self._size
        if len(sig) != 2 * size:
            return False
        der = encode_dss_signature(int.from_bytes(sig[:size], "big"), int.from_bytes(sig[size:], "big"))
        digest = self._digest(msg).digest()
        if not isinstance(key, ECKey):
            return bool(key.verify(digest, der))
        try:
            key.public_key.verify(der, digest, self._scheme)
        except InvalidSignature:
            return False
        return True


def quick(key: Key) -> Any:
    """The key that `verify` is quickest with: AWS-LC's, where that is installed and has the curve; else the same."""
    if EC is None or not isinstance(key, ECKey) or key.curve_name not in ("P-256", "P-384"):
        return key
    return EC.new_key_from_der_data(key.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


ALGORITHMS: dict[str, Algorithm] = {
    **{name: JWSRegistry.algorithms[name] for name in _NAMES},
    "ES256": Ecdsa(SHA256(), 32),
    "ES384": Ecdsa(SHA384(), 48),
    "ES512": Ecdsa(SHA512(), 66),
}


def fits(key: Key, alg: str) -> bool:
    """Whether a key is of the family, and curve, that the algorithm names. RFC 7518 3, RFC 8037 3.1."""
    if alg in _CURVES:
        return isinstance(key, ECKey) and key.curve_name == _CURVES[alg]
    if alg.startswith(("RS", "PS")):
        return isinstance(key, RSAKey)
    if alg in ("EdDSA", "Ed25519"):
        return isinstance(key, OKPKey) and key.curve_name == "Ed25519"
    return alg.startswith("HS") and isinstance(key, OctKey)
