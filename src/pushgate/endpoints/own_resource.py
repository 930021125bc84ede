"""APIs that this server has itself: checked by the code that anybody's API imports, with what is at hand here."""

from __future__ import annotations

from contextlib import suppress

from pushgate.endpoints.context import Context
from pushgate.endpoints.http import Request
from pushgate.errors import OAuthError
from pushgate.jose.verify import BadJws, parse_jws
from pushgate.profiles import ASYMMETRIC
from pushgate.protocol.access_token import presented_token
from pushgate.protocol.client_auth import MAX_CLIENT_ID
from pushgate.resource import ProtectedResource

Rules = tuple[frozenset[str], bool]
"""Algorithms of tokens, and whether they have to be bound to a key."""


async def rules_for(ctx: Context, request: Request) -> Rules:
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


def own_resource(ctx: Context, name: str, audience: str | tuple[str, ...], rules: Rules) -> ProtectedResource:
    """An API of this realm. Its keys are at hand, and used proofs are in the store that all processes share.

    A proof that was used at one API is another's business still: they are kept under its `name`.
    """
    algorithms, bound_only = rules

    async def replay(key: str, until: int) -> bool:
        return await ctx.transient.add_all((ctx.transient.mark("dpop", f"{name}\0{key}", until),)) is None

    return ProtectedResource(
        issuer=ctx.realm.issuer.identifier,
        audience=audience,
        realm=ctx.name,
        algorithms=algorithms & ASYMMETRIC,
        bound_only=bound_only,
        keys=ctx.keys.verifying,
        replay=replay,
        # The key and the name of UserInfo's nonces: clients keep one nonce for each server (RFC 9449 8).
        nonce_key=ctx.services.seal.derive(b"dpop nonce") if ctx.realm.settings.dpop_nonces else None,
        clock=ctx.now,
    )
