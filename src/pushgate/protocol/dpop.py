"""DPoP: a request proves that its sender holds a private key (RFC 9449)."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import Any

from joserfc.jwk import OctKey, RSAKey

from pushgate import refusals
from pushgate.jose.thumbprints import jwk_thumbprint
from pushgate.jose.verify import BadJws, KeySet, Unverified, import_key, parse_jws, verify_jws
from pushgate.model import Fact

ALGS: tuple[str, ...] = (
    "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "EdDSA", "Ed25519",
)  # fmt: skip
"""What proofs may be signed with, all of them asymmetric; a profile may narrow it (RFC 9449 4.3 item 5)."""


@lru_cache(maxsize=16)
def algs_within(algorithms: frozenset[str]) -> tuple[str, ...]:
    """What a profile with these algorithms leaves of them, to be told in metadata and challenges. RFC 9449 5.1, 7.1."""
    return tuple(alg for alg in ALGS if alg in algorithms)


TYPE = "dpop+jwt"
MAX_AGE = 60  # seconds: iat may lie this far in the past
SKEW_AHEAD = 30  # seconds: iat may lie this far in the future
MAX_JTI = 256  # characters
MAX_HTU = 2000  # characters
MAX_RSA_BITS = 8192
MAX_EXPONENT_BITS = 32
MAX_KEY = 1500  # characters of all the members of a jwk that make the key; RSA of 8192 bits needs 1,400
NONCE_PERIOD = 300  # seconds


class Proof(Fact, frozen=True):
    """A proof that holds. Whether it was used before is for the store to say, and its nonce for `check_nonce`."""

    jkt: str  # the thumbprint of the key (RFC 7638)
    handle: str  # thumbprint, htu and jti: what is used once. The store keeps a digest of it
    nonce: str | None
    remember_until: int  # seconds since the epoch: until then the handle has to be remembered

    def __repr__(self) -> str:
        return "Proof(...)"


def find_proof(headers: list[str]) -> str | None:
    """At most one `DPoP` header with one proof in it; None where there is none. Raises InvalidDpopProof.

    RFC 9449 4.3 item 1. Two header fields may arrive joined by a comma (RFC 9110 5.3), which no JWS has.
    """
    if not headers:
        return None
    value = headers[0].strip(" \t")
    if len(headers) > 1 or "," in value:
        raise refusals.DPOP_TWICE()
    if not value:
        raise refusals.DPOP_MALFORMED("empty")
    return value


def verify_proof(
    value: str, *, method: str, urls: frozenset[str], now: float, algorithms: frozenset[str],
    access_token: str | None = None,
) -> Proof:  # fmt: skip
    """Everything that the proof alone can show. Raises InvalidDpopProof. RFC 9449 4.3.

    `method` and `urls` are those of the request, the latter as `normalise_htu` makes them; `now` is in seconds since
    the epoch. With an `access_token` the proof must be for that one. The signature, which costs most, comes last:
    nothing is believed before, and what is refused early is refused cheaply.
    """
    unverified = _parse(value, algorithms)
    keys, jkt = _key(unverified.header.get("jwk"))
    claims = unverified.claims
    if claims.get("htm") != method:
        raise refusals.DPOP_HTM()
    htu = _check_htu(claims.get("htu"), urls)
    issued = _check_iat(claims.get("iat"), now)
    jti, nonce = claims.get("jti"), claims.get("nonce")
    if not isinstance(jti, str) or not 1 <= len(jti) <= MAX_JTI:
        raise refusals.DPOP_JTI()
    if nonce is not None and not isinstance(nonce, str):
        raise refusals.DPOP_NONCE_MALFORMED()
    if access_token is not None and claims.get("ath") != _token_hash(access_token):
        raise refusals.DPOP_ATH()
    if not verify_jws(unverified, keys):
        raise refusals.DPOP_SIGNATURE()
    return Proof(jkt, f"{jkt}\0{htu}\0{jti}", nonce, issued + MAX_AGE + 1)


def _parse(value: str, algorithms: frozenset[str]) -> Unverified:
    """RFC 9449 4.3 items 2 to 5; RFC 7515 4.1.11."""
    try:
        unverified = parse_jws(value)
    except BadJws as bad:
        raise refusals.DPOP_MALFORMED(str(bad)) from None
    header = unverified.header
    if "crit" in header or header.get("b64") is False:
        raise refusals.DPOP_CRIT()
    if header.get("typ") != TYPE:
        raise refusals.DPOP_TYP()
    if header["alg"] not in algorithms or header["alg"] not in ALGS:
        raise refusals.DPOP_ALG()
    return unverified


def _check_iat(iat: Any, now: float) -> int:
    """The whole seconds of iat, which lies in the window around now. RFC 9449 4.3 item 11, 11.1."""
    if isinstance(iat, bool) or not isinstance(iat, (int, float)) or not now - MAX_AGE <= iat <= now + SKEW_AHEAD:
        raise refusals.DPOP_IAT()
    return int(iat)


def _token_hash(access_token: str) -> str:
    """What `ath` must be. RFC 9449 4.2; an access token is ASCII (RFC 6749 A.12)."""
    if not access_token.isascii():
        raise refusals.DPOP_ATH("the token is not ASCII")
    return _base64(hashlib.sha256(access_token.encode("ascii")).digest())


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


# --- The key --------------------------------------------------------------------------------------------

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_PUBLIC = ("kty", "crv", "x", "y", "n", "e")


def _key(jwk: Any) -> tuple[KeySet, str]:
    """The public key of a proof, and its thumbprint. RFC 9449 4.2, 4.3 item 7.

    `alg`, `kid` and `key_ops` of the key are its owner's business: the header, which is signed, has the algorithm.
    """
    if not isinstance(jwk, dict):
        raise refusals.DPOP_JWK("no object")
    if jwk.get("kty") == "oct" or not _PRIVATE.isdisjoint(jwk):
        raise refusals.DPOP_PRIVATE()
    members = tuple([(name, jwk[name]) for name in _PUBLIC if name in jwk])
    if not all(isinstance(value, str) for _, value in members) or sum(len(value) for _, value in members) > MAX_KEY:
        raise refusals.DPOP_JWK("a member is no text or too long")
    if jwk.get("use") not in (None, "sig"):
        raise refusals.DPOP_JWK("not for signatures")
    found = _imported(members)
    if found is None:
        raise refusals.DPOP_JWK("cannot be used")
    return found


@lru_cache(maxsize=1024)
def _imported(members: tuple[tuple[str, str], ...]) -> tuple[KeySet, str] | None:
    """Import once what the same client sends with each request; a row is at most MAX_KEY characters and a key.

    Only the one spelling that RFC 7518 6 allows is taken (no leading zeros left out or added), so that a key has one
    thumbprint: RFC 7638 7. Very long keys and exponents would make a verification expensive.
    """
    jwk = dict(members)
    found = import_key(jwk)
    if found is None:
        return None
    key = found.key
    if isinstance(key, RSAKey):
        exponent = key.public_key.public_numbers().e
        if key.raw_value.key_size > MAX_RSA_BITS or exponent.bit_length() > MAX_EXPONENT_BITS:
            return None
    assert not isinstance(key, OctKey), "import_key takes no symmetric keys"
    numbers = key.binding.convert_raw_key_to_dict(key.raw_value, False)
    return (KeySet([found]), jwk_thumbprint(jwk)) if numbers.items() <= jwk.items() else None


# --- The URL ------------------------------------------------------------------------------------------------

_URL = re.compile(
    r"(https?)://(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._~-]{1,255})(?::([0-9]{0,5}))?"
    r"((?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?)(?:[?#][\x21-\x7e]*)?",
    re.IGNORECASE | re.ASCII,
)
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _check_htu(htu: Any, urls: frozenset[str]) -> str:
    """The normalised URL that the proof is for, one of those that the request went to. RFC 9449 4.3 item 9."""
    if not isinstance(htu, str):
        raise refusals.DPOP_HTU("no text")
    if htu in urls:
        return htu
    try:
        normalised = normalise_htu(htu)
    except ValueError as problem:
        raise refusals.DPOP_HTU(str(problem)) from None
    if normalised not in urls:
        raise refusals.DPOP_HTU()
    return normalised


def normalise_htu(url: str) -> str:
    """An http or https URL in its normal form, without query and fragment. Raises ValueError for anything else.

    Scheme and host in lower case, no default port, no dot segments, characters escaped only where they must be, in
    capitals; an empty path is `/`. RFC 9449 4.3, RFC 3986 6.2.2, 6.2.3.
    """
    found = _URL.fullmatch(url) if len(url) <= MAX_HTU else None
    if found is None:
        raise ValueError("not an http or https URL")
    scheme, host, port, path = found.groups()
    scheme = scheme.lower()
    if "%" in path:
        path = _PERCENT.sub(_unescaped, path)
    if "/." in path:
        path = _without_dots(path)
    suffix = f":{int(port)}" if port and int(port) != _DEFAULT_PORTS[scheme] else ""
    return f"{scheme}://{host.lower()}{suffix}{path or '/'}"


def _unescaped(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()


def _without_dots(path: str) -> str:
    """RFC 3986 5.2.4, for a path that begins with a slash."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            kept[-1:] = []
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


