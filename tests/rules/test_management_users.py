"""/api/v2/users: accounts, and what hangs on them: credentials, sessions, grants, consents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from pushgate.model import Credential
from pushgate.protocol.management import SCOPES
from pushgate.testing import Running, running
from tests.support.management import Api, api, told
from tests.support.manifests import MANIFEST, REQUEST
from tests.support.steps import answered, ask, at, refresh, refused, tokens_for, userinfo

PASSWORD = "a-long-password"


@pytest.fixture
async def manager(server: Running) -> Api:
    """The API of the realm `default`, with every scope."""
    return await api(server)


@pytest.fixture
async def other() -> AsyncIterator[Running]:
    """Another realm beside the usual one."""
    async with running(MANIFEST + "  - {name: alpha, users: [{username: alice, password: alice-password}]}\n") as found:
        yield found


async def alice(manager: Api) -> str:
    """The path of a user."""
    [found] = (await manager.get("/users?username=alice")).json()
    return f"/users/{found['user_id']}"


# --- Accounts ------------------------------------------------------------------------------------------------------


async def test_a_user_that_was_made_can_sign_in(manager: Api, server: Running) -> None:
    reply = await manager.post(
        "/users", {"username": "carol", "password": PASSWORD, "claims": {"email": "c@x.example"}}
    )
    assert reply.status_code == 201, reply.text
    document = reply.json()
    assert document == {
        "user_id": document["user_id"], "username": "carol", "claims": {"email": "c@x.example"}, "enabled": True,
        "has_password": True,
    }  # fmt: skip
    assert (await manager.get(f"/users/{document['user_id']}")).json() == document
    browser = await ask(server, REQUEST)
    await browser.sign_in("carol", PASSWORD)
    assert at(browser, "consent")
    assert PASSWORD not in str(await server.audit())


async def test_a_name_is_there_once(manager: Api) -> None:
    for name in ("alice", " alice "):
        told(await manager.post("/users", {"username": name, "password": PASSWORD}), 409, "management.exists")


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": 1}, "username"),
        ({"password": "short"}, "password"),
        ({"password": {"file": "/etc/passwd"}}, "password"),
        ({"claims": {"sub": "x"}}, "claims.sub"),
        ({"claims": []}, "claims"),
        ({"enabled": "yes"}, "enabled"),
        ({"admin": True}, "admin"),
    ],
)
async def test_a_user_that_cannot_be(manager: Api, members: dict[str, Any], field: str) -> None:
    told(await manager.post("/users", {"username": "carol", **members}), 400, "management.invalid", field)
    patch = dict(members) if "username" not in members else {"username": "other"}
    told(await manager.patch(await alice(manager), patch), 400, "management.invalid", field)


async def test_an_update_changes_only_what_is_named(manager: Api, server: Running) -> None:
    path = await alice(manager)
    after = (await manager.patch(path, {"claims": {"name": "Other", "phone_number": "1"}})).json()
    assert after["claims"] == {"name": "Other", "email": "alice@example.com", "phone_number": "1"}
    after = (await manager.patch(path, {"claims": {"email": None}})).json()
    assert after["claims"] == {"name": "Other", "phone_number": "1"}
    assert (await answered(server)).answer["code"]


@pytest.mark.parametrize("patch", [{"password": PASSWORD}, {"enabled": False}])
async def test_who_was_signed_in_is_not_any_more(manager: Api, server: Running, patch: dict[str, Any]) -> None:
    tokens = await tokens_for(server)
    assert (await manager.patch(await alice(manager), patch)).status_code == 200
    refused(await refresh(server, tokens["refresh_token"]), 400, "invalid_grant", "refresh.invalid")
    assert (await userinfo(server, tokens["access_token"])).status_code == 401


async def test_a_user_is_deleted(manager: Api, server: Running) -> None:
    path, tokens = await alice(manager), await tokens_for(server)
    assert (await manager.delete(path)).status_code == 204
    told(await manager.get(path), 404, "management.not_found")
    assert (await userinfo(server, tokens["access_token"])).status_code == 401


async def test_lists_and_filters(manager: Api) -> None:
    reply = await manager.get("/users?per_page=1&include_totals=true")
    assert [user["username"] for user in reply.json()["users"]] == ["alice"]
    assert reply.json()["total"] == 2
    assert [u["username"] for u in (await manager.get("/users?email=alice@example.com")).json()] == ["alice"]
    assert (await manager.get("/users?email=nobody@example.com")).json() == []


async def test_nobody_of_another_realm(other: Running) -> None:
    path = await alice(await api(other))
    alpha = await api(other, realm="alpha")
    assert await alice(alpha) != path
    for below in ("", "/credentials", "/sessions", "/grants", "/consents"):
        told(await alpha.get(path + below), 404, "management.not_found")
    told(await alpha.delete(path), 404, "management.not_found")
    told(await alpha.delete(f"{path}/sessions"), 404, "management.not_found")


# --- What hangs on them ---------------------------------------------------------------------------------------------


async def test_credentials(manager: Api, server: Running) -> None:
    path = await alice(manager)
    sub = path.rpartition("/")[2]
    credential = Credential(credential_id="c1", sub=sub, kind="totp", label="Phone", created_at=5, sealed=b"secret")
    await server.management.credentials("default").save(credential)
    reply = await manager.get(f"{path}/credentials")
    shown = {"credential_id": "c1", "kind": "totp", "label": "Phone", "created_at": 5, "last_used_at": None}
    assert reply.json() == [shown]
    [bob] = (await manager.get("/users?username=bob")).json()
    told(await manager.delete(f"/users/{bob['user_id']}/credentials/c1"), 404, "management.not_found")
    assert (await manager.delete(f"{path}/credentials/c1")).status_code == 204
    told(await manager.delete(f"{path}/credentials/c1"), 404, "management.not_found")
    assert [row["credential_id"] for row in await server.audit("credential_removed")] == ["c1"]


async def test_sessions(manager: Api, server: Running) -> None:
    path = await alice(manager)
    first, second = server.browser(), server.browser()
    for browser in (first, second):
        await answered(server, browser=browser)
    sessions = (await manager.get(f"{path}/sessions")).json()
    assert [session["username"] for session in sessions] == ["alice", "alice"]
    assert "digest" not in str(sessions)
    told(await manager.delete(f"{path}/sessions/nothing"), 404, "management.not_found")
    assert (await manager.delete(f"{path}/sessions/{sessions[0]['session_id']}")).status_code == 204
    assert len((await manager.get(f"{path}/sessions")).json()) == 1
    assert (await manager.delete(f"{path}/sessions")).status_code == 204
    assert (await manager.get(f"{path}/sessions")).json() == []
    for browser in (first, second):
        assert at(await ask(server, REQUEST, browser=browser), "login")


async def test_grants(manager: Api, server: Running) -> None:
    path, tokens = await alice(manager), await tokens_for(server)
    [grant] = (await manager.get(f"{path}/grants")).json()
    assert (grant["client_id"], grant["scope"], grant["revoked"]) == ("app", "openid email", False)
    assert (await manager.get(f"{path}/grants?client_id=other")).json() == []
    assert (await manager.get(f"/grants/{grant['grant_id']}")).json() == grant
    assert (await manager.delete(f"/grants/{grant['grant_id']}")).status_code == 204
    assert (await manager.get(f"{path}/grants")).json() == []
    assert (await manager.get(f"/grants/{grant['grant_id']}")).json()["revoked"] is True
    refused(await refresh(server, tokens["refresh_token"]), 400, "invalid_grant", "refresh.invalid")
    [event] = await server.audit("grant_revoked")
    assert (event["grant"], event["reason"]) == (grant["grant_id"], "operator")
    for reply in (await manager.get("/grants/nothing"), await manager.delete("/grants/nothing")):
        told(reply, 404, "management.not_found")


async def test_consents(manager: Api, server: Running) -> None:
    path, tokens = await alice(manager), await tokens_for(server)
    [consent] = (await manager.get(f"{path}/consents")).json()
    assert (consent["client_id"], consent["scope"]) == ("app", "email openid")
    told(await manager.delete(f"{path}/consents/hybrid"), 404, "management.not_found")
    assert (await manager.delete(f"{path}/consents/app")).status_code == 204
    assert (await manager.get(f"{path}/consents")).json() == []
    refused(await refresh(server, tokens["refresh_token"]), 400, "invalid_grant", "refresh.invalid")
    browser = await ask(server, REQUEST)
    await browser.sign_in()
    assert at(browser, "consent")


@pytest.mark.parametrize(
    ("method", "below", "scope"),
    [
        ("GET", "", "read:users"), ("PATCH", "", "update:users"), ("DELETE", "", "delete:users"),
        ("GET", "/credentials", "read:users"), ("DELETE", "/credentials/x", "update:users"),
        ("GET", "/sessions", "read:sessions"), ("DELETE", "/sessions", "delete:sessions"),
        ("GET", "/grants", "read:grants"), ("GET", "/consents", "read:grants"),
        ("DELETE", "/consents/app", "delete:grants"),
    ],
)  # fmt: skip
async def test_each_needs_its_scope(server: Running, method: str, below: str, scope: str) -> None:
    path = await alice(await api(server))
    lacking = await api(server, *(value for value in SCOPES if value != scope))
    told(await lacking.call(method, path + below, {} if method == "PATCH" else None), 403, "resource.scope")
    having = await api(server, scope)
    reply = await having.call(method, path + below, {} if method == "PATCH" else None)
    assert reply.status_code in (200, 204, 404)
