"""What an administrative act is: one change, the transaction's part that does it, and who may ask for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from pushgate.model import Client
from pushgate.protocol.management import promised
from pushgate.protocol.registration import Problem

Act = Literal["create", "update", "unchanged", "delete", "sign out"]
Work = Callable[[sa.Connection], object]
Kind = Literal["realm", "client", "user", "key", "token", "resource", "journey", "grant", "consent", "session"]


class Refused(Exception):
    """An administrative act cannot be carried out; nothing was changed."""

    def __init__(self, found: list[Problem]) -> None:
        super().__init__("; ".join(map(str, found)))
        self.problems = found


class Forbidden(Exception):
    """Who asks for an administrative act may not do it; `missing` are the scopes that they lack."""

    def __init__(self, missing: frozenset[str]) -> None:
        super().__init__(", ".join(sorted(missing)) or "not by this way")
        self.missing = missing


@dataclass(slots=True)
class Change:
    """One thing that an act does, or would do in a dry run."""

    realm: str
    object: Kind
    id: str
    act: Act
    fields: tuple[str, ...] = ()
    work: Work | None = None
    secret: str | None = None
    """A generated client secret, to be shown once."""
    client: Client | None = None
    """A client as it will be."""
    was: Client | None = None
    """A client as it is."""
    before: Work | None = None
    """What has to succeed in the same transaction first."""
    serial: str | None = None
    """Of the realm that it was planned for, where that may be another one of the same name by now."""

    def __repr__(self) -> str:
        return f"Change({self.act} {self.object} {self.id})"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, over the network: a client of one realm, with the scopes of its token."""

    name: str
    realm: str
    scopes: frozenset[str]
    serial: str | None = None
    """Of the realm whose token it is: a realm that got the name of a deleted one is another."""

    def check(self, change: Change, audience: str | None) -> None:
        """The change is in the actor's realm and within its scopes. Raises Forbidden.

        A client that can manage, or could once it is enabled, before the change or after it, is changed only by who
        has all of its management scopes: else `update:clients` would be every scope, by way of another client's
        secret, keys or scope.
        """
        if (
            change.realm != self.realm
            or change.object not in THINGS
            or (change.object, change.act) == ("realm", "create")
        ):
            raise Forbidden(frozenset())
        needed = {scope_of(change)}
        if audience is not None and change.object == "client" and change.act != "delete":
            for client in (change.was, change.client):
                needed |= frozenset() if client is None else promised(client, audience)
        if not needed <= self.scopes:
            raise Forbidden(frozenset(needed - self.scopes))


THINGS = {
    "realm": "tenant_settings", "client": "clients", "user": "users", "key": "keys", "resource": "resource_servers",
    "journey": "journeys", "grant": "grants", "consent": "grants", "session": "sessions",
}  # fmt: skip
"""What scopes call the objects of changes. Tokens are made at the machine alone."""


def scope_of(change: Change) -> str:
    """The management scope that a change needs. Keys are never created or deleted but by a rotation, an update."""
    if change.object == "key":
        return "update:keys"
    if change.act == "sign out":
        return "delete:sessions"
    verb = "update" if change.act == "unchanged" else change.act
    return f"{verb}:{THINGS[change.object]}"
