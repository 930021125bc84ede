"""When rows of the transient store on SQLite may go.

An index over their time costs 2.5 % of a signed push, for each row has an entry. Rows that one transaction adds lie
side by side, and most are kept until the same second, so here one entry tells of all of them: from which id to which.
"""

from __future__ import annotations

import sqlite3

SCHEMA = """
CREATE TABLE IF NOT EXISTS spans (
    keep_until INTEGER NOT NULL,
    first INTEGER NOT NULL, -- an id of `transient`
    last INTEGER NOT NULL,
    PRIMARY KEY (keep_until, first)
) WITHOUT ROWID;
"""
# An id comes again where the rows with the highest ones were deleted; then the entry is for both.
ENTER = """
INSERT INTO spans (keep_until, first, last) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET last = max(last, excluded.last)
"""
PAST = "SELECT keep_until, first, last FROM spans WHERE keep_until < ? ORDER BY keep_until, first LIMIT ?"
DELETE = """
DELETE FROM transient WHERE id IN
    (SELECT id FROM transient WHERE id BETWEEN ? AND ? AND keep_until <= ? ORDER BY id LIMIT ?) RETURNING id
"""
LEAVE = "DELETE FROM spans WHERE keep_until = ? AND first = ?"
GAP = 16  # ids of others between two rows of a span: to pass over them costs less than another entry does


class Spans:
    """Of one connection. All but `__init__` is done within a transaction that holds the write lock."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Make the table."""
        self._execute = connection.execute
        self._open: dict[int, list[int]] = {}
        """First and last id of those that this transaction has added, by their `keep_until`."""
        connection.executescript(SCHEMA)

    def begin(self) -> None:
        """Begin a transaction."""
        self._open = {}

    def add(self, keep_until: int, row: int) -> None:
        """A row was added under the highest id there is; whichever were higher before it are gone."""
        span = self._open.get(keep_until)
        if span is None or row < span[0]:
            self._open[keep_until] = [row, row]
        elif row - span[1] <= GAP:
            span[1] = row
        else:
            self._enter(keep_until, span)
            self._open[keep_until] = [row, row]

    def finish(self) -> None:
        """End a transaction: what it added goes to the disk with it."""
        for keep_until, span in self._open.items():
            self._enter(keep_until, span)

    def _enter(self, keep_until: int, span: list[int]) -> None:
        self._execute(ENTER, (keep_until, *span))

    def purge(self, now: int, limit: int) -> int | None:
        """Delete rows that have outlived their time, `limit` at most; how many they were, None if there are no more."""
        past = self._execute(PAST, (now, limit)).fetchall()
        total = 0
        for keep_until, first, last in past:
            deleted = self._execute(DELETE, (first, last, keep_until, limit - total)).fetchall()
            total += len(deleted)
            self._execute(LEAVE, (keep_until, first))
            if total == limit:
                beyond = max(row for [row] in deleted) + 1
                if beyond <= last:
                    self._enter(keep_until, [beyond, last])
                break
        return total if past else None
