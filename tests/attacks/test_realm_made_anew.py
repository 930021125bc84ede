"""Go on in a realm that was deleted, and whose name another realm has got: in a process that has not noticed yet."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch

import httpx

from pushgate.manage.realm_acts import plan_delete_realm
from pushgate.testing import Running, running
from tests.support.management import Api, api

OPEN = json.dumps({"realms": [{"name": "alpha", "registration": {"mode": "open"}}]})
CLIENT = {"redirect_uris": ["https://new.example/cb"]}


@asynccontextmanager
async def behind(*, again: bool) -> AsyncIterator[tuple[Running, Api]]:
    """A server that does not look again: `alpha` is deleted, and perhaps there is another one; a token of before."""
    with patch("pushgate.server.REFRESH_EVERY", 1_000_000):  # it does not look by itself
        async with running(OPEN) as server:
            admin = await api(server, realm="alpha")
            assert (await admin.get("/clients")).status_code == 200
            with patch.object(server.server.snapshot, "refresh"):
                server.app.management._changed = None
                await server.management.carry_out([await plan_delete_realm(server.management, "alpha")])
                if again:
                    await server.apply("realms: [{name: alpha}]")
                yield server, admin


async def nothing_there(server: Running) -> None:
    """The new realm has nobody."""
    assert await server.management.configuration.clients("alpha") == []
    assert await server.management.accounts("alpha").users() == []


async def register(server: Running) -> httpx.Response:
    """Register where that was open."""
    body: dict[str, Any] = {**CLIENT, "scope": "openid"}
    return await server.http.post("/realms/alpha/oauth2/register", json=body)


async def test_register_where_the_realm_that_let_you_is_gone() -> None:
    for again in (True, False):
        async with behind(again=again) as (server, _):
            reply = await register(server)
            assert (reply.status_code, reply.headers["pushgate-refusal"]) == (503, "http.unavailable")
            await nothing_there(server)


async def test_manage_the_next_realm_with_a_token_of_the_one_before() -> None:
    async with behind(again=True) as (server, admin):
        for path, body in (
            ("/clients", {"client_id": "mine", **CLIENT}),
            ("/users", {"username": "mallory", "password": "mallory-password"}),
        ):
            reply = await admin.post(path, body)
            assert reply.status_code in (409, 503), reply.text
        await nothing_there(server)
