"""How long from the start of the process until the server says it is ready."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.installation import Installation
from benchmarks.paired import Note
from benchmarks.servers import peer
from benchmarks.signing import SigningKey


@dataclass(slots=True)
class Startup:
    """Seconds until ready, start by start."""

    fresh: list[float] = field(default_factory=list)
    """On an empty folder: database, schema and signing keys are made first."""
    existing: list[float] = field(default_factory=list)
    """On the data folder of the run before."""
    peer: list[float] = field(default_factory=list)

    def slowest(self) -> float | None:
        """The slowest start of Pushgate."""
        starts = self.fresh + self.existing
        return max(starts) if starts else None

    def rows(self) -> list[tuple[str, list[float]]]:
        """For the report: name and measured starts."""
        named = [
            ("pushgate, fresh data folder", self.fresh),
            ("pushgate, existing data folder", self.existing),
            ("peer (in memory)", self.peer),
        ]
        return [(name, starts) for name, starts in named if starts]


def measure(times: int, servers: set[str], node: str, note: Note) -> Startup:
    """Start each kind a few times."""
    result = Startup()
    kinds: list[Callable[[], None]] = []
    if "pushgate" in servers:
        kinds.append(lambda: start_pushgate(result))
    if "peer" in servers:
        kinds.append(lambda: start_peer(result, node))
    for number in range(times):
        note(f"startup: {number + 1} of {times}")
        for kind in kinds:
            kind()
    return result


def start_pushgate(result: Startup) -> None:
    """An empty folder, then the same folder again."""
    with tempfile.TemporaryDirectory(prefix="pushgate-bench-") as folder:
        installation = Installation.new(Path(folder) / "pushgate")
        with installation.serving() as server:
            result.fresh.append(server.ready_after)
        with installation.serving() as server:
            result.existing.append(server.ready_after)


def start_peer(result: Startup, node: str) -> None:
    """The peer keeps nothing, so it has one kind of start."""
    with (
        tempfile.TemporaryDirectory(prefix="pushgate-bench-") as folder,
        peer(Path(folder), SigningKey.generate(), node) as server,
    ):
        result.peer.append(server.ready_after)
