"""What clients know users by, and whether somebody is whom a request speaks of (OpenID Connect Core 8, 3.1.2.2)."""

from __future__ import annotations

from typing import Any

from pushgate import refusals
from pushgate.endpoints.context import Context
from pushgate.jose.algorithms import HMACS
from pushgate.jose.verify import BadJws, parse_jws
from pushgate.model import AuthorizationRequest, Client
from pushgate.protocol.claims_request import allows, subjects_asked
from pushgate.protocol.subjects import subject
from pushgate.protocol.tokens import own_id_token


def subject_for(ctx: Context, client: Client, sub: str) -> str:
    """The `sub` that this client is told for a user; `sub` is the local one, which grants and sessions have."""
    return sub if client.subject_type == "public" else subject(client, sub, ctx.pairwise_key)


async def is_another_user(
    ctx: Context, client: Client, asked: AuthorizationRequest, hint: dict[str, Any] | None, sub: str
) -> bool:
    """Whether the user `sub` is not the one that the request names, by its hint or its claims request.

    OpenID Connect Core 3.1.2.1, 3.1.2.2, 5.5.1.
    """
    if hint is not None and not await is_named(ctx, hint, sub):
        return True
    return asked.claims is not None and not all(
        allows(wish, subject_for(ctx, client, sub)) for wish in subjects_asked(asked)
    )


async def is_named(ctx: Context, hint: dict[str, Any], sub: str) -> bool:
    """Whether an ID Token of ours, whose claims `hint` are, is about this user. Its audience may be another client."""
    client = await ctx.client(str(hint.get("aud")))
    return bool(hint["sub"] == (sub if client is None else subject_for(ctx, client, sub)))


async def hint_of(ctx: Context, hint: str) -> dict[str, Any]:
    """The claims of an `id_token_hint`. Raises InvalidRequest for anything but an ID Token of this issuer.

    It may be signed with the secret of the client that it was made for, and is not encrypted: a client that got it so
    has to open it first. OpenID Connect Core 3.1.2.1, 10.1.
    """
    try:
        unverified = parse_jws(hint)
    except BadJws:
        raise refusals.HINT_INVALID("no JWT") from None
    keys = ctx.keys.verifying
    if unverified.header["alg"] in HMACS:
        client = await ctx.client(str(unverified.claims.get("aud")))
        if client is None or client.id_token_signed_response_alg != unverified.header["alg"]:
            raise refusals.HINT_INVALID("signed with the secret of nobody who gets such tokens")
        keys = ctx.services.client_keys.secret(ctx.name, client)
    claims = own_id_token(hint, keys, ctx.realm.issuer.identifier)
    if claims is None:
        raise refusals.HINT_INVALID()
    return claims
