"""What an ASGI scope says about a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote


def url_of(scope: Mapping[str, Any]) -> str:
    """The URL as the client sent it, without query: its escapes are as they were, for DPoP compares them."""
    path = (scope.get("raw_path") or quote(scope["path"]).encode()).partition(b"?")[0]
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return f"{scope.get('scheme', 'http')}://{host.decode('latin-1')}{path.decode('latin-1')}"


def certificate_of(scope: Mapping[str, Any]) -> bytes | str | None:
    """The certificate of the client's TLS connection, where the server tells it (ASGI extension `tls`)."""
    chain = ((scope.get("extensions") or {}).get("tls") or {}).get("client_cert_chain")
    found: bytes | str | None = next(iter(chain or ()), None)
    return found
