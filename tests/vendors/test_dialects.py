"""What each product does with the same request: a table of dialects, one test for each of its rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from pushgate.refusals import REFUSALS
from pushgate.testing import Browser, Running, running
from tests.support.products import (
    APP,
    AUTHORIZE,
    CLIENT,
    PAR,
    REALMS,
    REDIRECT,
    TOKEN,
    VERIFIER,
    manifest,
    push,
    realm,
    request_object,
    request_of,
)
from tests.support.proofs import proof
from tests.support.steps import refused, shown, stored

PLAIN, ACME, TENANT, ALPHA, VERIFY = REALMS
PRODUCTS = [ACME, TENANT, ALPHA, VERIFY]


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server with a realm for each product."""
    async with running(manifest()) as found:
        yield found


async def pushes(
    server: Running, name: str, auth: Any = APP, path: str | None = None, **changes: Any
) -> httpx.Response:
    """Push the realm's request with these changes."""
    return await server.http.post(path or PAR[name], data=request_of(name, **changes), auth=auth)


async def opened(server: Running, name: str, uri: str, browser: Browser | None = None, **beside: str) -> Browser:
    """A browser that was sent on with a request_uri, and with these parameters beside it."""
    params = {"client_id": CLIENT, "request_uri": uri, **beside}
    return await (browser or server.browser()).open(AUTHORIZE[name], params=params)


async def answered(server: Running, name: str, uri: str, **beside: str) -> Browser:
    """The same by somebody who signs in and agrees."""
    browser = await opened(server, name, uri, **beside)
    await browser.sign_in()
    return await browser.allow() if browser.landed is None else browser


async def redeemed(server: Running, name: str, code: str, **changes: Any) -> httpx.Response:
    """The code, redeemed."""
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER, "redirect_uri": REDIRECT[name]}
    form |= changes
    return await server.http.post(TOKEN[name], data={k: v for k, v in form.items() if v is not None}, auth=APP)


# --- Paths ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("VEN-T-1", "VEN-T-2", "VEN-S-1")
@pytest.mark.parametrize("name", REALMS)
async def test_the_whole_flow_on_the_paths_of_the_product(server: Running, name: str) -> None:
    metadata = (await server.http.get(f"/realms/{name}/.well-known/openid-configuration")).json()
    base = server.server.base_url
    published = {"pushed_authorization_request": PAR, "authorization": AUTHORIZE, "token": TOKEN}
    assert {key: metadata[f"{key}_endpoint"] for key in published} == {k: base + p[name] for k, p in published.items()}
    browser = await answered(server, name, await push(server, name))
    assert browser.answer["iss"] == metadata["issuer"] == f"{base}/realms/{name}"
    reply = await redeemed(server, name, browser.answer["code"])
    assert reply.status_code == 200, reply.text
    bearer = {"authorization": f"Bearer {reply.json()['access_token']}"}
    userinfo = await server.http.get(metadata["userinfo_endpoint"], headers=bearer)
    assert userinfo.json()["email"] == "alice@example.com"
    assert (await server.http.get(metadata["jwks_uri"])).json()["keys"]
    for endpoint in ("introspection_endpoint", "revocation_endpoint"):
        form = {"token": reply.json()["access_token"]}
        assert (await server.http.post(metadata[endpoint], data=form, auth=APP)).status_code == 200
    ended = await server.http.get(metadata["end_session_endpoint"])
    assert (ended.status_code, ended.headers["content-type"]) == (200, "text/html; charset=utf-8")


ALIASES = [
    (ACME, "/t/acme", "/oauth2/par", "POST"), (ACME, "/t/acme", "/oidc/logout", "GET"),
    (ACME, "/realms/acme", "/oidc/logout", "GET"), (ACME, "/t/acme", "/.well-known/openid-configuration", "GET"),
    (TENANT, "/realms/tenant", "/oidc/logout", "GET"), (TENANT, "/realms/tenant", "/.well-known/jwks.json", "GET"),
    (TENANT, "/realms/tenant", "/oauth/revoke", "POST"), (TENANT, "/realms/tenant", "/userinfo", "GET"),
    (ALPHA, "/am/oauth2/realms/root/realms/alpha", "/connect/jwk_uri", "GET"),
    (ALPHA, "/am/oauth2/realms/root/realms/alpha", "/.well-known/openid-configuration", "GET"),
    (ALPHA, "/am/oauth2/realms/root/realms/alpha", "/token/revoke", "POST"),
    (ALPHA, "/am/oauth2/realms/root/realms/alpha", "/connect/endSession", "GET"),
    (VERIFY, "/realms/verify", "/oauth2/.well-known/openid-configuration", "GET"),
]  # fmt: skip


