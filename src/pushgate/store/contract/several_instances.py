"""What several instances on the same data have to do, and one that is closed and opened again."""

from __future__ import annotations

import asyncio
import time

from pushgate.store.contract.support import (
    KIND,
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
from pushgate.store.ports import MARK, Again, First, Mark, Stored, StoreUnavailable


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
