"""pushgate apply, pushgate export."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pushgate.cli.common import ConfigFile, print_changes, watched, with_installation
from pushgate.config import load_settings


def apply(
    files: Annotated[list[Path], typer.Argument(help="Manifests, YAML or JSON.", metavar="FILE...")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, change nothing.")] = False,
    config: ConfigFile = None,
) -> None:
    """Make realms, clients and users what the manifests say. All of it, or nothing."""
    from pushgate.manage.manifest import Applier, read

    documents = [read(path) for path in files]

    async def work(installation: Any) -> None:
        with watched("looking at the manifest") as progress:
            changes = await Applier(installation.management).apply(documents, dry_run=dry_run, progress=progress)
        print_changes(changes, dry_run=dry_run)

    with_installation(work, load_settings(config=config))


def export(
    realm: Annotated[str | None, typer.Option("--realm", "-r", help="Only this realm.")] = None,
    with_secrets: Annotated[
        bool, typer.Option("--with-secrets", help="Include secrets that are kept in clear.")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Print the manifest of what is there."""
    import yaml

    from pushgate.manage.manifest import export as manifest_of

    async def work(installation: Any) -> None:
        document = await manifest_of(installation.management, realm, with_secrets=with_secrets)
        sys.stdout.write(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))

    with_installation(work, load_settings(config=config))
