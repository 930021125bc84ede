"""pushgate realm: create, list, show, update, delete."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from pushgate.cli.common import AsJson, print_changes, print_json, print_table, with_installation
from pushgate.cli.members import Members, converted, print_members, with_members

app = typer.Typer(no_args_is_help=True, help="Realms: issuers of their own, with clients, users and keys.")
Name = Annotated[str, typer.Argument(metavar="NAME")]
ELSEWHERE = {"name": "realm", "clients": "client", "users": "user"}
"""Members of a manifest's realm that have commands of their own."""


@app.command("create")
def create(name: Name, members: Members = None, as_json: AsJson = False) -> None:
    """Create a realm with keys of its own; a running server serves it at once."""
    _save(name, members or [], exists=False, as_json=as_json)


@app.command("update")
def update(name: Name, members: Members = None, as_json: AsJson = False) -> None:
    """Change settings of a realm; all others stay. A member of an object: --set lifetimes.code=30."""
    _save(name, members or [], exists=True, as_json=as_json)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the realms."""

    async def work(installation: Any) -> None:
        realms = await installation.management.configuration.realms()
        if as_json:
            print_json([public_settings(realm) for realm in realms])
            return
        rows = [[r.name, r.profile, r.dialect, " ".join(a.identifier for a in r.resources)] for r in realms]
        print_table(["NAME", "PROFILE", "DIALECT", "RESOURCES"], rows, "no realms")

    with_installation(work)


@app.command("show")
def show(name: Name, as_json: AsJson = False) -> None:
    """Show the settings of a realm; what is not shown has its default."""

    async def work(installation: Any) -> None:
        settings = await installation.management.existing_realm(name)
        print_members(public_settings(settings), as_json=as_json)

    with_installation(work)


@app.command("delete")
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a realm with everything in it: clients, users, sessions, grants, keys."""
    from pushgate.manage.realm_acts import plan_delete_realm
    from pushgate.manage.service import Refused
    from pushgate.protocol.registration import Problem

    async def work(installation: Any) -> None:
        change = await plan_delete_realm(installation.management, name)
        if not yes and not sys.stdin.isatty():
            raise Refused([Problem("--yes", "is needed where nobody can be asked")])
        if not yes and not typer.confirm(f"Delete the realm {name} with everything in it?", err=True):
            raise Refused([Problem("realm", f"{name!r} was not deleted")])
        await installation.management.carry_out([change])
        print_changes([change], dry_run=False, as_json=as_json)

    with_installation(work)


def public_settings(settings: Any) -> dict[str, Any]:
    """A realm's settings, by the names of the manifest."""
    document: dict[str, Any] = msgspec.to_builtins(settings)
    document.pop("serial", None)
    return {"name": document.pop("name"), "profile": settings.profile, "dialect": settings.dialect, **document}


def _save(name: str, members: list[str], *, exists: bool, as_json: bool) -> None:
    from pushgate.manage.inputs import RealmInput
    from pushgate.manage.service import Refused
    from pushgate.protocol.registration import Problem

    async def work(installation: Any) -> None:
        management = installation.management
        current = await management.configuration.realm(name)
        if exists and current is None:
            raise Refused([Problem("realm", f"there is no realm {name!r}")])
        if not exists and current is not None:
            raise Refused([Problem("realm", f"{name!r} is there already; use update")])
        before: dict[str, Any] = {} if current is None else msgspec.to_builtins(current)
        wanted = with_members(before, members)
        said = {member: value for member, value in wanted.items() if value != before.get(member, msgspec.UNSET)}
        for member, command in ELSEWHERE.items():
            if member in said:
                raise Refused([Problem(f"--set {member}", f"is not set here; see: pushgate {command} --help")])
        if isinstance(said.get("tls_client_ca"), str):
            said["tls_client_ca"] = _authorities(said["tls_client_ca"])
        _, change = await management.plan_realm(converted({**said, "name": name}, RealmInput))
        await management.carry_out([change])
        print_changes([change], dry_run=False, as_json=as_json)

    with_installation(work)


def _authorities(named: str) -> str:
    """PEM text, or that of the file with this name; as in a manifest."""
    text = named if "-----BEGIN" in named else Path(named).read_text("utf-8")
    return text.strip() + "\n"
