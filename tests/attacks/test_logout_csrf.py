"""Sign a user out who does not want to be, or use a sign-out to send a browser somewhere."""

from __future__ import annotations

import pytest

from pushgate.testing import Browser, Running
from tests.support.logout import LOGOUT, client, serving, signed_in, use
from tests.support.steps import shown

APP, OTHER = "https://app.example/signed-out", "https://other.example/signed-out"
EVIL = "https://evil.example/"


async def still_there(server: Running, browser: Browser) -> None:
    """The victim did not lose the session."""
    assert signed_in(browser)
    assert await server.audit("signed_out") == []


@pytest.mark.requirement("RPL-2-4")
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_sign_a_victim_out_from_another_site(method: str) -> None:
    async with serving(client("app"), client("other")) as (server, _):
        victim, attacker = server.browser(), server.browser()
        await use(server, "app", victim)
        own = (await use(server, "app", attacker, username="bob"))["id_token"]
        guesses = [
            {}, {"client_id": "app"}, {"client_id": "app", "post_logout_redirect_uri": APP},
            {"id_token_hint": own}, {"id_token_hint": own, "post_logout_redirect_uri": APP, "state": "x"},
            {"logout_hint": "alice"}, {"id_token_hint": own, "csrf": "x"}, {"client_id": "app", "csrf": "x"},
            {"id_token_hint": own, "resent": "1"}, {"csrf": "x", "resent": "1", "client_id": "app"},
        ]  # fmt: skip
        for guess in guesses:
            if method == "GET":
                await victim.open(LOGOUT, params=guess)
            else:
                await victim._follow(await victim.http.post(LOGOUT, data=guess))
            assert victim.landed is None
            assert victim.page is not None
            assert "You are signed out" not in victim.page.text
            await still_there(server, victim)


@pytest.mark.requirement("RPL-2-4")
async def test_use_the_form_of_ones_own_sign_out() -> None:
    async with serving(client("app")) as (server, _):
        victim, attacker = server.browser(), server.browser()
        await use(server, "app", victim)
        own = (await use(server, "app", attacker, username="bob"))["id_token"]
        elsewhere = (await use(server, "app", server.browser(), username="bob"))["id_token"]
        await attacker.open(LOGOUT, params={"id_token_hint": elsewhere})
        form = dict(attacker.form().fields)
        assert form["csrf"]
        shown(await victim.http.post(LOGOUT, data=form), 403, "access_denied", "login.csrf")
        shown(await victim.http.post(LOGOUT, data={**form, "id_token_hint": own}), 403, "access_denied", "login.csrf")
        await still_there(server, victim)


async def test_send_a_browser_away_by_a_sign_out() -> None:
    async with serving(client("app"), client("other")) as (server, _):
        victim = server.browser()
        id_token = (await use(server, "app", victim))["id_token"]
        for proof in ({"id_token_hint": id_token}, {"client_id": "app"}):
            for uri in (
                EVIL,
                OTHER,
                f"{APP}.evil.example",
                f"{APP}@evil.example",
                f"//evil.example/{APP}",
                "//evil.example",
            ):
                for browser in (victim, server.browser()):
                    await browser.open(LOGOUT, params={**proof, "post_logout_redirect_uri": uri})
                    shown(browser.page, 400, "invalid_request", "logout.redirect_uri")
                    assert "evil" not in (browser.page.text if browser.page else "")
        await still_there(server, victim)
        # Nobody who has no proof gets even a stranger's browser on its way.
        await server.browser().open(LOGOUT, params={"post_logout_redirect_uri": APP})
        stranger = await server.browser().open(LOGOUT, params={"client_id": "app", "post_logout_redirect_uri": APP})
        assert stranger.landed is None


async def test_put_markup_on_the_last_page() -> None:
    async with serving(client("app")) as (server, _):
        browser = server.browser()
        id_token = (await use(server, "app", browser))["id_token"]
        state = "\"><script>alert(1)</script>'; url=https://evil.example"
        await browser.open(LOGOUT, params={"client_id": "app", "post_logout_redirect_uri": APP, "state": state})
        assert browser.page is not None
        assert "<script>alert" not in browser.page.text
        await browser.open(LOGOUT, params={"id_token_hint": id_token, "post_logout_redirect_uri": APP, "state": state})
        assert browser.landed is not None
        assert browser.landed.startswith(f"{APP}?state=%22%3E%3Cscript%3E")
        assert "evil.example" in browser.landed
        assert "://evil" not in browser.landed
