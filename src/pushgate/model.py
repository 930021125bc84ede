"""The frozen types that travel through the house. Records kept in a store are encoded with msgpack.

Members that come from a request or from client metadata keep their IANA names.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, TypeVar

import msgspec

R = TypeVar("R", bound="Record")


class Fact(msgspec.Struct, frozen=True, gc=False):
    """Something known about one request. A struct is made in a tenth of the time of a frozen dataclass.

    The collector does not look at it, so it must not be part of a reference cycle.
    """


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Something that is kept in a store, or travels between rooms."""

    def encode(self) -> bytes:
        """The bytes kept in a store."""
        return _encoder.encode(self)

    @classmethod
    def decode(cls: type[R], data: bytes) -> R:
        """Read back what `encode` wrote. Raises msgspec.DecodeError for anything else."""
        return msgspec.msgpack.decode(data, type=cls)


_encoder = msgspec.msgpack.Encoder()

Details = tuple[dict[str, Any], ...]
"""Authorization details (RFC 9396 2), as they came."""

Method = Literal["password", "totp", "passkey"]
"""What the sign-in pages ask of a user."""

AuthMethod = Literal[
    "none",
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
]


@lru_cache(maxsize=256)
def words(text: str) -> frozenset[str]:
    """The values of a space-separated list; the same few lists come again and again."""
    return frozenset(text.split(" "))


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


class ClaimWish(Record, frozen=True):
    """How one claim is asked for (OpenID Connect Core 5.5.1)."""

    essential: bool = False
    values: tuple[Any, ...] | None = None  # `value` is one of one; None: any will do


class ClaimsRequest(Record, frozen=True):
    """The `claims` parameter (OpenID Connect Core 5.5): claim names to wishes, for each place."""

    id_token: dict[str, ClaimWish] = {}
    userinfo: dict[str, ClaimWish] = {}


class AuthorizationRequest(Record, frozen=True):
    """What a client asks for, parsed once; the same type whether pushed or sent through the browser."""

    client_id: str
    response_type: str | None = None
    response_mode: str | None = None
    redirect_uri: str | None = None
    scope: tuple[str, ...] | None = None
    state: str | None = None
    nonce: str | None = None
    prompt: tuple[str, ...] = ()
    max_age: int | None = None  # seconds
    code_challenge: str | None = None
    code_challenge_method: str | None = None
    login_hint: str | None = None
    id_token_hint: str | None = None
    acr_values: tuple[str, ...] = ()
    dpop_jkt: str | None = None  # the key that the code is bound to (RFC 9449 10)
    ui_locales: tuple[str, ...] = ()
    display: str | None = None
    resource: tuple[str, ...] = ()  # RFC 8707
    authorization_details: Details = ()  # RFC 9396
    claims: ClaimsRequest | None = None
    claims_locales: tuple[str, ...] = ()
    service: str | None = None  # the journey that the user is to take

    @property
    def response_types(self) -> frozenset[str]:
        """The single values of a composite `response_type`."""
        return words(self.response_type or "")


class PushedAuthorizationRequest(Record, frozen=True):
    """A stored authorization request; `pushed` is False for one that came through the browser."""

    request: AuthorizationRequest
    scope: tuple[str, ...]
    expires_at: int  # the redemption window ends: time to start, not to finish (FAPI2-SP 5.3.2.2 note 3)
    correlation_id: str
    pushed: bool = True
    signed: bool = False  # the request came in a signed request object (RFC 9101)


class Interaction(Record, frozen=True):
    """A browser on its way through login and consent. What is still missing is computed, never stored."""

    request_key: bytes
    started_at: float


class Session(Record, frozen=True):
    """A signed-in browser (single sign-on). `methods`: when each method of its `amr` was used, the last time."""

    sid: str
    sub: str
    username: str
    authenticated_at: float
    expires_at: int
    amr: tuple[str, ...] = ("pwd",)
    browser: str | None = None  # what the browser said it is, in a few words, for the account page
    methods: dict[str, float] = {}

    @property
    def used(self) -> dict[str, float]:
        """RFC 8176 names of the methods to the time of their use."""
        return self.methods or dict.fromkeys(self.amr, self.authenticated_at)


