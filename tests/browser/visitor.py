"""A person at a real Chromium, and what must hold on every page that the person sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, Response, expect

from tests.browser.relying_party import Arrival, RelyingParty
from tests.support.live import Live
from tests.support.manifests import APP, REDIRECT, REQUEST, VERIFIER

PATIENCE = 10_000  # milliseconds for a page to come
CLIENT = "https://app.example"
SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["with-javascript", "without-javascript"])
BAD_STATUS = "Failed to load resource: the server responded with a status of 4"


@dataclass
class Watch:
    """Everything that a browser asked for and complained about."""

    live: Live
    strangers: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    unprotected: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Beginnings of the complaints that the test provokes."""

    def on(self, context: BrowserContext) -> None:
        """Start watching."""
        context.on("request", self._request)
        context.on("response", self._response)
        context.on("console", self._console)
        context.on("weberror", lambda error: self._complain(str(error.error)))

    def _complain(self, text: str) -> None:
        if not text.startswith(tuple(self.expected)):
            self.complaints.append(text)

    def _request(self, request: Request) -> None:
        own = request.url.startswith((f"{self.live.url}/", "data:", "about:"))
        to_client = urlsplit(request.url).hostname == "app.example" and request.is_navigation_request()
        if not own and not to_client:
            self.strangers.append(request.url)

    def _response(self, response: Response) -> None:
        if not response.url.startswith(self.live.url):
            return
        headers, is_page = response.headers, response.request.resource_type == "document"
        if response.status in (301, 302, 307, 308):  # RFC 9700 4.12
            self._complain(f"{response.status} {response.url}")
        if not is_page and response.status >= 400:
            self._complain(f"{response.status} {response.url}")
        if headers.get("content-type", "").startswith("text/html") and not protected(headers):
            self.unprotected.append(f"{response.url}: {headers}")

    def _console(self, message: ConsoleMessage) -> None:
        # Chromium reports the status of every error page; nothing else belongs on its console.
        if message.type in ("error", "warning") and not message.text.startswith(BAD_STATUS):
            self._complain(message.text)


def protected(headers: dict[str, str]) -> bool:
    """Whether a page may not be framed, run foreign things, be stored, or be told of in a Referer."""
    policy = headers.get("content-security-policy", "")
    return (
        policy.startswith("default-src 'none';")
        and "frame-ancestors 'none'" in policy
        and headers.get("x-frame-options") == "DENY"
        and headers.get("referrer-policy") == "no-referrer"
        and headers.get("x-content-type-options") == "nosniff"
        and "no-store" in headers.get("cache-control", "")
    )


@dataclass
class Visitor:
    """A browser with its own cookies."""

    live: Live
    client: RelyingParty
    context: BrowserContext
    page: Page
    watch: Watch
    folder: Path

    @property
    def main(self) -> Locator:
        """The page without its frame."""
        return self.page.get_by_role("main")

    def push(self, **changes: str | None) -> str:
        """Push a request, with `changes` in it; the authorization URL."""
        form = {name: value for name, value in {**REQUEST, "prompt": "consent", **changes}.items() if value is not None}
        reply = httpx.post(f"{self.live.url}/oauth2/par", auth=APP, data=form)
        assert reply.status_code == 201, reply.text
        query = urlencode({"client_id": "app", "request_uri": reply.json()["request_uri"]})
        return f"{self.live.url}/oauth2/authorize?{query}"

    def start(self, **changes: str | None) -> str:
        """Push a request and go to its authorization URL, which is returned."""
        url = self.push(**changes)
        self.page.goto(url)
        return url

    def tab(self) -> Visitor:
        """Another tab of this browser."""
        return Visitor(self.live, self.client, self.context, self.context.new_page(), self.watch, self.folder)

    def complete(self, username: str = "alice") -> None:
        """Go the whole way once: from now on there is a session."""
        self.start()
        self.sign_in(username)
        self.press("Allow")
        self.answer()

    def sign_in(self, username: str = "alice", password: str | None = None) -> None:
        """Fill in the login page, by the labels that a person reads, and send it."""
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(password or f"{username}-password")
        self.press("Sign in")

    def press(self, button: str) -> None:
        """Press the button with this text."""
        self.page.get_by_role("button", name=button, exact=True).click()

    def sees(self, heading: str) -> None:
        """The one first-level heading of the page says this."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading, timeout=PATIENCE)

    def sees_login(self) -> None:
        """The login page is on the screen."""
        self.sees("Sign in")
        assert "/login/" in self.page.url

    def sees_consent(self) -> None:
        """The consent page is on the screen."""
        self.sees("Allow The App to use your account?")
        assert "/consent/" in self.page.url

    def sees_refusal(self, heading: str, error: str, refusal: str) -> None:
        """An error page is on the screen, with everything on it that support needs."""
        self.sees(heading)
        facts = self.page.get_by_role("definition")
        expect(facts.nth(0)).to_have_text(error)
        expect(facts.nth(1)).to_have_text(refusal)
        expect(facts.nth(2)).not_to_be_empty()

    def sees_used(self) -> None:
        """The page that says: this was answered already."""
        self.sees_refusal("This sign-in cannot go on", "invalid_request_uri", "authorize.request_uri_used")

    def finds_it_used(self, url: str) -> None:
        """Visiting the authorization URL again leads nowhere."""
        self.page.goto(url)
        self.sees_used()

    def sees_focus(self, name: str) -> None:
        """The element of this name has the keyboard, and one can see that."""
        focused = self.page.locator(":focus")
        expect(focused).to_have_accessible_name(name)
        style = focused.evaluate("e => { const s = getComputedStyle(e); return [s.outlineStyle, s.outlineWidth] }")
        assert style == ["solid", "3px"], f"{name}: {style}"

    def arrival(self) -> Arrival:
        """How the browser came to the client; waits for it."""
        self.page.wait_for_url(f"{CLIENT}/**", timeout=PATIENCE)
        self.sees("Welcome back")
        return self.client.arrivals[-1]

    def answer(self) -> dict[str, str]:
        """The authorization response that arrived: in the query, without telling where it came from."""
        arrival = self.arrival()
        assert arrival.method == "GET"
        assert arrival.url.startswith(f"{REDIRECT}?")
        assert "referer" not in arrival.headers
        answer = dict(arrival.answer)
        assert len(answer) == len(arrival.answer)
        assert (answer.pop("state"), answer.pop("iss")) == (REQUEST["state"], self.live.url)
        return answer

    def redeem(self, code: str) -> dict[str, Any]:
        """The token response for a code."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
        reply = httpx.post(f"{self.live.url}/oauth2/token", auth=APP, data=form)
        assert reply.status_code == 200, reply.text
        tokens: dict[str, Any] = reply.json()
        return tokens

    def shot(self, name: str) -> None:
        """Keep a picture of the whole page among the test's files."""
        self.page.screenshot(path=self.folder / f"{name}.png", full_page=True)


Arrive = Callable[..., Visitor]
"""Somebody comes with a fresh browser; keywords are the browser's options."""
