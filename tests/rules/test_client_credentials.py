"""client_credentials: a client that acts for itself, without a user and without a refresh token."""

from __future__ import annotations

import pytest

from pushgate.errors import OAuthError
from pushgate.manage.manifest import BadManifest
from pushgate.model import Client
from pushgate.protocol.client_auth import NoCredential, authenticate
from pushgate.protocol.grants.client_credentials import check_confidential
from pushgate.testing import Running
from tests.support.manifests import APP, APP_SECRET, POST_SECRET
from tests.support.steps import TOKEN, but, header, post_as, refresh, refused, tokens_for, userinfo, verified

FORM = {"grant_type": "client_credentials"}


def machine(scope: str | None) -> str:
    """A manifest with a client that has nothing but this grant."""
    line = f"\n        scope: {scope}" if scope else ""
    return f"""
realms:
  - name: default
    clients:
      - client_id: machine
        client_secret: {APP_SECRET}
        grant_types: [client_credentials]{line}
"""


@pytest.mark.requirement("OA-5.1-1", "OA-5.1-2", "OA-4.4.3-1")
async def test_a_client_gets_a_token_for_itself(server: Running) -> None:
    reply = await post_as(server, "app", TOKEN, but(FORM, scope="write"))
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert "no-store" in reply.headers["cache-control"]
    assert reply.headers["pragma"] == "no-cache"
    document = reply.json()
    token = document.pop("access_token")
    assert document == {"token_type": "Bearer", "expires_in": 600, "scope": "write"}
    now = int(server.clock())
    claims = await verified(server, token, "ES256")
    assert claims.pop("jti")
    assert claims == {
        "iss": server.server.base_url, "sub": "app", "client_id": "app", "aud": "https://api.example",
        "scope": "write", "iat": now, "exp": now + 600,
    }  # fmt: skip
    assert header(token)["typ"] == "at+jwt"


@pytest.mark.requirement("OA-4.4.3-1")
@pytest.mark.parametrize("scope", ["write", "write read", None])
async def test_there_is_never_a_refresh_token(server: Running, scope: str | None) -> None:
    reply = await post_as(server, "app", TOKEN, but(FORM, scope=scope, access_type="offline", prompt="consent"))
    # `app` may ask for `other` too, which is of another resource, so all of its scopes at once are too many.
    if scope is None:
        refused(reply, 400, "invalid_scope", "request.scope_mixed_resources")
    else:
        assert reply.json().keys() == {"access_token", "token_type", "expires_in", "scope"}


@pytest.mark.requirement("OA-4.4.3-1", "OA-5.2-4")
@pytest.mark.parametrize("scope", ["offline_access", "write offline_access"])
async def test_offline_access_means_nothing_without_a_user(server: Running, scope: str) -> None:
    await server.apply(machine("write offline_access"))
    refused(await post_as(server, "machine", TOKEN, but(FORM, scope=scope)), 400, "invalid_scope", "token.scope")


@pytest.mark.requirement("OA-3.3-3")
async def test_without_scope_a_client_gets_all_it_is_registered_for_that_needs_no_user(server: Running) -> None:
    await server.apply(machine("openid email read write"))
    for scope in (None, ""):
        reply = await post_as(server, "machine", TOKEN, but(FORM, scope=scope))
        assert reply.json()["scope"] == "read write"


@pytest.mark.requirement("OA-3.3-3")
async def test_a_client_that_is_registered_for_nothing_gets_a_token_without_scope(server: Running) -> None:
    await server.apply(machine("openid"))
    reply = await post_as(server, "machine", TOKEN, FORM)
    assert reply.json().keys() == {"access_token", "token_type", "expires_in"}
    claims = await verified(server, reply.json()["access_token"], "ES256")
    assert "scope" not in claims
    assert claims["aud"] == server.server.base_url


