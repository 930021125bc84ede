"""The attacker wants into an API: with a token that is not for it, not his, forged, or used before."""

from __future__ import annotations

import asyncio
import hmac
import json
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from pushgate.refusals import REFUSALS
from pushgate.resource import AccessRefused, ProtectedResource
from pushgate.testing import BASE_URL, Running, running
from tests.support.assertions import b64, key, seal
from tests.support.manifests import MANIFEST, REQUEST
from tests.support.proofs import ath, jwk_of, proof, redeem_with
from tests.support.resource import API, URL, an_api, bearer, bound, made, passes, proven, stopped
from tests.support.steps import but, code_for, header, tokens_for, verified

INVALID = "invalid_token"


@pytest.fixture
def api(server: Running) -> ProtectedResource:
    """An API that trusts the server."""
    return ProtectedResource(issuer=BASE_URL, audience=API, http=server.http, clock=server.clock)


@pytest.mark.requirement("JAT-5-1")
async def test_tokens_for_another_audience(server: Running, api: ProtectedResource) -> None:
    elsewhere = await tokens_for(server, but(REQUEST, scope="openid other"))
    userinfo = await tokens_for(server)
    for tokens in (elsewhere, userinfo):
        await stopped(api, bearer(tokens["access_token"]), 401, INVALID, "resource.token_audience")


@pytest.mark.requirement("JAT-5-1")
async def test_an_id_token_in_place_of_an_access_token(server: Running) -> None:
    tokens = await tokens_for(server, but(REQUEST, scope="openid read"))
    for audience in (API, "app"):  # even where the API is named like the client
        api = ProtectedResource(issuer=BASE_URL, audience=audience, http=server.http, clock=server.clock)
        await stopped(api, bearer(tokens["id_token"]), 401, INVALID, "resource.token_type")


async def test_tokens_of_another_issuer(server: Running) -> None:
    token = (await tokens_for(server, but(REQUEST, scope="openid read")))["access_token"]
    stranger = an_api(server, issuer="https://login.example")
    await stopped(stranger, bearer(token), 401, INVALID, "resource.token_signature")
    # In tests all realms have the same keys: that must not make their tokens one.
    await server.apply("realms: [{name: beta}]")
    beta = ProtectedResource(issuer=f"{BASE_URL}/realms/beta", audience=API, http=server.http, clock=server.clock)
    await stopped(beta, bearer(token), 401, INVALID, "resource.token_issuer")


async def test_algorithms_confused(server: Running, api: ProtectedResource) -> None:
    token = (await tokens_for(server, but(REQUEST, scope="openid read")))["access_token"]
    claims = await verified(server, token, "ES256")
    kid = header(token)["kid"]
    published = (await server.http.get("/oauth2/jwks")).json()["keys"]
    for alg in ("none", "None", "NONE"):
        forged = f"{b64({'typ': 'at+jwt', 'alg': alg, 'kid': kid})}.{b64(claims)}."
        await stopped(api, bearer(forged), 401, INVALID, "resource.token_alg")
    [public_key] = [member for member in published if member["kid"] == kid]
    for secret in (json.dumps(public_key), ECKey.import_key(public_key).as_pem(private=False).decode()):
        signing_input = f"{b64({'typ': 'at+jwt', 'alg': 'HS256', 'kid': kid})}.{b64(claims)}"
        mac = hmac.digest(secret.encode(), signing_input.encode(), "sha256")
        await stopped(api, bearer(f"{signing_input}.{b64(mac)}"), 401, INVALID, "resource.token_alg")


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c"])
async def test_a_key_that_the_token_brings_itself(server: Running, member: str) -> None:
    mine = ECKey.generate_key("P-256")
    values: dict[str, Any] = {
        "jwk": jwk_of(mine), "jku": "https://evil.example/jwks", "x5u": "https://evil.example/x", "x5c": ["MIIB"],
    }  # fmt: skip
    for kid in ("p256", None):
        forged = seal(
            {"typ": "at+jwt", "alg": "ES256", member: values[member]} | ({"kid": kid} if kid else {}),
            {"iss": BASE_URL, "sub": "alice", "aud": API, "client_id": "app", "jti": "1"}
            | {"iat": int(server.clock()), "exp": int(server.clock()) + 300},
            "ES256",
            mine,
        )
        await stopped(an_api(server), bearer(forged), 401, INVALID, "resource.token_signature")


async def test_a_changed_token(server: Running, api: ProtectedResource) -> None:
    token = (await tokens_for(server, but(REQUEST, scope="openid read")))["access_token"]
    head, _, signature = token.split(".")
    claims = await verified(server, token, "ES256")
    changed = f"{head}.{b64({**claims, 'scope': 'openid read write admin'})}.{signature}"
    await stopped(api, bearer(changed), 401, INVALID, "resource.token_signature")
    await stopped(api, bearer(f"{head}.{b64(claims)}."), 401, INVALID, "resource.token_signature")


