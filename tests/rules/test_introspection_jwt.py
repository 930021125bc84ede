"""Introspection responses as a JWT (RFC 9701): when, signed how, and encrypted to whom."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe

from pushgate.jose.encrypt import CONTENT_ENCS, KEY_ALGS
from pushgate.manage.manifest import BadManifest
from pushgate.model import Client
from pushgate.protocol.introspection import MEDIA_TYPE, accepted, asks_for_jwt, jwt_wanted
from pushgate.testing import BASE_URL, Running, running
from tests.support.assertions import TYPE, claims, key, public, signed
from tests.support.introspection import API, INACTIVE, INTROSPECT, RESOURCES, ask_about, manifest, minted
from tests.support.manifests import APP_SECRET, REQUEST
from tests.support.raw import raw
from tests.support.steps import FORM, USERINFO, but, header, refused, tokens_for, verified
from tests.support.strategies import anything

JSON = "application/json"
BASIC: dict[str, Any] = {"client_secret": APP_SECRET, "grant_types": ["client_credentials"]}
ENCRYPTING = {"jwks": public("p256", "rsa"), "introspection_encrypted_response_alg": "RSA-OAEP-256"}
CLIENTS: list[dict[str, Any]] = [
    {"client_id": "signed", "introspection_signed_response_alg": "ES256", **BASIC},
    {"client_id": "sealed", **ENCRYPTING, **BASIC},
    {"client_id": "elsewhere", "jwks_uri": "https://127.0.0.1:1/jwks",
     "introspection_encrypted_response_alg": "ECDH-ES", **BASIC},
    {"client_id": "bank", "token_endpoint_auth_method": "private_key_jwt", "jwks": public("p256"),
     "profile": "fapi2-security", "grant_types": ["client_credentials"]},
]  # fmt: skip
NAMES = ["api", *(client["client_id"] for client in CLIENTS)]
MANIFEST = manifest(*CLIENTS, resources=[{**RESOURCES[0], "introspection_clients": NAMES}, RESOURCES[1]])


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server with APIs that are registered for each form."""
    async with running(MANIFEST) as found:
        yield found


def as_jwt(reply: httpx.Response) -> str:
    """The body of an answer in the JWT form. RFC 9701 5."""
    assert (reply.status_code, reply.headers["content-type"]) == (200, MEDIA_TYPE), reply.text
    assert "no-store" in reply.headers["cache-control"]
    return reply.text


# --- When ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("JIR-4-1")
@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (None, False), ("*/*", False), (JSON, False), ("application/*", False), ("text/html", False), ("", False),
        (MEDIA_TYPE, True), (MEDIA_TYPE.upper(), True), (f"{MEDIA_TYPE}, {JSON}", True), (f"*/*, {MEDIA_TYPE}", True),
        (f"{MEDIA_TYPE};q=0.4, {JSON};q=0.3", True), (f"{MEDIA_TYPE};q=0.4, {JSON}", False),
        (f"{MEDIA_TYPE};q=0", False), (f"{MEDIA_TYPE};q=x", False), ("application/jwt", False),
    ],
)  # fmt: skip
async def test_a_client_gets_the_jwt_form_if_it_asks_for_it(server: Running, accept: str | None, wanted: bool) -> None:
    token = await minted(server)
    reply = await ask_about(server, token, accept=accept)
    if wanted:
        as_jwt(reply)
    else:
        assert (reply.headers["content-type"], reply.json()["active"]) == (JSON, True)


@pytest.mark.requirement("JIR-4-1")
@pytest.mark.parametrize("accept", [None, "*/*", "application/*", MEDIA_TYPE, f"{JSON}, {MEDIA_TYPE};q=0.1", "", "q=0"])
async def test_a_client_that_is_registered_for_it_gets_it_unasked(server: Running, accept: str | None) -> None:
    for client_id in ("signed", "sealed"):
        as_jwt(await ask_about(server, await minted(server), client_id, accept=accept))


@pytest.mark.requirement("JIR-4-1")
@pytest.mark.parametrize(
    "accept", [JSON, "application/jwt", "text/*", f"{MEDIA_TYPE};q=0", f"{MEDIA_TYPE};q=0.0, */*", f"*/*;q=0, {JSON}"]
)
async def test_such_a_client_is_told_nothing_in_another_form(server: Running, accept: str) -> None:
    for client_id in ("signed", "sealed"):
        for token in (await minted(server), "unknown"):
            reply = await ask_about(server, token, client_id, accept=accept)
            refused(reply, 400, "invalid_request", "introspection.form")


@pytest.mark.requirement("JIR-4-1")
async def test_without_accept_each_gets_the_form_of_its_registration(server: Running) -> None:
    body = f"token={await minted(server)}".encode()
    for client_id, kind in (("api", JSON), ("signed", MEDIA_TYPE), ("sealed", MEDIA_TYPE)):
        basic = httpx.BasicAuth(client_id, APP_SECRET)._auth_header.encode()
        headers = [(b"content-type", FORM["content-type"].encode()), (b"authorization", basic)]
        reply = await raw(server.app, "POST", INTROSPECT, headers=headers, body=body)
        assert (reply.status, reply.headers["content-type"]) == (200, kind)


