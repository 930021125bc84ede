"""The `auth0` package from PyPI, unchanged, with a realm in the dialect auth0 at a host of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from auth0.authentication import GetToken, RevokeToken, Users
from auth0.authentication.exceptions import Auth0Error
from auth0.authentication.pushed_authorization_requests import PushedAuthorizationRequests
from auth0.management import ManagementClient
from auth0.management.core.api_error import ApiError
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.peers.walk import walk
from tests.support.manifests import PEER_REDIRECT
from tests.support.tenant import PRIVATE, SECRET, Tenant, tenant

ASKED = {"response_type": "code", "redirect_uri": PEER_REDIRECT, "scope": "openid profile email offline_access"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """A tenant, with pushed requests switched off, as that product has it."""
    with tenant(tmp_path_factory.mktemp("tenant")) as found:
        yield found


@pytest.fixture(autouse=True)
def trust(server: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """requests and httpx, which the package calls with, trust the server's certificate."""
    assert server.live.trust is not None
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", server.live.trust)
    monkeypatch.setenv("SSL_CERT_FILE", server.live.trust)


@pytest.fixture
def management(server: Tenant) -> ManagementClient:
    """The management client, which gets its tokens by itself."""
    return ManagementClient(domain=server.domain, client_id="manager", client_secret=SECRET)


@pytest.mark.parametrize("client_id", ["manager", "manager-jwt"])
def test_a_token_for_the_management_api(server: Tenant, client_id: str) -> None:
    proof = {"client_secret": SECRET} if client_id == "manager" else {"client_assertion_signing_key": PRIVATE}
    token = GetToken(server.domain, client_id, **proof).client_credentials(server.audience)
    assert (token["token_type"], "update:clients" in token["scope"]) == ("Bearer", True)
    management = ManagementClient(domain=server.domain, token=token["access_token"])
    assert management.clients.get("web").client_id == "web"


@pytest.mark.requirement("VEN-M-1", "VEN-M-2")
def test_clients_and_settings(server: Tenant, management: ManagementClient) -> None:
    made = management.clients.create(
        name="My App", callbacks=[PEER_REDIRECT], app_type="regular_web", oidc_conformant=True,
        jwt_configuration={"alg": "RS256"},
    )  # fmt: skip
    assert (made.name, made.callbacks, made.app_type) == ("My App", [PEER_REDIRECT], "regular_web")
    assert made.client_secret
    client_id = made.client_id
    assert client_id in {client.client_id for client in management.clients.list(per_page=2)}
    read = management.clients.get(client_id)
    assert (read.name, read.client_secret, read.par_request_expiry) == ("My App", None, None)

    # Pushing can be demanded once the tenant takes pushed requests.
    management.tenants.settings.update(pushed_authorization_requests_supported=False)
    assert management.tenants.settings.get().pushed_authorization_requests_supported is False
    with pytest.raises(ApiError) as no:
        management.clients.update(client_id, require_pushed_authorization_requests=True)
    assert (no.value.status_code, no.value.body["error"]) == (400, "invalid_request")
    settings = management.tenants.settings.update(pushed_authorization_requests_supported=True)
    assert (settings.pushed_authorization_requests_supported, settings.friendly_name) == (True, "tenant")

    changed = management.clients.update(
        client_id, name="Our App", require_pushed_authorization_requests=True, par_request_expiry=30
    )
    assert (changed.name, changed.require_pushed_authorization_requests) == ("Our App", True)
    assert (changed.par_request_expiry, changed.callbacks) == (30, [PEER_REDIRECT])

    rotated = management.clients.rotate_secret(client_id).client_secret
    assert rotated not in (None, made.client_secret)
    with pytest.raises(Auth0Error) as old:
        push(server, client_id, made.client_secret)
    assert (old.value.status_code, old.value.error_code) == (401, "invalid_client")
    assert push(server, client_id, rotated)["expires_in"] == 30

    management.clients.delete(client_id)
    with pytest.raises(ApiError) as gone:
        management.clients.get(client_id)
    assert gone.value.status_code == 404


async def test_push_sign_in_exchange_refresh_and_revoke(server: Tenant, management: ManagementClient) -> None:
    management.tenants.settings.update(pushed_authorization_requests_supported=True)
    pushed = push(server, "web", SECRET)
    assert (set(pushed), pushed["expires_in"]) == ({"request_uri", "expires_in"}, 90)
    query = urlencode({"client_id": "web", "request_uri": pushed["request_uri"]})
    landed = await walk(server.live, f"https://{server.domain}/authorize?{query}")
    answer = {name: values[0] for name, values in parse_qs(urlsplit(landed).query).items()}
    assert (answer["state"], answer["iss"]) == ("a-state", f"https://{server.domain}/")

    applications = GetToken(server.domain, "web", SECRET)
    tokens = applications.authorization_code(answer["code"], PEER_REDIRECT)
    claims = verified(server, tokens["id_token"])
    assert (claims["iss"], claims["aud"]) == (f"https://{server.domain}/", "web")
    userinfo = Users(server.domain).userinfo(tokens["access_token"])
    assert (userinfo["sub"], userinfo["email"]) == (claims["sub"], "alice@example.com")

    refreshed = applications.refresh_token(tokens["refresh_token"])
    assert verified(server, refreshed["id_token"])["sub"] == claims["sub"]
    RevokeToken(server.domain, "web", SECRET).revoke_refresh_token(tokens["refresh_token"])
    with pytest.raises(Auth0Error) as over:
        applications.refresh_token(tokens["refresh_token"])
    assert over.value.error_code == "invalid_grant"


@pytest.mark.requirement("VEN-M-2")
def test_while_pushing_is_off(server: Tenant, management: ManagementClient) -> None:
    management.tenants.settings.update(pushed_authorization_requests_supported=False)
    with pytest.raises(Auth0Error) as no:
        push(server, "web", SECRET)
    assert no.value.status_code == 403
    management.tenants.settings.update(pushed_authorization_requests_supported=True)
    assert push(server, "web", SECRET)["expires_in"] == 90


def push(server: Tenant, client_id: str, secret: str | None) -> dict[str, Any]:
    """Push a request of an application."""
    found: dict[str, Any] = PushedAuthorizationRequests(server.domain, client_id, secret).pushed_authorization_request(
        **ASKED, state="a-state"
    )
    return found


def verified(server: Tenant, token: str) -> dict[str, Any]:
    """The claims of a token that is signed with RS256 by a key of the tenant."""
    with server.live.http() as http:
        keys = KeySet.import_key_set(http.get(f"https://{server.domain}/.well-known/jwks.json").json())
    claims: dict[str, Any] = jwt.decode(token, keys, algorithms=["RS256"]).claims
    return claims
