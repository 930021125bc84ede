"""Where the answer may go: registered redirect URIs, and the per-client option to push others (RFC 9126 2.4)."""

from __future__ import annotations

import httpx
import msgspec
import pytest

from pushgate.manage.manifest import BadManifest
from pushgate.store.durable.configuration import save_client
from pushgate.testing import Running
from tests.support import steps
from tests.support.manifests import APP, APP_SECRET, REDIRECT, REQUEST, VERIFIER

FOREVER = 2**40
RELAXED = ("relaxed", APP_SECRET)
TWO = ("two", APP_SECRET)
PREFIX = "https://rp.example/cb/"
MORE = f"""
realms:
  - name: default
    clients:
      - client_id: relaxed
        client_secret: {APP_SECRET}
        redirect_uris: [https://rp.example/registered]
        pushed_redirect_uri_prefixes: [{PREFIX}, "https://rp.example/exact?tenant="]
        scope: openid email
      - client_id: two
        client_secret: {APP_SECRET}
        redirect_uris: [https://two.example/a, https://two.example/b]
        scope: openid write
"""


async def push(server: Running, auth: tuple[str, str] = APP, **changes: str | None) -> httpx.Response:
    data = {name: value for name, value in (REQUEST | changes).items() if value is not None}
    return await server.http.post("/oauth2/par", auth=auth, data=data)


async def refused(server: Running, reply: httpx.Response, refusal: str) -> None:
    """400 invalid_request in JSON, no redirect, nothing stored."""
    steps.refused(reply, 400, "invalid_request", refusal)
    assert "location" not in reply.headers
    assert await server.transient.purge(FOREVER) == 0


@pytest.mark.requirement("PAR-2.1-5", "PAR-2.3-2")
@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://app.example/callback/",
        "https://app.example/callback/more",
        "https://app.example/Callback",
        "https://app.example/callback?x=y",
        "https://app.example/callback?",
        "https://app.example/callback#fragment",
        "https://app.example/callback%20",
        "https://app.example/call%62ack",
        "https://app.example/./callback",
        "https://app.example/x/../callback",
        "https://app.example//callback",
        "https://app.example",
        "https://app.example/",
        "https://APP.example/callback",
        "HTTPS://app.example/callback",
        "http://app.example/callback",
        "https://app.example:443/callback",
        "https://app.example:8443/callback",
        "https://app.example./callback",
        "https://user@app.example/callback",
        "https://app.example@evil.example/callback",
        "https://app.example.evil.example/callback",
        "https://evil.example/https://app.example/callback",
        "//app.example/callback",
        "/callback",
        "javascript:alert(1)",
        "urn:ietf:wg:oauth:2.0:oob",
        " https://app.example/callback",
        "https://app.example/callback ",
        "https://app.example/callback\r\nx: y",
        "https://app.example/callback\x00",
        "https://app.example/callback https://evil.example/",
        "https://аpp.example/callback",  # a Cyrillic letter
        "https://post.example/cb",  # of another client
    ],
)
async def test_a_redirect_uri_that_is_not_registered_is_refused(server: Running, redirect_uri: str) -> None:
    await refused(server, await push(server, redirect_uri=redirect_uri), "request.redirect_uri_mismatch")


@pytest.mark.requirement("PAR-2.3-2")
@pytest.mark.parametrize("scope", ["openid", "write"])
async def test_redirect_uri_cannot_be_left_out_where_two_are_registered(server: Running, scope: str) -> None:
    await server.apply(MORE)
    reply = await push(server, TWO, redirect_uri=None, scope=scope)
    await refused(server, reply, "request.redirect_uri_missing")


@pytest.mark.requirement("PAR-2.3-2")
@pytest.mark.parametrize("redirect_uri", [None, ""])
async def test_redirect_uri_cannot_be_left_out_of_an_openid_request(server: Running, redirect_uri: str | None) -> None:
    reply = await push(server, redirect_uri=redirect_uri, scope="openid")
    await refused(server, reply, "request.redirect_uri_missing")


