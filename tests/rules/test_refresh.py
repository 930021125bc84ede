"""Refresh tokens: who may use them, how long, for which scope; rotation for public clients."""

from __future__ import annotations

import asyncio

import pytest

from pushgate.jose.keys import make_key
from pushgate.testing import Running
from tests.support.manifests import APP_SECRET, REDIRECT, REQUEST
from tests.support.steps import (
    HYBRID,
    SPA,
    ask,
    at,
    but,
    code_for,
    header,
    redeem,
    refresh,
    refused,
    revoked,
    tokens_for,
    userinfo,
    verified,
)

MONTH = 2_592_000
WIDE = but(REQUEST, scope="openid email write")


def app(**more: str) -> str:
    """A manifest that registers `app` anew, with other members."""
    members = {
        "grant_types": "[authorization_code, refresh_token, client_credentials]",
        "scope": "openid profile email write read other",
        **more,
    }
    lines = "".join(f"\n        {name}: {value}" for name, value in members.items())
    return f"""
realms:
  - name: default
    clients:
      - client_id: app
        client_secret: {APP_SECRET}
        redirect_uris: [{REDIRECT}]{lines}
"""


# --- Using one ------------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-5.1-1", "OA-5.1-2", "OIDC-12.2-1", "JAT-2.2.1-1")
async def test_a_refresh_gives_new_tokens_for_the_same_login(server: Running) -> None:
    tokens = await tokens_for(server)
    first = await verified(server, tokens["id_token"])
    server.clock.advance(3600)
    reply = await refresh(server, tokens["refresh_token"])
    assert reply.status_code == 200
    assert "no-store" in reply.headers["cache-control"]
    fresh = reply.json()
    second = await verified(server, fresh["id_token"])
    same = ("iss", "sub", "aud", "auth_time", "amr", "sid")
    assert {name: first[name] for name in same} == {name: second[name] for name in same}
    assert second["iat"] == first["iat"] + 3600
    assert "nonce" not in second
    before, after = [await verified(server, t["access_token"], "ES256") for t in (tokens, fresh)]
    assert (after["auth_time"], after["amr"], after["sub"]) == (before["auth_time"], before["amr"], before["sub"])
    assert after["jti"] != before["jti"]
    assert after["exp"] == before["exp"] + 3600
    assert (await userinfo(server, fresh["access_token"])).status_code == 200


@pytest.mark.requirement("OIDC-3.1.2.1-2")
async def test_a_refresh_without_openid_gives_no_id_token(server: Running) -> None:
    tokens = await tokens_for(server, but(REQUEST, scope="write"))
    assert (await refresh(server, tokens["refresh_token"])).json().keys() == {
        "access_token", "token_type", "expires_in", "scope",
    }  # fmt: skip


@pytest.mark.requirement("OA-6-1", "OA-3.1-4")
@pytest.mark.parametrize("token", [None, ""])
async def test_a_refresh_without_token(server: Running, token: str | None) -> None:
    refused(await refresh(server, token), 400, "invalid_request", "refresh.missing")


@pytest.mark.requirement("OA-6-1", "OA-10.3-1")
async def test_an_unknown_token_or_one_of_another_kind(server: Running) -> None:
    tokens = await tokens_for(server)
    good = tokens["refresh_token"]
    altered = [good[:place] + ("A" if good[place] != "A" else "B") + good[place + 1 :] for place in (0, 8, 42)]
    others = (tokens["access_token"], tokens["id_token"], await code_for(server), "x", "é", "x" * 5000)
    for wrong in (*altered, good[:-1], good + "A", good.swapcase(), *others):
        refused(await refresh(server, wrong), 400, "invalid_grant", "refresh.invalid")
    assert (await refresh(server, good)).status_code == 200


@pytest.mark.requirement("OA-6-1")
async def test_another_client_cannot_use_it_and_changes_nothing(server: Running) -> None:
    token = (await tokens_for(server))["refresh_token"]
    refused(await refresh(server, token, "hybrid"), 400, "invalid_grant", "refresh.client")
    refused(await refresh(server, token, "spa"), 400, "invalid_grant", "refresh.client")
    assert (await refresh(server, token)).status_code == 200
    assert await revoked(server) == []


@pytest.mark.requirement("OA-6-1", "BCP-4.14.2-1")
@pytest.mark.parametrize("client_id", ["app", "spa"])
async def test_it_expires_when_it_was_not_used(server: Running, client_id: str) -> None:
    request = REQUEST if client_id == "app" else SPA
    early, late = [(await tokens_for(server, request, client_id))["refresh_token"] for _ in range(2)]
    server.clock.advance(MONTH - 1)
    assert (await refresh(server, early, client_id)).status_code == 200
    server.clock.advance(1)
    refused(await refresh(server, late, client_id), 400, "invalid_grant", "refresh.invalid")


@pytest.mark.requirement("OA-6-1")
async def test_it_does_not_survive_the_revocation_of_its_grant(server: Running) -> None:
    code = await code_for(server)
    token = (await redeem(server, code)).json()["refresh_token"]
    await redeem(server, code)
    assert await revoked(server) == ["code replayed"]
    refused(await refresh(server, token), 400, "invalid_grant", "refresh.invalid")


