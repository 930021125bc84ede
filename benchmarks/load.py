"""The load generator: keep-alive HTTP/1.1 connections that each send the next request once answered.

It is a closed loop: N connections, each with exactly one request in flight. It parses only what a
script needs (status, content-length, head and body), because every microsecond spent here could hide
what the server does. It runs in its own process on a core of its own; ``Round.load_busy`` says how
much of that core it used, so a run in which the generator was the bottleneck can be told.
"""

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import uvloop

from benchmarks.cores import Usage

STATUS = slice(9, 12)  # "HTTP/1.1 201 Created"
PAUSE_MS = 20  # how long the server may answer nobody


class Refused(Exception):
    """An answer that a script did not expect; its text is what the report counts."""


class Script(Protocol):
    """What one connection sends. A unit is one push, or one whole flow of three requests."""

    def begin(self) -> bytes | None:
        """The first request of a new unit, or None when there is nothing left to send."""

    def answer(self, status: bytes, head: bytes, body: bytes) -> bytes | None:
        """The next request of the unit, or None when the unit is complete; raises `Refused`."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of load measured. Times are in milliseconds, busy shares between 0 and 1."""

    completed: int
    seconds: float
    p50: float
    p99: float
    longest: float
    longest_gap: float
    """The longest time in which no connection at all got an answer."""
    pauses: int
    """How many such times were longer than `PAUSE_MS`."""
    errors: dict[str, int]
    load_busy: float
    server_busy: float
    others_busy: float
    """How much of the server's or the load's core other programs took, whichever lost more."""

    @property
    def rate(self) -> float:
        """Completed units in a second."""
        return self.completed / self.seconds

    @property
    def cost(self) -> float:
        """Processor time of the server for one unit, in microseconds: steady even on a busy machine."""
        return self.server_busy * self.seconds / self.completed * 1e6 if self.completed else 0.0


@dataclass(slots=True)
class Tally:
    """What the connections of one round write into while it is recorded."""

    recording: bool = False
    stopping: bool = False
    durations: list[int] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    last: int = 0
    gap: int = 0
    pauses: int = 0

    def start(self) -> None:
        """Forget the warm-up, begin to record."""
        self.durations.clear()
        self.errors.clear()
        self.gap = self.pauses = 0
        self.last = time.perf_counter_ns()
        self.recording = True

    def completed(self, began: int) -> None:
        """One unit is complete."""
        now = time.perf_counter_ns()
        if self.recording:
            self.durations.append(now - began)
            gap = now - self.last
            self.gap = max(self.gap, gap)
            self.pauses += gap > PAUSE_MS * 1_000_000
        self.last = now


class Connection(asyncio.Protocol):
    """One keep-alive connection that plays its script over and over."""

    __slots__ = ("began", "buffer", "closed_by_us", "finished", "script", "tally", "transport")

    def __init__(self, script: Script, tally: Tally, finished: Callable[["Connection"], None]) -> None:
        self.script = script
        self.tally = tally
        self.finished = finished
        self.buffer = b""
        self.began = 0
        self.closed_by_us = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; `begin` sends the first request once every connection stands."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own class, not a subclass

    def begin(self) -> None:
        """Start the next unit, or close when the round is over."""
        request = None if self.tally.stopping else self.script.begin()
        if request is None:
            self.closed_by_us = True
            self.transport.close()
            return
        self.began = time.perf_counter_ns()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Put answers together; one request is in flight, so there is never more than one."""
        if self.buffer:
            data = self.buffer + data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self.buffer = data
            return
        head = data[:end]
        if len(data) < end + 4 + content_length(head):
            self.buffer = data
            return
        self.buffer = b""
        self.answered(head, data[end + 4 :])

    def answered(self, head: bytes, body: bytes) -> None:
        """Send the next request of the unit, or count the unit and start another."""
        try:
            request = self.script.answer(head[STATUS], head, body)
        except Refused as refused:
            self.tally.errors[str(refused)] += 1
            self.begin()
            return
        if request is not None:
            self.transport.write(request)
            return
        self.tally.completed(self.began)
        self.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the round, which opens another connection if it still goes on."""
        self.finished(self)


def content_length(head: bytes) -> int:
    """The length of the body; an answer without one (a redirect) has none."""
    lower = head.lower()
    at = lower.find(b"\r\ncontent-length:")
    if at < 0:
        if b"\r\ntransfer-encoding:" in lower:
            raise RuntimeError("the load generator does not read chunked answers")
        return 0
    stop = lower.find(b"\r\n", at + 17)
    return int(lower[at + 17 : stop if stop >= 0 else None])


