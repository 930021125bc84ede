"""/resource-servers: the APIs that tokens of the realm are for."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from pushgate.manage.api.call import Call, answer, done
from pushgate.manage.api.documents import writable
from pushgate.manage.api.operation import Here, Id, operation
from pushgate.manage.api.paging import Paged, filters, fits, listed
from pushgate.manage.api.parts import Parts
from pushgate.manage.inputs import ResourceInput
from pushgate.model import Resource
from pushgate.protocol.management import SCOPES, audience_of


def built_in(call: Call) -> tuple[Resource, ...]:
    """The management API itself."""
    return (Resource(identifier=audience_of(call.issuer), scopes=SCOPES),)


OWN = {"built_in": False}
"""What is shown of an API that can be changed, and not set."""
PARTS = Parts("resources", "resource", "identifier", Resource, ResourceInput, built_in)


def register(router: APIRouter) -> None:
    """Add the operations."""
    every, scope = "/resource-servers", "resource_servers"
    one = f"{every}/{{identifier}}"
    operation(router, "GET", every, f"read:{scope}", lists="ResourceServer", filters=("identifier",))(list_resources)
    operation(router, "POST", every, f"create:{scope}", status=201, body="ResourceInput", shows="ResourceServer")(
        create_resource
    )
    operation(router, "GET", one, f"read:{scope}", shows="ResourceServer")(get_resource)
    operation(router, "PATCH", one, f"update:{scope}", body="ResourcePatch", shows="ResourceServer")(patch_resource)
    operation(router, "DELETE", one, f"delete:{scope}", status=204)(delete_resource)


async def list_resources(call: Here, page: Paged) -> Response:
    """The APIs that tokens of the realm are for; the management API, which is built in, is the first."""
    wanted, own = filters(call, ("identifier",)), PARTS.all(await call.settings())
    shown = [document(part, built_in=not index) for index, part in enumerate((*built_in(call), *own))]
    return listed(call, page, "resource_servers", [one for one in shown if fits(one, wanted)])


async def create_resource(call: Here) -> Response:
    """Add an API: its identifier, an absolute URI that is the audience of its tokens, and its scope values."""
    part = await PARTS.create(call, call.json())
    return answer(document(part), 201, record=part)


async def get_resource(call: Here, identifier: Id) -> Response:
    """One API; its identifier is percent-encoded in the path."""
    part = await PARTS.one(call, identifier)
    return answer(document(part, built_in=part in built_in(call)), record=part)


async def patch_resource(call: Here, identifier: Id) -> Response:
    """Change what is named, and nothing else (JSON merge patch, RFC 7396)."""
    part = await PARTS.patch(call, identifier, writable(call.json(), OWN, *OWN))
    return answer(document(part), record=part)


async def delete_resource(call: Here, identifier: Id) -> Response:
    """Remove an API; no more tokens are made for it."""
    await PARTS.delete(call, identifier)
    return done()


def document(part: Resource, *, built_in: bool = False) -> dict[str, Any]:
    """An API as it is shown."""
    return {
        "identifier": part.identifier,
        "scopes": list(part.scopes),
        "introspection_clients": list(part.introspection_clients),
        "built_in": built_in,
    }
