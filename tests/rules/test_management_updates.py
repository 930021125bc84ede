"""Updates that meet: ETag and If-Match, requests that are sent twice, and whoever comes at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pushgate.testing import Running, running
from tests.support.management import AUDIENCE, MANAGED, MANAGER, Api, api, as_client, told

NEW = {"client_name": "New", "redirect_uris": ["https://new.example/cb"], "scope": "openid"}


@pytest.fixture
async def managed() -> AsyncIterator[Running]:
    """A server with a client that may manage, in two realms."""
    async with running(MANAGED) as found:
        yield found


@pytest.fixture
async def manager(managed: Running) -> Api:
    """The API of the realm `default`, with every scope."""
    return await api(managed)


# --- ETag ---------------------------------------------------------------------------------------------------------


async def things(manager: Api) -> dict[str, dict[str, Any]]:
    """One of each that has an ETag, with a change of it."""
    users = (await manager.get("/users?username=alice")).json()
    await manager.post("/journeys", {"name": "own", "ways": [["password", "totp"]]})
    return {
        "/clients/app": {"client_name": "Other"},
        "/tenants/settings": {"dpop_nonces": False, "default_scope": "openid"},
        f"/users/{users[0]['user_id']}": {"claims": {"name": "Other"}},
        "/resource-servers/https%3A%2F%2Fapi.example": {"scopes": ["write"]},
        "/journeys/own": {"ways": [["password"]]},
    }


async def test_what_was_read_can_be_sent_back(manager: Api) -> None:
    """Nothing is changed by it: what nobody can set is taken as it is, and refused where it differs."""
    for path in await things(manager):
        read = await manager.get(path)
        for method in ("PATCH", "PUT") if path.startswith("/clients/") else ("PATCH",):
            back = await manager.call(method, path, read.json(), if_match=read.headers["etag"])
            assert back.status_code == 200, (path, method, back.text)
            assert back.json() == read.json()
            assert back.headers["etag"] == read.headers["etag"], (path, method)


async def test_a_level_that_is_chosen_is_kept_where_it_is_what_the_profile_was_called(manager: Api) -> None:
    """A document that was read names profile and level, which only tells the profile; a level alone is a choice."""
    read = (await manager.get("/clients/app")).json()
    assert (read["profile"], read["compliance_level"]) == (None, "none")
    await manager.patch("/clients/app", read)
    unset = await manager.server.management.configuration.client("default", "app")
    assert unset is not None
    assert unset.compliance_level is None
    assert (await manager.patch("/clients/app", {"compliance_level": "none"})).status_code == 200
    chosen = await manager.server.management.configuration.client("default", "app")
    assert chosen is not None
    assert chosen.compliance_level == "none"


async def test_what_cannot_be_set_is_refused_where_it_differs(manager: Api) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "/clients/app": {"client_id_issued_at": 1},
        "/tenants/settings": {"hosts": ["other.example"]},
        "/users/": {"has_password": False},
        "/resource-servers/": {"built_in": True},
        "/journeys/": {"built_in": True},
    }
    for path in await things(manager):
        [patch] = [patch for start, patch in wrong.items() if path.startswith(start)]
        before = (await manager.get(path)).json()
        told(await manager.patch(path, {**before, **patch}), 400, "management.invalid", *patch)
        assert (await manager.get(path)).json() == before


async def test_an_etag_changes_with_the_thing_and_guards_it(manager: Api) -> None:
    for path, patch in (await things(manager)).items():
        etag = (await manager.get(path)).headers["etag"]
        assert (await manager.get(path)).headers["etag"] == etag
        changed = await manager.patch(path, patch, if_match=etag)
        assert changed.status_code == 200, changed.text
        newer = changed.headers["etag"]
        assert newer != etag
        assert (await manager.get(path)).headers["etag"] == newer
        told(await manager.patch(path, patch, if_match=etag), 412, "management.changed")
        assert (await manager.patch(path, patch, if_match=f'"other", {newer}')).status_code == 200
        assert (await manager.patch(path, patch, if_match="*")).status_code == 200
        assert (await manager.get(path)).headers["etag"] == newer


@pytest.mark.parametrize("value", ['"nonsense"', "nonsense", 'W/"{etag}"', ""])
async def test_an_if_match_that_does_not_hold(manager: Api, value: str) -> None:
    etag = (await manager.get("/clients/app")).headers["etag"].strip('"')
    told(await manager.patch("/clients/app", {}, if_match=value.format(etag=etag)), 412, "management.changed")


async def test_deleting_asks_too(manager: Api) -> None:
    etag = (await manager.get("/clients/app")).headers["etag"]
    await manager.patch("/clients/app", {"client_name": "Other"})
    told(await manager.delete("/clients/app", if_match=etag), 412, "management.changed")
    assert (await manager.get("/clients/app")).status_code == 200
    etag = (await manager.get("/clients/app")).headers["etag"]
    assert (await manager.delete("/clients/app", if_match=etag)).status_code == 204


async def test_of_updates_that_start_together_one_wins(manager: Api) -> None:
    for path, patch in (await things(manager)).items():
        etag = (await manager.get(path)).headers["etag"]
        start = asyncio.Barrier(8)

        async def one(path: str = path, patch: dict[str, Any] = patch, etag: str = etag, start: Any = start) -> int:
            await start.wait()
            return (await manager.patch(path, patch, if_match=etag)).status_code

        assert sorted(await asyncio.gather(*(one() for _ in range(8)))) == [200, *[412] * 7]


async def test_without_if_match_updates_of_different_members_are_all_there(manager: Api) -> None:
    members = {"client_name": "Other", "contacts": ["me@app.example"], "par_request_expiry": 30, "step_up": True}
    start = asyncio.Barrier(len(members))

    async def one(name: str) -> int:
        await start.wait()
        return (await manager.patch("/clients/app", {name: members[name]})).status_code

    assert await asyncio.gather(*map(one, members)) == [200] * len(members)
    after = (await manager.get("/clients/app")).json()
    assert {name: after[name] for name in members} == members


async def test_parts_of_the_settings_do_not_overwrite_each_other(manager: Api) -> None:
    start = asyncio.Barrier(6)

    async def one(number: int) -> int:
        await start.wait()
        if number == 0:
            return (await manager.patch("/tenants/settings", {"step_up": True})).status_code
        part = {"identifier": f"https://api{number}.example", "scopes": [f"scope{number}"]}
        return (await manager.post("/resource-servers", part)).status_code

    assert await asyncio.gather(*map(one, range(6))) == [200, *[201] * 5]
    assert (await manager.get("/tenants/settings")).json()["step_up"] is True
    assert len((await manager.get("/resource-servers")).json()) == 7


# --- Idempotency-Key -------------------------------------------------------------------------------------------------


async def test_the_same_request_gets_the_same_answer(manager: Api, managed: Running) -> None:
    first = await manager.post("/clients", NEW, idempotency_key="one")
    again = await manager.post("/clients", NEW, idempotency_key="one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert (again.headers["etag"], again.headers["location"]) == (first.headers["etag"], first.headers["location"])
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert len([c for c in await managed.management.configuration.clients("default") if c.client_name == "New"]) == 1
    other = await manager.post("/clients", NEW, idempotency_key="two")
    assert other.json()["client_id"] != first.json()["client_id"]


async def test_the_kept_answer_is_sealed(manager: Api, managed: Running) -> None:
    secret = (await manager.post("/clients", NEW, idempotency_key="one")).json()["client_secret"]
    rows = managed.transient._connection.execute("SELECT value FROM transient WHERE kind LIKE 'api%'").fetchall()
    assert len(rows) == 2
    assert not [row for row in rows if secret.encode() in row[0] or b"client_id" in row[0]]


@pytest.mark.parametrize("other", ["body", "path"])
async def test_a_key_is_for_one_request(manager: Api, other: str) -> None:
    await manager.post("/clients", NEW, idempotency_key="one")
    if other == "body":
        reply = await manager.post("/clients", {**NEW, "client_name": "Newer"}, idempotency_key="one")
    else:
        reply = await manager.post("/clients/app/rotate-secret", idempotency_key="one")
    told(reply, 422, "management.idempotency_reused")


async def test_a_refusal_is_kept_too(manager: Api) -> None:
    bad = {**NEW, "redirect_uris": []}
    told(await manager.post("/clients", bad, idempotency_key="one"), 400, "management.invalid", "redirect_uris")
    again = await manager.post("/clients", bad, idempotency_key="one")
    told(again, 400, "management.invalid", "redirect_uris")
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_key_belongs_to_its_caller(manager: Api, managed: Running) -> None:
    first = await manager.post("/clients", NEW, idempotency_key="one")
    other = await (await as_client(managed, MANAGER)).post("/clients", NEW, idempotency_key="one")
    assert other.status_code == 201
    assert other.json()["client_id"] != first.json()["client_id"]
    # And the answer to whoever may ask for it still.
    told(await (await api(managed, "read:clients")).post("/clients", NEW, idempotency_key="one"), 403, "resource.scope")


async def test_of_requests_that_start_together_one_is_done(manager: Api, managed: Running) -> None:
    start = asyncio.Barrier(6)

    async def one() -> Any:
        await start.wait()
        return await manager.post("/clients", NEW, idempotency_key="one")

    replies = await asyncio.gather(*(one() for _ in range(6)))
    done = [reply for reply in replies if reply.status_code == 201]
    assert len({reply.json()["client_id"] for reply in done}) == 1
    for reply in replies:
        if reply not in done:
            told(reply, 409, "management.idempotency_busy")
    assert len([c for c in await managed.management.configuration.clients("default") if c.client_name == "New"]) == 1


async def test_a_key_is_forgotten_after_a_day(manager: Api, managed: Running) -> None:
    first = await manager.post("/clients", NEW, idempotency_key="one")
    managed.clock.advance(25 * 3600)
    await managed.server.purge()
    later = await (await api(managed)).post("/clients", NEW, idempotency_key="one")
    assert later.json()["client_id"] != first.json()["client_id"]


@pytest.mark.parametrize("key", ["", "two words", "ü", "x" * 256])
async def test_a_key_that_cannot_be(manager: Api, managed: Running, key: str) -> None:
    headers = {"authorization": f"Bearer {manager.token}", "idempotency-key": key.encode("latin-1")}
    reply = await managed.http.post("/api/v2/clients", json=NEW, headers=headers)  # type: ignore[arg-type]
    told(reply, 400, "management.query", "Idempotency-Key")


async def test_an_answer_is_not_given_again_to_who_may_do_less(manager: Api, managed: Running) -> None:
    strong = {**NEW, "scope": "read:users", "grant_types": ["client_credentials"], "redirect_uris": []}
    strong |= {"response_types": [], "allowed_resources": [AUDIENCE]}
    first = await as_client(managed)
    assert (await first.post("/clients", strong, idempotency_key="one")).status_code == 201
    weaker = await as_client(managed, scope="create:clients")
    told(await weaker.post("/clients", strong, idempotency_key="one"), 403, "management.power", "scope")
