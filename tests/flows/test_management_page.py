"""docs/management-api.md does what it says: its manifest is applied, its commands run, beside a real server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.live import Live, serving

PAGE = (Path(__file__).parents[2] / "docs/management-api.md").read_text()
HERE = "http://127.0.0.1:8080"


def blocks(heading: str, kind: str) -> list[str]:
    """The fenced blocks of that kind under that heading."""
    [text] = re.findall(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A server, the file of the page, and `pushgate` on the path."""
    program = tmp_path / "pushgate"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pushgate "$@"\n')
    program.chmod(0o755)
    with serving(tmp_path, "realms: [{name: default}]") as found:
        [manifest] = blocks("Get a token as a program", "yaml")
        (tmp_path / "manager.yaml").write_text(manifest.replace(HERE, found.url))
        found.environment["PATH"] = f"{tmp_path}:{found.environment['PATH']}"
        yield found


def follow(live: Live, *headings: str) -> list[str]:
    """Run the commands under these headings in one shell; what they printed."""
    script = "".join(block for heading in headings for block in blocks(heading, "bash"))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace(HERE, live.url)],
        cwd=live.folder, env=live.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout.splitlines()


def test_the_whole_page(live: Live) -> None:
    said = follow(
        live, "Get a token as an operator", "Get a token as a program", "Clients", "Lost updates",
        "Settings of the realm", "When the answer is no",
    )  # fmt: skip
    assert said[-2:] == ["200", "412"]
    files: dict[str, dict[str, Any]] = {
        name: json.loads((live.folder / f"{name}.json").read_text())
        for name in ("token", "list", "created", "changed", "shop", "lost", "settings", "problem")
    }
    assert "update:clients" in files["token"]["scope"]
    assert [client["client_id"] for client in files["list"]["clients"]] == ["manager"]
    assert files["created"]["client_secret"]
    assert files["changed"]["require_pushed_authorization_requests"] is True
    assert files["shop"] == files["changed"]
    assert files["lost"]["errorCode"] == "management.changed"
    assert files["settings"]["lifetimes"]["code"] == 30
    assert files["settings"]["pushed_authorization_requests"] == {"supported": True, "required": False, "lifetime": 90}
    [error] = files["problem"]["errors"]
    assert (files["problem"]["status"], error["field"]) == (400, "redirect_uris[0]")


def test_the_statuses_and_scopes_of_the_page() -> None:
    from pushgate.protocol.management import SCOPES
    from pushgate.refusals import REFUSALS

    for name, refusal in REFUSALS.items():
        if name.startswith("management."):
            assert re.search(rf"^\| [0-9, ]*\b{refusal().status}\b", PAGE, re.MULTILINE), name
    for scope in SCOPES:
        assert f"`{scope.partition(':')[2]}`" in PAGE


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--scope", "write"), "scope: 'write' is not a management scope"),
        (("--seconds", "0"), "seconds: must be 1 to 86400"),
        (("--realm", "nowhere"), "there is no realm 'nowhere'"),
    ],
)
def test_a_token_that_cannot_be_made(live: Live, arguments: tuple[str, ...], complaint: str) -> None:
    done = live.pushgate("token", "admin", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert complaint in done.stderr


def test_a_token_for_programs(live: Live) -> None:
    told = json.loads(live.pushgate("token", "admin", "--scope", "read:clients", "--json").stdout)
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 3600, "read:clients")
    with live.http() as http:
        headers = {"authorization": f"Bearer {told['access_token']}"}
        assert http.get("/api/v2/clients", headers=headers).json() == []
        assert http.get("/api/v2/users", headers=headers).status_code == 403
