"""How a product behaves on the wire: dialects as values.

An application that was written for one of these products works against a realm in its dialect. Read the values at the
end: each says only what differs from the plain specifications.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

KIB = 1024


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a product keeps its endpoints, below a realm's prefix."""

    par: str = "/oauth2/par"
    authorize: str = "/oauth2/authorize"
    token: str = "/oauth2/token"
    userinfo: str = "/oauth2/userinfo"
    introspect: str = "/oauth2/introspect"
    revoke: str = "/oauth2/revoke"
    jwks: str = "/oauth2/jwks"
    end_session: str = "/oauth2/logout"
    check_session: str = "/oauth2/check-session"
    register: str = "/oauth2/register"
    metadata: str = "/.well-known/openid-configuration"


NATIVE = Paths()
"""The paths that every realm has, whatever its dialect."""


@dataclass(frozen=True)
class Dialect:
    """A product's wire behaviour. A field exists only if two shipped dialects differ in it, or one names it."""

    name: str
    paths: Paths = NATIVE
    prefix: str = "/realms/{realm}"
    """What the published paths of a realm begin with, below the base URL."""
    root_prefix: str = ""
    """The same for the realm `default`."""
    request_lifetime: int = 60  # seconds, where neither realm nor client says
    beside_request_uri: Literal["ignored", "merged"] = "ignored"
    """Parameters at the authorization endpoint beside a pushed request; merged: what was not pushed counts."""
    beside_request: Literal["ignored", "merged", "refused"] = "ignored"
    """Fields of a push beside its request object; merged: what the object does not say counts."""
    bare_request_objects: bool = False
    """A request object may name neither its issuer nor its audience."""
    request_object_audience: Literal["issuer", "token endpoint", "issuer with slash"] = "issuer"
    """What may be named as the audience of a request object beside the issuer identifier itself."""
    shortest_state: int = 0  # characters, of `state` and `nonce`
    challenge_methods: tuple[str, ...] = ("S256",)
    default_challenge_method: str | None = None
    """What a code challenge is made with where the request does not say; None: it has to."""
    public_clients_push: bool = True
    client_id_beside_basic: bool = False
    """A push has to name the client in its body although the header does."""
    redirect_uri_left_out: bool = False
    """A request for `openid` may leave out the only registered redirect URI."""
    default_scope: str | None = None
    """What a request without scope asks for where the realm does not say: "" is nothing, None makes it an error."""
    errors_on_page: bool = False
    """What is wrong with a request is told to the person, and not to the client at its redirect URI."""
    prompts: frozenset[str] = frozenset({"none", "login", "consent", "select_account"})
    custom_parameters: str | None = None  # the prefix of those that are kept
    body_limit: int = 64 * KIB
    references_pushed: bool = False
    """A push may refer to a request object, where the realm and the client's registration allow that."""
    local_directory: str = "local"  # what `login_hint` calls the local accounts
    json_parameters: bool = False
    """The token and revocation endpoints take their parameters as a JSON object too."""
    slash_at_host: bool = False
    """The issuer identifier of a realm at a host of its own ends with a slash."""
    pushes_per_address: int = 0  # a second, where the realm does not say; 0: no limit
    par_from_start: bool = True
    """Whether a new realm takes pushed requests before anybody switches them on."""

    @cached_property
    def strict(self) -> Dialect:
        """The dialect where a FAPI profile speaks too: what it loosens is gone, what it demands stays."""
        kept: Literal["ignored", "refused"] = "refused" if self.beside_request == "refused" else "ignored"
        return replace(
            self, beside_request_uri="ignored", beside_request=kept, bare_request_objects=False,
            request_object_audience="issuer", challenge_methods=("S256",), default_challenge_method=None,
            redirect_uri_left_out=False, references_pushed=False,
        )  # fmt: skip

    def prefix_of(self, realm: str, default: str) -> str:
        """What the realm's published paths begin with; `default` names the realm at the base URL."""
        return self.root_prefix if realm == default else self.prefix.format(realm=realm)

    @cached_property
    def native(self) -> Mapping[str, str]:
        """The product's own paths to the native ones."""
        pairs = ((getattr(self.paths, f.name), getattr(NATIVE, f.name)) for f in fields(Paths))
        return MappingProxyType({own: native for own, native in pairs if own != native})


RFC9126 = Dialect(name="rfc9126")

WSO2 = Dialect(
    name="wso2",
    paths=Paths(end_session="/oidc/logout", register="/api/identity/oauth2/dcr/v1.1/register"),
    prefix="/t/{realm}",
    beside_request_uri="merged",
    beside_request="merged",
    request_object_audience="token endpoint",
    redirect_uri_left_out=True,
    default_scope="",
)

AUTH0 = Dialect(
    name="auth0",
    paths=Paths(
        par="/oauth/par", authorize="/authorize", token="/oauth/token", userinfo="/userinfo", revoke="/oauth/revoke",
        jwks="/.well-known/jwks.json", register="/oidc/register", end_session="/oidc/logout",
    ),
    request_lifetime=90,
    beside_request="merged",
    request_object_audience="issuer with slash",
    public_clients_push=False,
    redirect_uri_left_out=True,
    default_scope="openid",
    custom_parameters="ext-",
    body_limit=10 * KIB,
    json_parameters=True,
    slash_at_host=True,
    pushes_per_address=100,
    par_from_start=False,
)  # fmt: skip

PINGONE_AIC = Dialect(
    name="pingone-aic",
    paths=Paths(
        par="/par", authorize="/authorize", token="/access_token", introspect="/introspect", userinfo="/userinfo",
        register="/register", revoke="/token/revoke", jwks="/connect/jwk_uri", end_session="/connect/endSession",
        check_session="/connect/checkSession",
    ),
    prefix="/am/oauth2/realms/root/realms/{realm}",
    root_prefix="/am/oauth2",
    request_lifetime=90,
    beside_request_uri="merged",
    beside_request="refused",
    bare_request_objects=True,
    challenge_methods=("S256", "plain"),
    client_id_beside_basic=True,
    redirect_uri_left_out=True,
    errors_on_page=True,
)  # fmt: skip

IBM_VERIFY = Dialect(
    name="ibm-verify",
    paths=Paths(metadata="/oauth2/.well-known/openid-configuration"),
    beside_request="merged",
    shortest_state=8,
    challenge_methods=("S256", "plain"),
    default_challenge_method="plain",
    redirect_uri_left_out=True,
    prompts=frozenset({"none", "login"}),
    references_pushed=True,
    local_directory="cloudIdentityRealm",
)

DIALECTS: Mapping[str, Dialect] = MappingProxyType({d.name: d for d in (RFC9126, WSO2, AUTH0, PINGONE_AIC, IBM_VERIFY)})
