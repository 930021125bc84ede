"""Certificates for the tests: authorities, clients with any subject, and all that can be wrong with them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from joserfc.jwk import ECKey, RSAKey

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

DAY = 86_400  # seconds
SHA256 = hashes.SHA256()
CLIENT_AUTH = (ExtendedKeyUsageOID.CLIENT_AUTH,)
SERVER_AUTH = (ExtendedKeyUsageOID.SERVER_AUTH,)
UNUSED = dict.fromkeys(
    (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    ),
    False,
)  # fmt: skip


def usage(*names: str) -> x509.KeyUsage:
    """A key usage extension with these bits."""
    return x509.KeyUsage(**{**UNUSED, **dict.fromkeys(names, True)})


def name(*parts: tuple[str, str], **common: str) -> x509.Name:
    """A name from (OID, value) pairs in the order of the certificate; `cn` for a common name alone."""
    pairs = [*parts, *((NameOID.COMMON_NAME.dotted_string, value) for value in common.values())]
    return x509.Name([x509.NameAttribute(x509.ObjectIdentifier(oid), value) for oid, value in pairs])


@dataclass(frozen=True)
class Made:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        """As it travels in TLS."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        """As it lies in a file."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        """The private key, PKCS #8."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    @property
    def thumbprint(self) -> str:
        """x5t#S256, computed apart from the server."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.der).digest()).decode().rstrip("=")

    def jwk(self, **more: Any) -> dict[str, Any]:
        """The public key as a JWK with the certificate in `x5c` (RFC 7517 4.7)."""
        kind = ECKey if isinstance(self.key, ec.EllipticCurvePrivateKey) else RSAKey
        public = kind.import_key(self.key_pem).as_dict(private=False)
        return {**public, "x5c": [base64.b64encode(self.der).decode()], **more}

    def files(self, folder: Path, stem: str = "client", *further: Made) -> tuple[str, str]:
        """Paths of the certificate (with what stands between it and its anchor) and of the key, written there."""
        certificate, key = folder / f"{stem}.pem", folder / f"{stem}.key"
        certificate.write_text("".join(one.pem for one in (self, *further)))
        key.write_text(self.key_pem)
        return str(certificate), str(key)


def new_key() -> Key:
    """A P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


@cache
def authority(common_name: str = "Test CA") -> Made:
    """The authority of this name; the same one every time."""
    return make(name(cn=common_name), ca=True)


def make(
    subject: x509.Name | str = "client",
    *,
    issuer: Made | None = None,
    san: Sequence[x509.GeneralName] = (),
    key: Key | None = None,
    ca: bool | None = False,
    path_length: int | None = None,
    key_usage: x509.KeyUsage | None = None,
    eku: Sequence[x509.ObjectIdentifier] | None = None,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    start: float = -DAY,
    end: float = 365 * DAY,
    now: float | None = None,
    algorithm: hashes.HashAlgorithm = SHA256,
) -> Made:
    """A certificate; without `issuer` it is signed by itself. `start`, `end`: seconds from now.

    `ca=None` leaves the basic constraints out; an authority has a key usage unless `key_usage` says otherwise.
    """
    subject = name(cn=subject) if isinstance(subject, str) else subject
    key = key or new_key()
    signer = issuer.key if issuer else key
    moment = datetime.now(UTC) if now is None else datetime.fromtimestamp(now, UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment + timedelta(seconds=start))
        .not_valid_after(moment + timedelta(seconds=end))
    )
    if ca is not None:
        constraints = x509.BasicConstraints(ca=ca, path_length=path_length if ca else None)
        builder = builder.add_extension(constraints, critical=True)
    if ca and key_usage is None:
        key_usage = usage("key_cert_sign", "crl_sign")
    if key_usage is not None:
        builder = builder.add_extension(key_usage, critical=True)
    if eku is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(eku), critical=False)
    if san:
        builder = builder.add_extension(x509.SubjectAlternativeName(san), critical=False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    signing = None if isinstance(signer, ed25519.Ed25519PrivateKey) else algorithm
    return Made(builder.sign(signer, signing), key)


def client(subject: x509.Name | str = "client", *, issuer: Made | None = None, **how: Any) -> Made:
    """A client's certificate from the authority."""
    return make(subject, issuer=issuer or authority(), **how)


def self_signed(subject: x509.Name | str = "client", **how: Any) -> Made:
    """A client's certificate that nobody vouches for."""
    return make(subject, **how)


def expired(subject: x509.Name | str = "client", **how: Any) -> Made:
    """Valid until a day ago."""
    return client(subject, start=-10 * DAY, end=-DAY, **how)


def not_yet_valid(subject: x509.Name | str = "client", **how: Any) -> Made:
    """Valid from tomorrow."""
    return client(subject, start=DAY, end=10 * DAY, **how)
