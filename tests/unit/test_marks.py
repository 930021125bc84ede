"""Marks of the SQLite store: the index in memory says what the file says, whatever fails and whoever writes."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest

from pushgate.store.checkpoints import EVERY
from pushgate.store.ports import MARK, Mark, Row, StoreUnavailable
from pushgate.store.transient.marks import FIRST, LAST, SLICE, unpacked
from pushgate.store.transient.sqlite import SqliteTransient, connect
from tests.support.stores import open_store


def mark(n: int, keep_until: int | None = None) -> Mark:
    return Mark(
        n.to_bytes(8, "big", signed=True) + bytes(MARK - 8),
        int(time.time()) + 3600 if keep_until is None else keep_until,
    )


async def is_there(store: SqliteTransient, *marks: Mark) -> list[bool]:
    """Whether each is there; it is afterwards."""
    return [await store.add_all((one,)) is not None for one in marks]


def on_disk(path: Path) -> list[int]:
    connection = connect(path)
    try:
        rows = connection.execute("SELECT numbers FROM mark_sets ORDER BY id").fetchall()
        return [number for [numbers] in rows for number in unpacked(numbers)]
    finally:
        connection.close()


def known(store: SqliteTransient) -> int:
    return int(store._connection.execute("SELECT count(*) FROM memory.known").fetchone()[0])


async def test_what_is_on_disk_is_in_the_order_of_arrival(store: SqliteTransient, path: Path) -> None:
    numbers = [7, -3, LAST, 0, FIRST, 1]
    assert await is_there(store, *map(mark, numbers)) == [False] * 6
    assert on_disk(path) == numbers
    assert await is_there(store, *map(mark, numbers)) == [True] * 6


async def test_a_job_that_fails_leaves_no_mark_and_takes_none_of_the_others(store: SqliteTransient, path: Path) -> None:
    def fails() -> None:
        store._marks.add(mark(2))
        raise ValueError

    before = asyncio.ensure_future(store.add_all((mark(1),)))
    bad = store._commit.submit(fails)
    after = asyncio.ensure_future(store.add_all((mark(3),)))
    results = await asyncio.gather(before, bad, after, return_exceptions=True)
    assert (results[0], type(results[1]), results[2]) == (None, ValueError, None)
    assert on_disk(path) == [1, 3]
    assert await is_there(store, mark(1), mark(2), mark(3)) == [True, False, True]


@pytest.mark.parametrize("where", ["finish", "commit"])
async def test_a_batch_that_cannot_be_kept_leaves_no_mark(
    store: SqliteTransient, path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def fail() -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(store._transaction, where, fail)
        results = await asyncio.gather(*(store.add_all((mark(n),)) for n in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailable] * 3
    assert on_disk(path) == []
    assert not store._connection.in_transaction, "nobody else could write"
    assert await is_there(store, *map(mark, range(3))) == [False] * 3
    assert on_disk(path) == [0, 1, 2]


async def test_a_commit_that_sqlite_undoes_is_undone_in_memory(store: SqliteTransient, path: Path) -> None:
    store._connection.execute("CREATE TABLE parent (n INTEGER PRIMARY KEY)")
    store._connection.execute("CREATE TABLE child (n REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
    orphan = store._commit.submit(lambda: store._connection.execute("INSERT INTO child VALUES (1)") and None)
    beside = asyncio.ensure_future(store.add_all((mark(1),)))
    results = await asyncio.gather(orphan, beside, return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailable] * 2
    assert (on_disk(path), known(store)) == ([], 0)
    assert await is_there(store, mark(1)) == [False]


async def test_an_index_that_cannot_take_in_refuses_everybody(
    store: SqliteTransient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And does not keep the write lock over it."""

    def fail() -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(store._marks, "take_in", fail)
        with pytest.raises(StoreUnavailable):
            await store.add_all((mark(1),))
        assert not store._connection.in_transaction
    assert await is_there(store, mark(1)) == [False]


async def test_marks_of_another_instance_are_known_after_its_transaction_was_undone(
    store: SqliteTransient, path: Path
) -> None:
    """What was taken in goes with a transaction that fails, and is taken in again."""
    other = open_store(path)
    assert await is_there(other, mark(1)) == [False]

    def fails() -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - our own, bare
        await store._commit.submit(fails)
    assert await is_there(store, mark(1)) == [True]
    await other.aclose()


async def test_what_there_is_is_taken_in_by_the_start_and_not_by_the_first_request(
    store: SqliteTransient, path: Path
) -> None:
    assert await is_there(store, *map(mark, range(20))) == [False] * 20
    other = open_store(path)
    assert known(other) == 20
    await other.aclose()


async def test_numbers_go_on_where_everything_was_purged(store: SqliteTransient, path: Path) -> None:
    """Or an instance that has seen them would overlook the marks of the next ones."""
    old = int(time.time()) - 100
    other = open_store(path)
    assert await is_there(store, *(mark(n, old) for n in range(50))) == [False] * 50
    assert await store.purge(int(time.time())) == 50
    assert on_disk(path) == []
    assert await is_there(other, mark(100)) == [False]
    assert await is_there(store, mark(100)) == [True]
    await other.aclose()


async def test_a_purge_takes_all_that_is_old_from_memory_too(store: SqliteTransient, path: Path) -> None:
    old, many = int(time.time()) - 100, 3 * SLICE + 7
    ends = [mark(FIRST, old), mark(LAST, old)]
    assert await is_there(store, *ends) == [False] * 2
    await asyncio.gather(*(store.add_all((mark(n, old if n % 3 else None),)) for n in range(many)))
    kept = [n for n in range(many) if n % 3 == 0]
    other = open_store(path)
    assert await store.purge(int(time.time())) == many - len(kept) + len(ends)
    assert (known(store), sorted(on_disk(path))) == (len(kept), kept)
    assert await other.purge(int(time.time())) == 0
    assert known(other) == len(kept)
    await other.aclose()


async def test_what_happens_in_memory_makes_no_checkpoint(store: SqliteTransient, path: Path) -> None:
    """It counts what another process has written for nothing, and the index twice."""
    other = open_store(path)
    await asyncio.gather(*(other.add_all((mark(n),)) for n in range(2 * EVERY)))
    checkpoints = store._transaction._checkpoints
    assert checkpoints is not None
    assert checkpoints._since == 0
    assert await store.add_all((mark(-1), Row("par", b"key", b"", 1))) is None
    assert known(store) == 2 * EVERY + 1
    assert checkpoints._since == 3, "the mark, the row, and when the row may go"
    await other.aclose()
