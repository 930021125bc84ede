"""A rotation of keys: new ones at once, old ones for as long as somebody may need them, other realms not at all."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from pushgate.jose.keys import make_key
from pushgate.testing import BASE_URL, Browser, Running, running
from tests.support.assertions import key, public, signed
from tests.support.encryption import encrypt
from tests.support.introspection import RESOURCES
from tests.support.manifests import APP_SECRET, REDIRECT, REQUEST, VERIFIER
from tests.support.steps import agree, header, shown

SECOND = "/realms/second"
"""The realm that is not rotated."""
ENC = "A256GCM"
KEPT = 28_800 + 86_400  # seconds: a session, and the margin


def realm(name: str) -> dict[str, Any]:
    """A realm with a client that signs its requests, and an API that asks about tokens."""
    app = {
        "client_id": "app", "client_secret": APP_SECRET, "redirect_uris": [REDIRECT], "scope": "openid email write",
        "jwks": public("p256"), "grant_types": ["authorization_code", "refresh_token"],
    }  # fmt: skip
    api = {"client_id": "api", "client_secret": APP_SECRET, "grant_types": ["client_credentials"]}
    both = {"client_id": "both", "client_secret": APP_SECRET, "grant_types": ["client_credentials"]}
    alice = {"username": "alice", "password": "alice-password", "claims": {"email": "alice@example.com"}}
    apis = [RESOURCES[0]]
    return {"name": name, "clients": [app, api, both], "users": [alice], "resources": apis}


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server with two realms of the same content; every rotation makes real keys."""
    async with running(json.dumps({"realms": [realm("default"), realm("second")]})) as found:
        found.management._make_key = make_key
        yield found


async def rotated(server: Running, *algs: str) -> None:
    """Rotate in the first realm; in force when this returns."""
    server.clock.advance(1)
    await server.management.rotate_keys("default", *([algs] if algs else []))
    await server.server.snapshot.refresh()


async def jwks(server: Running, at: str = "") -> dict[str, Any]:
    """What a realm publishes."""
    found: dict[str, Any] = (await server.http.get(f"{at}/oauth2/jwks")).json()
    return found


async def kids(server: Running, at: str = "") -> set[str]:
    """The names of the keys that a realm publishes."""
    return {found["kid"] for found in (await jwks(server, at))["keys"]}


async def post(server: Running, at: str, endpoint: str, client_id: str, **form: str) -> httpx.Response:
    """Send a form to an endpoint of a realm."""
    return await server.http.post(f"{at}/oauth2/{endpoint}", auth=(client_id, APP_SECRET), data=form)


async def open_(server: Running, at: str, browser: Browser | None = None, **request: str) -> Browser:
    """Bring a request to a realm."""
    return await (browser or server.browser()).open(f"{at}/oauth2/authorize?{urlencode(request)}")


async def tokens_at(server: Running, at: str) -> dict[str, str]:
    """The token response of a whole flow."""
    asked = {**REQUEST, "scope": "openid email write", "prompt": "consent"}
    browser = await agree(await open_(server, at, client_id="app", **asked))
    form = {"grant_type": "authorization_code", "code": browser.answer["code"], "code_verifier": VERIFIER}
    found: dict[str, str] = (await post(server, at, "token", "app", redirect_uri=REDIRECT, **form)).json()
    return found


def asked_in_secret(server: Running, at: str, keys: dict[str, Any], alg: str) -> str:
    """A request object, encrypted to the first key of the set that fits."""
    now = int(server.clock())
    claims = {"iss": "app", "aud": BASE_URL + at, "nbf": now, "exp": now + 300, "client_id": "app", **REQUEST}
    inner = signed(claims, by=key("p256"), typ="oauth-authz-req+jwt")
    return encrypt(inner, jwk_keys=keys, alg=alg, enc=ENC)


async def still_good(server: Running, at: str, tokens: dict[str, str]) -> None:
    """Tokens are taken everywhere: introspection, UserInfo, and as a hint at the user."""
    access = tokens["access_token"]
    assert (await post(server, at, "introspect", "api", token=access)).json()["active"] is True
    bearer = {"authorization": f"Bearer {access}"}
    assert (await server.http.get(f"{at}/oauth2/userinfo", headers=bearer)).status_code == 200
    hinted = await agree(await open_(server, at, client_id="app", **REQUEST, id_token_hint=tokens["id_token"]))
    assert "code" in hinted.answer
    published = {found["kid"]: found for found in (await jwks(server, at))["keys"]}
    assert {header(tokens[kind])["kid"] for kind in ("access_token", "id_token")} <= published.keys()


