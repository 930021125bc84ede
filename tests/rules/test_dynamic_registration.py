"""Clients that register themselves: RFC 7591, RFC 7592, OpenID Connect Registration."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from pushgate.errors import OAuthError
from pushgate.manage.registration import Registrations
from pushgate.manage.service import Management
from pushgate.model import Client
from pushgate.protocol import client_metadata
from pushgate.protocol.client_metadata import REGISTRABLE, client_text
from pushgate.store.durable import tables
from pushgate.store.durable.audit import purge_expired
from pushgate.testing import Running, running
from tests.support.manifests import REQUEST, VERIFIER
from tests.support.steps import answered

REGISTER = "/oauth2/register"
METADATA = (400, "invalid_client_metadata", "registration.metadata")
REDIRECT_URI = (400, "invalid_redirect_uri", "registration.redirect_uri")
TOKEN = (401, "invalid_token", "registration.token")
ACCESS = (401, "invalid_token", "registration.access_token")
NO_ACCESS = (401, "invalid_token", "registration.access_token_missing")
MANAGED = (400, "invalid_request", "registration.managed_member")
SECRET = (400, "invalid_request", "registration.client_secret")
STATEMENT = (400, "invalid_software_statement", "registration.software_statement")
URI = "https://new.example/cb"
ISSUER_KEY = ECKey.generate_key("P-256", {"kid": "statements"})
MANIFEST = f"""
realms:
  - name: default
    registration:
      mode: "open"
      per_minute: 0
      authorization_details_types: [payment]
      statement_issuers:
        - {{issuer: "https://trust.example", jwks: {json.dumps({"keys": [ISSUER_KEY.as_dict(private=False)]})}}}
    resources: [{{identifier: "https://api.example", scopes: [write]}}]
    authorization_details_types: [{{type: payment}}]
    clients:
      - client_id: app
        client_secret: app-secret-of-at-least-22-characters
        redirect_uris: [https://app.example/callback]
    users: [{{username: alice, password: alice-password, claims: {{name: Alice}}}}]
  - name: closed
    registration: {{mode: token}}
  - name: "no"
  - name: bank
    profile: fapi2-security
    registration: {{mode: open}}
"""


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    async with running(MANIFEST) as found:
        yield found


async def register(server: Running, realm: str = "", token: str | None = None, **members: Any) -> httpx.Response:
    """Send a registration; a member that is None is left out."""
    document = {"redirect_uris": [URI], **members}
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    path = REGISTER if not realm else f"/realms/{realm}{REGISTER}"
    return await server.http.post(path, json={k: v for k, v in document.items() if v is not None}, headers=headers)


async def registered(server: Running, **members: Any) -> dict[str, Any]:
    """A registration that is taken."""
    reply = await register(server, **members)
    assert reply.status_code == 201, reply.text
    found: dict[str, Any] = reply.json()
    return found


def refused(reply: httpx.Response, status: int, error: str, refusal: str) -> str:
    """The reply says so; its description."""
    assert (reply.status_code, reply.json()["error"], reply.headers["pushgate-refusal"]) == (status, error, refusal)
    description: str = reply.json()["error_description"]
    assert "no-store" in reply.headers["cache-control"]
    return description


async def manage(
    server: Running, client: dict[str, Any], method: str = "GET", token: str | None = None, body: Any = None
) -> httpx.Response:
    """A request at the client's configuration endpoint, with its own token unless another is given."""
    bearer = {"authorization": f"Bearer {token or client['registration_access_token']}"}
    return await server.http.request(method, client["registration_client_uri"], headers=bearer, json=body)


# --- Registering ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("REG-7591-3-1", "REG-7591-3-2", "REG-7591-3.2.1-1", "REG-7591-2-4", "REG-7591-3.2.1-2")
async def test_a_client_registers_and_works(server: Running) -> None:
    reply = await register(server, client_name="New App", response_types=["code"])
    assert reply.status_code == 201
    assert reply.headers["content-type"] == "application/json"
    assert "no-store" in reply.headers["cache-control"]
    client = reply.json()
    assert client["token_endpoint_auth_method"] == "client_secret_basic"
    assert client["grant_types"] == ["authorization_code"]
    assert client["response_types"] == ["code"]
    assert client["application_type"] == "web"
    assert client["id_token_signed_response_alg"] == "RS256"
    assert client["client_secret_expires_at"] == 0
    assert client["client_id_issued_at"] == int(server.clock.now)
    credentials = (client["client_id"], client["client_secret"])
    request = {**REQUEST, "redirect_uri": URI, "scope": "openid"}
    reply = await server.http.post("/oauth2/par", auth=credentials, data=request)
    assert reply.status_code == 201, reply.text
    browser = server.browser()
    await browser.open(
        "/oauth2/authorize", params={"client_id": client["client_id"], "request_uri": reply.json()["request_uri"]}
    )
    await browser.sign_in()
    await browser.allow()
    assert "code" in browser.answer
    assert (await server.audit("configuration_changed"))[0]["id"] == client["client_id"]


@pytest.mark.requirement("REG-7591-3.2.1-2", "REG-7592-3-1")
async def test_every_registration_is_another_client(server: Running) -> None:
    one, other = await registered(server), await registered(server)
    for member in ("client_id", "client_secret", "registration_access_token", "registration_client_uri"):
        assert one[member] != other[member]
    assert one["registration_client_uri"] == f"{server.server.base_url}{REGISTER}/{one['client_id']}"


KEY = ECKey.generate_key("P-256").as_dict(private=False)
SECRETLESS = {
    "none": {},
    "private_key_jwt": {"jwks": {"keys": [KEY]}},
    "tls_client_auth": {"tls_client_auth_subject_dn": "CN=client"},
}


@pytest.mark.requirement("REG-7591-3.2.1-2")
@pytest.mark.parametrize("method", SECRETLESS)
async def test_who_needs_no_secret_gets_none(server: Running, method: str) -> None:
    client = await registered(server, token_endpoint_auth_method=method, **SECRETLESS[method])
    assert "client_secret" not in client
    assert "client_secret_expires_at" not in client


@pytest.mark.requirement("REG-7591-2-1")
async def test_unknown_members_are_ignored(server: Running) -> None:
    client = await registered(server, colour="green", client_id="chosen", client_secret="a-secret-of-my-own-choice")
    assert "colour" not in client
    assert client["client_id"] != "chosen"
    assert client["client_secret"] != "a-secret-of-my-own-choice"


OWN = {
    "skip_consent": True, "profile": "oauth2", "enabled": False, "pkce_required": False, "step_up": True,
    "par_request_expiry": 600, "pushed_redirect_uri_prefixes": ["https://new.example/"],
    "allowed_resources": ["https://api.example"], "self_registered": False, "registration_token": "x",
    "translations": {"client_name#de": "x"}, "client_id_issued_at": 1, "default_journey": "password",
}  # fmt: skip


@pytest.mark.parametrize("member", OWN)
async def test_what_operators_decide_cannot_be_registered(server: Running, member: str) -> None:
    client = await registered(server, **{member: OWN[member]})
    stored = await stored_client(server, client["client_id"])
    assert client.get(member) in (None, int(server.clock.now))
    assert getattr(stored, member) != OWN[member]
    assert stored.self_registered


IANA = frozenset(
    {
        "redirect_uris", "token_endpoint_auth_method", "grant_types", "response_types", "client_name", "client_uri",
        "logo_uri", "scope", "contacts", "tos_uri", "policy_uri", "jwks_uri", "jwks", "software_id", "software_version",
        "application_type", "sector_identifier_uri", "subject_type", "id_token_signed_response_alg",
        "id_token_encrypted_response_alg", "id_token_encrypted_response_enc", "userinfo_signed_response_alg",
        "userinfo_encrypted_response_alg", "userinfo_encrypted_response_enc", "request_object_signing_alg",
        "request_object_encryption_alg", "request_object_encryption_enc", "token_endpoint_auth_signing_alg",
        "default_max_age", "require_auth_time", "default_acr_values", "initiate_login_uri", "request_uris",
        "introspection_signed_response_alg", "introspection_encrypted_response_alg",
        "introspection_encrypted_response_enc", "frontchannel_logout_uri", "frontchannel_logout_session_required",
        "backchannel_logout_uri", "backchannel_logout_session_required", "post_logout_redirect_uris",
        "tls_client_auth_subject_dn", "tls_client_auth_san_dns", "tls_client_auth_san_uri", "tls_client_auth_san_ip",
        "tls_client_auth_san_email", "tls_client_certificate_bound_access_tokens", "require_signed_request_object",
        "require_pushed_authorization_requests", "authorization_signed_response_alg",
        "authorization_encrypted_response_alg", "authorization_encrypted_response_enc", "use_mtls_endpoint_aliases",
        "dpop_bound_access_tokens", "authorization_details_types", "response_modes",
    }
)  # fmt: skip
"""OAuth Dynamic Client Registration Metadata (IANA), as far as the server knows it."""


def test_nothing_of_our_own_can_be_registered() -> None:
    """Whoever adds a member to Client has to say whether strangers may set it: in OWN, or here."""
    assert set(REGISTRABLE) <= IANA
    assert set(REGISTRABLE) | client_metadata.OWN == set(Client.__struct_fields__)


@pytest.mark.requirement("REG-7592-2.2-1")
async def test_an_update_loosens_nothing_that_an_operator_has_tightened(server: Running) -> None:
    client = await registered(server)
    strict = {"pkce_required": True, "step_up": True, "par_request_expiry": 30, "default_journey": "password"}
    loose = {"skip_consent": True, "allowed_resources": ["https://api.example"]}
    operators = {"client_id": client["client_id"], "redirect_uris": [URI], "scope": "openid", **strict, **loose}
    await server.apply(json.dumps({"realms": [{"name": "default", "clients": [operators]}]}))
    update = {"client_id": client["client_id"], "redirect_uris": ["https://new.example/other"]}
    assert (await manage(server, client, "PUT", body=update)).status_code == 200
    stored = await stored_client(server, client["client_id"])
    assert {name: getattr(stored, name) for name in strict} == strict
    # What was granted to the client as it was goes with it.
    assert (stored.skip_consent, stored.allowed_resources) == (False, ())


ENCRYPTED = ("id_token_encrypted_response", "userinfo_encrypted_response", "authorization_encrypted_response",
             "introspection_encrypted_response", "request_object_encryption")  # fmt: skip


@pytest.mark.requirement("REG-7591-3.2.1-1", "REG-OIDC-2-3")
@pytest.mark.parametrize("prefix", ENCRYPTED)
async def test_the_default_of_an_encryption_is_told(server: Running, prefix: str) -> None:
    client = await registered(server, jwks={"keys": [KEY]}, **{f"{prefix}_alg": "ECDH-ES"})
    assert client[f"{prefix}_enc"] == "A128CBC-HS256"
    assert {name for name in client if name.endswith("_enc")} == {f"{prefix}_enc"}
    chosen = await registered(server, jwks={"keys": [KEY]}, **{f"{prefix}_alg": "ECDH-ES", f"{prefix}_enc": "A256GCM"})
    assert chosen[f"{prefix}_enc"] == "A256GCM"


async def stored_client(server: Running, client_id: str) -> Client:
    """The record."""
    context = await server.server.realm()
    assert context is not None
    client = await context.client(client_id)
    assert client is not None
    return client


EXTENSIONS: dict[str, Any] = {
    "require_pushed_authorization_requests": True,
    "require_signed_request_object": True,
    "dpop_bound_access_tokens": True,
    "tls_client_certificate_bound_access_tokens": True,
    "use_mtls_endpoint_aliases": True,
    "authorization_signed_response_alg": "ES256",
    "authorization_encrypted_response_alg": "ECDH-ES",
    "authorization_details_types": ["payment"],
    "response_modes": ["query", "jwt"],
    "introspection_signed_response_alg": "ES256",
    "introspection_encrypted_response_alg": "ECDH-ES",
    "contacts": ["ops@new.example"],
    "logo_uri": "https://new.example/logo.png",
    "policy_uri": "https://new.example/privacy",
    "tos_uri": "https://new.example/terms",
    "client_uri": "https://new.example/",
    "initiate_login_uri": "https://new.example/start",
    "software_id": "4NRB1-0XZABZI9E6-5SM3R",
    "software_version": "2.1",
    "default_max_age": 100,
    "default_acr_values": ["high"],
    "require_auth_time": True,
    "request_uris": ["https://new.example/request.jwt"],
    "post_logout_redirect_uris": ["https://new.example/bye"],
    "backchannel_logout_uri": "https://new.example/backchannel",
    "frontchannel_logout_uri": "https://new.example/frontchannel",
    "id_token_encrypted_response_alg": "ECDH-ES",
    "request_object_encryption_alg": "ECDH-ES",
}


@pytest.mark.requirement("REG-EXT-1")
@pytest.mark.parametrize("member", EXTENSIONS)
async def test_members_of_extensions_are_stored_and_told(server: Running, member: str) -> None:
    client = await registered(server, jwks={"keys": [KEY]}, **{member: EXTENSIONS[member]})
    assert client[member] == EXTENSIONS[member]
    assert (await manage(server, client)).json()[member] == EXTENSIONS[member]


@pytest.mark.requirement("REG-EXT-1")
@pytest.mark.parametrize("member", EXTENSIONS)
async def test_members_of_extensions_have_types(server: Running, member: str) -> None:
    description = refused(await register(server, **{member: {"a": 1}}), *METADATA)
    assert member in description


NOT_SUPPORTED = {
    "token_endpoint_auth_method": "magic",
    "grant_types": ["password"],
    "response_types": ["magic"],
    "id_token_signed_response_alg": "none!",
    "token_endpoint_auth_signing_alg": "none",
    "request_object_signing_alg": "none",
    "subject_type": "secret",
    "application_type": "toaster",
    "client_uri": "http://new.example/",
    "jwks_uri": "http://new.example/jwks",
    "default_max_age": -1,
    "default_acr_values": ["two words"],
}


@pytest.mark.requirement("REG-7591-2-5", "REG-OIDC-2-5")
@pytest.mark.parametrize("member", NOT_SUPPORTED)
async def test_values_that_are_not_supported(server: Running, member: str) -> None:
    reply = await register(server, **{member: NOT_SUPPORTED[member]})
    description = refused(reply, *METADATA)
    assert member in description
    assert "magic" not in description
    assert "toaster" not in description


@pytest.mark.requirement("REG-OIDC-2-5")
@pytest.mark.parametrize(("alg", "status"), [("ES256", 201), ("PS256", 401)])
async def test_only_the_registered_algorithm_authenticates(server: Running, alg: str, status: int) -> None:
    keys = {"ES256": ECKey.generate_key("P-256"), "PS256": RSAKey.generate_key(2048)}
    public = {"keys": [key.as_dict(private=False) for key in keys.values()]}
    client = await registered(
        server, token_endpoint_auth_method="private_key_jwt", token_endpoint_auth_signing_alg="ES256", jwks=public
    )
    now = int(server.clock.now)
    claims: dict[str, Any] = {"iss": client["client_id"], "sub": client["client_id"], "aud": server.server.base_url}
    assertion = jwt.encode(
        {"alg": alg}, {**claims, "jti": "1", "iat": now, "exp": now + 60}, keys[alg], algorithms=[alg]
    )
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    form = {**REQUEST, "redirect_uri": URI, "scope": "openid"}
    reply = await server.http.post(
        "/oauth2/par", data={**form, "client_assertion": assertion, "client_assertion_type": kind}
    )
    assert reply.status_code == status, reply.text


@pytest.mark.requirement("REG-7591-2-5")
async def test_scope_values_beyond_what_is_allowed_are_left_out(server: Running) -> None:
    assert (await registered(server, scope="openid write admin"))["scope"] == "openid"
    everything = "openid profile email address phone offline_access"
    assert (await registered(server))["scope"] == everything
    assert (await registered(server, scope="write"))["scope"] == everything


@pytest.mark.requirement("REG-7591-2-2")
@pytest.mark.parametrize(
    "uris",
    [
        None,
        [],
        ["http://new.example/cb"],
        ["https://new.example/#f"],
        ["/cb"],
        ["javascript:alert(1)"],
        ["com.app:/cb"],
    ],
)
async def test_redirect_uris_that_cannot_be_registered(server: Running, uris: list[str] | None) -> None:
    reply = await register(server, redirect_uris=uris)
    refused(reply, *REDIRECT_URI)


@pytest.mark.requirement("REG-OIDC-2-1")
@pytest.mark.parametrize(
    ("application_type", "uri", "taken"),
    [
        ("web", "https://new.example/cb", True),
        ("web", "http://localhost/cb", False),
        ("web", "http://127.0.0.1/cb", False),
        ("web", "https://localhost/cb", False),
        ("web", "https://LOCALHOST:8443/cb", False),
        ("web", "https://127.0.0.1/cb", False),
        ("web", "com.example.app:/cb", False),
        ("native", "com.example.app:/cb", True),
        ("native", "http://127.0.0.1/cb", True),
        ("native", "http://[::1]/cb", True),
        ("native", "http://localhost/cb", True),
        ("native", "http://new.example/cb", False),
    ],
)
async def test_application_types(server: Running, application_type: str, uri: str, taken: bool) -> None:
    reply = await register(
        server, application_type=application_type, redirect_uris=[uri], response_types=["id_token"],
        grant_types=["implicit"],
    )  # fmt: skip
    if taken:
        assert reply.status_code == 201, reply.text
    else:
        refused(reply, *REDIRECT_URI)


@pytest.mark.requirement("REG-7591-2-3")
@pytest.mark.parametrize(
    "members",
    [
        {"jwks": {"keys": [KEY]}, "jwks_uri": "https://new.example/jwks"},
        {"jwks": {"keys": [ECKey.generate_key("P-256").as_dict(private=True)]}},
        {"jwks": {"keys": [OctKey.generate_key(256).as_dict()]}},
        {"jwks": {"keys": []}},
        {"jwks": {"keys": "x"}},
        {"jwks": {}},
        {"jwks": "x"},
    ],
    ids=["both", "private", "symmetric", "empty", "no list", "no keys", "no object"],
)
async def test_key_sets_that_cannot_be_registered(server: Running, members: dict[str, Any]) -> None:
    reply = await register(server, **members)
    assert "jwks" in refused(reply, *METADATA)


@pytest.mark.requirement("REG-7591-2.1-1")
@pytest.mark.parametrize(
    ("grants", "responses", "taken"),
    [
        (["authorization_code"], ["code"], True),
        (["implicit"], ["id_token"], True),
        (["authorization_code", "implicit"], ["code id_token"], True),
        (["authorization_code"], ["id_token"], False),
        (["authorization_code"], ["code id_token"], False),
        (["implicit"], ["code"], False),
        (["client_credentials"], ["code"], False),
    ],
)
async def test_grants_and_responses_agree(
    server: Running, grants: list[str], responses: list[str], taken: bool
) -> None:
    reply = await register(server, grant_types=grants, response_types=responses)
    if taken:
        assert reply.status_code == 201, reply.text
    else:
        refused(reply, *METADATA)


@pytest.mark.requirement("REG-7591-2.1-1")
async def test_grants_follow_responses_where_they_are_not_said(server: Running) -> None:
    assert (await registered(server, response_types=["id_token"]))["grant_types"] == ["implicit"]
    hybrid = await registered(server, response_types=["code id_token"])
    assert hybrid["grant_types"] == ["authorization_code", "implicit"]


@pytest.mark.requirement("REG-7591-2.2-1")
async def test_names_in_several_languages(server: Running) -> None:
    names = {
        "client_name": "App",
        "client_name#ja": "アプリ",
        "client_name#fr-CA": "Appli",
        "tos_uri#de": "https://new.example/de",
    }
    client = await registered(server, **names)
    assert {name: client[name] for name in names if name != "client_name"} == {
        k: v for k, v in names.items() if "#" in k
    }
    stored = await stored_client(server, client["client_id"])
    wanted = {(): "App", ("ja",): "アプリ", ("JA-jp",): "アプリ", ("fr",): "App", ("de", "fr-ca"): "Appli"}
    assert {locales: client_text(stored, "client_name", locales) for locales in wanted} == wanted


@pytest.mark.requirement("REG-7591-2.2-1")
async def test_consent_speaks_the_language_of_the_request(server: Running) -> None:
    client = await registered(server, **{"client_name": "App", "client_name#ja": "アプリ"})
    browser = server.browser()
    request = {**REQUEST, "redirect_uri": URI, "scope": "openid", "ui_locales": "ja"}
    await browser.open("/oauth2/authorize", params={"client_id": client["client_id"], **request})
    await browser.sign_in()
    assert browser.page is not None
    assert "アプリ" in browser.page.text


# --- Initial access tokens, and who may register at all ----------------------------------------------------------


@pytest.mark.requirement("META-8414-12")
async def test_metadata_names_the_endpoint_where_it_is_on(server: Running) -> None:
    for realm, on in (("", True), ("/realms/closed", True), ("/realms/no", False)):
        metadata = (await server.http.get(f"{realm}/.well-known/openid-configuration")).json()
        expected = f"{server.server.base_url}{realm}{REGISTER}" if on else None
        assert metadata.get("registration_endpoint") == expected


async def test_where_registration_is_off_there_is_nothing(server: Running) -> None:
    reply = await register(server, "no")
    refused(reply, 404, "invalid_request", "http.not_found")


@pytest.mark.requirement("REG-7591-3-2", "OA-6750-3.1-1", "OA-6750-3.1-2")
@pytest.mark.parametrize("token", [None, "", "wrong", "x" * 5000])
async def test_without_an_initial_access_token(server: Running, token: str | None) -> None:
    reply = await register(server, "closed", token)
    refusal = "registration.token" if token else "registration.token_missing"
    refused(reply, 401, "invalid_token", refusal)
    challenge = reply.headers["www-authenticate"]
    if token:
        assert challenge.startswith('Bearer realm="closed", error="invalid_token"')
    else:
        assert challenge == 'Bearer realm="closed"'


async def initial(server: Running, **options: int) -> str:
    """An initial access token of the realm `closed`."""
    settings = await server.management.existing_realm("closed")
    return await Registrations(server.management, settings).issue_token(**options)


@pytest.mark.requirement("REG-7591-3-2")
async def test_an_initial_access_token_is_good_for_its_uses(server: Running) -> None:
    token = await initial(server, uses=2)
    assert (await register(server, "closed", token)).status_code == 201
    refused(
        await register(server, "closed", token, redirect_uris=[]),
        400,
        "invalid_redirect_uri",
        "registration.redirect_uri",
    )
    assert (await register(server, "closed", token)).status_code == 201
    refused(await register(server, "closed", token), *TOKEN)


async def test_an_initial_access_token_expires_and_is_of_one_realm(server: Running) -> None:
    token = await initial(server, seconds=10)
    refused(
        await register(server, "bank", token, redirect_uris=["https://b.example/cb"]),
        400,
        "invalid_client_metadata",
        "registration.metadata",
    )
    server.clock.advance(10)
    refused(await register(server, "closed", token), *TOKEN)


async def test_of_many_uses_at_once_as_many_win_as_there_are(server: Running) -> None:
    for uses in (1, 3):
        token = await initial(server, uses=uses)
        replies = await asyncio.gather(*(register(server, "closed", token) for _ in range(20)))
        assert sorted(r.status_code for r in replies) == [201] * uses + [401] * (20 - uses)


async def test_open_registration_is_limited(server: Running) -> None:
    await server.apply('realms: [{name: default, registration: {mode: "open", per_minute: 3}}]')
    statuses = [(await register(server)).status_code for _ in range(5)]
    assert statuses == [201] * 3 + [429] * 2
    server.clock.advance(20)
    client = await registered(server)
    # An update costs as much as a registration; reading and deleting stay free.
    body = {"client_id": client["client_id"], "redirect_uris": [URI]}
    refused(await manage(server, client, "PUT", body=body), 429, "temporarily_unavailable", "http.rate")
    assert (await manage(server, client)).status_code == 200
    server.clock.advance(20)
    assert (await manage(server, client, "PUT", body=body)).status_code == 200


# --- Looking after a registration (RFC 7592) ---------------------------------------------------------------------


@pytest.mark.requirement("REG-7592-2.1-1", "REG-7592-3-1")
async def test_reading(server: Running) -> None:
    client = await registered(server, client_name="New App")
    reply = await manage(server, client)
    assert reply.status_code == 200
    expected = {name: value for name, value in client.items() if name != "client_secret"}
    assert reply.json() == expected


@pytest.mark.requirement("REG-7592-2-1", "REG-7592-2-2", "OA-6750-3.1-1")
async def test_only_its_own_token_opens_a_registration(server: Running) -> None:
    client, other = await registered(server), await registered(server)
    for method in ("GET", "PUT", "DELETE"):
        for token in (other["registration_access_token"], "wrong", "x" * 3000):
            reply = await manage(server, client, method, token, {"client_id": client["client_id"]})
            refused(reply, *ACCESS)
            assert reply.headers["www-authenticate"].startswith("Bearer ")
    reply = await server.http.get(client["registration_client_uri"])
    refused(reply, *NO_ACCESS)
    assert reply.headers["www-authenticate"] == 'Bearer realm="default"'
    assert (await manage(server, client)).status_code == 200


@pytest.mark.requirement("REG-7592-2-2")
@pytest.mark.parametrize("client_id", ["unknown", "app", "%00", "x" * 300])
async def test_a_client_that_is_not_there(server: Running, client_id: str) -> None:
    reply = await server.http.get(f"{REGISTER}/{client_id}", headers={"authorization": "Bearer x"})
    refused(reply, *ACCESS)


@pytest.mark.requirement("REG-7592-2-2")
@pytest.mark.parametrize(("method", "path"), [("POST", "/x"), ("PATCH", "/x"), ("GET", ""), ("PUT", "")])
async def test_methods_that_do_not_exist(server: Running, method: str, path: str) -> None:
    reply = await server.http.request(method, f"{REGISTER}{path}")
    refused(reply, 405, "invalid_request", "http.method")
    assert reply.headers["allow"] == ("GET, PUT, DELETE" if path else "POST")


async def test_any_web_page_may_register_and_manage(server: Running) -> None:
    page = {"origin": "https://spa.example"}
    client = await registered(server, token_endpoint_auth_method="none")
    for url, methods in ((REGISTER, "POST"), (client["registration_client_uri"], "GET, PUT, DELETE")):
        reply = await server.http.options(url, headers={**page, "access-control-request-method": "PUT"})
        assert reply.status_code == 204
        assert reply.headers["access-control-allow-origin"] == "*"
        assert reply.headers["access-control-allow-methods"] == methods
        assert "authorization" in reply.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in reply.headers
    reply = await server.http.post(REGISTER, json={"redirect_uris": []}, headers=page)
    assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (400, "*")


@pytest.mark.requirement("REG-7592-2.2-1", "REG-7592-2.2-2")
async def test_an_update_replaces_everything(server: Running) -> None:
    client = await registered(server, client_name="New App", client_uri="https://new.example/", contacts=["a@b"])
    update = {"client_id": client["client_id"], "redirect_uris": ["https://new.example/other"], "client_name": None}
    reply = await manage(server, client, "PUT", body={**update, "client_secret": client["client_secret"]})
    assert reply.status_code == 200
    changed = reply.json()
    assert changed["redirect_uris"] == ["https://new.example/other"]
    assert not {"client_name", "client_uri", "contacts", "client_secret"} & set(changed)
    assert changed["registration_access_token"] == client["registration_access_token"]
    assert changed["client_id_issued_at"] == client["client_id_issued_at"]
    assert (await manage(server, client)).json() == changed
    # The secret is the same one.
    auth = (client["client_id"], client["client_secret"])
    form = {**REQUEST, "redirect_uri": "https://new.example/other", "scope": "openid"}
    assert (await server.http.post("/oauth2/par", auth=auth, data=form)).status_code == 201


BAD_UPDATES = {
    "registration_access_token": ({"registration_access_token": "x"}, *MANAGED),
    "registration_client_uri": ({"registration_client_uri": "x"}, *MANAGED),
    "client_id_issued_at": ({"client_id_issued_at": 1}, *MANAGED),
    "client_secret_expires_at": ({"client_secret_expires_at": 0}, *MANAGED),
    "no client_id": ({"client_id": None}, 400, "invalid_request", "registration.client_id"),
    "another client_id": ({"client_id": "app"}, 400, "invalid_request", "registration.client_id"),
    "another secret": ({"client_secret": "a-secret-of-my-own-choice"}, *SECRET),
    "a secret of another type": ({"client_secret": 7}, *SECRET),
    "redirect_uris": ({"redirect_uris": []}, *REDIRECT_URI),
    "metadata": ({"grant_types": ["x"]}, *METADATA),
}  # fmt: skip


@pytest.mark.requirement("REG-7592-2.2-2", "REG-7592-2.2-3")
@pytest.mark.parametrize("why", BAD_UPDATES)
async def test_a_bad_update_changes_nothing(server: Running, why: str) -> None:
    client = await registered(server, client_name="New App")
    before = (await manage(server, client)).json()
    change, status, error, refusal = BAD_UPDATES[why]
    body = {"client_id": client["client_id"], "redirect_uris": [URI], "client_name": "Changed", **change}
    refused(await manage(server, client, "PUT", body=body), status, error, refusal)
    assert (await manage(server, client)).json() == before


@pytest.mark.requirement("REG-7592-2.3-1")
async def test_a_deleted_client_is_dead_everywhere(server: Running) -> None:
    client = await registered(server, grant_types=["authorization_code", "refresh_token"], scope="openid")
    auth = (client["client_id"], client["client_secret"])
    form = {**REQUEST, "redirect_uri": URI, "scope": "openid"}

    async def pushed() -> str:
        reply = await server.http.post("/oauth2/par", auth=auth, data=form)
        return str(reply.json()["request_uri"])

    waiting = await pushed()
    browser = server.browser()
    await browser.open("/oauth2/authorize", params={"client_id": client["client_id"], "request_uri": await pushed()})
    await browser.sign_in()
    await browser.allow()
    redeem = {
        "grant_type": "authorization_code",
        "redirect_uri": URI,
        "code_verifier": VERIFIER,
    }
    reply = await server.http.post("/oauth2/token", auth=auth, data={**redeem, "code": browser.answer["code"]})
    tokens = reply.json()
    reply = await manage(server, client, "DELETE")
    assert (reply.status_code, reply.content) == (204, b"")
    refused(await manage(server, client), *ACCESS)
    for path, body in (
        ("/oauth2/par", form),
        ("/oauth2/token", {**redeem, "code": browser.answer["code"]}),
        ("/oauth2/token", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}),
    ):
        reply = await server.http.post(path, auth=auth, data=body)
        assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    reply = await server.http.get("/oauth2/userinfo", headers=bearer)
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_token")
    await browser.open("/oauth2/authorize", params={"client_id": client["client_id"], "request_uri": waiting})
    assert browser.page is not None
    assert browser.page.status_code == 400


