"""Rate limits: token buckets per key, in this process. Each worker counts for itself."""

from __future__ import annotations

import math
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

from pushgate import refusals
from pushgate.model import Fact

MAX_KEYS = 50_000


class Limit(Fact, frozen=True):
    """A limit on one key: `rate` tokens per second, at most `burst` saved up. Rate 0 is no limit."""

    key: tuple[str, ...]
    rate: float
    burst: float


class Buckets:
    """Buckets that fill at a steady rate. Of too many keys the least recently used is forgotten."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[tuple[str, ...], tuple[float, float]] = OrderedDict()

    def take(self, limit: Limit, now: float) -> None:
        """Take one token. Raises TemporarilyUnavailable (429) with the seconds to wait."""
        self.check(limit, now)
        self.count(limit, now)

    def check(self, limit: Limit, now: float) -> None:
        """Raise as `take` would, without taking."""
        if not limit.rate or limit.key not in self._buckets:
            return
        level = self._level(limit, now)
        if level < 1:
            error = refusals.RATE()
            error.retry_after = max(1, math.ceil((1 - level) / limit.rate))
            raise error

    def count(self, limit: Limit, now: float) -> None:
        """Take a token if there is one; never raises."""
        if not limit.rate:
            return
        self._buckets[limit.key] = (max(0.0, self._level(limit, now) - 1), now)
        self._buckets.move_to_end(limit.key)
        if len(self._buckets) > MAX_KEYS:
            self._buckets.popitem(last=False)

    def _level(self, limit: Limit, now: float) -> float:
        level, since = self._buckets.get(limit.key, (limit.burst, now))
        return min(limit.burst, level + max(0.0, now - since) * limit.rate)


def household(address: str) -> str:
    """What to count instead of an address: of IPv6 the /64, in which whoever has one address has them all."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if not isinstance(known, IPv6Address):
        return address
    return str(known.ipv4_mapped or IPv6Address(int(known) >> 64 << 64))
