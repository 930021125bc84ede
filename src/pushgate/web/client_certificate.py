"""Where a client's certificate comes from: the connection itself, or a header of the proxy that ended it."""

from __future__ import annotations

import asyncio
import binascii
import re
import ssl
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.types import Scope

from pushgate import refusals
from pushgate.protocol.mtls import Certificate, read_certificate
from pushgate.web.connection import Connection

MAX_HEADER = 16_384  # characters
MAX_CHAIN = 4  # certificates in Client-Cert-Chain
NOTHING = (b"", b"(null)")  # what proxies send where there was no certificate; the second is Apache's

_PEM = re.compile(rb"\s*-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*")


def certificate_of(
    scope: Scope, headers: list[tuple[bytes, bytes]], *, header: bytes | None, proxies: frozenset[str]
) -> Certificate | None:
    """The certificate of the client's connection; None where it has none. Raises InvalidClient for a broken one.

    `header`: its name, in lower case. It counts only from a trusted peer; and where the peer is a proxy, the
    certificate of the connection is the proxy's own, and never the client's. RFC 8705 6.5, RFC 9440 4.
    """
    peer = scope["client"][0] if scope.get("client") else ""
    if peer in proxies:
        return _from_proxy(headers, header) if header else None
    chain = ((scope.get("extensions") or {}).get("tls") or {}).get("client_cert_chain")
    if not chain:
        return None
    leaf, *further = [one if isinstance(one, bytes) else _from_pem(one) for one in chain]
    return read_certificate(leaf, tuple(further))


def _from_proxy(headers: list[tuple[bytes, bytes]], header: bytes) -> Certificate | None:
    values = [value for name, value in headers if name == header]
    if len(values) > 1:
        raise refusals.CERTIFICATE_MALFORMED("more than one header")
    if not values or values[0] in NOTHING:
        return None
    leaf = header_certificate(values[0].decode("latin-1"))
    if header != b"client-cert":
        return read_certificate(leaf)
    chain = b",".join(value for name, value in headers if name == b"client-cert-chain")
    return read_certificate(leaf, header_chain(chain.decode("latin-1")))


def header_certificate(value: str) -> bytes:
    """The DER in a proxy's header, whichever of the usual forms it has. Raises InvalidClient.

    RFC 9440 2.1 (`:base64:`), PEM escaped as in a URL (nginx, Amazon), PEM with spaces or tabs for its line ends
    (Apache), or bare base64 of DER (HAProxy).
    """
    value = value.strip(" \t")
    if len(value) > MAX_HEADER or not value.isascii():
        raise refusals.CERTIFICATE_MALFORMED("too long, or not ASCII")
    if value.startswith(":"):
        return _byte_sequence(value)
    if value.startswith("-----BEGIN"):
        return _from_pem(unquote_to_bytes(value))
    return _base64(value.encode("ascii"))


def header_chain(value: str) -> tuple[bytes, ...]:
    """The certificates of `Client-Cert-Chain`, as many as it has. Raises InvalidClient. RFC 9440 2.3."""
    if not value.strip(" \t"):
        return ()
    members = value.split(",") if len(value) <= MAX_HEADER * MAX_CHAIN else []
    if not 1 <= len(members) <= MAX_CHAIN:
        raise refusals.CERTIFICATE_MALFORMED("too many certificates")
    return tuple(_byte_sequence(member.strip(" \t")) for member in members)


def _byte_sequence(value: str) -> bytes:
    """RFC 8941 4.2.7; padding may be missing."""
    if len(value) < 2 or not value.isascii() or value[0] != ":" or value[-1] != ":":
        raise refusals.CERTIFICATE_MALFORMED("not a byte sequence")
    text = value[1:-1].encode("ascii")
    return _base64(text + b"=" * (-len(text) % 4))


def _base64(text: bytes) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        raise refusals.CERTIFICATE_MALFORMED("not base64") from None


@lru_cache(maxsize=256)
def _from_pem(pem: bytes | str) -> bytes:
    """One certificate in PEM; whitespace of any kind may stand for its line ends. RFC 7468 5."""
    found = _PEM.fullmatch(pem if isinstance(pem, bytes) else pem.encode("ascii", "replace"))
    if found is None:
        raise refusals.CERTIFICATE_MALFORMED("not PEM of one certificate")
    return _base64(b"".join(found[1].split()))


class TlsProtocol(Connection):
    """A connection with the certificate of a TLS connection in the scope of each of its requests.

    The extension is that of ASGI (`tls`); what this server does not use of it is None.
    """

    tls: dict[object, object] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The handshake is over: who the peer is will not change."""
        super().connection_made(transport)
        connection = transport.get_extra_info("ssl_object")
        if connection is not None:
            self.tls = {
                "server_cert": None,
                "client_cert_chain": [ssl.DER_cert_to_PEM_cert(der) for der in peer_chain(connection)],
                "client_cert_name": None,
                "client_cert_error": None,
                "tls_version": None,
                "cipher_suite": None,
            }

    def on_message_begin(self) -> None:
        """A request begins, and its scope with it."""
        super().on_message_begin()
        if self.tls is not None:
            self.scope.setdefault("extensions", {})["tls"] = self.tls


def peer_chain(connection: Any) -> list[bytes]:
    """DER of the peer's certificate and of what it sent along; empty where it sent none.

    Python before 3.13 has the rest of the chain only in the inner object of the connection.
    """
    leaf: bytes | None = connection.getpeercert(binary_form=True)
    if leaf is None:
        return []
    ask = getattr(connection, "get_unverified_chain", None)
    if ask is None:
        inner = getattr(getattr(connection, "_sslobj", None), "get_unverified_chain", None)
        sent = [] if inner is None else [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in inner() or ()]
    else:
        sent = list(ask())
    return [leaf, *(der for der in sent if der != leaf)][: MAX_CHAIN + 1]
