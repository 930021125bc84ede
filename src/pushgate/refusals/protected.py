"""Protected resources that check access tokens themselves: pushgate.resource (RFC 6750, 9068, 9449, 8705, 9470)."""

from __future__ import annotations

from pushgate import errors as e
from pushgate.errors import Refusal

# --- How the token came: protocol/access_token.py, in its order ------------------------------------------

ACCESS_ABSENT = Refusal(
    "resource.token_missing", e.NoToken, "No access token came with this request.",
    "Send Authorization: Bearer and the token, or DPoP and the token where the token endpoint said DPoP.",
)  # fmt: skip
ACCESS_TWICE = Refusal(
    "resource.token_twice", e.InvalidRequest, "The Authorization header was sent more than once.",
    "Send one Authorization header with one access token.",
)  # fmt: skip
ACCESS_MALFORMED = Refusal(
    "resource.token_malformed", e.InvalidRequest, "The Authorization header holds no well-formed access token.",
    "Send the scheme, one space and the token as the token endpoint returned it.",
)  # fmt: skip

# --- The token itself --------------------------------------------------------------------------------------

ACCESS_TYPE = Refusal(
    "resource.token_type", e.InvalidToken, "What was sent is not a JWT access token.",
    "Send an access token (typ at+jwt, RFC 9068), not an ID Token, a refresh token or an opaque token.",
)  # fmt: skip
ACCESS_ALG = Refusal(
    "resource.token_alg", e.InvalidToken, "The access token is signed with an algorithm that is not taken here.",
    "Have the issuer sign with one of the algorithms that the resource was set up with; none of them is symmetric.",
)  # fmt: skip
ACCESS_SIGNATURE = Refusal(
    "resource.token_signature", e.InvalidToken, "The access token is not signed with a key of the trusted issuer.",
    "Get the token from the issuer that the resource trusts, and send it unchanged.",
)  # fmt: skip
ACCESS_CLAIMS = Refusal(
    "resource.token_claims", e.InvalidToken,
    "The access token lacks a claim that it must have, or a claim is of the wrong type.",
    "The issuer has to follow RFC 9068 2.2: iss, exp, aud, sub, client_id, iat and jti.",
)  # fmt: skip
ACCESS_ISSUER = Refusal(
    "resource.token_issuer", e.InvalidToken, "The access token was issued by another issuer.",
    "Compare iss with the issuer that the resource was set up with; they must be identical.",
)  # fmt: skip
ACCESS_AUDIENCE = Refusal(
    "resource.token_audience", e.InvalidToken, "The access token is meant for another resource.",
    "Ask for a token for this resource: with its scopes, or with the parameter resource (RFC 8707).",
)  # fmt: skip
ACCESS_EXPIRED = Refusal(
    "resource.token_expired", e.InvalidToken, "The access token has expired.", "Get a new one with the refresh token.",
)  # fmt: skip
ACCESS_EARLY = Refusal(
    "resource.token_early", e.InvalidToken, "The access token is not valid yet.",
    "Compare the clocks of issuer and resource; 30 seconds of difference are taken.",
)  # fmt: skip

# --- Whose it is ---------------------------------------------------------------------------------------------

ACCESS_BINDING = Refusal(
    "resource.token_binding", e.InvalidToken, "The access token is bound to a key in a way that is not understood.",
    "The resource understands cnf with jkt (RFC 9449) or x5t#S256 (RFC 8705).",
)  # fmt: skip
ACCESS_UNBOUND = Refusal(
    "resource.token_unbound", e.InvalidToken, "The access token is bound to no key, and this resource takes no others.",
    "Get a token with a DPoP proof or over mutual TLS.",
)  # fmt: skip
ACCESS_SCHEME = Refusal(
    "resource.token_scheme", e.InvalidToken, "The access token was sent with the wrong authentication scheme.",
    "Send a token that is bound to a DPoP key as DPoP with a proof, and any other one as Bearer.",
)  # fmt: skip
ACCESS_KEY = Refusal(
    "resource.token_key", e.InvalidToken, "The access token is bound to another key than the DPoP proof has.",
    "Sign the proof with the key that the token was requested with.",
)  # fmt: skip
ACCESS_CERTIFICATE = Refusal(
    "resource.token_certificate", e.InvalidToken,
    "The access token is bound to a certificate, and this connection does not have it.",
    "Connect with the client certificate that the token was requested with.",
)  # fmt: skip

# --- What it allows ------------------------------------------------------------------------------------------

ACCESS_SCOPE = Refusal(
    "resource.scope", e.InsufficientScope, "The access token does not have the scope that this needs.",
    "Ask for the scope that the challenge names.",
)  # fmt: skip
ACCESS_AUTHENTICATION = Refusal(
    "resource.authentication", e.InsufficientUserAuthentication,
    "The user has to sign in again: more recently, or in a stronger way.",
    "Start an authorization request with the acr_values and max_age that the challenge names (RFC 9470 4).",
)  # fmt: skip

# --- What the resource cannot decide ---------------------------------------------------------------------------

ACCESS_NO_KEYS = Refusal(
    "resource.keys_unavailable", e.TemporarilyUnavailable, "The keys of the issuer cannot be had at the moment.",
    "The resource must reach the issuer's metadata and jwks_uri; its log has the cause. Try again later.",
)  # fmt: skip
ACCESS_REPLAY_FULL = Refusal(
    "resource.replay_full", e.TemporarilyUnavailable, "Too many DPoP proofs are remembered at the moment.",
    "Give the resource a larger memory for proofs, or a shared store (the argument replay).",
)  # fmt: skip
USERINFO_KEY = Refusal(
    "userinfo.key", e.InvalidRequest, "The key to encrypt UserInfo with cannot be had.",
    "Publish a key for userinfo_encrypted_response_alg. Nothing is ever sent in clear instead.",
)  # fmt: skip
