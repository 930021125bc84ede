"""How far a sign-in is: what counts of the session, what was just shown, the next step, and the session at the end.

Between the first factor and the last there is no session. What was right so far is a row of the transient store, good
for this browser, this sign-in and a few minutes; the browser has its handle in a cookie.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from pushgate import refusals
from pushgate.endpoints.browser import BrowserAnswer, GoTo, cookie_name, session_cookie
from pushgate.endpoints.context import Context, new_handle, new_id
from pushgate.endpoints.endings import end_session
from pushgate.endpoints.factors import enrolled_by, username_of
from pushgate.endpoints.http import Reply, set_cookie
from pushgate.endpoints.session_state import state_cookies
from pushgate.events import LoginSucceeded
from pushgate.model import Record, Session, User
from pushgate.protocol.interaction import Login, session_digest
from pushgate.protocol.journey import (
    ENROL_WITHIN,
    CannotReach,
    Done,
    Step,
    full_amr,
    methods_of,
    next_step,
)
from pushgate.store.ports import First
from pushgate.web.browsers import browser_name
from pushgate.web.interaction.authorization import Visit
from pushgate.web.interaction.guessing import remember_browser
from pushgate.web.interaction.own import OwnVisit

SignIn = Visit | OwnVisit
"""On the way to an authorization response, or to a page of the server."""

HALF_LIFE = 600  # seconds from the first factor to the last


class HalfSignedIn(Record, frozen=True):
    """Somebody who got a part of a journey right. It is no session: it is good for the rest of that sign-in alone."""

    sub: str
    username: str
    methods: dict[str, float]  # as in Session
    interaction: str
    browser: bytes  # digest of the value of the browser's cookie
    password: bytes  # digest of the hash that the password was checked against
    expires_at: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Who it is, and which methods count that they have used (RFC 8176 names to times)."""

    sub: str
    username: str
    methods: dict[str, float]
    half: HalfSignedIn | None = None
    key: bytes | None = None
    """Where `half` is kept."""


async def standing(here: SignIn, login: Login) -> Standing | None:
    """What counts so far; None where nobody is known. The session does not count where somebody else has to sign in."""
    ctx, session = here.call.ctx, None if login.other else here.browser.session
    earliest = max(here.since, ctx.now() - ctx.realm.settings.lifetimes.session)
    half, key = await _half(here)
    used: dict[str, float] = {}
    if session is not None and (half is None or half.sub == session.sub):
        used |= session.used
    if half is not None:
        used |= half.methods
    used = {name: when for name, when in used.items() if when >= earliest}
    if half is not None:
        return Standing(half.sub, half.username, used, half, key)
    return None if session is None else Standing(session.sub, session.username, used)


async def step_of(here: SignIn, now: Standing | None) -> Step:
    """What comes next."""
    if now is None:
        return next_step(here.demand, (), frozenset())
    recent = any(here.call.ctx.now() - when <= ENROL_WITHIN for when in now.methods.values())
    enrolled = await enrolled_by(here.call.ctx, now.sub)
    return next_step(here.demand, now.methods, enrolled, recent=recent)


async def proved(here: SignIn, login: Login, sub: str, username: str, name: str, user: User | None = None) -> Reply:
    """Somebody has just used a method: on to the next step, or into the session.

    What they had shown before counts if they are the same; it is used up here, and one request alone goes on from it.
    """
    ctx = here.call.ctx
    before = await standing(here, login)
    if before is None or before.sub != sub:
        before = Standing(sub, username, {})
    if before.key is not None and not isinstance(await ctx.transient.consume("half", before.key), First):
        return here.reply(BrowserAnswer(GoTo(here.here)))
    shown = {**(before.half.methods if before.half else {}), name: ctx.now()}
    now = Standing(sub, before.username, {**before.methods, **shown})
    step = await step_of(here, now)
    if isinstance(step, CannotReach):
        return await here.give_up(refusals.ACR_UNMET())
    if isinstance(step, Done):
        return await _signed_in(here, now)
    password = _proof(user) if user is not None else before.half.password if before.half else b""
    cookie = await _keep(here, HalfSignedIn(
        sub=sub, username=before.username, methods=shown, interaction=here.id, browser=_digest(here.browser.value),
        password=password, expires_at=int(ctx.now()) + HALF_LIFE,
    ))  # fmt: skip
    return here.reply(BrowserAnswer(GoTo(here.here), [cookie]))


