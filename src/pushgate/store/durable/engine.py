"""Engines that run durable work. SQLite shares the transient store's group commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from pushgate.store.commit import GroupCommit
from pushgate.store.ports import StoreUnavailable
from pushgate.store.transient.sqlite import SqliteTransaction, connect

T = TypeVar("T")


class SqliteEngine:
    """Durable work on one SQLite file (None: in memory, for tests). Reads run in place: they never wait in WAL."""

    def __init__(self, path: Path | None) -> None:
        self.writer, writing = _connection(path)
        self._raw = writing
        self._reader = self.writer if path is None else _connection(path)[0]
        self._transaction = SqliteTransaction(writing, path)
        self._commit = GroupCommit(self._transaction)

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """See store.ports.DurableEngine."""
        try:
            return work(self._reader)
        except OperationalError as problem:
            raise StoreUnavailable(str(problem.orig)) from problem

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        """See store.ports.DurableEngine."""
        return await self._commit.submit(partial(work, self.writer))

    def migrate(self, work: Callable[[sa.Connection], None]) -> None:
        """Run migrations in one transaction, before anything else uses the engine."""
        self.writer.rollback()  # ends what SQLAlchemy began by itself; the driver is in autocommit
        self._transaction.wait_and_begin()
        with self.writer.begin():
            work(self.writer)

    def image(self) -> bytes:
        """The whole database, as `restore` takes it."""
        return self._raw.serialize()

    def restore(self, image: bytes) -> None:
        """Be another database, before anything else uses the engine; only in memory."""
        self.writer.rollback()  # ends what SQLAlchemy began by itself
        self._raw.deserialize(image)

    async def aclose(self) -> None:
        """See store.ports.DurableEngine."""
        await self._commit.aclose()
        self.close()

    def close(self) -> None:
        """Close the connections; nothing is on its way."""
        self._transaction.close()
        for connection in {self._reader, self.writer}:
            connection.close()
            connection.engine.dispose()


def _connection(path: Path | None) -> tuple[sa.Connection, sqlite3.Connection]:
    """A SQLAlchemy connection in AUTOCOMMIT (transactions are begun by hand), and the driver's below it."""
    raw = connect(path)
    engine = sa.create_engine("sqlite://", creator=lambda: raw, poolclass=sa.pool.StaticPool)
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    return connection, cast(sqlite3.Connection, connection.connection.driver_connection)
