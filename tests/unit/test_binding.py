"""What tokens are bound to: every case of the table in docs/mutual-tls.md, and what holds for all of them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from pushgate.errors import OAuthError
from pushgate.model import Client, Confirmation, RealmSettings
from pushgate.profiles import policy_of
from pushgate.protocol.binding import asks_for_certificate, bind

REALM = RealmSettings(name="default")
JKT, X5T = "j" * 43, "x" * 43
PROOF, CERTIFICATE, BOTH, NOTHING = (
    Confirmation(jkt=JKT),
    Confirmation(x5t_s256=X5T),
    Confirmation(jkt=JKT, x5t_s256=X5T),
    None,
)
TLS, DPOP = {"tls_client_certificate_bound_access_tokens": True}, {"dpop_bound_access_tokens": True}
FAPI = {"profile": "fapi2-security"}
NO_CERTIFICATE = (400, "invalid_request", "certificate.required")
NO_PROOF = (400, "invalid_dpop_proof", "dpop.required")
NEITHER = (400, "invalid_request", "certificate.or_proof")

# The columns: a proof came; a certificate came; both; neither.
TABLE: dict[str, tuple[dict[str, Any], list[Confirmation | tuple[int, str, str] | None]]] = {
    "nothing": ({}, [PROOF, NOTHING, PROOF, NOTHING]),
    "certificates": (TLS, [NO_CERTIFICATE, CERTIFICATE, BOTH, NO_CERTIFICATE]),
    "DPoP": (DPOP, [PROOF, NO_PROOF, PROOF, NO_PROOF]),
    "both": (TLS | DPOP, [NO_CERTIFICATE, NO_PROOF, BOTH, NO_PROOF]),
    "FAPI": (FAPI, [PROOF, CERTIFICATE, PROOF, NEITHER]),
    "FAPI, certificates": (FAPI | TLS, [NO_CERTIFICATE, CERTIFICATE, BOTH, NO_CERTIFICATE]),
    "FAPI, DPoP": (FAPI | DPOP, [PROOF, NO_PROOF, PROOF, NO_PROOF]),
}
SENT = [(True, False), (False, True), (True, True), (False, False)]


def outcome(members: dict[str, Any], *, proof: bool, certificate: bool, possible: bool = True) -> Any:
    """What a token request comes to: the confirmation, or the refusal."""
    client = Client(client_id="app", **members)
    policy = policy_of(REALM, client)
    read = certificate and asks_for_certificate(client, policy, proof)
    try:
        return bind(client, policy, JKT if proof else None, X5T if read else None, certificates=possible)
    except OAuthError as no:
        return no.status, no.code, no.refusal.id


@pytest.mark.requirement("MTLS-3.4-1", "DPOP-5.2-1", "FAPI-5.3.2.1-4")
@pytest.mark.parametrize("case", TABLE)
def test_the_table(case: str) -> None:
    members, expected = TABLE[case]
    assert [outcome(members, proof=p, certificate=c) for p, c in SENT] == expected


def test_where_no_certificate_can_come_only_a_proof_is_asked_for() -> None:
    assert outcome(FAPI, proof=False, certificate=False, possible=False) == NO_PROOF
    assert outcome(TLS, proof=False, certificate=False, possible=False) == NO_CERTIFICATE


def test_whoever_is_held_to_binding_gets_no_token_without_and_no_weaker_one() -> None:
    for extra, (proof, certificate) in itertools.product((FAPI, TLS, DPOP, TLS | DPOP, FAPI | TLS), SENT):
        found = outcome(extra, proof=proof, certificate=certificate)
        assert found is not None
        if isinstance(found, Confirmation):
            assert found.members()
            assert found.jkt is not None or not extra.get("dpop_bound_access_tokens")
            assert found.x5t_s256 is not None or not extra.get("tls_client_certificate_bound_access_tokens")


def test_both_members_of_the_claim() -> None:
    assert BOTH.members() == {"jkt": JKT, "x5t#S256": X5T}
    assert CERTIFICATE.members() == {"x5t#S256": X5T}
