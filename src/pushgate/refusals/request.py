"""Pushing (RFC 9126), and the rules of an authorization request: protocol/rules.py, in their order."""

from __future__ import annotations

from pushgate import errors as e
from pushgate.errors import Refusal

PAR_REQUEST_URI = Refusal(
    "par.request_uri_present", e.InvalidRequest, "request_uri cannot be pushed.",
    "Push the authorization request itself; the reply gives the request_uri (RFC 9126 2.1).",
)  # fmt: skip
PAR_PUBLIC_CLIENT = Refusal(
    "par.public_client", e.InvalidClient, "A client without credentials cannot push its requests here.",
    "Send a plain authorization request, or register the client with an authentication method.",
)  # fmt: skip
PAR_CLIENT_ID = Refusal(
    "par.client_id_missing", e.InvalidRequest, "client_id is missing in the body.",
    "Send client_id in the form, beside the Authorization header.",
)  # fmt: skip
PAR_BESIDE_REQUEST = Refusal(
    "par.beside_request", e.InvalidRequest, "No parameter is taken beside a request object.",
    "Put every parameter into the request object; beside it only client_id and the credentials may be.",
)  # fmt: skip
PAR_OFF = Refusal(
    "par.off", e.UnauthorizedClient, "Pushed authorization requests are switched off in this realm.",
    "An operator can switch them on in the realm's settings.", 403,
)  # fmt: skip

# --- The rules of an authorization request: protocol/rules.py, in their order ------------------------

