"""Take over a session: fix its cookie before the login, steal it, or carry it where it does not belong."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest

from pushgate.testing import Browser, Running, running
from pushgate.web.interaction.guessing import KNOWN_FOR
from tests.support.manifests import MANIFEST, REQUEST
from tests.support.steps import AUTHORIZE, HYBRID, agree, answered, ask, at

SESSION, BROWSER, KNOWN = "pushgate-session-default", "pushgate-browser", "pushgate-known-default"


def session(browser: Browser) -> str | None:
    """The value of the session cookie."""
    return browser.http.cookies.get(SESSION)


async def signed_in(server: Running, cookie: str) -> bool:
    """Whether a request with this session cookie is taken for a user's."""
    params = {"client_id": "app", **REQUEST}
    reply = await server.http.get(AUTHORIZE, params=params, headers={"cookie": f"{SESSION}={cookie}"})
    assert reply.status_code == 303
    return "/oauth2/login/" not in reply.headers["location"]


def plant(browser: Browser, cookie: str) -> None:
    """Put a session cookie into a browser, as a hostile neighbour host could."""
    browser.http.cookies.set(SESSION, cookie, domain="127.0.0.1", path="/")


@pytest.mark.requirement("OIDC-3.1.2.3-1")
@pytest.mark.parametrize("planted", ["planted", "A" * 43, ""])
async def test_plant_a_session_cookie_before_the_victim_signs_in(server: Running, planted: str) -> None:
    browser = await ask(server, REQUEST)
    plant(browser, planted)
    await browser.sign_in()
    assert at(browser, "consent")
    assert session(browser) not in (None, planted)
    assert not await signed_in(server, planted)


@pytest.mark.requirement("OIDC-3.1.2.3-1")
async def test_plant_the_attackers_own_live_session(server: Running) -> None:
    attacker = await answered(server, username="bob")
    planted = session(attacker) or ""
    assert await signed_in(server, planted)
    server.clock.advance(1)
    browser = server.browser()
    plant(browser, planted)
    await agree(await ask(server, {**REQUEST, "prompt": "login"}, browser=browser))
    assert session(browser) not in (None, planted)
    # The planted value is nobody's session any more, not even the attacker's own.
    assert not await signed_in(server, planted)


@pytest.mark.requirement("OIDC-3.1.2.3-1")
async def test_keep_a_session_cookie_from_before_a_new_login(server: Running) -> None:
    browser = await answered(server)
    before = session(browser)
    assert before
    assert await signed_in(server, before)
    server.clock.advance(10)
    await agree(await ask(server, {**REQUEST, "prompt": "login"}, browser=browser))
    after = session(browser)
    assert after not in (None, before)
    assert not await signed_in(server, before)


async def test_a_login_that_fails_gives_no_session(server: Running) -> None:
    browser = await ask(server, REQUEST)
    for username, password in (
        ("alice", "wrong"),
        ("nobody", "alice-password"),
        ("alice", ""),
        ("", ""),
        ("alice", "é"),
    ):
        page = browser.page
        await browser.sign_in(username, password)
        assert session(browser) is None
        assert browser.page is not None
        assert browser.page.status_code == 400
        browser.page = page


async def test_a_wrong_name_and_a_wrong_password_look_alike(server: Running) -> None:
    texts = []
    for username in ("alice", "nobody"):
        browser = await ask(server, REQUEST)
        await browser.sign_in(username, "wrong-password")
        assert browser.page is not None
        csrf, action = dict(browser.form().fields)["csrf"], browser.form().action
        text = browser.page.text.replace(csrf, "").replace(action, "").replace(username, "")
        texts.append(text.replace(browser.page.headers["x-request-id"], ""))
    assert texts[0] == texts[1]


async def test_guess_a_password(server: Running) -> None:
    browser = await ask(server, REQUEST)
    page = browser.page
    for _ in range(10):
        browser.page = page
        await browser.sign_in("alice", "guess")
        assert browser.page.status_code == 400
    browser.page = page
    await browser.sign_in()
    assert browser.page is not None
    assert (browser.page.status_code, browser.page.headers["pushgate-refusal"]) == (429, "http.rate")
    assert int(browser.page.headers["retry-after"]) > 0
    assert session(browser) is None
    # Another user of the same address is not held up, and the clock lets Alice in again.
    other = await ask(server, REQUEST)
    await other.sign_in("bob", "bob-password")
    assert at(other, "consent")
    server.clock.advance(60)
    browser.page = page
    await browser.sign_in()
    assert at(browser, "consent")


