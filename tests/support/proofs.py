"""DPoP proofs for tests, signed by joserfc's algorithms and not by the product's own code."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import httpx
from joserfc.jwk import Key

from pushgate.testing import BASE_URL, Running
from tests.support.assertions import b64, key, seal
from tests.support.manifests import REDIRECT, VERIFIER
from tests.support.steps import TOKEN, USERINFO, but, post_as

_numbers = itertools.count(1)


def jwk_of(by: Key) -> dict[str, Any]:
    """A public key as a proof carries it."""
    return {name: value for name, value in by.as_dict(private=False).items() if name != "kid"}


def proof(
    server: Running, path: str = TOKEN, by: str | Key = "p256", *, method: str = "POST", alg: str = "ES256", **more: Any
) -> str:
    """A good proof for a request to this path, but with these claims; None leaves one out."""
    signer = key(by) if isinstance(by, str) else by
    claims = {
        "jti": f"proof-{next(_numbers)}",
        "htm": method,
        "htu": BASE_URL + path,
        "iat": int(server.clock()),
        **more,
    }
    header = {"typ": "dpop+jwt", "alg": alg, "jwk": jwk_of(signer)}
    return seal(header, {name: value for name, value in claims.items() if value is not None}, alg, signer)


def ath(token: str) -> str:
    """The hash of an access token (RFC 9449 4.2)."""
    return b64(hashlib.sha256(token.encode()).digest())


def thumbprint(by: str) -> str:
    """The RFC 7638 thumbprint, as joserfc computes it."""
    return key(by).thumbprint()


async def post_with(
    server: Running, client_id: str, path: str, form: dict[str, str], sent: str | list[str] | None
) -> httpx.Response:
    """Send a form as this client with the proof; several proofs are several headers."""
    proofs = [sent] if isinstance(sent, str) else sent or []
    with_proof = [("DPoP", value) for value in proofs]
    before = server.http.headers
    server.http.headers = httpx.Headers([*before.multi_items(), *with_proof])
    try:
        return await post_as(server, client_id, path, form)
    finally:
        server.http.headers = before


async def redeem_with(
    server: Running, code: str, sent: str | list[str] | None, client_id: str = "app", redirect_uri: str = REDIRECT
) -> httpx.Response:
    """Redeem a code with a proof."""
    form = {"grant_type": "authorization_code", "redirect_uri": redirect_uri, "code_verifier": VERIFIER, "code": code}
    return await post_with(server, client_id, TOKEN, form, sent)


async def refresh_with(
    server: Running, token: str, sent: str | None, client_id: str = "app", **more: str
) -> httpx.Response:
    """Use a refresh token with a proof."""
    form = but({"grant_type": "refresh_token", "refresh_token": token}, **more)
    return await post_with(server, client_id, TOKEN, form, sent)


async def userinfo_with(
    server: Running, token: str, sent: str | None, *, scheme: str = "DPoP", method: str = "GET"
) -> httpx.Response:
    """Use a bound access token."""
    headers = {"authorization": f"{scheme} {token}", **({"dpop": sent} if sent is not None else {})}
    return await server.http.request(method, USERINFO, headers=headers)


def resource_proof(server: Running, token: str, by: str = "p256", *, method: str = "GET", **more: Any) -> str:
    """A proof for UserInfo and this token."""
    return proof(server, USERINFO, by, method=method, **{"ath": ath(token), **more})
