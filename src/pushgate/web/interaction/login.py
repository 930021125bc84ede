"""The login page: one address for every step of a sign-in; which step it shows follows from what was done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pushgate import refusals
from pushgate.endpoints import flow
from pushgate.endpoints.browser import BrowserAnswer, GoTo, Stop
from pushgate.endpoints.factors import passkey_request, use_passkey, use_totp, username_of
from pushgate.endpoints.http import Reply, with_cookies
from pushgate.errors import OAuthError, TemporarilyUnavailable
from pushgate.events import LoginFailed
from pushgate.protocol.interaction import Login, check_csrf
from pushgate.protocol.journey import CannotReach, Done, EnrolPasskey, EnrolTotp, Passkey, Password, Step, Totp
from pushgate.protocol.params import Params
from pushgate.throttle import Limit
from pushgate.web.call import Call
from pushgate.web.enrol.passkey import confirm_passkey, passkey_form
from pushgate.web.enrol.totp import confirm_totp, totp_form
from pushgate.web.interaction.authorization import Visit, visit
from pushgate.web.interaction.guessing import address_limits, code_limits, password_limits
from pushgate.web.interaction.own import OWN, own_visit
from pushgate.web.interaction.progress import SignIn, Standing, forget, proved, standing, step_of
from pushgate.web.languages import N_

WRONG = N_("That username and password do not match. Please try again.")
INCOMPLETE = N_("Please enter your username and your password.")
WRONG_CODE = N_("That code is not right, or it was used already. Please wait for the next one and try again.")
WRONG_PASSKEY = N_("That passkey cannot be used here. Please try again, or sign in in another way.")
WRONG_NEW_PASSKEY = N_("That passkey could not be saved. Please try again.")
SCRIPTS = ("passkey.js",)


async def login_page(call: Call) -> Reply:
    """GET shows the next step, or goes on if nobody needs to sign in any more; POST takes the step, or cancels."""
    here: SignIn = await (own_visit(call) if call.rest == OWN else visit(call))
    if call.request.method == "POST":
        return await here.attempt(_submitted)
    answer = await here.proceed()
    if isinstance(answer.answer, Stop) and answer.answer.login is not None:
        return with_cookies(await _show(here, answer.answer.login), answer.cookies)
    return here.reply(answer)


async def _submitted(here: SignIn) -> Reply:
    params = here.call.request.form()
    check_csrf(params.get("csrf"), here.csrf)
    action = params.get("action")
    if action == "cancel":
        return await here.deny()
    if action == "restart":
        return await _another(here)
    form = FORMS.get(params.get("step", "password"))
    if form is None:
        return here.reply(BrowserAnswer(GoTo(here.here)))
    try:
        login = await here.missing()
    except OAuthError:
        return here.reply(await here.proceed())
    # A session that began meanwhile in another tab does not keep a form from being looked at.
    return await form(here, login or Login(again=here.browser.session is not None), params)


# --- The steps ------------------------------------------------------------------------------------------------


async def _password(here: SignIn, login: Login, params: Params) -> Reply:
    username, password = params.get("username", ""), params.get("password", "")
    if not username or not password:
        return await _password_page(here, login, username=username, error=INCOMPLETE)
    limits = password_limits(here.call.ctx, here.call.request, username)
    _within(here, limits)
    user = await here.call.ctx.services.directory.verify(here.call.ctx.name, username, password)
    if user is None:
        _failed(here, limits, "credentials")
        return await _password_page(here, login, username=username, error=WRONG)
    return await proved(here, login, user.sub, user.username, "pwd", user)


async def _code(here: SignIn, login: Login, params: Params) -> Reply:
    now = await standing(here, login)
    if now is None or not isinstance(await step_of(here, now), Totp):
        return here.reply(BrowserAnswer(GoTo(here.here)))
    limits = code_limits(here.call.ctx, here.call.request, now.sub, now.username)
    _within(here, limits)
    if not await use_totp(here.call.ctx, now.sub, params.get("code", "")):
        _failed(here, limits, "totp")
        return await _show(here, login, error=WRONG_CODE)
    return await proved(here, login, now.sub, now.username, "otp")


async def _passkey(here: SignIn, login: Login, params: Params) -> Reply:
    ctx = here.call.ctx
    limits = address_limits(ctx, here.call.request)
    _within(here, limits)
    used = await use_passkey(ctx, _purpose(here), here.browser.value, params.get("credential", ""))
    username = None if used is None else await username_of(ctx, used[0])
    if used is None or username is None:
        _failed(here, limits, "passkey")
        return await _show(here, login, error=WRONG_PASSKEY)
    return await proved(here, login, used[0], username, used[1])


async def _new_totp(here: SignIn, login: Login, params: Params) -> Reply:
    now = await standing(here, login)
    if now is None or not isinstance(await step_of(here, now), EnrolTotp):
        return here.reply(BrowserAnswer(GoTo(here.here)))
    if await confirm_totp(here.call, here.browser, now.sub, params) is None:
        return await _show(here, login, error=WRONG_CODE, sent=params)
    return await proved(here, login, now.sub, now.username, "otp")


async def _new_passkey(here: SignIn, login: Login, params: Params) -> Reply:
    now = await standing(here, login)
    if now is None or not isinstance(await step_of(here, now), EnrolPasskey):
        return here.reply(BrowserAnswer(GoTo(here.here)))
    made = await confirm_passkey(here.call, here.browser, now.sub, params)
    if made is None:
        return await _show(here, login, error=WRONG_NEW_PASSKEY)
    return await proved(here, login, now.sub, now.username, made[1])


async def _selected(here: SignIn, login: Login, params: Params) -> Reply:
    """Go on with the session's account, or let another one sign in. OpenID Connect Core 3.1.2.1."""
    session = here.browser.session
    if params.get("account") == "another":
        return await _another(here)
    if session is not None and isinstance(here, Visit) and login.select:
        await flow.select(here.call.ctx, here.id, session)
    return here.reply(await here.proceed())


