"""What an operator may say about realms, clients, users and resources: names, types, defaults.

The shapes of the manifest; management by API and command line use the same ones.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Input(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """Base: an unknown member is refused."""


class SecretSource(Input, frozen=True):
    """Where a secret is: in a file, or in an environment variable."""

    file: str | None = None
    env: str | None = None


class ClientInput(Input, frozen=True):
    """A client, by RFC 7591 member names, and Pushgate's own members."""

    client_id: str
    client_secret: str | SecretSource | None = None
    client_name: str | None = None
    token_endpoint_auth_method: str = "client_secret_basic"
    token_endpoint_auth_signing_alg: str | None = None
    application_type: Literal["web", "native"] = "web"
    redirect_uris: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = ("authorization_code",)
    response_types: tuple[str, ...] = ("code",)
    scope: str | None = None
    jwks: dict[str, Any] | None = None
    jwks_uri: str | None = None
    client_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    logo_uri: str | None = None
    contacts: tuple[str, ...] = ()
    software_id: str | None = None
    software_version: str | None = None
    initiate_login_uri: str | None = None
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None
    backchannel_logout_session_required: bool = False
    frontchannel_logout_uri: str | None = None
    frontchannel_logout_session_required: bool = False
    default_max_age: int | None = None
    default_acr_values: tuple[str, ...] = ()
    require_auth_time: bool = False
    subject_type: Literal["public", "pairwise"] = "public"
    sector_identifier_uri: str | None = None
    id_token_signed_response_alg: str | None = None
    id_token_encrypted_response_alg: str | None = None
    id_token_encrypted_response_enc: str | None = None
    userinfo_signed_response_alg: str | None = None
    userinfo_encrypted_response_alg: str | None = None
    userinfo_encrypted_response_enc: str | None = None
    require_pushed_authorization_requests: bool = False
    dpop_bound_access_tokens: bool = False
    request_object_signing_alg: str | None = None
    request_object_encryption_alg: str | None = None
    request_object_encryption_enc: str | None = None
    require_signed_request_object: bool = False
    tls_client_auth_subject_dn: str | None = None
    tls_client_auth_san_dns: str | None = None
    tls_client_auth_san_uri: str | None = None
    tls_client_auth_san_ip: str | None = None
    tls_client_auth_san_email: str | None = None
    tls_client_certificate_bound_access_tokens: bool = False
    use_mtls_endpoint_aliases: bool = False
    request_uris: tuple[str, ...] = ()
    response_modes: tuple[str, ...] | None = None
    authorization_signed_response_alg: str | None = None
    authorization_encrypted_response_alg: str | None = None
    authorization_encrypted_response_enc: str | None = None
    authorization_details_types: tuple[str, ...] | None = None
    introspection_signed_response_alg: str | None = None
    introspection_encrypted_response_alg: str | None = None
    introspection_encrypted_response_enc: str | None = None
    profile: str | None = None
    compliance_level: str | None = None
    enabled: bool = True
    pkce_required: bool | None = None
    par_request_expiry: int | None = None
    pushed_redirect_uri_prefixes: tuple[str, ...] = ()
    step_up: bool = False
    skip_consent: bool = False
    default_journey: str | None = None
    allowed_resources: tuple[str, ...] | None = None
    self_registered: bool | None = None  # false: an operator vouches for it; left out: as it is

    def __repr__(self) -> str:
        return f"ClientInput({self.client_id!r})"


class UserInput(Input, frozen=True):
    """A local account."""

    username: str
    password: str | SecretSource | None = None
    claims: dict[str, Any] = {}
    enabled: bool = True

    def __repr__(self) -> str:
        return f"UserInput({self.username!r})"


class ResourceInput(Input, frozen=True):
    """A protected resource, its scope values, and the clients that it authenticates as when it asks about tokens."""

    identifier: str
    scopes: tuple[str, ...] = ()
    introspection_clients: tuple[str, ...] = ()


class AuthorizationDetailsTypeInput(Input, frozen=True):
    """A type of authorization details (RFC 9396): its name on the consent page, and the JSON Schema of an entry."""

    type: str
    title: str | None = None
    schema: dict[str, Any] = {}


class AuthenticationContextInput(Input, frozen=True):
    """An authentication context class (`acr`), and the methods (`amr`) that a sign-in to it has used."""

    acr: str
    amr: tuple[str, ...] = ("pwd",)


