"""A real server process on a free port."""

from __future__ import annotations

import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support import commands
from tests.support.certificates import Made

PATIENCE = 20  # seconds to become ready


@dataclass
class Live:
    """A running server."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    trust: str | None = None
    """PEM file of the authority that made its certificate, where it speaks TLS itself."""

    def context(self, certificate: Made | None = None, *further: Made) -> ssl.SSLContext:
        """TLS of a client with this certificate, or without any."""
        context = ssl.create_default_context(cafile=self.trust)
        if certificate is not None:
            context.load_cert_chain(*certificate.files(self.folder, "client", *further))
        return context

    def http(self, certificate: Made | None = None, *further: Made) -> httpx.Client:
        """A client with this certificate, or without any."""
        verify = True if self.trust is None else self.context(certificate, *further)
        return httpx.Client(base_url=self.url, verify=verify)

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return (self.folder / "serve.log").read_text()

    def pushgate(self, *arguments: str, input: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run the command line on this server's data."""
        return command(self.folder, self.environment, *arguments, input=input)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self) -> None:
        """SIGKILL to the server and its workers."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)


def free_port() -> int:
    """A port that nobody listens at; it is below those that the system gives to outgoing connections meanwhile."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def command(
    folder: Path, environment: dict[str, str], *arguments: str, input: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder."""
    return commands.command(folder, *arguments, environment=environment, input=input)


def environment_of(url: str, settings: dict[str, str]) -> dict[str, str]:
    """Our own environment, but with these settings alone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PUSHGATE_")}
    return kept | {"PUSHGATE_BASE_URL": url, **settings}


def url_of(port: int, trust: str | None, host: str = "127.0.0.1") -> str:
    """Where a server with or without TLS of its own is reached."""
    return f"http://{host}:{port}" if trust is None else f"https://localhost:{port}"


def start(
    folder: Path,
    *arguments: str,
    port: int | None = None,
    trust: str | None = None,
    host: str = "127.0.0.1",
    **settings: str,
) -> Live:
    """Start `pushgate serve` in a folder and wait until it is ready; with `trust` it speaks TLS itself."""
    port = port or free_port()
    url = url_of(port, trust, host)
    environment = environment_of(url, settings)
    with (folder / "serve.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "pushgate", "serve", "--port", str(port), *arguments],
            cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    found = Live(url, folder, process, environment, trust)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with found.http() as http:
                if http.get("/readyz").status_code == 200:
                    return found
        except httpx.TransportError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the server did not start:\n{found.log}")
        time.sleep(0.02)


@contextmanager
def serving(
    folder: Path,
    manifest: str,
    *arguments: str,
    port: int | None = None,
    trust: str | None = None,
    host: str = "127.0.0.1",
    **settings: str,
) -> Iterator[Live]:
    """A running server with what the manifest says; it was applied before, so that it is in force from the start.

    `host` may be another name of this machine's loopback address.
    """
    port = port or free_port()
    (folder / "manifest.yaml").write_text(manifest)
    done = command(folder, environment_of(url_of(port, trust, host), settings), "apply", "manifest.yaml")
    assert done.returncode == 0, done.stderr
    found = start(folder, *arguments, port=port, trust=trust, host=host, **settings)
    try:
        yield found
    finally:
        if found.process.poll() is None:
            found.process.send_signal(signal.SIGTERM)
            found.process.wait(30)