class LogoutDelivery(Record, frozen=True):
    """What a client has yet to be told: that a session of its user is over (OpenID Connect Back-Channel Logout)."""

    client_id: str
    sub: str
    sid: str
    attempts: int = 0


class User(Record, frozen=True):
    """A local account."""

    sub: str
    username: str
    password_hash: str | None = None
    claims: dict[str, Any] = {}
    enabled: bool = True

    def __repr__(self) -> str:
        return f"User({self.sub!r}, {self.username!r})"


class Credential(Record, frozen=True):
    """A second factor or a passkey of a user."""

    credential_id: str
    sub: str
    kind: Literal["totp", "passkey"]
    label: str
    created_at: int
    sealed: bytes | None = None  # the TOTP secret, sealed with the server's secret key
    last_step: int | None = None  # the last TOTP time step that was used: each is good for one sign-in (RFC 6238 5.2)
    webauthn_id: bytes | None = None  # the passkey's own id
    public_key: bytes | None = None  # COSE
    sign_count: int = 0
    last_used_at: int | None = None

    def __repr__(self) -> str:
        return f"Credential({self.credential_id!r}, {self.kind!r})"


class Confirmation(Record, frozen=True):
    """The key that a token is bound to: a DPoP key's thumbprint, or a certificate's (RFC 7800 3.1)."""

    jkt: str | None = None
    x5t_s256: str | None = None

    def members(self) -> dict[str, str]:
        """The `cnf` claim. RFC 9449 6.1, RFC 8705 3.1."""
        found = {"jkt": self.jkt, "x5t#S256": self.x5t_s256}
        return {name: value for name, value in found.items() if value is not None}


class Grant(Record, frozen=True):
    """What a user allowed a client, once; every token of that flow hangs on it and falls with it."""

    grant_id: str
    client_id: str
    sub: str
    scope: tuple[str, ...]
    audience: tuple[str, ...]  # the resources that a token of it may be for
    auth_time: int
    amr: tuple[str, ...]
    sid: str
    correlation_id: str
    acr: str | None = None
    revoked: bool = False
    resource: tuple[str, ...] = ()  # those that the request named
    authorization_details: Details = ()
    claims: ClaimsRequest | None = None  # what of them the user agreed to
    claims_locales: tuple[str, ...] = ()


class AuthorizationCode(Record, frozen=True):
    """What an authorization code stands for until it is redeemed (RFC 6749 4.1.3)."""

    grant: Grant
    redirect_uri: str | None  # None: the request left it out, so the token request may too
    expires_at: int
    code_challenge: str | None = None
    code_challenge_method: str | None = None
    nonce: str | None = None
    dpop_jkt: str | None = None


class RefreshToken(Record, frozen=True):
    """A refresh token at rest; the key it is stored under is the digest of the token."""

    grant_id: str
    client_id: str
    scope: tuple[str, ...]
    expires_at: int
    consumed: bool = False
    confirmation: Confirmation | None = None  # only those of public clients are bound (RFC 9449 5, RFC 8705 4)


class Resource(Record, frozen=True):
    """A protected resource (API), the scope values that mean something to it, and the clients that ask for it."""

    identifier: str
    scopes: tuple[str, ...] = ()
    introspection_clients: tuple[str, ...] = ()  # client_id of each (RFC 7662 4)


class AuthorizationDetailsType(Record, frozen=True):
    """A type of authorization details (RFC 9396): its name on the consent page, and the JSON Schema of an entry."""

    type: str
    title: str | None = None
    schema: dict[str, Any] = {}


class Journey(Record, frozen=True):
    """How users sign in: the methods of one of its ways, in order."""

    name: str
    ways: tuple[tuple[Method, ...], ...]


