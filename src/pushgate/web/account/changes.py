"""Pages that change how a user signs in: a new password, an authenticator app, a passkey. All want a fresh sign-in."""

from __future__ import annotations

from pushgate.directory import OwnPasswords
from pushgate.directory.local import MAX_PASSWORD, normalise
from pushgate.endpoints.factors import passkeys_work
from pushgate.endpoints.http import Reply
from pushgate.events import PasswordChanged
from pushgate.protocol.params import Params
from pushgate.throttle import Limit
from pushgate.web.account.here import Here, signed_in
from pushgate.web.account.overview import end_sessions
from pushgate.web.call import Call
from pushgate.web.enrol.passkey import confirm_passkey, passkey_form
from pushgate.web.enrol.totp import confirm_totp, totp_form
from pushgate.web.languages import N_

MIN_PASSWORD = 12  # characters (NIST SP 800-63B asks for eight at least, fifteen where it stands alone)
TRIES = Limit(("change-password",), 1 / 60, 5.0)  # wrong guesses of the current password: five, then one a minute

WRONG_PASSWORD = N_("That is not your current password.")
DIFFERENT = N_("The two new passwords are not the same.")
TOO_SHORT = N_("Please choose a password of at least 12 characters. A few words that only you put together are good.")
TOO_LONG = N_("Please choose a password of at most 1024 characters.")
WRONG_CODE = N_("That code is not right, or too old. Please type the one that the app shows now.")
NO_PASSKEY = N_("No passkey was made. You can try again.")
SCRIPTS = ("passkey.js",)


async def password_page(call: Call) -> Reply:
    """A new password, where the directory keeps passwords."""
    here = await signed_in(call, "/password", fresh=True)
    if isinstance(here, Reply):
        return here
    directory = call.ctx.services.directory
    if not isinstance(directory, OwnPasswords):
        return here.back()
    if call.request.method != "POST":
        return here.page("account_password.html", error=None, applications=True)
    params = here.form()
    if params.get("action") == "cancel":
        return here.back()
    current, new, again = (params.get(name, "") for name in ("current", "new", "again"))
    applications = params.get("applications") == "on"
    problem = _password_problem(new, again) or await _changed(here, directory, current, new)
    if problem is not None:
        return here.page("account_password.html", status=400, error=problem, applications=applications)
    await end_sessions(here, lambda sid: sid != here.session.sid)
    if applications:
        await call.ctx.grants.revoke_all(here.session.sub)
    call.ctx.emit(PasswordChanged(here.session.sub, tokens_revoked=applications), call.request)
    return here.back("password")


def _password_problem(new: str, again: str) -> str | None:
    if normalise(new) != normalise(again):
        return DIFFERENT
    if len(normalise(new)) < MIN_PASSWORD:
        return TOO_SHORT
    return TOO_LONG if len(normalise(new)) > MAX_PASSWORD else None


async def _changed(here: Here, directory: OwnPasswords, current: str, new: str) -> str | None:
    """Change it, but not faster than people type. Raises TemporarilyUnavailable."""
    ctx, sub = here.call.ctx, here.session.sub
    limit = Limit((*TRIES.key, ctx.name, sub), TRIES.rate, TRIES.burst)
    ctx.services.buckets.check(limit, ctx.now())
    if await directory.change_password(ctx.name, sub, current, new):
        return None
    ctx.services.buckets.count(limit, ctx.now())
    return WRONG_PASSWORD


async def totp_page(call: Call) -> Reply:
    """An authenticator app."""
    here = await signed_in(call, "/totp", fresh=True)
    if isinstance(here, Reply):
        return here
    if call.request.method != "POST":
        return _totp_form(here)
    params = here.form()
    if params.get("action") == "cancel":
        return here.back()
    if await confirm_totp(call, here.browser, here.session.sub, params) is None:
        return _totp_form(here, params)
    await here.has_used("otp")
    return here.back("totp")


def _totp_form(here: Here, sent: Params | None = None) -> Reply:
    form = totp_form(here.call, here.browser, here.session.sub, here.session.username, sent)
    error = None if sent is None else WRONG_CODE
    return here.page("account_totp.html", status=400 if error else 200, error=error, action=here.path("/totp"), **form)


async def passkey_page(call: Call) -> Reply:
    """A passkey."""
    here = await signed_in(call, "/passkey", fresh=True)
    if isinstance(here, Reply):
        return here
    if not passkeys_work(call.ctx):
        return here.back()
    if call.request.method != "POST":
        return await _passkey_form(here)
    params = here.form()
    if params.get("action") == "cancel":
        return here.back()
    made = await confirm_passkey(call, here.browser, here.session.sub, params)
    if made is None:
        return await _passkey_form(here, NO_PASSKEY)
    await here.has_used(made[1])
    return here.back("passkey")


async def _passkey_form(here: Here, error: str | None = None) -> Reply:
    form = await passkey_form(here.call, here.browser, here.session.sub, here.session.username)
    return here.page(
        "account_passkey.html",
        status=400 if error else 200,
        error=error,
        action=here.path("/passkey"),
        scripts=SCRIPTS,
        **form,
    )
