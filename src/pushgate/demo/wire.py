"""Requests and replies as text to read: parameters one a line and decoded, long random values cut in the middle."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from pushgate.demo.page import Page

SENT = ("host", "authorization", "cookie", "content-type")
GOT = ("location", "content-type", "cache-control", "set-cookie", "www-authenticate", "pushgate-refusal")
"""The headers that matter; the others are left out."""

WIDTH = 70  # characters; an address that is longer is broken at its parameters
_RANDOM = re.compile(r"[A-Za-z0-9_-]{40,}(?:\.[A-Za-z0-9_-]{16,})*")


def short(text: str) -> str:
    """Long random values cut in the middle; the two ends are enough to recognise one."""
    return _RANDOM.sub(lambda found: _cut(found[0]), text)


def _cut(value: str) -> str:
    """A long name, such as a metadata member's, has neither capitals nor digits, and stays whole."""
    random = any(c.isupper() or c.isdigit() for c in value)
    return f"{value[:8]}...{value[-6:]}" if random else value


def request_text(request: httpx.Request) -> str:
    """A request: its first line, its headers, its form."""
    first = f"{request.method} {address(request.url.raw_path.decode())} HTTP/1.1"
    headers = [f"{_title(name)}: {_sent(name, request.headers[name])}" for name in SENT if name in request.headers]
    form = [f"{name}={short(value)}" for name, value in parse_qsl(request.content.decode(), keep_blank_values=True)]
    return "\n".join([first, *headers, *(["", *form] if form else [])])


def _sent(name: str, value: str) -> str:
    if name == "cookie":
        return ";\n    ".join(short(part.strip()) for part in value.split(";"))
    # The sample's credentials are no secret, and worth decoding.
    return value if value.startswith("Basic ") else short(value)


def reply_text(reply: httpx.Response, document: Any = None) -> str:
    """A reply: its status, its headers, its body; or this document in place of the body."""
    first = f"HTTP/1.1 {reply.status_code} {reply.reason_phrase}"
    headers = [
        f"{_title(name)}: {address(value) if name == 'location' else short(value)}"
        for name, value in reply.headers.multi_items()
        if name in GOT
    ]
    body = body_text(reply) if document is None else json_text(document)
    return "\n".join([first, *headers, *(["", body] if body else [])])


def body_text(reply: httpx.Response) -> str:
    """A body: JSON laid out, a page described, text as it is."""
    kind = reply.headers.get("content-type", "").partition(";")[0]
    if kind == "application/json":
        return json_text(reply.json())
    return page_text(Page.read(reply.text)) if kind == "text/html" else short(reply.text)


def json_text(document: Any) -> str:
    """JSON, two spaces deep; a short list stays on its line."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    text = re.sub(r"\[\s+([^\[\]{}]{1,40}?)\s+\]", lambda found: "[" + re.sub(r"\s+", " ", found[1]) + "]", text)
    return short(text)


def page_text(page: Page) -> str:
    """A page: its heading, what there is to fill in, and its buttons."""
    lines = [f'(a page: "{_joined(page.heading)}")']
    if page.lead:
        lines.append(_joined(page.lead))
    lines += [f"{name}: ________" for name in page.typed]
    lines += [f"[x] {value}" for _, value in page.ticked]
    buttons = [f"[ {_joined(button.label)} ]" for button in page.buttons.values()]
    return "\n".join([*lines, *(["  ".join(buttons)] if buttons else [])])


def address(url: str) -> str:
    """A URL; where it is long, one parameter a line and decoded."""
    parts = urlsplit(url)
    whole = short(url)
    if not parts.query or (len(whole) <= WIDTH and "%" not in whole):
        return whole
    pairs = [f"{name}={short(value)}" for name, value in parse_qsl(parts.query, keep_blank_values=True)]
    joints = ["?", *"&" * (len(pairs) - 1)]
    broken = [f"    {joint}{pair}" for joint, pair in zip(joints, pairs, strict=True)]
    return "\n".join([short(url.partition("?")[0]), *broken])


def _title(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def _joined(text: str) -> str:
    return " ".join(text.split())
