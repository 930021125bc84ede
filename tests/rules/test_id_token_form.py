"""The form of ID Tokens and UserInfo: signed, encrypted, under a secret, as the client registered."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from joserfc import jwe, jwt
from joserfc.jwk import OctKey

from pushgate.jose.encrypt import CONTENT_ENCS, KEY_ALGS
from pushgate.manage.manifest import BadManifest
from pushgate.testing import BASE_URL, Running, running
from tests.rules.test_tokens import half_hash
from tests.support.assertions import key, public
from tests.support.manifests import APP_SECRET
from tests.support.steps import (
    HYBRID,
    answered,
    ask,
    but,
    code_for,
    header,
    post_as,
    redeem,
    refresh,
    refused,
    stored,
    tokens_for,
    told,
    userinfo,
    verified,
)

LONG = "a-secret-of-64-characters-for-the-longest-mac-" + "x" * 18
UNREACHABLE = {"jwks": None, "jwks_uri": "https://127.0.0.1:1/jwks"}
SIGNED_HS = pytest.mark.parametrize(("alg", "size"), [("HS256", 256), ("HS384", 384), ("HS512", 512)])


def manifest(**members: Any) -> str:
    """The client `hybrid` with these members, and a client for FAPI."""
    hybrid = {
        "client_id": "hybrid", "client_secret": APP_SECRET, "redirect_uris": [HYBRID["redirect_uri"]],
        "grant_types": ["authorization_code", "implicit", "refresh_token"], "scope": "openid profile email",
        "response_types": ["code", "id_token", "code id_token"], "jwks": public("p256", "rsa"), **members,
    }  # fmt: skip
    user = {"username": "alice", "password": "alice-password", "claims": {"name": "Alice", "email": "a@example.com"}}
    hybrid = {name: value for name, value in hybrid.items() if value is not None}
    return json.dumps({"realms": [{"name": "default", "clients": [hybrid], "users": [user]}]})


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server whose client `hybrid` gets everything in the default form."""
    async with running(manifest()) as found:
        yield found


def opened(value: str, by: str) -> tuple[dict[str, Any], str]:
    """Header and content of a JWE, opened by joserfc with this key."""
    registry = jwe.JWERegistry(algorithms=[*KEY_ALGS, *CONTENT_ENCS])
    found = jwe.decrypt_compact(value, key(by), registry=registry)
    assert found.plaintext is not None
    return found.headers(), found.plaintext.decode()


def in_jwt(reply: httpx.Response) -> str:
    """The body of a UserInfo answer that is a JWT. OpenID Connect Core 5.3.2."""
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/jwt"), reply.text
    assert "no-store" in reply.headers["cache-control"]
    return reply.text


# --- Encrypted ID Tokens ----------------------------------------------------------------------------------------


@pytest.mark.requirement("OIDC-2-3", "REG-OIDC-2-3")
@pytest.mark.parametrize(("alg", "by"), [("RSA-OAEP-256", "rsa"), ("ECDH-ES", "p256"), ("ECDH-ES+A256KW", "p256")])
@pytest.mark.parametrize("enc", [None, "A256GCM"])
async def test_an_id_token_is_signed_and_then_encrypted(server: Running, alg: str, by: str, enc: str | None) -> None:
    members = {"id_token_encrypted_response_alg": alg, "id_token_encrypted_response_enc": enc}
    await server.apply(manifest(**members, id_token_signed_response_alg="ES256"))
    tokens = await tokens_for(server, HYBRID, "hybrid")
    again = (await refresh(server, tokens["refresh_token"], "hybrid")).json()
    browser = await answered(server, but(HYBRID, response_type="code id_token"), "hybrid")
    for token in (tokens["id_token"], again["id_token"], browser.answer["id_token"]):
        head, inside = opened(token, by)
        assert (head["alg"], head["enc"], head["cty"]) == (alg, enc or "A128CBC-HS256", "JWT")
        assert (await verified(server, inside, "ES256"))["aud"] == "hybrid"


@pytest.mark.requirement("OIDC-2-3")
async def test_without_the_key_nothing_is_sent_and_nothing_is_spent(server: Running) -> None:
    tokens = await tokens_for(server, HYBRID, "hybrid")
    code = await code_for(server, HYBRID, "hybrid")
    await server.apply(manifest(id_token_encrypted_response_alg="ECDH-ES", **UNREACHABLE))
    for _ in range(2):
        refused(await redeem(server, code, "hybrid"), 400, "invalid_request", "token.id_token_key")
    reply = await refresh(server, tokens["refresh_token"], "hybrid")
    refused(reply, 400, "invalid_request", "token.id_token_key")
    request = but(HYBRID, response_type="code id_token")
    before = stored(server, "code")
    browser = await answered(server, request, "hybrid")
    told(browser, request, "invalid_request", "token.id_token_key", carrier="fragment")
    assert stored(server, "code") == before
    # Once the key is there, the code is as good as it was.
    await server.apply(manifest())
    assert (await redeem(server, code, "hybrid")).status_code == 200
    # No ID Token, no key needed.
    await server.apply(manifest(id_token_encrypted_response_alg="ECDH-ES", **UNREACHABLE))
    narrow = await redeem(server, await code_for(server, but(HYBRID, scope="email"), "hybrid"), "hybrid")
    assert "id_token" not in narrow.json()


