"""A page of another site asks, again and again, whether the session is the same: in a real browser.

The application is at another port of this machine: another origin, but the same site, so that the browser keeps
cookies without TLS for it. Over TLS the cookie is for other sites too (tests/rules/test_session_management.py).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.support.live import Live, serving
from tests.support.manifests import CHALLENGE

PAGE = b"<!doctype html><html lang=en><title>The application</title><h1>Welcome back</h1>"
# Frame the server's page, ask it once, and give back what it says.
ASK = """([url, message]) => new Promise((resolve) => {
  const frame = document.createElement('iframe')
  frame.src = url
  addEventListener('message', (e) => { if (e.source === frame.contentWindow) { frame.remove(); resolve(e.data) } }, { once: true })
  frame.onload = () => frame.contentWindow.postMessage(message, new URL(url).origin)
  document.body.append(frame)
})"""  # noqa: E501


@pytest.fixture(scope="module")
def application() -> Iterator[str]:
    """A web site at a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(PAGE)))
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, application: str) -> Iterator[Live]:
    """A realm with session management."""
    app: dict[str, Any] = {
        "client_id": "near", "token_endpoint_auth_method": "none", "application_type": "native",
        "redirect_uris": [f"{application}/cb"], "scope": "openid",
    }  # fmt: skip
    realm = {
        "name": "default", "session_management": True, "clients": [app],
        "users": [{"username": name, "password": f"{name}-password"} for name in ("alice", "bob")],
    }  # fmt: skip
    with serving(tmp_path_factory.mktemp("state"), json.dumps({"realms": [realm]})) as found:
        yield found


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A browser whose console stays empty."""
    context = chromium.new_context()
    complaints: list[str] = []
    context.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    context.on("weberror", lambda e: complaints.append(str(e.error)))
    yield context.new_page()
    context.close()
    assert [text for text in complaints if "favicon" not in text] == []


def sign_in(page: Page, server: Live, application: str, username: str = "alice") -> str:
    """The session_state that the application gets."""
    query = {
        "client_id": "near", "response_type": "code", "redirect_uri": f"{application}/cb", "scope": "openid",
        "nonce": "n", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }  # fmt: skip
    page.goto(f"{server.url}/oauth2/authorize?{urlencode(query)}")
    if page.get_by_label("Username").count():
        page.get_by_label("Username").fill(username)
        page.get_by_label("Password").fill(f"{username}-password")
        page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Allow", exact=True).click()
    page.wait_for_url(f"{application}/cb?**")
    return parse_qs(urlsplit(page.url).query)["session_state"][0]


def ask(page: Page, server: Live, application: str, message: Any) -> str:
    """What the server's page answers the application's."""
    page.goto(f"{application}/asking")
    answer: str = page.evaluate(ASK, [f"{server.url}/oauth2/check-session", message])
    return answer


def test_the_frame_tells_what_became_of_the_session(page: Page, server: Live, application: str) -> None:
    state = sign_in(page, server, application)
    assert ask(page, server, application, f"near {state}") == "unchanged"
    again = sign_in(page, server, application)
    assert again != state
    assert ask(page, server, application, f"near {again}") == "unchanged"
    assert ask(page, server, application, f"near {state}") == "unchanged"
    assert ask(page, server, application, f"far {state}") == "changed"
    for nonsense in ("", "near", "near x", "near x.y z", f"near {state} more", 5, {"client": "near"}, None):
        assert ask(page, server, application, nonsense) == "error"
    page.goto(f"{server.url}/oauth2/logout")
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_role("heading", name="You are signed out").wait_for()
    assert ask(page, server, application, f"near {state}") == "changed"
    other = sign_in(page, server, application, "bob")
    assert ask(page, server, application, f"near {state}") == "changed"
    assert ask(page, server, application, f"near {other}") == "unchanged"


def test_a_browser_that_hides_the_cookie_is_told_to_stop(page: Page, server: Live, application: str) -> None:
    """Otherwise the application would ask for a new answer without end (Session Management 3.1)."""
    state = sign_in(page, server, application)
    page.context.clear_cookies()
    assert ask(page, server, application, f"near {state}") == "error"
