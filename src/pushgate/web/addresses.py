"""Whose request it is: the peer's address, or what a trusted proxy says."""

from __future__ import annotations

from starlette.types import Scope


def client_address(scope: Scope, headers: list[tuple[bytes, bytes]], proxies: frozenset[str]) -> str:
    """The client's address. `X-Forwarded-For` counts only from a trusted peer, read from the right.

    RFC 9700 4.13.
    """
    peer: str = scope["client"][0] if scope.get("client") else ""
    if peer not in proxies:
        return peer
    for name, value in headers:
        if name == b"x-forwarded-for":
            for hop in reversed(value.decode("latin-1").split(",")):
                if hop.strip() not in proxies:
                    return hop.strip()[:64]
    return peer
