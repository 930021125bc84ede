"""Distinguished names: the text of RFC 4514, and when two names are the same (RFC 5280 7.1)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from cryptography import x509

MAX_NAME = 2_048  # characters of a registered name

Attribute = tuple[str, bool, str]
"""The type as an OID, whether the value is other than text, and the value prepared for comparison."""
DistinguishedName = tuple[tuple[Attribute, ...], ...]
"""Sets of attributes, sorted, in the order of the certificate: equal where the names match."""

# RFC 4514 3, RFC 4519, and those without a keyword there that certificates of banks and OpenSSL's output have.
TYPES = {
    "CN": "2.5.4.3", "L": "2.5.4.7", "ST": "2.5.4.8", "O": "2.5.4.10", "OU": "2.5.4.11", "C": "2.5.4.6",
    "STREET": "2.5.4.9", "DC": "0.9.2342.19200300.100.1.25", "UID": "0.9.2342.19200300.100.1.1",
    "SN": "2.5.4.4", "SERIALNUMBER": "2.5.4.5", "TITLE": "2.5.4.12", "DESCRIPTION": "2.5.4.13",
    "BUSINESSCATEGORY": "2.5.4.15", "POSTALCODE": "2.5.4.17", "GIVENNAME": "2.5.4.42", "INITIALS": "2.5.4.43",
    "DNQUALIFIER": "2.5.4.46", "PSEUDONYM": "2.5.4.65", "ORGANIZATIONIDENTIFIER": "2.5.4.97",
    "EMAILADDRESS": "1.2.840.113549.1.9.1", "JURISDICTIONLOCALITYNAME": "1.3.6.1.4.1.311.60.2.1.1",
    "JURISDICTIONSTATEORPROVINCENAME": "1.3.6.1.4.1.311.60.2.1.2",
    "JURISDICTIONCOUNTRYNAME": "1.3.6.1.4.1.311.60.2.1.3",
}  # fmt: skip

_TYPE = re.compile(r" *(?:([A-Za-z][A-Za-z0-9-]*)|((?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+)) *= *")
_HEX = re.compile(r"#((?:[0-9A-Fa-f]{2})+) *")
_TEXT = re.compile(r'(?:[^\\,+;<>"\0]|\\(?:[\\ #=+,;<>"]|[0-9A-Fa-f]{2}))*')
_PIECE = re.compile(r"\\([0-9A-Fa-f]{2})|\\(.)|([^\\]+)")
_STRINGS = {
    12: "utf-8", 18: "ascii", 19: "ascii", 20: "latin-1", 22: "ascii", 26: "ascii", 28: "utf-32-be", 30: "utf-16-be",
}  # fmt: skip
"""How the ASN.1 string types are encoded, by tag."""


@lru_cache(maxsize=512)
def parse_name(text: str) -> DistinguishedName:
    """A name as RFC 4514 writes it. Raises ValueError, in words.

    Attribute types are keywords in any case, or OIDs; values have the escapes of RFC 4514 2.4 or are `#` and
    hexadecimal DER. Spaces around separators count for nothing.
    """
    if len(text) > MAX_NAME:
        raise ValueError("is too long")
    if not text.strip(" "):
        raise ValueError("is empty")
    names: list[tuple[Attribute, ...]] = []
    rdn: list[Attribute] = []
    at = 0
    while True:
        attribute, at = _attribute(text, at)
        rdn.append(attribute)
        separator, at = text[at : at + 1], at + 1
        if separator not in ("", ",", "+"):
            raise ValueError("has a character that needs a backslash before it (RFC 4514 2.4)")
        if separator != "+":
            names.append(tuple(sorted(rdn)))
            rdn = []
        if not separator:
            # The text begins with what stands last in the certificate (RFC 4514 2.1).
            return tuple(reversed(names))


def name_of(name: x509.Name) -> DistinguishedName:
    """The name of a certificate, in the same form."""
    return tuple(
        tuple(
            sorted(
                (one.oid.dotted_string, True, one.value.hex())
                if isinstance(one.value, bytes)
                else (one.oid.dotted_string, False, _prepared(one.value))
                for one in rdn
            )
        )
        for rdn in name.rdns
    )


def _attribute(text: str, at: int) -> tuple[Attribute, int]:
    """One `type=value`, and where it ends."""
    found = _TYPE.match(text, at)
    if found is None:
        raise ValueError("is not of the form type=value,type=value (RFC 4514)")
    keyword, oid = found.groups()
    oid = oid or TYPES.get(keyword.upper())
    if oid is None:
        raise ValueError("has an attribute type that is not known by name; write its OID")
    if text[found.end() : found.end() + 1] == "#":
        value = _HEX.match(text, found.end())
        if value is None:
            raise ValueError("has a # that is not followed by hexadecimal digits")
        return (oid, False, _prepared(_decoded(bytes.fromhex(value[1])))), value.end()
    value = _TEXT.match(text, found.end())
    assert value is not None
    return (oid, False, _prepared(_unescaped(value[0]))), value.end()


def _unescaped(text: str) -> str:
    """RFC 4514 3: a backslash makes the next character plain, or two digits a byte of UTF-8."""
    pieces = _PIECE.findall(text)
    try:
        return b"".join(bytes.fromhex(pair) or (plain or run).encode() for pair, plain, run in pieces).decode()
    except UnicodeError:
        raise ValueError("has a value that is not UTF-8") from None


def _decoded(der: bytes) -> str:
    """RFC 4514 2.4: the DER of a string."""
    encoding, head, length = _STRINGS.get(der[0]), 2, int.from_bytes(der[1:2], "big")
    if length & 0x80:
        head += length & 0x7F
        length = int.from_bytes(der[2:head], "big")
    if encoding is None or len(der) < head or length != len(der) - head:
        raise ValueError("has a # that is not followed by the DER of a string")
    try:
        return der[head:].decode(encoding)
    except UnicodeError:
        raise ValueError("has a # that is not followed by the DER of a string") from None


def _prepared(value: str) -> str:
    """caseIgnoreMatch in a simple form: case folded, NFKC, spaces as one (RFC 4518 2)."""
    if value.isascii():
        return " ".join(value.lower().split())
    folded = unicodedata.normalize("NFKC", value).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())
