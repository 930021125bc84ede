"""The revocation endpoint (RFC 7009): what a client gives back is over at once, and nobody else's is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushgate.model import RefreshToken
from pushgate.protocol.revocation import EndAccessToken, EndGrant, Nothing, revocation_of
from pushgate.testing import BASE_URL, Running, running
from tests.support.assertions import TYPE, claims, key, public, signed
from tests.support.introspection import INACTIVE, manifest, told
from tests.support.manifests import APP_SECRET, REQUEST
from tests.support.steps import (
    FORM,
    SPA,
    TOKEN,
    but,
    code_for,
    form_bytes,
    post_as,
    redeem,
    refresh,
    refused,
    revoked,
    tokens_for,
    userinfo,
)

REVOKE = "/oauth2/revoke"
WRITE = but(REQUEST, scope="openid email write")


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server with two APIs."""
    async with running(manifest()) as found:
        yield found


async def give_back(server: Running, token: str, client_id: str = "app", **more: str) -> httpx.Response:
    """Revoke a token as this client."""
    return await post_as(server, client_id, REVOKE, {"token": token, **more})


async def revoke(server: Running, token: str, client_id: str = "app", **more: str) -> None:
    """Revoke a token; the answer is 200, empty and not kept."""
    reply = await give_back(server, token, client_id, **more)
    assert (reply.status_code, reply.content) == (200, b""), reply.text
    assert "no-store" in reply.headers["cache-control"]


async def own_token(server: Running, client_id: str = "app") -> str:
    """An access token of a client for itself."""
    form = {"grant_type": "client_credentials", "scope": "write"}
    found: str = (await post_as(server, client_id, TOKEN, form)).json()["access_token"]
    return found


async def dead(server: Running, tokens: dict[str, Any]) -> None:
    """No token of the grant is good for anything."""
    assert await told(server, tokens["access_token"]) == INACTIVE
    assert await told(server, tokens["refresh_token"], "app") == INACTIVE
    refused(await userinfo(server, tokens["access_token"]), 401, "invalid_token", "userinfo.token_invalid")
    refused(await refresh(server, tokens["refresh_token"]), 400, "invalid_grant", "refresh.invalid")


# --- What ends --------------------------------------------------------------------------------------------


@pytest.mark.requirement("REV-2-1", "REV-2.1-4", "REV-2.2-1")
async def test_a_refresh_token_ends_with_everything_of_its_grant(server: Running) -> None:
    tokens = await tokens_for(server, WRITE)
    others = await tokens_for(server, WRITE)
    assert (await told(server, tokens["access_token"]))["active"]
    await revoke(server, tokens["refresh_token"])
    await dead(server, tokens)
    assert await revoked(server) == ["client asked"]
    # Another grant of the same user and client goes on.
    assert (await told(server, others["access_token"]))["active"]
    assert (await refresh(server, others["refresh_token"])).status_code == 200


@pytest.mark.requirement("REV-2-1", "REV-2.1-4")
async def test_an_access_token_ends_alone(server: Running) -> None:
    tokens = await tokens_for(server, WRITE)
    second = (await refresh(server, tokens["refresh_token"])).json()
    await revoke(server, tokens["access_token"])
    assert await told(server, tokens["access_token"]) == INACTIVE
    refused(await userinfo(server, tokens["access_token"]), 401, "invalid_token", "userinfo.token_invalid")
    # The application stays connected.
    assert (await userinfo(server, second["access_token"])).status_code == 200
    assert (await refresh(server, tokens["refresh_token"])).status_code == 200
    [event] = await server.audit("token_revoked")
    assert event["client_id"] == "app"
    assert await revoked(server) == []


@pytest.mark.requirement("REV-2-1")
async def test_a_clients_token_for_itself_ends(server: Running) -> None:
    token, other = await own_token(server), await own_token(server)
    await revoke(server, token)
    assert await told(server, token) == INACTIVE
    assert (await told(server, other))["active"]


async def test_a_refresh_token_that_was_rotated_ends_its_grant(server: Running) -> None:
    first = await tokens_for(server, SPA, "spa")
    second = (await refresh(server, first["refresh_token"], "spa")).json()
    await revoke(server, first["refresh_token"], "spa")
    refused(await refresh(server, second["refresh_token"], "spa"), 400, "invalid_grant", "refresh.invalid")


