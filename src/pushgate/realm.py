"""A realm: one issuer with its settings. Every endpoint URL derives from `Issuer`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from pushgate.dialects import DIALECTS, Dialect, Paths
from pushgate.model import RealmSettings
from pushgate.profiles import PROFILES, SecurityProfile

DEFAULT_REALM = "default"
REALM_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
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

    base_url: str
    realm: str
    paths: Paths
    mtls_base_url: str | None = None  # the same endpoints, where clients are asked for certificates

    @cached_property
    def prefix(self) -> str:
        """The path prefix of the realm: empty for the default realm."""
        return "" if self.realm == DEFAULT_REALM else f"/realms/{self.realm}"

    @cached_property
    def identifier(self) -> str:
        """The issuer identifier, character for character the `issuer` of the metadata (RFC 8414 2)."""
        return self.base_url + self.prefix

    @cached_property
    def path(self) -> str:
        """The path component of the issuer, for cookies and links."""
        return urlsplit(self.identifier).path

    @cached_property
    def secure(self) -> bool:
        """Served over TLS; False only on a loopback address."""
        return self.base_url.startswith("https://")

    @cached_property
    def par(self) -> str:
        """Pushed authorization request endpoint."""
        return self.identifier + self.paths.par

    @cached_property
    def authorize(self) -> str:
        """Authorization endpoint."""
        return self.identifier + self.paths.authorize

    @cached_property
    def token(self) -> str:
        """Token endpoint."""
        return self.identifier + self.paths.token

    @cached_property
    def userinfo(self) -> str:
        """UserInfo endpoint."""
        return self.identifier + self.paths.userinfo

    @cached_property
    def introspect(self) -> str:
        """Introspection endpoint."""
        return self.identifier + self.paths.introspect

    @cached_property
    def revoke(self) -> str:
        """Revocation endpoint."""
        return self.identifier + self.paths.revoke

    @cached_property
    def end_session(self) -> str:
        """Where applications send users to sign out."""
        return self.identifier + self.paths.end_session

    @cached_property
    def check_session(self) -> str:
        """The page that other sites frame to ask whether the session is the same."""
        return self.identifier + self.paths.check_session

    @cached_property
    def register(self) -> str:
        """Client registration endpoint (RFC 7591); below it each client's configuration endpoint (RFC 7592)."""
        return self.identifier + self.paths.register

    @cached_property
    def jwks(self) -> str:
        """JWK Set document."""
        return self.identifier + self.paths.jwks

    def alias(self, url: str) -> str | None:
        """The same endpoint under the base URL for client certificates; None without one. RFC 8705 5."""
        return None if self.mtls_base_url is None else self.mtls_base_url + url.removeprefix(self.base_url)

    def called(self, url: str, host: str | None) -> tuple[str, ...]:
        """What a DPoP proof may name: the endpoint's own URL, and the alias where that was called. RFC 9449 4.3."""
        alias = self.alias(url)
        return (url,) if alias is None or urlsplit(alias).netloc != host else (url, alias)

    def addresses(self, url: str) -> tuple[str, ...]:
        """Every URL of an endpoint: its own, and its alias."""
        alias = self.alias(url)
        return (url,) if alias is None else (url, alias)

    @cached_property
    def assertion_audiences(self) -> frozenset[str]:
        """What a client assertion may name as its audience in the compatible mode (RFC 9126 2)."""
        return frozenset({self.identifier, *self.addresses(self.token), *self.addresses(self.par)})


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
        dialect = DIALECTS[settings.dialect]
        return cls(
            settings=settings,
            issuer=Issuer(base_url, settings.name, dialect.paths, mtls_base_url),
            profile=PROFILES[settings.profile],
            dialect=dialect,
            client_certificates=client_certificates,
        )
