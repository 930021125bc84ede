"""A user's decision that an application of the operator collected: allowed or denied without our consent page.

Some products let a page of their own ask. It sends `decision`, and `csrf`, which is the secret of the user's session:
who knows that is the user, or a page that the user's browser trusts with it. A client that pushes a decision does not
know it, so it can never agree in a user's place.
"""

from __future__ import annotations

import hmac

from pushgate.model import AuthorizationRequest, Fact
from pushgate.protocol.interaction import session_digest
from pushgate.protocol.params import Params

DECISIONS = {"allow": True, "deny": False}


class Decided(Fact, frozen=True):
    """What the user of the browser's session decided, and whether it is to be remembered."""

    allowed: bool
    saved: bool


def collected(params: Params, asked: AuthorizationRequest, session: bytes | None) -> Decided | None:
    """The decision that came with the browser, or in the request; None where `csrf` is not the session's secret.

    `session` is the digest of the browser's live session, None without one.
    """
    csrf = session_digest(params["csrf"]) if "csrf" in params else asked.csrf
    decision = DECISIONS.get(params.get("decision") or asked.decision or "")
    if session is None or csrf is None or decision is None or not hmac.compare_digest(csrf, session):
        return None
    return Decided(decision, (params.get("save_consent") or asked.save_consent) == "on")
