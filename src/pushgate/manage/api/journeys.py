"""/journeys: how users of the realm can sign in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from pushgate.manage.api.call import answer, done
from pushgate.manage.api.documents import writable
from pushgate.manage.api.operation import Here, Id, operation
from pushgate.manage.api.paging import Paged, filters, fits, listed
from pushgate.manage.api.parts import Parts
from pushgate.manage.inputs import JourneyInput
from pushgate.model import Journey
from pushgate.protocol.journey import BUILT_IN

OWN = {"built_in": False}
"""What is shown of a journey that can be changed, and not set."""
PARTS = Parts("journeys", "journey", "name", Journey, JourneyInput, lambda call: BUILT_IN)


def register(router: APIRouter) -> None:
    """Add the operations."""
    every, one = "/journeys", "/journeys/{name}"
    operation(router, "GET", every, "read:journeys", lists="Journey", filters=("name",))(list_journeys)
    operation(router, "POST", every, "create:journeys", status=201, body="JourneyInput", shows="Journey")(
        create_journey
    )
    operation(router, "GET", one, "read:journeys", shows="Journey")(get_journey)
    operation(router, "PATCH", one, "update:journeys", body="JourneyPatch", shows="Journey")(patch_journey)
    operation(router, "DELETE", one, "delete:journeys", status=204)(delete_journey)


async def list_journeys(call: Here, page: Paged) -> Response:
    """How users can sign in; the built-in journeys first."""
    wanted = filters(call, ("name",))
    shown = map(document, (*BUILT_IN, *PARTS.all(await call.settings())))
    return listed(call, page, "journeys", [one for one in shown if fits(one, wanted)])


async def create_journey(call: Here) -> Response:
    """Add a journey: its name, and its ways, each a list of methods in order."""
    part = await PARTS.create(call, call.json())
    return answer(document(part), 201, record=part)


async def get_journey(call: Here, name: Id) -> Response:
    """One journey."""
    part = await PARTS.one(call, name)
    return answer(document(part), record=part)


async def patch_journey(call: Here, name: Id) -> Response:
    """Change what is named, and nothing else (JSON merge patch, RFC 7396)."""
    part = await PARTS.patch(call, name, writable(call.json(), OWN, *OWN))
    return answer(document(part), record=part)


async def delete_journey(call: Here, name: Id) -> Response:
    """Remove a journey."""
    await PARTS.delete(call, name)
    return done()


def document(part: Journey) -> dict[str, Any]:
    """A journey as it is shown."""
    return {"name": part.name, "ways": [list(way) for way in part.ways], "built_in": part in BUILT_IN}
