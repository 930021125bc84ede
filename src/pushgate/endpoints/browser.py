"""What the browser carries: the session, and the value that ties an interaction to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pushgate.endpoints.context import Context, new_handle
from pushgate.endpoints.http import Request, set_cookie
from pushgate.endpoints.session_state import state_cookies
from pushgate.errors import OAuthError
from pushgate.model import Session
from pushgate.protocol.authorization_response import AuthorizationResponse
from pushgate.protocol.interaction import Login, session_digest

HANDLE_LENGTH = 43


@dataclass(frozen=True, slots=True)
class GoTo:
    """Send the browser to one of our own pages: a path below the host."""

    path: str


@dataclass(frozen=True, slots=True)
class Stop(GoTo):
    """The browser has to stop at a page: somebody must sign in, or agree to `scope`."""

    page: Literal["login", "consent"]
    scope: tuple[str, ...]
    login: Login | None = None
    """Who has to sign in, where that is what is missing."""


@dataclass(frozen=True, slots=True)
class OnPage:
    """Show the person what is wrong, where the product does not tell the client."""

    error: OAuthError


@dataclass(slots=True)
class BrowserAnswer:
    """What a browser gets, and the cookies with it."""

    answer: AuthorizationResponse | GoTo | OnPage
    cookies: list[bytes] = field(default_factory=list, repr=False)
    doubtful: str | None = None
    """The name of a client that nobody vouches for: the person decides whether to go there (RFC 9700 4.11.2)."""


@dataclass(slots=True)
class Browser:
    """A browser as its cookies show it."""

    value: str = field(repr=False)
    session: Session | None
    session_digest: bytes | None = field(repr=False)
    known: bool
    """Whether the browser brought its cookie, or gets a new one with this answer."""
    cookies: list[bytes] = field(default_factory=list, repr=False)


def cookie_name(ctx: Context, what: str) -> str:
    """Over TLS the name binds the cookie to this host (`__Host-`); a session is of one realm."""
    return f"{'__Host-' if ctx.realm.issuer.secure else ''}pushgate-{what}"


def session_cookie(ctx: Context) -> str:
    """The name of the realm's session cookie."""
    return cookie_name(ctx, f"session-{ctx.name}")


async def browser_of(ctx: Context, request: Request) -> Browser:
    """Read the cookies; a browser without our cookie gets one."""
    cookies = request.cookies()
    value = cookies.get(cookie_name(ctx, "browser"), "")
    session, digest = await _session(ctx, cookies.get(session_cookie(ctx)))
    state = state_cookies(ctx, session, cookies)
    if len(value) == HANDLE_LENGTH and value.isascii():
        return Browser(value, session, digest, known=True, cookies=state)
    fresh = new_handle(ctx.now())
    cookie = set_cookie(cookie_name(ctx, "browser"), fresh, secure=ctx.realm.issuer.secure)
    return Browser(fresh, session, digest, known=False, cookies=[cookie, *state])


async def still_there(ctx: Context, session: Session | None) -> Session | None:
    """The session, unless its user is gone or disabled meanwhile. Raises TemporarilyUnavailable.

    Whoever wants to sign out need not be asked about, so that this is no part of `browser_of`.
    """
    if session is None or await ctx.services.directory.claims(ctx.name, session.sub) is None:
        return None
    return session


async def _session(ctx: Context, value: str | None) -> tuple[Session | None, bytes | None]:
    if not value:
        return None, None
    digest = session_digest(value)
    session = await ctx.accounts.session(digest)
    if session is None or session.expires_at <= ctx.now():
        return None, digest
    return session, digest
