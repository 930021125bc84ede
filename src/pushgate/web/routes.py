"""The routes: one table. A path is a realm's prefix and one of these, with or without a final slash."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING

from pushgate.dialects import DIALECTS, NATIVE, RFC9126
from pushgate.endpoints import discovery, introspect, par, revoke, sample_resource, token, userinfo
from pushgate.endpoints.context import Context
from pushgate.endpoints.http import Reply, Request, json_reply
from pushgate.realm import DEFAULT_REALM, REALM_NAME
from pushgate.web import register
from pushgate.web.account import changes, overview
from pushgate.web.call import Call
from pushgate.web.check_session import check_session
from pushgate.web.home import home
from pushgate.web.interaction import authorization, consent, login, logout

if TYPE_CHECKING:
    from pushgate.server import AuthorizationServer


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table. Exactly one of `machine`, `page`, `managing` and `server_wide` answers."""

    name: str
    methods: tuple[str, ...]
    machine: Callable[[Context, Request], Awaitable[Reply]] | None = None
    page: Callable[[Call], Awaitable[Reply]] | None = None
    managing: Callable[[Call], Awaitable[Reply]] | None = None
    """A machine endpoint that changes the configuration."""
    server_wide: Callable[[AuthorizationServer, Request], Awaitable[Reply]] | None = None
    safe: bool = True
    """GET changes nothing, so that HEAD is answered too."""
    cors: str = ""
    """'any', 'clients' (pages of public clients), or '' for none."""
    sample: bool = False
    """There only where the server is told to have its sample resource."""

    @property
    def takes_head(self) -> bool:
        """HEAD is GET without its body, where GET is without effect."""
        return self.safe and "GET" in self.methods


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path points: a realm, and a key of the table."""

    realm: str
    path: str
    rest: str = ""
    dialects: frozenset[str] | None = None
    """The dialects that have this path; None: every realm has it."""


async def healthz(server: AuthorizationServer, request: Request) -> Reply:
    """The process lives."""
    return json_reply({"status": "ok"})


async def readyz(server: AuthorizationServer, request: Request) -> Reply:
    """The stores answer, and the keys can be used."""
    await server.snapshot.configuration.revision()
    await server.realm()
    await server.transient.get("ready", b"\0" * 32)
    return json_reply({"status": "ready"})


GET, POST, BOTH = ("GET",), ("POST",), ("GET", "POST")
METADATA = Route("metadata", GET, discovery.metadata_document, cors="any")
PATHS = NATIVE

ROUTES: dict[str, Route] = {
    PATHS.par: Route("par", POST, par.push, cors="clients"),
    PATHS.authorize: Route("authorize", BOTH, page=authorization.authorization_endpoint, safe=False),
    PATHS.token: Route("token", POST, token.token, cors="clients"),
    PATHS.userinfo: Route("userinfo", BOTH, userinfo.userinfo, cors="any"),
    PATHS.introspect: Route("introspect", POST, introspect.introspect),
    PATHS.revoke: Route("revoke", POST, revoke.revoke, cors="clients"),
    PATHS.jwks: Route("jwks", GET, discovery.jwks_document, cors="any"),
    PATHS.register: Route("register", POST, managing=register.register, cors="any"),
    f"{PATHS.register}/": Route("configuration", ("GET", "PUT", "DELETE"), managing=register.configuration, cors="any"),
    "/resource": Route("resource", BOTH, sample_resource.sample_resource, cors="any", sample=True),
    "/.well-known/openid-configuration": METADATA,
    "/.well-known/oauth-authorization-server": METADATA,
    "/oauth2/login/": Route("login", BOTH, page=login.login_page, safe=False),
    "/oauth2/consent/": Route("consent", BOTH, page=consent.consent_page, safe=False),
    PATHS.end_session: Route("logout", BOTH, page=logout.logout_page, safe=False),
    PATHS.check_session: Route("check_session", GET, page=check_session),
    "/oauth2/account": Route("account", BOTH, page=overview.account_page),
    "/oauth2/account/password": Route("account", BOTH, page=changes.password_page),
    "/oauth2/account/totp": Route("account", BOTH, page=changes.totp_page),
    "/oauth2/account/passkey": Route("account", BOTH, page=changes.passkey_page),
    "/": Route("home", GET, page=home),
    "/healthz": Route("healthz", GET, server_wide=healthz),
    "/readyz": Route("readyz", GET, server_wide=readyz),
}
SAME = {getattr(NATIVE, member.name): getattr(NATIVE, member.name) for member in fields(NATIVE)}


def _prefixes() -> Iterator[tuple[re.Pattern[str], str]]:
    """Where products keep their realms: patterns of the prefixes that are not the native one."""
    name = f"(?P<realm>(?!{DEFAULT_REALM}(?:/|$)){REALM_NAME.pattern})"
    for dialect in DIALECTS.values():
        if dialect.prefix != RFC9126.prefix:
            yield re.compile(re.escape(dialect.prefix).replace(r"\{realm\}", name) + "(?=/)"), dialect.name
        if dialect.root_prefix:
            yield re.compile(f"{re.escape(dialect.root_prefix)}(?:/realms/root)?(?P<realm>)(?=/)"), dialect.name


def _aliases() -> dict[str, tuple[str, frozenset[str]]]:
    """Products' paths below a realm's native prefix: the native path, and the dialects that have it."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for dialect in DIALECTS.values():
        for own, native in dialect.native.items() if not dialect.root_prefix else ():
            names = found.get(own, (native, frozenset[str]()))[1]
            found[own] = (native, names | {dialect.name})
    return found


