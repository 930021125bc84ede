"""Clients hear at their servers that a session is over (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey

from pushgate.endpoints.logout_delivery import LEASE
from pushgate.manage.inputs import UserInput
from pushgate.manage.service import Change
from pushgate.protocol.logout import BACK_OFF
from pushgate.testing import BASE_URL, Browser, Running
from tests.support.logout import LOGOUT, Receivers, back, client, serving, signed_in, use
from tests.support.manifests import APP_SECRET
from tests.support.steps import header, refresh, refused

EVENT = "http://schemas.openid.net/event/backchannel-logout"


async def sign_out(browser: Browser, id_token: str) -> None:
    """An application signs the user out."""
    await browser.open(LOGOUT, params={"id_token_hint": id_token})
    assert not signed_in(browser)


async def settled(server: Running) -> None:
    """Everything that is under way has ended."""
    await server.server.logouts.idle()


async def due(server: Running) -> None:
    """The chore looks, and what it starts ends."""
    await server.server.deliver_logouts()
    await settled(server)


def waiting(server: Running) -> list[tuple[Any, ...]]:
    """Deliveries that are not settled: when, and with how many attempts."""
    import msgspec

    rows = server.engine.writer.exec_driver_sql("SELECT next_at, data FROM logout_deliveries ORDER BY next_at")
    return [(row[0], msgspec.json.decode(row[1]).get("attempts", 0)) for row in rows.all()]


async def claims_of(server: Running, token: str, alg: str = "RS256") -> dict[str, Any]:
    """The claims of a logout token, verified by another library."""
    keys = KeySet.import_key_set((await server.http.get("/oauth2/jwks")).json())
    return jwt.decode(token, keys, algorithms=[alg]).claims


# --- What is sent, and to whom ----------------------------------------------------------------------------


@pytest.mark.requirement("BCL-2.3-1", "BCL-2.4-1", "BCL-2.4-2", "BCL-2.5-1", "RPL-2-5")
async def test_every_client_of_the_session_is_told_and_no_other() -> None:
    es = back("two", id_token_signed_response_alg="ES256", backchannel_logout_session_required=True)
    async with serving(back("one"), es, back("unused"), client("deaf")) as (server, receivers):
        browser, elsewhere = server.browser(), server.browser()
        tokens = {name: await use(server, name, browser) for name in ("one", "two", "deaf")}
        await use(server, "unused", elsewhere)
        await use(server, "unused", server.browser(), username="bob")
        first = await claims_of(server, tokens["one"]["id_token"])
        jtis = set()
        await sign_out(browser, tokens["deaf"]["id_token"])
        assert sorted(host for host, _, _ in receivers.posted) == ["one.example", "two.example"]
        for name, alg in (("one", "RS256"), ("two", "ES256")):
            [token] = receivers.tokens(name)
            assert header(token)["typ"] == "logout+jwt"
            assert header(token)["alg"] == alg
            claims = await claims_of(server, token, alg)
            now = int(server.clock())
            jtis.add(claims.pop("jti"))
            assert claims == {
                "iss": BASE_URL, "aud": name, "sub": first["sub"], "sid": first["sid"], "iat": now, "exp": now + 120,
                "events": {EVENT: {}},
            }  # fmt: skip
        for _, headers, form in receivers.posted:
            assert headers["content-type"] == "application/x-www-form-urlencoded"
            assert list(form) == ["logout_token"]
            assert "cookie" not in headers
        assert len(jtis) == 2
        assert waiting(server) == []
        told = await server.audit("logout_delivered")
        assert sorted(event["client_id"] for event in told) == ["one", "two"]
        assert {event["attempts"] for event in told} == {1}


@pytest.mark.requirement("BCL-2.1-1", "BCL-2.4-3")
async def test_a_session_has_a_sid_of_its_own() -> None:
    required = back("one", backchannel_logout_session_required=True)
    async with serving(required, back("two")) as (server, receivers):
        first, second = server.browser(), server.browser()
        sids = set()
        for browser in (first, second):
            of_one = await use(server, "one", browser)
            of_two = await use(server, "two", browser)
            found = {(await claims_of(server, t["id_token"]))["sid"] for t in (of_one, of_two)}
            assert len(found) == 1
            sids |= found
        assert len(sids) == 2
        await sign_out(second, of_one["id_token"])
        [told] = receivers.tokens("one")
        assert (await claims_of(server, told))["sid"] == (await claims_of(server, of_one["id_token"]))["sid"]
        assert signed_in(first)


async def test_a_client_is_told_of_users_by_the_names_that_it_knows() -> None:
    pairwise = back("one", subject_type="pairwise", id_token_signed_response_alg="HS256")
    async with serving(pairwise, back("two")) as (server, receivers):
        browser = server.browser()
        of_two = await use(server, "two", browser)
        of_one = (await use(server, "one", browser))["id_token"]
        await sign_out(browser, of_one)
        secret = OctKey.import_key(APP_SECRET)
        known, told = [jwt.decode(t, secret, algorithms=["HS256"]).claims for t in (of_one, *receivers.tokens("one"))]
        assert (told["sub"], told["sid"]) == (known["sub"], known["sid"])
        assert told["sub"] != (await claims_of(server, of_two["id_token"]))["sub"]
        assert (await claims_of(server, receivers.tokens("two")[0]))["sub"] != told["sub"]


async def test_who_signs_in_again_goes_on_with_the_session() -> None:
    async with serving(back("one"), back("two")) as (server, receivers):
        browser = server.browser()
        of_one = await use(server, "one", browser)
        cookie = browser.http.cookies["pushgate-session-default"]
        server.clock.advance(1)
        await browser.open("/oauth2/authorize", params={"client_id": "two", **_again("two")})
        await browser.sign_in()
        assert browser.http.cookies["pushgate-session-default"] != cookie
        of_two = await use(server, "two", browser)
        first, second = [await claims_of(server, t["id_token"]) for t in (of_one, of_two)]
        assert first["sid"] == second["sid"]
        assert receivers.posted == []
        await sign_out(browser, of_one["id_token"])
        assert (len(receivers.tokens("one")), len(receivers.tokens("two"))) == (1, 1)


async def test_somebody_else_who_signs_in_ends_the_session_of_the_first() -> None:
    async with serving(back("one")) as (server, receivers):
        browser = server.browser()
        of_alice = await use(server, "one", browser)
        server.clock.advance(1)
        await browser.open("/oauth2/authorize", params={"client_id": "one", **_again("one")})
        await browser.sign_in("bob", "bob-password")
        [token] = receivers.tokens("one")
        assert (await claims_of(server, token))["sid"] == (await claims_of(server, of_alice["id_token"]))["sid"]
        [event] = await server.audit("signed_out")
        assert event["reason"] == "other user"
        assert signed_in(browser)


def _again(name: str) -> dict[str, str]:
    from tests.support.logout import request_of

    return {**request_of(name), "prompt": "login"}


# --- Refresh tokens ---------------------------------------------------------------------------------------


@pytest.mark.requirement("BCL-2.7-1", "BCP-4.14.2-2")
async def test_tokens_of_the_session_end_but_not_those_for_offline_use() -> None:
    async with serving(client("one"), client("two"), back("three")) as (server, _):
        browser = server.browser()
        online = await use(server, "one", browser)
        offline = await use(server, "two", browser, scope="openid offline_access")
        another = await use(server, "one", server.browser())
        await sign_out(browser, online["id_token"])
        refused(await refresh(server, online["refresh_token"], "one"), 400, "invalid_grant", "refresh.invalid")
        reply = await server.http.get("/oauth2/userinfo", headers={"authorization": f"Bearer {online['access_token']}"})
        assert reply.status_code == 401
        assert (await refresh(server, offline["refresh_token"], "two")).status_code == 200
        assert (await refresh(server, another["refresh_token"], "one")).status_code == 200
        assert [row["reason"] for row in await server.audit("grant_revoked")] == ["session ended"]


# --- What can go wrong ------------------------------------------------------------------------------------


@pytest.mark.requirement("BCL-2.8-1")
@pytest.mark.parametrize("status", [200, 204])
async def test_both_are_success(status: int) -> None:
    async with serving(back("one"), receivers=Receivers(one=[status])) as (server, _):
        browser = server.browser()
        await sign_out(browser, (await use(server, "one", browser))["id_token"])
        assert waiting(server) == []
        assert len(await server.audit("logout_delivered")) == 1


@pytest.mark.requirement("BCL-2.5-2")
async def test_a_server_in_trouble_is_told_later() -> None:
    async with serving(back("one"), receivers=Receivers(one=[500, 503, 200])) as (server, receivers):
        browser = server.browser()
        await sign_out(browser, (await use(server, "one", browser))["id_token"])
        start = int(server.clock())
        assert waiting(server) == [(start + BACK_OFF[0], 1)]
        await due(server)
        assert len(receivers.posted) == 1, "before its time"
        server.clock.advance(BACK_OFF[0])
        await due(server)
        assert waiting(server) == [(start + BACK_OFF[0] + BACK_OFF[1], 2)]
        server.clock.advance(BACK_OFF[1])
        await due(server)
        assert waiting(server) == []
        server.clock.advance(1_000_000)
        await due(server)
        tokens = receivers.tokens("one")
        assert len(tokens) == 3
        seen = [await claims_of(server, token) for token in tokens]
        assert len({claims["jti"] for claims in seen}) == 3
        assert len({claims["sid"] for claims in seen}) == 1
        assert all(claims["exp"] - claims["iat"] == 120 for claims in seen)
        assert seen[2]["iat"] == start + BACK_OFF[0] + BACK_OFF[1]
        [told] = await server.audit("logout_delivered")
        assert told["attempts"] == 3
        failed = await server.audit("logout_undelivered")
        assert [(e["attempts"], e["reason"], e.get("retry_at")) for e in failed] == [
            (2, "status 503", start + BACK_OFF[0] + BACK_OFF[1]), (1, "status 500", start + BACK_OFF[0]),
        ]  # fmt: skip


@pytest.mark.requirement("BCL-2.5-2")
@pytest.mark.parametrize("status", [400, 401, 404, 302])
async def test_who_says_no_is_not_asked_again(status: int) -> None:
    async with serving(back("one"), receivers=Receivers(one=[status])) as (server, receivers):
        browser = server.browser()
        await sign_out(browser, (await use(server, "one", browser))["id_token"])
        assert waiting(server) == []
        server.clock.advance(1_000_000)
        await due(server)
        assert len(receivers.posted) == 1
        [event] = await server.audit("logout_undelivered")
        assert (event["reason"], event.get("retry_at")) == (f"status {status}", None)


@pytest.mark.requirement("BCL-2.5-2")
async def test_the_attempts_are_limited() -> None:
    async with serving(back("one"), receivers=Receivers(one=[429])) as (server, receivers):
        browser = server.browser()
        await sign_out(browser, (await use(server, "one", browser))["id_token"])
        for _ in range(20):
            server.clock.advance(100_000)
            await due(server)
        assert len(receivers.posted) == len(BACK_OFF) + 1
        assert waiting(server) == []
        newest, *others = await server.audit("logout_undelivered")
        assert newest.get("retry_at") is None
        assert all(event["retry_at"] for event in others)


@pytest.mark.requirement("BCL-2.3-1")
async def test_one_that_hangs_holds_up_nobody() -> None:
    async with serving(back("one"), back("two"), receivers=Receivers(one=[0]), patience=60) as (server, receivers):
        server.server.logouts.patience = 0.05
        browser = server.browser()
        await use(server, "one", browser)
        await sign_out(browser, (await use(server, "two", browser))["id_token"])
        async with asyncio.timeout(20):
            while not (told := await server.audit("logout_delivered")):  # noqa: ASYNC110 - of the server's own making
                await asyncio.sleep(0.01)
        assert [event["client_id"] for event in told] == ["two"]
        assert receivers.now == 1, "the other one still hangs"


@pytest.mark.requirement("BCL-2.5-2")
async def test_one_that_hangs_is_told_later() -> None:
    async with serving(back("one"), receivers=Receivers(one=[0, 200]), patience=0.3) as (server, _):
        browser = server.browser()
        await sign_out(browser, (await use(server, "one", browser))["id_token"])
        await settled(server)
        [event] = await server.audit("logout_undelivered")
        assert (event["client_id"], event["reason"]) == ("one", "timeout")
        assert waiting(server) == [(int(server.clock()) + BACK_OFF[0], 1)]


@pytest.mark.requirement("BCL-2.3-1")
async def test_a_user_does_not_wait_for_ever() -> None:
    async with serving(back("one"), receivers=Receivers(one=[0]), patience=60) as (server, receivers):
        server.server.logouts.patience = 0.05
        browser = server.browser()
        id_token = (await use(server, "one", browser))["id_token"]
        async with asyncio.timeout(5):
            await browser.open(
                LOGOUT, params={"id_token_hint": id_token, "post_logout_redirect_uri": "https://one.example/signed-out"}
            )
        assert browser.landed == "https://one.example/signed-out"
        assert len(receivers.posted) == 1
        # It is still this process's; nobody else sends it meanwhile.
        await server.server.deliver_logouts()
        assert len(receivers.posted) == 1
        assert waiting(server) == [(int(server.clock()) + LEASE, 0)]


async def test_what_a_process_left_undone_is_done_by_another() -> None:
    async with serving(back("one"), receivers=Receivers(one=[0, 200]), patience=60) as (server, receivers):
        server.server.logouts.patience = 0.05
        browser = server.browser()
        await sign_out(browser, (await use(server, "one", browser))["id_token"])
        await server.server.logouts.aclose()  # the process ends in the middle
        server.clock.advance(LEASE)
        await due(server)
        assert len(receivers.posted) == 2
        assert waiting(server) == []


async def test_two_that_look_at_once_do_not_send_twice() -> None:
    async with serving(back("one"), receivers=Receivers(one=[500, 200])) as (server, receivers):
        browser = server.browser()
        await sign_out(browser, (await use(server, "one", browser))["id_token"])
        server.clock.advance(BACK_OFF[0])
        await asyncio.gather(*(server.server.deliver_logouts() for _ in range(20)))
        await settled(server)
        assert len(receivers.posted) == 2


@pytest.mark.requirement("BCL-2.2-1")
@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"])
async def test_a_private_address_is_never_called(address: str) -> None:
    receivers = Receivers()
    receivers.address["one.example"] = address
    async with serving(back("one"), receivers=receivers) as (server, _):
        browser = server.browser()
        await sign_out(browser, (await use(server, "one", browser))["id_token"])
        assert receivers.dialled == []
        assert waiting(server) == []
        [event] = await server.audit("logout_undelivered")
        assert (event["reason"], event.get("retry_at")) == ("private_address", None)


@pytest.mark.requirement("BCL-2.2-1")
async def test_a_redirect_is_not_followed() -> None:
    receivers = Receivers(one=[307])
    receivers.location = "http://169.254.169.254/latest/meta-data"
    async with serving(back("one"), receivers=receivers) as (server, _):
        browser = server.browser()
        await sign_out(browser, (await use(server, "one", browser))["id_token"])
        assert len(receivers.posted) == len(receivers.dialled) == 1
        assert waiting(server) == []


async def test_a_client_that_is_gone_is_forgotten() -> None:
    async with serving(back("one"), receivers=Receivers(one=[500])) as (server, receivers):
        browser = server.browser()
        await sign_out(browser, (await use(server, "one", browser))["id_token"])
        await server.management.carry_out([await server.management.plan_delete_client("default", "one")])
        await server.server.snapshot.refresh()
        server.clock.advance(BACK_OFF[0])
        await due(server)
        assert len(receivers.posted) == 1
        assert waiting(server) == []


# --- Sessions that others end -----------------------------------------------------------------------------


async def _changed_password(server: Running) -> Change:
    return await server.management.plan_user("default", UserInput(username="alice"), "another-password")


async def _disabled(server: Running) -> Change:
    return await server.management.plan_user("default", UserInput(username="alice", enabled=False), None)


async def _deleted(server: Running) -> Change:
    return await server.management.plan_delete_user("default", "alice")


async def _signed_out(server: Running) -> Change:
    return await server.management.plan_sign_out("default", "alice")


@pytest.mark.requirement("BCL-2.3-1", "BCL-2.7-1", "BCP-4.14.2-2")
@pytest.mark.parametrize("act", [_changed_password, _disabled, _deleted, _signed_out])
async def test_an_operator_ends_sessions_like_a_user(act: Any) -> None:
    async with serving(back("one"), client("two")) as (server, receivers):
        first, second, bob = server.browser(), server.browser(), server.browser()
        tokens = [await use(server, "one", browser) for browser in (first, second)]
        offline = await use(server, "two", first, scope="openid offline_access")
        await use(server, "one", bob, username="bob")
        await server.management.carry_out([await act(server)])
        assert receivers.posted == []
        await due(server)
        sids = {(await claims_of(server, token))["sid"] for token in receivers.tokens("one")}
        assert sids == {(await claims_of(server, t["id_token"]))["sid"] for t in tokens}
        assert len(receivers.posted) == 2
        assert waiting(server) == []
        for t in tokens:
            refused(await refresh(server, t["refresh_token"], "one"), 400, "invalid_grant", "refresh.invalid")
        kept = await refresh(server, offline["refresh_token"], "two")
        assert (kept.status_code == 200) is (act is _signed_out)
        await first.open("/oauth2/authorize", params={"client_id": "one", **_again("one")})
        assert "/login/" in str(first.page and first.page.url)
        await bob.open(LOGOUT)
        assert "bob" in (bob.page.text if bob.page else "")
