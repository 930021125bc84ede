"""/users: local accounts, their second factors and sessions, and what they allowed clients."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Response

from pushgate import refusals
from pushgate.manage import users as acts
from pushgate.manage.api.call import Call, answer, change, create, done, nothing
from pushgate.manage.api.documents import invalid, patched, typed, writable
from pushgate.manage.api.operation import Here, Id, operation
from pushgate.manage.api.paging import Paged, filters, fits, listed
from pushgate.manage.api.problem import Failed
from pushgate.manage.change import Change
from pushgate.manage.inputs import UserInput
from pushgate.model import User
from pushgate.protocol.registration import Problem
from pushgate.store.durable import tables as t

FILTERS = ("username", "user_id", "enabled", "email")


def register(router: APIRouter) -> None:
    """Add the operations."""
    one = "/users/{user_id}"
    operation(router, "GET", "/users", "read:users", lists="User", filters=FILTERS)(list_users)
    operation(router, "POST", "/users", "create:users", status=201, body="NewUser", shows="User")(create_user)
    operation(router, "GET", one, "read:users", shows="User")(get_user)
    operation(router, "PATCH", one, "update:users", body="UserPatch", shows="User")(patch_user)
    operation(router, "DELETE", one, "delete:users", status=204)(delete_user)
    operation(router, "GET", f"{one}/credentials", "read:users", lists="Credential")(list_credentials)
    operation(router, "DELETE", f"{one}/credentials/{{credential_id}}", "update:users", status=204, shows="")(
        delete_credential
    )
    operation(router, "GET", f"{one}/sessions", "read:sessions", lists="Session")(list_sessions)
    operation(router, "DELETE", f"{one}/sessions", "delete:sessions", status=204, shows="")(sign_out_user)
    operation(router, "DELETE", f"{one}/sessions/{{session_id}}", "delete:sessions", status=204, shows="")(
        delete_session
    )


async def list_users(call: Here, page: Paged) -> Response:
    """The users of the realm, by name.

    Filters compare whole values; `email` is the claim.
    """
    wanted, accounts = filters(call, FILTERS), call.management.accounts(call.realm)
    if not wanted:
        some, total = await accounts.some_users(page.start, page.size)
        return listed(call, page, "users", [document(user) for user in some], total)
    users = await accounts.users()
    shown = [document(user) for user in users if fits({**document(user), "email": user.claims.get("email")}, wanted)]
    return listed(call, page, "users", shown)


async def create_user(call: Here) -> Response:
    """Make a local account; the server gives it its user_id, which tokens have as `sub`."""
    said = call.json()
    password = _password(said)
    wanted = typed(said, UserInput)
    planned = await call.management.plan_user(call.realm, wanted, password)
    if planned.act != "create":
        raise Failed(refusals.MANAGEMENT_EXISTS)
    await create(call, planned, (t.users, {"realm": call.realm, "username": planned.id}))
    user = await call.management.accounts(call.realm).user_by_username(planned.id)
    assert user is not None
    return answer(document(user), 201, record=user, location=f"{call.url}/users/{user.sub}")


async def get_user(call: Here, user_id: Id) -> Response:
    """One user."""
    user = await stored(call, user_id)
    return answer(document(user), record=user)


async def patch_user(call: Here, user_id: Id) -> Response:
    """Change what is named, and nothing else (JSON merge patch, RFC 7396).

    A new password, or `enabled: false`, ends every session and every token of the user.
    """
    said = call.json()
    password = _password(said)

    async def plan(current: User) -> Change:
        there = {"username": current.username, "claims": current.claims, "enabled": current.enabled}
        shown = document(current)
        wanted = typed(patched(there, writable(said, shown, *(shown.keys() - there.keys()))), UserInput)
        if wanted.username != current.username:
            raise invalid(Problem("username", "cannot be changed"))
        return await call.management.plan_user(call.realm, wanted, password)

    await change(call, lambda: stored(call, user_id), plan, row(call, user_id))
    return await get_user(call, user_id)


async def delete_user(call: Here, user_id: Id) -> Response:
    """Delete a user with sessions, consents, grants and credentials; clients are told of the sessions."""

    async def plan(current: User) -> Change:
        return await call.management.plan_delete_user(call.realm, current.username)

    await change(call, lambda: stored(call, user_id), plan, row(call, user_id))
    return done()


async def list_credentials(call: Here, user_id: Id, page: Paged) -> Response:
    """The second factors and passkeys of a user."""
    filters(call, ())
    user = await stored(call, user_id)
    names = ("credential_id", "kind", "label", "created_at", "last_used_at")
    found = await call.management.credentials(call.realm).of_user(user.sub)
    return listed(call, page, "credentials", [{name: getattr(one, name) for name in names} for one in found])


async def delete_credential(call: Here, user_id: Id, credential_id: Id) -> Response:
    """Take a second factor or passkey away, and end the user's sessions."""
    user = await stored(call, user_id)
    found = await call.management.credentials(call.realm).credential(credential_id)
    if found is None or found.sub != user.sub:
        raise nothing("credential")
    planned = await call.management.plan_remove_credential(call.realm, user.username, credential_id)
    await call.management.carry_out([planned])
    return done()


async def list_sessions(call: Here, user_id: Id, page: Paged) -> Response:
    """Where a user is signed in, the latest first."""
    filters(call, ())
    user = await stored(call, user_id)
    found = await call.management.accounts(call.realm).sessions_of(user.sub, call.management.now())
    shown = [
        {
            "session_id": session.sid,
            "user_id": session.sub,
            "username": session.username,
            "authenticated_at": int(session.authenticated_at),
            "expires_at": session.expires_at,
            "amr": list(session.amr),
            "browser": session.browser,
        }
        for _, session in found
    ]
    return listed(call, page, "sessions", shown)


async def sign_out_user(call: Here, user_id: Id) -> Response:
    """End all sessions of a user, as if they had signed out everywhere; clients are told."""
    user = await stored(call, user_id)
    await call.management.carry_out([await call.management.plan_sign_out(call.realm, user.username)])
    return done()


async def delete_session(call: Here, user_id: Id, session_id: Id) -> Response:
    """End one session of a user; clients are told."""
    user = await stored(call, user_id)
    found = await call.management.accounts(call.realm).sessions_of(user.sub, call.management.now())
    if session_id not in {session.sid for _, session in found}:
        raise nothing("session")
    planned = await acts.plan_sign_out(call.management, call.realm, user.username, session_id)
    await call.management.carry_out([planned])
    return done()


async def stored(call: Call, user_id: str) -> User:
    """A user as they are stored now. Raises Failed."""
    found = await call.management.accounts(call.realm).user(user_id)
    if found is None:
        raise nothing("user")
    return found


def document(user: User) -> dict[str, Any]:
    """A user as the API shows them; of the password nothing but whether there is one."""
    return {
        "user_id": user.sub,
        "username": user.username,
        "claims": user.claims,
        "enabled": user.enabled,
        "has_password": user.password_hash is not None,
    }


def row(call: Call, user_id: str) -> tuple[sa.Table, dict[str, Any]]:
    """Where a user is stored."""
    return t.users, {"realm": call.realm, "sub": user_id}


def _password(said: dict[str, Any]) -> str | None:
    """A password is text: nothing here is read from the server's disk. Raises Failed."""
    password = said.get("password")
    if password is not None and not isinstance(password, str):
        raise invalid(Problem("password", "must be text"))
    return password
