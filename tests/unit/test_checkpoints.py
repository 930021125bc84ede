"""Checkpoints beside the commits: what is committed reaches the database, and no commit waits for that."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from pushgate.store.checkpoints import EVERY, LONG, Checkpoints, Turns
from pushgate.store.durable.engine import SqliteEngine
from pushgate.store.transient.sqlite import SqliteTransaction, SqliteTransient, checkpoints_of, connect

PATIENCE = 5.0  # seconds for what should take milliseconds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database in which nothing is left in the write-ahead log."""
    path = tmp_path / "some.db"
    with closing(connect(path)) as connection:
        connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    return path


def in_database(path: Path, query: str = "SELECT count(*) FROM t") -> int:
    """What the file itself says, without its write-ahead log."""
    alone = path.with_suffix(".alone")
    shutil.copy(path, alone)
    with closing(sqlite3.connect(alone)) as connection:
        found: int = connection.execute(query).fetchone()[0]
    return found


MANY = "INSERT INTO t WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?) SELECT NULL FROM c"


def committed(connection: sqlite3.Connection, checkpoints: Checkpoints, *commits: int) -> None:
    """Commits of so many rows each."""
    for count in commits:
        before = checkpoints.count()
        connection.execute(MANY, (count,))
        checkpoints.committed(count, after=before, alone=nullcontext)


@pytest.mark.parametrize(
    ("commits", "moved"), [((EVERY - 1,), 0), ((EVERY,), EVERY), ((EVERY - 1, 1), EVERY), ((1, EVERY - 2), 0)]
)
def test_so_many_rows_make_a_checkpoint(path: Path, commits: tuple[int, ...], moved: int) -> None:
    with closing(connect(path)) as connection:
        checkpoints = checkpoints_of(path)
        committed(connection, checkpoints, *commits)
        checkpoints.close()
        assert in_database(path) == moved


def test_commits_go_on_while_one_is_made_and_only_one_is(path: Path) -> None:
    may_go, opened = threading.Event(), []

    def slowly() -> sqlite3.Connection:
        opened.append(threading.current_thread().name)
        assert may_go.wait(PATIENCE)
        return connect(path)

    with closing(connect(path)) as connection:
        checkpoints = Checkpoints(slowly, Turns(path))
        committed(connection, checkpoints, EVERY, EVERY, EVERY)
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (3 * EVERY,)
        assert in_database(path) == 0
        may_go.set()
        checkpoints.close()
        assert in_database(path) == 3 * EVERY
    assert opened == ["pushgate-checkpoints_0"]


def test_a_failure_is_tried_again_and_disturbs_no_commit(path: Path) -> None:
    tries: list[Callable[[], sqlite3.Connection]] = [_broken, partial(connect, path)]

    def sometimes() -> sqlite3.Connection:
        tried.release()
        return tries.pop(0)()

    tried = threading.Semaphore(0)
    with closing(connect(path)) as connection:
        checkpoints = Checkpoints(sometimes, Turns(path))
        committed(connection, checkpoints, EVERY)
        assert tried.acquire(timeout=PATIENCE)
        while tries:  # the first may still be on its way out, and then a commit starts no second
            committed(connection, checkpoints, 1)
        checkpoints.close()
        assert in_database(path) >= EVERY


def _broken() -> sqlite3.Connection:
    raise sqlite3.OperationalError("unable to open database file")


def test_where_no_thread_can_be_had_the_commit_does_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with closing(connect(path)) as connection:
        checkpoints = checkpoints_of(path)
        monkeypatch.setattr(ThreadPoolExecutor, "submit", none)
        committed(connection, checkpoints, EVERY)
        assert in_database(path) == EVERY
        checkpoints.close()


def commit(transaction: SqliteTransaction, rows: int) -> None:
    assert transaction.begin()
    transaction._connection.execute(MANY, (rows,))
    transaction.commit()


@pytest.fixture
def transactions(path: Path) -> Iterator[tuple[SqliteTransaction, SqliteTransaction]]:
    """Two processes, as the file sees them."""
    two = SqliteTransaction(connect(path), path), SqliteTransaction(connect(path), path)
    yield two
    for each in two:
        each.close()
        each._connection.close()


