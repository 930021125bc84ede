"""GET or POST to the UserInfo endpoint (OpenID Connect Core 5.3, RFC 6750)."""

from __future__ import annotations

from pushgate import refusals
from pushgate.endpoints.context import Context
from pushgate.endpoints.http import FORM, Reply, Request, json_reply
from pushgate.protocol.tokens import claims_of_scopes, verify_access_token


async def userinfo(ctx: Context, request: Request) -> Reply:
    """The claims that the token's scopes release."""
    token = bearer_token(request)
    claims = verify_access_token(token, ctx.keys.verifying, ctx.realm.issuer.identifier, ctx.now())
    request.claimed_client = claims["client_id"]
    grant = claims.get("grant")
    if grant is None or not await ctx.grants.grant_live(grant):
        raise refusals.TOKEN_INVALID("revoked")
    client = await ctx.client(claims["client_id"])
    if client is None or not client.enabled:
        raise refusals.TOKEN_INVALID("the client is gone or disabled")
    user_claims = await ctx.services.directory.claims(ctx.name, claims["sub"])
    if user_claims is None:
        raise refusals.TOKEN_INVALID("the user is gone or disabled")
    return json_reply({**claims_of_scopes(claims["scope"].split(" "), user_claims), "sub": claims["sub"]})


def bearer_token(request: Request) -> str:
    """The one access token of a request: in the header, or in a form body; never in the query.

    Raises NoToken, InvalidRequest. RFC 6750 2.
    """
    found = [v[7:].strip() for v in request.header_values(b"authorization") if v[:7].lower() == "bearer "]
    content_type = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
    if request.method == "POST" and content_type == FORM:
        params = request.form()
        params.reject_repeated("access_token")
        if "access_token" in params:
            found.append(params["access_token"])
    if len(found) > 1:
        raise refusals.TOKEN_TWICE()
    if not found or not found[0]:
        raise refusals.TOKEN_ABSENT()
    return found[0]