async def _another(here: SignIn) -> Reply:
    """Somebody else wants to sign in. The session stays until they have."""
    cookie = await forget(here)
    page = await _first_page(here, Login(other=True), await step_of(here, None), None)
    return page.with_cookie(cookie)


FORMS: dict[str, Callable[[SignIn, Login, Params], Awaitable[Reply]]] = {
    "password": _password,
    "totp": _code,
    "passkey": _passkey,
    "enrol-totp": _new_totp,
    "enrol-passkey": _new_passkey,
    "select": _selected,
}


def _within(here: SignIn, limits: tuple[Limit, ...]) -> None:
    """Not faster than people type. Raises TemporarilyUnavailable (429)."""
    ctx = here.call.ctx
    try:
        for limit in limits:
            ctx.services.buckets.check(limit, ctx.now())
    except TemporarilyUnavailable:
        ctx.emit(LoginFailed("throttled", here.correlation_id), here.call.request)
        raise


def _failed(here: SignIn, limits: tuple[Limit, ...], reason: str) -> None:
    ctx = here.call.ctx
    for limit in limits:
        ctx.services.buckets.count(limit, ctx.now())
    ctx.emit(LoginFailed(reason, here.correlation_id), here.call.request)


# --- The pages ------------------------------------------------------------------------------------------------


async def _show(here: SignIn, login: Login, *, error: str | None = None, sent: Params | None = None) -> Reply:
    """The page of the next step."""
    session = here.browser.session
    if login.select and session is not None and error is None:
        return _page(here, "select_account.html", None, username=session.username)
    now = await standing(here, login)
    step = await step_of(here, now)
    if isinstance(step, CannotReach):
        return await here.give_up(refusals.ACR_UNMET())
    if now is None or isinstance(step, Password | Done):
        return await _first_page(here, login, step, error)
    return await _further_page(here, now, step, error, sent)


async def _first_page(here: SignIn, login: Login, step: Step, error: str | None) -> Reply:
    if isinstance(step, Passkey):
        return _page(here, "passkey.html", error, username=None, options=await _options(here, None))
    username = here.login_hint or (here.browser.session.username if login.again and here.browser.session else "")
    return await _password_page(here, login, username=username, error=error, step=step)


async def _password_page(
    here: SignIn, login: Login, *, username: str = "", error: str | None = None, step: Step | None = None
) -> Reply:
    """The form; a hinted or typed name is filled in. Anybody who has a passkey may use it, where that is a way."""
    step = step or await step_of(here, None)
    usable = isinstance(step, Password) and step.or_passkey
    options = await _options(here, None) if usable else None
    return _page(here, "login.html", error, username=username, stepup=login.again, options=options)


async def _further_page(here: SignIn, now: Standing, step: Step, error: str | None, sent: Params | None) -> Reply:
    if isinstance(step, Totp):
        return _page(here, "second_factor.html", error, username=now.username)
    if isinstance(step, Passkey):
        return _page(here, "passkey.html", error, username=now.username, options=await _options(here, now.sub))
    if isinstance(step, EnrolTotp):
        form = totp_form(here.call, here.browser, now.sub, now.username, sent)
        return _page(here, "enrol_totp.html", error, username=now.username, **form)
    form = await passkey_form(here.call, here.browser, now.sub, now.username)
    return _page(here, "enrol_passkey.html", error, username=now.username, **form)


def _page(here: SignIn, template: str, error: str | None, **values: Any) -> Reply:
    return here.call.pages.page(
        template,
        here.call.request,
        here.call.ctx,
        status=400 if error else 200,
        scripts=SCRIPTS,
        client_name=here.client_name,
        client_host=here.client_host,
        action=here.here,
        csrf=here.csrf,
        error=error,
        **values,
    )


async def _options(here: SignIn, sub: str | None) -> str | None:
    return await passkey_request(here.call.ctx, _purpose(here), here.browser.value, sub)


def _purpose(here: SignIn) -> str:
    return f"get {here.id}"