PREFIXES = tuple(_prefixes())
ALIASES = _aliases()
MAX_REMEMBERED = 100  # characters of a path
WELL_KNOWN = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")


def find_place(path: str, root: str) -> Place | None:
    """See `_find_place`; what is asked often is remembered, but nothing long that a stranger makes up."""
    return _known_place(path, root) if len(path) <= MAX_REMEMBERED else _find_place(path, root)


@lru_cache(maxsize=256)
def _known_place(path: str, root: str) -> Place | None:
    return _find_place(path, root)


def _find_place(path: str, root: str) -> Place | None:
    """Split a path into realm and route; None where it lies outside `root`, the base URL's path.

    The well-known documents are also found at the host's root with the issuer's path behind (RFC 8414 3.1).
    """
    path = path.rstrip("/") or "/"
    for document in WELL_KNOWN:
        if path.startswith(document) and (path == document or path[len(document)] == "/"):
            return _in_realm(path[len(document) :], root, document)
    return _in_realm(path, root)


def _in_realm(path: str, root: str, document: str = "") -> Place | None:
    if not path.startswith(root):
        return None
    path = path[len(root) :]
    for prefix, dialect in PREFIXES:
        found = prefix.match(path)
        if found is not None and not document:
            realm, path = found["realm"] or DEFAULT_REALM, path[found.end() :]
            return _of_product(realm, path, frozenset({dialect}), {**SAME, **DIALECTS[dialect].native})
    realm = DEFAULT_REALM
    if path.startswith("/realms/"):
        realm, slash, below = path[8:].partition("/")
        path = slash + below
        if not REALM_NAME.fullmatch(realm) or realm == DEFAULT_REALM:
            return None
    if document:
        return Place(realm, document) if path in ("", "/") else None
    if path in ROUTES:
        return Place(realm, path)
    start, _, rest = path.rpartition("/")
    if rest and f"{start}/" in ROUTES and start:
        return Place(realm, f"{start}/", rest)
    for alias in (path, start):
        if alias in ALIASES:
            native, dialects = ALIASES[alias]
            return _of_product(realm, path, dialects, {alias: native})
    return Place(realm, path or "/")


def _of_product(realm: str, path: str, dialects: frozenset[str], paths: Mapping[str, str]) -> Place | None:
    """A product's path as the native one; what may follow a native path may follow the product's."""
    if path in paths:
        return Place(realm, paths[path], dialects=dialects)
    start, _, rest = path.rpartition("/")
    below = f"{paths.get(start)}/"
    return Place(realm, below, rest, dialects) if rest and below in ROUTES else None


def route_of(place: Place) -> Route | None:
    """The row for a place; server-wide routes are at the default realm alone."""
    route = ROUTES.get(place.path)
    if route is None or (place.path.endswith("/") and place.path != "/" and not place.rest):
        return None
    if route.server_wide is not None and place.realm != DEFAULT_REALM:
        return None
    return route
