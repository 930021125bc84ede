"""What is committed moves from the write-ahead log into the database, beside the commits rather than within one.

SQLite does that at the end of whichever commit fills the log, so that everybody in that commit waits. A connection and
a thread of its own do it at the same time as the next commits.

One rule is not about speed. SQLite before 3.51.3 can lose commits where a checkpoint begins, right after another has
copied all there is, while a commit starts the log anew (https://sqlite.org/wal.html#walresetbug). So nobody else makes
any, and one begins only where something was committed since the end of the last one, whichever process made that: the
log then holds what is not copied, and nobody starts it anew.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from pushgate.store.commit import wait_for
from pushgate.store.ports import StoreUnavailable
from pushgate.store.turns import Turn, Turns

EVERY = 512
"""Rows changed: a few hundred pages. With more, the commits of that moment wait for the disk; with less, a page that
changes often is copied more often."""
LONG = 1000
"""Pages, as SQLite has it: a log so long is started anew by nobody, because commits come without a pause."""
PATIENCE = 1.0  # seconds, to find a moment without a commit


class Checkpoints:
    """Of one database, now and then; `connect` opens it. Use from one thread, the writer's."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], database: Path) -> None:
        self._connect = connect
        self._turns = Turns(database)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pushgate-checkpoints")
        self._running: Future[None] | None = None
        self._since = 0
        self._connection: sqlite3.Connection | None = None
        self._writing: sqlite3.Connection | None = None
        self._last: tuple[int | None, int] | None = None

    def committed(self, changes: int) -> None:
        """One commit more, of so many rows.

        Never raises: the commit is done, whatever becomes of the checkpoint.
        """
        self._since += changes
        if self._since < EVERY or (self._running is not None and not self._running.done()):
            return
        try:
            self._running = self._thread.submit(self._checkpoint)
        except RuntimeError:  # no thread to be had
            self._checkpoint()

    def _checkpoint(self) -> None:
        """Copy what no reader holds back, where it is our turn.

        A failure is not told: nothing is lost, the log gets longer, and later commits try again.
        """
        with contextlib.suppress(sqlite3.Error, OSError), self._turns.turn() as turn:
            if turn is None:
                return
            if self._connection is None:
                self._connection = self._connect()
            if self._follows(turn.count):
                self._copy(self._connection, turn)

    def _copy(self, connection: sqlite3.Connection, turn: Turn) -> None:
        """The checkpoint. Where the log is long all the same, what has come meanwhile is copied while nobody commits.

        Then nobody starts it anew either: so that may follow right on the first, and an uncounted one on anybody's.
        """
        count = turn.taken()
        more = count is None or self._passive(connection) > LONG
        with self._without_commits() if more else contextlib.nullcontext(False) as alone:
            if alone:
                self._passive(connection)
        if alone or count is not None:
            self._last = count, self._version()

    def _passive(self, connection: sqlite3.Connection) -> int:
        """Copy, waiting for nobody. How many pages there were in the log; 0 where a reader holds some of them back."""
        self._last = None
        busy, length, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if busy:
            raise sqlite3.OperationalError("somebody else makes one, of whom we know nothing")
        self._since = 0
        return int(length) if copied == length else 0

    def _follows(self, count: int | None) -> bool:
        """Whether something was committed since the end of the last one; where that was not ours, since this look."""
        version = self._version()
        known, self._last = self._last, (count, version)
        return known is not None and known[0] == count and known[1] != version

    def _version(self) -> int:
        """Another number after every commit, whoever made it; it is read after a checkpoint, which changes it too."""
        assert self._connection is not None
        found: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return found

    @contextlib.contextmanager
    def _without_commits(self) -> Iterator[bool]:
        """Hold the write lock, and say so, if there is a moment for it; whoever comes then waits."""
        if self._writing is None:
            self._writing = self._connect()
            self._writing.execute("PRAGMA busy_timeout=0")
        with contextlib.suppress(StoreUnavailable):
            wait_for(self._begin, PATIENCE)
        try:
            yield self._writing.in_transaction
        finally:
            if self._writing.in_transaction:
                self._writing.execute("ROLLBACK")

    def _begin(self) -> bool:
        assert self._writing is not None
        try:
            if self._writing.in_transaction:  # left of one whose end failed
                self._writing.execute("ROLLBACK")
            self._writing.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as problem:
            if problem.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                return False
            raise
        return True

    def close(self) -> None:
        """Wait for the one that runs, then close the connections."""
        self._thread.shutdown()
        for connection in (self._connection, self._writing):
            if connection is not None:
                connection.close()
