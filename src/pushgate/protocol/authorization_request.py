"""Parameters to an `AuthorizationRequest`: shape only; what is allowed is decided in `rules`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from pushgate import refusals
from pushgate.errors import OAuthError
from pushgate.model import AuthorizationRequest
from pushgate.profiles import Policy, canonical_response_type
from pushgate.protocol.authorization_details import parse_authorization_details
from pushgate.protocol.claims_request import parse_claims
from pushgate.protocol.interaction import session_digest
from pushgate.protocol.params import Params
from pushgate.protocol.resource import requested_resources

# RFC 6749 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), separated by single spaces.
SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")
MAX_AGE = re.compile(r"[0-9]{1,10}")


MAX_SCOPE = 1000  # characters
MAX_SCOPE_VALUES = 50
MAX_CUSTOM = 10
FIXED = frozenset(
    {
        "client_id", "redirect_uri", "response_type", "response_mode", "code_challenge", "code_challenge_method",
        "dpop_jkt", "csrf", "decision", "save_consent", "custom", "service", "max_age", "acr_values", "claims",
    }
)  # fmt: skip
"""Members of a pushed request that nothing beside it changes."""
MERGED = tuple(name for name in AuthorizationRequest.__struct_fields__ if name not in FIXED)
BESIDE = frozenset(MERGED) | {"audience"}
"""Parameters that may count beside a reference to a pushed request."""
MAX_RESPONSE_TYPE = 100  # characters; the longest that exists has 19


def parse_scope(value: str) -> tuple[str, ...]:
    """A scope string to its values in order, without doubles. Raises InvalidScope. RFC 6749 3.3."""
    if len(value) > MAX_SCOPE or value.count(" ") >= MAX_SCOPE_VALUES:
        raise refusals.SCOPE_MALFORMED("too long")
    return _parse_scope(value)


@lru_cache(maxsize=256)
def _parse_scope(value: str) -> tuple[str, ...]:
    if not SCOPE.fullmatch(value):
        raise refusals.SCOPE_MALFORMED()
    return tuple(dict.fromkeys(value.split(" ")))


def _response_type(value: str) -> str:
    return canonical_response_type(value[:MAX_RESPONSE_TYPE])


def _words(value: str) -> tuple[str, ...]:
    return tuple(value.split())


def _max_age(value: str) -> int:
    if not MAX_AGE.fullmatch(value):
        raise refusals.MAX_AGE()
    return int(value)


AS_IT_IS = (
    "response_mode", "redirect_uri", "state", "nonce", "code_challenge", "code_challenge_method", "login_hint",
    "id_token_hint", "display", "dpop_jkt", "service", "connection", "organization", "invitation", "decision",
    "save_consent",
)  # fmt: skip
READ: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(AS_IT_IS, str),
    **dict.fromkeys(("prompt", "acr_values", "ui_locales", "claims_locales"), _words),
    "response_type": _response_type,
    "scope": parse_scope,
    "max_age": _max_age,
    "authorization_details": parse_authorization_details,
    "claims": parse_claims,
    "csrf": session_digest,
}
"""The parameters that this server understands, beside those that name resources, and how each is read."""


def parse_authorization_request(
    params: Params, client_id: str, custom: str | None = None
) -> tuple[AuthorizationRequest, OAuthError | None]:
    """Read the parameters that this server understands; all others are ignored (RFC 6749 3.1).

    But those that begin with `custom` are kept, where the dialect has such.

    Credentials and token endpoint parameters are not among them, so they cannot become part of the
    request (RFC 9126 2.1). A value that cannot be represented is left out and refused by the second
    result, to be raised when it is known where refusals go (`rules.Facts.malformed`).
    """
    malformed: OAuthError | None = refusals.REPEATED_PARAMETER() if params.repeated else None
    said: dict[str, Any] = {}
    for name, value in params.items():
        read = READ.get(name)
        if read is not None:
            try:
                said[name] = read(value)
            except OAuthError as problem:
                malformed = malformed or problem
    if "resource" in params or "audience" in params:
        try:
            said["resource"] = requested_resources(params)
        except OAuthError as problem:
            malformed = malformed or problem
    request = AuthorizationRequest(client_id=client_id, **said)
    return (request, malformed) if custom is None else _with_custom(request, malformed, params, custom)


def _with_custom(
    request: AuthorizationRequest, malformed: OAuthError | None, params: Params, prefix: str
) -> tuple[AuthorizationRequest, OAuthError | None]:
    """The request with the client's own parameters: those whose names begin with `prefix`."""
    own = {name: value for name, value in params.items() if name.startswith(prefix)}
    if len(own) > MAX_CUSTOM:
        return request, malformed or refusals.CUSTOM_PARAMETERS()
    return msgspec.structs.replace(request, custom=own), malformed


def beside_pushed(params: Params, client_id: str, policy: Policy) -> AuthorizationRequest | None:
    """What a browser brought beside a reference to a pushed request, where the dialect lets that count at all.

    Never where requests have to be pushed or signed: then all of it has to be.
    """
    whole = policy.par_required or policy.signed_request_required
    if policy.dialect.beside_request_uri != "merged" or whole or BESIDE.isdisjoint(params):
        return None
    return parse_authorization_request(params, client_id)[0]


def merged(request: AuthorizationRequest, beside: AuthorizationRequest) -> AuthorizationRequest:
    """A pushed request with what it left open, as it came through the browser.

    Never where the answer goes, what the code is bound to, nor how surely the user is to be known: that is the
    client's alone to say, or to leave to its registration.
    """
    none = AuthorizationRequest(client_id=request.client_id)
    found = {name: getattr(beside, name) for name in MERGED if getattr(request, name) == getattr(none, name)}
    return msgspec.structs.replace(request, **found)