async def test_a_code_of_an_ended_grant_gives_nothing(server: Running) -> None:
    # A hybrid response has tokens before the code is redeemed; a second redemption finds the grant over.
    code = await code_for(server)
    tokens = (await redeem(server, code)).json()
    await revoke(server, tokens["refresh_token"])
    refused(await redeem(server, code), 400, "invalid_grant", "code.replayed")


@pytest.mark.requirement("REV-2.2-1")
async def test_what_is_unknown_or_over_is_no_error(server: Running) -> None:
    tokens = await tokens_for(server, WRITE)
    for token in ("x", "A" * 43, "a.b.c", "é\0", tokens["access_token"][:-8] + "AAAAAAAA"):
        await revoke(server, token)
    assert (await told(server, tokens["access_token"]))["active"]
    for _ in range(2):
        await revoke(server, tokens["refresh_token"])
        await revoke(server, tokens["access_token"])
    assert await revoked(server) == ["client asked"]
    assert len(await server.audit("token_revoked")) == 1
    expired = await own_token(server)
    server.clock.advance(601)
    await revoke(server, expired)
    assert len(await server.audit("token_revoked")) == 1


@pytest.mark.requirement("REV-2.1-3")
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "foo", ""])
async def test_a_hint_is_no_obstacle(server: Running, hint: str) -> None:
    tokens = await tokens_for(server, WRITE)
    await revoke(server, tokens["access_token"], token_type_hint=hint)
    assert await told(server, tokens["access_token"]) == INACTIVE
    await revoke(server, tokens["refresh_token"], token_type_hint=hint)
    await dead(server, tokens)


# --- Whose it is ------------------------------------------------------------------------------------------


@pytest.mark.requirement("REV-2.1-2")
async def test_the_token_of_another_client_is_left_alone(server: Running) -> None:
    tokens, own = await tokens_for(server, WRITE), await own_token(server)
    for token in (tokens["access_token"], tokens["refresh_token"], own):
        for thief in ("hybrid", "spa", "api"):
            refused(await give_back(server, token, thief), 400, "invalid_grant", "revocation.client")
    assert (await told(server, tokens["access_token"]))["active"]
    assert (await told(server, own))["active"]
    assert (await refresh(server, tokens["refresh_token"])).status_code == 200


@pytest.mark.requirement("REV-2.1-1")
async def test_who_does_not_authenticate_revokes_nothing(server: Running) -> None:
    tokens = await tokens_for(server, WRITE)
    form = {"token": tokens["refresh_token"]}
    http = server.http
    refused(await http.post(REVOKE, data=form, auth=("app", "x" * 30)), 401, "invalid_client", "client.authentication")
    refused(await http.post(REVOKE, data={**form, "client_id": "app"}), 401, "invalid_client", "client.authentication")
    refused(await http.post(REVOKE, data=form), 401, "invalid_client", "client.missing")
    assert (await refresh(server, tokens["refresh_token"])).status_code == 200


@pytest.mark.requirement("REV-2.1-1", "META-8414-11")
async def test_every_advertised_method_of_authentication_works(server: Running) -> None:
    document = (await server.http.get("/.well-known/oauth-authorization-server")).json()
    assert document["revocation_endpoint"] == BASE_URL + REVOKE
    methods = document["revocation_endpoint_auth_methods_supported"]
    assert methods == document["token_endpoint_auth_methods_supported"]
    algs = document["revocation_endpoint_auth_signing_alg_values_supported"]
    assert algs == document["token_endpoint_auth_signing_alg_values_supported"]
    assert {"none", "client_secret_basic", "client_secret_post", "private_key_jwt"} <= set(methods)
    spa = await tokens_for(server, SPA, "spa")
    await revoke(server, spa["refresh_token"], "spa")
    refused(await refresh(server, spa["refresh_token"], "spa"), 400, "invalid_grant", "refresh.invalid")
    tokens = await tokens_for(server, WRITE)
    app = {
        "client_id": "app", "redirect_uris": [REQUEST["redirect_uri"]], "scope": "openid email write",
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    }  # fmt: skip
    jwt = {"token_endpoint_auth_method": "private_key_jwt", "jwks": public("p256")}
    await server.apply(
        manifest({**app, "token_endpoint_auth_method": "client_secret_post", "client_secret": APP_SECRET})
    )
    form = {"token": tokens["access_token"], "client_id": "app", "client_secret": APP_SECRET}
    assert (await server.http.post(REVOKE, data=form)).status_code == 200
    await server.apply(manifest({**app, **jwt}))
    assertion = signed(claims(server, "app"), by=key("p256"))
    form = {"token": tokens["refresh_token"], "client_assertion_type": TYPE, "client_assertion": assertion}
    assert (await server.http.post(REVOKE, data=form)).status_code == 200
    refused(await server.http.post(REVOKE, data=form), 401, "invalid_client", "assertion.replay")
    assert sorted([e["event"] for e in await server.audit() if e["event"] in ("grant_revoked", "token_revoked")]) == [
        "grant_revoked", "grant_revoked", "token_revoked",
    ]  # fmt: skip


