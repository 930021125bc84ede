"""pushgate keys: list, rotate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from pushgate.cli.common import AsJson, RealmName, out, print_json, print_table, with_installation

SHOWN = ("kid", "alg", "created_at", "retired_at")

app = typer.Typer(no_args_is_help=True, help="Keys to sign with, and keys that others encrypt to.")


@app.command("list")
def list_(realm: RealmName = "default", as_json: AsJson = False) -> None:
    """List the keys of a realm, retired ones included."""

    from pushgate.manage.keys import kept_until

    async def work(installation: Any) -> None:
        settings = await installation.management.existing_realm(realm)
        keys = await installation.management.configuration.keys(realm)
        if as_json:
            print_json([{name: getattr(key, name) for name in SHOWN} | {"kept_until": kept_until(key, settings)}
                        for key in keys])  # fmt: skip
            return
        rows = [
            [k.alg, k.kid, _when(k.created_at), _when(k.retired_at) or "in use", _when(kept_until(k, settings))]
            for k in keys
        ]
        titles = ["ALG", "KID", "CREATED", "RETIRED", "KEPT UNTIL"]
        print_table(titles, sorted(rows), f"no keys in realm {realm}")

    with_installation(work)


@app.command("rotate")
def rotate(
    alg: Annotated[list[str] | None, typer.Option("--alg", help="Only this algorithm. Repeatable.")] = None,
    realm: RealmName = "default",
) -> None:
    """Make new keys; old ones stay published for what they signed, and open what was encrypted to them.

    Keys that were retired so long ago that nothing can need them any more are deleted.
    """
    from pushgate.jose.algorithms import ENCRYPTION, SIGNING

    known = (*SIGNING, *ENCRYPTION)

    wrong = [name for name in alg or [] if name not in known]
    if wrong:
        raise typer.BadParameter(f"--alg must be one of {', '.join(known)}")

    async def work(installation: Any) -> None:
        turned = await installation.management.rotate_keys(realm, tuple(alg or known))
        for key in turned.made:
            out.print(f"+ key      {realm}/{key.kid}  ({key.alg})", style="green", markup=False)
        for key in turned.deleted:
            line = f"- key      {realm}/{key.kid}  ({key.alg}, retired {_when(key.retired_at)})"
            out.print(line, style="red", markup=False)

    with_installation(work)


def _when(seconds: int | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
