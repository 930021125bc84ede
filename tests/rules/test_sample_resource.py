"""The server's own sample resource: off unless asked for; the same checks as anybody's API, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from pushgate.testing import BASE_URL, Running, running
from tests.support.live import Live, serving
from tests.support.manifests import MANIFEST, REQUEST
from tests.support.proofs import ath, proof, redeem_with, resource_proof, thumbprint, userinfo_with
from tests.support.resource import ALGS, parsed
from tests.support.steps import but, code_for, refused, tokens_for

SAMPLE = "/resource"
INTERACTION = "x-fapi-interaction-id"
AN_ID = "c770aef3-6784-41f7-8e0e-ff5f97bddb3a"
INVALID = "invalid_token"


@pytest.fixture
async def sample() -> AsyncIterator[Running]:
    """A server with its sample resource."""
    async with running(MANIFEST, sample_resource=True) as found:
        yield found


async def call(
    server: Running, token: str | None, method: str = "GET", path: str = SAMPLE, scheme: str = "Bearer", **headers: str
) -> httpx.Response:
    """Call the sample."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await server.http.request(
        method, path, headers=sent | ({} if token is None else {"authorization": f"{scheme} {token}"})
    )


async def dpop_token(server: Running) -> str:
    """A token that is bound to the key p256."""
    reply = await redeem_with(server, await code_for(server), proof(server))
    return str(reply.json()["access_token"])


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS"])
async def test_it_is_not_there_unless_asked_for(server: Running, method: str) -> None:
    tokens = await tokens_for(server)
    reply = await call(server, tokens["access_token"], method)
    refused(reply, 404, "invalid_request", "http.not_found")
    assert "access-control-allow-origin" not in reply.headers


def test_a_setting_switches_it_on(live: Live, tmp_path: Path) -> None:
    assert httpx.get(f"{live.url}{SAMPLE}").status_code == 404
    with serving(tmp_path, MANIFEST, PUSHGATE_SAMPLE_RESOURCE="true") as other:
        assert httpx.get(f"{other.url}{SAMPLE}").status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_it_tells_what_the_token_says(sample: Running, method: str) -> None:
    tokens = await tokens_for(sample)
    reply = await call(sample, tokens["access_token"], method)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
    assert "no-store" in reply.headers["cache-control"]
    told = reply.json()
    assert told.pop("sub")
    assert told.pop("exp") > sample.clock()
    assert told == {"client_id": "app", "scope": "email openid", "aud": [BASE_URL], "scheme": "Bearer", "cnf": {}}


@pytest.mark.requirement("OA-6750-3.1-2", "OA-6750-2.3-1")
async def test_a_token_that_is_sent_in_another_way_or_twice(sample: Running) -> None:
    token = (await tokens_for(sample))["access_token"]
    in_query = await call(sample, None, path=f"{SAMPLE}?access_token={token}")
    in_body = await sample.http.post(SAMPLE, data={"access_token": token})
    for reply in (in_query, in_body):
        refused(reply, 401, INVALID, "resource.token_missing")
    twice = [("authorization", f"Bearer {token}")] * 2
    refused(await sample.http.get(SAMPLE, headers=twice), 400, "invalid_request", "resource.token_twice")
    sample.clock.advance(24 * 3600)
    refused(await call(sample, token), 401, INVALID, "resource.token_expired")


async def test_a_token_for_its_own_url_passes_and_one_for_another_api_does_not(sample: Running) -> None:
    own = f'{{identifier: "{BASE_URL}/resource", scopes: [sample]}}'
    manifest = MANIFEST.replace("    resources:\n", f"    resources:\n      - {own}\n")
    await sample.apply(manifest.replace("write read other", "write read other sample"))
    tokens = await tokens_for(sample, but(REQUEST, scope="sample"))
    assert (await call(sample, tokens["access_token"])).json()["aud"] == [f"{BASE_URL}/resource"]
    tokens = await tokens_for(sample, but(REQUEST, scope="write"))
    refused(await call(sample, tokens["access_token"]), 401, INVALID, "resource.token_audience")


async def test_each_realm_has_its_own(sample: Running) -> None:
    await sample.apply("realms: [{name: beta}]")
    tokens = await tokens_for(sample)
    path = f"/realms/beta{SAMPLE}"
    reply = await call(sample, tokens["access_token"], path=path)
    refused(reply, 401, INVALID, "resource.token_issuer")
    assert parsed(reply.headers.get_list("www-authenticate")[0])[1]["realm"] == "beta"


