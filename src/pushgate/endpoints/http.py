"""A request and a reply, free of any web framework, so that the endpoints can live in any application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

import msgspec

from pushgate import refusals
from pushgate.errors import InvalidRegistrationToken, NoRegistrationToken, NoToken, OAuthError
from pushgate.protocol import dpop
from pushgate.protocol.mtls import Certificate
from pushgate.protocol.params import Params, parse_form, parse_json

Header = tuple[bytes, bytes]

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
NO_STORE: tuple[Header, ...] = ((b"cache-control", b"no-cache, no-store"), (b"pragma", b"no-cache"))


def no_certificate() -> Certificate | None:
    """A connection without a client certificate."""
    return None


class Request(msgspec.Struct):
    """What an endpoint may look at."""

    method: str
    path: str
    query: bytes
    headers: list[Header]
    body: bytes
    address: str
    """The client's address: the peer, or what a trusted proxy says."""
    id: str
    endpoint: str = ""
    claimed_client: str | None = None
    """Who the request says it is from, for the log; set as soon as it is known."""
    correlation_id: str | None = None
    certificate: Callable[[], Certificate | None] = no_certificate
    """The client's certificate, read when it is asked for; None without one. Raises InvalidClient (RFC 8705 2)."""
    ui_locales: tuple[str, ...] = ()
    """The languages that the client asks a page to be in, best first; set as soon as they are known."""
    display: str | None = None
    """The kind of page that the client asks for (OpenID Connect Core 3.1.2.1)."""
    _by_name: dict[bytes, bytes] | None = None

    def __repr__(self) -> str:
        return f"Request({self.method!r}, {self.id!r})"

    def header(self, name: bytes) -> str | None:
        """A header's value, the last if it is repeated; `name` in lower case."""
        value = self._last().get(name)
        return None if value is None else value.decode("latin-1")

    def header_values(self, name: bytes) -> list[str]:
        """All values of a header; `name` in lower case."""
        if name not in self._last():
            return []
        return [value.decode("latin-1") for key, value in self.headers if key == name]

    def _last(self) -> dict[bytes, bytes]:
        if self._by_name is None:
            self._by_name = dict(self.headers)
        return self._by_name

    def form(self) -> Params:
        """The body as a form. Raises InvalidRequest: 415 for another type, 400 for what is no form.

        A request without body and without Content-Type is an empty form.
        """
        content_type = self.header(b"content-type")
        if content_type is None:
            if self.body:
                raise refusals.CONTENT_TYPE()
        elif content_type != FORM and content_type.partition(";")[0].strip().lower() != FORM:
            raise refusals.CONTENT_TYPE()
        return parse_form(self.body)

    def machine_form(self, *, json: bool = False) -> Params:
        """The form of a machine endpoint. Which client it is must be clear; raises InvalidRequest if not.

        Other repeated parameters are refused after the client is known (`Params.reject_repeated`). With `json` it
        may be a JSON object.
        """
        params = parse_json(self.body) if json and self._is_json() else self.form()
        self.claimed_client = params.get("client_id")
        if params.repeated:
            params.reject_repeated("client_id", "client_secret", "client_assertion", "client_assertion_type")
        return params

    def _is_json(self) -> bool:
        return (self.header(b"content-type") or "").partition(";")[0].strip().lower() == JSON

    def cookies(self) -> Mapping[str, str]:
        """The cookies; of two with one name the first counts."""
        found: dict[str, str] = {}
        for raw in self.header_values(b"cookie"):
            for part in raw.split(";"):
                name, _, value = part.strip().partition("=")
                found.setdefault(name, value)
        return found


class Reply(msgspec.Struct):
    """What goes back."""

    status: int
    body: bytes = b""
    headers: list[Header] = []

    def __repr__(self) -> str:
        return f"Reply({self.status})"

    def with_cookie(self, cookie: bytes) -> Reply:
        """Add a Set-Cookie header."""
        self.headers.append((b"set-cookie", cookie))
        return self


def with_cookies(reply: Reply, cookies: list[bytes]) -> Reply:
    """Add Set-Cookie headers."""
    for cookie in cookies:
        reply.with_cookie(cookie)
    return reply


_encoder = msgspec.json.Encoder()


def json_reply(document: Any, status: int = 200, headers: tuple[Header, ...] = NO_STORE) -> Reply:
    """A JSON reply, not cacheable unless `headers` say so."""
    return Reply(status, _encoder.encode(document), [(b"content-type", b"application/json"), *headers])


def error_reply(error: OAuthError, realm: str = "pushgate", algs: tuple[str, ...] = dpop.ALGS) -> Reply:
    """The JSON form of a refusal, with the challenge that a 401 must carry; `algs` are those of DPoP proofs.

    RFC 6749 5.2, RFC 6750 3, RFC 9126 2.3.
    """
    document = {"error": error.code, "error_description": error.description}
    reply = json_reply(document, error.status)
    reply.headers.append((b"pushgate-refusal", error.refusal.id.encode()))
    reply.headers += [(b"www-authenticate", challenge.encode()) for challenge in _challenges(error, realm, algs)]
    if error.dpop_nonce is not None:
        reply.headers.append((b"dpop-nonce", error.dpop_nonce.encode()))
    if error.retry_after is not None:
        reply.headers.append((b"retry-after", str(error.retry_after).encode()))
    return reply


def _challenges(error: OAuthError, realm: str, algs: tuple[str, ...]) -> list[str]:
    """How to come again: the scheme that was tried has the error, at a resource the other one is offered too.

    RFC 6750 3, RFC 9449 7.1, RFC 6749 5.2.
    """
    told = f'error="{error.code}", error_description="{error.description}"'
    signed = f'algs="{" ".join(algs)}"'
    if error.at_resource:
        return [f'DPoP realm="{realm}", {told}, {signed}']
    if isinstance(error, NoRegistrationToken):
        return [f'Bearer realm="{realm}"']
    if isinstance(error, InvalidRegistrationToken):
        return [f'Bearer realm="{realm}", {told}']
    if isinstance(error, NoToken):
        return [f'Bearer realm="{realm}"', f'DPoP realm="{realm}", {signed}']
    if error.code in ("invalid_token", "insufficient_scope"):
        return [f'Bearer realm="{realm}", {told}', f'DPoP realm="{realm}", {told}, {signed}']
    return [f'Basic realm="{realm}", charset="UTF-8"'] if error.status == 401 else []


def set_cookie(name: str, value: str, *, secure: bool, max_age: int | None = None, scripts: bool = False) -> bytes:
    """A Set-Cookie value: HttpOnly, SameSite=Lax, for the whole host. `max_age` in seconds; 0 deletes.

    With `scripts` a page of ours may read it that another site frames: without TLS only one of the same site.
    """
    cookie = SimpleCookie()
    try:
        cookie[name] = value
    except CookieError as problem:  # names and values are ours
        raise ValueError(name) from problem
    morsel = cookie[name]
    morsel["path"] = "/"
    morsel["samesite"], morsel["httponly"] = "None" if scripts and secure else "Lax", not scripts
    if secure:
        morsel["secure"] = True
    if max_age is not None:
        morsel["max-age"] = str(max_age)
    return morsel.OutputString().encode()
