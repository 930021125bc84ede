"""A real server process on a free port."""

from __future__ import annotations

import os
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
        return subprocess.run(
            [sys.executable, "-m", "pushgate", *arguments],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, input=input, timeout=60, check=False,
        )  # fmt: skip

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self) -> None:
        """SIGKILL to the server and its workers."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def start(folder: Path, *arguments: str, port: int | None = None, trust: str | None = None, **settings: str) -> Live:
    """Start `pushgate serve` in a folder and wait until it is ready; with `trust` it speaks TLS itself."""
    port = port or free_port()
    url = f"http://127.0.0.1:{port}" if trust is None else f"https://localhost:{port}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PUSHGATE_")}
    environment |= {"PUSHGATE_BASE_URL": url, **settings}
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
    folder: Path, manifest: str, *arguments: str, port: int | None = None, trust: str | None = None, **settings: str
) -> Iterator[Live]:
    """A running server with what the manifest says."""
    found = start(folder, *arguments, port=port, trust=trust, **settings)
    try:
        (folder / "manifest.yaml").write_text(manifest)
        done = found.pushgate("apply", "manifest.yaml")
        assert done.returncode == 0, done.stderr
        wait_for_revision(found)
        yield found
    finally:
        if found.process.poll() is None:
            found.process.send_signal(signal.SIGTERM)
            found.process.wait(30)


def wait_for_revision(found: Live) -> None:
    """Until the server has seen the last change: the snapshot looks twice a second."""
    deadline = time.monotonic() + PATIENCE
    form = {"response_type": "code", "redirect_uri": "https://app.example/callback", "scope": "openid"}
    while time.monotonic() < deadline:
        with found.http() as http:
            reply = http.post("/oauth2/par", auth=("app", "app-secret-of-at-least-22-characters"), data=form)
        if reply.status_code == 201:
            return
        time.sleep(0.05)
    raise RuntimeError("the manifest did not come into force")
