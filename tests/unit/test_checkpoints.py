"""Checkpoints beside the commits: what is committed reaches the database, and no commit waits for that."""

from __future__ import annotations

import asyncio
import errno
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from pushgate.store.checkpoints import EVERY, LONG, Checkpoints
from pushgate.store.durable.engine import SqliteEngine
from pushgate.store.transient.sqlite import SqliteTransaction, SqliteTransient, checkpoints_of, connect
from pushgate.store.turns import Turns

PATIENCE = 5.0  # seconds for what should take milliseconds
ANEW = 4  # times
AT_LEAST = 250  # commits of each
TOO_MANY = 2000  # commits; a few hundred are enough


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
BLOBS = MANY.replace("INTO t", "INTO b").replace("SELECT NULL", "SELECT zeroblob(300)")


def committed(connection: sqlite3.Connection, checkpoints: Checkpoints, *commits: int) -> None:
    """Commits of so many rows each, and whatever they set going is over."""
    for count in commits:
        connection.execute(MANY, (count,))
        checkpoints.committed(count)
        if checkpoints._running is not None:
            checkpoints._running.result(PATIENCE)


@pytest.fixture
def looked(path: Path) -> Iterator[tuple[sqlite3.Connection, Checkpoints]]:
    """A connection and its checkpoints, which have looked how the log stands: the first is made by the next commit."""
    with closing(connect(path)) as connection:
        checkpoints = checkpoints_of(path)
        committed(connection, checkpoints, EVERY)
        assert in_database(path) == 0
        checkpoints._since = 0
        yield connection, checkpoints
        checkpoints.close()


Looked = tuple[sqlite3.Connection, Checkpoints]


@pytest.mark.parametrize(
    ("commits", "moved"), [((EVERY - 1,), 0), ((EVERY,), EVERY), ((EVERY - 1, 1), EVERY), ((1, EVERY - 2), 0)]
)
def test_so_many_rows_make_a_checkpoint(path: Path, looked: Looked, commits: tuple[int, ...], moved: int) -> None:
    committed(*looked, *commits)
    assert in_database(path) == (moved and EVERY + moved)


def test_commits_go_on_while_one_is_made_and_only_one_is(path: Path) -> None:
    may_go, opened = threading.Event(), []

    def slowly() -> sqlite3.Connection:
        opened.append(threading.current_thread().name)
        assert may_go.wait(PATIENCE)
        return connect(path)

    with closing(connect(path)) as connection:
        checkpoints = Checkpoints(slowly, path)
        for _ in range(3):
            connection.execute(MANY, (EVERY,))
            checkpoints.committed(EVERY)
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (3 * EVERY,)
        assert in_database(path) == 0
        may_go.set()
        assert checkpoints._running is not None
        checkpoints._running.result(PATIENCE)
        committed(connection, checkpoints, 1)
        checkpoints.close()
        assert in_database(path) == 3 * EVERY + 1
    assert opened == ["pushgate-checkpoints_0"]


def test_a_failure_is_tried_again_and_disturbs_no_commit(path: Path) -> None:
    tries: list[Callable[[], sqlite3.Connection]] = [_broken, partial(connect, path)]

    def sometimes() -> sqlite3.Connection:
        return tries.pop(0)()

    with closing(connect(path)) as connection:
        checkpoints = Checkpoints(sometimes, path)
        committed(connection, checkpoints, EVERY)
        assert len(tries) == 1
        committed(connection, checkpoints, 1, 1)
        checkpoints.close()
        assert in_database(path) == EVERY + 2


def _broken() -> sqlite3.Connection:
    raise sqlite3.OperationalError("unable to open database file")


