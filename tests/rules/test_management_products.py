"""The same settings in the words of WSO2, PingOne AIC, IBM Verify and Auth0: written in one, read in all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from copy import deepcopy
from typing import Any

import httpx
import pytest

from pushgate.dialects import DIALECTS
from pushgate.manage.api.call import Call
from pushgate.testing import Running, running
from tests.support.management import MANAGED, Api, api, told
from tests.support.manifests import REQUEST
from tests.support.steps import PAR

WSO2 = "/api/server/v1/applications/app/inbound-protocols/oidc"
PING = "/am/json/realms/root/realm-config/agents/OAuth2Client/app"
PING_SERVICE = "/am/json/realms/root/realm-config/services/oauth-oidc"
IBM = "/v1.0/applications/app"
PUSH = "require_pushed_authorization_requests"
APP = ("app", "app-secret-of-at-least-22-characters")


def wso2(value: Any) -> dict[str, Any]:
    return {"pushAuthorizationRequest": {"requirePushAuthorizationRequest": value}}


def ping(value: Any) -> dict[str, Any]:
    return {"advancedOAuth2ClientConfig": {PUSH: value}}


def ping_wrapped(value: Any) -> dict[str, Any]:
    return ping({"inherited": False, "value": value})


def ibm(value: Any) -> dict[str, Any]:
    return {"providers": {"oidc": {"properties": {"additionalConfig": {"requirePushAuthorize": value}}}}}


def ibm_short(value: Any) -> dict[str, Any]:
    return {"additionalConfig": {"requirePushAuthorize": value}}


SHAPES = [
    pytest.param(WSO2, wso2, "pushAuthorizationRequest.requirePushAuthorizationRequest", id="wso2"),
    pytest.param(PING, ping, f"advancedOAuth2ClientConfig.{PUSH}", id="ping"),
    pytest.param(PING, ping_wrapped, f"advancedOAuth2ClientConfig.{PUSH}", id="ping wrapped"),
    pytest.param(IBM, ibm, "providers.oidc.properties.additionalConfig.requirePushAuthorize", id="ibm"),
    pytest.param(IBM, ibm_short, "additionalConfig.requirePushAuthorize", id="ibm short"),
]


@pytest.fixture
async def managed() -> AsyncIterator[Running]:
    """A server with a client that may manage, in two realms."""
    async with running(MANAGED) as found:
        yield found


@pytest.fixture
async def manager(managed: Running) -> Api:
    """The API of the realm `default`, with every scope."""
    return await api(managed)


async def at(manager: Api, method: str, path: str, body: Any = None) -> httpx.Response:
    """Call a path of a product."""
    more = {} if body is None else {"json": body}
    headers = {"authorization": f"Bearer {manager.token}"}
    return await manager.server.http.request(method, path, headers=headers, **more)


async def read(manager: Api) -> list[bool]:
    """The switch, as each shape has it."""
    by_wso2 = (await at(manager, "GET", WSO2)).json()["pushAuthorizationRequest"]["requirePushAuthorizationRequest"]
    by_ping = (await at(manager, "GET", PING)).json()["advancedOAuth2ClientConfig"][PUSH]
    by_ibm = (await at(manager, "GET", IBM)).json()["providers"]["oidc"]["properties"]["additionalConfig"]
    assert by_ping["inherited"] is False
    own = (await manager.get("/clients/app")).json()[PUSH]
    return [own, by_wso2, by_ping["value"], by_ibm["requirePushAuthorize"]]


@pytest.mark.requirement("VEN-M-3")
@pytest.mark.parametrize(("path", "shape", "field"), SHAPES)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_one_setting_in_every_shape(manager: Api, path: str, shape: Any, field: str, method: str) -> None:
    before = (await manager.get("/clients/app")).json()
    for value in (True, False):
        reply = await at(manager, method, path, shape(value))
        assert reply.status_code == 200, reply.text
        assert await read(manager) == [value] * 4
        # Nothing else changed, with PUT too.
        assert (await manager.get("/clients/app")).json() == {**before, PUSH: value}


@pytest.mark.requirement("VEN-M-3")
@pytest.mark.parametrize(("path", "shape", "field"), SHAPES)
@pytest.mark.parametrize("value", ["yes", 1, [], "True"])
async def test_a_switch_that_is_not_a_boolean(manager: Api, path: str, shape: Any, field: str, value: Any) -> None:
    told(await at(manager, "PATCH", path, shape(value)), 400, "management.invalid", field)


@pytest.mark.requirement("VEN-M-3")
@pytest.mark.parametrize(("path", "shape", "field"), SHAPES)
async def test_who_is_not_there_and_who_may_not(manager: Api, path: str, shape: Any, field: str) -> None:
    unknown = (
        path.replace("app/inbound", "nobody/inbound")
        .replace("Client/app", "Client/nobody")
        .replace("s/app", "s/nobody")
    )
    for method in ("GET", "PUT", "PATCH"):
        body = None if method == "GET" else shape(True)
        told(await at(manager, method, unknown, body), 404, "management.not_found")
        reply = await manager.server.http.request(method, path)
        told(reply, 401, "resource.token_missing", error="invalid_token")
        lacking = await api(manager.server, "read:users")
        told(await at(lacking, method, path, body), 403, "resource.scope")
    told(await at(manager, "DELETE", path), 405, "http.method")


@pytest.mark.requirement("VEN-M-2", "VEN-M-3")
@pytest.mark.parametrize(("path", "shape", "field"), SHAPES)
async def test_with_par_off_it_cannot_be_demanded(manager: Api, path: str, shape: Any, field: str) -> None:
    await manager.patch("/tenants/settings", {"pushed_authorization_requests_supported": False})
    told(await at(manager, "PATCH", path, shape(True)), 400, "management.invalid", PUSH)


@pytest.mark.parametrize(("path", "body", "field"), [
    (WSO2, {"pushAuthorizationRequest": 1}, "pushAuthorizationRequest"),
    (WSO2, {"callbackURLs": "x"}, "callbackURLs"),
    (WSO2, {"grantTypes": [1]}, "grantTypes"),
    (PING, {"advancedOAuth2ClientConfig": []}, "advancedOAuth2ClientConfig"),
    (IBM, {"providers": {"oidc": "x"}}, "providers.oidc"),
    (IBM, {"name": 7}, "name"),
])  # fmt: skip
async def test_a_document_of_the_wrong_form(manager: Api, path: str, body: Any, field: str) -> None:
    told(await at(manager, "PUT", path, body), 400, "management.invalid", field)


@pytest.mark.requirement("VEN-M-3")
async def test_what_a_product_sends_beside_is_left_alone(manager: Api) -> None:
    before = (await manager.get("/clients/app")).json()
    whole = {
        "clientId": "app", "accessToken": {"type": "JWT"}, "refreshToken": {"expiryInSeconds": 86400},
        "callbackURLs": ["https://other.example/cb"], "publicClient": False, **wso2(True),
    }  # fmt: skip
    assert (await at(manager, "PUT", WSO2, whole)).status_code == 200
    expected = {**before, PUSH: True, "redirect_uris": ["https://other.example/cb"]}
    assert (await manager.get("/clients/app")).json() == expected


@pytest.mark.requirement("VEN-M-3", "VEN-S-2")
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("wrapped", [False, True])
async def test_the_life_of_request_uris_in_a_realm(manager: Api, method: str, wrapped: bool) -> None:
    def body(value: Any) -> dict[str, Any]:
        return (
            {"advancedOAuth2Config": {"parRequestUriLifetime": value}} if wrapped else {"parRequestUriLifetime": value}
        )

    shown = (await at(manager, "GET", PING_SERVICE)).json()
    assert shown["parRequestUriLifetime"] == shown["advancedOAuth2Config"]["parRequestUriLifetime"] == 60
    reply = await at(manager, method, PING_SERVICE, body(120))
    assert (reply.status_code, reply.json()["parRequestUriLifetime"]) == (200, 120)
    par = (await manager.get("/tenants/settings")).json()["pushed_authorization_requests"]
    assert par == {"supported": True, "required": False, "lifetime": 120}
    assert (await manager.server.http.post(PAR, auth=APP, data=REQUEST)).json()["expires_in"] == 120
    assert (await at(manager, method, PING_SERVICE, {"other": 1})).json()["parRequestUriLifetime"] == 120
    for bad in ("90", True, 4.5):
        told(await at(manager, method, PING_SERVICE, body(bad)), 400, "management.invalid", "parRequestUriLifetime")
    for bad in (4, 601):
        field = "pushed_authorization_requests.lifetime"
        told(await at(manager, method, PING_SERVICE, body(bad)), 400, "management.invalid", field)


@pytest.mark.requirement("VEN-M-3")
@pytest.mark.parametrize("path", [
    "/t/alpha/api/server/v1/applications/manager/inbound-protocols/oidc",
    "/realms/alpha/api/server/v1/applications/manager/inbound-protocols/oidc",
    "/am/json/realms/root/realms/alpha/realm-config/agents/OAuth2Client/manager",
    "/realms/alpha/v1.0/applications/manager",
    "/t/alpha/api/v2/clients/manager",
    "/am/oauth2/realms/root/realms/alpha/api/v2/clients/manager",
])  # fmt: skip
async def test_each_realm_has_its_own(managed: Running, path: str) -> None:
    assert (await at(await api(managed, realm="alpha"), "GET", path)).status_code == 200
    told(
        await at(await api(managed), "GET", path),
        403,
        "management.other_realm",
    )
    other = path.replace("alpha", "nowhere")
    told(await at(await api(managed), "GET", other), 404, "http.not_found")


# --- Auth0 ----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def auth0(managed: Running, monkeypatch: pytest.MonkeyPatch) -> Api:
    """The API of a realm that knows Auth0's words."""
    dialect = "auth0" if "auth0" in DIALECTS else "rfc9126"
    monkeypatch.setattr(Call, "auth0", True)
    par = "{supported: true}"
    await managed.apply(f"realms: [{{name: tenant, dialect: {dialect}, pushed_authorization_requests: {par}}}]")
    return await api(managed, realm="tenant")


