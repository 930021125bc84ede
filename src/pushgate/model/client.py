"""A client as it is registered."""

from __future__ import annotations

from typing import Any, Literal

from pushgate.model.base import Record, words


class ClientSecret(Record, frozen=True):
    """A client's secret at rest: its SHA-256 digest, and sealed in clear only where an HMAC needs it."""

    digest: bytes
    sealed: bytes | None = None

    def __repr__(self) -> str:
        return "ClientSecret(...)"


class Client(Record, frozen=True):
    """A registered client: RFC 7591 / OpenID Connect Registration members, and a few of our own."""

    client_id: str
    client_name: str | None = None
    secret: ClientSecret | None = None
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
    logo_uri: str | None = None  # kept and told; pages show no pictures from elsewhere
    contacts: tuple[str, ...] = ()
    software_id: str | None = None
    software_version: str | None = None
    initiate_login_uri: str | None = None  # where somebody else can send a user to begin (OpenID Connect Core 4)
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None
    backchannel_logout_session_required: bool = False  # every logout token names the session; nothing depends on it
    frontchannel_logout_uri: str | None = None
    frontchannel_logout_session_required: bool = False  # likewise
    default_max_age: int | None = None
    default_acr_values: tuple[str, ...] = ()
    require_auth_time: bool = False  # an ID Token of ours always has auth_time
    subject_type: Literal["public", "pairwise"] = "public"
    sector_identifier_uri: str | None = None
    id_token_signed_response_alg: str = "RS256"
    id_token_encrypted_response_alg: str | None = None
    id_token_encrypted_response_enc: str | None = None
    userinfo_signed_response_alg: str | None = None
    userinfo_encrypted_response_alg: str | None = None
    userinfo_encrypted_response_enc: str | None = None
    require_pushed_authorization_requests: bool = False
    dpop_bound_access_tokens: bool = False
    request_object_signing_alg: str | None = None
    request_object_encryption_alg: str | None = None  # what it may use; others are taken too (OIDC Registration 2)
    request_object_encryption_enc: str | None = None
    require_signed_request_object: bool = False
    tls_client_auth_subject_dn: str | None = None
    tls_client_auth_san_dns: str | None = None
    tls_client_auth_san_uri: str | None = None
    tls_client_auth_san_ip: str | None = None
    tls_client_auth_san_email: str | None = None
    tls_client_certificate_bound_access_tokens: bool = False
    use_mtls_endpoint_aliases: bool = False  # which endpoints the client will use; nothing here depends on it
    request_uris: tuple[str, ...] = ()  # where its request objects are fetched from (RFC 9101 5.2)
    response_modes: tuple[str, ...] | None = None
    authorization_signed_response_alg: str = "RS256"
    authorization_encrypted_response_alg: str | None = None
    authorization_encrypted_response_enc: str | None = None
    authorization_details_types: tuple[str, ...] | None = None
    introspection_signed_response_alg: str | None = None
    introspection_encrypted_response_alg: str | None = None
    introspection_encrypted_response_enc: str | None = None
    # Members below are Pushgate's own.
    profile: str | None = None
    compliance_level: str | None = None  # what the management API called the profile, where that was by another name
    enabled: bool = True
    pkce_required: bool | None = None
    par_request_expiry: int | None = None  # seconds
    pushed_redirect_uri_prefixes: tuple[str, ...] = ()  # RFC 9126 2.4
    step_up: bool = False  # a known acr that cannot be reached is an error (RFC 9470 5)
    skip_consent: bool = False  # administrative pre-approval
    default_journey: str | None = None  # how its users sign in, where the request does not say
    allowed_resources: tuple[str, ...] | None = None  # what `resource` may name; None leaves it to the realm
    # What dynamic registration adds (RFC 7591, RFC 7592).
    self_registered: bool = False  # nobody has looked at what this client says about itself
    client_id_issued_at: int | None = None
    registration_token: bytes | None = None  # the digest of the registration access token
    software_statement: str | None = None
    operator_set: tuple[str, ...] = ()  # members that the client's own PUT leaves as they are
    translations: dict[str, str] = {}  # members with a language tag, such as client_name#ja (RFC 7591 2.2)

    @property
    def public(self) -> bool:
        """No credential: the client cannot authenticate (RFC 6749 2.1)."""
        return self.token_endpoint_auth_method == "none"

    @property
    def scopes(self) -> frozenset[str] | None:
        """The scope values the client may ask for; None leaves it to the realm."""
        return None if self.scope is None else words(self.scope)

    @property
    def label(self) -> str:
        """What a person is shown."""
        return self.client_name or self.client_id
