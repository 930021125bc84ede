"""Two servers that differ in what they hold take turns under the same load."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from benchmarks.cores import wait_for_quiet
from benchmarks.load import Load, Round
from benchmarks.paired import Note, Plan, push_basic
from benchmarks.servers import Server


@dataclass(kw_only=True)
class Turns:
    """The rounds of both."""

    empty: list[Round] = field(default_factory=list)
    full: list[Round] = field(default_factory=list)

    def change(self, figure: Callable[[Round], float]) -> float:
        """By which share a figure of the full server is above that of the empty one, paired by round."""
        pairs = zip(self.empty, self.full, strict=True)
        changes = [figure(full) / figure(empty) - 1 for empty, full in pairs if figure(empty)]
        return median(changes) if changes else math.inf


def interleave(what: str, result: Turns, empty: Server, full: Server, plan: Plan, note: Note) -> None:
    """Rounds of pushes on both in turn; who goes first changes."""
    sides = [(empty, result.empty), (full, result.full)]
    for number in range(plan.rounds):
        for server, rounds in sides if number % 2 == 0 else sides[::-1]:
            name = "empty" if server is empty else "full"
            note(f"{what}: round {number + 1} of {plan.rounds}, {name} server")
            load = Load(server.port, push_basic(server, plan), plan.seconds, plan.warm_up, server.pids())
            wait_for_quiet(plan.patience)
            rounds.append(load.run())