def header(head: bytes, name: bytes) -> bytes:
    """The value of a header (its name in lower case), or nothing."""
    at = head.lower().find(b"\r\n" + name + b":")
    if at < 0:
        return b""
    start = at + len(name) + 3
    stop = head.find(b"\r\n", start)
    return head[start : stop if stop >= 0 else None].strip()


@dataclass(frozen=True, slots=True)
class Load:
    """One round to be played: where, for how long, by how many connections."""

    port: int
    scripts: list[Script]
    seconds: float
    warm_up: float
    server_pids: list[int] = field(default_factory=list)
    until: Callable[[], bool] | None = None
    """Asked ten times a second: True ends the round before its time."""

    def run(self) -> Round:
        """Play it. The garbage collector rests meanwhile: its pauses would be counted as the server's."""
        gc.collect()
        gc.disable()
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(self._play())
        finally:
            gc.enable()

    async def _play(self) -> Round:
        tally = Tally()
        open_connections: set[Connection] = set()
        all_closed = asyncio.Event()
        reconnecting: set[asyncio.Task[None]] = set()

        def finished(connection: Connection) -> None:
            open_connections.discard(connection)
            if not tally.stopping and not connection.closed_by_us:
                tally.errors["connection lost"] += 1
                task = asyncio.create_task(connect(connection.script, begin=True))
                reconnecting.add(task)
                task.add_done_callback(reconnecting.discard)
            elif not open_connections:
                all_closed.set()

        async def connect(script: Script, begin: bool = False) -> None:
            loop = asyncio.get_running_loop()
            try:
                _, connection = await loop.create_connection(
                    lambda: Connection(script, tally, finished), "127.0.0.1", self.port
                )
            except OSError:
                # The server is gone: the round goes on with the connections it has and says so.
                tally.errors["connection refused"] += 1
                return
            open_connections.add(connection)
            if begin:
                connection.begin()

        def failed(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            tally.errors[f"load generator: {context.get('exception') or context['message']!r}"] += 1

        asyncio.get_running_loop().set_exception_handler(failed)
        for script in self.scripts:
            await connect(script)
        for connection in list(open_connections):
            connection.begin()
        await asyncio.sleep(self.warm_up)
        tally.start()
        began, before = tally.last, Usage.now(self.server_pids)
        await self._wait(all_closed)
        # When the scripts ran out before the time did, the clock stopped with the last answer.
        ended = tally.last if all_closed.is_set() else time.perf_counter_ns()
        tally.recording = False
        used = Usage.now(self.server_pids).since(before)
        gap = max(tally.gap, ended - tally.last)
        await self._stop(tally, open_connections, all_closed)
        return summary(tally, (ended - began) / 1e9, gap, used)

    async def _wait(self, all_closed: asyncio.Event) -> None:
        deadline = time.monotonic() + self.seconds
        while (left := deadline - time.monotonic()) > 0 and not all_closed.is_set():
            if self.until is not None and self.until():
                return
            try:
                async with asyncio.timeout(left if self.until is None else min(left, 0.1)):
                    await all_closed.wait()
            except TimeoutError:
                pass

    async def _stop(self, tally: Tally, connections: set[Connection], all_closed: asyncio.Event) -> None:
        """Let the answers that are under way arrive, so that the next round finds an idle server."""
        tally.stopping = True
        if connections:
            try:
                async with asyncio.timeout(5):
                    await all_closed.wait()
            except TimeoutError:
                tally.errors["no answer within 5 s of the end"] += len(connections)
                for connection in list(connections):
                    connection.transport.abort()


def summary(tally: Tally, seconds: float, gap: int, used: Usage) -> Round:
    """The figures of a round from what its connections wrote down."""
    durations = sorted(tally.durations)
    seconds = max(seconds, 1e-9)

    def percentile(share: float) -> float:
        return durations[min(len(durations) - 1, int(len(durations) * share))] / 1e6 if durations else 0.0

    return Round(
        completed=len(durations),
        seconds=seconds,
        p50=percentile(0.50),
        p99=percentile(0.99),
        longest=percentile(1.0),
        longest_gap=gap / 1e6,
        pauses=tally.pauses,
        errors=dict(tally.errors),
        load_busy=used.load / seconds,
        server_busy=used.server / seconds,
        others_busy=used.others() / seconds,
    )
