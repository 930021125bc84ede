"""The command line as a process of its own, from a parent that has imported everything already.

Starting Python and importing the server takes a second; a fork of a process that has done so takes none. What is new in
the child is what a command sees: its folder, its environment, its arguments, and its three streams.
"""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

PATIENCE = 60  # seconds for one command
PRELOADED = (
    "pushgate.installation", "pushgate.manage.manifest", "pushgate.manage.doctor", "pushgate.manage.explain",
    "pushgate.manage.registration", "alembic.command", "typer.main", "rich.table", "tests.support.commands",
)  # fmt: skip
"""All but the commands themselves, which look at their terminal when they are imported."""

Done = subprocess.CompletedProcess[str]
_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload([*PRELOADED])


def command(folder: Path, *arguments: str, environment: dict[str, str], input: str | None = None) -> Done:
    """`pushgate ...` in a folder, with this environment and no other."""
    with tempfile.TemporaryDirectory() as kept:
        streams = [Path(kept, name) for name in ("stdin", "stdout", "stderr")]
        streams[0].write_text(input or "")
        child = _server.Process(target=_become, args=(str(folder), arguments, environment, [*map(str, streams)]))
        child.start()
        child.join(PATIENCE)
        if child.is_alive():
            child.kill()
            raise subprocess.TimeoutExpired(arguments, PATIENCE)
        assert child.exitcode is not None
        return Done(["pushgate", *arguments], child.exitcode, streams[1].read_text(), streams[2].read_text())


def run(folder: Path, *arguments: str, input: str | None = None, **settings: str) -> Done:
    """`pushgate ...` in a folder, with these settings and no others."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PUSHGATE_")}
    return command(folder, *arguments, environment=environment | settings, input=input)


def done(folder: Path, *arguments: str, input: str | None = None, **settings: str) -> str:
    """The output of a command that succeeds, and has nothing to complain about."""
    found = run(folder, *arguments, input=input, **settings)
    assert (found.returncode, found.stderr) == (0, ""), found
    return found.stdout


def failed(folder: Path, *arguments: str, input: str | None = None, **settings: str) -> str:
    """The one line of a command that is refused: exit code 1, nothing on standard output."""
    found = run(folder, *arguments, input=input, **settings)
    assert (found.returncode, found.stdout) == (1, ""), found
    [line] = found.stderr.splitlines()
    assert line.startswith("pushgate: ")
    return line.removeprefix("pushgate: ")


def everything(folder: Path) -> list[str]:
    """All that the durable store holds, as SQL."""
    with closing(sqlite3.connect(folder / "pushgate-data" / "pushgate.db")) as database, database:
        return list(database.iterdump())


def _become(folder: str, arguments: tuple[str, ...], environment: dict[str, str], streams: list[str]) -> None:
    """In the child: be `pushgate ARGUMENTS`."""
    for number, (path, flags) in enumerate(zip(streams, (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)):
        os.dup2(os.open(path, flags | (0 if flags == os.O_RDONLY else os.O_CREAT | os.O_APPEND)), number)
    standard: list[Any] = [open(number, "r" if number == 0 else "w", closefd=False) for number in range(3)]  # noqa: SIM115
    sys.stdin, sys.stdout, sys.stderr = standard
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["pushgate", *arguments]
    from pushgate.cli.main import main

    try:
        main()
    finally:
        for stream in standard[1:]:
            stream.flush()
