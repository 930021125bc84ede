"""Administrative acts on users: what is wrong with one, and how their sessions, credentials and grants end."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from pushgate.directory.local import username_of
from pushgate.events import CredentialRemoved, GrantRevoked
from pushgate.manage.change import Change, Refused
from pushgate.model import User
from pushgate.protocol.registration import Problem
from pushgate.store.durable import accounts, endings
from pushgate.store.durable.audit import append_event
from pushgate.store.durable.credentials import delete_credential
from pushgate.store.durable.grants import forget_client, revoke_grant

if TYPE_CHECKING:
    from pushgate.manage.service import Management


def problems(username: str, password: str | None, claims: dict[str, Any]) -> list[Problem]:
    """What is wrong with a user."""
    found = []
    if not username or len(username) > 255 or not username.isprintable():
        found.append(Problem("username", "must be 1 to 255 printable characters"))
    if password is not None and len(password) < 8:
        found.append(Problem("password", "must have at least 8 characters"))
    if "sub" in claims:
        found.append(Problem("claims.sub", "is made by the server"))
    return found


async def plan_delete(management: Management, realm: str, username: str) -> Change:
    """Delete a user with sessions, consents and grants. Raises Refused if there is none."""
    user = await _existing(management, realm, username)
    sub, now = user.sub, management.now()

    def work(c: sa.Connection) -> None:
        endings.end_sessions(c, realm, sub, deliver_at=now)
        accounts.delete_user(c, realm, sub)

    return Change(realm, "user", user.username, "delete", work=work)


async def plan_sign_out(management: Management, realm: str, username: str, sid: str | None = None) -> Change:
    """End all sessions of a user, or one of them, as if they had signed out. Raises Refused if there is no user."""
    user = await _existing(management, realm, username)
    work = partial(endings.end_sessions, realm=realm, sub=user.sub, deliver_at=management.now(), sid=sid)
    return Change(realm, "user", user.username, "sign out", work=work)


async def plan_remove_credential(management: Management, realm: str, username: str, credential_id: str) -> Change:
    """Take a second factor or passkey away from a user, and sign them out. Raises Refused if there is none."""
    user = await _existing(management, realm, username)
    sub, now = user.sub, management.now()
    found = await management.credentials(realm).credential(credential_id)
    if found is None or found.sub != sub:
        raise Refused([Problem("credential_id", f"{user.username!r} has no credential {credential_id!r}")])
    event = CredentialRemoved(sub, found.kind, credential_id, by="operator")

    def work(c: sa.Connection) -> None:
        delete_credential(c, realm, sub, credential_id)
        endings.end_sessions(c, realm, sub, deliver_at=now)
        append_event(c, {"at": now, "realm": realm, "event": event.name, **event.members()})

    return Change(realm, "user", user.username, "update", ("credentials",), work)


async def plan_revoke_grant(management: Management, realm: str, grant_id: str) -> Change:
    """End a grant with every token of it. Raises Refused if there is none."""
    found = await management.grants(realm).grant(grant_id)
    if found is None:
        raise Refused([Problem("grant_id", f"there is no grant {grant_id!r} in realm {realm!r}")])
    event, now = GrantRevoked(grant_id, found.client_id, "operator"), management.now()

    def work(c: sa.Connection) -> None:
        revoke_grant(c, realm, grant_id)
        append_event(c, {"at": now, "realm": realm, "event": event.name, **event.members()})

    return Change(realm, "grant", grant_id, "delete", work=work)


def plan_forget(realm: str, user: User, client_id: str) -> Change:
    """Take back all that a user allowed a client: consent, grants, and with them every token."""
    return Change(
        realm, "consent", f"{user.username} {client_id}", "delete",
        work=lambda c: forget_client(c, realm, user.sub, client_id),
    )  # fmt: skip


async def _existing(management: Management, realm: str, username: str) -> User:
    user = await management.accounts(realm).user_by_username(username_of(username))
    if user is None:
        raise Refused([Problem("username", f"there is no user {username!r} in realm {realm!r}")])
    return user
