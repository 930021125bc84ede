"""Gather the facts that the rules look at."""

from __future__ import annotations

from pushgate.endpoints.context import Context
from pushgate.errors import OAuthError
from pushgate.model import AuthorizationRequest, Client
from pushgate.protocol.rules import Facts
from pushgate.protocol.scopes import OPENID, realm_scopes


def must_name_uri(ctx: Context, client: Client, request: AuthorizationRequest) -> bool:
    """Whether the request has to name its redirect URI. OpenID Connect Core 3.1.2.1, FAPI2-SP 5.3.2.2."""
    policy = ctx.policy(client)
    openid = OPENID in (request.scope or ()) and not policy.dialect.redirect_uri_left_out
    return openid or policy.profile.redirect_uri_required


def facts_of(
    ctx: Context,
    client: Client,
    request: AuthorizationRequest,
    *,
    pushed: bool,
    signed: bool = False,
    malformed: OAuthError | None = None,
) -> Facts:
    """The facts about a request in this realm at this moment."""
    settings, policy = ctx.realm.settings, ctx.policy(client)
    of_realm = policy.profile is ctx.realm.profile
    return Facts(
        request=request,
        client=client,
        policy=policy,
        pushed=pushed,
        signed=signed,
        default_scope=ctx.default_scope,
        settings=settings,
        issuer=ctx.realm.issuer.identifier,
        known_scopes=ctx.known_scopes if of_realm else realm_scopes(policy.profile, settings.resources),
        malformed=malformed,
    )
