"""Sign-out that an application asks for (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushgate.errors import OAuthError
from pushgate.model import Client, Session
from pushgate.protocol.logout import Asked, AskFirst, Hint, NobodyThere, SignOut, decide, return_to, sent_on
from pushgate.protocol.params import Params
from pushgate.testing import BASE_URL, Browser, Running
from tests.support.introspection import minted
from tests.support.logout import LOGOUT, back, client, manifest, request_of, serving, signed_in, use
from tests.support.steps import AUTHORIZE, form_bytes, shown

APP = "https://app.example/signed-out"


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server with two applications that can be gone back to."""
    async with serving(client("app"), client("other")) as (found, _):
        yield found


async def visitor(server: Running, name: str = "app", username: str = "alice") -> tuple[Browser, str]:
    """A browser that is signed in to an application, and the ID Token that the application has."""
    browser = server.browser()
    return browser, (await use(server, name, browser, username=username))["id_token"]


async def leave(browser: Browser, method: str = "GET", **fields: str) -> Browser:
    """The application sends the browser to sign out."""
    if method == "GET":
        return await browser.open(LOGOUT, params=fields)
    return await browser._follow(await browser.http.post(LOGOUT, data=fields))


def asks(browser: Browser) -> bool:
    """Whether the page asks before anything happens."""
    assert browser.page is not None, browser.landed
    return browser.page.status_code == 200 and 'id="logout-submit"' in browser.page.text


def text(browser: Browser) -> str:
    """The page on the screen."""
    assert browser.page is not None, browser.landed
    return browser.page.text


# --- With proof -------------------------------------------------------------------------------------------


@pytest.mark.requirement("RPL-2-1", "RPL-2-5", "RPL-3-1", "RPL-3-3")
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_id_token_of_the_session_signs_out_and_leads_back(server: Running, method: str) -> None:
    browser, id_token = await visitor(server)
    kept = dict(browser.http.cookies)
    fields = {"id_token_hint": id_token, "post_logout_redirect_uri": APP, "state": "a&b=ö"}
    await leave(browser, method, **fields)
    assert browser.landed is not None
    assert browser.landed.startswith(APP + "?")
    assert parse_qs(urlsplit(browser.landed).query) == {"state": ["a&b=ö"]}
    assert not signed_in(browser)
    cookie = "; ".join(f"{name}={value}" for name, value in kept.items())
    reply = await server.http.get(
        AUTHORIZE, params={"client_id": "app", **request_of("app")}, headers={"cookie": cookie}
    )
    assert "/oauth2/login/" in reply.headers["location"]
    [event] = await server.audit("signed_out")
    assert (event["client_id"], event["reason"]) == ("app", "user")


async def test_without_a_place_to_go_there_is_a_page(server: Running) -> None:
    browser, id_token = await visitor(server)
    await leave(browser, id_token_hint=id_token, state="x")
    assert "You are signed out" in text(browser)
    assert not signed_in(browser)


@pytest.mark.requirement("RPL-2-2")
async def test_an_expired_id_token_is_as_good(server: Running) -> None:
    browser, id_token = await visitor(server)
    server.clock.advance(7200)
    await leave(browser, id_token_hint=id_token, post_logout_redirect_uri=APP)
    assert browser.landed == APP


@pytest.mark.requirement("RPL-2-2")
async def test_a_rotated_key_still_speaks_for_its_tokens(server: Running) -> None:
    browser, id_token = await visitor(server)
    server.clock.advance(1)
    await server.management.rotate_keys("default")
    await server.server.snapshot.refresh()
    await leave(browser, id_token_hint=id_token, post_logout_redirect_uri=APP)
    assert browser.landed == APP


@pytest.mark.requirement("RPL-4-1")
async def test_twice_is_no_error(server: Running) -> None:
    browser, id_token = await visitor(server)
    fields = {"id_token_hint": id_token, "post_logout_redirect_uri": APP, "state": "s"}
    for _ in range(2):
        await leave(browser, **fields)
        assert browser.landed == f"{APP}?state=s"
    stranger = await leave(server.browser(), **fields)
    assert stranger.landed == f"{APP}?state=s"
    assert "You are already signed out" in text(await leave(browser))
    assert "You are already signed out" in text(await leave(browser, id_token_hint=id_token))
    assert len(await server.audit("signed_out")) == 1