@pytest.mark.requirement("OA-5.2-4", "OA-3.3-1")
@pytest.mark.parametrize(
    ("scope", "refusal"),
    [
        ("openid", "token.scope"),
        ("profile write", "token.scope"),
        ("unknown", "token.scope"),
        ("write unknown", "token.scope"),
        ("WRITE", "token.scope"),
        ("write\tread", "token.scope"),
        ('"write"', "token.scope"),
        ("write  read", "token.scope"),
        ("write other", "request.scope_mixed_resources"),
    ],
)
async def test_a_scope_that_the_client_cannot_have(server: Running, scope: str, refusal: str) -> None:
    refused(await post_as(server, "app", TOKEN, but(FORM, scope=scope)), 400, "invalid_scope", refusal)


@pytest.mark.requirement("OA-5.2-4")
async def test_a_client_without_registered_scope_may_have_what_the_realm_knows(server: Running) -> None:
    await server.apply(machine(None))
    reply = await post_as(server, "machine", TOKEN, but(FORM, scope="read"))
    assert reply.json()["scope"] == "read"
    reply = await post_as(server, "machine", TOKEN, but(FORM, scope="unknown"))
    refused(reply, 400, "invalid_scope", "token.scope")


@pytest.mark.requirement("OA-4.4-1")
async def test_a_client_that_is_not_registered_for_it(server: Running) -> None:
    form = {**FORM, "client_id": "post", "client_secret": POST_SECRET}
    refused(await server.http.post(TOKEN, data=form), 400, "unauthorized_client", "token.grant_type_unauthorized")


@pytest.mark.requirement("OA-4.4-1")
async def test_a_public_client(server: Running) -> None:
    refused(await post_as(server, "spa", TOKEN, FORM), 400, "unauthorized_client", "token.grant_type_unauthorized")
    manifest = machine("write").replace(f"client_secret: {APP_SECRET}", "token_endpoint_auth_method: none")
    with pytest.raises(BadManifest, match="a public client cannot use client_credentials"):
        await server.apply(manifest)


@pytest.mark.requirement("OA-4.4-1")
def test_a_public_client_that_slipped_through_registration_is_stopped_all_the_same() -> None:
    slipped = Client(client_id="x", token_endpoint_auth_method="none", grant_types=("client_credentials",))
    with pytest.raises(OAuthError) as caught:
        check_confidential(authenticate(NoCredential("x"), slipped))
    assert (caught.value.code, caught.value.refusal.id) == ("unauthorized_client", "token.client_credentials_public")


@pytest.mark.requirement("OA-4.4-1", "OA-2.2-1")
async def test_a_client_that_does_not_authenticate(server: Running) -> None:
    refused(await server.http.post(TOKEN, data={**FORM, "client_id": "app"}), 401, "invalid_client",
            "client.authentication")  # fmt: skip
    refused(await server.http.post(TOKEN, data=FORM), 401, "invalid_client", "client.missing")
    reply = await server.http.post(TOKEN, data=FORM, auth=(APP[0], "wrong"))
    refused(reply, 401, "invalid_client", "client.authentication")


@pytest.mark.requirement("JAT-2.2-2", "OIDC-3.1.2.1-2")
async def test_a_token_of_a_client_opens_no_user(server: Running) -> None:
    token = (await post_as(server, "app", TOKEN, but(FORM, scope="write"))).json()["access_token"]
    refused(await userinfo(server, token), 403, "insufficient_scope", "userinfo.openid_missing")
    refused(await refresh(server, token), 400, "invalid_grant", "refresh.invalid")
    user = await verified(server, (await tokens_for(server))["access_token"], "ES256")
    client = await verified(server, token, "ES256")
    assert client["sub"] == client["client_id"] == "app"
    assert user["sub"] != user["client_id"] == "app"


@pytest.mark.requirement("JAT-2.2-2", "BCP-4.15.1-1")
async def test_a_client_cannot_be_registered_under_the_sub_of_a_user(server: Running) -> None:
    [alice, _] = await server.management.accounts("default").users()
    with pytest.raises(BadManifest, match="client_id"):
        await server.apply(machine("write").replace("client_id: machine", f'client_id: "{alice.sub}"'))
    assert await server.management.configuration.client("default", alice.sub) is None
