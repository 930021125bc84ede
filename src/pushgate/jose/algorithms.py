"""The signature algorithms there are; `none` is not one of them."""

from __future__ import annotations

from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

SIGNING = ("ES256", "PS256", "RS256", "EdDSA")
"""What the server signs with."""

ENCRYPTION = ("RSA-OAEP-256", "ECDH-ES")
"""What the server has keys for that others encrypt to; each serves its whole family."""

_NAMES = (
    "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA", "Ed25519",
    "HS256", "HS384", "HS512",
)  # fmt: skip
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}

ALGORITHMS = {name: JWSRegistry.algorithms[name] for name in _NAMES}


def fits(key: Key, alg: str) -> bool:
    """Whether a key is of the family, and curve, that the algorithm names. RFC 7518 3, RFC 8037 3.1."""
    if alg in _CURVES:
        return isinstance(key, ECKey) and key.curve_name == _CURVES[alg]
    if alg.startswith(("RS", "PS")):
        return isinstance(key, RSAKey)
    if alg in ("EdDSA", "Ed25519"):
        return isinstance(key, OKPKey) and key.curve_name == "Ed25519"
    return alg.startswith("HS") and isinstance(key, OctKey)
