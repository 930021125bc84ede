"""The way of a browser from an opened request to an authorization response.

`proceed` decides what is still needed; the pages call it again after each step, until `complete` or `refuse` consumes
the request and answers the client.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from pushgate import refusals
from pushgate.endpoints.answer import Answer, answer_of
from pushgate.endpoints.browser import Browser, BrowserAnswer, OnPage, Stop, still_there
from pushgate.endpoints.context import Context
from pushgate.endpoints.factors import enrolled_by, passkeys_work
from pushgate.endpoints.facts import facts_of, must_name_uri
from pushgate.endpoints.http import Request
from pushgate.endpoints.id_token import id_token_form
from pushgate.endpoints.issue import authorization_grant, front_channel_members
from pushgate.endpoints.session_state import state_members
from pushgate.endpoints.subjects import hint_of, is_another_user
from pushgate.errors import InvalidRequestUri, OAuthError
from pushgate.events import AuthorizationAnswered, AuthorizationStarted, ConsentGiven
from pushgate.model import AuthorizationRequest, Client, Interaction, Method, PushedAuthorizationRequest, Session
from pushgate.protocol.access import access_for
from pushgate.protocol.authorization_request import merged
from pushgate.protocol.authorization_response import AuthorizationResponse, error_members, on_page
from pushgate.protocol.collected_consent import Decided, collected
from pushgate.protocol.interaction import (
    Consent,
    Login,
    Need,
    Nothing,
    consent_to,
    counting,
    demand_of,
    fresh_since,
    interaction_id,
    needed,
)
from pushgate.protocol.journey import Demand, satisfied
from pushgate.protocol.params import Params
from pushgate.protocol.redirect_uri import ReplyTo, reply_to
from pushgate.protocol.rules import check
from pushgate.protocol.scopes import with_offline_access
from pushgate.protocol.user_claims import agreed_claims, beyond_scopes
from pushgate.store.ports import First, StoreUnavailable

Told = AuthorizationResponse | OnPage


@dataclass(frozen=True, slots=True)
class Opened:
    """A stored request whose client is known and whose redirect URI was checked just now."""

    key: bytes
    handle: str | None
    record: PushedAuthorizationRequest
    client: Client
    reply_to: ReplyTo
    beside: AuthorizationRequest | None = None
    """What this browser brought beside a pushed request; the record has it already."""


async def known_client(ctx: Context, client_id: str) -> Client:
    """The client if it exists and is enabled. Raises InvalidRequest, for the page. RFC 6749 3.1.2.4."""
    client = await ctx.client(client_id)
    if client is None or not client.enabled:
        raise refusals.CLIENT_UNKNOWN()
    return client


async def open_request(
    ctx: Context, request: Request, key: bytes, client: Client, beside: AuthorizationRequest | None = None
) -> Opened:
    """A stored request of this client that was not answered yet. Raises InvalidRequestUri, for the page.

    Reading does not consume, and a stranger learns and burns nothing (RFC 9126 2.2, 4). `beside` fills what a pushed
    request left open.
    """
    stored = await ctx.transient.get("par", key)
    record = None if stored is None else PushedAuthorizationRequest.decode(stored.value)
    if record is None or record.request.client_id != client.client_id:
        raise refusals.REQUEST_URI_DEAD()
    request.correlation_id = record.correlation_id
    request.ui_locales, request.display = record.request.ui_locales, record.request.display
    if stored is not None and stored.consumed:
        raise refusals.REQUEST_URI_USED()
    if record.pushed and not ctx.realm.settings.pushed_authorization_requests.supported:
        raise refusals.REQUEST_URI_DEAD("PAR was switched off")
    if beside is not None and record.pushed and not record.signed:
        record = msgspec.structs.replace(record, request=merged(record.request, beside))
    named = must_name_uri(ctx, client, record.request)
    target = reply_to(record.request, client, named=named, pushed_by_authenticated=record.pushed)
    return Opened(key, None, record, client, target, beside)


async def started_or_in_window(ctx: Context, opened: Opened, browser: Browser) -> None:
    """A request_uri starts nothing after its window, but a browser that started in time may go on.

    Raises InvalidRequestUri. RFC 9126 2.2, FAPI2-SP 5.3.2.2 note 3.
    """
    if ctx.now() < opened.record.expires_at:
        return
    if not browser.known or await interaction_of(ctx, opened, browser) is None:
        raise refusals.REQUEST_URI_DEAD("expired")


async def interaction_of(ctx: Context, opened: Opened, browser: Browser) -> Interaction | None:
    """This browser's interaction for the request, if it started one that has not timed out."""
    key = ctx.transient.key("interaction", interaction_id(opened.key, browser.value))
    stored = await ctx.transient.get("interaction", key)
    interaction = None if stored is None else Interaction.decode(stored.value)
    if interaction is None or ends_at(ctx, opened.record, interaction) <= ctx.now():
        return None
    return interaction


