"""Races between processes, and kill -9 in the middle of adding."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections import Counter
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

from pushgate.store.contract.support import (
    KIND,
    MANY,
    PATIENCE,
    PROCESSES,
    RACERS,
    ROUNDS,
    Open,
    at_once,
    expect,
    expect_one_first,
    key,
    opened,
    soon,
)
from pushgate.store.ports import MARK, Mark, Row, Stored, Transient

Act = Callable[[Transient, int], Awaitable[object]]


async def one_process_wins_a_row(open: Open) -> None:
    """Processes that start together consume the same rows; each row has one First among all of them."""
    async with opened(open) as store:
        for n in range(ROUNDS):
            await store.add(KIND, key(n), b"%d" % n, soon())
        outcomes = await asyncio.to_thread(_race, open, _consume)
        for n in range(ROUNDS):
            expect_one_first([r for of_process in outcomes for r in of_process[n]], b"%d" % n, f"race for row {n}")


async def one_process_wins_a_key(open: Open) -> None:
    """Processes that start together add the same keys; each key is added once."""
    await _one_wins(open, _add, won=True, refused=False, what="adds of key")


async def one_process_makes_a_mark(open: Open) -> None:
    """Processes that start together make the same marks; each is made once."""
    await _one_wins(open, _mark, won=None, refused=0, what="makings of mark")


async def _one_wins(open: Open, act: Act, *, won: object, refused: object, what: str) -> None:
    async with opened(open):
        outcomes = await asyncio.to_thread(_race, open, act)
        for n in range(ROUNDS):
            answers = Counter(r for of_process in outcomes for r in of_process[n])
            expect(answers[won], 1, f"number of {what} {n} that succeeded")
            expect(answers[refused], PROCESSES * RACERS - 1, f"number of {what} {n} that were refused")


async def what_was_acknowledged_survives_a_kill(open: Open) -> None:
    """A process that is killed in the middle of its work has lost nothing that it was told is kept."""
    acknowledged = await asyncio.to_thread(_killed_while_adding, open)
    async with opened(open) as store:
        for n in range(acknowledged):
            used = n % 2 == 1
            expect(await store.get(KIND, key(n)), Stored(b"v", consumed=used), f"row {n} of {acknowledged}")
            expect(await _mark(store, n), 0, f"add_all of mark {n} of {acknowledged}")


async def _consume(store: Transient, n: int) -> object:
    return await store.consume(KIND, key(n))


async def _add(store: Transient, n: int) -> object:
    return await store.add(KIND, key(n), b"v", soon())


async def _mark(store: Transient, n: int) -> object:
    return await store.add_all((Mark(key(n)[:MARK], soon()),))


def _race(open: Open, act: Act) -> list[list[list[object]]]:
    """By process and round, the results of the tasks that ran `act` at the same moment."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES)
    lines: list[Connection] = []
    children: list[Any] = []
    for _ in range(PROCESSES):
        ours, theirs = context.Pipe()
        child = context.Process(target=_racer, args=(open, act, barrier, theirs), daemon=True)
        child.start()
        theirs.close()
        lines.append(ours)
        children.append(child)
    try:
        return [_received(line) for line in lines]
    finally:
        for child in children:
            child.join(PATIENCE)
            child.kill()


def _received(line: Connection) -> Any:
    if not line.poll(PATIENCE):
        raise AssertionError("a process of the race did not answer in time")
    try:
        return line.recv()
    except EOFError:
        raise AssertionError("a process of the race died; its error is on standard error") from None


def _racer(open: Open, act: Act, barrier: Barrier, line: Connection) -> None:
    async def run() -> list[list[object]]:
        outcomes = []
        async with opened(open) as store:
            for n in range(ROUNDS):
                barrier.wait(PATIENCE)
                outcomes.append(await at_once(RACERS, lambda _, n=n: act(store, n)))  # type: ignore[misc]
        return outcomes

    line.send(asyncio.run(run()))


def _killed_while_adding(open: Open) -> int:
    """How many rows a process had been told are kept, when it was killed."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_adder, args=(open, theirs), daemon=True)
    child.start()
    theirs.close()
    for _ in range(MANY // 10):
        _received(ours)
    child.kill()
    child.join(PATIENCE)
    last = MANY // 10
    try:
        while ours.poll(0):
            ours.recv()
            last += 1
    except EOFError:
        pass
    return last


def _adder(open: Open, line: Connection) -> None:
    """Adds rows, consumes every second one, and says so after each, until it is killed."""

    async def run() -> None:
        store = await open()
        n = 0
        while True:
            await store.add_all((Row(KIND, key(n), b"v", soon()), Mark(key(n)[:MARK], soon())))
            if n % 2:
                await store.consume(KIND, key(n))
            line.send(n)
            n += 1

    asyncio.run(run())
