"""The introspection endpoint (RFC 7662, RFC 9701)."""

from __future__ import annotations

from pushgate import errors as e
from pushgate.errors import Refusal

INTROSPECTION_PUBLIC = Refusal(
    "introspection.public", e.InvalidClient, "A public client cannot introspect tokens.",
    "Register a client with an authentication method for the API, and name it in introspection_clients.",
)  # fmt: skip
INTROSPECTION_TOKEN = Refusal(
    "introspection.token_missing", e.InvalidRequest, "The parameter token is missing.",
    "Send the token in the form, as token.",
)  # fmt: skip
INTROSPECTION_FORM = Refusal(
    "introspection.form", e.InvalidRequest, "The client is registered for introspection responses as a JWT alone.",
    "Let Accept name application/token-introspection+jwt, or change the registration.",
)  # fmt: skip
INTROSPECTION_KEY = Refusal(
    "introspection.key", e.InvalidRequest, "The client has no usable key to encrypt the introspection response to.",
    "Publish a public key that fits introspection_encrypted_response_alg in jwks or jwks_uri; use: enc or no use.",
)  # fmt: skip
