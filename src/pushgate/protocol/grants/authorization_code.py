"""grant_type=authorization_code: the checks before the code is consumed (RFC 6749 4.1.3)."""

from __future__ import annotations

from pushgate import refusals
from pushgate.model import AuthorizationCode, Confirmation
from pushgate.profiles import Policy
from pushgate.protocol.client_auth import AuthenticatedClient
from pushgate.protocol.params import Params
from pushgate.protocol.pkce import check_verifier


def check_owner(code: AuthorizationCode, client: AuthenticatedClient) -> None:
    """The code was issued to this client; another one learns and changes nothing. Raises InvalidGrant."""
    if code.grant.client_id != client.client.client_id:
        raise refusals.CODE_CLIENT()


def check_redemption(
    code: AuthorizationCode, params: Params, policy: Policy, confirmation: Confirmation | None, now: float
) -> None:
    """The code is alive, the redirect URI identical, the verifier and the sender's key right. Raises InvalidGrant.

    A wrong attempt does not use the code up: whoever has no verifier cannot burn it. A code without a challenge, from
    before PKCE was required, is worth nothing since.
    RFC 6749 4.1.3, RFC 7636 4.6, RFC 9449 10.
    """
    if code.expires_at <= now:
        raise refusals.CODE_INVALID("expired")
    sent = params.get("redirect_uri")
    if (code.redirect_uri is not None or sent is not None) and sent != code.redirect_uri:
        raise refusals.CODE_REDIRECT_URI()
    if code.code_challenge is None and policy.pkce_required:
        raise refusals.CODE_INVALID("issued before PKCE was required")
    check_verifier(code.code_challenge, params.get("code_verifier"), code.code_challenge_method or "S256")
    if code.dpop_jkt is not None and (confirmation is None or confirmation.jkt != code.dpop_jkt):
        raise refusals.DPOP_KEY_CODE()
