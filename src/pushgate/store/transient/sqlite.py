"""The transient store on SQLite, the embedded default: WAL, synchronous=FULL, group commit.

Rows are appended in the order they arrive and found through a unique index over their key, which begins with
the time, so that pages stay dense and what is written lies together however many rows are live; `spans` has when
they may go. Marks, whose keys are random, are found in memory: see `marks`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path

from pushgate.store import turns
from pushgate.store.checkpoints import Checkpoints
from pushgate.store.commit import GroupCommit, wait_for
from pushgate.store.ports import Again, First, Mark, Row, Stored, StoreUnavailable
from pushgate.store.transient import marks
from pushgate.store.transient.marks import Marks
from pushgate.store.transient.spans import Spans

SCHEMA = """
CREATE TABLE IF NOT EXISTS transient (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    kind TEXT NOT NULL,
    value BLOB NOT NULL,
    keep_until INTEGER NOT NULL,
    consumed_at INTEGER,
    UNIQUE (key, kind)
);
"""
ADD = "INSERT INTO transient (key, kind, value, keep_until) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
GET = "SELECT value, consumed_at FROM transient WHERE key = ? AND kind = ?"
CONSUME = "UPDATE transient SET consumed_at = ? WHERE key = ? AND kind = ? AND consumed_at IS NULL RETURNING value"
UNDO = "DELETE FROM transient WHERE key = ? AND kind = ?"
PURGE_STEP = 100  # rows per transaction, so that no push waits for more than a few milliseconds
PURGE_PAUSE = 0.002  # seconds between two steps, in which pushes have the writer to themselves
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "cache_size=-2000",  # KiB per connection; rows of one moment lie together, so a few pages are hot
    *(("wal_autocheckpoint=0",) if turns.POSSIBLE else ()),  # see store.checkpoints
    "foreign_keys=ON",
    "secure_delete=OFF",  # some builds overwrite what is deleted: a purge then writes everything twice
)


class SqliteTransient:
    """See store.ports.Transient. Several processes may use one file; each has its own instance."""

    def __init__(self, path: Path | None, clock: Callable[[], float]) -> None:
        """Open or create the file; None keeps everything in memory, for tests."""
        self._clock = clock
        self._connection = connect(path)
        self._connection.executescript(SCHEMA)
        self._reader = self._connection if path is None else connect(path)
        self._spans = Spans(self._connection)
        self._marks = Marks(self._connection)
        self._transaction = _Transaction(self._connection, path, self._spans, self._marks)
        self._commit = GroupCommit(self._transaction)

    def add(self, kind: str, key: bytes, value: bytes, keep_until: int) -> Awaitable[bool]:
        """See store.ports.Transient.add."""
        return self._commit.submit(partial(self._add, Row(kind, key, value, keep_until)))

    def _add(self, row: Row) -> bool:
        cursor = self._connection.execute(ADD, (row.key, row.kind, row.value, row.keep_until))
        if cursor.rowcount != 1:
            return False
        assert cursor.lastrowid is not None
        self._spans.add(row.keep_until, cursor.lastrowid)
        return True

    def add_all(self, rows: tuple[Row | Mark, ...]) -> Awaitable[int | None]:
        """See store.ports.Transient.add_all."""
        return self._commit.submit(partial(self._add_all, rows))

    def _add_all(self, rows: tuple[Row | Mark, ...]) -> int | None:
        for position, row in enumerate(rows):
            if not (self._marks.add(row) if isinstance(row, Mark) else self._add(row)):
                self._undo(rows[:position])
                return position
        return None

    def _undo(self, rows: tuple[Row | Mark, ...]) -> None:
        for row in rows:
            if isinstance(row, Mark):
                self._marks.take_back(row)
            else:
                self._connection.execute(UNDO, (row.key, row.kind))

    async def add_many(self, kind: str, rows: Iterable[tuple[bytes, bytes, int]]) -> None:
        """Add rows of key, value and keep_until in one transaction (restoring, benchmarks)."""
        prepared = [Row(kind, key, value, keep_until) for key, value, keep_until in rows]
        await self._commit.submit(lambda: [self._add(row) for row in prepared] and None)

    async def get(self, kind: str, key: bytes) -> Stored | None:
        """See store.ports.Transient.get. A point read takes microseconds, so it runs in place."""
        try:
            row = self._reader.execute(GET, (key, kind)).fetchone()
        except sqlite3.OperationalError as problem:
            raise StoreUnavailable(str(problem)) from problem
        return None if row is None else Stored(row[0], row[1] is not None)

    def consume(self, kind: str, key: bytes) -> Awaitable[First | Again | None]:
        """See store.ports.Transient.consume."""
        return self._commit.submit(partial(self._consume, kind, key))

    def _consume(self, kind: str, key: bytes) -> First | Again | None:
        row = self._connection.execute(CONSUME, (int(self._clock()), key, kind)).fetchall()
        if row:
            return First(row[0][0])
        seen = self._connection.execute(GET, (key, kind)).fetchone()
        return None if seen is None else Again(seen[0])

    async def purge(self, now: int) -> int:
        """See store.ports.Transient.purge."""
        rows = await self._purge(lambda: self._spans.purge(now, PURGE_STEP))
        kept = await self._purge(lambda: self._marks.purge(now, PURGE_STEP))
        start = marks.FIRST
        while start != marks.LAST:
            start = await self._commit.submit(partial(self._marks.forget, start, now))
            await asyncio.sleep(PURGE_PAUSE)
        return rows + kept

    async def _purge(self, step: Callable[[], int | None]) -> int:
        """Step by step, until there is nothing more; how many were deleted."""
        total = 0
        while (deleted := await self._commit.submit(step)) is not None:
            total += deleted
            await asyncio.sleep(PURGE_PAUSE)
        return total

    async def aclose(self) -> None:
        """See store.ports.Transient.aclose."""
        await self._commit.aclose()
        self._transaction.close()
        if self._reader is not self._connection:
            self._reader.close()
        self._connection.close()


def connect(path: Path | None) -> sqlite3.Connection:
    """A connection as both stores use it: WAL, every commit on disk, transactions begun by hand."""
    connection = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False, timeout=5)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def checkpoints_of(path: Path) -> Checkpoints:
    """The checkpoints of a file, which stays the same wherever the process or a link goes."""
    path = path.resolve()
    return Checkpoints(partial(connect, path), path)


class SqliteTransaction:
    """BEGIN IMMEDIATE without waiting, COMMIT, ROLLBACK; with a path, checkpoints of that file."""

    def __init__(self, connection: sqlite3.Connection, path: Path | None) -> None:
        self._connection = connection
        self._checkpoints = checkpoints_of(path) if path is not None and turns.POSSIBLE else None
        self._changes = self._on_disk()  # as of the last commit
        # Waiting is done by GroupCommit, off the event loop.
        connection.execute("PRAGMA busy_timeout=0")

    def begin(self) -> bool:
        """See store.commit.Transaction."""
        try:
            self.rollback()  # what is left of a transaction whose rollback failed
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as problem:
            if problem.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                return False
            raise
        return True

    def wait_and_begin(self) -> None:
        """Take the write lock, waiting for other processes. Raises StoreUnavailable."""
        wait_for(self.begin)

    def finish(self) -> None:
        """See store.commit.Transaction."""

    def commit(self) -> None:
        """See store.commit.Transaction."""
        self._connection.execute("COMMIT")
        if self._checkpoints is not None:
            before, self._changes = self._changes, self._on_disk()
            # The count is one of 32 bits, which begins again from below.
            self._checkpoints.committed((self._changes - before) & 0xFFFFFFFF)

    def _on_disk(self) -> int:
        """Rows of the file that this connection has changed."""
        return self._connection.total_changes

    def rollback(self) -> None:
        """See store.commit.Transaction."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """End the checkpoints; the connection stays."""
        if self._checkpoints is not None:
            self._checkpoints.close()


class _Transaction(SqliteTransaction):
    """Each transaction begins with the marks that others have made, and ends with telling of its own additions."""

    def __init__(self, connection: sqlite3.Connection, path: Path | None, spans: Spans, marks: Marks) -> None:
        self._spans = spans
        self._marks = marks
        super().__init__(connection, path)

    def begin(self) -> bool:
        """See store.commit.Transaction."""
        if not super().begin():
            return False
        try:
            self._spans.begin()
            self._marks.take_in()
        except Exception:
            self.rollback()
            raise
        return True

    def finish(self) -> None:
        """See store.commit.Transaction."""
        self._spans.finish()
        self._marks.append()

    def _on_disk(self) -> int:
        return super()._on_disk() - self._marks.in_memory
