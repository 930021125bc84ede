"""Group commit for SQLite: many small jobs, one transaction, one fsync.

SQLite statements take microseconds; what takes time is the fsync of a commit. So jobs run where they
are made, on the event loop's thread, and only the commit goes to the writer's own thread. While it is
at the disk, new jobs gather for the next transaction. (Statements on the writer's thread would fight
the loop for the interpreter lock at every row; see docs/architecture.md.)
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa

from pushgate.store.ports import StoreUnavailable

T = TypeVar("T")
Job = tuple[Callable[[], Any], "asyncio.Future[Any]"]

MAX_BATCH = 256
LOCK_PATIENCE = 10.0  # seconds that another process may hold the file's write lock
LOCK_PAUSE = 0.0005  # seconds between two tries; SQLite's own back-off grows to 100 ms


class Transaction(Protocol):
    """The statements around a batch."""

    def begin(self) -> bool:
        """Take the write lock; False if another process holds it."""

    def finish(self) -> None:
        """What is left to do when every job is done, on their thread."""

    def commit(self) -> None:
        """Make it durable."""

    def rollback(self) -> None:
        """Undo it."""


class GroupCommit:
    """Runs jobs in batches; a job's result is given out after the commit of its batch, never before."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="pushgate-writer")
        self._waiting: list[Job] = []
        self._busy = False
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._idle: asyncio.Future[None] | None = None

    def submit(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """Run `job` inside a transaction; the future has its result when that is durable.

        A job may be run again if another one of its batch fails. The future raises what the job raises
        (its effects are undone), or StoreUnavailable.
        """
        if self._closed:
            raise StoreUnavailable("the store is closed")
        loop = asyncio.get_running_loop()
        result: asyncio.Future[T] = loop.create_future()
        self._waiting.append((job, result))
        if not self._busy:
            self._busy = True
            self._loop = loop
            loop.call_soon(self._open)
        return result

    async def aclose(self) -> None:
        """Finish the jobs that wait, then stop the writer's thread."""
        self._closed = True
        if self._busy and self._loop is not None:
            self._idle = self._loop.create_future()
            await self._idle
        self._writer.shutdown()

    def _open(self) -> None:
        try:
            opened = self._transaction.begin()
        except Exception as problem:
            self._fail(self._take(), problem)
            return
        if opened:
            self._work()
        else:
            self._in_thread(lambda: wait_for(self._transaction.begin), self._work, [])

    def _work(self) -> None:
        batch = self._take()
        results: list[Any] = []
        for position, (job, result) in enumerate(batch):
            try:
                results.append(job())
            except (sqlite3.OperationalError, sa.exc.OperationalError) as problem:
                # The disk is full or gone: none of the batch can be done.
                self._undo()
                self._fail(batch, problem)
                return
            except Exception as problem:
                self._undo()
                _set_exception(result, problem)
                # The others did nothing wrong: they go again, without the one that failed.
                self._waiting[:0] = batch[:position] + batch[position + 1 :]
                self._next()
                return
        try:
            self._transaction.finish()
        except Exception as problem:
            self._undo()
            self._fail(batch, problem)
            return
        self._in_thread(self._transaction.commit, lambda: self._committed(batch, results), batch)

    def _committed(self, batch: list[Job], results: list[Any]) -> None:
        for (_, result), value in zip(batch, results, strict=True):
            if not result.done():
                result.set_result(value)
        self._next()

    def _next(self) -> None:
        if self._waiting and self._loop is not None:
            self._loop.call_soon(self._open)
        else:
            self._busy = False
            if self._idle is not None and not self._idle.done():
                self._idle.set_result(None)

    def _take(self) -> list[Job]:
        batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
        return batch

    def _in_thread(self, blocking: Callable[[], None], then: Callable[[], None], batch: list[Job]) -> None:
        assert self._loop is not None
        loop = self._loop

        def work() -> None:
            try:
                blocking()
            except Exception as problem:
                loop.call_soon_threadsafe(self._failed_in_thread, batch, problem)
            else:
                loop.call_soon_threadsafe(then)

        self._writer.submit(work)

    def _failed_in_thread(self, batch: list[Job], problem: Exception) -> None:
        if batch:
            self._undo()
        self._fail(batch or self._take(), problem)

    def _undo(self) -> None:
        """Roll back. If even that fails, the next begin tries again, and whoever waits is answered all the same."""
        with contextlib.suppress(Exception):
            self._transaction.rollback()

    def _fail(self, batch: list[Job], problem: Exception) -> None:
        unavailable = StoreUnavailable(str(problem))
        unavailable.__cause__ = problem
        for _, result in batch:
            _set_exception(result, unavailable)
        self._next()


def _set_exception(result: asyncio.Future[Any], problem: Exception) -> None:
    if not result.done():
        result.set_exception(problem)


def wait_for(begin: Callable[[], bool], patience: float | None = None) -> None:
    """Try until the write lock is ours; blocks. Raises StoreUnavailable when `patience` (seconds) ends."""
    deadline = time.monotonic() + (LOCK_PATIENCE if patience is None else patience)
    while not begin():
        if time.monotonic() > deadline:
            raise StoreUnavailable("another process holds the write lock")
        time.sleep(LOCK_PAUSE)
