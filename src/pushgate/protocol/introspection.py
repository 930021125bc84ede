"""What a caller may learn of a token (RFC 7662), and in which form it is told (RFC 9701)."""

from __future__ import annotations

import re
from typing import Any

from pushgate import refusals
from pushgate.model import Client, Fact, RefreshToken, Resource
from pushgate.profiles import Policy
from pushgate.protocol.authorization_details import for_audience
from pushgate.protocol.tokens import audience_of

MEDIA_TYPE = "application/token-introspection+jwt"
JWT_TYPE = "token-introspection+jwt"
DEFAULT_ALG = "RS256"
INACTIVE: dict[str, Any] = {"active": False}

# RFC 7662 2.2, RFC 9449 6.2, RFC 8705 3.2, RFC 9470 6.2, RFC 9396 9.2. What else is in a token is for us alone.
_AS_IN_THE_TOKEN = (
    "scope", "client_id", "exp", "iat", "nbf", "sub", "aud", "iss", "jti", "cnf", "acr", "auth_time",
    "authorization_details",
)  # fmt: skip


# --- Who may know what ------------------------------------------------------------------------------------


class Caller(Fact, frozen=True):
    """A client that asks about tokens: the APIs that it answers for, and whether its own tokens count."""

    client_id: str
    resources: tuple[Resource, ...]
    own_tokens: bool
    known: tuple[Resource, ...] = ()
    """All resources of the realm."""


def caller_of(client: Client, resources: tuple[Resource, ...], policy: Policy) -> Caller:
    """Whom a client speaks for. RFC 7662 4, FAPI2-MS 6.2."""
    answers_for = tuple(r for r in resources if client.client_id in r.introspection_clients)
    return Caller(client.client_id, answers_for, not policy.profile.introspection_for_resources_only, resources)


def access_token_members(claims: dict[str, Any], caller: Caller) -> dict[str, Any] | None:
    """What the caller learns of an access token that is alive; None where it may not know it.

    A client sees all of a token that was issued to itself. An API sees a token that is for it, with the scope values
    that it understands, its own authorization details and no other audience. RFC 7662 2.2, RFC 9701 5, RFC 9396 9.1.
    """
    told = {name: claims[name] for name in _AS_IN_THE_TOKEN if name in claims}
    if not (caller.own_tokens and claims["client_id"] == caller.client_id):
        audience = audience_of(claims)
        concerned = [r for r in caller.resources if r.identifier in audience]
        if not concerned:
            return None
        identifiers = [r.identifier for r in concerned]
        told["aud"] = identifiers[0] if len(identifiers) == 1 else identifiers
        understood = {value for r in concerned for value in r.scopes}
        scope = " ".join(value for value in told.pop("scope", "").split(" ") if value in understood)
        told |= {"scope": scope} if scope else {}
        details = for_audience(tuple(told.pop("authorization_details", ())), tuple(identifiers), caller.known)
        told |= {"authorization_details": details} if details else {}
    return {"active": True, "token_type": _token_type(claims), **told}


def _token_type(claims: dict[str, Any]) -> str:
    """RFC 9449 6.2; a token bound to a certificate is a Bearer token."""
    return "DPoP" if "jkt" in claims.get("cnf", {}) else "Bearer"


def refresh_token_members(token: RefreshToken, sub: str, issuer: str, caller: Caller) -> dict[str, Any] | None:
    """What the caller learns of a refresh token that is alive; None unless it was issued to the caller.

    Its audience is this server, and it has no `token_type` (RFC 6749 5.1 names those of access tokens): an API that
    is handed one can tell that it is no access token. RFC 7662 2.2, 4.
    """
    if not caller.own_tokens or token.client_id != caller.client_id:
        return None
    told: dict[str, Any] = {
        "active": True,
        "scope": " ".join(token.scope),
        "client_id": token.client_id,
        "exp": token.expires_at,
        "sub": sub,
        "aud": issuer,
        "iss": issuer,
    }
    return told if token.confirmation is None else {**told, "cnf": token.confirmation.members()}


# --- In which form ----------------------------------------------------------------------------------------

_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


def accepted(values: list[str]) -> dict[str, float]:
    """The media ranges of all Accept headers, in lower case, with their weights; empty where nothing usable is said.

    Parameters but `q` do not count, and what is malformed is passed over. RFC 9110 12.4.2, 12.5.1.
    """
    found: dict[str, float] = {}
    for element in ",".join(values).split(","):
        name, *parameters = (part.strip().lower() for part in element.split(";"))
        weights = [p[2:] for p in parameters if p.startswith("q=")] or ["1"]
        if "/" in name and _WEIGHT.fullmatch(weights[0]):
            found[name] = float(weights[0])
    return found


def asks_for_jwt(ranges: dict[str, float]) -> bool:
    """Whether Accept names the JWT form, and prefers nothing to it. RFC 9701 4."""
    weight = ranges.get(MEDIA_TYPE, 0.0)
    return weight > 0 and weight >= ranges.get("application/json", 0.0)


def jwt_wanted(client: Client, ranges: dict[str, float]) -> bool:
    """Whether the answer is a JWT: asked for, or registered. Raises InvalidRequest for no form that may be sent.

    A client that is registered for the JWT form, or for encryption, is told nothing in another one. RFC 9701 4.
    """
    if client.introspection_signed_response_alg is None and client.introspection_encrypted_response_alg is None:
        return asks_for_jwt(ranges)
    weights = [ranges[name] for name in (MEDIA_TYPE, "application/*", "*/*") if name in ranges]
    if ranges and not (weights and weights[0] > 0):
        raise refusals.INTROSPECTION_FORM()
    return True


def response_claims(issuer: str, client_id: str, members: dict[str, Any], now: int) -> dict[str, Any]:
    """The claims of the JWT form; `sub` and `exp` are inside, so that it is of no use as a token. RFC 9701 5."""
    return {"iss": issuer, "aud": client_id, "iat": now, "token_introspection": members}