# --- The shape of a request -------------------------------------------------------------------------------


@pytest.mark.requirement("REV-2-1", "REV-2.2.1-1")
async def test_what_is_no_revocation_request(server: Running) -> None:
    http, auth = server.http, ("app", APP_SECRET)
    refused(await http.get(REVOKE), 405, "invalid_request", "http.method")
    refused(await http.post(REVOKE, json={"token": "x"}, auth=auth), 415, "invalid_request", "http.content_type")
    refused(await http.post(REVOKE, data={}, auth=auth), 400, "invalid_request", "revocation.token_missing")
    refused(await http.post(REVOKE, data={"token": ""}, auth=auth), 400, "invalid_request", "revocation.token_missing")
    twice = form_bytes(("token", "x"), ("token", "y"))
    refused(
        await http.post(REVOKE, content=twice, headers=FORM, auth=auth),
        400,
        "invalid_request",
        "http.repeated_parameter",
    )


@pytest.mark.requirement("REV-2.2.1-1")
async def test_what_cannot_be_revoked_is_told(server: Running) -> None:
    tokens = await tokens_for(server, WRITE)
    refused(await give_back(server, tokens["id_token"]), 400, "unsupported_token_type", "revocation.type")
    assert (await told(server, tokens["access_token"]))["active"]


async def test_pages_of_public_clients_may_call_it_and_no_others(server: Running) -> None:
    tokens = await tokens_for(server, SPA, "spa")
    form = {"client_id": "spa", "token": tokens["refresh_token"]}
    reply = await server.http.post(REVOKE, data=form, headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in reply.headers
    reply = await server.http.post(REVOKE, data=form, headers={"origin": "https://spa.example"})
    assert reply.headers["access-control-allow-origin"] == "https://spa.example"
    asked = {"origin": "https://spa.example", "access-control-request-method": "POST"}
    assert (await server.http.options(REVOKE, headers=asked)).status_code == 204


async def test_it_has_an_alias_where_others_have_one() -> None:
    async with running(manifest(), mtls_base_url="https://mtls.example") as server:
        document = (await server.http.get("/.well-known/oauth-authorization-server")).json()
        assert document["mtls_endpoint_aliases"]["revocation_endpoint"] == "https://mtls.example" + REVOKE


async def test_a_token_of_another_realm_is_not_known(server: Running) -> None:
    tokens = await tokens_for(server, WRITE)
    await server.apply(f"""
realms:
  - name: other
    clients: [{{client_id: app, client_secret: {APP_SECRET}, redirect_uris: ["https://app.example/callback"]}}]
""")
    for token in (tokens["access_token"], tokens["refresh_token"], tokens["id_token"]):
        assert (await post_as(server, "app", f"/realms/other{REVOKE}", {"token": token})).status_code == 200
    assert (await told(server, tokens["access_token"]))["active"]
    assert (await refresh(server, tokens["refresh_token"])).status_code == 200


# --- The decision alone -----------------------------------------------------------------------------------


@given(token=st.text(max_size=200), client_id=st.sampled_from(["app", "other"]))
def test_any_text_is_nothing_or_a_known_refresh_token(token: str, client_id: str) -> None:
    from pushgate.jose.verify import KeySet

    keys = KeySet([])
    assert revocation_of(token, client_id, None, keys, BASE_URL, 0) == Nothing()
    known = RefreshToken(grant_id="g", client_id=client_id, scope=(), expires_at=1)
    assert revocation_of(token, client_id, known, keys, BASE_URL, 0) == EndGrant("g")


async def test_an_access_token_is_remembered_until_it_would_have_ended(server: Running) -> None:
    token = await own_token(server)
    ctx = await server.server.realm()
    assert ctx is not None
    found = revocation_of(token, "app", None, ctx.keys.verifying, BASE_URL, server.clock())
    assert isinstance(found, EndAccessToken)
    assert found.expires_at == server.clock() + 600
    assert revocation_of(token, "app", None, ctx.keys.verifying, BASE_URL, found.expires_at) == Nothing()
