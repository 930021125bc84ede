"""Redirect URIs: what may be registered, what matches at the two endpoints, what happens to those that do not."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from pushgate.manage.manifest import BadManifest
from pushgate.protocol.redirect_uri import matches, registration_problem
from pushgate.testing import Running
from tests.support.manifests import APP_SECRET, REDIRECT, REQUEST, VERIFIER
from tests.support.steps import (
    PAR,
    TOKEN,
    answered,
    ask,
    at,
    but,
    post_as,
    redeem,
    refused,
    shown,
    stored,
)

ENTRIES = pytest.mark.parametrize("push", [True, False], ids=["pushed", "browser"])


def client(client_id: str, *redirect_uris: str, method: str = "client_secret_basic", **more: str) -> str:
    """A manifest with one more client."""
    secret = "" if method == "none" else f"client_secret: {APP_SECRET}, "
    members = "".join(f", {name}: {value}" for name, value in more.items())
    uris = ", ".join(f"'{uri}'" for uri in redirect_uris)
    return (
        f"realms: [{{name: default, clients: [{{client_id: {client_id}, {secret}token_endpoint_auth_method: {method}, "
        f"redirect_uris: [{uris}]{members}}}]}}]"
    )


# --- Registration --------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-3.1.2-1", "BCP-2.6-1")
@pytest.mark.parametrize(
    "uri",
    [
        "https://rp.example/cb#x",
        "https://rp.example/cb#",
        "/cb",
        "//rp.example/cb",
        "rp.example/cb",
        "https:///cb",
        "https://user@rp.example/cb",
        "https://rp.example/a b",
        "https://rp.example\\@evil.example/",
        "https://rp.example:port/cb",
        "https://rp.exämple/cb",
        "http://rp.example/cb",
        "http://127.0.0.1.rp.example/cb",
        "http://10.0.0.1/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "com.example.app:/cb",
        f"https://rp.example/{'a' * 2000}",
        "",
    ],
)
async def test_a_redirect_uri_that_cannot_be_registered(server: Running, uri: str) -> None:
    with pytest.raises(BadManifest, match=r"redirect_uris\[0\]"):
        await server.apply(client("x", uri, application_type="web", scope="openid"))
    assert await server.management.configuration.client("default", "x") is None


@pytest.mark.requirement("BCP-2.6-1", "OIDC-3.2.2.1-2")
@pytest.mark.parametrize("types", ["[code]", "[id_token]", "[id_token token]"])
@pytest.mark.parametrize("uri", ["http://127.0.0.1:1234/cb", "http://localhost/cb", "http://[::1]/cb"])
async def test_a_web_application_has_no_http_redirect_uri_even_on_loopback(
    server: Running, types: str, uri: str
) -> None:
    flows = {"response_types": types, "grant_types": "[authorization_code, implicit]"}
    with pytest.raises(BadManifest, match="a web application needs https"):
        await server.apply(client("x", uri, application_type="web", **flows))
    with pytest.raises(BadManifest, match="is http"):
        await server.apply(client("x", "http://rp.example/cb", application_type="native", **flows))
    await server.apply(client("x", uri, application_type="native", **flows))


@pytest.mark.parametrize("uri", ["com.example.app:/cb", "https://rp.example/cb", "http://[::1]:80/cb"])
def test_what_a_native_application_may_register(uri: str) -> None:
    assert registration_problem(uri, "native") is None


@pytest.mark.parametrize("uri", ["myapp:/cb", "javascript:x.y", "file:///etc/x.y", "http://192.168.0.1/"])
def test_what_not_even_a_native_application_may_register(uri: str) -> None:
    assert registration_problem(uri, "native") is not None


@pytest.mark.requirement("OA-3.1.2.2-1")
@pytest.mark.parametrize(
    ("method", "grant", "types"),
    [
        ("none", "authorization_code", "[code]"),
        ("client_secret_basic", "implicit", "[token]"),
        ("client_secret_basic", "authorization_code", "[code]"),
    ],
)
async def test_a_client_with_redirects_needs_a_registered_uri(
    server: Running, method: str, grant: str, types: str
) -> None:
    with pytest.raises(BadManifest, match="redirect_uris: at least one is needed"):
        await server.apply(client("x", method=method, grant_types=f"[{grant}]", response_types=types))


@pytest.mark.requirement("OA-3.1.2.2-1")
@pytest.mark.parametrize("response_type", ["code", "token"])
@pytest.mark.parametrize("redirect_uri", ["https://evil.example/cb", None])
async def test_a_public_client_without_registered_uri_gets_no_redirect(
    server: Running, response_type: str, redirect_uri: str | None
) -> None:
    await server.apply(client("x", method="none", grant_types="[refresh_token]", scope="write"))
    request = but(REQUEST, redirect_uri=redirect_uri, response_type=response_type, scope="write")
    refusal = "request.redirect_uri_mismatch" if redirect_uri else "request.redirect_uri_missing"
    shown((await ask(server, request, "x")).page, 400, "invalid_request", refusal)
    assert stored(server) == 0


# --- Matching -----------------------------------------------------------------------------------------

ALMOST = [
    "https://app.example/callback/",
    "https://app.example/callback/more",
    "https://app.example/callback?",
    "https://app.example/callback?a=1",
    "https://app.example/callback#",
    "https://app.example/callback#x",
    "https://app.example/Callback",
    "https://APP.example/callback",
    "HTTPS://app.example/callback",
    "https://app.example:443/callback",
    "https://app.example./callback",
    "https://app.example/call%62ack",
    "https://app.example/callback%00",
    "https://app.example/callback%20",
    "https://app.example/callback ",
    " https://app.example/callback",
    "https://app.example//callback",
    "https://app.example/./callback",
    "https://app.example/x/../callback",
    "https://app.example/callbac",
    "https://app.example/",
    "https://sub.app.example/callback",
    "https://app.example.evil.example/callback",
    "https://app.example@evil.example/callback",
    "https://user@app.example/callback",
    "https://evil.example/https://app.example/callback",
    "https://*.example/callback",
    "http://app.example/callback",
    "//app.example/callback",
    "/callback",
    "javascript:alert(1)",
    "https://post.example/cb",
    "https://evil.example/callback",
]


@pytest.mark.requirement("BCP-2.1-1", "OA-3.1.2.4-1", "OIDC-3.1.2.1-4", "BCP-2.1-2")
@pytest.mark.parametrize("uri", ALMOST)
@pytest.mark.parametrize("scope", ["openid", "write"])
async def test_what_is_not_character_for_character_registered_is_refused_without_redirect(
    server: Running, uri: str, scope: str
) -> None:
    request = but(REQUEST, redirect_uri=uri, scope=scope)
    browser = await ask(server, request)
    shown(browser.page, 400, "invalid_request", "request.redirect_uri_mismatch")
    refused(await post_as(server, "app", PAR, request), 400, "invalid_request", "request.redirect_uri_mismatch")
    assert stored(server) == 0


@pytest.mark.requirement("OA-3.1.2.4-1")
@pytest.mark.parametrize(
    "broken", [{"response_type": "foo"}, {"scope": '"'}, {"response_mode": "foo"}, {"prompt": "none"}]
)
async def test_a_bad_redirect_uri_is_never_told_about_another_fault(server: Running, broken: dict[str, str]) -> None:
    browser = await ask(server, {**REQUEST, "redirect_uri": "https://evil.example/cb", **broken})
    assert browser.page is not None
    assert browser.page.status_code == 400
    assert browser.landed is None
    assert "evil.example" not in browser.page.text


@pytest.mark.requirement("OA-3.1.2-1")
@ENTRIES
async def test_the_query_of_a_redirect_uri_is_kept(server: Running, push: bool) -> None:
    uri = "https://query.example/cb?a=1&b=%26%20"
    await server.apply(client("query", uri, scope="openid"))
    request = but(REQUEST, redirect_uri=uri, scope="openid")
    browser = await answered(server, request, "query", push=push)
    assert browser.landed is not None
    assert browser.landed.startswith(uri + "&")
    query = parse_qs(urlsplit(browser.landed).query)
    assert (query["a"], query["b"], query["state"]) == (["1"], ["& "], [REQUEST["state"]])
    assert (await redeem(server, query["code"][0], "query", redirect_uri=uri)).status_code == 200
    failed = await ask(server, but(request, scope="nothing"), "query", browser=browser)
    assert failed.landed is not None
    assert failed.landed.startswith(uri + "&error=invalid_scope")


@pytest.mark.requirement("BCP-2.1-1")
async def test_a_native_application_may_listen_on_any_loopback_port(server: Running) -> None:
    await server.apply(client("cli", "http://127.0.0.1/cb", method="none", scope="openid"))
    request = but(REQUEST, redirect_uri="http://127.0.0.1:51004/cb", scope="openid")
    browser = await answered(server, request, "cli")
    assert browser.landed is not None
    assert browser.landed.startswith("http://127.0.0.1:51004/cb?")
    form = {"grant_type": "authorization_code", "client_id": "cli", "code": browser.answer["code"]}
    form |= {"code_verifier": VERIFIER}
    # The port of the request counts, not the registered URI.
    reply = await server.http.post(TOKEN, data=form | {"redirect_uri": "http://127.0.0.1/cb"})
    refused(reply, 400, "invalid_grant", "code.redirect_uri")
    reply = await server.http.post(TOKEN, data=form | {"redirect_uri": request["redirect_uri"]})
    assert reply.status_code == 200


@pytest.mark.requirement("BCP-2.1-1")
@pytest.mark.parametrize(
    ("registered", "wanted", "application_type"),
    [
        ("http://127.0.0.1/cb", "http://127.0.0.1:80a/cb", "native"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:99999/cb", "native"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:123456/cb", "native"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:٣/cb", "native"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:80@evil.example/cb", "native"),
        ("http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb", "native"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:80/cb/", "native"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:80/cb?x", "native"),
        ("http://127.0.0.1/cb", "http://localhost/cb", "native"),
        ("http://127.0.0.1/cb", "http://[::1]/cb", "native"),
        ("http://127.0.0.1/cb", "https://127.0.0.1/cb", "native"),
        ("http://localhost/cb", "http://localhost:8080/cb", "native"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:80/cb", "web"),
        ("https://127.0.0.1/cb", "https://127.0.0.1:80/cb", "native"),
    ],
)
def test_only_the_port_of_a_loopback_address_may_differ(registered: str, wanted: str, application_type: str) -> None:
    assert not matches(registered, wanted, application_type)
    assert matches(registered, registered, application_type)


# --- Leaving it out ------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-3.1.2.3-1")
@pytest.mark.parametrize("scope", ["openid", "write"])
async def test_it_cannot_be_left_out_when_several_are_registered(server: Running, scope: str) -> None:
    await server.apply(client("two", "https://two.example/a", "https://two.example/b", scope="openid write"))
    request = but(REQUEST, redirect_uri=None, scope=scope)
    shown((await ask(server, request, "two")).page, 400, "invalid_request", "request.redirect_uri_missing")
    refused(await post_as(server, "two", PAR, request), 400, "invalid_request", "request.redirect_uri_missing")
    assert stored(server) == 0


@pytest.mark.requirement("OA-3.1.2.3-2", "OIDC-3.1.2.1-4")
async def test_it_cannot_be_left_out_with_openid(server: Running) -> None:
    request = but(REQUEST, redirect_uri=None)
    shown((await ask(server, request)).page, 400, "invalid_request", "request.redirect_uri_missing")
    refused(await post_as(server, "app", PAR, request), 400, "invalid_request", "request.redirect_uri_missing")
    assert stored(server) == 0


@pytest.mark.requirement("OA-3.1.2.3-2")
@ENTRIES
async def test_left_out_without_openid_it_is_the_only_registered_one(server: Running, push: bool) -> None:
    browser = await answered(server, but(REQUEST, redirect_uri=None, scope="write"), push=push)
    assert browser.landed is not None
    assert browser.landed.startswith(REDIRECT + "?")
    assert (await redeem(server, browser.answer["code"], redirect_uri=None)).status_code == 200


# --- Use --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("BCP-2.6-1")
async def test_an_http_uri_that_is_not_registered_cannot_be_used(server: Running) -> None:
    request = but(REQUEST, redirect_uri="http://app.example/callback")
    shown((await ask(server, request)).page, 400, "invalid_request", "request.redirect_uri_mismatch")


async def test_a_redirect_uri_that_was_withdrawn_meanwhile_is_not_used(server: Running) -> None:
    await server.apply(client("fickle", "https://old.example/cb", scope="openid"))
    request = but(REQUEST, redirect_uri="https://old.example/cb", scope="openid")
    browser = await ask(server, request, "fickle", push=True)
    assert at(browser, "login")
    await server.apply(client("fickle", "https://new.example/cb", scope="openid"))
    await browser.sign_in()
    shown(browser.page, 400, "invalid_request", "request.redirect_uri_mismatch")
    assert stored(server, "code") == 0
