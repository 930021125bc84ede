"""What is inside the tokens: ID Tokens (OpenID Connect Core 2) and access tokens (RFC 9068)."""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from hashlib import sha256, sha512
from typing import Any

import pytest

from pushgate.manage.manifest import BadManifest
from pushgate.testing import BASE_URL, Running
from tests.support.manifests import MANIFEST, REQUEST
from tests.support.steps import (
    HYBRID,
    SPA,
    TOKEN,
    answered,
    ask,
    but,
    code_for,
    header,
    post_as,
    redeem,
    refresh,
    refused,
    tokens_for,
    userinfo,
    verified,
)

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # by name; Ed25519 is the same thing

HASHES = {"ES256": sha256, "PS256": sha256, "RS256": sha256, "EdDSA": sha512}


def half_hash(value: str, alg: str) -> str:
    """at_hash, computed apart from the product."""
    digest = HASHES[alg](value.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


# --- ID Tokens ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("OIDC-2-1", "OIDC-2-5")
async def test_an_id_token_says_who_for_whom_and_how_long(server: Running) -> None:
    now = int(server.clock())
    tokens = await tokens_for(server)
    claims = await verified(server, tokens["id_token"])
    [alice, _] = await server.management.accounts("default").users()
    assert claims.pop("sid")
    assert claims == {
        "iss": BASE_URL, "sub": alice.sub, "aud": "app", "iat": now, "exp": now + 600, "auth_time": now,
        "amr": ["pwd"], "nonce": REQUEST["nonce"], "at_hash": half_hash(tokens["access_token"], "RS256"),
    }  # fmt: skip
    assert {type(claims[name]) for name in ("iat", "exp", "auth_time")} == {int}


@pytest.mark.requirement("OIDC-2-1")
async def test_a_subject_is_made_by_the_server_and_short_ascii(server: Running) -> None:
    claims = await verified(server, (await tokens_for(server))["id_token"])
    assert claims["sub"].isascii()
    assert 0 < len(claims["sub"]) <= 255
    chosen = "realms: [{name: default, users: [{username: eve, claims: {sub: %s}}]}]" % ("x" * 256)
    with pytest.raises(BadManifest, match="is made by the server"):
        await server.apply(chosen)


@pytest.mark.requirement("OIDC-2-2", "OIDC-2-4", "OIDC-3.1.3.6-1")
@pytest.mark.parametrize("alg", HASHES)
async def test_an_id_token_is_signed_as_the_client_registered(server: Running, alg: str) -> None:
    await server.apply(MANIFEST.replace("client_name: The App", f"id_token_signed_response_alg: {alg}"))
    tokens = await tokens_for(server)
    claims = await verified(server, tokens["id_token"], alg)
    assert claims["at_hash"] == half_hash(tokens["access_token"], alg)
    assert header(tokens["id_token"]).keys() == {"alg", "kid", "typ"}
    [key] = [
        key for key in (await server.http.get("/oauth2/jwks")).json()["keys"]
        if key["kid"] == header(tokens["id_token"])["kid"]
    ]  # fmt: skip
    assert key["alg"] == alg
    fresh = (await refresh(server, tokens["refresh_token"])).json()
    assert header(fresh["id_token"])["alg"] == alg


@pytest.mark.requirement("OIDC-2-2")
@pytest.mark.parametrize("response_type", ["id_token", "code id_token", "code id_token token"])
async def test_an_id_token_through_the_browser_is_signed_too(server: Running, response_type: str) -> None:
    browser = await answered(server, but(HYBRID, response_type=response_type), "hybrid")
    assert header(browser.answer["id_token"])["alg"] == "RS256"
    assert (await verified(server, browser.answer["id_token"]))["aud"] == "hybrid"


@pytest.mark.requirement("OIDC-2-5")
@pytest.mark.parametrize("push", [True, False], ids=["pushed", "browser"])
@pytest.mark.parametrize("nonce", ["n", "n" * 64, "n" * 999, "Größe 鍵 🔑", "\"'<>&%20+", " spaces ", "\\u0000\\n"])
async def test_the_nonce_comes_back_unchanged(server: Running, push: bool, nonce: str) -> None:
    tokens = await tokens_for(server, but(REQUEST, nonce=nonce), push=push)
    assert (await verified(server, tokens["id_token"]))["nonce"] == nonce
    browser = await answered(server, but(HYBRID, nonce=nonce, response_type="code id_token"), "hybrid", push=push)
    assert (await verified(server, browser.answer["id_token"]))["nonce"] == nonce


@pytest.mark.requirement("OIDC-2-5")
async def test_without_nonce_there_is_none(server: Running) -> None:
    tokens = await tokens_for(server, but(REQUEST, nonce=None))
    assert "nonce" not in await verified(server, tokens["id_token"])


# --- Access tokens -------------------------------------------------------------------------------------------


async def by_every_grant(server: Running) -> dict[str, str]:
    """An access token of each grant type."""
    tokens = await tokens_for(server, but(REQUEST, scope="openid write"))
    implicit = await answered(server, but(HYBRID, response_type="token", scope="write"), "hybrid")
    form = {"grant_type": "client_credentials", "scope": "write"}
    return {
        "authorization_code": tokens["access_token"],
        "refresh_token": (await refresh(server, tokens["refresh_token"])).json()["access_token"],
        "implicit": implicit.answer["access_token"],
        "client_credentials": (await post_as(server, "app", TOKEN, form)).json()["access_token"],
    }


@pytest.mark.requirement("JAT-2.1-1", "JAT-2.1-2", "JAT-2.2-1", "OA-10.3-1")
async def test_an_access_token_of_every_grant_type_has_the_claims_that_resources_need(server: Running) -> None:
    now = int(server.clock())
    seen = set()
    for grant, token in (await by_every_grant(server)).items():
        claims = await verified(server, token, "ES256")
        assert (header(token)["typ"], header(token)["alg"]) == ("at+jwt", "ES256"), grant
        assert claims.keys() >= {"iss", "exp", "aud", "sub", "client_id", "iat", "jti"}, grant
        assert (claims["iss"], claims["iat"], claims["exp"]) == (BASE_URL, now, now + 600), grant
        assert claims["client_id"] == ("hybrid" if grant == "implicit" else "app")
        assert len(claims["jti"]) == 32
        seen.add(claims["jti"])
    assert len(seen) == 4


@pytest.mark.requirement("JAT-2.2-2")
async def test_sub_is_the_user_or_the_client(server: Running) -> None:
    [alice, _] = await server.management.accounts("default").users()
    for grant, token in (await by_every_grant(server)).items():
        claims = await verified(server, token, "ES256")
        assert claims["sub"] == ("app" if grant == "client_credentials" else alice.sub)


@pytest.mark.requirement("JAT-2.1-1")
@pytest.mark.parametrize("alg", ["ES256", "PS256", "RS256", "EdDSA"])
async def test_a_realm_chooses_how_its_access_tokens_are_signed(server: Running, alg: str) -> None:
    await server.apply(f"realms: [{{name: default, access_token_signing_alg: {alg}}}]")
    token = (await tokens_for(server))["access_token"]
    assert (await verified(server, token, alg))["client_id"] == "app"
    assert (await userinfo(server, token)).status_code == 200


@pytest.mark.requirement("JAT-2.1-1")
@pytest.mark.parametrize("alg", ["none", "HS256"])
async def test_access_tokens_cannot_go_unsigned_or_with_a_shared_key(server: Running, alg: str) -> None:
    with pytest.raises(BadManifest, match="access_token_signing_alg"):
        await server.apply(f"realms: [{{name: default, access_token_signing_alg: {alg}}}]")


@pytest.mark.requirement("JAT-2.2.3-1", "JAT-5-1", "BCP-2.3-1")
@pytest.mark.parametrize(
    ("scope", "audience"),
    [
        ("write", "https://api.example"),
        ("read write", "https://api.example"),
        ("other", "https://other.example"),
        ("openid", BASE_URL),
        ("openid email", BASE_URL),
        ("openid write", ["https://api.example", BASE_URL]),
    ],
)
async def test_the_audience_follows_the_scope(server: Running, scope: str, audience: str | list[str]) -> None:
    claims = await verified(server, (await tokens_for(server, but(REQUEST, scope=scope)))["access_token"], "ES256")
    assert (claims["scope"], claims["aud"]) == (scope, audience)


@pytest.mark.requirement("JAT-5-1")
async def test_no_token_is_for_the_audience_of_another(server: Running) -> None:
    tokens = await tokens_for(server, but(REQUEST, scope="openid write"))
    access = await verified(server, tokens["access_token"], "ES256")
    identity = await verified(server, tokens["id_token"])
    assert identity["aud"] == "app"
    assert "app" not in access["aud"]
    # An ID Token is no access token, whatever it is shown to.
    refused(await userinfo(server, tokens["id_token"]), 401, "invalid_token", "userinfo.token_invalid")
    assert header(tokens["id_token"])["typ"] != header(tokens["access_token"])["typ"]


@pytest.mark.requirement("JAT-6-1")
async def test_an_access_token_tells_the_resource_nothing_about_the_person(server: Running) -> None:
    tokens = await tokens_for(server, but(REQUEST, scope="openid profile email write"))
    assert (await verified(server, tokens["access_token"], "ES256")).keys() == {
        "iss", "sub", "aud", "client_id", "scope", "iat", "exp", "jti", "auth_time", "amr", "grant",
    }  # fmt: skip


# --- Unguessable --------------------------------------------------------------------------------------------------


def bits_that_vary(values: list[str]) -> int:
    """How many bit positions of these base64url values are neither always 0 nor always 1."""
    numbers = [int.from_bytes(b64decode(value + "=" * (-len(value) % 4), altchars=b"-_")) for value in values]
    always, ever = numbers[0], 0
    for number in numbers:
        always &= number
        ever |= number
    return (ever & ~always).bit_count()


@pytest.mark.requirement("OA-10.3-1", "PKCE-4.4-2")
async def test_codes_and_refresh_tokens_have_more_than_128_random_bits(server: Running) -> None:
    browser = await answered(server)
    codes, refresh_tokens = [], []
    for _ in range(40):
        codes.append(await code_for(server, browser=browser))
        refresh_tokens.append((await redeem(server, codes[-1])).json()["refresh_token"])
    for values in (codes, refresh_tokens):
        assert len(set(values)) == 40
        # The clock stands still, so whatever varies is random.
        assert 128 < bits_that_vary(values) <= 256
        assert {len(value) for value in values} == {43}


@pytest.mark.requirement("OA-10.3-1")
async def test_what_ties_a_browser_to_its_login_is_as_random(server: Running) -> None:
    cookies: dict[str, list[str]] = {}
    paths: list[str] = []
    for _ in range(20):
        browser = await ask(server, REQUEST)
        paths.append(str(browser.page.url.path).rsplit("/", 1)[1] if browser.page else "")
        await browser.sign_in()
        for cookie in browser.http.cookies.jar:
            cookies.setdefault(cookie.name, []).append((cookie.value or "").replace(".", ""))
    assert cookies.keys() == {"pushgate-browser", "pushgate-session-default", "pushgate-known-default"}
    for values in (*cookies.values(), paths):
        assert len(set(values)) == 20
        assert bits_that_vary(values) > 128


async def test_a_public_clients_tokens_look_like_all_others(server: Running) -> None:
    tokens: dict[str, Any] = await tokens_for(server, SPA, "spa")
    claims = await verified(server, tokens["access_token"], "ES256")
    assert (claims["client_id"], claims["scope"], claims["aud"]) == ("spa", "openid profile", BASE_URL)
    assert (await verified(server, tokens["id_token"]))["aud"] == "spa"
