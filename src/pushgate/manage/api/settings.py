"""/tenants/settings: the realm's settings, in the words of the manifest."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Response

from pushgate.manage.api import auth0
from pushgate.manage.api.call import Call, answer, change
from pushgate.manage.api.documents import invalid, merged, typed, writable
from pushgate.manage.api.operation import Here, operation
from pushgate.manage.api.paging import cut
from pushgate.manage.change import Change
from pushgate.manage.inputs import RealmInput
from pushgate.model import RealmSettings
from pushgate.protocol.registration import Problem
from pushgate.store.durable import tables as t

SUPPORTED = "pushed_authorization_requests_supported"
PAR = "pushed_authorization_requests"
ELSEWHERE = {"resources": "/resource-servers", "journeys": "/journeys"}
"""What has operations, and scopes, of its own."""
SHOWN_ALONE = ("name", "hosts")
"""What is decided for the server as a whole, and so not by whoever administers one realm."""
MEMBERS = tuple(
    name for name in RealmSettings.__struct_fields__ if name in RealmInput.__struct_fields__ and name not in ELSEWHERE
)


def register(router: APIRouter) -> None:
    """Add the operations."""
    operation(router, "GET", "/tenants/settings", "read:tenant_settings", shows="Settings")(get_settings)
    operation(router, "PATCH", "/tenants/settings", "update:tenant_settings", body="SettingsPatch", shows="Settings")(
        patch_settings
    )


async def get_settings(call: Here) -> Response:
    """The settings of the realm."""
    settings = await call.settings()
    assert call.http is not None
    return answer(cut(document(call, settings), call.http), record=settings)


async def patch_settings(call: Here) -> Response:
    """Change what is named, and nothing else (JSON merge patch, RFC 7396); in force at once.

    `pushed_authorization_requests_supported` is the switch `pushed_authorization_requests.supported`.
    """
    said = call.json()
    if call.auth0:
        shown = auth0.tenant_shown(await call.settings())
        said = auth0.tenant_taken(writable(said, shown, *auth0.TENANT_READ_ONLY))
    settings = await update(call, said)
    return answer(document(call, settings), record=settings)


async def update(call: Call, patch: dict[str, Any]) -> RealmSettings:
    """Change what a patch names, in our words. Raises Failed, Refused, Forbidden."""
    patch = _checked(writable(patch, members_of(await call.settings()), *SHOWN_ALONE))
    after: RealmSettings | None = None

    async def plan(current: RealmSettings) -> Change:
        nonlocal after
        whole: dict[str, Any] = msgspec.to_builtins(current)
        there = members_of(current)
        said = {n: v if v is None else merged(there.get(n, whole.get(n)), v) for n, v in patch.items()}
        after, planned = await call.management.plan_realm(typed({"name": call.realm, **said}, RealmInput))
        return planned

    await change(call, call.settings, plan, row(call))
    assert after is not None
    return after


def _checked(patch: dict[str, Any]) -> dict[str, Any]:
    """The patch with the switch in its place. Raises Failed for what is not changed here."""
    patch = dict(patch)
    for name in patch:
        if name in ELSEWHERE:
            raise invalid(Problem(name, f"is managed at {ELSEWHERE[name]}"))
        if name in SHOWN_ALONE:
            raise invalid(Problem(name, "cannot be changed here"))
        if name not in MEMBERS and name != SUPPORTED:
            raise invalid(Problem(name[:100], "is not a member that is known here"))
    if SUPPORTED in patch:
        switch, par = patch.pop(SUPPORTED), patch.get(PAR, {})
        if not isinstance(switch, bool):
            raise invalid(Problem(SUPPORTED, "must be true or false"))
        if not isinstance(par, dict) or par.get("supported", switch) is not switch:
            raise invalid(Problem(SUPPORTED, f"is {PAR}.supported, which is there too"))
        patch[PAR] = {**par, "supported": switch}
    return patch


def members_of(settings: RealmSettings) -> dict[str, Any]:
    """The settings in the words of the manifest, whole: defaults too."""
    return {name: _whole(getattr(settings, name)) for name in MEMBERS}


def _whole(value: Any) -> Any:
    """A record with all its members, for records leave out defaults where they are stored."""
    if isinstance(value, msgspec.Struct):
        return {name: _whole(getattr(value, name)) for name in value.__struct_fields__}
    return [_whole(one) for one in value] if isinstance(value, tuple) else value


def document(call: Call, settings: RealmSettings) -> dict[str, Any]:
    """The settings as the API shows them."""
    found = {**members_of(settings), SUPPORTED: settings.pushed_authorization_requests.supported}
    return {**found, **auth0.tenant_shown(settings)} if call.auth0 else found


def row(call: Call) -> tuple[sa.Table, dict[str, Any]]:
    """Where the settings are stored."""
    return t.realms, {"name": call.realm}
