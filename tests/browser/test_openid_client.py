"""A web application made with openid-client, and a person at a real Chromium: it registers, they sign in and out."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.peers.node import HERE, node_with
from tests.support.live import Live, serving

MANIFEST = """
realms:
  - name: default
    registration: {mode: "open", per_minute: 0}
    users: [{username: alice, password: alice-password, claims: {name: Alice, email: alice@example.com}}]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that everybody may register at, and that may call this machine back."""
    folder = tmp_path_factory.mktemp("open")
    with serving(folder, MANIFEST, PUSHGATE_FETCH_ALLOW="127.0.0.1") as found:
        yield found


@pytest.fixture(scope="module")
def application(server: Live) -> Iterator[str]:
    """The application, registered; where it is."""
    with subprocess.Popen(
        [node_with("openid-client"), "relying_party.mjs"],
        cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(json.dumps({"issuer": server.url}) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield json.loads(line)["base"]
        process.kill()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh browser."""
    context = chromium.new_context()
    yield context.new_page()
    context.close()


def shown(page: Page, title: str) -> Any:
    """What the application shows under this heading."""
    page.wait_for_url(re.compile(r"/(cb|refresh|revoke|bye)(\?|$)"), timeout=15_000)
    expect(page.get_by_role("heading", level=1), page.locator("pre").inner_text()).to_have_text(title)
    return json.loads(page.locator("pre").inner_text())


def sign_in(page: Page, application: str, flow: str, **more: str) -> dict[str, Any]:
    """Sign in with this flow, and agree."""
    query = "&".join(f"{name}={value}" for name, value in {"flow": flow, **more}.items())
    page.goto(f"{application}/login?{query}")
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill("alice-password")
    page.locator("#login-submit").click()
    page.locator("#consent-allow").click()
    found: dict[str, Any] = shown(page, "Signed in")
    return found


@pytest.mark.parametrize("flow", ["code", "hybrid", "implicit"])
def test_every_flow_signs_in_and_out(page: Page, application: str, server: Live, flow: str, tmp_path: Path) -> None:
    found = sign_in(page, application, flow, prompt="consent")
    assert found["claims"]["iss"] == server.url
    assert found["claims"]["sid"]
    assert found["refresh"] == (flow != "implicit")
    if found["refresh"]:
        page.goto(f"{application}/refresh")
        assert shown(page, "Refreshed")["name"] == "Alice"
        page.goto(f"{application}/revoke")
        assert shown(page, "Revoked") == "invalid_grant"
    page.goto(f"{application}/logout")
    page.screenshot(path=tmp_path / "logout.png", full_page=True)
    ask = page.locator("#logout-submit")
    if ask.is_visible():
        ask.click()
    if page.url.startswith(server.url):
        page.get_by_role("link").first.click()
    end = shown(page, "Signed out")
    assert {"by": "back-channel", "known": True} in end["told"]
    assert {"by": "front-channel", "sid": True} in end["told"]
    assert end["state"] == "a-state"
    page.goto(f"{application}/login?flow={flow}&prompt=none")
    expect(page.get_by_role("heading", level=1)).to_have_text("Failed")
    expect(page.locator("pre")).to_contain_text("login_required")
