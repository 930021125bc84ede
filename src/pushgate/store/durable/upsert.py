"""INSERT ... ON CONFLICT, which SQLite and PostgreSQL spell alike."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


def upsert(c: sa.Connection, table: sa.Table, key: dict[str, Any], values: dict[str, Any]) -> None:
    """Insert a row, or replace `values` of the one with that key."""
    statement = _insert(c)(table).values(**key, **values)
    c.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def insert_new(c: sa.Connection, table: sa.Table, key: dict[str, Any], values: dict[str, Any]) -> bool:
    """Insert a row; False, and nothing is changed, if there is one with that key."""
    statement = _insert(c)(table).values(**key, **values)
    return c.execute(statement.on_conflict_do_nothing(index_elements=list(key))).rowcount == 1


def _insert(c: sa.Connection) -> Any:
    return postgresql.insert if c.dialect.name == "postgresql" else sqlite.insert
