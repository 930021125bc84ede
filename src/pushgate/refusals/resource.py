"""Protected resources: UserInfo (RFC 6750)."""

from __future__ import annotations

from pushgate import errors as e
from pushgate.errors import Refusal

TOKEN_ABSENT = Refusal(
    "userinfo.token_missing", e.NoToken, "An access token is needed.", "Send Authorization: Bearer and the token.",
)  # fmt: skip
TOKEN_TWICE = Refusal(
    "userinfo.token_twice", e.InvalidRequest, "The access token was sent in more than one way.",
    "Send it in the Authorization header only.",
)  # fmt: skip
TOKEN_INVALID = Refusal(
    "userinfo.token_invalid", e.InvalidToken, "The access token is invalid, expired or revoked.",
    "Get a new access token of this issuer.",
)  # fmt: skip
TOKEN_BOUND = Refusal(
    "userinfo.token_scheme", e.InvalidToken, "The access token was not sent in the way that it was issued for.",
    "Send a token with token_type DPoP as Authorization: DPoP with a proof, and any other one as Bearer.",
)  # fmt: skip
TOKEN_KEY = Refusal(
    "userinfo.token_key", e.InvalidToken, "The access token is bound to another key.",
    "Sign the proof with the key that the token was issued to.",
)  # fmt: skip
TOKEN_CERTIFICATE = Refusal(
    "userinfo.token_certificate", e.InvalidToken,
    "The access token is bound to a client certificate that did not come with this connection.",
    "Connect with the certificate that the token was issued to; behind a proxy, check that it passes it on.",
)  # fmt: skip
TOKEN_UNBOUND = Refusal(
    "userinfo.token_unbound", e.InvalidToken, "The access token is bound to no key, but it has to be.",
    "Get a new token with a DPoP proof or over mutual TLS; this one is older than the rule.",
)  # fmt: skip
TOKEN_OPENID = Refusal(
    "userinfo.openid_missing", e.InsufficientScope, "The access token lacks the scope openid.",
    "Ask for openid in the authorization request.",
)  # fmt: skip
