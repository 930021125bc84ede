"""What clients read before they begin: metadata and keys."""

from __future__ import annotations

from pushgate.endpoints.context import Context
from pushgate.endpoints.http import Reply, Request, json_reply

CACHEABLE = ((b"cache-control", b"public, max-age=300"),)


async def metadata_document(ctx: Context, request: Request) -> Reply:
    """RFC 8414 3.2, OpenID Connect Discovery 4.2: both documents are the same."""
    return json_reply(ctx.metadata, headers=CACHEABLE)


async def jwks_document(ctx: Context, request: Request) -> Reply:
    """The public keys, retired ones included as long as tokens may carry their signature (RFC 7517 5)."""
    return json_reply(ctx.keys.jwks, headers=CACHEABLE)
