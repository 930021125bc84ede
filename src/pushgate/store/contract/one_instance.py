"""What one instance has to do, races of its own callers included."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter

from pushgate.store.contract.support import (
    KIND,
    LARGE,
    MANY,
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
from pushgate.store.ports import MARK, Again, First, Mark, Row, Stored


async def add_keeps_a_value(open: Open) -> None:
    """What was added can be read."""
    async with opened(open) as store:
        expect(await store.add(KIND, key(1), b"one", soon()), True, "add of a new key")
        expect(await store.get(KIND, key(1)), Stored(b"one", consumed=False), "get after add")


async def unknown_keys_are_none(open: Open) -> None:
    """Nothing is known of a key that was never added, and asking does not make it known."""
    async with opened(open) as store:
        for _ in range(2):
            expect(await store.get(KIND, key(1)), None, "get of an unknown key")
            expect(await store.consume(KIND, key(1)), None, "consume of an unknown key")
        expect(await store.add(KIND, key(1), b"one", soon()), True, "add after asking for it")
        expect(await store.consume(KIND, key(1)), First(b"one"), "consume after asking too early")


async def add_refuses_a_live_key(open: Open) -> None:
    """A key is added once; this is replay detection. What is there stays as it was."""
    async with opened(open) as store:
        await store.add(KIND, key(1), b"one", soon())
        expect(await store.add(KIND, key(1), b"one", soon()), False, "add of the same row")
        expect(await store.add(KIND, key(1), b"other", past()), False, "add of another value and time")
        expect(await store.get(KIND, key(1)), Stored(b"one", consumed=False), "get after refused adds")
        await store.purge(int(time.time()))
        expect(await store.get(KIND, key(1)), Stored(b"one", consumed=False), "get after a purge before its time")


async def add_refuses_a_consumed_key(open: Open) -> None:
    """Being consumed frees no key."""
    async with opened(open) as store:
        await store.add(KIND, key(1), b"one", soon())
        await store.consume(KIND, key(1))
        expect(await store.add(KIND, key(1), b"other", soon()), False, "add of a consumed key")
        expect(await store.consume(KIND, key(1)), Again(b"one"), "consume after a refused add")


async def add_all_is_all_or_nothing(open: Open) -> None:
    """Several rows are kept together, or none of them is; the first key that is there is named."""
    async with opened(open) as store:
        rows = tuple(Row(KIND, key(n), b"%d" % n, soon()) for n in range(3))
        expect(await store.add_all(rows[:2]), None, "add_all of new keys")
        expect(await store.get(KIND, key(1)), Stored(b"1", consumed=False), "get after add_all")
        expect(await store.add_all((rows[2], rows[1], rows[0])), 1, "add_all with a key that is there")
        expect(await store.get(KIND, key(2)), None, "get of a row beside one that was refused")
        expect(await store.add_all((rows[2], rows[2])), 1, "add_all of one key twice")
        expect(await store.get(KIND, key(2)), None, "get of a row that was there twice")
        await store.consume(KIND, key(0))
        expect(await store.add_all((rows[0], rows[2])), 0, "add_all with a consumed key")
        expect(await store.consume(KIND, key(0)), Again(b"0"), "consume after a refused add_all")


async def marks_are_made_once(open: Open) -> None:
    """Whoever is first makes a mark, alone or beside rows; a mark that is there refuses what is beside it too."""
    async with opened(open) as store:
        one, two = Mark(key("one")[:MARK], soon()), Mark(key("two")[:MARK], soon())
        row = Row(KIND, key(1), b"one", soon())
        expect(await store.add_all((one, row)), None, "add_all of a new mark and a new row")
        expect(await store.get(KIND, key(1)), Stored(b"one", consumed=False), "get of the row beside a mark")
        expect(await store.add_all((one,)), 0, "add_all of a mark that is there")
        expect(await store.add_all((Mark(one.key, past()),)), 0, "add_all of that mark with another time")
        expect(await store.add_all((Row(KIND, key(2), b"", soon()), two, one)), 2, "add_all with a mark that is there")
        expect(await store.get(KIND, key(2)), None, "get of a row beside a mark that was refused")
        expect(await store.add_all((two, row)), 1, "add_all of a new mark and a row that is there")
        expect(await store.add_all((two, two)), 1, "add_all of one mark twice")
        expect(await store.add_all((two,)), None, "add_all of a mark that was only tried")


async def get_does_not_consume(open: Open) -> None:
    """A row may be read any number of times."""
    async with opened(open) as store:
        await store.add(KIND, key(1), b"one", soon())
        for _ in range(3):
            expect(await store.get(KIND, key(1)), Stored(b"one", consumed=False), "get")
        expect(await store.consume(KIND, key(1)), First(b"one"), "consume after get")


async def consume_is_first_exactly_once(open: Open) -> None:
    """Then it is Again, with the same value, for as long as the row is kept."""
    async with opened(open) as store:
        await store.add(KIND, key(1), b"one", soon())
        expect(await store.consume(KIND, key(1)), First(b"one"), "first consume")
        for _ in range(3):
            expect(await store.consume(KIND, key(1)), Again(b"one"), "later consume")
            expect(await store.get(KIND, key(1)), Stored(b"one", consumed=True), "get after consume")


async def kinds_are_separate(open: Open) -> None:
    """The same key in two kinds is two rows."""
    async with opened(open) as store:
        expect(await store.add("par", key(1), b"pushed", soon()), True, "add")
        expect(await store.get("code", key(1)), None, "get in another kind")
        expect(await store.consume("code", key(1)), None, "consume in another kind")
        expect(await store.add("code", key(1), b"a code", soon()), True, "add of the same key in another kind")
        expect(await store.consume("code", key(1)), First(b"a code"), "consume in that kind")
        expect(await store.get("par", key(1)), Stored(b"pushed", consumed=False), "get in the first kind")
        expect(await store.consume("par", key(1)), First(b"pushed"), "consume in the first kind")


async def keys_are_bytes(open: Open) -> None:
    """Any bytes make a key, up to 80 of them; a longer key is never taken for its beginning."""
    short = [b"\0", b"a", b"a\0", b"a\n", b"A", b"%", b"a:b", b"a'b", "ä".encode()]
    keys = [*short, b"\xff" * 79, b"\xff" * 80, bytes(80)]
    async with opened(open) as store:
        for number, raw in enumerate(keys):
            expect(await store.add(KIND, raw, b"%d" % number, soon()), True, f"add under the key {raw!r}")
        for number, raw in enumerate(keys):
            expect(await store.consume(KIND, raw), First(b"%d" % number), f"consume under the key {raw!r}")


async def values_are_bytes(open: Open) -> None:
    """Any bytes come back unchanged, none at all included."""
    values = [b"", b"\0", bytes(range(256)), b"\xff\xfe", b"'; --", "ü\r\n".encode("utf-16")]
    async with opened(open) as store:
        for number, value in enumerate(values):
            await store.add(KIND, key(number), value, soon())
            expect(await store.get(KIND, key(number)), Stored(value, consumed=False), "get")
            expect(await store.consume(KIND, key(number)), First(value), "first consume")
            expect(await store.consume(KIND, key(number)), Again(value), "second consume")


async def values_may_be_large(open: Open) -> None:
    """64 KiB, the largest body that the server takes."""
    value = hashlib.shake_256(b"large").digest(LARGE)
    async with opened(open) as store:
        await store.add(KIND, key(1), value, soon())
        expect(await store.get(KIND, key(1)), Stored(value, consumed=False), "get of 64 KiB")
        expect(await store.consume(KIND, key(1)), First(value), "consume of 64 KiB")


async def many_rows_stay_apart(open: Open) -> None:
    """Thousands of rows, added and consumed side by side; each keeps its own value and its own winner."""
    async with opened(open) as store:
        added = await asyncio.gather(*(store.add(KIND, key(n), b"%d" % n, soon()) for n in range(MANY)))
        expect(added, [True] * MANY, "add of many rows")
        firsts = await asyncio.gather(*(store.consume(KIND, key(n)) for n in range(MANY)))
        expect(firsts, [First(b"%d" % n) for n in range(MANY)], "consume of many rows")
        seconds = await asyncio.gather(*(store.consume(KIND, key(n)) for n in range(MANY)))
        expect(seconds, [Again(b"%d" % n) for n in range(MANY)], "second consume of many rows")


async def purge_goes_by_keep_until(open: Open) -> None:
    """What has outlived its time goes, consumed or not; everything else stays as it is, consumed or not.

    A row whose time is exactly now is kept: it is needed until then.
    """
    now = int(time.time()) + 30
    async with opened(open) as store:
        for name, keep_until in (("old", past()), ("due", now), ("new", soon())):
            for state in ("live", "used"):
                await store.add(KIND, key((name, state)), state.encode(), keep_until)
            await store.consume(KIND, key((name, "used")))
        await store.purge(now)
        for state in ("live", "used"):
            expect(await store.get(KIND, key(("old", state))), None, f"get of an old row, {state}")
            expect(await store.consume(KIND, key(("old", state))), None, f"consume of an old row, {state}")
            expect(await store.add(KIND, key(("old", state)), b"again", soon()), True, "add of a purged key")
            for name in ("due", "new"):
                kept = Stored(state.encode(), consumed=state == "used")
                expect(await store.get(KIND, key((name, state))), kept, f"get of a row to be kept ({name}), {state}")
        expect(await store.consume(KIND, key(("new", "live"))), First(b"live"), "consume of a kept row")
        expect(await store.consume(KIND, key(("new", "used"))), Again(b"used"), "consume of a kept, consumed row")


async def purge_counts_what_it_deletes(open: Open) -> None:
    """The number of rows, also where it takes more than one step, and where some were added for a moment only."""
    async with opened(open) as store:
        expect(await store.purge(soon()), 0, "purge of nothing")
        await asyncio.gather(*(store.add(KIND, key(n), b"", past()) for n in range(MANY)))
        await store.add(KIND, key("kept"), b"", soon())
        expect(await store.purge(int(time.time())), MANY, "purge")
        expect(await store.purge(int(time.time())), 0, "purge again")
        expect(await store.get(KIND, key("kept")), Stored(b"", consumed=False), "get of the row to be kept")
        taken = Mark(key("taken")[:MARK], soon())
        expect(await store.add_all((taken,)), None, "add_all of a mark")
        tried = (Row(KIND, key("a"), b"", past() - 9), Row(KIND, key("b"), b"", past()), taken)
        both = await asyncio.gather(store.add_all(tried), store.add_all((Row(KIND, key("c"), b"", past()),)))
        expect(both, [2, None], "add_all of rows with a mark that is there, and of another one")
        expect(await store.purge(int(time.time())), 1, "purge of what was added beside a refusal")


async def purge_drops_marks_that_are_old(open: Open) -> None:
    """By `keep_until`, as rows; what is needed until exactly now stays. They count as rows do."""
    now = int(time.time()) + 30
    async with opened(open) as store:
        kept = [Mark(key(("kept", n))[:MARK], now + n) for n in range(MANY)]
        old = [Mark(key(("old", n))[:MARK], past()) for n in range(MANY)]
        await asyncio.gather(*(store.add_all((mark,)) for pair in zip(kept, old, strict=True) for mark in pair))
        expect(await store.purge(now), MANY, "purge")
        expect(await store.purge(now), 0, "purge again")
        expect({await store.add_all((mark,)) for mark in kept}, {0}, "add_all of marks that were kept")
        expect({await store.add_all((mark,)) for mark in old}, {None}, "add_all of marks that were purged")


async def one_of_many_consumers_wins(open: Open) -> None:
    """A start-barrier race for each of several rows."""
    async with opened(open) as store:
        for n in range(ROUNDS):
            value = b"%d" % n
            await store.add(KIND, key(n), value, soon())
            results = await at_once(RACERS, lambda _, n=n: store.consume(KIND, key(n)))  # type: ignore[misc]
            expect_one_first(results, value, "race to consume")


async def one_of_many_adders_wins(open: Open) -> None:
    """And the value that is kept is the winner's."""
    async with opened(open) as store:
        for n in range(ROUNDS):
            results = await at_once(RACERS, lambda i, n=n: store.add(KIND, key(n), b"%d" % i, soon()))  # type: ignore[misc]
            expect(results.count(True), 1, "number of adds that succeeded")
            winner = b"%d" % results.index(True)
            expect(await store.get(KIND, key(n)), Stored(winner, consumed=False), "what is kept after the race")


