"""A client's certificate, then the same with one thing wrong: who may vouch for it, and whom it names.

RFC 8705 2, RFC 5280 6.1, RFC 4514.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import event, example, given
from hypothesis import strategies as st

from pushgate.errors import InvalidClient, OAuthError
from pushgate.jose import certificates as jose_certificates
from pushgate.protocol import mtls
from pushgate.protocol.distinguished_name import MAX_NAME, name_of, parse_name
from pushgate.protocol.mtls import (
    SUBJECT_MEMBERS,
    Certificate,
    TrustAnchors,
    check_chain,
    check_self_signed,
    check_subject,
    parse_anchors,
    presented,
    read_certificate,
    subject_matches,
    subject_problem,
)
from tests.support.certificates import (
    CLIENT_AUTH,
    DAY,
    SERVER_AUTH,
    Made,
    authority,
    client,
    expired,
    make,
    name,
    not_yet_valid,
    self_signed,
    usage,
)

NOW = time.time()
DN, DNS, URI, IP, EMAIL = SUBJECT_MEMBERS


def read(made: Made, *chain: Made) -> Certificate:
    """The certificate as the server has it."""
    return read_certificate(made.der, tuple(one.der for one in chain))


def anchors(*trusted: Made) -> TrustAnchors:
    """Trust in these, or in the authority of the tests."""
    return parse_anchors("".join(one.pem for one in trusted or (authority(),)))


def refused(call: Callable[[], object], refusal: str, code: str = "invalid_client", status: int = 401) -> OAuthError:
    """The call is refused, for this reason."""
    with pytest.raises(OAuthError) as caught:
        call()
    assert (caught.value.refusal.id, caught.value.code, caught.value.status) == (refusal, code, status)
    return caught.value


# --- Reading --------------------------------------------------------------------------------------------


@pytest.mark.requirement("MTLS-3.1-2")
def test_the_thumbprint_is_that_of_the_der() -> None:
    made = client()
    found = read(made)
    assert (found.der, found.thumbprint, found.chain) == (made.der, made.thumbprint, ())
    assert len(found.thumbprint) == 43
    assert read(made) is found, "parsed once"


@pytest.mark.requirement("MTLS-2-1")
def test_no_certificate() -> None:
    refused(lambda: presented(None), "certificate.missing")
    found = read(client())
    assert presented(found) is found


@given(st.binary(max_size=200))
@example(b"")
@example(b"\x30\x80\x00\x00")
@example(b"-----BEGIN CERTIFICATE-----")
def test_any_bytes_are_a_certificate_or_refused(der: bytes) -> None:
    refused(lambda: read_certificate(der), "certificate.malformed")


def test_what_is_too_long_or_goes_on_is_no_certificate() -> None:
    der = client().der
    for wrong in (der + b"\0", der[:-1], der + bytes(jose_certificates.MAX_DER)):
        refused(lambda wrong=wrong: read_certificate(wrong), "certificate.malformed")


MUTILATED = client(san=[x509.DNSName("client.example")])


UNUSED_BITS = len(MUTILATED.der) - len(x509.load_der_x509_certificate(MUTILATED.der).signature) - 1
"""The octet that counts the unused bits of the signature: the library takes 1 for 0 where the last bit is 0. What is
signed stays the same."""


@given(st.integers(0, len(MUTILATED.der) - 1).filter(lambda at: at != UNUSED_BITS), st.integers(1, 255))
def test_a_changed_byte_anywhere_is_refused_and_nothing_else(at: int, change: int) -> None:
    der = bytearray(MUTILATED.der)
    der[at] ^= change
    checks: list[Callable[[Certificate], object]] = [
        lambda found: check_chain(found, anchors(), NOW),
        lambda found: check_self_signed(found, {"keys": [MUTILATED.jwk()]}),
    ]
    try:
        found = read_certificate(bytes(der))
    except InvalidClient as no:
        event(no.refusal.id)
        return
    for check in checks:
        with pytest.raises(InvalidClient):
            check(found)
    for member in SUBJECT_MEMBERS:
        assert subject_matches(found, member, "CN=client") in (True, False)


# --- The chain (tls_client_auth) -----------------------------------------------------------------------------


def intermediate(**how: Any) -> Made:
    """An authority under the authority."""
    return make(name(cn="Issuing CA"), issuer=authority(), ca=True, **how)


GOOD: dict[str, Callable[[], tuple[Made, ...]]] = {
    "a plain one": lambda: (client(),),
    "with alternative names": lambda: (client(san=[x509.DNSName("a.example"), x509.DNSName("b.example")]),),
    "for TLS clients": lambda: (client(eku=CLIENT_AUTH),),
    "for TLS clients and servers": lambda: (client(eku=CLIENT_AUTH + SERVER_AUTH),),
    "with the key usage of a TLS client": lambda: (client(key_usage=usage("digital_signature")),),
    "without basic constraints": lambda: (client(ca=None),),
    "an RSA key": lambda: (client(key=rsa.generate_private_key(65537, 2048)),),
    "through an intermediate": lambda: ((under := intermediate()), client(issuer=under))[::-1],
    "through an intermediate with a path length": lambda: (
        (under := intermediate(path_length=0)), client(issuer=under),
    )[::-1],
    "with certificates that are not needed": lambda: (client(), intermediate(), self_signed("another")),
}  # fmt: skip


@pytest.mark.requirement("MTLS-2.1-1")
@pytest.mark.parametrize("case", GOOD)
def test_a_certificate_of_the_authority(case: str) -> None:
    assert check_chain(read(*GOOD[case]()), anchors(), NOW) is None


def constrained(*trees: x509.GeneralName) -> Made:
    return intermediate(extensions=[(x509.NameConstraints(list(trees), None), True)])


def not_for_certificates() -> tuple[Made, ...]:
    under = intermediate(key_usage=usage("digital_signature"))
    return client(issuer=under), under


def too_deep() -> tuple[Made, ...]:
    first = intermediate(path_length=0)
    second = make(name(cn="Issuing CA 2"), issuer=first, ca=True)
    return client(issuer=second), second, first


def issued_by_a_client() -> tuple[Made, ...]:
    other = client("another client")
    return client(issuer=other), other


def forged() -> tuple[Made, ...]:
    """The name of the authority, but not its key."""
    return (client(issuer=make(name(cn="Test CA"), ca=True)),)


def forged_with_its_issuer() -> tuple[Made, ...]:
    false = make(name(cn="Test CA"), ca=True)
    return client(issuer=false), false


UNTRUSTED: dict[str, Callable[[], tuple[Made, ...]]] = {
    "self-signed": lambda: (self_signed(),),
    "expired": lambda: (expired(),),
    "not yet valid": lambda: (not_yet_valid(),),
    "of an unknown authority": lambda: (client(issuer=authority("Another CA")),),
    "of an unknown authority that came along": lambda: (client(issuer=(o := authority("Another CA"))), o),
    "of another authority of the same name": forged,
    "of another authority of the same name that came along": forged_with_its_issuer,
    "a certificate authority's": lambda: (intermediate(),),
    "the trust anchor itself": lambda: (authority(),),
    "for servers only": lambda: (client(eku=SERVER_AUTH),),
    "for any purpose": lambda: (client(eku=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]),),
    "for mail": lambda: (client(eku=[ExtendedKeyUsageOID.EMAIL_PROTECTION]),),
    "with the key usage of an authority": lambda: (client(key_usage=usage("digital_signature", "key_cert_sign")),),
    "with the key usage of encryption": lambda: (client(key_usage=usage("key_encipherment")),),
    "without the intermediate": lambda: (client(issuer=intermediate()),),
    "through an intermediate that may not sign certificates": not_for_certificates,
    "through an expired intermediate": lambda: (
        (under := intermediate(start=-10 * DAY, end=-DAY)), client(issuer=under),
    )[::-1],
    "through more intermediates than the path length": too_deep,
    "issued by a client": issued_by_a_client,
    "through an authority without basic constraints": lambda: (
        (under := make(name(cn="Issuing CA"), issuer=authority(), ca=None)), client(issuer=under),
    )[::-1],
    "through an authority constrained to other DNS names": lambda: (
        (under := constrained(x509.DNSName("other.example"))),
        client(issuer=under, san=[x509.DNSName("client.example")]),
    )[::-1],
    "through an authority constrained to directory names": lambda: (
        (under := constrained(x509.DirectoryName(name(cn="client")))), client(issuer=under),
    )[::-1],
    "with a critical extension that nobody knows": lambda: (
        client(extensions=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)]),
    ),
    "signed with SHA-224": lambda: (client(algorithm=hashes.SHA224()),),
    "with five further certificates": lambda: (client(), *(self_signed(f"{n}") for n in range(5))),
}  # fmt: skip


@pytest.mark.requirement("MTLS-2.1-1")
@pytest.mark.parametrize("case", UNTRUSTED)
def test_a_certificate_that_is_not_to_be_trusted(case: str) -> None:
    found = read(*UNTRUSTED[case]())
    assert refused(lambda: check_chain(found, anchors(), NOW), "certificate.chain").detail


@pytest.mark.requirement("MTLS-2.1-1")
@pytest.mark.parametrize(
    "weak", [ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 1024)], ids=["Ed25519", "RSA 1024"]
)
def test_an_authority_with_a_key_that_is_not_for_certificates(weak: Any) -> None:
    trusted = make(name(cn="Weak CA"), ca=True, key=weak)
    refused(lambda: check_chain(read(client(issuer=trusted)), anchors(trusted), NOW), "certificate.chain")


@pytest.mark.requirement("MTLS-2.1-1")
def test_the_time_that_counts_is_the_one_given() -> None:
    found, trusted = read(client(start=0, end=100, now=NOW)), anchors()
    for when in (1, 99):
        check_chain(found, trusted, NOW + when)
    for when in (-2, 102, 400 * DAY):
        refused(lambda when=when: check_chain(found, trusted, NOW + when), "certificate.chain")


@pytest.mark.requirement("MTLS-7.4-1")
def test_without_trust_anchors_nothing_is_trusted() -> None:
    for found in (client(), self_signed(), authority()):
        refused(lambda found=found: check_chain(read(found), TrustAnchors(), NOW), "certificate.chain")


@pytest.mark.requirement("MTLS-7.4-1")
def test_an_authority_that_others_trust_is_not_trusted() -> None:
    """Same subject, valid chain, wrong anchor: what a public authority would issue."""
    public = authority("Public CA")
    found = read(client("client", issuer=public), public)
    check_chain(found, anchors(public), NOW)
    check_subject(found, DN, "CN=client")
    refused(lambda: check_chain(found, anchors(authority(), authority("Another CA")), NOW), "certificate.chain")


def test_a_broken_certificate_in_the_chain() -> None:
    found = read_certificate(client().der, (b"not a certificate",))
    refused(lambda: check_chain(found, anchors(), NOW), "certificate.chain")


def test_several_anchors() -> None:
    trusted = anchors(authority(), authority("Another CA"))
    assert len(trusted.certificates) == 2
    for one in (client(), client(issuer=authority("Another CA"))):
        assert check_chain(read(one), trusted, NOW) is None


BAD_ANCHORS = {
    "empty": ("", "is not a PEM text of X.509 certificates"),
    "no PEM": ("nothing here", "is not a PEM text of X.509 certificates"),
    "a client's": (client("client").pem, "holds a certificate that is not of a certificate authority: CN=client"),
    "no constraints": (make("v", ca=None).pem, "holds a certificate that is not of a certificate authority: CN=v"),
    "a private key": (
        authority().pem + authority().key_pem,
        "holds a private key; trust anchors are certificates only",
    ),
    "half a character": ("\ud800", "is not a PEM text of X.509 certificates"),
}


@pytest.mark.requirement("MTLS-7.4-1")
@pytest.mark.parametrize("case", BAD_ANCHORS)
def test_what_cannot_be_a_trust_anchor(case: str) -> None:
    pem, problem = BAD_ANCHORS[case]
    with pytest.raises(ValueError, match=r"^.+$") as caught:
        parse_anchors(pem)
    assert str(caught.value) == problem


# --- The subject (tls_client_auth) ---------------------------------------------------------------------------

SUBJECT = client(
    x509.Name(
        [
            x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COUNTRY_NAME, "DE")]),
            x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.ORGANIZATION_NAME, 'Müller, "Sons" + Co.')]),
            x509.RelativeDistinguishedName(
                [
                    x509.NameAttribute(NameOID.COMMON_NAME, "The  Client"),
                    x509.NameAttribute(NameOID.USER_ID, "#1"),
                ]
            ),
        ]
    ),
    san=[
        x509.DNSName("client.example"),
        x509.DNSName("*.wild.example"),
        x509.UniformResourceIdentifier("https://client.example/A"),
        x509.IPAddress(ip_address("2001:db8::1")),
        x509.IPAddress(ip_address("192.0.2.1")),
        x509.RFC822Name("Someone@Client.example"),
    ],
)

SAME_NAMES = [
    r"CN=The Client+UID=\#1,O=Müller\, \"Sons\" \+ Co.,C=DE",
    r"UID=\#1+CN=The Client,O=Müller\, \"Sons\" \+ Co.,C=DE",
    r"cn=the client+uid=\231,o=MÜLLER\2C \22sons\22 \2b co.,c=de",
    r"CN=\ The   Client\20+UID=\#1 , O = M\C3\BCller\, \"Sons\" \+ Co. ,C=DE",
    r"2.5.4.3=The Client+0.9.2342.19200300.100.1.1=\#1,2.5.4.10=Müller\, \"Sons\" \+ Co.,2.5.4.6=DE",
    r"CN=#0C0A54686520436C69656E74+UID=\#1,O=Müller\, \"Sons\" \+ Co.,C=#13024445",
    'CN=The Client+UID=\\#1,O=Mu\u0308ller\\, \\"Sons\\" \\+ Co.,C=DE',
]


@pytest.mark.requirement("MTLS-2.1-3")
@pytest.mark.parametrize("text", SAME_NAMES)
def test_the_same_name_in_other_writing(text: str) -> None:
    assert subject_problem(DN, text) is None
    assert check_subject(read(SUBJECT), DN, text) is None


OTHER_NAMES = {
    "reordered": r"C=DE,O=Müller\, \"Sons\" \+ Co.,CN=The Client+UID=\#1",
    "one missing at the end": r"CN=The Client+UID=\#1,O=Müller\, \"Sons\" \+ Co.",
    "one missing at the beginning": r"O=Müller\, \"Sons\" \+ Co.,C=DE",
    "one more": r"CN=The Client+UID=\#1,O=Müller\, \"Sons\" \+ Co.,C=DE,DC=example",
    "a set taken apart": r"CN=The Client,UID=\#1,O=Müller\, \"Sons\" \+ Co.,C=DE",
    "a smaller set": r"CN=The Client,O=Müller\, \"Sons\" \+ Co.,C=DE",
    "a set with a value twice": r"CN=The Client+CN=The Client+UID=\#1,O=Müller\, \"Sons\" \+ Co.,C=DE",
    "another type": r"CN=The Client+UID=\#1,OU=Müller\, \"Sons\" \+ Co.,C=DE",
    "another value": r"CN=The Clienx+UID=\#1,O=Müller\, \"Sons\" \+ Co.,C=DE",
    "a space less": r"CN=TheClient+UID=\#1,O=Müller\, \"Sons\" \+ Co.,C=DE",
    "without the accent": r"CN=The Client+UID=\#1,O=Muller\, \"Sons\" \+ Co.,C=DE",
    "a pattern": "CN=*",
    "empty": "",
    "unreadable": "The Client",
    "an alternative name": "CN=client.example",
}


@pytest.mark.requirement("MTLS-2.1-3")
@pytest.mark.parametrize("case", OTHER_NAMES)
def test_another_name(case: str) -> None:
    refused(lambda: check_subject(read(SUBJECT), DN, OTHER_NAMES[case]), "certificate.subject")


STRINGS = [_ASN1Type.UTF8String, _ASN1Type.PrintableString, _ASN1Type.IA5String, _ASN1Type.BMPString]


@pytest.mark.requirement("MTLS-2.1-3")
@pytest.mark.parametrize("kind", STRINGS, ids=lambda kind: kind.name)
def test_the_kind_of_string_does_not_matter(kind: _ASN1Type) -> None:
    made = client(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Client", kind)]))
    assert subject_matches(read(made), DN, "CN=client")
    assert not subject_matches(read(made), DN, "CN=clienx")


@pytest.mark.requirement("MTLS-2.1-3")
def test_a_value_that_is_no_text_is_another_one() -> None:
    unique = x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, b"\1\2", _ASN1Type.BitString)
    made = client(x509.Name([unique]))
    for text in ("2.5.4.45=\\01\\02", "2.5.4.45=0102"):
        assert not subject_matches(read(made), DN, text)


UNREADABLE = {
    "": "is empty",
    "  ": "is empty",
    "CN": "is not of the form",
    "=a": "is not of the form",
    "CN=a,": "is not of the form",
    ",CN=a": "is not of the form",
    "CN=a,,C=DE": "is not of the form",
    "/C=DE/CN=a": "is not of the form",
    "CN=a+": "is not of the form",
    "1=a": "is not of the form",
    "01.2=a": "is not of the form",
    "NICKNAME=a": "has an attribute type that is not known",
    'O="a"': "needs a backslash",
    "CN=a;C=DE": "needs a backslash",
    "CN=<a>": "needs a backslash",
    "CN=a\0": "needs a backslash",
    "CN=a\\": "needs a backslash",
    "CN=\\xx": "needs a backslash",
    "CN=\\ff": "is not UTF-8",
    "CN=\ud800": "is not UTF-8",
    "CN=#": "hexadecimal digits",
    "CN=#0": "hexadecimal digits",
    "CN=#0C": "the DER of a string",
    "CN=#0C05": "the DER of a string",
    "CN=#0C02FFFF": "the DER of a string",
    "CN=#0C8541": "the DER of a string",
    "CN=#020101": "the DER of a string",
    "CN=" + "a" * MAX_NAME: "is too long",
}


@pytest.mark.requirement("MTLS-2.1-3")
@pytest.mark.parametrize("text", UNREADABLE, ids=lambda text: ascii(text)[:20])
def test_what_is_no_distinguished_name(text: str) -> None:
    assert UNREADABLE[text] in str(subject_problem(DN, text))
    refused(lambda: check_subject(read(SUBJECT), DN, text), "certificate.subject")


@given(st.text(max_size=40) | st.text('CNOU=,+\\#"; 0a.\0é', max_size=40))
def test_any_text_is_a_name_or_a_value_error(text: str) -> None:
    problem = subject_problem(DN, text)
    assert subject_matches(read(SUBJECT), DN, text) is False
    if problem is None:
        assert parse_name(text)
    else:
        with pytest.raises(ValueError, match=r"^.+$"):
            parse_name(text)


VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
NAMES = st.lists(
    st.tuples(st.sampled_from([oid.dotted_string for oid in (NameOID.ORGANIZATION_NAME, NameOID.USER_ID)]), VALUES),
    min_size=1,
    max_size=4,
)


@pytest.mark.requirement("MTLS-2.1-3")
@given(NAMES)
def test_what_others_write_is_read_as_the_same_name(parts: list[tuple[str, str]]) -> None:
    found = name(*parts)
    assert parse_name(found.rfc4514_string()) == name_of(found)


SAME = {
    DNS: ["client.example", "CLIENT.Example"],
    URI: ["https://client.example/A"],
    IP: ["2001:db8::1", "2001:0DB8:0:0:0:0:0:0001", "192.0.2.1"],
    EMAIL: ["Someone@client.example", "Someone@CLIENT.example"],
}


@pytest.mark.requirement("MTLS-2.1-2", "MTLS-2.1.2-2")
@pytest.mark.parametrize("member", SAME)
def test_one_of_the_alternative_names(member: str) -> None:
    for value in SAME[member]:
        assert check_subject(read(SUBJECT), member, value) is None
        assert subject_problem(member, value) is None


OTHER = {
    DNS: ["a.wild.example", "example", "xclient.example", "client.example.", "client", "2001:db8::1", "", "*.example"],
    URI: ["https://client.example/a", "https://client.example/", "client.example", "HTTPS://client.example/A", ""],
    IP: ["2001:db8::2", "::ffff:192.0.2.1", "192.0.2.2", "192.0.2.1/32", "192.0.2.01", "client.example", ""],
    EMAIL: ["someone@client.example", "Someone@other.example", "@client.example", "client.example", "Someone", ""],
}


@pytest.mark.requirement("MTLS-2.1-2", "MTLS-2.1.2-2")
@pytest.mark.parametrize("member", OTHER)
def test_none_of_the_alternative_names(member: str) -> None:
    for value in OTHER[member]:
        refused(lambda value=value: check_subject(read(SUBJECT), member, value), "certificate.subject")


@pytest.mark.requirement("MTLS-2.1-2")
def test_only_the_registered_place_is_looked_at() -> None:
    named = client("client.example", san=[x509.UniformResourceIdentifier("urn:client")])
    elsewhere = client("other", san=[x509.DNSName("client.example"), x509.DNSName("CN=client")])
    both = client("client.example", san=[x509.RFC822Name("a@client.example")])
    bare = client("client.example")
    for made, member, value in [
        (named, DNS, "client.example"),  # CN equal to the registered alternative name
        (both, DNS, "client.example"),
        (bare, DNS, "client.example"),  # no alternative names at all
        (elsewhere, DN, "CN=client.example"),  # alternative name equal, but the DN is registered
        (elsewhere, DN, "CN=client"),
        (elsewhere, URI, "client.example"),
        (elsewhere, EMAIL, "client.example"),
        (elsewhere, IP, "client.example"),
        (named, DNS, "urn:client"),
    ]:
        refused(lambda made=made, member=member, value=value: check_subject(read(made), member, value),
                "certificate.subject")  # fmt: skip
    assert subject_matches(read(elsewhere), DNS, "client.example")
    assert subject_matches(read(bare), DN, "CN=client.example")


@pytest.mark.requirement("MTLS-2.1.2-2")
def test_a_network_is_not_an_address() -> None:
    wide = client(san=[x509.IPAddress(ip_network("192.0.2.0/24"))])
    for value in ("192.0.2.0", "192.0.2.1", ""):
        assert not subject_matches(read(wide), IP, value)


def test_alternative_names_that_cannot_be_read_name_nobody() -> None:
    san = (x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\xff\xff"), False)
    broken = read(client(extensions=[san]))
    for member, values in SAME.items():
        refused(lambda member=member, value=values[0]: check_subject(broken, member, value), "certificate.subject")


PROBLEMS = {
    DNS: ["*.example", "bücher.example", "a..b", "a.", ".a", "a b", "https://a.example", "a" * 64 + ".b", "a." * 200],
    URI: ["client.example", "https:", "https://bücher.example/", "https://a b", "1a:b"],
    IP: ["client.example", "192.0.2.0/24", "192.0.2", "192.0.2.01", "fe80::1%eth0", "[2001:db8::1]"],
    EMAIL: ["Someone", "@a.example", "a@", "a@b@c", "ü@a.example", "a b@c.example", "a@*.example"],
}


@pytest.mark.parametrize("member", PROBLEMS)
def test_a_value_that_no_certificate_could_have(member: str) -> None:
    for value in PROBLEMS[member]:
        assert str(subject_problem(member, value)).startswith("is not "), value
    assert subject_problem(member, "") == "is empty"
    assert subject_problem(member, "a" * (MAX_NAME + 1)) == "is too long"


@given(st.sampled_from(SUBJECT_MEMBERS), st.text(max_size=40))
def test_any_value_has_a_verdict(member: str, value: str) -> None:
    assert isinstance(subject_problem(member, value), str | None)
    assert isinstance(subject_matches(read(SUBJECT), member, value), bool)


# --- The certificate itself (self_signed_tls_client_auth) ----------------------------------------------------

OWN = self_signed("own")


def jwks(*keys: Any) -> dict[str, Any]:
    return {"keys": list(keys)}


REGISTERED = {
    "alone": jwks(OWN.jwk()),
    "beside others": jwks({"kty": "oct", "k": "AA"}, self_signed("other").jwk(), OWN.jwk(kid="1", use="sig")),
    "followed by its chain": jwks(OWN.jwk() | {"x5c": [*OWN.jwk()["x5c"], "not looked at"]}),
    "after entries that are no keys": jwks(None, 5, "x", [], {}, {"x5c": OWN.jwk()["x5c"]}, OWN.jwk()),
}


@pytest.mark.requirement("MTLS-2.2-1")
@pytest.mark.parametrize("case", REGISTERED)
def test_a_registered_certificate(case: str) -> None:
    assert check_self_signed(read(OWN), REGISTERED[case]) is None


@pytest.mark.requirement("MTLS-2.2-1")
def test_nobody_has_to_vouch_for_it() -> None:
    rsa_key = rsa.generate_private_key(65537, 2048)
    for made in (expired("own"), self_signed("own", ca=True), client("own"), self_signed(key=rsa_key)):
        assert check_self_signed(read(made), jwks(made.jwk())) is None


def renewed() -> dict[str, Any]:
    """Another certificate for the same key."""
    return jwks(self_signed("own", key=OWN.key).jwk())


def mismatching() -> dict[str, Any]:
    """The right certificate, at a key that is not its own."""
    return jwks(self_signed("other").jwk(x5c=OWN.jwk()["x5c"]))


X5C = OWN.jwk()["x5c"][0]
UNREGISTERED: dict[str, Callable[[], dict[str, Any] | None]] = {
    "no keys": lambda: None,
    "an empty set": jwks,
    "no set": dict,
    "keys that are no array": lambda: {"keys": {"0": OWN.jwk()}},
    "another's": lambda: jwks(self_signed("other").jwk()),
    "the same key, another certificate": renewed,
    "the key without a certificate": lambda: jwks({k: v for k, v in OWN.jwk().items() if k != "x5c"}),
    "the key with its thumbprint only": lambda: jwks(OWN.jwk(**{"x5c": [], "x5t#S256": OWN.thumbprint})),
    "further down in the chain": lambda: jwks(OWN.jwk(x5c=[*self_signed("other").jwk()["x5c"], X5C])),
    "as a string": lambda: jwks(OWN.jwk(x5c=X5C)),
    "as a number": lambda: jwks(OWN.jwk(x5c=[5])),
    "base64url": lambda: jwks(OWN.jwk(x5c=[base64.urlsafe_b64encode(b"\xff" + OWN.der).decode()])),
    "with a line end": lambda: jwks(OWN.jwk(x5c=[X5C[:64] + "\n" + X5C[64:]])),
    "with a byte more": lambda: jwks(OWN.jwk(x5c=[base64.b64encode(OWN.der + b"\0").decode()])),
    "half a character": lambda: jwks(OWN.jwk(x5c=["\ud800"])),
}


@pytest.mark.requirement("MTLS-2.2-1")
@pytest.mark.parametrize("case", UNREGISTERED)
def test_a_certificate_that_is_not_registered(case: str) -> None:
    refused(lambda: check_self_signed(read(OWN), UNREGISTERED[case]()), "certificate.unknown")


@pytest.mark.requirement("MTLS-2.2.2-1")
def test_a_key_that_is_not_its_certificates_is_not_used() -> None:
    refused(lambda: check_self_signed(read(OWN), mismatching()), "certificate.unknown")
    for wrong in ({"kty": "EC"}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, {"kty": "oct", "k": "AA"}, {"kty": []}):
        refused(lambda wrong=wrong: check_self_signed(read(OWN), jwks({**wrong, "x5c": [X5C]})), "certificate.unknown")
    assert check_self_signed(read(OWN), jwks(*mismatching()["keys"], OWN.jwk())) is None


def test_a_key_of_a_kind_that_no_jwk_has() -> None:
    odd = self_signed(key=ec.generate_private_key(ec.BrainpoolP256R1()))
    refused(lambda: check_self_signed(read(odd), jwks(OWN.jwk(x5c=[base64.b64encode(odd.der).decode()]))),
            "certificate.unknown")  # fmt: skip


def test_the_members_are_those_of_the_rfc() -> None:
    assert [member.removeprefix("tls_client_auth_") for member in mtls.SUBJECT_MEMBERS] == [
        "subject_dn", "san_dns", "san_uri", "san_ip", "san_email",
    ]  # fmt: skip
