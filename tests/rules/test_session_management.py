"""Pages of other sites ask whether the session is still the same (OpenID Connect Session Management 1.0)."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushgate.protocol.redirect_uri import origin_of
from pushgate.protocol.session_state import SIGNED_OUT, browser_state, session_state
from pushgate.testing import Browser, Running
from tests.support.logout import LOGOUT, client, request_of, serving, use
from tests.support.steps import agree, ask, but, shown

COOKIE = "pushgate-state-default"
CHECK = "/oauth2/check-session"


async def signed_in(server: Running, name: str = "one", username: str = "alice") -> Browser:
    """A browser with the answer to a request."""
    return await agree(await ask(server, request_of(name), name), username)


def holds(answer: dict[str, str], client_id: str, origin: str, state: str) -> bool:
    """Whether a session_state is of this client, site and browser state; computed apart from the product."""
    digest, salt = answer["session_state"].split(".")
    return digest == sha256(f"{client_id} {origin} {state} {salt}".encode()).hexdigest()


async def test_the_answer_has_a_state_that_the_browser_can_check() -> None:
    async with serving(client("one"), client("two"), session_management=True) as (server, _):
        browser = await signed_in(server)
        first, state = browser.answer, browser.http.cookies[COOKIE]
        assert holds(first, "one", "https://one.example", state)
        await ask(server, request_of("two"), "two", browser=browser)
        assert holds(browser.answer, "two", "https://two.example", state)
        assert browser.http.cookies[COOKIE] == state
        await ask(server, request_of("one"), "one", browser=browser)
        assert browser.answer["session_state"] != first["session_state"], "the salt is new each time"
        assert holds(browser.answer, "one", "https://one.example", state)
        # The state says nothing of the session, and opens nothing.
        assert state not in dict(browser.http.cookies.items() - {(COOKIE, state)}).values()


async def test_signing_out_or_in_changes_it() -> None:
    async with serving(client("one"), session_management=True) as (server, _):
        browser = await signed_in(server)
        first, state = browser.answer, browser.http.cookies[COOKIE]
        await browser.open(LOGOUT)
        await browser.submit("logout-submit")
        assert browser.http.cookies[COOKIE] == SIGNED_OUT
        assert not holds(first, "one", "https://one.example", SIGNED_OUT)
        await agree(await ask(server, request_of("one"), "one", browser=browser), "bob")
        assert browser.http.cookies[COOKIE] not in (SIGNED_OUT, state)
        assert holds(browser.answer, "one", "https://one.example", browser.http.cookies[COOKIE])


async def test_an_ended_session_is_seen_at_the_next_visit() -> None:
    async with serving(client("one"), session_management=True) as (server, _):
        browser = await signed_in(server)
        await server.management.carry_out([await server.management.plan_sign_out("default", "alice")])
        await browser.open(LOGOUT)
        assert browser.http.cookies[COOKIE] == SIGNED_OUT


async def test_who_signs_in_again_keeps_it() -> None:
    async with serving(client("one"), session_management=True) as (server, _):
        browser = await signed_in(server)
        state = browser.http.cookies[COOKIE]
        server.clock.advance(1)
        await ask(server, {**request_of("one"), "prompt": "login"}, "one", browser=browser)
        await agree(browser)
        assert browser.http.cookies[COOKIE] == state


async def test_it_is_off_unless_the_realm_turns_it_on() -> None:
    async with serving(client("one")) as (server, _):
        browser = await signed_in(server)
        assert "session_state" not in browser.answer
        assert COOKIE not in browser.http.cookies
        shown((await browser.open(CHECK)).page, 404, "invalid_request", "http.not_found")


async def test_only_openid_connect_requests_have_it() -> None:
    async with serving(client("one"), session_management=True) as (server, _):
        browser = await agree(await ask(server, but(request_of("one", scope="email"), nonce=None), "one"))
        assert "code" in browser.answer
        assert "session_state" not in browser.answer
        assert (await use(server, "one", browser))["id_token"]


async def test_the_page_may_be_framed_and_does_nothing_else() -> None:
    async with serving(client("one"), session_management=True) as (server, _):
        page = await server.http.get(CHECK)
        assert page.status_code == 200
        assert "x-frame-options" not in page.headers
        policy = page.headers["content-security-policy"]
        assert "frame-ancestors *" in policy
        assert policy.startswith("default-src 'none'; script-src 'sha256-")
        assert "'unsafe" not in policy
        for what in ("<form", "<a ", "<button", "<input", "<img", "<link"):
            assert what not in page.text
        assert f'data-cookie="{COOKIE}"' in page.text
        for path in ("/", LOGOUT):
            assert (await server.http.get(path)).headers["x-frame-options"] == "DENY"


async def test_the_cookie_over_tls_is_for_frames_of_other_sites() -> None:
    from pushgate.endpoints.http import set_cookie

    over_tls = set_cookie("__Host-pushgate-state-default", "x", secure=True, scripts=True).decode()
    assert {"SameSite=None", "Secure", "Path=/"} <= set(over_tls.split("; "))
    assert "HttpOnly" not in over_tls
    plain = set_cookie("pushgate-state-default", "x", secure=False, scripts=True).decode()
    assert "SameSite=Lax" in plain.split("; ")
    assert "HttpOnly" in set_cookie("s", "x", secure=True).decode()


@given(sid=st.text(min_size=1, max_size=40), key=st.binary(min_size=32, max_size=32))
def test_a_state_is_short_and_plain_and_of_its_session(sid: str, key: bytes) -> None:
    state = browser_state(sid, key)
    assert state != SIGNED_OUT
    assert state != browser_state(sid + "x", key)
    assert state == browser_state(sid, key)
    assert len(state) == 43
    assert " " not in session_state("app", "https://app.example", state, "salt")


@pytest.mark.parametrize(
    ("uri", "origin"), [
        ("https://App.Example/cb", "https://app.example"), ("https://app.example:443/x", "https://app.example"),
        ("https://app.example:8443/x?y", "https://app.example:8443"), ("http://127.0.0.1:80/", "http://127.0.0.1"),
        ("http://[::1]:9000/cb", "http://[::1]:9000"), ("http://localhost/", "http://localhost"),
    ],
)  # fmt: skip
def test_an_origin_is_spelled_as_browsers_do(uri: str, origin: str) -> None:
    assert origin_of(uri) == origin
