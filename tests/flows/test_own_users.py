"""examples/own_users.py and docs/own-users.md do what they say: an application's own people sign in to a client."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from pushgate.client import PushClient
from pushgate.config import Settings
from pushgate.installation import opened
from pushgate.testing import Browser
from tests.support.live import PATIENCE, free_port

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs/own-users.md").read_text()
CALLBACK = "http://127.0.0.1:8090/callback"


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[str]:
    """The example, running as a process of its own."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = (tmp_path / "app.log").open("wb")
    command = [sys.executable, str(ROOT / "examples/own_users.py"), str(port)]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                break
        except httpx.TransportError:
            pass
        assert process.poll() is None, (tmp_path / "app.log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield url
    process.terminate()
    assert process.wait(30) is not None
    log.close()


async def test_the_example_signs_its_own_people_in(issuer: str, tmp_path: Path) -> None:
    client = PushClient(issuer, "shop", client_secret="shop-secret-of-at-least-22-characters")
    pushed = await client.push(redirect_uri=CALLBACK, scope="openid profile email")
    async with httpx.AsyncClient(base_url=issuer) as http:
        assert (await http.get("/staff")).json() == ["Ada Lovelace"]
        browser = Browser(http)
        await browser.open(pushed.authorization_url)
        assert "The Shop" in text(browser)
        await browser.sign_in("ada@shop.example", "wrong")
        assert "do not match" in text(browser)
        await browser.sign_in("Ada@Shop.example", "difference-engine")
        assert "ada@shop.example" in text(browser)
        await browser.allow()
        tokens = await client.exchange(pushed, browser.landed or "")
        assert await client.userinfo(tokens) == {
            "sub": "person-1",
            "name": "Ada Lovelace",
            "email": "ada@shop.example",
            "preferred_username": "ada@shop.example",
        }
        await browser.open("/oauth2/account")
        assert "The Shop" in text(browser)
        assert "/oauth2/account/password" not in text(browser)
        with closing(sqlite3.connect(tmp_path / "own-users-data/people.db")) as people, people:
            people.execute("update people set active = 0")
        reply = await http.get("/oauth2/userinfo", headers={"authorization": f"Bearer {tokens.access_token}"})
        assert reply.status_code == 401
        await browser.open("/oauth2/account")
        assert browser.page is not None
        assert browser.page.url.path == "/oauth2/login/own"
    assert "difference-engine" not in (tmp_path / "app.log").read_text()


def text(browser: Browser) -> str:
    """The page on the screen."""
    assert browser.page is not None, browser.landed
    return browser.page.text


async def test_the_page_shows_how_a_directory_is_given_to_the_server(tmp_path: Path) -> None:
    [port, mount] = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    names: dict[str, Any] = {}
    exec(port, names)
    app = FastAPI()
    settings = Settings(base_url="https://login.example", database_url=f"sqlite:///{tmp_path}/pushgate.db")
    names |= {"opened": opened, "Settings": lambda base_url: settings, "app": app}
    body = mount + "    yield server\n"
    exec("async def run():\n" + "".join(f"    {line}\n" for line in body.splitlines()), names)
    async for server in names["run"]():
        assert server.base_url == "https://login.example"
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://login.example") as http:
            assert (await http.get("/healthz")).json() == {"status": "ok"}
        await server.stop()
