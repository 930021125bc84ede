"""Sessions that end in the store, and deliveries that several processes look for at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from pushgate.model import Client, Grant, LogoutDelivery, RealmSettings, Session
from pushgate.store.durable import tables as t
from pushgate.store.durable.accounts import Accounts
from pushgate.store.durable.configuration import save_client, save_realm
from pushgate.store.durable.endings import BATCH, Due, Endings, claim_due, end_sessions, postpone, settle
from pushgate.store.durable.engine import SqliteEngine
from pushgate.store.durable.grants import Grants
from pushgate.store.durable.migrate import upgrade

REALM = "default"


@pytest.fixture
async def engines(tmp_path: Path) -> AsyncIterator[list[SqliteEngine]]:
    """Four processes' ways to one database."""
    path = tmp_path / "pushgate.db"
    first = SqliteEngine(path)
    first.migrate(upgrade)
    found = [first, *(SqliteEngine(path) for _ in range(3))]

    def work(c: sa.Connection) -> None:
        save_realm(c, RealmSettings(name=REALM))
        save_client(c, REALM, Client(client_id="told", backchannel_logout_uri="https://told.example/"))
        save_client(c, REALM, Client(client_id="quiet"))

    await first.write(work)
    yield found
    for engine in found:
        await engine.aclose()


def session(number: int, sub: str = "alice") -> Session:
    """A session of its own."""
    return Session(sid=f"sid-{number}", sub=sub, username=sub, authenticated_at=0, expires_at=1000)


def grant(number: int, client_id: str, *scope: str, sub: str = "alice") -> Grant:
    """A grant of that session."""
    return Grant(
        grant_id=f"{number}-{client_id}-{'-'.join(scope)}", client_id=client_id, sub=sub, scope=("openid", *scope),
        audience=(), auth_time=0, amr=(), sid=f"sid-{number}", correlation_id="c",
    )  # fmt: skip


async def begin(engine: SqliteEngine, number: int, sub: str = "alice") -> Session:
    """A session in which both clients were used, one of them for offline access too."""
    found = session(number, sub)
    await Accounts(engine, REALM).add_session(f"digest-{number}".encode(), found, replaces=None)
    grants = Grants(engine, REALM)
    for made in (grant(number, "told", sub=sub), grant(number, "quiet", "offline_access", sub=sub)):
        assert await grants.add_grant(made, 10_000, now=0)
    return found


async def waiting(engine: SqliteEngine) -> int:
    """How many deliveries there are."""
    query = sa.select(sa.func.count()).select_from(t.logout_deliveries)
    return await engine.read(lambda c: c.scalar(query) or 0)


async def test_a_session_ends_once(engines: list[SqliteEngine]) -> None:
    alive = await begin(engines[0], 1)
    other = await begin(engines[0], 2)
    ended = await asyncio.gather(*(Endings(e, REALM).end_session(alive, deliver_at=9) for e in engines * 5))
    [won] = [found for found in ended if found.sids]
    assert won.sids == ("sid-1",)
    assert [client.client_id for client in won.clients] == ["quiet", "told"]
    assert [revoked.client_id for revoked in won.revoked] == ["told"]
    assert [(d.delivery.client_id, d.delivery.sid, d.next_at) for d in won.deliveries] == [("told", "sid-1", 9)]
    assert await waiting(engines[1]) == 1
    grants = Grants(engines[2], REALM)
    assert not await grants.grant_live("1-told-")
    assert await grants.grant_live("1-quiet-offline_access")
    assert await grants.grant_live("2-told-")
    assert await Accounts(engines[0], REALM).session(b"digest-1") is None
    assert await Accounts(engines[0], REALM).session(b"digest-2") == other


