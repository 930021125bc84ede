"""The claims of access tokens (RFC 9068) and ID Tokens (OpenID Connect Core 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pushgate import refusals
from pushgate.jose.hashes import half_hash
from pushgate.jose.verify import BadJws, KeySet, Unverified, parse_jws, verify_jws
from pushgate.model import Confirmation, Grant
from pushgate.protocol.access import Access
from pushgate.protocol.access_token import LATEST

ACCESS_TOKEN_TYPE = "at+jwt"
ID_TOKEN_TYPE = "JWT"


def access_token_claims(
    *,
    issuer: str,
    sub: str,
    grant: Grant,
    access: Access,
    now: int,
    lifetime: int,
    jti: str,
    confirmation: Confirmation | None = None,
) -> dict[str, Any]:
    """Claims of an access token for a user's grant; `grant` lets the server see that it was revoked.

    `sub` is what the client knows the user by, which need not be what the grant does.
    `now` and `lifetime` in seconds; `confirmation` is the key it is bound to. RFC 9068 2.2, RFC 7800 3.1.
    """
    claims = {
        "iss": issuer,
        "sub": sub,
        "client_id": grant.client_id,
        "iat": now,
        "exp": now + lifetime,
        "jti": jti,
        "auth_time": grant.auth_time,
        "amr": list(grant.amr),
        "grant": grant.grant_id,
    }
    if grant.acr is not None:
        claims["acr"] = grant.acr
    return claims | _permissions(access, confirmation)


def _permissions(access: Access, confirmation: Confirmation | None) -> dict[str, Any]:
    """What the token is good for, where, and in whose hands. RFC 9068 2.2.3, RFC 9396 9.1, RFC 7800 3.1."""
    claims: dict[str, Any] = {"aud": _one_or_many(access.audience)}
    if access.scope:
        claims["scope"] = " ".join(access.scope)
    if access.authorization_details:
        claims["authorization_details"] = access.authorization_details
    if confirmation is not None:
        claims["cnf"] = confirmation.members()
    return claims


def client_token_claims(
    *,
    issuer: str,
    client_id: str,
    access: Access,
    now: int,
    lifetime: int,
    jti: str,
    confirmation: Confirmation | None = None,
) -> dict[str, Any]:
    """Claims of an access token that a client gets for itself: no user, so `sub` is the client. RFC 9068 2.2."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": client_id,
        "client_id": client_id,
        "iat": now,
        "exp": now + lifetime,
        "jti": jti,
    }
    return claims | _permissions(access, confirmation)


