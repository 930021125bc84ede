"""Realms that have host names of their own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import patch

import httpx
import pytest

from pushgate.manage.inputs import RealmInput
from pushgate.manage.manifest import Applier, BadManifest, parse
from pushgate.manage.realm_acts import plan_delete_realm
from pushgate.model import RealmSettings
from pushgate.store.durable.configuration import ChangedMeanwhile, save_realm
from pushgate.store.ports import StoreUnavailable
from pushgate.testing import PEER, Running, running
from tests.support.manifests import REDIRECT, REQUEST, VERIFIER
from tests.support.proofs import proof
from tests.support.steps import agree, refused

SECRET = "own-secret-of-at-least-22-characters"
CLIENT = {"client_id": "own", "client_secret": SECRET, "redirect_uris": [REDIRECT], "scope": "openid email"}
USERS = [{"username": "alice", "password": "alice-password"}]


def manifest(*hosts: str, **more: Any) -> str:
    """A realm at these hosts, and one beside it."""
    own = {"name": "brand", "hosts": hosts, "clients": [CLIENT], "users": USERS, **more}
    return json.dumps({"realms": [{"name": "default"}, own, {"name": "other", "clients": [CLIENT]}]})


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server whose realm `brand` is at two hosts."""
    async with running(manifest("login.brand.example", "login.brand.test:8443")) as found:
        yield found


def at_host(server: Running, host: str) -> httpx.AsyncClient:
    """A client that calls the server by this name."""
    transport = httpx.ASGITransport(server.app, client=(PEER, 123))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}")