async def test_several_accept_headers_are_one(server: Running) -> None:
    form = {"token": await minted(server)}
    headers = [("accept", JSON), ("accept", MEDIA_TYPE)]
    as_jwt(await server.http.post(INTROSPECT, auth=("signed", APP_SECRET), data=form, headers=headers))


@pytest.mark.requirement("JIR-5-5")
async def test_who_asks_for_the_jwt_form_without_authentication(server: Running) -> None:
    form = {"token": await minted(server)}
    wrong = ("api", "wrong-secret-of-22-characters")
    for accept, status in ((MEDIA_TYPE, 400), (JSON, 401), ("*/*", 401)):
        headers = {"accept": accept}
        reply = await server.http.post(INTROSPECT, data=form, headers=headers)
        refused(reply, status, "invalid_client", "client.missing")
        assert ("www-authenticate" in reply.headers) is (status == 401)
        reply = await server.http.post(INTROSPECT, data=form, headers=headers, auth=wrong)
        refused(reply, status, "invalid_client", "client.authentication")
        reply = await server.http.post(INTROSPECT, data={**form, "client_id": "spa"}, headers=headers)
        refused(reply, status, "invalid_client", "introspection.public")


# --- What is in it --------------------------------------------------------------------------------------------


@pytest.mark.requirement("JIR-5-1", "JIR-5-2", "JIR-5-4", "META-9701-1")
async def test_the_answer_is_inside_and_says_who_made_it_for_whom(server: Running) -> None:
    token = (await tokens_for(server, but(REQUEST, scope="openid email write")))["access_token"]
    plain = (await ask_about(server, token)).json()
    assert (plain["scope"], plain["aud"]) == ("write", API)
    found = as_jwt(await ask_about(server, token, accept=MEDIA_TYPE))
    assert (header(found)["typ"], header(found)["alg"]) == ("token-introspection+jwt", "RS256")
    assert await verified(server, found, "RS256") == {
        "iss": BASE_URL, "aud": "api", "iat": int(server.clock()), "token_introspection": plain,
    }  # fmt: skip


@pytest.mark.requirement("JIR-5-1", "META-9701-1")
async def test_it_is_signed_as_registered(server: Running) -> None:
    document = (await server.http.get("/.well-known/oauth-authorization-server")).json()
    algs = document["introspection_signing_alg_values_supported"]
    assert {*algs} == {"RS256", "ES256", "PS256", "EdDSA"}
    for alg in algs:
        await server.apply(manifest({"client_id": "api", "introspection_signed_response_alg": alg, **BASIC}))
        found = as_jwt(await ask_about(server, await minted(server)))
        assert (await verified(server, found, alg))["token_introspection"]["active"] is True
    for alg in ("none", "HS256", "RS512"):
        with pytest.raises(BadManifest, match="introspection_signed_response_alg: must be one of"):
            await server.apply(manifest({"client_id": "api", "introspection_signed_response_alg": alg, **BASIC}))


@pytest.mark.requirement("JIR-5-1")
async def test_a_profile_that_forbids_rs256_has_another_default(server: Running) -> None:
    form = {"token": await minted(server), "client_assertion_type": TYPE}
    form["client_assertion"] = signed(claims(server, "bank"), by=key("p256"))
    found = as_jwt(await server.http.post(INTROSPECT, data=form, headers={"accept": MEDIA_TYPE}))
    assert (await verified(server, found, "PS256"))["aud"] == "bank"
    bank = {**CLIENTS[-1], "introspection_signed_response_alg": "RS256"}
    with pytest.raises(BadManifest, match="introspection_signed_response_alg: the profile fapi2-security allows"):
        await server.apply(manifest(bank))


@pytest.mark.requirement("JIR-5-3")
async def test_for_a_token_that_is_not_active_that_is_all_there_is(server: Running) -> None:
    foreign = await minted(server, aud="https://other.example")
    expired = await minted(server, exp=int(server.clock()))
    tokens = await tokens_for(server, but(REQUEST, scope="write"))
    await server.management.carry_out([await server.management.plan_delete_user("default", "alice")])
    for token in (foreign, expired, tokens["access_token"], "unknown"):
        found = as_jwt(await ask_about(server, token, "signed"))
        assert await verified(server, found, "ES256") == {
            "iss": BASE_URL, "aud": "signed", "iat": int(server.clock()), "token_introspection": INACTIVE,
        }  # fmt: skip


@pytest.mark.requirement("JIR-5-1", "JIR-5-4")
async def test_an_answer_is_no_token(server: Running) -> None:
    found = as_jwt(await ask_about(server, await minted(server, scope="openid"), accept=MEDIA_TYPE))
    reply = await server.http.get(USERINFO, headers={"authorization": f"Bearer {found}"})
    refused(reply, 401, "invalid_token", "userinfo.token_invalid")
    assert (await ask_about(server, found)).json() == INACTIVE


