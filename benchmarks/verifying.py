"""Before signed requests are measured: does this server look at the signatures? A fast one that did not would win."""

import httpx

from benchmarks.scenarios import (
    ASSERTION_TYPE,
    JWT_CLIENT,
    SERVICE_CLIENT,
    Signed,
    Target,
    authorization_parameters,
    service_form,
    verifier_and_challenge,
)
from benchmarks.servers import Server, Unavailable
from benchmarks.signing import SigningKey, Statement, assertion, proof, sign_some

USED_TWICE = ("invalid_dpop_proof", "invalid_grant", "invalid_request")  # RFC 9449 names no error for it


def check_verifying(server: Server, key: SigningKey) -> None:
    """Raise Unavailable unless push and token endpoint take a good pair once, and no wrong signature."""
    target = server.target
    assert target is not None
    push = authorization_parameters(JWT_CLIENT, verifier_and_challenge()[1]) | {"state": "verifying"}
    for path, client_id, form in ((target.par, JWT_CLIENT, push), (target.token, SERVICE_CLIENT, service_form())):
        for what, signed, wanted in tries(target, path, client_id, key):
            got = outcome(send(target, path, form, signed))
            if got not in wanted:
                raise Unavailable(f"{server.name}: {what} at {path}: {got} instead of {' or '.join(wanted)}")


def tries(target: Target, path: str, client_id: str, key: SigningKey) -> list[tuple[str, Signed, tuple[str, ...]]]:
    """What is sent, and the outcomes that are right."""
    other, stranger = SigningKey.generate(), SigningKey.generate()
    url = target.url(path)
    asserted, proven = assertion(key, client_id, target.issuer), proof(other, url)

    def pair(one: Statement, two: Statement) -> Signed:
        return Signed(sign_some(([one], 1))[0], sign_some(([two], 1))[0])

    # The header still names the key that did not sign.
    forged = Statement(stranger, asserted.header, asserted.claims)
    unproven = Statement(stranger, proven.header, proven.claims)
    good, again = pair(asserted, proven), pair(asserted, proven)
    return [
        ("a good request", good, ("taken",)),
        ("a proof signed by another key", pair(asserted, unproven), ("invalid_dpop_proof",)),
        ("an assertion signed by another key", pair(forged, proven), ("invalid_client",)),
        ("a proof for another URL", pair(asserted, proof(other, target.url("/elsewhere"))), ("invalid_dpop_proof",)),
        ("the same assertion again", Signed(good.assertion, again.proof), ("invalid_client",)),
        ("the same proof again", Signed(again.assertion, good.proof), USED_TWICE),
    ]


def send(target: Target, path: str, form: dict[str, str], signed: Signed) -> httpx.Response:
    """One request with an assertion and a proof."""
    credential = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed.assertion.decode()}
    return httpx.post(target.url(path), data=form | credential, headers={"DPoP": signed.proof.decode()})


def outcome(reply: httpx.Response) -> str:
    """Taken, or the error code."""
    return "taken" if reply.status_code in (200, 201) else str(reply.json().get("error"))