def id_token_claims(
    *,
    issuer: str,
    sub: str,
    grant: Grant,
    now: int,
    lifetime: int,
    alg: str,
    nonce: str | None = None,
    access_token: str | None = None,
    code: str | None = None,
    state: str | None = None,
    user_claims: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Claims of an ID Token. `auth_time` is always there; hashes bind what is issued or sent beside it.

    OpenID Connect Core 2, 3.1.3.6, 3.2.2.10, 3.3.2.11; `s_hash`: FAPI 1.0 Advanced 5.1.1.
    """
    claims: dict[str, Any] = {
        **(user_claims or {}),
        "iss": issuer,
        "sub": sub,
        "aud": grant.client_id,
        "iat": now,
        "exp": now + lifetime,
        "auth_time": grant.auth_time,
        "amr": list(grant.amr),
        "sid": grant.sid,
    }
    if grant.acr is not None:
        claims["acr"] = grant.acr
    if nonce is not None:
        claims["nonce"] = nonce
    if access_token is not None:
        claims["at_hash"] = half_hash(access_token, alg)
    if code is not None:
        claims["c_hash"] = half_hash(code, alg)
    if state is not None:
        claims["s_hash"] = half_hash(state, alg)
    return claims


def verify_access_token(token: str, keys: KeySet, issuer: str, now: float) -> dict[str, Any]:
    """An access token of this issuer, addressed to this issuer (UserInfo). Raises InvalidToken.

    RFC 9068 4; an ID Token is refused by its `typ`.
    """
    claims = own_access_token(token, keys, issuer)
    if claims is None:
        raise refusals.TOKEN_INVALID("not an access token of ours")
    if not in_time(claims, now):
        raise refusals.TOKEN_INVALID("expired, or not valid yet")
    if "openid" not in str(claims.get("scope", "")).split(" "):
        raise refusals.TOKEN_OPENID()
    if issuer not in audience_of(claims):
        raise refusals.TOKEN_INVALID("for another audience")
    return claims


def check_binding(
    cnf: dict[str, str] | None, scheme: str, thumbprint: Callable[[], str | None], *, bound_only: bool
) -> str | None:
    """The DPoP key of which a proof has to come, once the rest of the binding holds; None where none has to.

    `scheme` in lower case, `thumbprint` reads the connection's certificate where one counts. A token bound to a DPoP
    key comes with that scheme and no other one does; `bound_only`: none comes that whoever finds it can use.
    Raises InvalidToken. RFC 9449 7.1, 7.2; RFC 8705 3; FAPI2-SP 5.3.2.1.
    """
    if not cnf and bound_only:
        raise refusals.TOKEN_UNBOUND()
    bound = cnf or {}
    jkt, certificate = bound.get("jkt"), bound.get("x5t#S256")
    if (scheme == "dpop") != (jkt is not None):
        raise refusals.TOKEN_BOUND()
    if certificate is not None and thumbprint() != certificate:
        raise refusals.TOKEN_CERTIFICATE()
    return jkt


def own_access_token(token: str, keys: KeySet, issuer: str) -> dict[str, Any] | None:
    """The claims of an access token that this issuer made, whatever became of it since; None for anything else.

    RFC 9068 4.
    """
    unverified = _own(token, keys)
    if unverified is None or str(unverified.header.get("typ")).lower() != ACCESS_TOKEN_TYPE:
        return None
    return unverified.claims if unverified.claims["iss"] == issuer else None


def signed_here(token: str, keys: KeySet, issuer: str) -> bool:
    """Whether this issuer made it, whatever it is."""
    unverified = _own(token, keys)
    return unverified is not None and unverified.claims.get("iss") == issuer


def in_time(claims: dict[str, Any], now: float) -> bool:
    """Whether a token of ours has begun and has not ended; our times are whole seconds. RFC 7519 4.1.4, 4.1.5."""
    begins, ends = claims.get("nbf", 0), claims.get("exp")
    return type(begins) is int and type(ends) is int and -LATEST < begins <= now < ends < LATEST


def audience_of(claims: dict[str, Any]) -> list[str]:
    """`aud` as a list, however it is written. RFC 7519 4.1.3."""
    audience = claims["aud"]
    return audience if isinstance(audience, list) else [audience]


def own_id_token(token: str, keys: KeySet, issuer: str) -> dict[str, Any] | None:
    """The claims of an ID Token that this issuer made, expired or not; None for anything else.

    Response JWTs have the same `typ`, but nobody in them. OpenID Connect Core 3.1.2.1, 3.1.2.2.
    """
    unverified = _own(token, keys)
    if unverified is None or unverified.header.get("typ") != ID_TOKEN_TYPE:
        return None
    claims = unverified.claims
    return claims if claims.get("iss") == issuer and "sub" in claims and "aud" in claims else None


def _own(token: str, keys: KeySet) -> Unverified | None:
    """The token if one of our own keys signed it; its claims then have the types that we gave them.

    We demand no extensions, so what demands one is not ours. RFC 7515 4.1.11.
    """
    try:
        unverified = parse_jws(token)
    except BadJws:
        return None
    if "crit" in unverified.header or unverified.header.get("b64") is False:
        return None
    return unverified if verify_jws(unverified, keys) else None


def _one_or_many(audience: tuple[str, ...]) -> str | list[str]:
    return audience[0] if len(audience) == 1 else list(audience)
