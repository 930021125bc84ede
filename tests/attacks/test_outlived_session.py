"""Go on with what a session left behind: its grants after a sign-out, its proof at another user's sign-out."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

from pushgate.endpoints import flow
from pushgate.testing import Browser, Running
from tests.support.logout import LOGOUT, SIGNED_OUT, back, client, request_of, serving, use
from tests.support.steps import ask, post_as, refused

APP = SIGNED_OUT.format("app")


async def refresh(server: Running, tokens: dict[str, Any]) -> Any:
    """Use the refresh token."""
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    return await post_as(server, "app", "/oauth2/token", form)


@pytest.mark.requirement("BCL-2.7-1")
@pytest.mark.parametrize("purged", [False, True])
async def test_what_an_expired_session_left_ends_with_a_sign_out(purged: bool) -> None:
    async with serving(back("app"), lifetimes={"session": 100}) as (server, receivers):
        browser = server.browser()
        tokens = await use(server, "app", browser)
        server.clock.advance(101)
        if purged:
            await server.server.purge()
        other = await use(server, "app", server.browser())
        await browser.open(LOGOUT, params={"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": APP})
        assert browser.landed == APP
        await server.server.logouts.idle()
        assert len(receivers.tokens("app")) == 1
        refused(await refresh(server, tokens), 400, "invalid_grant", "refresh.invalid")
        assert (await refresh(server, other)).status_code == 200, "another session of the same user goes on"
        # Once more ends nothing and tells nobody.
        await browser.open(LOGOUT, params={"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": APP})
        await server.server.logouts.idle()
        assert len(receivers.tokens("app")) == 1


async def test_a_session_that_lives_elsewhere_is_not_ended_by_a_browser_without_it() -> None:
    async with serving(back("app")) as (server, receivers):
        tokens = await use(server, "app", server.browser())
        await server.browser().open(LOGOUT, params={"id_token_hint": tokens["id_token"]})
        await server.server.logouts.idle()
        assert receivers.tokens("app") == []
        assert (await refresh(server, tokens)).status_code == 200


async def test_a_sign_out_between_the_decision_and_the_grant_wins() -> None:
    async with serving(client("app")) as (server, _):
        browser = server.browser()
        await use(server, "app", browser)
        consume = flow.consume

        async def slow(ctx: Any, opened: Any) -> Any:
            """Somebody signs the user out just before the request is consumed."""
            await server.management.carry_out([await server.management.plan_sign_out("default", "alice")])
            return await consume(ctx, opened)

        with patch.object(flow, "consume", slow):
            await ask(server, request_of("app"), "app", browser=browser)
        assert browser.answer["error"] == "login_required"
        assert "code" not in browser.answer


async def test_whom_nobody_vouches_for_sends_only_its_own_user_on() -> None:
    """Anybody may register a client, get an ID Token for it, and mail a link with both to a stranger."""
    async with serving(client("app", self_registered=True)) as (server, _):
        own, victim = server.browser(), server.browser()
        mine = (await use(server, "app", server.browser(), username="bob"))["id_token"]
        await use(server, "app", victim)
        fields = {"id_token_hint": mine, "post_logout_redirect_uri": APP}
        for browser in (victim, server.browser()):
            await browser.open(LOGOUT, params=fields)
            assert browser.landed is None
        # Its own user goes back without a question, and so does who agrees on the page.
        theirs = (await use(server, "app", own))["id_token"]
        await own.open(LOGOUT, params={"id_token_hint": theirs, "post_logout_redirect_uri": APP})
        assert own.landed == APP
        await agreeing(victim, fields)
        assert victim.landed == APP


async def agreeing(browser: Browser, fields: dict[str, str]) -> None:
    """See who asks, and agree."""
    await browser.open(LOGOUT, params=fields)
    await browser.submit("logout-submit")