async def one_of_many_sets_wins(open: Open) -> None:
    """Of sets with one key in common one is kept whole, and nothing of the others."""
    async with opened(open) as store:
        for n in range(ROUNDS):

            def rows(i: int, n: int = n) -> tuple[Row | Mark, ...]:
                common = Row(KIND, key(n), b"%d" % i, soon()) if n % 2 else Mark(key(n)[:MARK], soon())
                return Row(KIND, key((n, i)), b"own", soon()), common

            results = await at_once(RACERS, lambda i, rows=rows: store.add_all(rows(i)))  # type: ignore[misc]
            expect(results.count(None), 1, "number of sets that were kept")
            own = [await store.get(KIND, key((n, i))) for i in range(RACERS)]
            kept = [i for i, stored in enumerate(own) if stored is not None]
            expect(kept, [results.index(None)], "whose own row is there after the race")


async def a_caller_that_gives_up_spoils_nothing(open: Open) -> None:
    """A cancelled call has happened or not, but never twice; others are served as before."""
    async with opened(open) as store:
        for n in range(ROUNDS):
            await store.add(KIND, key(n), b"v", soon())
            gone = asyncio.ensure_future(store.consume(KIND, key(n)))
            others = [asyncio.ensure_future(store.consume(KIND, key(n))) for _ in range(3)]
            for _ in range(n % 3):
                await asyncio.sleep(0)
            gone.cancel()
            results = [r for r in await asyncio.gather(gone, *others, return_exceptions=True) if r is not None]
            counted = Counter(type(r).__name__ for r in results)
            expect(len(results), 4, "number of answers")
            if counted["First"] > 1 or counted["First"] + counted["CancelledError"] < 1:
                raise AssertionError(f"one First, or none if the cancelled call was first; got {counted}")
            expect(await store.consume(KIND, key(n)), Again(b"v"), "consume afterwards")
