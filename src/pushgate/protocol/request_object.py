"""Request objects: an authorization request as a JWT that the client signed (RFC 9101, OpenID Connect Core 6)."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

from pushgate import refusals
from pushgate.errors import Refusal
from pushgate.jose.encrypt import BadJwe, DecryptionKeys, decrypt
from pushgate.jose.verify import BadJws, KeySet, Unverified, parse_jws, verify_jws
from pushgate.model import Fact
from pushgate.profiles import FAPI_ALGORITHMS, Policy
from pushgate.protocol.client_assertion import ASYMMETRIC_ALGS, SKEW_AHEAD, SKEW_PAST
from pushgate.protocol.params import NO_SPACE, REPEATABLE, Params

TYPES = frozenset({"jwt", "oauth-authz-req+jwt"})
MEDIA_TYPES = ("application/oauth-authz-req+jwt", "application/jwt")
"""What a request object is published as (RFC 9101 10.4.1), or in the more general words of RFC 7519 10.3.1."""
MAX_REFERENCE = 512  # characters of a request_uri (OpenID Connect Core 6.2)
DIGEST = re.compile(r"[A-Za-z0-9_-]{43}")
_COMPACT = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*){2}(\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*)?")
MAX_WINDOW = 3600  # seconds: exp may lie this far after nbf, and nbf this far in the past
MAX_NUMBER = 10**12  # beyond any age or date


class RequestObjectRules(Fact, frozen=True, kw_only=True):
    """What documents want of request objects, as data."""

    algorithms: frozenset[str]
    audience_required: bool
    window_required: bool  # nbf and exp, within MAX_WINDOW
    parties_required: bool = False  # says who signed it, or whom it is for


PLAIN = RequestObjectRules(
    algorithms=frozenset(ASYMMETRIC_ALGS), audience_required=False, window_required=False,
)  # fmt: skip
"""RFC 9101: `aud` and times are checked where they are present."""
MESSAGE_SIGNING = RequestObjectRules(
    algorithms=FAPI_ALGORITHMS, audience_required=True, window_required=True,
)  # fmt: skip
"""FAPI 2.0 Message Signing 5.3.1; algorithms of FAPI 2.0 Security Profile 5.4.1."""


# --- By reference ---------------------------------------------------------------------------------------


def referred_to(text: str, digest: str) -> str:
    """The request object that was found at a request_uri. Raises InvalidRequestUri for anything else.

    `digest` is the fragment of the URI: empty, or the SHA-256 of what has to be there. RFC 9101 5.2, 7;
    OpenID Connect Core 6.2.
    """
    if digest and urlsafe_b64encode(sha256(text.encode("ascii")).digest()).rstrip(b"=").decode() != digest:
        raise refusals.REQUEST_URI_CONTENT("another hash")
    value = text.strip(" \t\r\n")  # text files end with a newline
    if not _COMPACT.fullmatch(value):
        raise refusals.REQUEST_URI_CONTENT("no compact JWT")
    return value


# --- Reading --------------------------------------------------------------------------------------------


def open_encrypted(value: str, keys: DecryptionKeys) -> str:
    """What is inside an encrypted request object, to be read as a signed one. Raises InvalidRequestObject.

    RFC 9101 4, 6.1.
    """
    try:
        return decrypt(value, keys)
    except BadJwe as bad:
        raise refusals.REQUEST_OBJECT_ENCRYPTION(str(bad)) from None


def parse_request_object(value: str) -> Unverified:
    """One compact JWS with a JSON object inside, signed with a key pair. Raises InvalidRequestObject.

    `none` is no algorithm here, in any spelling, and a client secret signs nothing. An encrypted object has to be
    opened before, so neither encryption inside a signature nor a second layer of it is taken. RFC 9101 4, 5, 10.8.
    """
    try:
        unverified = parse_jws(value)
    except BadJws as bad:
        raise refusals.REQUEST_OBJECT_MALFORMED(str(bad)) from None
    header = unverified.header
    if "crit" in header or header.get("b64") is False:
        raise refusals.REQUEST_OBJECT_CRIT()
    typ = header.get("typ")
    if typ is not None and (not isinstance(typ, str) or typ.lower().removeprefix("application/") not in TYPES):
        raise refusals.REQUEST_OBJECT_TYP()
    if header["alg"] not in ASYMMETRIC_ALGS:
        raise refusals.REQUEST_OBJECT_ALG()
    return unverified


# --- Verifying ------------------------------------------------------------------------------------------


def verify_request_object(
    unverified: Unverified,
    *,
    client_id: str,
    registered_alg: str | None,
    keys: KeySet,
    issuer: str,
    now: float,
    rules: RequestObjectRules,
    audiences: frozenset[str] = frozenset(),
) -> Params:
    """Signature, then claims; returns the authorization request inside. Nothing from outside is added.

    `keys` are the client's; `registered_alg` is its request_object_signing_alg; `audiences` may name this server
    beside the issuer identifier; `now` is in seconds since the epoch. Raises InvalidRequestObject, and
    InvalidRequest for a `client_id` that is missing or another one. RFC 9101 6.2, 6.3.
    """
    alg = unverified.header["alg"]
    # Decided before a key is touched (RFC 8725 3.1).
    if alg not in ASYMMETRIC_ALGS or alg not in rules.algorithms or registered_alg not in (None, alg):
        raise refusals.REQUEST_OBJECT_ALG()
    if not keys.candidates(unverified.header):
        raise refusals.REQUEST_OBJECT_KEY()
    if not verify_jws(unverified, keys):
        raise refusals.REQUEST_OBJECT_SIGNATURE()
    claims = unverified.claims
    if "request" in claims or "request_uri" in claims:
        raise refusals.REQUEST_OBJECT_NESTED()
    if claims.get("client_id") != client_id:
        raise refusals.REQUEST_OBJECT_CLIENT_ID()
    if claims.get("iss") not in (None, client_id):
        raise refusals.REQUEST_OBJECT_ISS()
    if rules.parties_required and claims.get("iss") is None and claims.get("aud") is None:
        raise refusals.REQUEST_OBJECT_AUD("neither iss nor aud")
    # An assertion may have no typ, or one that is taken here; its subject gives it away (RFC 9101 10.8).
    if claims.get("sub") == client_id:
        raise refusals.REQUEST_OBJECT_SUB()
    _check_audience(claims.get("aud"), audiences | {issuer}, rules)
    _check_times(claims, now, rules)
    return _params(claims)


def _check_audience(aud: Any, audiences: frozenset[str], rules: RequestObjectRules) -> None:
    """Others may be named beside this server. RFC 9101 4, RFC 7519 4.1.3; FAPI 2.0 Message Signing 5.3.1."""
    if aud is None and not rules.audience_required:
        return
    named = aud if isinstance(aud, list) else [aud]
    if not all(isinstance(value, str) for value in named) or audiences.isdisjoint(named):
        raise refusals.REQUEST_OBJECT_AUD()


def _check_times(claims: dict[str, Any], now: float, rules: RequestObjectRules) -> None:
    """exp ahead, nbf reached, iat not in the future; a window of at most an hour where the rules want one.

    RFC 9101 9.1, RFC 7519 4.1.4 to 4.1.6; FAPI 2.0 Message Signing 5.3.1.
    """
    expires = _time(claims, "exp", refusals.REQUEST_OBJECT_EXP)
    not_before = _time(claims, "nbf", refusals.REQUEST_OBJECT_NBF)
    issued = _time(claims, "iat", refusals.REQUEST_OBJECT_IAT)
    if expires is not None and expires <= now - SKEW_PAST:
        raise refusals.REQUEST_OBJECT_EXP()
    if not_before is not None and not_before > now + SKEW_AHEAD:
        raise refusals.REQUEST_OBJECT_NBF()
    if issued is not None and issued > now + SKEW_AHEAD:
        raise refusals.REQUEST_OBJECT_IAT()
    if rules.window_required:
        if not_before is None:
            raise refusals.REQUEST_OBJECT_NBF("missing")
        if expires is None:
            raise refusals.REQUEST_OBJECT_EXP("missing")
        if not_before < now - MAX_WINDOW:
            raise refusals.REQUEST_OBJECT_NBF_OLD()
        if expires > not_before + MAX_WINDOW:
            raise refusals.REQUEST_OBJECT_EXP_FAR()


def _time(claims: dict[str, Any], name: str, refusal: Refusal) -> int | None:
    """Whole seconds, though they may be spelt 1.8e9. RFC 7519 2."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < MAX_NUMBER:
        raise refusal("no time")
    if int(value) != value:
        raise refusal("a fraction")
    return int(value)


