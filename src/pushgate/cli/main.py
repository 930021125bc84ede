"""Entry point: the table of commands, and how refusals end. Exit codes: 0 done, 1 refused, 2 wrong usage."""

from __future__ import annotations

import os
import sys

import typer
from rich.console import Console

from pushgate import __version__
from pushgate.cli import (
    clients,
    database,
    explain,
    importing,
    keys,
    manifests,
    realms,
    resources,
    schema,
    serving,
    tokens,
    users,
)

app = typer.Typer(
    name="pushgate",
    help="The authorization server whose front door is the pushed authorization request (RFC 9126).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(serving.serve)
app.command("demo")(serving.demo)
app.command("apply")(manifests.apply)
app.command("export")(manifests.export)
app.command("schema")(schema.schema)
app.command("import")(importing.import_)
app.command("doctor")(database.doctor)
app.command("explain")(explain.explain)
app.add_typer(realms.app, name="realm")
app.add_typer(clients.app, name="client")
app.add_typer(users.app, name="user")
app.add_typer(resources.app, name="resource")
app.add_typer(keys.app, name="keys")
app.add_typer(tokens.app, name="token")
app.add_typer(database.app, name="db")


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"pushgate {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


def main() -> None:
    """Run the command line; a refusal is one clear line on stderr and exit code 1."""
    from pushgate.cli.problems import expected_problems, lines_of

    try:
        app(prog_name="pushgate")
    except BrokenPipeError:
        # Whoever reads our output (`| head`) has seen enough; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except expected_problems() as problem:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        for line in lines_of(problem):
            console.print(line, style="red", markup=False)
        sys.exit(1)
