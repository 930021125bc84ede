"""HTTP: the shape of a request to a machine endpoint."""

from __future__ import annotations

from pushgate import errors as e
from pushgate.errors import Refusal

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
JSON_PARAMETERS = Refusal(
    "http.json_parameters", e.InvalidRequest, "The parameters are not one JSON object of text.",
    "Send a JSON object, each parameter once, with text as its value; or send a form.",
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
