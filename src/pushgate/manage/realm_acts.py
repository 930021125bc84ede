"""Acts on whole realms, beside those of `Management`."""

from __future__ import annotations

from pushgate.manage.service import Change, Management, Refused
from pushgate.protocol.registration import Problem
from pushgate.realm import DEFAULT_REALM
from pushgate.store.durable import configuration


async def plan_delete_realm(management: Management, name: str) -> Change:
    """Delete a realm with everything in it, in one transaction; only its audit events stay. Raises Refused.

    What was pushed to it can be used no more, not even in another realm that gets the name: see RealmSettings.serial.
    Its clients are not told of sessions that end: what would sign that goes too.
    """
    await management.existing_realm(name)
    if name == DEFAULT_REALM:
        raise Refused([Problem("realm", f"{name!r} is the one at the base URL, which cannot be deleted")])
    return Change(name, "realm", name, "delete", work=lambda c: configuration.delete_realm(c, name))
