"""POST to the token endpoint (RFC 6749 3.2): one function per grant type, in a table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pushgate import refusals
from pushgate.endpoints import issue
from pushgate.endpoints.context import Context
from pushgate.endpoints.http import Reply, Request, json_reply
from pushgate.endpoints.id_token import Form, id_token_form
from pushgate.endpoints.sender import Sender, authenticate_sender, with_nonce
from pushgate.events import GrantRevoked, TokenIssued
from pushgate.model import AuthorizationCode, Client, Grant
from pushgate.protocol.access import Access, access_of_client, access_of_grant
from pushgate.protocol.grants.authorization_code import check_owner, check_redemption
from pushgate.protocol.grants.client_credentials import check_confidential, client_scope
from pushgate.protocol.grants.refresh_token import check_refresh, narrowed, rotates
from pushgate.protocol.params import Params
from pushgate.protocol.scopes import OPENID
from pushgate.store.ports import First

GrantType = Callable[[Context, Request, Sender, Params], Awaitable[dict[str, Any]]]
Identity = tuple[Form, dict[str, Any]]


async def token(ctx: Context, request: Request) -> Reply:
    """Exchange a grant for tokens."""
    params = request.machine_form(json=ctx.realm.dialect.json_parameters)
    sender = await authenticate_sender(ctx, request, params, ctx.realm.issuer.token)
    params.reject_repeated()
    grant_type = params.get("grant_type")
    if grant_type is None:
        raise refusals.GRANT_TYPE_MISSING()
    exchange = GRANT_TYPES.get(grant_type)
    if exchange is None:
        raise refusals.GRANT_TYPE_UNSUPPORTED()
    if grant_type not in sender.client.client.grant_types:
        raise refusals.GRANT_TYPE_UNAUTHORIZED()
    return with_nonce(ctx, json_reply(await exchange(ctx, request, sender, params)))


async def authorization_code(ctx: Context, request: Request, sender: Sender, params: Params) -> dict[str, Any]:
    """Check, consume, issue. A second redemption by the same client revokes the grant (RFC 6749 4.1.2)."""
    code = params.get("code")
    if code is None:
        raise refusals.CODE_MISSING()
    key = ctx.transient.key("code", code)
    stored = await ctx.transient.get("code", key)
    if stored is None:
        raise refusals.CODE_INVALID()
    record = AuthorizationCode.decode(stored.value)
    request.correlation_id = record.grant.correlation_id
    check_owner(record, sender.client)
    if stored.consumed:
        await revoke(ctx, request, record.grant, "code replayed")
        raise refusals.CODE_REPLAYED()
    check_redemption(record, params, ctx.policy(sender.client.client), sender.confirmation, ctx.now())
    access = access_of(ctx, sender, record.grant, record.grant.scope, params)
    if not await ctx.grants.grant_live(record.grant.grant_id):
        raise refusals.GRANT_REVOKED()
    user_claims = await ctx.services.directory.claims(ctx.name, record.grant.sub)
    if user_claims is None:
        raise refusals.GRANT_REVOKED("the user is gone or disabled")
    identity = await identity_of(ctx, sender.client.client, user_claims, openid=OPENID in record.grant.scope)
    if not isinstance(await ctx.transient.consume("code", key), First):
        await revoke(ctx, request, record.grant, "code replayed")
        raise refusals.CODE_REPLAYED()
    return await tokens(ctx, request, sender, record.grant, access, identity, nonce=record.nonce)


async def refresh_token(ctx: Context, request: Request, sender: Sender, params: Params) -> dict[str, Any]:
    """A new access token from a refresh token; public clients get a new refresh token too (RFC 6749 6)."""
    value = params.get("refresh_token")
    if value is None:
        raise refusals.REFRESH_MISSING()
    record = await ctx.grants.refresh_token(value)
    if record is None:
        raise refusals.REFRESH_INVALID()
    known = await ctx.grants.grant(record.grant_id)
    grant = check_refresh(record, known, sender.client, sender.confirmation, ctx.now())
    request.correlation_id = grant.correlation_id
    if record.consumed:
        await revoke(ctx, request, grant, "refresh token replayed")
        raise refusals.REFRESH_REPLAYED()
    user_claims = await ctx.services.directory.claims(ctx.name, grant.sub)
    if user_claims is None:
        raise refusals.REFRESH_INVALID("the user is gone or disabled")
    scope = narrowed(record.scope, params.get("scope"), sender.client.client)
    access = access_of(ctx, sender, grant, scope, params)
    identity = await identity_of(ctx, sender.client.client, user_claims, openid=OPENID in scope)
    rotate = rotates(sender.client.client, record)
    if rotate and not await ctx.grants.rotate_refresh_token(value):
        await revoke(ctx, request, grant, "refresh token replayed")
        raise refusals.REFRESH_REPLAYED()
    return await tokens(ctx, request, sender, grant, access, identity, refreshed=True, new_refresh_token=rotate)


async def client_credentials(ctx: Context, request: Request, sender: Sender, params: Params) -> dict[str, Any]:
    """A token for the client itself; no refresh token (RFC 6749 4.4.3)."""
    check_confidential(sender.client)
    client = sender.client.client
    settings = ctx.realm.settings
    scope = client_scope(params.get("scope"), client, ctx.known_scopes)
    access = access_of_client(scope, params, client, settings, ctx.realm.issuer.identifier)
    ctx.emit(TokenIssued(client.client_id, "client_credentials", " ".join(access.scope)), request)
    return token_response(ctx, sender, issue.client_token(ctx, client, access, sender.confirmation), access)


GRANT_TYPES: dict[str, GrantType] = {
    "authorization_code": authorization_code,
    "refresh_token": refresh_token,
    "client_credentials": client_credentials,
}


async def identity_of(ctx: Context, client: Client, user_claims: dict[str, Any], *, openid: bool) -> Identity | None:
    """What an ID Token is made with, had before anything is spent; None where there will be none.

    Raises InvalidRequest without a key that it needs. OpenID Connect Core 3.1.3.2.
    """
    return (await id_token_form(ctx, client), user_claims) if openid else None


async def tokens(
    ctx: Context,
    request: Request,
    sender: Sender,
    grant: Grant,
    access: Access,
    identity: Identity | None,
    *,
    nonce: str | None = None,
    refreshed: bool = False,
    new_refresh_token: bool = True,
) -> dict[str, Any]:
    """The token response for a user's grant. RFC 6749 5.1, OpenID Connect Core 3.1.3.3, 12.2."""
    client = sender.client.client
    access_token = issue.access_token(ctx, client, grant, access, sender.confirmation)
    document = token_response(ctx, sender, access_token, access)
    if identity is not None:
        form, user_claims = identity
        claims = issue.id_token_user_claims(grant, user_claims)
        document["id_token"] = issue.id_token(
            ctx, client, form, grant, nonce=nonce, access_token=access_token, user_claims=claims
        )
    if new_refresh_token and "refresh_token" in client.grant_types:
        document["refresh_token"] = await issue.refresh_token(
            ctx, grant, sender.confirmation if client.public else None
        )
    event = TokenIssued(
        client_id=client.client_id,
        grant_type="refresh_token" if refreshed else "authorization_code",
        scope=" ".join(access.scope),
        correlation_id=grant.correlation_id,
        grant=grant.grant_id,
    )
    ctx.emit(event, request)
    return document


