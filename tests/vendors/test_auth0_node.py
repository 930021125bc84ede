"""The `auth0` package from npm, unchanged, with a realm in the dialect auth0 at a host of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.peers.node import run
from tests.support.manifests import PEER_REDIRECT
from tests.support.tenant import PRIVATE, SECRET, Tenant, tenant


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """A tenant, with pushed requests switched off, as that product has it."""
    with tenant(tmp_path_factory.mktemp("tenant")) as found:
        yield found


async def play(server: Tenant, **settings: Any) -> dict[str, Any]:
    """The results of tests/peers/auth0.mjs."""
    told = {
        "domain": server.domain, "secret": SECRET, "private_key": PRIVATE, "redirect_uri": PEER_REDIRECT,
        "scope": "openid profile email offline_access", **settings,
    }  # fmt: skip
    return await run(server.live, "auth0", "auth0.mjs", told)


@pytest.mark.requirement("VEN-M-1", "VEN-M-2")
async def test_clients_and_settings(server: Tenant) -> None:
    played = await play(server)
    made = played["made"]
    assert (made["name"], made["callbacks"], made["app_type"]) == ("My App", [PEER_REDIRECT], "regular_web")
    assert {made["client_id"], "manager", "web"} <= set(played["listed"])
    assert (played["read"]["name"], "client_secret" in played["read"]) == ("My App", False)
    changed = played["changed"]
    assert (changed["require_pushed_authorization_requests"], changed["par_request_expiry"]) == (True, 30)
    assert played["supported"] == [False, True]
    assert (played["rotated"], played["pushed"]["expires_in"]) == (True, 30)
    assert [one["status"] for one in played["refused"]] == [400, 403, 401, 404]


@pytest.mark.parametrize("client_id", ["web", "web-jwt"])
async def test_push_sign_in_exchange_refresh_and_revoke(server: Tenant, client_id: str) -> None:
    played = await play(server, client_id=client_id)
    assert (set(played["pushed"]), played["pushed"]["expires_in"]) == ({"request_uri", "expires_in"}, 90)
    assert (played["token_type"], played["state"]) == ("Bearer", "a-state")
    assert {"access_token", "id_token", "refresh_token"} <= set(played["tokens"])
    assert {"access_token", "id_token"} <= set(played["refreshed"])
    assert played["revoked"] == {"status": 400, "error": "invalid_grant"}
