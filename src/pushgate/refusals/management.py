"""The management API."""

from __future__ import annotations

from pushgate import errors as e
from pushgate.errors import Refusal

MANAGEMENT_REALM = Refusal(
    "management.other_realm", e.InsufficientScope, "The access token is for the management of another realm.",
    "Get a token from the realm that is to be managed.",
)  # fmt: skip
MANAGEMENT_USER = Refusal(
    "management.user_token", e.InvalidToken, "The access token was not issued to a client for itself.",
    "Get a token with client_credentials, or with pushgate token admin.",
)  # fmt: skip
MANAGEMENT_CLIENT = Refusal(
    "management.token_client", e.InvalidToken, "The client of the access token may not manage this realm any more.",
    "Its registration has to name the audience in allowed_resources, and each scope in scope.",
)  # fmt: skip
MANAGEMENT_REVOKED = Refusal(
    "management.token_revoked", e.InvalidToken, "The access token was revoked.", "Get a new one.",
)  # fmt: skip
MANAGEMENT_POWER = Refusal(
    "management.power", e.AccessDenied, "The change needs scopes that the access token does not have.",
    "Who changes a client that can manage needs every management scope that it has or gets.", 403,
)  # fmt: skip
MANAGEMENT_NOTHING = Refusal(
    "management.not_found", e.InvalidRequest, "There is no such thing in this realm.",
    "Check the path and the identifier in it; its characters have to be percent-encoded.", 404,
)  # fmt: skip
MANAGEMENT_CONTENT_TYPE = Refusal(
    "management.content_type", e.InvalidRequest, "The body must be application/json.",
    "Send JSON with that Content-Type; a PATCH may be application/merge-patch+json too.", 415,
)  # fmt: skip
MANAGEMENT_BODY_SIZE = Refusal(
    "management.body_size", e.InvalidRequest, "The JSON document is too large.", "Keep it below 1 MiB.", 413,
)  # fmt: skip
MANAGEMENT_JSON = Refusal(
    "management.json", e.InvalidRequest, "The body is not a JSON object.",
    "Send one JSON object (RFC 8259), encoded as UTF-8.",
)  # fmt: skip
MANAGEMENT_INVALID = Refusal(
    "management.invalid", e.InvalidRequest, "The document cannot be taken as it is.",
    "The member errors of the answer names each field and the reason.",
)  # fmt: skip
MANAGEMENT_QUERY = Refusal(
    "management.query", e.InvalidRequest, "A query parameter or header cannot be taken as it is.",
    "The member errors of the answer names it; openapi.json has those that are known.",
)  # fmt: skip
MANAGEMENT_EXISTS = Refusal(
    "management.exists", e.InvalidRequest, "There is one with this identifier already.",
    "Choose another identifier, or change what is there.", 409,
)  # fmt: skip
MANAGEMENT_CHANGED = Refusal(
    "management.changed", e.InvalidRequest, "It was changed since the ETag in If-Match was given out.",
    "Get it again, look at what is new, and send the change with the new ETag.", 412,
)  # fmt: skip
MANAGEMENT_KEY_REUSED = Refusal(
    "management.idempotency_reused", e.InvalidRequest, "The Idempotency-Key was used for another request.",
    "Take a new key for each request, and the same one only to send a request again.", 422,
)  # fmt: skip
MANAGEMENT_KEY_BUSY = Refusal(
    "management.idempotency_busy", e.InvalidRequest, "A request with this Idempotency-Key is being worked on.",
    "Wait a moment and send it again.", 409,
)  # fmt: skip
