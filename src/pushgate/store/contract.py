"""What every adapter of `store.ports.Transient` must do, as checks that anybody can run on their own.

A check is an async function that gets `open`: an async function without arguments that opens one more
instance over the same data. The data must be empty when the check begins. In your tests, with
pytest and pytest-asyncio:

    from functools import partial
    from pushgate.store import contract

    async def open_mine(url: str) -> MyTransient:
        return MyTransient(url)

    @pytest.mark.parametrize("check", contract.ALL, ids=lambda check: check.__name__)
    async def test_contract(check: contract.Check, empty_database: str) -> None:
        await check(partial(open_mine, empty_database))

`ALL` is made of three parts. `CHECKS` need one instance and suit a store in memory too. `SHARED_CHECKS`
open several instances over one set of data, and close and reopen them. `PROCESS_CHECKS` do so from other
processes, started afresh: `open` must be picklable (a module's function, or functools.partial of one), and a
test that is run as a script needs the usual `if __name__ == "__main__"`.

Rows that a check expects to survive have an hour left on the real clock, and rows that it expects to be
purged are past their time, so a store that forgets rows by itself can pass. Such a store leaves out
`purge_counts_what_it_deletes`.

A broken rule is an AssertionError that says what was expected; nothing here needs pytest.
"""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any, TypeVar

from pushgate.store.ports import Again, First, Stored, StoreUnavailable, Transient

T = TypeVar("T")
Open = Callable[[], Awaitable[Transient]]
Check = Callable[[Open], Awaitable[None]]

KIND = "par"
ROUNDS = 20  # races of each sort: a race is lost by luck, so one round proves little
RACERS = 25  # tasks that act at the same moment
PROCESSES = 2
LARGE = 64 * 1024  # bytes: the body limit of the server
MANY = 2_000  # rows
PATIENCE = 60.0  # seconds for a process to answer


def key(name: object) -> bytes:
    """A key like the server's: bytes of a digest, zero bytes and line ends included."""
    return hashlib.sha256(repr(name).encode()).digest()


def soon() -> int:
    """A time until which a row must be kept."""
    return int(time.time()) + 3600


def past() -> int:
    """A time that has passed."""
    return int(time.time()) - 10


def expect(got: object, wanted: object, what: str) -> None:
    """Raise AssertionError with a sentence if the two differ."""
    if got != wanted:
        raise AssertionError(f"{what}: expected {_shown(wanted)}, got {_shown(got)}")


def _shown(value: object) -> str:
    """Records hide their values in logs; here, where nothing is secret, they are shown."""
    inside = getattr(value, "value", None)
    text = f"{value!r} of {inside!r}" if isinstance(inside, bytes) else repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


@asynccontextmanager
async def opened(open: Open) -> AsyncIterator[Transient]:
    """An instance for the length of a block."""
    store = await open()
    try:
        yield store
    finally:
        await store.aclose()


async def at_once(count: int, act: Callable[[int], Awaitable[T]]) -> list[T]:
    """The results of `count` acts that start together, behind a barrier."""
    barrier = asyncio.Barrier(count)

    async def one(index: int) -> T:
        await barrier.wait()
        return await act(index)

    return await asyncio.gather(*map(one, range(count)))


def expect_one_first(results: Iterable[object], value: bytes, what: str) -> None:
    """Of all results exactly one is First; every other is Again; all carry the value."""
    found = list(results)
    expect(found.count(First(value)), 1, f"{what}: number of First")
    expect(found.count(Again(value)), len(found) - 1, f"{what}: number of Again")


# --- One instance -------------------------------------------------------------------------------------------


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
    """The number of rows, also where it takes more than one step."""
    async with opened(open) as store:
        expect(await store.purge(soon()), 0, "purge of nothing")
        await asyncio.gather(*(store.add(KIND, key(n), b"", past()) for n in range(MANY)))
        await store.add(KIND, key("kept"), b"", soon())
        expect(await store.purge(int(time.time())), MANY, "purge")
        expect(await store.purge(int(time.time())), 0, "purge again")
        expect(await store.get(KIND, key("kept")), Stored(b"", consumed=False), "get of the row to be kept")


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


# --- Several instances ----------------------------------------------------------------------------------------


async def instances_see_each_other(open: Open) -> None:
    """What one instance has acknowledged, the next reads at once."""
    async with opened(open) as one, opened(open) as two:
        for n in range(ROUNDS):
            here, there = (one, two) if n % 2 else (two, one)
            expect(await here.add(KIND, key(n), b"v", soon()), True, "add")
            expect(await there.get(KIND, key(n)), Stored(b"v", consumed=False), "get by the other instance")
            expect(await there.add(KIND, key(n), b"v", soon()), False, "add by the other instance")
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
        await store.purge(int(time.time()))
    async with opened(open) as store:
        expect(await store.get(KIND, key("live")), Stored(b"live", consumed=False), "get after a restart")
        expect(await store.get(KIND, key("used")), Stored(b"used", consumed=True), "get of a used row")
        expect(await store.get(KIND, key("old")), None, "get of a purged row")
        expect(await store.add(KIND, key("live"), b"", soon()), False, "add of a key that is there")
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


