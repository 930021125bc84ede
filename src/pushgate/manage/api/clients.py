"""/clients."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import quote

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Response

from pushgate import refusals
from pushgate.manage.api import auth0
from pushgate.manage.api.call import Call, answer, change, create, done, nothing
from pushgate.manage.api.documents import invalid, patched, typed, writable
from pushgate.manage.api.operation import Here, Id, operation
from pushgate.manage.api.paging import Paged, cut, filters, fits, listed
from pushgate.manage.api.problem import Failed
from pushgate.manage.change import Change
from pushgate.manage.inputs import ClientInput
from pushgate.manage.secret import plan_new_secret
from pushgate.model import Client, RealmSettings
from pushgate.profiles import COMPLIANCE_LEVELS
from pushgate.protocol.registration import Problem, complete
from pushgate.store.durable import tables as t

MEMBERS = tuple(name for name in ClientInput.__struct_fields__ if name != "client_secret")
FILTERS = (
    "client_id", "client_name", "token_endpoint_auth_method", "application_type", "profile", "enabled",
    "self_registered", "require_pushed_authorization_requests", "software_id",
)  # fmt: skip
IGNORED = ("app_type", "is_first_party", "is_global", "external_client_id", "q")
"""What Auth0's clients may ask a list for, and gets the whole list."""
CHOSEN = ("id_token_signed_response_alg", "authorization_signed_response_alg")
DEFAULTS = ("RS256", "PS256")
"""What ID Tokens and JARM responses are signed with where a registration does not say, by profile."""
PUSH = "require_pushed_authorization_requests"


def register(router: APIRouter) -> None:
    """Add the operations."""
    operation(router, "GET", "/clients", "read:clients", lists="Client", filters=FILTERS)(list_clients)
    operation(router, "POST", "/clients", "create:clients", status=201, body="NewClient", shows="Client")(create_client)
    operation(router, "GET", "/clients/{client_id}", "read:clients", shows="Client")(get_client)
    operation(router, "PATCH", "/clients/{client_id}", "update:clients", body="ClientPatch", shows="Client")(
        patch_client
    )
    operation(router, "PUT", "/clients/{client_id}", "update:clients", body="NewClient", shows="Client")(replace_client)
    operation(router, "DELETE", "/clients/{client_id}", "delete:clients", status=204)(delete_client)
    operation(router, "POST", "/clients/{client_id}/rotate-secret", "update:clients", shows="Client")(
        rotate_client_secret
    )


async def list_clients(call: Here, page: Paged) -> Response:
    """The clients of the realm, by client_id.

    Filters compare whole values. Secrets are never shown.
    """
    wanted = filters(call, FILTERS, *(IGNORED if call.auth0 else ()))
    configuration = call.management.configuration
    if not wanted:
        some, total = await configuration.some_clients(call.realm, page.start, page.size)
        return listed(call, page, "clients", [document(call, client) for client in some], total)
    shown = [document(call, client) for client in await configuration.clients(call.realm)]
    return listed(call, page, "clients", [one for one in shown if fits(one, wanted)])


async def create_client(call: Here) -> Response:
    """Register a client.

    Without client_id it gets a random one; a secret that it needs and that is not given is made. The answer is the
    only one that shows the secret.
    """
    said = call.json()
    members = complete(auth0.with_defaults(said) if call.auth0 else _with_profile(said))
    client_id = members.setdefault("client_id", secrets.token_hex(16))
    wanted, secret = input_of(members)
    settings = await call.settings()
    check_switch(settings, members)
    if await call.management.configuration.client(call.realm, wanted.client_id) is not None:
        raise Failed(refusals.MANAGEMENT_EXISTS)
    planned = await call.management.plan_client(settings, wanted, secret)
    await create(call, planned, row(call, client_id))
    assert planned.client is not None
    told = document(call, planned.client) | ({"client_secret": planned.secret} if planned.secret else {})
    return answer(told, 201, record=planned.client, location=f"{call.url}/clients/{_quoted(client_id)}")


async def get_client(call: Here, client_id: Id) -> Response:
    """One client."""
    client = await stored(call, client_id)
    assert call.http is not None
    return answer(cut(document(call, client), call.http), record=client)


async def patch_client(call: Here, client_id: Id) -> Response:
    """Change what is named, and nothing else (JSON merge patch, RFC 7396); in force at once."""
    client = await update(call, client_id, named(call, call.json()))
    return answer(document(call, client), record=client)


async def replace_client(call: Here, client_id: Id) -> Response:
    """Replace a registration: what is left out has its default again. The secret stays if none is given."""
    said = named(call, call.json())
    if said.setdefault("client_id", client_id) != client_id:
        raise invalid(Problem("client_id", "cannot be changed"))
    settings = await call.settings()

    async def plan(current: Client) -> Change:
        members = complete(_with_profile(own(current, said)))
        wanted, secret = input_of(members)
        check_switch(settings, members)
        return await call.management.plan_client(settings, wanted, secret)

    planned = await change(call, lambda: stored(call, client_id), plan, row(call, client_id))
    assert planned.client is not None
    told = document(call, planned.client) | ({"client_secret": planned.secret} if planned.secret else {})
    return answer(told, record=planned.client)


