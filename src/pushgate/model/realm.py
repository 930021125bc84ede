"""What an operator can say about a realm."""

from __future__ import annotations

from typing import Any, Literal

from pushgate.model.base import Method, Record


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
    authorization_details_types: tuple[str, ...] = ()  # as `scope`, for rich authorization requests
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
    pushes_per_address: int | None = None  # None: the dialect's
    failures_per_minute: int = 30
    unknown_tokens_per_minute: int = 60
    fetches_per_minute: int = 60


class RealmSettings(Record, frozen=True):
    """What an operator can say about a realm."""

    name: str
    profile: str = "oidc"
    dialect: str = "rfc9126"
    hosts: tuple[str, ...] = ()  # where the realm is, beside its path; the first is its issuer's
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
    serial: str = ""  # differs from that of a realm that had the name before, and was deleted
    tls_client_ca: str | None = None  # PEM: who may vouch for the certificates of tls_client_auth clients
    resources: tuple[Resource, ...] = ()
