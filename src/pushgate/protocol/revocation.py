"""What a client may revoke (RFC 7009), and what ends with it."""

from __future__ import annotations

from typing import Any

from pushgate import refusals
from pushgate.jose.verify import KeySet
from pushgate.model import Fact, RefreshToken
from pushgate.protocol.tokens import own_access_token, signed_here


class EndGrant(Fact, frozen=True):
    """A refresh token is revoked: its grant ends, and with it every token of the grant."""

    grant_id: str


class EndAccessToken(Fact, frozen=True):
    """One access token is revoked; it is remembered by its `jti` until it would have expired."""

    jti: str
    expires_at: int  # seconds since the epoch


class Nothing(Fact, frozen=True):
    """The token is not known, or over already: the client has what it wanted."""


Revocation = EndGrant | EndAccessToken | Nothing


def revocation_of(
    token: str, client_id: str, refresh: RefreshToken | None, keys: KeySet, issuer: str, now: float
) -> Revocation:
    """What ends when this client revokes this token; `refresh` is what the store knows under it.

    A rotated refresh token ends its grant too: whoever holds one was the rightful holder, or stole it. What we signed
    and is no access token cannot be revoked. Raises InvalidGrant for a token of another client, UnsupportedTokenType.
    RFC 7009 2.1, 2.2, 2.2.1.
    """
    if refresh is not None:
        _check_owner(refresh.client_id, client_id)
        return EndGrant(refresh.grant_id)
    claims = own_access_token(token, keys, issuer)
    if claims is None:
        if signed_here(token, keys, issuer):
            raise refusals.REVOCATION_TYPE()
        return Nothing()
    _check_owner(claims["client_id"], client_id)
    return Nothing() if claims["exp"] <= now else EndAccessToken(claims["jti"], claims["exp"])


def _check_owner(owner: Any, client_id: str) -> None:
    if owner != client_id:
        raise refusals.REVOCATION_CLIENT()
