"""Authenticate the client of a request: find the credential, load the facts, decide, remember a jti."""

from __future__ import annotations

from pushgate.endpoints.context import Context
from pushgate.endpoints.http import Request
from pushgate.errors import InvalidClient
from pushgate.protocol import client_assertion, client_auth
from pushgate.protocol.client_auth import AssertionCredential, AuthenticatedClient, find_credential
from pushgate.protocol.params import Params


async def authenticate_client(ctx: Context, request: Request, params: Params) -> AuthenticatedClient:
    """The client that proved itself. Raises InvalidClient, InvalidRequest, or 429 after many failures.

    RFC 6749 2.3, RFC 7523 3, RFC 9126 2.
    """
    credential = find_credential(request.header_values(b"authorization"), params)
    if not isinstance(credential, AssertionCredential):
        request.claimed_client = credential.client_id
        with _guessing_limit(ctx, request):
            return client_auth.authenticate(credential, await ctx.client(credential.client_id))
    unverified, client_id = client_assertion.claimed_client_id(credential.assertion, credential.client_id)
    request.claimed_client = client_id
    with _guessing_limit(ctx, request):
        client = client_assertion.check_method(unverified, await ctx.client(client_id))
        keys = await ctx.services.client_keys.keys(ctx.name, client, unverified.header)
        audiences = ctx.realm.issuer.assertion_audiences
        verified = client_assertion.verify_assertion(unverified, client, keys, audiences, ctx.now())
        key = ctx.transient.key("jti", f"{client_id}\0{verified.jti}")
        first_use = await ctx.transient.add("jti", key, b"", verified.remember_until)
        return client_auth.accept(verified, first_use=first_use)


class _guessing_limit:
    """Count failures per client and address; past the realm's limit, refuse before looking (RFC 6749 2.3.1)."""

    def __init__(self, ctx: Context, request: Request) -> None:
        per_minute = ctx.realm.settings.rates.failures_per_minute
        self._limit = {"rate": per_minute / 60, "burst": float(per_minute), "now": ctx.now()}
        self._on = per_minute > 0
        self._key = ("auth", ctx.name, request.claimed_client or "", request.address)
        self._buckets = ctx.services.buckets

    def __enter__(self) -> None:
        if self._on:
            self._buckets.check(self._key, **self._limit)

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: object) -> None:
        if self._on and isinstance(problem, InvalidClient):
            self._buckets.count(self._key, **self._limit)
