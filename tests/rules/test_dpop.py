"""DPoP at the endpoints (RFC 9449): what a proof binds, and what is refused without the right one."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from joserfc.jwk import RSAKey

from pushgate.manage.manifest import BadManifest
from pushgate.protocol.dpop import ALGS, NONCE_PERIOD
from pushgate.testing import Running
from tests.support.assertions import ASYMMETRIC
from tests.support.manifests import APP_SECRET, REDIRECT, REQUEST
from tests.support.proofs import (
    post_with,
    proof,
    redeem_with,
    refresh_with,
    resource_proof,
    thumbprint,
    userinfo_with,
)
from tests.support.steps import (
    PAR,
    SPA,
    TOKEN,
    USERINFO,
    agree,
    but,
    code_for,
    not_accepted,
    post_as,
    redeem,
    refused,
    stored,
    tokens_for,
    used,
    userinfo,
    verified,
)

CREDENTIALS = {"grant_type": "client_credentials", "scope": "write"}
BOUND = f"""
realms:
  - name: default
    clients:
      - client_id: app
        client_secret: {APP_SECRET}
        redirect_uris: [{REDIRECT}]
        grant_types: [authorization_code, refresh_token, client_credentials]
        scope: openid profile email write read other
        dpop_bound_access_tokens: true