def ends_at(ctx: Context, record: PushedAuthorizationRequest, interaction: Interaction) -> float:
    """When an interaction times out: after its own life, but never while its request can still be opened."""
    return max(interaction.started_at + ctx.realm.settings.lifetimes.interaction, record.expires_at)


Step = Callable[[], Coroutine[Any, Any, BrowserAnswer]]


async def guarded(ctx: Context, request: Request, opened: Opened, step: Step) -> BrowserAnswer:
    """From `ReplyTo` on, errors travel to the client, bugs and outages included. RFC 6749 4.1.2.1.

    Except that a request which was answered before is not answered again: that is for the page.
    """
    try:
        try:
            return await step()
        except InvalidRequestUri:
            raise
        except OAuthError as error:
            return BrowserAnswer(await refuse(ctx, request, opened, error))
    except OAuthError:
        raise
    except Exception as problem:
        return BrowserAnswer(await failed(ctx, request, opened.client, opened.reply_to, problem))


async def failed(ctx: Context, request: Request, client: Client, target: ReplyTo, problem: Exception) -> Told:
    """Tell the client that the fault is here: a bug, or an outage. RFC 6749 4.1.2.1."""
    outage = isinstance(problem, StoreUnavailable)
    ctx.services.journal.fault("store_unavailable" if outage else "fault", ctx.name, request, problem)
    error = refusals.UNAVAILABLE() if outage else refusals.SERVER_ERROR()
    return told(ctx, await answer_of(ctx, client, target), error)


async def begin(ctx: Context, request: Request, opened: Opened, browser: Browser, params: Params) -> BrowserAnswer:
    """The first step of a browser, which has to be in time. Raises InvalidRequestUri.

    It may bring the user's decision, collected elsewhere.
    """
    await started_or_in_window(ctx, opened, browser)
    live = None if browser.session is None else browser.session_digest
    return await proceed(ctx, request, opened, browser, collected(params, opened.record.request, live))


async def proceed(
    ctx: Context, request: Request, opened: Opened, browser: Browser, decided: Decided | None = None
) -> BrowserAnswer:
    """Answer the client, or send the browser to the page where something is missing."""
    need, scope = await assess(ctx, opened, browser)
    if decided is not None and not isinstance(need, Login):
        if not decided.allowed:
            raise refusals.DENIED("collected elsewhere")
        if isinstance(need, Consent):
            need = await consented(ctx, request, opened.record, need, scope, saved=decided.saved)
    if isinstance(need, Nothing):
        return BrowserAnswer(await complete(ctx, request, opened, need.session, scope), browser.cookies)
    identifier = await started(ctx, request, opened, browser)
    page: Literal["login", "consent"] = "login" if isinstance(need, Login) else "consent"
    path = f"{ctx.realm.issuer.path}/oauth2/{page}/{identifier}"
    return BrowserAnswer(Stop(path, page, scope, need if isinstance(need, Login) else None), browser.cookies)


