"""pushgate explain."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pushgate.cli.clients import ClientId, existing
from pushgate.cli.common import AsJson, ConfigFile, print_json, print_table, with_installation
from pushgate.config import load_settings

Realm = Annotated[str, typer.Argument(metavar="REALM")]


def explain(realm: Realm, client_id: ClientId, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show every rule that a client is held to, and where it comes from."""
    from pushgate.manage import explain as manage

    async def work(installation: Any) -> None:
        settings = await installation.management.existing_realm(realm)
        lines = manage.explain(settings, await existing(installation, realm, client_id))
        if as_json:
            print_json([{"rule": line.rule, "value": line.value, "source": line.source} for line in lines])
        else:
            print_table(["RULE", "VALUE", "SOURCE"], [[line.rule, line.value, line.source] for line in lines], "")

    with_installation(work, load_settings(config=config))
