"""Rate limits: the buckets themselves, then what a client, an address and a guesser feel of them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator

import httpx
import pytest

from pushgate import throttle
from pushgate.errors import TemporarilyUnavailable
from pushgate.testing import Running, running
from pushgate.throttle import Buckets, Limit
from tests.support.manifests import APP, APP_SECRET, MANIFEST, REQUEST
from tests.support.steps import PAR, ask, refused, shown, stored

NOW = 1_000_000.0


def limit(key: str = "a", *, rate: float = 2, burst: float = 4) -> Limit:
    """Two tokens a second, four saved up."""
    return Limit((key,), rate, burst)


def taken(buckets: Buckets, now: float, attempts: int, of: Limit | None = None) -> int:
    """How many of the attempts succeed."""
    found = 0
    for _ in range(attempts):
        try:
            buckets.take(of or limit(), now)
        except TemporarilyUnavailable:
            continue
        found += 1
    return found


def test_a_fresh_bucket_is_full() -> None:
    assert taken(Buckets(), NOW, 10) == 4


@pytest.mark.parametrize(("seconds", "more"), [(0, 0), (0.4, 0), (0.5, 1), (1, 2), (1.75, 3), (2, 4), (3600, 4)])
def test_a_bucket_fills_at_its_rate_up_to_its_size(seconds: float, more: int) -> None:
    buckets = Buckets()
    taken(buckets, NOW, 10)
    assert taken(buckets, NOW + seconds, 10) == more


def test_refused_attempts_cost_nothing() -> None:
    buckets = Buckets()
    taken(buckets, NOW, 1000)
    assert taken(buckets, NOW + 0.5, 1) == 1


def test_keys_do_not_share_a_bucket() -> None:
    buckets = Buckets()
    taken(buckets, NOW, 10)
    assert taken(buckets, NOW, 10, limit("b")) == 4


def test_a_clock_that_goes_back_gives_nothing_and_takes_nothing() -> None:
    buckets = Buckets()
    taken(buckets, NOW, 3)
    assert taken(buckets, NOW - 3600, 10) == 1


@pytest.mark.parametrize(("rate", "wait"), [(2, 1), (0.5, 2), (1 / 6, 6), (0.001, 1000)])
def test_the_refusal_says_how_long_to_wait_and_then_there_is_a_token(rate: float, wait: int) -> None:
    buckets, slow = Buckets(), limit(rate=rate, burst=1)
    buckets.take(slow, NOW)
    with pytest.raises(TemporarilyUnavailable) as caught:
        buckets.take(slow, NOW)
    assert (caught.value.status, caught.value.refusal.id) == (429, "http.rate")
    assert caught.value.retry_after == wait
    buckets.take(slow, NOW + math.ceil(1 / rate))


def test_check_takes_nothing() -> None:
    buckets = Buckets()
    for _ in range(10):
        buckets.check(limit(), NOW)
    assert taken(buckets, NOW, 10) == 4
    with pytest.raises(TemporarilyUnavailable):
        buckets.check(limit(), NOW)


def test_count_never_raises_and_never_goes_below_empty() -> None:
    buckets = Buckets()
    for _ in range(100):
        buckets.count(limit(), NOW)
    assert taken(buckets, NOW, 1) == 0
    assert taken(buckets, NOW + 0.5, 10) == 1


def test_rate_zero_is_no_limit() -> None:
    buckets = Buckets()
    for _ in range(10):
        buckets.count(limit(rate=0), NOW)
        buckets.check(limit(rate=0), NOW)
    assert taken(buckets, NOW, 1000, limit(rate=0)) == 1000


def test_memory_is_bounded_and_the_key_in_use_is_not_the_one_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MAX_KEYS", 100)
    buckets = Buckets()
    taken(buckets, NOW, 10, limit("guesser"))
    for number in range(1000):
        buckets.count(limit("guesser"), NOW)
        buckets.count(limit(str(number)), NOW)
    assert len(buckets._buckets) == 100
    assert taken(buckets, NOW, 10, limit("guesser")) == 0
    assert taken(buckets, NOW, 10, limit("0")) == 4


# --- What callers feel --------------------------------------------------------------------------------------


@pytest.fixture
async def strict() -> AsyncIterator[Running]:
    """Three pushes a second per client, five per address, four failed authentications a minute."""
    rates = "rates: {pushes_per_client: 3, pushes_per_address: 5, failures_per_minute: 4}"
    async with running(MANIFEST.replace("rates: {failures_per_minute: 0}", rates)) as server:
        yield server


async def push(server: Running, client_id: str = "app", secret: str = APP_SECRET) -> int:
    """The status of a push."""
    redirect = {"app": REQUEST["redirect_uri"]}.get(client_id, f"https://{client_id}.example/cb")
    form = {**REQUEST, "redirect_uri": redirect, "scope": "openid"}
    return (await server.http.post(PAR, auth=(client_id, secret), data=form)).status_code


@pytest.mark.requirement("PAR-2.3-8", "VEN-T-7")
async def test_a_client_that_pushes_too_fast_waits_and_others_do_not(strict: Running) -> None:
    assert [await push(strict) for _ in range(3)] == [201, 201, 201]
    reply = await strict.http.post(PAR, auth=APP, data=REQUEST)
    refused(reply, 429, "temporarily_unavailable", "http.rate")
    assert reply.headers["retry-after"] == "1"
    assert stored(strict) == 3
    assert await push(strict, "hybrid") == 201
    strict.clock.advance(1)
    assert await push(strict) == 201


@pytest.mark.requirement("VEN-T-7")
async def test_an_address_that_pushes_too_fast_waits_and_others_do_not(strict: Running) -> None:
    answers = [await push(strict, client_id) for client_id in ("app", "app", "hybrid", "hybrid", "must-push", "app")]
    assert answers == [201] * 5 + [429]
    elsewhere = httpx.ASGITransport(strict.app, client=("192.0.2.7", 1))
    async with httpx.AsyncClient(transport=elsewhere, base_url=strict.server.base_url) as http:
        assert (await http.post(PAR, auth=APP, data=REQUEST)).status_code == 201


async def test_pushes_have_no_limit_unless_the_operator_sets_one(server: Running) -> None:
    assert {await push(server) for _ in range(50)} == {201}


async def test_a_guesser_is_stopped_before_the_secret_is_looked_at(strict: Running) -> None:
    wrong = "a-wrong-secret-of-at-least-22-characters"
    answers = []
    for _ in range(6):
        answers.append(await push(strict, "app", wrong))
        strict.clock.advance(0.5)
    assert answers == [401, 401, 401, 401, 429, 429]
    refused(await strict.http.post(PAR, auth=APP, data=REQUEST), 429, "temporarily_unavailable", "http.rate")
    assert stored(strict) == 0
    assert await push(strict, "hybrid") == 201
    strict.clock.advance(15)
    assert await push(strict) == 201


async def test_guesses_that_come_together_are_counted_one_by_one(strict: Running) -> None:
    """Requests walk in step, but not between looking at the count and raising it."""
    guesses = (push(strict, "app", f"wrong-secret-of-at-least-22-characters-{number}") for number in range(60))
    answers = await asyncio.gather(*guesses)
    assert (answers.count(401), answers.count(429)) == (4, 56)


async def test_failures_that_are_spread_out_lock_nobody_out(strict: Running) -> None:
    for _ in range(20):
        assert await push(strict, "app", "a-wrong-secret-of-at-least-22-characters") == 401
        strict.clock.advance(16)
    assert await push(strict) == 201


async def test_passwords_are_not_guessed_faster_than_people_type(server: Running) -> None:
    browser = await ask(server, REQUEST, push=True)
    for _ in range(10):
        await browser.sign_in("alice", "a-wrong-password")
        assert browser.page is not None
        assert browser.page.status_code == 400
    await browser.sign_in("alice", "alice-password")
    shown(browser.page, 429, "temporarily_unavailable", "http.rate")
    assert browser.page is not None
    assert int(browser.page.headers["retry-after"]) <= 6
    other = await ask(server, REQUEST, push=True)
    await other.sign_in("bob", "bob-password")
    await other.allow()
    assert "code" in other.answer
    server.clock.advance(6)
    back = await ask(server, REQUEST, push=True)
    await back.sign_in("alice", "alice-password")
    await back.allow()
    assert "code" in back.answer
    assert [row["reason"] for row in await server.audit("login_failed")] == ["throttled", *["credentials"] * 10]
