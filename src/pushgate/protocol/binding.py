"""What tokens are bound to: the key of a DPoP proof, the client's certificate, or both (RFC 9449 5, RFC 8705 3)."""

from __future__ import annotations

from pushgate import refusals
from pushgate.model import Client, Confirmation
from pushgate.profiles import Policy


def asks_for_certificate(client: Client, policy: Policy, proved: bool) -> bool:
    """Whether a certificate may bind the client's tokens; `proved`: a DPoP proof came.

    It does where it is registered, and where the tokens have to be bound and nothing else binds them.
    """
    return client.tls_client_certificate_bound_access_tokens or (policy.sender_constrained and not proved)


def bind(
    client: Client, policy: Policy, jkt: str | None, thumbprint: str | None, *, certificates: bool
) -> Confirmation | None:
    """The `cnf` of the tokens to come. `jkt`: of the proof; `thumbprint`: of the certificate, where it may count.

    Who registered for one kind of binding gets no token without it, and with both registered or sent both count.
    Otherwise a proof goes before a certificate. `certificates`: clients of this server can show some.
    Raises InvalidDpopProof, InvalidRequest. RFC 9449 5.2, RFC 8705 3, 3.4; FAPI2-SP 5.3.2.1.
    """
    if client.dpop_bound_access_tokens and jkt is None:
        raise refusals.DPOP_REQUIRED()
    if client.tls_client_certificate_bound_access_tokens and thumbprint is None:
        raise refusals.CERTIFICATE_REQUIRED()
    if jkt is None and thumbprint is None:
        if policy.sender_constrained:
            raise refusals.CERTIFICATE_OR_PROOF() if certificates else refusals.DPOP_REQUIRED()
        return None
    return Confirmation(jkt=jkt, x5t_s256=thumbprint)