class AuthenticationContext(Record, frozen=True):
    """An authentication context class (OpenID Connect Core 2), and the methods that a sign-in to it has used."""

    acr: str
    amr: tuple[str, ...] = ("pwd",)  # RFC 8176 names


class StoredKey(Record, frozen=True):
    """A signing key at rest: the public JWK, and the private one sealed with the server's secret key."""

    kid: str
    alg: str
    public: dict[str, Any]
    sealed: bytes
    created_at: int
    retired_at: int | None = None

    def __repr__(self) -> str:
        return f"StoredKey({self.kid!r}, {self.alg!r})"


class PushedAuthorizationRequests(Record, frozen=True):
    """The realm's PAR switches; `lifetime` in seconds, None: the dialect's default."""

    supported: bool = True
    required: bool = False
    lifetime: int | None = None


class StatementIssuer(Record, frozen=True):
    """Who may sign software statements (RFC 7591 2.3), and with which keys."""

    issuer: str
    jwks: dict[str, Any]


class Registration(Record, frozen=True):
    """Dynamic registration (RFC 7591): for nobody, for whoever has an initial access token, or for everybody.

    `scope` is what a client that registers itself may ask for; `per_minute` limits open registration for each address
    (0: no limit).
    """

    mode: Literal["off", "token", "open"] = "off"
    scope: str = "openid profile email address phone offline_access"
    per_minute: int = 10
    statement_issuers: tuple[StatementIssuer, ...] = ()
    statement_required: bool = False


class InitialAccessToken(Record, frozen=True):
    """An initial access token at rest, stored under its digest (RFC 7591 3)."""

    created_at: int
    expires_at: int
    uses_left: int


class Lifetimes(Record, frozen=True):
    """How long things live, in seconds."""

    code: int = 60
    access_token: int = 600
    id_token: int = 600
    refresh_token: int = 2_592_000
    session: int = 28_800
    interaction: int = 1_800


class Rates(Record, frozen=True):
    """Requests per second; 0 switches a limit off. What is guessed wrong is limited per minute.

    That is failed client authentications, and tokens at the introspection endpoint that are not known. Per minute and
    client too: request objects that are fetched, which any browser can cause.
    """

    pushes_per_client: int = 0
    pushes_per_address: int = 0
    failures_per_minute: int = 30
    unknown_tokens_per_minute: int = 60
    fetches_per_minute: int = 60


class RealmSettings(Record, frozen=True):
    """What an operator can say about a realm."""

    name: str
    profile: str = "oidc"
    dialect: str = "rfc9126"
    pushed_authorization_requests: PushedAuthorizationRequests = PushedAuthorizationRequests()
    registration: Registration = Registration()
    lifetimes: Lifetimes = Lifetimes()
    rates: Rates = Rates()
    pkce_required: bool = False
    dpop_nonces: bool = False
    request_parameter_supported: bool = True
    request_uri_parameter_supported: bool = False  # request objects by reference; pushed requests need no switch
    require_signed_request_object: bool = False
    default_scope: str | None = None
    default_resource: str | None = None
    resource_required: bool = False
    authorization_details_types: tuple[AuthorizationDetailsType, ...] = ()
    authentication_contexts: tuple[AuthenticationContext, ...] = ()  # the weakest first
    step_up: bool = False
    session_management: bool = False  # other sites may frame one page, to ask whether the session is the same
    journeys: tuple[Journey, ...] = ()  # beside the built-in ones
    default_journey: str | None = None
    access_token_signing_alg: str = "ES256"
    service_documentation: str | None = None  # https URLs, told in metadata; the other two also on every page
    op_policy_uri: str | None = None
    op_tos_uri: str | None = None
    signed_metadata: bool = False
    claims_locales_supported: tuple[str, ...] = ()  # the languages that users' claims are kept in, as metadata tells
    tls_client_ca: str | None = None  # PEM: who may vouch for the certificates of tls_client_auth clients
    resources: tuple[Resource, ...] = ()
