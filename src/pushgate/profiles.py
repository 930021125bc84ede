"""How strict the server is: security profiles as values, and the policy one client is held to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from pushgate.dialects import DIALECTS, Dialect

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

KEY_METHODS = frozenset({"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"})
AUTH_METHODS = KEY_METHODS | {"none", "client_secret_basic", "client_secret_post", "client_secret_jwt"}
JWT_RESPONSE_MODES = frozenset({"query.jwt", "fragment.jwt", "form_post.jwt", "jwt"})
OPEN_RESPONSE_MODES = frozenset({"query", "fragment", "form_post"})
RESPONSE_MODES = JWT_RESPONSE_MODES | OPEN_RESPONSE_MODES
ASYMMETRIC = frozenset(
    {"ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA", "Ed25519"}
)
ALGORITHMS = ASYMMETRIC | {"HS256", "HS384", "HS512"}
# FAPI2-SP 5.4.1: Ed25519 is the name that RFC 9864 gives to EdDSA with that curve.
FAPI_ALGORITHMS = frozenset({"PS256", "ES256", "EdDSA", "Ed25519"})


@dataclass(frozen=True, slots=True)
class SecurityProfile:
    """A document's rules as data. A field exists only if two shipped profiles differ in it."""

    name: str
    openid_connect: bool
    response_types: frozenset[str]
    auth_methods: frozenset[str]
    """Client authentication methods."""
    algorithms: frozenset[str]
    """Signature algorithms of every JWT that is taken or made."""
    par_required: bool
    pkce_required: bool
    signed_requests: bool
    """A request comes as a signed request object, for this server and for a limited time."""
    response_modes: frozenset[str]
    sender_constrained: bool
    """Access tokens are bound to a key of the client."""
    redirect_uri_required: bool
    """A request names its redirect URI even if only one is registered."""
    issuer_audience: bool
    """A client assertion is for the issuer identifier, as a plain string, and for nothing else."""
    step_up: bool
    """A requested `acr` that is known and cannot be reached is an error, and not only a wish."""
    introspection_for_resources_only: bool
    """A client learns nothing about tokens by having got them, only by answering for an API that they are for."""
    lenient: bool
    """What a realm's dialect loosens may be loosened."""
    longest_code: int  # seconds that a code lives at most
    longest_request: int  # seconds that a request_uri lives at most

    def within(self, realm: SecurityProfile) -> SecurityProfile:
        """This profile for one client of a realm: it takes away, and never adds to what the realm's profile allows."""
        held = SecurityProfile(
            name=self.name,
            openid_connect=self.openid_connect and realm.openid_connect,
            response_types=self.response_types & realm.response_types,
            auth_methods=self.auth_methods & realm.auth_methods,
            algorithms=self.algorithms & realm.algorithms,
            par_required=self.par_required or realm.par_required,
            pkce_required=self.pkce_required or realm.pkce_required,
            signed_requests=self.signed_requests or realm.signed_requests,
            response_modes=self.response_modes & realm.response_modes,
            step_up=self.step_up or realm.step_up,
            sender_constrained=self.sender_constrained or realm.sender_constrained,
            redirect_uri_required=self.redirect_uri_required or realm.redirect_uri_required,
            issuer_audience=self.issuer_audience or realm.issuer_audience,
            introspection_for_resources_only=self.introspection_for_resources_only
            or realm.introspection_for_resources_only,
            lenient=self.lenient and realm.lenient,
            longest_code=min(self.longest_code, realm.longest_code),
            longest_request=min(self.longest_request, realm.longest_request),
        )
        # The name tells whose rules they are: reasons are given by it.
        return held if held == self else replace(held, name=f"{self.name} within {realm.name}")

    def tighten(self, realm: RealmSettings, client: Client) -> Policy:
        """The policy for one client: profile, realm and client metadata, where the strictest wins."""
        par = realm.pushed_authorization_requests
        wanted = realm.pkce_required if client.pkce_required is None else client.pkce_required or realm.pkce_required
        registered = client.dpop_bound_access_tokens or client.tls_client_certificate_bound_access_tokens
        bound = self.sender_constrained or registered
        types = self.response_types & frozenset(map(canonical_response_type, client.response_types))
        lifetime = client.par_request_expiry or par.lifetime
        dialect = DIALECTS[realm.dialect]
        return Policy(
            profile=self,
            par_required=self.par_required or par.required or client.require_pushed_authorization_requests,
            pkce_required=self.pkce_required or client.public or wanted,
            signed_request_required=self.signed_requests
            or realm.require_signed_request_object
            or client.require_signed_request_object,
            sender_constrained=bound,
            # What the authorization endpoint hands out is bound to no key (RFC 8705 6.4).
            response_types=frozenset(t for t in types if "token" not in t.split(" ")) if bound else types,
            response_modes=self.response_modes
            if client.response_modes is None
            else self.response_modes & frozenset(client.response_modes),
            step_up=self.step_up or realm.step_up or client.step_up,
            request_lifetime=None if lifetime is None else min(lifetime, self.longest_request),
            dialect=dialect if self.lenient else dialect.strict,
            code_lifetime=min(realm.lifetimes.code, self.longest_code),
        )

    def signing_alg(self, wanted: str) -> str:
        """What to sign with for a client of this profile: what it registered, or the nearest that is allowed here.

        RS256 is the default of OpenID Connect and forbidden by FAPI 2.0; PS256 takes the same kind of key.
        """
        return wanted if wanted in self.algorithms else "PS256"


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules one client is held to. At least as strict as its realm's profile, by construction."""

    profile: SecurityProfile
    par_required: bool
    pkce_required: bool
    signed_request_required: bool
    sender_constrained: bool
    response_types: frozenset[str]
    response_modes: frozenset[str]
    step_up: bool
    dialect: Dialect
    """How the realm's product behaves, as far as the profile lets it."""
    request_lifetime: int | None  # seconds; None: the dialect's default
    code_lifetime: int  # seconds


