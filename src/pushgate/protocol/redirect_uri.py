"""Redirect URIs: what may be registered, what matches, and `ReplyTo`, without which nothing redirects."""

from __future__ import annotations

from urllib.parse import urlsplit

from pushgate import refusals
from pushgate.model import AuthorizationRequest, Client, Fact

MAX_LENGTH = 2000
LOOPBACK_ADDRESSES = frozenset({"127.0.0.1", "::1"})
FRONT_CHANNEL = frozenset({"token", "id_token"})
CARRIERS = ("query", "fragment", "form_post")
RESPONSE_MODES = (*CARRIERS, "query.jwt", "fragment.jwt", "form_post.jwt", "jwt")
# Schemes that a browser runs, shows or sends elsewhere instead of handing them to an application.
NEVER = frozenset({"javascript", "data", "vbscript", "file", "blob", "about", "ftp", "mailto", "ws", "wss"})


class ReplyTo(Fact, frozen=True):
    """A checked redirect URI and how to answer there. Only `reply_to` makes one."""

    redirect_uri: str
    carrier: str
    """One of CARRIERS."""
    jwt: bool
    """Whether the response is a signed JWT (JARM 2.1)."""
    state: str | None
    given: bool
    """Whether the request named the redirect URI; if so the token request must too (RFC 6749 4.1.3)."""

    @property
    def host(self) -> str:
        """What a person is shown: the host, or the scheme of a native application."""
        parts = urlsplit(self.redirect_uri)
        return parts.hostname or f"{parts.scheme}:"


def registration_problem(uri: str, application_type: str) -> str | None:
    """Why this redirect URI cannot be registered, in words; None if it can.

    Absolute, no fragment (RFC 6749 3.1.2); https, or http on loopback for native applications
    (RFC 9700 2.6, RFC 8252 7.3), or a private-use scheme for native applications (RFC 8252 7.1).
    """
    problem = _shape_problem(uri)
    if problem:
        return problem
    parts = urlsplit(uri)
    scheme, host = parts.scheme, parts.hostname
    if scheme == "https":
        return None if host else "has no host"
    if scheme == "http":
        local = host in LOOPBACK_ADDRESSES or host == "localhost"
        if not local:
            return "is http; only https is safe outside the loopback interface"
        return (
            None
            if application_type == "native"
            else "is http; a web application needs https (set application_type to native)"
        )
    if application_type != "native":
        return "has a scheme of its own, which only a native application may have"
    return None if "." in scheme else "needs a private-use scheme with a dot in it, such as com.example.app"


def _shape_problem(uri: str) -> str | None:
    if not uri.isascii() or not uri.isprintable() or " " in uri or "\\" in uri:
        return "has characters that a URI cannot have"
    if len(uri) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters"
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return "is not a URI"
    if not parts.scheme or parts.scheme in NEVER:
        return "is not an absolute URI with a usable scheme"
    if "#" in uri:
        return "has a fragment"
    if "@" in parts.netloc:
        return "has a user name in it"
    return None


def origin_of(uri: str) -> str:
    """The web origin of a registered URI, as a browser writes it (RFC 6454 6.2): no default port, lower case."""
    parts = urlsplit(uri)
    default = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in (None, default) else f":{parts.port}"
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def matches(registered: str, wanted: str, application_type: str) -> bool:
    """Exact string comparison; only the port of a native client's loopback address may differ.

    RFC 9700 2.1, RFC 8252 7.3.
    """
    if registered == wanted:
        return True
    if application_type != "native" or not registered.startswith("http://"):
        return False
    return _without_port(registered) is not None and _without_port(registered) == _without_port(wanted)


def _without_port(uri: str) -> tuple[str, str] | None:
    """Host and the rest of an http loopback URI by address; None for anything else."""
    for host in ("127.0.0.1", "[::1]"):
        start = f"http://{host}"
        if not uri.startswith(start):
            continue
        rest = uri[len(start) :]
        if rest.startswith(":"):
            port, slash, path = rest[1:].partition("/")
            if not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 65535:
                return None
            rest = slash + path
        return (host, rest) if rest == "" or rest[0] in "/?" else None
    return None


def pushed_uri_allowed(prefixes: tuple[str, ...], wanted: str) -> bool:
    """Whether an unregistered URI may be pushed: it must extend one of the client's prefixes.

    A prefix names scheme, host and the beginning of a path, so that nothing after it can change the
    host (`https://rp.example` does not admit `https://rp.example.evil`). Dots and encoded dots or
    slashes in the rest are refused: they could climb out of the path. RFC 9126 2.4.
    """
    if _shape_problem(wanted):
        return False
    for prefix in prefixes:
        parts = urlsplit(prefix)
        if parts.scheme != "https" or not parts.path or not wanted.startswith(prefix):
            continue
        rest = urlsplit(wanted).path.lower()
        # What follows a semicolon in a segment is cut off by some servers before they resolve dots.
        segments = [segment.partition(";")[0] for segment in rest.replace("%2e", ".").split("/")]
        if "%2f" not in rest and "%5c" not in rest and "." not in segments and ".." not in segments:
            return True
    return False


def reply_to(
    request: AuthorizationRequest, client: Client, *, named: bool, pushed_by_authenticated: bool = False
) -> ReplyTo:
    """Check the redirect URI of a request; raises InvalidRequest, to be shown and never sent.

    An unknown response mode is refused here too: there is no way to answer in it (OpenID Connect Core
    3.1.2.6). An omitted `redirect_uri` stands for the only registered one, unless it must be `named`.
    `pushed_by_authenticated` admits the URIs of RFC 9126 2.4, never for public clients (RFC 9126 7.2).
    RFC 6749 3.1.2.3, 3.1.2.4; OpenID Connect Core 3.1.2.1.
    """
    if request.response_mode is not None and request.response_mode not in RESPONSE_MODES:
        raise refusals.RESPONSE_MODE_UNSUPPORTED()
    wanted = request.redirect_uri
    if wanted is None:
        if named or len(client.redirect_uris) != 1:
            raise refusals.REDIRECT_URI_MISSING()
        return ReplyTo(client.redirect_uris[0], *_delivery(request), request.state, given=False)
    relaxed = pushed_by_authenticated and not client.public
    registered = wanted in client.redirect_uris or any(
        matches(r, wanted, client.application_type) for r in client.redirect_uris
    )
    if not registered and not (relaxed and pushed_uri_allowed(client.pushed_redirect_uri_prefixes, wanted)):
        raise refusals.REDIRECT_URI_MISMATCH()
    return ReplyTo(wanted, *_delivery(request), request.state, given=True)


def response_mode(request: AuthorizationRequest) -> str:
    """How to answer, by its full name: the mode asked for, else query, or fragment where tokens come back.

    `jwt` stands for what is the default without it. OAuth 2.0 Multiple Response Types 3.0, 5; JARM 2.3.4.
    """
    asked = request.response_mode
    if asked not in (None, "jwt"):
        return asked
    default = "fragment" if request.response_types & FRONT_CHANNEL else "query"
    return default if asked is None else f"{default}.jwt"


def _delivery(request: AuthorizationRequest) -> tuple[str, bool]:
    """The carrier, and whether the response is a JWT.

    `query` with a token type falls back to fragment so that the refusal itself does not travel in a query.
    """
    carrier, _, jwt = response_mode(request).partition(".")
    if carrier == "query" and not jwt and request.response_types & FRONT_CHANNEL:
        carrier = "fragment"
    return carrier, bool(jwt)
