"""Where the parameters of an authorization request come from (RFC 9101).

From the form, from a request object in it, or from one that the form refers to.
"""

from __future__ import annotations

import msgspec

from pushgate import refusals
from pushgate.endpoints.context import Context
from pushgate.fetch import FetchError
from pushgate.jose.encrypt import is_jwe
from pushgate.model import Client, Fact
from pushgate.profiles import Policy
from pushgate.protocol import request_object
from pushgate.protocol.params import Params
from pushgate.protocol.request_object import RequestObjectRules
from pushgate.throttle import Limit

MAX_DETAIL = 500  # characters of a reason in the log


class Asked(Fact, frozen=True, gc=True):
    """The parameters that count, and whether a signature vouches for them."""

    params: Params
    signed: bool


async def asked_for(ctx: Context, client: Client, params: Params) -> Asked:
    """The parameters of a request. Raises InvalidRequestObject, InvalidRequest, RequestNotSupported.

    With a request object only its claims count; what stands beside it is ignored. RFC 9101 5, 6.3; RFC 9126 3.
    """
    value = params.get("request")
    if value is None:
        return Asked(params, signed=False)
    if not ctx.realm.settings.request_parameter_supported:
        raise refusals.REQUEST_OBJECT_UNSUPPORTED()
    return await signed_request(ctx, client, value)


async def pushed(ctx: Context, client: Client, params: Params) -> Asked:
    """The parameters of a push. Raises what `brought` raises. RFC 9126 2.1, 3."""
    if "request_uri" in params:
        if not ctx.policy(client).dialect.references_pushed or "request" in params:
            raise refusals.PAR_REQUEST_URI()
        return await signed_request(ctx, client, await fetched(ctx, client, params["request_uri"]))
    asked = await asked_for(ctx, client, params)
    if "request" not in params:
        return asked
    return Asked(request_object.with_beside(asked.params, params, ctx.policy(client)), signed=True)


async def brought(ctx: Context, client: Client, params: Params) -> Asked:
    """The parameters of a request that a browser brought, where `request_uri` may refer to a request object.

    Raises what `asked_for` raises, InvalidRequestUri, RequestUriNotSupported and TemporarilyUnavailable. RFC 9101 5.2.
    """
    if ctx.policy(client).par_required:
        # An object is not worth having where only pushed requests are taken: the form tells where to say so.
        return Asked(params, signed=False)
    uri = params.get("request_uri")
    if uri is None:
        return await asked_for(ctx, client, params)
    return await signed_request(ctx, client, await fetched(ctx, client, uri))


async def fetched(ctx: Context, client: Client, uri: str) -> str:
    """The request object at one of the client's request_uris, fetched now.

    Raises InvalidRequestUri, RequestUriNotSupported and TemporarilyUnavailable. RFC 9101 5.2, 10.4.1.
    """
    settings = ctx.realm.settings
    if not uri.startswith("https:"):
        raise refusals.REQUEST_URI_REFERENCE()
    if not settings.request_uri_parameter_supported:
        raise refusals.REQUEST_URI_UNSUPPORTED()
    if uri not in client.request_uris:
        raise refusals.REQUEST_URI_UNREGISTERED()
    # Any browser can cause a fetch, but nobody a flood at the client's host.
    rate = settings.rates.fetches_per_minute
    ctx.services.buckets.take(Limit(("fetch", ctx.name, client.client_id), rate / 60, rate), ctx.now())
    location, _, digest = uri.partition("#")
    try:
        text = await ctx.services.fetcher.get_text(location, request_object.MEDIA_TYPES)
    except FetchError as problem:
        raise refusals.REQUEST_URI_FETCH(str(problem)[:MAX_DETAIL]) from None
    return request_object.referred_to(text, digest)


async def signed_request(ctx: Context, client: Client, value: str) -> Asked:
    """The claims of a request object, once its signature held. Raises InvalidRequestObject, InvalidRequest."""
    if is_jwe(value):
        value = request_object.open_encrypted(value, ctx.keys.decrypting)
    unverified = request_object.parse_request_object(value)
    inner = request_object.verify_request_object(
        unverified,
        client_id=client.client_id,
        registered_alg=client.request_object_signing_alg,
        keys=await ctx.services.client_keys.public_keys(ctx.name, client, unverified.header),
        issuer=ctx.realm.issuer.identifier,
        now=ctx.now(),
        rules=rules_of(ctx.policy(client)),
        audiences=ctx.realm.issuer.other_names if ctx.policy(client).profile.lenient else frozenset(),
    )
    return Asked(inner, signed=True)


def rules_of(policy: Policy) -> RequestObjectRules:
    """The rules of a client's request objects. FAPI2-MS 5.3.1."""
    rules = request_object.MESSAGE_SIGNING if policy.profile.signed_requests else request_object.PLAIN
    algorithms, bare = rules.algorithms & policy.profile.algorithms, policy.dialect.bare_request_objects
    return msgspec.structs.replace(rules, algorithms=algorithms, parties_required=not bare)
