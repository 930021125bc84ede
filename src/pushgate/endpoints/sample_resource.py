"""GET or POST to the sample resource: an API that shows, and lets clients try, what its callers' tokens say.

It is checked by the same code that anybody's API imports (pushgate.resource), and is there only where the server
is told so.
"""

from __future__ import annotations

from uuid import UUID, uuid4

from pushgate.endpoints.context import Context
from pushgate.endpoints.http import NO_STORE, Header, Reply, Request, json_reply
from pushgate.endpoints.own_resource import own_resource, rules_for
from pushgate.endpoints.sender import with_nonce
from pushgate.endpoints.userinfo import thumbprint_of
from pushgate.events import RequestRefused
from pushgate.resource import AccessRefused, AccessToken

INTERACTION = b"x-fapi-interaction-id"


async def sample_resource(ctx: Context, request: Request) -> Reply:
    """What the access token says. It is for the issuer, or for this resource's own URL."""
    interaction = (INTERACTION, interaction_id(request.header(INTERACTION)).encode())
    try:
        audience = (ctx.realm.issuer.identifier, url_of(ctx))
        token = await own_resource(ctx, "resource", audience, await rules_for(ctx, request)).check(
            method=request.method,
            url=url_of(ctx),
            headers=request.headers,
            certificate=thumbprint_of(request),
        )
    except AccessRefused as why:
        return refused(ctx, request, why, interaction)
    request.claimed_client = token.client_id
    reply = with_nonce(ctx, json_reply(told(token)), resource=True)
    reply.headers.append(interaction)
    return reply


def told(token: AccessToken) -> dict[str, object]:
    """What the sample tells of a token: nothing that its holder does not know."""
    return {
        "sub": token.sub,
        "client_id": token.client_id,
        "scope": " ".join(sorted(token.scope)),
        "aud": list(token.audience),
        "exp": token.expires_at,
        "scheme": token.scheme,
        "cnf": dict(token.cnf),
    }


def url_of(ctx: Context) -> str:
    """The URL of the sample in this realm."""
    return f"{ctx.realm.issuer.root}/resource"


def interaction_id(value: str | None) -> str:
    """The caller's `x-fapi-interaction-id` if it is a UUID, else a new one. FAPI 1.0 6.2.1 items 11 and 12."""
    try:
        usual = value is not None and str(UUID(value)) == value.lower()
    except ValueError:
        usual = False
    return value if value is not None and usual else str(uuid4())


def refused(ctx: Context, request: Request, why: AccessRefused, *more: Header) -> Reply:
    """The answer that AccessRefused describes, and its line in the log."""
    ctx.emit(
        RequestRefused(
            endpoint=request.endpoint,
            refusal=why.refusal,
            error=why.error,
            status=why.status,
            detail=why.detail or None,
        ),
        request,
    )
    kept = ("www-authenticate", "pushgate-refusal", "dpop-nonce", "retry-after")
    headers = [(name.lower().encode(), value.encode()) for name, value in why.headers if name.lower() in kept]
    return json_reply(why.body, why.status, (*NO_STORE, *headers, *more))
