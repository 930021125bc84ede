"""A call of the API: the realm, who calls, and what the operations share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response

from pushgate import refusals
from pushgate.endpoints.context import Context
from pushgate.endpoints.http import Request as Sent
from pushgate.manage.api.documents import etag_of, json_object, matches
from pushgate.manage.api.problem import NO_STORE, Failed
from pushgate.manage.change import Actor, Change
from pushgate.manage.service import Management
from pushgate.model import RealmSettings, Record
from pushgate.server import AuthorizationServer
from pushgate.store.durable.configuration import ChangedMeanwhile, check_stored

TRIES = 20  # of each round at least one succeeds
CALL = "pushgate.call"
"""Where a call is in the ASGI scope."""


@dataclass(slots=True)
class Call:
    """What an operation gets."""

    server: AuthorizationServer
    ctx: Context
    sent: Sent
    management: Management
    raw_path: str
    http: Request | None = None
    body: bytes = b""
    actor: Actor | None = None

    @property
    def realm(self) -> str:
        """The realm's name."""
        return self.ctx.name

    @property
    def issuer(self) -> str:
        """The realm's issuer identifier."""
        return self.ctx.realm.issuer.identifier

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"{self.ctx.realm.issuer.root}/api/v2"

    @property
    def docs(self) -> str:
        """The page about the API."""
        return f"{self.url}/docs"

    @property
    def auth0(self) -> bool:
        """Whether the realm speaks in Auth0's words too."""
        return self.ctx.realm.settings.dialect == "auth0"

    def json(self) -> dict[str, Any]:
        """The body, one JSON object. Raises Failed."""
        return json_object(self.sent.header(b"content-type"), self.body)

    async def settings(self) -> RealmSettings:
        """The realm's settings as they are stored now. Raises Failed."""
        found = await self.management.configuration.realm(self.realm)
        if found is None:
            raise nothing("realm")
        return found

    def check_match(self, record: Record) -> None:
        """Raises Failed (412) where If-Match names another state."""
        if not matches(self.sent.header(b"if-match"), etag_of(record)):
            raise Failed(refusals.MANAGEMENT_CHANGED)


class Read(Protocol):
    """Reads what is to be changed. Raises Failed where it is not there."""

    def __call__(self) -> Awaitable[Any]: ...


async def change(
    call: Call,
    read: Read,
    plan: Callable[[Any], Awaitable[Change]],
    where: tuple[sa.Table, dict[str, Any]],
    *,
    whole: bool = True,
) -> Change:
    """Read, plan, and carry out where nobody changed the row in between; with If-Match 412, without it once more.

    The comparison is part of the transaction that writes, so no update is lost. `whole`: If-Match is about the row,
    and not about a part of it, which `plan` has to see to. Raises Failed, Refused, Forbidden.
    """
    for _ in range(TRIES):
        current = await read()
        if whole:
            call.check_match(current)
        planned = await plan(current)
        planned.before = lambda c, current=current: check_stored(c, *where, current)
        try:
            await call.management.carry_out([planned])
        except ChangedMeanwhile:
            continue
        return planned
    raise refusals.UNAVAILABLE("changed again and again")


async def create(call: Call, planned: Change, where: tuple[sa.Table, dict[str, Any]]) -> Change:
    """Carry out a creation, if there is none of that name when it is written. Raises Failed (409)."""
    planned.before = lambda c: check_stored(c, *where, None)
    try:
        await call.management.carry_out([planned])
    except ChangedMeanwhile:
        raise Failed(refusals.MANAGEMENT_EXISTS) from None
    return planned


def nothing(what: str) -> Failed:
    """404."""
    return Failed(refusals.MANAGEMENT_NOTHING, detail=what)


def answer(document: Any, status: int = 200, *, record: Record | None = None, **headers: str) -> Response:
    """A JSON answer, with the ETag of the record that it shows."""
    told = {**NO_STORE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    if record is not None:
        told["etag"] = etag_of(record)
    return Response(msgspec.json.encode(document), status, told, media_type="application/json")


def done() -> Response:
    """204."""
    return Response(None, 204, NO_STORE)
