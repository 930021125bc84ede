"""Every way in which the server says no, in one table. IDs are public and stable; the documentation
page of each is made from this file (`make docs`).

Named after the stage that refuses: http, client, assertion, par, request, authorize, login, code,
refresh, token, userinfo.
"""

from __future__ import annotations

from pushgate import errors as e
from pushgate.errors import Refusal

# --- HTTP: the shape of a request to a machine endpoint -------------------------------------------

METHOD = Refusal(
    "http.method", e.InvalidRequest, "This endpoint does not take that HTTP method.",
    "See the Allow header of the reply.", 405,
)  # fmt: skip
CONTENT_TYPE = Refusal(
    "http.content_type", e.InvalidRequest, "The body must be application/x-www-form-urlencoded.",
    "Send the parameters as a form, with that Content-Type. JSON and multipart are not accepted.", 415,
)  # fmt: skip
BODY_SIZE = Refusal(
    "http.body_size", e.InvalidRequest, "The request body is too large.",
    "Keep the form below the limit (64 KiB).", 413,
)  # fmt: skip
URI_SIZE = Refusal(
    "http.uri_size", e.InvalidRequest, "The request URI is too long.",
    "Push the request instead of sending it through the browser.", 414,
)  # fmt: skip
NOT_FOUND = Refusal(
    "http.not_found", e.InvalidRequest, "There is nothing at this address.",
    "Check the path, and that the realm exists. The metadata document lists the endpoints.", 404,
)  # fmt: skip
FORM = Refusal(
    "http.form", e.InvalidRequest, "The form is not valid UTF-8 percent-encoding.",
    "Encode every value as UTF-8, then percent-encode it.",
)  # fmt: skip
TOO_MANY_PARAMETERS = Refusal(
    "http.too_many_parameters", e.InvalidRequest, "The form has too many parameters.",
    "Send at most 200 parameters.",
)  # fmt: skip
REPEATED_PARAMETER = Refusal(
    "http.repeated_parameter", e.InvalidRequest, "A parameter is present more than once.",
    "Send each parameter once; only resource may be repeated.",
)  # fmt: skip
RATE = Refusal(
    "http.rate", e.TemporarilyUnavailable, "Too many requests; try again later.",
    "Wait for the seconds in Retry-After. The realm's rates can be changed by its operator.", 429,
)  # fmt: skip
SERVER_ERROR = Refusal(
    "http.server_error", e.ServerError, "The server failed to answer; the fault is not in the request.",
    "Give the operator the request id; the server's log has the cause under it.",
)  # fmt: skip
UNAVAILABLE = Refusal(
    "http.unavailable", e.TemporarilyUnavailable, "The server cannot answer at the moment.",
    "Try again in a few seconds.",
)  # fmt: skip

# --- Client authentication (RFC 6749 2.3, RFC 7521, RFC 7523) --------------------------------------

