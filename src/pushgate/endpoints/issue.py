"""Make grants, codes and tokens. Everything here needs the `First` of what was consumed for it."""

from __future__ import annotations

from typing import Any

from pushgate.endpoints.context import Context, new_handle, new_id
from pushgate.endpoints.id_token import Form, id_token_form
from pushgate.endpoints.subjects import subject_for
from pushgate.jose.keys import SigningKey
from pushgate.jose.sign import sign_jwt
from pushgate.model import (
    AuthorizationCode,
    AuthorizationRequest,
    ClaimsRequest,
    Client,
    Confirmation,
    Grant,
    PushedAuthorizationRequest,
    RefreshToken,
    Session,
)
from pushgate.protocol.access import Access, access_for
from pushgate.protocol.assurance import Assurance
from pushgate.protocol.authorization_response import Members
from pushgate.protocol.claims_request import level_asked
from pushgate.protocol.logout import LOGOUT_TOKEN_TYPE, logout_token_claims
from pushgate.protocol.redirect_uri import ReplyTo
from pushgate.protocol.rules import challenge_method
from pushgate.protocol.tokens import (
    ACCESS_TOKEN_TYPE,
    ID_TOKEN_TYPE,
    access_token_claims,
    client_token_claims,
    id_token_claims,
)
from pushgate.protocol.user_claims import released_claims
from pushgate.store.ports import First


async def authorization_grant(
    ctx: Context,
    first: First,
    client: Client,
    record: PushedAuthorizationRequest,
    session: Session,
    scope: tuple[str, ...],
    audience: tuple[str, ...],
    claims: ClaimsRequest | None,
) -> Grant | None:
    """Write down what the user allowed, before anything is made from it; None if they were signed out meanwhile."""
    assert isinstance(first, First)
    settings, asked = ctx.realm.settings, record.request
    grant = Grant(
        grant_id=new_id(),
        client_id=asked.client_id,
        sub=session.sub,
        scope=scope,
        audience=audience,
        auth_time=int(session.authenticated_at),
        amr=session.amr,
        acr=Assurance(settings.authentication_contexts).acr_of(session.amr, level_asked(asked, client).acr_values),
        sid=session.sid,
        correlation_id=record.correlation_id,
        resource=asked.resource,
        authorization_details=asked.authorization_details,
        claims=claims,
        claims_locales=asked.claims_locales,
    )
    lifetimes = settings.lifetimes
    # As long as its session too: the client is told when that ends.
    longest = max(lifetimes.refresh_token, lifetimes.access_token, lifetimes.session) + lifetimes.code
    now = int(ctx.now())
    return grant if await ctx.grants.add_grant(grant, now + longest, now=now) else None


async def front_channel_members(
    ctx: Context,
    first: First,
    client: Client,
    request: AuthorizationRequest,
    reply_to: ReplyTo,
    grant: Grant,
    form: Form | None,
) -> Members:
    """The members of a successful authorization response, as its response type names them.

    `form` is that of an ID Token, where one is among them.
    RFC 6749 4.1.2, 4.2.2; OpenID Connect Core 3.2.2.5, 3.3.2.5.
    """
    members: Members = {}
    code = token = None
    kinds = request.response_types
    if "code" in kinds:
        members["code"] = code = await authorization_code(ctx, first, client, request, reply_to, grant)
    if "token" in kinds:
        details = grant.authorization_details
        access = access_for(
            grant.scope, grant.resource, details, client, ctx.realm.settings, ctx.realm.issuer.identifier
        )
        token = access_token(ctx, client, grant, access)
        members |= {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": ctx.realm.settings.lifetimes.access_token,
            "scope": " ".join(access.scope),
        }
    if form is not None:
        user_claims = await ctx.services.directory.claims(ctx.name, grant.sub) or {}
        scope = grant.scope if kinds == {"id_token"} else ()
        claims = id_token_user_claims(grant, user_claims, scope)
        members["id_token"] = id_token(
            ctx, client, form, grant, nonce=request.nonce, access_token=token, code=code, state=request.state,
            user_claims=claims,
        )  # fmt: skip
    return members


def id_token_user_claims(grant: Grant, user_claims: dict[str, Any], scope: tuple[str, ...] = ()) -> dict[str, Any]:
    """The user's claims in an ID Token: those that were asked for there, and those of `scope`.

    That is the granted scope where no access token opens UserInfo. OpenID Connect Core 5.4, 5.5.
    """
    wishes = {} if grant.claims is None else grant.claims.id_token
    return released_claims(scope, wishes, user_claims, grant.claims_locales) if scope or wishes else {}


