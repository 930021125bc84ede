"""pushgate resource: create, list, show, update, delete."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from pushgate.cli.common import AsJson, RealmName, print_changes, print_json, print_table, with_installation
from pushgate.cli.members import Members, converted, print_members, with_members

app = typer.Typer(no_args_is_help=True, help="APIs that access tokens are for, and their scope values.")
Identifier = Annotated[str, typer.Argument(metavar="IDENTIFIER")]


@app.command("create")
def create(
    identifier: Identifier, members: Members = None, realm: RealmName = "default", as_json: AsJson = False
) -> None:
    """Name an API: --set 'scopes=["read","write"]'."""
    _save(realm, identifier, members or [], exists=False, as_json=as_json)


@app.command("update")
def update(
    identifier: Identifier, members: Members = None, realm: RealmName = "default", as_json: AsJson = False
) -> None:
    """Change members of an API; all others stay."""
    _save(realm, identifier, members or [], exists=True, as_json=as_json)


@app.command("list")
def list_(realm: RealmName = "default", as_json: AsJson = False) -> None:
    """List the APIs of a realm."""

    async def work(installation: Any) -> None:
        resources = (await installation.management.existing_realm(realm)).resources
        if as_json:
            print_json([_members(resource) for resource in resources])
            return
        rows = [[r.identifier, " ".join(r.scopes), " ".join(r.introspection_clients)] for r in resources]
        print_table(["IDENTIFIER", "SCOPES", "INTROSPECTION_CLIENTS"], rows, f"no resources in realm {realm}")

    with_installation(work)


@app.command("show")
def show(identifier: Identifier, realm: RealmName = "default", as_json: AsJson = False) -> None:
    """Show an API."""
    from pushgate.manage.resources import existing_resource

    async def work(installation: Any) -> None:
        settings = await installation.management.existing_realm(realm)
        print_members(_members(existing_resource(settings, identifier)), as_json=as_json)

    with_installation(work)


@app.command("delete")
def delete(identifier: Identifier, realm: RealmName = "default", as_json: AsJson = False) -> None:
    """Delete an API: no token is made for it any more; those that were live out."""
    from pushgate.manage.resources import plan_delete_resource

    async def work(installation: Any) -> None:
        change = await plan_delete_resource(installation.management, realm, identifier)
        await installation.management.carry_out([change])
        print_changes([change], dry_run=False, as_json=as_json)

    with_installation(work)


def _members(resource: Any) -> dict[str, Any]:
    return {"identifier": "", "scopes": [], "introspection_clients": [], **msgspec.to_builtins(resource)}


def _save(realm: str, identifier: str, members: list[str], *, exists: bool, as_json: bool) -> None:
    from pushgate.manage.inputs import ResourceInput
    from pushgate.manage.resources import existing_resource, plan_resource

    async def work(installation: Any) -> None:
        management = installation.management
        settings = await management.existing_realm(realm)
        before = msgspec.to_builtins(existing_resource(settings, identifier)) if exists else {}
        wanted = converted({**with_members(before, members), "identifier": identifier}, ResourceInput)
        change = await plan_resource(management, realm, wanted, exists=exists)
        await management.carry_out([change])
        print_changes([change], dry_run=False, as_json=as_json)

    with_installation(work)
