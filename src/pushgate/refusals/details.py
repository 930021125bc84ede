"""Rich authorization requests (RFC 9396) and resource indicators (RFC 8707)."""

from __future__ import annotations

from pushgate import errors as e
from pushgate.errors import Refusal

DETAILS_MALFORMED = Refusal(
    "details.malformed", e.InvalidAuthorizationDetails,
    "The parameter authorization_details is not a JSON array of objects that each have a type.",
    "Send strict JSON: at least one object, a string as type in each, no member name twice, integers below 2^53.",
)  # fmt: skip
DETAILS_TOO_LARGE = Refusal(
    "details.too_large", e.InvalidAuthorizationDetails,
    "The parameter authorization_details is too large or nested too deeply.",
    "Keep to 16 KiB, 50 entries, 10 levels, 100 members in each object or array and 1,000 characters in a string.",
)  # fmt: skip
DETAILS_TYPE_UNKNOWN = Refusal(
    "details.type_unknown", e.InvalidAuthorizationDetails,
    "A type in authorization_details is not known here.",
    "Use one of authorization_details_types_supported.",
)  # fmt: skip
DETAILS_TYPE_NOT_ALLOWED = Refusal(
    "details.type_not_allowed", e.InvalidAuthorizationDetails,
    "A type in authorization_details is not allowed for this client.",
    "Add it to the client's authorization_details_types.",
)  # fmt: skip
DETAILS_INVALID = Refusal(
    "details.invalid", e.InvalidAuthorizationDetails,
    "An entry of authorization_details does not fit its type: a field is unknown, missing or invalid.",
    "Compare the entry with the schema of its type in the realm's settings; the server's log names the rule.",
)  # fmt: skip
DETAILS_EXCEED = Refusal(
    "details.exceed", e.InvalidAuthorizationDetails,
    "The authorization_details ask for more than was granted.",
    "Send entries of the grant as they are, or with fewer locations, actions, datatypes or privileges.",
)  # fmt: skip

# --- Resource indicators ------------------------------------------------------------------------------

RESOURCE_MALFORMED = Refusal(
    "request.resource_malformed", e.InvalidTarget,
    "A resource is not an absolute URI without fragment, or there are too many.",
    "Send at most 10 absolute URIs, without fragment and user name, each as a resource parameter of its own.",
)  # fmt: skip
RESOURCE_UNKNOWN = Refusal(
    "request.resource_unknown", e.InvalidTarget, "The requested resource is not known here.",
    "Send the identifier of one of the realm's resources, character for character.",
)  # fmt: skip
RESOURCE_NOT_ALLOWED = Refusal(
    "request.resource_not_allowed", e.InvalidTarget, "The requested resource is not allowed for this client.",
    "Ask for a resource that the client's registration allows.",
)  # fmt: skip
SCOPE_TARGET = Refusal(
    "request.scope_target", e.InvalidScope, "The requested resource understands none of the scope values.",
    "Ask for scope values of the resource that is named, or for the resource that they belong to.",
)  # fmt: skip
RESOURCE_MISSING = Refusal(
    "request.resource_missing", e.InvalidTarget, "A resource has to be named in this request.",
    "Send resource; this realm or client has no default for it (RFC 8707 2.1).",
)  # fmt: skip
RESOURCE_EXCEED = Refusal(
    "token.resource", e.InvalidTarget, "The requested resource is not part of the grant.",
    "Ask for resources of the authorization request, or some of them.",
)  # fmt: skip