async def delete_client(call: Here, client_id: Id) -> Response:
    """Delete a client with its grants and consents."""

    async def plan(current: Client) -> Change:
        return await call.management.plan_delete_client(call.realm, client_id)

    await change(call, lambda: stored(call, client_id), plan, row(call, client_id))
    return done()


async def rotate_client_secret(call: Here, client_id: Id) -> Response:
    """Make a new secret; the old one is worth nothing from now on. The answer is the only one that shows it."""
    settings = await call.settings()
    secret = ""

    async def plan(current: Client) -> Change:
        nonlocal secret
        planned, secret = await plan_new_secret(call.management, settings, current)
        return planned

    planned = await change(call, lambda: stored(call, client_id), plan, row(call, client_id))
    assert planned.client is not None
    return answer(document(call, planned.client) | {"client_secret": secret}, record=planned.client)


# --- What other shapes use too --------------------------------------------------------------------------------


async def stored(call: Call, client_id: str) -> Client:
    """A client as it is stored now. Raises Failed."""
    found = await call.management.configuration.client(call.realm, client_id)
    if found is None:
        raise nothing("client")
    return found


async def update(call: Call, client_id: str, patch: dict[str, Any]) -> Client:
    """Change what a patch names, in our words. Raises Failed, Refused, Forbidden."""
    if patch.get("client_id", client_id) != client_id:
        raise invalid(Problem("client_id", "cannot be changed"))
    settings = await call.settings()

    async def plan(current: Client) -> Change:
        said = _with_profile(own(current, patch))
        there = members_of(current)
        if "profile" in said:  # what the profile chose, and nobody else, is chosen again
            there |= {name: None for name in CHOSEN if there[name] in DEFAULTS}
        wanted, secret = input_of(patched(there, said))
        check_switch(settings, patch)
        return await call.management.plan_client(settings, wanted, secret)

    planned = await change(call, lambda: stored(call, client_id), plan, row(call, client_id))
    assert planned.client is not None
    return planned.client


def members_of(client: Client) -> dict[str, Any]:
    """A client in the words of the manifest, whole; of the secret nothing."""
    found = {name: getattr(client, name) for name in MEMBERS}
    plain: dict[str, Any] = msgspec.to_builtins(found)
    return plain


def document(call: Call, client: Client) -> dict[str, Any]:
    """A client as the API shows it."""
    found = members_of(client)
    found["compliance_level"] = client.compliance_level or auth0.level_of(client)
    if client.client_id_issued_at is not None:
        found["client_id_issued_at"] = client.client_id_issued_at
    return {**found, **auth0.shown(call.realm, client)} if call.auth0 else found


def own(client: Client, said: dict[str, Any]) -> dict[str, Any]:
    """A body without what is shown of the client and not kept: its age, a level that only tells its profile.

    A level that comes without a profile was not read here: somebody chose it.
    """
    shown: dict[str, Any] = {"client_id_issued_at": client.client_id_issued_at}
    if client.compliance_level is None and "profile" in said:
        shown["compliance_level"] = auth0.level_of(client)
    return writable(said, shown, *shown)


def named(call: Call, said: dict[str, Any]) -> dict[str, Any]:
    """What a body says, in our words. Raises Failed."""
    shown = {"tenant": call.realm, "global": False}
    return auth0.taken(writable(said, shown, *shown)) if call.auth0 else said


def _with_profile(said: dict[str, Any]) -> dict[str, Any]:
    """A compliance level says the profile too, and a profile alone makes an older level meaningless."""
    level = said.get("compliance_level")
    if "compliance_level" in said and "profile" not in said:
        return {**said, "profile": COMPLIANCE_LEVELS.get(level) if isinstance(level, str) else None}
    if "profile" in said and "compliance_level" not in said:
        return {**said, "compliance_level": None}
    return said


def input_of(members: dict[str, Any]) -> tuple[ClientInput, str | None]:
    """A client as the service takes it, and the secret. A secret is text: nothing here is read from the server's disk.

    Raises Failed.
    """
    secret = members.get("client_secret")
    if secret is not None and not isinstance(secret, str):
        raise invalid(Problem("client_secret", "must be text"))
    wanted = typed(members, ClientInput)
    if wanted.client_id == "":
        raise invalid(Problem("client_id", "must not be empty"))
    return wanted, secret


def check_switch(settings: RealmSettings, said: dict[str, Any]) -> None:
    """Pushing cannot be demanded while the realm has it switched off. Raises Failed."""
    if said.get(PUSH) is True and not settings.pushed_authorization_requests.supported:
        raise invalid(Problem(PUSH, "needs pushed requests, which the realm has switched off"))


def row(call: Call, client_id: str) -> tuple[sa.Table, dict[str, Any]]:
    """Where a client is stored."""
    return t.clients, {"realm": call.realm, "client_id": client_id}


def _quoted(client_id: str) -> str:
    return quote(client_id, safe="")
