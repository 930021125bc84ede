"""The management API as HTTP: bodies, methods, sizes, headers, and the pages about it."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pushgate.errors import Refusal
from pushgate.manage.api.documents import BODY_LIMIT
from pushgate.protocol.management import SCOPES
from pushgate.refusals import REFUSALS
from pushgate.store.ports import StoreUnavailable
from pushgate.testing import BASE_URL, Running, running
from tests.support.management import ALPHA, API, MANAGED, Api, api, told

JSON = {"content-type": "application/json"}


@pytest.fixture
async def managed() -> AsyncIterator[Running]:
    """A server with a client that may manage, in two realms."""
    async with running(MANAGED) as found:
        yield found


@pytest.fixture
async def manager(managed: Running) -> Api:
    """The API of the realm `default`, with every scope."""
    return await api(managed)


async def send(
    manager: Api, body: bytes | str, method: str = "PATCH", path: str = "/clients/app", **headers: str
) -> Any:
    """A body as it stands."""
    sent = {"authorization": f"Bearer {manager.token}", **JSON, **{n.replace("_", "-"): v for n, v in headers.items()}}
    return await manager.server.http.patch(f"{API}/clients/app", content=body, headers=sent)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"text"', b"null", b"7", b"{}{}", b'{"a": NaN}', b'{"client_name": "\xff"}', b"client_name=x",
     b'{"contacts": ["\\ud800"]}', b'{"a":' * 60 + b"1" + b"}" * 60, b'{"a":' * 100_000 + b"1" + b"}" * 100_000],
)  # fmt: skip
async def test_a_body_that_is_no_json_object(manager: Api, body: bytes) -> None:
    reply = await send(manager, body)
    if b"ud800" in body and reply.status_code == 400:
        assert reply.headers["pushgate-refusal"] in ("management.json", "management.invalid")
    else:
        told(reply, 400, "management.json")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "multipart/form-data"])
async def test_another_content_type(manager: Api, content_type: str) -> None:
    told(await send(manager, b"{}", content_type=content_type), 415, "management.content_type")


TAKEN = ["application/json; charset=utf-8", "application/merge-patch+json", "Application/JSON"]


@pytest.mark.parametrize("content_type", TAKEN)
async def test_a_content_type_that_is_taken(manager: Api, content_type: str) -> None:
    assert (await send(manager, b"{}", content_type=content_type)).status_code == 200


async def test_a_body_that_is_too_large(manager: Api) -> None:
    large = json.dumps({"client_name": "x" * BODY_LIMIT})
    told(await send(manager, large), 413, "management.body_size")

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(BODY_LIMIT // 1000 + 1):
            yield b"x" * 1000

    told(await send(manager, chunks()), 413, "management.body_size")


@pytest.mark.parametrize(("method", "path", "allow"), [
    ("PUT", "/tenants/settings", "GET, HEAD, PATCH"), ("DELETE", "/clients", "GET, HEAD, POST"),
    ("OPTIONS", "/users", "GET, HEAD, POST"), ("TRACE", "/keys", "GET, HEAD"), ("GET", "/keys/rotate", "POST"),
    ("POST", "/openapi.json", "GET, HEAD"),
])  # fmt: skip
async def test_another_method(manager: Api, method: str, path: str, allow: str) -> None:
    reply = await manager.call(method, path)
    told(reply, 405, "http.method")
    assert reply.headers["allow"] == allow


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/clients/app/nothing", "//clients", "/Clients"])
async def test_a_path_that_is_not_there(manager: Api, path: str) -> None:
    told(await manager.get(path), 404, "management.not_found")


async def test_a_final_slash_is_the_same(manager: Api) -> None:
    assert (await manager.get("/clients/")).json() == (await manager.get("/clients")).json()
    assert (await manager.get("/clients/app/")).json()["client_id"] == "app"


async def test_head_is_get_without_the_body(manager: Api) -> None:
    reply = await manager.call("HEAD", "/clients/app")
    assert (reply.status_code, reply.content) == (200, b"")
    assert reply.headers["etag"] == (await manager.get("/clients/app")).headers["etag"]


async def test_the_headers_of_an_answer(manager: Api, managed: Running) -> None:
    reply = await manager.get("/clients")
    assert "no-store" in reply.headers["cache-control"]
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert re.fullmatch(r"[0-9a-f]+-[0-9a-f]+", reply.headers["x-request-id"])
    assert "access-control-allow-origin" not in (await manager.get("/clients", origin="https://app.example")).headers


async def test_a_refusal_is_an_audit_event(manager: Api, managed: Running) -> None:
    reply = await manager.patch("/clients/app", {"enabled": 1})
    [event] = await managed.audit("request_refused")
    assert (event["endpoint"], event["refusal"], event["status"]) == ("management", "management.invalid", 400)
    assert (event["client_id"], event["request_id"]) == ("pushgate admin", reply.headers["x-request-id"])
    assert manager.token not in str(await managed.audit())


async def test_a_store_that_does_not_answer(manager: Api, managed: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(*args: Any) -> Any:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(managed.engine, "write", gone)
    told(await manager.patch("/clients/app", {"client_name": "x"}), 503, "http.unavailable")


async def test_a_bug_is_told_in_the_same_form(manager: Api, managed: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*args: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(managed.app.management.configuration, "some_clients", broken)
    reply = await manager.get("/clients")
    told(reply, 500, "http.server_error")
    assert "a bug" not in reply.text


# --- The document and the page ------------------------------------------------------------------------------------


async def test_the_openapi_document(managed: Running) -> None:
    reply = await managed.http.get(f"{API}/openapi.json")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
    document = reply.json()
    assert document["servers"] == [{"url": BASE_URL}]
    scheme = document["components"]["securitySchemes"]["management"]["flows"]["clientCredentials"]
    assert (scheme["tokenUrl"], list(scheme["scopes"])) == (f"{BASE_URL}/oauth2/token", list(SCOPES))
    used = set()
    for operations in document["paths"].values():
        for operation in operations.values():
            [scope] = operation["security"][0]["management"]
            used.add(scope)
            assert "422" not in operation["responses"]
            assert "x-pushgate-idempotent" not in operation
    assert used <= set(SCOPES)
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', reply.text))
    assert named <= document["components"]["schemas"].keys()
    assert "HTTPValidationError" not in reply.text
    assert "SecretSource" not in reply.text
    alpha = (await managed.http.get(f"{ALPHA}{API}/openapi.json")).json()
    assert alpha["servers"] == [{"url": BASE_URL + ALPHA}]


async def test_the_page_loads_nothing_from_elsewhere(managed: Running) -> None:
    reply = await managed.http.get(f"{API}/docs")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = reply.headers["content-security-policy"]
    assert policy == "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"
    assert re.findall(r'(?:src|href)="([^"]+)"', reply.text) == ["/static/pushgate.css", "/api/v2/openapi.json"]
    assert "<script" not in reply.text
    assert "style=" not in reply.text
    assert (await managed.http.get("/static/pushgate.css")).status_code == 200
    document = (await managed.http.get(f"{API}/openapi.json")).json()
    for path, operations in document["paths"].items():
        for method in operations:
            assert f"{method.upper()} {path}" in reply.text
    for name in REFUSALS:
        if name.startswith("management."):
            assert f'id="{name}"' in reply.text
    assert isinstance(REFUSALS["management.json"], Refusal)


async def test_every_operation_wants_a_token_and_its_scope(managed: Running) -> None:
    document = (await managed.http.get(f"{API}/openapi.json")).json()
    count = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            count += 1
            url = re.sub(r"\{[a-z_]+\}", "x", path)
            told(await managed.http.request(method, url), 401, "resource.token_missing", error="invalid_token")
            [scope] = operation["security"][0]["management"]
            lacking = await api(managed, *(value for value in SCOPES if value != scope))
            told(await lacking.call(method, url.removeprefix(API)), 403, "resource.scope")
    assert count >= 35
