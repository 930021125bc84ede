"""Use an authorization code a second time: who notices, and what is lost."""

from __future__ import annotations

import asyncio

import pytest

from pushgate.testing import Running
from tests.support.manifests import REDIRECT, REQUEST, VERIFIER
from tests.support.steps import (
    HYBRID,
    SPA,
    TOKEN,
    answered,
    code_for,
    redeem,
    refresh,
    refused,
    revoked,
    tokens_for,
    userinfo,
)

REQUESTS = {"app": REQUEST, "spa": SPA, "hybrid": HYBRID}
REPLAYED = (400, "invalid_grant", "code.replayed")


async def alive(server: Running, tokens: dict[str, str], client_id: str = "app") -> None:
    """Both tokens work."""
    assert (await userinfo(server, tokens["access_token"])).status_code == 200
    if "refresh_token" in tokens:
        assert (await refresh(server, tokens["refresh_token"], client_id)).status_code == 200


async def dead(server: Running, tokens: dict[str, str], client_id: str = "app") -> None:
    """Neither token works."""
    refused(await userinfo(server, tokens["access_token"]), 401, "invalid_token", "userinfo.token_invalid")
    reply = await refresh(server, tokens["refresh_token"], client_id)
    refused(reply, 400, "invalid_grant", "refresh.invalid")


@pytest.mark.requirement("OA-4.1.2-1", "OA-4.1.2-2")
@pytest.mark.parametrize("push", [True, False], ids=["pushed", "browser"])
@pytest.mark.parametrize("client_id", REQUESTS)
async def test_redeem_it_again_and_lose_every_token_of_it(server: Running, push: bool, client_id: str) -> None:
    code = await code_for(server, REQUESTS[client_id], client_id, push=push)
    tokens = (await redeem(server, code, client_id)).json()
    assert (await userinfo(server, tokens["access_token"])).status_code == 200
    refused(await redeem(server, code, client_id), *REPLAYED)
    assert await revoked(server) == ["code replayed"]
    await dead(server, tokens, client_id)
    # And again: it stays that way.
    refused(await redeem(server, code, client_id), *REPLAYED)


@pytest.mark.requirement("OA-4.1.2-2")
async def test_redeem_it_again_after_the_tokens_were_refreshed(server: Running) -> None:
    code = await code_for(server, SPA, "spa")
    tokens = (await redeem(server, code, "spa")).json()
    fresh = (await refresh(server, tokens["refresh_token"], "spa")).json()
    refused(await redeem(server, code, "spa"), *REPLAYED)
    await dead(server, fresh, "spa")


@pytest.mark.requirement("OA-4.1.2-2", "OA-4.1.2-3")
async def test_redeem_it_again_after_it_expired(server: Running) -> None:
    code = await code_for(server)
    tokens = (await redeem(server, code)).json()
    server.clock.advance(120)
    await server.server.purge()
    refused(await redeem(server, code), *REPLAYED)
    await dead(server, tokens)


@pytest.mark.requirement("OA-4.1.2-2")
@pytest.mark.parametrize("changes", [{"code_verifier": None}, {"code_verifier": "x" * 43}, {"redirect_uri": None}])
async def test_redeem_it_again_with_something_missing(server: Running, changes: dict[str, str | None]) -> None:
    code = await code_for(server)
    tokens = (await redeem(server, code)).json()
    refused(await redeem(server, code, **changes), *REPLAYED)
    await dead(server, tokens)


@pytest.mark.requirement("OA-4.1.2-1")
async def test_redeem_it_many_times_at_the_same_moment(server: Running) -> None:
    for client_id, request in REQUESTS.items():
        code = await code_for(server, request, client_id)
        replies = await asyncio.gather(*(redeem(server, code, client_id) for _ in range(20)))
        winners = [reply.json() for reply in replies if reply.status_code == 200]
        assert len(winners) == 1
        for reply in replies:
            if reply.status_code != 200:
                refused(reply, *REPLAYED)
        await dead(server, winners[0], client_id)


@pytest.mark.requirement("OA-4.1.2-1")
async def test_a_hybrid_flow_loses_the_tokens_of_the_front_channel_too(server: Running) -> None:
    browser = await answered(server, {**HYBRID, "response_type": "code id_token token"}, "hybrid")
    code, front = browser.answer["code"], browser.answer["access_token"]
    await redeem(server, code, "hybrid")
    refused(await redeem(server, code, "hybrid"), *REPLAYED)
    refused(await userinfo(server, front), 401, "invalid_token", "userinfo.token_invalid")


# --- What a stranger cannot do with a used code ---------------------------------------------------------------


@pytest.mark.requirement("OA-4.1.2-2", "OA-4.1.3-1")
async def test_revoke_the_tokens_of_others_by_replaying_their_code(server: Running) -> None:
    code = await code_for(server)
    tokens = (await redeem(server, code)).json()
    refused(await redeem(server, code, "hybrid"), 400, "invalid_grant", "code.client")
    refused(await redeem(server, code, "spa"), 400, "invalid_grant", "code.client")
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    reply = await server.http.post(TOKEN, data=form, auth=("app", "wrong"))
    refused(reply, 401, "invalid_client", "client.authentication")
    reply = await server.http.post(TOKEN, data=form | {"client_id": "app"})
    refused(reply, 401, "invalid_client", "client.authentication")
    assert await revoked(server) == []
    await alive(server, tokens)


@pytest.mark.requirement("OA-4.1.2-2")
async def test_a_replay_costs_only_the_grant_of_that_code(server: Running) -> None:
    other = await tokens_for(server)
    code = await code_for(server)
    await redeem(server, code)
    refused(await redeem(server, code), *REPLAYED)
    await alive(server, other)
    # Nor does it take the consent or the session away.
    browser = await answered(server)
    assert (await redeem(server, browser.answer["code"])).status_code == 200


async def test_a_failed_attempt_is_no_use(server: Running) -> None:
    code = await code_for(server)
    for changes in ({"code_verifier": "x" * 43}, {"redirect_uri": "https://evil.example/"}, {"code_verifier": None}):
        assert (await redeem(server, code, **changes)).status_code == 400
    await alive(server, (await redeem(server, code)).json())
    assert await revoked(server) == []