async def test_all_sessions_of_a_user_end_and_nobody_elses(engines: list[SqliteEngine]) -> None:
    for number in (1, 2):
        await begin(engines[0], number)
    await begin(engines[0], 3, "bob")
    ended = await engines[0].write(lambda c: end_sessions(c, REALM, "alice", deliver_at=5))
    assert sorted(ended.sids) == ["sid-1", "sid-2"]
    assert len(ended.deliveries) == 2
    assert await Accounts(engines[0], REALM).session(b"digest-3") is not None
    assert await Grants(engines[0], REALM).grant_live("3-told-")


async def test_no_grant_of_a_session_that_is_over(engines: list[SqliteEngine]) -> None:
    alive = await begin(engines[0], 1)
    await begin(engines[0], 2)
    grants = Grants(engines[1], REALM)
    assert not await grants.add_grant(grant(1, "late"), 10_000, now=1000), "expired"
    await Endings(engines[0], REALM).end_session(alive, deliver_at=9)
    assert not await grants.add_grant(grant(1, "late"), 10_000, now=0), "ended"
    assert await grants.grant("1-late-") is None
    assert await grants.add_grant(grant(2, "late"), 10_000, now=0)


async def test_what_an_expired_session_left_ends(engines: list[SqliteEngine]) -> None:
    await begin(engines[0], 1)
    await begin(engines[0], 2)
    endings, grants = Endings(engines[0], REALM), Grants(engines[0], REALM)
    assert (await endings.end_lapsed("sid-1", now=999, deliver_at=9)).sids == (), "it lives"
    ended = await endings.end_lapsed("sid-1", now=1000, deliver_at=9)
    assert ended.sids == ("sid-1",)
    assert [found.delivery.client_id for found in ended.deliveries] == ["told"]
    assert not await grants.grant_live("1-told-")
    assert await grants.grant_live("1-quiet-offline_access")
    assert await grants.grant_live("2-told-")
    assert (await endings.end_lapsed("sid-1", now=1000, deliver_at=9)).sids == (), "once"
    assert (await endings.end_lapsed("unheard-of", now=1000, deliver_at=9)).sids == ()


async def test_an_operator_ends_what_sessions_left_that_were_purged(engines: list[SqliteEngine]) -> None:
    await begin(engines[0], 1)
    await engines[0].write(lambda c: c.execute(sa.delete(t.sessions)) and None)
    ended = await engines[0].write(lambda c: end_sessions(c, REALM, "alice", deliver_at=5))
    assert ended.sids == ("sid-1",)
    assert [found.delivery.client_id for found in ended.deliveries] == ["told"]
    assert not await Grants(engines[0], REALM).grant_live("1-told-")


async def test_each_delivery_has_one_claimant(engines: list[SqliteEngine]) -> None:
    for number in range(BATCH + 30):
        found = await begin(engines[0], number)
        await Endings(engines[0], REALM).end_session(found, deliver_at=5)
    assert await claim_due(engines[0], 4, 60) == []
    claimed: list[Due] = []
    for _ in range(3):
        for part in await asyncio.gather(*(claim_due(e, 5, 60) for e in engines * 5)):
            claimed += part
    assert len(claimed) == len({due.delivery_id for due in claimed}) == BATCH + 30
    assert {due.next_at for due in claimed} == {60}
    # After the lease they are anybody's again.
    assert len(await claim_due(engines[1], 60, 120)) == BATCH


async def test_who_lost_the_lease_does_not_put_it_off(engines: list[SqliteEngine]) -> None:
    await Endings(engines[0], REALM).end_session(await begin(engines[0], 1), deliver_at=5)
    [slow] = await claim_due(engines[0], 5, 60)
    [second] = await claim_due(engines[1], 60, 120)
    later = LogoutDelivery(client_id="told", sub="alice", sid="sid-1", attempts=1)
    await postpone(engines[0], slow, later, 1000)
    assert await claim_due(engines[2], 119, 180) == []
    await postpone(engines[1], second, later, 150)
    [third] = await claim_due(engines[2], 150, 210)
    assert third.delivery.attempts == 1
    await settle(engines[2], third)
    assert await waiting(engines[0]) == 0
