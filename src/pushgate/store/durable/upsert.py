"""INSERT ... ON CONFLICT DO UPDATE, which SQLite and PostgreSQL spell alike."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


def upsert(c: sa.Connection, table: sa.Table, key: dict[str, Any], values: dict[str, Any]) -> None:
    """Insert a row, or replace `values` of the one with that key."""
    insert = postgresql.insert if c.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).values(**key, **values)
    c.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))
