"""Who may call the API: a token of this realm, for its management, of a client for itself or of an operator."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlsplit

from pushgate import refusals
from pushgate.endpoints.context import Context
from pushgate.endpoints.http import Request
from pushgate.endpoints.own_resource import Rules, own_resource, rules_for
from pushgate.endpoints.revoke import was_revoked
from pushgate.endpoints.userinfo import thumbprint_of
from pushgate.errors import OAuthError
from pushgate.jose.verify import BadJws, parse_jws
from pushgate.manage.change import Actor
from pushgate.protocol import dpop
from pushgate.protocol.access_token import presented_token
from pushgate.protocol.management import ADMIN, audience_of, power
from pushgate.realm import DEFAULT_REALM, REALM_NAME
from pushgate.resource import AccessRefused, AccessToken, ProtectedResource
from pushgate.resource.refused import Wanted, challenges
from pushgate.server import AuthorizationServer


async def authorised(server: AuthorizationServer, ctx: Context, request: Request, url: str, scope: str) -> Actor:
    """Who calls, and what they may do today. Raises AccessRefused.

    A scope that the client's registration has lost since does not count. RFC 6750 3, RFC 9068 4.
    """
    try:
        token = await _checked(ctx, request, url, scope)
    except AccessRefused as why:
        if why.status == 401 and await _of_another_realm(server, ctx, request, url):
            raise _refused(ctx, refusals.MANAGEMENT_REALM(), scope) from None
        raise
    request.claimed_client = token.client_id
    if token.sub != token.client_id or "grant" in token.claims:
        raise _refused(ctx, refusals.MANAGEMENT_USER(), scope)
    if await was_revoked(ctx, token.claims["jti"]):
        raise _refused(ctx, refusals.MANAGEMENT_REVOKED(), scope)
    held = token.scope
    if token.client_id != ADMIN:
        client = await ctx.client(token.client_id)
        held &= frozenset() if client is None else power(client, audience_of(ctx.realm.issuer.identifier))
        if not held:
            raise _refused(ctx, refusals.MANAGEMENT_CLIENT(), scope)
    if scope not in held:
        raise _refused(ctx, refusals.ACCESS_SCOPE("no longer"), scope)
    return Actor(token.client_id, ctx.name, held, ctx.realm.settings.serial)


def url_of(ctx: Context, raw_path: str) -> str:
    """The URL of a call, as the client sees it."""
    parts = urlsplit(ctx.realm.issuer.identifier)
    return f"{parts.scheme}://{parts.netloc}{raw_path}"


def resource_of(ctx: Context, rules: Rules) -> ProtectedResource:
    """The realm's management API."""
    return own_resource(ctx, "management", audience_of(ctx.realm.issuer.identifier), rules)


async def _checked(ctx: Context, request: Request, url: str, scope: str) -> AccessToken:
    algorithms, bound_only = await rules_for(ctx, request)
    if _claim(request, "client_id") == ADMIN:  # made at the machine, for a short time, and bound to nothing
        algorithms, bound_only = ctx.realm.profile.algorithms, False
    return await resource_of(ctx, (algorithms, bound_only)).check(
        method=request.method,
        url=url,
        headers=request.headers,
        certificate=thumbprint_of(request),
        scope=scope,
    )


async def _of_another_realm(server: AuthorizationServer, ctx: Context, request: Request, url: str) -> bool:
    """Whether the token is a good one, of another realm of this server."""
    issuer = _claim(request, "iss")
    try:
        bound = server.snapshot.bound(urlsplit(issuer or "").netloc)
    except ValueError:  # it is anybody's text
        return False
    name = bound or (DEFAULT_REALM if issuer == server.base_url else (issuer or "").rpartition("/")[2])
    if issuer == ctx.realm.issuer.identifier or not REALM_NAME.fullmatch(name):
        return False
    other = await server.realm(name)
    if other is None or other.realm.issuer.identifier != issuer:
        return False
    with suppress(AccessRefused):
        await resource_of(other, (other.realm.profile.algorithms, False)).check(
            method=request.method, url=url, headers=request.headers, certificate=thumbprint_of(request)
        )
        return True
    return False


def _claim(request: Request, name: str) -> str | None:
    """What the token says of itself; nothing of it is believed."""
    with suppress(OAuthError, BadJws):
        found = parse_jws(presented_token(request.header_values(b"authorization")).token).claims.get(name)
        return found if isinstance(found, str) else None
    return None


def _refused(ctx: Context, error: OAuthError, scope: str) -> AccessRefused:
    algs = dpop.algs_within(ctx.realm.profile.algorithms)
    told = challenges(error, scheme="Bearer", realm=ctx.name, algs=algs, wanted=Wanted.of(scope, (), None))
    return AccessRefused(error, told)
