"""Authenticate the client of a request: find the credential, load the facts, decide, remember a jti."""

from __future__ import annotations

from pushgate import refusals
from pushgate.endpoints.context import Context
from pushgate.endpoints.http import Request
from pushgate.errors import InvalidClient
from pushgate.jose.verify import Unverified
from pushgate.protocol import client_assertion, client_auth
from pushgate.protocol.client_auth import AssertionCredential, AuthenticatedClient, find_credential
from pushgate.protocol.params import Params
from pushgate.throttle import Limit


async def authenticate_client(ctx: Context, request: Request, params: Params) -> AuthenticatedClient:
    """The client that proved itself. Raises InvalidClient, InvalidRequest, or 429 after many failures.

    RFC 6749 2.3, RFC 7523 3, RFC 9126 2.
    """
    credential = find_credential(request.header_values(b"authorization"), params)
    unverified = None
    if isinstance(credential, AssertionCredential):
        unverified, client_id = client_assertion.claimed_client_id(credential.assertion, credential.client_id)
    else:
        client_id = credential.client_id
    if len(client_id) > client_auth.MAX_CLIENT_ID:
        # Nobody's name; counted or logged, such names would fill the memory and the audit table.
        request.claimed_client = None
        raise refusals.CLIENT_AUTHENTICATION("longer than any client_id")
    request.claimed_client = client_id
    per_minute = ctx.realm.settings.rates.failures_per_minute
    limit = Limit(("auth", ctx.name, client_id, request.address), per_minute / 60, per_minute)
    ctx.services.buckets.check(limit, ctx.now())
    try:
        if isinstance(credential, AssertionCredential):
            assert unverified is not None
            return await _by_assertion(ctx, unverified, client_id)
        return client_auth.authenticate(credential, await ctx.client(client_id))
    except InvalidClient:
        # Guessing gets slower (RFC 6749 2.3.1); who guesses right is not counted.
        ctx.services.buckets.count(limit, ctx.now())
        raise


async def _by_assertion(ctx: Context, unverified: Unverified, client_id: str) -> AuthenticatedClient:
    """Verify, then let the store say whether this jti is new: exactly one use wins."""
    client = client_assertion.check_method(unverified, await ctx.client(client_id))
    keys = await ctx.services.client_keys.keys(ctx.name, client, unverified.header)
    audiences = ctx.realm.issuer.assertion_audiences
    verified = client_assertion.verify_assertion(unverified, client, keys, audiences, ctx.now())
    until = verified.remember_until
    key = ctx.transient.key("jti", f"{client_id}\0{verified.jti}")
    return client_auth.accept(verified, first_use=await ctx.transient.add("jti", key, b"", until))
