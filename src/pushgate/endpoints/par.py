"""POST to the pushed authorization request endpoint (RFC 9126 2)."""

from __future__ import annotations

import math

from pushgate import refusals
from pushgate.endpoints.client_authentication import authenticate_client
from pushgate.endpoints.context import Context, new_handle, new_id
from pushgate.endpoints.facts import facts_of
from pushgate.endpoints.http import Reply, Request, json_reply
from pushgate.events import RequestPushed
from pushgate.model import Client, PushedAuthorizationRequest
from pushgate.protocol.authorization_request import parse_authorization_request
from pushgate.protocol.redirect_uri import reply_to
from pushgate.protocol.rules import check
from pushgate.protocol.scopes import OPENID
from pushgate.throttle import Limit

URN = "urn:ietf:params:oauth:request_uri:"


async def push(ctx: Context, request: Request) -> Reply:
    """Store an authorization request and answer 201 with its one-time reference."""
    params = request.machine_form()
    settings = ctx.realm.settings
    if not settings.pushed_authorization_requests.supported:
        raise refusals.PAR_OFF()
    rates = settings.rates
    if rates.pushes_per_address:
        take(ctx, "push-address", request.address, rates.pushes_per_address)
    authenticated = await authenticate_client(ctx, request, params)
    client = authenticated.client
    if rates.pushes_per_client:
        take(ctx, "push-client", client.client_id, rates.pushes_per_client)
    params.reject_repeated("request_uri", "request")
    if "request_uri" in params:
        raise refusals.PAR_REQUEST_URI()
    if "request" in params:
        raise refusals.REQUEST_OBJECT_UNSUPPORTED()
    asked, malformed = parse_authorization_request(params, client.client_id)
    reply_to(asked, client, openid=OPENID in (asked.scope or ()), pushed_by_authenticated=True)
    scope = check(facts_of(ctx, client, asked, pushed=True, malformed=malformed))
    lifetime = request_lifetime(ctx, client)
    request.correlation_id = new_id()
    record = PushedAuthorizationRequest(
        request=asked,
        scope=scope,
        expires_at=math.ceil(ctx.now()) + lifetime,
        correlation_id=request.correlation_id,
    )
    handle = await keep(ctx, record)
    ctx.emit(RequestPushed(client.client_id, request.correlation_id, lifetime), request)
    return json_reply({"request_uri": URN + handle, "expires_in": lifetime}, 201)


def request_lifetime(ctx: Context, client: Client) -> int:
    """Seconds to start with a request_uri: the client's value, else the realm's, else the dialect's."""
    return ctx.policy(client).request_lifetime or ctx.realm.dialect.request_lifetime


async def keep(ctx: Context, record: PushedAuthorizationRequest) -> str:
    """Store a request under a fresh handle until its window and the longest interaction have passed."""
    handle = new_handle(ctx.now())
    keep_until = record.expires_at + ctx.realm.settings.lifetimes.interaction
    key = ctx.transient.key("par", handle)
    if not await ctx.transient.add("par", key, record.encode(), keep_until):
        raise RuntimeError("a 256-bit random handle came twice: the random source is broken")
    return handle


def take(ctx: Context, what: str, whose: str, rate: int) -> None:
    """Raise 429 above `rate` pushes per second (RFC 9126 2.3)."""
    ctx.services.buckets.take(Limit((what, ctx.name, whose), rate, rate), ctx.now())
