"""A realm: one issuer with its settings. Every endpoint URL derives from `Issuer`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from urllib.parse import urlsplit

from pushgate.dialects import DIALECTS, RFC9126, Dialect, Paths
from pushgate.model import RealmSettings
from pushgate.profiles import PROFILES, SecurityProfile

DEFAULT_REALM = "default"
REALM_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
HOST = re.compile(
    r"(?=.{1,253}(?::|$))[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::[0-9]{1,5})?"
)
"""A host name in lower case, with a port where that is not the base URL's."""
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


class BadBaseUrl(ValueError):
    """The base URL cannot be an issuer; the message says why."""


def check_base_url(url: str) -> str:
    """An issuer is an https URL without query and fragment; http is for loopback addresses only.

    RFC 8414 2, RFC 9126 2 (https), RFC 9207 2. Raises BadBaseUrl.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as problem:
        raise BadBaseUrl(f"{url!r}: {problem}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not _PRINTABLE.fullmatch(url):
        raise BadBaseUrl(f"{url!r} is not an http(s) URL with a host")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise BadBaseUrl(f"{url!r} has a query or a fragment; an issuer has neither (RFC 8414 2)")
    if parts.username is not None:
        raise BadBaseUrl(f"{url!r} has a user name in it")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        raise BadBaseUrl(f"{url!r} is http on a public host; only loopback addresses may go without TLS")
    return url.rstrip("/")


def check_mtls_base_url(url: str, base_url: str) -> str:
    """Where the same paths are served with client certificates: https, with the path of the base URL. RFC 8705 5.

    Raises BadBaseUrl.
    """
    url = check_base_url(url)
    if not url.startswith("https://"):
        raise BadBaseUrl(f"{url!r} is not https, and certificates are shown in TLS alone")
    if urlsplit(url).path != urlsplit(base_url.rstrip("/")).path:
        raise BadBaseUrl(f"{url!r} has another path than {base_url!r}; the two differ in host or port alone")
    return url


@dataclass(frozen=True)
class Issuer:
    """An issuer identifier and the URLs below it."""

    server_url: str
    realm: str
    dialect: Dialect
    mtls_base_url: str | None = None  # the same endpoints, where clients are asked for certificates
    host: str | None = None  # the realm's own, if it has one

    @cached_property
    def base_url(self) -> str:
        """The base URL of the realm: the server's, or the same on the realm's own host."""
        if self.host is None:
            return self.server_url
        parts = urlsplit(self.server_url)
        port = "" if ":" in self.host or parts.port is None else f":{parts.port}"
        return f"{parts.scheme}://{self.host}{port}{parts.path}"

    @property
    def paths(self) -> Paths:
        """The paths that the realm publishes, below `published`."""
        return self.dialect.paths

    @cached_property
    def prefix(self) -> str:
        """The path prefix of the realm: empty for the default realm, and on a host of its own."""
        return "" if self.realm == DEFAULT_REALM or self.host is not None else f"/realms/{self.realm}"

    @cached_property
    def published(self) -> str:
        """What the published endpoint URLs begin with."""
        if self.dialect.prefix == RFC9126.prefix:
            return self.root
        return self.base_url + self.dialect.prefix_of(self.realm, DEFAULT_REALM)

    @cached_property
    def root(self) -> str:
        """What the URLs of the native paths, and of the management API, begin with."""
        return self.base_url + self.prefix

    @cached_property
    def identifier(self) -> str:
        """The issuer identifier, character for character the `issuer` of the metadata (RFC 8414 2)."""
        return f"{self.root}/" if self.host is not None and self.dialect.slash_at_host else self.root

    @cached_property
    def path(self) -> str:
        """The path component of the issuer, for cookies and links."""
        return urlsplit(self.root).path

    @cached_property
    def secure(self) -> bool:
        """Served over TLS; False only on a loopback address."""
        return self.base_url.startswith("https://")

    @cached_property
    def par(self) -> str:
        """Pushed authorization request endpoint."""
        return self.published + self.paths.par

    @cached_property
    def authorize(self) -> str:
        """Authorization endpoint."""
        return self.published + self.paths.authorize

    @cached_property
    def token(self) -> str:
        """Token endpoint."""
        return self.published + self.paths.token

    @cached_property
    def userinfo(self) -> str:
        """UserInfo endpoint."""
        return self.published + self.paths.userinfo

    @cached_property
    def introspect(self) -> str:
        """Introspection endpoint."""
        return self.published + self.paths.introspect

    @cached_property
    def revoke(self) -> str:
        """Revocation endpoint."""
        return self.published + self.paths.revoke

    @cached_property
    def end_session(self) -> str:
        """Where applications send users to sign out."""
        return self.published + self.paths.end_session

    @cached_property
    def check_session(self) -> str:
        """The page that other sites frame to ask whether the session is the same."""
        return self.published + self.paths.check_session

    @cached_property
    def register(self) -> str:
        """Client registration endpoint (RFC 7591); below it each client's configuration endpoint (RFC 7592)."""
        return self.published + self.paths.register

    @cached_property
    def jwks(self) -> str:
        """JWK Set document."""
        return self.published + self.paths.jwks

    def alias(self, url: str) -> str | None:
        """The same endpoint under the base URL for client certificates; None without one. RFC 8705 5."""
        if self.mtls_base_url is None:
            return None
        if self.host is not None and self.dialect.prefix == RFC9126.prefix:  # there the path has to name the realm
            return f"{self.mtls_base_url}/realms/{self.realm}{url.removeprefix(self.base_url)}"
        return self.mtls_base_url + url.removeprefix(self.base_url)

    def called(self, url: str, path: str, host: str | None) -> tuple[str, ...]:
        """What a DPoP proof may name: the published URL of an endpoint, and the one that was called at `path`.

        Both also with the base URL for client certificates, where that was called. RFC 9449 4.3.
        """
        alias, path = self.alias(url), path.rstrip("/")
        here = self.server_url if urlsplit(self.server_url).netloc == host else self.base_url
        found = [url, _origin(here) + path]
        if alias is not None and self.mtls_base_url is not None and urlsplit(alias).netloc == host:
            found += [alias, _origin(self.mtls_base_url) + path]
        return tuple(dict.fromkeys(found))

    def addresses(self, url: str) -> tuple[str, ...]:
        """Every published URL of an endpoint: its own, and its alias."""
        alias = self.alias(url)
        return (url,) if alias is None else (url, alias)

    @cached_property
    def assertion_audiences(self) -> frozenset[str]:
        """What a client assertion may name as its audience in the compatible mode (RFC 9126 2)."""
        own = {self.identifier, *self.addresses(self.token), *self.addresses(self.par)}
        return frozenset(own | self.other_names)

    @cached_property
    def other_names(self) -> frozenset[str]:
        """What the dialect lets a client call this server, beside the issuer identifier, in an audience."""
        names = {
            "issuer": (),
            "token endpoint": self.addresses(self.token),
            "issuer with slash": (self.root, f"{self.root}/"),
        }
        return frozenset(names[self.dialect.request_object_audience])

    def assertion_audiences_at(self, path: str) -> frozenset[str]:
        """The same where the endpoint was called by another of its paths."""
        called = _origin(self.base_url) + path.rstrip("/")
        return self.assertion_audiences if called in self.assertion_audiences else self.assertion_audiences | {called}


@lru_cache(maxsize=64)
def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True)
class Realm:
    """A realm in force: settings, with the names in them resolved."""

    settings: RealmSettings
    issuer: Issuer
    profile: SecurityProfile
    dialect: Dialect
    client_certificates: bool = False  # whether clients can show certificates at all

    @classmethod
    def of(
        cls,
        settings: RealmSettings,
        base_url: str,
        *,
        client_certificates: bool = False,
        mtls_base_url: str | None = None,
    ) -> Realm:
        """Resolve the settings' names. The settings were validated when they were saved."""
        dialect, profile = DIALECTS[settings.dialect], PROFILES[settings.profile]
        dialect = dialect if profile.lenient else dialect.strict
        return cls(
            settings=settings,
            issuer=Issuer(base_url, settings.name, dialect, mtls_base_url, next(iter(settings.hosts), None)),
            profile=profile,
            dialect=dialect,
            client_certificates=client_certificates,
        )

    @cached_property
    def pushes_per_address(self) -> int:
        """How often one address may push each second; 0: no limit."""
        said = self.settings.rates.pushes_per_address
        return self.dialect.pushes_per_address if said is None else said