async def test_auth0_documents_can_be_sent_back(auth0: Api) -> None:
    made = await auth0.post("/clients", {"name": "My App", "callbacks": ["https://my.example/cb"]})
    for path in (f"/clients/{made.json()['client_id']}", "/tenants/settings"):
        read = await auth0.get(path)
        back = await auth0.patch(path, read.json(), if_match=read.headers["etag"])
        assert (back.status_code, back.text) == (200, read.text)
        assert back.headers["etag"] == read.headers["etag"]
    wrong = {f"/clients/{made.json()['client_id']}": ("callbacks", []), "/tenants/settings": ("session_lifetime", 1)}
    for path, (name, value) in wrong.items():
        read = await auth0.get(path)
        told(await auth0.patch(path, {**read.json(), name: value}), 400, "management.invalid", name)
    for name, value in {"tenant": "other", "global": True}.items():
        told(await auth0.patch(next(iter(wrong)), {name: value}), 400, "management.invalid", name)
    told(await auth0.patch("/tenants/settings", {"friendly_name": "x"}), 400, "management.invalid", "friendly_name")


async def test_auth0_names_of_a_client(auth0: Api) -> None:
    body = {
        "name": "My App", "callbacks": ["https://my.example/cb"], "allowed_logout_urls": ["https://my.example/"],
        "app_type": "regular_web", "oidc_conformant": True, "web_origins": ["https://my.example"],
        "jwt_configuration": {"alg": "RS256", "lifetime_in_seconds": 36000},
    }  # fmt: skip
    reply = await auth0.post("/clients", body)
    assert reply.status_code == 201, reply.text
    created = reply.json()
    assert (created["name"], created["client_name"]) == ("My App", "My App")
    assert created["callbacks"] == created["redirect_uris"] == ["https://my.example/cb"]
    assert created["allowed_logout_urls"] == ["https://my.example/"]
    assert (created["app_type"], created["token_endpoint_auth_method"]) == ("regular_web", "client_secret_post")
    assert created["client_secret"]
    reply = await auth0.patch(f"/clients/{created['client_id']}", {"name": "Other", "web_origins": []})
    assert (reply.json()["name"], reply.json()["callbacks"]) == ("Other", ["https://my.example/cb"])
    listed = (await auth0.get("/clients?page=0&per_page=50&include_totals=true")).json()
    assert (listed["total"], listed["clients"][0]["name"]) == (1, "Other")
    assert (await auth0.delete(f"/clients/{created['client_id']}")).status_code == 204


