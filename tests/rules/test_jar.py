"""Request objects (RFC 9101) at the push and at the authorization endpoint: only what was signed counts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from joserfc.jwk import OctKey

from pushgate.jose.encrypt import CONTENT_ENCS, KEY_ALGS
from pushgate.model import PushedAuthorizationRequest
from pushgate.testing import BASE_URL, Browser, Running, running
from tests.support.assertions import ASYMMETRIC, TYPE, key, public, seal, signed
from tests.support.encryption import encrypt
from tests.support.manifests import CHALLENGE
from tests.support.steps import AUTHORIZE, PAR, agree, refused, shown, stored

SECRET = "a-secret-of-at-least-32-bytes-of-text-for-hmac"
REDIRECT = "https://signer.example/cb"
CLAIMS = {
    "response_type": "code",
    "redirect_uri": REDIRECT,
    "scope": "openid email",
    "state": "from-the-object",
    "nonce": "a-nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
COMMON = {"redirect_uris": [REDIRECT], "scope": "openid profile email"}
CLIENTS: list[dict[str, Any]] = [
    {"client_id": "signer", "client_secret": SECRET, "jwks": public("p256", "rsa", "ed25519"), **COMMON},
    {"client_id": "other", "client_secret": SECRET, "jwks": public("p256-second"), **COMMON},
    {"client_id": "fixed", "client_secret": SECRET, "jwks": public("p256", "rsa"),
     "request_object_signing_alg": "PS256", **COMMON},
    {"client_id": "must-sign", "client_secret": SECRET, "jwks": public("p256"),
     "require_signed_request_object": True, **COMMON},
    {"client_id": "must-push", "client_secret": SECRET, "jwks": public("p256"),
     "require_pushed_authorization_requests": True, **COMMON},
    {"client_id": "mac", "client_secret": SECRET, "token_endpoint_auth_method": "client_secret_jwt",
     "jwks": public("p256"), **COMMON},
    {"client_id": "jwt", "token_endpoint_auth_method": "private_key_jwt", "jwks": public("p256"), **COMMON},
    {"client_id": "spa", "token_endpoint_auth_method": "none", "jwks": public("p256"), **COMMON},
]  # fmt: skip
MANIFEST = {
    "name": "default",
    "rates": {"failures_per_minute": 0},
    "clients": CLIENTS,
    "users": [{"username": "alice", "password": "alice-password", "claims": {"email": "alice@example.com"}}],
}


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server with clients that can sign."""
    async with running(json.dumps({"realms": [MANIFEST]})) as found:
        yield found


def made(client_id: str = "signer", /, *, alg: str = "ES256", by: str | None = None, **changes: Any) -> str:
    """A request object of this client, but with these claims; None leaves one out."""
    claims = {**CLAIMS, "client_id": client_id, "iss": client_id, **changes}
    signer = key(by or ASYMMETRIC[alg])
    return signed({k: v for k, v in claims.items() if v is not None}, alg=alg, by=signer, typ="oauth-authz-req+jwt")


async def push(server: Running, request: str | None, client_id: str = "signer", **form: str) -> httpx.Response:
    """Push a request object, with these parameters beside it."""
    data = form if request is None else {**form, "request": request}
    return await server.http.post(PAR, auth=(client_id, SECRET), data=data)


async def open_(server: Running, **params: str) -> Browser:
    """Bring parameters to the authorization endpoint."""
    return await server.browser().open(AUTHORIZE, params=params)


async def answer(server: Running, pushed: httpx.Response, client_id: str = "signer") -> dict[str, str]:
    """The authorization response to what was pushed."""
    assert pushed.status_code == 201, pushed.text
    return (await agree(await open_(server, client_id=client_id, request_uri=pushed.json()["request_uri"]))).answer


def kept(server: Running) -> PushedAuthorizationRequest:
    """The one request that is stored."""
    [(value,)] = server.transient._connection.execute("SELECT value FROM transient WHERE kind = 'par'").fetchall()
    return PushedAuthorizationRequest.decode(value)


