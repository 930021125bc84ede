"""Request objects (RFC 9101): protocol/request_object.py, in its order."""

from __future__ import annotations

from pushgate import errors as e
from pushgate.errors import Refusal


def _object(name: str, problem: str, advice: str) -> Refusal:
    return Refusal(f"request_object.{name}", e.InvalidRequestObject, f"The request object {problem}.", advice)


REQUEST_OBJECT_ENCRYPTION = _object(
    "encryption", "cannot be decrypted",
    "Sign it first. Then encrypt to a key of jwks_uri with listed algorithms, without zip and crit.",
)  # fmt: skip
REQUEST_OBJECT_MALFORMED = _object(
    "malformed", "is not one compact signed JWT",
    "Send one JWS in compact serialisation with a JSON object as payload; if encrypted, then around that JWS.",
)  # fmt: skip
REQUEST_OBJECT_CRIT = _object(
    "crit", "has a crit header with an extension that is not understood", "Sign without crit.",
)  # fmt: skip
REQUEST_OBJECT_TYP = _object(
    "typ", "has the typ of a JWT made for another purpose", "Use oauth-authz-req+jwt or JWT, or leave typ out.",
)  # fmt: skip
REQUEST_OBJECT_ALG = _object(
    "alg", "is not signed, or with an algorithm that this client may not use",
    "Sign with the registered request_object_signing_alg, or one the metadata lists; none is never taken.",
)  # fmt: skip
REQUEST_OBJECT_KEY = _object(
    "key", "names no key that is registered for this client",
    "Register the public key in jwks or publish it at jwks_uri under the kid of the request object.",
)  # fmt: skip
REQUEST_OBJECT_SIGNATURE = _object(
    "signature", "has a signature that does not verify", "Sign with the client's registered key.",
)  # fmt: skip
REQUEST_OBJECT_NESTED = _object(
    "nested", "holds a request or request_uri of its own", "Leave these two claims out (RFC 9101 4).",
)  # fmt: skip
REQUEST_OBJECT_CLIENT_ID = Refusal(
    "request_object.client_id", e.InvalidRequest,
    "The request object needs the client_id of the client that sends it.",
    "Set the claim client_id to the client_id of the request (RFC 9101 6.3).",
)  # fmt: skip
REQUEST_OBJECT_ISS = _object(
    "iss", "is issued by another than the client", "Set iss to the client_id, or leave it out.",
)  # fmt: skip
REQUEST_OBJECT_SUB = _object(
    "sub", "has the client as its subject, as a client assertion does", "Leave sub out (RFC 9101 10.8).",
)  # fmt: skip
REQUEST_OBJECT_AUD = _object(
    "aud", "needs aud naming this server", "Set aud to the issuer identifier, or an array that contains it.",
)  # fmt: skip
REQUEST_OBJECT_EXP = _object(
    "exp", "has expired, or its exp is missing or no integer", "Make a fresh request object for each request.",
)  # fmt: skip
REQUEST_OBJECT_EXP_FAR = _object(
    "exp_far", "expires more than 60 minutes after its nbf", "Let it expire within 60 minutes.",
)  # fmt: skip
REQUEST_OBJECT_NBF = _object(
    "nbf", "is not valid yet, or its nbf is missing or no integer", "Set nbf to now; check the client's clock.",
)  # fmt: skip
REQUEST_OBJECT_NBF_OLD = _object(
    "nbf_old", "has an nbf more than 60 minutes ago", "Make a fresh request object for each request.",
)  # fmt: skip
REQUEST_OBJECT_IAT = _object(
    "iat", "was issued in the future, or its iat is no integer", "Check the client's clock.",
)  # fmt: skip
REQUEST_OBJECT_TYPE = _object(
    "type", "has a parameter of the wrong JSON type",
    "Send texts as strings, max_age as an integer, authorization_details as an array, claims as an object.",
)  # fmt: skip
