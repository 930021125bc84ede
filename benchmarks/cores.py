"""Which core is whose, and who has used it."""

import os
import time
from dataclasses import dataclass

# The first two cores this process may use; one and the same where there is only one.
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0, 1]
SERVER_CORE, LOAD_CORE = CORES[0], CORES[:2][-1]
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
QUIET = 0.05  # the share of a core below which other programs do not disturb


def cpu_seconds(pids: list[int]) -> float:
    """How long these processes have used a processor, from /proc; 0 where there is none."""
    ticks = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / CLOCK_TICKS


def core_seconds(core: int) -> float:
    """How long anything has run on this core, from /proc; interrupts belong to nobody and are left out."""
    try:
        with open("/proc/stat", encoding="ascii") as stat:
            fields = next(line.split() for line in stat if line.startswith(f"cpu{core} "))
    except (OSError, StopIteration):
        return 0.0
    user, nice, system, *_, steal = (int(value) for value in fields[1:9])
    return (user + nice + system + steal) / CLOCK_TICKS


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time at one moment: of the load, of the server, and of everything on the two cores."""

    load: float
    server: float
    load_core: float
    server_core: float

    @classmethod
    def now(cls, server_pids: list[int]) -> "Usage":
        """Read the counters."""
        return cls(
            load=time.process_time(),
            server=cpu_seconds(server_pids),
            load_core=core_seconds(LOAD_CORE),
            server_core=core_seconds(SERVER_CORE),
        )

    def since(self, earlier: "Usage") -> "Usage":
        """What was used in between."""
        return Usage(
            load=self.load - earlier.load,
            server=self.server - earlier.server,
            load_core=self.load_core - earlier.load_core,
            server_core=self.server_core - earlier.server_core,
        )

    def others(self) -> float:
        """What other programs took of the core that lost more to them."""
        return max(0.0, self.load_core - self.load, self.server_core - self.server)


def wait_for_quiet(patience: float) -> bool:
    """Wait until nobody else uses the two cores, but not longer than this; whether it got quiet."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        before = Usage.now([])
        time.sleep(1)
        if Usage.now([]).since(before).others() < QUIET:
            return True
    return False
