"""Scope values: which exist, and which a client may have."""

from __future__ import annotations

from functools import lru_cache

from pushgate import refusals
from pushgate.model import AuthorizationRequest, Client, Resource
from pushgate.profiles import SecurityProfile

OPENID = "openid"
OFFLINE_ACCESS = "offline_access"
# OpenID Connect Core 5.4: the claims that each scope value releases.
SCOPE_CLAIMS: dict[str, tuple[str, ...]] = {
    "profile": (
        "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile",
        "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}  # fmt: skip
OIDC_SCOPES = (OPENID, *SCOPE_CLAIMS, OFFLINE_ACCESS)


def realm_scopes(profile: SecurityProfile, resources: tuple[Resource, ...]) -> frozenset[str]:
    """Every scope value the realm knows by itself: OpenID Connect's, and those of its resources."""
    named = {scope for resource in resources for scope in resource.scopes}
    return frozenset(named | set(OIDC_SCOPES)) if profile.openid_connect else frozenset(named)


@lru_cache(maxsize=256)
def grantable(asked: tuple[str, ...], registered: frozenset[str] | None, known: frozenset[str]) -> tuple[str, ...]:
    """The values among `asked` that the client may have.

    A client with registered scopes may have those (openid only where the realm knows it); a client
    without may have whatever the realm knows. Any other value is refused with invalid_scope, but
    dropped beside `openid`, as OpenID Connect Core 3.1.2.1 wants. RFC 6749 3.3.
    """
    allowed = known if registered is None else registered - ({OPENID} - known)
    kept = tuple(scope for scope in asked if scope in allowed)
    if len(kept) == len(asked) and kept:
        return kept
    beside_openid = OPENID in kept and all(scope not in known for scope in asked if scope not in kept)
    if not beside_openid:
        raise refusals.SCOPE_NOT_ALLOWED()
    return kept


def with_offline_access(
    scope: tuple[str, ...], request: AuthorizationRequest, client: Client, consented: frozenset[str]
) -> tuple[str, ...]:
    """The scope, without `offline_access` where that is to be ignored.

    It means something where a code is asked for, and the user is asked now (`prompt=consent`), agreed to it before
    (`consented`), or an operator did for all. OpenID Connect Core 11; other OAuth requests may use the word as they
    like.
    """
    if OFFLINE_ACCESS not in scope or OPENID not in scope:
        return scope
    agreed = "consent" in request.prompt or OFFLINE_ACCESS in consented or client.skip_consent
    if agreed and "code" in request.response_types:
        return scope
    return tuple(value for value in scope if value != OFFLINE_ACCESS)
