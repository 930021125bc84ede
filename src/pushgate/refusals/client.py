"""Client authentication (RFC 6749 2.3, RFC 7521, RFC 7523)."""

from __future__ import annotations

from pushgate import errors as e
from pushgate.errors import Refusal

CLIENT_MISSING = Refusal(
    "client.missing", e.InvalidClient, "The request does not identify a client.",
    "Authenticate with the client's registered method; where that is none or a certificate, send client_id.",
)  # fmt: skip
CLIENT_TWO_METHODS = Refusal(
    "client.two_methods", e.InvalidRequest, "More than one client authentication method was used.",
    "Send exactly one of: Authorization header, client_secret, client_assertion, certificate of a mutual TLS client.",
)  # fmt: skip
CLIENT_BASIC_MALFORMED = Refusal(
    "client.basic_malformed", e.InvalidClient,
    "The Authorization header is not valid: expected 'Basic' and base64 of client_id:client_secret.",
    "Form-encode the client_id and the secret, join them with a colon, encode with base64.",
)  # fmt: skip
CLIENT_MISMATCH = Refusal(
    "client.mismatch", e.InvalidRequest, "client_id differs from the authenticated client.",
    "Send the client_id of the client whose credential is used, or leave it out.",
)  # fmt: skip
CLIENT_AUTHENTICATION = Refusal(
    "client.authentication", e.InvalidClient, "Client authentication failed.",
    "Check client_id and secret, and that the client exists in this realm and is enabled.",
)  # fmt: skip
CLIENT_METHOD = Refusal(
    "client.method", e.InvalidClient,
    "Client authentication failed: not the authentication method registered for this client.",
    "Use the client's token_endpoint_auth_method, or change the registration.",
)  # fmt: skip
CLIENT_PROFILE = Refusal(
    "client.profile", e.InvalidClient,
    "Client authentication failed: the security profile does not take the method of this client.",
    "Register a method of the profile; under FAPI 2.0: private_key_jwt, tls_client_auth, self_signed_tls_client_auth.",
)  # fmt: skip

# --- Client assertions (every one of them is invalid_client: RFC 7521 4.2.1) ------------------------


def _assertion(slug: str, description: str, advice: str) -> Refusal:
    return Refusal(f"assertion.{slug}", e.InvalidClient, f"The client assertion {description}.", advice)


ASSERTION_TYPE = _assertion(
    "type", "needs client_assertion_type urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "Send both client_assertion and that client_assertion_type.",
)  # fmt: skip
ASSERTION_MALFORMED = _assertion(
    "malformed", "is not one compact signed JWT",
    "Send exactly one JWS in compact serialisation with a JSON object as payload.",
)  # fmt: skip
ASSERTION_CRIT = _assertion(
    "crit", "has a crit header with an extension that is not understood", "Sign without crit.",
)  # fmt: skip
ASSERTION_TYP = _assertion(
    "typ", "has the typ of a JWT made for another purpose", "Leave typ out, or use JWT or client-authentication+jwt.",
)  # fmt: skip
ASSERTION_ALG = _assertion(
    "alg", "is signed with an algorithm that this client may not use",
    "Sign with the registered token_endpoint_auth_signing_alg, or one the metadata lists for the method.",
)  # fmt: skip
ASSERTION_KEY = _assertion(
    "key", "names no key that is registered for this client",
    "Register the public key in jwks or publish it at jwks_uri under the kid of the assertion.",
)  # fmt: skip
ASSERTION_SIGNATURE = _assertion(
    "signature", "has a signature that does not verify", "Sign with the client's registered key or secret.",
)  # fmt: skip
ASSERTION_ISS = _assertion("iss", "needs iss equal to the client_id", "Set iss to the client_id.")
ASSERTION_SUB = _assertion("sub", "needs sub equal to the client_id", "Set sub to the client_id.")
ASSERTION_CLIENT_ID = _assertion(
    "client_id", "is of another client than client_id names", "Send the client_id of the assertion, or none.",
)  # fmt: skip
ASSERTION_AUD = _assertion(
    "aud", "needs aud naming this server, once",
    "Set aud to the issuer identifier (a single string).",
)  # fmt: skip
ASSERTION_EXP = _assertion(
    "exp", "has expired, or has no integer exp", "Make a fresh assertion for each request, living about a minute.",
)  # fmt: skip
ASSERTION_EXP_FAR = _assertion("exp_far", "expires too far in the future", "Let it expire within one hour.")
ASSERTION_NBF = _assertion("nbf", "is not valid yet", "Check the client's clock.")
ASSERTION_IAT = _assertion(
    "iat", "was issued too long ago, or in the future", "Make a fresh assertion; check the clock."
)
ASSERTION_JTI = _assertion("jti", "needs a jti of at most 256 characters", "Give each assertion a unique jti.")
ASSERTION_REPLAY = _assertion("replay", "was used before", "Make a fresh assertion with a new jti for each request.")