class JourneyInput(Input, frozen=True):
    """How users sign in: each way is a list of methods, in order."""

    name: str
    ways: tuple[tuple[Literal["password", "totp", "passkey"], ...], ...]


class ParInput(Input, frozen=True):
    """The realm's PAR switches; `lifetime` in seconds."""

    supported: bool = True
    required: bool = False
    lifetime: int | None = None


class StatementIssuerInput(Input, frozen=True):
    """Who may sign software statements, and with which keys."""

    issuer: str
    jwks: dict[str, Any]


class RegistrationInput(Input, frozen=True):
    """Dynamic registration: for whom, for which scope values, how often a minute from one address."""

    mode: Literal["off", "token", "open"] = "off"
    scope: str = "openid profile email address phone offline_access"
    per_minute: int = 10
    authorization_details_types: tuple[str, ...] = ()
    statement_issuers: tuple[StatementIssuerInput, ...] = ()
    statement_required: bool = False


class LifetimesInput(Input, frozen=True):
    """Seconds."""

    code: int = 60
    access_token: int = 600
    id_token: int = 600
    refresh_token: int = 2_592_000
    session: int = 28_800
    interaction: int = 1_800


class RatesInput(Input, frozen=True):
    """Per second (0: no limit); per minute failed authentications, unknown tokens introspected, objects fetched."""

    pushes_per_client: int = 0
    pushes_per_address: int | None = None
    failures_per_minute: int = 30
    unknown_tokens_per_minute: int = 60
    fetches_per_minute: int = 60


class RealmInput(Input, frozen=True):
    """A realm. A member that is left out keeps its value, or gets its default in a new realm.

    `tls_client_ca` names a PEM file, relative to the manifest, or is PEM text itself; null trusts nobody any more.
    """

    name: str
    profile: str | msgspec.UnsetType = msgspec.UNSET
    dialect: str | msgspec.UnsetType = msgspec.UNSET
    hosts: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    pushed_authorization_requests: ParInput | msgspec.UnsetType = msgspec.UNSET
    registration: RegistrationInput | msgspec.UnsetType = msgspec.UNSET
    lifetimes: LifetimesInput | msgspec.UnsetType = msgspec.UNSET
    rates: RatesInput | msgspec.UnsetType = msgspec.UNSET
    pkce_required: bool | msgspec.UnsetType = msgspec.UNSET
    dpop_nonces: bool | msgspec.UnsetType = msgspec.UNSET
    request_parameter_supported: bool | msgspec.UnsetType = msgspec.UNSET
    request_uri_parameter_supported: bool | msgspec.UnsetType = msgspec.UNSET
    require_signed_request_object: bool | msgspec.UnsetType = msgspec.UNSET
    default_scope: str | msgspec.UnsetType | None = msgspec.UNSET
    default_resource: str | msgspec.UnsetType | None = msgspec.UNSET
    resource_required: bool | msgspec.UnsetType = msgspec.UNSET
    authorization_details_types: tuple[AuthorizationDetailsTypeInput, ...] | msgspec.UnsetType = msgspec.UNSET
    authentication_contexts: tuple[AuthenticationContextInput, ...] | msgspec.UnsetType = msgspec.UNSET
    step_up: bool | msgspec.UnsetType = msgspec.UNSET
    session_management: bool | msgspec.UnsetType = msgspec.UNSET
    journeys: tuple[JourneyInput, ...] | msgspec.UnsetType = msgspec.UNSET
    default_journey: str | msgspec.UnsetType | None = msgspec.UNSET
    access_token_signing_alg: str | msgspec.UnsetType = msgspec.UNSET
    service_documentation: str | msgspec.UnsetType | None = msgspec.UNSET
    op_policy_uri: str | msgspec.UnsetType | None = msgspec.UNSET
    op_tos_uri: str | msgspec.UnsetType | None = msgspec.UNSET
    signed_metadata: bool | msgspec.UnsetType = msgspec.UNSET
    claims_locales_supported: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    tls_client_ca: str | msgspec.UnsetType | None = msgspec.UNSET
    clients: tuple[ClientInput, ...] = ()
    resources: tuple[ResourceInput, ...] | msgspec.UnsetType = msgspec.UNSET
    users: tuple[UserInput, ...] = ()


class ManifestInput(Input, frozen=True):
    """A manifest file."""

    realms: tuple[RealmInput, ...]
