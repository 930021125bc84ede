"""The README does what it says: its curl tour, its manifest, its test."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pushgate.testing import Browser, running
from tests.support.live import free_port

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def block(kind: str, containing: str) -> str:
    """The fenced block of that kind with that text in it."""
    found = [text for text in re.findall(rf"```{kind}\n(.*?)```", README, re.DOTALL) if containing in text]
    assert len(found) == 1, f"{len(found)} {kind} blocks with {containing!r}"
    return str(found[0])


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[str]:
    """The demo, running on a free port, after its flow."""
    port = free_port()
    command = [sys.executable, "-m", "pushgate", "demo", "--port", str(port)]
    with (tmp_path / "demo.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    while "Ctrl-C" not in (tmp_path / "demo.log").read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def curl(text: str, url: str, **values: str) -> dict[str, str]:
    """Run a curl block against this server, with placeholders filled in."""
    for name, value in {"http://127.0.0.1:8080": url, **values}.items():
        text = text.replace(name, value)
    done = subprocess.run(["bash", "-ec", text], capture_output=True, text=True, timeout=30, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_the_curl_tour(demo: str) -> None:
    pushed = curl(block("bash", "/oauth2/par"), demo)
    address = block("text", "/oauth2/authorize").strip()
    address = address.replace("http://127.0.0.1:8080", demo).replace("REQUEST_URI", pushed["request_uri"])
    async with httpx.AsyncClient(base_url=demo) as http:
        browser = Browser(http)
        await browser.open(address)
        await browser.sign_in()  # alice has consented already, in the flow that the demo played
        assert browser.page is not None
        shown = dict(re.findall(r"^(\w+) = (.*)$", browser.page.text, re.MULTILINE))
        assert shown["state"] == "from-curl"

        redeem = block("bash", "/oauth2/token")
        tokens = curl(redeem, demo, CODE=shown["code"])
        assert tokens["token_type"] == "Bearer"
        said = curl(block("bash", "/resource"), demo, ACCESS_TOKEN=tokens["access_token"])
        assert (said["client_id"], said["scope"]) == ("sample-app", "email openid")
        assert curl(redeem, demo, CODE=shown["code"])["error"] == "invalid_grant"
        again = await http.get(address)
        assert again.headers["pushgate-refusal"] == "authorize.request_uri_used"


async def test_the_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_APP_SECRET", "a-secret-of-at-least-22-characters")
    monkeypatch.setenv("ALICE_PASSWORD", "alice-password")
    async with running(block("yaml", "my-app")) as server:
        form = {"response_type": "code", "redirect_uri": "https://app.example/callback", "scope": "openid"}
        auth = ("my-app", "a-secret-of-at-least-22-characters")
        assert (await server.http.post("/oauth2/par", auth=auth, data=form)).status_code == 201


async def test_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    exec(block("python", "pushgate.testing"), names)
    test = names["test_sign_in"]
    assert callable(test)
    await test()


def test_what_it_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
