"""Carry something from one realm into another: client, request_uri, sign-in, code, token. Nothing is known there."""

from __future__ import annotations

import itertools

import httpx
import pytest
from joserfc import jwt

from pushgate.testing import BASE_URL, Browser, Running
from tests.support.manifests import APP, KEY, MANIFEST, REDIRECT, REQUEST, VERIFIER
from tests.support.steps import refused, shown

FOREVER = 2**40
OTHER_SECRET = "other-secret-of-at-least-22-characters"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TWINS = MANIFEST.replace("name: default", "name: x")
"""The realm x, which has the very same clients and users."""
SMALL = f"""
realms:
  - name: x
    clients:
      - client_id: app
        client_secret: {OTHER_SECRET}
        redirect_uris: [{REDIRECT}]
        scope: openid email
      - client_id: only-in-x
        client_secret: {OTHER_SECRET}
        redirect_uris: [{REDIRECT}]
        scope: openid email
"""
"""The realm x with a client of the same name and another secret, and one of its own."""
JWT_REQUEST = REQUEST | {"redirect_uri": "https://jwt.example/cb", "scope": "openid"}
PATHS = {"default": "", "x": "/realms/x"}
DIRECTIONS = [("default", "x"), ("x", "default")]

numbers = itertools.count(1)


async def push(server: Running, realm: str, auth: tuple[str, str] = APP) -> httpx.Response:
    return await server.http.post(f"{PATHS[realm]}/oauth2/par", auth=auth, data=REQUEST)


async def pushed(server: Running, realm: str) -> str:
    reply = await push(server, realm)
    assert reply.status_code == 201
    return str(reply.json()["request_uri"])


async def visit(browser: Browser, realm: str, request_uri: str) -> Browser:
    params = {"client_id": "app", "request_uri": request_uri}
    return await browser.open(f"{PATHS[realm]}/oauth2/authorize", params=params)


async def finished(server: Running, realm: str, browser: Browser | None = None) -> Browser:
    browser = await visit(browser or server.browser(), realm, await pushed(server, realm))
    await browser.sign_in()
    await browser.allow()
    assert browser.answer["iss"] == BASE_URL + PATHS[realm]
    return browser


async def redeem(server: Running, realm: str, browser: Browser) -> httpx.Response:
    form = {"grant_type": "authorization_code", "code": browser.answer["code"], "redirect_uri": REDIRECT}
    return await server.http.post(f"{PATHS[realm]}/oauth2/token", auth=APP, data=form | {"code_verifier": VERIFIER})


# --- Clients ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("VEN-T-1")
@pytest.mark.parametrize("endpoint", ["par", "token"])
@pytest.mark.parametrize(
    ("realm", "auth"),
    [
        ("x", APP),
        ("x", ("hybrid", APP[1])),
        ("default", ("app", OTHER_SECRET)),
        ("default", ("only-in-x", OTHER_SECRET)),
    ],
)
async def test_authenticate_as_the_client_of_another_realm(
    server: Running, realm: str, auth: tuple[str, str], endpoint: str
) -> None:
    await server.apply(SMALL)
    data = REQUEST | {"grant_type": "client_credentials"}
    reply = await server.http.post(f"{PATHS[realm]}/oauth2/{endpoint}", auth=auth, data=data)
    refused(reply, 401, "invalid_client", "client.authentication")
    assert reply.headers["www-authenticate"].startswith(f'Basic realm="{realm}"')
    assert await server.transient.purge(FOREVER) == 0


@pytest.mark.requirement("VEN-T-1")
async def test_visit_the_authorization_endpoint_as_a_client_of_another_realm(server: Running) -> None:
    await server.apply(SMALL)
    browser = await server.browser().open("/oauth2/authorize", params=REQUEST | {"client_id": "only-in-x"})
    shown(browser.page, 400, "invalid_request", "authorize.client_unknown")


@pytest.mark.requirement("VEN-T-1", "VEN-T-2")
@pytest.mark.parametrize(("here", "there"), DIRECTIONS)
@pytest.mark.parametrize("audience", ["", "/oauth2/token", "/oauth2/par"])
async def test_send_an_assertion_made_for_another_realm(server: Running, here: str, there: str, audience: str) -> None:
    await server.apply(TWINS)
    replies = {}
    for realm in (there, here):
        now = int(server.clock())
        claims = {"iss": "jwt", "sub": "jwt", "jti": f"jti-{next(numbers)}", "iat": now, "exp": now + 60}
        claims["aud"] = BASE_URL + PATHS[realm] + audience
        token = jwt.encode({"alg": "ES256", "kid": "test-key"}, claims, KEY)
        form = JWT_REQUEST | {"client_assertion": token, "client_assertion_type": JWT_BEARER}
        replies[realm] = await server.http.post(f"{PATHS[here]}/oauth2/par", data=form)
    refused(replies[there], 401, "invalid_client", "assertion.aud")
    assert replies[here].status_code == 201


# --- request_uri, sign-in, code, token, hint ------------------------------------------------------------------


@pytest.mark.requirement("VEN-T-1", "PAR-2.2-5")
@pytest.mark.parametrize(("here", "there"), DIRECTIONS)
async def test_use_a_request_uri_in_another_realm(server: Running, here: str, there: str) -> None:
    await server.apply(TWINS)
    request_uri = await pushed(server, here)
    browser = await visit(server.browser(), there, request_uri)
    shown(browser.page, 400, "invalid_request_uri", "authorize.request_uri_unknown")
    await visit(browser, here, request_uri)
    await browser.sign_in()
    await browser.allow()
    assert browser.answer["iss"] == BASE_URL + PATHS[here]


