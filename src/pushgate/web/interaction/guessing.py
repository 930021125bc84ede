"""How often somebody may guess a password or a code, and what keeps a stranger from locking the owner out.

Wrong passwords are counted for the name from one address, for the address, and for the name from anywhere. A browser
that this user has signed in with has a budget of its own and none of the others, so strangers who guess slow down
strangers alone. Nothing here looks at whether the name exists.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from pushgate.directory.local import username_of
from pushgate.endpoints.browser import cookie_name
from pushgate.endpoints.context import Context
from pushgate.endpoints.http import Request, set_cookie
from pushgate.throttle import Limit

ATTEMPTS = 10.0  # failed sign-ins for one name from one address, or from a browser that is known
ATTEMPT_RATE = 1 / 6  # per second: ten a minute
ADDRESS_ATTEMPTS = 100.0  # failed sign-ins for any name from one address
ADDRESS_RATE = 1.0  # per second
NAME_ATTEMPTS = 50.0  # failed sign-ins for one name from anywhere
NAME_RATE = 1 / 30  # per second: two a minute
CODES = 5.0  # wrong codes of one account; only who knows the password gets that far
CODE_RATE = 1 / 300  # per second: one in five minutes
KNOWN_FOR = 15_552_000  # seconds: 180 days


def password_limits(ctx: Context, request: Request, username: str) -> tuple[Limit, ...]:
    """What a failed sign-in with this name counts against."""
    # The spelling that is looked up, so that all spellings of a name share one limit.
    name = _digest(username)
    known = known_browser(ctx, request, username)
    if known is not None:
        return (Limit(("login-known", ctx.name, name, known), ATTEMPT_RATE, ATTEMPTS),)
    return (
        Limit(("login", ctx.name, name, request.address), ATTEMPT_RATE, ATTEMPTS),
        *address_limits(ctx, request),
        Limit(("login-name", ctx.name, name), NAME_RATE, NAME_ATTEMPTS),
    )


def address_limits(ctx: Context, request: Request) -> tuple[Limit, ...]:
    """What counts where no name was typed."""
    return (Limit(("login-address", ctx.name, request.address), ADDRESS_RATE, ADDRESS_ATTEMPTS),)


def code_limits(ctx: Context, request: Request, sub: str, username: str) -> tuple[Limit, ...]:
    """What a wrong code counts against: the account, in whatever session; a known browser has its own budget."""
    known = known_browser(ctx, request, username)
    key = ("codes", ctx.name, sub) if known is None else ("codes-known", ctx.name, sub, known)
    return (Limit(key, CODE_RATE, CODES),)


def known_browser(ctx: Context, request: Request, username: str) -> str | None:
    """The mark of a browser that this user has signed in with; None for another one."""
    mark, _, code = request.cookies().get(_cookie(ctx), "").partition(".")
    if not mark.isascii() or not hmac.compare_digest(code.encode(), _code(ctx, username, mark).encode()):
        return None
    return mark


def remember_browser(ctx: Context, request: Request, username: str) -> list[bytes]:
    """The cookie that makes the browser known; nothing where it is. It lets nobody in."""
    if known_browser(ctx, request, username) is not None:
        return []
    mark = secrets.token_urlsafe(16)
    value = f"{mark}.{_code(ctx, username, mark)}"
    return [set_cookie(_cookie(ctx), value, secure=ctx.realm.issuer.secure, max_age=KNOWN_FOR)]


def _cookie(ctx: Context) -> str:
    return cookie_name(ctx, f"known-{ctx.name}")


def _code(ctx: Context, username: str, mark: str) -> str:
    key = ctx.services.seal.derive(b"known browser")
    return hmac.digest(key, f"{ctx.name}\0{_digest(username)}\0{mark}".encode(), hashlib.sha256).hex()


def _digest(username: str) -> str:
    return hashlib.sha256(username_of(username).encode()).hexdigest()
