"""/logs: the audit trail."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from pushgate.manage.api.call import answer, nothing
from pushgate.manage.api.operation import Here, Id, operation
from pushgate.manage.api.paging import Paged, filters, listed
from pushgate.store.durable.audit import Audit

LATEST = 10**12  # seconds since the epoch
LONGEST = 18  # digits of an id
Time = Annotated[int | None, Query(ge=0, le=LATEST, description="Seconds since the epoch, included.")]


def register(router: APIRouter) -> None:
    """Add the operations."""
    operation(router, "GET", "/logs", "read:logs", lists="LogEvent", filters=("event",))(list_logs)
    operation(router, "GET", "/logs/{log_id}", "read:logs", shows="LogEvent")(get_log)


async def list_logs(call: Here, page: Paged, since: Time = None, until: Time = None) -> Response:
    """What happened in the realm, the newest first; `event` is the name of a kind of event."""
    wanted = filters(call, ("event",), "since", "until")
    await call.ctx.services.journal.flush()
    found, total = await Audit(call.management.engine).page(
        call.realm, event=wanted.get("event"), since=since, until=until, start=page.start, count=page.size
    )
    return listed(call, page, "logs", found, total)


async def get_log(call: Here, log_id: Id) -> Response:
    """One event."""
    known = log_id.isascii() and log_id.isdigit() and len(log_id) <= LONGEST
    found = await Audit(call.management.engine).one(call.realm, int(log_id)) if known else None
    if found is None:
        raise nothing("log")
    return answer(found)
