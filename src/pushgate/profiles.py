"""How strict the server is: security profiles as values, and the policy one client is held to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushgate.model import Client, RealmSettings

OAUTH_RESPONSE_TYPES = frozenset({"code", "token"})
OIDC_RESPONSE_TYPES = frozenset(
    {
        "code",
        "token",
        "id_token",
        "id_token token",
        "code id_token",
        "code token",
        "code id_token token",
        "none",
    }
)


@dataclass(frozen=True, slots=True)
class SecurityProfile:
    """A document's rules as data. A field exists only if two shipped profiles differ in it."""

    name: str
    openid_connect: bool
    response_types: frozenset[str]

    def within(self, realm: SecurityProfile) -> SecurityProfile:
        """This profile for one client of a realm: it takes away, and never adds to what the realm's profile allows."""
        return SecurityProfile(
            name=self.name,
            openid_connect=self.openid_connect and realm.openid_connect,
            response_types=self.response_types & realm.response_types,
        )

    def tighten(self, realm: RealmSettings, client: Client) -> Policy:
        """The policy for one client: profile, realm and client metadata, where the strictest wins."""
        par = realm.pushed_authorization_requests
        wanted = realm.pkce_required if client.pkce_required is None else client.pkce_required or realm.pkce_required
        bound = client.dpop_bound_access_tokens
        types = self.response_types & frozenset(map(canonical_response_type, client.response_types))
        return Policy(
            profile=self,
            par_required=par.required or client.require_pushed_authorization_requests,
            pkce_required=client.public or wanted,
            sender_constrained=bound,
            # What the authorization endpoint hands out is bound to no key (RFC 8705 6.4).
            response_types=frozenset(t for t in types if "token" not in t.split(" ")) if bound else types,
            request_lifetime=client.par_request_expiry or par.lifetime,
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules one client is held to. At least as strict as its realm's profile, by construction."""

    profile: SecurityProfile
    par_required: bool
    pkce_required: bool
    sender_constrained: bool
    response_types: frozenset[str]
    request_lifetime: int | None  # seconds; None: the dialect's default


@lru_cache(maxsize=256)
def canonical_response_type(value: str) -> str:
    """The order of values in a composite response type does not matter (RFC 6749 3.1.1)."""
    return value if " " not in value else " ".join(sorted(value.split(" ")))


OAUTH2 = SecurityProfile(name="oauth2", openid_connect=False, response_types=OAUTH_RESPONSE_TYPES)
OIDC = SecurityProfile(name="oidc", openid_connect=True, response_types=OIDC_RESPONSE_TYPES)

PROFILES: Mapping[str, SecurityProfile] = MappingProxyType({p.name: p for p in (OAUTH2, OIDC)})
