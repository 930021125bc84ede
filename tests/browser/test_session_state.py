"""A page of another site asks, again and again, whether the session is the same: in a real browser.

Without TLS the application is at another port of this machine: another origin, but the same site, so that the browser
shows the cookie to a frame in it. With TLS it is at another site altogether, where browsers may hide it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from playwright.sync_api import Browser, Page

from tests.browser.relying_party import RelyingParty
from tests.support.certificates import authority
from tests.support.certificates import make as certificate
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
def near() -> Iterator[str]:
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


def manifest(redirect_uri: str) -> str:
    """A realm with session management, and the application."""
    app: dict[str, Any] = {
        "client_id": "near", "token_endpoint_auth_method": "none", "redirect_uris": [redirect_uri], "scope": "openid",
    }  # fmt: skip
    realm = {
        "name": "default", "session_management": True, "clients": [app],
        "users": [{"username": name, "password": f"{name}-password"} for name in ("alice", "bob")],
    }  # fmt: skip
    return json.dumps({"realms": [realm]})


@pytest.fixture(scope="module", params=["same-site", "other-site"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, near: str, client: RelyingParty
) -> Iterator[tuple[Live, str]]:
    """The server, and where the application is."""
    application = near if request.param == "same-site" else "https://app.example"
    folder, trust, arguments = tmp_path_factory.mktemp("state"), None, []
    if request.param == "other-site":
        names = [x509.DNSName("localhost")]
        made = certificate("localhost", issuer=authority(), san=names, eku=[ExtendedKeyUsageOID.SERVER_AUTH])
        pem, key = made.files(folder, "tls")
        (folder / "trust.pem").write_text(authority().pem)
        trust, arguments = str(folder / "trust.pem"), ["--tls-cert", pem, "--tls-key", key]
    client.pages.clear()
    with serving(folder, manifest(f"{application}/cb"), *arguments, trust=trust) as found:
        yield found, application


@pytest.fixture
def server(place: tuple[Live, str]) -> Live:
    """The server."""
    return place[0]


@pytest.fixture
def application(place: tuple[Live, str]) -> str:
    """The application's origin."""
    return place[1]


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A browser whose console stays empty."""
    context = chromium.new_context(ignore_https_errors=True)
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
    if urlsplit(page.url).path.startswith("/oauth2/consent"):
        page.get_by_role("button", name="Allow", exact=True).click()
    page.wait_for_url(f"{application}/cb?**")
    return parse_qs(urlsplit(page.url).query)["session_state"][0]


def ask(page: Page, server: Live, application: str, message: Any) -> str:
    """What the server's page answers the application's."""
    page.goto(f"{application}/asking")
    answer: str = page.evaluate(ASK, [f"{server.url}/oauth2/check-session", message])
    return answer


def hidden(page: Page, server: Live, application: str) -> bool:
    """Whether the browser keeps the cookie from the frame: of another site, many do."""
    [cookie] = [found for found in page.context.cookies() if "pushgate-state" in found["name"]]
    over_tls = server.url.startswith("https:")
    assert (cookie["secure"], cookie["sameSite"], cookie["httpOnly"]) == (
        over_tls,
        "None" if over_tls else "Lax",
        False,
    )
    page.goto(f"{application}/asking")
    page.evaluate(
        "url => { const f = document.createElement('iframe'); f.src = url; document.body.append(f) }",
        f"{server.url}/oauth2/check-session",
    )
    [frame] = page.frames[1:]
    frame.wait_for_load_state()
    found = not frame.evaluate("document.hasStorageAccess()")
    assert over_tls or not found
    return bool(found)


def test_the_frame_tells_what_became_of_the_session(page: Page, server: Live, application: str) -> None:
    state = sign_in(page, server, application)
    if hidden(page, server, application):
        # The browser keeps cookies from frames of other sites. The answer says so, and not that somebody signed out.
        assert ask(page, server, application, f"near {state}") == "error"
        return
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