"""
NONCES = "realms: [{name: default, dpop_nonces: true}]"


async def bound_tokens(
    server: Running, by: str = "p256", client_id: str = "app", **request: str | None
) -> dict[str, str]:
    """A token response that is bound to a key."""
    asked = SPA if client_id == "spa" else REQUEST
    code = await code_for(server, but(asked, **request), client_id)
    reply = await redeem_with(server, code, proof(server, by=by), client_id, asked["redirect_uri"])
    assert reply.status_code == 200, reply.text
    found: dict[str, str] = reply.json()
    return found


async def pushed(server: Running, sent: str | list[str] | None, client_id: str = "app", **more: str) -> httpx.Response:
    """Push a request with a proof."""
    return await post_with(server, client_id, PAR, {**(SPA if client_id == "spa" else REQUEST), **more}, sent)


async def code_of(server: Running, reply: httpx.Response) -> str:
    """Sign in and consent to what was pushed."""
    assert reply.status_code == 201, reply.text
    browser = server.browser()
    request_uri = reply.json()["request_uri"]
    await browser.open("/oauth2/authorize", params={"client_id": "app", "request_uri": request_uri})
    return (await agree(browser)).answer["code"]


# --- The token endpoint ------------------------------------------------------------------------------------


@pytest.mark.requirement("DPOP-5-1", "DPOP-6.1-1", "DPOP-4.1-1")
@pytest.mark.parametrize("alg", ALGS)
async def test_a_proof_binds_the_tokens_of_every_grant_type(server: Running, alg: str) -> None:
    by = ASYMMETRIC[alg]
    code = await code_for(server)
    first = await redeem_with(server, code, proof(server, by=by, alg=alg))
    again = await refresh_with(server, first.json()["refresh_token"], proof(server, by=by, alg=alg))
    own = await post_with(server, "app", TOKEN, CREDENTIALS, proof(server, by=by, alg=alg))
    for reply in (first, again, own):
        assert reply.status_code == 200, reply.text
        assert reply.json()["token_type"] == "DPoP"
        claims = await verified(server, reply.json()["access_token"], "ES256")
        assert claims["cnf"] == {"jkt": thumbprint(by)}


async def test_without_a_proof_tokens_are_bearer_tokens(server: Running) -> None:
    tokens = await tokens_for(server)
    assert tokens["token_type"] == "Bearer"
    assert "cnf" not in await verified(server, tokens["access_token"], "ES256")


@pytest.mark.requirement("DPOP-5.2-1", "DPOP-10-1")
async def test_a_client_that_wants_bound_tokens_gets_no_others(server: Running) -> None:
    tokens = await bound_tokens(server)
    await server.apply(BOUND)
    code = await code_for(server)
    forms = (
        {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT},
        {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
        CREDENTIALS,
    )
    for form in forms:
        refused(await post_as(server, "app", TOKEN, form), 400, "invalid_dpop_proof", "dpop.required")
    assert (await redeem_with(server, code, proof(server))).status_code == 200, "the refusal used the code up"


@pytest.mark.requirement("DPOP-4.3-1", "DPOP-4.3-2")
async def test_one_proof_in_one_header(server: Running) -> None:
    one, two = proof(server), proof(server)
    for sent in ([one, two], f"{one}, {two}"):
        reply = await post_with(server, "app", TOKEN, CREDENTIALS, sent)
        refused(reply, 400, "invalid_dpop_proof", "dpop.twice")
    reply = await post_with(server, "app", TOKEN, CREDENTIALS, "garbage")
    refused(reply, 400, "invalid_dpop_proof", "dpop.malformed")
    assert used(server) == 0


@pytest.mark.requirement("DPOP-4.3-8", "DPOP-4.3-9", "DPOP-4.3-12")
async def test_a_proof_is_for_this_method_url_and_moment(server: Running) -> None:
    wrong = {
        "dpop.htm": proof(server, method="GET"),
        "dpop.htu": proof(server, PAR),
        "dpop.iat": proof(server, iat=int(server.clock()) - 3600),
    }
    for refusal, sent in wrong.items():
        refused(await post_with(server, "app", TOKEN, CREDENTIALS, sent), 400, "invalid_dpop_proof", refusal)


@pytest.mark.requirement("DPOP-11.1-1", "DPOP-11.1-2")
async def test_a_proof_is_used_once(server: Running) -> None:
    sent = proof(server)
    assert (await post_with(server, "app", TOKEN, CREDENTIALS, sent)).status_code == 200
    for _ in range(2):
        refused(await post_with(server, "app", TOKEN, CREDENTIALS, sent), 400, "invalid_dpop_proof", "dpop.replay")
    same_jti = proof(server, PAR, jti="one"), proof(server, jti="one")
    assert (await pushed(server, same_jti[0])).status_code == 201
    assert (await post_with(server, "app", TOKEN, CREDENTIALS, same_jti[1])).status_code == 200, "another URL"
    long = proof(server, jti="x" * 10_000)
    refused(await post_with(server, "app", TOKEN, CREDENTIALS, long), 400, "invalid_dpop_proof", "dpop.jti")


async def test_a_proof_is_used_once_by_many_at_once(server: Running) -> None:
    for _ in range(20):
        headers = {"dpop": proof(server)}
        auth = ("app", APP_SECRET)
        replies = await asyncio.gather(
            *[server.http.post(TOKEN, data=CREDENTIALS, headers=headers, auth=auth) for _ in range(20)]
        )
        assert sorted(r.status_code for r in replies) == [200] + [400] * 19
        assert {r.headers.get("pushgate-refusal") for r in replies} == {None, "dpop.replay"}


async def test_a_failed_authentication_uses_no_proof_up(server: Running) -> None:
    sent = proof(server)
    headers = {"dpop": sent}
    reply = await server.http.post(TOKEN, data=CREDENTIALS, headers=headers, auth=("app", "wrong" * 8))
    refused(reply, 401, "invalid_client", "client.authentication")
    assert (await post_with(server, "app", TOKEN, CREDENTIALS, sent)).status_code == 200


# --- The key of a code ------------------------------------------------------------------------------------


@pytest.mark.requirement("DPOP-10-1", "DPOP-10.1-1", "DPOP-10-2", "PAR-2-3")
@pytest.mark.parametrize("push", [True, False], ids=["pushed", "browser"])
async def test_dpop_jkt_binds_the_code(server: Running, push: bool) -> None:
    request = but(REQUEST, dpop_jkt=thumbprint("p256"))
    code = await code_for(server, request, push=push)
    refused(await redeem(server, code), 400, "invalid_grant", "dpop.key_code")
    other = proof(server, by="p256-second")
    refused(await redeem_with(server, code, other), 400, "invalid_grant", "dpop.key_code")
    assert (await redeem_with(server, code, proof(server))).status_code == 200


@pytest.mark.requirement("DPOP-10.1-2")
async def test_a_proof_at_the_push_binds_the_code(server: Running) -> None:
    code = await code_of(server, await pushed(server, proof(server, PAR)))
    other = proof(server, by="p256-second")
    refused(await redeem_with(server, code, other), 400, "invalid_grant", "dpop.key_code")
    refused(await redeem(server, code), 400, "invalid_grant", "dpop.key_code")
    assert (await redeem_with(server, code, proof(server))).json()["token_type"] == "DPoP"


@pytest.mark.requirement("DPOP-10.1-2", "PAR-2.3-4")
async def test_a_proof_for_another_endpoint_is_none_for_a_push(server: Running) -> None:
    refused(await pushed(server, proof(server)), 400, "invalid_dpop_proof", "dpop.htu")
    assert stored(server) == used(server) == 0


@pytest.mark.requirement("DPOP-10.1-3")
async def test_proof_and_parameter_of_a_push_agree(server: Running) -> None:
    sent = proof(server, PAR)
    reply = await pushed(server, sent, dpop_jkt=thumbprint("p256-second"))
    refused(reply, 400, "invalid_dpop_proof", "dpop.key_pushed")
    assert stored(server) == used(server) == 0
    assert (await pushed(server, sent, dpop_jkt=thumbprint("p256"))).status_code == 201


async def test_a_replayed_proof_pushes_nothing(server: Running) -> None:
    sent = proof(server, PAR)
    assert (await pushed(server, sent)).status_code == 201
    refused(await pushed(server, sent), 400, "invalid_dpop_proof", "dpop.replay")
    assert stored(server) == 1


@pytest.mark.requirement("DPOP-10-2")
@pytest.mark.parametrize("push", [True, False], ids=["pushed", "browser"])
@pytest.mark.parametrize(
    "value", ["short", thumbprint("p256") + "=", "0123456789abcdef" * 4], ids=["short", "padded", "hex"]
)
async def test_a_malformed_dpop_jkt_is_refused(server: Running, push: bool, value: str) -> None:
    await not_accepted(server, but(REQUEST, dpop_jkt=value), "invalid_request", "dpop.jkt_malformed", push=push)


# --- Refresh tokens ------------------------------------------------------------------------------------------


@pytest.mark.requirement("DPOP-5-2")
async def test_a_public_clients_refresh_token_is_bound_and_not_rotated(server: Running) -> None:
    tokens = await bound_tokens(server, client_id="spa")
    token = tokens["refresh_token"]
    refused(await refresh_with(server, token, None, "spa"), 400, "invalid_grant", "dpop.key_refresh")
    other = proof(server, by="p256-second")
    refused(await refresh_with(server, token, other, "spa"), 400, "invalid_grant", "dpop.key_refresh")
    for _ in range(2):
        reply = await refresh_with(server, token, proof(server), "spa")
        assert (reply.status_code, "refresh_token" in reply.json()) == (200, False)


@pytest.mark.requirement("DPOP-5-3")
async def test_a_confidential_client_may_change_its_key(server: Running) -> None:
    tokens = await bound_tokens(server)
    reply = await refresh_with(server, tokens["refresh_token"], proof(server, by="ed25519", alg="EdDSA"))
    claims = await verified(server, reply.json()["access_token"], "ES256")
    assert claims["cnf"] == {"jkt": thumbprint("ed25519")}


# --- UserInfo ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("DPOP-7.1-1", "DPOP-4.3-14")
@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_bound_token_opens_userinfo_with_its_proof(server: Running, scheme: str, method: str) -> None:
    token = (await bound_tokens(server))["access_token"]
    sent = resource_proof(server, token, method=method)
    reply = await userinfo_with(server, token, sent, scheme=scheme, method=method)
    assert (reply.status_code, reply.json()["email"]) == (200, "alice@example.com")


def challenged(reply: httpx.Response, error: str, refusal: str) -> None:
    """The resource said no: 401, and a challenge for DPoP with the algorithms. RFC 9449 7.1."""
    refused(reply, 401, error, refusal)
    challenges = reply.headers.get_list("www-authenticate")
    [told] = [challenge for challenge in challenges if challenge.startswith("DPoP ")]
    assert f'error="{error}"' in told
    assert f'algs="{" ".join(ALGS)}"' in told


@pytest.mark.requirement("DPOP-7.1-1", "DPOP-7.1-2", "DPOP-4.3-14", "DPOP-4.3-15", "DPOP-11.1-1", "DPOP-4.3-1")
async def test_a_bound_token_opens_nothing_without_the_right_proof(server: Running) -> None:
    token = (await bound_tokens(server))["access_token"]
    other = (await bound_tokens(server))["access_token"]
    wrong = {
        "dpop.required": None,
        "dpop.ath": proof(server, USERINFO, method="GET"),
        "dpop.malformed": "garbage",
        "dpop.htm": resource_proof(server, token, method="POST"),
        "dpop.htu": proof(server, TOKEN, method="GET"),
        "dpop.iat": resource_proof(server, token, iat=int(server.clock()) + 3600),
    }
    for refusal, sent in wrong.items():
        challenged(await userinfo_with(server, token, sent), "invalid_dpop_proof", refusal)
    of_another = resource_proof(server, other)
    challenged(await userinfo_with(server, token, of_another), "invalid_dpop_proof", "dpop.ath")
    stranger = resource_proof(server, token, "p256-second")
    challenged(await userinfo_with(server, token, stranger), "invalid_token", "userinfo.token_key")
    sent = resource_proof(server, token)
    assert (await userinfo_with(server, token, sent)).status_code == 200
    challenged(await userinfo_with(server, token, sent), "invalid_dpop_proof", "dpop.replay")


@pytest.mark.requirement("DPOP-7.2-1")
async def test_a_bound_token_is_no_bearer_token_and_the_other_way_round(server: Running) -> None:
    token = (await bound_tokens(server))["access_token"]
    for sent in (None, resource_proof(server, token)):
        reply = await userinfo_with(server, token, sent, scheme="Bearer")
        challenged(reply, "invalid_token", "userinfo.token_scheme")
    reply = await server.http.post(USERINFO, data={"access_token": token})
    challenged(reply, "invalid_token", "userinfo.token_scheme")
    bearer = (await tokens_for(server))["access_token"]
    assert (await userinfo(server, bearer)).status_code == 200
    sent = resource_proof(server, bearer)
    challenged(await userinfo_with(server, bearer, sent), "invalid_token", "userinfo.token_scheme")


# --- Nonces -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("DPOP-8-1", "DPOP-8.2-1", "DPOP-11.3-1", "DPOP-4.3-13")
async def test_nonces_where_the_realm_demands_them(server: Running) -> None:
    await server.apply(NONCES)
    for path, form in ((TOKEN, CREDENTIALS), (PAR, REQUEST)):
        first = await post_with(server, "app", path, form, proof(server, path))
        refused(first, 400, "use_dpop_nonce", "dpop.nonce")
        [nonce] = first.headers.get_list("dpop-nonce")
        second = await post_with(server, "app", path, form, proof(server, path, nonce=nonce))
        assert second.status_code in (200, 201), second.text
        assert second.headers.get_list("dpop-nonce") == [nonce]
        assert "no-store" in second.headers["cache-control"]
        refused(await post_with(server, "app", path, form, proof(server, path)), 400, "use_dpop_nonce", "dpop.nonce")


@pytest.mark.requirement("DPOP-8-2", "DPOP-8-3")
async def test_a_nonce_is_one_that_was_given_out_lately(server: Running) -> None:
    await server.apply(NONCES)

    async def fresh() -> str:
        reply = await post_with(server, "app", TOKEN, CREDENTIALS, proof(server))
        return str(reply.headers["dpop-nonce"])

    nonce = await fresh()
    changed = ("A" if nonce[0] != "A" else "B") + nonce[1:]
    for bad in (changed, nonce + "A", "guessed", ""):
        reply = await post_with(server, "app", TOKEN, CREDENTIALS, proof(server, nonce=bad))
        refused(reply, 400, "use_dpop_nonce", "dpop.nonce")
    server.clock.advance(NONCE_PERIOD)
    assert (await post_with(server, "app", TOKEN, CREDENTIALS, proof(server, nonce=nonce))).status_code == 200
    server.clock.advance(NONCE_PERIOD)
    reply = await post_with(server, "app", TOKEN, CREDENTIALS, proof(server, nonce=nonce))
    refused(reply, 400, "use_dpop_nonce", "dpop.nonce")


@pytest.mark.requirement("DPOP-9-1", "DPOP-8-2")
async def test_userinfo_has_nonces_of_its_own(server: Running) -> None:
    tokens = await bound_tokens(server)
    token = tokens["access_token"]
    await server.apply(NONCES)
    first = await userinfo_with(server, token, resource_proof(server, token))
    challenged(first, "use_dpop_nonce", "dpop.nonce")
    [nonce] = first.headers.get_list("dpop-nonce")
    refused(
        await post_with(server, "app", TOKEN, CREDENTIALS, proof(server, nonce=nonce)),
        400,
        "use_dpop_nonce",
        "dpop.nonce",
    )
    reply = await userinfo_with(server, token, resource_proof(server, token, nonce=nonce))
    assert (reply.status_code, reply.headers["dpop-nonce"]) == (200, nonce)


# --- Round about ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("META-9449-1")
async def test_the_metadata_names_the_algorithms(server: Running) -> None:
    document = (await server.http.get("/.well-known/oauth-authorization-server")).json()
    assert document["dpop_signing_alg_values_supported"] == list(ALGS)
    assert not {"none", "HS256"} & set(document["dpop_signing_alg_values_supported"])


@pytest.mark.requirement("DPOP-8-4")
async def test_pages_of_other_origins_see_nonce_and_challenge(server: Running) -> None:
    headers = {"origin": "https://spa.example"}
    reply = await server.http.post(TOKEN, data={"client_id": "spa", "grant_type": "x"}, headers=headers)
    exposed = reply.headers["access-control-expose-headers"].split(", ")
    assert {"dpop-nonce", "www-authenticate"} <= set(exposed)


@pytest.mark.requirement("DPOP-4.3-7")
async def test_large_keys_pass(server: Running) -> None:
    large = RSAKey.generate_key(4096)
    reply = await post_with(server, "app", TOKEN, CREDENTIALS, proof(server, by=large, alg="PS256"))
    assert (reply.status_code, reply.json()["token_type"]) == (200, "DPoP")


async def test_a_client_with_bound_tokens_cannot_get_any_from_the_authorization_endpoint(server: Running) -> None:
    with pytest.raises(BadManifest, match="bound to no key"):
        await server.apply(
            BOUND.replace("grant_types: [", "response_types: [code, token]\n        grant_types: [implicit, ")
        )