@pytest.mark.requirement("VEN-T-1", "VEN-T-3")
@pytest.mark.parametrize(("name", "prefix", "path", "method"), ALIASES)
async def test_a_path_of_a_product_is_in_its_realms_alone(
    server: Running, name: str, prefix: str, path: str, method: str
) -> None:
    for slash in ("", "/"):
        assert (await server.http.request(method, prefix + path + slash)).status_code != 404
    others = [other for other in REALMS if other not in (name, *([TENANT, ACME] if path == "/oidc/logout" else []))]
    for other in others:
        elsewhere = prefix.replace(name, other) + path
        if prefix.startswith("/realms") and path.startswith(("/oauth2/par", "/.well-known/openid")):
            continue  # every realm has these
        reply = await server.http.request(method, elsewhere)
        assert reply.status_code == 404
        assert method == "GET" or reply.json()["error"] == "invalid_request"
    unknown = await server.http.request(method, prefix.replace(name, "nobody") + path)
    assert unknown.status_code == 404


@pytest.mark.requirement("VEN-T-3")
@pytest.mark.parametrize("name", REALMS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_other_methods(server: Running, name: str, method: str) -> None:
    reply = await server.http.request(method, PAR[name])
    refused(reply, 405, "invalid_request", "http.method")
    assert reply.headers["allow"] == "POST"


@pytest.mark.requirement("VEN-T-1")
async def test_nothing_of_one_realm_is_anything_in_another() -> None:
    strangers = {"client_id": "only-here"}
    async with running(manifest(realm(ACME, strangers), *map(realm, [PLAIN, TENANT, ALPHA, VERIFY]))) as server:
        here = await server.http.post(PAR[ACME], data=request_of(ACME, client_id=None), auth=("only-here", APP[1]))
        assert here.status_code == 201
        for name in (PLAIN, TENANT, ALPHA, VERIFY):
            form = request_of(name, client_id="only-here")
            refused(await server.http.post(PAR[name], data=form, auth=("only-here", APP[1])), 401, "invalid_client",
                    "client.authentication")  # fmt: skip
            uri = here.json()["request_uri"]
            shown((await opened(server, name, uri)).page, 400, "invalid_request_uri", "authorize.request_uri_unknown")
        uri = await push(server, PLAIN)
        code = (await answered(server, PLAIN, uri)).answer["code"]
        for name in (TENANT, ALPHA, VERIFY):
            refused(await redeemed(server, name, code), 400, "invalid_grant", "code.invalid")
            told = await server.http.post(f"/realms/{name}/oauth2/introspect", data={"token": code}, auth=APP)
            assert told.json() == {"active": False}


@pytest.mark.requirement("VEN-T-2")
async def test_proofs_are_for_the_path_that_was_called_or_the_published_one(server: Running) -> None:
    paths = [PAR[ACME], "/realms/acme/oauth2/par"]
    for called in paths:
        for named, good in ((called, True), (PAR[ACME], True), ("/realms/acme/oauth2/par", called == paths[1]),
                            ("/t/tenant/oauth2/par", False)):  # fmt: skip
            header = {"dpop": proof(server, named)}
            reply = await server.http.post(called, data=request_of(ACME), auth=APP, headers=header)
            assert (reply.status_code == 201) is good, (called, named)
            if not good:
                refused(reply, 400, "invalid_dpop_proof", "dpop.htu")


# --- At the push ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("VEN-P-4")
@pytest.mark.parametrize("name", REALMS)
@pytest.mark.parametrize("parameter", ["state", "nonce"])
async def test_short_state_and_nonce(server: Running, name: str, parameter: str) -> None:
    assert (await pushes(server, name, **{parameter: "12345678"})).status_code == 201
    reply = await pushes(server, name, **{parameter: "1234567"})
    if name == VERIFY:
        refused(reply, 400, "invalid_request", "request.value_too_short")
    else:
        assert reply.status_code == 201


@pytest.mark.requirement("VEN-P-5")
@pytest.mark.parametrize("name", REALMS)
async def test_plain_challenges(server: Running, name: str) -> None:
    for method in ("plain", None):
        reply = await pushes(server, name, code_challenge=VERIFIER, code_challenge_method=method)
        if name == VERIFY or (name, method) == (ALPHA, "plain"):
            browser = await answered(server, name, reply.json()["request_uri"])
            wrong = await redeemed(server, name, browser.answer["code"], code_verifier="w" * 43)
            refused(wrong, 400, "invalid_grant", "code.verifier_wrong")
            uri = await push(server, name, code_challenge=VERIFIER, code_challenge_method=method)
            browser = await answered(server, name, uri)
            assert (await redeemed(server, name, browser.answer["code"])).status_code == 200
        else:
            refused(reply, 400, "invalid_request", "request.code_challenge_method")
    too_long = await pushes(server, name, code_challenge="c" * 129, code_challenge_method="plain")
    assert too_long.status_code == 400
    exactly = await pushes(server, name, code_challenge="c" * 44)
    refused(exactly, 400, "invalid_request", "request.code_challenge_malformed")


@pytest.mark.parametrize("name", REALMS)
async def test_public_clients(server: Running, name: str) -> None:
    reply = await pushes(server, name, auth=None, client_id="spa")
    if name == TENANT:
        refused(reply, 401, "invalid_client", "par.public_client")
        assert stored(server) == 0
    else:
        assert reply.status_code == 201


@pytest.mark.parametrize("name", REALMS)
async def test_client_id_beside_a_basic_header(server: Running, name: str) -> None:
    reply = await pushes(server, name, client_id=None)
    if name == ALPHA:
        refused(reply, 400, "invalid_request", "par.client_id_missing")
        # Who does not know the secret learns nothing of it.
        refused(await pushes(server, name, (CLIENT, "wrong"), client_id=None), 401, "invalid_client",
                "client.authentication")  # fmt: skip
    else:
        assert reply.status_code == 201


@pytest.mark.parametrize("name", REALMS)
async def test_a_redirect_uri_that_is_left_out(server: Running, name: str) -> None:
    reply = await pushes(server, name, redirect_uri=None)
    if name == PLAIN:
        refused(reply, 400, "invalid_request", "request.redirect_uri_missing")
        return
    browser = await answered(server, name, reply.json()["request_uri"])
    assert browser.landed is not None
    assert browser.landed.startswith(REDIRECT[name])
    assert (await redeemed(server, name, browser.answer["code"], redirect_uri=None)).status_code == 200


@pytest.mark.parametrize("name", REALMS)
async def test_a_scope_that_is_left_out(server: Running, name: str) -> None:
    reply = await pushes(server, name, scope=None)
    if name in (ACME, TENANT):
        code = (await answered(server, name, reply.json()["request_uri"])).answer["code"]
        tokens = (await redeemed(server, name, code)).json()
        assert tokens.get("scope", "") == {ACME: "", TENANT: "openid"}[name]
    else:
        refused(reply, 400, "invalid_scope", "request.scope_missing")


@pytest.mark.parametrize("name", REALMS)
async def test_prompts(server: Running, name: str) -> None:
    for prompt in ("consent", "select_account", "login"):
        reply = await pushes(server, name, prompt=prompt)
        if name == VERIFY and prompt != "login":
            refused(reply, 400, "invalid_request", "request.prompt")
        else:
            assert reply.status_code == 201
    assert (await pushes(server, name, prompt="create")).status_code == 201, "what nobody knows is ignored"
    metadata = (await server.http.get(f"/realms/{name}/.well-known/openid-configuration")).json()
    everything = ["none", "login", "consent", "select_account"]
    assert metadata["prompt_values_supported"] == (["none", "login"] if name == VERIFY else everything)
    assert metadata["code_challenge_methods_supported"] == ["S256", *(["plain"] if name in (ALPHA, VERIFY) else [])]


@pytest.mark.requirement("VEN-P-1")
@pytest.mark.parametrize("name", REALMS)
async def test_custom_parameters(server: Running, name: str) -> None:
    own = {f"ext-{number}": str(number) for number in range(10)}
    uri = await push(server, name, **own)
    kept = await kept_of(server, name, uri)
    assert kept.request.custom == (own if name == TENANT else {})
    reply = await pushes(server, name, **own, **{"ext-too-many": "x"})
    if name == TENANT:
        refused(reply, 400, "invalid_request", "request.custom_parameters")
    else:
        assert reply.status_code == 201


async def kept_of(server: Running, name: str, uri: str) -> Any:
    """What is stored of a pushed request."""
    from pushgate.endpoints.par import URN
    from pushgate.model import PushedAuthorizationRequest

    ctx = await server.server.realm(name)
    assert ctx is not None
    found = await ctx.transient.get("par", ctx.transient.key("par", uri.removeprefix(URN)))
    assert found is not None
    return PushedAuthorizationRequest.decode(found.value)


KEPT = {
    "login_hint": "alice", "id_token_hint": "x", "display": "popup", "connection": "c", "organization": "o",
    "invitation": "i", "decision": "allow", "save_consent": "on",
}  # fmt: skip
WORDS = {"acr_values": ("a", "b"), "ui_locales": ("de", "fr"), "prompt": ("login",)}


@pytest.mark.requirement("VEN-P-1")
@pytest.mark.parametrize("name", REALMS)
async def test_no_parameter_is_lost(server: Running, name: str) -> None:
    words = {key: " ".join(values) for key, values in WORDS.items()}
    uri = await push(server, name, **KEPT, **words, csrf="a-secret", audience="https://api.example", max_age="9")
    kept = (await kept_of(server, name, uri)).request
    assert {key: getattr(kept, key) for key in KEPT} == KEPT
    assert {key: getattr(kept, key) for key in WORDS} == WORDS
    assert (kept.resource, kept.max_age) == (("https://api.example",), 9)
    assert kept.csrf not in (None, "a-secret"), "the secret of a session is not kept in clear"


@pytest.mark.requirement("VEN-T-6")
@pytest.mark.parametrize("name", REALMS)
async def test_how_long_a_body_may_be(server: Running, name: str) -> None:
    limit = 10 * 1024 if name == TENANT else 64 * 1024
    head = "&".join(f"{key}={value}" for key, value in request_of(name).items()) + "&padding="
    form = {"content-type": "application/x-www-form-urlencoded"}
    fits = await server.http.post(PAR[name], content=head + "x" * (limit - len(head)), auth=APP, headers=form)
    assert fits.status_code == 201

    async def chunks() -> AsyncIterator[bytes]:
        yield (head + "x" * (limit - len(head))).encode()
        yield b"x"

    for body in (head + "x" * (limit - len(head) + 1), chunks()):
        reply = await server.http.post(PAR[name], content=body, auth=APP, headers=form)
        refused(reply, 413, "invalid_request", "http.body_size")
    assert stored(server) == 1


@pytest.mark.requirement("VEN-T-7")
async def test_a_burst_from_one_address() -> None:
    quick = [realm(TENANT), realm(PLAIN), realm(ACME, rates={"failures_per_minute": 0, "pushes_per_address": 3})]
    async with running(manifest(*quick)) as server:
        statuses = [(await pushes(server, TENANT)).status_code for _ in range(101)]
        assert statuses == [201] * 100 + [429]
        slowed = await pushes(server, TENANT)
        refused(slowed, 429, "temporarily_unavailable", "http.rate")
        assert int(slowed.headers["retry-after"]) >= 1
        assert [(await pushes(server, PLAIN)).status_code for _ in range(102)] == [201] * 102
        assert [(await pushes(server, ACME)).status_code for _ in range(4)] == [201] * 3 + [429]
        server.clock.advance(1)
        assert (await pushes(server, TENANT)).status_code == 201


# --- Request objects ------------------------------------------------------------------------------------------------


def claims(server: Running, name: str, **changes: Any) -> dict[str, Any]:
    """The claims of a request object for a realm."""
    parties = {"iss": CLIENT, "aud": f"{server.server.base_url}/realms/{name}"}
    return {**request_of(name), **parties, **changes}


async def pushes_object(
    server: Running, name: str, beside: dict[str, str] | None = None, **changes: Any
) -> httpx.Response:
    """Push a request object, with these fields beside it."""
    form = {"client_id": CLIENT, "request": request_object(**claims(server, name, **changes)), **(beside or {})}
    return await server.http.post(PAR[name], data=form, auth=APP)


@pytest.mark.parametrize("name", REALMS)
async def test_fields_beside_a_request_object(server: Running, name: str) -> None:
    reply = await pushes_object(server, name, {"state": "outside-it", "max_age": "77"}, max_age=None)
    if name == ALPHA:
        assert (reply.status_code, reply.headers["pushgate-refusal"]) == (400, "par.beside_request")
        assert reply.json()["error_description"] == (
            f"{REFUSALS['par.beside_request'].description} Invalid parameter max_age."
        )
        assert stored(server) == 0
        return
    kept = (await kept_of(server, name, reply.json()["request_uri"])).request
    assert kept.state == "a-state-of-8", "the object wins"
    assert kept.max_age == (None if name == PLAIN else 77)
    reply = await pushes_object(server, name, {"ext-tenant": "acme"})
    kept = (await kept_of(server, name, reply.json()["request_uri"])).request
    assert kept.custom == ({"ext-tenant": "acme"} if name == TENANT else {})


@pytest.mark.parametrize("name", PRODUCTS)
async def test_fields_beside_an_object_that_has_to_be_signed(name: str) -> None:
    async with running(manifest(realm(name, {"require_signed_request_object": True}))) as server:
        reply = await pushes_object(server, name, {"max_age": "77"}, max_age=None)
        if name == ALPHA:
            assert (reply.status_code, reply.headers["pushgate-refusal"]) == (400, "par.beside_request")
        else:
            assert (await kept_of(server, name, reply.json()["request_uri"])).request.max_age is None


@pytest.mark.parametrize("name", REALMS)
async def test_whom_a_request_object_is_for(server: Running, name: str) -> None:
    issuer = f"{server.server.base_url}/realms/{name}"
    others = {"token": server.server.base_url + TOKEN[name], "slash": f"{issuer}/", "nobody": "https://evil.example"}
    taken = {ACME: {"token"}, TENANT: {"slash"}}.get(name, set())
    for what, aud in others.items():
        reply = await pushes_object(server, name, aud=aud)
        if what in taken:
            assert reply.status_code == 201
        else:
            refused(reply, 400, "invalid_request_object", "request_object.aud")
    bare = await pushes_object(server, name, iss=None, aud=None)
    if name == ALPHA:
        assert bare.status_code == 201
    else:
        refused(bare, 400, "invalid_request_object", "request_object.aud")
    assert (await pushes_object(server, name, aud=None)).status_code == 201
    assert (await pushes_object(server, name, iss=None)).status_code == 201


# --- At the authorization endpoint ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REALMS)
async def test_parameters_beside_a_pushed_request(server: Running, name: str) -> None:
    uri = await push(server, name, state=None, nonce="the-pushed-nonce")
    beside = {"state": "beside-it", "nonce": "another-nonce", "response_mode": "fragment", "code_challenge": "c" * 43}
    browser = await answered(server, name, uri, **beside)
    assert browser.landed is not None
    assert "#" not in browser.landed, "where the answer goes was pushed"
    assert browser.answer.get("state") == ("beside-it" if name in (ACME, ALPHA) else None)
    reply = await redeemed(server, name, browser.answer["code"])
    assert reply.status_code == 200
    assert id_token(reply)["nonce"] == "the-pushed-nonce"


def id_token(reply: httpx.Response) -> dict[str, Any]:
    """The claims of an ID Token, not verified."""
    import json
    from base64 import urlsafe_b64decode

    payload = reply.json()["id_token"].split(".")[1]
    found: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


@pytest.mark.parametrize("name", [ACME, ALPHA])
@pytest.mark.parametrize("member", ["require_pushed_authorization_requests", "require_signed_request_object"])
async def test_nothing_beside_counts_where_requests_have_to_be_pushed_or_signed(name: str, member: str) -> None:
    async with running(manifest(realm(name, {member: True}))) as strict:
        reply = await pushes_object(strict, name, state=None)
        assert "state" not in (await answered(strict, name, reply.json()["request_uri"], state="beside-it")).answer


@pytest.mark.parametrize("name", [ACME, ALPHA])
async def test_nothing_is_added_to_what_was_signed(server: Running, name: str) -> None:
    reply = await pushes_object(server, name, state=None)
    assert "state" not in (await answered(server, name, reply.json()["request_uri"], state="beside-it")).answer


@pytest.mark.parametrize("name", [ACME, ALPHA])
async def test_nobody_makes_a_sign_in_easier_beside_a_pushed_request(name: str) -> None:
    client = {"default_journey": "password-totp", "default_max_age": 60}
    async with running(manifest(realm(name, client))) as server:
        beside = {
            "service": "password",
            "max_age": "9999999",
            "acr_values": "x",
            "claims": '{"userinfo": {"name": null}}',
        }
        browser = await opened(server, name, await push(server, name), **beside)
        await browser.sign_in()
        assert browser.page is not None
        assert "enrol-submit" in browser.page.text, "the client's own journey goes on to a second factor"


@pytest.mark.parametrize("name", REALMS)
async def test_where_errors_are_told(server: Running, name: str) -> None:
    uri = await push(server, name, prompt="none")
    browser = await opened(server, name, uri)
    plain = await server.browser().open(AUTHORIZE[name], params=request_of(name, scope="unheard-of"))
    denied = await opened(server, name, await push(server, name))
    await denied.sign_in()
    await denied.deny()
    if name == ALPHA:
        shown(browser.page, 401, "login_required", "authorize.login_required")
        shown(plain.page, 400, "invalid_scope", "request.scope_not_allowed")
        shown(denied.page, 401, "access_denied", "authorize.denied")
        shown((await opened(server, name, uri)).page, 400, "invalid_request_uri", "authorize.request_uri_used")
    else:
        assert browser.answer["error"] == "login_required"
        assert plain.answer["error"] == "invalid_scope"
        assert denied.answer["error"] == "access_denied"
