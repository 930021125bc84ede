"""Parameters to an `AuthorizationRequest`: shape only; what is allowed is decided in `rules`."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from pushgate import refusals
from pushgate.errors import OAuthError
from pushgate.model import AuthorizationRequest, ClaimsRequest, Details
from pushgate.profiles import Policy, canonical_response_type
from pushgate.protocol.authorization_details import requested_details
from pushgate.protocol.claims_request import requested_claims
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


def parse_authorization_request(
    params: Params, client_id: str, custom: str | None = None
) -> tuple[AuthorizationRequest, OAuthError | None]:
    """Read the parameters that this server understands; all others are ignored (RFC 6749 3.1).

    But those that begin with `custom` are kept, where the dialect has such.

    Credentials and token endpoint parameters are not among them, so they cannot become part of the
    request (RFC 9126 2.1). A value that cannot be represented is left out and refused by the second
    result, to be raised when it is known where refusals go (`rules.Facts.malformed`).
    """
    get = params.get
    malformed: OAuthError | None = refusals.REPEATED_PARAMETER() if params.repeated else None
    response_type, max_age, raw_scope = get("response_type"), get("max_age"), get("scope")
    scope: tuple[str, ...] | None = None
    if raw_scope is not None:
        try:
            scope = parse_scope(raw_scope)
        except OAuthError as problem:
            malformed = malformed or problem
    resource, details, claims, problem_inside = _structures(params)
    malformed = malformed or problem_inside
    if max_age is not None and not MAX_AGE.fullmatch(max_age):
        malformed, max_age = malformed or refusals.MAX_AGE(), None
    request = AuthorizationRequest(
        client_id=client_id,
        response_type=None if response_type is None else canonical_response_type(response_type[:MAX_RESPONSE_TYPE]),
        response_mode=get("response_mode"),
        redirect_uri=get("redirect_uri"),
        scope=scope,
        state=get("state"),
        nonce=get("nonce"),
        prompt=_words(get("prompt")),
        max_age=None if max_age is None else int(max_age),
        code_challenge=get("code_challenge"),
        code_challenge_method=get("code_challenge_method"),
        login_hint=get("login_hint"),
        id_token_hint=get("id_token_hint"),
        acr_values=_words(get("acr_values")),
        ui_locales=_words(get("ui_locales")),
        display=get("display"),
        dpop_jkt=get("dpop_jkt"),
        resource=resource,
        authorization_details=details,
        claims=claims,
        claims_locales=_words(get("claims_locales")),
        service=get("service"),
        connection=get("connection"),
        organization=get("organization"),
        invitation=get("invitation"),
        csrf=session_digest(params["csrf"]) if "csrf" in params else None,
        decision=get("decision"),
        save_consent=get("save_consent"),
    )
    return (request, malformed) if custom is None else _with_custom(request, malformed, params, custom)


def _structures(params: Params) -> tuple[tuple[str, ...], Details, ClaimsRequest | None, OAuthError | None]:
    """The parameters that have an inside of their own, and what is wrong with them."""
    resource: tuple[str, ...] = ()
    details: Details = ()
    try:
        resource = requested_resources(params)
        details = requested_details(params)
        return resource, details, requested_claims(params), None
    except OAuthError as problem:
        return resource, details, None, problem


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


def _words(value: str | None) -> tuple[str, ...]:
    return () if value is None else tuple(value.split())
