"""Grants, consents and refresh tokens."""

from __future__ import annotations

import hashlib

import msgspec
import sqlalchemy as sa

from pushgate.model import Grant, RefreshToken, Session
from pushgate.store.durable import tables as t
from pushgate.store.durable.accounts import revoke_grants
from pushgate.store.durable.configuration import pack, unpack
from pushgate.store.durable.prepared import Prepared
from pushgate.store.durable.upsert import upsert
from pushgate.store.ports import DurableEngine

_R: sa.BindParameter[str] = sa.bindparam("r")
_ID: sa.BindParameter[str] = sa.bindparam("id")
_SUB: sa.BindParameter[str] = sa.bindparam("sub")
_CLIENT: sa.BindParameter[str] = sa.bindparam("client")
_ADD_GRANT = Prepared(sa.insert(t.grants))
_SESSIONS = Prepared(
    sa.select(t.sessions.c.data)
    .where(t.sessions.c.realm == _R, t.sessions.c.sub == _SUB, t.sessions.c.expires_at > sa.bindparam("now"))
    .with_for_update(read=True)
)
_GRANT = Prepared(
    sa.select(t.grants.c.data, t.grants.c.revoked).where(t.grants.c.realm == _R, t.grants.c.grant_id == _ID)
)
_REVOKED = Prepared(sa.select(t.grants.c.revoked).where(t.grants.c.realm == _R, t.grants.c.grant_id == _ID))
_REVOKE = sa.update(t.grants).where(t.grants.c.realm == _R, t.grants.c.grant_id == _ID).values(revoked=True)
_CONSENT = Prepared(
    sa.select(t.consents.c.scope).where(
        t.consents.c.realm == _R, t.consents.c.sub == _SUB, t.consents.c.client_id == _CLIENT
    )
)
_ADD_REFRESH = Prepared(sa.insert(t.refresh_tokens))
_REFRESH = Prepared(
    sa.select(t.refresh_tokens.c.data, t.refresh_tokens.c.consumed).where(
        t.refresh_tokens.c.realm == _R, t.refresh_tokens.c.digest == _ID
    )
)
_ROTATE = (
    sa.update(t.refresh_tokens)
    .where(
        t.refresh_tokens.c.realm == _R,
        t.refresh_tokens.c.digest == _ID,
        t.refresh_tokens.c.consumed.is_(False),
    )
    .values(consumed=True)
)