async def test_the_only_registered_redirect_uri_may_be_left_out_without_openid(server: Running) -> None:
    pushed = await push(server, redirect_uri=None, scope="write")
    assert pushed.status_code == 201
    browser = server.browser()
    await browser.open("/oauth2/authorize", params={"client_id": "app", "request_uri": pushed.json()["request_uri"]})
    await browser.sign_in()
    await browser.allow()
    assert browser.landed is not None
    assert browser.landed.startswith(f"{REDIRECT}?code=")


@pytest.mark.requirement("PAR-2.4-1")
@pytest.mark.parametrize(
    "redirect_uri",
    [
        f"{PREFIX}tenant-1",
        f"{PREFIX}tenant-1/deep.er/x..y/...",
        f"{PREFIX}?tenant=1&next=%2Fhome",
        PREFIX,
        "https://rp.example/exact?tenant=acme",
        "https://rp.example/registered",
    ],
)
async def test_with_the_option_the_answer_goes_exactly_where_the_push_said(server: Running, redirect_uri: str) -> None:
    await server.apply(MORE)
    pushed = await push(server, RELAXED, redirect_uri=redirect_uri)
    assert pushed.status_code == 201
    browser = server.browser()
    params = {"client_id": "relaxed", "request_uri": pushed.json()["request_uri"]}
    await browser.open("/oauth2/authorize", params=params)
    await browser.sign_in()
    await browser.allow()
    assert browser.landed is not None
    assert browser.landed.startswith(f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}code=")
    form = {"grant_type": "authorization_code", "code": browser.answer["code"], "code_verifier": VERIFIER}
    redeemed = await server.http.post("/oauth2/token", auth=RELAXED, data=form | {"redirect_uri": redirect_uri})
    assert redeemed.status_code == 200


@pytest.mark.requirement("PAR-2.4-1")
async def test_without_the_option_the_same_redirect_uri_is_refused(server: Running) -> None:
    await refused(server, await push(server, redirect_uri=f"{PREFIX}tenant-1"), "request.redirect_uri_mismatch")


@pytest.mark.requirement("PAR-2.4-2")
@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://rp.example.evil/cb/",
        "https://rp.example.evil/cb/tenant-1",
        "https://rp.example@evil.example/cb/",
        "https://rp.example:x@evil.example/cb/",
        "https://evil.example/https://rp.example/cb/",
        "https://evil.example\\@rp.example/cb/",
        "https://rp.example:8443/cb/",
        "https://rp.example/cb",
        "https://rp.example/cbx/",
        "https://rp.example/CB/",
        "https://RP.example/cb/",
        "http://rp.example/cb/",
        "https://rp.example/exact",
        "https://rp.example/exact?other=1",
        f"{PREFIX}../admin",
        f"{PREFIX}x/../../admin",
        f"{PREFIX}./x",
        f"{PREFIX}..",
        f"{PREFIX}..?x=y",
        f"{PREFIX}%2e%2e/admin",
        f"{PREFIX}%2E%2E/admin",
        f"{PREFIX}.%2e/admin",
        f"{PREFIX}%2e./admin",
        f"{PREFIX}..%2fadmin",
        f"{PREFIX}..%2Fadmin",
        f"{PREFIX}..%5cadmin",
        f"{PREFIX}..;/admin",
        f"{PREFIX}%2e%2e;x=y/admin",
        f"{PREFIX}..\\admin",
        f"{PREFIX}x\\..\\..\\admin",
        f"{PREFIX}.\t./admin",
        f"{PREFIX}.\n./admin",
        f"{PREFIX}x#fragment",
        f"{PREFIX}#",
        f"{PREFIX}x y",
        f"{PREFIX}x\x7f",
        f"{PREFIX}ü",
        f"{PREFIX}{'x' * 2000}",
    ],
)
async def test_tricks_do_not_lead_out_of_the_prefix(server: Running, redirect_uri: str) -> None:
    await server.apply(MORE)
    reply = await push(server, RELAXED, redirect_uri=redirect_uri)
    await refused(server, reply, "request.redirect_uri_mismatch")