async def test_a_token_out_of_its_time(server: Running, api: ProtectedResource) -> None:
    token = (await tokens_for(server, but(REQUEST, scope="openid read")))["access_token"]
    await passes(api, bearer(token))
    server.clock.advance(24 * 3600)
    await stopped(api, bearer(token), 401, INVALID, "resource.token_expired")
    early = made(server, nbf=int(server.clock()) + 3600)
    await stopped(an_api(server), bearer(early), 401, INVALID, "resource.token_early")


async def test_a_stolen_bound_token(server: Running, api: ProtectedResource) -> None:
    code = await code_for(server, but(REQUEST, scope="openid read"))
    token = (await redeem_with(server, code, proof(server))).json()["access_token"]
    await stopped(api, bearer(token), 401, INVALID, "resource.token_scheme")
    await stopped(api, {"authorization": f"DPoP {token}"}, 401, "invalid_dpop_proof", "dpop.required")
    mine = proven(server, token, "p256-second")
    await stopped(api, mine, 401, INVALID, "resource.token_key")
    await passes(api, proven(server, token))


async def test_a_proof_overheard(server: Running) -> None:
    """With the token and one proof in hand: again, elsewhere, otherwise, or for another token of the same key."""
    resource, token = an_api(server), bound(server)
    heard = proven(server, token)
    elsewhere = {"method": "POST"}, {"url": f"{API}/admin"}, {"url": "https://other.example/notes"}
    for changes, refusal in zip(elsewhere, ("dpop.htm", "dpop.htu", "dpop.htu"), strict=True):
        await stopped(resource, heard, 401, "invalid_dpop_proof", refusal, **changes)
    other = bound(server, scope="admin")
    with_other = {"authorization": f"DPoP {other}", "dpop": heard["dpop"]}
    await stopped(resource, with_other, 401, "invalid_dpop_proof", "dpop.ath")
    await passes(resource, heard)
    await stopped(resource, heard, 401, "invalid_dpop_proof", "dpop.replay")
    respelt = {"url": f"{URL}?again=1"}, {"url": "https://API.example:443/./notes"}
    for changes in respelt:
        await stopped(resource, heard, 401, "invalid_dpop_proof", "dpop.replay", **changes)


async def test_a_proof_used_by_many_at_once(server: Running) -> None:
    resource, token = an_api(server), bound(server)

    async def attempt(headers: dict[str, str]) -> str:
        try:
            await passes(resource, headers)
        except AccessRefused as why:
            return why.refusal
        return "passed"

    for _ in range(10):
        headers = proven(server, token)
        found = await asyncio.gather(*[attempt(headers) for _ in range(20)])
        assert sorted(found) == ["dpop.replay"] * 19 + ["passed"]


async def test_the_same_at_the_servers_own_sample() -> None:
    """Used proofs are in the store that all processes share."""
    async with running(MANIFEST, sample_resource=True) as server:
        reply = await redeem_with(server, await code_for(server), proof(server))
        token = reply.json()["access_token"]
        sent = proof(server, "/resource", method="GET", ath=ath(token))
        headers = {"authorization": f"DPoP {token}", "dpop": sent}
        replies = await asyncio.gather(*[server.http.get("/resource", headers=headers) for _ in range(20)])
        assert sorted(reply.status_code for reply in replies) == [200] + [401] * 19
        assert {reply.headers.get("pushgate-refusal") for reply in replies} == {None, "dpop.replay"}


@pytest.mark.filterwarnings("ignore:Key size should be")
async def test_keys_that_are_too_weak_or_symmetric_are_none(server: Running) -> None:
    weak = RSAKey.generate_key(1024, {"kid": "weak"}, auto_kid=False)
    secret = OctKey.import_key("s" * 32, {"kid": "mac"})
    keys = {"keys": [weak.as_dict(private=False), secret.as_dict(private=True), key("p256").as_dict(private=False)]}
    resource = an_api(server, keys=keys)
    claims = {"iss": BASE_URL, "sub": "a", "aud": API, "client_id": "a", "jti": "1", "iat": 0, "exp": 9e9}
    by_weak = seal({"typ": "at+jwt", "alg": "PS256", "kid": "weak"}, claims, "PS256", weak)
    await stopped(resource, bearer(by_weak), 401, INVALID, "resource.token_signature")
    by_secret = seal({"typ": "at+jwt", "alg": "HS256", "kid": "mac"}, claims, "HS256", secret)
    await stopped(resource, bearer(by_secret), 401, INVALID, "resource.token_alg")
    assert REFUSALS["resource.token_alg"].error.code == INVALID
