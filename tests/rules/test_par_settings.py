"""What an operator can set about PAR, what is refused as a setting, and what the metadata says of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from pushgate.config import BadSettings, load_settings
from pushgate.manage.manifest import BadManifest
from pushgate.realm import BadBaseUrl
from pushgate.testing import Running, running
from tests.support.live import Live
from tests.support.manifests import APP, APP_SECRET, REDIRECT, REQUEST

METADATA = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")


def realm_lifetime(value: object) -> str:
    return f"realms: [{{name: default, pushed_authorization_requests: {{lifetime: {json.dumps(value)}}}}}]"


def client_lifetime(value: object) -> str:
    return (
        f"realms: [{{name: default, clients: [{{client_id: app, client_secret: {APP_SECRET}, scope: openid email,"
        f" redirect_uris: [{REDIRECT}], par_request_expiry: {json.dumps(value)}}}]}}]"
    )


async def expires_in(server: Running) -> int:
    reply = await server.http.post("/oauth2/par", auth=APP, data=REQUEST)
    assert reply.status_code == 201
    assert type(reply.json()["expires_in"]) is int
    return int(reply.json()["expires_in"])


# --- Lifetimes ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("PAR-2.2-2", "VEN-S-2")
@pytest.mark.parametrize("manifest", [realm_lifetime, client_lifetime])
@pytest.mark.parametrize("lifetime", [5, 30, 60, 90, 599, 600])
async def test_a_lifetime_in_range_is_honoured(
    server: Running, manifest: Callable[[object], str], lifetime: int
) -> None:
    await server.apply(manifest(lifetime))
    assert await expires_in(server) == lifetime


@pytest.mark.requirement("VEN-S-2")
async def test_the_client_speaks_before_the_realm_and_the_realm_before_the_dialect(server: Running) -> None:
    assert await expires_in(server) == 60
    await server.apply(realm_lifetime(90))
    assert await expires_in(server) == 90
    await server.apply(client_lifetime(30))
    assert await expires_in(server) == 30
    await server.apply(client_lifetime(None))
    assert await expires_in(server) == 90
    await server.apply(realm_lifetime(None))
    assert await expires_in(server) == 60


@pytest.mark.requirement("PAR-2.2-2", "VEN-S-2")
@pytest.mark.parametrize("manifest", [realm_lifetime, client_lifetime])
@pytest.mark.parametrize("lifetime", [0, -1, 4, 601, 10_000, 2**63, "60", "", True, 60.5, [60]])
async def test_a_lifetime_out_of_range_is_refused_and_never_clamped(
    server: Running, manifest: Callable[[object], str], lifetime: object
) -> None:
    before = await server.management.configuration.revision()
    with pytest.raises(BadManifest) as refused:
        await server.apply(manifest(lifetime))
    (complaint,) = refused.value.complaints
    assert complaint.where.rpartition(".")[2] in ("lifetime", "par_request_expiry")
    assert await server.management.configuration.revision() == before
    assert await expires_in(server) == 60


@pytest.mark.requirement("PAR-2.2-2")
async def test_a_lifetime_out_of_range_changes_nothing_else_of_the_manifest(server: Running) -> None:
    manifest = realm_lifetime(0).removesuffix("]") + f", {client_lifetime(90).removeprefix('realms: [')}"
    with pytest.raises(BadManifest):
        await server.apply(manifest)
    assert await expires_in(server) == 60


@pytest.mark.requirement("PAR-2.2-2")
@pytest.mark.parametrize("lifetime", ["0", "-1", "10000"])
def test_apply_says_where_and_why_a_lifetime_is_refused(live: Live, lifetime: str) -> None:
    (live.folder / "bad.yaml").write_text(
        f"realms:\n  - name: default\n    pushed_authorization_requests:\n      lifetime: {lifetime}\n"
    )
    done = live.pushgate("apply", "bad.yaml")
    assert done.returncode == 1
    assert "bad.yaml:4: realms[0].pushed_authorization_requests.lifetime: must be 5 to 600 seconds" in done.stderr


# --- The base URL -------------------------------------------------------------------------------------------

BAD_BASE_URLS = [
    "http://auth.example",
    "http://auth.example:8080",
    "http://10.0.0.1",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://0.0.0.0:8080",
    "ftp://auth.example",
    "auth.example",
    "https://",
    "https://auth.example?x",
    "https://auth.example#f",
    "https://auth.example/?",
    "https://user@auth.example",
]


@pytest.mark.requirement("PAR-2-1")
@pytest.mark.parametrize("base_url", BAD_BASE_URLS)
async def test_a_base_url_that_cannot_be_an_issuer_is_refused(base_url: str) -> None:
    with pytest.raises(BadSettings, match="PUSHGATE_BASE_URL"):
        load_settings({"PUSHGATE_BASE_URL": base_url})
    with pytest.raises(BadBaseUrl):
        async with running(base_url=base_url):
            pass


@pytest.mark.requirement("PAR-2-1")
def test_serve_does_not_start_on_a_public_host_without_tls(live: Live) -> None:
    environment = live.environment | {"PUSHGATE_BASE_URL": "http://auth.example"}
    done = replace(live, environment=environment).pushgate("serve", "--port", "0")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "PUSHGATE_BASE_URL" in line
    assert "http on a public host" in line


@pytest.mark.requirement("PAR-2-1")
def test_doctor_says_that_a_loopback_address_goes_without_tls(live: Live) -> None:
    findings = json.loads(live.pushgate("doctor", "--json").stdout)
    (finding,) = [found for found in findings if found["where"] == "PUSHGATE_BASE_URL"]
    assert (finding["level"], finding["finding"]) == ("relaxation", "http on a loopback address")


@pytest.mark.requirement("PAR-2-1", "META-9126-1")
@pytest.mark.parametrize("path", METADATA)
@pytest.mark.parametrize(
    "base_url", ["https://auth.example", "https://auth.example:8443/tenant", "http://127.0.0.1:9", "http://[::1]:9"]
)
async def test_the_par_endpoint_is_published_where_it_is(base_url: str, path: str) -> None:
    async with running(base_url=base_url) as server:
        document = (await server.http.get(path)).json()
        par = document["pushed_authorization_request_endpoint"]
        assert par == f"{base_url}/oauth2/par"
        reply = await server.http.post(par)
        assert (reply.status_code, reply.headers["pushgate-refusal"]) == (401, "client.missing")


# --- Metadata -----------------------------------------------------------------------------------------------


@pytest.mark.requirement("META-9126-2")
@pytest.mark.parametrize("path", METADATA)
@pytest.mark.parametrize("required", [False, True])
async def test_the_metadata_say_whether_par_is_required_of_everybody(
    server: Running, path: str, required: bool
) -> None:
    assert (await server.http.get(path)).json()["require_pushed_authorization_requests"] is False
    setting = json.dumps({"required": required})
    await server.apply(f"realms: [{{name: default, pushed_authorization_requests: {setting}}}]")
    assert (await server.http.get(path)).json()["require_pushed_authorization_requests"] is required
    browser = await server.browser().open("/oauth2/authorize", params=REQUEST | {"client_id": "app"})
    assert (browser.landed is not None) is required
    if required:
        assert browser.answer["error"] == "invalid_request"


@pytest.mark.requirement("META-9126-1")
@pytest.mark.parametrize("path", METADATA)
async def test_a_realm_without_par_does_not_publish_it(server: Running, path: str) -> None:
    await server.apply("realms: [{name: default, pushed_authorization_requests: {supported: false}}]")
    document = (await server.http.get(path)).json()
    assert not [name for name in document if name.startswith(("pushed_authorization", "require_pushed"))]
    assert (await server.http.post("/oauth2/par", auth=APP, data=REQUEST)).status_code == 403


async def test_par_cannot_be_required_and_off(server: Running) -> None:
    setting = "{supported: false, required: true}"
    with pytest.raises(BadManifest, match="cannot be on while supported is off"):
        await server.apply(f"realms: [{{name: default, pushed_authorization_requests: {setting}}}]")
    assert await expires_in(server) == 60


@pytest.mark.requirement("META-9207-1")
@pytest.mark.parametrize("path", METADATA)
async def test_the_metadata_say_that_answers_carry_iss_and_they_do(server: Running, path: str) -> None:
    document = (await server.http.get(path)).json()
    assert document["authorization_response_iss_parameter_supported"] is True
    for prompt in ("none", "login"):
        params = REQUEST | {"client_id": "app", "prompt": prompt}
        browser = await server.browser().open("/oauth2/authorize", params=params)
        if prompt == "login":
            await browser.sign_in()
            await browser.allow()
        assert ("code" in browser.answer) is (prompt == "login")
        assert browser.answer["iss"] == document["issuer"]


@pytest.mark.requirement("META-9126-1")
def test_the_running_server_publishes_par(live: Live) -> None:
    for path in METADATA:
        par = httpx.get(live.url + path).json()["pushed_authorization_request_endpoint"]
        assert par == f"{live.url}/oauth2/par"
        assert httpx.post(par, auth=APP, data=REQUEST).status_code == 201
