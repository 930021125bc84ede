"""Events to the log, at once, and those worth keeping to the audit table, in batches behind the request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from pushgate.endpoints.http import Request
    from pushgate.events import Event
    from pushgate.store.durable.audit import Audit

MAX_WAITING = 10_000
PAUSE = 0.2  # seconds in which audit rows gather


class Journal:
    """Where events go. `emit` never waits and never fails a request."""

    def __init__(self, audit: Audit | None, clock: Callable[[], float]) -> None:
        self._audit = audit
        self._clock = clock
        self._log = structlog.get_logger("pushgate").bind()
        self._waiting: list[dict[str, Any]] = []
        self._dropped = 0
        self._task: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    def emit(self, event: Event, realm: str, request: Request | None = None) -> None:
        """Log an event, with the request it belongs to; keep it if it is of the kind that is kept."""
        members = event.members()
        members["realm"] = realm
        if request is not None:
            members["request_id"] = request.id
            members["address"] = request.address
            if request.correlation_id is not None:
                members.setdefault("correlation_id", request.correlation_id)
        try:
            getattr(self._log, event.level)(event.name, **members)
        except Exception as problem:
            self.trouble("event_lost", problem)
        if event.kept and self._audit is not None:
            self._keep({"at": int(self._clock()), "event": event.name, **members})

    def fault(self, what: str, realm: str, request: Request, problem: BaseException) -> None:
        """Log a bug or a failing part, once, with its traceback."""
        self._log.error(what, realm=realm, request_id=request.id, endpoint=request.endpoint, exc_info=problem)

    def trouble(self, what: str, problem: BaseException) -> None:
        """Log something that went wrong outside any request."""
        self._log.error(what, exc_info=problem)

    def _keep(self, row: dict[str, Any]) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._dropped += 1
            return
        self._waiting.append(row)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        await asyncio.sleep(PAUSE)
        await self.flush()

    async def flush(self) -> None:
        """Write what waits; when this returns, what was being written is written too."""
        async with self._writing:
            while self._waiting and self._audit is not None:
                rows, self._waiting = self._waiting, []
                try:
                    await self._audit.append(rows)
                except Exception as problem:
                    self._log.error("audit_lost", rows=len(rows), exc_info=problem)
        if self._dropped:
            self._log.error("audit_dropped", rows=self._dropped)
            self._dropped = 0
