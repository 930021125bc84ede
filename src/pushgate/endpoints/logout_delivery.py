"""Tell clients that a session is over: a logout token, posted to each of them (OpenID Connect Back-Channel Logout).

At once and side by side when the session ends, then again and again while a client is in trouble, from whichever
process finds that it is time (`run_due`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from pushgate.endpoints.context import Context
from pushgate.endpoints.issue import logout_token
from pushgate.errors import OAuthError
from pushgate.events import LogoutDelivered, LogoutUndelivered
from pushgate.fetch import FetchError
from pushgate.protocol.logout import PASSING, delivered, next_attempt, passes
from pushgate.store.durable.endings import Due, claim_due, postpone, settle
from pushgate.store.ports import DurableEngine

LEASE = 60  # seconds that a delivery belongs to who makes it; an exchange takes a few
PATIENCE = 3.0  # seconds that a user waits for other people's servers


@dataclass
class LogoutDeliveries:
    """Sends logout tokens. What is not settled when this process ends is another one's after the lease."""

    engine: DurableEngine
    patience: float = PATIENCE
    _under_way: set[asyncio.Task[None]] = field(default_factory=set, repr=False)

    async def send(self, ctx: Context, deliveries: Iterable[Due]) -> None:
        """Start all of them, and wait for them a while; what takes longer goes on behind the answer."""
        tasks = [self._start(ctx, due) for due in deliveries]
        if tasks:
            await asyncio.wait(tasks, timeout=self.patience)

    async def run_due(self, realm: Callable[[str], Awaitable[Context | None]], now: int) -> None:
        """What has waited long enough, and what a process left undone."""
        for due in await claim_due(self.engine, now, now + LEASE):
            ctx = await realm(due.realm)
            if ctx is not None:
                self._start(ctx, due)

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def aclose(self) -> None:
        """Stop what is under way."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _start(self, ctx: Context, due: Due) -> asyncio.Task[None]:
        task = asyncio.create_task(self._guarded(ctx, due))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def _guarded(self, ctx: Context, due: Due) -> None:
        try:
            await self._deliver(ctx, due)
        except Exception as problem:  # the row is still there: its lease ends, and somebody tries again
            ctx.services.journal.trouble("logout_delivery_failed", problem)

    async def _deliver(self, ctx: Context, due: Due) -> None:
        delivery = due.delivery
        client = await ctx.client(delivery.client_id)
        if client is None or client.backchannel_logout_uri is None:
            await settle(self.engine, due)
            return
        again = False
        try:
            fields = {"logout_token": await logout_token(ctx, client, delivery.sub, delivery.sid)}
            status = await ctx.services.fetcher.post_form(client.backchannel_logout_uri, fields)
            reason, again = "" if delivered(status) else f"status {status}", passes(status)
        except FetchError as problem:
            reason, again = problem.reason, problem.reason in PASSING
        except OAuthError as problem:  # its key is not to be had now
            reason, again = problem.refusal.id, True
        attempts = delivery.attempts + 1
        at = next_attempt(attempts, int(ctx.now())) if again else None
        if at is None:
            await settle(self.engine, due)
        else:
            await postpone(self.engine, due, msgspec.structs.replace(delivery, attempts=attempts), at)
        if reason:
            ctx.emit(LogoutUndelivered(client.client_id, delivery.sid, attempts, reason, at))
        else:
            ctx.emit(LogoutDelivered(client.client_id, delivery.sid, attempts))
