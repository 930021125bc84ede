"""`offline_access` (OpenID Connect Core 11), and what a client must not send twice (RFC 9700 2.1.1)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pushgate.repeats import MAX_CLIENTS, Repeats
from pushgate.testing import Browser, Running, running
from tests.support.manifests import APP_SECRET, CHALLENGE, REDIRECT, REQUEST, s256
from tests.support.steps import PAR, answered, ask, at, but, post_as, redeem

ENTRIES = pytest.mark.parametrize("push", [True, False], ids=["pushed", "browser"])
OFFLINE = but(REQUEST, scope="openid email offline_access")


def manifest(**members: Any) -> str:
    """The client `app` with these members."""
    app = {
        "client_id": "app", "client_secret": APP_SECRET, "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token", "implicit"], "scope": "openid email offline_access",
        "response_types": ["code", "id_token token", "code id_token"], **members,
    }  # fmt: skip
    user = {"username": "alice", "password": "alice-password"}
    return json.dumps({"realms": [{"name": "default", "clients": [app], "users": [user]}]})


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server with a client that may ask for offline access."""
    async with running(manifest()) as found:
        yield found


async def granted(server: Running, browser: Browser) -> tuple[set[str], bool]:
    """The scope that the client got, and whether a refresh token came with it."""
    tokens = (await redeem(server, browser.answer["code"])).json()
    return set(tokens["scope"].split()), "refresh_token" in tokens


@pytest.mark.requirement("OIDC-11-1")
@ENTRIES
async def test_it_is_ignored_unless_the_user_is_asked(server: Running, push: bool) -> None:
    browser = await ask(server, OFFLINE, push=push)
    await browser.sign_in()
    assert browser.page is not None
    assert "Stay connected" not in browser.page.text
    assert (await granted(server, await browser.allow()))[0] == {"openid", "email"}
    browser = await ask(server, but(OFFLINE, prompt="consent"), push=push, browser=browser)
    assert at(browser, "consent")
    assert browser.page is not None
    assert "Stay connected" in browser.page.text
    assert await granted(server, await browser.allow()) == ({"openid", "email", "offline_access"}, True)
    # What was agreed to once is a granted condition from then on.
    server.clock.advance(5)
    assert "offline_access" in (await granted(server, await ask(server, OFFLINE, push=push, browser=browser)))[0]


@pytest.mark.requirement("OIDC-11-1")
async def test_who_does_not_tick_it_does_not_give_it(server: Running) -> None:
    browser = await ask(server, but(OFFLINE, prompt="consent"))
    await browser.sign_in()
    await browser.submit("consent-allow", scope=["email"])
    assert (await granted(server, browser))[0] == {"openid", "email"}
    assert "offline_access" not in (await granted(server, await ask(server, OFFLINE, browser=browser)))[0]


@pytest.mark.requirement("OIDC-11-1")
async def test_without_a_code_it_means_nothing(server: Running) -> None:
    request = but(OFFLINE, response_type="id_token token", prompt="consent")
    browser = await answered(server, request)
    assert browser.answer["scope"] == "openid email"
    assert "refresh_token" not in browser.answer
    browser = await answered(server, but(request, response_type="code id_token"))
    assert await granted(server, browser) == ({"openid", "email", "offline_access"}, True)


@pytest.mark.requirement("OIDC-11-1")
async def test_an_operator_can_agree_for_all() -> None:
    async with running(manifest(skip_consent=True)) as server:
        assert "offline_access" in (await granted(server, await answered(server, OFFLINE)))[0]


@pytest.mark.requirement("OIDC-11-1")
async def test_a_client_without_the_grant_type_gets_no_refresh_token() -> None:
    async with running(manifest(grant_types=["authorization_code", "implicit"])) as server:
        browser = await answered(server, but(OFFLINE, prompt="consent"))
        assert not (await granted(server, browser))[1]


# --- Values that have to be new -------------------------------------------------------------------------------------


async def told_repeated(server: Running) -> list[str]:
    return [row["values"] for row in await server.audit("request_value_repeated")]


def fresh(number: int, **changes: str) -> dict[str, str]:
    """A request with values of its own, unless changed."""
    return but(REQUEST, state=f"s{number}", nonce=f"n{number}", code_challenge=s256("v" * 43 + str(number)), **changes)


@pytest.mark.requirement("BCP-2.1.1-3")
@ENTRIES
async def test_a_constant_challenge_or_nonce_is_told_once(server: Running, push: bool) -> None:
    for number in range(3):
        await ask(server, fresh(number), push=push)
    assert await told_repeated(server) == []
    for number in range(3, 6):
        await ask(server, but(fresh(number), nonce="constant"), push=push)
    for number in range(6, 9):
        await ask(server, but(fresh(number), code_challenge=CHALLENGE), push=push)
    for number in range(9, 12):
        await ask(server, but(fresh(number), code_challenge=CHALLENGE, nonce="constant"), push=push)
    assert await told_repeated(server) == ["code_challenge", "nonce"]


@pytest.mark.requirement("BCP-2.1.1-3")
async def test_a_page_that_is_loaded_again_is_no_repetition(server: Running) -> None:
    for _ in range(3):
        await ask(server, REQUEST)
    assert await told_repeated(server) == []
    for _ in range(3):
        assert (await post_as(server, "app", PAR, REQUEST)).status_code == 201
    assert await told_repeated(server) == ["code_challenge nonce"]


@pytest.mark.requirement("BCP-2.1.1-3")
def test_what_clients_sent_is_kept_in_little_room() -> None:
    repeats = Repeats()
    for number in range(MAX_CLIENTS + 10):
        assert repeats.seen(("default", str(number)), "c", "n") == ()
    assert len(repeats._last) == MAX_CLIENTS
    assert repeats.seen(("default", str(MAX_CLIENTS)), "c", None) == ("code_challenge",)
    assert repeats.seen(("default", "0"), "c", "n") == ()
    assert repeats.seen(("default", "none"), None, None) == repeats.seen(("default", "none"), None, None) == ()
