"""Pages that change how a user signs in: a new password, an authenticator app, a passkey. All want a fresh sign-in."""

from __future__ import annotations

from pushgate.directory import OwnPasswords
from pushgate.directory.local import MAX_PASSWORD, normalise
from pushgate.endpoints.http import Reply
from pushgate.events import PasswordChanged
from pushgate.model import Credential
from pushgate.throttle import Limit
from pushgate.web.account.here import Here, signed_in
from pushgate.web.account.overview import end_sessions
from pushgate.web.call import Call
from pushgate.web.enrol.passkey import SCRIPT, enrol_passkey, passkey_options, passkeys_possible
from pushgate.web.enrol.totp import enrol_totp, totp_form
from pushgate.web.languages import N_

MIN_PASSWORD = 12  # characters (NIST SP 800-63B asks for eight at least, fifteen where it stands alone)
TRIES = Limit(("change-password",), 1 / 60, 5.0)  # wrong guesses of the current password: five, then one a minute

WRONG_PASSWORD = N_("That is not your current password.")
DIFFERENT = N_("The two new passwords are not the same.")
TOO_SHORT = N_("Please choose a password of at least 12 characters. A few words that only you put together are good.")
TOO_LONG = N_("Please choose a password of at most 1024 characters.")
WRONG_CODE = N_("That code is not right, or too old. Please type the one that the app shows now.")
NO_PASSKEY = N_("No passkey was made. You can try again.")
KNOWN_PASSKEY = N_("This passkey is set up already.")


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
    ctx, session = call.ctx, here.session
    if call.request.method != "POST":
        form = totp_form(ctx, session.sub, session.username)
        return here.page("account_totp.html", form=form, error=None, action=here.path("/totp"))
    params = here.form()
    if params.get("action") == "cancel":
        return here.back()
    if await enrol_totp(ctx, call.request, session.sub, params) is not None:
        return here.back("totp")
    form = totp_form(ctx, session.sub, session.username, params.get("pending"))
    return here.page("account_totp.html", status=400, form=form, error=WRONG_CODE, action=here.path("/totp"))


async def passkey_page(call: Call) -> Reply:
    """A passkey."""
    here = await signed_in(call, "/passkey", fresh=True)
    if isinstance(here, Reply):
        return here
    if not passkeys_possible(call.ctx):
        return here.back()
    if call.request.method != "POST":
        return await _passkey_form(here)
    params = here.form()
    if params.get("action") == "cancel":
        return here.back()
    made = await enrol_passkey(call.ctx, call.request, here.session.sub, params, browser=here.browser.value)
    if not isinstance(made, Credential):
        return await _passkey_form(here, NO_PASSKEY if made == "failed" else KNOWN_PASSKEY)
    return here.back("passkey")


async def _passkey_form(here: Here, error: str | None = None) -> Reply:
    session = here.session
    options = await passkey_options(here.call.ctx, session.sub, session.username, browser=here.browser.value)
    return here.page(
        "account_passkey.html",
        status=200 if error is None else 400,
        options=options,
        error=error,
        action=here.path("/passkey"),
        script=SCRIPT,
    )
