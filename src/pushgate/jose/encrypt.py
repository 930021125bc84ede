"""Read and make compact JWE (RFC 7516), for what is signed first and encrypted then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from pushgate.jose.verify import MAX_HEADER, MAX_JWS, import_key, json_object, unbase64

KEY_ALGS = ("RSA-OAEP-256", "RSA-OAEP", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW")
"""How a content key is made known: asymmetric alone, and no RSA1_5 (RFC 8725 3.2)."""
CONTENT_ENCS = ("A256GCM", "A128GCM", "A128CBC-HS256", "A256CBC-HS512")
"""How the content is encrypted; all of them authenticate it."""
DEFAULT_ENC = "A128CBC-HS256"
"""Where a client registers an algorithm for the key alone. JARM 3, RFC 9701 6, OpenID Connect Registration 2."""

MAX_CIPHERTEXT = (MAX_JWS + 16) * 4 // 3 + 2  # characters: base64url of the longest JWS and its padding
MAX_KEY = 1400  # characters of an encrypted key; RSA of 8192 bits needs 1366
MAX_JWE = MAX_HEADER + MAX_KEY + MAX_CIPHERTEXT + 100  # characters
MAX_TRIES = 4
MAX_RSA_BITS = 8192
MAX_EXPONENT_BITS = 32
CURVES = ("P-256", "P-384", "P-521", "X25519")

# Octets of initialisation vector and authentication tag. RFC 7518 5.2.3, 5.2.5, 5.3.
_SIZES = {"A256GCM": (12, 16), "A128GCM": (12, 16), "A128CBC-HS256": (16, 16), "A256CBC-HS512": (16, 32)}
_KEY_OPS = {"RSA": ("encrypt", "wrapKey"), "EC": ("deriveKey", "deriveBits"), "OKP": ("deriveKey", "deriveBits")}


class BadJwe(ValueError):
    """Not a compact JWE for one of our keys. Whatever needs a key to see is told in one and the same way."""


@dataclass(frozen=True, slots=True)
class DecryptionKey:
    """A private key of ours; with an `alg`, it is for that one alone."""

    kid: str
    alg: str | None
    key: Key = field(repr=False)


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A public key of somebody else, and the one algorithm that it is used with."""

    kid: str | None
    alg: str
    key: Key = field(repr=False)


class DecryptionKeys:
    """The keys that others may encrypt to. Look-up is by `kid` and algorithm."""

    __slots__ = ("keys",)

    def __init__(self, keys: Iterable[DecryptionKey]) -> None:
        self.keys = tuple(keys)

    def __repr__(self) -> str:
        return f"DecryptionKeys({[key.kid for key in self.keys]!r})"

    def candidates(self, header: dict[str, Any]) -> list[DecryptionKey]:
        """The keys that a JWE with this header may be for: the named one, or those that fit.

        RFC 7516 4.1.6, 5.2 step 9. Where there is an ephemeral key, ours must be on its curve.
        """
        kid, alg, epk = header.get("kid"), header["alg"], header.get("epk")
        return [
            k for k in self.keys
            if ("kid" not in header or k.kid == kid) and k.alg in (None, alg) and _fits(k.key, alg)
            and (isinstance(k.key, RSAKey) or _same_curve(k.key, epk))
        ]  # fmt: skip


def is_jwe(value: str) -> bool:
    """Whether this has the five parts of a compact JWE. RFC 7516 9."""
    return value.count(".") == 4


# --- Reading --------------------------------------------------------------------------------------------


def decrypt(value: str, keys: DecryptionKeys) -> str:
    """The text inside a compact JWE for one of our keys. Raises BadJwe.

    Compression is refused: it tells about the content (RFC 8725 3.6), and what is small outside can be huge
    inside. Without a `kid` at most four keys are tried. RFC 7516 5.2.
    """
    header = _parse(value)
    for candidate in keys.candidates(header)[:MAX_TRIES]:
        try:
            found = jwe.decrypt_compact(value, candidate.key, registry=_registry).plaintext
        except _FAILURES:
            continue
        try:
            return (found or b"").decode()
        except UnicodeDecodeError:
            break
    raise BadJwe("cannot be decrypted")


def _parse(value: str) -> dict[str, Any]:
    """The header of a compact JWE, after everything that can be checked without a key."""
    if len(value) > MAX_JWE:
        raise BadJwe("too long")
    parts = value.split(".")
    if len(parts) != 5:
        raise BadJwe("not five parts")
    if len(parts[0]) > MAX_HEADER or len(parts[1]) > MAX_KEY or len(parts[3]) > MAX_CIPHERTEXT:
        raise BadJwe("a part is too long")
    try:
        header = json_object(unbase64(parts[0]))
        encrypted_key, vector, _, tag = (unbase64(part) for part in parts[1:])
    except ValueError as bad:
        raise BadJwe(str(bad)) from None
    _check_header(header)
    if (len(vector), len(tag)) != _SIZES[header["enc"]]:
        raise BadJwe("a part has the wrong size")
    if bool(encrypted_key) == (header["alg"] == "ECDH-ES"):
        raise BadJwe("an encrypted key is missing or out of place")
    return header


