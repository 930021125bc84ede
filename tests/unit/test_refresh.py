"""What another process changes is in force within a second: by the loop's own clock, however slow the machine is."""

from __future__ import annotations

import asyncio

import pytest

from pushgate import testing
from pushgate.manage.manifest import Applier, parse
from pushgate.snapshot import Snapshot
from pushgate.testing import Running

TURNS = 5  # of the loop, with room: a timer fires, the chore wakes, and looks


async def elsewhere(running: Running, name: str) -> None:
    """As another process would change a client: the running server is told nothing."""
    client = f"{{client_id: late, client_name: {name}, redirect_uris: ['https://late.example/cb']}}"
    await Applier(running.management).apply([parse(f"realms: [{{name: default, clients: [{client}]}}]", "manifest")])


async def in_force(running: Running) -> str | None:
    ctx = running.server.snapshot.loaded("default") or await running.server.realm()
    assert ctx is not None
    client = await ctx.client("late")
    return None if client is None else client.client_name


async def test_a_change_elsewhere_is_in_force_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, over = 0, asyncio.Event()
    refresh = Snapshot.refresh

    async def look(self: Snapshot) -> None:
        nonlocal begun
        begun += 1
        over.clear()
        await refresh(self)
        over.set()

    monkeypatch.setattr(Snapshot, "refresh", look)
    loop, skipped = asyncio.get_running_loop(), 0.0
    time = loop.time
    monkeypatch.setattr(loop, "time", lambda: time() + skipped)
    async with testing.running() as running:
        await elsewhere(running, "First")
        assert await in_force(running) == "First", "who was not in memory is looked for at once"
        for name in ("Second", "Third", "Fourth"):
            await elsewhere(running, name)
            await over.wait()  # a look that is under way does not count
            looks = begun
            skipped += 1.0
            for _ in range(TURNS):
                await asyncio.sleep(0)
            assert begun > looks, "a second went by, and nobody has looked"
            await over.wait()
            assert await in_force(running) == name