async def forget(here: SignIn) -> bytes:
    """Forget what was shown so far: somebody else wants to sign in. The cookie that says so."""
    _, key = await _half(here)
    if key is not None:
        await here.call.ctx.transient.consume("half", key)
    return _half_cookie(here.call.ctx, "")


async def _signed_in(here: SignIn, now: Standing) -> Reply:
    """The journey is done. A session under a new cookie value; the old one ends (OpenID Connect Core 3.1.2.3).

    The same user keeps their session's id; the session of another ends, and applications hear of it. A session lives on
    from the last password or passkey, not from a second factor.
    """
    ctx, browser, before = here.call.ctx, here.browser, here.browser.session
    same = before is not None and before.sub == now.sub
    if before is not None and not same:
        await end_session(ctx, before, request=here.call.request, reason="other user")
    identified = [when for name, when in now.methods.items() if methods_of((name,)) != {"totp"}]
    session = Session(
        sid=before.sid if before is not None and same else new_id(),
        sub=now.sub,
        username=now.username,
        authenticated_at=max(now.methods.values()),
        expires_at=int(max(identified, default=ctx.now())) + ctx.realm.settings.lifetimes.session,
        amr=full_amr(now.methods),
        methods=now.methods,
        browser=browser_name(here.call.request.header(b"user-agent") or ""),
    )
    value = new_handle(ctx.now())
    await ctx.accounts.add_session(session_digest(value), session, replaces=browser.session_digest)
    browser.session, browser.session_digest = session, session_digest(value)
    browser.cookies += state_cookies(ctx, session)
    event = LoginSucceeded(now.sub, session.sid, " ".join(session.amr), here.correlation_id)
    ctx.emit(event, here.call.request)
    cookies = [set_cookie(session_cookie(ctx), value, secure=ctx.realm.issuer.secure)]
    if _half_name(ctx) in here.call.request.cookies():
        cookies.append(_half_cookie(ctx, ""))
    cookies += remember_browser(ctx, here.call.request, now.username)
    answer = await here.proceed()
    return here.reply(BrowserAnswer(answer.answer, [*answer.cookies, *cookies]))


# --- Between the first factor and the last ------------------------------------------------------------------


async def _half(here: SignIn) -> tuple[HalfSignedIn | None, bytes | None]:
    """What was shown in this sign-in and is not used up. It ends early with its user, and with their password."""
    ctx = here.call.ctx
    handle = here.call.request.cookies().get(_half_name(ctx))
    if not handle:
        return None, None
    key = ctx.transient.key("half", handle)
    stored = await ctx.transient.get("half", key)
    if stored is None or stored.consumed:
        return None, None
    half = HalfSignedIn.decode(stored.value)
    ours = half.interaction == here.id and half.browser == _digest(here.browser.value)
    if not ours or half.expires_at <= ctx.now() or await username_of(ctx, half.sub) is None:
        return None, None
    if half.password:
        user = await ctx.services.directory.find(ctx.name, half.username)
        if user is None or user.sub != half.sub or half.password != _proof(user):
            return None, None
    return half, key


async def _keep(here: SignIn, half: HalfSignedIn) -> bytes:
    ctx = here.call.ctx
    handle = new_handle(ctx.now())
    await ctx.transient.add("half", ctx.transient.key("half", handle), half.encode(), half.expires_at)
    return _half_cookie(ctx, handle)


def _half_name(ctx: Context) -> str:
    return cookie_name(ctx, f"signing-in-{ctx.name}")


def _half_cookie(ctx: Context, handle: str) -> bytes:
    return set_cookie(_half_name(ctx), handle, secure=ctx.realm.issuer.secure, max_age=HALF_LIFE if handle else 0)


def _proof(user: User) -> bytes:
    """Stands for the password that was checked, so that a new one ends what the old one began."""
    return _digest(user.password_hash or "")


def _digest(text: str) -> bytes:
    return hashlib.sha256(b"signing in\0" + text.encode()).digest()
