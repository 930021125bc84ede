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


def commits(connection: sqlite3.Connection, checkpoints: Checkpoints, count: int) -> None:
    """So many commits, one row each."""
    for _ in range(count):
        connection.execute("INSERT INTO t DEFAULT VALUES")
        checkpoints.committed()


@pytest.mark.parametrize(("count", "moved"), [(EVERY - 1, 0), (EVERY, EVERY)])
def test_so_many_commits_make_a_checkpoint(path: Path, count: int, moved: int) -> None:
    with closing(connect(path)) as connection:
        checkpoints = Checkpoints(partial(connect, path))
        commits(connection, checkpoints, count)
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
        commits(connection, checkpoints, 3 * EVERY)
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
        commits(connection, checkpoints, EVERY)
        assert tried.acquire(timeout=PATIENCE)
        while tries:  # the first may still be on its way out, and then a commit starts no second
            commits(connection, checkpoints, 1)
        checkpoints.close()
        assert in_database(path) >= EVERY


def _broken() -> sqlite3.Connection:
    raise sqlite3.OperationalError("unable to open database file")


def test_a_reader_that_looks_back_holds_up_neither_commits_nor_checkpoints(path: Path) -> None:
    with closing(connect(path)) as connection, closing(connect(path)) as reader:
        commits(connection, checkpoints := Checkpoints(partial(connect, path)), 1)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (1,)
        commits(connection, checkpoints, EVERY)
        checkpoints.close()
        assert in_database(path) <= 1, "what came after the reader began stays in the log"
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (1,)
        reader.execute("COMMIT")
        commits(connection, checkpoints := Checkpoints(partial(connect, path)), EVERY)
        checkpoints.close()
        assert in_database(path) == 2 * EVERY + 1


async def test_both_stores_make_them(tmp_path: Path) -> None:
    """With commits of one row each, as on a server that has little to do."""
    path = tmp_path / "transient.db"
    store = SqliteTransient(path, lambda: 0.0)
    for number in range(EVERY):
        assert await store.add("par", b"%d" % number, b"", 1)
    await _until(lambda: in_database(path, "SELECT count(*) FROM transient") == EVERY)
    await store.aclose()

    path = tmp_path / "durable.db"
    engine = SqliteEngine(path)
    engine.migrate(lambda connection: connection.exec_driver_sql("CREATE TABLE t (n INTEGER PRIMARY KEY)") and None)
    for _ in range(EVERY):
        await engine.write(lambda connection: connection.exec_driver_sql("INSERT INTO t DEFAULT VALUES") and None)
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
        for number in range(EVERY):
            await store.add("par", b"%d" % number, b"", 1)
        await store.aclose()
    else:
        engine = SqliteEngine(tmp_path / "a.db")
        for _ in range(EVERY):
            await engine.write(lambda connection: connection.exec_driver_sql("SELECT 1") and None)
        await engine.aclose()
    assert set(threading.enumerate()) <= before


def test_a_commit_that_finds_a_long_log_makes_one_itself(path: Path) -> None:
    """Where the others do not keep up, the log does not grow for ever."""
    with closing(connect(path)) as connection:
        assert connection.execute("PRAGMA wal_autocheckpoint").fetchone() == (4000,)
