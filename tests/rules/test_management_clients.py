"""/api/v2/clients: what is named is changed and nothing else, at once; secrets are shown once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pushgate.testing import BASE_URL, Running, running
from tests.support.management import ALPHA, MANAGED, Api, api, told
from tests.support.manifests import REQUEST
from tests.support.steps import AUTHORIZE, PAR, shown

APP = ("app", "app-secret-of-at-least-22-characters")
NEW = {"client_name": "New", "redirect_uris": ["https://new.example/cb"], "scope": "openid"}
PUSH = "require_pushed_authorization_requests"
PUSHED = {**REQUEST, "redirect_uri": "https://new.example/cb", "scope": "openid"}


@pytest.fixture
async def managed() -> AsyncIterator[Running]:
    """A server with a client that may manage, in two realms."""
    async with running(MANAGED) as found:
        yield found


@pytest.fixture
async def manager(managed: Running) -> Api:
    """The API of the realm `default`, with every scope."""
    return await api(managed)


async def everything(server: Running) -> list[Any]:
    """The clients of both realms, to see that nothing changed."""
    return [await server.management.configuration.clients(realm) for realm in ("default", "alpha")]


# --- Creating -----------------------------------------------------------------------------------------------------


async def test_a_client_that_was_created_can_push_at_once(manager: Api, managed: Running) -> None:
    reply = await manager.post("/clients", NEW)
    assert reply.status_code == 201, reply.text
    document = reply.json()
    client_id, secret = document["client_id"], document["client_secret"]
    assert len(client_id) == 32
    assert reply.headers["location"] == f"{BASE_URL}/api/v2/clients/{client_id}"
    pushed = await managed.http.post(PAR, auth=(client_id, secret), data=PUSHED)
    assert pushed.status_code == 201, pushed.text
    [event] = [row for row in await managed.audit("configuration_changed") if row["id"] == client_id]
    assert (event["object"], event["act"], event["by"]) == ("client", "create", "pushgate admin")


async def test_secrets_are_shown_once(manager: Api) -> None:
    created = (await manager.post("/clients", {**NEW, "client_id": "new"})).json()
    secret = created["client_secret"]
    for reply in (await manager.get("/clients/new"), await manager.get("/clients"),
                  await manager.patch("/clients/new", {"client_name": "Newer"})):  # fmt: skip
        assert reply.status_code == 200
        assert '"client_secret"' not in reply.text
        assert secret not in reply.text
        assert "digest" not in reply.text


async def test_a_secret_that_was_given_is_not_told_again(manager: Api, managed: Running) -> None:
    secret = "a-secret-that-was-chosen-elsewhere"
    reply = await manager.post("/clients", {**NEW, "client_id": "new", "client_secret": secret})
    assert reply.status_code == 201
    assert "client_secret" not in reply.json()
    assert (await managed.http.post(PAR, auth=("new", secret), data=PUSHED)).status_code == 201


async def test_a_client_is_there_already(manager: Api, managed: Running) -> None:
    before = await everything(managed)
    told(await manager.post("/clients", {**NEW, "client_id": "app"}), 409, "management.exists")
    assert await everything(managed) == before


async def test_of_many_creations_of_one_client_one_wins(manager: Api) -> None:
    start = asyncio.Barrier(8)

    async def one() -> int:
        await start.wait()
        return (await manager.post("/clients", {**NEW, "client_id": "new"})).status_code

    assert sorted(await asyncio.gather(*(one() for _ in range(8)))) == [201, *[409] * 7]


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"redirect_uris": ["http://public.example/cb"]}, "redirect_uris[0]"),
        ({"redirect_uris": "https://new.example/cb"}, "redirect_uris"),
        ({"redirect_uris": [1]}, "redirect_uris[0]"),
        ({"client_secret": "short"}, "client_secret"),
        ({"client_secret": {"file": "/etc/passwd"}}, "client_secret"),
        ({"client_secret": {"env": "HOME"}}, "client_secret"),
        ({"token_endpoint_auth_method": "magic"}, "token_endpoint_auth_method"),
        ({"grant_types": ["password"]}, "grant_types"),
        ({"par_request_expiry": 4}, "par_request_expiry"),
        ({"unknown": 1}, "unknown"),
        ({"client_id": ""}, "client_id"),
        ({"client_id": "a b"}, "client_id"),
        ({"client_id": 7}, "client_id"),
        ({"allowed_resources": ["https://nobody.example"]}, "allowed_resources"),
        ({"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}, "jwks"),
    ],
)
async def test_what_cannot_be_saved(manager: Api, managed: Running, members: dict[str, Any], field: str) -> None:
    before = await everything(managed)
    reply = await manager.post("/clients", {**NEW, **members})
    assert reply.json()["errors"][0]["field"].startswith(field), reply.text
    told(reply, 400, "management.invalid", *[one["field"] for one in reply.json()["errors"]])
    assert await everything(managed) == before


# --- Changing -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("VEN-M-1")
async def test_pushing_is_demanded_and_that_holds_at_once(manager: Api, managed: Running) -> None:
    query = {**REQUEST, "client_id": "app"}
    assert (await managed.http.get(AUTHORIZE, params=query)).status_code == 303
    reply = await manager.patch("/clients/app", {PUSH: True})
    assert (reply.status_code, reply.json()[PUSH], reply.json()["client_id"]) == (200, True, "app")
    location = (await managed.http.get(AUTHORIZE, params=query)).headers["location"]
    assert "error=invalid_request" in location
    assert (await managed.http.post(PAR, auth=APP, data=REQUEST)).status_code == 201
    assert (await manager.patch("/clients/app", {PUSH: False})).json()[PUSH] is False
    location = (await managed.http.get(AUTHORIZE, params=query)).headers["location"]
    assert "error" not in location


@pytest.mark.requirement("VEN-M-1")
async def test_the_sample_with_line_breaks(manager: Api, managed: Running) -> None:
    body = '{\n  "require_pushed_authorization_requests": true\n}'
    headers = {"authorization": f"Bearer {manager.token}", "content-type": "application/json"}
    reply = await managed.http.patch("/api/v2/clients/app", content=body, headers=headers)
    assert (reply.status_code, reply.json()[PUSH]) == (200, True)


@pytest.mark.requirement("VEN-M-1", "VEN-S-2")
@pytest.mark.parametrize("seconds", [5, 30, 599, 600])
async def test_the_life_of_a_request_uri(manager: Api, managed: Running, seconds: int) -> None:
    assert (await manager.patch("/clients/app", {"par_request_expiry": seconds})).status_code == 200
    pushed = await managed.http.post(PAR, auth=APP, data=REQUEST)
    assert pushed.json()["expires_in"] == seconds


@pytest.mark.requirement("VEN-M-1", "VEN-S-2")
@pytest.mark.parametrize("seconds", [0, 4, 601, "60", 60.5, True, -1])
async def test_a_life_that_cannot_be(manager: Api, seconds: Any) -> None:
    told(
        await manager.patch("/clients/app", {"par_request_expiry": seconds}),
        400,
        "management.invalid",
        "par_request_expiry",
    )


@pytest.mark.requirement("VEN-M-1")
@pytest.mark.parametrize("value", ["true", 1, 0, None, [], {}, "yes"])
async def test_a_switch_that_is_not_a_boolean(manager: Api, managed: Running, value: Any) -> None:
    before = await everything(managed)
    told(await manager.patch("/clients/app", {PUSH: value}), 400, "management.invalid", PUSH)
    assert await everything(managed) == before


@pytest.mark.requirement("VEN-M-1")
async def test_a_client_that_is_not_there(manager: Api) -> None:
    for reply in (await manager.patch("/clients/nobody", {PUSH: True}), await manager.get("/clients/nobody"),
                  await manager.delete("/clients/nobody"), await manager.post("/clients/nobody/rotate-secret"),
                  await manager.call("PUT", "/clients/nobody", NEW), await manager.get("/clients/%FF")):  # fmt: skip
        told(reply, 404, "management.not_found")


@pytest.mark.requirement("VEN-M-2")
async def test_pushing_cannot_be_demanded_while_the_realm_has_it_off(manager: Api, managed: Running) -> None:
    await manager.patch("/tenants/settings", {"pushed_authorization_requests_supported": False})
    told(await manager.patch("/clients/app", {PUSH: True}), 400, "management.invalid", PUSH)
    # Nor by a client that has nothing to push.
    told(await manager.patch("/clients/manager", {PUSH: True}), 400, "management.invalid", PUSH)
    told(await manager.post("/clients", {**NEW, PUSH: True}), 400, "management.invalid", PUSH)
    assert (await manager.patch("/clients/app", {PUSH: False})).status_code == 200


@pytest.mark.requirement("VEN-M-1")
@pytest.mark.parametrize(
    "level", ["fapi1_adv_pkj_par", "fapi1_adv_mtls_par", "fapi2_sp_pkj_mtls", "fapi2_sp_mtls_mtls"]
)
async def test_a_compliance_level_is_a_profile(manager: Api, level: str) -> None:
    assert (await manager.get("/clients/app")).json()["compliance_level"] == "none"
    told(await manager.patch("/clients/app", {"compliance_level": level}), 400, "management.invalid",
         "token_endpoint_auth_method", *(await fields(manager, level)))  # fmt: skip
    patch = {
        "compliance_level": level,
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks_uri": "https://a.example/",
    }
    reply = await manager.patch("/clients/app", patch)
    assert reply.status_code == 200, reply.text
    assert (reply.json()["compliance_level"], reply.json()["profile"]) == (level, "fapi2-security")
    # What was not said of the level stays; a profile alone makes it meaningless.
    assert (await manager.patch("/clients/app", {"client_name": "x"})).json()["compliance_level"] == level
    reply = await manager.patch("/clients/app", {"profile": "fapi2-security"})
    assert reply.json()["compliance_level"] == "fapi2_sp_pkj_mtls"
    for off in ({"compliance_level": "none"}, {"compliance_level": None}):
        reply = await manager.patch("/clients/app", off)
        assert (reply.status_code, reply.json()["profile"], reply.json()["compliance_level"]) == (200, None, "none")


async def fields(manager: Api, level: str) -> list[str]:
    """The other complaints about a client of the wrong kind."""
    errors = (await manager.patch("/clients/app", {"compliance_level": level})).json()["errors"]
    return [one["field"] for one in errors if one["field"] != "token_endpoint_auth_method"]


@pytest.mark.parametrize("level", ["fapi3", 7, [], {}, True])
async def test_a_compliance_level_that_is_none(manager: Api, level: Any) -> None:
    reply = await manager.patch("/clients/app", {"compliance_level": level})
    told(reply, 400, "management.invalid", "compliance_level")


@pytest.mark.requirement("VEN-M-4")
async def test_an_update_changes_only_what_is_named(manager: Api, managed: Running) -> None:
    before = (await manager.get("/clients/app")).json()
    after = (await manager.patch("/clients/app", {"client_name": "Other", "contacts": ["me@app.example"]})).json()
    assert after == {**before, "client_name": "Other", "contacts": ["me@app.example"]}
    # RFC 7396: null takes away what need not be there, and an empty patch nothing.
    assert (await manager.patch("/clients/app", {"client_name": None})).json()["client_name"] is None
    assert (await manager.patch("/clients/app", {})).status_code == 200
    # The secret is the old one.
    assert (await managed.http.post(PAR, auth=APP, data=REQUEST)).status_code == 201


@pytest.mark.requirement("VEN-M-4")
async def test_what_a_client_registered_stays(manager: Api, managed: Running) -> None:
    metadata = {"redirect_uris": ["https://own.example/cb"], "client_name": "Own", "client_name#ja": "自分"}
    own = (await managed.http.post("/oauth2/register", json=metadata)).json()
    assert (await manager.patch(f"/clients/{own['client_id']}", {PUSH: True})).json()["self_registered"] is True
    headers = {"authorization": f"Bearer {own['registration_access_token']}"}
    uri = f"/oauth2/register/{own['client_id']}"
    now = (await managed.http.get(uri, headers=headers)).json()
    assert (now["client_name"], now["client_name#ja"], now[PUSH]) == ("Own", "自分", True)


async def test_a_client_keeps_its_id(manager: Api) -> None:
    told(await manager.patch("/clients/app", {"client_id": "other"}), 400, "management.invalid", "client_id")
    reply = await manager.call("PUT", "/clients/app", {**NEW, "client_id": "other"})
    told(reply, 400, "management.invalid", "client_id")
    assert (await manager.patch("/clients/app", {"client_id": "app"})).status_code == 200


async def test_replacing_leaves_the_rest_at_its_default(manager: Api, managed: Running) -> None:
    assert (await manager.patch("/clients/app", {"par_request_expiry": 30, PUSH: True})).status_code == 200
    reply = await manager.call("PUT", "/clients/app", {"redirect_uris": ["https://app.example/callback"]})
    assert reply.status_code == 200
    document = reply.json()
    assert (document["par_request_expiry"], document[PUSH], document["client_name"]) == (None, False, None)
    assert "client_secret" not in document
    assert (await managed.http.post(PAR, auth=APP, data={**REQUEST, "scope": "openid"})).status_code == 201


# --- Deleting, rotating ---------------------------------------------------------------------------------------------


async def test_a_client_is_deleted(manager: Api, managed: Running) -> None:
    reply = await manager.delete("/clients/app")
    assert (reply.status_code, reply.content) == (204, b"")
    assert (await managed.http.post(PAR, auth=APP, data=REQUEST)).status_code == 401
    shown(await managed.browser().http.get(AUTHORIZE, params={**REQUEST, "client_id": "app"}), 400, "invalid_request",
          "authorize.client_unknown")  # fmt: skip


async def test_a_secret_is_replaced(manager: Api, managed: Running) -> None:
    reply = await manager.post("/clients/app/rotate-secret")
    assert reply.status_code == 200
    secret = reply.json()["client_secret"]
    assert len(secret) >= 43
    assert (await managed.http.post(PAR, auth=APP, data=REQUEST)).status_code == 401
    assert (await managed.http.post(PAR, auth=("app", secret), data=REQUEST)).status_code == 201


async def test_a_client_without_a_secret_has_none_to_replace(manager: Api) -> None:
    await manager.post("/clients", {**NEW, "client_id": "spa", "token_endpoint_auth_method": "none"})
    told(await manager.post("/clients/spa/rotate-secret"), 400, "management.invalid", "client_secret")


async def test_an_id_may_have_any_characters(manager: Api) -> None:
    for client_id, path in (
        ("https://app.example/", "https%3A%2F%2Fapp.example%2F"),
        ("a%2Fb", "a%252Fb"),
        ("?#", "%3F%23"),
    ):
        reply = await manager.post("/clients", {**NEW, "client_id": client_id})
        assert reply.headers["location"].endswith(f"/clients/{path}")
        assert (await manager.get(f"/clients/{path}")).json()["client_id"] == client_id
        assert (await manager.delete(f"/clients/{path}")).status_code == 204


# --- Lists ------------------------------------------------------------------------------------------------------------


async def test_pages_and_links(manager: Api) -> None:
    for number in range(5):
        await manager.post("/clients", {**NEW, "client_id": f"new-{number}"})
    seen, path = [], "/clients?per_page=3&include_totals=true"
    for start in (0, 3, 6):
        reply = await manager.get(path)
        document = reply.json()
        found = [client["client_id"] for client in document["clients"]]
        assert (document["start"], document["limit"], document["length"]) == (start, 3, len(found))
        assert (document["total"], reply.headers["x-total-count"]) == (7, "7")
        seen += found
        links = dict(reversed(link.split("; rel=")) for link in reply.headers["link"].split(", "))
        assert ('"prev"' in links, '"next"' in links) == (start > 0, start < 6)
        path = links.get('"next"', "").strip("<>").removeprefix("/api/v2")
    assert seen == ["app", "manager", "new-0", "new-1", "new-2", "new-3", "new-4"]
    assert [c["client_id"] for c in (await manager.get("/clients?page=1&per_page=2")).json()] == ["new-0", "new-1"]
    assert (await manager.get("/clients?page=99")).json() == []


async def test_filters_compare_whole_values(manager: Api) -> None:
    await manager.post("/clients", {**NEW, "client_id": "spa", "token_endpoint_auth_method": "none", "enabled": False})

    async def found(query: str) -> list[str]:
        return [client["client_id"] for client in (await manager.get(f"/clients?{query}")).json()]

    assert await found("client_id=app") == ["app"]
    assert await found("client_id=ap") == []
    assert await found("token_endpoint_auth_method=none") == ["spa"]
    assert await found("enabled=false") == ["spa"]
    assert await found("enabled=true&client_name=The%20App") == ["app"]


async def test_the_members_that_are_wanted(manager: Api) -> None:
    [one] = (await manager.get("/clients?fields=client_id,enabled&client_id=app")).json()
    assert one == {"client_id": "app", "enabled": True}
    assert "scope" not in (await manager.get("/clients/app?fields=scope&include_fields=false")).json()


@pytest.mark.parametrize(
    ("query", "field"),
    [("page=-1", "page"), ("page=x", "page"), ("per_page=0", "per_page"), ("per_page=101", "per_page"),
     ("include_totals=perhaps", "include_totals"), ("clientid=app", "clientid"), ("page=1000001", "page")],
)  # fmt: skip
async def test_a_query_that_is_not_understood(manager: Api, query: str, field: str) -> None:
    told(await manager.get(f"/clients?{query}"), 400, "management.query", field)


# --- Realms ----------------------------------------------------------------------------------------------------


async def test_realms_see_nothing_of_each_other(managed: Running) -> None:
    alpha = await api(managed, realm="alpha")
    assert [client["client_id"] for client in (await alpha.get("/clients")).json()] == ["manager"]
    told(await alpha.get("/clients/app"), 404, "management.not_found")
    reply = await alpha.post("/clients", {**NEW, "client_id": "app"})
    assert reply.headers["location"] == f"{BASE_URL}{ALPHA}/api/v2/clients/app"
    assert (await alpha.delete("/clients/app")).status_code == 204
    assert (await (await api(managed)).get("/clients/app")).status_code == 200
