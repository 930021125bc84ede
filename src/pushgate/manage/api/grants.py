"""/grants and /users/{user_id}/grants, /users/{user_id}/consents: what users allowed clients."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from pushgate.manage import users as acts
from pushgate.manage.api.call import answer, done, nothing
from pushgate.manage.api.operation import Here, Id, operation
from pushgate.manage.api.paging import Paged, filters, fits, listed
from pushgate.manage.api.users import stored
from pushgate.model import Grant

FILTERS = ("client_id", "session_id")


def register(router: APIRouter) -> None:
    """Add the operations."""
    grants, consents = "/users/{user_id}/grants", "/users/{user_id}/consents"
    operation(router, "GET", grants, "read:grants", lists="Grant", filters=FILTERS)(list_grants)
    operation(router, "GET", consents, "read:grants", lists="Consent")(list_consents)
    operation(router, "DELETE", f"{consents}/{{client_id}}", "delete:grants", status=204, shows="")(delete_consent)
    operation(router, "GET", "/grants/{grant_id}", "read:grants", shows="Grant")(get_grant)
    operation(router, "DELETE", "/grants/{grant_id}", "delete:grants", status=204, shows="")(delete_grant)


async def list_grants(call: Here, user_id: Id, page: Paged) -> Response:
    """The grants of a user that tokens may still be made from."""
    wanted, user = filters(call, FILTERS), await stored(call, user_id)
    found = await call.management.grants(call.realm).of_user(user.sub, call.management.now())
    return listed(call, page, "grants", [one for one in map(document, found) if fits(one, wanted)])


async def list_consents(call: Here, user_id: Id, page: Paged) -> Response:
    """What a user agreed to, by client."""
    filters(call, ())
    user = await stored(call, user_id)
    found = await call.management.grants(call.realm).consents_of(user.sub)
    shown = [
        {"client_id": client_id, "scope": " ".join(sorted(scope)), "given_at": given_at}
        for client_id, (scope, given_at) in sorted(found.items())
    ]
    return listed(call, page, "consents", shown)


async def delete_consent(call: Here, user_id: Id, client_id: Id) -> Response:
    """Take back all that a user allowed a client: the consent, the grants, and with them every token."""
    user = await stored(call, user_id)
    grants = call.management.grants(call.realm)
    live = await grants.of_user(user.sub, call.management.now())
    if client_id not in {*await grants.consents_of(user.sub), *(grant.client_id for grant in live)}:
        raise nothing("consent")
    await call.management.carry_out([acts.plan_forget(call.realm, user, client_id)])
    return done()


async def get_grant(call: Here, grant_id: Id) -> Response:
    """One grant, revoked or not."""
    found = await call.management.grants(call.realm).grant(grant_id)
    if found is None:
        raise nothing("grant")
    return answer(document(found))


async def delete_grant(call: Here, grant_id: Id) -> Response:
    """End a grant with every token of it."""
    if await call.management.grants(call.realm).grant(grant_id) is None:
        raise nothing("grant")
    await call.management.carry_out([await acts.plan_revoke_grant(call.management, call.realm, grant_id)])
    return done()


def document(grant: Grant) -> dict[str, Any]:
    """A grant as the API shows it."""
    return {
        "grant_id": grant.grant_id,
        "client_id": grant.client_id,
        "user_id": grant.sub,
        "session_id": grant.sid,
        "scope": " ".join(grant.scope),
        "audience": list(grant.audience),
        "authorization_details": list(grant.authorization_details),
        "auth_time": grant.auth_time,
        "amr": list(grant.amr),
        "acr": grant.acr,
        "revoked": grant.revoked,
    }