async def test_a_client_without_the_grant_gets_no_refresh_token(server: Running) -> None:
    await server.apply(app(grant_types="[authorization_code]"))
    tokens = await tokens_for(server)
    assert "refresh_token" not in tokens


# --- Scope ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-6-2")
async def test_scope_may_narrow_one_access_token_but_not_the_grant(server: Running) -> None:
    token = (await tokens_for(server, WIDE))["refresh_token"]
    narrow = (await refresh(server, token, scope="write")).json()
    assert narrow["scope"] == "write"
    assert "id_token" not in narrow
    claims = await verified(server, narrow["access_token"], "ES256")
    assert (claims["scope"], claims["aud"]) == ("write", "https://api.example")
    for scope in (None, "", "openid email write", "write email openid"):
        full = (await refresh(server, token, scope=scope)).json()
        assert sorted(full["scope"].split()) == ["email", "openid", "write"]


@pytest.mark.requirement("OA-5.2-4", "OA-6-2", "BCP-4.14.2-1")
@pytest.mark.parametrize(
    "scope",
    ["openid email write read", "profile", "openid profile", "write unknown", "OPENID", 'wri"te', "write\tread", " "],
)
async def test_scope_cannot_grow_beyond_what_the_user_granted(server: Running, scope: str) -> None:
    token = (await tokens_for(server, WIDE))["refresh_token"]
    refused(await refresh(server, token, scope=scope), 400, "invalid_scope", "token.scope")
    assert (await refresh(server, token)).status_code == 200


@pytest.mark.requirement("BCP-4.14.2-1")
async def test_a_refresh_cannot_move_to_another_resource(server: Running) -> None:
    token = (await tokens_for(server, WIDE))["refresh_token"]
    for name in ("resource", "audience"):
        reply = await refresh(server, token, **{name: "https://other.example"})
        refused(reply, 400, "invalid_target", "token.resource")
    claims = await verified(server, (await refresh(server, token)).json()["access_token"], "ES256")
    assert claims["aud"] == ["https://api.example", server.server.base_url]


@pytest.mark.requirement("OA-6-2")
async def test_what_the_client_has_lost_since_is_left_out(server: Running) -> None:
    token = (await tokens_for(server, WIDE))["refresh_token"]
    await server.apply(app(scope="openid email"))
    assert (await refresh(server, token)).json()["scope"] == "openid email"
    await server.apply(app(scope="profile"))
    refused(await refresh(server, token), 400, "invalid_scope", "token.scope")


# --- Rotation --------------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-6-3")
async def test_a_refresh_token_of_a_client_with_a_secret_stays(server: Running) -> None:
    tokens = await tokens_for(server)
    for _ in range(3):
        reply = await refresh(server, tokens["refresh_token"])
        assert reply.status_code == 200
        assert "refresh_token" not in reply.json()


@pytest.mark.requirement("BCP-2.2.2-1", "OA-6-3")
async def test_a_public_client_gets_a_new_one_each_time(server: Running) -> None:
    token = (await tokens_for(server, SPA, "spa"))["refresh_token"]
    seen = {token}
    for _ in range(3):
        reply = await refresh(server, token, "spa")
        assert reply.status_code == 200
        token = reply.json()["refresh_token"]
        assert token not in seen
        seen.add(token)
    assert await revoked(server) == []


@pytest.mark.requirement("OA-6-3", "OA-6-2")
async def test_the_new_one_has_the_scope_of_the_old_one_even_after_narrowing(server: Running) -> None:
    token = (await tokens_for(server, SPA, "spa"))["refresh_token"]
    narrow = (await refresh(server, token, "spa", scope="openid")).json()
    assert narrow["scope"] == "openid"
    assert (await refresh(server, narrow["refresh_token"], "spa")).json()["scope"] == "openid profile"


@pytest.mark.requirement("BCP-2.2.2-1")
async def test_a_rotated_token_that_comes_again_revokes_the_whole_family(server: Running) -> None:
    tokens = await tokens_for(server, SPA, "spa")
    old = tokens["refresh_token"]
    middle = (await refresh(server, old, "spa")).json()
    newest = (await refresh(server, middle["refresh_token"], "spa")).json()
    refused(await refresh(server, old, "spa"), 400, "invalid_grant", "refresh.replayed")
    assert await revoked(server) == ["refresh token replayed"]
    for token in (old, middle["refresh_token"], newest["refresh_token"]):
        refused(await refresh(server, token, "spa"), 400, "invalid_grant", "refresh.invalid")
    for found in (tokens, middle, newest):
        refused(await userinfo(server, found["access_token"]), 401, "invalid_token", "userinfo.token_invalid")


@pytest.mark.requirement("BCP-2.2.2-1")
async def test_another_grant_of_the_same_user_and_client_is_not_revoked_with_it(server: Running) -> None:
    stolen = (await tokens_for(server, SPA, "spa"))["refresh_token"]
    other = (await tokens_for(server, SPA, "spa"))["refresh_token"]
    await refresh(server, stolen, "spa")
    refused(await refresh(server, stolen, "spa"), 400, "invalid_grant", "refresh.replayed")
    assert (await refresh(server, other, "spa")).status_code == 200


