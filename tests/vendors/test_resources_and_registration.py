"""What every product's applications do besides: name an API, register themselves, list what they may ask for."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest

from pushgate.testing import Running, running
from tests.support.products import (
    APP,
    AUTHORIZE,
    CHALLENGE,
    CLIENT,
    HYBRIDS,
    PAR,
    REALMS,
    REDIRECT,
    TOKEN,
    VERIFIER,
    manifest,
    push,
    realm,
    request_of,
)
from tests.support.steps import refused

PLAIN, ACME, TENANT, ALPHA, VERIFY = REALMS
REGISTER = {
    PLAIN: ["/realms/plain/oauth2/register"], ACME: ["/t/acme/api/identity/oauth2/dcr/v1.1/register"],
    TENANT: ["/realms/tenant/oidc/register"], ALPHA: ["/am/oauth2/realms/root/realms/alpha/register"],
    VERIFY: ["/realms/verify/oauth2/register"],
}  # fmt: skip


def payload(token: str) -> dict[str, Any]:
    """The claims of a JWT, not verified."""
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


@pytest.mark.requirement("VEN-P-8")
@pytest.mark.parametrize("name", REALMS)
@pytest.mark.parametrize(
    ("asked", "audience"),
    [
        ({"audience": "https://api.example"}, "https://api.example"),
        ({"resource": "https://api.example"}, "https://api.example"),
        ({"audience": "https://api.example", "resource": "https://other.example"}, "https://api.example"),
    ],
)
async def test_the_api_is_chosen(name: str, asked: dict[str, str], audience: str) -> None:
    apis = [{"identifier": "https://api.example", "scopes": ["write"]}, {"identifier": "https://other.example"}]
    async with running(manifest(realm(name, resources=apis))) as server:
        uri = await push(server, name, scope="openid write", **asked)
        browser = await server.browser().open(AUTHORIZE[name], params={"client_id": CLIENT, "request_uri": uri})
        await browser.sign_in()
        await browser.allow()
        form = {
            "grant_type": "authorization_code", "code": browser.answer["code"], "redirect_uri": REDIRECT[name],
            "code_verifier": VERIFIER,
        }  # fmt: skip
        reply = await server.http.post(TOKEN[name], data=form, auth=APP)
        aud = payload(reply.json()["access_token"])["aud"]
        assert audience in ([aud] if isinstance(aud, str) else aud)
        assert "https://other.example" not in aud
        # And for the client itself.
        form = {"grant_type": "client_credentials", "scope": "write", **asked}
        reply = await server.http.post(TOKEN[name], data=form, auth=APP)
        assert payload(reply.json()["access_token"])["aud"] == audience


@pytest.mark.requirement("VEN-P-8")
@pytest.mark.parametrize("name", REALMS)
@pytest.mark.parametrize("parameter", ["audience", "resource"])
async def test_an_api_that_nobody_knows(name: str, parameter: str) -> None:
    async with running(manifest(realm(name))) as server:
        unknown = {parameter: "https://unknown.example"}
        reply = await server.http.post(PAR[name], data={**request_of(name), **unknown}, auth=APP)
        refused(reply, 400, "invalid_target", "request.resource_unknown")
        form = {"grant_type": "client_credentials", "scope": "write", **unknown}
        refused(
            await server.http.post(TOKEN[name], data=form, auth=APP), 400, "invalid_target", "request.resource_unknown"
        )


@pytest.mark.requirement("VEN-P-2")
@pytest.mark.parametrize("name", REALMS)
@pytest.mark.parametrize("response_type", HYBRIDS)
async def test_response_types_are_those_of_the_client(name: str, response_type: str) -> None:
    turned = " ".join(reversed(response_type.split(" ")))
    async with running(manifest(realm(name))) as server:
        for spelt in {response_type, turned}:
            assert (
                await server.http.post(PAR[name], data=request_of(name, response_type=spelt), auth=APP)
            ).status_code == 201
    others = [value for value in HYBRIDS if value != response_type]
    async with running(manifest(realm(name, {"response_types": others}))) as server:
        reply = await server.http.post(PAR[name], data=request_of(name, response_type=turned), auth=APP)
        refused(reply, 400, "unauthorized_client", "request.response_type_unauthorized")


async def registered(server: Running, path: str, **members: Any) -> Any:
    """Register a client there."""
    body = {"redirect_uris": ["https://new.example/cb"], "scope": "openid", **members}
    return await server.http.post(path, json=body)


@pytest.mark.requirement("VEN-M-4", "VEN-T-1")
@pytest.mark.parametrize("name", REALMS)
async def test_clients_register_at_the_products_path(name: str) -> None:
    async with running(manifest(realm(name, registration={"mode": "open", "scope": "openid"}))) as server:
        for path in REGISTER[name]:
            reply = await registered(server, path, require_pushed_authorization_requests=True)
            assert reply.status_code == 201, reply.text
            client = reply.json()
            assert client["require_pushed_authorization_requests"] is True
            own = client["registration_client_uri"]
            assert own == f"{server.server.base_url}{path}/{client['client_id']}", "and it is managed there"
            bearer = {"authorization": f"Bearer {client['registration_access_token']}"}
            assert (await server.http.get(own, headers=bearer)).json()["client_id"] == client["client_id"]
            plain = {**request_of(name), "client_id": client["client_id"], "redirect_uri": "https://new.example/cb"}
            plain |= {"scope": "openid", "code_challenge": CHALLENGE}
            browser = await server.browser().open(AUTHORIZE[name], params=plain)
            assert browser.page is not None
            assert (browser.landed, "invalid_request" in browser.page.text) == (None, True)
            assert (await server.http.delete(own, headers=bearer)).status_code == 204
            wrong = await registered(server, path, require_pushed_authorization_requests="yes")
            assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_client_metadata")
            assert wrong.headers["pushgate-refusal"] == "registration.metadata"