def test_a_log_that_gets_long_stops_everybodys_commits_until_it_is_copied(
    path: Path, transactions: tuple[SqliteTransaction, SqliteTransaction], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it can be started anew where several processes commit without a pause."""
    ours, others = transactions
    checkpoints = ours._checkpoints
    assert checkpoints is not None
    could = []

    def looking() -> sqlite3.Connection:
        could.append(others.begin())
        return connect(path)

    monkeypatch.setattr(checkpoints, "_connect", looking)
    checkpoints._length = LONG + 1
    commit(ours, EVERY)
    assert could == [False]
    assert in_database(path) == EVERY, "all is copied when the commit is over"
    assert checkpoints._length == 0
    log = path.with_name("some.db-wal")
    salts = log.read_bytes()[16:24]  # sqlite.org/fileformat2.html#walformat: others each time
    commit(others, 1)
    assert log.read_bytes()[16:24] != salts, "it was started anew"


@pytest.mark.parametrize("held_up", ["by_a_reader", "by_a_writer"])
def test_where_that_cannot_be_the_commit_ends_all_the_same(
    path: Path, transactions: tuple[SqliteTransaction, SqliteTransaction], monkeypatch: pytest.MonkeyPatch, held_up: str
) -> None:
    ours, others = transactions
    checkpoints = ours._checkpoints
    assert checkpoints is not None
    checkpoints._length = LONG + 1
    if held_up == "by_a_reader":
        others._connection.execute("BEGIN")
        others._connection.execute("SELECT count(*) FROM t").fetchone()
    else:
        monkeypatch.setattr("pushgate.store.transient.sqlite.ALONE_PATIENCE", 0)
        looked = checkpoints.committed

        def overtaken(*arguments: Any, **named: Any) -> None:
            assert others.begin(), "the commit is over"
            looked(*arguments, **named)

        monkeypatch.setattr(checkpoints, "committed", overtaken)
    commit(ours, EVERY)
    assert not ours._connection.in_transaction
    assert in_database(path) == (0 if held_up == "by_a_reader" else EVERY)
    others.rollback()
    assert ours.begin()


# --- In step with other processes: SQLite before 3.51.3 can lose commits otherwise ----------------------------------


def test_none_begins_before_a_commit_that_began_after_the_last_ones_end(path: Path) -> None:
    """Of this process or another: sqlite.org/wal.html#walresetbug."""
    other = Turns(path)
    with closing(connect(path)) as connection:
        checkpoints = checkpoints_of(path)

        def commit(changes: int, before: int | None) -> int:
            connection.execute(MANY, (changes,))
            checkpoints.committed(changes, after=before, alone=nullcontext)
            if checkpoints._running is not None:
                checkpoints._running.result(PATIENCE)
            return in_database(path)

        before = checkpoints.count()
        assert other.begin(0)
        assert commit(EVERY, before) == 0, "the other is about one"
        during = checkpoints.count()
        assert commit(1, during) == 0, "still"
        other.end()
        assert commit(1, during) == 0, "it ended while this commit was under way"
        before = checkpoints.count()
        checkpoints.committed(0, after=before, alone=nullcontext)  # a commit of nothing leaves the log as it was
        assert in_database(path) == 0
        assert commit(1, before) == EVERY + 3
        assert other.count() == 4
        checkpoints.close()
        other.close()


def test_whoever_dies_over_one_holds_nobody_up(path: Path) -> None:
    turns = Turns(path)
    program = """
import os, pathlib, signal, sys
from pushgate.store.checkpoints import Turns
assert Turns(pathlib.Path(sys.argv[1])).begin(0)
os.kill(os.getpid(), signal.SIGKILL)
"""
    died = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert died.returncode == -signal.SIGKILL
    assert turns.count() == 1
    with closing(connect(path)) as connection:
        checkpoints = checkpoints_of(path)
        committed(connection, checkpoints, EVERY)
        checkpoints.close()
        assert in_database(path) == 0, "it may have ended just now"
        assert turns.count() == 2
        checkpoints = checkpoints_of(path)
        committed(connection, checkpoints, EVERY)
        checkpoints.close()
        assert in_database(path) == 2 * EVERY
    turns.close()


def test_one_at_a_time_and_each_after_a_look_that_followed_the_last(path: Path) -> None:
    """Eight at once, as if each were a process: a lock is that of an opened file."""
    about, problems, barrier = [], [], threading.Barrier(8)

    def work() -> int:
        turns, done = Turns(path), 0
        barrier.wait(PATIENCE)
        for _ in range(400):
            seen = turns.count()
            if turns.begin(seen):
                about.append(seen)
                if len(about) != 1 or turns.count() != seen + 1:
                    problems.append((seen, list(about)))
                done += 1
                about.pop()
                turns.end()
        turns.close()
        return done

    with ThreadPoolExecutor(8) as threads:
        begun = sum(future.result() for future in [threads.submit(work) for _ in range(8)])
    assert not problems
    turns = Turns(path)
    assert turns.count() == 2 * begun > 0, "every one was counted, and none was taken for somebody's death"
    turns.close()


@pytest.mark.parametrize("what", ["another_process_began", "it_is_odd", "it_is_of_nonsense"])
def test_a_count_that_does_not_hold_is_refused_and_nothing_stays_locked(path: Path, what: str) -> None:
    turns, other = Turns(path), Turns(path)
    if what == "another_process_began":
        assert other.begin(0)
        other.end()
        assert not turns.begin(0)
    elif what == "it_is_odd":
        turns._set(7)
        assert not turns.begin(7)
    else:
        path.with_name("some.db-checkpoints").write_bytes(b"\xff" * 20)
        assert not turns.begin(turns.count())
    assert turns.count() % 2 == 0
    assert other.begin(other.count())
    other.end()
    turns.close()
    other.close()


def test_where_nothing_can_be_counted_the_commit_is_done_all_the_same(path: Path, tmp_path: Path) -> None:
    with closing(connect(path)) as connection:
        checkpoints = Checkpoints(partial(connect, path), Turns(tmp_path / "nowhere" / "some.db"))
        assert checkpoints.count() is None
        committed(connection, checkpoints, EVERY)
        checkpoints.close()
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (EVERY,)
        assert in_database(path) == 0


def test_two_processes_that_commit_without_a_pause_keep_the_log_short(path: Path) -> None:
    barrier, sizes, log = threading.Barrier(2), [], path.with_name("some.db-wal")

    def work(transaction: SqliteTransaction) -> None:
        barrier.wait(PATIENCE)
        for _ in range(250):
            transaction.wait_and_begin()
            for _ in range(64):
                transaction._connection.execute("INSERT INTO b VALUES (zeroblob(300))")
            transaction.commit()
            sizes.append(log.stat().st_size)

    with closing(connect(path)) as connection:
        connection.execute("CREATE TABLE b (content BLOB)")
        two = [SqliteTransaction(connect(path), path) for _ in range(2)]
        with ThreadPoolExecutor(2) as threads:
            for done in [threads.submit(work, transaction) for transaction in two]:
                done.result()
        for transaction in two:
            transaction.close()
            transaction._connection.close()
        assert connection.execute("SELECT count(*) FROM b").fetchone() == (2 * 250 * 64,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert max(sizes) < 2 * LONG * 4_120 < path.stat().st_size, "all of it went through the log"


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_whoever_may_write_the_database_may_count(path: Path, mode: int) -> None:
    path.chmod(mode)
    if root := os.geteuid() == 0:
        os.chown(path, 1234, 2345)
    (turns := Turns(path)).count()
    turns.close()
    made, database = path.with_name("some.db-checkpoints").stat(), path.stat()
    assert made.st_mode & 0o777 == mode
    assert (made.st_uid, made.st_gid) == (database.st_uid, database.st_gid)
    assert not root or made.st_uid == 1234


def test_a_reader_that_looks_back_holds_up_neither_commits_nor_checkpoints(path: Path) -> None:
    with closing(connect(path)) as connection, closing(connect(path)) as reader:
        committed(connection, checkpoints := checkpoints_of(path), 1)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (1,)
        committed(connection, checkpoints, EVERY)
        checkpoints.close()
        assert in_database(path) <= 1, "what came after the reader began stays in the log"
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (1,)
        reader.execute("COMMIT")
        committed(connection, checkpoints := checkpoints_of(path), EVERY)
        checkpoints.close()
        assert in_database(path) == 2 * EVERY + 1


async def test_both_stores_make_them(tmp_path: Path) -> None:
    path = tmp_path / "transient.db"
    store = SqliteTransient(path, lambda: 0.0)
    await store.add_many("par", [(b"%d" % number, b"", 1) for number in range(EVERY - 1)])
    assert await store.add("par", b"the last", b"", 1)
    await _until(lambda: in_database(path, "SELECT count(*) FROM transient") == EVERY)
    await store.aclose()

    path = tmp_path / "durable.db"
    engine = SqliteEngine(path)
    engine.migrate(lambda connection: connection.exec_driver_sql("CREATE TABLE t (n INTEGER PRIMARY KEY)") and None)
    await engine.write(lambda connection: connection.exec_driver_sql(MANY, (EVERY,)) and None)
    await _until(lambda: in_database(path) == EVERY)
    await engine.aclose()


async def _until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                if reached():
                    return
            except sqlite3.DatabaseError:
                pass  # copied in the middle of it
            await asyncio.sleep(0)


@pytest.mark.parametrize("closed", ["store", "engine"])
async def test_a_closed_store_leaves_no_thread_behind(tmp_path: Path, closed: str) -> None:
    before = set(threading.enumerate())
    if closed == "store":
        store = SqliteTransient(tmp_path / "a.db", lambda: 0.0)
        await store.add_many("par", [(b"%d" % number, b"", 1) for number in range(EVERY)])
        await store.aclose()
    else:
        engine = SqliteEngine(tmp_path / "a.db")
        engine.migrate(lambda connection: connection.exec_driver_sql("CREATE TABLE t (n INTEGER PRIMARY KEY)") and None)
        await engine.write(lambda connection: connection.exec_driver_sql(MANY, (EVERY,)) and None)
        await engine.aclose()
    assert set(threading.enumerate()) <= before


def test_nobody_else_in_the_process_makes_them(path: Path) -> None:
    with closing(connect(path)) as connection:
        assert connection.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)


def test_the_count_of_changes_begins_again_from_below(path: Path) -> None:
    """`total_changes` has 32 bits: a busy server gets there within days."""

    class Counted:
        total_changes = 2**31 - 1

        def execute(self, sql: str) -> None:
            if sql == "COMMIT":
                self.total_changes = -(2**31) + EVERY

    transaction = SqliteTransaction(cast(sqlite3.Connection, connection := Counted()), path)
    transaction._changes = connection.total_changes
    transaction.commit()
    transaction.close()
    assert transaction._checkpoints is not None
    assert transaction._checkpoints._since == 0, "so many rows made a checkpoint"
    assert transaction._checkpoints._running is not None
