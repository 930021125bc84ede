"""Attack: get more management scopes than one was given, by managing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from pushgate.protocol.management import SCOPES
from pushgate.testing import BASE_URL, Running, running
from tests.support.management import ALPHA, API, AUDIENCE, MANAGED, SECRET, Api, api, as_client, client_token, told

SMALL = ("small", SECRET)
MANY = "read:clients create:clients update:clients delete:clients"
WITH_SMALL = (
    MANAGED
    + f"""      - client_id: reader
        client_secret: {SECRET}
        grant_types: [client_credentials]
        scope: read:clients
        allowed_resources: [{BASE_URL}{ALPHA}{API}/]
      - client_id: small
        client_secret: {SECRET}
        grant_types: [client_credentials]
        scope: {MANY}
        allowed_resources: [{BASE_URL}{ALPHA}{API}/]
"""
)
THERE = f"{BASE_URL}{ALPHA}{API}/"


@pytest.fixture
async def managed() -> AsyncIterator[Running]:
    """A realm with a client that may manage clients, and one that may manage everything."""
    async with running(WITH_SMALL) as found:
        yield found


@pytest.fixture
async def small(managed: Running) -> Api:
    """The API of the realm alpha, as the client that may manage clients."""
    return await as_client(managed, SMALL, prefix=ALPHA)


def missing(reply: Any, *scopes: str) -> None:
    """The change was refused for want of these scopes."""
    told(reply, 403, "management.power", *["scope"] * len(reply.json()["errors"]))
    reasons = {one["reason"] for one in reply.json()["errors"]}
    assert {f"{scope} is needed" for scope in scopes} <= reasons


async def test_by_giving_itself_a_scope(small: Api) -> None:
    missing(await small.patch("/clients/small", {"scope": f"{MANY} update:users"}), "update:users")
    missing(await small.patch("/clients/small", {"scope": " ".join(SCOPES)}), "update:keys", "read:logs")
    # What it has already, or less, it may give itself.
    assert (await small.patch("/clients/small", {"scope": MANY})).status_code == 200


async def test_by_making_a_stronger_client(small: Api, managed: Running) -> None:
    strong = {
        "client_id": "strong", "client_secret": SECRET, "grant_types": ["client_credentials"],
        "allowed_resources": [THERE], "scope": "update:users",
    }  # fmt: skip
    missing(await small.post("/clients", strong), "update:users")
    told(await small.get("/clients/strong"), 404, "management.not_found")
    # In two steps: first the scope, then the audience.
    assert (await small.post("/clients", {**strong, "allowed_resources": []})).status_code == 201
    missing(await small.patch("/clients/strong", {"allowed_resources": [THERE]}), "update:users")
    missing(await small.call("PUT", "/clients/strong", strong), "update:users")
    # One that is no stronger than itself is no escalation.
    weak = {"allowed_resources": [THERE], "scope": "read:clients"}
    assert (await small.patch("/clients/strong", weak)).status_code == 200
    assert (await client_token(managed, ("strong", SECRET), prefix=ALPHA)).json()["scope"] == "read:clients"


@pytest.mark.parametrize(
    "patch",
    [{"client_secret": "chosen-by-the-attacker-of-22-characters"}, {"token_endpoint_auth_method": "private_key_jwt",
     "jwks_uri": "https://attacker.example/jwks"}, {"client_name": "Harmless"}, {"enabled": False}],
)  # fmt: skip
async def test_by_taking_over_a_stronger_client(small: Api, managed: Running, patch: dict[str, Any]) -> None:
    before = await managed.management.configuration.client("alpha", "manager")
    missing(await small.patch("/clients/manager", patch), "update:keys")
    missing(
        await small.call("PUT", "/clients/manager", {"grant_types": ["client_credentials"], **patch}), "update:keys"
    )
    missing(await small.post("/clients/manager/rotate-secret"), "update:keys")
    assert await managed.management.configuration.client("alpha", "manager") == before
    assert (await small.post("/clients/reader/rotate-secret")).status_code == 200


async def test_by_taking_over_one_that_is_disabled_for_now(small: Api, managed: Running) -> None:
    strong = await api(managed, realm="alpha")
    assert (await strong.patch("/clients/manager", {"enabled": False})).status_code == 200
    missing(await small.post("/clients/manager/rotate-secret"), "update:keys")
    off = {"client_id": "off", "enabled": False, "grant_types": ["client_credentials"], "scope": "update:users"}
    missing(await small.post("/clients", {**off, "allowed_resources": [THERE]}), "update:users")


@pytest.mark.parametrize("path", [
    "/realms/alpha/api/server/v1/applications/manager/inbound-protocols/oidc",
    "/am/json/realms/root/realms/alpha/realm-config/agents/OAuth2Client/manager",
    "/realms/alpha/v1.0/applications/manager",
])  # fmt: skip
async def test_by_the_words_of_another_product(small: Api, managed: Running, path: str) -> None:
    headers = {"authorization": f"Bearer {small.token}"}
    reply = await managed.http.put(
        path, json={"callbackURLs": [], "name": "x", "coreOAuth2ClientConfig": {}}, headers=headers
    )
    missing(reply, "update:keys")


async def test_by_having_an_answer_given_again(small: Api, managed: Running) -> None:
    strong = await api(managed, realm="alpha")
    made = await strong.post("/clients/manager/rotate-secret", idempotency_key="guessed")
    secret = made.json()["client_secret"]
    missing(await small.post("/clients/manager/rotate-secret", idempotency_key="guessed"), "update:keys")
    assert secret


async def test_by_a_token_of_another_realm(small: Api, managed: Running) -> None:
    there = Api(managed, small.token, "")
    for reply in (await there.get("/clients"), await there.patch("/clients/app", {}), await there.post("/clients", {})):
        told(reply, 403, "management.other_realm")


async def test_by_naming_the_audience_of_another_realm(small: Api) -> None:
    reply = await small.patch("/clients/reader", {"allowed_resources": [AUDIENCE]})
    told(reply, 400, "management.invalid", "allowed_resources")


async def test_by_a_resource_with_that_name(managed: Running) -> None:
    own = await api(managed, "create:resource_servers", realm="alpha")
    told(await own.post("/resource-servers", {"identifier": THERE, "scopes": ["read:keys"]}), 409, "management.exists")


async def test_by_reading_files_of_the_server(small: Api) -> None:
    for source in ({"file": "/etc/hostname"}, {"env": "PUSHGATE_SECRET_KEY"}):
        reply = await small.patch("/clients/reader", {"client_secret": source})
        told(reply, 400, "management.invalid", "client_secret")
