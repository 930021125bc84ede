"""Certificates of clients: mutual TLS authentication, and tokens bound to a certificate (RFC 8705)."""

from __future__ import annotations

from pushgate import errors as e
from pushgate.errors import Refusal

CERTIFICATE_MISSING = Refusal(
    "certificate.missing", e.InvalidClient, "No client certificate came with this connection.",
    "Connect with the client's certificate; behind a proxy, check that it passes the certificate on.",
)  # fmt: skip
CERTIFICATE_MALFORMED = Refusal(
    "certificate.malformed", e.InvalidClient, "The client certificate cannot be read.",
    "Have the proxy send one X.509 certificate, once, as RFC 9440, escaped PEM or base64 of DER.",
)  # fmt: skip
CERTIFICATE_KEY = Refusal(
    "certificate.key", e.InvalidClient, "The key of the client certificate is too short.",
    "Get a certificate for an RSA key of at least 2048 bits, or an EC key of at least 224 bits (FAPI2-SP 5.4.1).",
)  # fmt: skip
CERTIFICATE_CHAIN = Refusal(
    "certificate.chain", e.InvalidClient,
    "The client certificate does not lead to a trusted certificate authority, or it is not valid now.",
    "Check its validity, its key usage, and that its authority is one of the configured trust anchors.",
)  # fmt: skip
CERTIFICATE_SUBJECT = Refusal(
    "certificate.subject", e.InvalidClient,
    "The client certificate does not name the subject that is registered for this client.",
    "Compare the certificate with the client's tls_client_auth_ member; only that one is looked at.",
)  # fmt: skip
CERTIFICATE_UNKNOWN = Refusal(
    "certificate.unknown", e.InvalidClient,
    "The client certificate is not one of those registered for this client.",
    "Publish a JWK whose x5c begins with this very certificate, and whose key is the certificate's.",
)  # fmt: skip

# --- Tokens that are bound to a certificate ------------------------------------------------------------------

CERTIFICATE_REQUIRED = Refusal(
    "certificate.required", e.InvalidRequest,
    "This client gets tokens bound to its certificate alone, and no certificate came with this connection.",
    "Connect with a client certificate, or register without tls_client_certificate_bound_access_tokens.",
)  # fmt: skip
CERTIFICATE_OR_PROOF = Refusal(
    "certificate.or_proof", e.InvalidRequest,
    "This client gets bound tokens alone: the request has neither a DPoP proof nor a client certificate.",
    "Send a DPoP header, or connect with a client certificate. Registration or profile wants tokens bound to a key.",
)  # fmt: skip
CERTIFICATE_REFRESH = Refusal(
    "certificate.refresh", e.InvalidGrant,
    "The refresh token is bound to another client certificate, or none came with this connection.",
    "A public client keeps to the certificate that its first token request was made with (RFC 8705 4).",
)  # fmt: skip
