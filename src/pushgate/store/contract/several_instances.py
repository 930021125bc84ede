"""What several instances on the same data have to do, and one that is closed and opened again."""

from __future__ import annotations

import asyncio
import time

from pushgate.store.contract.support import (
    KIND,
    MANY,
    PATIENCE,
    RACERS,
    ROUNDS,
    Open,
    at_once,
    expect,
    expect_one_first,
    key,
    opened,
    past,
    soon,
)
from pushgate.store.ports import MARK, Again, First, Mark, Row, Stored, StoreUnavailable


async def instances_see_each_other(open: Open) -> None:
    """What one instance has acknowledged, the next reads at once."""
    async with opened(open) as one, opened(open) as two:
        for n in range(ROUNDS):
            here, there = (one, two) if n % 2 else (two, one)
            expect(await here.add(KIND, key(n), b"v", soon()), True, "add")
            expect(await there.get(KIND, key(n)), Stored(b"v", consumed=False), "get by the other instance")
            expect(await there.add(KIND, key(n), b"v", soon()), False, "add by the other instance")
            mark = Mark(key(n)[:MARK], soon())
            expect(await here.add_all((mark,)), None, "add_all of a mark")
            expect(await there.add_all((mark,)), 0, "add_all of the mark by the other instance")
            expect(await there.consume(KIND, key(n)), First(b"v"), "consume by the other instance")
            expect(await here.get(KIND, key(n)), Stored(b"v", consumed=True), "get by the first instance")
            expect(await here.consume(KIND, key(n)), Again(b"v"), "consume by the first instance")


async def one_instance_wins(open: Open) -> None:
    """The races again, spread over four instances."""
    async with opened(open) as a, opened(open) as b, opened(open) as c, opened(open) as d:
        stores = (a, b, c, d)
        for n in range(ROUNDS):
            added = await at_once(RACERS, lambda i, n=n: stores[i % 4].add(KIND, key(n), b"v", soon()))  # type: ignore[misc]
            expect(added.count(True), 1, "number of adds that succeeded")
            results = await at_once(RACERS, lambda i, n=n: stores[i % 4].consume(KIND, key(n)))  # type: ignore[misc]
            expect_one_first(results, b"v", "race to consume")
            mark = Mark(key(n)[:MARK], soon())
            made = await at_once(RACERS, lambda i, mark=mark: stores[i % 4].add_all((mark,)))  # type: ignore[misc]
            expect(made.count(None), 1, "number of times that a mark was made")


async def marks_of_one_instance_hold_for_all(open: Open) -> None:
    """However many were made meanwhile; one that was made beside a row that was refused holds for nobody."""
    async with opened(open) as one, opened(open) as two:
        many = [Mark(key(("many", n))[:MARK], soon()) for n in range(MANY)]
        await asyncio.gather(*(one.add_all((mark,)) for mark in many))
        expect(await two.add_all((many[MANY // 2],)), 0, "add_all of a mark by an instance that did nothing before")
        row, tried = Row(KIND, key("row"), b"", soon()), Mark(key("tried")[:MARK], soon())
        expect(await one.add_all((row,)), None, "add_all of a row")
        expect(await one.add_all((tried, row)), 1, "add_all of a mark with a row that is there")
        expect(await two.add_all((tried,)), None, "add_all of that mark by the other instance")
        expect(await one.add_all((tried,)), 0, "add_all of that mark, once the other instance made it")


async def a_mark_that_is_made_again_is_kept_for_its_own_time(open: Open) -> None:
    """Once its time is over it can be made again, and each instance knows until when it holds now."""
    first, again = Mark(key(1)[:MARK], past()), Mark(key(1)[:MARK], soon())
    other = Mark(key(2)[:MARK], soon())
    async with opened(open) as one, opened(open) as two:
        expect(await one.add_all((first,)), None, "add_all of a mark")
        expect(await two.add_all((other,)), None, "add_all of another mark by the other instance")
        await one.purge(int(time.time()))
        expect(await one.add_all((again,)), None, "add_all of the mark that was purged")
        expect(await two.add_all((other,)), 0, "add_all of the other mark")
        await two.purge(int(time.time()))
        expect(await two.add_all((again,)), 0, "add_all of the mark by the other instance, which purged too")
    async with opened(open) as three:
        await three.purge(int(time.time()))
        expect(await three.add_all((again,)), 0, "add_all of the mark after a restart and a purge")


async def everything_survives_a_restart(open: Open) -> None:
    """Rows, and whether they were consumed."""
    async with opened(open) as store:
        for name in ("live", "used"):
            await store.add(KIND, key(name), name.encode(), soon())
        await store.consume(KIND, key("used"))
        await store.add(KIND, key("old"), b"", past())
        mark = Mark(key("mark")[:MARK], soon())
        await store.add_all((mark,))
        await store.purge(int(time.time()))
    async with opened(open) as store:
        expect(await store.get(KIND, key("live")), Stored(b"live", consumed=False), "get after a restart")
        expect(await store.get(KIND, key("used")), Stored(b"used", consumed=True), "get of a used row")
        expect(await store.get(KIND, key("old")), None, "get of a purged row")
        expect(await store.add(KIND, key("live"), b"", soon()), False, "add of a key that is there")
        expect(await store.add_all((mark,)), 0, "add_all of a mark that is there")
        expect(await store.consume(KIND, key("live")), First(b"live"), "consume of a live row")
        expect(await store.consume(KIND, key("used")), Again(b"used"), "consume of a used row")


async def closing_loses_nothing(open: Open) -> None:
    """A call that is under way when the store is closed is carried out, or fails; never a false yes."""
    store = await open()
    calls = [asyncio.ensure_future(store.add(KIND, key(n), b"v", soon())) for n in range(200)]
    await asyncio.sleep(0)
    await store.aclose()
    answers = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), PATIENCE)
    for answer in answers:
        if answer is not True and not isinstance(answer, StoreUnavailable):
            raise AssertionError(f"add while closing: expected True or StoreUnavailable, got {answer!r}")
    async with opened(open) as again:
        for n, answer in enumerate(answers):
            if answer is True:
                expect(await again.get(KIND, key(n)), Stored(b"v", consumed=False), "get of an acknowledged row")