def test_one_that_fails_midway_counts_as_made(path: Path, looked: Looked) -> None:
    """What it copied is unknown, so the next one waits for something that is committed after it."""
    connection, checkpoints = looked
    made, real = [], checkpoints._connection

    class Failing:
        def execute(self, sql: str) -> sqlite3.Cursor:
            assert real is not None
            found = real.execute(sql)
            if "checkpoint" in sql:
                made.append(sql)
                if len(made) == 1:
                    raise sqlite3.OperationalError("disk I/O error")
            return found

        def close(self) -> None:
            assert real is not None
            real.close()

    checkpoints._connection = cast(sqlite3.Connection, Failing())
    committed(connection, checkpoints, EVERY)
    checkpoints.committed(EVERY)  # rows were counted, and nothing was written
    assert checkpoints._running is not None
    checkpoints._running.result(PATIENCE)
    assert len(made) == 1
    committed(connection, checkpoints, EVERY)
    assert len(made) == 2


def test_where_no_thread_can_be_had_the_commit_does_it(
    path: Path, looked: Looked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ThreadPoolExecutor, "submit", none)
    committed(*looked, EVERY)
    assert in_database(path) == 2 * EVERY


def commit(transaction: SqliteTransaction, rows: int, statement: str = MANY) -> None:
    """A commit, and whatever it sets going is over."""
    transaction.wait_and_begin()
    transaction._connection.execute(statement, (rows,))
    transaction.commit()
    checkpoints = transaction._checkpoints
    if checkpoints is not None and checkpoints._running is not None:
        checkpoints._running.result(PATIENCE)


@pytest.fixture
def transactions(path: Path) -> Iterator[tuple[SqliteTransaction, SqliteTransaction]]:
    """Two processes, as the file sees them; the first has looked how the log stands."""
    two = SqliteTransaction(connect(path), path), SqliteTransaction(connect(path), path)
    commit(two[0], EVERY)
    yield two
    for each in two:
        each.close()
        each._connection.close()


Transactions = tuple[SqliteTransaction, SqliteTransaction]