# --- The parameters inside --------------------------------------------------------------------------------

JWT_CLAIMS = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})
"""Claims about the object, which are no parameters. RFC 9101 9.1."""

KNOWN = frozenset(
    {
        "client_id", "response_type", "response_mode", "redirect_uri", "scope", "state", "nonce", "display", "prompt",
        "ui_locales", "claims_locales", "id_token_hint", "login_hint", "acr_values", "code_challenge",
        "code_challenge_method", "dpop_jkt", "max_age", "claims", "authorization_details", "resource", "audience",
        "service", "connection", "organization", "invitation", "csrf", "decision", "save_consent",
    }
)  # fmt: skip
"""Parameters that are known, so that another type is refused and not passed over."""
STRUCTURES: dict[str, type] = {"authorization_details": list, "claims": dict}
"""Parameters that are JSON: here as values, in a form as text."""
NO_TEXT = frozenset({"max_age", *STRUCTURES})
"""Parameters that are text in a form, and numbers or structures in an object (RFC 9101 4)."""


def _params(claims: dict[str, Any]) -> Params:
    """The claims as the form would have brought them. Raises InvalidRequestObject. RFC 9101 4."""
    found = Params()
    for name, value in claims.items():
        if name in JWT_CLAIMS or value is None:
            continue
        if isinstance(value, str) and value and name in NO_TEXT:
            raise refusals.REQUEST_OBJECT_TYPE(name)
        text = value if isinstance(value, str) else _text(name, value)
        if name and text:
            found[name] = text.replace(" ", NO_SPACE) if name in REPEATABLE and isinstance(value, str) else text
    return found


