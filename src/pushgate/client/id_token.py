"""ID Tokens: the server's keys, and the checks that make claims out of text (OpenID Connect Core 3.1.3.7)."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256, sha384, sha512
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key
from joserfc.jws import CompactSignature

from pushgate.client.algorithms import ASYMMETRIC, Algorithms
from pushgate.client.errors import BadIdToken, BadReply
from pushgate.client.metadata import Metadata
from pushgate.client.wire import fetch, json_object

LEEWAY = 30  # seconds that two clocks may differ
_HASHES = {"256": sha256, "384": sha384, "512": sha512}


class UnknownKey(Exception):
    """None of the keys at hand made the signature; perhaps the server has new ones."""


class ServerKeys:
    """The server's public keys; fetched when needed, and once more when a token names an unknown one.

    OpenID Connect Core 10.1.1.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._keys: list[Key] | None = None

    async def verified(self, token: str, metadata: Metadata) -> jwt.Token:
        """The token, its signature checked. Raises BadIdToken."""
        fresh = self._keys is None
        keys = await self._fetch(metadata) if self._keys is None else self._keys
        try:
            return decoded(token, keys, metadata.id_token_algs)
        except UnknownKey:
            if fresh:
                raise BadIdToken("signed with a key that the server does not publish") from None
        try:
            return decoded(token, await self._fetch(metadata), metadata.id_token_algs)
        except UnknownKey:
            raise BadIdToken("signed with a key that the server does not publish") from None

    async def _fetch(self, metadata: Metadata) -> list[Key]:
        if metadata.jwks_uri is None:
            raise BadReply("the metadata document has no jwks_uri, so an ID Token cannot be verified")
        document = json_object(await fetch(self._http, "GET", metadata.jwks_uri), "key document")
        listed = document.get("keys")
        self._keys = _imported(listed if isinstance(listed, list) else [])
        return self._keys


def _imported(listed: list[Any]) -> list[Key]:
    """Keys of a kind we do not know are passed over (RFC 7517 5)."""
    found: list[Key] = []
    for member in listed:
        try:
            found.append(JWKRegistry.import_key(member))
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue
    return found


def decoded(token: str, keys: list[Key], allowed: tuple[str, ...]) -> jwt.Token:
    """Check the signature with the one key that fits. Raises UnknownKey, BadIdToken.

    The algorithm is one that the server announced and that a public key verifies, so that neither `none`
    nor a public key taken for an HMAC secret gets through (RFC 8725 3.1, 3.2).
    """
    algorithms = Algorithms([alg for alg in ASYMMETRIC if alg in allowed])
    try:
        return jwt.decode(token, _picker(keys, algorithms), registry=algorithms)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as problem:
        raise BadIdToken(f"not validly signed: {problem}") from None


def _picker(keys: list[Key], algorithms: Algorithms) -> Callable[[Any], Key]:
    def pick(signature: CompactSignature) -> Key:
        header = signature.headers()
        alg = algorithms.get_alg(header["alg"])
        fitting = [key for key in keys if key.key_type == alg.key_type and key.get("use") in (None, "sig")]
        fitting = [key for key in fitting if key.get("alg") in (None, alg.name)]
        if "kid" in header:
            fitting = [key for key in fitting if key.kid == header["kid"]]
        if len(fitting) != 1:
            raise UnknownKey
        return fitting[0]

    return pick


def check_claims(
    token: jwt.Token,
    metadata: Metadata,
    client_id: str,
    *,
    now: float,
    nonce: str | None,
    access_token: str,
    max_age: int | None = None,
    subject: str | None = None,
) -> Mapping[str, Any]:
    """The claims, if every one that matters is right. Raises BadIdToken. OpenID Connect Core 3.1.3.7, 3.1.3.8, 12.2.

    `now` in seconds since the epoch; `subject` is who it has to be, where that is known.
    """
    claims = token.claims
    _identity(claims, metadata.issuer, client_id)
    _times(claims, now, max_age)
    if nonce is not None and not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise BadIdToken("the nonce is not the one of this request")
    if subject is not None and claims["sub"] != subject:
        raise BadIdToken("the subject is not the one from before")
    if "at_hash" in claims and claims["at_hash"] != left_half(access_token, token.header["alg"]):
        raise BadIdToken("the access token beside it is another one (at_hash)")
    return claims


def _identity(claims: Mapping[str, Any], issuer: str, client_id: str) -> None:
    """Items 2 to 5: from our server, for us, about somebody."""
    if claims.get("iss") != issuer:
        raise BadIdToken("issued by another server (iss)")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client_id not in audiences:
        raise BadIdToken("meant for another client (aud)")
    if claims.get("azp", None if len(audiences) > 1 else client_id) != client_id:
        raise BadIdToken("issued to another client (azp)")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise BadIdToken("about nobody (sub)")


def _times(claims: Mapping[str, Any], now: float, max_age: int | None) -> None:
    """Items 9, 10 and 13: still valid, already issued, and signed in recently enough."""
    if not _number(claims.get("exp")) or claims["exp"] <= now - LEEWAY:
        raise BadIdToken("expired (exp)")
    if not _number(claims.get("iat")) or claims["iat"] > now + LEEWAY:
        raise BadIdToken("issued in the future (iat)")
    if max_age is not None and (not _number(claims.get("auth_time")) or claims["auth_time"] < now - max_age - LEEWAY):
        raise BadIdToken("the user signed in too long ago (auth_time)")


def _number(value: Any) -> bool:
    # The comparison also keeps NaN out, which is neither before nor after anything.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def left_half(value: str, alg: str) -> str:
    """The left half of a value's hash, as ID Tokens carry it; EdDSA means SHA-512. OpenID Connect Core 3.1.3.6."""
    digest = _HASHES.get(alg[-3:], sha512)(value.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
