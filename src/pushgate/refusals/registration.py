"""The registration endpoint and the configuration endpoints of clients (RFC 7591, RFC 7592)."""

from __future__ import annotations

from pushgate import errors as e
from pushgate.errors import Refusal

REGISTRATION_JSON = Refusal(
    "registration.json", e.InvalidClientMetadata, "The body is not a JSON object with unique member names.",
    "Send the client metadata as one JSON object (RFC 7591 3.1).",
)  # fmt: skip
REGISTRATION_TYPE = Refusal(
    "registration.content_type", e.InvalidRequest, "A registration is sent as application/json.",
    "Set Content-Type: application/json.", 415,
)  # fmt: skip
REGISTRATION_METADATA = Refusal(
    "registration.metadata", e.InvalidClientMetadata, "The client metadata cannot be registered.",
    "See which member error_description names; the metadata document says what the server supports.",
)  # fmt: skip
REGISTRATION_REDIRECT_URI = Refusal(
    "registration.redirect_uri", e.InvalidRedirectUri, "A redirect URI is missing or cannot be registered.",
    "Use https, or for application_type native http on loopback or a private-use scheme; no fragment.",
)  # fmt: skip
REGISTRATION_TOKEN_MISSING = Refusal(
    "registration.token_missing", e.NoRegistrationToken, "Registration needs an initial access token.",
    "Ask the operator for one (pushgate token initial) and send it as Authorization: Bearer.",
)  # fmt: skip
REGISTRATION_TOKEN = Refusal(
    "registration.token", e.InvalidRegistrationToken,
    "The initial access token is unknown, has expired or was used up.",
    "Ask the operator for another one.",
)  # fmt: skip
REGISTRATION_ACCESS_MISSING = Refusal(
    "registration.access_token_missing", e.NoRegistrationToken,
    "A registration is managed with its registration access token.",
    "Send the registration_access_token that came with this registration_client_uri as Authorization: Bearer.",
)  # fmt: skip
REGISTRATION_ACCESS = Refusal(
    "registration.access_token", e.InvalidRegistrationToken,
    "The registration access token is wrong, or its client is gone.",
    "Send the registration_access_token that came with this registration_client_uri as Authorization: Bearer.",
)  # fmt: skip
REGISTRATION_MANAGED = Refusal(
    "registration.managed_member", e.InvalidRequest,
    "An update must not contain members that the server manages.",
    "Leave out registration_access_token, registration_client_uri, client_id_issued_at, client_secret_expires_at.",
)  # fmt: skip
REGISTRATION_CLIENT_ID = Refusal(
    "registration.client_id", e.InvalidRequest, "client_id is missing in the update, or is another client's.",
    "Repeat the client_id that the server gave out (RFC 7592 2.2).",
)  # fmt: skip
REGISTRATION_SECRET = Refusal(
    "registration.client_secret", e.InvalidRequest, "The client_secret differs from the one that the server gave out.",
    "Repeat it or leave it out; a client cannot choose its secret (RFC 7592 2.2).",
)  # fmt: skip
STATEMENT_INVALID = Refusal(
    "registration.software_statement", e.InvalidSoftwareStatement,
    "The software statement is no JWT with a valid signature, or is out of date.",
    "Get a fresh statement from its issuer (RFC 7591 2.3).",
)  # fmt: skip
STATEMENT_UNAPPROVED = Refusal(
    "registration.statement_unapproved", e.UnapprovedSoftwareStatement,
    "The software statement is missing, or its issuer is not trusted here.",
    "Ask the operator whose statements are taken (registration.statement_issuers).",
)  # fmt: skip
