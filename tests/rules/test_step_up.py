"""Step-up authentication (RFC 9470): which level a user reached, and what happens where it is not enough."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from pushgate.manage.manifest import BadManifest
from pushgate.model import Session
from pushgate.profiles import PROFILES
from pushgate.store.durable import tables as t
from pushgate.store.durable.configuration import pack, unpack
from pushgate.testing import Browser, Running, running
from tests.support.manifests import APP_SECRET, REDIRECT, REQUEST
from tests.support.steps import agree, answered, ask, at, but, redeem, refresh, tokens_for, told, verified

SILVER, GOLD, BRONZE = "urn:example:silver", "urn:example:gold", "urn:example:bronze"
CONTEXTS = [{"acr": BRONZE, "amr": ["kba"]}, {"acr": SILVER}, {"acr": GOLD, "amr": ["pwd", "sc"]}]
ENTRIES = pytest.mark.parametrize("push", [True, False], ids=["pushed", "browser"])
PLAIN = but(REQUEST, scope="write")


def manifest(client: dict[str, Any] | None = None, **realm: Any) -> str:
    """A realm with three levels, of which the sign-in page reaches the middle one."""
    app = {
        "client_id": "app", "client_secret": APP_SECRET, "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"], "scope": "openid profile email write",
    }  # fmt: skip
    common = {
        "name": "default",
        "authentication_contexts": CONTEXTS,
        "resources": [{"identifier": "https://api.example", "scopes": ["write"]}],
        "users": [{"username": "alice", "password": "alice-password"}],
    }
    return json.dumps({"realms": [{**common, **realm, "clients": [{**app, **(client or {})}]}]})


@pytest.fixture(params=["realm", "client"])
async def strict(request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    """A server where a level that cannot be reached is an error: for the realm, or for the client."""
    text = manifest(step_up=True) if request.param == "realm" else manifest({"step_up": True})
    async with running(text) as found:
        yield found


@pytest.fixture
async def lenient() -> AsyncIterator[Running]:
    """A server where `acr_values` is a wish."""
    async with running(manifest()) as found:
        yield found


async def weaken(server: Running, browser: Browser, *amr: str) -> None:
    """The browser's session was begun in another way."""

    def work(c: Any) -> None:
        rows = c.execute(t.sessions.select()).all()
        for row in rows:
            changed = msgspec.structs.replace(unpack(row.data, Session), amr=amr, methods={})
            c.execute(t.sessions.update().where(t.sessions.c.digest == row.digest).values(data=pack(changed)))

    await server.engine.write(work)


async def levels(server: Running, browser: Browser) -> tuple[Any, Any]:
    """`acr` of the access token and of the ID Token (None without one)."""
    tokens = (await redeem(server, browser.answer["code"])).json()
    access = await verified(server, tokens["access_token"], "ES256")
    assert isinstance(access["auth_time"], int)
    identity = await verified(server, tokens["id_token"]) if "id_token" in tokens else {}
    return access.get("acr"), identity.get("acr")


@pytest.mark.requirement("STEP-6.1-1", "STEP-5-1", "JAT-2.2.1-1")
@ENTRIES
@pytest.mark.parametrize("asked", [None, SILVER, f"{GOLD} {SILVER}", f"urn:unknown {SILVER}"])
async def test_the_level_that_was_reached_is_in_the_tokens(strict: Running, push: bool, asked: str | None) -> None:
    assert await levels(strict, await answered(strict, but(REQUEST, acr_values=asked), push=push)) == (SILVER, SILVER)
    assert await levels(strict, await answered(strict, but(PLAIN, acr_values=asked), push=push)) == (SILVER, None)


@pytest.mark.requirement("STEP-6.1-1")
async def test_a_refreshed_token_has_the_level_of_the_sign_in(strict: Running) -> None:
    tokens = await tokens_for(strict, but(REQUEST, acr_values=SILVER))
    first = await verified(strict, tokens["access_token"], "ES256")
    strict.clock.advance(100)
    again = (await refresh(strict, tokens["refresh_token"])).json()
    access = await verified(strict, again["access_token"], "ES256")
    assert (access["acr"], access["auth_time"]) == (SILVER, first["auth_time"])


@pytest.mark.requirement("STEP-5-2")
@ENTRIES
@pytest.mark.parametrize("asked", [GOLD, f"{GOLD} {BRONZE}", f"urn:unknown {GOLD}"])
async def test_a_level_that_cannot_be_reached_is_an_error(strict: Running, push: bool, asked: str) -> None:
    for request in (but(REQUEST, acr_values=asked), but(PLAIN, acr_values=asked)):
        browser = await ask(strict, request, push=push)
        told(browser, request, "unmet_authentication_requirements", "authorize.acr_unmet")


