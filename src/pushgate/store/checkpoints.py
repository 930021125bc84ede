"""What is committed moves from the write-ahead log into the database, beside the commits rather than within one.

SQLite does that at the end of whichever commit fills the log, so that everybody in that commit waits. A connection and
a thread of its own do it at the same time as the next commits.

One rule is not about speed. SQLite before 3.51.3 can lose commits where a checkpoint begins, right after another has
copied all there is, while a commit starts the log anew (https://sqlite.org/wal.html#walresetbug). So nobody else makes
any, and one begins only after a commit that itself began after the last one's end, whichever process made that: then
the log has something that is not copied, and is not started anew.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

POSSIBLE = sys.platform != "win32"
"""Windows has no such lock; there SQLite makes them by itself."""
if POSSIBLE:
    import fcntl

EVERY = 512
"""Rows changed: a few hundred pages. With more, the commits of that moment wait for the disk; with less, a page that
changes often is copied more often."""
LONG = 1000
"""Pages: a log that nobody gets to start anew, because several processes commit without a pause, stops them all until
it is copied. That takes milliseconds; one process alone never lets it get that long."""

Alone = Callable[[], AbstractContextManager[None]]


class Turns:
    """Checkpoints of all processes, counted in a file beside the database: one begins, and it ends.

    So an odd count says that one is under way. Whoever changes it holds the file's lock, and the system lets go of that
    for a process that dies.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._file: int | None = None

    def count(self) -> int:
        """How it stands. Raises OSError."""
        return int.from_bytes(os.pread(self._opened(), 8, 0), "little")  # of a new file: 0

    def begin(self, count: int) -> bool:
        """Whether the next one is ours: it still stands at this even count, and nobody is about it. Raises OSError."""
        if not self._locked():
            return False
        ours = False
        try:
            found = self.count()
            wanted = found == count and count % 2 == 0
            if wanted or found % 2:  # odd, and nobody has the lock: somebody died over theirs, which ends here
                self._set(found + 1)
            ours = wanted
        finally:
            if not ours:
                self._unlock()
        return ours

    def end(self) -> None:
        """Ours is over. Raises OSError."""
        try:
            self._set(self.count() + 1)
        finally:
            self._unlock()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _opened(self) -> int:
        if self._file is None:
            like = os.stat(self._database)
            path = self._database.with_name(f"{self._database.name}-checkpoints")
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, like.st_mode & 0o666)
            if os.geteuid() == 0:  # the server's user has to open it too, as SQLite sees to with its own files
                os.fchown(self._file, like.st_uid, like.st_gid)
        return self._file

    def _set(self, count: int) -> None:
        os.pwrite(self._opened(), (count % 2**64).to_bytes(8, "little"), 0)

    def _locked(self) -> bool:
        try:
            fcntl.flock(self._opened(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(self) -> None:
        fcntl.flock(self._opened(), fcntl.LOCK_UN)


class Checkpoints:
    """Of one database, now and then; `connect` opens it, `turns` counts them. Use from one thread, the writer's."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], turns: Turns) -> None:
        self._connect = connect
        self._turns = turns
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pushgate-checkpoints")
        self._since = 0
        self._length = 0
        self._running: Future[None] | None = None

    def count(self) -> int | None:
        """How many have begun and ended, to be asked before a commit; None where that cannot be told."""
        try:
            return self._turns.count()
        except OSError:
            return None

    def committed(self, changes: int, *, after: int | None, alone: Alone) -> None:
        """One commit more, of so many rows; `after` is what `count` said before it. Within `alone` nobody commits.

        Never raises: the commit is done, whatever becomes of the checkpoint.
        """
        self._since += changes
        if after is None or not changes or self._since < EVERY:
            return
        if self._running is not None and not self._running.done():
            return
        if self._length > LONG:
            with alone():
                self._checkpoint(after)
            self._length = 0  # the next one tells whether it was started anew
            return
        try:
            self._running = self._thread.submit(self._checkpoint, after)
        except RuntimeError:  # no thread to be had
            self._checkpoint(after)

    def _checkpoint(self, after: int) -> None:
        """Copy what no reader holds back, where it is our turn. PASSIVE waits for nobody.

        A failure is not told: nothing is lost, the log gets longer, and the next one tries again.
        """
        with contextlib.suppress(sqlite3.Error, OSError):
            if not self._turns.begin(after):
                return
            self._since = 0
            try:
                if self._connection is None:
                    self._connection = self._connect()
                _, self._length, _ = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            finally:
                self._turns.end()

    def close(self) -> None:
        """Wait for the one that runs, then close the connection and the count."""
        self._thread.shutdown()
        if self._connection is not None:
            self._connection.close()
        self._turns.close()
