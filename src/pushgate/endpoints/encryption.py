"""Encrypt a signed JWT to the client that asked for it (JARM 2.2, RFC 9701 6)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pushgate.endpoints.context import Context
from pushgate.errors import Refusal
from pushgate.jose.encrypt import DEFAULT_ENC, encrypt_to
from pushgate.model import Client


async def encryption_for(
    ctx: Context, client: Client, alg: str | None, enc: str | None, *, otherwise: Refusal, cty: str | None = "JWT"
) -> Callable[[str], str]:
    """What encrypts a signed JWT to the client, or leaves it as it is without an `alg`; `cty` says what is inside.

    Raises `otherwise` where the client's key is not to be had: nothing is ever sent in clear instead.
    """
    if alg is None:
        return _as_it_is
    key = await ctx.services.client_keys.encryption_key(ctx.name, client, alg)
    if key is None:
        raise otherwise(f"no key for {alg}")
    return partial(encrypt_to, key, enc=enc or DEFAULT_ENC, cty=cty)


def _as_it_is(jwt: str) -> str:
    return jwt
