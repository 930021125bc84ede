"""A prepared statement finds and writes what SQLAlchemy would."""

from __future__ import annotations

from collections.abc import Iterator

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
        row = select.run(connection, parameters).first()
        assert row is not None
        assert (row.data, bool(row.revoked)) == (ROW["data"], True)
    assert select.run(connection, {"r": "g", "g": "default"}).first() is None
    with pytest.raises(KeyError):
        select.run(connection, {"r": "default"})
