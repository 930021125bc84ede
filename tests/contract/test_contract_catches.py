"""The contract is worth what it catches: stores with one flaw each, and the rule that finds it.

The flawed stores keep their rows in dictionaries; they are here to fail, and stand in for no real store.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from functools import partial

import pytest

from pushgate.store import contract, ports
from pushgate.store.contract import Check
from pushgate.store.ports import Again, First, Stored

MARKS = "mark"  # the kind under which these stores keep marks


@dataclass
class Row:
    value: bytes
    keep_until: int
    consumed: bool = False


@dataclass
class Simple:
    """Right in every way that one instance in memory can be."""

    rows: dict[tuple[str, bytes], Row] = field(default_factory=dict)

    async def add(self, kind: str, key: bytes, value: bytes, keep_until: int) -> bool:
        if (kind, key) in self.rows:
            return False
        self.rows[kind, key] = Row(value, keep_until)
        return True

    async def add_all(self, rows: tuple[ports.Row | ports.Mark, ...]) -> int | None:
        before = dict(self.rows)
        for position, row in enumerate(rows):
            kind, value = (MARKS, b"") if isinstance(row, ports.Mark) else (row.kind, row.value)
            if (kind, row.key) in self.rows:
                self.rows = before
                return position
            self.rows[kind, row.key] = Row(value, row.keep_until)
        return None

    async def get(self, kind: str, key: bytes) -> Stored | None:
        row = self.rows.get((kind, key))
        return None if row is None else Stored(row.value, row.consumed)

    async def consume(self, kind: str, key: bytes) -> First | Again | None:
        row = self.rows.get((kind, key))
        if row is None:
            return None
        used, row.consumed = row.consumed, True
        return Again(row.value) if used else First(row.value)

    async def purge(self, now: int) -> int:
        old = [name for name, row in self.rows.items() if row.keep_until < now]
        for name in old:
            del self.rows[name]
        return len(old)

    async def aclose(self) -> None:
        pass


class Overwrites(Simple):
    async def add(self, kind: str, key: bytes, value: bytes, keep_until: int) -> bool:
        fresh = (kind, key) not in self.rows
        self.rows[kind, key] = Row(value, keep_until)
        return fresh


class FreesWhatIsUsed(Simple):
    async def consume(self, kind: str, key: bytes) -> First | Again | None:
        row = self.rows.pop((kind, key), None)
        return None if row is None else First(row.value)


class LooksThenMarks(Simple):
    async def consume(self, kind: str, key: bytes) -> First | Again | None:
        stored = await self.get(kind, key)
        await asyncio.sleep(0)
        again = await super().consume(kind, key)
        return First(stored.value) if stored is not None and not stored.consumed else again


class LooksThenAdds(Simple):
    async def add(self, kind: str, key: bytes, value: bytes, keep_until: int) -> bool:
        fresh = (kind, key) not in self.rows
        await asyncio.sleep(0)
        if fresh:
            self.rows[kind, key] = Row(value, keep_until)
        return fresh


class KeepsHalf(Simple):
    async def add_all(self, rows: tuple[ports.Row | ports.Mark, ...]) -> int | None:
        for position, row in enumerate(rows):
            if await super().add_all((row,)) is not None:
                return position
        return None


class KeepsMarksOfRefusedSets(Simple):
    async def add_all(self, rows: tuple[ports.Row | ports.Mark, ...]) -> int | None:
        refused = await super().add_all(rows)
        for row in rows[:refused]:
            if isinstance(row, ports.Mark):
                await super().add_all((row,))
        return refused


class NeverDropsMarks(Simple):
    async def purge(self, now: int) -> int:
        old = [name for name, row in self.rows.items() if row.keep_until < now and name[0] != MARKS]
        for name in old:
            del self.rows[name]
        return len(old)


class LooksThenAddsAll(Simple):
    async def add_all(self, rows: tuple[ports.Row | ports.Mark, ...]) -> int | None:
        names = [(MARKS if isinstance(row, ports.Mark) else row.kind, row.key) for row in rows]
        there = [position for position, name in enumerate(names) if name in self.rows]
        await asyncio.sleep(0)
        return there[0] if there else await super().add_all(rows) and None


class GetConsumes(Simple):
    async def get(self, kind: str, key: bytes) -> Stored | None:
        found = await super().get(kind, key)
        await self.consume(kind, key)
        return found


class MixesKinds(Simple):
    async def add(self, kind: str, key: bytes, value: bytes, keep_until: int) -> bool:
        return await super().add("", key, value, keep_until)

    async def get(self, kind: str, key: bytes) -> Stored | None:
        return await super().get("", key)

    async def consume(self, kind: str, key: bytes) -> First | Again | None:
        return await super().consume("", key)


class ForgetsTheValue(Simple):
    async def consume(self, kind: str, key: bytes) -> First | Again | None:
        found = await super().consume(kind, key)
        return Again(b"") if isinstance(found, Again) else found


class CutsAtZero(Simple):
    async def add(self, kind: str, key: bytes, value: bytes, keep_until: int) -> bool:
        return await super().add(kind, key, value.partition(b"\0")[0], keep_until)


class PurgesWhatIsUsed(Simple):
    async def purge(self, now: int) -> int:
        used = [name for name, row in self.rows.items() if row.consumed]
        for name in used:
            del self.rows[name]
        return len(used) + await super().purge(now)


class PurgesOneStep(Simple):
    async def purge(self, now: int) -> int:
        old = [name for name, row in self.rows.items() if row.keep_until < now][:250]
        for name in old:
            del self.rows[name]
        return len(old)


class ForgetsWhoWasFirst(Simple):
    """Consumes, but its caller learns it a moment later, and a caller who is gone puts the row back."""

    async def consume(self, kind: str, key: bytes) -> First | Again | None:
        found = await super().consume(kind, key)
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.rows.pop((kind, key), None)
            raise
        return found


FLAWS: list[tuple[type[Simple], Check]] = [
    (Overwrites, contract.add_refuses_a_live_key),
    (Overwrites, contract.add_refuses_a_consumed_key),
    (FreesWhatIsUsed, contract.consume_is_first_exactly_once),
    (LooksThenMarks, contract.one_of_many_consumers_wins),
    (LooksThenAdds, contract.one_of_many_adders_wins),
    (KeepsHalf, contract.add_all_is_all_or_nothing),
    (KeepsHalf, contract.one_of_many_sets_wins),
    (LooksThenAddsAll, contract.one_of_many_sets_wins),
    (KeepsMarksOfRefusedSets, contract.marks_are_made_once),
    (NeverDropsMarks, contract.purge_drops_marks_that_are_old),
    (GetConsumes, contract.get_does_not_consume),
    (MixesKinds, contract.kinds_are_separate),
    (ForgetsTheValue, contract.consume_is_first_exactly_once),
    (CutsAtZero, contract.values_are_bytes),
    (PurgesWhatIsUsed, contract.purge_goes_by_keep_until),
    (PurgesOneStep, contract.purge_counts_what_it_deletes),
    (ForgetsWhoWasFirst, contract.a_caller_that_gives_up_spoils_nothing),
    (Simple, contract.instances_see_each_other),
    (Simple, contract.one_instance_wins),
    (Simple, contract.marks_of_one_instance_hold_for_all),
    (Simple, contract.a_mark_that_is_made_again_is_kept_for_its_own_time),
    (Simple, contract.everything_survives_a_restart),
    (Simple, contract.closing_loses_nothing),
    (Simple, contract.one_process_wins_a_row),
    (Simple, contract.one_process_wins_a_key),
    (Simple, contract.one_process_makes_a_mark),
    (Simple, contract.what_was_acknowledged_survives_a_kill),
]


async def open_flawed(store: type[Simple]) -> Simple:
    """A fresh store: what one instance knows, no other sees."""
    return store()


@pytest.mark.parametrize(("store", "check"), FLAWS, ids=[f"{s.__name__}-{c.__name__}" for s, c in FLAWS])
async def test_a_flaw_is_found(store: type[Simple], check: Check) -> None:
    with pytest.raises(AssertionError, match=re.compile("expected|First", re.DOTALL)):
        await check(partial(open_flawed, store))


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
async def test_a_right_store_passes(check: Check) -> None:
    await check(partial(open_flawed, Simple))


def test_every_check_is_listed_once() -> None:
    assert len(set(contract.ALL)) == len(contract.ALL) == 30
