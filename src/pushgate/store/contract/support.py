"""What the checks share: a store that is opened and closed, a start barrier, expectations."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

from pushgate.store.ports import Again, First, Transient

T = TypeVar("T")
Open = Callable[[], Awaitable[Transient]]
Check = Callable[[Open], Awaitable[None]]

KIND = "par"
ROUNDS = 20  # races of each sort: a race is lost by luck, so one round proves little
RACERS = 25  # tasks that act at the same moment
PROCESSES = 2
LARGE = 64 * 1024  # bytes: the body limit of the server
MANY = 2_000  # rows
PATIENCE = 60.0  # seconds for a process to answer


def key(name: object) -> bytes:
    """A key like the server's: bytes of a digest, zero bytes and line ends included."""
    return hashlib.sha256(repr(name).encode()).digest()


def soon() -> int:
    """A time until which a row must be kept."""
    return int(time.time()) + 3600


def past() -> int:
    """A time that has passed."""
    return int(time.time()) - 10


def expect(got: object, wanted: object, what: str) -> None:
    """Raise AssertionError with a sentence if the two differ."""
    if got != wanted:
        raise AssertionError(f"{what}: expected {_shown(wanted)}, got {_shown(got)}")


def _shown(value: object) -> str:
    """Records hide their values in logs; here, where nothing is secret, they are shown."""
    inside = getattr(value, "value", None)
    text = f"{value!r} of {inside!r}" if isinstance(inside, bytes) else repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


@asynccontextmanager
async def opened(open: Open) -> AsyncIterator[Transient]:
    """An instance for the length of a block."""
    store = await open()
    try:
        yield store
    finally:
        await store.aclose()


async def at_once(count: int, act: Callable[[int], Awaitable[T]]) -> list[T]:
    """The results of `count` acts that start together, behind a barrier."""
    barrier = asyncio.Barrier(count)

    async def one(index: int) -> T:
        await barrier.wait()
        return await act(index)

    return await asyncio.gather(*map(one, range(count)))


def expect_one_first(results: Iterable[object], value: bytes, what: str) -> None:
    """Of all results exactly one is First; every other is Again; all carry the value."""
    found = list(results)
    expect(found.count(First(value)), 1, f"{what}: number of First")
    expect(found.count(Again(value)), len(found) - 1, f"{what}: number of Again")
