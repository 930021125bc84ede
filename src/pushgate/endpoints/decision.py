"""A user's decision that an application of the operator collected: allowed or denied without our consent page.

Some products let a page of their own ask. It sends `decision`, and `csrf`, which is the secret of the user's session:
who knows that is the user, or a page that the user's browser trusts with it. A client that pushes a decision does not
know it, so it can never agree in a user's place.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256

from pushgate.endpoints.browser import Browser
from pushgate.endpoints.context import Context
from pushgate.endpoints.http import Request
from pushgate.events import ConsentGiven
from pushgate.model import AuthorizationRequest, PushedAuthorizationRequest
from pushgate.protocol.interaction import consent_to
from pushgate.protocol.params import Params
from pushgate.protocol.user_claims import beyond_scopes

DECISIONS = {"allow": True, "deny": False}


@dataclass(frozen=True, slots=True)
class Decided:
    """What the user of the browser's session decided, and whether it is to be remembered."""

    allowed: bool
    saved: bool

    async def remember(
        self, ctx: Context, request: Request, record: PushedAuthorizationRequest, sub: str, scope: tuple[str, ...]
    ) -> None:
        """Keep the consent where that is wished, and say in the audit trail that it was given."""
        asked = record.request
        if self.saved:
            all_of_it = (*scope, *consent_to(asked, scope))
            await ctx.grants.save_consent(sub, asked.client_id, asked=all_of_it, granted=all_of_it, now=int(ctx.now()))
        claims = " ".join(beyond_scopes(asked, scope)) or None
        ctx.emit(ConsentGiven(sub, asked.client_id, " ".join(scope), record.correlation_id, claims), request)


def collected(params: Params, asked: AuthorizationRequest, browser: Browser) -> Decided | None:
    """The decision that came with the browser, or in the request; None where `csrf` is not this session's secret."""
    csrf = sha256(params["csrf"].encode()).hexdigest() if "csrf" in params else asked.csrf
    decision = DECISIONS.get(params.get("decision") or asked.decision or "")
    if csrf is None or decision is None or browser.session is None or browser.session_secret is None:
        return None
    if not hmac.compare_digest(csrf, browser.session_secret):
        return None
    return Decided(decision, saved=(params.get("save_consent") or asked.save_consent) == "on")
