"""POST to the pushed authorization request endpoint (RFC 9126 2)."""

from __future__ import annotations

import math

import msgspec

from pushgate import refusals
from pushgate.endpoints.client_authentication import identify_client
from pushgate.endpoints.context import Context, new_handle
from pushgate.endpoints.facts import facts_of, must_name_uri
from pushgate.endpoints.http import Reply, Request, json_reply
from pushgate.endpoints.in_step import in_step
from pushgate.endpoints.request_object import Asked, pushed
from pushgate.endpoints.sender import proof_of, settle, with_nonce
from pushgate.errors import OAuthError
from pushgate.events import RequestPushed, RequestValueRepeated
from pushgate.model import AuthorizationRequest, Client, PushedAuthorizationRequest
from pushgate.profiles import Policy
from pushgate.protocol import client_auth
from pushgate.protocol.authorization_request import parse_authorization_request
from pushgate.protocol.dpop import check_same_key
from pushgate.protocol.redirect_uri import reply_to
from pushgate.protocol.rules import check
from pushgate.store.ports import Row
from pushgate.throttle import Limit

URN = "urn:ietf:params:oauth:request_uri:"


async def push(ctx: Context, request: Request) -> Reply:
    """Store an authorization request and answer 201 with its one-time reference.

    What may be used once (the jti of an assertion, of a DPoP proof) and the request are stored by one commit.
    """
    params = request.machine_form()
    settings = ctx.realm.settings
    if not settings.pushed_authorization_requests.supported:
        raise refusals.PAR_OFF()
    if ctx.realm.pushes_per_address:
        take(ctx, "push-address", request.address, ctx.realm.pushes_per_address)
    identified = await identify_client(ctx, request, params)
    client = identified.client
    policy = ctx.policy(client)
    await in_step()
    try:
        proof = proof_of(ctx, request, ctx.realm.issuer.par, policy)
        take_turn(ctx, client)
        client_auth.check_pusher(client, params, policy.dialect)
        params.reject_repeated("request_uri", "request")
        asked = await pushed(ctx, client, params)
        lifetime = request_lifetime(ctx, policy)
        record = pushed_request(ctx, request, client, asked, lifetime, None if proof is None else proof.jkt)
    except OAuthError:
        # A replayed assertion authenticates nobody, so that is what the reply speaks of first.
        await settle(ctx, request, identified)
        raise
    await in_step()
    handle, row = row_of(ctx, record)
    await settle(ctx, request, identified, row, proof=proof)
    notice_repeats(ctx, request, record)
    ctx.emit(RequestPushed(client.client_id, record.correlation_id, lifetime), request)
    return with_nonce(ctx, json_reply({"request_uri": URN + handle, "expires_in": lifetime}, 201))


def pushed_request(
    ctx: Context, request: Request, client: Client, sent: Asked, lifetime: int, jkt: str | None
) -> PushedAuthorizationRequest:
    """What is to be stored, for `lifetime` seconds, once every rule holds. Raises OAuthError. RFC 9126 2.1.

    `jkt` is the key of the push's DPoP proof; the code will be bound to it, as by `dpop_jkt`. RFC 9449 10.1.
    """
    asked, scope = decide(ctx, client, sent, jkt)
    request.correlation_id = request.id
    return PushedAuthorizationRequest(
        request=asked,
        scope=scope,
        expires_at=math.ceil(ctx.now()) + lifetime,
        correlation_id=request.correlation_id,
        signed=sent.signed,
    )


def decide(ctx: Context, client: Client, sent: Asked, jkt: str | None) -> tuple[AuthorizationRequest, tuple[str, ...]]:
    """The request, and the scope that may be granted, once every rule holds. Raises OAuthError. RFC 9126 2.1."""
    known = None if sent.signed else ctx.decisions.find(client, sent.params)
    if known is not None:
        return known.again(sent.params, jkt), known.scope
    sent.params.reject_repeated("redirect_uri")  # or it would count as left out
    custom = ctx.policy(client).dialect.custom_parameters
    asked, malformed = parse_authorization_request(sent.params, client.client_id, custom)
    check_same_key(jkt, asked.dpop_jkt)
    if jkt is not None:
        asked = msgspec.structs.replace(asked, dpop_jkt=jkt)
    reply_to(asked, client, named=must_name_uri(ctx, client, asked), pushed_by_authenticated=True)
    facts = facts_of(ctx, client, asked, pushed=True, signed=sent.signed, malformed=malformed)
    scope = check(facts)
    if not sent.signed:
        ctx.decisions.keep(sent.params, facts, scope)
    return asked, scope


def notice_repeats(ctx: Context, request: Request, record: PushedAuthorizationRequest) -> None:
    """Tell of a client that sends a constant as code_challenge or nonce; the request goes on. RFC 9700 2.1.1."""
    asked = record.request
    state = None if record.pushed else asked.state
    values = ctx.services.repeats.seen((ctx.name, asked.client_id), asked.code_challenge, asked.nonce, state)
    if values:
        ctx.emit(RequestValueRepeated(asked.client_id, record.correlation_id, " ".join(values)), request)


def request_lifetime(ctx: Context, policy: Policy) -> int:
    """Seconds to start with a request_uri: the client's value, else the realm's, else the dialect's."""
    return policy.request_lifetime or min(ctx.realm.dialect.request_lifetime, policy.profile.longest_request)


def row_of(ctx: Context, record: PushedAuthorizationRequest) -> tuple[str, Row]:
    """A fresh handle, and the row for it, which is kept until window and longest interaction have passed."""
    handle = new_handle(ctx.now())
    keep_until = record.expires_at + ctx.realm.settings.lifetimes.interaction
    return handle, Row("par", ctx.transient.key("par", handle), record.encode(), keep_until)


def take_turn(ctx: Context, client: Client) -> None:
    """Raise 429 where a client pushes faster than the realm lets it (RFC 9126 2.3)."""
    rate = ctx.realm.settings.rates.pushes_per_client
    if rate:
        take(ctx, "push-client", client.client_id, rate)


def take(ctx: Context, what: str, whose: str, rate: int) -> None:
    """Raise 429 above `rate` pushes per second (RFC 9126 2.3)."""
    ctx.services.buckets.take(Limit((what, ctx.name, whose), rate, rate), ctx.now())
