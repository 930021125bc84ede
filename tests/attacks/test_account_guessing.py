"""Guess a password by spelling the name in many ways, or many names from one address."""

from __future__ import annotations

import pytest

from pushgate.testing import Browser, Running
from pushgate.web.interaction.guessing import ADDRESS_ATTEMPTS, ATTEMPTS
from tests.support.manifests import REQUEST

SPELLINGS = ["bob", " bob", "bob ", "bob\t", "ｂob", "bob\u00a0"]


async def login_page(server: Running) -> Browser:
    """A browser on the login page."""
    return await server.browser().open("/oauth2/authorize", params={**REQUEST, "client_id": "app"})


async def test_every_spelling_of_a_name_shares_one_limit(server: Running) -> None:
    browser = await login_page(server)
    for attempt in range(int(ATTEMPTS)):
        await browser.sign_in(SPELLINGS[attempt % len(SPELLINGS)], "a wrong password")
        assert browser.page is not None
        assert browser.page.status_code == 400
        await browser.open(str(browser.page.url))
    for spelling in SPELLINGS:
        again = await login_page(server)
        await again.sign_in(spelling, "bob-password")
        assert again.page is not None
        assert (again.page.status_code, again.page.headers["pushgate-refusal"]) == (429, "http.rate")
        assert int(again.page.headers["retry-after"]) >= 1


async def test_many_names_from_one_address_are_limited(server: Running) -> None:
    browser = await login_page(server)
    for number in range(int(ADDRESS_ATTEMPTS)):
        await browser.sign_in(f"nobody-{number}", "a wrong password")
        assert browser.page is not None
        await browser.open(str(browser.page.url))
    await browser.sign_in("alice", "alice-password")
    assert browser.page is not None
    assert browser.page.headers["pushgate-refusal"] == "http.rate"


@pytest.mark.parametrize("port", [6666, 9002])
async def test_pose_as_a_native_application_that_the_user_trusts(server: Running, port: int) -> None:
    await server.apply(
        """
realms:
  - name: default
    clients:
      - client_id: native
        token_endpoint_auth_method: none
        redirect_uris: [http://127.0.0.1:9002/callback]
        scope: openid email
"""
    )
    wanted = {**REQUEST, "client_id": "native", "redirect_uri": "http://127.0.0.1:9002/callback"}
    browser = await server.browser().open("/oauth2/authorize", params=wanted)
    await (await browser.sign_in()).allow()
    other = {**wanted, "redirect_uri": f"http://127.0.0.1:{port}/callback", "prompt": "none"}
    assert (await browser.open("/oauth2/authorize", params=other)).answer["error"] == "consent_required"


async def test_what_was_unticked_is_asked_for_again(server: Running) -> None:
    wanted = {**REQUEST, "client_id": "app", "scope": "openid profile email"}
    browser = await server.browser().open("/oauth2/authorize", params=wanted)
    await (await browser.sign_in()).allow()
    await browser.open("/oauth2/authorize", params={**wanted, "prompt": "consent"})
    await browser.submit("consent-allow", scope=["openid"])
    assert "code" in browser.answer
    silent = await browser.open("/oauth2/authorize", params={**wanted, "prompt": "none"})
    assert silent.answer["error"] == "consent_required"


async def test_a_new_password_ends_what_the_old_one_began(server: Running) -> None:
    wanted = {**REQUEST, "client_id": "app"}
    browser = await server.browser().open("/oauth2/authorize", params=wanted)
    await (await browser.sign_in()).allow()
    await server.apply("realms: [{name: default, users: [{username: alice, password: another-password}]}]")
    silent = await browser.open("/oauth2/authorize", params={**wanted, "prompt": "none"})
    assert silent.answer["error"] == "login_required"
