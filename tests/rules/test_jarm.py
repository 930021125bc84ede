"""Responses as JWTs (JARM): every member inside, signed, for this client, and encrypted where it wants that."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, Key, KeySet, RSAKey

from pushgate.fetch import Fetcher
from pushgate.manage.manifest import BadManifest
from pushgate.refusals import REFUSALS
from pushgate.testing import BASE_URL, Browser, Running, running
from tests.support.assertions import public
from tests.support.manifests import CHALLENGE
from tests.support.steps import answer_in, at, but, refused, shown, stored
from tests.unit.fetch_support import PUBLIC, Names, Origin, Route, authority, reply

SECRET = "a-secret-of-at-least-32-bytes-of-text-for-hmac"
REDIRECT = "https://rp.example/cb"
AUTHORIZE, PAR = "/oauth2/authorize", "/oauth2/par"
REQUEST = {
    "response_type": "code", "redirect_uri": REDIRECT, "scope": "openid email", "state": "a \"state\" & more",
    "nonce": "a-nonce", "code_challenge": CHALLENGE, "code_challenge_method": "S256", "response_mode": "jwt",
}  # fmt: skip
TYPES = ["code", "none", "token", "id_token", "code id_token", "code token", "id_token token", "code id_token token"]
RSA: Key = RSAKey.generate_key(2048, {"kid": "to-rsa"})
EC: Key = ECKey.generate_key("P-256", {"kid": "to-ec"})
COMMON = {
    "client_secret": SECRET, "redirect_uris": [REDIRECT], "response_types": TYPES,
    "grant_types": ["authorization_code", "implicit"], "scope": "openid profile email",
}  # fmt: skip


def to(*keys: Key, **members: str) -> dict[str, Any]:
    """The client's keys to encrypt to."""
    return {"keys": [key.as_dict(private=False) | {"use": "enc"} | members for key in keys]}


