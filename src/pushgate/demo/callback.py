"""The redirect URI of the sample application: takes the answer that the browser carries."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

HEADERS = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


class Callback:
    """An ASGI application; `answer` is the last query it got."""

    def __init__(self) -> None:
        self.answer: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Remember the answer and show it, for people who play the client with curl."""
        found = scope["method"] == "GET" and scope["path"].endswith("/callback")
        if found:
            self.answer = scope["query_string"].decode("latin-1")
        text = "There is nothing here.\n"
        if found:
            members = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            text = "The browser brought back:\n\n" + "".join(f"{name} = {value}\n" for name, value in members)
        response: Any = PlainTextResponse(text, 200 if found else 404, HEADERS)
        await response(scope, receive, send)
