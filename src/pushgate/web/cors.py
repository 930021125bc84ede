"""Which web pages may call which endpoint: anybody for what is public, else the pages of public clients.

The authorization endpoint answers no CORS at all (RFC 9700 2.6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushgate.endpoints.http import Reply, Request

if TYPE_CHECKING:
    from pushgate.endpoints.context import Context
    from pushgate.server import AuthorizationServer
    from pushgate.web.routes import Route

EXPOSED = b"www-authenticate, x-request-id, pushgate-refusal, retry-after, dpop-nonce, x-fapi-interaction-id"
PREFLIGHT_AGE = b"600"  # seconds


async def allowed_origin(server: AuthorizationServer, ctx: Context, route: Route, request: Request) -> bytes | None:
    """The origin to name in the reply; None for a request without Origin, or of a foreign page."""
    origin = request.header(b"origin")
    if origin is None:
        return None
    if route.cors == "any":
        return b"*"
    return origin.encode("latin-1") if origin.lower() in await server.snapshot.origins(ctx) else None


def allow(reply: Reply, origin: bytes | None) -> None:
    """Add what a browser wants to see; caches must keep replies to different origins apart."""
    if origin is None:
        reply.headers.append((b"vary", b"origin"))
        return
    reply.headers += [
        (b"access-control-allow-origin", origin), (b"access-control-expose-headers", EXPOSED), (b"vary", b"origin"),
    ]  # fmt: skip


def preflight(origin: bytes | None, methods: tuple[str, ...]) -> Reply:
    """The reply to OPTIONS: empty, and without permission for a foreign page."""
    reply = Reply(204)
    if origin is not None:
        reply.headers += [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-methods", ", ".join(methods).encode()),
            (b"access-control-allow-headers", b"authorization, content-type, dpop, x-fapi-interaction-id"),
            (b"access-control-max-age", PREFLIGHT_AGE),
            (b"vary", b"origin"),
        ]
    return reply
