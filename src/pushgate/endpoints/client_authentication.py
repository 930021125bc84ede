"""Authenticate the client of a request: find the credential, load the facts, decide.

A valid assertion makes an `UnusedAssertion`; whether it was used before only the store can say: see `sender`.
"""

from __future__ import annotations

from pushgate import refusals
from pushgate.endpoints.context import Context
from pushgate.endpoints.http import Request
from pushgate.endpoints.in_step import in_step
from pushgate.errors import InvalidClient
from pushgate.jose.verify import Unverified
from pushgate.model import Client
from pushgate.protocol import client_assertion, client_auth, mtls
from pushgate.protocol.client_assertion import UnusedAssertion
from pushgate.protocol.client_auth import AssertionCredential, AuthenticatedClient, NoCredential, find_credential
from pushgate.protocol.mtls import Certificate
from pushgate.protocol.params import Params
from pushgate.throttle import Limit

Identified = AuthenticatedClient | UnusedAssertion


async def identify_client(ctx: Context, request: Request, params: Params) -> Identified:
    """The client whose credential holds. Raises InvalidClient, InvalidRequest, or 429 after many failures.

    RFC 6749 2.3, RFC 7523 3, RFC 8705 2, RFC 9126 2.
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
    await in_step()
    limit = failure_limit(ctx, request, client_id)
    ctx.services.buckets.check(limit, ctx.now())
    try:
        client = await ctx.client(client_id)
        if client is not None and client_auth.by_certificate(client):
            client_auth.check_alone(credential, request.certificate())
            if isinstance(credential, NoCredential):
                return await _recognised(ctx, client, request.certificate())
        if unverified is not None:
            return await _verified(ctx, request, unverified, client)
        assert not isinstance(credential, AssertionCredential)
        found = client_auth.authenticate(credential, client)
        client_auth.check_profile(found.client, ctx.policy(found.client))
        return found
    except InvalidClient:
        ctx.services.buckets.count(limit, ctx.now())
        raise


def failure_limit(ctx: Context, request: Request, client_id: str) -> Limit:
    """Guessing gets slower (RFC 6749 2.3.1); who guesses right is not counted."""
    per_minute = ctx.realm.settings.rates.failures_per_minute
    return Limit(("auth", ctx.name, client_id, request.address), per_minute / 60, per_minute)


async def _recognised(ctx: Context, client: Client, certificate: Certificate | None) -> AuthenticatedClient:
    """A client that its certificate authenticates. Raises InvalidClient. RFC 8705 2.

    A certificate that is not in the keys at hand is looked for once more where the client publishes them.
    """
    client_auth.check_profile(client, ctx.policy(client))
    shown = mtls.presented(certificate)
    self_signed = client.token_endpoint_auth_method == "self_signed_tls_client_auth"
    jwks = await ctx.services.client_keys.jwks(client) if self_signed else None
    try:
        return client_auth.authenticate_certificate(client, shown, ctx.anchors, jwks, ctx.now())
    except InvalidClient:
        if not self_signed or client.jwks_uri is None:
            raise
    fresh = await ctx.services.client_keys.jwks(client, anew=True)
    return client_auth.authenticate_certificate(client, shown, ctx.anchors, fresh, ctx.now())


async def _verified(ctx: Context, request: Request, unverified: Unverified, known: Client | None) -> UnusedAssertion:
    client = client_assertion.check_method(unverified, known)
    policy = ctx.policy(client)
    client_auth.check_profile(client, policy)
    keys = await ctx.services.client_keys.keys(ctx.name, client, unverified.header)
    issuer = ctx.realm.issuer
    if policy.profile.issuer_audience:
        audiences = frozenset({issuer.identifier})
    else:
        named = request.endpoint in ("par", "token")  # the endpoints that RFC 9126 2 lets an assertion name
        audiences = issuer.assertion_audiences_at(request.path) if named else issuer.assertion_audiences
    return client_assertion.verify_assertion(unverified, client, keys, audiences, ctx.now(), policy.profile)
