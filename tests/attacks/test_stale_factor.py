"""Somebody has a signed-in browser and the password, but not the phone: an old code is no new one."""

from __future__ import annotations

import pyotp
import pytest

from pushgate.model import AuthorizationRequest, Client, Session
from pushgate.protocol.interaction import Nothing, known_enough, needed
from pushgate.protocol.journey import BUILT_IN, Demand
from pushgate.testing import Browser, Running
from tests.rules.test_account import ACCOUNT
from tests.support.manifests import REQUEST
from tests.support.steps import AUTHORIZE, at


def secret_of(browser: Browser) -> str:
    """The key on the enrolment page."""
    import re

    assert browser.page is not None
    found = re.search(r"<code[^>]*>((?:[A-Z2-7]{4} ?){8})</code>", browser.page.text)
    assert found, browser.page.text
    return found[1].replace(" ", "")


async def with_a_phone(server: Running) -> tuple[Browser, pyotp.TOTP]:
    """Alice's browser, signed in with a password and a code."""
    browser = await server.browser().open(f"{ACCOUNT}/totp")
    await browser.sign_in()
    generator = pyotp.TOTP(secret_of(browser))
    await browser.submit("enrol-submit", code=generator.at(server.clock.now))
    return browser, generator


async def test_a_password_alone_reaches_no_page_that_wants_both(server: Running) -> None:
    browser, _ = await with_a_phone(server)
    server.clock.advance(3600)
    await browser.open("/oauth2/login/own?to=/oauth2/account&max_age=60")
    form = dict(browser.form().fields)
    form |= {"step": "password", "username": "alice", "password": "alice-password"}
    await browser.http.post("/oauth2/login/own?to=/oauth2/account", data=form)
    for below in ("/totp", "/password"):
        await browser.open(ACCOUNT + below)
        assert browser.page is not None
        assert browser.page.url.path == "/oauth2/login/own"
    # And no client is told of a fresh sign-in.
    await browser.open(AUTHORIZE, params={**REQUEST, "client_id": "app", "max_age": "60"})
    assert at(browser, "login")
    await browser.open(AUTHORIZE, params={**REQUEST, "client_id": "app", "max_age": "60", "prompt": "none"})
    assert browser.answer["error"] == "login_required"


def test_each_method_has_its_own_age() -> None:
    session = Session(
        sid="s", sub="u", username="u", authenticated_at=1000, expires_at=9999, amr=("pwd", "otp", "mfa"),
        methods={"pwd": 1000, "otp": 100},
    )  # fmt: skip
    assert known_enough(session, 1010, amr=("mfa",))
    assert known_enough(session, 1010, max_age=60, amr=("pwd",))
    assert not known_enough(session, 1010, max_age=60, amr=("mfa",))
    assert not known_enough(session, 1010, max_age=60, amr=("otp",))
    assert not known_enough(session, 1100, max_age=60)


BOTH = ("pwd", "hwk", "pop", "user", "mfa")


@pytest.mark.parametrize(("max_age", "amr", "since"), [(60, ("pwd",), 1000), (901, BOTH, 100), (None, BOTH, 100)])
def test_a_token_speaks_of_nothing_that_was_too_old(max_age: int | None, amr: tuple[str, ...], since: int) -> None:
    session = Session(
        sid="s", sub="u", username="u", authenticated_at=1000, expires_at=9999, amr=("pwd", "hwk", "mfa"),
        methods={"pwd": 1000, "hwk": 100},
    )  # fmt: skip
    request = AuthorizationRequest(client_id="app", max_age=max_age)
    found = needed(
        request, Client(client_id="app", skip_consent=True), (), session=session, consented=frozenset(),
        other_user=False, started_at=1001, now=1001, demand=Demand(BUILT_IN[0]), enrolled=frozenset({"passkey"}),
    )  # fmt: skip
    assert isinstance(found, Nothing)
    assert (found.session.amr, found.session.authenticated_at) == (amr, since)
    assert (found.session.sid, found.session.sub) == ("s", "u")