@pytest.mark.requirement("PAR-2.4-2")
@pytest.mark.parametrize(
    "prefix", ["https://rp.example", "http://rp.example/cb/", "https://", "rp.example/cb/", "https://u@rp.example/cb/"]
)
async def test_a_prefix_that_leaves_the_host_open_cannot_be_configured(server: Running, prefix: str) -> None:
    with pytest.raises(BadManifest, match="must be an https URL with a path"):
        await server.apply(MORE.replace(f"[{PREFIX}, ", f"[{prefix}, "))
    assert (await push(server, RELAXED, redirect_uri="https://rp.example/registered")).status_code == 401


@pytest.mark.requirement("PAR-2.4-1")
async def test_the_option_is_for_pushes_alone(server: Running) -> None:
    await server.apply(MORE)
    browser = server.browser()
    await browser.open("/oauth2/authorize", params=REQUEST | {"client_id": "relaxed", "redirect_uri": f"{PREFIX}x"})
    steps.shown(browser.page, 400, "invalid_request", "request.redirect_uri_mismatch")
    assert await server.transient.purge(FOREVER) == 0


@pytest.mark.requirement("PAR-2.4-1", "PAR-4-5")
@pytest.mark.parametrize("prefixes", ["[]", "[https://rp.example/other/]"])
async def test_the_option_may_be_taken_back_before_the_request_is_used(server: Running, prefixes: str) -> None:
    await server.apply(MORE)
    pushed = await push(server, RELAXED, redirect_uri=f"{PREFIX}tenant-1")
    assert pushed.status_code == 201
    before = f'[{PREFIX}, "https://rp.example/exact?tenant="]'
    assert before in MORE
    await server.apply(MORE.replace(before, prefixes))
    params = {"client_id": "relaxed", "request_uri": pushed.json()["request_uri"]}
    browser = await server.browser().open("/oauth2/authorize", params=params)
    steps.shown(browser.page, 400, "invalid_request", "request.redirect_uri_mismatch")


@pytest.mark.requirement("PAR-7.2-1")
async def test_a_public_client_cannot_push_an_unregistered_redirect_uri(server: Running) -> None:
    data = REQUEST | {"client_id": "spa", "redirect_uri": "https://spa.example/cb/more", "scope": "openid"}
    reply = await server.http.post("/oauth2/par", data=data)
    await refused(server, reply, "request.redirect_uri_mismatch")


@pytest.mark.requirement("PAR-7.2-1")
async def test_a_public_client_cannot_be_given_the_option(server: Running) -> None:
    manifest = MORE.replace(f"        client_secret: {APP_SECRET}\n", "        token_endpoint_auth_method: none\n", 1)
    with pytest.raises(BadManifest, match=r"not for public clients \(RFC 9126 7.2\)"):
        await server.apply(manifest)
    data = REQUEST | {"client_id": "relaxed", "redirect_uri": f"{PREFIX}x", "scope": "openid"}
    reply = await server.http.post("/oauth2/par", data=data)
    assert (reply.status_code, reply.headers["pushgate-refusal"]) == (401, "client.authentication")


@pytest.mark.requirement("PAR-7.2-1")
async def test_a_public_client_that_has_the_option_all_the_same_cannot_use_it(server: Running) -> None:
    client = await server.management.configuration.client("default", "spa")
    assert client is not None
    relaxed = msgspec.structs.replace(client, pushed_redirect_uri_prefixes=(PREFIX,))
    await server.management.configuration.change(lambda c: save_client(c, "default", relaxed))
    await server.server.snapshot.refresh()
    data = REQUEST | {"client_id": "spa", "redirect_uri": f"{PREFIX}x", "scope": "openid"}
    await refused(server, await server.http.post("/oauth2/par", data=data), "request.redirect_uri_mismatch")
