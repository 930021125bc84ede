"""pushgate token: tokens for the management API, and initial access tokens for dynamic registration."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from pushgate.cli.common import AsJson, RealmName, out, print_json, print_table, with_installation

app = typer.Typer(no_args_is_help=True, help="Tokens that an operator gives out.")


@app.command("admin")
def admin(
    scope: Annotated[str | None, typer.Option("--scope", help="Scope values; all of them if left out.")] = None,
    seconds: Annotated[int, typer.Option("--seconds", help="Seconds until it expires.")] = 3600,
    realm: RealmName = "default",
    as_json: AsJson = False,
) -> None:
    """Make a token for the management API of a realm; it can be used where the server runs with this data."""

    async def work(installation: Any) -> None:
        from pushgate.manage.tokens import mint_admin_token
        from pushgate.protocol.management import SCOPES

        wanted = SCOPES if scope is None else tuple(scope.split())
        token = await mint_admin_token(installation.management, realm, wanted, seconds=seconds)
        if as_json:
            told = {"token_type": "Bearer", "expires_in": seconds, "scope": " ".join(wanted)}
            print_json({"access_token": token, **told})
            return
        out.print(token, markup=False)

    with_installation(work)


@app.command("initial")
def initial(
    uses: Annotated[int, typer.Option("--uses", help="How many clients can be registered with it.")] = 1,
    expires: Annotated[int, typer.Option("--expires", help="Seconds until it expires.")] = 86_400,
    realm: RealmName = "default",
    as_json: AsJson = False,
) -> None:
    """Make an initial access token, with which clients register themselves (RFC 7591)."""

    async def work(installation: Any) -> None:
        token = await (await _registrations(installation, realm)).issue_token(uses=uses, seconds=expires)
        if as_json:
            print_json({"initial_access_token": token, "uses": uses, "expires_in": expires})
            return
        out.print(f"initial access token of {realm}, shown once: {token}", markup=False)

    with_installation(work)


@app.command("list")
def list_(realm: RealmName = "default", as_json: AsJson = False) -> None:
    """List the initial access tokens that can still be used; by name, for the tokens themselves are not kept."""

    async def work(installation: Any) -> None:
        found = await (await _registrations(installation, realm)).tokens()
        if as_json:
            print_json([{"name": n, "uses_left": t.uses_left, "expires_at": t.expires_at} for n, t in found])
            return
        rows = [[name, str(t.uses_left), _when(t.created_at), _when(t.expires_at)] for name, t in found]
        print_table(["NAME", "USES LEFT", "CREATED", "EXPIRES"], rows, f"no initial access tokens in realm {realm}")

    with_installation(work)


@app.command("revoke")
def revoke(name: Annotated[str, typer.Argument(metavar="NAME")], realm: RealmName = "default") -> None:
    """Make an initial access token useless; its name is in the list."""

    async def work(installation: Any) -> None:
        await (await _registrations(installation, realm)).take_back(name)
        out.print(f"- token    {realm}/{name}", style="red", markup=False)

    with_installation(work)


async def _registrations(installation: Any, realm: str) -> Any:
    from pushgate.manage.registration import Registrations

    return Registrations(installation.management, await installation.management.existing_realm(realm))


def _when(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
