"""pushgate db, pushgate doctor."""

from __future__ import annotations

from typing import Any

import typer

from pushgate.cli.common import AsJson, ConfigFile, out, print_json, print_table, with_installation
from pushgate.config import load_settings

app = typer.Typer(no_args_is_help=True, help="The database schema.")


@app.command("status")
def status(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show where the database stands; exit code 1 if it needs an upgrade."""
    import asyncio

    from pushgate.installation import open_engine
    from pushgate.store.durable.migrate import schema_status

    settings = load_settings(config=config)

    async def run() -> bool:
        engine = open_engine(settings)
        try:
            found = schema_status(engine.writer)
        finally:
            await engine.aclose()
        document = {"database": str(settings.database_path), "current": found.current, "head": found.head}
        if as_json:
            print_json(document)
        else:
            print_table(["DATABASE", "CURRENT", "NEWEST"], [[str(v or "empty") for v in document.values()]], "")
        return found.up_to_date

    if not asyncio.run(run()):
        typer.echo("pushgate: the database needs an upgrade; run: pushgate db upgrade", err=True)
        raise typer.Exit(1)


@app.command("upgrade")
def upgrade(config: ConfigFile = None) -> None:
    """Bring the schema up to date."""
    import asyncio

    from pushgate.installation import bring_up_to_date, open_engine
    from pushgate.store.durable.migrate import schema_status

    settings = load_settings(config=config)

    async def run() -> None:
        engine = open_engine(settings)
        try:
            before = schema_status(engine.writer)
            bring_up_to_date(engine)
            after = schema_status(engine.writer)
        finally:
            await engine.aclose()
        same = before.current == after.current
        out.print(
            f"already at {after.current}" if same else f"upgraded from {before.current or 'empty'} to {after.current}"
        )

    asyncio.run(run())


def doctor(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Say what is misconfigured (exit code 1), and what is relaxed."""
    from pushgate.manage.doctor import examine

    settings = load_settings(config=config)

    async def work(installation: Any) -> bool:
        findings = await examine(installation)
        if as_json:
            print_json([{"level": f.level, "where": f.where, "finding": f.text, "advice": f.advice} for f in findings])
        else:
            rows = [[f.level, f.where, f.text, f.advice] for f in findings]
            print_table(["LEVEL", "WHERE", "FINDING", "ADVICE"], rows, "everything is in order")
        return any(f.level == "problem" for f in findings)

    if with_installation(work, settings):
        raise typer.Exit(1)
