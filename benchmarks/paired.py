"""The paired scenarios: in every round each server gets the same load, one after the other.

Pairing is what makes the ratio trustworthy: a slow minute of the machine hits both servers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median
from urllib.parse import urlencode

import httpx

from benchmarks.cores import QUIET, wait_for_quiet
from benchmarks.load import Load, Round, Script
from benchmarks.scenarios import (
    BASIC_CLIENT,
    Flow,
    PushWithSecret,
    authorization_parameters,
    verifier_and_challenge,
)
from benchmarks.servers import Server
from benchmarks.sign_in import Browser

# So many people are signed in for `flow`. Not one for all: the peer's in-memory adapter keeps a list
# of tokens per person and walks it at every token, which no real use would meet. Not very many: it
# also forgets the oldest of about a thousand entries, and then the session is gone.
SESSIONS = 16
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how hard."""

    seconds: float
    warm_up: float
    connections: int
    rounds: int
    patience: float = 0
    """How long to wait before a round for other programs to leave the cores alone."""


@dataclass(slots=True)
class Comparison:
    """What the servers did in one scenario, round by round."""

    name: str
    rounds: dict[str, list[Round]] = field(default_factory=dict)

    def middle(self, server: str, figure: Callable[[Round], float]) -> float | None:
        """The median of a figure over the rounds; None for a server that was not measured."""
        measured = self.rounds.get(server)
        return median(figure(each) for each in measured) if measured else None

    def rate(self, server: str) -> float | None:
        """Completed units in a second."""
        return self.middle(server, lambda each: each.rate)

    def ratio(self) -> float | None:
        """Pushgate over peer, round by round, then the median."""
        pairs = zip(self.rounds.get("pushgate", []), self.rounds.get("peer", []), strict=False)
        ratios = [ours.rate / theirs.rate for ours, theirs in pairs if theirs.rate]
        return median(ratios) if ratios else None

    def cost_ratio(self) -> float | None:
        """The same by the processor time each server spent, which other programs cannot spoil."""
        ours = self.middle("pushgate", lambda each: each.cost)
        theirs = self.middle("peer", lambda each: each.cost)
        return theirs / ours if ours and theirs else None

    def errors(self) -> Iterator[str]:
        """What went wrong, one line per kind."""
        for server, rounds in self.rounds.items():
            for number, each in enumerate(rounds, 1):
                for error, count in each.errors.items():
                    yield f"{self.name}, {server}, round {number}: {count} x {error}"

    def remarks(self) -> Iterator[str]:
        """What makes a figure doubtful."""
        for server, rounds in self.rounds.items():
            for number, each in enumerate(rounds, 1):
                where = f"{self.name}, {server}, round {number}"
                if each.others_busy > QUIET:
                    yield f"{where}: other programs took {each.others_busy:.0%} of a core"
                if each.load_busy > 0.9:
                    yield f"{where}: the load generator was busy {each.load_busy:.0%}, so this is its limit"


def push_basic(server: Server, plan: Plan) -> list[Script]:
    """One push after the other, client_secret_basic."""
    assert server.target is not None
    return [PushWithSecret(server.target, server.secret) for _ in range(plan.connections)]


def flow(server: Server, plan: Plan) -> list[Script]:
    """Whole logins; fresh sessions each round, so that no round inherits what the last one left."""
    cookies = [sign_in(server) for _ in range(min(SESSIONS, plan.connections))]
    assert server.target is not None
    return [Flow(server.target, server.secret, cookies[number % len(cookies)]) for number in range(plan.connections)]


def sign_in(server: Server) -> str:
    """The cookies of a browser that has signed in and consented."""
    target = server.target
    assert target is not None
    base = f"http://127.0.0.1:{server.port}"
    parameters = authorization_parameters(BASIC_CLIENT, verifier_and_challenge()[1]) | {"state": "sign-in"}
    pushed = httpx.post(base + target.par, data=parameters, auth=(BASIC_CLIENT, server.secret))
    pushed.raise_for_status()
    query = urlencode({"client_id": BASIC_CLIENT, "request_uri": pushed.json()["request_uri"]})
    browser = Browser()
    browser.sign_in(f"{base}{target.authorization}?{query}")
    return browser.cookies_for(target.authorization)


def compare(
    name: str,
    servers: list[Server],
    scripts: Callable[[Server, Plan], list[Script]],
    plan: Plan,
    note: Note,
) -> Comparison:
    """Play the rounds; who goes first changes from round to round."""
    comparison = Comparison(name, {server.name: [] for server in servers})
    for number in range(plan.rounds):
        turn = number % len(servers)
        for server in servers[turn:] + servers[:turn]:
            note(f"{name}: round {number + 1} of {plan.rounds}, {server.name}")
            # Before the scripts are made, not after: what they have signed does not keep for long.
            wait_for_quiet(plan.patience)
            load = Load(server.port, scripts(server, plan), plan.seconds, plan.warm_up, server.pids())
            comparison.rounds[server.name].append(load.run())
    return comparison
