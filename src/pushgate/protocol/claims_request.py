"""The `claims` parameter (OpenID Connect Core 5.5): reading it, and what it says about user and sign-in."""

from __future__ import annotations

from typing import Any

from pushgate import refusals
from pushgate.jose.verify import json_object
from pushgate.model import AuthorizationRequest, ClaimsRequest, ClaimWish, Client, Fact

MAX_BYTES = 16 * 1024
MAX_CLAIMS = 100  # of one place
MAX_VALUES = 100  # of one claim
MAX_NAME = 100  # characters of a claim's name
MAX_DEPTH = 6  # objects and arrays inside one another


# --- Reading --------------------------------------------------------------------------------------------


def parse_claims(text: str) -> ClaimsRequest:
    """A JSON object with `id_token` and `userinfo`; members that are not known here are passed over.

    Strict: no member name twice, no NaN, no lone surrogate. Raises InvalidRequest. OpenID Connect Core 5.5, 5.5.1.
    """
    if len(text) > MAX_BYTES or len(raw := text.encode(errors="replace")) > MAX_BYTES:
        raise refusals.CLAIMS_MALFORMED("too long")
    try:
        found = json_object(raw)
    except ValueError as bad:
        raise refusals.CLAIMS_MALFORMED(str(bad)) from None
    _check_depth(found, MAX_DEPTH)
    return ClaimsRequest(id_token=_wishes(found, "id_token"), userinfo=_wishes(found, "userinfo"))


def _wishes(found: dict[str, Any], place: str) -> dict[str, ClaimWish]:
    claims = found.get(place)
    if claims is None:
        return {}
    if not isinstance(claims, dict):
        raise refusals.CLAIMS_MALFORMED(f"{place} is no object")
    if len(claims) > MAX_CLAIMS or any(len(name) > MAX_NAME for name in claims):
        raise refusals.CLAIMS_MALFORMED("too many claims, or a long name")
    return {name: _wish(wish) for name, wish in claims.items() if name}


def _wish(wish: Any) -> ClaimWish:
    """One claim's wish; `values` and `value` together mean what either allows. OpenID Connect Core 5.5.1."""
    if wish is None:
        return ClaimWish()
    if not isinstance(wish, dict):
        raise refusals.CLAIMS_MALFORMED("a claim that is neither null nor an object")
    essential, values = wish.get("essential", False), wish.get("values")
    if not isinstance(essential, bool):
        raise refusals.CLAIMS_MALFORMED("essential is no boolean")
    if values is not None and not (isinstance(values, list) and 0 < len(values) <= MAX_VALUES):
        raise refusals.CLAIMS_MALFORMED("values is no array, empty, or too long")
    both = (*(values or ()), *((wish["value"],) if wish.get("value") is not None else ()))
    return ClaimWish(essential=essential, values=both or None)


def _check_depth(value: Any, depth: int) -> None:
    if not isinstance(value, dict | list):
        return
    if depth == 0:
        raise refusals.CLAIMS_MALFORMED("too deep")
    for inner in value.values() if isinstance(value, dict) else value:
        _check_depth(inner, depth - 1)


def allows(wish: ClaimWish, value: Any) -> bool:
    """Whether a claim with this value is what was asked for; true is not 1. OpenID Connect Core 5.5.1."""
    return wish.values is None or any(type(v) is type(value) and v == value for v in wish.values)


# --- What it says about user and sign-in ------------------------------------------------------------------


def subjects_asked(request: AuthorizationRequest) -> list[ClaimWish]:
    """The wishes about who the user is, as the client knows users; all of them have to hold.

    OpenID Connect Core 3.1.2.2, 5.5.1.
    """
    claims = request.claims
    places = () if claims is None else (claims.id_token, claims.userinfo)
    return [place["sub"] for place in places if "sub" in place and place["sub"].values is not None]


class Level(Fact, frozen=True):
    """The authentication contexts that a request asks for; `essential`: one of them, or it fails."""

    acr_values: tuple[str, ...] = ()
    essential: bool = False


def level_asked(request: AuthorizationRequest, client: Client) -> Level:
    """A claims request for `acr` decides, else `acr_values`, else what the client is registered with.

    OpenID Connect Core 3.1.2.1, 5.5.1.1; OpenID Connect Registration 2.
    """
    wish = None if request.claims is None else request.claims.id_token.get("acr")
    if wish is None:
        return Level(request.acr_values or client.default_acr_values)
    values = tuple(value for value in wish.values or () if isinstance(value, str))
    return Level(values, wish.essential and wish.values is not None)
