"""Requests that are at work together do each part of it together."""

from __future__ import annotations

import asyncio

import pytest

from pushgate.endpoints import client_authentication, par
from pushgate.endpoints.in_step import TURNS, Convoys, in_step
from pushgate.protocol import client_auth
from pushgate.testing import Running
from tests.support.manifests import APP, REQUEST
from tests.support.steps import PAR


async def test_all_come_up_before_one_goes_on() -> None:
    seen: list[tuple[str, int]] = []

    async def walk(number: int) -> None:
        for part in "abc":
            seen.append((part, number))
            await in_step()

    await asyncio.gather(*map(walk, range(3)))
    assert seen == [(part, number) for part in "abc" for number in range(3)]


async def turns(count: int) -> None:
    """Let so many turns of the event loop go by."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_who_comes_meanwhile_sets_out_with_the_convoy_and_who_comes_later_with_the_next() -> None:
    convoys = Convoys()
    first = convoys.next()
    await turns(TURNS - 1)
    second = convoys.next()
    assert not first.done()
    assert not second.done()
    await turns(1)
    assert first.done()
    assert second.done()
    third = convoys.next()
    assert not third.done()
    await turns(TURNS)
    assert third.done()


async def test_who_gives_up_holds_nobody_up() -> None:
    convoys = Convoys()
    gone, stays = convoys.next(), convoys.next()
    gone.cancel()
    await stays
    assert gone.cancelled()


async def test_a_convoy_waits_for_nothing_that_goes_before_it() -> None:
    """A request that waits for something slow, a client's keys say, delays no other."""
    convoys, never = Convoys(), asyncio.Event()

    async def slow() -> None:
        await convoys.next()
        await never.wait()

    task = asyncio.create_task(slow())
    await turns(TURNS + 2)
    await asyncio.wait_for(convoys.next(), 5)
    task.cancel()


def test_a_loop_that_ended_with_requests_waiting_holds_up_no_later_one() -> None:
    convoys = Convoys()

    async def come() -> None:
        convoys.next()

    async def come_and_wait() -> None:
        await asyncio.wait_for(convoys.next(), 5)

    asyncio.run(come())
    asyncio.run(come_and_wait())


async def test_pushes_that_come_together_are_authenticated_together_then_checked_together(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def told(name: str, part: object) -> object:
        def call(*arguments: object, **named: object) -> object:
            seen.append(name)
            return part(*arguments, **named)  # type: ignore[operator]

        return call

    monkeypatch.setattr(client_authentication.client_auth, "authenticate", told("who", client_auth.authenticate))
    monkeypatch.setattr(par, "decide", told("what", par.decide))
    replies = await asyncio.gather(*(server.http.post(PAR, auth=APP, data=REQUEST) for _ in range(8)))
    assert {reply.status_code for reply in replies} == {201}
    assert seen == ["who"] * 8 + ["what"] * 8