class Grants:
    """A realm's grants and what hangs on them."""

    def __init__(self, engine: DurableEngine, realm: str) -> None:
        self._engine = engine
        self._realm = realm

    async def add_grant(self, grant: Grant, expires_at: int, *, now: int) -> bool:
        """Keep a grant until `expires_at`, when the last token of it has ended; False if its session is over.

        In one transaction, so that no grant outlives a sign-out that came first.
        """
        row = {
            "realm": self._realm, "grant_id": grant.grant_id, "client_id": grant.client_id, "sub": grant.sub,
            "expires_at": expires_at, "revoked": False, "data": pack(grant), "sid": grant.sid,
        }  # fmt: skip
        session = {"r": self._realm, "sub": grant.sub, "now": now}

        def work(c: sa.Connection) -> bool:
            sessions = (unpack(found.data, Session) for found in reversed(_SESSIONS.all(c, session)))  # newest first
            alive = any(one.sid == grant.sid for one in sessions)
            if alive:
                _ADD_GRANT.run(c, row)
            return alive

        return await self._engine.write(work)

    async def grant(self, grant_id: str) -> Grant | None:
        """A grant, revoked or not; None once it was purged or its user deleted."""
        row = await self._engine.read(lambda c: _GRANT.first(c, {"r": self._realm, "id": grant_id}))
        if row is None:
            return None
        return msgspec.structs.replace(unpack(row.data, Grant), revoked=bool(row.revoked))

    async def grant_live(self, grant_id: str) -> bool:
        """Whether a grant exists and was not revoked."""
        revoked = await self._engine.read(lambda c: _REVOKED.scalar(c, {"r": self._realm, "id": grant_id}))
        return revoked is not None and not revoked

    async def revoke_grant(self, grant_id: str) -> None:
        """End every token of a grant."""
        await self._engine.write(lambda c: c.execute(_REVOKE, {"r": self._realm, "id": grant_id}) and None)

    async def consent(self, sub: str, client_id: str) -> frozenset[str]:
        """The scope values a user has agreed to for a client, so far."""
        parameters = {"r": self._realm, "sub": sub, "client": client_id}
        scope = await self._engine.read(lambda c: _CONSENT.scalar(c, parameters))
        return frozenset((scope or "").split())

    async def of_user(self, sub: str, now: int) -> list[Grant]:
        """The grants of a user that tokens may still be made from, the newest last."""
        live = (t.grants.c.revoked.is_(False), t.grants.c.expires_at > now)
        query = (
            sa.select(t.grants.c.data)
            .where(t.grants.c.realm == self._realm, t.grants.c.sub == sub, *live)
            .order_by(t.grants.c.expires_at, t.grants.c.grant_id)
        )
        return await self._engine.read(lambda c: [unpack(row.data, Grant) for row in c.execute(query).all()])

    async def consents_of(self, sub: str) -> dict[str, tuple[frozenset[str], int]]:
        """What a user has agreed to, by client_id, and when they last did (seconds since the epoch)."""
        c = t.consents.c
        query = sa.select(c.client_id, c.scope, c.given_at).where(c.realm == self._realm, c.sub == sub)
        rows = await self._engine.read(lambda connection: connection.execute(query).all())
        return {row.client_id: (frozenset(row.scope.split()), row.given_at) for row in rows}

    async def revoke_all(self, sub: str) -> None:
        """End every token that applications hold for a user; what they agreed to is remembered."""
        await self._engine.write(lambda c: revoke_grants(c, self._realm, sub))

    async def forget_client(self, sub: str, client_id: str) -> bool:
        """Take back all that a user allowed a client: consent, grants, and with them every token. False: nothing."""

        return await self._engine.write(lambda c: forget_client(c, self._realm, sub, client_id))

    async def save_consent(
        self, sub: str, client_id: str, *, asked: tuple[str, ...], granted: tuple[str, ...], now: int
    ) -> None:
        """Remember what a user agreed to: of what was asked only that, beside what they agreed to before."""

        def work(c: sa.Connection) -> None:
            before = _CONSENT.scalar(c, {"r": self._realm, "sub": sub, "client": client_id}) or ""
            joined = " ".join(sorted({*before.split()} - {*asked} | {*granted}))
            key = {"realm": self._realm, "sub": sub, "client_id": client_id}
            upsert(c, t.consents, key, {"scope": joined, "given_at": now})

        await self._engine.write(work)

    async def add_refresh_token(self, token: str, record: RefreshToken) -> None:
        """Keep a refresh token under its digest."""
        row = {
            "realm": self._realm, "digest": _digest(token), "grant_id": record.grant_id,
            "expires_at": record.expires_at, "consumed": False, "data": pack(record),
        }  # fmt: skip
        await self._engine.write(lambda c: _ADD_REFRESH.run(c, row))

    async def refresh_token(self, token: str) -> RefreshToken | None:
        """A refresh token as it is now; `consumed` after it was rotated."""
        parameters = {"r": self._realm, "id": _digest(token)}
        row = await self._engine.read(lambda c: _REFRESH.first(c, parameters))
        if row is None:
            return None
        return msgspec.structs.replace(unpack(row.data, RefreshToken), consumed=bool(row.consumed))

    async def rotate_refresh_token(self, token: str) -> bool:
        """Consume a refresh token: exactly one caller, ever, gets True."""
        parameters = {"r": self._realm, "id": _digest(token)}
        return await self._engine.write(lambda c: c.execute(_ROTATE, parameters).rowcount == 1)


def revoke_grant(c: sa.Connection, realm: str, grant_id: str) -> None:
    """End every token of a grant."""
    c.execute(_REVOKE, {"r": realm, "id": grant_id})


def forget_client(c: sa.Connection, realm: str, sub: str, client_id: str) -> bool:
    """Take back all that a user allowed a client: consent, grants, and with them every token. False: nothing."""
    whose = {"realm": realm, "sub": sub, "client_id": client_id}
    consents = c.execute(sa.delete(t.consents).where(*(t.consents.c[n] == v for n, v in whose.items())))
    live = sa.update(t.grants).where(*(t.grants.c[n] == v for n, v in whose.items()))
    grants = c.execute(live.where(t.grants.c.revoked.is_(False)).values(revoked=True))
    return consents.rowcount + grants.rowcount > 0


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
