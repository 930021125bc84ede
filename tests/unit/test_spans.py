"""When rows of the SQLite store may go: entries tell of many rows at once, and of none too many."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushgate.store.ports import MARK, Mark, Row
from pushgate.store.transient.spans import GAP
from pushgate.store.transient.sqlite import PURGE_STEP, SqliteTransient
from tests.support.stores import open_store

LATER = int(time.time()) + 3600


def row(name: object, keep_until: int) -> Row:
    return Row("par", str(name).encode(), b"value", keep_until)


async def together(store: SqliteTransient, *rows: Row) -> None:
    """Add them in one transaction, each by a request of its own."""
    assert set(await asyncio.gather(*(store.add_all((one,)) for one in rows))) == {None}


def spans(store: SqliteTransient) -> list[tuple[int, int, int]]:
    query = "SELECT keep_until, first, last FROM spans ORDER BY keep_until, first"
    return store._connection.execute(query).fetchall()


def names(store: SqliteTransient) -> list[str]:
    return [key.decode() for [key] in store._connection.execute("SELECT key FROM transient ORDER BY id")]


async def test_one_entry_is_for_all_of_a_transaction_that_go_together(store: SqliteTransient) -> None:
    await together(store, row(1, 10), row(2, 20), row(3, 10), row(4, 20), row(5, 10))
    assert spans(store) == [(10, 1, 5), (20, 2, 4)]
    await together(store, row(6, 10))
    assert spans(store) == [(10, 1, 5), (10, 6, 6), (20, 2, 4)]
    assert await store.purge(20) == 4
    assert (names(store), spans(store)) == (["2", "4"], [(20, 2, 4)])
    assert await store.purge(21) == 2
    assert (names(store), spans(store)) == ([], [])


async def test_an_entry_does_not_reach_over_many_that_stay(store: SqliteTransient) -> None:
    """Or a purge would pass over them again and again."""
    await together(store, row("a", 10), *(row(n, LATER) for n in range(GAP)), row("b", 10))
    await together(store, row("c", 10), *(row(-n, LATER) for n in range(1, GAP)), row("d", 10))
    there = GAP + 2
    assert spans(store)[:-2] == [(10, 1, 1), (10, there, there), (10, there + 1, there + 1 + GAP)]
    assert await store.purge(11) == 4
    assert spans(store) == [(LATER, 2, there - 1), (LATER, there + 2, there + GAP)]


async def test_a_purge_in_steps_takes_all_of_a_long_entry(store: SqliteTransient) -> None:
    many = 3 * PURGE_STEP + 7
    await store.add_many("par", [(b"%d" % n, b"", 10 if n % 3 else LATER) for n in range(many)])
    assert spans(store) == [(10, 2, many - 1), (LATER, 1, many)]
    deleted = await store._commit.submit(lambda: store._spans.purge(11, PURGE_STEP))
    assert deleted == PURGE_STEP
    assert spans(store)[0] == (10, 1 + PURGE_STEP * 3 // 2, many - 1)
    assert deleted + await store.purge(11) == many - len(names(store)) == sum(1 for n in range(many) if n % 3)
    assert {keep_until for keep_until, _, _ in spans(store)} == {LATER}


async def test_an_id_that_comes_again_is_not_deleted_for_the_row_that_had_it(store: SqliteTransient) -> None:
    taken = Mark(bytes(MARK), LATER)
    assert await store.add_all((taken,)) is None
    # The row is there for a moment, in a transaction that takes it back; its id goes to the next one.
    first, second = await asyncio.gather(
        store.add_all((row("undone", 10), taken)), store.add_all((row("kept", LATER),))
    )
    assert (first, second) == (1, None)
    assert (10, 1, 1) in spans(store)
    assert await store.purge(11) == 0
    assert names(store) == ["kept"]
    # And where the row with the highest id was deleted, and the same second comes again.
    await together(store, row("a", 20))
    store._connection.execute("DELETE FROM transient WHERE key = ?", (b"a",))
    await together(store, row("b", 20), row("c", 20))
    assert spans(store)[0] == (20, 2, 3)
    assert await store.purge(21) == 2
    assert names(store) == ["kept"]


async def test_an_id_that_goes_back_is_not_lost(store: SqliteTransient) -> None:
    taken = Mark(bytes(MARK), LATER)
    assert await store.add_all((taken,)) is None
    undone, kept = (row("a", 10), row("b", 20), taken), (row("c", 20),)
    assert await asyncio.gather(store.add_all(undone), store.add_all(kept)) == [2, None]
    assert await store.purge(20) == 0
    assert names(store) == ["c"]
    assert await store.purge(21) == 1
    assert names(store) == []


@pytest.mark.parametrize("times", [2, 5, 20, 60])
async def test_times_that_are_mixed_take_no_more_steps(
    store: SqliteTransient, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    many = 20 * PURGE_STEP
    await store.add_many("par", [(b"%d" % n, b"", n % times) for n in range(many)])
    steps = 0
    purge = store._spans.purge

    def step(now: int, limit: int) -> int | None:
        nonlocal steps
        steps += 1
        return purge(now, limit)

    monkeypatch.setattr(store._spans, "purge", step)
    assert await store.purge(times) == many
    assert (steps, spans(store)) == (many // PURGE_STEP + 1, [])


async def test_a_transaction_that_fails_leaves_no_entry(store: SqliteTransient) -> None:
    def fails() -> None:
        store._add(row("lost", 10))
        raise ValueError

    before = asyncio.ensure_future(store.add_all((row("before", 20),)))
    bad = store._commit.submit(fails)
    after = asyncio.ensure_future(store.add_all((row("after", 20),)))
    results = await asyncio.gather(before, bad, after, return_exceptions=True)
    assert (results[0], type(results[1]), results[2]) == (None, ValueError, None)
    assert (names(store), spans(store)) == (["before", "after"], [(20, 1, 2)])


async def test_whoever_purges_takes_what_others_have_added(store: SqliteTransient, path: Path) -> None:
    other = open_store(path)
    await together(other, row(1, 10), row(2, LATER))
    await other.aclose()
    assert await store.purge(11) == 1
    assert names(store) == ["2"]


NAME, TIME = st.integers(0, 30), st.integers(0, 12)
REQUESTS = st.lists(st.lists(st.tuples(NAME, TIME), min_size=1, max_size=3), min_size=1, max_size=8)
STEPS = st.lists(st.one_of(REQUESTS, TIME), max_size=12)


@settings(max_examples=300)
@given(STEPS)
async def test_it_is_as_if_each_row_were_looked_at(steps: list[list[list[tuple[int, int]]] | int]) -> None:
    """Requests that come in one transaction, each with one row or several, which it gets all or none of."""
    store = open_store(None)
    there: dict[int, int] = {}
    for step in steps:
        if isinstance(step, int):
            old = [name for name, keep_until in there.items() if keep_until < step]
            assert await store.purge(step) == len(old)
            for name in old:
                del there[name]
        else:
            asked = (store.add_all(tuple(row(name, at) for name, at in request)) for request in step)
            for request, told in zip(step, await asyncio.gather(*asked), strict=True):
                before = [name for name, _ in request]
                clash = next((n for n, name in enumerate(before) if name in there or name in before[:n]), None)
                assert told == clash
                there |= dict(request) if clash is None else {}
        assert sorted(names(store)) == sorted(map(str, there))
    assert await store.purge(13) == len(there)
    assert (names(store), spans(store)) == ([], [])
    await store.aclose()
