"""Who may use the management API: tokens for it, of this realm, with the scope, from clients that may have them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pushgate.jose.sign import sign_jwt
from pushgate.manage.manifest import BadManifest
from pushgate.manage.service import Refused
from pushgate.manage.tokens import mint_admin_token
from pushgate.protocol.management import ADMIN, SCOPES
from pushgate.testing import Running, running
from tests.support.assertions import b64
from tests.support.management import (
    ALPHA,
    API,
    AUDIENCE,
    MANAGED,
    MANAGER,
    SECRET,
    Api,
    api,
    as_client,
    client_token,
    told,
)
from tests.support.manifests import APP, REQUEST
from tests.support.proofs import ath, proof
from tests.support.steps import PAR, TOKEN, but, refused, tokens_for, verified

CLIENTS = f"{API}/clients"


@pytest.fixture
async def managed() -> AsyncIterator[Running]:
    """A server with a client that may manage, in two realms."""
    async with running(MANAGED) as found:
        yield found


# --- Getting a token -------------------------------------------------------------------------------------------


@pytest.mark.requirement("VEN-M-1")
@pytest.mark.parametrize("parameter", ["resource", "audience"])
async def test_a_client_gets_a_token_for_what_it_is_registered_for(managed: Running, parameter: str) -> None:
    form = {"grant_type": "client_credentials", parameter: AUDIENCE, "scope": "read:clients update:clients"}
    reply = await managed.http.post(TOKEN, auth=MANAGER, data=form)
    assert reply.status_code == 200, reply.text
    claims = await verified(managed, reply.json()["access_token"], "ES256")
    assert (claims["aud"], claims["scope"]) == (AUDIENCE, "read:clients update:clients")
    assert (claims["sub"], claims["client_id"]) == ("manager", "manager")
    manager = Api(managed, reply.json()["access_token"])
    assert (await manager.get("/clients")).status_code == 200
    told(await manager.get("/users"), 403, "resource.scope", error="insufficient_scope")


async def test_without_scope_it_gets_all_that_it_is_registered_for(managed: Running) -> None:
    reply = await client_token(managed)
    assert set(reply.json()["scope"].split()) == set(SCOPES)


@pytest.mark.parametrize(
    ("members", "status", "error", "refusal"),
    [
        ("scope: read:clients", 400, "invalid_target", "request.resource_not_allowed"),
        ("allowed_resources: []\n        scope: read:clients", 400, "invalid_target", "request.resource_not_allowed"),
        (f"allowed_resources: ['{AUDIENCE}']", 400, "invalid_target", "request.resource_not_allowed"),
        (
            f"allowed_resources: ['{AUDIENCE}']\n        scope: write",
            400,
            "invalid_target",
            "request.resource_not_allowed",
        ),
    ],
    ids=["names nothing", "names none", "no scope", "another scope"],
)
async def test_a_client_that_was_not_told_so_gets_none(
    managed: Running, members: str, status: int, error: str, refusal: str
) -> None:
    await managed.apply(f"""
realms:
  - name: default
    clients:
      - client_id: other
        client_secret: {SECRET}
        grant_types: [client_credentials]
        {members}
""")
    refused(await client_token(managed, ("other", SECRET)), status, error, refusal)


async def test_a_token_for_management_is_for_nothing_else(managed: Running) -> None:
    form = [("grant_type", "client_credentials"), ("resource", AUDIENCE), ("resource", "https://api.example")]
    body = "&".join(f"{name}={value}" for name, value in form)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    reply = await managed.http.post(TOKEN, auth=MANAGER, content=body, headers=headers)
    refused(reply, 400, "invalid_target", "request.resource_not_allowed")


async def test_a_scope_that_it_is_not_registered_for(managed: Running) -> None:
    refused(await client_token(managed, scope="write"), 400, "invalid_scope", "token.scope")


async def test_a_client_that_registered_itself_gets_none(managed: Running) -> None:
    metadata = {"grant_types": ["client_credentials"], "scope": "read:clients", "redirect_uris": [],
                "allowed_resources": [AUDIENCE]}  # fmt: skip
    await managed.apply("realms: [{name: default, registration: {mode: open, scope: 'read:clients', per_minute: 0}}]")
    registered = (await managed.http.post("/oauth2/register", json=metadata)).json()
    client = (registered["client_id"], registered["client_secret"])
    refused(await client_token(managed, client), 400, "invalid_target", "request.resource_not_allowed")
    # Not even where an operator names the audience for it, but does not vouch for it.
    manager = await api(managed)
    patch = {"allowed_resources": [AUDIENCE], "scope": "read:clients"}
    assert (await manager.patch(f"/clients/{client[0]}", patch)).status_code == 200
    refused(await client_token(managed, client), 400, "invalid_target", "request.resource_not_allowed")
    assert (await manager.patch(f"/clients/{client[0]}", {"self_registered": False})).status_code == 200
    assert (await client_token(managed, client)).status_code == 200


@pytest.mark.parametrize("parameter", ["resource", "audience"])
@pytest.mark.parametrize("path", ["push", "authorize"])
async def test_no_token_of_a_user_is_for_management(server: Running, parameter: str, path: str) -> None:
    request = but(REQUEST, scope="openid", **{parameter: AUDIENCE})
    if path == "push":
        reply = await server.http.post(PAR, auth=APP, data=request)
        refused(reply, 400, "invalid_target", "request.resource_unknown")
    else:
        reply = await server.http.get("/oauth2/authorize", params={"client_id": "app", **request})
        assert "error=invalid_target" in reply.headers["location"]


async def test_no_resource_of_a_realm_can_pose_as_it(managed: Running) -> None:
    with pytest.raises(BadManifest, match="is that of the management API"):
        await managed.apply(f"realms: [{{name: default, resources: [{{identifier: '{AUDIENCE}', scopes: [a]}}]}}]")


async def test_the_audience_of_another_realm_cannot_be_named(managed: Running) -> None:
    with pytest.raises(BadManifest, match="none of the realm's"):
        await managed.apply(f"""
