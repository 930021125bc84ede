"""GET or POST to the UserInfo endpoint (OpenID Connect Core 5.3, RFC 6750)."""

from __future__ import annotations

from typing import Any

import msgspec

from pushgate import refusals
from pushgate.endpoints.context import Context
from pushgate.endpoints.encryption import encryption_for
from pushgate.endpoints.http import FORM, NO_STORE, Reply, Request, json_reply
from pushgate.endpoints.id_token import signing_key
from pushgate.endpoints.revoke import was_revoked
from pushgate.endpoints.sender import proof_mark, proof_of, with_nonce
from pushgate.errors import InvalidClient, InvalidDpopProof, OAuthError, UseDpopNonce
from pushgate.jose.sign import sign_jwt
from pushgate.model import Client
from pushgate.profiles import Policy
from pushgate.protocol import dpop
from pushgate.protocol.tokens import check_binding, verify_access_token
from pushgate.protocol.user_claims import released_claims


async def userinfo(ctx: Context, request: Request) -> Reply:
    """The claims that the token's scopes release, and those that were asked for by name and agreed to."""
    scheme, token = access_token_of(request)
    claims = verify_access_token(token, ctx.keys.verifying, ctx.realm.issuer.identifier, ctx.now())
    request.claimed_client = claims["client_id"]
    grant = await ctx.grants.grant(claims["grant"]) if "grant" in claims else None
    if grant is None or grant.revoked or await was_revoked(ctx, claims["jti"]):
        raise refusals.TOKEN_INVALID("revoked")
    client = await ctx.client(claims["client_id"])
    if client is None or not client.enabled:
        raise refusals.TOKEN_INVALID("the client is gone or disabled")
    user_claims = await ctx.services.directory.claims(ctx.name, grant.sub)
    if user_claims is None:
        raise refusals.TOKEN_INVALID("the user is gone or disabled")
    await confirm(ctx, request, ctx.policy(client), scheme, token, claims.get("cnf"))
    wishes = {} if grant.claims is None else grant.claims.userinfo
    found = released_claims(claims["scope"].split(" "), wishes, user_claims, grant.claims_locales)
    reply = await reply_of(ctx, client, {**found, "sub": claims["sub"]})
    return with_nonce(ctx, reply, resource=True)


async def reply_of(ctx: Context, client: Client, claims: dict[str, Any]) -> Reply:
    """JSON, or the JWT that the client registered for: signed, encrypted, or first the one and then the other.

    A signed answer has no `typ`, so that it is taken for no other token. Raises InvalidRequest without a key, for
    nothing is sent in clear instead. OpenID Connect Core 5.3.2.
    """
    signed, alg = client.userinfo_signed_response_alg, client.userinfo_encrypted_response_alg
    if signed is None and alg is None:
        return json_reply(claims)
    claims = {**claims, "iss": ctx.realm.issuer.identifier, "aud": client.client_id}
    cty = None if signed is None else "JWT"
    enc = client.userinfo_encrypted_response_enc
    seal = await encryption_for(ctx, client, alg, enc, otherwise=refusals.USERINFO_KEY, cty=cty)
    text = (
        msgspec.json.encode(claims).decode()
        if signed is None
        else sign_jwt(claims, signing_key(ctx, client, signed), None)
    )
    return Reply(200, seal(text).encode(), [(b"content-type", b"application/jwt"), *NO_STORE])


async def confirm(
    ctx: Context, request: Request, policy: Policy, scheme: str, token: str, cnf: dict[str, str] | None
) -> None:
    """A token comes in the way, and from the holder, that it was issued for; a proof of its key is used once.

    Raises InvalidToken, InvalidDpopProof, UseDpopNonce, all with what the client's profile lets proofs be signed with.
    RFC 9449 7.1, 7.2; RFC 8705 3.
    """
    try:
        jkt = check_binding(cnf, scheme, lambda: thumbprint_of(request), bound_only=policy.sender_constrained)
        if jkt is not None:
            await confirm_key(ctx, request, policy, token, jkt)
    except OAuthError as error:
        error.at_resource = isinstance(error, InvalidDpopProof | UseDpopNonce)
        error.dpop_algs = dpop.algs_within(policy.profile.algorithms)
        raise


async def confirm_key(ctx: Context, request: Request, policy: Policy, token: str, jkt: str) -> None:
    """The sender holds the DPoP key. Raises InvalidToken, InvalidDpopProof, UseDpopNonce. RFC 9449 4.3, 11.1."""
    proof = proof_of(ctx, request, ctx.realm.issuer.userinfo, policy, token)
    if proof is None:
        raise refusals.DPOP_REQUIRED()
    if proof.jkt != jkt:
        raise refusals.TOKEN_KEY()
    if await ctx.transient.add_all((proof_mark(ctx, proof),)) is not None:
        raise refusals.DPOP_REPLAY()


def thumbprint_of(request: Request) -> str | None:
    """The thumbprint of the connection's certificate; None without one that can be read."""
    try:
        certificate = request.certificate()
    except InvalidClient:
        return None
    return None if certificate is None else certificate.thumbprint


def access_token_of(request: Request) -> tuple[str, str]:
    """Scheme (`bearer` or `dpop`) and the one access token: in the header, or in a form body; never in the query.

    Raises NoToken, InvalidRequest. RFC 6750 2, RFC 9449 7.1.
    """
    found = []
    for value in request.header_values(b"authorization"):
        scheme, space, token = value.partition(" ")
        if space and scheme.lower() in ("bearer", "dpop"):
            found.append((scheme.lower(), token.strip()))
    content_type = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
    if request.method == "POST" and content_type == FORM:
        params = request.form()
        params.reject_repeated("access_token")
        if "access_token" in params:
            found.append(("bearer", params["access_token"]))
    if len(found) > 1:
        raise refusals.TOKEN_TWICE()
    if not found or not found[0][1]:
        raise refusals.TOKEN_ABSENT()
    return found[0]