# --- What works -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PAR-3-1", "JAR-5-6", "JAR-4-1", "JAR-6.2-1")
@pytest.mark.parametrize("alg", ["ES256", "PS256", "RS256", "EdDSA"])
async def test_an_object_alone_is_enough(server: Running, alg: str) -> None:
    pushed = await answer(server, await push(server, made(alg=alg)))
    assert (pushed["state"], pushed["iss"], "code" in pushed) == ("from-the-object", BASE_URL, True)
    browser = await agree(await open_(server, client_id="signer", request=made(alg=alg)))
    assert (browser.answer["state"], "code" in browser.answer) == ("from-the-object", True)


@pytest.mark.requirement("PAR-3-2", "JAR-5-5", "DPOP-10-2")
async def test_what_stands_beside_the_object_does_not_count(server: Running) -> None:
    beside = {
        "scope": "openid profile", "state": "outside", "nonce": "outside", "redirect_uri": "https://evil.example/",
        "response_type": "token", "prompt": "none", "dpop_jkt": "malformed", "max_age": "0",
    }  # fmt: skip
    reply = await answer(server, await push(server, made(state=None, nonce=None), **beside))
    assert "state" not in reply
    request = kept(server).request
    assert (request.scope, request.state, request.nonce, request.dpop_jkt) == (("openid", "email"), None, None, None)
    browser = await agree(await open_(server, client_id="signer", request=made(), **beside))
    assert browser.landed is not None
    assert browser.landed.startswith(REDIRECT)
    assert browser.answer["state"] == "from-the-object"


@pytest.mark.requirement("JAR-4-1", "DPOP-10-2")
async def test_claims_have_the_types_of_json(server: Running) -> None:
    assert (await push(server, made(max_age=300, dpop_jkt="A" * 43))).status_code == 201
    assert (kept(server).request.max_age, kept(server).request.dpop_jkt, kept(server).signed) == (300, "A" * 43, True)


@pytest.mark.requirement("JAR-6.1-1", "JAR-4-2", "META-9101-1")
@pytest.mark.parametrize("alg", KEY_ALGS)
@pytest.mark.parametrize("enc", CONTENT_ENCS)
async def test_signed_then_encrypted(server: Running, alg: str, enc: str) -> None:
    keys = (await server.http.get("/oauth2/jwks")).json()
    sealed = encrypt(made(), jwk_keys=keys, alg=alg, enc=enc)
    assert (await push(server, sealed)).status_code == 201


async def test_a_client_that_signs_assertions_with_a_secret_signs_requests_with_its_key(server: Running) -> None:
    now = int(server.clock())
    mac = {"iss": "mac", "sub": "mac", "aud": BASE_URL, "iat": now, "exp": now + 60, "jti": "1"}
    assertion = seal({"alg": "HS256"}, mac, "HS256", OctKey.import_key(SECRET))
    form = {"client_assertion_type": TYPE, "client_assertion": assertion, "request": made("mac")}
    assert (await server.http.post(PAR, data=form)).status_code == 201
    forged = seal({"alg": "HS256"}, {**CLAIMS, "client_id": "mac"}, "HS256", OctKey.import_key(SECRET))
    browser = await open_(server, client_id="mac", request=forged)
    shown(browser.page, 400, "invalid_request_object", "request_object.alg")


# --- What is refused ----------------------------------------------------------------------------------------------


def now_and(server: Running, seconds: int) -> int:
    """So many seconds from now."""
    return int(server.clock()) + seconds


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "other-key": ({"by": "p256-second"}, "invalid_request_object", "request_object.key"),
    "other-issuer": ({"iss": "other"}, "invalid_request_object", "request_object.iss"),
    "other-audience": ({"aud": "https://other.example"}, "invalid_request_object", "request_object.aud"),
    "nested": ({"request": ""}, "invalid_request_object", "request_object.nested"),
    "nested-uri": ({"request_uri": "urn:x"}, "invalid_request_object", "request_object.nested"),
    "list": ({"redirect_uri": [REDIRECT]}, "invalid_request_object", "request_object.type"),
    "subject": ({"sub": "signer"}, "invalid_request_object", "request_object.sub"),
    "no-client": ({"client_id": None}, "invalid_request", "request_object.client_id"),
    "other-client": ({"client_id": "other"}, "invalid_request", "request_object.client_id"),
}


