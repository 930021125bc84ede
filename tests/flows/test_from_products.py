"""docs/from-*.md do what they say: their manifests are applied, their commands run, answered by a real server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from pushgate.dialects import DIALECTS, Paths
from pushgate.testing import running
from tests.support.live import Live, free_port, serving

ROOT = Path(__file__).parents[2]
EXPORTS = ROOT / "tests/vendors/exports"
GIVEN = {
    "auth0": {"clients.json": "auth0-clients.json"},
    "wso2": {"travel.xml": "wso2-travel.xml", "dispatch.xml": "wso2-dispatch.xml"},
    "pingone-aic": {},
    "ibm-verify": {},
}
"""The files that a reader has, by the names that the page gives them: the exports of the tests."""
REALMS = {"auth0": "acme", "wso2": "acme", "pingone-aic": "alpha", "ibm-verify": "verify"}
OWN_HOST = ("auth0", "ibm-verify")
IMPORTED = {
    "auth0": ["wYt2Gk8QxV1mD7sLbN4cR9fHaJ3eUoPz", "my-app"],
    "wso2": ["hJ5sJrGH2gKLoBJkfVRQ0Xq2kYsa", "playground2"],
    "pingone-aic": ["myClient"],
    "ibm-verify": ["my-app"],
}
SEPARATOR = "--- a block ends here ---"


def page(product: str) -> str:
    """The text of a page."""
    return (ROOT / f"docs/from-{product}.md").read_text()


def blocks(product: str) -> list[tuple[str, str]]:
    """Kind and text of each fenced block, in order."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", page(product), re.DOTALL | re.MULTILINE)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A server, and `pushgate` on the path."""
    program = tmp_path / "pushgate"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pushgate "$@"\n')
    program.chmod(0o755)
    with serving(tmp_path, "realms: [{name: default}]", port=free_port()) as found:
        found.environment["PATH"] = f"{tmp_path}:{found.environment['PATH']}"
        yield found


def at(port: int | str, text: str) -> str:
    """The same where this server listens; one redirect URI, which is not ours, stays."""
    return re.sub(r"(127\.0\.0\.1|localhost):8080(?!/playground2)", rf"\1:{port}", text)


def manifest_of(product: str) -> str:
    """The manifest of a page."""
    [found] = [text for kind, text in blocks(product) if kind == "yaml"]
    return found


def follow(live: Live, product: str) -> list[str]:
    """Put the files in place and run all commands in one shell; what each block printed."""
    found = blocks(product)
    for name, export in GIVEN[product].items():
        shutil.copy(EXPORTS / export, live.folder / name)
    port = live.url.rpartition(":")[2]
    (live.folder / "realm.yaml").write_text(at(port, manifest_of(product)))
    metadata = f"{live.url}/realms/{REALMS[product]}/.well-known/openid-configuration"
    served = f"until curl -sf {metadata} > /dev/null; do sleep 0.05; done"
    script = ""
    for text in [at(port, text) for kind, text in found if kind == "bash"]:
        script += f"{text}\n{served if 'apply' in text else ':'}\necho '{SEPARATOR}'\n"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=live.folder, env=live.environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split(SEPARATOR)


def agrees(said: Any, promised: Any) -> bool:
    """Whether an answer has what the page shows of it; `...` stands for any text."""
    if isinstance(promised, dict):
        return isinstance(said, dict) and all(agrees(said.get(name), value) for name, value in promised.items())
    if isinstance(promised, str) and promised.endswith("..."):
        return isinstance(said, str) and said.startswith(promised[:-3]) and len(said) > len(promised)
    return bool(said == promised)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.requirement("VEN-M-1", "VEN-T-1")
@pytest.mark.parametrize("product", REALMS)
def test_the_page_as_written(live: Live, product: str) -> None:
    said = follow(live, product)
    found, answered = blocks(product), 0
    commands = [index for index, (kind, _) in enumerate(found) if kind == "bash"]
    for index, printed in zip(commands, said, strict=False):
        if index + 1 < len(found) and found[index + 1][0] == "json":
            promised = json.loads(found[index + 1][1])
            assert agrees(json.loads(printed), promised), printed
            answered += 1
    assert answered == len([kind for kind, _ in found if kind == "json"]) >= 2
    listed = live.pushgate("client", "list", "--realm", REALMS[product], "--json").stdout
    for client_id in IMPORTED[product]:
        assert client_id in listed


@pytest.mark.requirement("VEN-T-1", "VEN-T-2")
@pytest.mark.parametrize("product", REALMS)
async def test_every_path_of_the_page_is_published(product: str) -> None:
    dialect, realm = DIALECTS[product], REALMS[product]
    own = product in OWN_HOST
    prefix = "" if own else dialect.prefix_of(realm, "default")
    table = dict(re.findall(r"^\| ([\w' ]+) \| `(\S+)` \|", page(product), re.MULTILINE))
    known = {prefix + getattr(dialect.paths, field.name) for field in fields(Paths)}
    managing = {"Management", "An application's settings", "A client's settings", "The realm's settings"}
    for name, path in table.items():
        assert path in known or name in managing, path
    base = "http://localhost:8080" if own else "http://127.0.0.1:8080"
    async with running(manifest_of(product), base_url="http://127.0.0.1:8080") as server:
        metadata = (await server.http.get(base + table["Metadata"])).json()
        published = {value for value in metadata.values() if isinstance(value, str)}
        for name in ("Push", "Authorize", "Token", "UserInfo", "Revoke", "Keys", "Sign out"):
            assert base + table[name] in published
        for name, path in table.items():
            reply = await server.http.get(base + path.replace("{id}", "nobody"))
            assert reply.status_code != 404 or name in ("Register", "Session page", "Management"), path


@pytest.mark.parametrize("product", REALMS)
async def test_the_issuer_that_the_page_names(product: str) -> None:
    expected = {
        "auth0": "http://localhost:8080/", "ibm-verify": "http://localhost:8080",
        "wso2": "http://127.0.0.1:8080/realms/acme", "pingone-aic": "http://127.0.0.1:8080/realms/alpha",
    }[product]  # fmt: skip
    async with running(manifest_of(product), base_url="http://127.0.0.1:8080") as server:
        metadata = await server.http.get(f"/realms/{REALMS[product]}/.well-known/openid-configuration")
    assert metadata.json()["issuer"] == expected


def test_there_is_a_page_for_each_product_and_it_is_linked() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("from-*.md")}
    assert pages == {f"from-{name}.md" for name in REALMS}
    assert set(REALMS) == set(DIALECTS) - {"rfc9126"}
    for where in ("README.md", "docs/realms.md"):
        text = (ROOT / where).read_text()
        assert [name for name in pages if f"{name})" not in text] == []
    for name in pages:
        links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / "docs" / name).read_text())
        assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