async def consented(
    ctx: Context,
    request: Request,
    record: PushedAuthorizationRequest,
    need: Consent,
    scope: tuple[str, ...],
    *,
    saved: bool,
) -> Nothing:
    """The user agreed to all of it elsewhere: it is in the audit trail, and remembered if they want that."""
    asked, sub = record.request, need.session.sub
    if saved:
        everything = (*scope, *consent_to(asked, scope))
        await ctx.grants.save_consent(sub, asked.client_id, asked=everything, granted=everything, now=int(ctx.now()))
    claims = " ".join(beyond_scopes(asked, scope)) or None
    ctx.emit(ConsentGiven(sub, asked.client_id, " ".join(scope), record.correlation_id, claims), request)
    return Nothing(need.session)


async def assess(ctx: Context, opened: Opened, browser: Browser) -> tuple[Need, tuple[str, ...]]:
    """Apply the rules again under today's policy; then what this browser still needs, and for which scope.

    Raises an OAuthError for the client. RFC 9126 4.
    """
    record = opened.record
    scope = check(facts_of(ctx, opened.client, record.request, pushed=record.pushed, signed=record.signed))
    asked, session = opened.record.request, await still_there(ctx, browser.session)
    hint = None if asked.id_token_hint is None else await hint_of(ctx, asked.id_token_hint)
    other = session is not None and await is_another_user(ctx, opened.client, asked, hint, session.sub)
    interaction = await interaction_of(ctx, opened, browser) if browser.known else None
    started_at = ctx.now() if interaction is None else interaction.started_at
    demand, enrolled, selected = demand_for(ctx, opened), frozenset[Method](), False
    used = () if session is None else counting(session, asked, opened.client, started_at, ctx.now())
    fresh = fresh_since(asked, opened.client, started_at, ctx.now())
    if session is not None and (fresh or not satisfied(demand, used)):
        enrolled = await enrolled_by(ctx, session.sub)
    if session is not None and "select_account" in asked.prompt:
        selected = await was_selected(ctx, interaction_id(opened.key, browser.value), session)
    consented: frozenset[str] = frozenset()
    # Anybody on the device can pose as a public client that is not reached by https, so its users are
    # asked each time (RFC 8252 8.6).
    recognised = not opened.client.public or opened.reply_to.redirect_uri.startswith("https://")
    if session is not None and not opened.client.skip_consent and recognised:
        consented = await ctx.grants.consent(session.sub, opened.client.client_id)
    scope = with_offline_access(scope, asked, opened.client, consented)
    need = needed(
        asked,
        opened.client,
        scope,
        session=session,
        consented=consented,
        other_user=other,
        started_at=started_at,
        now=ctx.now(),
        demand=demand,
        enrolled=enrolled,
        selected=selected,
    )
    return need, scope


def demand_for(ctx: Context, opened: Opened) -> Demand:
    """What the sign-in for a request has to be."""
    asked, client = opened.record.request, opened.client
    return demand_of(asked, client, ctx.realm.settings, ctx.assurance(client), passkeys=passkeys_work(ctx))


async def select(ctx: Context, interaction: str, session: Session) -> None:
    """Remember that the user of this browser goes on with this session."""
    keep_until = int(ctx.now()) + ctx.realm.settings.lifetimes.interaction
    await ctx.transient.add("selected", selection_key(ctx, interaction, session), b"", keep_until)


async def was_selected(ctx: Context, interaction: str, session: Session) -> bool:
    """Whether the user of this browser chose to go on with this session."""
    return await ctx.transient.get("selected", selection_key(ctx, interaction, session)) is not None


def selection_key(ctx: Context, interaction: str, session: Session) -> bytes:
    """What that choice is kept under."""
    return ctx.transient.key("selected", f"{interaction} {session.sid}")


