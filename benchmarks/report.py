"""What is printed and what is saved: tables, verdicts on the targets, remarks, the machine."""

import os
import platform
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from json import loads
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.applying import Applying
from benchmarks.load import PAUSE_MS, Round
from benchmarks.million import Million
from benchmarks.paired import Comparison, Plan
from benchmarks.servers import PEER_FOLDER
from benchmarks.startup import Startup
from benchmarks.tenants import Tenants

# The targets. The rate belongs to a machine on which the peer does PEER_REFERENCE pushes a second.
RATIOS = {"push-basic": 2.0, "push-jwt": 2.0, "push-dpop": 2.0, "token-dpop": 2.0, "flow": 1.5}
PUSH_RATE, PEER_REFERENCE = 10_000, 4_800
READY_SECONDS = 1.5
APPLY_SECONDS, APPLY_CLIENTS = 20, 10_000
MEMORY_MB = 120
LATENCY_CHANGE = 0.10

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True, slots=True)
class Grid:
    """A table, for the terminal and for the file."""

    title: str
    headers: list[str]
    rows: list[list[str]]

    def rich(self) -> Table:
        """For the terminal."""
        table = Table(title=self.title, title_justify="left", header_style="bold")
        for number, name in enumerate(self.headers):
            table.add_column(name, justify="left" if number == 0 else "right")
        for row in self.rows:
            table.add_row(*map(escape, row))
        return table

    def markdown(self) -> str:
        """For the file."""
        lines = [f"### {self.title}", "", "| " + " | ".join(self.headers) + " |"]
        lines.append("|---" + "|---:" * (len(self.headers) - 1) + "|")
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one target is met."""

    target: str
    measured: str
    met: bool


@dataclass(slots=True)
class Results:
    """Everything one run measured."""

    plan: Plan
    comparisons: list[Comparison] = field(default_factory=list)
    memory: dict[str, float] = field(default_factory=dict)
    startup: Startup | None = None
    applying: Applying | None = None
    tenants: Tenants | None = None
    million: Million | None = None
    remarks: list[str] = field(default_factory=list)

    def grids(self) -> Iterator[Grid]:
        """The tables there is something to put into."""
        if self.comparisons:
            yield rates(self.comparisons)
            yield details(self.comparisons)
        if self.memory:
            rows = [[name, f"{megabytes:.0f} MB"] for name, megabytes in self.memory.items()]
            yield Grid("Memory of one process after the load (RSS)", ["server", "RSS"], rows)
        if self.startup:
            yield starts(self.startup)
        if self.applying:
            rows = [[name, f"{seconds:.1f}"] for name, seconds in self.applying.rows()]
            yield Grid(f"Seconds for a manifest of {self.applying.clients:,} clients", ["pushgate apply", "s"], rows)
        if self.tenants:
            title = f"{self.tenants.clients:,} clients and {self.tenants.realms:,} realms beside the one that pushes"
            yield rounds_table(title, self.tenants.lines())
        if self.million:
            yield rounds_table(f"{self.million.count:,} live pushed requests", self.million.lines())

    def verdicts(self) -> Iterator[Verdict]:
        """The targets that this run can judge."""
        for comparison in self.comparisons:
            yield from compared(comparison)
        if "pushgate" in self.memory:
            used = self.memory["pushgate"]
            yield Verdict(f"under {MEMORY_MB} MB per worker", f"{used:.0f} MB", used < MEMORY_MB)
        if self.startup and (slowest := self.startup.slowest()) is not None:
            yield Verdict(
                f"ready within {READY_SECONDS} s of start",
                f"slowest start {slowest:.2f} s",
                slowest <= READY_SECONDS,
            )
        if self.applying:
            seconds, allowed = self.applying.first, APPLY_SECONDS * self.applying.clients / APPLY_CLIENTS
            target = f"{self.applying.clients:,} clients applied within {allowed:g} s"
            yield Verdict(target, f"{seconds:.1f} s", seconds <= allowed)
        if self.tenants:
            change = self.tenants.change(lambda one: one.p50)
            target = f"{self.tenants.clients:,} clients and {self.tenants.realms:,} realms change push p50 by less than"
            yield Verdict(f"{target} {LATENCY_CHANGE:.0%}", f"{change:+.1%}", change < LATENCY_CHANGE)
        if self.million:
            yield from changed(self.million)

    def doubts(self) -> list[str]:
        """Errors and disturbances, each as a line."""
        found = list(self.remarks)
        for comparison in self.comparisons:
            found += [*comparison.errors(), *comparison.remarks()]
        if self.million:
            found += self.million.remarks()
        return found


def number(value: float | None, form: str = ",.0f") -> str:
    """A figure, or a dash for what was not measured."""
    return "-" if value is None else format(value, form)


def rates(comparisons: list[Comparison]) -> Grid:
    """Completed units a second and the latency of each server."""
    rows = []
    for each in comparisons:
        row = [each.name, number(each.rate("pushgate")), number(each.rate("peer")), number(each.rate("bare"))]
        row += [number(each.ratio(), ".2f"), number(each.cost_ratio(), ".2f")]
        for server in ("pushgate", "peer"):
            row.append(number(each.middle(server, lambda one: one.p50), ".1f"))
            row.append(number(each.middle(server, lambda one: one.p99), ".1f"))
        rows.append(row)
    headers = ["scenario", "pushgate /s", "peer /s", "bare /s", "ratio", "by CPU"]
    headers += ["pushgate p50 ms", "p99 ms", "peer p50 ms", "p99 ms"]
    return Grid("Paired scenarios (medians over the rounds)", headers, rows)


def details(comparisons: list[Comparison]) -> Grid:
    """Each round, with what it cost: the way to see noise."""
    rows = []
    for each in comparisons:
        for server, rounds in each.rounds.items():
            for one in rounds:
                rows.append(
                    [
                        each.name,
                        server,
                        number(one.rate),
                        number(one.p50, ".1f"),
                        number(one.p99, ".1f"),
                        number(one.longest, ".0f"),
                        number(one.cost),
                        f"{one.server_busy:.0%}",
                        f"{one.load_busy:.0%}",
                        f"{one.others_busy:.0%}",
                        str(sum(one.errors.values())),
                    ]
                )
    headers = ["scenario", "server", "/s", "p50 ms", "p99 ms", "longest", "CPU µs each"]
    headers += ["server busy", "load busy", "others", "errors"]
    return Grid("Every round", headers, rows)


def starts(startup: Startup) -> Grid:
    """Seconds until ready."""
    rows = [[name, f"{min(times):.2f}", f"{median(times):.2f}", f"{max(times):.2f}"] for name, times in startup.rows()]
    return Grid("Seconds from process start until ready", ["server", "fastest", "median", "slowest"], rows)


def rounds_table(title: str, lines: Iterable[tuple[str, Round]]) -> Grid:
    """Rounds of pushes under each other."""
    rows = []
    for name, one in lines:
        rows.append(
            [
                name,
                number(one.rate),
                number(one.p50, ".1f"),
                number(one.p99, ".1f"),
                number(one.longest, ".1f"),
                number(one.longest_gap, ".1f"),
                number(one.pauses),
            ]
        )
    headers = [
        "server",
        "pushes /s",
        "p50 ms",
        "p99 ms",
        "longest ms",
        "longest pause ms",
        f"pauses over {PAUSE_MS} ms",
    ]
    return Grid(title, headers, rows)


def compared(comparison: Comparison) -> Iterator[Verdict]:
    """The ratio of a scenario, and the rate of push-basic scaled to this machine."""
    ratio, wanted = comparison.ratio(), RATIOS[comparison.name]
    ours, theirs = comparison.rate("pushgate"), comparison.rate("peer")
    if ratio is None or ours is None or theirs is None:
        return
    failed = any(one.errors for one in comparison.rounds["pushgate"])
    yield Verdict(
        f"{comparison.name}: at least {wanted:g}x the peer",
        f"{ratio:.2f}x" + (" (with errors)" if failed else ""),
        ratio >= wanted and not failed,
    )
    if comparison.name == "push-basic":
        scaled = PUSH_RATE * theirs / PEER_REFERENCE
        yield Verdict(
            f"push-basic: at least {PUSH_RATE:,}/s where the peer does {PEER_REFERENCE:,}/s; "
            f"it does {theirs:,.0f}/s here, so {scaled:,.0f}/s",
            f"{ours:,.0f}/s",
            ours >= scaled and not failed,
        )


def changed(million: Million) -> Iterator[Verdict]:
    """How much a full store slows a push, and the purge's longest pause."""
    for name, change in (
        ("p50", million.change(lambda one: one.p50)),
        ("p99", million.change(lambda one: one.p99)),
    ):
        yield Verdict(
            f"{million.count:,} live requests change push {name} by less than {LATENCY_CHANGE:.0%}",
            f"{change:+.1%}",
            change < LATENCY_CHANGE,
        )
    purge = million.purge
    yield Verdict(
        f"purge in the background without a pause over {PAUSE_MS} ms",
        f"longest pause {purge.longest_gap:.1f} ms in {purge.seconds:.0f} s"
        + ("" if million.drained else ", and the purge did not finish")
        + f", {purge.pauses} over {PAUSE_MS} ms"
        + f" (without a purge: {million.calm.longest_gap:.1f} ms, {million.calm.pauses})",
        million.drained and purge.longest_gap <= PAUSE_MS,
    )


