"""X.509 certificates: reading them, and the path from one to a trust anchor (RFC 5280 6)."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.dsa import DSAPublicKey
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError

from pushgate.jose.verify import MIN_RSA_BITS

MIN_EC_BITS = 224
MAX_DER = 16_384  # bytes of one certificate
MAX_CHAIN = 4  # further certificates, and so intermediate authorities

# What the library raises for a certificate whose inside is broken; most of it is only looked at when asked for.
BROKEN = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


class BadCertificate(Exception):
    """Not a certificate, or not one to be trusted. The text is for the log."""


class TrustAnchors:
    """The authorities whose certificates are believed; an explicit list, never the system's (RFC 8705 7.4)."""

    __slots__ = ("_policy", "certificates")

    def __init__(self, certificates: tuple[x509.Certificate, ...] = ()) -> None:
        self.certificates = certificates
        self._policy = _policy(certificates) if certificates else None

    @property
    def names(self) -> list[str]:
        """Whom they are: the subjects, as RFC 4514 writes them."""
        return [certificate.subject.rfc4514_string() for certificate in self.certificates]

    def expired(self, now: float) -> list[str]:
        """The subjects of those whose time is over at `now` (seconds since the epoch)."""
        over = [certificate.not_valid_after_utc.timestamp() < now for certificate in self.certificates]
        return [name for name, old in zip(self.names, over, strict=True) if old]

    def check(self, der: bytes, chain: tuple[bytes, ...], now: float) -> None:
        """A path leads from the certificate to an anchor, and all of it holds at `now`. Raises BadCertificate.

        `now`: seconds since the epoch. RFC 5280 6.1; what may sign is the Web PKI's (RSA of 2048 bits, P-256, P-384,
        P-521; SHA-2). The certificate's own key is not looked at: see `long_enough`.
        """
        if self._policy is None:
            raise BadCertificate("no trust anchors are configured")
        if len(chain) > MAX_CHAIN:
            raise BadCertificate("too many certificates")
        moment = datetime.fromtimestamp(now, UTC).replace(tzinfo=None)
        try:
            self._policy.time(moment).build_client_verifier().verify(load(der), [load(further) for further in chain])
        except (VerificationError, *BROKEN) as problem:
            raise BadCertificate(str(problem)) from None


@lru_cache(maxsize=512)
def load(der: bytes) -> x509.Certificate:
    """One certificate; the same client's comes again and again. Raises BadCertificate."""
    if len(der) > MAX_DER:
        raise BadCertificate("too long")
    try:
        return x509.load_der_x509_certificate(der)
    except BROKEN as problem:
        raise BadCertificate(str(problem)) from None


@lru_cache(maxsize=512)
def key_of(der: bytes) -> bytes:
    """The certificate's public key as DER SubjectPublicKeyInfo. Raises BadCertificate."""
    try:
        return load(der).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except BROKEN as problem:
        raise BadCertificate(str(problem)) from None


def long_enough(der: bytes) -> bool:
    """Whether the certificate's key is RSA of 2048 bits, EC of 224 bits, or more. Raises BadCertificate.

    FAPI2-SP 5.4.1. Other kinds have one size, which is enough.
    """
    try:
        key = load(der).public_key()
    except BROKEN as problem:
        raise BadCertificate(str(problem)) from None
    if isinstance(key, EllipticCurvePublicKey):
        return key.key_size >= MIN_EC_BITS
    return not isinstance(key, RSAPublicKey | DSAPublicKey) or key.key_size >= MIN_RSA_BITS


@lru_cache(maxsize=64)
def parse_anchors(pem: str) -> TrustAnchors:
    """The certificates of a PEM text as trust anchors. Raises ValueError, in words, where one is not an authority's."""
    if "PRIVATE KEY-----" in pem:
        raise ValueError("holds a private key; trust anchors are certificates only")
    try:
        certificates = tuple(x509.load_pem_x509_certificates(pem.encode()))
        authorities = [_is_authority(certificate) for certificate in certificates]
    except BROKEN:
        raise ValueError("is not a PEM text of X.509 certificates") from None
    for certificate, authority in zip(certificates, authorities, strict=True):
        if not authority:
            name = certificate.subject.rfc4514_string()
            raise ValueError(f"holds a certificate that is not of a certificate authority: {name}")
    return TrustAnchors(certificates)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _policy(certificates: tuple[x509.Certificate, ...]) -> PolicyBuilder:
    """The Web PKI's rules, without what only web sites need and private authorities leave out."""
    anywhere, quiet = Criticality.AGNOSTIC, Criticality.NON_CRITICAL
    authority = (
        ExtensionPolicy.webpki_defaults_ca()
        .may_be_present(x509.AuthorityKeyIdentifier, quiet, None)
        .require_present(x509.BasicConstraints, anywhere, _may_issue)
        .may_be_present(x509.KeyUsage, anywhere, _may_sign_certificates)
        .may_be_present(x509.NameConstraints, anywhere, _no_directory_names)
    )
    client = (
        ExtensionPolicy.webpki_defaults_ee()
        .may_be_present(x509.AuthorityKeyIdentifier, quiet, None)
        .may_be_present(x509.SubjectAlternativeName, anywhere, None)
        .may_be_present(x509.KeyUsage, anywhere, _may_authenticate)
    )
    builder = PolicyBuilder().store(Store(list(certificates))).max_chain_depth(MAX_CHAIN)
    return builder.extension_policies(ca_policy=authority, ee_policy=client)


def _may_issue(_: Policy, __: x509.Certificate, found: x509.BasicConstraints) -> None:
    """RFC 5280 4.2.1.9."""
    if not found.ca:
        raise ValueError("the issuer is not a certificate authority")


def _may_sign_certificates(_: Policy, __: x509.Certificate, found: x509.KeyUsage | None) -> None:
    """RFC 5280 4.2.1.3, 6.1.4 (n)."""
    if found is not None and not found.key_cert_sign:
        raise ValueError("the issuer's key usage is not for certificates")


def _no_directory_names(_: Policy, __: x509.Certificate, found: x509.NameConstraints | None) -> None:
    """RFC 5280 4.2.1.10: the library does not hold a subject against them, so nothing gets past them."""
    trees = [] if found is None else [*(found.permitted_subtrees or ()), *(found.excluded_subtrees or ())]
    if any(isinstance(tree, x509.DirectoryName) for tree in trees):
        raise ValueError("the issuer is constrained to directory names, which is not supported")


def _may_authenticate(_: Policy, __: x509.Certificate, found: x509.KeyUsage | None) -> None:
    """RFC 5280 4.2.1.3: a TLS client signs, and issues nothing."""
    if found is not None and (found.key_cert_sign or not found.digital_signature):
        raise ValueError("the certificate's key usage is not for TLS clients")