def _check_header(header: dict[str, Any]) -> None:
    """RFC 7516 4.1.1, 4.1.2, 4.1.3, 4.1.6, 4.1.13; RFC 7518 4.6.1. Unknown members are passed over."""
    alg, enc = header.get("alg"), header.get("enc")
    if alg not in KEY_ALGS or enc not in CONTENT_ENCS:
        raise BadJwe("an algorithm that is not taken here")
    if "zip" in header:
        raise BadJwe("compressed")
    if "crit" in header:
        raise BadJwe("crit")
    if not isinstance(header.get("kid", ""), str):
        raise BadJwe("kid is no text")
    if alg.startswith("ECDH-ES") and not _is_public(header.get("epk")):
        raise BadJwe("no usable epk")


def _is_public(epk: Any) -> bool:
    """The form of a public key; whether the point is on its curve is seen when it is used."""
    return isinstance(epk, dict) and "d" not in epk and all(isinstance(epk.get(name), str) for name in ("crv", "x"))


def _same_curve(key: Key, epk: Any) -> bool:
    curve = key.curve_name if isinstance(key, (ECKey, OKPKey)) else None
    return isinstance(epk, dict) and (epk.get("kty"), epk.get("crv")) == (key.key_type, curve)


# joserfc lets errors of `cryptography` and of its own assertions through, and reads the header once more, from
# a little deeper in the stack.
_FAILURES = (JoseError, ValueError, TypeError, KeyError, AssertionError, UnsupportedAlgorithm, RecursionError)


class _Registry(jwe.JWERegistry):
    """Our limits in place of joserfc's; a header may hold members that nobody here knows (RFC 7516 4.2)."""

    max_protected_header_length = MAX_HEADER
    max_encrypted_key_length = MAX_KEY
    max_ciphertext_length = MAX_CIPHERTEXT


_registry = _Registry(algorithms=[*KEY_ALGS, *CONTENT_ENCS], strict_check_header=False)


# --- Making ---------------------------------------------------------------------------------------------


def encryption_key(jwk_keys: dict[str, Any] | None, alg: str) -> EncryptionKey | None:
    """The first key of a JWK Set that fits, one marked for encryption before others. RFC 7517 4.2, 4.4."""
    members = (jwk_keys or {}).get("keys")
    usable = [jwk for jwk in members if isinstance(jwk, dict)] if isinstance(members, list) else []
    for jwk in sorted(usable, key=lambda jwk: jwk.get("use") != "enc"):
        key = _public_key(jwk, alg)
        if key is not None:
            kid = jwk.get("kid")
            return EncryptionKey(kid if isinstance(kid, str) else None, alg, key)
    return None


def encrypt_to(key: EncryptionKey, text: str, *, enc: str, cty: str | None = "JWT") -> str:
    """A compact JWE to this key. Raises ValueError for an `enc` that is not of CONTENT_ENCS. RFC 7516 5.1."""
    if enc not in CONTENT_ENCS:
        raise ValueError(f"nothing is encrypted with {enc!r}")
    optional = {name: value for name, value in (("kid", key.kid), ("cty", cty)) if value is not None}
    return jwe.encrypt_compact({"alg": key.alg, "enc": enc, **optional}, text, key.key, registry=_registry)


def _public_key(jwk: dict[str, Any], alg: str) -> Key | None:
    """The key, if it may be encrypted to with this algorithm. RFC 7517 4.2 to 4.4."""
    if alg not in KEY_ALGS or jwk.get("use") not in (None, "enc") or jwk.get("alg") not in (None, alg):
        return None
    imported = import_key(jwk)
    if imported is None or not _fits(imported.key, alg):
        return None
    operations = jwk.get("key_ops")
    # WebCrypto gives a public key for ECDH an empty list.
    if isinstance(operations, list) and operations and not any(op in _KEY_OPS[jwk["kty"]] for op in operations):
        return None
    return imported.key


def _fits(key: Key, alg: str) -> bool:
    """Whether a key is of the family that the algorithm wants, and not too large.

    RFC 7518 4.3, 4.6; RFC 8037 3.2.
    """
    if alg.startswith("RSA-"):
        if not isinstance(key, RSAKey):
            return False
        public = key.public_key.public_numbers()
        return public.n.bit_length() <= MAX_RSA_BITS and public.e.bit_length() <= MAX_EXPONENT_BITS
    return isinstance(key, (ECKey, OKPKey)) and key.curve_name in CURVES
