"""One million live pushed requests: do they slow a push, and does removing them stop the server?

Two servers, one with an empty store and one with a full one, take turns under the same load. Then the
million expires, all at once, and the full server is loaded while its background purge removes them.
"""

import asyncio
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.cores import QUIET
from benchmarks.installation import Installation
from benchmarks.load import Load, Round
from benchmarks.paired import Note, Plan, push_basic
from benchmarks.scenarios import BASIC_CLIENT, authorization_parameters, verifier_and_challenge
from benchmarks.servers import Server, Unavailable
from benchmarks.signing import SigningKey
from benchmarks.turns import Turns, interleave
from pushgate.endpoints.context import new_handle
from pushgate.store.ports import RealmTransient
from pushgate.store.transient.sqlite import SqliteTransient

BATCH = 20_000
PUSHED = 10_000  # a second: how far apart the moments are that the million were pushed at
FILLING = 30_000  # rows a second, a cautious guess; `outlived` says when it was wrong
STARTING = 15.0  # seconds allowed for two starts before the first round
EARLY = 3.0  # seconds of pushing before they expire
PURGE_LIMIT = 240.0


@dataclass
class Million(Turns):
    """What was measured."""

    count: int
    purge: Round = field(init=False)
    calm: Round = field(init=False)
    """The same load for as long on the other server, which has nothing to purge: what the machine itself does."""
    drained: bool = False
    """Whether the purge had removed every expired row before time was up."""
    outlived: bool = False
    """Whether the rows expired before the rounds were over, so that they were not all live."""

    def lines(self) -> Iterator[tuple[str, Round]]:
        """For the report."""
        for number, (empty, full) in enumerate(zip(self.empty, self.full, strict=True), 1):
            yield f"empty, round {number}", empty
            yield f"full, round {number}", full
        yield "full, while they are purged", self.purge
        yield "empty, for as long", self.calm

    def remarks(self) -> Iterator[str]:
        """What makes a figure doubtful."""
        if self.outlived:
            yield "million: the rounds took longer than planned, the requests expired before their end"
        for name, one in self.lines():
            for error, count in one.errors.items():
                yield f"million, {name}: {count} x {error}"
            if one.others_busy > QUIET:
                yield f"million, {name}: other programs took {one.others_busy:.0%} of a core"


@dataclass(frozen=True, slots=True)
class Rows:
    """The transient store of a stopped server, and the value of a row that a real push made."""

    file: Path
    value: bytes

    @classmethod
    def found(cls, folder: Path) -> "Rows":
        """Look for the file with the store's table."""
        for file in sorted(folder.rglob("*.db")):
            with closing(sqlite3.connect(file)) as database:
                try:
                    row = database.execute("SELECT value FROM transient WHERE kind = 'par'").fetchone()
                except sqlite3.OperationalError:
                    continue  # another database
                if row is not None:
                    return cls(file, row[0])
        raise Unavailable("the pushed request is in no SQLite file: benchmarks/million.py must follow the store")

    async def fill(self, count: int, expiry: int) -> None:
        """Copies of the real row, as if pushed one after the other until now; all kept until the same moment."""
        store = SqliteTransient(self.file, time.time)
        key = RealmTransient(store, "default").key
        first = time.time() - count / PUSHED
        try:
            for start in range(0, count, BATCH):
                pushed = (first + number / PUSHED for number in range(start, min(start + BATCH, count)))
                await store.add_many("par", [(key("par", new_handle(at)), self.value, expiry) for at in pushed])
        finally:
            await store.aclose()

    def any_left(self, expiry: int, *, table: str) -> bool:
        """Whether a row that expired then is still there.

        By `spans`, which tell of the rows and are few, or by the rows themselves, which takes long.
        """
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=1)) as database:
            question = f"SELECT EXISTS (SELECT 1 FROM {table} WHERE keep_until <= ?)"
            return bool(database.execute(question, (expiry,)).fetchone()[0])


def measure(count: int, plan: Plan, note: Note) -> Million:
    """Fill one of two stores, compare, then watch the purge."""
    result = Million(count)
    key = SigningKey.generate()
    with tempfile.TemporaryDirectory(prefix="pushgate-bench-") as name, ExitStack() as stack:
        empty, full = (Installation.new(Path(name) / kind) for kind in ("empty", "full"))
        for installation in (empty, full):
            installation.apply(key)
        note("million: one real push, as the model of the others")
        with full.serving() as server:
            push_once(server)
        rows = Rows.found(full.folder)
        began = time.monotonic()
        note(f"million: writing {count:,} live requests")
        rounds = plan.rounds * 2 * (plan.seconds + plan.warm_up + plan.patience + 0.5)
        expiry = int(time.time() + STARTING + count / FILLING + rounds)
        asyncio.run(rows.fill(count, expiry))
        os.sync()
        note(f"million: written in {time.monotonic() - began:.0f} s")
        without, with_rows = (
            stack.enter_context(each.serving(logs=stack.enter_context(elsewhere()))) for each in (empty, full)
        )
        interleave("million", result, without, with_rows, plan, note)
        result.outlived = time.time() > expiry
        note("million: waiting until they expire")
        time.sleep(max(0.0, expiry - EARLY - plan.warm_up - time.time()))
        note("million: pushing while they are purged")
        watch_purge(result, with_rows, rows, expiry, plan)
        note(f"million: pushing for as long where nothing is purged, {result.purge.seconds:.0f} s")
        load = Load(without.port, push_basic(without, plan), result.purge.seconds, plan.warm_up, without.pids())
        result.calm = load.run()
    return result


@contextmanager
def elsewhere() -> Iterator[Path | None]:
    """A folder in memory for a log; None where the system has none.

    A log beside the database is written back by the kernel twice a minute, a hundred megabytes at this load, and a
    commit waits for that: 30 to 50 ms, with and without a purge. What is asked here is what the purge does.
    """
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="pushgate-bench-", dir=memory) as name:
        yield Path(name)


def push_once(server: Server) -> None:
    """One real push, whose row is the model of the million."""
    assert server.target is not None
    parameters = authorization_parameters(BASIC_CLIENT, verifier_and_challenge()[1])
    url = f"http://127.0.0.1:{server.port}{server.target.par}"
    reply = httpx.post(url, data=parameters | {"state": "template"}, auth=(BASIC_CLIENT, server.secret))
    reply.raise_for_status()


def watch_purge(result: Million, server: Server, rows: Rows, expiry: int, plan: Plan) -> None:
    """Push from just before the rows expire until the last of them is gone."""

    def drained() -> bool:
        if time.time() <= expiry + 1:
            return False
        try:
            result.drained = not rows.any_left(expiry, table="spans")
        except sqlite3.OperationalError:
            return False  # busy at the moment; asked again soon
        return result.drained

    result.purge = Load(server.port, push_basic(server, plan), PURGE_LIMIT, plan.warm_up, server.pids(), drained).run()
    result.drained = result.drained and not rows.any_left(expiry, table="transient")
