"""pushgate user: create, list, show, update, delete, sign out."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer

from pushgate.cli.common import AsJson, RealmName, print_changes, print_json, print_table, with_installation
from pushgate.cli.members import parse_member

app = typer.Typer(no_args_is_help=True, help="Local accounts.")
Username = Annotated[str, typer.Argument(metavar="USERNAME")]
Claims = Annotated[
    list[str] | None,
    typer.Option("--claim", help="A claim as name=value; value is JSON, or text. Repeatable.", metavar="NAME=VALUE"),
]
Password = Annotated[bool, typer.Option("--password", help="Ask for a password (or read it from standard input).")]


@app.command("create")
def create(username: Username, claims: Claims = None, realm: RealmName = "default", as_json: AsJson = False) -> None:
    """Create an account; asks for its password."""
    _save(realm, username, claims, _ask_password(), exists=False, as_json=as_json)


@app.command("update")
def update(
    username: Username,
    claims: Claims = None,
    password: Password = False,
    enabled: Annotated[bool | None, typer.Option("--enabled/--disabled", help="Whether the user may sign in.")] = None,
    realm: RealmName = "default",
    as_json: AsJson = False,
) -> None:
    """Change claims, password, or whether the user may sign in."""
    _save(realm, username, claims, _ask_password() if password else None, exists=True, enabled=enabled, as_json=as_json)


@app.command("list")
def list_(realm: RealmName = "default", as_json: AsJson = False) -> None:
    """List the accounts of a realm."""

    async def work(installation: Any) -> None:
        await installation.management.existing_realm(realm)
        users = await installation.management.accounts(realm).users()
        if as_json:
            print_json([public_members(u) for u in users])
            return
        rows = [[u.username, u.sub, "yes" if u.enabled else "no", ", ".join(u.claims)] for u in users]
        print_table(["USERNAME", "SUB", "ENABLED", "CLAIMS"], rows, f"no users in realm {realm}")

    with_installation(work)


@app.command("show")
def show(username: Username, realm: RealmName = "default", as_json: AsJson = False) -> None:
    """Show an account, where it is signed in, and the applications that may use it."""

    async def work(installation: Any) -> None:
        user = await _existing(installation, realm, username)
        members = public_members(user) | await _what_is_theirs(installation, realm, user.sub)
        if as_json:
            print_json(members)
            return
        rows = [[name, str(len(value) if isinstance(value, list) else value)] for name, value in members.items()]
        print_table(["MEMBER", "VALUE"], rows, "")

    with_installation(work)


@app.command("delete")
def delete(username: Username, realm: RealmName = "default", as_json: AsJson = False) -> None:
    """Delete an account with its sessions, consents and grants."""

    async def work(installation: Any) -> None:
        change = await installation.management.plan_delete_user(realm, username)
        await installation.management.carry_out([change])
        print_changes([change], dry_run=False, as_json=as_json)

    with_installation(work)


@app.command("sign-out")
def sign_out(username: Username, realm: RealmName = "default", as_json: AsJson = False) -> None:
    """End all sessions of a user; the applications that they used hear of it."""

    async def work(installation: Any) -> None:
        change = await installation.management.plan_sign_out(realm, username)
        await installation.management.carry_out([change])
        print_changes([change], dry_run=False, as_json=as_json)

    with_installation(work)


credentials = typer.Typer(no_args_is_help=True, help="Second factors and passkeys of a user.")
app.add_typer(credentials, name="credentials")


@credentials.command("list")
def list_credentials(username: Username, realm: RealmName = "default", as_json: AsJson = False) -> None:
    """List what a user signs in with beside the password."""

    async def work(installation: Any) -> None:
        user = await _existing(installation, realm, username)
        found = await installation.management.credentials(realm).of_user(user.sub)
        if as_json:
            print_json([credential_members(c) for c in found])
            return
        rows = [[c.credential_id, c.kind, c.label, moment(c.created_at), moment(c.last_used_at)] for c in found]
        print_table(["ID", "KIND", "LABEL", "CREATED", "LAST USED"], rows, f"{user.username} has none")

    with_installation(work)


@credentials.command("remove")
def remove_credential(
    username: Username,
    credential_id: Annotated[str, typer.Argument(metavar="ID")],
    realm: RealmName = "default",
    as_json: AsJson = False,
) -> None:
    """Take one away, of somebody who lost their phone, say; ends the user's sessions."""

    async def work(installation: Any) -> None:
        change = await installation.management.plan_remove_credential(realm, username, credential_id)
        await installation.management.carry_out([change])
        print_changes([change], dry_run=False, as_json=as_json)

    with_installation(work)


def credential_members(credential: Any) -> dict[str, Any]:
    """A credential's members, without keys and secrets."""
    names = ("credential_id", "kind", "label", "created_at", "last_used_at")
    return {name: getattr(credential, name) for name in names}


def moment(seconds: int | None) -> str:
    """A time for people."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def public_members(user: Any) -> dict[str, Any]:
    """A user's members, without the password's hash."""
    document: dict[str, Any] = msgspec.to_builtins(user)
    document.pop("password_hash", None)
    return {**document, "enabled": user.enabled}


async def _what_is_theirs(installation: Any, realm: str, sub: str) -> dict[str, Any]:
    """What the account page shows a user, for operators; times are seconds since the epoch."""
    now, grants = installation.management.now(), installation.management.grants(realm)
    sessions = await installation.management.accounts(realm).sessions_of(sub, now)
    kept = ("sid", "authenticated_at", "expires_at", "amr", "browser")
    consents = await grants.consents_of(sub)
    named = ("grant_id", "client_id", "scope", "resource", "authorization_details", "sid", "auth_time", "acr")
    return {
        "sessions": [{name: getattr(session, name) for name in kept} for _, session in sessions],
        "consents": [
            {"client_id": client_id, "scope": sorted(scope), "given_at": at}
            for client_id, (scope, at) in sorted(consents.items())
        ],
        "grants": [{name: getattr(grant, name) for name in named} for grant in await grants.of_user(sub, now)],
    }


def _ask_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _save(
    realm: str,
    username: str,
    claims: list[str] | None,
    password: str | None,
    *,
    exists: bool,
    as_json: bool,
    enabled: bool | None = None,
) -> None:
    from pushgate.directory.local import username_of
    from pushgate.manage.inputs import UserInput
    from pushgate.manage.service import Refused
    from pushgate.protocol.registration import Problem

    async def work(installation: Any) -> None:
        management = installation.management
        await management.existing_realm(realm)
        current = await management.accounts(realm).user_by_username(username_of(username))
        if exists and current is None:
            raise Refused([Problem("username", f"there is no user {username!r} in realm {realm!r}")])
        if not exists and current is not None:
            raise Refused([Problem("username", f"{username!r} is there already; use update")])
        before = current.claims if current is not None else {}
        on = enabled if enabled is not None else current is None or current.enabled
        wanted = UserInput(username=username, claims={**before, **dict(map(parse_member, claims or []))}, enabled=on)
        change = await management.plan_user(realm, wanted, password)
        await management.carry_out([change])
        print_changes([change], dry_run=False, as_json=as_json)

    with_installation(work)


async def _existing(installation: Any, realm: str, username: str) -> Any:
    from pushgate.directory.local import username_of
    from pushgate.manage.service import Refused
    from pushgate.protocol.registration import Problem

    user = await installation.management.accounts(realm).user_by_username(username_of(username))
    if user is None:
        raise Refused([Problem("username", f"there is no user {username!r} in realm {realm!r}")])
    return user
