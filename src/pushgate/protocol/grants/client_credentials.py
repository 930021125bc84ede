"""grant_type=client_credentials: a client acts for itself (RFC 6749 4.4)."""

from __future__ import annotations

from pushgate import refusals
from pushgate.errors import OAuthError
from pushgate.model import Client
from pushgate.protocol.authorization_request import parse_scope
from pushgate.protocol.client_auth import AuthenticatedClient
from pushgate.protocol.scopes import OIDC_SCOPES


def check_confidential(client: AuthenticatedClient) -> None:
    """A public client proves nothing about itself. Raises UnauthorizedClient. RFC 6749 4.4."""
    if client.client.public:
        raise refusals.CREDENTIALS_PUBLIC()


def client_scope(asked: str | None, client: Client, known: frozenset[str]) -> tuple[str, ...]:
    """The scope a client gets for itself: what it asks for, else all it is registered for that needs no user.

    OpenID Connect scopes are about a user and never granted here. Raises InvalidScope. RFC 6749 3.3, 4.4.2.
    """
    registered = client.scopes if client.scopes is not None else known
    allowed = registered - set(OIDC_SCOPES)
    if asked is None:
        return tuple(sorted(allowed))
    try:
        wanted = parse_scope(asked)
    except OAuthError:
        raise refusals.TOKEN_SCOPE() from None
    if not set(wanted) <= allowed:
        raise refusals.TOKEN_SCOPE()
    return wanted
