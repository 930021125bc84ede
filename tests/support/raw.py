"""Requests past every client that would repair, cache or refuse them: straight into the ASGI application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from pushgate.web.asgi import Application

Header = tuple[bytes, bytes]


@dataclass
class Answer:
    """What the application sent back."""

    status: int
    headers: httpx.Headers
    body: bytes


async def raw(
    app: Application,
    method: str,
    path: str,
    *,
    query: bytes = b"",
    headers: list[Header] | None = None,
    body: bytes = b"",
) -> Answer:
    """Send exactly this; `path` is decoded, as servers hand it over."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": quote(path).encode(), "query_string": query, "root_path": "",
        "headers": headers or [], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8080),
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *rest = sent
    return Answer(start["status"], httpx.Headers(start["headers"]), b"".join(m.get("body", b"") for m in rest))
