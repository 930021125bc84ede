"""Client certificates: whose they are, and who may vouch for them (RFC 8705 2)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pushgate import refusals
from pushgate.jose.certificates import BROKEN, BadCertificate, TrustAnchors, key_of, load, long_enough, parse_anchors
from pushgate.jose.verify import import_key
from pushgate.model import Client, Fact
from pushgate.protocol.distinguished_name import MAX_NAME, name_of, parse_name

__all__ = [
    "SUBJECT_MEMBERS",
    "Certificate",
    "TrustAnchors",
    "check_chain",
    "check_self_signed",
    "check_subject",
    "has_certificate",
    "parse_anchors",
    "presented",
    "read_certificate",
    "registered_subject",
    "registered_subjects",
    "subject_matches",
    "subject_problem",
]

SUBJECT_DN = "tls_client_auth_subject_dn"
SUBJECT_MEMBERS = (
    SUBJECT_DN,
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
)
"""The members of client metadata that name a subject; a `tls_client_auth` client has one of them (RFC 8705 2.1.2)."""


class Certificate(Fact, frozen=True):
    """The certificate of a client's connection; that the client has its key, the handshake has shown."""

    der: bytes
    thumbprint: str  # x5t#S256: unpadded base64url of SHA-256 over the DER (RFC 8705 3.1)
    chain: tuple[bytes, ...] = ()  # DER of further certificates that came along


@lru_cache(maxsize=512)
def read_certificate(der: bytes, chain: tuple[bytes, ...] = ()) -> Certificate:
    """The certificate in these DER bytes, with a key that is long enough. Raises InvalidClient.

    `chain` is looked at only where it is needed. Whether the key authenticates or only binds tokens makes no
    difference: FAPI2-SP 5.4.1.
    """
    try:
        usable = long_enough(der)
    except BadCertificate as bad:
        raise refusals.CERTIFICATE_MALFORMED(str(bad)) from None
    if not usable:
        raise refusals.CERTIFICATE_KEY()
    digest = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=")
    return Certificate(der, digest.decode("ascii"), chain)


def presented(certificate: Certificate | None) -> Certificate:
    """A client that authenticates with mutual TLS has to show a certificate. Raises InvalidClient. RFC 8705 2."""
    if certificate is None:
        raise refusals.CERTIFICATE_MISSING()
    return certificate


# --- tls_client_auth: an authority vouches for the subject ---------------------------------------------


def check_chain(certificate: Certificate, anchors: TrustAnchors, now: float) -> None:
    """The certificate leads to a trust anchor and is valid at `now` (epoch seconds). Raises InvalidClient.

    Without anchors nothing is trusted. RFC 8705 2.1, 7.4; RFC 5280 6.1.
    """
    try:
        anchors.check(certificate.der, certificate.chain, now)
    except BadCertificate as bad:
        raise refusals.CERTIFICATE_CHAIN(str(bad)) from None


def check_subject(certificate: Certificate, member: str, value: str) -> None:
    """The certificate names the registered subject, in the registered place. Raises InvalidClient. RFC 8705 2.1.2."""
    if not subject_matches(certificate, member, value):
        raise refusals.CERTIFICATE_SUBJECT(member)


def subject_matches(certificate: Certificate, member: str, value: str) -> bool:
    """Whether the one registered member fits; nothing else in the certificate is looked at.

    Distinguished names match as such (RFC 4517 4.2.15). Of several alternative names of the type one has to be
    equal: `dns` without regard to case and without wildcards, `uri` as it is, `ip` in binary form, `email` without
    regard to the case of the domain. RFC 8705 2.1.2.
    """
    found = load(certificate.der)
    try:
        if member == SUBJECT_DN:
            return name_of(found.subject) == parse_name(value)
        kind, comparable = _ALTERNATIVE_NAMES[member]
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        wanted = comparable(value)
        return any(comparable(str(name.value)) == wanted for name in names if isinstance(name, kind))
    except (*BROKEN, x509.ExtensionNotFound):
        return False


def _binary(value: str) -> bytes | str:
    """An address; two notations of one are equal. What is no single address equals only itself."""
    try:
        return ip_address(value).packed
    except ValueError:
        return value