def _text(name: str, value: Any) -> str | None:
    """What is no string, as a form would have it; None for what is not known here."""
    if name == "max_age" and type(value) is int and abs(value) < MAX_NUMBER:
        return str(value)
    if name == "resource" and isinstance(value, list) and all(isinstance(uri, str) for uri in value):
        return " ".join(uri.replace(" ", NO_SPACE) for uri in value if uri)
    if name in STRUCTURES and isinstance(value, STRUCTURES[name]):
        try:
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        except (ValueError, RecursionError):  # 1e999, or too deep
            raise refusals.REQUEST_OBJECT_TYPE(name) from None
    if name in KNOWN:
        raise refusals.REQUEST_OBJECT_TYPE(name)
    return None


# --- What stands beside an object that was pushed -------------------------------------------------------------


def with_beside(inside: Params, form: Params, policy: Policy) -> Params:
    """The parameters of an object, and those of the form around it that count.

    These are none, or all that the object does not say, or there may be none: `Dialect.beside_request`. A client whose
    requests have to be signed says all of it in the object. Raises InvalidRequest. RFC 9126 3.
    """
    how, custom = policy.dialect.beside_request, policy.dialect.custom_parameters
    if how == "ignored":
        return inside
    known = (n for n in form if (n in KNOWN and n != "client_id") or (custom is not None and n.startswith(custom)))
    beside = Params({name: form[name] for name in known})
    if beside and how == "refused":
        error = refusals.PAR_BESIDE_REQUEST()
        error.about = f"Invalid parameter {min(beside)}."
        raise error
    return inside if policy.signed_request_required else Params({**beside, **inside})