async def test_auth0_kinds_of_applications(auth0: Api) -> None:
    for kind, method in (("spa", "none"), ("native", "none"), ("non_interactive", "client_secret_post")):
        callbacks = {} if kind == "non_interactive" else {"callbacks": ["https://my.example/cb"]}
        created = (await auth0.post("/clients", {"name": kind, "app_type": kind, **callbacks})).json()
        assert (created["app_type"], created["token_endpoint_auth_method"]) == (kind, method)


@pytest.mark.parametrize(("body", "field"), [
    ({"name": "x", "client_name": "y"}, "name"), ({"app_type": "odd"}, "app_type"), ({"app_type": []}, "app_type"),
    ({"oidc_logout": {}}, "oidc_logout.backchannel_logout_urls"), ({"callbacks": "x"}, "redirect_uris"),
    ({"jwt_configuration": {"alg": 1}}, "jwt_configuration.alg"), ({"unknown": 1}, "unknown"),
])  # fmt: skip
async def test_auth0_names_that_cannot_be_taken(auth0: Api, body: dict[str, Any], field: str) -> None:
    reply = await auth0.post("/clients", body)
    assert reply.json()["errors"][0]["field"] == field, reply.text


async def test_auth0_names_of_tenant_settings(auth0: Api) -> None:
    shown = (await auth0.get("/tenants/settings?fields=friendly_name,session_lifetime&include_fields=true")).json()
    assert shown == {"friendly_name": "tenant", "session_lifetime": 8.0}
    reply = await auth0.patch("/tenants/settings", {"session_lifetime": 24})
    assert reply.json()["lifetimes"]["session"] == 86_400
    for bad in ("8", True, 0, 721, 1e300, -1):
        told(
            await auth0.patch("/tenants/settings", {"session_lifetime": bad}),
            400,
            "management.invalid",
            "session_lifetime",
        )