@pytest.mark.requirement("REG-7592-2.2-2", "REG-7592-2.3-1")
async def test_an_update_that_began_before_brings_no_deleted_client_back(server: Running) -> None:
    for _ in range(5):
        client = await registered(server)
        start = asyncio.Event()

        async def racer(method: str, number: int, client: dict[str, Any] = client, start: asyncio.Event = start) -> int:
            body = {"client_id": client["client_id"], "redirect_uris": [URI], "client_name": f"Name {number}"}
            await start.wait()
            reply = await manage(server, client, method, body=body if method == "PUT" else None)
            assert reply.status_code != 401 or reply.headers["pushgate-refusal"] == "registration.access_token"
            return reply.status_code

        kinds = ["PUT"] * 8 + ["DELETE"] * 3 + ["PUT"] * 8
        racers = [asyncio.create_task(racer(kind, number)) for number, kind in enumerate(kinds)]
        await asyncio.sleep(0)
        start.set()
        statuses = await asyncio.gather(*racers)
        assert statuses.count(204) == 1
        assert set(statuses) <= {200, 204, 401}
        refused(await manage(server, client), *ACCESS)
        assert client["client_id"] not in {
            c.client_id for c in await server.management.configuration.clients("default")
        }


async def test_an_operator_who_changes_the_client_meanwhile_wins(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await registered(server)
    tightened = {"client_id": client["client_id"], "redirect_uris": [URI], "pkce_required": True}
    planned = Management.plan_client

    async def slowly(*args: Any, **kwargs: Any) -> Any:
        change = await planned(*args, **kwargs)
        monkeypatch.setattr(Management, "plan_client", planned)
        await server.apply(json.dumps({"realms": [{"name": "default", "clients": [tightened]}]}))
        return change

    monkeypatch.setattr(Management, "plan_client", slowly)
    body = {"client_id": client["client_id"], "redirect_uris": ["https://new.example/other"]}
    reply = await manage(server, client, "PUT", body=body)
    refused(reply, 503, "temporarily_unavailable", "http.unavailable")
    stored = await stored_client(server, client["client_id"])
    assert (stored.pkce_required, stored.redirect_uris) == (True, (URI,))
    assert (await manage(server, client, "PUT", body=body)).status_code == 200
    assert (await stored_client(server, client["client_id"])).pkce_required


async def test_a_client_that_is_disabled_manages_nothing(server: Running) -> None:
    client = await registered(server)
    off = {"client_id": client["client_id"], "redirect_uris": [URI], "enabled": False}
    await server.apply(json.dumps({"realms": [{"name": "default", "clients": [off]}]}))
    for method in ("GET", "PUT", "DELETE"):
        body = {"client_id": client["client_id"], "redirect_uris": [URI]}
        refused(await manage(server, client, method, body=body), *ACCESS)


async def test_operators_keep_the_registration_of_a_client(server: Running) -> None:
    client = await registered(server, client_name="New App")
    await server.apply(
        f"realms: [{{name: default, clients: [{{client_id: {client['client_id']}, client_name: Renamed,"
        f" redirect_uris: [{URI}], scope: openid}}]}}]"
    )
    reply = await manage(server, client)
    assert reply.json()["client_name"] == "Renamed"
    assert (await stored_client(server, client["client_id"])).self_registered


async def test_what_an_operator_changed_stays_when_the_client_replaces_its_registration(server: Running) -> None:
    names = {
        "client_name": "New App",
        "client_name#ja": "新しい",
        "tos_uri": "https://app.example/tos",
        "tos_uri#de": "https://app.example/agb",
    }
    client = await registered(server, **names)
    own = {"client_id": client["client_id"]}
    decided = {
        **own, "client_name": "Checked", "redirect_uris": ["https://checked.example/cb"], "scope": "openid write",
        "tos_uri": "https://app.example/tos",
    }  # fmt: skip
    await server.apply(json.dumps({"realms": [{"name": "default", "clients": [decided]}]}))
    policy = "https://app.example/privacy"
    again = {**names, **own, "redirect_uris": [URI], "scope": "openid", "policy_uri": policy}
    answer = (await manage(server, client, "PUT", body=again)).json()
    assert (answer["client_name"], answer["redirect_uris"]) == ("Checked", ["https://checked.example/cb"])
    assert answer["scope"] == "openid write"
    assert answer["policy_uri"] == policy, "what the operator left alone is the client's"
    assert "client_name#ja" not in answer
    assert answer["tos_uri#de"] == "https://app.example/agb"
    stored = await stored_client(server, client["client_id"])
    assert stored.operator_set == ("client_name", "redirect_uris", "scope")


async def test_what_an_operator_changes_while_a_client_replaces_its_registration(server: Running) -> None:
    client = await registered(server, client_name="New App")
    registrations = Registrations(server.management, (await server.management.existing_realm("default")))
    before = await stored_client(server, client["client_id"])
    changed = (
        f"{{client_id: {client['client_id']}, client_name: New App, redirect_uris: ['https://checked.example/cb']}}"
    )
    await server.apply(f"realms: [{{name: default, clients: [{changed}]}}]")
    document = {"client_id": client["client_id"], "client_name": "New App", "redirect_uris": [URI]}
    with pytest.raises(OAuthError) as refusal:
        await registrations.replace(before, document, client["registration_access_token"])
    assert refusal.value.refusal.id == "http.unavailable"
    assert (await stored_client(server, client["client_id"])).redirect_uris == ("https://checked.example/cb",)


# --- Software statements ------------------------------------------------------------------------------------------


def statement(server: Running, key: ECKey = ISSUER_KEY, **claims: Any) -> str:
    """A software statement of the trusted issuer."""
    said = {"iss": "https://trust.example", "software_id": "s", "client_name": "Stated", **claims}
    return jwt.encode({"alg": "ES256"}, {k: v for k, v in said.items() if v is not None}, key)


@pytest.mark.requirement("REG-7591-2.3-2", "REG-7591-2.3-1")
async def test_a_statement_wins_over_plain_members(server: Running) -> None:
    signed = statement(server, redirect_uris=["https://stated.example/cb"], skip_consent=True)
    client = await registered(server, client_name="Plain", software_statement=signed, software_version="3")
    assert client["software_statement"] == signed
    assert (client["client_name"], client["software_id"], client["software_version"]) == ("Stated", "s", "3")
    assert client["redirect_uris"] == ["https://stated.example/cb"]
    assert not (await stored_client(server, client["client_id"])).skip_consent


@pytest.mark.requirement("REG-7591-2.3-1")
@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"iss": "https://other.example"}, "unapproved_software_statement"),
        ({"iss": None}, "unapproved_software_statement"),
        ({"exp": 1}, "invalid_software_statement"),
        ({"nbf": 99_999_999_999}, "invalid_software_statement"),
        ({"exp": "soon"}, "invalid_software_statement"),
    ],
)
async def test_a_statement_that_does_not_hold(server: Running, claims: dict[str, Any], error: str) -> None:
    reply = await register(server, software_statement=statement(server, **claims))
    refusal = "registration.statement_unapproved" if "unapproved" in error else "registration.software_statement"
    refused(reply, 400, error, refusal)