REDIRECT_URI_MISSING = Refusal(
    "request.redirect_uri_missing", e.InvalidRequest, "redirect_uri is missing.",
    "Send one of the client's registered redirect URIs.",
)  # fmt: skip
REDIRECT_URI_MISMATCH = Refusal(
    "request.redirect_uri_mismatch", e.InvalidRequest, "redirect_uri is not registered for this client.",
    "It must equal a registered redirect URI character for character.",
)  # fmt: skip
RESPONSE_TYPE_MISSING = Refusal(
    "request.response_type_missing", e.InvalidRequest, "response_type is missing.", "Send response_type=code.",
)  # fmt: skip
RESPONSE_TYPE_UNSUPPORTED = Refusal(
    "request.response_type_unsupported", e.UnsupportedResponseType, "This response_type is not supported.",
    "Use one of response_types_supported; values are case-sensitive.",
)  # fmt: skip
RESPONSE_TYPE_UNAUTHORIZED = Refusal(
    "request.response_type_unauthorized", e.UnauthorizedClient,
    "The client is not registered for this response_type.",
    "Add it to the client's response_types (and authorization_code to grant_types for code).",
)  # fmt: skip
RESPONSE_MODE_UNSUPPORTED = Refusal(
    "request.response_mode_unsupported", e.InvalidRequest, "This response_mode is not supported.",
    "Use one of response_modes_supported, or leave it out.",
)  # fmt: skip
RESPONSE_MODE_QUERY = Refusal(
    "request.response_mode_query", e.InvalidRequest,
    "response_mode query cannot carry tokens.",
    "Use fragment or form_post with response types that return a token; query.jwt needs an encrypted response.",
)  # fmt: skip
RESPONSE_MODE_UNAUTHORIZED = Refusal(
    "request.response_mode_unauthorized", e.InvalidRequest,
    "This response_mode is not one that this client may use.",
    "Send a mode of the client's response_modes; under fapi2-message-signing one that ends in jwt.",
)  # fmt: skip
REQUEST_OBJECT_UNSUPPORTED = Refusal(
    "request.request_object_unsupported", e.RequestNotSupported, "Request objects are switched off in this realm.",
    "Send the parameters themselves; an operator can set request_parameter_supported.",
)  # fmt: skip
SIGNED_REQUIRED = Refusal(
    "request.signed_required", e.InvalidRequest, "A signed request object is required.",
    "Send the parameters as claims of a JWT signed with the client's key, in request (RFC 9101).",
)  # fmt: skip
PAR_REQUIRED = Refusal(
    "request.par_required", e.InvalidRequest,
    "A pushed authorization request (PAR) is required: push first, then send client_id and request_uri.",
    "POST the parameters to pushed_authorization_request_endpoint and use the request_uri it returns.",
)  # fmt: skip
SCOPE_MALFORMED = Refusal(
    "request.scope_malformed", e.InvalidScope, "scope is malformed.",
    "Separate at most 50 values with one space; allowed are printable ASCII characters except quote and backslash.",
)  # fmt: skip
SCOPE_MISSING = Refusal(
    "request.scope_missing", e.InvalidScope, "scope is missing and this realm has no default scope.",
    "Send scope.",
)  # fmt: skip
SCOPE_NOT_ALLOWED = Refusal(
    "request.scope_not_allowed", e.InvalidScope, "A scope value is unknown or not allowed for this client.",
    "Ask for scopes that are registered for the client; openid needs a realm with OpenID Connect.",
)  # fmt: skip
SCOPE_MIXED = Refusal(
    "request.scope_mixed_resources", e.InvalidScope, "The scope values belong to different resources.",
    "Ask for the scopes of one resource at a time.",
)  # fmt: skip
CHALLENGE_MISSING = Refusal(
    "request.code_challenge_missing", e.InvalidRequest, "code_challenge is missing; PKCE is required.",
    "Send code_challenge with code_challenge_method=S256 (RFC 7636).",
)  # fmt: skip
CHALLENGE_MALFORMED = Refusal(
    "request.code_challenge_malformed", e.InvalidRequest,
    "code_challenge is malformed: 43 base64url characters are expected.",
    "Send the unpadded base64url SHA-256 of the code_verifier.",
)  # fmt: skip
CHALLENGE_METHOD = Refusal(
    "request.code_challenge_method", e.InvalidRequest,
    "code_challenge_method is not supported: only S256 is, and an absent method means plain.",
    "Send code_challenge_method=S256.",
)  # fmt: skip
CHALLENGE_METHOD_ALONE = Refusal(
    "request.code_challenge_method_alone", e.InvalidRequest,
    "code_challenge_method was sent without code_challenge.", "Send both or neither.",
)  # fmt: skip
NONCE_MISSING = Refusal(
    "request.nonce_missing", e.InvalidRequest,
    "nonce is required when an ID Token is returned from the authorization endpoint.", "Send a random nonce.",
)  # fmt: skip
OPENID_MISSING = Refusal(
    "request.openid_missing", e.InvalidScope, "This response_type needs the scope openid.",
    "Add openid to scope.",
)  # fmt: skip
PROMPT_NONE = Refusal(
    "request.prompt_none_combined", e.InvalidRequest, "prompt=none cannot be combined with other values.",
    "Send none alone.",
)  # fmt: skip
MAX_AGE = Refusal(
    "request.max_age", e.InvalidRequest, "max_age must be a non-negative integer.", "Send seconds, as digits.",
)  # fmt: skip
CLAIMS_MALFORMED = Refusal(
    "request.claims", e.InvalidRequest, "claims is malformed.",
    "Send a JSON object whose members id_token and userinfo hold, for each claim, null or an object with essential, "
    "value or values (OpenID Connect Core 5.5); no member name twice, at most 16 KiB and 100 claims.",
)  # fmt: skip
VALUE_TOO_LONG = Refusal(
    "request.value_too_long", e.InvalidRequest, "A parameter is too long.",
    "Keep nonce below 1,000 characters and redirect_uri below 2,000.",
)  # fmt: skip
VALUE_TOO_SHORT = Refusal(
    "request.value_too_short", e.InvalidRequest, "The parameter state or nonce is too short.",
    "Send at least 8 characters in each, random ones.",
)  # fmt: skip
PROMPT_UNKNOWN = Refusal(
    "request.prompt", e.InvalidRequest, "The parameter prompt has a value that is not supported here.",
    "Send one of the values that prompt_values_supported of the metadata has.",
)  # fmt: skip
CUSTOM_PARAMETERS = Refusal(
    "request.custom_parameters", e.InvalidRequest, "There are more than 10 parameters of your own.",
    "Send at most 10 whose names begin with ext-.",
)  # fmt: skip
SERVICE_UNKNOWN = Refusal(
    "request.service", e.InvalidRequest, "The way to sign in that service names is not known here.",
    "Name a journey of the realm or a built-in one, or leave service out.",
)  # fmt: skip
LOGIN_HINT = Refusal(
    "request.login_hint", e.InvalidRequest, "The JSON object in login_hint is not understood.",
    'Send a name as plain text, or {"realm": ..., "username": ...} with the name of the directory in realm.',
)  # fmt: skip