async def test_the_whole_flow_at_the_host(server: Running) -> None:
    browser = server.browser()
    browser.http.base_url = httpx.URL("http://login.brand.example:8080")
    async with at_host(server, "login.brand.example:8080") as http:
        metadata = (await http.get("/.well-known/openid-configuration")).json()
        assert metadata["issuer"] == "http://login.brand.example:8080"
        assert metadata["token_endpoint"] == "http://login.brand.example:8080/oauth2/token"
        pushed = (await http.post("/oauth2/par", data=REQUEST, auth=("own", SECRET))).json()
        await browser.open("/oauth2/authorize", params={"client_id": "own", "request_uri": pushed["request_uri"]})
        await agree(browser)
        assert browser.answer["iss"] == metadata["issuer"]
        form = {
            "grant_type": "authorization_code", "code": browser.answer["code"], "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        }  # fmt: skip
        tokens = await http.post("/oauth2/token", data=form, auth=("own", SECRET))
        assert tokens.status_code == 200
        bearer = {"authorization": f"Bearer {tokens.json()['access_token']}"}
        assert (await http.get("/oauth2/userinfo", headers=bearer)).status_code == 200


async def test_there_is_no_other_realm_at_the_host(server: Running) -> None:
    async with at_host(server, "login.brand.example") as http:
        assert (await http.get("/realms/brand/.well-known/openid-configuration")).status_code == 200
        assert (await http.get("/realms/other/.well-known/openid-configuration")).status_code == 404
        assert (await http.post("/realms/other/oauth2/par", data=REQUEST, auth=("own", SECRET))).status_code == 404
        assert (await http.get("/healthz")).status_code == 200
    for host, issuer in (
        ("LOGIN.brand.TEST:8443", "http://login.brand.example:8080"),
        ("login.brand.example.:8080", "http://login.brand.example:8080"), ("login.brand.test", "http://127.0.0.1:8080"),
        ("elsewhere.example", "http://127.0.0.1:8080"),
    ):  # fmt: skip
        async with at_host(server, host) as http:
            assert (await http.get("/.well-known/openid-configuration")).json()["issuer"] == issuer
    by_path = await server.http.get("/realms/brand/.well-known/openid-configuration")
    assert by_path.json()["issuer"] == "http://login.brand.example:8080", "a realm has one issuer"


async def test_a_host_comes_and_goes_while_the_server_runs(server: Running) -> None:
    await server.apply('realms: [{name: brand, hosts: ["new.example"]}]')
    await server.apply('realms: [{name: other, hosts: ["login.brand.example"]}]')
    issuers = {}
    for host in ("new.example", "login.brand.example"):
        async with at_host(server, host) as http:
            issuers[host] = (await http.get("/.well-known/openid-configuration")).json()["issuer"]
    assert issuers == {host: f"http://{host}:8080" for host in issuers}


async def test_a_realm_made_elsewhere_comes_with_its_hosts(server: Running) -> None:
    new = json.dumps({"realms": [{"name": "new", "hosts": ["new.example"]}]})
    await Applier(server.management).apply([parse(new, "manifest")])  # as by another process: not looked at yet
    async with at_host(server, "new.example") as http:
        by_path = await server.http.get("/realms/new/.well-known/openid-configuration")
        by_host = await http.get("/.well-known/openid-configuration")
    assert by_path.json()["issuer"] == by_host.json()["issuer"] == "http://new.example:8080"


@pytest.mark.parametrize(
    ("realm", "hosts", "where"),
    [
        ("default", ["a.example"], "hosts"), ("brand", ["A.example"], "hosts[0]"),
        ("brand", ["a.example", "a b"], "hosts[1]"), ("brand", ["https://a.example"], "hosts[0]"),
        ("brand", ["a.example/x"], "hosts[0]"), ("brand", [""], "hosts[0]"), ("brand", ["a.example:x"], "hosts[0]"),
        ("brand", ["a.example", "a.example"], "hosts[1]"), ("other", ["login.brand.example"], "hosts[0]"),
        ("brand", ["a" * 300], "hosts[0]"), ("brand", ["127.0.0.1"], "hosts[0]"),
        ("brand", ["127.0.0.1:8080"], "hosts[0]"), ("brand", ["a.example:80"], "hosts[0]"),
    ],
)  # fmt: skip
async def test_hosts_that_cannot_be(server: Running, realm: str, hosts: list[str], where: str) -> None:
    with pytest.raises(BadManifest) as refusal:
        await server.apply(json.dumps({"realms": [{"name": realm, "hosts": hosts}]}))
    assert [c.where for c in refusal.value.complaints] == [f"realms[0].{where}"]


async def test_two_realms_of_one_manifest_cannot_have_one_host(server: Running) -> None:
    with pytest.raises(BadManifest):
        await server.apply('realms: [{name: brand, hosts: ["x.example"]}, {name: other, hosts: ["x.example"]}]')


async def test_a_new_realm_begins_as_its_product_does() -> None:
    async with running("realms: [{name: a, dialect: auth0}, {name: b, dialect: wso2}]") as server:
        offered = {}
        for name in "ab":
            metadata = (await server.http.get(f"/realms/{name}/.well-known/openid-configuration")).json()
            offered[name] = "pushed_authorization_request_endpoint" in metadata
        assert offered == {"a": False, "b": True}
        await server.apply("realms: [{name: a, pushed_authorization_requests: {supported: true}}]")
        await server.apply("realms: [{name: a, dialect: auth0}]")
        metadata = (await server.http.get("/realms/a/.well-known/openid-configuration")).json()
        assert "pushed_authorization_request_endpoint" in metadata, "what was switched on stays on"


async def test_a_proof_for_the_servers_own_host_is_none_for_a_realms(server: Running) -> None:
    for host, good in (("login.brand.example:8080", True), ("127.0.0.1:8080", False)):
        async with at_host(server, "login.brand.example:8080") as http:
            htu = {"htu": f"http://{host}/oauth2/par"}
            reply = await http.post(
                "/oauth2/par", data=REQUEST, auth=("own", SECRET), headers={"dpop": proof(server, **htu)}
            )
            assert (reply.status_code == 201) is good
            if not good:
                refused(reply, 400, "invalid_dpop_proof", "dpop.htu")


async def test_a_look_that_fails_finds_the_change_the_next_time(server: Running) -> None:
    snapshot = server.server.snapshot
    await server.management.configuration.change(
        lambda c: save_realm(c, RealmSettings(name="brand", hosts=("b.example",)))
    )
    with (
        patch.object(snapshot.configuration, "hosts", side_effect=StoreUnavailable("gone")),
        pytest.raises(StoreUnavailable),
    ):
        await snapshot.refresh()
    await snapshot.refresh()
    assert snapshot.bound("b.example") == "brand"


async def test_a_deleted_realm_does_not_come_back_by_an_update(server: Running) -> None:
    _, change = await server.management.plan_realm(RealmInput(name="other", pkce_required=True))
    await server.management.carry_out([await plan_delete_realm(server.management, "other")])
    with pytest.raises(ChangedMeanwhile):
        await server.management.carry_out([change])
    assert await server.management.configuration.realm("other") is None


async def test_people_who_come_by_path_are_sent_to_the_host(server: Running) -> None:
    params = {"client_id": "own", "state": "a b"}
    for method in ("GET", "POST"):
        reply = await server.http.request(method, "/realms/brand/oauth2/authorize", params=params)
        assert reply.status_code == 307
        assert reply.headers["location"] == "http://login.brand.example:8080/oauth2/authorize?client_id=own&state=a+b"
    assert (await server.http.post("/realms/brand/oauth2/par", data=REQUEST, auth=("own", SECRET))).status_code == 201
