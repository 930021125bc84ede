"""Statements of the hot path: compiled by SQLAlchemy once for each kind of database, then run by its driver.

Finding a statement in SQLAlchemy's cache, binding its parameters and describing its result cost several times what
SQLite needs to run it: together a fifth of a login.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa


class Prepared:
    """A statement with named parameters, of types that the driver knows: text, numbers, bytes, truth values.

    Each method takes a connection and all parameters, an INSERT's one for each column that is given. Raises what
    SQLAlchemy raises.
    """

    __slots__ = ("_compiled", "_row", "_statement")

    def __init__(self, statement: sa.Select[Any] | sa.Insert) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, list[str] | None]] = {}
        columns = statement.selected_columns.keys() if isinstance(statement, sa.Select) else []
        row: Any = namedtuple("Row", columns)  # type: ignore[misc]  # the names are the statement's
        self._row = row._make

    def all(self, c: sa.Connection, parameters: dict[str, Any]) -> list[Any]:
        """The rows that it finds, whose members have the names of the columns."""
        return [self._row(found) for found in self._run(c, parameters, fetch=True)]

    def first(self, c: sa.Connection, parameters: dict[str, Any]) -> Any | None:
        """The first row, or None."""
        found = self._run(c, parameters, fetch=True)
        return self._row(found[0]) if found else None

    def scalar(self, c: sa.Connection, parameters: dict[str, Any]) -> Any | None:
        """The first column of the first row, or None."""
        found = self._run(c, parameters, fetch=True)
        return found[0][0] if found else None

    def run(self, c: sa.Connection, parameters: dict[str, Any]) -> None:
        """Do what it does."""
        self._run(c, parameters, fetch=False)

    def _run(self, c: sa.Connection, parameters: dict[str, Any], *, fetch: bool) -> Sequence[Any]:
        known = self._compiled.get(c.dialect.name)
        if known is None:
            known = self._compiled[c.dialect.name] = self._compile(c, parameters)
        sql, order = known
        bound = parameters if order is None else tuple([parameters[name] for name in order])
        errors = c.dialect.loaded_dbapi.Error
        cursor = c.connection.cursor()
        try:
            cursor.execute(sql, bound)
            # All of them: what is not read to its end holds a SQLite transaction open.
            return cursor.fetchall() if fetch else []
        except errors as problem:
            raise sa.exc.DBAPIError.instance(sql, bound, problem, errors, dialect=c.dialect) from problem
        finally:
            cursor.close()

    def _compile(self, c: sa.Connection, parameters: dict[str, Any]) -> tuple[str, list[str] | None]:
        keys = list(parameters) if isinstance(self._statement, sa.Insert) else None
        compiled = self._statement.compile(dialect=c.dialect, column_keys=keys)
        return str(compiled), compiled.positiontup