CLIENTS: list[dict[str, Any]] = [
    {"client_id": "app", **COMMON},
    {"client_id": "es", "authorization_signed_response_alg": "ES256", **COMMON},
    {"client_id": "secret-rsa", "authorization_encrypted_response_alg": "RSA-OAEP-256", "jwks": to(EC, RSA), **COMMON},
    {"client_id": "secret-ec", "authorization_encrypted_response_alg": "ECDH-ES", "jwks": to(RSA, EC),
     "authorization_encrypted_response_enc": "A256GCM", **COMMON},
    {"client_id": "remote", "authorization_encrypted_response_alg": "RSA-OAEP-256",
     "jwks_uri": "https://keys.example/jwks", **COMMON},
    {"client_id": "only-jwt", "response_modes": ["jwt"], **COMMON},
    {"client_id": "only-form", "response_modes": ["form_post", "query"], **COMMON},
]  # fmt: skip
MANIFEST = {
    "name": "default",
    "clients": CLIENTS,
    "users": [{"username": "alice", "password": "alice-password", "claims": {"email": "alice@example.com"}}],
}


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server with clients that want their responses in different ways."""
    async with running(json.dumps({"realms": [MANIFEST]})) as found:
        yield found


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    """The server where a client publishes its keys."""
    async with Origin(authority().server_context(["keys.example"])) as found:
        yield found


def publish(origin: Origin, *keys: Key) -> None:
    """Put these keys, and no others, at the jwks_uri."""
    origin.routes["/jwks"] = reply(json.dumps(to(*keys)).encode())


async def ask(server: Running, request: dict[str, str], client_id: str = "app") -> Browser:
    """Push the request and bring the reference to the authorization endpoint."""
    pushed = await server.http.post(PAR, auth=(client_id, SECRET), data=request)
    assert pushed.status_code == 201, pushed.text
    params = {"client_id": client_id, "request_uri": pushed.json()["request_uri"]}
    return await server.browser().open(AUTHORIZE, params=params)


async def agreed(browser: Browser) -> Browser:
    """Sign in and consent."""
    await browser.sign_in()
    return await browser.allow() if at(browser, "consent") else browser


async def opened(server: Running, token: str, client_id: str = "app", alg: str = "RS256") -> dict[str, Any]:
    """The claims of a response JWT, checked by another library. JARM 2.4."""
    document = (await server.http.get("/oauth2/jwks")).json()
    decoded = jwt.decode(token, KeySet.import_key_set(document), algorithms=[alg])
    registry = jwt.JWTClaimsRegistry(
        now=lambda: int(server.clock.now),
        iss={"essential": True, "value": BASE_URL},
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
    )
    registry.validate(decoded.claims)
    assert decoded.header.get("alg") == alg
    assert 0 < decoded.claims["exp"] - server.clock.now <= 600
    return decoded.claims


def carried(browser: Browser, carrier: str) -> str:
    """The one parameter that is outside the JWT."""
    answer = answer_in(browser, carrier, REDIRECT)
    assert answer.keys() == {"response"}
    return answer["response"]


# --- What works -----------------------------------------------------------------------------------------

TOKEN = {"access_token", "token_type", "expires_in", "scope"}
MEMBERS = {"code": {"code"}, "token": TOKEN, "id_token": {"id_token"}, "none": set()}
CARRIERS = [("jwt", None), ("fragment.jwt", "fragment"), ("form_post.jwt", "form_post")]


@pytest.mark.requirement(
    "JARM-2.1-1", "JARM-2.1-2", "JARM-2.1-3", "JARM-2.1-5", "JARM-2.3.2-1", "JARM-2.3.3-1", "JARM-2.3.4-1", "ISS-2.4-2"
)
@pytest.mark.parametrize(("mode", "carrier"), CARRIERS)
@pytest.mark.parametrize("response_type", TYPES)
async def test_the_whole_response_is_in_the_jwt(
    server: Running, response_type: str, mode: str, carrier: str | None
) -> None:
    """`jwt` is query.jwt where no token comes back, and fragment.jwt where one does."""
    default = "query" if response_type in ("code", "none") else "fragment"
    browser = await agreed(await ask(server, but(REQUEST, response_type=response_type, response_mode=mode)))
    claims = await opened(server, carried(browser, carrier or default))
    wanted: set[str] = set().union(*(MEMBERS[kind] for kind in response_type.split()))
    assert claims.keys() == {"iss", "aud", "exp", "state"} | wanted
    assert claims["state"] == REQUEST["state"]
    if "token" in response_type.split():
        assert (claims["expires_in"], claims["token_type"]) == (600, "Bearer")


@pytest.mark.requirement("JARM-2.3.1-1")
async def test_the_query_carries_a_code(server: Running) -> None:
    browser = await agreed(await ask(server, but(REQUEST, response_mode="query.jwt", state=None)))
    claims = await opened(server, carried(browser, "query"))
    assert claims.keys() == {"iss", "aud", "exp", "code"}
    reply = await server.http.post(
        "/oauth2/token",
        auth=("app", SECRET),
        data={
            "grant_type": "authorization_code", "code": claims["code"], "redirect_uri": REDIRECT,
            "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        },
    )  # fmt: skip
    assert reply.status_code == 200, reply.text


@pytest.mark.requirement("JARM-2.1-4", "JARM-2.1-1")
@pytest.mark.parametrize("mode", ["query.jwt", "fragment.jwt", "form_post.jwt"])
@pytest.mark.parametrize("how", ["denied", "silent", "scope"])
async def test_an_error_comes_the_same_way(server: Running, mode: str, how: str) -> None:
    request = but(REQUEST, response_mode=mode, **({"prompt": "none"} if how == "silent" else {}))
    if how == "scope":
        params = {"client_id": "app", **request, "scope": "unknown"}
        browser = await server.browser().open(AUTHORIZE, params=params)
    else:
        browser = await ask(server, request)
    if how == "denied":
        await browser.sign_in()
        await browser.deny()
    refusal = {"denied": "authorize.denied", "silent": "authorize.login_required", "scope": "request.scope_not_allowed"}
    claims = await opened(server, carried(browser, mode.partition(".")[0]))
    expected = REFUSALS[refusal[how]]
    assert (claims["error"], claims["error_description"]) == (expected.error.code, expected.description)
    assert claims.keys() == {"iss", "aud", "exp", "state", "error", "error_description"}


@pytest.mark.requirement("JARM-3-1")
async def test_the_registered_algorithm_signs(server: Running) -> None:
    browser = await agreed(await ask(server, REQUEST, "es"))
    assert "code" in await opened(server, carried(browser, "query"), "es", "ES256")


# --- Encrypted --------------------------------------------------------------------------------------------


@pytest.mark.requirement("JARM-2.2-1", "JARM-3-2", "JARM-2.3.1-2")
@pytest.mark.parametrize(
    ("client_id", "key", "alg", "enc"),
    [("secret-rsa", RSA, "RSA-OAEP-256", "A128CBC-HS256"), ("secret-ec", EC, "ECDH-ES", "A256GCM")],
)
@pytest.mark.parametrize("response_type", ["code", "code id_token"])
async def test_what_was_signed_is_encrypted_to_the_client(
    server: Running, client_id: str, key: Key, alg: str, enc: str, response_type: str
) -> None:
    """And then even a query may carry an ID Token."""
    request = but(REQUEST, response_type=response_type, response_mode="query.jwt")
    browser = await agreed(await ask(server, request, client_id))
    found = jwe.decrypt_compact(carried(browser, "query"), key, algorithms=[alg, enc])
    header = found.headers()
    assert (header["alg"], header["enc"], header["kid"], header["cty"]) == (alg, enc, key.kid, "JWT")
    assert found.plaintext is not None
    claims = await opened(server, found.plaintext.decode(), client_id)
    assert "code" in claims


@pytest.mark.requirement("JARM-3-3")
async def test_without_the_key_nothing_is_sent_in_clear(tmp_path: Path, origin: Origin) -> None:
    (tmp_path / "ca.pem").write_bytes(authority().pem())
    fetcher = Fetcher(ca_file=tmp_path / "ca.pem", resolver=Names(keys_example=[[PUBLIC]]), dial=Route())
    manifest = json.dumps({"realms": [MANIFEST]}).replace("https://keys.example/jwks", origin.url())
    async with running(manifest, fetcher=fetcher) as server:
        publish(origin, EC)
        browser = await ask(server, REQUEST, "remote")
        await browser.sign_in()
        consent = str(browser.page and browser.page.url)
        await browser.allow()
        shown(browser.page, 400, "invalid_request", "authorize.response_key")
        assert stored(server, "code") == 0
        silent = await ask(server, but(REQUEST, prompt="none"), "remote")
        shown(silent.page, 400, "invalid_request", "authorize.response_key")
        # Nothing was spent: with the key back, the same page leads on.
        publish(origin, RSA)
        server.clock.advance(31)
        await browser.open(consent)
        token = carried(await browser.allow() if at(browser, "consent") else browser, "query")
        assert jwe.decrypt_compact(token, RSA, algorithms=["RSA-OAEP-256", "A128CBC-HS256"]).plaintext


# --- Refused ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("JARM-2.3.1-2")
@pytest.mark.parametrize("response_type", [kind for kind in TYPES if kind not in ("code", "none")])
async def test_a_query_carries_no_token_unencrypted(server: Running, response_type: str) -> None:
    request = but(REQUEST, response_type=response_type, response_mode="query.jwt")
    reply = await server.http.post(PAR, auth=("app", SECRET), data=request)
    refused(reply, 400, "invalid_request", "request.response_mode_query")
    browser = await server.browser().open(AUTHORIZE, params={"client_id": "app", **request})
    assert (await opened(server, carried(browser, "query")))["error"] == "invalid_request"
    assert stored(server) == 0


@pytest.mark.requirement("FMS-5.3.3-1")
@pytest.mark.parametrize(
    ("client_id", "mode", "taken"),
    [
        ("only-jwt", "jwt", True), ("only-jwt", "query.jwt", False), ("only-jwt", "query", False),
        ("only-jwt", None, False), ("only-jwt", "form_post.jwt", False),
        ("only-form", "form_post", True), ("only-form", None, True), ("only-form", "jwt", False),
        ("only-form", "fragment", False), ("app", "jwt", True), ("app", None, True), ("app", "fragment", True),
    ],
)  # fmt: skip
async def test_a_client_may_limit_its_response_modes(
    server: Running, client_id: str, mode: str | None, taken: bool
) -> None:
    reply = await server.http.post(PAR, auth=(client_id, SECRET), data=but(REQUEST, response_mode=mode))
    if taken:
        assert reply.status_code == 201, reply.text
    else:
        refused(reply, 400, "invalid_request", "request.response_mode_unauthorized")
        assert stored(server) == 0


async def test_an_unknown_mode_has_no_way_back(server: Running) -> None:
    for mode in ("query.JWT", "form.jwt", "jwt.jwt", ".jwt", "query.jwt "):
        reply = await server.http.post(PAR, auth=("app", SECRET), data=but(REQUEST, response_mode=mode))
        refused(reply, 400, "invalid_request", "request.response_mode_unsupported")


async def test_a_response_jwt_is_no_id_token_hint(server: Running) -> None:
    response = carried(await agreed(await ask(server, REQUEST)), "query")
    browser = await ask(server, but(REQUEST, id_token_hint=response))
    claims = await opened(server, carried(browser, "query"))
    assert (claims["error"], claims["error_description"]) == (
        "invalid_request", REFUSALS["authorize.id_token_hint"].description,
    )  # fmt: skip


# --- Registration and metadata ------------------------------------------------------------------------------

SIGNED, ALG, ENC = (
    f"authorization_{name}" for name in ("signed_response_alg", "encrypted_response_alg", "encrypted_response_enc")
)
REGISTRATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "unsigned": ({SIGNED: "none"}, SIGNED),
    "secret": ({SIGNED: "HS256"}, SIGNED),
    "enc-alone": ({ENC: "A256GCM"}, ENC),
    "rsa1_5": ({ALG: "RSA1_5", "jwks": to(RSA)}, ALG),
    "symmetric": ({ALG: "dir", "jwks": to(RSA)}, ALG),
    "unknown-enc": ({ALG: "RSA-OAEP-256", ENC: "A192GCM", "jwks": to(RSA)}, ENC),
    "no-key": ({ALG: "RSA-OAEP-256"}, "jwks"),
    "other-family": ({ALG: "RSA-OAEP-256", "jwks": to(EC)}, "jwks"),
    "to-sign-with": ({ALG: "RSA-OAEP-256", "jwks": public("rsa") | to(RSA, use="sig")}, "jwks"),
    "unknown-mode": ({"response_modes": ["query.jwt", "web_message"]}, "response_modes"),
}


@pytest.mark.requirement("JARM-2.2-1", "JARM-3-2")
@pytest.mark.parametrize(("members", "field"), REGISTRATIONS.values(), ids=REGISTRATIONS)
async def test_what_cannot_be_registered(server: Running, members: dict[str, Any], field: str) -> None:
    realm = {"name": "default", "clients": [{"client_id": "new", **COMMON, **members}]}
    with pytest.raises(BadManifest) as refusal:
        await server.apply(json.dumps({"realms": [realm]}))
    assert f".{field}" in str(refusal.value) or f"{field}:" in str(refusal.value)
    assert await server.management.configuration.client("default", "new") is None


@pytest.mark.requirement("META-JARM-1")
async def test_the_metadata_says_what_there_is(server: Running) -> None:
    document: httpx.Response = await server.http.get("/.well-known/oauth-authorization-server")
    found = document.json()
    assert {"jwt", "query.jwt", "fragment.jwt", "form_post.jwt"} <= set(found["response_modes_supported"])
    assert set(found["authorization_signing_alg_values_supported"]) == {"ES256", "PS256", "RS256", "EdDSA"}
    assert "RSA-OAEP-256" in found["authorization_encryption_alg_values_supported"]
    assert "A128CBC-HS256" in found["authorization_encryption_enc_values_supported"]
    assert "RSA1_5" not in found["authorization_encryption_alg_values_supported"]