# --- Nonces -----------------------------------------------------------------------------------------------


def make_nonce(key: bytes, purpose: str, now: float) -> str:
    """The nonce of the period that `now` (epoch seconds) lies in: nobody without the key can say it before.

    `purpose` keeps servers and realms apart: a nonce of one is unknown to another. RFC 9449 8.
    """
    return _nonce(key, purpose, int(now // NONCE_PERIOD))


def nonce_valid(key: bytes, purpose: str, nonce: str | None, now: float) -> bool:
    """Whether `make_nonce` made this one in the present period or in the one before. RFC 9449 8, 8.2."""
    if nonce is None or not nonce.isascii():
        return False
    period = int(now // NONCE_PERIOD)
    return any(hmac.compare_digest(nonce, _nonce(key, purpose, p)) for p in (period, period - 1))


def check_nonce(proof: Proof, key: bytes, purpose: str, now: float) -> None:
    """A proof has a fresh nonce of this server. Raises UseDpopNonce. RFC 9449 4.3 item 10, 8."""
    if not nonce_valid(key, purpose, proof.nonce, now):
        raise refusals.DPOP_NONCE("absent" if proof.nonce is None else "old or not ours")


def _nonce(key: bytes, purpose: str, period: int) -> str:
    message = b"dpop-nonce\0%s\0%s" % (purpose.encode(), period.to_bytes(8, "big", signed=True))
    return _base64(hmac.digest(key, message, hashlib.sha256))


# --- The key of a code --------------------------------------------------------------------------------------

_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")


def check_jkt(value: str | None) -> None:
    """`dpop_jkt`, where it is sent, can be a SHA-256 thumbprint. Raises InvalidRequest. RFC 9449 10."""
    if value is not None and not _THUMBPRINT.fullmatch(value):
        raise refusals.DPOP_JKT_MALFORMED()


def check_same_key(proof_jkt: str | None, dpop_jkt: str | None) -> None:
    """A pushed request that names its key in both ways names one key. Raises InvalidDpopProof. RFC 9449 10.1."""
    if proof_jkt is not None and dpop_jkt is not None and proof_jkt != dpop_jkt:
        raise refusals.DPOP_KEY_PUSHED()
