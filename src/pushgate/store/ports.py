"""What the server needs of a store. Adapters import this file and `model`, nothing else of the house."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class StoreUnavailable(Exception):
    """The store cannot answer now (locked, full, gone). Nothing was decided."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A live row, not consumed by being read."""

    value: bytes
    consumed: bool

    def __repr__(self) -> str:
        return f"Stored(consumed={self.consumed})"


@dataclass(frozen=True, slots=True)
class First:
    """The one and only winner of a row. Codes and tokens can be made from this alone."""

    value: bytes

    def __repr__(self) -> str:
        return "First(...)"


@dataclass(frozen=True, slots=True)
class Again:
    """Somebody was first; the row is still there so that the second use is seen."""

    value: bytes

    def __repr__(self) -> str:
        return "Again(...)"


class Transient(Protocol):
    """All single-use security, in four methods. Keys are 32-byte digests, times seconds since the epoch.

    Any method may raise StoreUnavailable; then nothing was decided and nothing may be issued.
    """

    async def add(self, kind: str, key: bytes, value: bytes, keep_until: int) -> bool:
        """Keep a value; False if the key is already there, live or consumed. Acknowledged means durable."""

    async def get(self, kind: str, key: bytes) -> Stored | None:
        """Read without consuming."""

    async def consume(self, kind: str, key: bytes) -> First | Again | None:
        """Atomically mark as used: exactly one caller, ever, gets First. None: no such row."""

    async def purge(self, now: int) -> int:
        """Delete what has outlived its `keep_until`, in small steps; the number of rows deleted."""

    async def aclose(self) -> None:
        """Write what is pending and let go."""


class RealmTransient:
    """A realm's view of the transient store: keys are digests over realm, kind and handle.

    A handle of one realm is unknown in another, and a leaked table holds nothing usable.
    """

    __slots__ = ("_realm", "_store")

    def __init__(self, store: Transient, realm: str) -> None:
        self._store = store
        self._realm = realm.encode()

    def key(self, kind: str, handle: str) -> bytes:
        """The digest under which a handle is stored."""
        return hashlib.sha256(b"%s\0%s\0%s" % (self._realm, kind.encode(), handle.encode())).digest()

    async def add(self, kind: str, key: bytes, value: bytes, keep_until: int) -> bool:
        """See Transient.add."""
        return await self._store.add(kind, key, value, keep_until)

    async def get(self, kind: str, key: bytes) -> Stored | None:
        """See Transient.get."""
        return await self._store.get(kind, key)

    async def consume(self, kind: str, key: bytes) -> First | Again | None:
        """See Transient.consume."""
        return await self._store.consume(kind, key)


class DurableEngine(Protocol):
    """Runs functions over a SQLAlchemy connection: the durable adapters are such functions."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on committed data."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction; when this returns, it is durable. `work` may be run twice."""

    async def aclose(self) -> None:
        """Write what is pending and let go."""