def access_of(ctx: Context, sender: Sender, grant: Grant, scope: tuple[str, ...], params: Params) -> Access:
    """What the new token will be good for. Raises InvalidTarget, InvalidAuthorizationDetails, InvalidScope."""
    settings, issuer = ctx.realm.settings, ctx.realm.issuer.identifier
    return access_of_grant(grant, scope, params, sender.client.client, settings, issuer)


def token_response(ctx: Context, sender: Sender, access_token: str, access: Access) -> dict[str, Any]:
    """The members that every token response has. RFC 6749 5.1, RFC 9396 7."""
    document: dict[str, Any] = {
        "access_token": access_token,
        "token_type": token_type(sender),
        "expires_in": ctx.realm.settings.lifetimes.access_token,
    }
    if access.scope:
        document["scope"] = " ".join(access.scope)
    if access.authorization_details:
        document["authorization_details"] = access.authorization_details
    return document


def token_type(sender: Sender) -> str:
    """How the access token has to be sent. RFC 9449 5; a token bound to a certificate is a Bearer token."""
    bound = sender.confirmation is not None and sender.confirmation.jkt is not None
    return "DPoP" if bound else "Bearer"


async def revoke(ctx: Context, request: Request, grant: Grant, reason: str) -> None:
    """End a grant: its refresh tokens and, at UserInfo, its access tokens stop working."""
    await ctx.grants.revoke_grant(grant.grant_id)
    ctx.emit(GrantRevoked(grant.grant_id, grant.client_id, reason, grant.correlation_id), request)
