"""What Auth0 applications take for granted: JSON at the token endpoint, an issuer with a slash."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from pushgate.testing import PEER, Running, running
from tests.support.products import REALMS, SECRET, TOKEN, manifest, realm
from tests.support.steps import refused

HOST = "tenant.example"
ISSUER = f"http://{HOST}:8080/"
POST: dict[str, Any] = {"client_id": "post", "client_secret": SECRET}
CREDENTIALS = {"grant_type": "client_credentials", **POST, "scope": "write"}


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server with a realm of each product, and a tenant at a host of its own."""
    own = realm("tenant") | {"name": "own", "hosts": [HOST]}
    async with running(manifest(*map(realm, REALMS), own)) as found:
        yield found


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
async def test_parameters_as_json(server: Running, kind: str) -> None:
    body = json.dumps({**CREDENTIALS, "organization": None, "audience": ""})
    reply = await server.http.post(TOKEN["tenant"], content=body, headers={"content-type": kind})
    assert (reply.status_code, reply.json()["scope"]) == (200, "write")
    token = {**POST, "token": reply.json()["access_token"]}
    assert (await server.http.post("/realms/tenant/oauth/revoke", json=token)).status_code == 200
    resource = {**CREDENTIALS, "resource": "https://api.example"}
    assert (await server.http.post(TOKEN["tenant"], json=resource)).status_code == 200
    refused(
        await server.http.post(TOKEN["tenant"], json={**resource, "resource": "https://api.example https://b.example"}),
        400, "invalid_target", "resource.unknown",
    )  # fmt: skip


@pytest.mark.parametrize(
    "body",
    ["", "[]", "7", "{", "\ufeff{}", '{"grant_type": 7}', '{"grant_type": ["client_credentials"]}', '{"a": {}}',
     '{"client_id": "post", "client_id": "myClient"}', '{"a": true}', '{"a": "\\ud800"}', "[" * 5000],
)  # fmt: skip
@pytest.mark.parametrize("path", [TOKEN["tenant"], "/realms/tenant/oauth/revoke"])
async def test_json_that_is_no_object_of_text(server: Running, path: str, body: str) -> None:
    reply = await server.http.post(path, content=body.encode(), headers={"content-type": "application/json"})
    refused(reply, 400, "invalid_request", "http.json_parameters")


async def test_too_many_members(server: Running) -> None:
    reply = await server.http.post(TOKEN["tenant"], json={f"p{n}": "x" for n in range(201)})
    refused(reply, 400, "invalid_request", "http.too_many_parameters")


async def test_json_is_taken_nowhere_else(server: Running) -> None:
    for name in REALMS:
        paths = [TOKEN[name]] if name != "tenant" else ["/realms/tenant/oauth/par", "/realms/tenant/oauth2/introspect"]
        for path in paths:
            reply = await server.http.post(path, json=CREDENTIALS)
            refused(reply, 415, "invalid_request", "http.content_type")


async def test_the_issuer_at_a_host_ends_with_a_slash_and_by_path_it_does_not(server: Running) -> None:
    transport = httpx.ASGITransport(server.app, client=(PEER, 123))
    async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as http:
        for path in ("openid-configuration", "oauth-authorization-server"):
            metadata = (await http.get(f"/.well-known/{path}")).json()
            assert metadata["issuer"] == ISSUER
            assert metadata["token_endpoint"] == f"{ISSUER}oauth/token"
            assert "//" not in metadata["authorization_endpoint"].partition("://")[2]
        page = await http.get("/")
        assert f'href="{ISSUER}' not in page.text
        assert 'href="//' not in page.text
        reply = await http.post("/oauth/token", data={**CREDENTIALS, "client_id": "post"})
        assert reply.status_code == 200
    by_path = (await server.http.get("/realms/tenant/.well-known/openid-configuration")).json()
    assert by_path["issuer"] == "http://127.0.0.1:8080/realms/tenant"
