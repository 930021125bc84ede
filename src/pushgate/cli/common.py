"""What the commands share: settings, opening the data, output."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pushgate.config import Settings, load_settings

T = TypeVar("T")

ConfigFile = Annotated[Path | None, typer.Option("--config", help="Settings file instead of ./pushgate.toml.")]
RealmName = Annotated[str, typer.Option("--realm", "-r", help="The realm to work in.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

MANY = 500  # things from which on work is worth a bar

out = Console(highlight=False, soft_wrap=True)


def with_installation(work: Callable[[Any], Awaitable[T]], settings: Settings | None = None) -> T:
    """Open the data the settings name, run `work` on it, close it."""
    from pushgate.installation import opened

    async def run() -> T:
        async with opened(settings or load_settings()) as installation:
            return await work(installation)

    return asyncio.run(run())


def print_json(document: Any) -> None:
    """JSON on standard output, for programs."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def watched(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal for work on many things, where somebody looks. Call it with done, and of how many."""
    from rich.progress import Progress, TaskID

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        tasks: list[TaskID] = []

        def show(done: int, of: int) -> None:
            if of < MANY or done % (of // 100):
                return
            if not tasks:
                tasks.append(bar.add_task(what, total=of))
            bar.update(tasks[0], completed=done)

        yield show


def print_table(columns: list[str], rows: list[list[str]], empty: str) -> None:
    """A table for people, or a sentence where there is nothing to show."""
    if not rows:
        out.print(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    out.print(table)


def print_changes(changes: list[Any], *, dry_run: bool, as_json: bool = False) -> None:
    """What was done, one line a thing, generated secrets last so that they are not overlooked."""
    if as_json:
        names = ("realm", "object", "id", "act", "fields")
        rows = [
            {name: getattr(c, name) for name in names} | ({"client_secret": c.secret} if c.secret else {})
            for c in changes
        ]
        print_json(rows[0] if len(rows) == 1 else rows)
        return
    marks = {
        "create": ("+", "green"),
        "update": ("~", "yellow"),
        "delete": ("-", "red"),
        "sign out": ("-", "yellow"),
        "unchanged": ("=", "dim"),
    }
    counts: dict[str, int] = {}
    shown = [c for c in changes if c.act != "unchanged"] if len(changes) > 50 else changes
    lines = []
    for change in shown:
        mark, style = marks[change.act]
        fields = f"  ({', '.join(change.fields)})" if change.fields else ""
        lines.append(Text(f"{mark} {change.object:<8} {change.realm}/{change.id}{fields}", style=style))
    if lines:  # at once: line by line, thousands take seconds
        out.print(Text("\n").join(lines))
    for change in changes:
        counts[change.act] = counts.get(change.act, 0) + 1
    words = {"create": "created", "update": "updated", "delete": "deleted", "unchanged": "unchanged"}
    words["sign out"] = "signed out"
    summary = ", ".join(f"{count} {words[act]}" for act, count in counts.items()) or "nothing to do"
    out.print(f"{'dry run, nothing was changed: ' if dry_run else ''}{summary}")
    for change in changes:
        if change.secret and not dry_run:
            out.print(f"client_secret of {change.realm}/{change.id}, shown once: {change.secret}", markup=False)
