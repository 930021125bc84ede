"""The UserInfo endpoint: which token opens it, how it may be sent, and which claims come out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from pushgate.jose.keys import make_key
from pushgate.testing import Running
from tests.support.manifests import MANIFEST, REQUEST
from tests.support.steps import (
    FORM,
    HYBRID,
    USERINFO,
    answered,
    but,
    code_for,
    form_bytes,
    post_as,
    redeem,
    refused,
    tokens_for,
    userinfo,
    verified,
)

CHALLENGE = 'Bearer realm="default"'
DPOP_CHALLENGE = 'DPoP realm="default", algs="ES256 ES384 ES512 PS256 PS384 PS512 RS256 EdDSA Ed25519"'
INVALID = ("invalid_token", "userinfo.token_invalid")


def bearer(token: str, scheme: str = "Bearer") -> dict[str, str]:
    """The header that carries a token."""
    return {"authorization": f"{scheme} {token}"}


# --- Claims ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("OIDC-5.3-1", "OIDC-5.3.2-1")
async def test_get_and_post_give_the_claims_as_json(server: Running) -> None:
    tokens = await tokens_for(server)
    id_token = await verified(server, tokens["id_token"])
    token = tokens["access_token"]
    replies = [
        await server.http.get(USERINFO, headers=bearer(token)),
        await server.http.get(USERINFO, headers=bearer(token, "bEARER")),
        await server.http.post(USERINFO, headers=bearer(token)),
        await server.http.post(USERINFO, headers=bearer(token), data={"foo": "bar"}),
        await server.http.post(USERINFO, headers={**bearer(token), "content-type": "application/json"}, content=b"{}"),
        await server.http.post(USERINFO, data={"access_token": token}),
    ]
    for reply in replies:
        assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
        assert "no-store" in reply.headers["cache-control"]
        assert reply.json() == {"sub": id_token["sub"], "email": "alice@example.com"}


CLAIMS: dict[str, Any] = {
    "name": "Carol", "given_name": "Carol", "family_name": "Ångström", "website": "", "picture": None,
    "email": "carol@example.com", "email_verified": False, "phone_number": "+49 1", "phone_number_verified": True,
    "address": {"country": "DE"}, "birthdate": [], "unknown_claim": "x", "updated_at": 0,
}  # fmt: skip
RELEASED = {
    "openid": {"sub"},
    "openid profile": {"sub", "name", "given_name", "family_name", "preferred_username", "updated_at"},
    "openid email": {"sub", "email", "email_verified"},
    "openid phone": {"sub", "phone_number", "phone_number_verified"},
    "openid address": {"sub", "address"},
    "openid offline_access": {"sub"},
}


@pytest.mark.requirement("OIDC-5.4-1", "OIDC-5.3.2-1")
@pytest.mark.parametrize("scope", RELEASED)
async def test_each_scope_releases_its_claims_and_no_others(server: Running, scope: str) -> None:
    carol = json.dumps({"username": "carol", "password": "carol-password", "claims": CLAIMS})
    scopes = "scope: openid profile email phone address offline_access"
    manifest = MANIFEST.replace("scope: openid profile email write read other", scopes)
    manifest = manifest.replace("    users:\n", f"    users:\n      - {carol}\n")
    await server.apply(manifest)
    tokens = await tokens_for(server, but(REQUEST, scope=scope), username="carol")
    claims = (await userinfo(server, tokens["access_token"])).json()
    assert claims.keys() == RELEASED[scope]
    # Claims without a value are left out; false and zero are values.
    assert {name: claims[name] for name in claims if name in CLAIMS} == {
        name: CLAIMS[name] for name in RELEASED[scope] if name in CLAIMS
    }


async def test_the_subject_is_the_same_for_all_clients(server: Running) -> None:
    subs = set()
    for request, client_id in ((REQUEST, "app"), (HYBRID, "hybrid")):
        tokens = await tokens_for(server, request, client_id)
        subs.add((await userinfo(server, tokens["access_token"])).json()["sub"])
    assert len(subs) == 1


async def test_the_claims_are_those_of_this_moment(server: Running) -> None:
    tokens = await tokens_for(server)
    await server.apply("realms: [{name: default, users: [{username: alice, claims: {email: new@example.com}}]}]")
    assert (await userinfo(server, tokens["access_token"])).json()["email"] == "new@example.com"


# --- How a token is sent --------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-6750-3.1-1")
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic YXBwOng="}, {"authorization": "Bearer"}, bearer("")])
async def test_without_token_the_challenge_names_no_error(
    server: Running, method: str, headers: dict[str, str]
) -> None:
    reply = await server.http.request(method, USERINFO, headers=headers)
    refused(reply, 401, "invalid_token", "userinfo.token_missing")
    assert reply.headers.get_list("www-authenticate") == [CHALLENGE, DPOP_CHALLENGE]


@pytest.mark.requirement("OA-6750-2.3-1", "OIDC-5.3-1")
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_token_in_the_url_is_not_accepted(server: Running, method: str) -> None:
    token = (await tokens_for(server))["access_token"]
    reply = await server.http.request(method, USERINFO, params={"access_token": token})
    refused(reply, 401, "invalid_token", "userinfo.token_missing")


@pytest.mark.requirement("OA-6750-3.1-2")
async def test_a_token_sent_in_two_ways(server: Running) -> None:
    token = (await tokens_for(server))["access_token"]
    reply = await server.http.post(USERINFO, headers=bearer(token), data={"access_token": token})
    refused(reply, 400, "invalid_request", "userinfo.token_twice")
    twice = form_bytes(("access_token", token), ("access_token", token))
    refused(await server.http.post(USERINFO, content=twice, headers=FORM), 400, "invalid_request",
            "http.repeated_parameter")  # fmt: skip
    reply = await server.http.get(USERINFO, headers=[("authorization", f"Bearer {token}")] * 2)
    refused(reply, 400, "invalid_request", "userinfo.token_twice")


@pytest.mark.requirement("OIDC-5.3-1")
async def test_a_get_has_no_body_to_carry_a_token(server: Running) -> None:
    token = (await tokens_for(server))["access_token"]
    body = form_bytes(("access_token", token))
    reply = await server.http.request("GET", USERINFO, content=body, headers=FORM)
    refused(reply, 401, "invalid_token", "userinfo.token_missing")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods(server: Running, method: str) -> None:
    reply = await server.http.request(method, USERINFO)
    refused(reply, 405, "invalid_request", "http.method")
    assert reply.headers["allow"] == "GET, POST"


# --- Which token ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-6750-3.1-2", "OIDC-3.1.2.1-2")
async def test_a_token_without_openid_lacks_scope(server: Running) -> None:
    token = (await tokens_for(server, but(REQUEST, scope="write")))["access_token"]
    reply = await userinfo(server, token)
    refused(reply, 403, "insufficient_scope", "userinfo.openid_missing")
    assert 'error="insufficient_scope"' in reply.headers["www-authenticate"]


@pytest.mark.requirement("OA-6750-3.1-2")
async def test_an_expired_token(server: Running) -> None:
    token = (await tokens_for(server))["access_token"]
    server.clock.advance(599)
    assert (await userinfo(server, token)).status_code == 200
    server.clock.advance(1)
    reply = await userinfo(server, token)
    refused(reply, 401, *INVALID)
    assert 'error="invalid_token"' in reply.headers["www-authenticate"]


@pytest.mark.requirement("OA-6750-3.1-2", "OA-4.1.2-2")
@pytest.mark.parametrize("response_type", ["code", "code token"])
async def test_a_token_whose_grant_was_revoked(server: Running, response_type: str) -> None:
    browser = await answered(server, but(HYBRID, response_type=response_type), "hybrid")
    code = browser.answer["code"]
    tokens = [(await redeem(server, code, "hybrid")).json()["access_token"]]
    tokens += [browser.answer["access_token"]] if "access_token" in browser.answer else []
    for token in tokens:
        assert (await userinfo(server, token)).status_code == 200
    refused(await redeem(server, code, "hybrid"), 400, "invalid_grant", "code.replayed")
    for token in tokens:
        refused(await userinfo(server, token), 401, *INVALID)


@pytest.mark.requirement("OA-6750-3.1-2", "OA-10.3-1", "JAT-2.1-2")
async def test_what_is_not_an_access_token_of_this_server(server: Running) -> None:
    tokens = await tokens_for(server)
    good = tokens["access_token"]
    start, payload, signature = good.split(".")
    middle = len(signature) // 2
    altered = signature[:middle] + ("A" if signature[middle] != "A" else "B") + signature[middle + 1 :]
    unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0"
    wrong = [
        tokens["id_token"], tokens["refresh_token"], await code_for(server), "x", "x.y.z", "..",
        f"{start}.{payload}.{altered}", f"{start}.{payload}.", f"{start}.{payload}", f"{unsigned}.{payload}.",
        f"{start}.{tokens['id_token'].split('.')[1]}.{signature}", good + "." + signature, good + "x",
    ]  # fmt: skip
    for token in wrong:
        refused(await userinfo(server, token), 401, *INVALID)
    assert (await userinfo(server, good)).status_code == 200


async def test_a_token_of_another_realm(server: Running) -> None:
    await server.apply(MANIFEST.replace("name: default", "name: other"))
    token = (await tokens_for(server))["access_token"]
    reply = await server.http.get(f"/realms/other{USERINFO}", headers=bearer(token))
    refused(reply, 401, *INVALID)


async def test_a_token_signed_by_another_server_under_our_name(server: Running) -> None:
    token = (await tokens_for(server))["access_token"]
    claims = await verified(server, token, "ES256")
    stranger = ECKey.generate_key("P-256")
    for header in ({"alg": "ES256", "typ": "at+jwt"}, {"alg": "ES256", "typ": "at+jwt", "jwk": stranger.as_dict()}):
        forged = jwt.encode(header, claims, stranger)
        refused(await userinfo(server, forged), 401, *INVALID)


@pytest.mark.requirement("JAT-5-1")
async def test_a_token_for_another_audience(server: Running) -> None:
    tokens = await tokens_for(server, but(REQUEST, scope="openid write"))
    narrow = await post_as(
        server, "app", "/oauth2/token",
        {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "scope": "write"},
    )  # fmt: skip
    token = narrow.json()["access_token"]
    assert (await verified(server, token, "ES256"))["aud"] == "https://api.example"
    refused(await userinfo(server, token), 403, "insufficient_scope", "userinfo.openid_missing")


@pytest.mark.requirement("META-OIDD-7")
async def test_tokens_survive_the_rotation_of_the_key_that_signed_them(server: Running) -> None:
    tokens = await tokens_for(server)
    server.clock.advance(60)
    server.management._make_key = make_key
    await server.management.rotate_keys("default")
    await server.server.snapshot.refresh()
    assert (await userinfo(server, tokens["access_token"])).status_code == 200
    assert (await verified(server, tokens["access_token"], "ES256"))["client_id"] == "app"
    assert (await verified(server, tokens["id_token"]))["aud"] == "app"


# --- CORS --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("OIDC-5.3-1")
async def test_any_web_page_with_a_token_may_read_it(server: Running) -> None:
    token = (await tokens_for(server))["access_token"]
    origin = {"origin": "https://anywhere.example"}
    preflight = await server.http.options(
        USERINFO, headers={**origin, "access-control-request-method": "GET", "access-control-request-headers": "x"}
    )
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    reply = await server.http.get(USERINFO, headers={**origin, **bearer(token)})
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in reply.headers