@pytest.mark.requirement("VEN-T-1")
@pytest.mark.parametrize(("here", "there"), DIRECTIONS)
async def test_redeem_a_code_in_another_realm(server: Running, here: str, there: str) -> None:
    await server.apply(TWINS)
    browser = await finished(server, here)
    refused(await redeem(server, there, browser), 400, "invalid_grant", "code.invalid")
    assert (await redeem(server, here, browser)).status_code == 200


@pytest.mark.requirement("VEN-T-1")
@pytest.mark.parametrize(("here", "there"), DIRECTIONS)
async def test_use_tokens_in_another_realm(server: Running, here: str, there: str) -> None:
    await server.apply(TWINS)
    tokens = (await redeem(server, here, await finished(server, here))).json()
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    reply = await server.http.get(f"{PATHS[there]}/oauth2/userinfo", headers=bearer)
    refused(reply, 401, "invalid_token", "userinfo.token_invalid")
    assert (await server.http.get(f"{PATHS[here]}/oauth2/userinfo", headers=bearer)).status_code == 200
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    reply = await server.http.post(f"{PATHS[there]}/oauth2/token", auth=APP, data=form)
    refused(reply, 400, "invalid_grant", "refresh.invalid")
    assert (await server.http.post(f"{PATHS[here]}/oauth2/token", auth=APP, data=form)).status_code == 200


@pytest.mark.requirement("VEN-T-1")
@pytest.mark.parametrize(("here", "there"), DIRECTIONS)
async def test_a_session_of_one_realm_signs_nobody_in_to_another(server: Running, here: str, there: str) -> None:
    await server.apply(TWINS)
    browser = await finished(server, here)
    await visit(browser, there, await pushed(server, there))
    assert "/login/" in str(browser.page and browser.page.url)
    await visit(browser, here, await pushed(server, here))
    assert browser.answer["code"]


@pytest.mark.requirement("VEN-T-1")
@pytest.mark.parametrize(("here", "there"), DIRECTIONS)
async def test_rename_the_session_cookie_for_another_realm(server: Running, here: str, there: str) -> None:
    await server.apply(TWINS)
    browser = await finished(server, here)
    browser.http.cookies.set(f"pushgate-session-{there}", browser.http.cookies[f"pushgate-session-{here}"])
    await visit(browser, there, await pushed(server, there))
    assert "/login/" in str(browser.page and browser.page.url)


@pytest.mark.requirement("VEN-T-1")
@pytest.mark.parametrize(("here", "there"), DIRECTIONS)
async def test_go_on_with_a_sign_in_in_another_realm(server: Running, here: str, there: str) -> None:
    await server.apply(TWINS)
    browser = await visit(server.browser(), here, await pushed(server, here))
    assert browser.page is not None
    address = browser.page.url.path
    await browser.open(PATHS[there] + address.removeprefix(PATHS[here]))
    shown(browser.page, 400, "invalid_request", "login.unknown")
    await browser.open(address)
    await browser.sign_in()
    await browser.allow()
    assert browser.answer["code"]


# --- Places -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("VEN-T-1")
@pytest.mark.parametrize("realm", ["nope", "default", "X", "x%2f..", "x..", "-x", "", "x" * 64])
@pytest.mark.parametrize("endpoint", ["/oauth2/par", "/oauth2/token", "/oauth2/userinfo", "/oauth2/jwks"])
async def test_call_an_unknown_realm(server: Running, realm: str, endpoint: str) -> None:
    await server.apply(TWINS)
    for method in ("GET", "POST"):
        reply = await server.http.request(method, f"{BASE_URL}/realms/{realm}{endpoint}", auth=APP, params=REQUEST)
        refused(reply, 404, "invalid_request", "http.not_found")
        assert reply.headers["content-type"] == "application/json"
    assert await server.transient.purge(FOREVER) == 0


@pytest.mark.requirement("VEN-T-1")
@pytest.mark.parametrize("path", ["/oauth2/authorize", "/oauth2/login/x", "/oauth2/consent/x", "/"])
async def test_visit_an_unknown_realm(server: Running, path: str) -> None:
    page = await server.http.get(f"/realms/nope{path}", params={"client_id": "app"}, headers={"accept": "text/html"})
    shown(page, 404, "invalid_request", "http.not_found")


@pytest.mark.requirement("VEN-T-1", "VEN-T-2")
@pytest.mark.parametrize("realm", PATHS)
async def test_each_realm_publishes_its_own_paths_and_answers_there(server: Running, realm: str) -> None:
    await server.apply(TWINS)
    issuer = BASE_URL + PATHS[realm]
    documents = [
        (await server.http.get(f"/.well-known/oauth-authorization-server{PATHS[realm]}")).json(),
        (await server.http.get(f"{PATHS[realm]}/.well-known/openid-configuration")).json(),
    ]
    assert documents[0] == documents[1]
    found = {name: url for name, url in documents[0].items() if name.endswith(("_endpoint", "_uri"))}
    assert documents[0]["issuer"] == issuer
    assert {url.startswith(f"{issuer}/oauth2/") for url in found.values()} == {True}
    assert found["pushed_authorization_request_endpoint"] == f"{issuer}/oauth2/par"
    reply = await server.http.post(found["pushed_authorization_request_endpoint"], auth=APP, data=REQUEST)
    assert reply.status_code == 201
    for name, url in found.items():
        assert (await server.http.get(url)).status_code != 404, name