@pytest.mark.requirement("RPL-2-1")
async def test_a_form_from_another_site_finds_its_session(server: Running) -> None:
    """Cookies with SameSite=Lax stay at home then; our own page sends the form on, and they come."""
    browser, id_token = await visitor(server)
    fields = {"id_token_hint": id_token, "post_logout_redirect_uri": APP, "state": "s"}
    reply = await server.http.post(LOGOUT, data=fields)
    assert (reply.status_code, "set-cookie" in reply.headers) == (200, False)
    assert signed_in(browser)
    browser.page = reply
    assert dict(browser.form().fields) == {**fields, "resent": "1"}
    await browser.submit("logout-continue")
    assert browser.landed == f"{APP}?state=s"
    assert not signed_in(browser)
    # Without any cookie it is sent on once.
    reply = await server.http.post(LOGOUT, data={**fields, "resent": "1"})
    assert (reply.status_code, reply.headers["location"]) == (303, f"{APP}?state=s")


# --- Without ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("RPL-2-4", "RPL-3-2")
async def test_without_proof_the_user_is_asked_and_nobody_is_sent_anywhere(server: Running) -> None:
    browser, _ = await visitor(server)
    await leave(browser, post_logout_redirect_uri=APP, state="s")
    assert asks(browser)
    assert APP not in text(browser)
    await browser.submit("logout-submit")
    assert "You are signed out" in text(browser)
    assert APP not in text(browser)
    assert not signed_in(browser)
    await leave(browser, post_logout_redirect_uri=APP)
    assert "You are already signed out" in text(browser)


@pytest.mark.requirement("RPL-2-4", "RPL-3-2")
async def test_who_names_itself_and_is_agreed_to_gets_the_user_back(server: Running) -> None:
    browser, _ = await visitor(server)
    await leave(browser, client_id="app", post_logout_redirect_uri=APP, state="s")
    assert asks(browser)
    assert "The App" in text(browser)
    assert signed_in(browser)
    await browser.submit("logout-submit")
    assert browser.landed == f"{APP}?state=s"
    # With nobody to agree there is a way on, but nobody is sent.
    await leave(browser, client_id="app", post_logout_redirect_uri=APP, state="s")
    assert f'href="{APP}?state=s"' in text(browser)
    assert "http-equiv" not in text(browser)


@pytest.mark.requirement("RPL-2-4")
async def test_the_id_token_of_another_session_or_user_asks_first(server: Running) -> None:
    browser, own = await visitor(server)
    _, of_bob = await visitor(server, username="bob")
    _, of_alice_elsewhere = await visitor(server)
    for hint in (of_bob, of_alice_elsewhere):
        await leave(browser, id_token_hint=hint, post_logout_redirect_uri=APP)
        assert asks(browser)
        assert signed_in(browser)
        assert await server.audit("signed_out") == []
    await browser.submit("logout-submit")
    assert browser.landed == APP
    assert own


@pytest.mark.requirement("RPL-2-6")
@pytest.mark.parametrize("value", ["", "x", "de ö \0", "' OR 1=1 --", "x" * 500])
async def test_hints_about_the_page_never_matter(server: Running, value: str) -> None:
    browser, id_token = await visitor(server)
    await leave(browser, ui_locales=value, logout_hint=value)
    assert asks(browser)
    await leave(browser, id_token_hint=id_token, post_logout_redirect_uri=APP, ui_locales=value, logout_hint=value)
    assert browser.landed == APP


# --- What is refused, on a page with a way out -----------------------------------------------------------


async def refuses(browser: Browser, refusal: str, **fields: str) -> None:
    """Nothing happens: no redirect, still signed in; the page leads to the plain sign-out page."""
    await leave(browser, **fields)
    shown(browser.page, 400, "invalid_request", refusal)
    assert f'href="{LOGOUT}"' in text(browser)
    assert "You were not signed out" in text(browser)
    assert signed_in(browser)


