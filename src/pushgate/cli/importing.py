"""pushgate import: clients of other products as a manifest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

Product = Literal["auth0", "keycloak", "wso2"]
NAMED = 2  # clients that a line of the report names before it counts


def import_(
    product: Annotated[Product, typer.Argument(help="Whose export it is.", metavar="auth0|keycloak|wso2")],
    files: Annotated[list[Path], typer.Argument(help="What the product exported.", metavar="FILE...")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the manifest to this file.")] = None,
    realm: Annotated[str | None, typer.Option("--realm", "-r", help="The name of the realm to be.")] = None,
) -> None:
    """Turn exported clients of another product into a manifest, and say what did not come over and why.

    The manifest goes to standard output, the report to standard error. Nothing is changed in this server:
    look at the manifest, then give it to `pushgate apply`.
    """
    import yaml

    from pushgate.manage.importers import imported

    found = imported(product, files, realm)
    text = yaml.safe_dump(found.manifest, sort_keys=False, allow_unicode=True)
    if output is None:
        sys.stdout.write(text)
    else:
        # It has secrets in it, so it is for its owner alone, like the data folder.
        output.touch(mode=0o600)
        output.write_text(text, "utf-8")
    _report(found)


def _report(found: Any) -> None:
    """What did not come over as it was; what is the same for several clients is one line."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(stderr=True, highlight=False)
    lines: dict[tuple[str, str, str], list[str]] = {}
    for remark in found.remarks:
        lines.setdefault((remark.field, remark.what, remark.reason), []).append(remark.subject)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("CLIENT", "FIELD", "WHAT", "WHY"):
        table.add_column(name, overflow="fold", ratio=3 if name == "WHY" else None)
    for (field, what, reason), subjects in lines.items():
        more = f" and {len(subjects) - NAMED} more" if len(subjects) > NAMED else ""
        who = ", ".join(subjects[:NAMED]) + more
        table.add_row(*(Text(_printable(cell)) for cell in (who, field or "-", what, reason)))
    if lines:
        console.print(table)
    clients = sum(len(realm["clients"]) for realm in found.manifest["realms"])
    left = sum(remark.what == "left out" for remark in found.remarks)
    console.print(f"{clients} clients in the manifest, {left} left out; apply it with: pushgate apply FILE")


def _printable(text: str) -> str:
    """Names come from a file that anybody may have written; a terminal gets no commands from it."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
