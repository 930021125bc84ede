"""Second factors and passkeys of users."""

from __future__ import annotations

import sqlalchemy as sa

from pushgate.model import Credential
from pushgate.store.durable import tables as t
from pushgate.store.durable.configuration import pack, unpack
from pushgate.store.durable.prepared import Prepared
from pushgate.store.durable.upsert import upsert
from pushgate.store.ports import DurableEngine

_OF_REALM = sa.select(t.credentials.c.data).where(t.credentials.c.realm == sa.bindparam("r"))
_OF_USER = Prepared(_OF_REALM.where(t.credentials.c.sub == sa.bindparam("sub")))
_ONE = Prepared(_OF_REALM.where(t.credentials.c.credential_id == sa.bindparam("id")))


class Credentials:
    """A realm's credentials."""

    def __init__(self, engine: DurableEngine, realm: str) -> None:
        self._engine = engine
        self._realm = realm

    async def of_user(self, sub: str) -> list[Credential]:
        """What a user has enrolled, the oldest first."""
        parameters = {"r": self._realm, "sub": sub}
        found = await self._engine.read(lambda c: [unpack(r.data, Credential) for r in _OF_USER.all(c, parameters)])
        return sorted(found, key=lambda credential: (credential.created_at, credential.credential_id))

    async def credential(self, credential_id: str) -> Credential | None:
        """One of them, whosesoever it is."""
        parameters = {"r": self._realm, "id": credential_id}
        data = await self._engine.read(lambda c: _ONE.scalar(c, parameters))
        return None if data is None else unpack(data, Credential)

    async def add(self, credential: Credential) -> bool:
        """Keep a new credential; False if there is one with its id already, whosesoever it is."""
        row = {
            "realm": self._realm,
            "credential_id": credential.credential_id,
            "sub": credential.sub,
            "data": pack(credential),
        }

        def work(c: sa.Connection) -> bool:
            parameters = {"r": self._realm, "id": credential.credential_id}
            if _ONE.scalar(c, parameters) is not None:
                return False
            c.execute(sa.insert(t.credentials), row)
            return True

        return await self._engine.write(work)

    async def save(self, credential: Credential) -> None:
        """Keep a new credential, or the new state of one."""
        key = {"realm": self._realm, "credential_id": credential.credential_id}
        await self._engine.write(
            lambda c: upsert(c, t.credentials, key, {"sub": credential.sub, "data": pack(credential)})
        )

    async def advance(self, before: Credential, after: Credential) -> bool:
        """Replace a credential's state if nobody did in the meantime: of two uses at once, exactly one gets True."""
        where = (
            t.credentials.c.realm == self._realm,
            t.credentials.c.credential_id == before.credential_id,
            t.credentials.c.data == pack(before),
        )
        statement = sa.update(t.credentials).where(*where).values(data=pack(after))
        return await self._engine.write(lambda c: c.execute(statement).rowcount == 1)

    async def delete(self, sub: str, credential_id: str) -> bool:
        """Take a credential away from its user; False if they have none such."""
        return await self._engine.write(lambda c: delete_credential(c, self._realm, sub, credential_id))


def delete_credential(c: sa.Connection, realm: str, sub: str, credential_id: str) -> bool:
    """Take a credential away from its user; False if they have none such."""
    where = (
        t.credentials.c.realm == realm,
        t.credentials.c.sub == sub,
        t.credentials.c.credential_id == credential_id,
    )
    return c.execute(sa.delete(t.credentials).where(*where)).rowcount == 1
