"""Run the application under uvicorn: one process, or a parent with several workers on one socket."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
import uvicorn

from pushgate.web.client_certificate import TlsProtocol
from pushgate.web.connection import Connection

GRACE = 20  # seconds for requests in flight when the server stops
BACKLOG = 2048
SUITES = "ECDHE+AESGCM"  # of TLS 1.2; all of TLS 1.3 are good
MIN_LIFE = 1.0  # seconds; a worker that is killed sooner is not started again
START = 30.0  # seconds; a worker that gives up sooner has refused to start, and would again


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen, and with which certificate."""

    host: str
    port: int
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    """Clients are asked for a certificate of these authorities; who has none is served too (RFC 8705 6.1)."""
    parent: int | None = None
    """The process that started this worker, which stops when that one is gone."""

    def bind(self) -> socket.socket:
        """A listening socket. Raises OSError where the address is taken or none, or the certificate cannot be used."""
        self._check_certificate()
        if not self.host:  # which would be every address there is, and few who leave it empty mean that
            raise OSError("cannot listen: the host is empty (0.0.0.0 is every address of this machine)")
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((self.host, self.port))
        except (OSError, TypeError) as problem:  # TypeError: it cannot be written as a host name
            listening.close()
            reason = problem.strerror if isinstance(problem, OSError) else "not a host name"
            raise OSError(f"cannot listen on {self.host}:{self.port}: {reason}") from None
        listening.listen(BACKLOG)
        listening.set_inheritable(True)
        return listening

    def _check_certificate(self) -> None:
        """Now, rather than in each worker."""
        if self.tls_cert is None:
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.tls_cert, self.tls_key)
        except OSError as problem:
            raise OSError(f"--tls-cert {self.tls_cert}, --tls-key {self.tls_key}: {problem}") from None
        try:
            if self.tls_client_ca is not None:
                context.load_verify_locations(self.tls_client_ca)
        except OSError as problem:
            raise OSError(f"--tls-client-ca {self.tls_client_ca}: {problem}") from None


class _Server(uvicorn.Server):
    """uvicorn, except that a signal ends it with success: whoever asks us to stop is not a failure."""

    parent: int | None = None

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop: a worker without its parent would hold the port, and nobody could stop it."""
        orphaned = self.parent is not None and os.getppid() != self.parent
        return await super().on_tick(counter) or orphaned

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """For good: the same Ctrl-C comes to a worker a second time, from its parent, while the stores are closed."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield


def tls_of(config: uvicorn.Config, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """TLS 1.2 with the suites that BCP 195 recommends, and TLS 1.3. FAPI2-SP 5.2.1, 5.2.2; RFC 9325 4.2."""
    context = make()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.ssl_cert_reqs != ssl.CERT_NONE:
        # A session that is taken up from a ticket has the client's certificate, but not what came along with it.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
    return context


def server_for(app: Any, listen: Listen) -> uvicorn.Server:
    """A uvicorn server for the application; it needs a socket to serve."""
    config = uvicorn.Config(
        app,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=Connection if listen.tls_client_ca is None else TlsProtocol,
        lifespan="on",
        log_level="warning",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
        ssl_certfile=listen.tls_cert,
        ssl_keyfile=listen.tls_key,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
        ssl_ciphers=SUITES,
        ssl_cert_reqs=ssl.CERT_NONE if listen.tls_client_ca is None else ssl.CERT_OPTIONAL,
        ssl_ca_certs=listen.tls_client_ca,
        ssl_context_factory=None if listen.tls_cert is None else tls_of,
    )
    server = _Server(config)
    server.parent = listen.parent
    return server


def supervise(command: list[str], workers: int, listening: socket.socket) -> int:
    """Keep `workers` processes running on the socket until a signal comes; the exit code.

    Workers are in the same process group, so that whoever kills the group leaves nobody behind.
    """
    log = structlog.get_logger("pushgate")
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)

    def start() -> tuple[subprocess.Popen[bytes], float]:
        child = subprocess.Popen(command, pass_fds=[listening.fileno()])  # noqa: S603 - our own command line
        return child, time.monotonic()

    children = [start() for _ in range(workers)]
    failed = False
    while not stopping and not failed:
        time.sleep(0.1)
        for index, (child, since) in enumerate(children):
            if child.poll() is None or stopping:
                continue
            log.error("worker_died", pid=child.pid, exit_code=child.returncode)
            failed = time.monotonic() - since < (START if child.returncode > 0 else MIN_LIFE)
            if not failed:
                children[index] = start()
    for child, _ in children:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGTERM)
    codes = [_wait(child) for child, _ in children]
    # A worker that was still starting dies of the signal, and nothing is lost with it.
    return 1 if failed or any(code not in (0, -signal.SIGTERM) for code in codes) else 0


def _wait(child: subprocess.Popen[bytes]) -> int:
    try:
        return child.wait(GRACE + 5)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def inherited(descriptor: int) -> socket.socket:
    """The listening socket that the process before us bound."""
    os.set_inheritable(descriptor, False)
    return socket.socket(fileno=descriptor)
