"""How a client gets its ID Tokens and UserInfo: signed with which key, encrypted to which."""

from __future__ import annotations

from collections.abc import Callable

from pushgate import refusals
from pushgate.endpoints.context import Context
from pushgate.endpoints.encryption import encryption_for
from pushgate.jose.algorithms import HMACS
from pushgate.jose.keys import SigningKey
from pushgate.model import Client, Fact


class Form(Fact, frozen=True, gc=True):
    """The form of a client's ID Tokens. Whatever could be missing is there, so it is had before anything is spent."""

    key: SigningKey
    seal: Callable[[str], str]


async def id_token_form(ctx: Context, client: Client) -> Form:
    """The client's registered algorithms, if its profile has them. Raises InvalidRequest without a key for them.

    A token that is to be encrypted is never sent in clear instead. OpenID Connect Core 2, 10.
    """
    key = signing_key(ctx, client, client.id_token_signed_response_alg)
    alg, enc = client.id_token_encrypted_response_alg, client.id_token_encrypted_response_enc
    return Form(key, await encryption_for(ctx, client, alg, enc, otherwise=refusals.ID_TOKEN_KEY))


def signing_key(ctx: Context, client: Client, wanted: str) -> SigningKey:
    """The key for an algorithm that the client registered, or for the nearest that its profile allows.

    Raises InvalidRequest where that is the client's secret, and it was not kept. OpenID Connect Core 10.1.
    """
    alg = ctx.policy(client).profile.signing_alg(wanted)
    if alg not in HMACS:
        return ctx.keys.signing[alg]
    key = None if client.public else ctx.services.client_keys.signing_key(ctx.name, client, alg)
    if key is None:
        raise refusals.ID_TOKEN_KEY(f"no secret for {alg}")
    return key
