"""The client's own web site, so that the browser has somewhere to arrive: an https server on this machine.

The browser is told that every host under `.example` is here, and that no other host exists, so nothing
it does can leave the machine.
"""

from __future__ import annotations

import datetime
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LANDING = "<!doctype html><html lang=en><title>The application</title><h1>Welcome back</h1>"


@dataclass
class Arrival:
    """A request that a browser made to the client."""

    method: str
    url: str
    headers: dict[str, str]
    body: str

    @property
    def answer(self) -> list[tuple[str, str]]:
        """The authorization response: the fields of a form post, or the query."""
        return parse_qsl(self.body or urlsplit(self.url).query, keep_blank_values=True)


@dataclass
class RelyingParty:
    """What has arrived, and pages that the client serves besides the landing page, by path."""

    port: int = 0
    key_digest: str = ""
    arrivals: list[Arrival] = field(default_factory=list)
    pages: dict[str, str] = field(default_factory=dict)

    @property
    def arguments(self) -> list[str]:
        """What Chromium has to be told: where it finds this site, that there are no others, and to trust it."""
        rules = f"MAP *.example:443 127.0.0.1:{self.port}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
        return [f"--host-resolver-rules={rules}", f"--ignore-certificate-errors-spki-list={self.key_digest}"]


@contextmanager
def listening(folder: Path) -> Iterator[RelyingParty]:
    """The client's web site, on a free port, with a certificate of its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    found = RelyingParty()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(found))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(key, folder))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    found.port, found.key_digest = server.server_port, _digest(key)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(found: RelyingParty) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            if self.path != "/favicon.ico":
                url = f"https://{self.headers['host']}{self.path}"
                headers = {name.lower(): value for name, value in self.headers.items()}
                found.arrivals.append(Arrival(self.command, url, headers, body))
            page = found.pages.get(urlsplit(self.path).path, LANDING).encode()
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        do_GET = do_POST = _answer

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

    return Handler


def _digest(key: ec.EllipticCurvePrivateKey) -> str:
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return b64encode(sha256(public).digest()).decode()


def _certificate(key: ec.EllipticCurvePrivateKey, folder: Path) -> Path:
    """A self-signed certificate with its key, in one file."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "*.example")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "relying-party.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path
