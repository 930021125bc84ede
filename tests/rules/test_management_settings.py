"""/api/v2/tenants/settings, and the lists within them that have operations of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from pushgate.protocol.management import SCOPES
from pushgate.testing import Running, running
from tests.support.management import AUDIENCE, MANAGED, Api, api, told
from tests.support.manifests import REQUEST
from tests.support.steps import AUTHORIZE, PAR, refused

APP = ("app", "app-secret-of-at-least-22-characters")
SETTINGS = "/tenants/settings"
SUPPORTED = "pushed_authorization_requests_supported"
PAR_SETTINGS = "pushed_authorization_requests"


@pytest.fixture
async def managed() -> AsyncIterator[Running]:
    """A server with a client that may manage, in two realms."""
    async with running(MANAGED) as found:
        yield found


@pytest.fixture
async def manager(managed: Running) -> Api:
    """The API of the realm `default`, with every scope."""
    return await api(managed)


async def test_the_settings_are_shown_whole(manager: Api) -> None:
    document = (await manager.get(SETTINGS)).json()
    assert document["name"] == "default"
    assert document[PAR_SETTINGS] == {"supported": True, "required": False, "lifetime": None}
    assert document["lifetimes"]["code"] == 60
    assert document["rates"]["failures_per_minute"] == 30
    assert document[SUPPORTED] is True
    assert not {"resources", "journeys", "clients", "users"} & document.keys()


@pytest.mark.requirement("VEN-M-2")
async def test_par_is_switched_off_for_the_realm_at_once(manager: Api, managed: Running) -> None:
    pushed = (await managed.http.post(PAR, auth=APP, data=REQUEST)).json()["request_uri"]
    reply = await manager.patch(SETTINGS, {SUPPORTED: False})
    assert (reply.status_code, reply.json()[SUPPORTED], reply.json()[PAR_SETTINGS]["supported"]) == (200, False, False)
    refused(await managed.http.post(PAR, auth=APP, data=REQUEST), 403, "unauthorized_client", "par.off")
    metadata = (await managed.http.get("/.well-known/openid-configuration")).json()
    assert "pushed_authorization_request_endpoint" not in metadata
    opened = await managed.http.get(AUTHORIZE, params={"client_id": "app", "request_uri": pushed})
    assert opened.status_code == 400
    # The other realm is another one.
    metadata = (await managed.http.get("/realms/alpha/.well-known/openid-configuration")).json()
    assert "pushed_authorization_request_endpoint" in metadata
    assert (await manager.patch(SETTINGS, {SUPPORTED: True})).json()[SUPPORTED] is True
    assert (await managed.http.post(PAR, auth=APP, data=REQUEST)).status_code == 201


@pytest.mark.requirement("VEN-M-2")
@pytest.mark.parametrize("value", ["false", 0, None, [], {}])
async def test_a_switch_that_is_not_a_boolean(manager: Api, value: Any) -> None:
    told(await manager.patch(SETTINGS, {SUPPORTED: value}), 400, "management.invalid", SUPPORTED)


@pytest.mark.requirement("VEN-M-4", "VEN-S-2")
async def test_an_update_changes_only_what_is_named(manager: Api, managed: Running) -> None:
    before = (await manager.get(SETTINGS)).json()
    patch = {PAR_SETTINGS: {"lifetime": 90}, "lifetimes": {"code": 30}, "default_scope": "openid"}
    after = (await manager.patch(SETTINGS, patch)).json()
    expected = {**before, "default_scope": "openid", "lifetimes": {**before["lifetimes"], "code": 30}}
    assert after == {**expected, PAR_SETTINGS: {**before[PAR_SETTINGS], "lifetime": 90}}
    assert (await managed.http.post(PAR, auth=APP, data=REQUEST)).json()["expires_in"] == 90
    after = (await manager.patch(SETTINGS, {PAR_SETTINGS: {"lifetime": None}, "default_scope": None})).json()
    assert (after[PAR_SETTINGS]["lifetime"], after["default_scope"]) == (None, None)
    assert after["lifetimes"]["code"] == 30
    assert (await managed.http.post(PAR, auth=APP, data=REQUEST)).json()["expires_in"] == 60


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({PAR_SETTINGS: {"lifetime": 4}}, f"{PAR_SETTINGS}.lifetime"),
        ({PAR_SETTINGS: {"lifetime": 601}}, f"{PAR_SETTINGS}.lifetime"),
        ({PAR_SETTINGS: {"lifetime": "60"}}, f"{PAR_SETTINGS}.lifetime"),
        ({PAR_SETTINGS: {"unknown": 1}}, f"{PAR_SETTINGS}.unknown"),
        ({PAR_SETTINGS: None}, PAR_SETTINGS),
        ({PAR_SETTINGS: {"supported": True}, SUPPORTED: False}, SUPPORTED),
        ({PAR_SETTINGS: [], SUPPORTED: False}, SUPPORTED),
        ({"profile": "fapi9"}, "profile"),
        ({"dialect": "klingon"}, "dialect"),
        ({"lifetimes": {"session": 10**12}}, "lifetimes.session"),
        ({"tls_client_ca": "/etc/ssl/certs/ca-certificates.crt"}, "tls_client_ca"),
        ({"name": "other"}, "name"),
        ({"resources": []}, "resources"),
        ({"journeys": []}, "journeys"),
        ({"clients": []}, "clients"),
        ({"users": []}, "users"),
        ({"unknown": 1}, "unknown"),
    ],
)
async def test_what_cannot_be_saved(manager: Api, managed: Running, patch: dict[str, Any], field: str) -> None:
    before = await managed.management.configuration.realms()
    told(await manager.patch(SETTINGS, patch), 400, "management.invalid", field)
    assert await managed.management.configuration.realms() == before


async def test_the_change_is_in_the_audit_trail(manager: Api, managed: Running) -> None:
    await manager.patch(SETTINGS, {"dpop_nonces": True})
    [event] = [row for row in await managed.audit("configuration_changed") if "by" in row]
    assert (event["object"], event["id"], event["act"], event["by"]) == ("realm", "default", "update", "pushgate admin")
    # Nonces are demanded from now on, here too.
    assert "dpop-nonce" in (await manager.get(SETTINGS)).headers


# --- Resource servers ------------------------------------------------------------------------------------------------


async def test_the_management_api_is_one_of_them(manager: Api) -> None:
    first, second = (await manager.get("/resource-servers")).json()
    assert (first["identifier"], first["built_in"], first["scopes"]) == (AUDIENCE, True, list(SCOPES))
    assert (second["identifier"], second["built_in"]) == ("https://api.example", False)
    path = "/resource-servers/http%3A%2F%2F127.0.0.1%3A8080%2Fapi%2Fv2%2F"
    assert (await manager.get(path)).json() == first
    told(await manager.patch(path, {"scopes": []}), 400, "management.invalid", "identifier")
    told(await manager.delete(path), 400, "management.invalid", "identifier")
    part = {"identifier": AUDIENCE, "scopes": ["mine"]}
    told(await manager.post("/resource-servers", part), 409, "management.exists")


async def test_an_api_that_was_added_gets_tokens_at_once(manager: Api, managed: Running) -> None:
    part = {"identifier": "https://new.example/", "scopes": ["new"], "introspection_clients": ["app"]}
    reply = await manager.post("/resource-servers", part)
    assert (reply.status_code, reply.json()) == (201, {**part, "built_in": False})
    assert (await manager.patch("/clients/app", {"scope": "new"})).status_code == 200
    form = {"grant_type": "client_credentials", "resource": part["identifier"]}
    assert (await managed.http.post("/oauth2/token", auth=APP, data=form)).json()["scope"] == "new"
    path = "/resource-servers/https%3A%2F%2Fnew.example%2F"
    assert (await manager.patch(path, {"scopes": ["newer"]})).json() == {**part, "scopes": ["newer"], "built_in": False}
    assert (await manager.delete(path)).status_code == 204
    told(await manager.get(path), 404, "management.not_found")
    reply = await managed.http.post("/oauth2/token", auth=APP, data=form)
    refused(reply, 400, "invalid_target", "request.resource_unknown")
    acts = [row["act"] for row in await managed.audit("configuration_changed") if row["object"] == "resource"]
    assert acts == ["delete", "update", "create"]


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"identifier": "no uri"}, "identifier"),
        ({"identifier": "https://a.example/#f"}, "identifier"),
        ({"identifier": "https://a.example", "scopes": ["a b"]}, "scopes"),
        ({"identifier": "https://a.example", "scopes": ["write"]}, "scopes"),
        ({"identifier": "https://a.example", "introspection_clients": ["nobody"]}, "introspection_clients"),
        ({"identifier": 1}, "identifier"),
        ({"scopes": []}, "identifier"),
        ({"identifier": "https://a.example", "more": 1}, "more"),
    ],
)
async def test_an_api_that_cannot_be(manager: Api, part: dict[str, Any], field: str) -> None:
    told(await manager.post("/resource-servers", part), 400, "management.invalid", field)


async def test_an_api_keeps_its_identifier_and_is_there_once(manager: Api) -> None:
    path = "/resource-servers/https%3A%2F%2Fapi.example"
    told(await manager.patch(path, {"identifier": "https://b.example"}), 400, "management.invalid", "identifier")
    told(await manager.post("/resource-servers", {"identifier": "https://api.example"}), 409, "management.exists")
    for reply in (await manager.patch("/resource-servers/x", {}), await manager.delete("/resource-servers/x")):
        told(reply, 404, "management.not_found")


async def test_an_api_that_is_the_default_stays(manager: Api) -> None:
    await manager.patch(SETTINGS, {"default_resource": "https://api.example"})
    path = "/resource-servers/https%3A%2F%2Fapi.example"
    told(await manager.delete(path), 400, "management.invalid", "default_resource")


# --- Journeys --------------------------------------------------------------------------------


async def test_journeys(manager: Api, managed: Running) -> None:
    built_in = [one["name"] for one in (await manager.get("/journeys")).json() if one["built_in"]]
    assert built_in == ["password", "password-totp", "passkey", "passkey-or-password"]
    own = {"name": "own", "ways": [["passkey", "totp"]]}
    assert (await manager.post("/journeys", own)).json() == {**own, "built_in": False}
    told(await manager.post("/journeys", own), 409, "management.exists")
    told(await manager.post("/journeys", {**own, "name": "passkey"}), 409, "management.exists")
    assert (await manager.patch("/journeys/own", {"ways": [["password"]]})).json()["ways"] == [["password"]]
    told(await manager.patch("/journeys/own", {"name": "other"}), 400, "management.invalid", "name")
    told(await manager.patch("/journeys/own", {"ways": []}), 400, "management.invalid", "ways")
    told(await manager.patch("/journeys/passkey", {"ways": []}), 400, "management.invalid", "name")
    assert (await manager.get("/journeys/passkey")).json()["built_in"] is True
    assert (await manager.patch(SETTINGS, {"default_journey": "own"})).status_code == 200
    told(await manager.delete("/journeys/own"), 400, "management.invalid", "default_journey")
    await manager.patch(SETTINGS, {"default_journey": None})
    assert (await manager.delete("/journeys/own")).status_code == 204
    told(await manager.get("/journeys/own"), 404, "management.not_found")


# --- Keys and the audit trail --------------------------------------------------------------------------------


async def test_keys_are_replaced_and_the_old_ones_stay_published(manager: Api, managed: Running) -> None:
    before = (await manager.get("/keys?alg=ES256")).json()
    reply = await manager.post("/keys/rotate", {"algs": ["ES256"]})
    assert reply.status_code == 200
    turned = reply.json()
    assert [key["kid"] for key in turned["retired"]] == [before[0]["kid"]]
    assert (len(turned["made"]), turned["deleted"]) == (1, [])
    after = {key["kid"]: key for key in (await manager.get("/keys?use=sig&alg=ES256")).json()}
    assert after[turned["made"][0]["kid"]]["retired_at"] is None
    assert after[before[0]["kid"]]["retired_at"] == int(managed.clock())
    published = {key["kid"] for key in (await managed.http.get("/oauth2/jwks")).json()["keys"]}
    assert published >= after.keys()
    for private in ('"d"', '"p"', "sealed"):
        assert private not in (await manager.get("/keys")).text + reply.text


@pytest.mark.parametrize("algs", [["none"], [], ["ES256", "ES256"], "ES256", [1]])
async def test_keys_that_cannot_be_made(manager: Api, algs: Any) -> None:
    reply = await manager.post("/keys/rotate", {"algs": algs})
    told(reply, 400, "management.invalid", "algs[0]" if algs == [1] else "algs")


async def test_what_happened_can_be_looked_up(manager: Api, managed: Running) -> None:
    start = int(managed.clock())
    managed.clock.advance(100)
    await managed.http.post(PAR, auth=("app", "wrong"), data=REQUEST)
    managed.clock.advance(100)
    await manager.patch(SETTINGS, {"step_up": True})
    newest = (await manager.get("/logs?per_page=1")).json()[0]
    assert (newest["event"], newest["at"], newest["by"]) == ("configuration_changed", start + 200, "pushgate admin")
    [refusal] = (await manager.get("/logs?event=request_refused")).json()
    assert (refusal["refusal"], refusal["client_id"]) == ("client.authentication", "app")
    between = (await manager.get(f"/logs?since={start + 100}&until={start + 199}&include_totals=true")).json()
    assert (between["total"], between["logs"]) == (1, [refusal])
    assert (await manager.get(f"/logs/{refusal['log_id']}")).json() == refusal
    for odd in ("0", "x", "9" * 30, "-1", "%C2%B2"):
        told(await manager.get(f"/logs/{odd}"), 404, "management.not_found")
    told(await manager.get("/logs?since=yesterday"), 400, "management.query", "since")
    alpha = await api(managed, realm="alpha")
    told(await alpha.get(f"/logs/{refusal['log_id']}"), 404, "management.not_found")
