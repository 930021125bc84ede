"""What a start loads, and what it leaves for later."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

import pytest

from pushgate import server, testing
from pushgate.cli.worker import Order

SLOW = ("alembic", "webauthn", "jsonschema", "fastapi", "pydantic", "typer", "babel", "segno")
START = (
    "import pushgate.cli.worker, pushgate.cli.problems, pushgate.installation, pushgate.web.asgi, pushgate.web.run, sys"
)


def loaded(program: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_a_start_loads_no_library_that_no_push_needs() -> None:
    assert not loaded(START) & {*SLOW, *server.LATER}


@pytest.mark.parametrize(("first", "apart"), [("/usr/bin", True), ("", False), (os.getcwd(), False)])
def test_what_serves_comes_from_where_the_command_line_came_from(
    monkeypatch: pytest.MonkeyPatch, first: str, apart: bool
) -> None:
    """From the folder only for who works in a source tree."""
    monkeypatch.setattr(sys, "path", [first, *sys.path])
    order = Order("127.0.0.1", 8080, config=os.fsdecode(b"x\xff"))
    program, *flags, module, name, said = order.command()
    assert (program, module, name) == (sys.executable, "-m", "pushgate.cli.worker")
    assert ("-P" in flags) == apart
    assert Order(**json.loads(said)) == order


def test_what_is_left_for_later_needs_them() -> None:
    imports = "; ".join(f"import {name}" for name in server.LATER)
    assert loaded(f"{START}; {imports}") & set(SLOW) == {"webauthn", "jsonschema"}


async def test_it_is_loaded_when_the_server_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []
    all_loaded, loop = asyncio.Event(), asyncio.get_running_loop()

    def load(name: str) -> None:
        found.append(name)
        if len(found) == len(server.LATER):
            loop.call_soon_threadsafe(all_loaded.set)

    monkeypatch.setattr(server, "LATER_AFTER", 0)
    monkeypatch.setattr(server.importlib, "import_module", load)
    async with testing.running():
        await all_loaded.wait()
    assert tuple(found) == server.LATER


async def test_what_cannot_be_loaded_is_told_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    all_told, loop = asyncio.Event(), asyncio.get_running_loop()

    def broken(name: str) -> None:
        raise ImportError(name)

    def trouble(_: object, event: str, problem: Exception) -> None:
        told.append(f"{event} {problem}")
        if len(told) == len(server.LATER):
            loop.call_soon(all_told.set)

    monkeypatch.setattr(server, "LATER_AFTER", 0)
    monkeypatch.setattr(server.importlib, "import_module", broken)
    monkeypatch.setattr(server.Journal, "trouble", trouble)
    async with testing.running():
        await all_told.wait()
    assert told == [f"chore_failed {name}" for name in server.LATER]