async def authorization_code(
    ctx: Context, first: First, client: Client, request: AuthorizationRequest, reply_to: ReplyTo, grant: Grant
) -> str:
    """A code for the winner of the request; kept beyond its life so that a replay is seen (RFC 6749 4.1.2)."""
    assert isinstance(first, First)
    expires_at = int(ctx.now()) + ctx.policy(client).code_lifetime
    record = AuthorizationCode(
        grant=grant,
        redirect_uri=reply_to.redirect_uri if reply_to.given else None,
        expires_at=expires_at,
        code_challenge=request.code_challenge,
        code_challenge_method=challenge_method(request, ctx.policy(client)),
        nonce=request.nonce,
        dpop_jkt=request.dpop_jkt,
    )
    code = new_handle(ctx.now())
    keep_until = expires_at + ctx.realm.settings.lifetimes.access_token
    await ctx.transient.add("code", ctx.transient.key("code", code), record.encode(), keep_until)
    return code


def access_token(
    ctx: Context, client: Client, grant: Grant, access: Access, confirmation: Confirmation | None = None
) -> str:
    """A signed access token for a user's grant, bound to the sender's key."""
    claims = access_token_claims(
        issuer=ctx.realm.issuer.identifier,
        sub=subject_for(ctx, client, grant.sub),
        grant=grant,
        access=access,
        now=int(ctx.now()),
        lifetime=ctx.realm.settings.lifetimes.access_token,
        jti=new_id(),
        confirmation=confirmation,
    )
    return sign_jwt(claims, access_token_key(ctx, client), ACCESS_TOKEN_TYPE)


def client_token(ctx: Context, client: Client, access: Access, confirmation: Confirmation | None) -> str:
    """A signed access token for the client itself."""
    claims = client_token_claims(
        issuer=ctx.realm.issuer.identifier,
        client_id=client.client_id,
        access=access,
        now=int(ctx.now()),
        lifetime=ctx.realm.settings.lifetimes.access_token,
        jti=new_id(),
        confirmation=confirmation,
    )
    return sign_jwt(claims, access_token_key(ctx, client), ACCESS_TOKEN_TYPE)


def access_token_key(ctx: Context, client: Client) -> SigningKey:
    """The key that signs this client's access tokens."""
    return ctx.keys.signing[ctx.policy(client).profile.signing_alg(ctx.realm.settings.access_token_signing_alg)]


def id_token(
    ctx: Context,
    client: Client,
    form: Form,
    grant: Grant,
    *,
    nonce: str | None = None,
    access_token: str | None = None,
    code: str | None = None,
    state: str | None = None,
    user_claims: dict[str, Any] | None = None,
) -> str:
    """An ID Token as the client wants it: signed, and encrypted where it is registered for that."""
    claims = id_token_claims(
        issuer=ctx.realm.issuer.identifier,
        sub=subject_for(ctx, client, grant.sub),
        grant=grant,
        now=int(ctx.now()),
        lifetime=ctx.realm.settings.lifetimes.id_token,
        alg=form.key.alg,
        nonce=nonce,
        access_token=access_token,
        code=code,
        state=state,
        user_claims=user_claims,
    )
    return form.seal(sign_jwt(claims, form.key, ID_TOKEN_TYPE))


async def logout_token(ctx: Context, client: Client, sub: str, sid: str) -> str:
    """What tells a client that a session is over; in the form of its ID Tokens. Back-Channel Logout 2.4, 2.6.

    Raises InvalidRequest where the client's key for it is not to be had.
    """
    form = await id_token_form(ctx, client)
    claims = logout_token_claims(
        issuer=ctx.realm.issuer.identifier,
        client_id=client.client_id,
        sub=subject_for(ctx, client, sub),
        sid=sid,
        now=int(ctx.now()),
        jti=new_id(),
    )
    return form.seal(sign_jwt(claims, form.key, LOGOUT_TOKEN_TYPE))


async def refresh_token(ctx: Context, grant: Grant, confirmation: Confirmation | None) -> str:
    """A refresh token for a grant, with the grant's whole scope; bound to a key if `confirmation` names one."""
    token = new_handle(ctx.now())
    record = RefreshToken(
        grant_id=grant.grant_id,
        client_id=grant.client_id,
        scope=grant.scope,
        expires_at=int(ctx.now()) + ctx.realm.settings.lifetimes.refresh_token,
        confirmation=confirmation,
    )
    await ctx.grants.add_refresh_token(token, record)
    return token
