"""grant_type=refresh_token: who may refresh what, and when a token is rotated (RFC 6749 6)."""

from __future__ import annotations

from pushgate import refusals
from pushgate.errors import OAuthError
from pushgate.model import Client, Confirmation, Grant, RefreshToken
from pushgate.protocol.authorization_request import parse_scope
from pushgate.protocol.client_auth import AuthenticatedClient


def check_refresh(
    token: RefreshToken,
    grant: Grant | None,
    client: AuthenticatedClient,
    confirmation: Confirmation | None,
    now: float,
) -> Grant:
    """The token is alive and belongs to this client, and to the sender's key; returns its grant. Raises InvalidGrant.

    RFC 6749 6, RFC 9449 5, RFC 8705 4.
    """
    if token.client_id != client.client.client_id:
        raise refusals.REFRESH_CLIENT()
    if token.expires_at <= now or grant is None or grant.revoked:
        raise refusals.REFRESH_INVALID("expired, or the grant was revoked")
    check_keys(token.confirmation or Confirmation(), confirmation or Confirmation())
    return grant


def check_keys(bound: Confirmation, held: Confirmation) -> None:
    """Every key that the token is bound to is the sender's. Raises InvalidGrant. RFC 9449 5, RFC 8705 4."""
    if bound.jkt not in (None, held.jkt):
        raise refusals.DPOP_KEY_REFRESH()
    if bound.x5t_s256 not in (None, held.x5t_s256):
        raise refusals.CERTIFICATE_REFRESH()


def rotates(client: Client, token: RefreshToken) -> bool:
    """Only unbound refresh tokens of public clients are rotated; others are bound to a credential or a key.

    RFC 9700 2.2.2, 4.14.2.
    """
    return client.public and token.confirmation is None


def narrowed(granted: tuple[str, ...], asked: str | None, client: Client) -> tuple[str, ...]:
    """The scope of the new access token: what was granted, or the part asked for. Raises InvalidScope.

    What the client has lost since the grant is left out; a token for nothing is not made. RFC 6749 3.3, 6.
    """
    if asked is None:
        wanted = granted
    else:
        try:
            wanted = parse_scope(asked)
        except OAuthError:
            raise refusals.TOKEN_SCOPE() from None
        if not set(wanted) <= set(granted):
            raise refusals.TOKEN_SCOPE()
    registered = client.scopes
    kept = wanted if registered is None else tuple(s for s in wanted if s in registered)
    if not kept and granted:
        raise refusals.TOKEN_SCOPE("the client has lost every scope of the grant")
    return kept
