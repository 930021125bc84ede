"""What is committed moves from the write-ahead log into the database, beside the commits rather than within one.

SQLite does that at the end of whichever commit fills the log, so that everybody in that commit waits. A connection and
a thread of its own do it at the same time as the next commits.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

EVERY = 512
"""Rows changed: a few hundred pages. With more, the commits of that moment wait for the disk; with less, a page that
changes often is copied more often."""


class Checkpoints:
    """Of one database, made once in a while; `connect` opens it. Use from one thread, the writer's."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pushgate-checkpoints")
        self._since = 0
        self._running: Future[None] | None = None

    def committed(self, changes: int) -> None:
        """One commit more, of so many rows. Never raises: it is done, whatever becomes of the checkpoint."""
        self._since += changes
        if self._since >= EVERY and (self._running is None or self._running.done()):
            self._since = 0
            with contextlib.suppress(RuntimeError):  # no thread to be had
                self._running = self._thread.submit(self._checkpoint)

    def _checkpoint(self) -> None:
        """Copy what no reader holds back. PASSIVE waits for nobody, and finds it done where another process does it.

        A failure is not told: nothing is lost, the log gets longer, and then a commit has to do it (`connect`).
        """
        with contextlib.suppress(sqlite3.Error):
            if self._connection is None:
                self._connection = self._connect()
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def close(self) -> None:
        """Wait for the one that runs, then close the connection."""
        self._thread.shutdown()
        if self._connection is not None:
            self._connection.close()
