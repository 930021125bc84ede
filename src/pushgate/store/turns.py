"""Whose turn it is among the processes on one database: a file beside it, with a lock and a count."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

POSSIBLE = sys.platform != "win32"  # which has no such locks
if POSSIBLE:
    import fcntl

OPEN = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
SIZE = 8  # bytes of the count
BEYOND = 1 << 8 * SIZE
UNUSABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR, errno.ELOOP, errno.EEXIST, errno.ENOTSUP}
"""What does not pass by itself. While the system is short of files or memory nobody may go without a count."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Ours until it is given back. `count` is of all turns that were taken; None where they cannot be counted."""

    count: int | None
    file: int = -1

    def taken(self) -> int | None:
        """Count this one: before anything is done, so that whoever dies over it has counted. Raises OSError."""
        if self.count is None:
            return None
        count = (self.count + 1) % BEYOND
        os.pwrite(self.file, count.to_bytes(SIZE, "little"), 0)
        return count


class Turns:
    """Of one file, whatever name or link of it is used. The system gives back the turn of a process that dies."""

    def __init__(self, database: Path) -> None:
        self._database = Path(os.path.realpath(database))
        self.path = self._database.with_name(f"{self._database.name}-checkpoints")

    @contextlib.contextmanager
    def turn(self) -> Iterator[Turn | None]:
        """A turn; None while it is somebody else's, or where the system is short of something. Uncounted where it is no
        file that this process may use.
        """
        file = -1
        try:
            try:
                file = self._open()
                turn = self._of(file)
            except OSError as problem:
                turn = Turn(None) if problem.errno in UNUSABLE else None
            yield turn
        finally:
            if file >= 0:
                os.close(file)

    def problem(self) -> str | None:
        """Why turns cannot be counted, in words; None if they can. Nothing is made: that is for whoever serves."""
        try:
            os.close(self._checked(os.open(self.path, OPEN)))
        except FileNotFoundError:
            return None if os.access(self.path.parent, os.W_OK) else f"{self.path}: cannot be made there"
        except OSError as problem:
            return f"{self.path}: {problem.strerror or problem}"
        return None

    def _of(self, file: int) -> Turn | None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        if not os.path.samestat(os.fstat(file), os.lstat(self.path)):
            return None  # somebody has deleted it since; the next look makes another
        found = os.pread(file, SIZE, 0)
        if not found:  # new: it must not look like one that was here before
            found = secrets.token_bytes(SIZE)
            os.pwrite(file, found, 0)
        return Turn(int.from_bytes(found, "little"), file)

    def _open(self) -> int:
        """The file, made if it is not there."""
        try:
            file = os.open(self.path, OPEN)
        except FileNotFoundError:
            file = self._made()
        return self._checked(file)

    def _checked(self, file: int) -> int:
        """The same file, if it is one of its own: another link to something of somebody else's is not taken for it."""
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            os.close(file)
            raise OSError(errno.EEXIST, "is not a file of its own")
        return file

    def _made(self) -> int:
        like = os.stat(self._database)
        try:
            file = os.open(self.path, OPEN | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return os.open(self.path, OPEN)
        try:
            # Whoever may write the database may write this, as SQLite sees to with its own files.
            os.fchmod(file, like.st_mode & 0o666)
            if os.geteuid() == 0:
                os.fchown(file, like.st_uid, like.st_gid)
        except OSError:
            os.close(file)
            os.unlink(self.path)  # nobody else could use it
            raise
        return file
