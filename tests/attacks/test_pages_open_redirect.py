"""Use our host to send a browser somewhere of the attacker's choosing."""

from __future__ import annotations

import itertools

import pytest

from pushgate.testing import BASE_URL, Browser, Running
from tests.support.manifests import MANIFEST, REDIRECT, REQUEST
from tests.support.steps import AUTHORIZE, PAR, answered, ask, at, but, post_as, shown

EVIL = "https://evil.example/landing"
NAMES = (
    "next", "url", "return_to", "returnTo", "redirect", "redirect_url", "continue", "target",
    "post_logout_redirect_uri", "state", "error_uri", "client_uri", "RelayState", "id_token_hint", "login_hint",
)  # fmt: skip
EVERYWHERE = dict.fromkeys(NAMES, EVIL)


def stays(browser: Browser) -> bool:
    """The browser is still at our own host, and nothing on its page leads to the attacker."""
    assert browser.page is not None, browser.landed
    return str(browser.page.url).startswith(BASE_URL) and f'="{EVIL}' not in browser.page.text


@pytest.mark.requirement("BCP-2.1-2", "OA-3.1.2.4-1")
@pytest.mark.parametrize("page", ["/", AUTHORIZE, "/oauth2/logout", "/oauth2/login/x", "/oauth2/consent/x", "/nothing"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_name_a_destination_in_a_parameter(server: Running, page: str, method: str) -> None:
    for browser in (server.browser(), await answered(server)):
        params = {**EVERYWHERE, "redirect_uri": EVIL}
        if method == "GET":
            await browser.open(page, params=params, headers={"accept": "text/html"})
        else:
            await browser._follow(await browser.http.post(page, params=params, data=params))
        assert stays(browser)


@pytest.mark.requirement("BCP-2.1-2")
async def test_name_a_destination_on_the_way_through_login_and_consent(server: Running) -> None:
    browser = await ask(server, {**EVERYWHERE, **but(REQUEST, state="x")} | {"id_token_hint": ""})
    assert at(browser, "login")
    for fields in ({"username": "alice", "password": "alice-password"}, {"decision": "allow"}):
        form = browser.form()
        data = {**EVERYWHERE, **dict(form.fields), **fields, "redirect_uri": EVIL, "action": ""}
        reply = await browser.http.post(form.action, params={"next": EVIL, "redirect_uri": EVIL}, data=data)
        await browser._follow(reply)
    assert browser.landed is not None
    assert browser.landed.startswith(REDIRECT + "?")
    assert "evil" not in browser.landed


@pytest.mark.requirement("BCP-2.1-2")
async def test_name_a_destination_at_sign_out(server: Running) -> None:
    browser = await answered(server)
    await browser.open("/oauth2/logout", params=EVERYWHERE)
    shown(browser.page, 400, "invalid_request", "logout.hint")
    assert stays(browser)
    unproven = but(EVERYWHERE, id_token_hint=None)
    await browser.open("/oauth2/logout", params=unproven)
    assert stays(browser)
    await browser.submit("logout-submit", **unproven)
    assert stays(browser)
    assert browser.page is not None
    assert browser.page.status_code == 200
    assert "evil.example" not in browser.page.text


@pytest.mark.requirement("BCP-2.1-2", "OA-3.1.2.4-1")
async def test_use_the_redirect_uri_of_another_client(server: Running) -> None:
    uris = {
        "app": REDIRECT, "post": "https://post.example/cb", "spa": "https://spa.example/cb",
        "hybrid": "https://hybrid.example/cb",
    }  # fmt: skip
    for client_id, other in itertools.permutations(uris, 2):
        browser = await ask(server, but(REQUEST, redirect_uri=uris[other], scope="openid"), client_id)
        shown(browser.page, 400, "invalid_request", "request.redirect_uri_mismatch")


@pytest.mark.requirement("BCP-2.1-2")
async def test_pushed_parameters_cannot_be_overridden_in_the_url(server: Running) -> None:
    reply = await post_as(server, "app", PAR, REQUEST)
    params = {"client_id": "app", "request_uri": reply.json()["request_uri"], "redirect_uri": EVIL, "state": "other"}
    browser = await server.browser().open(AUTHORIZE, params=params | {"response_mode": "fragment", "prompt": "none"})
    await browser.sign_in()
    await browser.allow()
    assert browser.landed is not None
    assert browser.landed.startswith(REDIRECT + "?")
    assert browser.answer["state"] == REQUEST["state"]


@pytest.mark.requirement("BCP-2.1-2")
@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"x-forwarded-host": "evil.example"},
        {"x-forwarded-host": "evil.example", "x-forwarded-proto": "https", "x-forwarded-prefix": "//evil.example"},
        {"forwarded": "host=evil.example"},
        {"x-original-url": "//evil.example/"},
        {"referer": EVIL, "origin": "https://evil.example"},
    ],
)
async def test_tell_the_server_that_it_is_somebody_else(server: Running, headers: dict[str, str]) -> None:
    params = {"client_id": "app", **REQUEST}
    reply = await server.http.get(AUTHORIZE, params=params, headers=headers)
    assert reply.status_code == 303
    assert reply.headers["location"].startswith("/oauth2/login/")
    page = await server.http.get("/", headers=headers)
    assert "evil.example" not in page.text


@pytest.mark.requirement("BCP-2.1-2")
@pytest.mark.parametrize(
    "path",
    ["//evil.example/", "/\\evil.example/", "//evil.example/oauth2/authorize", "/oauth2/authorize//evil.example",
     "/oauth2/login//evil.example/%2e%2e", "/realms//evil.example/", "/%2f%2fevil.example/", "/;@evil.example/"],
)  # fmt: skip
async def test_hide_a_destination_in_the_path(server: Running, path: str) -> None:
    reply = await server.http.get(f"{BASE_URL}{path}", headers={"accept": "text/html"})
    assert reply.status_code in (400, 404)
    assert "location" not in reply.headers


@pytest.mark.requirement("BCP-2.1-2")
async def test_split_the_header_that_redirects(server: Running) -> None:
    sneaky = "x\r\nLocation: https://evil.example/\r\n\r\n<script>"
    for name in ("state", "nonce", "scope", "client_id", "redirect_uri", "request_uri", "response_mode"):
        for value in (sneaky, sneaky.replace("\r", "")):
            reply = await server.http.get(
                AUTHORIZE, params={"client_id": "app", **REQUEST, "prompt": "none", name: value}
            )
            for header in reply.headers.raw:
                assert b"\r" not in header[1]
                assert b"\n" not in header[1]
                assert b"evil.example/" not in header[1]
            assert len(reply.headers.get_list("location")) <= 1


async def test_register_a_client_whose_links_run_scripts(server: Running) -> None:
    for member in ("client_uri", "policy_uri", "tos_uri"):
        for address in ("javascript:alert(1)", "data:text/html,x", "http://evil.example", "//evil.example"):
            manifest = MANIFEST.replace("client_name: The App", f"{member}: '{address}'")
            with pytest.raises(Exception, match=member):
                await server.apply(manifest)