@pytest.mark.requirement(
    "PAR-3-3", "PAR-3-4", "PAR-3-5", "JAR-4-3", "JAR-4-4", "JAR-6.2-1", "JAR-6.3-1", "JAR-10.8-1", "PAR-2.3-4"
)
@pytest.mark.parametrize(("changes", "error", "refusal"), BAD.values(), ids=BAD)
async def test_a_bad_object(server: Running, changes: dict[str, Any], error: str, refusal: str) -> None:
    bad = made("signer", **changes)
    refused(await push(server, bad), 400, error, refusal)
    shown((await open_(server, client_id="signer", request=bad)).page, 400, error, refusal)
    assert stored(server) == 0


@pytest.mark.requirement("JAR-9.1-1")
async def test_an_object_has_its_time(server: Running) -> None:
    times = {
        "request_object.exp": {"exp": now_and(server, -11)},
        "request_object.nbf": {"nbf": now_and(server, 120)},
        "request_object.iat": {"iat": now_and(server, 120)},
    }
    for refusal, changes in times.items():
        refused(await push(server, made("signer", **changes)), 400, "invalid_request_object", refusal)
    fine = {"exp": now_and(server, 60), "nbf": now_and(server, 8), "iat": now_and(server, 8)}
    assert (await push(server, made("signer", **fine))).status_code == 201


@pytest.mark.requirement("PAR-3-3", "JAR-6.2-1", "JAR-5-3", "JAR-6.1-1")
async def test_what_is_no_signature(server: Running) -> None:
    head, payload, _ = made().split(".")
    tampered = made(scope="openid profile").split(".")[1]
    keys = (await server.http.get("/oauth2/jwks")).json()
    sealed = encrypt(made(), jwk_keys=keys, alg="RSA-OAEP-256", enc="A256GCM")
    bare = encrypt(json.dumps({**CLAIMS, "client_id": "signer"}), jwk_keys=keys, alg="ECDH-ES", enc="A256GCM")
    none = signed({**CLAIMS, "client_id": "signer"}, alg="ES256").split(".")
    bad = {
        f"{head}.{tampered}.{made().split('.')[2]}": "request_object.signature",
        f"{head}.{payload}.": "request_object.signature",
        f"eyJhbGciOiJub25lIn0.{none[1]}.": "request_object.alg",
        "garbage": "request_object.malformed",
        sealed[:-4] + ("AAAA" if not sealed.endswith("AAAA") else "BBBB"): "request_object.encryption",
        bare: "request_object.malformed",
    }
    for value, refusal in bad.items():
        refused(await push(server, value), 400, "invalid_request_object", refusal)
    assert stored(server) == 0


@pytest.mark.requirement("PAR-3-4", "PAR-7.2-1")
async def test_an_object_of_another_client(server: Running) -> None:
    theirs = made("other", by="p256-second")
    refused(await push(server, theirs), 400, "invalid_request_object", "request_object.key")
    shown(
        (await open_(server, client_id="signer", request=theirs)).page,
        400,
        "invalid_request_object",
        "request_object.key",
    )


@pytest.mark.requirement("JAR-6.3-2")
async def test_what_is_inside_is_held_to_the_ordinary_rules(server: Running) -> None:
    refused(await push(server, made(scope="unknown")), 400, "invalid_scope", "request.scope_not_allowed")
    evil = made(redirect_uri="https://evil.example/")
    refused(await push(server, evil), 400, "invalid_request", "request.redirect_uri_mismatch")
    shown(
        (await open_(server, client_id="signer", request=evil)).page,
        400,
        "invalid_request",
        "request.redirect_uri_mismatch",
    )
    browser = await open_(server, client_id="signer", request=made(scope="unknown"))
    assert (browser.answer["error"], browser.answer["state"]) == ("invalid_scope", "from-the-object")


@pytest.mark.requirement("JAR-4-5")
async def test_the_registered_algorithm_is_the_only_one(server: Running) -> None:
    assert (await push(server, made("fixed", alg="PS256"), "fixed")).status_code == 201
    refused(await push(server, made("fixed"), "fixed"), 400, "invalid_request_object", "request_object.alg")


@pytest.mark.requirement("PAR-2.3-5", "JAR-10.5-1")
async def test_a_client_that_must_sign(server: Running) -> None:
    plain = {**CLAIMS}
    refused(await push(server, None, "must-sign", **plain), 400, "invalid_request", "request.signed_required")
    browser = await open_(server, client_id="must-sign", **plain)
    assert (browser.answer["error"], browser.answer["state"]) == ("invalid_request", "from-the-object")
    assert (await push(server, made("must-sign"), "must-sign")).status_code == 201


