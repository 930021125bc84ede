"""docs/fapi.md does what it says: its files are written, its commands run, beside a real server, in its order."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE

import httpx
import pytest

from pushgate.refusals import REFUSALS
from pushgate.testing import Browser
from tests.support.live import Live, free_port, start

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "fapi.md").read_text()
PATIENCE = 60  # seconds for one command


def section(heading: str) -> str:
    """The part of the page under this heading."""
    [text] = re.findall(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    return str(text)


def blocks(heading: str, kind: str) -> list[str]:
    """The fenced blocks of that kind under that heading."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", section(heading), re.DOTALL | re.MULTILINE)


def lines(heading: str) -> list[str]:
    """The commands under a heading, without remarks."""
    found = [line.partition("  #")[0].rstrip() for block in blocks(heading, "bash") for line in block.splitlines()]
    return [line for line in found if line]


@dataclass
class Reader:
    """Somebody who follows the page in a folder; the server has a free port instead of the usual one."""

    folder: Path
    url: str
    environment: dict[str, str] = field(default_factory=dict)
    live: Live | None = None
    page: str = ""
    """The last consent page."""

    def writes(self, name: str, heading: str, kind: str = "python") -> None:
        """Put the one block of this kind under the heading into a file, under the name that the page gives it."""
        [text] = blocks(heading, kind)
        assert f"`{name}`" in section(heading)
        (self.folder / name).write_text(text.replace("http://127.0.0.1:8080", self.url))

    def changes(self, old: str, new: str) -> None:
        """Edit bank.yaml in one place."""
        text = (self.folder / "bank.yaml").read_text()
        assert text.count(old) == 1, old
        (self.folder / "bank.yaml").write_text(text.replace(old, new))

    def runs(self, command: str) -> str:
        """Run a command of the page; what it printed."""
        done = self.tries(command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def tries(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command that may fail."""
        return subprocess.run(
            ["bash", "-ec", command],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip

    async def signs_in(self, command: str) -> tuple[str, list[str]]:
        """Run a program that prints an address and waits: where the browser ended, and what it printed then."""
        process = await asyncio.create_subprocess_exec(
            "bash", "-ec", f"exec {command}",
            cwd=self.folder, env=self.environment, stdin=PIPE, stdout=PIPE, stderr=PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            first = (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode()
            if not first.startswith("Open "):
                _, problem = await asyncio.wait_for(process.communicate(), PATIENCE)
                pytest.fail(f"{command}: {first} {problem.decode()}")
            landed, page = await self.walks(first.removeprefix("Open ").strip())
            out, problem = await asyncio.wait_for(process.communicate(f"{landed}\n".encode()), PATIENCE)
            assert process.returncode == 0, problem.decode()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        self.page = page
        return landed, out.decode().splitlines()

    async def walks(self, address: str) -> tuple[str, str]:
        """Sign in as the page says and agree: where the browser ended, and the consent page."""
        assert "`alice` with `alice-password`" in section("The client")
        async with httpx.AsyncClient(base_url=self.url) as http:
            browser = await Browser(http).open(address)
            await browser.sign_in("alice", "alice-password")
            page = "" if browser.page is None else browser.page.text
            if browser.page is not None:
                await browser.allow()
        assert browser.landed is not None
        assert browser.landed.startswith("https://budget.example/callback?")
        return browser.landed, page


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A folder with the `.venv` that the page starts from."""
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, command in (("python", ""), ("pushgate", " -m pushgate")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{command} "$@"\n')
        (programs / name).chmod(0o755)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PUSHGATE_")}
    found = Reader(tmp_path, url, environment | {"PUSHGATE_BASE_URL": url, "COLUMNS": "150"})
    yield found
    if found.live is not None:
        found.live.stop()


@pytest.mark.requirement("FAPI-5.3.2.1-4", "FMS-5.3.1-1", "JARM-2.3.4-1", "JIR-5-1")
async def test_the_whole_page(reader: Reader) -> None:
    prepared_server(reader)
    await plain_sign_in(reader)
    await signed_sign_in(reader)
    token = await payment(reader)
    introspection(reader, token)
    keys_turned(reader, token)


def prepared_server(reader: Reader) -> None:
    """Key, manifest, doctor, serve, explain."""
    reader.writes("make_key.py", "Keys for the client")
    [make_key] = lines("Keys for the client")
    key = reader.runs(make_key).strip()
    assert "d" not in json.loads(key)
    assert (reader.folder / "budget-app.jwk").stat().st_mode & 0o077 == 0
    reader.writes("bank.yaml", "The server", "yaml")
    reader.changes("BUDGET_APP_KEY", key)
    password, apply, doctor, serve, explain = lines("The server")
    assert reader.runs(f"{password}; {apply}").endswith("3 created\n")
    [finding] = reader.runs(doctor).splitlines()[1:]
    assert finding.split()[:6] == ["relaxation", "PUSHGATE_BASE_URL", "http", "on", "a", "loopback"]
    assert serve == ".venv/bin/pushgate serve"
    reader.environment["ALICE_PASSWORD"] = password.partition("=")[2]
    reader.live = start(reader.folder, port=int(reader.url.rpartition(":")[2]))
    told = " ".join(reader.runs(explain).split())
    [shown] = blocks("The server", "text")
    for line in shown.splitlines():
        assert " ".join(line.split()) in told


async def plain_sign_in(reader: Reader) -> None:
    """The security profile: DPoP tokens, and the claims of the user."""
    reader.writes("budget.py", "The client")
    [command] = lines("The client")
    _, said = await reader.signs_in(command)
    assert f"`{said[0]}`" in section("The client")
    assert "'name'" not in said[1], "the scope profile was not asked for"
    assert "'sub'" in said[1]


async def signed_sign_in(reader: Reader) -> None:
    """Message signing: what is not signed is refused, what is works, without a restart."""
    reader.writes("signed.py", "Message signing")
    change, apply, command = lines("Message signing")
    assert "~ realm    default/default  (profile)" in reader.runs(f"{change}; {apply}")
    advertised(reader, "require_signed_request_object")
    unsigned = reader.tries(lines("The client")[0])
    assert unsigned.returncode != 0
    refused = re.findall(r"is refused, with `([a-z_.]+)`", section("Message signing").replace("\n", " "))
    assert REFUSALS[refused[0]].description in unsigned.stderr
    landed, said = await reader.signs_in(command)
    assert re.fullmatch(r"https://budget\.example/callback\?response=[\w.-]+", landed)
    assert said == ["DPoP"]


def advertised(reader: Reader, member: str) -> None:
    """Until the server's metadata have this member: what was applied is in force."""
    deadline = time.monotonic() + PATIENCE
    while not httpx.get(f"{reader.url}/.well-known/openid-configuration").json().get(member):
        assert time.monotonic() < deadline, f"{member} did not come into force"


async def payment(reader: Reader) -> str:
    """Authorization details: shown to the person, and in the token response."""
    [addition] = blocks("Rich authorization", "yaml")
    reader.changes("    clients:\n", f"{addition}    clients:\n")
    reader.writes("pay.py", "Rich authorization")
    apply, command = lines("Rich authorization")
    assert "(authorization_details_types)" in reader.runs(apply)
    advertised(reader, "authorization_details_types_supported")
    _, (details, token) = await reader.signs_in(command)
    assert json.loads(details.replace("'", '"')) == [
        {"type": "payment", "amount": "99.50 EUR", "creditor": "Corner Shop"}
    ]
    for text in ("Make a payment", "Amount", "99.50 EUR", "To", "Corner Shop"):
        assert f"<bdi>{text}</bdi>" in reader.page
    return token


def introspection(reader: Reader, token: str) -> None:
    """The API with a key of its own gets a signed answer, with the payment and the key in it."""
    heading = "An API that asks about tokens"
    make_key, apply, command = lines(heading)
    [addition] = blocks(heading, "yaml")
    added = addition.replace("ACCOUNTS_API_KEY", reader.runs(make_key).strip())
    assert "`introspection_clients: [accounts-api]`" in section(heading)
    reader.changes("scopes: [accounts]}", "scopes: [accounts], introspection_clients: [accounts-api]}")
    reader.changes("    users:\n", f"{added}    users:\n")
    reader.writes("introspect.py", heading)
    assert "+ client   default/accounts-api" in reader.runs(apply)
    # A client that is new is found at once; that the resource names it, when the revision is looked at again.
    for _ in range(100):
        told = json.loads(reader.runs(command.replace("ACCESS_TOKEN", token)))
        if told["active"]:
            break
    assert (told["client_id"], told["scope"], told["aud"]) == ("budget-app", "accounts", "https://accounts.example")
    assert told["authorization_details"][0]["amount"] == "99.50 EUR"
    assert told["cnf"].keys() == {"jkt"}


def keys_turned(reader: Reader, token: str) -> None:
    """Every key has a successor, and is still listed; a token from before is still good."""
    rotate, list_ = lines("Turn the keys")
    made = re.findall(r"^\+ key      default/(\S+)  \((\S+)\)$", reader.runs(rotate), re.MULTILINE)
    assert len(made) == 6
    table = reader.runs(list_)
    assert all(kid in table for kid, _ in made)
    assert len(table.splitlines()) == 13
    assert len(re.findall(r"in use\s*$", table, re.MULTILINE)) == 6
    deadline = time.monotonic() + PATIENCE
    while len(httpx.get(f"{reader.url}/oauth2/jwks").json()["keys"]) < 12:
        assert time.monotonic() < deadline, "the new keys are not published"
    command = lines("An API that asks about tokens")[-1]
    assert json.loads(reader.runs(command.replace("ACCESS_TOKEN", token)))["active"] is True


def test_every_refusal_in_it_exists() -> None:
    named = re.findall(r"^\| `([a-z_.]+)` \|", section("When something is refused"), re.MULTILINE)
    assert len(named) >= 4
    assert [name for name in named if name not in REFUSALS] == []


def test_what_it_starts_from_is_what_the_readme_says() -> None:
    readme = (DOCS.parent / "README.md").read_text()
    make, install = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[0].splitlines()
    assert make.partition("#")[0].strip() in readme
    package = install.partition("#")[0].split()[-1]
    assert re.search(
        rf"^{package.replace('_', '-')}==", (DOCS.parent / "requirements-dev.lock").read_text(), re.MULTILINE
    )


def test_what_it_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", PAGE)
    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []
