"""docs/registration.md does what it says: its manifest is applied, its commands run, beside a real server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.live import Live, serving

PAGE = (Path(__file__).parents[2] / "docs/registration.md").read_text()


def blocks(heading: str, kind: str) -> list[str]:
    """The fenced blocks of that kind under that heading."""
    [text] = re.findall(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A server with the manifest of the page, and `pushgate` on the path."""
    program = tmp_path / "pushgate"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pushgate "$@"\n')
    program.chmod(0o755)
    [manifest] = blocks("Turn it on", "yaml")
    with serving(tmp_path, manifest) as found:
        found.environment["PATH"] = f"{tmp_path}:{found.environment['PATH']}"
        yield found


def follow(live: Live, *headings: str) -> list[str]:
    """Run the commands under these headings in one shell; what they printed."""
    script = "".join(block for heading in headings for block in blocks(heading, "bash"))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("http://127.0.0.1:8080", live.url)],
        cwd=live.folder, env=live.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_the_whole_page(live: Live) -> None:
    said = follow(live, "Give out a token", "Register", "Look after it")
    files: dict[str, dict[str, Any]] = {
        name: json.loads((live.folder / f"{name}.json").read_text()) for name in ("client", "read", "changed")
    }
    client = files["client"]
    assert client["client_name#ja"] == "新しい"
    assert client["scope"] == "openid profile email"
    assert files["read"] == {name: value for name, value in client.items() if name != "client_secret"}
    assert files["changed"]["client_name"] == "Newer"
    assert "client_name#ja" not in files["changed"]
    assert said[-1] == "204"
    bearer = {"authorization": f"Bearer {client['registration_access_token']}"}
    assert httpx.get(client["registration_client_uri"], headers=bearer).status_code == 401
    # One of two uses is left; who has the name takes it back.
    [left] = json.loads(live.pushgate("token", "list", "--json").stdout)
    assert left["uses_left"] == 1
    assert left["name"] in live.pushgate("token", "list").stdout
    assert live.pushgate("token", "revoke", left["name"]).returncode == 0
    assert json.loads(live.pushgate("token", "list", "--json").stdout) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("initial", "--uses", "0"), "uses: must be 1 to 10000"),
        (("initial", "--expires", "0"), "expires: must be 1 to"),
        (("initial", "--realm", "nowhere"), "there is no realm 'nowhere'"),
        (("revoke", "nothing"), "there is no usable token 'nothing'"),
    ],
)
def test_commands_that_are_refused(live: Live, arguments: tuple[str, ...], complaint: str) -> None:
    done = live.pushgate("token", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert complaint in done.stderr