realms:
  - name: alpha
    clients: [{{client_id: odd, grant_types: [client_credentials], allowed_resources: ['{AUDIENCE}']}}]
""")


# --- Tokens of an operator ---------------------------------------------------------------------------------------


async def test_an_operator_makes_a_token_at_the_machine(managed: Running) -> None:
    token = await mint_admin_token(managed.management, "default", ("read:clients",), seconds=60)
    claims = await verified(managed, token, "ES256")
    now = int(managed.clock())
    assert (claims["client_id"], claims["aud"], claims["exp"]) == (ADMIN, AUDIENCE, now + 60)
    assert [row["act"] for row in await managed.audit("configuration_changed") if row["object"] == "token"] == [
        "create"
    ]
    assert (await Api(managed, token).get("/clients")).status_code == 200
    managed.clock.advance(71)
    told(await Api(managed, token).get("/clients"), 401, "resource.token_expired")


async def test_it_works_in_a_realm_that_takes_bound_tokens_alone(managed: Running) -> None:
    await managed.apply("realms: [{name: strict, profile: fapi2-security}]")
    strict = await api(managed, realm="strict")
    assert (await strict.get("/tenants/settings")).json()["profile"] == "fapi2-security"


@pytest.mark.parametrize(
    ("scope", "seconds"), [(("write",), 60), ((), 60), (("read:clients",), 0), (("read:clients",), 86_401)]
)
async def test_a_token_that_cannot_be_made(managed: Running, scope: tuple[str, ...], seconds: int) -> None:
    with pytest.raises(Refused):
        await mint_admin_token(managed.management, "default", scope, seconds=seconds)


# --- Using one -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("VEN-M-1")
async def test_without_a_token(managed: Running) -> None:
    reply = await managed.http.get(CLIENTS)
    told(reply, 401, "resource.token_missing", error="invalid_token")
    assert reply.headers.get_list("www-authenticate")[0] == 'Bearer realm="default"'


@pytest.mark.requirement("VEN-M-1")
@pytest.mark.parametrize(
    ("authorization", "refusal"),
    [
        ("Bearer nonsense", "resource.token_type"),
        ("Bearer", "resource.token_missing"),
        ("Basic bWFuYWdlcjp4", "resource.token_missing"),
        ("Bearer a b", "resource.token_malformed"),
    ],
)
async def test_a_bad_token(managed: Running, authorization: str, refusal: str) -> None:
    reply = await managed.http.get(CLIENTS, headers={"authorization": authorization})
    assert (reply.status_code in (400, 401), reply.headers["pushgate-refusal"]) == (True, refusal)


async def test_a_token_in_the_query_is_none(managed: Running) -> None:
    manager = await api(managed)
    reply = await managed.http.get(f"{CLIENTS}?access_token={manager.token}")
    told(reply, 401, "resource.token_missing", error="invalid_token")


@pytest.mark.requirement("VEN-M-1")
async def test_a_scope_that_is_missing(managed: Running) -> None:
    reader = await api(managed, "read:clients")
    reply = await reader.patch("/clients/app", {"client_name": "Other"})
    told(reply, 403, "resource.scope")
    challenge = reply.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="update:clients"' in challenge


async def test_a_token_of_another_audience_or_of_a_user(managed: Running) -> None:
    reply = await managed.http.post(TOKEN, auth=("app", "app-secret-of-at-least-22-characters"),
                                    data={"grant_type": "client_credentials", "scope": "write"})  # fmt: skip
    told(await Api(managed, reply.json()["access_token"]).get("/clients"), 401, "resource.token_audience")


@pytest.mark.parametrize("claims", [{"grant": "a-grant"}, {"sub": "somebody"}])
async def test_a_token_of_a_user_is_refused_even_with_this_audience(managed: Running, claims: dict[str, str]) -> None:
    # Nothing makes such a token; the API does not rely on that.
    good = await verified(managed, (await client_token(managed)).json()["access_token"], "ES256")
    ring = await managed.management.key_ring("default")
    token = sign_jwt({**good, **claims}, ring.signing["ES256"], "at+jwt")
    told(await Api(managed, token).get("/clients"), 401, "management.user_token")


async def test_a_token_of_a_user_flow_is_for_another_audience(server: Running) -> None:
    told(await Api(server, (await tokens_for(server))["access_token"]).get("/clients"), 401, "resource.token_audience")


@pytest.mark.requirement("VEN-M-1")
async def test_a_token_of_one_realm_at_another(managed: Running) -> None:
    for here, there in (("", ALPHA), (ALPHA, "")):
        own = await as_client(managed, prefix=here)
        assert (await own.get("/clients")).status_code == 200
        reply = await Api(managed, own.token, there).get("/clients")
        told(reply, 403, "management.other_realm", error="insufficient_scope")
        assert "insufficient_scope" in reply.headers["www-authenticate"]


async def test_a_forged_token_of_another_realm_is_just_a_bad_one(managed: Running) -> None:
    own = await as_client(managed, prefix=ALPHA)
    head, body, signature = own.token.split(".")
    forged = ".".join([head, body, signature[::-1]])
    reply = await Api(managed, forged).get("/clients")
    assert reply.status_code == 401
    assert reply.headers["pushgate-refusal"].startswith("resource.token_")


async def test_an_unknown_realm(managed: Running) -> None:
    manager = await api(managed)
    told(await Api(managed, manager.token, "/realms/nowhere").get("/clients"), 404, "http.not_found")


# --- A change is in force at once -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "patch", [{"enabled": False}, {"allowed_resources": []}, {"scope": "write"}, {"allowed_resources": None}]
)
async def test_a_client_that_lost_it_cannot_use_its_token(managed: Running, patch: dict[str, object]) -> None:
    own = await as_client(managed)
    assert (await (await api(managed)).patch("/clients/manager", patch)).status_code == 200
    told(await own.get("/clients"), 401, "management.token_client")


async def test_a_scope_that_it_lost(managed: Running) -> None:
    own = await as_client(managed)
    assert (await (await api(managed)).patch("/clients/manager", {"scope": "read:users"})).status_code == 200
    told(await own.get("/clients"), 403, "resource.scope")
    assert (await own.get("/users")).status_code == 200


async def test_a_token_that_was_revoked(managed: Running) -> None:
    own = await as_client(managed)
    reply = await managed.http.post("/oauth2/revoke", auth=MANAGER, data={"token": own.token})
    assert reply.status_code == 200
    told(await own.get("/clients"), 401, "management.token_revoked")


# --- Tokens that are bound to a key ----------------------------------------------------------------------------


async def test_a_bound_token_needs_its_proof(managed: Running) -> None:
    form = {"grant_type": "client_credentials", "resource": AUDIENCE}
    reply = await managed.http.post(TOKEN, auth=MANAGER, data=form, headers={"dpop": proof(managed)})
    assert reply.json()["token_type"] == "DPoP"
    token = reply.json()["access_token"]
    told(await Api(managed, token).get("/clients"), 401, "resource.token_scheme")
    without = await managed.http.get(CLIENTS, headers={"authorization": f"DPoP {token}"})
    told(without, 401, "dpop.required", error="invalid_dpop_proof")
    for path in (CLIENTS, f"{CLIENTS}/a%2Fb"):
        good = proof(managed, path, method="GET", ath=ath(token))
        sent = {"authorization": f"DPoP {token}", "dpop": good}
        reply = await managed.http.get(path, headers=sent)
        assert reply.status_code == (200 if path == CLIENTS else 404), reply.text
        told(await managed.http.get(path, headers=sent), 401, "dpop.replay", error="invalid_dpop_proof")


async def test_a_token_that_is_bound_to_a_certificate_needs_it(managed: Running) -> None:
    good = await verified(managed, (await client_token(managed)).json()["access_token"], "ES256")
    ring = await managed.management.key_ring("default")
    token = sign_jwt({**good, "cnf": {"x5t#S256": "A" * 43}}, ring.signing["ES256"], "at+jwt")
    told(await Api(managed, token).get("/clients"), 401, "resource.token_certificate")


@pytest.mark.parametrize("issuer", ["https://\u2100.com/x", "http://[x", "", "//", "https://", "\0"])
async def test_an_issuer_that_is_no_address(managed: Running, issuer: str) -> None:
    parts = [b64({"typ": "at+jwt", "alg": "ES256"}), b64({"iss": issuer}), "c2ln"]
    reply = await Api(managed, ".".join(parts)).get("/clients")
    assert reply.status_code == 401
    assert reply.headers["pushgate-refusal"].startswith("resource.token_")
