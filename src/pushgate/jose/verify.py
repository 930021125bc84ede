"""Read and verify compact JWS. Parsing is strict; keys are imported once and kept."""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from pushgate.jose.algorithms import ALGORITHMS, fits, quick

MAX_JWS = 16 * 1024  # characters
MAX_HEADER = 4 * 1024  # characters, encoded
MAX_REMEMBERED = 128  # characters, encoded: alg, typ and kid; a header with a jwk is longer
MIN_RSA_BITS = 2048


class BadJws(ValueError):
    """Not a compact JWS with a JSON object inside; the message says what is wrong, for the log."""


class Unverified(msgspec.Struct, frozen=True, gc=False):
    """A parsed JWS that nobody has vouched for yet."""

    header: Mapping[str, Any]
    claims: dict[str, Any]
    signing_input: bytes
    signature: bytes

    def __repr__(self) -> str:
        return "Unverified(...)"


def parse_jws(value: str) -> Unverified:
    """Parse compact serialisation strictly: three base64url parts, unique members, an object inside.

    Raises BadJws. RFC 7515 3.1, 4, 5.2; RFC 7519 7.2; RFC 8725 2.4 and 3.
    """
    if len(value) > MAX_JWS:
        raise BadJws("too long")
    parts = value.split(".")
    if len(parts) != 3:
        raise BadJws("not three parts")
    if len(parts[0]) > MAX_HEADER:
        raise BadJws("header too long")
    return Unverified(
        header=_header(parts[0]),
        claims=json_object(unbase64(parts[1])),
        signing_input=f"{parts[0]}.{parts[1]}".encode("ascii"),
        signature=unbase64(parts[2]),
    )


def _header(part: str) -> Mapping[str, Any]:
    """See `_read_header`. A client's are always the same: short ones are kept, none that could hold a key."""
    return _known_header(part) if len(part) <= MAX_REMEMBERED else _read_header(part)


@lru_cache(maxsize=256)
def _known_header(part: str) -> Mapping[str, Any]:
    return _read_header(part)


def _read_header(part: str) -> Mapping[str, Any]:
    """A header, to be looked at and not changed. Raises BadJws. RFC 7515 4."""
    header = json_object(unbase64(part))
    if not isinstance(header.get("alg"), str):
        raise BadJws("no alg")
    return MappingProxyType(header)


def unbase64(part: str) -> bytes:
    """Base64url without padding, strictly. Raises BadJws. RFC 7515 2."""
    try:
        raw = part.encode("ascii").translate(_FROM_URL_SAFE)
        return binascii.a2b_base64(raw + b"=" * (-len(raw) % 4), strict_mode=True)
    except (UnicodeEncodeError, binascii.Error):
        raise BadJws("not base64url without padding") from None


# To the alphabet that binascii knows; padding and that alphabet's own two characters become invalid ones.
_FROM_URL_SAFE = bytes.maketrans(b"-_+/=", b"+/!!!")


def json_object(raw: bytes) -> dict[str, Any]:
    """A JSON object with unique member names. Raises BadJws. RFC 7515 4, RFC 7493 2.1, 2.3."""
    value = _canonical(raw)
    if value is None:
        value = _strict(raw)
    if not isinstance(value, dict):
        raise BadJws("not a JSON object")
    return value


def _canonical(raw: bytes) -> Any:
    """The value of JSON without spaces and needless escapes; None for any other spelling.

    Encoding the value gives the same bytes, so no member name can be there twice. It takes a tenth of
    the time that looking at each member does, and most libraries write this form.
    """
    try:
        value = _fast.decode(raw)
        return value if _encode(value) == raw else None
    except (ValueError, RecursionError):
        return None


_fast = msgspec.json.Decoder()
_encode = msgspec.json.Encoder().encode


def _strict(raw: bytes) -> Any:
    try:
        value = _decoder.decode(raw.decode())
        if b"\\u" in raw:
            # A lone surrogate has no UTF-8 form: no store could look for it, no log could hold it (RFC 7493 2.1).
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise BadJws("not JSON, or a member name twice") from None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """An imported key with what its JWK says about its use."""

    key: Key
    kid: str | None
    alg: str | None
    use: str | None
    quick: Any
    """The same, to verify with (`algorithms.quick`)."""


class KeySet:
    """Keys to verify with. Import is done once; look-up is by `kid` and algorithm."""

    __slots__ = ("_found", "keys")

    def __init__(self, keys: list[VerificationKey]) -> None:
        self.keys = keys
        # What was found under a key's own kid, or without one. Nothing a stranger makes up is kept.
        self._found: dict[tuple[Any, str], list[VerificationKey]] = {}

    @classmethod
    def of_jwks(cls, jwks: dict[str, Any] | None) -> KeySet:
        """Import a JWK Set; keys that cannot be used are passed over (RFC 7517 5)."""
        members = (jwks or {}).get("keys")
        found = [import_key(m) for m in members if isinstance(m, dict)] if isinstance(members, list) else []
        return cls([key for key in found if key is not None])

    @classmethod
    def of_secret(cls, secret: str) -> KeySet:
        """The UTF-8 bytes of a client secret as HMAC key (OpenID Connect Core 10.1)."""
        key = OctKey.import_key(secret.encode())
        return cls([VerificationKey(key, None, None, "sig", key)])

    def candidates(self, header: Mapping[str, Any]) -> list[VerificationKey]:
        """The keys that may have made a signature with this header; one, if it names a `kid`."""
        kid, alg = header.get("kid"), header["alg"]
        if kid is not None and not isinstance(kid, str):
            return []
        found = self._found.get((kid, alg))
        if found is None:
            found = self._candidates(kid, alg)
            if found and (kid is None or found[0].kid == kid):
                self._found[kid, alg] = found
        return found

    def _candidates(self, kid: str | None, alg: str) -> list[VerificationKey]:
        fitting = [
            k for k in self.keys
            if fits(k.key, alg) and k.use in (None, "sig") and k.alg in (None, alg)
        ]  # fmt: skip
        if kid is None:
            return fitting
        return [k for k in fitting if k.kid == kid or (k.kid is None and len(self.keys) == 1)]


def import_key(jwk: dict[str, Any]) -> VerificationKey | None:
    """Import a public JWK; None where it is unusable, too weak, private or symmetric."""
    types: dict[Any, type[ECKey | RSAKey | OKPKey]] = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}
    kty = jwk.get("kty")
    kind = types.get(kty) if isinstance(kty, str) else None
    if kind is None or "d" in jwk:
        return None
    try:
        key = kind.import_key({k: v for k, v in jwk.items() if k in ("kty", "crv", "x", "y", "n", "e")})
        to_verify = quick(key)
    except (JoseError, ValueError, TypeError, KeyError, binascii.Error):
        return None
    if isinstance(key, RSAKey) and key.raw_value.key_size < MIN_RSA_BITS:
        return None
    text = {name: value for name in ("kid", "alg", "use") if isinstance(value := jwk.get(name), str)}
    return VerificationKey(key, text.get("kid"), text.get("alg"), text.get("use"), to_verify)


MAX_TRIES = 4


def verify_jws(unverified: Unverified, keys: KeySet) -> bool:
    """Whether one of the fitting keys made this signature. At most four are tried."""
    alg = unverified.header["alg"]
    algorithm = ALGORITHMS.get(alg)
    if algorithm is None:
        return False
    for candidate in keys.candidates(unverified.header)[:MAX_TRIES]:
        try:
            if algorithm.verify(unverified.signing_input, unverified.signature, candidate.quick):
                return True
        except (JoseError, ValueError):
            continue
    return False