@pytest.mark.requirement("OA-6750-3.1-1", "DPOP-7.1-2")
async def test_a_refusal_has_challenges_and_is_logged(sample: Running) -> None:
    reply = await call(sample, None)
    refused(reply, 401, INVALID, "resource.token_missing")
    challenges = [parsed(value) for value in reply.headers.get_list("www-authenticate")]
    assert challenges == [("Bearer", {"realm": "default"}), ("DPoP", {"realm": "default", "algs": ALGS})]
    [event, *_] = await sample.audit("request_refused")
    assert (event["endpoint"], event["refusal"], event["status"]) == ("resource", "resource.token_missing", 401)


@pytest.mark.requirement("DPOP-7.1-1", "DPOP-7.2-1", "DPOP-4.3-14", "DPOP-11.1-1")
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_dpop_bound_token_comes_with_its_proof(sample: Running, method: str) -> None:
    token = await dpop_token(sample)
    refused(await call(sample, token, method), 401, INVALID, "resource.token_scheme")
    reply = await call(sample, token, method, scheme="DPoP")
    refused(reply, 401, "invalid_dpop_proof", "dpop.required")
    sent = proof(sample, SAMPLE, method=method, ath=ath(token))
    reply = await call(sample, token, method, scheme="DPoP", dpop=sent)
    assert (reply.status_code, reply.json()["cnf"]) == (200, {"jkt": thumbprint("p256")})
    reply = await call(sample, token, method, scheme="DPoP", dpop=sent)
    refused(reply, 401, "invalid_dpop_proof", "dpop.replay")
    elsewhere = resource_proof(sample, token, method=method)
    refused(await call(sample, token, method, scheme="DPoP", dpop=elsewhere), 401, "invalid_dpop_proof", "dpop.htu")


@pytest.mark.requirement("DPOP-9-1")
async def test_its_nonces_are_those_of_userinfo(sample: Running) -> None:
    token = await dpop_token(sample)
    await sample.apply("realms: [{name: default, dpop_nonces: true}]")
    first = await call(sample, token, scheme="DPoP", dpop=proof(sample, SAMPLE, method="GET", ath=ath(token)))
    refused(first, 401, "use_dpop_nonce", "dpop.nonce")
    [nonce] = first.headers.get_list("dpop-nonce")
    assert (await userinfo_with(sample, token, resource_proof(sample, token, nonce=nonce))).status_code == 200
    sent = proof(sample, SAMPLE, method="GET", ath=ath(token), nonce=nonce)
    reply = await call(sample, token, scheme="DPoP", dpop=sent)
    assert (reply.status_code, reply.headers.get_list("dpop-nonce")) == (200, [nonce])


@pytest.mark.parametrize("token", [True, False], ids=["passes", "refused"])
async def test_the_interaction_id_comes_back(sample: Running, token: bool) -> None:
    sent = (await tokens_for(sample))["access_token"] if token else "x"
    for value in (AN_ID, AN_ID.upper()):
        reply = await call(sample, sent, x_fapi_interaction_id=value)
        assert reply.headers.get_list(INTERACTION) == [value]
    silly = ("", "x", AN_ID[:-1], AN_ID + "0", AN_ID.replace("-", ""), f"{{{AN_ID}}}", f"urn:uuid:{AN_ID}", "٣" * 36)
    made = set()
    for value in (None, *silly):
        headers = {} if value is None else {"x_fapi_interaction_id": value}
        try:
            reply = await call(sample, sent, **headers)
        except UnicodeEncodeError:  # httpx sends ASCII alone
            continue
        [found] = reply.headers.get_list(INTERACTION)
        assert str(UUID(found)) == found != AN_ID
        made.add(found)
    assert len(made) == len(silly)


async def test_pages_of_any_origin_may_call_it(sample: Running) -> None:
    tokens = await tokens_for(sample)
    reply = await call(sample, tokens["access_token"], origin="https://spa.example")
    assert reply.headers["access-control-allow-origin"] == "*"
    assert INTERACTION in reply.headers["access-control-expose-headers"]
    preflight = await sample.http.options(SAMPLE, headers={"origin": "https://spa.example"})
    assert INTERACTION in preflight.headers["access-control-allow-headers"]
