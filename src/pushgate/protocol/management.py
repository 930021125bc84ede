"""The management API as a protected resource: its audience, its scopes, and who may have them."""

from __future__ import annotations

from pushgate import refusals
from pushgate.model import Client

PATH = "/api/v2"
ADMIN = "pushgate admin"
"""The client_id of a token that an operator made at the machine. No client can have it: there is a space in it."""

THINGS = (
    "clients", "tenant_settings", "users", "resource_servers", "keys", "grants", "sessions", "logs", "journeys",
)  # fmt: skip
VERBS = ("read", "create", "update", "delete")
SCOPES = tuple(f"{verb}:{thing}" for thing in THINGS for verb in VERBS)


def audience_of(issuer: str) -> str:
    """The identifier of a realm's management API, which every realm has; no resource of a realm can be called so."""
    return f"{issuer.rstrip('/')}{PATH}/"


def power(client: Client, audience: str) -> frozenset[str]:
    """The management scopes that a client can have: an operator named the audience, and each scope, for it.

    A client that registered itself has none, until somebody vouches for it.
    """
    usable = client.enabled and not client.self_registered and not client.public
    return promised(client, audience) if usable else frozenset()


def promised(client: Client, audience: str) -> frozenset[str]:
    """The management scopes in a registration, whether or not the client can be used as it is now."""
    named = audience in (client.allowed_resources or ())
    return frozenset(client.scopes or ()) & frozenset(SCOPES) if named else frozenset()


def check_management(scope: tuple[str, ...], wanted: tuple[str, ...], client: Client, audience: str) -> tuple[str, ...]:
    """The scope of a management token that a client gets for itself. Such a token is for nothing else.

    Raises InvalidTarget. RFC 8707 2.2, RFC 9068 2.2.3.
    """
    granted = power(client, audience)
    if wanted != (audience,) or not granted:
        raise refusals.RESOURCE_NOT_ALLOWED("management")
    cut = tuple(value for value in scope if value in granted)
    if not cut:
        raise refusals.SCOPE_TARGET()
    return cut