@pytest.mark.requirement("REG-7591-2.3-1")
@pytest.mark.parametrize("value", ["x", "a.b.c", 7, ["x"]])
async def test_a_statement_that_is_none(server: Running, value: Any) -> None:
    refused(
        await register(server, software_statement=value),
        400,
        "invalid_software_statement",
        "registration.software_statement",
    )


async def test_a_statement_with_another_key(server: Running) -> None:
    forged = statement(server, ECKey.generate_key("P-256"))
    refused(
        await register(server, software_statement=forged),
        400,
        "invalid_software_statement",
        "registration.software_statement",
    )


async def test_statements_can_be_demanded(server: Running) -> None:
    jwks = json.dumps({"keys": [ISSUER_KEY.as_dict(private=False)]})
    await server.apply(
        'realms: [{name: default, registration: {mode: "open", statement_required: true,'
        f' statement_issuers: [{{issuer: "https://trust.example", jwks: {jwks}}}]}}}}]'
    )
    refused(await register(server), 400, "unapproved_software_statement", "registration.statement_unapproved")
    assert (await register(server, software_statement=statement(server))).status_code == 201


# --- The profile of the realm ---------------------------------------------------------------------------------------


async def test_a_bank_takes_clients_with_keys_alone(server: Running) -> None:
    reply = await register(server, "bank")
    assert "token_endpoint_auth_method" in refused(reply, *METADATA)
    reply = await register(server, "bank", token_endpoint_auth_method="private_key_jwt", jwks={"keys": [KEY]})
    assert reply.status_code == 201, reply.text
    assert reply.json()["id_token_signed_response_alg"] == "PS256"


