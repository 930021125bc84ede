"""The login page."""

from __future__ import annotations

import hashlib

from pushgate.directory.local import username_of
from pushgate.endpoints.browser import BrowserAnswer, Stop, session_cookie, session_digest
from pushgate.endpoints.context import new_handle, new_id
from pushgate.endpoints.http import Reply, set_cookie, with_cookies
from pushgate.errors import TemporarilyUnavailable
from pushgate.events import LoginFailed, LoginSucceeded
from pushgate.model import Session, User
from pushgate.protocol.interaction import check_csrf
from pushgate.throttle import Limit
from pushgate.web.browsers import browser_name
from pushgate.web.call import Call
from pushgate.web.interaction.authorization import Visit, visit
from pushgate.web.interaction.own import OWN, OwnVisit, own_visit
from pushgate.web.languages import N_

ATTEMPTS = 10.0  # failed sign-ins for one name from one address before it has to wait
ATTEMPT_RATE = 1 / 6  # per second: ten a minute
ADDRESS_ATTEMPTS = 100.0  # failed sign-ins for any name from one address
ADDRESS_RATE = 1.0  # per second
WRONG = N_("That username and password do not match. Please try again.")
INCOMPLETE = N_("Please enter your username and your password.")


SignIn = Visit | OwnVisit
"""On the way to an authorization response, or to a page of the server."""


async def login_page(call: Call) -> Reply:
    """GET shows the form, or goes on if nobody needs to sign in any more; POST signs in or cancels."""
    here: SignIn = await (own_visit(call) if call.rest == OWN else visit(call))
    if call.request.method == "POST":
        return await here.attempt(_submitted)
    answer = await here.proceed()
    if isinstance(answer.answer, Stop) and answer.answer.page == "login":
        return with_cookies(_form(here, again=answer.answer.again, username=here.login_hint), answer.cookies)
    return here.reply(answer)


async def _submitted(here: SignIn) -> Reply:
    params = here.call.request.form()
    check_csrf(params.get("csrf"), here.csrf)
    if params.get("action") == "cancel":
        return await here.deny()
    username, password = params.get("username", ""), params.get("password", "")
    if not username or not password:
        return _form(here, error=INCOMPLETE, username=username, status=400)
    user = await _verified(here, username, password)
    if user is None:
        return _form(here, error=WRONG, username=username, status=400)
    cookie = await _signed_in(here, user)
    answer = await here.proceed()
    return here.reply(BrowserAnswer(answer.answer, [*answer.cookies, cookie]))


async def _verified(here: SignIn, username: str, password: str) -> User | None:
    """Ask the directory, but not faster than people type. Raises 429."""
    ctx, request = here.call.ctx, here.call.request
    # The spelling that is looked up, so that all spellings of a name share one limit.
    name = hashlib.sha256(username_of(username).encode()).hexdigest()
    limits = (
        Limit(("login", ctx.name, name, request.address), ATTEMPT_RATE, ATTEMPTS),
        Limit(("login-address", ctx.name, request.address), ADDRESS_RATE, ADDRESS_ATTEMPTS),
    )
    now = ctx.now()
    buckets, correlation_id = ctx.services.buckets, here.correlation_id
    try:
        for limit in limits:
            buckets.check(limit, now)
    except TemporarilyUnavailable:
        ctx.emit(LoginFailed("throttled", correlation_id), request)
        raise
    user = await ctx.services.directory.verify(ctx.name, username, password)
    if user is None:
        for limit in limits:
            buckets.count(limit, now)
        ctx.emit(LoginFailed("credentials", correlation_id), request)
    return user


async def _signed_in(here: SignIn, user: User) -> bytes:
    """A new session under a new cookie value; the old one ends (OpenID Connect Core 3.1.2.3)."""
    ctx, browser = here.call.ctx, here.browser
    lifetime = ctx.realm.settings.lifetimes.session
    now = ctx.now()
    session = Session(
        sid=new_id(),
        sub=user.sub,
        username=user.username,
        authenticated_at=now,
        expires_at=int(now) + lifetime,
        browser=browser_name(here.call.request.header(b"user-agent") or ""),
    )
    value = new_handle(ctx.now())
    await ctx.accounts.add_session(session_digest(value), session, replaces=browser.session_digest)
    browser.session, browser.session_digest = session, session_digest(value)
    ctx.emit(LoginSucceeded(user.sub, session.sid, here.correlation_id), here.call.request)
    return set_cookie(session_cookie(ctx), value, secure=ctx.realm.issuer.secure)


def _form(
    here: SignIn, *, error: str | None = None, username: str = "", again: bool = False, status: int = 200
) -> Reply:
    """The form; a hinted or typed name is filled in."""
    return here.call.pages.page(
        "login.html",
        here.call.request,
        here.call.ctx,
        status=status,
        client_name=here.client_name,
        client_host=here.client_host,
        action=here.here,
        csrf=here.csrf,
        username=username,
        error=error,
        stepup=again,
    )
