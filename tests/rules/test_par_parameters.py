"""What is pushed is what counts: every parameter has the effect that it has without a push."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Any
from urllib.parse import parse_qs, quote, unquote_to_bytes, urlsplit

import httpx
import msgspec
import pytest

from pushgate.model import AuthorizationRequest, ClaimsRequest, ClaimWish, PushedAuthorizationRequest
from pushgate.protocol.interaction import session_digest
from pushgate.testing import Browser, Running
from tests.support.manifests import APP, CHALLENGE, REDIRECT, REQUEST, VERIFIER, s256
from tests.support.steps import told

URN = "urn:ietf:params:oauth:request_uri:"
FORM = {"content-type": "application/x-www-form-urlencoded"}


async def push(server: Running, **changes: str) -> str:
    """Push the request of `app` with changes; the request_uri."""
    reply = await server.http.post("/oauth2/par", auth=APP, data=REQUEST | changes)
    assert reply.status_code == 201
    return str(reply.json()["request_uri"])


async def visit(browser: Browser, request_uri: str) -> Browser:
    return await browser.open("/oauth2/authorize", params={"client_id": "app", "request_uri": request_uri})


async def signed_in(server: Running, username: str = "alice") -> tuple[Browser, dict[str, Any]]:
    """A browser with a session and consent, and the tokens of that flow."""
    browser = await visit(server.browser(), await push(server))
    await browser.sign_in(username, f"{username}-password")
    await browser.allow()
    return browser, (await redeem(server, browser)).json()


async def redeem(server: Running, browser: Browser, verifier: str = VERIFIER) -> httpx.Response:
    form = {"grant_type": "authorization_code", "code": browser.answer["code"], "redirect_uri": REDIRECT}
    return await server.http.post("/oauth2/token", auth=APP, data=form | {"code_verifier": verifier})


def claims(id_token: str) -> dict[str, Any]:
    return dict(msgspec.json.decode(urlsafe_b64decode(id_token.split(".")[1] + "==")))


# --- PAR-2-3: nothing is lost ---------------------------------------------------------------------------

PARAMETERS: dict[str, tuple[str, object]] = {
    "response_type": ("code", "code"),
    "response_mode": ("form_post", "form_post"),
    "redirect_uri": (REDIRECT, REDIRECT),
    "scope": ("write openid profile", ("write", "openid", "profile")),
    "state": ("stäte", "stäte"),
    "nonce": ("a nonce", "a nonce"),
    "prompt": ("login consent", ("login", "consent")),
    "max_age": ("300", 300),
    "dpop_jkt": ("A" * 43, "A" * 43),
    "code_challenge": (s256(VERIFIER[::-1]), s256(VERIFIER[::-1])),
    "code_challenge_method": ("S256", "S256"),
    "login_hint": ("alice@example.com", "alice@example.com"),
    "id_token_hint": ("a.b.c", "a.b.c"),
    "acr_values": ("urn:a urn:b", ("urn:a", "urn:b")),
    "ui_locales": ("de-CH en", ("de-CH", "en")),
    "display": ("popup", "popup"),
    "claims": (
        '{"userinfo": {"name": null, "email": {"essential": true}}, "id_token": {"acr": {"values": ["a", 1]}}, "x": 1}',
        ClaimsRequest(
            userinfo={"name": ClaimWish(), "email": ClaimWish(essential=True)},
            id_token={"acr": ClaimWish(values=("a", 1))},
        ),
    ),
    "claims_locales": ("de-CH fr", ("de-CH", "fr")),
    "resource": ("https://api.example", ("https://api.example",)),
    "service": ("password", "password"),
    "connection": ("c", "c"),
    "organization": ("o", "o"),
    "invitation": ("i", "i"),
    "csrf": ("secret", session_digest("secret")),
    "decision": ("allow", "allow"),
    "save_consent": ("on", "on"),
    "authorization_details": ('[{"type": "payment", "amount": 1}]', ({"type": "payment", "amount": 1},)),
}
"""A value of each parameter that the authorization endpoint reads, and how it is understood."""


async def stored(server: Running, request_uri: str) -> AuthorizationRequest:
    context = await server.server.realm()
    assert context is not None
    row = await context.transient.get("par", context.transient.key("par", request_uri.removeprefix(URN)))
    assert row is not None
    return PushedAuthorizationRequest.decode(row.value).request


@pytest.mark.requirement("PAR-2-3")
def test_the_list_above_is_complete() -> None:
    assert PARAMETERS.keys() == set(AuthorizationRequest.__struct_fields__) - {"client_id", "custom"}


@pytest.mark.requirement("PAR-2-3")
@pytest.mark.parametrize("name", PARAMETERS)
async def test_a_pushed_parameter_is_understood_as_the_authorization_endpoint_understands_it(
    server: Running, name: str
) -> None:
    value, meaning = PARAMETERS[name]
    pushed = await stored(server, await push(server, **{name: value}))
    direct = await server.http.post("/oauth2/authorize", data=REQUEST | {"client_id": "app", name: value})
    kept = parse_qs(urlsplit(direct.headers["location"]).query)["request_uri"][0]
    assert getattr(pushed, name) == meaning
    assert pushed == await stored(server, kept)


@pytest.mark.requirement("PAR-2-3")
async def test_pushed_redirect_uri_state_nonce_scope_and_challenge_reach_the_tokens(server: Running) -> None:
    verifier = VERIFIER[::-1]
    request_uri = await push(server, scope="openid", state="s1", nonce="n1", code_challenge=s256(verifier))
    browser = await visit(server.browser(), request_uri)
    await browser.sign_in()
    await browser.allow()
    assert browser.landed is not None
    assert browser.landed.startswith(f"{REDIRECT}?")
    assert browser.answer["state"] == "s1"
    refused = await redeem(server, browser, VERIFIER)
    assert (refused.status_code, refused.headers["pushgate-refusal"]) == (400, "code.verifier_wrong")
    tokens = (await redeem(server, browser, verifier)).json()
    assert tokens["scope"] == "openid"
    assert claims(tokens["id_token"])["nonce"] == "n1"


@pytest.mark.requirement("PAR-2-3")
@pytest.mark.parametrize(("mode", "mark"), [("query", "?"), ("fragment", "#"), ("form_post", None)])
async def test_a_pushed_response_mode_decides_how_the_answer_travels(
    server: Running, mode: str, mark: str | None
) -> None:
    browser = await visit(server.browser(), await push(server, response_mode=mode))
    await browser.sign_in()
    await browser.allow()
    if mark is None:
        assert browser.form().action == REDIRECT
    else:
        assert browser.landed is not None
        assert browser.landed.startswith(f"{REDIRECT}{mark}code=")
    assert browser.answer["code"]
    assert browser.answer["state"] == REQUEST["state"]


@pytest.mark.requirement("PAR-2-3")
async def test_a_pushed_login_hint_fills_in_the_login_page(server: Running) -> None:
    browser = await visit(server.browser(), await push(server, login_hint='bob" autofocus="'))
    assert ("username", 'bob" autofocus="') in browser.form().fields


@pytest.mark.requirement("PAR-2-3")
@pytest.mark.parametrize("prompt", ["login", "select_account"])
async def test_a_pushed_prompt_asks_a_signed_in_user_again(server: Running, prompt: str) -> None:
    browser, _ = await signed_in(server)
    server.clock.advance(1)
    await visit(browser, await push(server, prompt=prompt))
    assert browser.page is not None
    assert "/login/" in browser.page.url.path
    await (browser.submit("select-continue") if prompt == "select_account" else browser.sign_in())
    assert browser.answer["code"]


@pytest.mark.requirement("PAR-2-3")
async def test_a_pushed_prompt_consent_asks_for_consent_again(server: Running) -> None:
    browser, _ = await signed_in(server)
    await visit(browser, await push(server, prompt="consent"))
    assert browser.page is not None
    assert "/consent/" in browser.page.url.path
    await browser.allow()
    assert browser.answer["code"]


# --- PAR-2-2: bytes in, the same bytes out ---------------------------------------------------------------

STATES = [
    "zażółć gęślą jaźń",
    "状態-🎈-حالة",
    "a+b c&d=e#f?g%41%2541;/\\\"'<>",
    " leading and trailing ",
    "e\u0301 is not é",
    "\u202eright to left\u2028",
    "%",
    "x" * 4000,
]


async def answer_to(server: Running, body: bytes) -> Browser:
    reply = await server.http.post("/oauth2/par", auth=APP, content=body, headers=FORM)
    assert reply.status_code == 201
    browser = await visit(server.browser(), reply.json()["request_uri"])
    await browser.sign_in()
    return await browser.allow()


def body_with(state: bytes, mode: str) -> bytes:
    fields = {name: quote(value) for name, value in REQUEST.items() if name != "state"} | {"response_mode": mode}
    return "&".join(f"{name}={value}" for name, value in fields.items()).encode() + b"&state=" + state


@pytest.mark.requirement("PAR-2-2")
@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
@pytest.mark.parametrize("state", STATES, ids=range(len(STATES)))
async def test_state_comes_back_byte_for_byte(server: Running, state: str, mode: str) -> None:
    browser = await answer_to(server, body_with(quote(state, safe="").encode(), mode))
    if mode == "form_post":
        assert browser.answer["state"].encode() == state.encode()
        return
    parts = urlsplit(browser.landed or "")
    fields = [field for field in (parts.fragment or parts.query).split("&") if field.startswith("state=")]
    assert [unquote_to_bytes(field.removeprefix("state=")) for field in fields] == [state.encode()]


@pytest.mark.requirement("PAR-2-2")
async def test_state_may_be_sent_as_raw_utf_8(server: Running) -> None:
    browser = await answer_to(server, body_with("zażółć/🎈:x".encode(), "query"))
    assert browser.answer["state"] == "zażółć/🎈:x"


@pytest.mark.requirement("PAR-2-2")
@pytest.mark.parametrize("state", [b"%ff", b"%c3%28", b"\xff", b"%ed%a0%80", b"%c0%af"])
async def test_what_is_not_utf_8_is_refused(server: Running, state: bytes) -> None:
    reply = await server.http.post("/oauth2/par", auth=APP, content=body_with(state, "query"), headers=FORM)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")
    assert reply.headers["pushgate-refusal"] == "http.form"
    assert await server.transient.purge(2**40) == 0


# --- PAR-2.1-8: what needs the user is checked when the user is there ------------------------------------


@pytest.mark.requirement("PAR-2.1-8")
async def test_an_id_token_hint_of_another_user_ends_in_login_required(server: Running) -> None:
    _, bob = await signed_in(server, "bob")
    browser, _ = await signed_in(server, "alice")
    await visit(browser, await push(server, id_token_hint=bob["id_token"], prompt="none"))
    told(browser, REQUEST, "login_required", "authorize.login_other_user")


@pytest.mark.requirement("PAR-2.1-8")
async def test_with_an_id_token_hint_another_user_cannot_sign_in(server: Running) -> None:
    _, bob = await signed_in(server, "bob")
    browser, _ = await signed_in(server, "alice")
    server.clock.advance(1)
    await visit(browser, await push(server, id_token_hint=bob["id_token"]))
    assert browser.page is not None
    assert "/login/" in browser.page.url.path
    await browser.sign_in("alice")
    told(browser, REQUEST, "login_required", "authorize.login_other_user")


@pytest.mark.requirement("PAR-2.1-8")
async def test_with_an_id_token_hint_the_hinted_user_can_sign_in(server: Running) -> None:
    _, bob = await signed_in(server, "bob")
    browser, _ = await signed_in(server, "alice")
    server.clock.advance(1)
    await visit(browser, await push(server, id_token_hint=bob["id_token"]))
    await browser.sign_in("bob", "bob-password")
    tokens = (await redeem(server, browser)).json()
    assert claims(tokens["id_token"])["sub"] == claims(bob["id_token"])["sub"]


@pytest.mark.requirement("PAR-2.1-8")
async def test_the_own_id_token_as_hint_lets_a_silent_request_through(server: Running) -> None:
    browser, alice = await signed_in(server)
    await visit(browser, await push(server, id_token_hint=alice["id_token"], prompt="none"))
    assert browser.answer["code"]


@pytest.mark.requirement("PAR-2.1-8")
@pytest.mark.parametrize("hint", ["not.an.id-token", CHALLENGE, "{access_token}", "{id_token}x"])
async def test_a_hint_that_is_no_id_token_of_ours_is_refused_in_the_browser(server: Running, hint: str) -> None:
    browser, tokens = await signed_in(server)
    await visit(browser, await push(server, id_token_hint=hint.format_map(tokens)))
    told(browser, REQUEST, "invalid_request", "authorize.id_token_hint")


@pytest.mark.requirement("PAR-2.1-8")
async def test_the_age_of_the_session_is_looked_at_when_the_request_is_used(server: Running) -> None:
    browser, _ = await signed_in(server)
    server.clock.advance(90)
    young_enough = await push(server, max_age="120", prompt="none")
    too_old = await push(server, max_age="120", prompt="none")
    await visit(browser, young_enough)
    assert browser.answer["code"]
    server.clock.advance(40)  # both were pushed in time
    await visit(browser, too_old)
    told(browser, REQUEST, "login_required", "authorize.login_required")
