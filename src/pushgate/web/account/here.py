"""Somebody who is signed in, on a page of their account."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any

from pushgate.endpoints.browser import Browser, browser_of
from pushgate.endpoints.http import Reply, with_cookies
from pushgate.model import Session
from pushgate.protocol.interaction import check_csrf, csrf_token, known_enough
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

    @property
    def fresh(self) -> bool:
        """Signed in a moment ago."""
        return known_enough(self.session, self.call.ctx.now(), max_age=FRESH)

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
    """Who is here; or the way to the login page, and back to this page. `fresh`: a moment ago."""
    browser = await browser_of(call.ctx, call.request)
    session, max_age = browser.session, FRESH if fresh else None
    if session is not None and known_enough(session, call.ctx.now(), max_age=max_age):
        return Here(call, browser, session)
    return sign_in_first(call, ACCOUNT + below, max_age=max_age)
