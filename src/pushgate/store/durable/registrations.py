"""Initial access tokens (RFC 7591 3), and whether a registration is still there (RFC 7592)."""

from __future__ import annotations

import hashlib

import msgspec
import sqlalchemy as sa

from pushgate.model import Client, InitialAccessToken
from pushgate.store.durable import tables as t
from pushgate.store.durable.configuration import pack, unpack
from pushgate.store.ports import DurableEngine

_TOKENS = t.initial_access_tokens


class TokenSpent(Exception):
    """The token is unknown, has expired or was used up meanwhile."""


class RegistrationGone(Exception):
    """The client was deleted meanwhile, or is managed with another token."""


class InitialAccessTokens:
    """A realm's initial access tokens, stored under their digests."""

    def __init__(self, engine: DurableEngine, realm: str) -> None:
        self._engine = engine
        self._realm = realm

    async def usable(self, token: str, now: int) -> bool:
        """Whether a client can be registered with it now; `use_initial_token` decides who does."""
        record = await self._engine.read(lambda c: _stored(c, self._realm, digest_of(token)))
        return record is not None and record.expires_at > now and record.uses_left > 0

    async def all(self, now: int) -> list[tuple[bytes, InitialAccessToken]]:
        """Those that can still be used, by digest."""
        query = sa.select(_TOKENS.c.digest, _TOKENS.c.data).where(
            _TOKENS.c.realm == self._realm, _TOKENS.c.expires_at > now
        )
        rows = await self._engine.read(lambda c: c.execute(query).all())
        found = [(row.digest, unpack(row.data, InitialAccessToken)) for row in rows]
        return [one for one in found if one[1].uses_left > 0]


def digest_of(token: str) -> bytes:
    """What a token is stored under."""
    return hashlib.sha256(b"initial access token\0" + token.encode()).digest()


def save_initial_token(c: sa.Connection, realm: str, digest: bytes, record: InitialAccessToken) -> None:
    """Keep a new token."""
    row = {"realm": realm, "digest": digest, "expires_at": record.expires_at, "data": pack(record)}
    c.execute(sa.insert(_TOKENS), row)


def delete_initial_token(c: sa.Connection, realm: str, digest: bytes) -> bool:
    """Take a token back; False if there is none."""
    where = (_TOKENS.c.realm == realm, _TOKENS.c.digest == digest)
    return c.execute(sa.delete(_TOKENS).where(*where)).rowcount == 1


def use_initial_token(c: sa.Connection, realm: str, token: str, now: int) -> None:
    """Use a token once, in the transaction that registers the client. Raises TokenSpent, which undoes that too."""
    digest = digest_of(token)
    record = _stored(c, realm, digest)
    if record is None or record.expires_at <= now or record.uses_left < 1:
        raise TokenSpent
    left = msgspec.structs.replace(record, uses_left=record.uses_left - 1)
    where = (_TOKENS.c.realm == realm, _TOKENS.c.digest == digest, _TOKENS.c.data == pack(record))
    if c.execute(sa.update(_TOKENS).where(*where).values(data=pack(left))).rowcount != 1:
        raise TokenSpent


def check_registration(c: sa.Connection, realm: str, client: Client) -> None:
    """In the transaction that changes a registration: it is still there under this token, else nothing is written.

    A deleted client so never comes back by an update that began before. Raises RegistrationGone. RFC 7592 2.3.
    """
    query = sa.select(t.clients.c.data).where(t.clients.c.realm == realm, t.clients.c.client_id == client.client_id)
    data = c.scalar(query)
    if data is None or unpack(data, Client).registration_token != client.registration_token:
        raise RegistrationGone


def _stored(c: sa.Connection, realm: str, digest: bytes) -> InitialAccessToken | None:
    data = c.scalar(sa.select(_TOKENS.c.data).where(_TOKENS.c.realm == realm, _TOKENS.c.digest == digest))
    return None if data is None else unpack(data, InitialAccessToken)
