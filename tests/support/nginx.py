"""A real nginx that ends TLS in front of the server and passes the client's certificate on in a header."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import httpx
from cryptography import x509

from tests.support.certificates import SERVER_AUTH, Made, authority, client
from tests.support.live import free_port
from tests.support.services import missing

PATIENCE = 10  # seconds to become ready
HEADER = "X-Client-Cert"

CONFIGURATION = """\
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        # Any certificate, or none: the authorization server decides whom it trusts.
        ssl_verify_client optional_no_ca;
        large_client_header_buffers 4 32k;
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Client-Cert $ssl_client_escaped_cert;
        }}
    }}
}}
"""


@dataclass
class Front:
    """A running nginx."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]
    trust: str  # PEM file of the authority that made nginx's own certificate

    def context(self, certificate: Made | None = None, *further: Made) -> ssl.SSLContext:
        """TLS of a client with this certificate, or without any."""
        context = ssl.create_default_context(cafile=self.trust)
        if certificate is not None:
            context.load_cert_chain(*certificate.files(self.folder, "client", *further))
        return context

    def http(self, certificate: Made | None = None, *further: Made) -> httpx.Client:
        """A client with this certificate, or without any."""
        return httpx.Client(base_url=self.url, verify=self.context(certificate, *further))


@contextmanager
def nginx(folder: Path, upstream: int) -> Iterator[Front]:
    """nginx on a free port, until the block ends; `upstream` is the port on 127.0.0.1 that it passes requests to."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        missing("nginx", "apt-get install nginx")
    front = start(program, folder, upstream)
    try:
        yield front
    finally:
        front.process.terminate()
        front.process.wait(PATIENCE)


def start(program: str, folder: Path, upstream: int) -> Front:
    """Start it and wait until it listens."""
    port, trusted = free_port(), authority("Test CA of nginx")
    names = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
    own = client("localhost", issuer=trusted, san=names, eku=SERVER_AUTH)
    certificate, key = own.files(folder, "nginx")
    trust = folder / "trust.pem"
    trust.write_text(trusted.pem)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(folder=folder, port=port, upstream=upstream, certificate=certificate, key=key)
    )
    output = folder / "nginx.log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(configuration)],
            stdout=log, stderr=log,
        )  # fmt: skip
    front = Front(f"https://localhost:{port}", folder, process, str(trust))
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with front.http() as http:
                http.get("/")
            return front
        except httpx.TransportError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait(PATIENCE)
                raise RuntimeError(f"nginx did not start:\n{output.read_text()}") from None
        time.sleep(0.02)
