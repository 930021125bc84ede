"""Sessions that end, and the clients that have to be told of it.

Who has to be told is written down in the transaction that ends the session, so that no crash can lose it; sending
comes afterwards. A row of `logout_deliveries` is claimed by moving its `next_at` into the future, which exactly one
process can do.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode

import sqlalchemy as sa

from pushgate.model import Client, Fact, Grant, LogoutDelivery, Session
from pushgate.store.durable import tables as t
from pushgate.store.durable.configuration import pack, unpack
from pushgate.store.durable.upsert import upsert
from pushgate.store.ports import DurableEngine

OFFLINE = "offline_access"
BATCH = 50  # deliveries that one look at the table takes


class Due(Fact, frozen=True):
    """A delivery that is this process's to make, until `next_at`."""

    realm: str
    delivery_id: str
    next_at: int
    delivery: LogoutDelivery


class Ended(Fact, frozen=True):
    """What ended with sessions: grants, and the clients that were used in them."""

    sids: tuple[str, ...] = ()
    clients: tuple[Client, ...] = ()
    revoked: tuple[Grant, ...] = ()
    deliveries: tuple[Due, ...] = ()


class Endings:
    """A realm's sessions, as they end."""

    def __init__(self, engine: DurableEngine, realm: str) -> None:
        self._engine = engine
        self._realm = realm

    async def end_lapsed(self, sid: str, *, now: int, deliver_at: int) -> Ended:
        """End what is left of a session that has expired; one that lives is not touched."""

        def work(c: sa.Connection) -> Ended:
            query = sa.select(t.grants.c.sub).where(t.grants.c.realm == self._realm, t.grants.c.sid == sid).limit(1)
            sub = c.scalar(query)
            if sub is None or any(s.expires_at > now for s in _sessions(c, self._realm, sub, sid).values()):
                return Ended()
            return end_sessions(c, self._realm, sub, sid=sid, deliver_at=deliver_at)

        return await self._engine.write(work)

    async def end_session(self, session: Session, *, deliver_at: int) -> Ended:
        """End one session. `deliver_at`: when others may send what the caller has not sent until then."""
        return await self._engine.write(
            lambda c: end_sessions(c, self._realm, session.sub, sid=session.sid, deliver_at=deliver_at)
        )


def end_sessions(c: sa.Connection, realm: str, sub: str, *, deliver_at: int, sid: str | None = None) -> Ended:
    """Sign a user out: of the session `sid`, or everywhere.

    Grants of the sessions end, but for those with offline_access; the clients with a backchannel_logout_uri are put
    down to be told from `deliver_at` on (seconds since the epoch). A session that merely expired left its grants
    behind, so these are looked for too. What is over ends nothing again. OpenID Connect Back-Channel Logout 2.7.
    """
    ending = _sessions(c, realm, sub, sid)
    whose = [t.grants.c.realm == realm, t.grants.c.sub == sub, *([] if sid is None else [t.grants.c.sid == sid])]
    rows = c.execute(sa.select(t.grants.c.data, t.grants.c.revoked).where(*whose)).all()
    grants = [(unpack(row.data, Grant), row.revoked) for row in rows]
    over = tuple(grant for grant, revoked in grants if not revoked and OFFLINE not in grant.scope)
    sids = tuple(dict.fromkeys([*(session.sid for session in ending.values()), *(grant.sid for grant in over)]))
    if not sids:
        return Ended()
    c.execute(sa.delete(t.sessions).where(t.sessions.c.realm == realm, t.sessions.c.digest.in_(ending)))
    ids = [grant.grant_id for grant in over]
    c.execute(sa.update(t.grants).where(*whose, t.grants.c.grant_id.in_(ids)).values(revoked=True))
    there = [grant for grant, _ in grants if grant.sid in sids]
    clients = _clients(c, realm, {grant.client_id for grant in there})
    used = sorted({(grant.sid, grant.client_id) for grant in there if _told(clients, grant.client_id)})
    wanted = [LogoutDelivery(client_id=client_id, sub=sub, sid=of) for of, client_id in used]
    deliveries = tuple(_put_down(c, realm, delivery, deliver_at) for delivery in wanted)
    return Ended(sids, tuple(clients.values()), over, deliveries)


def _sessions(c: sa.Connection, realm: str, sub: str, sid: str | None) -> dict[bytes, Session]:
    """The sessions by their digests; one that was signed in to again from two windows may be there twice."""
    query = sa.select(t.sessions.c.digest, t.sessions.c.data).where(t.sessions.c.realm == realm)
    rows = c.execute(query.where(t.sessions.c.sub == sub)).all()
    found = {row.digest: unpack(row.data, Session) for row in rows}
    return {digest: session for digest, session in found.items() if sid in (None, session.sid)}


def _clients(c: sa.Connection, realm: str, client_ids: set[str]) -> dict[str, Client]:
    query = sa.select(t.clients.c.data).where(t.clients.c.realm == realm, t.clients.c.client_id.in_(client_ids))
    found = [unpack(row.data, Client) for row in c.execute(query.order_by(t.clients.c.client_id)).all()]
    return {client.client_id: client for client in found}


def _told(clients: dict[str, Client], client_id: str) -> bool:
    return client_id in clients and clients[client_id].backchannel_logout_uri is not None


def _put_down(c: sa.Connection, realm: str, delivery: LogoutDelivery, next_at: int) -> Due:
    """One row for each session and client, whoever ends the session."""
    digest = hashlib.sha256(f"{delivery.sid}\0{delivery.client_id}".encode()).digest()
    delivery_id = urlsafe_b64encode(digest).rstrip(b"=").decode()
    key = {"realm": realm, "delivery_id": delivery_id}
    upsert(c, t.logout_deliveries, key, {"next_at": next_at, "data": pack(delivery)})
    return Due(realm, delivery_id, next_at, delivery)


# --- Deliveries, of all realms --------------------------------------------------------------------------------


async def claim_due(engine: DurableEngine, now: int, until: int) -> list[Due]:
    """Deliveries whose time has come, for this process alone until `until`; exactly one process gets each."""
    query = sa.select(t.logout_deliveries).where(t.logout_deliveries.c.next_at <= now).limit(BATCH)
    seen = await engine.read(lambda c: c.execute(query).all())
    if not seen:
        return []

    def work(c: sa.Connection) -> list[Due]:
        claimed = []
        for row in seen:
            where = (*_row(row.realm, row.delivery_id), t.logout_deliveries.c.next_at == row.next_at)
            if c.execute(sa.update(t.logout_deliveries).where(*where).values(next_at=until)).rowcount == 1:
                claimed.append(Due(row.realm, row.delivery_id, until, unpack(row.data, LogoutDelivery)))
        return claimed

    return await engine.write(work)


async def settle(engine: DurableEngine, due: Due) -> None:
    """Nobody has to be told any more."""
    statement = sa.delete(t.logout_deliveries).where(*_row(due.realm, due.delivery_id))
    await engine.write(lambda c: c.execute(statement) and None)


async def postpone(engine: DurableEngine, due: Due, delivery: LogoutDelivery, next_at: int) -> None:
    """Try again from `next_at` on, if the delivery is still this process's."""
    mine = (*_row(due.realm, due.delivery_id), t.logout_deliveries.c.next_at == due.next_at)
    statement = sa.update(t.logout_deliveries).where(*mine).values(next_at=next_at, data=pack(delivery))
    await engine.write(lambda c: c.execute(statement) and None)


def _row(realm: str, delivery_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (t.logout_deliveries.c.realm == realm, t.logout_deliveries.c.delivery_id == delivery_id)
