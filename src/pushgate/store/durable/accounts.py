"""Users and their sessions."""

from __future__ import annotations

import sqlalchemy as sa

from pushgate.model import Session, User
from pushgate.store.durable import tables as t
from pushgate.store.durable.configuration import pack, unpack
from pushgate.store.durable.prepared import Prepared
from pushgate.store.durable.upsert import upsert
from pushgate.store.ports import DurableEngine


class Accounts:
    """A realm's users and sessions. Sessions are stored under the digest of the cookie's value."""

    def __init__(self, engine: DurableEngine, realm: str) -> None:
        self._engine = engine
        self._realm = realm

    async def user_by_username(self, username: str) -> User | None:
        """Look up for signing in."""
        return await self._user(_USER_BY_NAME, username)

    async def user(self, sub: str) -> User | None:
        """Look up by subject."""
        return await self._user(_USER_BY_SUB, sub)

    async def _user(self, query: Prepared, value: str) -> User | None:
        parameters = {"r": self._realm, "v": value}
        data = await self._engine.read(lambda c: query.scalar(c, parameters))
        return None if data is None else unpack(data, User)

    async def users(self) -> list[User]:
        """All users, by name."""
        query = sa.select(t.users.c.data).where(t.users.c.realm == self._realm).order_by(t.users.c.username)
        return await self._engine.read(lambda c: [unpack(r.data, User) for r in c.execute(query).all()])

    async def some_users(self, start: int, count: int) -> tuple[list[User], int]:
        """A part of the users, by name, and how many there are in all."""
        mine = t.users.c.realm == self._realm
        query = sa.select(t.users.c.data).where(mine).order_by(t.users.c.username).offset(start).limit(count)
        total = sa.select(sa.func.count()).select_from(t.users).where(mine)
        return await self._engine.read(
            lambda c: ([unpack(r.data, User) for r in c.execute(query).all()], c.scalar(total) or 0)
        )

    async def session(self, digest: bytes) -> Session | None:
        """A session, expired or not."""
        parameters = {"r": self._realm, "d": digest}
        data = await self._engine.read(lambda c: _SESSION.scalar(c, parameters))
        return None if data is None else unpack(data, Session)

    async def add_session(self, digest: bytes, session: Session, *, replaces: bytes | None) -> None:
        """Keep a new session and drop the one it replaces (OpenID Connect Core 3.1.2.3: no fixation)."""
        row = {"realm": self._realm, "digest": digest, "sub": session.sub, "expires_at": session.expires_at}

        def work(c: sa.Connection) -> None:
            if replaces is not None:
                c.execute(_DELETE_SESSION, {"r": self._realm, "d": replaces})
            c.execute(sa.insert(t.sessions), {**row, "data": pack(session)})

        await self._engine.write(work)

    async def update_session(self, digest: bytes, session: Session) -> None:
        """Keep the new state of a session, if it was not ended meanwhile."""
        statement = _SESSION_ROW.values(data=pack(session))
        await self._engine.write(lambda c: c.execute(statement, {"r": self._realm, "d": digest}) and None)

    async def sessions_of(self, sub: str, now: int) -> list[tuple[bytes, Session]]:
        """Where a user is signed in, with the digests; the latest first."""
        query = sa.select(t.sessions.c.digest, t.sessions.c.data).where(
            t.sessions.c.realm == self._realm, t.sessions.c.sub == sub, t.sessions.c.expires_at > now
        )
        rows = await self._engine.read(lambda c: c.execute(query).all())
        found = [(row.digest, unpack(row.data, Session)) for row in rows]
        return sorted(found, key=lambda one: one[1].authenticated_at, reverse=True)


# Statements are built once: building one costs as much as running it.
_USER = sa.select(t.users.c.data).where(t.users.c.realm == sa.bindparam("r"))
_USER_BY_NAME = Prepared(_USER.where(t.users.c.username == sa.bindparam("v")))
_USER_BY_SUB = Prepared(_USER.where(t.users.c.sub == sa.bindparam("v")))
_SESSION = Prepared(
    sa.select(t.sessions.c.data).where(
        t.sessions.c.realm == sa.bindparam("r"), t.sessions.c.digest == sa.bindparam("d")
    )
)
_SESSION_ROW = sa.update(t.sessions).where(
    t.sessions.c.realm == sa.bindparam("r"), t.sessions.c.digest == sa.bindparam("d")
)
_DELETE_SESSION = sa.delete(t.sessions).where(
    t.sessions.c.realm == sa.bindparam("r"), t.sessions.c.digest == sa.bindparam("d")
)


def stored_user(c: sa.Connection, realm: str, sub: str) -> User | None:
    """A user as the transaction sees them."""
    data = _USER_BY_SUB.scalar(c, {"r": realm, "v": sub})
    return None if data is None else unpack(data, User)


def save_user(c: sa.Connection, realm: str, user: User) -> None:
    """Create or replace a user."""
    upsert(c, t.users, {"realm": realm, "sub": user.sub}, {"username": user.username, "data": pack(user)})


def revoke_grants(c: sa.Connection, realm: str, sub: str) -> None:
    """End every token that applications hold for a user."""
    c.execute(sa.update(t.grants).where(t.grants.c.realm == realm, t.grants.c.sub == sub).values(revoked=True))


def delete_user(c: sa.Connection, realm: str, sub: str) -> bool:
    """Delete a user with their sessions, consents, grants and credentials; False if there was none.

    Their sessions are to end before, so that the clients hear of it.
    """
    for table in (t.sessions, t.consents, t.grants, t.credentials):
        c.execute(sa.delete(table).where(table.c.realm == realm, table.c.sub == sub))
    return c.execute(sa.delete(t.users).where(t.users.c.realm == realm, t.users.c.sub == sub)).rowcount == 1
