"""Somebody who is signed in, on a page of their account."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any

import msgspec

from pushgate.endpoints.browser import Browser, browser_of, still_there
from pushgate.endpoints.factors import enrolled_by
from pushgate.endpoints.http import Reply, with_cookies
from pushgate.model import Session
from pushgate.protocol.interaction import check_csrf, csrf_token, known_enough
from pushgate.protocol.journey import MFA, full_amr
from pushgate.protocol.params import Params
from pushgate.web.call import Call
from pushgate.web.interaction.own import sign_in_first
from pushgate.web.pages import redirect

ACCOUNT = "/oauth2/account"
FRESH = 600  # seconds since the sign-in, within which a user may change how they sign in


@dataclass(frozen=True, slots=True)
class Here:
    """A signed-in browser at a page of the account."""

    call: Call
    browser: Browser
    session: Session

    @property
    def csrf(self) -> str:
        """The anti-forgery value of the account's forms: of this session, in this browser, in this realm."""
        return csrf_token(f"account {self.call.ctx.name} {self.session.sid}", self.browser.value)

    async def fresh_first(self, below: str = "") -> Reply | None:
        """The way to the login page, unless the user signed in a moment ago, with a second factor if they have one.

        Otherwise whoever knows the password alone could take the factors away that keep them out.
        """
        ctx = self.call.ctx
        amr = (MFA,) if await enrolled_by(ctx, self.session.sub) else ()
        if known_enough(self.session, ctx.now(), max_age=FRESH, amr=amr):
            return None
        return sign_in_first(self.call, ACCOUNT + below, max_age=FRESH, amr=amr)

    async def has_used(self, name: str) -> None:
        """A factor that was set up just now was used by that (RFC 8176 name); the session goes on with it."""
        ctx, methods = self.call.ctx, {**self.session.used, name: self.call.ctx.now()}
        after = msgspec.structs.replace(self.session, methods=methods, amr=full_amr(methods))
        if self.browser.session_digest is not None:
            await ctx.accounts.update_session(self.browser.session_digest, after)

    def form(self) -> Params:
        """The form that was sent from one of our pages. Raises AccessDenied."""
        params = self.call.request.form()
        check_csrf(params.get("csrf"), self.csrf)
        return params

    def path(self, below: str = "") -> str:
        """A page of the account, as a path on this host."""
        return f"{self.call.ctx.realm.issuer.path}{ACCOUNT}{below}"

    def page(self, template: str, **values: Any) -> Reply:
        """Show a page."""
        return with_cookies(
            self.call.pages.page(
                template,
                self.call.request,
                self.call.ctx,
                username=self.session.username,
                csrf=self.csrf,
                account=self.path(),
                **values,
            ),
            self.browser.cookies,
        )

    def back(self, done: str | None = None) -> Reply:
        """To the overview, which says what was done."""
        return redirect(self.path() + ("" if done is None else f"?done={done}.{self._proof(done)}"))

    def done(self, query: Params) -> str:
        """What was done, if it was: nobody else can make a link to a page that says so."""
        name, _, proof = query.get("done", "").partition(".")
        return name if hmac.compare_digest(proof.encode(), self._proof(name).encode()) else ""

    def _proof(self, done: str) -> str:
        return csrf_token(f"done {done} {self.session.sid}", self.browser.value)


async def signed_in(call: Call, below: str = "", *, fresh: bool = False) -> Here | Reply:
    """Who is here; or the way to the login page, and back to this page. `fresh`: see Here.fresh_first."""
    browser = await browser_of(call.ctx, call.request)
    session = await still_there(call.ctx, browser.session)
    if session is None or not known_enough(session, call.ctx.now()):
        return sign_in_first(call, ACCOUNT + below, max_age=FRESH if fresh else None)
    here = Here(call, browser, session)
    return (await here.fresh_first(below) if fresh else None) or here
