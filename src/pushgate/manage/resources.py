"""The APIs of a realm, one at a time. They are settings of the realm, so `Management.plan_realm` judges each change."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from pushgate.manage.inputs import RealmInput, ResourceInput
from pushgate.manage.service import Act, Change, Management, Refused
from pushgate.model import RealmSettings, Resource
from pushgate.protocol.registration import Problem


def existing_resource(realm: RealmSettings, identifier: str) -> Resource:
    """A resource of a realm. Raises Refused if there is none."""
    for resource in realm.resources:
        if resource.identifier == identifier:
            return resource
    raise Refused([Problem("identifier", f"there is no resource {identifier!r} in realm {realm.name!r}")])


async def plan_resource(management: Management, realm: str, wanted: ResourceInput, *, exists: bool) -> Change:
    """Name a resource, or replace what is said of it; the others keep their places. Raises Refused."""
    settings = await management.existing_realm(realm)
    if exists:
        existing_resource(settings, wanted.identifier)
    elif any(resource.identifier == wanted.identifier for resource in settings.resources):
        raise Refused([Problem("identifier", f"{wanted.identifier!r} is there already; use update")])
    before = tuple(map(_input, settings.resources))
    after = tuple(wanted if one.identifier == wanted.identifier else one for one in before)
    resources = after if exists else (*before, wanted)
    return await _plan(management, realm, resources, wanted.identifier, "update" if exists else "create")


async def plan_delete_resource(management: Management, realm: str, identifier: str) -> Change:
    """Delete a resource. Raises Refused if there is none, or if the realm needs it (`default_resource`)."""
    settings = await management.existing_realm(realm)
    existing_resource(settings, identifier)
    rest = tuple(_input(resource) for resource in settings.resources if resource.identifier != identifier)
    return await _plan(management, realm, rest, identifier, "delete")


async def _plan(
    management: Management, realm: str, resources: tuple[ResourceInput, ...], identifier: str, act: Act
) -> Change:
    _, change = await management.plan_realm(RealmInput(name=realm, resources=resources))
    done = act if change.act != "unchanged" else change.act
    return replace(change, object="resource", id=identifier, act=done, fields=())


def _input(resource: Resource) -> ResourceInput:
    return msgspec.convert(msgspec.to_builtins(resource), ResourceInput)