@pytest.mark.requirement("STEP-5-2")
async def test_a_level_that_nobody_knows_is_a_wish(strict: Running) -> None:
    assert await levels(strict, await answered(strict, but(REQUEST, acr_values="urn:unknown"))) == (SILVER, SILVER)


@pytest.mark.requirement("STEP-5-2")
async def test_where_it_is_a_wish_the_tokens_tell_what_was_reached(lenient: Running) -> None:
    assert await levels(lenient, await answered(lenient, but(REQUEST, acr_values=GOLD))) == (SILVER, SILVER)


@pytest.mark.requirement("STEP-5-1")
@ENTRIES
async def test_a_session_at_a_lower_level_signs_in_again(strict: Running, push: bool) -> None:
    browser = await answered(strict, REQUEST)
    await weaken(strict, browser, "kba", "swk")
    strict.clock.advance(5)
    # Without a wish the session will do, and the token says what it is.
    assert await levels(strict, await ask(strict, REQUEST, browser=browser, push=push)) == (BRONZE, BRONZE)
    request = but(PLAIN, acr_values=SILVER)
    assert at(await ask(strict, request, browser=browser, push=push), "login")
    assert await levels(strict, await agree(browser)) == (SILVER, None)


@pytest.mark.requirement("STEP-5-1", "STEP-5-2")
async def test_a_silent_request_above_the_session(strict: Running, lenient: Running) -> None:
    request = but(REQUEST, acr_values=SILVER, prompt="none")
    for server, refused in ((strict, True), (lenient, False)):
        browser = await answered(server, REQUEST)
        await weaken(server, browser, "kba", "swk")
        server.clock.advance(5)
        await ask(server, request, browser=browser)
        if refused:
            told(browser, request, "login_required", "authorize.login_required")
        else:
            assert await levels(server, browser) == (BRONZE, BRONZE)


async def test_a_sign_in_that_is_not_enough_is_not_asked_for_twice() -> None:
    """The levels changed while somebody was at the consent page."""
    async with running(manifest(step_up=True)) as server:
        request = but(REQUEST, acr_values=SILVER)
        browser = await ask(server, request, push=True)
        await browser.sign_in()
        await server.apply(manifest(step_up=True, authentication_contexts=[{"acr": SILVER, "amr": ["sc"]}]))
        await browser.allow()
        told(browser, request, "unmet_authentication_requirements", "authorize.acr_unmet")


@pytest.mark.requirement("STEP-5-1")
async def test_max_age_needs_no_openid(lenient: Running) -> None:
    browser = await answered(lenient, PLAIN)
    lenient.clock.advance(100)
    assert at(await ask(lenient, but(PLAIN, max_age="50"), browser=browser, push=True), "login")
    await ask(lenient, but(PLAIN, max_age="500"), browser=browser, push=True)
    assert "code" in browser.answer


@pytest.mark.requirement("STEP-5-2")
def test_under_fapi_a_level_is_a_demand() -> None:
    demanding = {name for name, profile in PROFILES.items() if profile.step_up}
    assert demanding == {"fapi2-security", "fapi2-message-signing"}


async def test_the_metadata_names_the_levels(lenient: Running) -> None:
    document = (await lenient.http.get("/.well-known/openid-configuration")).json()
    assert document["acr_values_supported"] == [BRONZE, SILVER, GOLD]
    assert "acr" in document["claims_supported"]
    await lenient.apply(manifest(authentication_contexts=[]))
    document = (await lenient.http.get("/.well-known/openid-configuration")).json()
    assert "acr_values_supported" not in document
    assert "acr" not in document["claims_supported"]


@pytest.mark.parametrize(
    ("contexts", "field"),
    [
        ([{"acr": "two words"}], "authentication_contexts[0].acr"),
        ([{"acr": "a"}, {"acr": "a"}], "authentication_contexts[1].acr"),
        ([{"acr": "a", "amr": []}], "authentication_contexts[0].amr"),
    ],
)
async def test_levels_that_cannot_be(lenient: Running, contexts: list[Any], field: str) -> None:
    with pytest.raises(BadManifest) as refusal:
        await lenient.apply(manifest(authentication_contexts=contexts))
    assert field in str(refusal.value)
