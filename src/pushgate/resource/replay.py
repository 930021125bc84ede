"""A DPoP proof is used once (RFC 9449 11.1)."""

from __future__ import annotations

import heapq
import time
from collections.abc import Awaitable, Callable
from threading import Lock
from typing import Protocol

from pushgate import refusals

CAPACITY = 200_000  # proofs


class Replay(Protocol):
    """Remembers which proofs were used. Give several processes a common one, for example over Redis:

    async def replay(key: str, until: int) -> bool:
        return await redis.set(f"dpop:{key}", "", nx=True, exat=until) is not None
    """

    def __call__(self, key: str, until: int, /) -> bool | Awaitable[bool]:
        """Whether this key (43 characters) is new; from now on it is not, up to `until` (epoch seconds).

        Of several calls at once with one key, exactly one is told True.
        """


class MemoryReplay:
    """Remembers in this process. When it is full it lets nothing pass, rather than forget what was used."""

    def __init__(self, capacity: int = CAPACITY, clock: Callable[[], float] = time.time) -> None:
        self._capacity = capacity
        self._clock = clock
        self._used: set[str] = set()
        self._by_time: list[tuple[int, str]] = []
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._used)

    def __call__(self, key: str, until: int, /) -> bool:
        """See Replay. Raises TemporarilyUnavailable when full."""
        with self._lock:
            now = self._clock()
            while self._by_time and self._by_time[0][0] < now:
                self._used.discard(heapq.heappop(self._by_time)[1])
            if key in self._used:
                return False
            if len(self._used) >= self._capacity:
                raise refusals.ACCESS_REPLAY_FULL()
            self._used.add(key)
            heapq.heappush(self._by_time, (until, key))
            return True