# --- Clients that nobody vouches for ---------------------------------------------------------------------------------


@pytest.mark.requirement("REG-7591-5-1")
async def test_consent_says_that_the_name_is_not_verified(server: Running) -> None:
    client = await registered(server, client_name="<b>Your Bank</b>", logo_uri="https://evil.example/logo.png")
    browser = server.browser()
    request = {**REQUEST, "redirect_uri": URI, "scope": "openid"}
    await browser.open("/oauth2/authorize", params={"client_id": client["client_id"], **request})
    await browser.sign_in()
    assert browser.page is not None
    text = browser.page.text
    assert "Nobody has checked the name of this application." in text
    assert "&lt;b&gt;Your Bank&lt;/b&gt;" in text
    assert "new.example" in text
    assert "evil.example" not in text
    assert "img-src 'self'" in browser.page.headers["content-security-policy"]


@pytest.mark.requirement("BCP-4.11.2-1")
async def test_a_made_up_request_is_no_way_to_anywhere(server: Running) -> None:
    client = await registered(server, client_name="Innocent")
    bad = {**REQUEST, "redirect_uri": URI, "response_type": "nonsense", "client_id": client["client_id"]}
    browser = await server.browser().open("/oauth2/authorize", params=bad)
    assert browser.page is not None
    assert browser.page.status_code == 400
    assert "Innocent" in browser.page.text
    assert "new.example" in browser.page.text
    assert 'href="https://new.example/cb?error=unsupported_response_type' in browser.page.text
    # Silent requests are answered to the client, and so is everything once the user has signed in.
    await browser.open("/oauth2/authorize", params={**bad, "prompt": "none"})
    assert browser.answer["error"] == "unsupported_response_type"
    there = await answered(server, {**REQUEST, "scope": "openid"}, "app")
    await there.open("/oauth2/authorize", params=bad)
    assert there.answer["error"] == "unsupported_response_type"