@pytest.mark.parametrize(
    ("path", "name", "value", "told_of"),
    [
        ("/clients/{}", "id_token_signed_response_alg", "ES256", "jwt_configuration.alg"),
        ("/clients/{}", "backchannel_logout_uri", "https://rp.example/bc", "oidc_logout.backchannel_logout_urls"),
        ("/clients/{}", "jwt_configuration", {"alg": "ES256"}, "jwt_configuration.alg"),
        ("/tenants/settings", "default_resource", "https://api.example", "default_audience"),
    ],
)
async def test_auth0_documents_that_were_changed_under_one_of_two_names(
    auth0: Api, path: str, name: str, value: object, told_of: str
) -> None:
    """Neither name wins silently."""
    made = await auth0.post("/clients", {"name": "My App", "callbacks": ["https://my.example/cb"]})
    path = path.format(made.json()["client_id"])
    read = (await auth0.get(path)).json()
    told(await auth0.patch(path, {**read, name: value}), 400, "management.invalid", told_of)
    assert (await auth0.get(path)).json() == read


@pytest.mark.parametrize("name", ["requirePushAuthorize", "dpopBoundAccessTokens"])
@pytest.mark.parametrize("short", [True, False])
async def test_ibm_documents_that_were_changed_in_one_of_two_places(manager: Api, name: str, short: bool) -> None:
    read = (await at(manager, "GET", IBM)).json()
    changed = deepcopy(read)
    place = changed if short else changed["providers"]["oidc"]["properties"]
    place["additionalConfig"][name] = True
    reply = await at(manager, "PUT", IBM, changed)
    told(reply, 400, "management.invalid", f"additionalConfig.{name}")
    assert (await at(manager, "GET", IBM)).json() == read


@pytest.mark.parametrize("seconds", [115, 28_801, 86_399])
async def test_auth0_hours_say_the_very_second(auth0: Api, seconds: int) -> None:
    await auth0.patch("/tenants/settings", {"lifetimes": {"session": seconds}})
    read = (await auth0.get("/tenants/settings")).json()
    for body in (read, {"session_lifetime": read["session_lifetime"]}):
        reply = await auth0.patch("/tenants/settings", body)
        assert (reply.status_code, reply.json()["lifetimes"]["session"]) == (200, seconds), reply.text


async def test_auth0_names_are_known_nowhere_else(manager: Api) -> None:
    told(await manager.patch("/clients/app", {"name": "x"}), 400, "management.invalid", "name")
    told(await manager.get("/clients?app_type=spa"), 400, "management.query", "app_type")
