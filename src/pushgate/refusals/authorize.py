"""The authorization endpoint, and the pages of an interaction."""

from __future__ import annotations

from pushgate import errors as e
from pushgate.errors import Refusal

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
    "Push the request (RFC 9126). A request object elsewhere has to be referred to by an https URL.",
)  # fmt: skip
REQUEST_URI_UNSUPPORTED = Refusal(
    "authorize.request_uri_unsupported", e.RequestUriNotSupported,
    "Request objects are not fetched from a request_uri here.",
    "Push the request and use the request_uri of the reply (RFC 9126), or send the object itself in request.",
)  # fmt: skip
REQUEST_URI_UNREGISTERED = Refusal(
    "authorize.request_uri_unregistered", e.InvalidRequestUri,
    "This request_uri is not registered for this client.",
    "It must equal one of the client's request_uris character for character, a fragment included.",
)  # fmt: skip
REQUEST_URI_FETCH = Refusal(
    "authorize.request_uri_fetch", e.InvalidRequestUri,
    "The request object cannot be fetched from its request_uri.",
    "Answer GET at once with 200, the media type application/oauth-authz-req+jwt and at most 64 KiB, from a public "
    "address with a certificate for its name; redirects are not followed. The log has the reason.",
)  # fmt: skip
REQUEST_URI_CONTENT = Refusal(
    "authorize.request_uri_content", e.InvalidRequestUri,
    "What the request_uri refers to is not the request object.",
    "Serve the compact JWT and nothing else; a fragment of the URI is the base64url SHA-256 of exactly these bytes.",
)  # fmt: skip
REQUEST_BOTH = Refusal(
    "authorize.request_and_request_uri", e.InvalidRequest, "Either request or request_uri can be sent, not both.",
    "Send the request object, or the reference that the push gave (RFC 9101 5).",
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
    "authorize.login_other_user", e.LoginRequired, "Another user than the one asked for is signed in.",
    "Leave id_token_hint and the sub of claims out, or let that user sign in.",
)  # fmt: skip
ACR_UNMET = Refusal(
    "authorize.acr_unmet", e.UnmetAuthenticationRequirements, "The user cannot sign in at the requested level.",
    "Ask for another acr of acr_values_supported, or let the user sign in in another way (RFC 9470 5).",
)  # fmt: skip
CONSENT_REQUIRED = Refusal(
    "authorize.consent_required", e.ConsentRequired, "The user must consent.", "Start a request without prompt=none.",
)  # fmt: skip
RESPONSE_KEY = Refusal(
    "authorize.response_key", e.InvalidRequest,
    "The application wants its answer encrypted, but the key for it cannot be had.",
    "Go back to the application; its operator has to repair this. Developers: publish a key for "
    "authorization_encrypted_response_alg. Nothing is ever sent in clear instead.",
)  # fmt: skip
HINT_INVALID = Refusal(
    "authorize.id_token_hint", e.InvalidRequest, "id_token_hint is not an ID Token of this issuer.",
    "Send an ID Token that this issuer made, expired or not.",
)  # fmt: skip