async def test_a_made_up_request_by_form_post_is_no_way_either(server: Running) -> None:
    client = await registered(server)
    bad = {
        **REQUEST,
        "redirect_uri": URI,
        "scope": "!\u00e9",
        "client_id": client["client_id"],
        "response_mode": "form_post",
    }
    browser = await server.browser().open("/oauth2/authorize", params=bad)
    assert browser.page is not None
    assert browser.page.status_code == 400
    assert "submit()" not in browser.page.text
    assert dict(browser.form().fields)["error"] == "invalid_scope"


UNANSWERABLE = {
    "a hint that is no token": {"id_token_hint": "x"},
    "a context that nobody reaches": {"claims": '{"id_token": {"acr": {"essential": true, "value": "urn:nowhere"}}}'},
}


@pytest.mark.requirement("BCP-4.11.2-1")
@pytest.mark.parametrize("why", UNANSWERABLE)
@pytest.mark.parametrize("push", [False, True])
async def test_a_request_that_only_its_first_step_refuses_is_no_way_either(
    server: Running, why: str, push: bool
) -> None:
    client = await registered(server, client_name="Innocent")
    asked = {**REQUEST, "redirect_uri": URI, "scope": "openid", **UNANSWERABLE[why]}
    query = {**asked, "client_id": client["client_id"]}
    if push:
        auth = (client["client_id"], client["client_secret"])
        reply = await server.http.post("/oauth2/par", auth=auth, data=asked)
        assert reply.status_code == 201, reply.text
        query = {"client_id": client["client_id"], "request_uri": reply.json()["request_uri"]}
    browser = await server.browser().open("/oauth2/authorize", params=query)
    assert browser.landed is None
    assert browser.page is not None
    assert browser.page.status_code == 400
    assert 'href="https://new.example/cb?error=' in browser.page.text
    # From a client that an operator vouches for, the same request is answered to the client.
    own = {**REQUEST, "client_id": "app", **UNANSWERABLE[why], "scope": "openid"}
    assert "error" in (await server.browser().open("/oauth2/authorize", params=own)).answer


