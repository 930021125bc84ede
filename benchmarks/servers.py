"""The servers under test: started, pinned to the server core, watched and stopped."""

import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.cores import LOAD_CORE, SERVER_CORE
from benchmarks.scenarios import Target
from benchmarks.signing import SigningKey

ROOT = Path(__file__).resolve().parent.parent
PEER_FOLDER = ROOT / "benchmarks" / "peer"
DISCOVERY = "/.well-known/openid-configuration"
READY_TIMEOUT = 30.0
STOP_TIMEOUT = 20.0


class Unavailable(Exception):
    """A server cannot be measured here; the text says what to do about it."""


def pin_load() -> str | None:
    """Put this process on the load core; returns a remark where that is not possible."""
    if not hasattr(os, "sched_setaffinity"):
        return "this system cannot pin processes to cores: server and load share them"
    if SERVER_CORE == LOAD_CORE:
        return "only one core: server and load share it, the figures say little"
    os.sched_setaffinity(0, {LOAD_CORE})
    return None


@contextmanager
def on_server_core() -> Iterator[None]:
    """A process started in here stays on the server core, with all its threads and children."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {SERVER_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Server:
    """A running server."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    ready_after: float = 0.0
    secret: str = ""
    target: Target | None = field(default=None)

    def pids(self) -> list[int]:
        """The server and its worker processes."""
        return [self.process.pid, *children(self.process.pid)]

    def memory(self) -> float:
        """The resident memory of its largest process, in MB (that is, of one worker)."""
        return max(resident(pid) for pid in self.pids())

    def log_tail(self) -> str:
        """The last lines of what it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


def children(pid: int) -> list[int]:
    """The descendants of a process, from /proc."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            direct = [int(child) for child in task.read_text().split()]
        except OSError:
            continue
        for child in direct:
            found += [child, *children(child)]
    return found


def resident(pid: int) -> float:
    """VmRSS in MB; 0 for a process that is gone or a system without /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def get(port: int, path: str) -> tuple[int, bytes]:
    """One GET on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


@contextmanager
def started(
    name: str,
    command: list[str],
    *,
    port: int,
    ready: str,
    folder: Path,
    environment: dict[str, str],
    logs: Path | None = None,
) -> Iterator[Server]:
    """Start a server on the server core, wait until `ready` answers 200, stop it in the end.

    Its log goes to a file in `logs`, or else in its own folder.
    """
    log = (logs or folder) / f"{name}.log"
    began = time.perf_counter()
    with log.open("ab") as output, on_server_core():
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
    server = Server(name, port, process, log)
    try:
        wait_until_ready(server, ready, began)
        yield server
    finally:
        stop(process)


def wait_until_ready(server: Server, path: str, began: float) -> None:
    """Ask every few milliseconds; how long it took is `ready_after`."""
    while time.perf_counter() - began < READY_TIMEOUT:
        if server.process.poll() is not None:
            break
        try:
            status, _ = get(server.port, path)
        except (OSError, http.client.HTTPException):
            status = 0
        # 201 is what the bare responder answers to everything.
        if status in (200, 201):
            server.ready_after = time.perf_counter() - began
            return
        time.sleep(0.005)
    raise Unavailable(f"{server.name} did not start; its last lines:\n{server.log_tail()}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to finish; kill it if it does not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def discover(server: Server) -> Target:
    """The endpoints, from the server's discovery document."""
    status, body = get(server.port, DISCOVERY)
    if status != 200:
        raise Unavailable(f"{server.name} has no discovery document: {status}")
    return Target.discovered(server.name, server.port, json.loads(body))


# --- the bare responder -------------------------------------------------------------------------


@contextmanager
def bare(folder: Path) -> Iterator[Server]:
    """uvicorn with an application that does nothing."""
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "benchmarks.bare", str(port)]
    with started("bare", command, port=port, ready="/", folder=folder, environment=environment) as server:
        base = f"http://127.0.0.1:{port}"
        server.target = Target("bare", port, base, "/par", "/authorize", "/token")
        yield server


# --- the peer -----------------------------------------------------------------------------------


def prepare_peer(node: str) -> None:
    """Node must be there; the peer's packages are installed when they are missing."""
    if shutil.which(node) is None:
        raise Unavailable(
            f"the peer needs Node.js (20 or newer), and there is no `{node}` on the PATH. Install it "
            "(Debian: apt-get install nodejs npm), or measure without it: --servers pushgate bare"
        )
    if (PEER_FOLDER / "node_modules" / "oidc-provider").is_dir():
        return
    if shutil.which("npm") is None:
        raise Unavailable(
            "the peer's packages are not installed and there is no `npm` on the PATH to install them. "
            "Install it (Debian: apt-get install npm), or measure without it: --servers pushgate bare"
        )
    command = ["npm", "ci", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=PEER_FOLDER, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"`npm ci` in benchmarks/peer failed:\n{done.stderr.strip()}")


@contextmanager
def peer(folder: Path, key: SigningKey, node: str = "node") -> Iterator[Server]:
    """node-oidc-provider with its in-memory adapter."""
    prepare_peer(node)
    port, secret = free_port(), secrets.token_urlsafe(32)
    jwks = folder / "client-jwks.json"
    jwks.write_text(json.dumps(key.jwks()))
    environment = {**os.environ, "NODE_ENV": "production", "BENCH_CLIENT_SECRET": secret}
    command = [node, str(PEER_FOLDER / "server.mjs"), str(port), str(jwks)]
    with started("peer", command, port=port, ready=DISCOVERY, folder=folder, environment=environment) as server:
        server.secret = secret
        server.target = discover(server)
        yield server
