"""The revocation endpoint (RFC 7009)."""

from __future__ import annotations

from pushgate import errors as e
from pushgate.errors import Refusal

REVOCATION_TOKEN = Refusal(
    "revocation.token_missing", e.InvalidRequest, "There is no token to revoke.",
    "Send the refresh token or the access token in the form, as token.",
)  # fmt: skip
REVOCATION_CLIENT = Refusal(
    "revocation.client", e.InvalidGrant, "The token that was to be revoked belongs to another client.",
    "Revoke a token with the client that it was issued to. It was left as it is.",
)  # fmt: skip
REVOCATION_TYPE = Refusal(
    "revocation.type", e.UnsupportedTokenType, "This kind of token cannot be revoked.",
    "Refresh tokens and access tokens can be. An ID Token says who signed in; it opens nothing.",
)  # fmt: skip
