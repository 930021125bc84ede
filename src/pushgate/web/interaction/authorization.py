"""The authorization endpoint as a page sees it, and finding an interaction again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pushgate import refusals
from pushgate.endpoints import flow
from pushgate.endpoints.authorize import authorize
from pushgate.endpoints.browser import Browser, BrowserAnswer, browser_of
from pushgate.endpoints.http import Reply
from pushgate.errors import OAuthError
from pushgate.model import Interaction, PushedAuthorizationRequest
from pushgate.protocol.interaction import Login, csrf_token, fresh_since, is_interaction
from pushgate.protocol.journey import Demand
from pushgate.protocol.login_hint import hinted_username
from pushgate.web.call import Call


async def authorization_endpoint(call: Call) -> Reply:
    """GET or POST: open the request and send the browser on."""
    return call.pages.answer(call.ctx, call.request, await authorize(call.ctx, call.request))


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser on a page of its interaction."""

    call: Call
    id: str
    browser: Browser
    opened: flow.Opened
    csrf: str
    started_at: float

    @property
    def here(self) -> str:
        """The path of the page."""
        return self.call.request.path

    @property
    def client_name(self) -> str:
        """Who asks the user to sign in."""
        return self.opened.client.label

    @property
    def client_host(self) -> str:
        """Where the browser goes after it."""
        return self.opened.reply_to.host

    @property
    def correlation_id(self) -> str:
        """What ties the events of a flow together."""
        return self.opened.record.correlation_id

    @property
    def login_hint(self) -> str:
        """Whom the client expects."""
        return hinted_username(self.opened.record.request.login_hint, self.call.ctx.realm.dialect.local_directory)

    @property
    def demand(self) -> Demand:
        """What the sign-in has to be."""
        return flow.demand_for(self.call.ctx, self.opened)

    @property
    def since(self) -> float:
        """From when on a method counts that was used."""
        return fresh_since(self.opened.record.request, self.opened.client, self.started_at, self.call.ctx.now())

    async def missing(self) -> Login | None:
        """Who has to sign in, if somebody has; nothing is answered. Raises an OAuthError for the client."""
        need, _ = await flow.assess(self.call.ctx, self.opened, self.browser)
        return need if isinstance(need, Login) else None

    async def proceed(self) -> BrowserAnswer:
        """Where this browser goes from here."""
        ctx, request = self.call.ctx, self.call.request
        return await flow.guarded(
            ctx, request, self.opened, lambda: flow.proceed(ctx, request, self.opened, self.browser)
        )

    async def attempt(self, step: Callable[[Visit], Awaitable[Reply]]) -> Reply:
        """Carry out a form; what breaks on our side is told to the client. RFC 6749 4.1.2.1."""
        try:
            return await step(self)
        except OAuthError:
            raise
        except Exception as problem:
            ctx, request = self.call.ctx, self.call.request
            return self.reply(
                BrowserAnswer(await flow.failed(ctx, request, self.opened.client, self.opened.reply_to, problem))
            )

    async def deny(self) -> Reply:
        """The user said no. RFC 6749 4.1.2.1."""
        ctx, request = self.call.ctx, self.call.request
        return self.reply(BrowserAnswer(await flow.refuse(ctx, request, self.opened, refusals.DENIED())))

    async def give_up(self, error: OAuthError) -> Reply:
        """Nothing that the user could do leads on; tell the client."""
        ctx, request = self.call.ctx, self.call.request
        return self.reply(BrowserAnswer(await flow.refuse(ctx, request, self.opened, error)))

    def reply(self, answer: BrowserAnswer) -> Reply:
        """The answer as an HTTP reply."""
        return self.call.pages.answer(self.call.ctx, self.call.request, answer)


async def visit(call: Call) -> Visit:
    """The interaction named in the path, if it is this browser's and not over. Raises OAuthError for the page."""
    ctx, identifier = call.ctx, call.rest
    browser = await browser_of(ctx, call.request)
    stored = await ctx.transient.get("interaction", ctx.transient.key("interaction", identifier))
    if stored is None:
        raise refusals.INTERACTION_UNKNOWN()
    interaction = Interaction.decode(stored.value)
    if not is_interaction(identifier, interaction.request_key, browser.value):
        raise refusals.INTERACTION_OTHER_BROWSER()
    kept = await ctx.transient.get("par", interaction.request_key)
    if kept is None:
        raise refusals.INTERACTION_UNKNOWN("the request is gone")
    record = PushedAuthorizationRequest.decode(kept.value)
    if flow.ends_at(ctx, record, interaction) <= ctx.now():
        raise refusals.INTERACTION_UNKNOWN("timed out")
    call.request.claimed_client = record.request.client_id
    client = await flow.known_client(ctx, record.request.client_id)
    opened = await flow.open_request(ctx, call.request, interaction.request_key, client, interaction.beside)
    return Visit(call, identifier, browser, opened, csrf_token(identifier, browser.value), interaction.started_at)
