"""The token endpoint: codes, refresh tokens, scopes."""

from __future__ import annotations

from pushgate import errors as e
from pushgate.errors import Refusal

GRANT_TYPE_MISSING = Refusal(
    "token.grant_type_missing", e.InvalidRequest, "grant_type is missing.", "Send grant_type.",
)  # fmt: skip
GRANT_TYPE_UNSUPPORTED = Refusal(
    "token.grant_type_unsupported", e.UnsupportedGrantType, "This grant_type is not supported.",
    "Use one of grant_types_supported.",
)  # fmt: skip
GRANT_TYPE_UNAUTHORIZED = Refusal(
    "token.grant_type_unauthorized", e.UnauthorizedClient, "The client is not registered for this grant_type.",
    "Add it to the client's grant_types.",
)  # fmt: skip
TOKEN_SCOPE = Refusal(
    "token.scope", e.InvalidScope, "scope is malformed, unknown, or wider than what was granted.",
    "Ask for values that are registered for the client, or a part of what the user granted.",
)  # fmt: skip
CODE_MISSING = Refusal("code.missing", e.InvalidRequest, "code is missing.", "Send the authorization code.")
CODE_INVALID = Refusal(
    "code.invalid", e.InvalidGrant, "The authorization code is unknown or has expired.",
    "Redeem a code within its lifetime (60 seconds by default); start again for a new one.",
)  # fmt: skip
CODE_REPLAYED = Refusal(
    "code.replayed", e.InvalidGrant, "The authorization code was used before; its tokens are revoked.",
    "Redeem a code once. Two redemptions mean a retry in the client, or a stolen code.",
)  # fmt: skip
CODE_CLIENT = Refusal(
    "code.client", e.InvalidGrant, "The authorization code belongs to another client.",
    "Redeem a code with the client that asked for it.",
)  # fmt: skip
CODE_REDIRECT_URI = Refusal(
    "code.redirect_uri", e.InvalidGrant, "redirect_uri differs from the one in the authorization request.",
    "Send the identical redirect_uri.",
)  # fmt: skip
VERIFIER_MISSING = Refusal(
    "code.verifier_missing", e.InvalidGrant, "code_verifier is missing.",
    "The request had a code_challenge, so the redemption needs its code_verifier.",
)  # fmt: skip
VERIFIER_MALFORMED = Refusal(
    "code.verifier_malformed", e.InvalidGrant, "code_verifier is malformed.",
    "43 to 128 characters of A-Z a-z 0-9 - . _ ~ (RFC 7636 4.1).",
)  # fmt: skip
VERIFIER_WRONG = Refusal(
    "code.verifier_wrong", e.InvalidGrant, "code_verifier does not match the code_challenge.",
    "Send the verifier of the very request that the code came from.",
)  # fmt: skip
VERIFIER_UNEXPECTED = Refusal(
    "code.verifier_unexpected", e.InvalidGrant, "code_verifier was sent, but the request had no code_challenge.",
    "Send code_challenge in the authorization request (RFC 9700 2.1.1).",
)  # fmt: skip
GRANT_REVOKED = Refusal(
    "token.grant_revoked", e.InvalidGrant, "The grant was revoked.", "Start a new authorization request.",
)  # fmt: skip
REFRESH_MISSING = Refusal("refresh.missing", e.InvalidRequest, "refresh_token is missing.", "Send refresh_token.")
REFRESH_INVALID = Refusal(
    "refresh.invalid", e.InvalidGrant, "The refresh token is unknown, expired or revoked.",
    "Start a new authorization request.",
)  # fmt: skip
REFRESH_CLIENT = Refusal(
    "refresh.client", e.InvalidGrant, "The refresh token belongs to another client.",
    "Use a refresh token with the client that it was issued to.",
)  # fmt: skip
REFRESH_REPLAYED = Refusal(
    "refresh.replayed", e.InvalidGrant, "The refresh token was used before; the grant is revoked.",
    "Keep the newest refresh token. Two uses mean a lost reply or a stolen token.",
)  # fmt: skip
CREDENTIALS_PUBLIC = Refusal(
    "token.client_credentials_public", e.UnauthorizedClient, "A public client cannot use client_credentials.",
    "Register an authentication method.",
)  # fmt: skip
ID_TOKEN_KEY = Refusal(
    "token.id_token_key", e.InvalidRequest, "The key that the ID Token or UserInfo of this client needs cannot be had.",
    "Publish a key for the registered encryption algorithm, or register the client_secret anew for HS256, HS384 or "
    "HS512. Nothing is ever sent in clear or unsigned instead.",
)  # fmt: skip
