"""What the server needs of a store. Adapters import this file and `model`, nothing else of the house."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from pushgate.model import Fact

T = TypeVar("T")


class StoreUnavailable(Exception):
    """The store cannot answer now (locked, full, gone). Nothing was decided."""


class Stored(Fact, frozen=True):
    """A live row, not consumed by being read."""

    value: bytes
    consumed: bool

    def __repr__(self) -> str:
        return f"Stored(consumed={self.consumed})"


class First(Fact, frozen=True):
    """The one and only winner of a row. Codes and tokens can be made from this alone."""

    value: bytes

    def __repr__(self) -> str:
        return "First(...)"


class Again(Fact, frozen=True):
    """Somebody was first; the row is still there so that the second use is seen."""

    value: bytes

    def __repr__(self) -> str:
        return "Again(...)"


class Row(Fact, frozen=True):
    """What `Transient.add` takes, as one value."""

    kind: str
    key: bytes
    value: bytes
    keep_until: int

    def __repr__(self) -> str:
        return f"Row({self.kind!r})"


class Mark(Fact, frozen=True):
    """That something was used: a `jti`, say. It carries nothing, is never read, and whoever adds it first wins.

    Marks are kept apart from rows because they cannot lie in the order of time: where a replay would be is told by
    what is replayed, and that is random. So they are as small as they can be.
    """

    key: bytes  # MARK bytes of a digest
    keep_until: int

    def __repr__(self) -> str:
        return "Mark(...)"


MARK = 20
"""Bytes of a mark's key: enough that no two uses share one by chance, or by trying. The first eight will do for a store
in which a new mark may be refused once in 2^44 times."""


class Transient(Protocol):
    """All single-use security, in five methods. Keys are at most 80 bytes, times seconds since the epoch.

    Any method may raise StoreUnavailable; then nothing was decided and nothing may be issued.
    """

    def add(self, kind: str, key: bytes, value: bytes, keep_until: int) -> Awaitable[bool]:
        """Keep a value; False if the key is already there, live or consumed. Acknowledged means durable."""

    def add_all(self, rows: tuple[Row | Mark, ...]) -> Awaitable[int | None]:
        """Keep several values and marks, or none of them; the position of the first that is already there, or None.

        One commit in place of several, where a request uses up something and stores something.
        """

    def get(self, kind: str, key: bytes) -> Awaitable[Stored | None]:
        """Read without consuming."""

    def consume(self, kind: str, key: bytes) -> Awaitable[First | Again | None]:
        """Atomically mark as used: exactly one caller, ever, gets First. None: no such row."""

    async def purge(self, now: int) -> int:
        """Delete what has outlived its `keep_until`, in small steps; the number of rows deleted."""

    async def aclose(self) -> None:
        """Write what is pending and let go."""


NEAR = 8  # characters of a handle that tell when it was made; nothing of its secret part


class RealmTransient:
    """A realm's view of the transient store: keys are digests over realm, kind and handle.

    A handle of one realm is unknown in another, and a leaked table holds nothing usable.
    """

    __slots__ = ("_realm", "_store")

    def __init__(self, store: Transient, realm: str) -> None:
        self._store = store
        self._realm = realm.encode()

    def key(self, kind: str, handle: str) -> bytes:
        """What a handle is stored under: its digest, behind its first characters, which are no secret.

        They say when the handle was made (see endpoints.context.new_handle), so that rows of one moment
        lie together in the index; that keeps a full store as fast as an empty one.
        """
        return handle[:NEAR].encode() + self._digest(kind, handle)

    def add(self, kind: str, key: bytes, value: bytes, keep_until: int) -> Awaitable[bool]:
        """See Transient.add."""
        return self._store.add(kind, key, value, keep_until)

    def mark(self, kind: str, what: str, keep_until: int) -> Mark:
        """That `what` was used, in this realm; for `add_all`."""
        return Mark(self._digest(kind, what)[:MARK], keep_until)

    def _digest(self, kind: str, what: str) -> bytes:
        return hashlib.sha256(b"%s\0%s\0%s" % (self._realm, kind.encode(), what.encode())).digest()

    def add_all(self, rows: tuple[Row | Mark, ...]) -> Awaitable[int | None]:
        """See Transient.add_all."""
        return self._store.add_all(rows)

    def get(self, kind: str, key: bytes) -> Awaitable[Stored | None]:
        """See Transient.get."""
        return self._store.get(kind, key)

    def consume(self, kind: str, key: bytes) -> Awaitable[First | Again | None]:
        """See Transient.consume."""
        return self._store.consume(kind, key)


class DurableEngine(Protocol):
    """Runs functions over a SQLAlchemy connection: the durable adapters are such functions."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on committed data."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction; when this returns, it is durable. `work` may be run twice."""

    async def aclose(self) -> None:
        """Write what is pending and let go."""
