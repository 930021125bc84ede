"""Authenticate the client of a request: find the credential, load the facts, decide.

A valid assertion makes an `UnusedAssertion`; whether it was used before only the store can say: see `sender`.
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
from pushgate.throttle import Limit

Identified = AuthenticatedClient | UnusedAssertion


async def identify_client(ctx: Context, request: Request, params: Params) -> Identified:
    """The client whose credential holds. Raises InvalidClient, InvalidRequest, or 429 after many failures.

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
    limit = failure_limit(ctx, request, client_id)
    ctx.services.buckets.check(limit, ctx.now())
    try:
        if unverified is not None:
            return await _verified(ctx, unverified, client_id)
        assert not isinstance(credential, AssertionCredential)
        found = client_auth.authenticate(credential, await ctx.client(client_id))
        client_auth.check_profile(found.client, ctx.policy(found.client))
        return found
    except InvalidClient:
        ctx.services.buckets.count(limit, ctx.now())
        raise


def failure_limit(ctx: Context, request: Request, client_id: str) -> Limit:
    """Guessing gets slower (RFC 6749 2.3.1); who guesses right is not counted."""
    per_minute = ctx.realm.settings.rates.failures_per_minute
    return Limit(("auth", ctx.name, client_id, request.address), per_minute / 60, per_minute)


async def _verified(ctx: Context, unverified: Unverified, client_id: str) -> UnusedAssertion:
    client = client_assertion.check_method(unverified, await ctx.client(client_id))
    policy = ctx.policy(client)
    client_auth.check_profile(client, policy)
    keys = await ctx.services.client_keys.keys(ctx.name, client, unverified.header)
    issuer = ctx.realm.issuer
    audiences = frozenset({issuer.identifier}) if policy.profile.issuer_audience else issuer.assertion_audiences
    return client_assertion.verify_assertion(unverified, client, keys, audiences, ctx.now(), policy.profile)