@pytest.mark.requirement("RPL-2-2")
async def test_a_hint_that_is_not_ours(server: Running) -> None:
    browser = server.browser()
    tokens = await use(server, "app", browser)
    good = tokens["id_token"]
    head, body, signature = good.split(".")
    other = (await use(server, "other", browser))["id_token"].split(".")
    forged = [
        "x", f"{head}.{body}.", f"{head}.{other[1]}.{signature}", tokens["access_token"],
        await minted(server, "JWT", iss="https://other.example"), await minted(server, "JWT", sub=None),
        await minted(server, "logout+jwt"),
    ]  # fmt: skip
    for hint in forged:
        await refuses(browser, "logout.hint", id_token_hint=hint, post_logout_redirect_uri=APP)


@pytest.mark.requirement("RPL-2-3")
async def test_another_client_than_that_of_the_hint(server: Running) -> None:
    browser, id_token = await visitor(server)
    for name in ("other", "nobody"):
        await refuses(browser, "logout.client", id_token_hint=id_token, client_id=name)
    await refuses(browser, "logout.client", client_id="nobody", post_logout_redirect_uri=APP)
    await leave(browser, id_token_hint=id_token, client_id="app", post_logout_redirect_uri=APP)
    assert browser.landed == APP


@pytest.mark.requirement("RPL-3-1")
@pytest.mark.parametrize(
    "uri", [
        "https://evil.example/", f"{APP}/", f"{APP}/x", f"{APP}?x", f"{APP}#x", APP.upper(), "https://app.example/cb",
        "https://other.example/signed-out", "javascript:alert(1)", "https://app.example.evil.example/signed-out",
    ],
)  # fmt: skip
async def test_a_place_that_is_not_registered_for_this_client(server: Running, uri: str) -> None:
    browser, id_token = await visitor(server)
    await refuses(browser, "logout.redirect_uri", id_token_hint=id_token, post_logout_redirect_uri=uri)
    await refuses(browser, "logout.redirect_uri", client_id="app", post_logout_redirect_uri=uri)


async def test_a_parameter_that_is_there_twice(server: Running) -> None:
    browser, _ = await visitor(server)
    query = form_bytes(("post_logout_redirect_uri", APP), ("post_logout_redirect_uri", "https://evil.example"))
    shown((await browser.open(f"{LOGOUT}?{query.decode()}")).page, 400, "invalid_request", "http.repeated_parameter")


async def test_a_prefetch_signs_nobody_out(server: Running) -> None:
    browser, id_token = await visitor(server)
    reply = await browser.http.get(LOGOUT, params={"id_token_hint": id_token}, headers={"sec-purpose": "prefetch"})
    assert reply.status_code == 503
    assert (await browser.http.head(LOGOUT, params={"id_token_hint": id_token})).status_code == 405
    assert signed_in(browser)
    assert await server.audit("signed_out") == []


async def test_a_disabled_client_leads_nowhere(server: Running) -> None:
    browser, id_token = await visitor(server)
    await server.apply(manifest(client("app", enabled=False)))
    await refuses(browser, "logout.client", id_token_hint=id_token, post_logout_redirect_uri=APP)


# --- Metadata and registration ----------------------------------------------------------------------------


@pytest.mark.requirement("META-OIDD-6", "RPL-2-1")
async def test_it_is_published_where_there_are_id_tokens(server: Running) -> None:
    path = "/.well-known/openid-configuration"
    document = (await server.http.get(path)).json()
    assert document["end_session_endpoint"] == BASE_URL + LOGOUT
    for name in ("backchannel_logout", "frontchannel_logout"):
        assert document[f"{name}_supported"] is True
        assert document[f"{name}_session_supported"] is True
    assert "check_session_iframe" not in document
    await server.apply(manifest(session_management=True))
    assert (await server.http.get(path)).json()["check_session_iframe"] == f"{BASE_URL}/oauth2/check-session"
    await server.apply("realms: [{name: bare, profile: oauth2, session_management: true}]")
    bare = (await server.http.get(f"/realms/bare{path}")).json()
    assert not [name for name in bare if "logout" in name or "session" in name]


