"""JWT client assertions: private_key_jwt and client_secret_jwt (RFC 7521, RFC 7523, OpenID Connect Core 9)."""

from __future__ import annotations

from typing import Any

from pushgate import refusals
from pushgate.errors import Refusal
from pushgate.jose.verify import BadJws, KeySet, Unverified, parse_jws, verify_jws
from pushgate.model import Client, Fact
from pushgate.profiles import SecurityProfile

SKEW_AHEAD = 30  # seconds: iat and nbf may lie this far in the future
SKEW_PAST = 10  # seconds: exp may lie this far in the past
MAX_LIFETIME = 3600  # seconds: exp may lie this far ahead, iat this far behind
MAX_JTI = 256  # characters
TYPES = frozenset({"jwt", "client-authentication+jwt"})

ASYMMETRIC_ALGS = (
    "ES256",
    "ES384",
    "ES512",
    "PS256",
    "PS384",
    "PS512",
    "RS256",
    "RS384",
    "RS512",
    "EdDSA",
    "Ed25519",
)
SYMMETRIC_ALGS = ("HS256", "HS384", "HS512")
METHOD_ALGS = {"private_key_jwt": ASYMMETRIC_ALGS, "client_secret_jwt": SYMMETRIC_ALGS}


class UnusedAssertion(Fact, frozen=True):
    """A valid assertion; whether it was used before is for the store to say."""

    client: Client
    jti: str
    remember_until: int  # seconds since the epoch: until then the jti has to be remembered


def claimed_client_id(assertion: str, client_id: str | None) -> tuple[Unverified, str]:
    """Whose assertion this claims to be, before any key is known. Raises InvalidClient.

    RFC 7521 4.2: a `client_id` parameter beside it must name the same client; RFC 7523 3 item 1.
    """
    unverified = parse_assertion(assertion)
    issuer = unverified.claims.get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise refusals.ASSERTION_ISS()
    if client_id is not None and client_id != issuer:
        raise refusals.ASSERTION_CLIENT_ID()
    return unverified, issuer


def parse_assertion(assertion: str) -> Unverified:
    """One compact JWS with a JSON object inside. Raises InvalidClient. RFC 7523 3 items 9, 10."""
    try:
        unverified = parse_jws(assertion)
    except BadJws as bad:
        raise refusals.ASSERTION_MALFORMED(str(bad)) from None
    if "crit" in unverified.header or unverified.header.get("b64") is False:
        raise refusals.ASSERTION_CRIT()
    typ = unverified.header.get("typ")
    if typ is not None and (not isinstance(typ, str) or typ.lower().removeprefix("application/") not in TYPES):
        raise refusals.ASSERTION_TYP()
    return unverified


def check_method(unverified: Unverified, client: Client | None) -> Client:
    """The client exists and is registered for an assertion with this algorithm. Raises InvalidClient.

    Decided before a key is touched, so that a public key can never serve as an HMAC secret.
    OpenID Connect Core 9; RFC 7523 3 item 9; RFC 8725 3.1.
    """
    if client is None or not client.enabled:
        raise refusals.CLIENT_AUTHENTICATION()
    allowed = METHOD_ALGS.get(client.token_endpoint_auth_method)
    if allowed is None:
        raise refusals.CLIENT_METHOD()
    alg = unverified.header.get("alg")
    registered = client.token_endpoint_auth_signing_alg
    if alg not in allowed or (registered is not None and alg != registered):
        raise refusals.ASSERTION_ALG()
    return client


def verify_assertion(
    unverified: Unverified,
    client: Client,
    keys: KeySet,
    audiences: frozenset[str],
    now: float,
    profile: SecurityProfile,
) -> UnusedAssertion:
    """Signature, then claims. `audiences` are the values that name this server. Raises InvalidClient.

    RFC 7523 3, FAPI2-SP 5.3.2.1, 5.4.1.
    """
    if unverified.header["alg"] not in profile.algorithms:
        raise refusals.ASSERTION_ALG("not of the profile")
    if not keys.candidates(unverified.header):
        raise refusals.ASSERTION_KEY()
    if not verify_jws(unverified, keys):
        raise refusals.ASSERTION_SIGNATURE()
    claims = unverified.claims
    for name, refusal in (("iss", refusals.ASSERTION_ISS), ("sub", refusals.ASSERTION_SUB)):
        if claims.get(name) != client.client_id:
            raise refusal()
    check_audience(claims.get("aud"), audiences, plain=profile.issuer_audience)
    expires = check_times(claims, now)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= MAX_JTI:
        raise refusals.ASSERTION_JTI()
    return UnusedAssertion(client, jti, expires + SKEW_PAST + 1)


def check_audience(aud: Any, audiences: frozenset[str], *, plain: bool = False) -> None:
    """One audience, as a string or (unless `plain`) an array of one; arrays of several are a known attack.

    RFC 7523 3 item 3, RFC 9126 2, FAPI2-SP 5.3.2.1.
    """
    if not plain and isinstance(aud, list) and len(aud) == 1:
        aud = aud[0]
    if not isinstance(aud, str) or aud not in audiences:
        raise refusals.ASSERTION_AUD()


def check_times(claims: dict[str, Any], now: float) -> int:
    """exp is required and near, nbf reached, iat recent; returns exp. RFC 7523 3 items 4-6."""
    expires = _time(claims, "exp", refusals.ASSERTION_EXP)
    if expires is None or expires <= now - SKEW_PAST:
        raise refusals.ASSERTION_EXP()
    if expires > now + MAX_LIFETIME + SKEW_AHEAD:
        raise refusals.ASSERTION_EXP_FAR()
    not_before = _time(claims, "nbf", refusals.ASSERTION_NBF)
    if not_before is not None and not_before > now + SKEW_AHEAD:
        raise refusals.ASSERTION_NBF()
    issued = _time(claims, "iat", refusals.ASSERTION_IAT)
    if issued is not None and not now - MAX_LIFETIME <= issued <= now + SKEW_AHEAD:
        raise refusals.ASSERTION_IAT()
    return expires


def _time(claims: dict[str, Any], name: str, refusal: Refusal) -> int | None:
    """A NumericDate; fractions are cut, anything but a finite number is refused. RFC 7519 2."""
    value = claims.get(name)
    if value is None or (type(value) is int and 0 <= value < 1e12):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e12:
        raise refusal()
    return int(value)