def _mailbox(value: str) -> tuple[str, str]:
    local, _, domain = value.rpartition("@")
    return local, domain.lower()


_ALTERNATIVE_NAMES: dict[str, tuple[type[Any], Callable[[str], object]]] = {
    "tls_client_auth_san_dns": (x509.DNSName, str.lower),
    "tls_client_auth_san_uri": (x509.UniformResourceIdentifier, str),
    "tls_client_auth_san_ip": (x509.IPAddress, _binary),
    "tls_client_auth_san_email": (x509.RFC822Name, _mailbox),
}


def registered_subjects(client: Client) -> list[tuple[str, str]]:
    """The members of a registration that name a subject, with their values."""
    found = ((member, getattr(client, member)) for member in SUBJECT_MEMBERS)
    return [(member, value) for member, value in found if value is not None]


def registered_subject(client: Client) -> tuple[str, str]:
    """The one member that counts, and its value. Raises InvalidClient for a registration without one."""
    match registered_subjects(client):
        case [subject]:
            return subject
    raise refusals.CERTIFICATE_SUBJECT("not exactly one is registered")


def subject_problem(member: str, value: str) -> str | None:
    """Why this value cannot be registered, in words to follow the member's name; None where it can.

    A value that no certificate can have would lock the client out. RFC 8705 2.1.2.
    """
    if member == SUBJECT_DN:
        try:
            parse_name(value)
        except ValueError as problem:
            return str(problem)
        return None
    if not value or len(value) > MAX_NAME:
        return "is empty" if not value else "is too long"
    if member == "tls_client_auth_san_ip":
        return None if isinstance(_single_address(value), IPv4Address | IPv6Address) else "is not an IP address"
    shape, otherwise = _SHAPES[member]
    return None if shape.fullmatch(value) else otherwise


def _single_address(value: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(value)
    except ValueError:
        return None
    return None if "%" in value else found


_LABELS = r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*"
_SHAPES = {
    "tls_client_auth_san_dns": (
        re.compile(_LABELS), "is not a DNS name: letters, digits and hyphens, no wildcard, and xn-- for other scripts",
    ),
    "tls_client_auth_san_uri": (
        re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+"), "is not an absolute URI in ASCII",
    ),
    "tls_client_auth_san_email": (
        re.compile(r"[\x21-\x3f\x41-\x7e]{1,64}@" + _LABELS), "is not an email address in ASCII",
    ),
}  # fmt: skip


# --- self_signed_tls_client_auth: the client has registered the certificate itself -------------------------


def check_self_signed(certificate: Certificate, jwks: dict[str, Any] | None) -> None:
    """The certificate is one of those that the client's keys carry in `x5c`. Raises InvalidClient.

    Nobody has to have vouched for it; a key that is not its certificate's is passed over. RFC 8705 2.2, 2.2.2.
    """
    members = (jwks or {}).get("keys")
    for jwk in members if isinstance(members, list) else ():
        if isinstance(jwk, dict) and _first_certificate(jwk) == certificate.der and _same_key(jwk, certificate.der):
            return
    raise refusals.CERTIFICATE_UNKNOWN()


def has_certificate(jwks: dict[str, Any]) -> bool:
    """Whether any key of a JWK Set carries a certificate of its own in `x5c`. RFC 8705 2.2.2."""
    members = jwks.get("keys")
    for jwk in members if isinstance(members, list) else ():
        der = _first_certificate(jwk) if isinstance(jwk, dict) else None
        if der is not None and _same_key(jwk, der):
            return True
    return False


def _first_certificate(jwk: dict[str, Any]) -> bytes | None:
    """RFC 7517 4.7: base64, not base64url, of DER."""
    chain = jwk.get("x5c")
    if not isinstance(chain, list) or not chain or not isinstance(chain[0], str):
        return None
    try:
        return binascii.a2b_base64(chain[0], strict_mode=True)
    except ValueError:
        return None


def _same_key(jwk: dict[str, Any], der: bytes) -> bool:
    """RFC 7517 4.7: the key in the first certificate is the key that the other members describe."""
    imported = import_key(jwk)
    if imported is None:
        return False
    public = imported.key.public_key
    assert not isinstance(public, bytes), "import_key takes no symmetric keys"
    try:
        return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == key_of(der)
    except BadCertificate:
        return False
