"""Signing in for a page of the server itself: the same login page, with a path of ours to go on to after it.

Nothing is stored: where to go and what the page wants stand in the query, and the page looks again when the browser
arrives. Whoever makes up such a link only gets to sign in, and to one of `DESTINATIONS` after it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from pushgate import refusals
from pushgate.endpoints.browser import Browser, BrowserAnswer, GoTo, Stop, browser_of, still_there
from pushgate.endpoints.factors import passkeys_work
from pushgate.endpoints.http import Reply
from pushgate.errors import OAuthError
from pushgate.model import AuthenticationContext
from pushgate.protocol.interaction import Login, csrf_token, interaction_id
from pushgate.protocol.journey import Demand, journey_of, satisfied
from pushgate.protocol.params import parse_form
from pushgate.web.call import Call
from pushgate.web.pages import redirect

DESTINATIONS = frozenset(
    {"/oauth2/account", "/oauth2/account/password", "/oauth2/account/totp", "/oauth2/account/passkey"}
)
"""The pages that ask for a sign-in, as paths below the issuer."""
OWN = "own"
"""Stands in the login page's path where an interaction's id would; those are longer."""
MAX_AGES = range(1, 86_401)  # seconds


def sign_in_first(call: Call, path: str, *, max_age: int | None = None, amr: tuple[str, ...] = ()) -> Reply:
    """Send the browser to the login page, and to `path` after it: one of DESTINATIONS, below the issuer.

    `max_age` (seconds, at least 1) and `amr` are what the page wants of the sign-in; ask `known_enough` with the same
    values whether there is need to. Raises ValueError for a path that is not in the set.
    """
    if path not in DESTINATIONS or (max_age is not None and max_age not in MAX_AGES):
        raise ValueError(path, max_age)
    return redirect(_login_path(call, path, max_age, amr))


def _login_path(call: Call, path: str, max_age: int | None, amr: tuple[str, ...]) -> str:
    wanted = {"to": path, "max_age": max_age, "amr": " ".join(amr)}
    query = urlencode({name: value for name, value in wanted.items() if value}, quote_via=quote, safe="/")
    return f"{call.ctx.realm.issuer.path}/oauth2/login/{OWN}?{query}"


@dataclass(frozen=True, slots=True)
class OwnVisit:
    """A browser that signs in for a page of the server. It has what a Visit has, but no client waits for it."""

    call: Call
    id: str
    browser: Browser
    csrf: str
    path: str
    max_age: int | None
    amr: tuple[str, ...]
    client_name: None = None
    client_host: None = None
    correlation_id: None = None
    login_hint: str = ""

    @property
    def here(self) -> str:
        """The path of the login page for this visit."""
        return _login_path(self.call, self.path, self.max_age, self.amr)

    @property
    def demand(self) -> Demand:
        """What the sign-in has to be: the realm's journey, and what the page wants."""
        settings = self.call.ctx.realm.settings
        contexts = (AuthenticationContext(acr="", amr=self.amr),) if self.amr else ()
        journey = journey_of(None, None, settings.default_journey, settings.journeys)
        return Demand(journey, contexts, strict=True, passkeys=passkeys_work(self.call.ctx))

    @property
    def since(self) -> float:
        """From when on a method counts that was used."""
        return 0.0 if self.max_age is None else self.call.ctx.now() - self.max_age

    async def missing(self) -> Login | None:
        """Whether somebody has to sign in."""
        session = await still_there(self.call.ctx, self.browser.session)
        used = [name for name, when in session.used.items() if when >= self.since] if session is not None else []
        return None if satisfied(self.demand, used) else Login(again=session is not None)

    async def proceed(self) -> BrowserAnswer:
        """On to the page, or to the login page."""
        login = await self.missing()
        if login is None:
            return BrowserAnswer(GoTo(self.call.ctx.realm.issuer.path + self.path), self.browser.cookies)
        return BrowserAnswer(Stop(self.here, "login", (), login), self.browser.cookies)

    async def attempt(self, step: Callable[[OwnVisit], Awaitable[Reply]]) -> Reply:
        """Carry out a form."""
        return await step(self)

    async def deny(self) -> Reply:
        """The user does not want to sign in: there is nowhere to go on to but the front page."""
        return redirect(f"{self.call.ctx.realm.issuer.path}/")

    async def give_up(self, error: OAuthError) -> Reply:
        """Nothing that the user could do leads on."""
        raise error

    def reply(self, answer: BrowserAnswer) -> Reply:
        """The answer as an HTTP reply."""
        return self.call.pages.answer(self.call.ctx, self.call.request, answer)


async def own_visit(call: Call) -> OwnVisit:
    """What the query of the login page says. Raises InvalidRequest for a link that is not ours."""
    params = parse_form(call.request.query)
    path, age = params.get("to", ""), params.get("max_age")
    if path not in DESTINATIONS or params.repeated or (age is not None and not _sane(age)):
        raise refusals.INTERACTION_UNKNOWN("not one of our pages")
    browser = await browser_of(call.ctx, call.request)
    # One realm's form is not another's, although the browser's value is the same in both.
    identifier = interaction_id(f"own {call.ctx.name} {path}".encode(), browser.value)
    amr = tuple(params.get("amr", "").split())
    csrf = csrf_token(identifier, browser.value)
    return OwnVisit(call, identifier, browser, csrf, path, None if age is None else int(age), amr)


def _sane(age: str) -> bool:
    return age.isascii() and age.isdigit() and len(age) <= 5 and int(age) in MAX_AGES