# --- Encrypted ----------------------------------------------------------------------------------------------


def unsealed(value: str, by: str) -> tuple[dict[str, Any], str]:
    """Header and content of a JWE, opened by joserfc with this key."""
    registry = jwe.JWERegistry(algorithms=[*KEY_ALGS, *CONTENT_ENCS])
    found = jwe.decrypt_compact(value, key(by), registry=registry)
    assert found.plaintext is not None
    return found.headers(), found.plaintext.decode()


@pytest.mark.requirement("JIR-5-6", "META-9701-1")
async def test_it_is_signed_and_then_encrypted_as_registered(server: Running) -> None:
    document = (await server.http.get("/.well-known/oauth-authorization-server")).json()
    algs = document["introspection_encryption_alg_values_supported"]
    encs = document["introspection_encryption_enc_values_supported"]
    assert ({*algs}, {*encs}) == ({*KEY_ALGS}, {*CONTENT_ENCS})
    for alg in algs:
        for enc in (*encs, None):
            members = {**ENCRYPTING, "introspection_encrypted_response_alg": alg, **BASIC}
            members |= {} if enc is None else {"introspection_encrypted_response_enc": enc}
            await server.apply(manifest({"client_id": "api", **members}))
            by = "rsa" if alg.startswith("RSA") else "p256"
            outer, inner = unsealed(as_jwt(await ask_about(server, await minted(server))), by)
            assert outer | {"epk": None} == {
                "alg": alg, "enc": enc or "A128CBC-HS256", "kid": by, "cty": "JWT", "epk": None,
            }  # fmt: skip
            assert header(inner)["typ"] == "token-introspection+jwt"
            assert (await verified(server, inner))["token_introspection"]["active"] is True


@pytest.mark.requirement("JIR-5-6")
async def test_a_key_that_is_marked_for_encryption_comes_first(server: Running) -> None:
    keys = {"keys": [*public("rsa")["keys"], {**public("rsa-other")["keys"][0], "use": "enc"}]}
    await server.apply(manifest({"client_id": "api", **ENCRYPTING, "jwks": keys, **BASIC}))
    outer, _ = unsealed(as_jwt(await ask_about(server, await minted(server))), "rsa-other")
    assert outer["kid"] == "rsa-other"


@pytest.mark.requirement("JIR-5-6")
async def test_without_a_key_nothing_is_told_in_clear(server: Running) -> None:
    for accept in (None, MEDIA_TYPE):
        for token in (await minted(server), "unknown"):
            reply = await ask_about(server, token, "elsewhere", accept=accept)
            refused(reply, 400, "invalid_request", "introspection.key")


@pytest.mark.requirement("JIR-5-6")
@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"introspection_encrypted_response_enc": "A256GCM"}, "enc: needs introspection_encrypted_response_alg"),
        ({**ENCRYPTING, "introspection_encrypted_response_enc": "A192GCM"}, "enc: must be one of A256GCM"),
        ({**ENCRYPTING, "introspection_encrypted_response_alg": "RSA1_5"}, "alg: must be one of RSA-OAEP-256"),
        ({**ENCRYPTING, "introspection_encrypted_response_alg": "dir"}, "alg: must be one of RSA-OAEP-256"),
        ({**ENCRYPTING, "jwks": public("p256")}, "alg: needs a key for it in jwks"),
        ({"introspection_encrypted_response_alg": "ECDH-ES"}, "alg: needs a key for it in jwks"),
    ],
)
async def test_encryption_that_cannot_work_is_not_registered(
    server: Running, members: dict[str, Any], problem: str
) -> None:
    with pytest.raises(BadManifest, match=f"introspection_encrypted_response_{problem}"):
        await server.apply(json.dumps({"realms": [{"name": "default", "clients": [
            {"client_id": "api", **BASIC, **members}]}]}))  # fmt: skip


# --- Accept, whatever it is -----------------------------------------------------------------------------------

ranges = st.lists(
    st.sampled_from([MEDIA_TYPE, JSON, "*/*", "application/*", ",", ";", "q=0", "q=1", "q=0.5", "q=x", " ", '"', "é"])
    | st.text(max_size=5),
    max_size=8,
).map("".join)


@anything
@given(st.lists(ranges, max_size=3))
def test_any_accept_is_understood(values: list[str]) -> None:
    found = accepted(values)
    assert all("/" in name and name == name.lower() and 0 <= weight <= 1 for name, weight in found.items())
    if asks_for_jwt(found):
        assert found[MEDIA_TYPE] > 0
    assert jwt_wanted(Client(client_id="api"), found) == asks_for_jwt(found)


def test_weights_are_those_of_rfc_9110() -> None:
    header_value = "a/b;q=0.5, C/D ; Q=1.000;level=1, e/f;q=0, g/h;q=1.5, i/j;q=.5, k/l;x=y, nothing, m/n;q=0.1234"
    assert accepted([header_value]) == {"a/b": 0.5, "c/d": 1.0, "e/f": 0.0, "k/l": 1.0}
