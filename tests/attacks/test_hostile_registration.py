"""Somebody registers a client in order to hurt users, other clients, or what the server can reach."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from joserfc.jwk import ECKey

from pushgate.fetch import Fetcher
from pushgate.testing import Running, running
from tests.rules.test_dynamic_registration import (
    ACCESS,
    MANIFEST,
    METADATA,
    REGISTER,
    URI,
    manage,
    refused,
    register,
    registered,
)


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    async with running(MANIFEST) as found:
        yield found


URI_MEMBERS = (
    "client_uri",
    "policy_uri",
    "tos_uri",
    "logo_uri",
    "initiate_login_uri",
    "jwks_uri",
    "sector_identifier_uri",
    "backchannel_logout_uri",
    "frontchannel_logout_uri",
)
HOSTILE_URIS = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:x",
    "https://user:password@new.example/", "//new.example/", "https://new.example/\r\nx: y", "https://new.example/ x",
    "https:new.example", "ftp://new.example/", "x" * 5000,
)  # fmt: skip


@pytest.mark.parametrize("member", URI_MEMBERS)
async def test_no_member_takes_a_uri_that_does_something(server: Running, member: str) -> None:
    for uri in HOSTILE_URIS:
        reply = await register(server, **{member: uri})
        assert member in refused(reply, *METADATA), uri


async def test_no_sign_out_leads_to_one(server: Running) -> None:
    for uri in HOSTILE_URIS:
        for application_type in ("web", "native"):
            redirect_uris = ["com.example.app:/cb"] if application_type == "native" else [URI]
            members = {"post_logout_redirect_uris": [uri], "redirect_uris": redirect_uris}
            reply = await register(server, application_type=application_type, **members)
            assert "post_logout_redirect_uris" in refused(reply, *METADATA), uri


@pytest.mark.parametrize("member", ["client_uri", "policy_uri", "tos_uri", "logo_uri"])
async def test_no_language_takes_one_either(server: Running, member: str) -> None:
    for uri in (*HOSTILE_URIS, "http://new.example/", ""):
        reply = await register(server, **{member: "https://new.example/", f"{member}#en": uri})
        assert f" {member}: must be " in refused(reply, *METADATA), uri


async def test_no_redirect_to_a_uri_that_does_something(server: Running) -> None:
    for uri in HOSTILE_URIS:
        for application_type in ("web", "native"):
            reply = await register(server, redirect_uris=[uri], application_type=application_type)
            assert (reply.status_code, reply.json()["error"]) == (400, "invalid_redirect_uri"), uri


PRIVATE = ("https://127.0.0.1/jwks", "https://[::1]/jwks", "https://10.0.0.1/jwks", "https://169.254.169.254/x")


@pytest.mark.parametrize("uri", PRIVATE)
async def test_a_jwks_uri_reaches_nothing_inside(server: Running, uri: str) -> None:
    client = await registered(server, token_endpoint_auth_method="private_key_jwt", jwks_uri=uri)
    from joserfc import jwt

    now = int(server.clock.now)
    claims = {"iss": client["client_id"], "sub": client["client_id"], "aud": server.server.base_url, "jti": "1"}
    claims |= {"iat": now, "exp": now + 60}
    assertion = jwt.encode({"alg": "ES256", "kid": "k"}, claims, ECKey.generate_key("P-256"))
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    reply = await server.http.post("/oauth2/par", data={"client_assertion": assertion, "client_assertion_type": kind})
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")
    assert "127.0.0.1" not in reply.text


@pytest.mark.parametrize("uri", PRIVATE)
async def test_a_sector_identifier_uri_reaches_nothing_inside(uri: str) -> None:
    async with running('realms: [{name: default, registration: {mode: "open"}}]', fetcher=Fetcher()) as server:
        reply = await register(server, subject_type="pairwise", sector_identifier_uri=uri)
        description = refused(reply, *METADATA)
        assert "sector_identifier_uri" in description
        assert "refused" not in description
        assert "timed" not in description


async def test_a_document_that_never_ends(server: Running) -> None:
    key = ECKey.generate_key("P-256").as_dict(private=False)
    reply = await register(server, jwks={"keys": [key] * 4000})
    refused(reply, 413, "invalid_request", "http.body_size")


BODIES = {
    "deep": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "array": b"[" * 5000,
    "twice": b'{"redirect_uris": ["https://a.example/"], "redirect_uris": ["https://b.example/"]}',
    "NaN": b'{"redirect_uris": ["https://a.example/"], "default_max_age": NaN}',
    "no object": b'["https://a.example/"]',
    "nothing": b"",
    "not UTF-8": b'{"client_name": "\xff"}',
    "a lone surrogate": b'{"redirect_uris": ["https://a.example/"], "client_name": "\\ud800"}',
    "huge number": b'{"default_max_age": 1' + b"0" * 5000 + b"}",
}


@pytest.mark.parametrize("body", BODIES)
async def test_json_that_is_none(server: Running, body: str) -> None:
    reply = await server.http.post(REGISTER, content=BODIES[body], headers={"content-type": "application/json"})
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"] in ("invalid_client_metadata", "invalid_redirect_uri")
    if body in ("deep", "array", "twice", "NaN", "no object", "nothing", "not UTF-8"):
        assert reply.headers["pushgate-refusal"] == "registration.json"


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", ""])
async def test_a_form_of_another_site_registers_nothing(server: Running, content_type: str) -> None:
    body = json.dumps({"redirect_uris": [URI]})
    reply = await server.http.post(REGISTER, content=body, headers={"content-type": content_type})
    refused(reply, 415, "invalid_request", "registration.content_type")


async def test_the_token_of_one_realm_is_nothing_in_another(server: Running) -> None:
    client = await registered(server)
    bearer = {"authorization": f"Bearer {client['registration_access_token']}"}
    reply = await server.http.get(f"/realms/closed{REGISTER}/{client['client_id']}", headers=bearer)
    refused(reply, *ACCESS)


async def test_an_operators_client_cannot_be_taken_over(server: Running) -> None:
    for token in ("", "x", "null"):
        body: dict[str, Any] = {"client_id": "app", "redirect_uris": [URI]}
        bearer = {"authorization": f"Bearer {token}"}
        for method in ("GET", "PUT", "DELETE"):
            reply = await server.http.request(method, f"{REGISTER}/app", headers=bearer, json=body)
            refused(reply, *ACCESS)


async def test_names_cannot_disguise_themselves(server: Running) -> None:
    client = await registered(server, client_name="\u202eknaB ruoY\u2066\u200f")
    browser = server.browser()
    await browser.open(
        "/oauth2/authorize",
        params={"client_id": client["client_id"], "response_type": "code", "redirect_uri": URI, "scope": "openid"},
    )
    await browser.sign_in()
    assert browser.page is not None
    assert not {"\u202e", "\u2066", "\u200f"} & set(browser.page.text)


async def test_tokens_and_digests_are_in_no_answer_and_no_export(server: Running) -> None:
    from pushgate.manage.manifest import export

    client = await registered(server)
    document = json.dumps(await export(server.management, None, with_secrets=True))
    assert client["registration_access_token"] not in document
    assert "registration_token" not in document
    reply = await manage(server, client)
    assert "registration_token" not in reply.json()
    assert "client_secret" not in reply.json()