@pytest.mark.requirement("META-OIDD-7")
async def test_what_the_old_keys_signed_holds_and_the_new_ones_sign(server: Running) -> None:
    before, old = await tokens_at(server, ""), await kids(server)
    await rotated(server)
    new = await kids(server) - old
    assert (len(new), old <= await kids(server)) == (6, True)
    after = await tokens_at(server, "")
    for kind in ("access_token", "id_token"):
        assert (header(before[kind])["kid"] in old, header(after[kind])["kid"] in new) == (True, True)
    await still_good(server, "", before)
    await still_good(server, "", after)
    # Two rotations on, the first keys are still there: it is time that counts.
    await rotated(server)
    await still_good(server, "", before)
    assert len(await kids(server)) == 18


async def test_a_refresh_token_outlives_every_key(server: Running) -> None:
    tokens, old = await tokens_at(server, ""), await kids(server)
    await rotated(server)
    server.clock.advance(KEPT)
    await rotated(server)
    assert not old & await kids(server)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    fresh = (await post(server, "", "token", "app", **form)).json()
    bearer = {"authorization": f"Bearer {fresh['access_token']}"}
    assert (await server.http.get("/oauth2/userinfo", headers=bearer)).status_code == 200


@pytest.mark.parametrize("alg", ["RSA-OAEP-256", "ECDH-ES"])
async def test_requests_encrypted_to_an_old_key_are_opened_until_it_goes(server: Running, alg: str) -> None:
    old = await jwks(server)
    await rotated(server, alg)
    [fresh] = [k for k in (await jwks(server))["keys"] if k not in old["keys"]]
    assert fresh["use"] == "enc"
    for keys in (old, {"keys": [fresh]}, await jwks(server)):
        sent = asked_in_secret(server, "", keys, alg)
        assert (await post(server, "", "par", "app", request=sent)).status_code == 201
    server.clock.advance(KEPT + 1)
    await rotated(server, alg)
    for keys, status in ((old, 400), ({"keys": [fresh]}, 201)):
        reply = await post(server, "", "par", "app", request=asked_in_secret(server, "", keys, alg))
        assert reply.status_code == status
        assert reply.headers.get("pushgate-refusal") == ("request_object.encryption" if status == 400 else None)


async def test_a_key_goes_when_nothing_can_need_it_and_not_a_second_sooner(server: Running) -> None:
    before, old = await tokens_at(server, ""), await kids(server)
    await rotated(server)
    server.clock.advance(KEPT - 1)
    await rotated(server, "EdDSA")
    assert old <= await kids(server)
    hinted = await agree(await open_(server, "", client_id="app", **REQUEST, id_token_hint=before["id_token"]))
    assert "code" in hinted.answer
    # A rotation of one algorithm deletes old keys of every algorithm; the keys in use and those just retired stay.
    await rotated(server, "EdDSA")
    assert not old & await kids(server)
    assert len(await kids(server)) == 8
    hinted = await open_(server, "", client_id="app", **REQUEST, prompt="none", id_token_hint=before["id_token"])
    assert hinted.answer["error"] == "invalid_request"
    deleted = [row["id"] for row in await server.audit("configuration_changed") if row["act"] == "delete"]
    assert set(deleted) == old


async def test_a_longer_session_keeps_keys_for_longer(server: Running) -> None:
    old = await kids(server)
    await server.apply(json.dumps({"realms": [{"name": "default", "lifetimes": {"session": 100_000}}]}))
    await rotated(server)
    server.clock.advance(KEPT + 1)
    await rotated(server)
    assert old <= await kids(server)
    server.clock.advance(100_000 - 28_800)
    await rotated(server)
    assert not old & await kids(server)


async def test_other_realms_are_not_touched(server: Running) -> None:
    await rotated(server)  # in this process the first keys of both realms are the same ones
    before, at = await jwks(server, SECOND), SECOND
    tokens = await tokens_at(server, at)
    server.clock.advance(KEPT + 1)
    await rotated(server)
    await rotated(server)
    assert await jwks(server, at) == before
    fresh = await tokens_at(server, at)
    for kind in ("access_token", "id_token"):
        assert header(fresh[kind])["kid"] == header(tokens[kind])["kid"]
    await still_good(server, at, fresh)
    # What the new keys of the first realm sign is nothing to the second, whatever it claims.
    strange = (await tokens_at(server, ""))["access_token"]
    assert (await post(server, at, "introspect", "api", token=strange)).json() == {"active": False}
    browser = await open_(
        server, at, client_id="app", request=asked_in_secret(server, at, await jwks(server), "ECDH-ES")
    )
    shown(browser.page, 400, "invalid_request_object", "request_object.encryption")
