"""Access tokens at a protected resource: how they come, what makes them valid, what they allow.

RFC 6750 2, RFC 9068 4, RFC 9449 7, RFC 8705 3, RFC 9470 3. The signature, which needs the issuer's keys, is
checked between `parse_access_token` and `check_claims`; whoever calls them holds that order.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection
from typing import Any

from pushgate import refusals
from pushgate.jose.verify import BadJws, Unverified, parse_jws
from pushgate.model import Fact

BEARER, DPOP = "Bearer", "DPoP"
TYPES = frozenset({"at+jwt", "application/at+jwt"})
SKEW_AHEAD = 30  # seconds: nbf and iat may lie this far in the future
SKEW_PAST = 10  # seconds: exp may lie this far in the past
LATEST = 1e12  # seconds since the epoch; beyond it a number is no time

_CREDENTIALS = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?: +(.*))?", re.DOTALL)
_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class Presented(Fact, frozen=True):
    """An access token as it was sent; nothing about it is believed yet."""

    scheme: str  # BEARER or DPOP
    token: str

    def __repr__(self) -> str:
        return f"Presented({self.scheme!r})"


def presented_token(authorization: list[str]) -> Presented:
    """The one access token in the values of the Authorization header. Raises NoToken, InvalidRequest.

    Tokens in a form or in the query are not looked at. RFC 6750 2.1, 3.1; RFC 9449 7.1; RFC 9110 11.4.
    """
    if not authorization:
        raise refusals.ACCESS_ABSENT()
    if len(authorization) > 1:
        raise refusals.ACCESS_TWICE()
    found = _CREDENTIALS.fullmatch(authorization[0].strip(" \t"))
    scheme = None if found is None else {"bearer": BEARER, "dpop": DPOP}.get(found[1].lower())
    if found is None or scheme is None or not found[2]:
        raise refusals.ACCESS_ABSENT()
    if not _B64TOKEN.fullmatch(found[2]):
        raise refusals.ACCESS_MALFORMED()
    return Presented(scheme, found[2])


def parse_access_token(token: str, algorithms: Collection[str]) -> Unverified:
    """A JWT access token that is signed with one of these algorithms; the signature is still to be checked.

    Raises InvalidToken. RFC 9068 2.1, 4; RFC 8725 3.1, 3.11; RFC 7515 4.1.11.
    """
    try:
        unverified = parse_jws(token)
    except BadJws as bad:
        raise refusals.ACCESS_TYPE(str(bad)) from None
    header = unverified.header
    if str(header.get("typ")).lower() not in TYPES:
        raise refusals.ACCESS_TYPE("typ")
    if "crit" in header or header.get("b64") is False:
        raise refusals.ACCESS_TYPE("crit")
    if header["alg"] not in algorithms:
        raise refusals.ACCESS_ALG()
    return unverified


def check_claims(claims: dict[str, Any], issuer: str, audience: Collection[str], now: float) -> None:
    """Issued by this issuer, for one of these audiences, valid now (epoch seconds). Raises InvalidToken.

    Afterwards iss, sub, client_id and jti are text, exp and iat numbers, scope is text or absent. RFC 9068 2.2, 4.
    """
    for name in ("iss", "sub", "client_id", "jti"):
        if not isinstance(claims.get(name), str) or not claims[name]:
            raise refusals.ACCESS_CLAIMS(name)
    if not _is_time(claims.get("exp")) or not _is_time(claims.get("iat")) or not _is_time(claims.get("nbf", 0)):
        raise refusals.ACCESS_CLAIMS("exp, iat or nbf")
    if not isinstance(claims.get("scope", ""), str):
        raise refusals.ACCESS_CLAIMS("scope")
    if claims["iss"] != issuer:
        raise refusals.ACCESS_ISSUER()
    if not any(value in audience for value in audiences_of(claims)):
        raise refusals.ACCESS_AUDIENCE()
    if claims["exp"] <= now - SKEW_PAST:
        raise refusals.ACCESS_EXPIRED()
    if max(claims["iat"], claims.get("nbf", 0)) > now + SKEW_AHEAD:
        raise refusals.ACCESS_EARLY()


def audiences_of(claims: dict[str, Any]) -> tuple[str, ...]:
    """`aud` as a tuple, whether it is one text or a list of them. Raises InvalidToken. RFC 7519 4.1.3."""
    found = claims.get("aud")
    values = found if isinstance(found, list) else [found]
    if not values or not all(isinstance(value, str) for value in values):
        raise refusals.ACCESS_CLAIMS("aud")
    return tuple(values)


def _is_time(value: Any) -> bool:
    # The comparison also keeps NaN out, which is neither before nor after anything.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LATEST


# --- Whose it is --------------------------------------------------------------------------------------------


class Binding(Fact, frozen=True):
    """What a token is bound to: thumbprints of a DPoP key and of a certificate; None where it is not."""

    jkt: str | None = None
    certificate: str | None = None


def binding_of(claims: dict[str, Any]) -> Binding:
    """The binding that `cnf` names. Raises InvalidToken where it names none that is understood.

    A token that is bound somehow is never taken for one that is not. RFC 7800 3.1, RFC 8705 3.1, RFC 9449 6.1.
    """
    if "cnf" not in claims:
        return Binding()
    cnf = claims["cnf"]
    known = {name: cnf[name] for name in ("jkt", "x5t#S256") if name in cnf} if isinstance(cnf, dict) else {}
    if not known or not all(isinstance(value, str) and value for value in known.values()):
        raise refusals.ACCESS_BINDING()
    return Binding(known.get("jkt"), known.get("x5t#S256"))


def check_scheme(scheme: str, binding: Binding, *, bound_only: bool) -> None:
    """A token bound to a DPoP key comes with that scheme, and no other token does. Raises InvalidToken.

    `bound_only`: the resource takes no tokens that whoever finds them can use. RFC 9449 7.1, 7.2; FAPI2-SP 5.3.3.
    """
    if (scheme == DPOP) != (binding.jkt is not None):
        raise refusals.ACCESS_SCHEME()
    if bound_only and binding == Binding():
        raise refusals.ACCESS_UNBOUND()


def check_certificate(binding: Binding, thumbprint: str | None) -> None:
    """A token that is bound to a certificate came over a connection with it. Raises InvalidToken. RFC 8705 3."""
    if binding.certificate is None:
        return
    if thumbprint is None or not hmac.compare_digest(binding.certificate.encode(), thumbprint.encode()):
        raise refusals.ACCESS_CERTIFICATE("none" if thumbprint is None else "another one")


# --- What it allows -------------------------------------------------------------------------------------------


def check_scope(claims: dict[str, Any], wanted: Collection[str]) -> None:
    """The token has every one of these scopes. Raises InsufficientScope. RFC 6750 3.1, RFC 9068 4."""
    granted = str(claims.get("scope", "")).split(" ")
    if not all(value in granted for value in wanted):
        raise refusals.ACCESS_SCOPE()


def check_authentication(claims: dict[str, Any], acr_values: Collection[str], max_age: int | None, now: float) -> None:
    """The user signed in as one of these classes, and at most `max_age` seconds ago.

    Raises InsufficientUserAuthentication; what the token does not say does not hold. RFC 9470 3, 6.1.
    """
    if acr_values and claims.get("acr") not in acr_values:
        raise refusals.ACCESS_AUTHENTICATION("acr")
    if max_age is None:
        return
    signed_in: Any = claims.get("auth_time")
    if not _is_time(signed_in) or not now - max_age <= signed_in <= now + SKEW_AHEAD:
        raise refusals.ACCESS_AUTHENTICATION("auth_time")