@pytest.mark.requirement("JAR-10.5-2", "PAR-4-5", "META-9101-1")
async def test_a_realm_in_which_all_must_sign(server: Running) -> None:
    before = await push(server, None, "signer", **CLAIMS)
    await server.apply("realms: [{name: default, require_signed_request_object: true}]")
    refused(await push(server, None, "signer", **CLAIMS), 400, "invalid_request", "request.signed_required")
    assert (await answer(server, before))["error"] == "invalid_request"
    assert "code" in await answer(server, await push(server, made()))
    document = (await server.http.get("/.well-known/oauth-authorization-server")).json()
    assert document["require_signed_request_object"] is True


@pytest.mark.requirement("JAR-7-1", "META-OIDD-4")
async def test_where_objects_are_switched_off(server: Running) -> None:
    await server.apply("realms: [{name: default, request_parameter_supported: false}]")
    error, refusal = "request_not_supported", "request.request_object_unsupported"
    refused(await push(server, made()), 400, error, refusal)
    shown((await open_(server, client_id="signer", request=made())).page, 400, error, refusal)
    document = (await server.http.get("/.well-known/oauth-authorization-server")).json()
    assert document["request_parameter_supported"] is False
    assert "request_object_signing_alg_values_supported" not in document


@pytest.mark.requirement("PAR-4-6")
async def test_an_object_is_no_push(server: Running) -> None:
    for beside in ({}, CLAIMS):
        browser = await open_(server, client_id="must-push", request=made("must-push"), **beside)
        assert browser.landed is not None
        assert browser.landed.startswith(REDIRECT)
        assert (browser.answer["error"], "pushed" in browser.answer["error_description"]) == ("invalid_request", True)
    assert stored(server) == 0


@pytest.mark.requirement("JAR-5-1", "JAR-5-2")
async def test_object_and_reference_exclude_each_other(server: Running) -> None:
    pushed = (await push(server, made())).json()["request_uri"]
    both = {"client_id": "signer", "request": made(), "request_uri": pushed}
    shown((await open_(server, **both)).page, 400, "invalid_request", "authorize.request_and_request_uri")
    reply = await push(server, made(), request_uri=pushed)
    refused(reply, 400, "invalid_request", "par.request_uri_present")
    shown((await open_(server, request=made())).page, 400, "invalid_request", "authorize.client_id_missing")
    assert "code" in (await agree(await open_(server, client_id="signer", request_uri=pushed))).answer


@pytest.mark.requirement("JAR-7-2", "JAR-5.2-1", "JAR-5.2-2")
@pytest.mark.parametrize(
    "uri", ["https://signer.example/r", "http://x/", "file:///etc/passwd", "data:,x", "urn:example:x"]
)
async def test_a_reference_to_elsewhere_is_not_fetched(server: Running, uri: str) -> None:
    page = (await open_(server, client_id="signer", request_uri=uri)).page
    if uri.startswith("https:"):
        shown(page, 400, "request_uri_not_supported", "authorize.request_uri_unsupported")
    else:
        shown(page, 400, "invalid_request_uri", "authorize.request_uri_foreign")


@pytest.mark.requirement("META-9101-1")
async def test_the_metadata_lists_what_is_taken(server: Running) -> None:
    document = (await server.http.get("/.well-known/oauth-authorization-server")).json()
    assert set(document["request_object_signing_alg_values_supported"]) == set(ASYMMETRIC)
    assert document["request_object_encryption_alg_values_supported"] == list(KEY_ALGS)
    assert document["request_object_encryption_enc_values_supported"] == list(CONTENT_ENCS)
    assert document["require_signed_request_object"] is False


@pytest.mark.requirement("PAR-2.1-9")
async def test_nothing_of_the_object_itself_is_kept(server: Running) -> None:
    value = made()
    assert (await push(server, value)).status_code == 201
    [(row,)] = server.transient._connection.execute("SELECT value FROM transient WHERE kind = 'par'").fetchall()
    assert value.split(".")[2].encode() not in row
    assert SECRET.encode() not in row


async def test_a_public_client_may_sign_too(server: Running) -> None:
    reply = await server.http.post(PAR, data={"client_id": "spa", "request": made("spa")})
    assert reply.status_code == 201