def show(results: Results, console: Console) -> None:
    """Everything to the terminal."""
    for grid in results.grids():
        console.print(grid.rich())
    for verdict in results.verdicts():
        mark = "[green]met   [/]" if verdict.met else "[red]MISSED[/]"
        console.print(f"{mark} {escape(verdict.target)}: {escape(verdict.measured)}")
    for doubt in results.doubts():
        console.print(f"[yellow]note  [/] {escape(doubt)}")


def save(results: Results, command: str, node: str) -> Path:
    """Everything to a file named after the day."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y-%m-%d')}.md"
    parts = [f"# Benchmark of {time.strftime('%Y-%m-%d')}", "", f"    {command}", ""]
    parts += [f"- {name}: {value}" for name, value in machine(node)]
    plan = results.plan
    parts += [
        f"- rounds: {plan.rounds} of {plan.seconds:g} s after {plan.warm_up:g} s of warm-up, "
        f"{plan.connections} connections, server on one core, load on another",
        "",
    ]
    for grid in results.grids():
        parts += [grid.markdown(), ""]
    parts += ["### Targets", ""]
    parts += [f"- {'met' if v.met else '**missed**'}: {v.target}: {v.measured}" for v in results.verdicts()]
    if doubts := results.doubts():
        parts += ["", "### Notes", "", *(f"- {doubt}" for doubt in doubts)]
    path.write_text("\n".join(parts) + "\n")
    return path


def machine(node: str) -> Iterator[tuple[str, str]]:
    """What the figures were measured on and with."""
    yield "processor", f"{cpu_model()}, {os.cpu_count()} cores"
    yield "system", f"{platform.system()} {platform.machine()}"
    yield "flushing 4 KiB to disk", f"{flush_milliseconds():.2f} ms (median)"
    yield "Python", platform.python_version()
    for package in ("pushgate", "uvicorn", "uvloop", "httptools", "cryptography"):
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue
    yield "SQLite", sqlite3.sqlite_version
    yield "Node.js", node_version(node)
    yield "oidc-provider", peer_version()


def cpu_model() -> str:
    """The processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def flush_milliseconds() -> float:
    """What making a small write durable costs here: it bounds every durable store."""
    times = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(50):
            began = time.perf_counter()
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    return median(times)


def node_version(node: str) -> str:
    """The peer's runtime."""
    try:
        return subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "not installed"


def peer_version() -> str:
    """The locked version of the peer."""
    lock = loads((PEER_FOLDER / "package-lock.json").read_text())
    return str(lock["packages"]["node_modules/oidc-provider"]["version"])