async def test_who_an_operator_vouches_for_is_told_at_once(server: Running) -> None:
    browser = server.browser()
    await browser.open("/oauth2/authorize", params={**REQUEST, "client_id": "app", "response_type": "nonsense"})
    assert browser.answer["error"] == "unsupported_response_type"


# --- Initial access tokens at rest -------------------------------------------------------------------------------


async def test_tokens_that_have_expired_are_deleted(server: Running) -> None:
    await initial(server, seconds=10)
    lasting = await initial(server, seconds=1000)
    count = sa.select(sa.func.count()).select_from(tables.initial_access_tokens)
    engine = server.management.engine
    assert await engine.read(lambda c: c.scalar(count)) == 2
    server.clock.advance(11)
    await purge_expired(engine, server.management.now())
    assert await engine.read(lambda c: c.scalar(count)) == 1
    assert (await register(server, "closed", lasting)).status_code == 201


async def test_details_that_are_not_open_to_all_are_not_had(server: Running) -> None:
    await server.apply(
        'realms: [{name: default, registration: {mode: "open", per_minute: 0}, authorization_details_types:'
        " [{type: payment}]}]"
    )
    client = await registered(
        server, grant_types=["client_credentials"], response_types=[], redirect_uris=None,
        authorization_details_types=["payment"],
    )  # fmt: skip
    assert "authorization_details_types" not in client
    form = {"grant_type": "client_credentials", "authorization_details": '[{"type": "payment"}]'}
    reply = await server.http.post("/oauth2/token", auth=(client["client_id"], client["client_secret"]), data=form)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_authorization_details")


async def test_an_operators_entry_that_says_nothing_opens_nothing(server: Running) -> None:
    client = await registered(server, grant_types=["client_credentials"], response_types=[], redirect_uris=None)
    await server.apply(
        f"realms: [{{name: default, clients: [{{client_id: {client['client_id']}, client_name: Renamed,"
        " grant_types: [client_credentials], response_types: []}]}]"
    )
    form = {"grant_type": "client_credentials", "resource": "https://api.example"}
    reply = await server.http.post("/oauth2/token", auth=(client["client_id"], client["client_secret"]), data=form)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_target")


async def test_a_long_language_tag_costs_nothing(server: Running) -> None:
    client = await registered(server, **{"client_name": "App", "client_name#ja": "アプリ"})
    stored = await stored_client(server, client["client_id"])
    assert client_text(stored, "client_name", ("a-" * 500_000,)) == "App"
