"""POST to the introspection endpoint (RFC 7662): an API, or a client with a token of its own, asks about a token."""

from __future__ import annotations

from typing import Any

from pushgate import refusals
from pushgate.endpoints.client_authentication import identify_client
from pushgate.endpoints.context import Context
from pushgate.endpoints.encryption import encryption_for
from pushgate.endpoints.http import NO_STORE, Reply, Request, json_reply
from pushgate.endpoints.revoke import was_revoked
from pushgate.endpoints.sender import settle
from pushgate.endpoints.subjects import subject_for
from pushgate.errors import InvalidClient
from pushgate.jose.sign import sign_jwt
from pushgate.model import Client
from pushgate.protocol import introspection
from pushgate.protocol.introspection import INACTIVE, Caller
from pushgate.protocol.params import Params
from pushgate.protocol.tokens import in_time, own_access_token
from pushgate.throttle import Limit


async def introspect(ctx: Context, request: Request) -> Reply:
    """Tell an authenticated client what it may know of a token; of any other token, that it is not active.

    `token_type_hint` is not needed to find a token, so it is not looked at. RFC 7662 2, RFC 9701 4.
    """
    params = request.machine_form()
    ranges = introspection.accepted(request.header_values(b"accept"))
    try:
        client = await confidential_client(ctx, request, params)
    except InvalidClient as error:
        if introspection.asks_for_jwt(ranges):
            error.status_instead = 400  # RFC 9701 5
        raise
    params.reject_repeated()
    as_jwt = introspection.jwt_wanted(client, ranges)
    token = params.get("token")
    if token is None:
        raise refusals.INTROSPECTION_TOKEN()
    caller = introspection.caller_of(client, ctx.realm.settings.resources, ctx.policy(client))
    members = await members_of(ctx, caller, token) or INACTIVE
    return await jwt_reply(ctx, client, members) if as_jwt else json_reply(members)


async def confidential_client(ctx: Context, request: Request, params: Params) -> Client:
    """The caller, which proved who it is. Raises InvalidClient, InvalidRequest. RFC 7662 2.1."""
    client = (await settle(ctx, request, await identify_client(ctx, request, params))).client
    if client.public:
        raise refusals.INTROSPECTION_PUBLIC()
    return client


async def members_of(ctx: Context, caller: Caller, token: str) -> dict[str, Any] | None:
    """What the caller learns of a token; None for nothing. Raises 429 after many that are not known.

    Guesses get slower (RFC 7662 4). What carries our signature was not guessed, so it is answered all the same:
    whoever makes an API ask about nonsense cannot keep it from asking about the tokens of others.
    """
    claims = own_access_token(token, ctx.keys.verifying, ctx.realm.issuer.identifier)
    if claims is not None:
        return await access_token_members(ctx, caller, claims)
    per_minute = ctx.realm.settings.rates.unknown_tokens_per_minute
    limit = Limit(("introspection", ctx.name, caller.client_id), per_minute / 60, per_minute)
    ctx.services.buckets.check(limit, ctx.now())
    members = await refresh_token_members(ctx, caller, token)
    if members is None:
        ctx.services.buckets.count(limit, ctx.now())
    return members


async def access_token_members(ctx: Context, caller: Caller, claims: dict[str, Any]) -> dict[str, Any] | None:
    """An access token of ours: who may know it, and whether everything it stands on is still there. RFC 7662 4."""
    members = introspection.access_token_members(claims, caller)
    if members is None or not in_time(claims, ctx.now()) or not await client_usable(ctx, claims["client_id"]):
        return None
    if await was_revoked(ctx, claims["jti"]):
        return None
    if "grant" not in claims:  # the client's own: no user
        return members if claims["sub"] == claims["client_id"] else None
    grant = await ctx.grants.grant(claims["grant"])
    if grant is None or grant.revoked or not await user_usable(ctx, grant.sub):
        return None
    return members


async def refresh_token_members(ctx: Context, caller: Caller, token: str) -> dict[str, Any] | None:
    """A refresh token, on the same terms; one that was rotated is over. RFC 7662 4."""
    record = await ctx.grants.refresh_token(token)
    if record is None or record.consumed or record.expires_at <= ctx.now():
        return None
    grant = await ctx.grants.grant(record.grant_id)
    client = await ctx.client(record.client_id)
    if grant is None or grant.revoked or client is None or not client.enabled:
        return None
    if not await user_usable(ctx, grant.sub):
        return None
    sub = subject_for(ctx, client, grant.sub)
    return introspection.refresh_token_members(record, sub, ctx.realm.issuer.identifier, caller)


async def client_usable(ctx: Context, client_id: str) -> bool:
    """Whether the client that a token was issued to is still there and enabled."""
    client = await ctx.client(client_id)
    return client is not None and client.enabled


async def user_usable(ctx: Context, sub: str) -> bool:
    """Whether the user of a token is still there and enabled."""
    return await ctx.services.directory.claims(ctx.name, sub) is not None


async def jwt_reply(ctx: Context, client: Client, members: dict[str, Any]) -> Reply:
    """The JWT form: signed, then encrypted where the client is registered for it, never in clear instead.

    Raises InvalidRequest without a key to encrypt to. RFC 9701 5, 6.
    """
    wanted = client.introspection_signed_response_alg or introspection.DEFAULT_ALG
    key = ctx.keys.signing[ctx.policy(client).profile.signing_alg(wanted)]
    issuer = ctx.realm.issuer.identifier
    claims = introspection.response_claims(issuer, client.client_id, members, int(ctx.now()))
    alg, enc = client.introspection_encrypted_response_alg, client.introspection_encrypted_response_enc
    seal = await encryption_for(ctx, client, alg, enc, otherwise=refusals.INTROSPECTION_KEY)
    body = seal(sign_jwt(claims, key, introspection.JWT_TYPE))
    return Reply(200, body.encode(), [(b"content-type", introspection.MEDIA_TYPE.encode()), *NO_STORE])
