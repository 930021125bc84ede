"""The nginx of the tests is a real one: it starts, passes the certificate on in its header, and stops."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from pushgate.web.client_certificate import header_certificate
from tests.support.certificates import client, expired, self_signed
from tests.support.nginx import HEADER, nginx


class Mirror(BaseHTTPRequestHandler):
    """Answers with the headers of the request."""

    def do_GET(self) -> None:
        body = json.dumps(list(self.headers.items())).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def mirror() -> Iterator[int]:
    """The port of a server behind nginx."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def headers(http: httpx.Client, **sent: str) -> dict[str, list[str]]:
    """What arrived behind nginx, by name in lower case."""
    found: dict[str, list[str]] = {}
    for name, value in http.get("/", headers=sent).json():
        found.setdefault(name.lower(), []).append(value)
    return found


def test_it_passes_the_certificate_on_and_stops(tmp_path: Path, mirror: int) -> None:
    with nginx(tmp_path, mirror) as front:
        # Whether it is to be trusted is not nginx's business, except that it passes no expired one.
        with front.http(expired()) as http:
            assert (reply := http.get("/")).status_code == 400
            assert "SSL certificate error" in reply.text
        for certificate in (self_signed("a client that vouches for itself"), client("one of an authority")):
            with front.http(certificate) as http:
                arrived = headers(http)
            [value] = arrived[HEADER.lower()]
            assert value.startswith("-----BEGIN%20CERTIFICATE-----%0A")
            assert header_certificate(value) == certificate.der
            assert arrived["x-forwarded-for"] == ["127.0.0.1"]
        assert front.process.poll() is None
    assert front.process.returncode == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(front.url, verify=front.context())


def test_a_client_cannot_send_the_header_itself(tmp_path: Path, mirror: int) -> None:
    with nginx(tmp_path, mirror) as front:
        with front.http() as http:
            assert HEADER.lower() not in headers(http, **{HEADER: "forged"})
        own = self_signed()
        with front.http(own) as http:
            [value] = headers(http, **{HEADER: "forged"})[HEADER.lower()]
            assert header_certificate(value) == own.der
