"""Where the parameters of an authorization request come from: the form, or a request object in it (RFC 9101)."""

from __future__ import annotations

import msgspec

from pushgate import refusals
from pushgate.endpoints.context import Context
from pushgate.jose.encrypt import is_jwe
from pushgate.model import Client, Fact
from pushgate.profiles import Policy
from pushgate.protocol import request_object
from pushgate.protocol.params import Params
from pushgate.protocol.request_object import RequestObjectRules


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
    )
    return Asked(inner, signed=True)


def rules_of(policy: Policy) -> RequestObjectRules:
    """The rules of a client's request objects. FAPI2-MS 5.3.1."""
    rules = request_object.MESSAGE_SIGNING if policy.profile.signed_requests else request_object.PLAIN
    return msgspec.structs.replace(rules, algorithms=rules.algorithms & policy.profile.algorithms)
