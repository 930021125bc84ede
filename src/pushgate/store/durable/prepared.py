"""Statements of the hot path: compiled by SQLAlchemy once for each kind of database, and run as text from then on.

Finding a statement in SQLAlchemy's cache and binding its parameters costs several times what SQLite needs to run it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


class Prepared:
    """A statement with named parameters whose types the driver knows: text, numbers, bytes, truth values."""

    __slots__ = ("_compiled", "_statement")

    def __init__(self, statement: sa.Executable) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, list[str] | None]] = {}

    def run(self, c: sa.Connection, parameters: dict[str, Any]) -> sa.CursorResult[Any]:
        """Execute with these parameters; an INSERT has one for each column that is given."""
        known = self._compiled.get(c.dialect.name)
        if known is None:
            known = self._compiled[c.dialect.name] = self._compile(c, parameters)
        sql, order = known
        return c.exec_driver_sql(sql, parameters if order is None else tuple(parameters[name] for name in order))

    def _compile(self, c: sa.Connection, parameters: dict[str, Any]) -> tuple[str, list[str] | None]:
        inserts = isinstance(self._statement, sa.Insert)
        keys = list(parameters) if inserts else None
        compiled = self._statement.compile(dialect=c.dialect, column_keys=keys)  # type: ignore[attr-defined]
        return str(compiled), compiled.positiontup
