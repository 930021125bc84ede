"""Realms, clients and keys: what is read from a snapshot and changed by management."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from pushgate.model import Client, RealmSettings, Record, StoredKey
from pushgate.store.durable import tables as t
from pushgate.store.durable.prepared import Prepared
from pushgate.store.durable.upsert import upsert
from pushgate.store.ports import DurableEngine

R = TypeVar("R", bound=Record)
T = TypeVar("T")


def pack(record: Record) -> bytes:
    """A record as JSON, so that a person with a database shell can read it."""
    return msgspec.json.encode(record)


def unpack(data: bytes, kind: type[R]) -> R:
    """Read back what `pack` wrote."""
    return msgspec.json.decode(data, type=kind)


class ChangedMeanwhile(Exception):
    """A row is not any more what it was when the change was planned."""

    def __str__(self) -> str:
        return "somebody else changed the same thing meanwhile; nothing was changed, try again"


class Configuration:
    """Every change raises the revision in the same transaction, so that every node sees it soon."""

    def __init__(self, engine: DurableEngine) -> None:
        self._engine = engine

    async def revision(self) -> int:
        """A number that grows with every change."""
        return await self._engine.read(lambda c: c.scalar(sa.select(t.revision.c.value)) or 0)

    async def change(self, work: Callable[[sa.Connection], T]) -> T:
        """Run several changes as one: all or nothing, one new revision."""

        def changing(c: sa.Connection) -> T:
            result = work(c)
            c.execute(sa.update(t.revision).values(value=t.revision.c.value + 1))
            return result

        return await self._engine.write(changing)

    async def realms(self) -> list[RealmSettings]:
        """All realms, by name."""
        query = sa.select(t.realms.c.data).order_by(t.realms.c.name)
        return await self._engine.read(lambda c: [unpack(r.data, RealmSettings) for r in c.execute(query).all()])

    async def realm(self, name: str) -> RealmSettings | None:
        """One realm."""
        query = sa.select(t.realms.c.data).where(t.realms.c.name == name)
        data = await self._engine.read(lambda c: c.scalar(query))
        return None if data is None else unpack(data, RealmSettings)

    async def hosts(self) -> dict[str, str]:
        """The realms that have host names of their own, by host."""
        query = sa.select(t.realm_hosts.c.host, t.realm_hosts.c.realm)
        return await self._engine.read(lambda c: {row.host: row.realm for row in c.execute(query).all()})

    async def clients(self, realm: str) -> list[Client]:
        """All clients of a realm, by id."""
        query = sa.select(t.clients.c.data).where(t.clients.c.realm == realm).order_by(t.clients.c.client_id)
        return await self._engine.read(lambda c: [unpack(r.data, Client) for r in c.execute(query).all()])

    async def some_clients(self, realm: str, start: int, count: int) -> tuple[list[Client], int]:
        """A part of the clients of a realm, by id, and how many there are in all."""
        mine = t.clients.c.realm == realm
        query = sa.select(t.clients.c.data).where(mine).order_by(t.clients.c.client_id).offset(start).limit(count)
        total = sa.select(sa.func.count()).select_from(t.clients).where(mine)
        return await self._engine.read(
            lambda c: ([unpack(r.data, Client) for r in c.execute(query).all()], c.scalar(total) or 0)
        )

    async def client(self, realm: str, client_id: str) -> Client | None:
        """One client."""
        parameters = {"r": realm, "v": client_id}
        data = await self._engine.read(lambda c: _CLIENT.scalar(c, parameters))
        return None if data is None else unpack(data, Client)

    async def keys(self, realm: str) -> list[StoredKey]:
        """All keys of a realm, retired ones included."""
        query = sa.select(t.keys.c.data).where(t.keys.c.realm == realm).order_by(t.keys.c.kid)
        return await self._engine.read(lambda c: [unpack(r.data, StoredKey) for r in c.execute(query).all()])


_CLIENT = Prepared(
    sa.select(t.clients.c.data).where(
        t.clients.c.realm == sa.bindparam("r"), t.clients.c.client_id == sa.bindparam("v")
    )
)


def check_stored(c: sa.Connection, table: sa.Table, key: dict[str, Any], record: Record | None) -> None:
    """In a transaction: the row still holds this record, or is still not there. Raises ChangedMeanwhile."""
    data = c.scalar(sa.select(table.c.data).where(*(table.c[name] == value for name, value in key.items())))
    stored = data if data is None or record is None else unpack(data, type(record))
    if stored != record:
        raise ChangedMeanwhile


def save_realm(c: sa.Connection, settings: RealmSettings) -> None:
    """Create or replace a realm's settings."""
    upsert(c, t.realms, {"name": settings.name}, {"data": pack(settings)})
    c.execute(sa.delete(t.realm_hosts).where(t.realm_hosts.c.realm == settings.name))
    if settings.hosts:
        c.execute(sa.insert(t.realm_hosts), [{"host": host, "realm": settings.name} for host in settings.hosts])


def delete_realm(c: sa.Connection, name: str) -> None:
    """Delete a realm and every row that belongs to it. The audit trail stays: it says who did this, and when."""
    for table in reversed(t.metadata.sorted_tables):
        if any(key.column.table is t.realms for key in table.foreign_keys):
            c.execute(sa.delete(table).where(table.c.realm == name))
    c.execute(sa.delete(t.realms).where(t.realms.c.name == name))


def save_client(c: sa.Connection, realm: str, client: Client) -> None:
    """Create or replace a client."""
    upsert(c, t.clients, {"realm": realm, "client_id": client.client_id}, {"data": pack(client)})


def delete_client(c: sa.Connection, realm: str, client_id: str) -> bool:
    """Delete a client with its grants and consents; False if there was none.

    A client that is registered again under the same id is another one.
    """
    for table in (t.grants, t.consents):
        c.execute(sa.delete(table).where(table.c.realm == realm, table.c.client_id == client_id))
    where = (t.clients.c.realm == realm, t.clients.c.client_id == client_id)
    return c.execute(sa.delete(t.clients).where(*where)).rowcount == 1


def save_key(c: sa.Connection, realm: str, key: StoredKey) -> None:
    """Create or replace a key."""
    upsert(c, t.keys, {"realm": realm, "kid": key.kid}, {"data": pack(key)})


def delete_key(c: sa.Connection, realm: str, kid: str) -> None:
    """Delete a key: what it signed can no longer be verified."""
    c.execute(sa.delete(t.keys).where(t.keys.c.realm == realm, t.keys.c.kid == kid))


def check_serial(c: sa.Connection, realm: str, serial: str) -> None:
    """In a transaction: the realm is there, and no other one that got its name. Raises ChangedMeanwhile."""
    data = c.scalar(sa.select(t.realms.c.data).where(t.realms.c.name == realm))
    if data is None or unpack(data, RealmSettings).serial != serial:
        raise ChangedMeanwhile