@pytest.mark.requirement("BCP-2.2.2-1")
async def test_of_many_simultaneous_uses_one_succeeds_and_the_family_is_revoked(server: Running) -> None:
    token = (await tokens_for(server, SPA, "spa"))["refresh_token"]
    replies = await asyncio.gather(*(refresh(server, token, "spa") for _ in range(10)))
    winners = [reply for reply in replies if reply.status_code == 200]
    assert len(winners) == 1
    for reply in replies:
        if reply.status_code != 200:
            assert reply.json()["error"] == "invalid_grant"
            assert reply.headers["pushgate-refusal"] in ("refresh.replayed", "refresh.invalid")
    assert "refresh token replayed" in await revoked(server)
    reply = await refresh(server, winners[0].json()["refresh_token"], "spa")
    refused(reply, 400, "invalid_grant", "refresh.invalid")


@pytest.mark.requirement("BCP-2.2.2-1")
async def test_a_refused_refresh_does_not_rotate(server: Running) -> None:
    token = (await tokens_for(server, SPA, "spa"))["refresh_token"]
    refused(await refresh(server, token, "spa", scope="openid email"), 400, "invalid_scope", "token.scope")
    assert (await refresh(server, token, "spa")).status_code == 200


# --- What happened meanwhile -------------------------------------------------------------------------------


@pytest.mark.parametrize("client_id", ["app", "spa"])
@pytest.mark.parametrize("how", ["disabled", "deleted"])
async def test_a_user_who_is_gone_is_not_refreshed(server: Running, client_id: str, how: str) -> None:
    tokens = await tokens_for(server, REQUEST if client_id == "app" else SPA, client_id)
    if how == "deleted":
        await server.management.carry_out([await server.management.plan_delete_user("default", "alice")])
    else:
        await server.apply("realms: [{name: default, users: [{username: alice, enabled: false}]}]")
    refused(await refresh(server, tokens["refresh_token"], client_id), 400, "invalid_grant", "refresh.invalid")
    refused(await userinfo(server, tokens["access_token"]), 401, "invalid_token", "userinfo.token_invalid")


async def test_a_user_who_comes_back_is_not_the_one_who_was_deleted(server: Running) -> None:
    tokens = await tokens_for(server)
    before = await verified(server, tokens["id_token"])
    await server.management.carry_out([await server.management.plan_delete_user("default", "alice")])
    await server.apply("realms: [{name: default, users: [{username: alice, password: alice-password}]}]")
    refused(await refresh(server, tokens["refresh_token"]), 400, "invalid_grant", "refresh.invalid")
    after = await verified(server, (await tokens_for(server))["id_token"])
    assert after["sub"] != before["sub"]


@pytest.mark.parametrize("how", ["disabled", "deleted"])
async def test_a_client_that_is_gone_refreshes_nothing(server: Running, how: str) -> None:
    tokens = await tokens_for(server)
    if how == "deleted":
        await server.management.carry_out([await server.management.plan_delete_client("default", "app")])
        await server.server.snapshot.refresh()
    else:
        await server.apply(app(enabled="false"))
    refused(await refresh(server, tokens["refresh_token"]), 401, "invalid_client", "client.authentication")
    refused(await userinfo(server, tokens["access_token"]), 401, "invalid_token", "userinfo.token_invalid")


async def test_a_client_that_comes_back_is_not_the_one_that_was_deleted(server: Running) -> None:
    tokens = await tokens_for(server)
    await server.management.carry_out([await server.management.plan_delete_client("default", "app")])
    await server.apply(app())
    refused(await refresh(server, tokens["refresh_token"]), 400, "invalid_grant", "refresh.invalid")
    refused(await userinfo(server, tokens["access_token"]), 401, "invalid_token", "userinfo.token_invalid")
    browser = await ask(server, REQUEST)
    await browser.sign_in()
    assert at(browser, "consent"), "what was allowed to the old application is not allowed to the new one"


async def test_a_client_that_lost_the_grant_type_refreshes_nothing(server: Running) -> None:
    token = (await tokens_for(server))["refresh_token"]
    await server.apply(app(grant_types="[authorization_code]"))
    refused(await refresh(server, token), 400, "unauthorized_client", "token.grant_type_unauthorized")


async def test_a_refresh_after_a_key_rotation_is_signed_with_the_new_key(server: Running) -> None:
    tokens = await tokens_for(server, HYBRID, "hybrid")
    server.clock.advance(60)
    # The process keeps one key per algorithm, so a real rotation needs a real key.
    server.management._make_key = make_key
    await server.management.rotate_keys("default", ("ES256",))
    await server.server.snapshot.refresh()
    fresh = (await refresh(server, tokens["refresh_token"], "hybrid")).json()
    assert header(fresh["access_token"])["kid"] != header(tokens["access_token"])["kid"]
    for found in (tokens, fresh):
        assert (await userinfo(server, found["access_token"])).status_code == 200
        assert (await verified(server, found["access_token"], "ES256"))["client_id"] == "hybrid"
