"""A browser without a screen: keeps cookies, reads forms, presses buttons. It goes one step at a time."""

from __future__ import annotations

from urllib.parse import urljoin

import httpx

from pushgate.demo.page import Page


class Unexpected(Exception):
    """A reply is not what this step of the flow should give."""


class Browser:
    """On `http`, which keeps the cookies."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self.reply: httpx.Response | None = None

    async def open(self, url: str) -> None:
        """Go to an address."""
        self.reply = await self._http.get(url, headers={"accept": "text/html"})

    async def follow(self) -> None:
        """Go where the last reply sends the browser. Raises Unexpected where it sends it nowhere."""
        reply = self._last()
        if not reply.is_redirect:
            raise Unexpected(f"expected a redirect, got {_described(reply)}")
        await self.open(urljoin(str(reply.url), reply.headers["location"]))

    async def press(self, button: str, **typed: str) -> None:
        """Fill in the form of the page and press a button. Raises Unexpected where there is none."""
        reply = self._last()
        page = Page.read(reply.text) if reply.status_code == 200 else Page()
        if page.action is None or button not in page.buttons:
            raise Unexpected(f"expected a page with the button {button}, got {_described(reply)}")
        self.reply = await self._http.post(urljoin(str(reply.url), page.action), data=page.form(button, typed))

    def sent_to(self, place: str) -> None:
        """The last reply sends the browser to an address with this in it. Raises Unexpected."""
        reply = self._last()
        if place not in reply.headers.get("location", ""):
            raise Unexpected(f"expected a redirect to {place}, got {_described(reply)}")

    def _last(self) -> httpx.Response:
        assert self.reply is not None, "the browser has been nowhere yet"
        return self.reply


def _described(reply: httpx.Response) -> str:
    """A reply in half a line: status, and what it says."""
    heading = Page.read(reply.text).heading if reply.headers.get("content-type", "").startswith("text/html") else ""
    about = reply.headers.get("pushgate-refusal") or reply.headers.get("location") or " ".join(heading.split())
    return f"{reply.status_code} {reply.reason_phrase}" + (f" ({about})" if about else "")
