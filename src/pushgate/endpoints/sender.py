"""Who sent a request: the client, and the key that it proved to hold. Single-use values are used up here.

A request may carry up to two: the jti of a client assertion and the one of a DPoP proof. They go to the store in
one commit, at a push together with the request itself (`settle`).
"""

from __future__ import annotations

from functools import lru_cache

from pushgate import refusals
from pushgate.endpoints.client_authentication import Identified, failure_limit, identify_client
from pushgate.endpoints.context import Context
from pushgate.endpoints.http import Reply, Request
from pushgate.endpoints.in_step import in_step
from pushgate.errors import OAuthError, UseDpopNonce
from pushgate.model import Client, Confirmation, Fact
from pushgate.profiles import Policy
from pushgate.protocol import binding, client_auth, dpop
from pushgate.protocol.client_assertion import UnusedAssertion
from pushgate.protocol.client_auth import AuthenticatedClient
from pushgate.protocol.dpop import Proof
from pushgate.protocol.params import Params
from pushgate.store.ports import Mark, Row


class Sender(Fact, frozen=True):
    """An authenticated client, and the key that its tokens will be bound to."""

    client: AuthenticatedClient
    confirmation: Confirmation | None


async def authenticate_sender(ctx: Context, request: Request, params: Params, url: str) -> Sender:
    """The client that proved itself, and its key. Raises InvalidClient, InvalidDpopProof, UseDpopNonce and others.

    `url` is the endpoint's own. A client whose tokens must be bound gets no others. RFC 6749 2.3, RFC 9449 5, 5.2,
    RFC 8705 3.
    """
    found = await identify_client(ctx, request, params)
    await in_step()
    try:
        proof = proof_of(ctx, request, url, ctx.policy(found.client))
    except OAuthError:
        await settle(ctx, request, found)
        raise
    client = await settle(ctx, request, found, proof=proof)
    return Sender(client, confirmation_of(ctx, request, client.client, proof))


def confirmation_of(ctx: Context, request: Request, client: Client, proof: Proof | None) -> Confirmation | None:
    """What the client's tokens are bound to; the certificate is read only where it may count.

    Raises InvalidDpopProof, InvalidRequest, InvalidClient for a certificate that is none. See `protocol.binding`.
    """
    wanted = binding.asks_for_certificate(client, ctx.policy(client), proof is not None)
    certificate = request.certificate() if wanted else None
    return binding.bind(
        client,
        ctx.policy(client),
        None if proof is None else proof.jkt,
        None if certificate is None else certificate.thumbprint,
        certificates=ctx.realm.client_certificates,
    )


async def settle(
    ctx: Context, request: Request, found: Identified, *rows: Row, proof: Proof | None = None
) -> AuthenticatedClient:
    """Remember what may be used once and keep `rows`, all of it or nothing: exactly one use wins.

    Raises InvalidClient for a replayed assertion, InvalidDpopProof for a replayed proof, and then keeps nothing. The
    keys of `rows` are random, so they are new. RFC 7523 3 item 7, RFC 9449 11.1.
    """
    used = (_jti(ctx, found),) if isinstance(found, UnusedAssertion) else ()
    proofs = () if proof is None else (proof_mark(ctx, proof),)
    everything = (*used, *proofs, *rows)
    clash = await ctx.transient.add_all(everything) if everything else None
    if clash is not None and clash >= len(used) + len(proofs):
        raise RuntimeError("a random handle of 208 bits came twice: the random source is broken")
    if isinstance(found, UnusedAssertion) and clash == 0:
        ctx.services.buckets.count(failure_limit(ctx, request, found.client.client_id), ctx.now())
    elif clash is not None:
        raise refusals.DPOP_REPLAY()
    return found if isinstance(found, AuthenticatedClient) else client_auth.accept(found, first_use=clash is None)


def _jti(ctx: Context, assertion: UnusedAssertion) -> Mark:
    return ctx.transient.mark("jti", f"{assertion.client.client_id}\0{assertion.jti}", assertion.remember_until)


# --- DPoP (RFC 9449) --------------------------------------------------------------------------------------


def proof_of(ctx: Context, request: Request, url: str, policy: Policy, access_token: str | None = None) -> Proof | None:
    """The request's DPoP proof, which holds but may have been used before; None without one.

    Raises InvalidDpopProof, UseDpopNonce. RFC 9449 4.3, 8.
    """
    value = dpop.find_proof(request.header_values(b"dpop"))
    if value is None:
        return None
    proof = dpop.verify_proof(
        value,
        method=request.method,
        urls=_normalised(ctx.realm.issuer.called(url, request.path, request.header(b"host"))),
        now=ctx.now(),
        algorithms=policy.profile.algorithms,
        access_token=access_token,
    )
    if ctx.realm.settings.dpop_nonces:
        purpose = _purpose(ctx, resource=access_token is not None)
        try:
            dpop.check_nonce(proof, _nonce_key(ctx), purpose, ctx.now())
        except UseDpopNonce as error:
            error.dpop_nonce = dpop.make_nonce(_nonce_key(ctx), purpose, ctx.now())
            raise
    return proof


def proof_mark(ctx: Context, proof: Proof) -> Mark:
    """What remembers that a proof was used."""
    return ctx.transient.mark("dpop", proof.handle, proof.remember_until)


def with_nonce(ctx: Context, reply: Reply, *, resource: bool = False) -> Reply:
    """Where nonces are demanded, every answer brings the one to use next. RFC 9449 8.2."""
    if ctx.realm.settings.dpop_nonces:
        nonce = dpop.make_nonce(_nonce_key(ctx), _purpose(ctx, resource=resource), ctx.now())
        reply.headers.append((b"dpop-nonce", nonce.encode()))
    return reply


@lru_cache(maxsize=1024)
def _normalised(urls: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(dpop.normalise_htu, urls))


def _nonce_key(ctx: Context) -> bytes:
    return ctx.services.seal.derive(b"dpop nonce")


def _purpose(ctx: Context, *, resource: bool) -> str:
    """A nonce for tokens is none for resources, and none of another realm (RFC 9449 8)."""
    return f"{'resource' if resource else 'tokens'}\0{ctx.name}"
