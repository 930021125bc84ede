"""What is committed moves from the write-ahead log into the database, beside the commits rather than within one.

SQLite does that at the end of whichever commit fills the log, so that everybody in that commit waits. A connection and
a thread of its own do it at the same time as the next commits.

One rule is not about speed. SQLite before 3.51.3 can lose commits where a checkpoint begins, right after another has
copied all there is, while a commit starts the log anew (https://sqlite.org/wal.html#walresetbug). So this is the only
checkpointer of its process, and one begins only after a commit that itself began after the last one's end.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

EVERY = 512
"""Rows changed: a few hundred pages. With more, the commits of that moment wait for the disk; with less, a page that
changes often is copied more often."""
LONG = 4000
"""Pages: a log that nobody gets to start anew, because commits come without a pause, stops them until all is copied."""


class Checkpoints:
    """Of one database, made once in a while; `connect` opens it. Use from one thread, the writer's."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pushgate-checkpoints")
        self._since = 0
        self._length = 0
        self._running: Future[None] | None = None

    def at_rest(self) -> bool:
        """Whether none is being made; to be asked before a commit."""
        return self._running is None or self._running.done()

    def committed(self, changes: int, *, rested: bool) -> None:
        """One commit more, of so many rows; `rested` is what `at_rest` said before it.

        Never raises: the commit is done, whatever becomes of the checkpoint.
        """
        self._since += changes
        if not rested or not changes or self._since < EVERY:
            return
        self._since = 0
        try:
            self._running = self._thread.submit(self._checkpoint)
        except RuntimeError:  # no thread to be had
            self._checkpoint()
        else:
            if self._length > LONG:
                self._running.result()

    def _checkpoint(self) -> None:
        """Copy what no reader holds back. PASSIVE waits for nobody, and finds it done where another process does it.

        A failure is not told: nothing is lost, the log gets longer, and the next one tries again.
        """
        with contextlib.suppress(sqlite3.Error):
            if self._connection is None:
                self._connection = self._connect()
            _, length, copied = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self._length = 0 if copied == length else length

    def close(self) -> None:
        """Wait for the one that runs, then close the connection."""
        self._thread.shutdown()
        if self._connection is not None:
            self._connection.close()
