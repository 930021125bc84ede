"""Group commit: many jobs in one transaction, each with its own fate; nobody is told yes before the disk is."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pushgate.store import commit
from pushgate.store.commit import MAX_BATCH, GroupCommit
from pushgate.store.ports import StoreUnavailable
from pushgate.store.transient.sqlite import SqliteTransaction, SqliteTransient, connect
from pushgate.testing import Running
from tests.support.manifests import APP, REQUEST
from tests.support.steps import refused, stored

PATIENCE = 5.0  # seconds for what should take milliseconds


class Watched:
    """The real statements, written down, with a place to wait or fail before each."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._real = SqliteTransaction(connection, None)
        self.seen: list[str] = []
        self.before: dict[str, Callable[[], None]] = {}

    def _note(self, what: str) -> None:
        self.seen.append(what)
        self.before.get(what, lambda: None)()

    def begin(self) -> bool:
        self._note("begin")
        return self._real.begin()

    def finish(self) -> None:
        self._note("finish")
        self._real.finish()

    def commit(self) -> None:
        self._note("commit")
        self._real.commit()

    def rollback(self) -> None:
        self._note("rollback")
        self._real.rollback()


class Table:
    """A table of numbers on disk, written through a GroupCommit and read by another connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = connect(path)
        self.connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
        self.reader = connect(path)
        self.transaction = Watched(self.connection)
        self.commit = GroupCommit(self.transaction)

    def insert(self, n: int) -> int:
        """A job."""
        self.connection.execute("INSERT INTO t VALUES (?)", (n,))
        return n

    def insert_and_fail(self, n: int) -> int:
        """A job that has an effect, then fails."""
        self.insert(n)
        raise ValueError(n)

    def add(self, n: int) -> asyncio.Future[int]:
        """Ask for a number to be inserted."""
        return self.commit.submit(lambda: self.insert(n))

    def committed(self) -> list[int]:
        """What another connection sees."""
        return [row[0] for row in self.reader.execute("SELECT n FROM t ORDER BY n")]


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table(tmp_path / "table.db")


class Gate:
    """A place where the writer stops until it is let through; `arrived` says that it came."""

    def __init__(self, then: Callable[[], None] = lambda: None, *, at: int = 1) -> None:
        self._left, self._then = at, then
        self._arrived, self._open = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._arrived.set()
            self._open.wait(PATIENCE)
        self._then()

    async def arrived(self) -> None:
        """Wait until the writer stands at the gate."""
        assert await asyncio.to_thread(self._arrived.wait, PATIENCE)
        await turns()

    def open(self) -> None:
        """Let it through."""
        self._open.set()


def once(problem: Exception) -> Callable[[], None]:
    """Raise the first time, then no more."""
    problems = [problem]

    def act() -> None:
        if problems:
            raise problems.pop()

    return act


async def turns(count: int = 20) -> None:
    """Let the event loop run."""
    for _ in range(count):
        await asyncio.sleep(0)


async def answers(*waiting: asyncio.Future[int]) -> list[int | BaseException]:
    """The results or exceptions of all, which must come."""
    return await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), PATIENCE)


async def test_a_result_is_given_out_after_the_commit_and_not_before(table: Table) -> None:
    table.transaction.before["commit"] = gate = Gate()
    waiting = table.add(1)
    await gate.arrived()
    assert not waiting.done()
    assert table.committed() == []
    gate.open()
    assert await answers(waiting) == [1]
    assert table.committed() == [1]


async def test_jobs_gather_while_a_commit_is_at_the_disk(table: Table) -> None:
    table.transaction.before["commit"] = gate = Gate()
    first = table.add(0)
    await gate.arrived()
    others = [table.add(n) for n in range(1, 51)]
    await turns()
    gate.open()
    assert await answers(first, *others) == list(range(51))
    assert table.transaction.seen == ["begin", "finish", "commit"] * 2


async def test_a_batch_has_an_upper_bound(table: Table) -> None:
    numbers = list(range(MAX_BATCH * 2 + 1))
    assert await answers(*(table.add(n) for n in numbers)) == numbers
    assert table.transaction.seen == ["begin", "finish", "commit"] * 3
    assert table.committed() == numbers


@pytest.mark.parametrize("failing", [{0}, {4}, {9}, {0, 1, 9}, set(range(10))], ids=str)
async def test_a_failing_job_hurts_no_other_of_its_batch(table: Table, failing: set[int]) -> None:
    def job(n: int) -> Callable[[], int]:
        return lambda: table.insert_and_fail(n) if n in failing else table.insert(n)

    results = await answers(*(table.commit.submit(job(n)) for n in range(10)))
    for n, result in enumerate(results):
        if n in failing:
            assert isinstance(result, ValueError)
            assert result.args == (n,)
        else:
            assert result == n
    assert table.committed() == [n for n in range(10) if n not in failing]


async def test_a_failed_commit_fails_every_job_of_its_batch_and_none_after_it(table: Table) -> None:
    table.transaction.before["commit"] = once(sqlite3.OperationalError("disk I/O error"))
    for result in await answers(*(table.add(n) for n in range(5))):
        assert isinstance(result, StoreUnavailable)
        assert isinstance(result.__cause__, sqlite3.OperationalError)
    assert table.committed() == []
    assert await answers(table.add(7)) == [7]
    assert table.committed() == [7]


async def test_a_commit_that_the_database_refuses_is_undone(table: Table) -> None:
    table.connection.execute("CREATE TABLE child (n INTEGER REFERENCES t DEFERRABLE INITIALLY DEFERRED)")
    orphan = table.commit.submit(lambda: table.connection.execute("INSERT INTO child VALUES (99)").rowcount)
    results = await answers(orphan, table.add(1))
    assert [type(result) for result in results] == [StoreUnavailable, StoreUnavailable]
    assert await answers(table.add(2)) == [2]
    assert table.committed() == [2]


async def test_a_failed_begin_fails_who_waits_and_none_after_it(table: Table) -> None:
    table.transaction.before["begin"] = once(sqlite3.OperationalError("disk I/O error"))
    results = await answers(*(table.add(n) for n in range(3)))
    assert [type(result) for result in results] == [StoreUnavailable] * 3
    assert await answers(table.add(7)) == [7]


@pytest.mark.parametrize("what", ["commit", "job"])
async def test_everybody_gets_an_answer_even_if_the_rollback_fails(table: Table, what: str) -> None:
    table.transaction.before["rollback"] = once(sqlite3.OperationalError("disk I/O error"))
    if what == "commit":
        table.transaction.before["commit"] = once(sqlite3.OperationalError("disk I/O error"))
        results = await answers(table.add(1), table.add(2))
        assert [type(result) for result in results] == [StoreUnavailable] * 2
    else:
        bad = table.commit.submit(lambda: table.insert_and_fail(1))
        results = await answers(bad, table.add(2))
        assert isinstance(results[0], ValueError | StoreUnavailable)
        assert results[1] == 2 or isinstance(results[1], StoreUnavailable)
    assert 1 not in table.committed()
    assert await answers(table.add(7)) == [7]


async def test_a_lock_of_another_process_is_waited_for_without_stopping_the_loop(table: Table) -> None:
    other = connect(table.path)
    other.execute("BEGIN IMMEDIATE")
    table.transaction.before["begin"] = gate = Gate(at=5)
    waiting = [table.add(n) for n in range(3)]
    await gate.arrived()
    assert not any(future.done() for future in waiting)
    late = table.add(3)
    other.execute("COMMIT")
    gate.open()
    assert await answers(*waiting, late) == [0, 1, 2, 3]
    assert table.committed() == [0, 1, 2, 3]


async def test_a_lock_that_is_held_too_long_makes_the_store_unavailable(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "LOCK_PATIENCE", 0.0)
    other = connect(table.path)
    other.execute("BEGIN IMMEDIATE")
    results = await answers(table.add(1), table.add(2))
    assert [type(result) for result in results] == [StoreUnavailable] * 2
    other.execute("ROLLBACK")
    assert await answers(table.add(3)) == [3]
    assert table.committed() == [3]


async def test_a_waiter_that_is_cancelled_takes_nobody_with_it(table: Table) -> None:
    table.transaction.before["commit"] = gate = Gate()
    waiting = [table.add(n) for n in range(3)]
    await gate.arrived()
    waiting[1].cancel()
    gate.open()
    results = await answers(*waiting)
    assert (results[0], type(results[1]), results[2]) == (0, asyncio.CancelledError, 2)
    assert await answers(table.add(7)) == [7]
    assert table.committed() == [0, 1, 2, 7]


async def test_a_cancelled_job_that_fails_takes_nobody_with_it(table: Table) -> None:
    gone = table.commit.submit(lambda: table.insert_and_fail(0))
    other = table.add(1)
    gone.cancel()
    results = await answers(gone, other)
    assert (type(results[0]), results[1]) == (asyncio.CancelledError, 1)
    assert table.committed() == [1]


async def test_a_failed_commit_reaches_the_others_of_a_cancelled_waiter(table: Table) -> None:
    gate = Gate(once(sqlite3.OperationalError("disk I/O error")))
    table.transaction.before["commit"] = gate
    waiting = [table.add(n) for n in range(2)]
    await gate.arrived()
    waiting[0].cancel()
    gate.open()
    results = await answers(*waiting)
    assert [type(result) for result in results] == [asyncio.CancelledError, StoreUnavailable]
    assert table.committed() == []


async def test_a_closed_store_takes_no_jobs(table: Table) -> None:
    await table.commit.aclose()
    with pytest.raises(StoreUnavailable, match="closed"):
        await table.commit.submit(lambda: table.insert(1))
    assert table.committed() == []


async def test_closing_finishes_what_waits(table: Table) -> None:
    numbers = list(range(MAX_BATCH + 10))
    waiting = [table.add(n) for n in numbers]
    await asyncio.sleep(0)
    await table.commit.aclose()
    assert await answers(*waiting) == numbers
    assert table.committed() == numbers


# --- What callers of the stores see -----------------------------------------------------------------------


def full(store: SqliteTransient) -> None:
    """The disk is full from now on."""
    [[pages]] = store._connection.execute("PRAGMA page_count")
    store._connection.execute(f"PRAGMA max_page_count={pages}")


def room(store: SqliteTransient) -> None:
    """Somebody made room."""
    store._connection.execute("PRAGMA max_page_count=1000000")


async def test_a_full_disk_makes_the_store_unavailable_and_decides_nothing(tmp_path: Path) -> None:
    store = SqliteTransient(tmp_path / "transient.db", time.time)
    full(store)
    keep_until = int(time.time()) + 60
    with pytest.raises(StoreUnavailable):
        await store.add("par", b"k" * 32, bytes(100_000), keep_until)
    assert await store.get("par", b"k" * 32) is None
    room(store)
    assert await store.add("par", b"k" * 32, bytes(100_000), keep_until)
    await store.aclose()


async def test_a_full_disk_is_503_at_the_push_and_201_once_there_is_room(server: Running) -> None:
    full(server.transient)
    big = {**REQUEST, "state": "x" * 50_000}
    refused(
        await server.http.post("/oauth2/par", auth=APP, data=big), 503, "temporarily_unavailable", "http.unavailable"
    )
    assert stored(server) == 0
    room(server.transient)
    assert (await server.http.post("/oauth2/par", auth=APP, data=big)).status_code == 201
