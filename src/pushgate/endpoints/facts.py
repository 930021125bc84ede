"""Gather the facts that the rules look at."""

from __future__ import annotations

from pushgate.endpoints.context import Context
from pushgate.errors import OAuthError
from pushgate.model import AuthorizationRequest, Client
from pushgate.protocol.rules import Facts
from pushgate.protocol.scopes import realm_scopes


def facts_of(
    ctx: Context,
    client: Client,
    request: AuthorizationRequest,
    *,
    pushed: bool,
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
        default_scope=ctx.default_scope,
        resources=settings.resources,
        issuer=ctx.realm.issuer.identifier,
        known_scopes=ctx.known_scopes if of_realm else realm_scopes(policy.profile, settings.resources),
        malformed=malformed,
    )
