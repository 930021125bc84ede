"""POST to the revocation endpoint (RFC 7009): a client gives back a token that it does not need any more."""

from __future__ import annotations

from pushgate import refusals
from pushgate.endpoints.client_authentication import identify_client
from pushgate.endpoints.context import Context
from pushgate.endpoints.http import NO_STORE, Reply, Request
from pushgate.endpoints.sender import settle
from pushgate.events import GrantRevoked, TokenRevoked
from pushgate.protocol.revocation import EndAccessToken, EndGrant, revocation_of


async def revoke(ctx: Context, request: Request) -> Reply:
    """End what the token stands for, if it is the client's; 200 for what is not known. RFC 7009 2.1, 2.2.

    `token_type_hint` is not needed to find a token, so it is not looked at.
    """
    params = request.machine_form(json=ctx.realm.dialect.json_parameters)
    client = (await settle(ctx, request, await identify_client(ctx, request, params))).client
    params.reject_repeated()
    token = params.get("token")
    if token is None:
        raise refusals.REVOCATION_TOKEN()
    refresh = await ctx.grants.refresh_token(token)
    issuer = ctx.realm.issuer.identifier
    found = revocation_of(token, client.client_id, refresh, ctx.keys.verifying, issuer, ctx.now())
    if isinstance(found, EndGrant):
        grant = await ctx.grants.grant(found.grant_id)
        if grant is not None and not grant.revoked:
            request.correlation_id = grant.correlation_id
            await ctx.grants.revoke_grant(grant.grant_id)
            ctx.emit(GrantRevoked(grant.grant_id, grant.client_id, "client asked", grant.correlation_id), request)
    elif isinstance(found, EndAccessToken) and await remember(ctx, found):
        ctx.emit(TokenRevoked(client.client_id, found.jti), request)
    return Reply(200, b"", [*NO_STORE])


async def remember(ctx: Context, token: EndAccessToken) -> bool:
    """Keep that the token is over until nobody could take it any more; False if it was kept before."""
    key = ctx.transient.key("revoked", token.jti)
    return await ctx.transient.add("revoked", key, b"", token.expires_at)


async def was_revoked(ctx: Context, jti: str) -> bool:
    """Whether an access token of ours was revoked by itself; its grant may have ended besides."""
    return await ctx.transient.get("revoked", ctx.transient.key("revoked", jti)) is not None
