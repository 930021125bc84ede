"""Authenticate the client of a request: find the credential, load the facts, decide, remember a jti.

A valid assertion makes an `UnusedAssertion`; whether it was used before only the store can say. A push
asks it together with what it stores (`settle`), everybody else at once (`authenticate_client`).
"""

from __future__ import annotations

from pushgate import refusals
from pushgate.endpoints.context import Context
from pushgate.endpoints.http import Request
from pushgate.errors import InvalidClient
from pushgate.jose.verify import Unverified
from pushgate.protocol import client_assertion, client_auth
from pushgate.protocol.client_assertion import UnusedAssertion
from pushgate.protocol.client_auth import AssertionCredential, AuthenticatedClient, find_credential
from pushgate.protocol.params import Params
from pushgate.store.ports import Row
from pushgate.throttle import Limit

Identified = AuthenticatedClient | UnusedAssertion


async def authenticate_client(ctx: Context, request: Request, params: Params) -> AuthenticatedClient:
    """The client that proved itself. Raises InvalidClient, InvalidRequest, or 429 after many failures.

    RFC 6749 2.3, RFC 7523 3, RFC 9126 2.
    """
    return await settle(ctx, request, await identify_client(ctx, request, params))


async def identify_client(ctx: Context, request: Request, params: Params) -> Identified:
    """As `authenticate_client`, but whether an assertion is new is left to `settle`."""
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
    limit = _failures(ctx, request, client_id)
    ctx.services.buckets.check(limit, ctx.now())
    try:
        if unverified is not None:
            return await _verified(ctx, unverified, client_id)
        assert not isinstance(credential, AssertionCredential)
        return client_auth.authenticate(credential, await ctx.client(client_id))
    except InvalidClient:
        ctx.services.buckets.count(limit, ctx.now())
        raise


async def settle(ctx: Context, request: Request, found: Identified, *rows: Row) -> AuthenticatedClient:
    """Remember the jti of an assertion and keep `rows`, both or neither: exactly one use wins.

    Raises InvalidClient for a replay, and then keeps nothing. The keys of `rows` are random, so they are new.
    """
    used = (_jti(ctx, found),) if isinstance(found, UnusedAssertion) else ()
    everything = (*used, *rows)
    clash = await ctx.transient.add_all(everything) if everything else None
    if clash is not None and clash >= len(used):
        raise RuntimeError("a random handle of 208 bits came twice: the random source is broken")
    if isinstance(found, AuthenticatedClient):
        return found
    if clash is not None:
        ctx.services.buckets.count(_failures(ctx, request, found.client.client_id), ctx.now())
    return client_auth.accept(found, first_use=clash is None)


def _failures(ctx: Context, request: Request, client_id: str) -> Limit:
    """Guessing gets slower (RFC 6749 2.3.1); who guesses right is not counted."""
    per_minute = ctx.realm.settings.rates.failures_per_minute
    return Limit(("auth", ctx.name, client_id, request.address), per_minute / 60, per_minute)


async def _verified(ctx: Context, unverified: Unverified, client_id: str) -> UnusedAssertion:
    client = client_assertion.check_method(unverified, await ctx.client(client_id))
    keys = await ctx.services.client_keys.keys(ctx.name, client, unverified.header)
    audiences = ctx.realm.issuer.assertion_audiences
    return client_assertion.verify_assertion(unverified, client, keys, audiences, ctx.now())


def _jti(ctx: Context, assertion: UnusedAssertion) -> Row:
    key = ctx.transient.key("jti", f"{assertion.client.client_id}\0{assertion.jti}")
    return Row("jti", key, b"", assertion.remember_until)
