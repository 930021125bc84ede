"""Rate limits: token buckets per key, in this process. Each worker counts for itself."""

from __future__ import annotations

import math
from collections import OrderedDict

from pushgate import refusals

MAX_KEYS = 50_000


class Buckets:
    """Buckets that fill at a steady rate. The least recently used key is forgotten when there are too many."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[tuple[str, ...], tuple[float, float]] = OrderedDict()

    def take(self, key: tuple[str, ...], *, rate: float, burst: float, now: float) -> None:
        """Take one token; `rate` tokens per second, at most `burst` saved up.

        Raises TemporarilyUnavailable (429) with the seconds to wait.
        """
        level = self._level(key, rate, burst, now)
        if level < 1:
            raise self._wait((1 - level) / rate)
        self._keep(key, level - 1, now)

    def check(self, key: tuple[str, ...], *, rate: float, burst: float, now: float) -> None:
        """Raise as `take` would, without taking."""
        level = self._level(key, rate, burst, now)
        if level < 1:
            raise self._wait((1 - level) / rate)

    def count(self, key: tuple[str, ...], *, rate: float, burst: float, now: float) -> None:
        """Take a token if there is one; never raises."""
        self._keep(key, max(0.0, self._level(key, rate, burst, now) - 1), now)

    def _level(self, key: tuple[str, ...], rate: float, burst: float, now: float) -> float:
        level, since = self._buckets.get(key, (burst, now))
        return min(burst, level + max(0.0, now - since) * rate)

    def _keep(self, key: tuple[str, ...], level: float, now: float) -> None:
        self._buckets[key] = (level, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > MAX_KEYS:
            self._buckets.popitem(last=False)

    @staticmethod
    def _wait(seconds: float) -> Exception:
        error = refusals.RATE()
        error.retry_after = max(1, math.ceil(seconds))
        return error
