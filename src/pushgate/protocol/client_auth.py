"""Client authentication (RFC 6749 2.3): exactly one credential, checked the registered way.

`find_credential` reads what the request offers, `authenticate` decides. `AuthenticatedClient` is the
proof; only this module makes one.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from typing import Any
from urllib.parse import unquote_to_bytes

from pushgate import refusals
from pushgate.dialects import Dialect
from pushgate.model import Client, Fact
from pushgate.profiles import Policy
from pushgate.protocol import mtls
from pushgate.protocol.client_assertion import UnusedAssertion
from pushgate.protocol.mtls import Certificate, TrustAnchors
from pushgate.protocol.params import Params

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SECRET_METHODS = ("client_secret_basic", "client_secret_post")
ASSERTION_METHODS = ("client_secret_jwt", "private_key_jwt")
CERTIFICATE_METHODS = ("tls_client_auth", "self_signed_tls_client_auth")
METHODS = (*SECRET_METHODS, *ASSERTION_METHODS, *CERTIFICATE_METHODS, "none")
MAX_CLIENT_ID = 200  # characters


class SecretCredential(Fact, frozen=True):
    """A client id with a secret, from the Authorization header or from the form."""

    method: str
    client_id: str
    secret: str

    def __repr__(self) -> str:
        return f"SecretCredential({self.method!r}, {self.client_id!r})"


class AssertionCredential(Fact, frozen=True):
    """A signed JWT (RFC 7523 2.2), not yet looked at."""

    assertion: str
    client_id: str | None

    def __repr__(self) -> str:
        return "AssertionCredential(...)"


class NoCredential(Fact, frozen=True):
    """Only a client_id, as a public client sends it, and one that shows a certificate (RFC 8705 2)."""

    client_id: str


Credential = SecretCredential | AssertionCredential | NoCredential

_PROOF = object()


class AuthenticatedClient(Fact, frozen=True):
    """A client whose registered credential held, or a public client that has none."""

    client: Client
    _proof: object

    def __post_init__(self) -> None:
        if self._proof is not _PROOF:
            raise TypeError("AuthenticatedClient is made by client_auth.authenticate alone")


def find_credential(authorization: list[str], params: Params) -> Credential:
    """The one credential of a request.

    `authorization` are the values of all Authorization headers. Bearer and other schemes are not client
    authentication and count as absent. Raises InvalidRequest for two methods, InvalidClient for none.
    RFC 6749 2.3, 2.3.1; RFC 7521 4.2; RFC 9126 2.1.
    """
    basic = [value for value in authorization if value[:5].lower() == "basic"]
    secret, assertion = params.get("client_secret"), params.get("client_assertion")
    assertion = assertion or ("" if "client_assertion_type" in params else None)
    if len(basic) + (secret is not None) + (assertion is not None) > 1:
        raise refusals.CLIENT_TWO_METHODS()
    client_id = params.get("client_id")
    if basic:
        name, password = parse_basic(basic[0])
        if client_id is not None and client_id != name:
            raise refusals.CLIENT_MISMATCH()
        return SecretCredential("client_secret_basic", name, password)
    if assertion is not None:
        if params.get("client_assertion_type") != ASSERTION_TYPE or not assertion:
            raise refusals.ASSERTION_TYPE()
        return AssertionCredential(assertion, client_id)
    if client_id is None:
        raise refusals.CLIENT_MISSING()
    if secret is not None:
        return SecretCredential("client_secret_post", client_id, secret)
    return NoCredential(client_id)


def parse_basic(header: str) -> tuple[str, str]:
    """Client id and secret of a Basic header, both form-decoded. Raises InvalidClient. RFC 6749 2.3.1."""
    scheme, _, value = header.partition(" ")
    try:
        decoded = binascii.a2b_base64(value.strip(), strict_mode=True)
        name, colon, secret = decoded.partition(b":")
        if scheme.lower() != "basic" or not colon or not name:
            raise ValueError
        return _form_decode(name), _form_decode(secret)
    except (binascii.Error, ValueError):
        raise refusals.CLIENT_BASIC_MALFORMED() from None


def _form_decode(raw: bytes) -> str:
    raw = raw.replace(b"+", b" ")
    return (unquote_to_bytes(raw) if b"%" in raw else raw).decode()


def secret_digest(secret: str) -> bytes:
    """What is stored of a secret; secrets are random, so one hash is enough.

    Not the bare SHA-256: HMAC takes that in place of a key longer than its block (RFC 2104 2), so whoever
    read it could sign assertions for a client_secret_jwt client.
    """
    return hashlib.sha256(b"client secret\0" + secret.encode()).digest()


# Compared against when the client does not exist, so that both cases cost the same.
_NO_DIGEST = secret_digest("")


def authenticate(credential: SecretCredential | NoCredential, client: Client | None) -> AuthenticatedClient:
    """Check a secret, or that the client needs none. Raises InvalidClient, the same for every unknown.

    RFC 6749 2.3.1, 5.2; the registered method is the only one accepted (OpenID Connect Core 9).
    """
    known = client if client is not None and client.enabled else None
    if isinstance(credential, NoCredential):
        if known is None or not known.public:
            raise refusals.CLIENT_AUTHENTICATION()
        return AuthenticatedClient(known, _PROOF)
    stored = known.secret.digest if known is not None and known.secret is not None else _NO_DIGEST
    equal = hmac.compare_digest(secret_digest(credential.secret), stored)
    if known is None or known.secret is None or not equal:
        raise refusals.CLIENT_AUTHENTICATION()
    if known.token_endpoint_auth_method != credential.method:
        raise refusals.CLIENT_METHOD()
    return AuthenticatedClient(known, _PROOF)


def authenticate_certificate(
    client: Client, certificate: Certificate, anchors: TrustAnchors, jwks: dict[str, Any] | None, now: float
) -> AuthenticatedClient:
    """The certificate of the connection is the client's, in the registered way. Raises InvalidClient. RFC 8705 2.

    An authority among `anchors` vouches for the registered subject, or the client's `jwks` has the certificate.
    """
    if client.token_endpoint_auth_method == "tls_client_auth":
        mtls.check_chain(certificate, anchors, now)
        mtls.check_subject(certificate, *mtls.registered_subject(client))
    elif client.token_endpoint_auth_method == "self_signed_tls_client_auth":
        mtls.check_self_signed(certificate, jwks)
    else:
        raise refusals.CLIENT_METHOD()
    return AuthenticatedClient(client, _PROOF)


def by_certificate(client: Client) -> bool:
    """Whether the certificate of its connection is what authenticates the client."""
    return client.enabled and client.token_endpoint_auth_method in CERTIFICATE_METHODS


def check_alone(credential: Credential, certificate: Certificate | None) -> None:
    """A certificate that authenticates its client is the only credential. Raises InvalidRequest. RFC 6749 2.3."""
    if certificate is not None and not isinstance(credential, NoCredential):
        raise refusals.CLIENT_TWO_METHODS()


def check_profile(client: Client, policy: Policy) -> None:
    """The registered method is one that the client's profile has. Raises InvalidClient. FAPI2-SP 5.3.2.1."""
    if client.token_endpoint_auth_method not in policy.profile.auth_methods:
        raise refusals.CLIENT_PROFILE()


def check_pusher(client: Client, params: Params, dialect: Dialect) -> None:
    """Where a product wants more of who pushes: see `Dialect`. Raises InvalidClient, InvalidRequest."""
    if client.public and not dialect.public_clients_push:
        raise refusals.PAR_PUBLIC_CLIENT()
    basic = client.token_endpoint_auth_method == "client_secret_basic"
    if dialect.client_id_beside_basic and basic and "client_id" not in params:
        raise refusals.PAR_CLIENT_ID()


def accept(assertion: UnusedAssertion, *, first_use: bool) -> AuthenticatedClient:
    """A verified assertion authenticates its client once. Raises InvalidClient. RFC 7523 3 item 7."""
    if not first_use:
        raise refusals.ASSERTION_REPLAY()
    return AuthenticatedClient(assertion.client, _PROOF)
