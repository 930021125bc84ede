"""Checkpoints beside the commits: what is committed reaches the database, and no commit waits for that."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from pushgate.store.checkpoints import EVERY, Checkpoints
from pushgate.store.durable.engine import SqliteEngine
from pushgate.store.transient.sqlite import SqliteTransient, connect

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
        connection.execute(MANY, (count,))
        checkpoints.committed(count)


@pytest.mark.parametrize(
    ("commits", "moved"), [((EVERY - 1,), 0), ((EVERY,), EVERY), ((EVERY - 1, 1), EVERY), ((1, EVERY - 2), 0)]
)
def test_so_many_rows_make_a_checkpoint(path: Path, commits: tuple[int, ...], moved: int) -> None:
    with closing(connect(path)) as connection:
        checkpoints = Checkpoints(partial(connect, path))
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
        checkpoints = Checkpoints(slowly)
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
        checkpoints = Checkpoints(sometimes)
        committed(connection, checkpoints, EVERY)
        assert tried.acquire(timeout=PATIENCE)
        while tries:  # the first may still be on its way out, and then a commit starts no second
            committed(connection, checkpoints, 1)
        checkpoints.close()
        assert in_database(path) >= EVERY


def _broken() -> sqlite3.Connection:
    raise sqlite3.OperationalError("unable to open database file")


def test_a_commit_is_done_even_where_no_thread_can_be_had(path: Path) -> None:
    with closing(connect(path)) as connection:
        checkpoints = Checkpoints(partial(connect, path))
        checkpoints.close()
        committed(connection, checkpoints, EVERY)
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (EVERY,)


def test_a_reader_that_looks_back_holds_up_neither_commits_nor_checkpoints(path: Path) -> None:
    with closing(connect(path)) as connection, closing(connect(path)) as reader:
        committed(connection, checkpoints := Checkpoints(partial(connect, path)), 1)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (1,)
        committed(connection, checkpoints, EVERY)
        checkpoints.close()
        assert in_database(path) <= 1, "what came after the reader began stays in the log"
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (1,)
        reader.execute("COMMIT")
        committed(connection, checkpoints := Checkpoints(partial(connect, path)), EVERY)
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


def test_a_commit_that_finds_a_long_log_makes_one_itself(path: Path) -> None:
    """Where the others do not keep up, the log does not grow for ever."""
    with closing(connect(path)) as connection:
        assert connection.execute("PRAGMA wal_autocheckpoint").fetchone() == (4000,)