# --- The decision alone -----------------------------------------------------------------------------------


SESSION = Session(sid="sid", sub="alice", username="alice", authenticated_at=0, expires_at=1)


@given(sid=st.text(max_size=5), hinted=st.booleans(), confirmed=st.booleans(), there=st.booleans())
def test_only_the_session_itself_or_the_user_ends_it(sid: str, hinted: bool, confirmed: bool, there: bool) -> None:
    asked = Asked(None, Hint("app", sid) if hinted else None, None)
    decision = decide(asked, SESSION if there else None, confirmed=confirmed)
    if not there:
        assert decision == NobodyThere()
    elif confirmed or (hinted and sid == "sid"):
        assert decision == SignOut()
    else:
        assert decision == AskFirst()


@given(wanted=st.sampled_from([APP, f"{APP}/"]) | st.text(max_size=60), state=st.none() | st.text(max_size=20))
def test_the_way_on_is_registered_whatever_is_sent(wanted: str, state: str | None) -> None:
    registered = Client(client_id="app", post_logout_redirect_uris=(APP, "https://app.example/out?a=b"))
    sent: dict[str, Any] = {"post_logout_redirect_uri": wanted, "state": state}
    params = Params({name: value for name, value in sent.items() if value is not None})
    assert return_to(params, None) is None
    if wanted in registered.post_logout_redirect_uris:
        target = return_to(params, registered)
        assert target is not None
        assert target.url.startswith(wanted)
        return
    with pytest.raises(OAuthError) as refusal:
        return_to(params, registered)
    assert refusal.value.refusal.id == "logout.redirect_uri"


def test_a_query_that_is_registered_stays() -> None:
    registered = Client(client_id="app", post_logout_redirect_uris=("https://app.example/out?a=b",))
    target = return_to(Params({"post_logout_redirect_uri": "https://app.example/out?a=b", "state": "s"}), registered)
    assert target is not None
    assert target.url == "https://app.example/out?a=b&state=s"
    assert sent_on(Asked(registered, None, target), None, confirmed=False) is None


async def test_what_can_be_registered() -> None:
    from pushgate.profiles import OIDC
    from pushgate.protocol.registration import problems

    def reasons(**members: Any) -> list[str]:
        known = Client(client_id="a", redirect_uris=("https://a.example/cb",), **members)
        return [problem.field for problem in problems(known, None, OIDC)]

    assert reasons(post_logout_redirect_uris=("https://a.example/x",)) == []
    assert reasons(post_logout_redirect_uris=("https://a.example/x", "http://a.example/x", "x", "https://a/#f")) == [
        "post_logout_redirect_uris[1]", "post_logout_redirect_uris[2]", "post_logout_redirect_uris[3]",
    ]  # fmt: skip
    for good in ("https://b.example/x?y", "http://127.0.0.1:9/x"):
        assert reasons(backchannel_logout_uri=good, backchannel_logout_session_required=True) == []
    for bad in ("https://b.example/#f", "http://b.example/", "/x", "app:/x", "", "https://u@b.example/"):
        assert reasons(backchannel_logout_uri=bad) == ["backchannel_logout_uri"]
    for good in ("https://a.example/x?y", "https://a.example:443/"):
        assert reasons(frontchannel_logout_uri=good, frontchannel_logout_session_required=True) == []
    for bad in ("https://b.example/", "http://a.example/", "https://a.example:8443/", "https://a.example/#f", "x"):
        assert reasons(frontchannel_logout_uri=bad) == ["frontchannel_logout_uri"]
    strange = Client(
        client_id="a", redirect_uris=("https://a;sandbox/cb",), frontchannel_logout_uri="https://a;sandbox/x"
    )
    assert [problem.field for problem in problems(strange, None, OIDC)] == ["frontchannel_logout_uri"]
    assert reasons(backchannel_logout_session_required=True) == ["backchannel_logout_session_required"]
    assert reasons(frontchannel_logout_session_required=True) == ["frontchannel_logout_session_required"]
    assert back("x")["backchannel_logout_uri"]
