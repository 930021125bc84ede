"""HTTP with the server: one request, one JSON object back, or one of this package's exceptions."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import httpx

from pushgate.client.errors import BadReply, Refused, Unreachable

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_CHALLENGE = re.compile(r'\b(error|error_description)="([^"]*)"')


def safe_url(url: object) -> bool:
    """Whether secrets may be sent there: https, or http on this very machine. RFC 6749 3.1, 3.2."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))


async def fetch(http: httpx.AsyncClient, method: str, url: str, **kwargs: Any) -> httpx.Response:
    """Send a request; redirects are not followed. Raises Unreachable."""
    try:
        return await http.request(method, url, follow_redirects=False, **kwargs)
    except httpx.HTTPError as problem:
        raise Unreachable(f"{method} {url}: {problem or type(problem).__name__}") from problem


def json_object(response: httpx.Response, where: str, status: int = 200) -> dict[str, Any]:
    """The JSON object of a reply with this status. Raises Refused for an OAuth error, BadReply for the rest."""
    try:
        document = response.json()
    except ValueError:
        document = None
    if response.status_code == status and isinstance(document, dict):
        return document
    members = document if isinstance(document, dict) else {}
    challenge = dict(_CHALLENGE.findall(response.headers.get("www-authenticate", "")))
    error = members.get("error") or challenge.get("error")
    if response.status_code >= 400 and isinstance(error, str):
        description = members.get("error_description") or challenge.get("error_description") or ""
        raise Refused(where, error, str(description), status=response.status_code)
    raise BadReply(f"the {where} answered {response.status_code} {response.reason_phrase}, not {status} with JSON")