@pytest.mark.parametrize(("base_url", "prefix"), [("https://as.example", "__Host-"), ("http://127.0.0.1:8080", "")])
async def test_read_or_send_the_cookies_from_elsewhere(base_url: str, prefix: str) -> None:
    async with running(MANIFEST, base_url=base_url) as server:
        browser = await ask(server, REQUEST)
        first = SimpleCookie(await first_cookie(server))
        form = browser.form()
        data = {**dict(form.fields), "username": "alice", "password": "alice-password"}
        reply = await browser.http.post(form.action, data=data)
        second, third = map(SimpleCookie, reply.headers.get_list("set-cookie"))
        assert [*first, *second, *third] == [prefix + BROWSER, prefix + SESSION, prefix + KNOWN]
        # What says that a browser was here before lets nobody in; it stays.
        assert int(third[prefix + KNOWN].pop("max-age")) == KNOWN_FOR
        third[prefix + KNOWN]["max-age"] = ""
        for morsel in (*first.values(), *second.values(), *third.values()):
            assert (morsel["httponly"], morsel["samesite"].lower(), morsel["path"]) == (True, "lax", "/")
            # Without Domain no sibling host gets it; with __Host- none can set it either.
            assert morsel["domain"] == ""
            assert morsel["secure"] == (True if prefix else "")
            # Gone when the browser is closed.
            assert (morsel["expires"], morsel["max-age"]) == ("", "")


async def first_cookie(server: Running) -> str:
    """What a browser without cookies is given."""
    reply = await server.http.get(AUTHORIZE, params={"client_id": "app", **REQUEST})
    return reply.headers["set-cookie"]


async def test_use_the_session_of_one_realm_in_another(server: Running) -> None:
    await server.apply(MANIFEST.replace("name: default", "name: other"))
    browser = await answered(server)
    await browser.open("/realms/other/oauth2/authorize", params={"client_id": "app", **REQUEST})
    assert browser.page is not None
    assert "/realms/other/oauth2/login/" in browser.page.url.path
    other = "pushgate-session-other"
    browser.http.cookies.set(other, session(browser) or "", domain="127.0.0.1", path="/")
    await browser.open("/realms/other/oauth2/authorize", params={"client_id": "app", **REQUEST})
    assert "/realms/other/oauth2/login/" in browser.page.url.path


@pytest.mark.requirement("OIDC-3.1.2.3-1")
async def test_reuse_the_page_of_somebody_who_signed_out(server: Running) -> None:
    browser = await ask(server, REQUEST)
    await browser.sign_in()
    page = browser.page
    await browser.open("/oauth2/logout")
    await browser.submit("logout-submit")
    browser.page = page
    await browser.allow()
    assert at(browser, "login"), "the consent of somebody who signed out meanwhile counts for nobody"
    await browser.sign_in("bob", "bob-password")
    assert at(browser, "consent")
    assert "bob" in (browser.page.text if browser.page else "")


async def test_have_the_consent_of_one_user_count_for_another(server: Running) -> None:
    browser = await ask(server, REQUEST)
    await browser.sign_in()
    page = browser.page
    # In another tab somebody else takes over; then the first tab, which names Alice, is answered.
    await browser.open("/oauth2/logout")
    await browser.submit("logout-submit")
    await answered(server, HYBRID, "hybrid", browser=browser, username="bob")
    browser.page = page
    await browser.allow()
    assert at(browser, "consent")
    assert browser.page is not None
    assert ("alice" in browser.page.text, "bob" in browser.page.text) == (False, True)
    assert [row["client_id"] for row in await server.audit("consent_given")] == ["hybrid"]


async def test_a_disabled_user_is_signed_out_everywhere(server: Running) -> None:
    browsers = [await answered(server), await answered(server, HYBRID, "hybrid")]
    cookies = [session(browser) or "" for browser in browsers]
    assert [await signed_in(server, cookie) for cookie in cookies] == [True, True]
    await server.apply("realms: [{name: default, users: [{username: alice, enabled: false}]}]")
    assert [await signed_in(server, cookie) for cookie in cookies] == [False, False]
    browser = await ask(server, REQUEST)
    await browser.sign_in()
    assert browser.page is not None
    assert (browser.page.status_code, session(browser)) == (400, None)
