"""A prepared statement finds and writes what SQLAlchemy would."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from pushgate.store.durable import tables as t
from pushgate.store.durable.prepared import Prepared

ROW = {
    "realm": "default", "grant_id": "g", "client_id": "c", "sub": "s'; DROP TABLE grants; --", "expires_at": 1,
    "revoked": True, "data": b"\0%s?:x", "sid": "s",
}  # fmt: skip


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    with sa.create_engine("sqlite://").connect() as c:
        t.metadata.create_all(c)
        yield c


def test_what_it_inserts_is_read_back_by_sqlalchemy(connection: sa.Connection) -> None:
    insert = Prepared(sa.insert(t.grants))
    for number in range(3):
        insert.run(connection, {**ROW, "grant_id": f"g{number}"})
    rows = connection.execute(sa.select(t.grants).order_by(t.grants.c.grant_id)).mappings().all()
    assert [dict(row) for row in rows] == [{**ROW, "grant_id": f"g{number}"} for number in range(3)]


def test_parameters_find_their_places_whatever_their_order(connection: sa.Connection) -> None:
    connection.execute(sa.insert(t.grants), ROW)
    select = Prepared(
        sa.select(t.grants.c.data, t.grants.c.revoked).where(
            t.grants.c.realm == sa.bindparam("r"), t.grants.c.grant_id == sa.bindparam("g")
        )
    )
    for parameters in ({"r": "default", "g": "g"}, {"g": "g", "r": "default"}):
        row = select.first(connection, parameters)
        assert row is not None
        assert (row.data, bool(row.revoked)) == (ROW["data"], True)
    assert select.first(connection, {"r": "g", "g": "default"}) is None
    with pytest.raises(KeyError):
        select.run(connection, {"r": "default"})


def test_what_it_finds_has_the_names_of_the_columns(connection: sa.Connection) -> None:
    for number in range(3):
        connection.execute(sa.insert(t.grants), {**ROW, "grant_id": f"g{number}"})
    select = Prepared(
        sa.select(t.grants.c.grant_id, t.grants.c.data).where(t.grants.c.sub == sa.bindparam("s")).order_by("grant_id")
    )
    found = select.all(connection, {"s": ROW["sub"]})
    assert [(row.grant_id, row.data) for row in found] == [(f"g{number}", ROW["data"]) for number in range(3)]
    assert select.first(connection, {"s": ROW["sub"]}) == found[0]
    assert select.scalar(connection, {"s": ROW["sub"]}) == "g0"
    assert select.all(connection, {"s": "nobody"}) == []
    assert select.scalar(connection, {"s": "nobody"}) is None


def test_errors_are_those_of_sqlalchemy(connection: sa.Connection) -> None:
    insert, select = Prepared(sa.insert(t.grants)), Prepared(sa.select(t.grants.c.data))
    insert.run(connection, ROW)
    with pytest.raises(sa.exc.IntegrityError, match="UNIQUE"):
        insert.run(connection, ROW)
    connection.exec_driver_sql("DROP TABLE grants")
    with pytest.raises(sa.exc.OperationalError, match="no such table"):
        select.first(connection, {})


def test_a_row_that_was_found_holds_no_transaction_open(tmp_path: Path) -> None:
    """Or the write-ahead log could never begin anew."""
    path = tmp_path / "x.db"
    with sa.create_engine(f"sqlite:///{path}").connect() as c:
        c.exec_driver_sql("PRAGMA journal_mode=WAL")
        t.metadata.create_all(c)
        for number in range(3):
            Prepared(sa.insert(t.grants)).run(c, {**ROW, "grant_id": f"g{number}"})
        c.commit()
        select = Prepared(sa.select(t.grants.c.grant_id))
        assert select.first(c, {}) is not None
        assert select.scalar(c, {}) is not None
        with closing(sqlite3.connect(path)) as other, other:
            assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0, "somebody reads"
