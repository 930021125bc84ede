"""GET or POST to the sample resource: an API that shows, and lets clients try, what its callers' tokens say.

It is checked by the same code that anybody's API imports (pushgate.resource), and is there only where the server
is told so.
"""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID, uuid4

from pushgate.endpoints.context import Context
from pushgate.endpoints.http import NO_STORE, Header, Reply, Request, json_reply
from pushgate.endpoints.sender import with_nonce
from pushgate.endpoints.userinfo import thumbprint_of
from pushgate.errors import OAuthError
from pushgate.events import RequestRefused
from pushgate.jose.verify import BadJws, parse_jws
from pushgate.profiles import ASYMMETRIC
from pushgate.protocol.access_token import presented_token
from pushgate.protocol.client_auth import MAX_CLIENT_ID
from pushgate.resource import AccessRefused, AccessToken, ProtectedResource
from pushgate.store.ports import Row

INTERACTION = b"x-fapi-interaction-id"


async def sample_resource(ctx: Context, request: Request) -> Reply:
    """What the access token says. It is for the issuer, or for this resource's own URL."""
    interaction = (INTERACTION, interaction_id(request.header(INTERACTION)).encode())
    try:
        token = await resource_of(ctx, await rules_for(ctx, request)).check(
            method=request.method,
            url=url_of(ctx),
            headers=request.headers,
            certificate=thumbprint_of(request),
        )
    except AccessRefused as why:
        return refused(ctx, request, why, interaction)
    request.claimed_client = token.client_id
    reply = with_nonce(ctx, json_reply(told(token)), resource=True)
    reply.headers.append(interaction)
    return reply


def told(token: AccessToken) -> dict[str, object]:
    """What the sample tells of a token: nothing that its holder does not know."""
    return {
        "sub": token.sub,
        "client_id": token.client_id,
        "scope": " ".join(sorted(token.scope)),
        "aud": list(token.audience),
        "exp": token.expires_at,
        "scheme": token.scheme,
        "cnf": dict(token.cnf),
    }


def url_of(ctx: Context) -> str:
    """The URL of the sample in this realm."""
    return f"{ctx.realm.issuer.root}/resource"


async def rules_for(ctx: Context, request: Request) -> tuple[frozenset[str], bool]:
    """Algorithms, and whether tokens have to be bound: those of the client that the token names, else the realm's.

    That the token names it truly shows with the signature, which is checked under these rules.
    """
    client = None
    with suppress(OAuthError, BadJws):
        named = parse_jws(presented_token(request.header_values(b"authorization")).token).claims.get("client_id")
        client = await ctx.client(named) if isinstance(named, str) and len(named) <= MAX_CLIENT_ID else None
    if client is None:
        return ctx.realm.profile.algorithms, ctx.realm.profile.sender_constrained
    policy = ctx.policy(client)
    return policy.profile.algorithms, policy.sender_constrained


def resource_of(ctx: Context, rules: tuple[frozenset[str], bool]) -> ProtectedResource:
    """The realm's sample: its keys are at hand, and used proofs are in the store that all processes share."""
    algorithms, bound_only = rules

    async def replay(key: str, until: int) -> bool:
        row = Row("dpop", ctx.transient.key("dpop", f"resource\0{key}"), b"", until)
        return await ctx.transient.add_all((row,)) is None

    return ProtectedResource(
        issuer=ctx.realm.issuer.identifier,
        audience=(ctx.realm.issuer.identifier, url_of(ctx)),
        realm=ctx.name,
        algorithms=algorithms & ASYMMETRIC,
        bound_only=bound_only,
        keys=ctx.keys.verifying,
        replay=replay,
        # The key and the name of UserInfo's nonces: clients keep one nonce for each server (RFC 9449 8).
        nonce_key=ctx.services.seal.derive(b"dpop nonce") if ctx.realm.settings.dpop_nonces else None,
        clock=ctx.now,
    )


def interaction_id(value: str | None) -> str:
    """The caller's `x-fapi-interaction-id` if it is a UUID, else a new one. FAPI 1.0 6.2.1 items 11 and 12."""
    try:
        usual = value is not None and str(UUID(value)) == value.lower()
    except ValueError:
        usual = False
    return value if value is not None and usual else str(uuid4())


def refused(ctx: Context, request: Request, why: AccessRefused, *more: Header) -> Reply:
    """The answer that AccessRefused describes, and its line in the log."""
    ctx.emit(
        RequestRefused(
            endpoint=request.endpoint,
            refusal=why.refusal,
            error=why.error,
            status=why.status,
            detail=why.detail or None,
        ),
        request,
    )
    kept = ("www-authenticate", "pushgate-refusal", "dpop-nonce", "retry-after")
    headers = [(name.lower().encode(), value.encode()) for name, value in why.headers if name.lower() in kept]
    return json_reply(why.body, why.status, (*NO_STORE, *headers, *more))
