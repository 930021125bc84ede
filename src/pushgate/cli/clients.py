"""pushgate client: create, list, show, update, delete."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from pushgate.cli.common import AsJson, RealmName, print_changes, print_json, print_table, with_installation
from pushgate.cli.members import Members, converted, print_members, with_members

app = typer.Typer(no_args_is_help=True, help="Registered clients.")
ClientId = Annotated[str, typer.Argument(metavar="CLIENT_ID")]


@app.command("create")
def create(client_id: ClientId, members: Members = None, realm: RealmName = "default", as_json: AsJson = False) -> None:
    """Register a client; a secret it needs is generated and shown once."""
    _save(realm, client_id, members or [], exists=False, as_json=as_json)


@app.command("update")
def update(client_id: ClientId, members: Members = None, realm: RealmName = "default", as_json: AsJson = False) -> None:
    """Change members of a client; all others stay."""
    _save(realm, client_id, members or [], exists=True, as_json=as_json)


@app.command("list")
def list_(realm: RealmName = "default", as_json: AsJson = False) -> None:
    """List the clients of a realm."""

    async def work(installation: Any) -> None:
        await installation.management.existing_realm(realm)
        clients = await installation.management.configuration.clients(realm)
        if as_json:
            print_json([public_members(c) for c in clients])
            return
        rows = [
            [c.client_id, c.client_name or "", c.token_endpoint_auth_method, " ".join(c.redirect_uris)] for c in clients
        ]
        print_table(["CLIENT_ID", "NAME", "AUTHENTICATION", "REDIRECT_URIS"], rows, f"no clients in realm {realm}")

    with_installation(work)


@app.command("show")
def show(client_id: ClientId, realm: RealmName = "default", as_json: AsJson = False) -> None:
    """Show a client, without its secret."""

    async def work(installation: Any) -> None:
        client = await existing(installation, realm, client_id)
        print_members(public_members(client), as_json=as_json)

    with_installation(work)


@app.command("delete")
def delete(client_id: ClientId, realm: RealmName = "default", as_json: AsJson = False) -> None:
    """Delete a client."""

    async def work(installation: Any) -> None:
        change = await installation.management.plan_delete_client(realm, client_id)
        await installation.management.carry_out([change])
        print_changes([change], dry_run=False, as_json=as_json)

    with_installation(work)


def public_members(client: Any) -> dict[str, Any]:
    """A client's members, without its secret."""
    document: dict[str, Any] = msgspec.to_builtins(client)
    for name in ("secret", "registration_token"):
        document.pop(name, None)
    return {"client_id": document.pop("client_id"), **document}


def _save(realm: str, client_id: str, members: list[str], *, exists: bool, as_json: bool) -> None:
    from pushgate.manage.inputs import ClientInput
    from pushgate.manage.service import Refused
    from pushgate.protocol.registration import Problem, complete

    async def work(installation: Any) -> None:
        management = installation.management
        settings = await management.existing_realm(realm)
        current = await management.configuration.client(realm, client_id)
        if exists and current is None:
            raise Refused([Problem("client_id", f"there is no client {client_id!r} in realm {realm!r}")])
        if not exists and current is not None:
            raise Refused([Problem("client_id", f"{client_id!r} is there already; use update")])
        base = public_members(current) if current is not None else {}
        wanted = {**with_members(base, members), "client_id": client_id}
        typed = converted(wanted if exists else complete(wanted), ClientInput)
        secret = typed.client_secret if isinstance(typed.client_secret, str) else None
        change = await management.plan_client(settings, typed, secret)
        await management.carry_out([change])
        print_changes([change], dry_run=False, as_json=as_json)

    with_installation(work)


async def existing(installation: Any, realm: str, client_id: str) -> Any:
    """A client of a realm. Raises Refused if there is none."""
    from pushgate.manage.service import Refused
    from pushgate.protocol.registration import Problem

    client = await installation.management.configuration.client(realm, client_id)
    if client is None:
        raise Refused([Problem("client_id", f"there is no client {client_id!r} in realm {realm!r}")])
    return client