@lru_cache(maxsize=256)
def canonical_response_type(value: str) -> str:
    """The order of values in a composite response type does not matter (RFC 6749 3.1.1)."""
    return value if " " not in value else " ".join(sorted(value.split(" ")))


OAUTH2 = SecurityProfile(
    name="oauth2",
    openid_connect=False,
    response_types=OAUTH_RESPONSE_TYPES,
    auth_methods=AUTH_METHODS,
    algorithms=ALGORITHMS,
    par_required=False,
    pkce_required=False,
    signed_requests=False,
    response_modes=RESPONSE_MODES,
    step_up=False,
    sender_constrained=False,
    redirect_uri_required=False,
    issuer_audience=False,
    introspection_for_resources_only=False,
    lenient=True,
    longest_code=600,
    longest_request=600,
)
OIDC = replace(OAUTH2, name="oidc", openid_connect=True, response_types=OIDC_RESPONSE_TYPES)
FAPI2_SECURITY = SecurityProfile(
    name="fapi2-security",
    openid_connect=True,  # where the client asks for the scope openid (FAPI2-SP 5.3.2.3)
    response_types=frozenset({"code"}),  # 5.3.2.2-1
    auth_methods=KEY_METHODS,  # 5.3.2.1-6
    algorithms=FAPI_ALGORITHMS,  # 5.4.1
    par_required=True,  # 5.3.2.2-3
    pkce_required=True,  # 5.3.2.2-5
    signed_requests=False,
    response_modes=RESPONSE_MODES,
    step_up=True,  # RFC 9470 5
    sender_constrained=True,  # 5.3.2.1-4
    redirect_uri_required=True,  # 5.3.2.2-6
    issuer_audience=True,  # 5.3.2.1-8
    introspection_for_resources_only=False,
    lenient=False,
    longest_code=60,  # 5.3.2.1-11
    longest_request=599,  # 5.3.2.2-12
)
FAPI2_MESSAGE_SIGNING = replace(
    FAPI2_SECURITY,
    name="fapi2-message-signing",
    signed_requests=True,  # FAPI2-MS 5.3.1-1
    response_modes=JWT_RESPONSE_MODES,  # 5.4.1-1
    introspection_for_resources_only=True,  # 6.2-1
)

PROFILES: Mapping[str, SecurityProfile] = MappingProxyType(
    {p.name: p for p in (OAUTH2, OIDC, FAPI2_SECURITY, FAPI2_MESSAGE_SIGNING)}
)

COMPLIANCE_LEVELS: Mapping[str, str | None] = MappingProxyType(
    {
        "none": None,
        "fapi1_adv_pkj_par": "fapi2-security",
        "fapi1_adv_mtls_par": "fapi2-security",
        "fapi2_sp_pkj_mtls": "fapi2-security",
        "fapi2_sp_mtls_mtls": "fapi2-security",
    }
)
"""What Auth0 calls a client's profile: the nearest one here, which is never less strict."""


def policy_of(realm: RealmSettings, client: Client) -> Policy:
    """The policy for a client of a realm: its own profile inside the realm's, tightened by both registrations."""
    profile = PROFILES[realm.profile]
    own = profile if client.profile is None else PROFILES[client.profile].within(profile)
    return own.tighten(realm, client)
