"""Answer the client at its redirect URI: in the clear, or as a JWT that is signed and may be encrypted (JARM)."""

from __future__ import annotations

from collections.abc import Callable

from pushgate import refusals
from pushgate.endpoints.context import Context
from pushgate.endpoints.encryption import encryption_for
from pushgate.jose.sign import sign_jwt
from pushgate.model import Client
from pushgate.profiles import OPEN_RESPONSE_MODES
from pushgate.protocol.authorization_response import (
    RESPONSE_TYPE,
    AuthorizationResponse,
    Members,
    deliver,
    response_claims,
    response_members,
)
from pushgate.protocol.redirect_uri import ReplyTo

Answer = Callable[[Members], AuthorizationResponse]


async def answer_of(ctx: Context, client: Client, reply_to: ReplyTo) -> Answer:
    """How to answer this client there. Whatever could be missing is loaded now, before anything is spent.

    Raises InvalidRequest, for the page, where the client wants its responses encrypted and its key is not to be had:
    then nothing is sent at all. JARM 2.2, 3.
    """
    issuer = ctx.realm.issuer.identifier
    # Who takes JWTs alone is told in one that its request was to ask for one (FAPI2-MS 5.4.1).
    if not reply_to.jwt and ctx.policy(client).response_modes & OPEN_RESPONSE_MODES:
        return lambda members: deliver(reply_to, response_members(reply_to, issuer, members))
    key = ctx.keys.signing[ctx.policy(client).profile.signing_alg(client.authorization_signed_response_alg)]
    alg, enc = client.authorization_encrypted_response_alg, client.authorization_encrypted_response_enc
    seal = await encryption_for(ctx, client, alg, enc, otherwise=refusals.RESPONSE_KEY)

    def answer(members: Members) -> AuthorizationResponse:
        claims = response_claims(response_members(reply_to, issuer, members), client.client_id, ctx.now())
        return deliver(reply_to, {"response": seal(sign_jwt(claims, key, RESPONSE_TYPE))})

    return answer