def test_a_log_that_gets_long_stops_everybodys_commits_while_it_is_copied(
    path: Path, transactions: Transactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it can be started anew where several processes commit without a pause."""
    ours, others = transactions
    checkpoints = ours._checkpoints
    assert checkpoints is not None
    could = []
    held = checkpoints._without_commits

    @contextmanager
    def looking() -> Iterator[bool]:
        with held() as alone:
            could.append(others.begin())
            yield alone

    monkeypatch.setattr(checkpoints, "_without_commits", looking)
    monkeypatch.setattr("pushgate.store.checkpoints.LONG", 0)
    commit(ours, EVERY)
    assert could == [False]
    assert in_database(path) == 2 * EVERY, "all is copied"
    log = path.with_name("some.db-wal")
    salts = log.read_bytes()[16:24]  # sqlite.org/fileformat2.html#walformat: others each time
    commit(others, 1)
    assert log.read_bytes()[16:24] != salts, "it was started anew"


@pytest.mark.parametrize("held_up", ["by_a_reader", "by_a_writer"])
def test_where_that_cannot_be_it_is_copied_as_far_as_it_goes(
    path: Path, transactions: Transactions, monkeypatch: pytest.MonkeyPatch, held_up: str
) -> None:
    monkeypatch.setattr("pushgate.store.checkpoints.PATIENCE", 0)
    ours, others = transactions
    checkpoints = ours._checkpoints
    assert checkpoints is not None
    monkeypatch.setattr("pushgate.store.checkpoints.LONG", 0)
    if held_up == "by_a_reader":
        others._connection.execute("BEGIN")
        others._connection.execute("SELECT count(*) FROM t").fetchone()
    else:
        due = checkpoints.committed

        def overtaken(changes: int) -> None:
            assert others.begin(), "the commit is over"
            due(changes)

        monkeypatch.setattr(checkpoints, "committed", overtaken)
    commit(ours, EVERY)
    assert (in_database(path) == 2 * EVERY) is (held_up == "by_a_writer")
    assert (checkpoints._writing is None) is (held_up == "by_a_reader"), "stopping commits would not help"
    others.rollback()
    assert ours.begin()
    ours.rollback()


# --- In step with other processes: SQLite before 3.51.3 can lose commits otherwise ----------------------------------

NOTHING: dict[str, Callable[[sqlite3.Connection], object]] = {
    "nothing": lambda c: None,
    "rolled_back": lambda c: [c.execute("BEGIN"), c.execute(MANY, (EVERY,)), c.execute("ROLLBACK")],
    "the_same_values": lambda c: c.execute("UPDATE same SET v = v"),
}


def begun(checkpoints: Checkpoints, *, changes: int = EVERY) -> bool:
    """Whether one is made after rows were counted."""
    seen: list[str] = []
    assert checkpoints._connection is not None
    checkpoints._connection.set_trace_callback(seen.append)
    checkpoints.committed(changes)
    assert checkpoints._running is not None
    checkpoints._running.result(PATIENCE)
    checkpoints._connection.set_trace_callback(None)
    return any("checkpoint" in statement for statement in seen)


@pytest.mark.parametrize("what", NOTHING)
def test_none_begins_where_nothing_was_committed_since_the_last(looked: Looked, what: str) -> None:
    """Whatever was counted: sqlite.org/wal.html#walresetbug."""
    connection, checkpoints = looked
    connection.execute("CREATE TABLE same (v)")
    connection.execute("INSERT INTO same SELECT 'one' FROM t")
    committed(connection, checkpoints, EVERY)
    for _ in range(3):
        NOTHING[what](connection)
        assert not begun(checkpoints)
    connection.execute(MANY, (1,))
    assert begun(checkpoints)
    assert not begun(checkpoints)


def test_nor_where_another_process_has_made_one_meanwhile(path: Path, looked: Looked) -> None:
    connection, checkpoints = looked
    with closing(connect(path)) as elsewhere:
        other = checkpoints_of(path)
        committed(elsewhere, other, EVERY, EVERY)
        assert in_database(path) == 3 * EVERY
        connection.execute(MANY, (1,))
        assert not begun(checkpoints), "this may have been before its end"
        assert not begun(checkpoints)
        connection.execute(MANY, (1,))
        assert begun(checkpoints)
        other.close()


def test_nor_while_another_process_is_about_one(path: Path, looked: Looked) -> None:
    connection, checkpoints = looked
    with Turns(path).turn() as turn:
        assert turn is not None
        connection.execute(MANY, (EVERY,))
        assert not begun(checkpoints)
    assert begun(checkpoints), "it did nothing after all"


def test_whoever_dies_over_one_holds_nobody_up(path: Path, looked: Looked) -> None:
    connection, checkpoints = looked
    program = """
import os, pathlib, signal, sys
from pushgate.store.turns import Turns
with Turns(pathlib.Path(sys.argv[1])).turn() as turn:
    turn.taken()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    died = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert died.returncode == -signal.SIGKILL
    connection.execute(MANY, (1,))
    assert not begun(checkpoints), "it may have copied that"
    connection.execute(MANY, (1,))
    assert begun(checkpoints)


def test_where_turns_cannot_be_counted_the_log_is_copied_while_nobody_commits(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pushgate.store.checkpoints.PATIENCE", 0)
    path.with_name("some.db-checkpoints").mkdir()
    with closing(connect(path)) as connection, closing(connect(path)) as other:
        checkpoints = checkpoints_of(path)
        committed(connection, checkpoints, EVERY)
        connection.execute(MANY, (EVERY,))
        other.execute("BEGIN IMMEDIATE")
        assert not begun(checkpoints)
        other.execute("ROLLBACK")
        connection.execute(MANY, (EVERY,))
        assert begun(checkpoints)
        assert in_database(path) == 3 * EVERY
        checkpoints.close()


def test_while_the_system_is_short_of_files_none_is_made(
    path: Path, looked: Looked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    connection, checkpoints = looked
    connection.execute(MANY, (1,))
    with monkeypatch.context() as patched:
        patched.setattr(Turns, "_open", short)
        assert not begun(checkpoints)
    assert begun(checkpoints)


def test_where_turns_cannot_be_counted_something_has_to_be_committed_too(path: Path) -> None:
    path.with_name("some.db-checkpoints").mkdir()
    with closing(connect(path)) as connection:
        checkpoints = checkpoints_of(path)
        committed(connection, checkpoints, EVERY, EVERY)
        assert in_database(path) == 2 * EVERY
        assert not begun(checkpoints)
        checkpoints.close()


def test_two_processes_that_commit_without_a_pause_keep_the_log_short(path: Path) -> None:
    """It is started anew again and again; how long it gets in between is for the machine to say."""
    barrier, commits, log = threading.Barrier(2), [0, 0], path.with_name("some.db-wal")
    salts: set[bytes] = set()  # others each time the log is started anew

    def work(transaction: SqliteTransaction, which: int) -> None:
        barrier.wait(PATIENCE)
        while commits[which] < AT_LEAST or (len(salts) <= ANEW and commits[which] < TOO_MANY):
            transaction.wait_and_begin()
            for _ in range(64):
                transaction._connection.execute("INSERT INTO b VALUES (zeroblob(300))")
            transaction.commit()
            commits[which] += 1
            with log.open("rb") as opened:
                salts.add(opened.read(24)[16:])

    with closing(connect(path)) as connection:
        connection.execute("CREATE TABLE b (content BLOB)")
        two = [SqliteTransaction(connect(path), path) for _ in range(2)]
        with ThreadPoolExecutor(2) as threads:
            for done in [threads.submit(work, transaction, which) for which, transaction in enumerate(two)]:
                done.result()
        for transaction in two:
            transaction.close()
            transaction._connection.close()
        assert connection.execute("SELECT count(*) FROM b").fetchone() == (sum(commits) * 64,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len(salts) > ANEW, "the log only grew"


def test_the_log_of_two_processes_that_take_turns_is_bounded(path: Path, transactions: Transactions) -> None:
    """Where each checkpoint is over before the next commit, it never gets to twice what is called long."""
    sizes, log = [], path.with_name("some.db-wal")
    transactions[0]._connection.execute("CREATE TABLE b (content BLOB)")
    for _ in range(AT_LEAST):
        for transaction in transactions:
            commit(transaction, 64, BLOBS)
            sizes.append(log.stat().st_size)
    assert max(sizes) < 2 * LONG * 4_120 < path.stat().st_size, "all of it went through the log"


def test_a_reader_that_looks_back_holds_up_neither_commits_nor_checkpoints(path: Path) -> None:
    with closing(connect(path)) as connection, closing(connect(path)) as reader:
        committed(connection, checkpoints := checkpoints_of(path), EVERY)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (EVERY,)
        committed(connection, checkpoints, EVERY)
        checkpoints.close()
        assert in_database(path) <= EVERY, "what came after the reader began stays in the log"
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (EVERY,)
        reader.execute("COMMIT")
        committed(connection, checkpoints := checkpoints_of(path), EVERY, 1)
        checkpoints.close()
        assert in_database(path) == 3 * EVERY + 1


async def test_both_stores_make_them(tmp_path: Path) -> None:
    path = tmp_path / "transient.db"
    store = SqliteTransient(path, lambda: 0.0)
    # And one row more in each commit, which says when the others may go.
    await store.add_many("par", [(b"%d" % number, b"", 1) for number in range(EVERY - 2)])
    assert await store.add("par", b"the last", b"", 1)
    await _until(partial(has_looked, store._transaction))
    assert await store.add("par", b"the very last", b"", 1)
    await _until(lambda: in_database(path, "SELECT count(*) FROM transient") == EVERY)
    await store.aclose()

    path = tmp_path / "durable.db"
    engine = SqliteEngine(path)
    engine.migrate(lambda connection: connection.exec_driver_sql("CREATE TABLE t (n INTEGER PRIMARY KEY)") and None)
    await engine.write(lambda connection: connection.exec_driver_sql(MANY, (EVERY,)) and None)
    await _until(partial(has_looked, engine._transaction))
    await engine.write(lambda connection: connection.exec_driver_sql(MANY, (1,)) and None)
    await _until(lambda: in_database(path) == EVERY + 1)
    await engine.aclose()


def has_looked(transaction: SqliteTransaction) -> bool:
    found = transaction._checkpoints
    return found is not None and found._last is not None and found._running is not None and found._running.done()


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
    assert transaction._checkpoints._since == EVERY + 1
    assert transaction._checkpoints._running is not None, "so many rows set it going"
