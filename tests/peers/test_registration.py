"""Dynamic registration by libraries that we did not write: they register, and then work as what they became."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client

from tests.peers.node import run
from tests.peers.walk import SCOPE, assert_played
from tests.support.live import Live, serving
from tests.support.manifests import PEER_REDIRECT

USER = "{username: alice, password: alice-password, claims: {name: Alice, email: alice@example.com}}"
REALMS = f"""
realms:
  - {{name: default, registration: {{mode: "open", per_minute: 0}}, users: [{USER}]}}
  - {{name: closed, registration: {{mode: token}}, users: [{USER}]}}
"""
METADATA = {
    "redirect_uris": [PEER_REDIRECT],
    "client_name": "Somebody else's",
    "grant_types": ["authorization_code", "refresh_token"],
    "scope": SCOPE,
}


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A real server where clients register themselves."""
    with serving(tmp_path_factory.mktemp("registration"), REALMS) as found:
        yield found


def told(live: Live, realm: str = "", **settings: Any) -> dict[str, Any]:
    """What a script is told."""
    issuer = f"{live.url}{realm}"
    return {"issuer": issuer, "metadata": METADATA, "redirect_uri": PEER_REDIRECT, "scope": SCOPE, **settings}


def initial_access_token(live: Live) -> str:
    """One that an operator made for the realm `closed`."""
    done = live.pushgate("token", "initial", "--realm", "closed")
    assert done.returncode == 0, done.stderr
    return done.stdout.rpartition(": ")[2].strip()


@pytest.mark.requirement("REG-7591-3-1", "REG-7591-3.2.1-1", "META-8414-12")
async def test_openid_client_registers_and_completes_a_flow(open_to_all: Live) -> None:
    metadata = {**METADATA, "token_endpoint_auth_method": "client_secret_post"}
    settings = told(open_to_all, metadata=metadata)
    played = await run(open_to_all, "openid-client", "openid_client_register.mjs", settings)
    registered = played["registered"]
    assert metadata.items() <= registered.items()
    assert_played(open_to_all.url, registered["client_id"], played)


@pytest.mark.requirement("REG-7591-3-2")
async def test_openid_client_registers_with_an_initial_access_token(open_to_all: Live) -> None:
    metadata = {**METADATA, "token_endpoint_auth_method": "client_secret_post"}
    token = initial_access_token(open_to_all)
    settings = told(open_to_all, "/realms/closed", metadata=metadata, initial_access_token=token)
    played = await run(open_to_all, "openid-client", "openid_client_register.mjs", settings)
    assert_played(f"{open_to_all.url}/realms/closed", played["registered"]["client_id"], played)


@pytest.mark.parametrize("method", ["client_secret_basic", "none"])
async def test_oauth4webapi_registers_and_pushes(open_to_all: Live, method: str) -> None:
    settings = told(open_to_all, metadata={**METADATA, "token_endpoint_auth_method": method})
    played = await run(open_to_all, "oauth4webapi", "oauth4webapi_register.mjs", settings)
    assert played["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert played["registered"]["token_endpoint_auth_method"] == method
    assert ("client_secret" in played["registered"]) == (method != "none")


async def test_oauth4webapi_reports_why_a_registration_is_refused(open_to_all: Live) -> None:
    settings = told(open_to_all, metadata={**METADATA, "redirect_uris": ["http://peer.example/callback"]})
    played = await run(open_to_all, "oauth4webapi", "oauth4webapi_register.mjs", settings)
    assert played["refused"]["error"] == "invalid_redirect_uri"
    assert (played["refused"]["status"], played["refused"]["refusal"]) == (400, "registration.redirect_uri")


async def test_authlib_manages_what_oauth4webapi_registered(open_to_all: Live) -> None:
    settings = told(open_to_all)
    played = await run(open_to_all, "oauth4webapi", "oauth4webapi_register.mjs", settings)
    registered = played["registered"]
    token = {"access_token": registered["registration_access_token"], "token_type": "bearer"}
    async with AsyncOAuth2Client(registered["client_id"], token=token) as manager:
        uri = registered["registration_client_uri"]
        assert (await manager.get(uri)).json()["client_name"] == "Somebody else's"
        update = {**METADATA, "client_id": registered["client_id"], "client_name": "Renamed"}
        assert (await manager.put(uri, json=update)).json()["client_name"] == "Renamed"
        assert (await manager.delete(uri)).status_code == 204
        assert (await manager.get(uri)).status_code == 401