CLIENT_MISSING = Refusal(
    "client.missing", e.InvalidClient, "The request does not identify a client.",
    "Authenticate with the client's registered method, or send client_id for a public client.",
)  # fmt: skip
CLIENT_TWO_METHODS = Refusal(
    "client.two_methods", e.InvalidRequest, "More than one client authentication method was used.",
    "Send exactly one of: Authorization header, client_secret, client_assertion.",
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

# --- Pushing (RFC 9126) ---------------------------------------------------------------------------

PAR_REQUEST_URI = Refusal(
    "par.request_uri_present", e.InvalidRequest, "request_uri cannot be pushed.",
    "Push the authorization request itself; the reply gives the request_uri (RFC 9126 2.1).",
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
    "Use fragment or form_post with response types that return a token.",
)  # fmt: skip
REQUEST_OBJECT_UNSUPPORTED = Refusal(
    "request.request_object_unsupported", e.RequestNotSupported, "Request objects are not supported.",
    "Send the parameters themselves; pushing them already protects them.",
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
VALUE_TOO_LONG = Refusal(
    "request.value_too_long", e.InvalidRequest, "A parameter is too long.",
    "Keep nonce below 1,000 characters and redirect_uri below 2,000.",
)  # fmt: skip

# --- The authorization endpoint ----------------------------------------------------------------------

CLIENT_ID_MISSING = Refusal(
    "authorize.client_id_missing", e.InvalidRequest, "client_id is missing.",
    "Send client_id next to request_uri (RFC 9126 4).",
)  # fmt: skip
CLIENT_UNKNOWN = Refusal(
    "authorize.client_unknown", e.InvalidRequest, "This application is not known here.",
    "Check client_id and the realm; the client may have been removed or disabled.",
)  # fmt: skip
REQUEST_URI_DEAD = Refusal(
    "authorize.request_uri_unknown", e.InvalidRequestUri,
    "This sign-in link is unknown, or it has expired.",
    "Go back to the application and start again. Developers: push again; a request_uri lives for expires_in seconds.",
)  # fmt: skip
REQUEST_URI_USED = Refusal(
    "authorize.request_uri_used", e.InvalidRequestUri, "This sign-in was already completed.",
    "Go back to the application; if you are not signed in there, start again.",
)  # fmt: skip
REQUEST_URI_REFERENCE = Refusal(
    "authorize.request_uri_foreign", e.InvalidRequestUri,
    "This request_uri was not issued by this server.",
    "Request objects by reference are not accepted; push the request (RFC 9126).",
)  # fmt: skip
INTERACTION_UNKNOWN = Refusal(
    "login.unknown", e.InvalidRequest, "This sign-in page is no longer valid.",
    "Go back to the application and start again.",
)  # fmt: skip
INTERACTION_OTHER_BROWSER = Refusal(
    "login.other_browser", e.AccessDenied, "This sign-in was started in another browser, or cookies are switched off.",
    "Allow cookies for this site, go back to the application and start again in this browser.", 403,
)  # fmt: skip
CSRF = Refusal(
    "login.csrf", e.AccessDenied, "This form did not come from the page it belongs to.",
    "Go back, reload the page and send the form again.", 403,
)  # fmt: skip
PREFETCH = Refusal(
    "authorize.prefetch", e.TemporarilyUnavailable, "A speculative request starts no sign-in.",
    "Open the link.",
)  # fmt: skip
DENIED = Refusal(
    "authorize.denied", e.AccessDenied, "The request was denied.", "The person pressed cancel or deny.", 403,
)  # fmt: skip
LOGIN_REQUIRED = Refusal(
    "authorize.login_required", e.LoginRequired, "The user must sign in.", "Start a request without prompt=none.",
)  # fmt: skip
LOGIN_OTHER_USER = Refusal(
    "authorize.login_other_user", e.LoginRequired, "Another user than the hinted one is signed in.",
    "Leave id_token_hint out, or let that user sign in.",
)  # fmt: skip
CONSENT_REQUIRED = Refusal(
    "authorize.consent_required", e.ConsentRequired, "The user must consent.", "Start a request without prompt=none.",
)  # fmt: skip
HINT_INVALID = Refusal(
    "authorize.id_token_hint", e.InvalidRequest, "id_token_hint is not an ID Token of this issuer.",
    "Send an ID Token that this issuer made, expired or not.",
)  # fmt: skip

# --- The token endpoint -------------------------------------------------------------------------------

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

# --- UserInfo (RFC 6750) --------------------------------------------------------------------------------

TOKEN_ABSENT = Refusal(
    "userinfo.token_missing", e.NoToken, "An access token is needed.", "Send Authorization: Bearer and the token.",
)  # fmt: skip
TOKEN_TWICE = Refusal(
    "userinfo.token_twice", e.InvalidRequest, "The access token was sent in more than one way.",
    "Send it in the Authorization header only.",
)  # fmt: skip
TOKEN_INVALID = Refusal(
    "userinfo.token_invalid", e.InvalidToken, "The access token is invalid, expired or revoked.",
    "Get a new access token of this issuer.",
)  # fmt: skip
TOKEN_OPENID = Refusal(
    "userinfo.openid_missing", e.InsufficientScope, "The access token lacks the scope openid.",
    "Ask for openid in the authorization request.",
)  # fmt: skip

REFUSALS: dict[str, Refusal] = {r.id: r for r in list(globals().values()) if isinstance(r, Refusal)}
