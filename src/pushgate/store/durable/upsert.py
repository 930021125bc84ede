"""INSERT ... ON CONFLICT DO UPDATE, which SQLite and PostgreSQL spell alike."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from pushgate.store.durable.prepared import Prepared


def upsert(c: sa.Connection, table: sa.Table, key: dict[str, Any], values: dict[str, Any]) -> None:
    """Insert a row, or replace `values` of the one with that key."""
    _statement(c.dialect.name, table, tuple(key), tuple(values)).run(c, {**key, **values})


@lru_cache(maxsize=256)
def _statement(dialect: str, table: sa.Table, key: tuple[str, ...], values: tuple[str, ...]) -> Prepared:
    """Built once for each kind of row: building one takes longer than running it, ten thousand times in a manifest."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # loaded only where it is used

        insert: Any = postgresql.insert(table)
    else:
        insert = sqlite.insert(table)
    new = {name: insert.excluded[name] for name in values}
    return Prepared(insert.on_conflict_do_update(index_elements=list(key), set_=new))
