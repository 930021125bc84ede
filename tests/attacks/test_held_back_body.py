"""Whoever sends the head of a request and holds its body back acts on what holds when the body is there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlencode

import httpx
import pytest

from pushgate.manage.realm_acts import plan_delete_realm
from pushgate.testing import Running, running
from tests.support.management import ALPHA, API, MANAGED, MANAGER, Api, api, as_client, told
from tests.support.steps import PAR, TOKEN, refused

FORM = "application/x-www-form-urlencoded"
APP = ("app", "app-secret-of-at-least-22-characters")
PUSH = {
    "response_type": "code",
    "redirect_uri": "https://app.example/callback",
    "scope": "openid",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    async with running(MANAGED) as server:
        yield server


@pytest.fixture
async def operator(server: Running) -> Api:
    return await api(server)


Meanwhile = Callable[[], Awaitable[httpx.Response | None]]
Document = dict[str, object]


async def held_back(body: bytes, meanwhile: Meanwhile) -> AsyncIterator[bytes]:
    """A few bytes, then what happens meanwhile, then the rest."""
    yield body[:5]
    reply = await meanwhile()
    assert reply is None or reply.status_code in (200, 204), reply.text
    yield body[5:]


@pytest.mark.parametrize(
    ("path", "form"), [(PAR, PUSH), (TOKEN, {"grant_type": "client_credentials", "scope": "read"})]
)
@pytest.mark.parametrize("act", ["disabled", "deleted", "secret"])
async def test_a_client_that_is_no_more(
    server: Running, operator: Api, path: str, form: dict[str, str], act: str
) -> None:
    # It is known and remembered before.
    assert (await server.http.post(path, auth=APP, data=form)).status_code in (200, 201)
    acts: dict[str, Callable[[], Awaitable[httpx.Response]]] = {
        "disabled": lambda: operator.patch("/clients/app", {"enabled": False}),
        "deleted": lambda: operator.delete("/clients/app"),
        "secret": lambda: operator.patch("/clients/app", {"client_secret": "another-secret-of-22-characters"}),
    }
    body = urlencode(form).encode()
    headers = {"content-type": FORM, "content-length": str(len(body))}
    reply = await server.http.post(path, auth=APP, content=held_back(body, acts[act]), headers=headers)
    refused(reply, 401, "invalid_client", "client.authentication")


async def change(api: Api, url: str, document: Document, meanwhile: Meanwhile) -> httpx.Response:
    """A call of the management API whose body is held back."""
    body = json.dumps(document).encode()
    headers = {
        "authorization": f"Bearer {api.token}",
        "content-type": "application/json",
        "content-length": str(len(body)),
    }
    return await api.server.http.patch(url, content=held_back(body, meanwhile), headers=headers)


async def test_a_manager_that_is_no_more(server: Running, operator: Api) -> None:
    manager = await as_client(server, MANAGER)
    document = {"redirect_uris": ["https://evil.example/callback"]}
    reply = await change(manager, f"{API}/clients/app", document, lambda: operator.delete("/clients/manager"))
    told(reply, 401, "management.token_client")
    read = await operator.get("/clients/app")
    assert read.json()["redirect_uris"] == ["https://app.example/callback"]


async def test_a_realm_that_is_no_more(server: Running, operator: Api) -> None:
    async def remove() -> None:
        await server.management.carry_out([await plan_delete_realm(server.management, "alpha")])
        await server.server.snapshot.refresh()

    there = await api(server, realm="alpha")
    reply = await change(there, f"{ALPHA}{API}/clients/manager", {"client_name": "Other"}, remove)
    told(reply, 404, "management.not_found")
