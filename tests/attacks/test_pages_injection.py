"""Have one's own markup shown by our pages, in one's own name or in that of the server."""

from __future__ import annotations

import html
import json
from urllib.parse import quote

import httpx
import pytest

from pushgate.refusals import REFUSALS
from pushgate.testing import Running
from tests.support.manifests import MANIFEST, REQUEST
from tests.support.steps import AUTHORIZE, HYBRID, PAR, TOKEN, answer_in, answered, ask, at, but, post_as

MARKUP = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</title></textarea></script><b>bold",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "{{ 7919 * 7907 }}{% include 'x' %}",
    "javascript:alert(1)",
    "<!--#exec cmd=x-->",
    "\u2028\u202e<b>",
]
EVERY_MARKUP = pytest.mark.parametrize("markup", MARKUP)
PARAMETERS = (
    "client_id", "redirect_uri", "request_uri", "response_type", "response_mode", "scope", "state", "nonce", "prompt",
    "max_age", "display", "ui_locales", "login_hint", "id_token_hint", "acr_values", "code_challenge",
    "code_challenge_method", "error", "error_description", "request",
)  # fmt: skip


def harmless(page: httpx.Response, markup: str) -> None:
    """The markup is nowhere in the page as it was sent, unless it holds nothing that markup needs."""
    if set(markup) & set("<>\"'&"):
        assert markup not in page.text
    assert "62615533" not in page.text
    assert "<b>" not in page.text


@EVERY_MARKUP
@pytest.mark.parametrize("name", PARAMETERS)
async def test_put_markup_into_a_parameter(server: Running, name: str, markup: str) -> None:
    for request in (REQUEST, but(REQUEST, response_mode="form_post", prompt="none")):
        reply = await server.http.get(AUTHORIZE, params={"client_id": "app", **request, name: markup})
        harmless(reply, markup)
        if reply.status_code == 303 and reply.headers["location"].startswith("/"):
            browser = await ask(server, {**request, name: markup})
            assert browser.page is not None
            harmless(browser.page, markup)


@pytest.mark.requirement("OIDC-3.1.2.1-11")
@EVERY_MARKUP
async def test_put_markup_into_the_login_form(server: Running, markup: str) -> None:
    browser = await ask(server, but(REQUEST, login_hint=markup))
    if markup.startswith("{"):  # it announces a JSON object and is none
        assert browser.answer["error"] == "invalid_request"
        return
    assert at(browser, "login")
    assert browser.page is not None
    harmless(browser.page, markup)
    # It is filled in as text all the same.
    assert dict(browser.form().fields)["username"] == markup
    await browser.sign_in(markup, markup)
    assert browser.page.status_code == 400
    harmless(browser.page, markup)
    assert dict(browser.form().fields)["username"] == markup
    assert dict(browser.form().fields)["password"] == ""


@EVERY_MARKUP
async def test_register_a_client_or_a_user_whose_name_is_markup(server: Running, markup: str) -> None:
    name = json.dumps(markup)
    if "\u2028" in markup:  # a name of several lines is not saved at all
        name = json.dumps(markup := markup.replace("\u2028", " "))
    manifest = MANIFEST.replace("client_name: The App", f"client_name: {name}")
    await server.apply(manifest)
    browser = await ask(server, REQUEST)
    for page in ("login", "consent"):
        assert at(browser, page)
        assert browser.page is not None
        harmless(browser.page, markup)
        # What reorders text in secret is dropped, everything else is shown as it is.
        assert (
            html.escape(markup.replace("\u202e", ""), quote=True).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
            in browser.page.text
        )
        if page == "login":
            await browser.sign_in()


@EVERY_MARKUP
async def test_have_markup_posted_to_the_client_in_our_form(server: Running, markup: str) -> None:
    browser = await answered(server, but(REQUEST, state=markup, response_mode="form_post"))
    assert browser.page is not None
    harmless(browser.page, markup)
    assert answer_in(browser, "form_post", REQUEST["redirect_uri"])["state"] == markup


@EVERY_MARKUP
@pytest.mark.parametrize("path", ["/{}", "/oauth2/login/{}", "/oauth2/consent/{}", "/realms/{}/", "/oauth2/{}"])
async def test_put_markup_into_the_path(server: Running, path: str, markup: str) -> None:
    url = path.format(quote(markup))
    for accept in ("text/html", "application/json", "*/*"):
        reply = await server.http.get(url, headers={"accept": accept})
        assert reply.status_code in (400, 404)
        harmless(reply, markup)


@pytest.mark.requirement("OA-4.1.2.1-4")
@pytest.mark.parametrize("value", ['"quoted"', "back\\slash", "line\r\nbreak", "Größe", "\t", "<script>"])
async def test_have_it_reflected_in_an_error(server: Running, value: str) -> None:
    descriptions = {refusal.description for refusal in REFUSALS.values()}
    for name in PARAMETERS:
        request = {**HYBRID, name: value}
        reply = await post_as(server, "hybrid", PAR, {k: v for k, v in request.items() if k != "client_id"})
        if not reply.is_success:
            assert reply.json().keys() == {"error", "error_description"}
            assert reply.json()["error_description"] in descriptions
        reply = await server.http.get(AUTHORIZE, params={"client_id": "hybrid", **request})
        location = httpx.URL(reply.headers.get("location", ""))
        if "error" in location.params:
            assert location.params["error_description"] in descriptions
    for name in ("grant_type", "code", "refresh_token", "redirect_uri", "code_verifier", "scope", "client_secret"):
        reply = await post_as(server, "spa", TOKEN, {"grant_type": "authorization_code", "code": "x", name: value})
        assert reply.json()["error_description"] in descriptions
        for header in reply.headers.values():
            assert value not in header


@EVERY_MARKUP
async def test_have_it_kept_in_a_header(server: Running, markup: str) -> None:
    name = markup.encode("ascii", "ignore").decode()
    for headers in ({"accept": name}, {"origin": name}, {"user-agent": name}, {"cookie": f"pushgate-browser={name}"},
                    {"authorization": name}, {"x-request-id": name}):  # fmt: skip
        for method, path in (("GET", AUTHORIZE), ("GET", "/oauth2/logout"), ("POST", TOKEN), ("GET", "/nothing")):
            reply = await server.http.request(method, path, headers=headers)
            assert reply.status_code < 500
            harmless(reply, name)
            assert name not in reply.headers.values()
