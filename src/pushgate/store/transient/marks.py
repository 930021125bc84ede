"""Marks of the transient store on SQLite: kept on disk in the order of their arrival, found by an index in memory.

The key of a mark is random, so that an index on disk would cost a page for each one, to write and to copy. In memory it
costs 25 bytes for each live mark; on disk those of one transaction and the same second are one row. The index is part
of the connection (an attached database), so what a transaction does to it is committed and rolled back with everything
else. It knows every mark that was ever committed, by whichever process, because each transaction begins with taking in
what was appended since the last one, under the write lock.

For a mark stand 64 bits of its key. Of a million live marks a new one meets another by chance once in 2^44 times; then
it is refused, and whoever comes again has another. A mark that was made is never overlooked.
"""

from __future__ import annotations

import sqlite3
import struct
from itertools import repeat

from pushgate.store.ports import Mark

SCHEMA = """
CREATE TABLE IF NOT EXISTS mark_sets (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- no number comes again, or others would not see what has it
    numbers BLOB NOT NULL, -- of eight bytes each
    keep_until INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS mark_sets_keep_until ON mark_sets (keep_until);
ATTACH ':memory:' AS memory;
CREATE TABLE memory.known (number INTEGER PRIMARY KEY, keep_until INTEGER NOT NULL);
CREATE TABLE memory.last (id INTEGER NOT NULL);
"""
APPENDED = """
SELECT id, numbers, keep_until FROM main.mark_sets WHERE id > (SELECT id FROM memory.last) ORDER BY id LIMIT ?
"""
# A mark may be made again once its time is over, while its first row is still there: the later one counts.
TAKE_IN = """
INSERT INTO memory.known (number, keep_until) VALUES (?, ?)
ON CONFLICT DO UPDATE SET keep_until = excluded.keep_until WHERE excluded.keep_until > keep_until
"""
TAKEN_IN = "UPDATE memory.last SET id = ?"
CLAIM = "INSERT INTO memory.known (number, keep_until) VALUES (?, ?) ON CONFLICT DO NOTHING"
APPEND = "INSERT INTO main.mark_sets (numbers, keep_until) VALUES (?, ?)"
FORGET = "DELETE FROM memory.known WHERE number = ?"
PURGE = """
DELETE FROM main.mark_sets WHERE id IN (SELECT id FROM main.mark_sets WHERE keep_until < ? LIMIT ?)
RETURNING length(numbers)
"""
# The index is in the order of numbers, so it is gone through once, whatever has expired.
NEXT_KNOWN = "SELECT number FROM memory.known WHERE number >= ? ORDER BY number LIMIT 1 OFFSET ?"
PURGE_KNOWN = "DELETE FROM memory.known WHERE number BETWEEN ? AND ? AND keep_until < ?"

FIRST, LAST = -(2**63), 2**63 - 1
SLICE = 500  # marks looked at in one transaction
NUMBER = 8  # bytes
AT_ONCE = 200  # rows taken in at once: with more a start takes more memory, and no less time


class Marks:
    """Of one connection. All but `__init__` is done within a transaction that holds the write lock."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Make the tables and take in what there is: 1.0 to 1.7 seconds for a million."""
        self._execute = connection.execute
        self._execute_many = connection.executemany
        self._added: dict[int, list[int]] = {}
        """Numbers by their `keep_until`."""
        self.in_memory = 0
        """Rows changed that are not on disk."""
        connection.executescript(SCHEMA)
        self.in_memory += self._execute("INSERT INTO memory.last VALUES (0)").rowcount
        connection.execute("BEGIN")
        self.take_in()
        connection.execute("COMMIT")

    def take_in(self) -> None:
        """Begin a transaction: learn of the marks that were appended since the last one."""
        self._added = {}
        while rows := self._execute(APPENDED, (AT_ONCE,)).fetchall():
            marks = (one for _, numbers, keep_until in rows for one in zip(unpacked(numbers), repeat(keep_until)))
            self.in_memory += self._execute_many(TAKE_IN, marks).rowcount
            self._taken_in(rows[-1][0])

    def _taken_in(self, last: int) -> None:
        self.in_memory += self._execute(TAKEN_IN, (last,)).rowcount

    def add(self, mark: Mark) -> bool:
        """Keep a mark; False if it is already there."""
        number = number_of(mark)
        added = self._execute(CLAIM, (number, mark.keep_until)).rowcount == 1
        if added:
            self.in_memory += 1
            self._added.setdefault(mark.keep_until, []).append(number)
        return added

    def take_back(self, mark: Mark) -> None:
        """As if this transaction had not added it."""
        self.in_memory += self._execute(FORGET, (number_of(mark),)).rowcount
        self._added[mark.keep_until].remove(number_of(mark))

    def append(self) -> None:
        """End a transaction: what it added goes to the disk with it."""
        for keep_until, numbers in self._added.items():
            if numbers:
                last = self._execute(APPEND, (packed(numbers), keep_until)).lastrowid
                assert last is not None
                self._taken_in(last)

    def purge(self, now: int, limit: int) -> int | None:
        """Delete from the disk what has outlived its time, `limit` rows; how many marks they were, None for no more."""
        rows = self._execute(PURGE, (now, limit)).fetchall()
        return sum(size // NUMBER for [size] in rows) if rows else None

    def forget(self, start: int, now: int) -> int:
        """Drop from memory what has outlived its time, in a slice; where the next one starts, `LAST` at the end."""
        found = self._execute(NEXT_KNOWN, (start, SLICE)).fetchone()
        stop: int = LAST if found is None else found[0]
        self.in_memory += self._execute(PURGE_KNOWN, (start, stop, now)).rowcount
        return stop


def number_of(mark: Mark) -> int:
    """What stands for a mark here: 64 bits of its key, as SQLite has numbers."""
    return int.from_bytes(mark.key[:8], "big", signed=True)


def packed(numbers: list[int]) -> bytes:
    """The numbers as they are kept on disk."""
    return struct.pack(f"<{len(numbers)}q", *numbers)


def unpacked(numbers: bytes) -> tuple[int, ...]:
    """What was packed."""
    return struct.unpack(f"<{len(numbers) // NUMBER}q", numbers)