async def started(ctx: Context, request: Request, opened: Opened, browser: Browser) -> str:
    """The id of this browser's interaction for the request; begun now, or found again after a reload."""
    identifier = interaction_id(opened.key, browser.value)
    row = Interaction(request_key=opened.key, started_at=ctx.now(), beside=opened.beside)
    keep_until = math.ceil(ends_at(ctx, opened.record, row))
    key = ctx.transient.key("interaction", identifier)
    if await ctx.transient.add("interaction", key, row.encode(), keep_until):
        record = opened.record
        ctx.emit(AuthorizationStarted(opened.client.client_id, record.correlation_id, record.pushed), request)
    return identifier


async def complete(
    ctx: Context,
    request: Request,
    opened: Opened,
    session: Session,
    scope: tuple[str, ...],
    agreed: tuple[str, ...] | None = None,
) -> Told:
    """Consume the request, then write the grant, then make what the client asked for. One winner.

    `session` is what counts of it (see protocol.interaction); the client is told where it ended meanwhile.

    `agreed` are the claims beyond the scope that the user let go; None: all that were asked for.
    """
    answer = await answer_of(ctx, opened.client, opened.reply_to)
    asked, settings = opened.record.request, ctx.realm.settings
    details, issuer = asked.authorization_details, ctx.realm.issuer.identifier
    access = access_for(scope, asked.resource, details, opened.client, settings, issuer)
    form = await id_token_form(ctx, opened.client) if "id_token" in asked.response_types else None
    claims = agreed_claims(asked, scope, agreed)
    first = await consume(ctx, opened)
    grant = await authorization_grant(ctx, first, opened.client, opened.record, session, scope, access.audience, claims)
    if grant is None:
        error = refusals.LOGIN_REQUIRED("signed out meanwhile")
        emit_refusal(ctx, request, opened.record, error)
        return told(ctx, answer, error)
    members = await front_channel_members(ctx, first, opened.client, asked, opened.reply_to, grant, form)
    members |= state_members(ctx, opened.client.client_id, opened.reply_to, session, scope)
    answered = AuthorizationAnswered(
        client_id=opened.client.client_id,
        correlation_id=opened.record.correlation_id,
        response_type=opened.record.request.response_type,
        sub=session.sub,
        grant=grant.grant_id,
    )
    ctx.emit(answered, request)
    return answer(members)


async def refuse(ctx: Context, request: Request, opened: Opened, error: OAuthError) -> Told:
    """Tell the client no; that spends the request too, so that one request has one answer."""
    answer = await answer_of(ctx, opened.client, opened.reply_to)
    await consume(ctx, opened)
    emit_refusal(ctx, request, opened.record, error)
    return told(ctx, answer, error)


async def deliver_error(
    ctx: Context,
    request: Request,
    record: PushedAuthorizationRequest,
    client: Client,
    target: ReplyTo,
    error: OAuthError,
) -> Told:
    """Tell the client no before its request was stored."""
    emit_refusal(ctx, request, record, error)
    return told(ctx, await answer_of(ctx, client, target), error)


def told(ctx: Context, answer: Answer, error: OAuthError) -> Told:
    """An error for the client; where its product has no such answers, the person is shown it."""
    return OnPage(on_page(error)) if ctx.realm.dialect.errors_on_page else answer(error_members(error))


def emit_refusal(ctx: Context, request: Request, record: PushedAuthorizationRequest, error: OAuthError) -> None:
    """The audit event of an error response."""
    event = AuthorizationAnswered(
        client_id=record.request.client_id,
        correlation_id=record.correlation_id,
        error=error.code,
        refusal=error.refusal.id,
    )
    ctx.emit(event, request)


async def consume(ctx: Context, opened: Opened) -> First:
    """Exactly one browser gets past here for a request. Raises InvalidRequestUri for all others."""
    outcome = await ctx.transient.consume("par", opened.key)
    if not isinstance(outcome, First):
        raise refusals.REQUEST_URI_USED()
    return outcome
