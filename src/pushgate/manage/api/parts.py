"""Lists within the realm's settings whose entries have operations, ETags and scopes of their own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar

import msgspec

from pushgate import refusals
from pushgate.manage.api.call import Call, change, nothing
from pushgate.manage.api.documents import invalid, patched, typed
from pushgate.manage.api.problem import Failed
from pushgate.manage.api.settings import row
from pushgate.manage.change import Change, Refused
from pushgate.manage.inputs import Input, RealmInput
from pushgate.model import RealmSettings, Record
from pushgate.protocol.registration import Problem

R = TypeVar("R", bound=Record)
Edit = Callable[[R | None], R | None]
_PLACE = re.compile(r"(?:resources|journeys)\[\d+\]\.?")


@dataclass(frozen=True, slots=True)
class Parts(Generic[R]):
    """One such list: where it is, what an entry is called by, and the types of an entry."""

    member: Literal["resources", "journeys"]
    kind: Literal["resource", "journey"]
    key: str
    record: type[R]
    said: type[Input]
    built_in: Callable[[Call], tuple[R, ...]]

    def all(self, settings: RealmSettings) -> tuple[R, ...]:
        """The realm's own entries."""
        found: tuple[R, ...] = getattr(settings, self.member)
        return found

    async def one(self, call: Call, name: str) -> R:
        """An entry, built in or not. Raises Failed."""
        found = self._find((*self.built_in(call), *self.all(await call.settings())), name)
        if found is None:
            raise nothing(self.kind)
        return found

    async def create(self, call: Call, said: dict[str, Any]) -> R:
        """Add an entry. Raises Failed (409 where there is one of that name), Refused, Forbidden."""
        part = self._record(typed(said, self.said))
        name = getattr(part, self.key)
        await self._save(call, name, "create", lambda current: part)
        return part

    async def patch(self, call: Call, name: str, said: dict[str, Any]) -> R:
        """Change what is named of an entry. Raises Failed, Refused, Forbidden."""
        after: list[R] = []

        def edit(current: R | None) -> R:
            assert current is not None
            there = {member: getattr(current, member) for member in self.said.__struct_fields__}
            part = self._record(typed(patched(msgspec.to_builtins(there), said), self.said))
            if getattr(part, self.key) != name:
                raise invalid(Problem(self.key, "cannot be changed"))
            after.append(part)
            return part

        await self._save(call, name, "update", edit)
        return after[-1]

    async def delete(self, call: Call, name: str) -> None:
        """Remove an entry. Raises Failed, Refused, Forbidden."""
        await self._save(call, name, "delete", lambda current: None)

    async def _save(self, call: Call, name: str, act: Literal["create", "update", "delete"], edit: Edit[R]) -> None:
        if self._find(self.built_in(call), name) is not None:
            raise Failed(refusals.MANAGEMENT_EXISTS) if act == "create" else invalid(Problem(self.key, "is built in"))

        async def plan(settings: RealmSettings) -> Change:
            current = self._find(self.all(settings), name)
            if current is not None and act == "create":
                raise Failed(refusals.MANAGEMENT_EXISTS)
            if current is None and act != "create":
                raise nothing(self.kind)
            if current is not None:
                call.check_match(current)
            part = edit(current)
            there = [(part if p is current else p) for p in self.all(settings)] + ([part] if current is None else [])
            return await self._planned(call, name, act, [p for p in there if p is not None])

        await change(call, call.settings, plan, row(call), whole=False)

    async def _planned(self, call: Call, name: str, act: Any, parts: list[R]) -> Change:
        wanted = msgspec.convert({"name": call.realm, self.member: msgspec.to_builtins(parts)}, RealmInput)
        try:
            _, planned = await call.management.plan_realm(wanted)
        except Refused as refused:
            found = [Problem(_PLACE.sub("", one.field) or one.field, one.reason) for one in refused.problems]
            raise Refused(found) from None
        return replace(planned, object=self.kind, id=name, act=act)

    def _find(self, parts: tuple[R, ...], name: str) -> R | None:
        return next((part for part in parts if getattr(part, self.key) == name), None)

    def _record(self, said: Input) -> R:
        return msgspec.convert(msgspec.to_builtins(said), self.record)
