"""The audit trail: events worth keeping, and the clearing away of what has expired."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from pushgate.store.durable import tables as t
from pushgate.store.durable.prepared import Prepared
from pushgate.store.ports import DurableEngine

PURGE_STEP = 250


class Audit:
    """Append and read audit events."""

    def __init__(self, engine: DurableEngine) -> None:
        self._engine = engine

    async def append(self, rows: list[dict[str, Any]]) -> None:
        """Keep events; each row has at, realm, event and any further members."""
        prepared = [
            {"at": row["at"], "realm": row["realm"], "event": row["event"], "data": msgspec.json.encode(row)}
            for row in rows
        ]
        await self._engine.write(lambda c: c.execute(sa.insert(t.audit), prepared) and None)

    async def recent(self, realm: str, limit: int = 100) -> list[dict[str, Any]]:
        """The newest events of a realm, newest first."""
        query = sa.select(t.audit.c.data).where(t.audit.c.realm == realm).order_by(t.audit.c.id.desc()).limit(limit)
        return await self._engine.read(lambda c: [msgspec.json.decode(r.data) for r in c.execute(query).all()])

    async def page(
        self, realm: str, *, event: str | None, since: int | None, until: int | None, start: int, count: int
    ) -> tuple[list[dict[str, Any]], int]:
        """A part of the events of a realm, newest first, with their ids, and how many there are in all.

        `since` and `until` in seconds since the epoch, both included.
        """
        c = t.audit.c
        wanted = [c.realm == realm]
        wanted += [] if event is None else [c.event == event]
        wanted += [] if since is None else [c.at >= since]
        wanted += [] if until is None else [c.at <= until]
        query = sa.select(c.id, c.data).where(*wanted).order_by(c.at.desc(), c.id.desc()).offset(start).limit(count)
        total = sa.select(sa.func.count()).select_from(t.audit).where(*wanted)
        rows, found = await self._engine.read(lambda on: (on.execute(query).all(), on.scalar(total) or 0))
        return [{"log_id": str(row.id), **msgspec.json.decode(row.data)} for row in rows], found

    async def one(self, realm: str, number: int) -> dict[str, Any] | None:
        """An event of a realm by its id."""
        query = sa.select(t.audit.c.data).where(t.audit.c.realm == realm, t.audit.c.id == number)
        data = await self._engine.read(lambda c: c.scalar(query))
        return None if data is None else {"log_id": str(number), **msgspec.json.decode(data)}


def append_event(c: sa.Connection, row: dict[str, Any]) -> None:
    """Keep one event as part of a transaction; `row` has at, realm, event and any further members."""
    _APPEND.run(c, _prepared(row))


_APPEND = Prepared(sa.insert(t.audit))


def _prepared(row: dict[str, Any]) -> dict[str, Any]:
    return {"at": row["at"], "realm": row["realm"], "event": row["event"], "data": msgspec.json.encode(row)}


async def purge_expired(engine: DurableEngine, now: int) -> int:
    """Delete what has expired in small steps; the number of rows deleted."""
    total = 0
    digests = (t.sessions, t.refresh_tokens, t.initial_access_tokens)
    for table, key in (*((table, "digest") for table in digests), (t.grants, "grant_id")):
        column = table.c[key]
        step = sa.delete(table).where(column.in_(sa.select(column).where(table.c.expires_at < now).limit(PURGE_STEP)))
        while True:
            deleted = await engine.write(lambda c, step=step: c.execute(step).rowcount)  # type: ignore[misc]
            total += deleted
            if deleted < PURGE_STEP:
                break
    return total