@pytest.mark.requirement("OIDC-3.1.2.1-13")
async def test_a_client_opens_what_it_sends_back_as_a_hint(server: Running) -> None:
    browser = await answered(server, HYBRID, "hybrid")
    await server.apply(manifest(id_token_encrypted_response_alg="ECDH-ES"))
    token = (await tokens_for(server, HYBRID, "hybrid"))["id_token"]
    request = but(HYBRID, prompt="none", id_token_hint=opened(token, "p256")[1])
    assert "code" in (await ask(server, request, "hybrid", browser=browser)).answer
    bad = but(request, id_token_hint=token)
    told(await ask(server, bad, "hybrid", browser=browser), bad, "invalid_request", "authorize.id_token_hint")


# --- Signed with the client's secret ------------------------------------------------------------------------------


@pytest.mark.requirement("OIDC-10.1-1")
@SIGNED_HS
async def test_an_id_token_under_the_secret(server: Running, alg: str, size: int) -> None:
    secret = LONG[: size // 8]
    await server.apply(
        manifest(id_token_signed_response_alg=alg, userinfo_signed_response_alg=alg, client_secret=secret)
    )
    browser = await answered(server, but(HYBRID, response_type="code id_token"), "hybrid")
    form = {
        "grant_type": "authorization_code", "code": browser.answer["code"], "redirect_uri": HYBRID["redirect_uri"],
        "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    }  # fmt: skip
    tokens = (await server.http.post("/oauth2/token", auth=("hybrid", secret), data=form)).json()
    info = in_jwt(await userinfo(server, tokens["access_token"]))
    for token in (browser.answer["id_token"], tokens["id_token"], info):
        found = jwt.decode(token, OctKey.import_key(secret.encode()), algorithms=[alg])
        assert (found.claims["aud"], found.header["alg"], "kid" in found.header) == ("hybrid", alg, False)
    # It is a hint as any other is; one that somebody else made up is not.
    browser.landed = None
    request = but(HYBRID, prompt="none", id_token_hint=tokens["id_token"])
    assert "code" in (await ask(server, request, "hybrid", browser=browser)).answer
    claims = jwt.decode(tokens["id_token"], OctKey.import_key(secret.encode()), algorithms=[alg]).claims
    forged = jwt.encode({"alg": alg, "typ": "JWT"}, claims, OctKey.import_key(secret[::-1].encode()), algorithms=[alg])
    bad = but(request, id_token_hint=forged)
    told(await ask(server, bad, "hybrid", browser=browser), bad, "invalid_request", "authorize.id_token_hint")


@pytest.mark.requirement("OIDC-10.1-1")
async def test_a_secret_that_signs_is_made_long_enough_and_kept_as_it_is(server: Running) -> None:
    [change] = [
        c for c in await server.apply(manifest(client_id="fresh", client_secret=None,
                                               id_token_signed_response_alg="HS512")) if c.object == "client"
    ]  # fmt: skip
    assert change.secret is not None
    assert len(change.secret.encode()) >= 64
    # The secret of `hybrid` was kept as a digest, which nothing can be signed with.
    with pytest.raises(BadManifest, match="client_secret: has to be given anew for HS256"):
        await server.apply(manifest(client_secret=None, id_token_signed_response_alg="HS256"))


@pytest.mark.requirement("OIDC-10.1-1")
@pytest.mark.parametrize("member", ["id_token_signed_response_alg", "userinfo_signed_response_alg"])
@pytest.mark.parametrize(
    "who",
    [
        {"token_endpoint_auth_method": "none"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": "private_key_jwt", "profile": "fapi2-security", "grant_types":
            ["authorization_code"], "response_types": ["code"]},
    ],
    ids=["public", "keys", "fapi"],
)  # fmt: skip
async def test_a_client_without_a_secret_and_one_under_fapi_have_no_such_tokens(
    server: Running, who: dict[str, Any], member: str
) -> None:
    for alg in ("HS256", "HS384", "HS512"):
        with pytest.raises(BadManifest, match=member):
            await server.apply(manifest(client_secret=None, **who, **{member: alg}))
    with pytest.raises(BadManifest, match="must be one of"):
        await server.apply(manifest(client_secret=None, **who, id_token_encrypted_response_alg="dir"))


@pytest.mark.requirement("REG-OIDC-2-4", "OIDC-2-2")
@pytest.mark.parametrize("types", [["code"], ["code", "code id_token"], ["id_token"]])
async def test_an_id_token_is_never_unsigned(server: Running, types: list[str]) -> None:
    # The specification lets clients of the code flow ask for `none`; here nobody can.
    for alg in ("none", "None", "NONE"):
        with pytest.raises(BadManifest, match="id_token_signed_response_alg: must be one of"):
            await server.apply(manifest(response_types=types, id_token_signed_response_alg=alg))
    document = (await server.http.get("/.well-known/openid-configuration")).json()
    for name, values in document.items():
        if name.endswith("_alg_values_supported"):
            assert "none" not in values
    # What is left out is RS256.
    await server.apply(manifest(response_types=types, id_token_signed_response_alg=None))
    client = await server.management.configuration.client("default", "hybrid")
    assert client is not None
    assert client.id_token_signed_response_alg == "RS256"


# --- UserInfo -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("OIDC-5.3.2-2")
@pytest.mark.parametrize("alg", ["RS256", "ES256", "PS256"])
async def test_userinfo_as_a_signed_jwt(server: Running, alg: str) -> None:
    await server.apply(manifest(userinfo_signed_response_alg=alg))
    tokens = await tokens_for(server, HYBRID, "hybrid")
    for reply in (
        await userinfo(server, tokens["access_token"]),
        await server.http.post("/oauth2/userinfo", data={"access_token": tokens["access_token"]}),
    ):
        token = in_jwt(reply)
        assert await verified(server, token, alg) == {
            "iss": BASE_URL, "aud": "hybrid", "email": "a@example.com",
            "sub": (await verified(server, tokens["id_token"]))["sub"],
        }  # fmt: skip
        assert header(token).keys() == {"alg", "kid"}
    # It is taken for no other token of ours.
    request = but(HYBRID, id_token_hint=token)
    told(await ask(server, request, "hybrid"), request, "invalid_request", "authorize.id_token_hint")
    refused(await userinfo(server, token), 401, "invalid_token", "userinfo.token_invalid")


@pytest.mark.requirement("OIDC-5.3.2-2", "REG-OIDC-2-3")
async def test_userinfo_is_encrypted_as_registered(server: Running) -> None:
    expected = {"iss": BASE_URL, "aud": "hybrid", "email": "a@example.com"}
    for alg, by, enc in (("RSA-OAEP", "rsa", None), ("ECDH-ES+A128KW", "p256", "A256CBC-HS512")):
        members = {"userinfo_encrypted_response_alg": alg, "userinfo_encrypted_response_enc": enc}
        await server.apply(manifest(**members))
        tokens = await tokens_for(server, HYBRID, "hybrid")
        head, inside = opened(in_jwt(await userinfo(server, tokens["access_token"])), by)
        assert (head["alg"], head["enc"], "cty" in head) == (alg, enc or "A128CBC-HS256", False)
        assert json.loads(inside).items() >= expected.items()
        await server.apply(manifest(**members, userinfo_signed_response_alg="ES256"))
        head, inside = opened(in_jwt(await userinfo(server, tokens["access_token"])), by)
        assert head["cty"] == "JWT"
        assert (await verified(server, inside, "ES256")).items() >= expected.items()


@pytest.mark.requirement("OIDC-5.3.2-2")
async def test_userinfo_is_never_sent_in_clear_instead(server: Running) -> None:
    tokens = await tokens_for(server, HYBRID, "hybrid")
    for signed in (None, "RS256"):
        more = {"userinfo_encrypted_response_alg": "ECDH-ES", "userinfo_signed_response_alg": signed}
        await server.apply(manifest(**more, **UNREACHABLE))
        refused(await userinfo(server, tokens["access_token"]), 400, "invalid_request", "userinfo.key")
    # A refusal stays JSON.
    refused(await userinfo(server, "x"), 401, "invalid_token", "userinfo.token_invalid")


@pytest.mark.requirement("OIDC-5.3.2-2")
async def test_otherwise_it_is_json(server: Running) -> None:
    reply = await userinfo(server, (await tokens_for(server, HYBRID, "hybrid"))["access_token"])
    assert (reply.headers["content-type"], "iss" in reply.json()) == ("application/json", False)


# --- Hashes -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("OIDC-3.3.2.11-1")
@pytest.mark.parametrize("state", ["a-state", "Größe 鍵 🔑", None])
async def test_an_id_token_through_the_browser_binds_state_and_code(server: Running, state: str | None) -> None:
    browser = await answered(server, but(HYBRID, response_type="code id_token", state=state), "hybrid")
    identity = await verified(server, browser.answer["id_token"])
    assert identity["c_hash"] == half_hash(browser.answer["code"], "RS256")
    assert identity.get("s_hash") == (None if state is None else half_hash(state, "RS256"))
    tokens = (await redeem(server, browser.answer["code"], "hybrid")).json()
    assert not {"s_hash", "c_hash"} & (await verified(server, tokens["id_token"])).keys()


# --- Tokens for their holder alone --------------------------------------------------------------------------------


@pytest.mark.requirement("BCP-2.2.1-1")
async def test_a_client_can_demand_that_its_tokens_are_bound() -> None:
    for member in ("dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens"):
        async with running(manifest(response_types=["code"], **{member: True})) as server:
            code = await code_for(server, HYBRID, "hybrid")
            reply = await redeem(server, code, "hybrid")
            assert (reply.status_code, reply.json()["error"]) in {(400, "invalid_dpop_proof"), (400, "invalid_request")}
            assert "access_token" not in reply.json()
            form = {"grant_type": "refresh_token", "refresh_token": "x"}
            assert (await post_as(server, "hybrid", "/oauth2/token", form)).status_code == 400