# --- Several processes ----------------------------------------------------------------------------------------


async def one_process_wins_a_row(open: Open) -> None:
    """Processes that start together consume the same rows; each row has one First among all of them."""
    async with opened(open) as store:
        for n in range(ROUNDS):
            await store.add(KIND, key(n), b"%d" % n, soon())
        outcomes = await asyncio.to_thread(_race, open, _consume)
        for n in range(ROUNDS):
            expect_one_first([r for of_process in outcomes for r in of_process[n]], b"%d" % n, f"race for row {n}")


async def one_process_wins_a_key(open: Open) -> None:
    """Processes that start together add the same keys; each key is added once."""
    async with opened(open):
        outcomes = await asyncio.to_thread(_race, open, _add)
        for n in range(ROUNDS):
            answers = Counter(r for of_process in outcomes for r in of_process[n])
            expect(answers[True], 1, f"number of adds of key {n} that succeeded")
            expect(answers[False], PROCESSES * RACERS - 1, f"number of adds of key {n} that were refused")


async def what_was_acknowledged_survives_a_kill(open: Open) -> None:
    """A process that is killed in the middle of its work has lost nothing that it was told is kept."""
    acknowledged = await asyncio.to_thread(_killed_while_adding, open)
    async with opened(open) as store:
        for n in range(acknowledged):
            used = n % 2 == 1
            expect(await store.get(KIND, key(n)), Stored(b"v", consumed=used), f"row {n} of {acknowledged}")


async def _consume(store: Transient, n: int) -> object:
    return await store.consume(KIND, key(n))


async def _add(store: Transient, n: int) -> object:
    return await store.add(KIND, key(n), b"v", soon())


def _race(open: Open, act: Callable[[Transient, int], Awaitable[object]]) -> list[list[list[object]]]:
    """By process and round, the results of the tasks that ran `act` at the same moment."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES)
    lines: list[Connection] = []
    children: list[Any] = []
    for _ in range(PROCESSES):
        ours, theirs = context.Pipe()
        child = context.Process(target=_racer, args=(open, act, barrier, theirs), daemon=True)
        child.start()
        theirs.close()
        lines.append(ours)
        children.append(child)
    try:
        return [_received(line) for line in lines]
    finally:
        for child in children:
            child.join(PATIENCE)
            child.kill()


def _received(line: Connection) -> Any:
    if not line.poll(PATIENCE):
        raise AssertionError("a process of the race did not answer in time")
    try:
        return line.recv()
    except EOFError:
        raise AssertionError("a process of the race died; its error is on standard error") from None


def _racer(open: Open, act: Callable[[Transient, int], Awaitable[object]], barrier: Barrier, line: Connection) -> None:
    async def run() -> list[list[object]]:
        outcomes = []
        async with opened(open) as store:
            for n in range(ROUNDS):
                barrier.wait(PATIENCE)
                outcomes.append(await at_once(RACERS, lambda _, n=n: act(store, n)))  # type: ignore[misc]
        return outcomes

    line.send(asyncio.run(run()))


def _killed_while_adding(open: Open) -> int:
    """How many rows a process had been told are kept, when it was killed."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_adder, args=(open, theirs), daemon=True)
    child.start()
    theirs.close()
    for _ in range(MANY // 10):
        _received(ours)
    child.kill()
    child.join(PATIENCE)
    last = MANY // 10
    try:
        while ours.poll(0):
            ours.recv()
            last += 1
    except EOFError:
        pass
    return last


def _adder(open: Open, line: Connection) -> None:
    """Adds rows, consumes every second one, and says so after each, until it is killed."""

    async def run() -> None:
        store = await open()
        n = 0
        while True:
            await store.add(KIND, key(n), b"v", soon())
            if n % 2:
                await store.consume(KIND, key(n))
            line.send(n)
            n += 1

    asyncio.run(run())


CHECKS: tuple[Check, ...] = (
    add_keeps_a_value,
    unknown_keys_are_none,
    add_refuses_a_live_key,
    add_refuses_a_consumed_key,
    get_does_not_consume,
    consume_is_first_exactly_once,
    kinds_are_separate,
    keys_are_bytes,
    values_are_bytes,
    values_may_be_large,
    many_rows_stay_apart,
    purge_goes_by_keep_until,
    purge_counts_what_it_deletes,
    one_of_many_consumers_wins,
    one_of_many_adders_wins,
    a_caller_that_gives_up_spoils_nothing,
)
SHARED_CHECKS: tuple[Check, ...] = (
    instances_see_each_other,
    one_instance_wins,
    everything_survives_a_restart,
    closing_loses_nothing,
)
PROCESS_CHECKS: tuple[Check, ...] = (
    one_process_wins_a_row,
    one_process_wins_a_key,
    what_was_acknowledged_survives_a_kill,
)
ALL: tuple[Check, ...] = (*CHECKS, *SHARED_CHECKS, *PROCESS_CHECKS)
"""Every check."""
