"""`pushgate serve`: starting, several workers as one server, and stopping without losing anybody's answer."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import socket
import sqlite3
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from httpx import BasicAuth

from pushgate.store.ports import RealmTransient, Stored
from pushgate.store.transient.sqlite import SqliteTransient
from pushgate.testing import Browser
from tests.support import live
from tests.support.connections import Connection, Load, across_workers
from tests.support.live import Live, serving
from tests.support.manifests import APP, APP_SECRET, MANIFEST, REDIRECT, REQUEST, VERIFIER
from tests.support.steps import refused

URN = "urn:ietf:params:oauth:request_uri:"
BASIC = next(BasicAuth(*APP).auth_flow(httpx.Request("GET", "http://x"))).headers["authorization"]
LOGIN_PAGE = "/oauth2/login/"
PATIENCE = 30  # seconds, for a machine that has much else to do


def events(server: Live, name: str) -> list[dict[str, object]]:
    """The log's lines about one sort of event."""
    return [line for line in map(json.loads, server.log.splitlines()) if line["event"] == name]


def nothing_went_wrong(server: Live) -> None:
    """The log has no fault in it."""
    assert "Traceback" not in server.log
    assert '"level":"error"' not in server.log


def pushing(connection: Connection) -> bytes:
    """A push of the client `app`."""
    return connection.post("/oauth2/par", REQUEST, authorization=BASIC)


async def kept(server: Live, handles: list[str]) -> list[Stored | None]:
    """What the store on disk has of these pushed requests."""
    store = SqliteTransient(server.folder / "pushgate-data" / "pushgate-transient.db", time.time)
    realm = RealmTransient(store, "default")
    found = [await realm.get("par", realm.key("par", handle)) for handle in handles]
    await store.aclose()
    return found


# --- Stopping -------------------------------------------------------------------------------------------------


def interrupt(server: Live) -> None:
    """Ctrl-C: the terminal signals the whole process group."""
    os.killpg(server.process.pid, signal.SIGINT)


def terminate(server: Live) -> None:
    """What an init system does."""
    server.process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("stop", [terminate, interrupt])
async def test_stop_under_load_and_every_request_that_was_accepted_is_answered(
    tmp_path: Path, stop: object, workers: int
) -> None:
    with serving(tmp_path, MANIFEST, "--workers", str(workers)) as server:
        connections = await across_workers(server.url, 20 // workers, workers)
        for connection in connections[:workers]:
            while (await connection.ask(pushing(connection))).status != 201:
                pass
        before = len(events(server, "request_pushed"))
        load = Load(connections)
        running = asyncio.ensure_future(load.run("/oauth2/par", REQUEST, authorization=BASIC))
        await load.reached(300)
        stop(server)  # type: ignore[operator]
        await asyncio.wait_for(running, PATIENCE)
        assert await asyncio.to_thread(server.process.wait, PATIENCE) == 0
    assert load.broken == []
    assert {answer.status for answer in load.answers} == {201}
    # Every push that the server carried out was answered: it logs each one, and the numbers agree.
    assert len(events(server, "request_pushed")) - before == len(load.answers)
    assert len(events(server, "stopped")) == workers
    nothing_went_wrong(server)
    handles = [answer.json["request_uri"].removeprefix(URN) for answer in load.answers]
    assert all(row is not None and not row.consumed for row in await kept(server, handles))


STOPPED_TWICE = """
import asyncio, os, signal
from pushgate.web.run import Listen, server_for

async def app(scope, receive, send):
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
        os.kill(os.getpid(), signal.SIGINT)
    await send({"type": "lifespan.shutdown.complete"})

async def main():
    listen = Listen("127.0.0.1", 0)
    await server_for(app, listen).serve(sockets=[listen.bind()])
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(os.getpid(), number)
    print("closed")

asyncio.run(main())
"""


def test_a_signal_that_comes_while_the_stores_are_closed_cuts_nothing_off() -> None:
    """Ctrl-C reaches a worker at once, and once more through its parent."""
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_TWICE], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout) == (0, "closed\n"), done.stderr


@pytest.mark.parametrize("workers", [1, 2])
async def test_stop_while_requests_are_on_their_way_and_they_are_answered(tmp_path: Path, workers: int) -> None:
    """Bodies whose last byte comes after the server was told to stop; one of them a password to be hashed."""
    with serving(tmp_path, MANIFEST, "--workers", str(workers)) as server:
        connections = await across_workers(server.url, 1, workers)
        async with httpx.AsyncClient(base_url=server.url) as http:
            browser = await started(Browser(http))
            assert browser.page is not None
            form = {**dict(browser.form().fields), "username": "alice", "password": "alice-password"}
            cookie = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
        login = await Connection.open(server.url)
        await login.ask(login.get("/healthz"))
        await login.begin(login.post(browser.page.url.path, form, cookie=cookie))
        for connection in connections:
            while (await connection.ask(pushing(connection))).status != 201:
                pass
            await connection.begin(pushing(connection))
            await taken_in(server)
        terminate(server)
        await asyncio.to_thread(gone, server)
        for connection in (login, *connections):
            connection.finish()
        assert (await login.answer()).status == 303
        assert [(await connection.answer()).status for connection in connections] == [201] * workers
        assert await asyncio.to_thread(server.process.wait, PATIENCE) == 0
    assert len(events(server, "login_succeeded")) == 1
    nothing_went_wrong(server)


async def started(browser: Browser) -> Browser:
    """At the login page."""
    await browser.open("/oauth2/authorize", params={"client_id": "app", **REQUEST})
    assert browser.page is not None
    assert LOGIN_PAGE in browser.page.url.path
    return browser


async def taken_in(server: Live) -> None:
    """By now every worker has read what was sent before: it answers what is sent now."""
    for connection in await across_workers(server.url, 1, len(events(server, "serving"))):
        assert (await connection.ask(connection.get("/readyz"))).status == 200


def listens(server: Live) -> bool:
    """Whether anybody listens at the server's address."""
    parts = urlsplit(server.url)
    try:
        socket.create_connection((parts.hostname, parts.port), 1).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("workers", [1, 2])
def test_audit_events_that_wait_to_be_written_are_written_at_the_stop(tmp_path: Path, workers: int) -> None:
    with serving(tmp_path, MANIFEST, "--workers", str(workers)) as server:
        for _ in range(20):
            reply = httpx.post(f"{server.url}/oauth2/par", auth=("app", "wrong"), data=REQUEST)
            assert reply.headers["pushgate-refusal"] == "client.authentication"
        assert server.stop() == 0
    with closing(sqlite3.connect(tmp_path / "pushgate-data" / "pushgate.db")) as database, database:
        [[count]] = database.execute("SELECT count(*) FROM audit WHERE event = 'request_refused'").fetchall()
    assert count == len(events(server, "request_refused")) >= 20


def gone(server: Live) -> None:
    """Wait until nobody listens at the server's address."""
    deadline = time.monotonic() + PATIENCE
    while listens(server):
        assert time.monotonic() < deadline


# --- Starting -------------------------------------------------------------------------------------------------


def test_the_first_start_makes_what_is_needed_and_the_second_finds_it(tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        server = live.start(tmp_path)
        try:
            assert httpx.get(f"{server.url}/").status_code == 200
            assert httpx.get(f"{server.url}/healthz").json() == {"status": "ok"}
            keys = httpx.get(f"{server.url}/oauth2/jwks").json()["keys"]
            found.append({key["kid"] for key in keys})
            assert {key["alg"] for key in keys if key["use"] == "sig"} == {"ES256", "PS256", "RS256", "EdDSA"}
            assert {key["kty"] for key in keys if key["use"] == "enc"} == {"EC", "RSA"}
        finally:
            assert server.stop() == 0
    assert found[0] == found[1]
    data = tmp_path / "pushgate-data"
    databases = {"pushgate.db", "pushgate-transient.db"}
    counts = {f"{name}-checkpoints" for name in databases}  # of each that was written to
    assert {path.name for path in data.iterdir()} - counts == {*databases, "secret.key"}
    assert stat.S_IMODE((data / "secret.key").stat().st_mode) == 0o600
    assert (data / "secret.key").read_text().strip() not in server.log


@pytest.mark.parametrize("workers", ["1", "2"])
def test_files_of_the_folder_it_starts_in_are_not_taken_for_modules(tmp_path: Path, workers: str) -> None:
    (tmp_path / "secrets.py").write_text("raise SystemExit('a file of the folder was run')")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-P", "-m", "pushgate", "serve", "--port", port, "--workers", workers]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    said = f"pushgate: cannot listen on 127.0.0.1:{port}: Address already in use\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("bücher..", "cannot listen on bücher..:1: not a host name"),
        ("", "cannot listen: the host is empty (0.0.0.0 is every address of this machine)"),
    ],
)
def test_where_it_cannot_listen_is_said_in_a_line(tmp_path: Path, workers: str, host: str, said: str) -> None:
    options = ["--host", host, "--port", "1", "--workers", workers]
    command = [sys.executable, "-m", "pushgate", "serve", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"pushgate: {said}\n")


def test_a_path_may_be_any_bytes(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"x\xff.toml")
    odd.write_text('log_level = "error"\n')
    server = live.start(tmp_path, "--config", str(odd))
    assert server.stop() == 0
    assert server.log == "", "the file was read"


def test_what_serves_has_the_options_of_the_interpreter(tmp_path: Path) -> None:
    """A console script whose first line says `python -I` stays apart from the user's environment."""
    (tmp_path / "uvloop.py").write_text("raise SystemExit('a module of the environment was run')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-I", "-m", "pushgate", "serve", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("pushgate: cannot listen on 127.0.0.1:")


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="/proc is missing")
def test_the_server_is_the_process_that_was_started(tmp_path: Path) -> None:
    """Whoever looks after it (systemd, a container) knows it by its number."""
    server = live.start(tmp_path)
    try:
        assert b"pushgate.cli.worker" in Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
    finally:
        assert server.stop() == 0


@pytest.mark.requirement("PAR-2-1")
def test_metadata_names_the_base_url_and_http_is_for_loopback(tmp_path: Path) -> None:
    server = live.start(tmp_path)
    try:
        document = httpx.get(f"{server.url}/.well-known/openid-configuration").json()
        assert document["issuer"] == server.url
        assert document["pushed_authorization_request_endpoint"] == f"{server.url}/oauth2/par"
    finally:
        assert server.stop() == 0


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "tls.pem", folder / "tls.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    return paths


@pytest.mark.parametrize("workers", [1, 2])
def test_the_server_speaks_tls_itself(tmp_path: Path, workers: int) -> None:
    certificate, key = _certificate(tmp_path)
    (tmp_path / "manifest.yaml").write_text(MANIFEST)
    port = live.free_port()
    url = f"https://127.0.0.1:{port}"
    environment = {n: v for n, v in os.environ.items() if not n.startswith("PUSHGATE_")} | {"PUSHGATE_BASE_URL": url}
    command = [sys.executable, "-m", "pushgate"]
    listen = ["--port", str(port), "--workers", str(workers), "--tls-cert", str(certificate), "--tls-key", str(key)]
    subprocess.run([*command, "apply", "manifest.yaml"], cwd=tmp_path, env=environment, check=True)
    with (tmp_path / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "serve", *listen], cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    server = Live(url, tmp_path, process, environment)
    try:
        while not listens(server):
            assert process.poll() is None, server.log
        with httpx.Client(
            verify=ssl.create_default_context(cafile=str(certificate)), base_url=url, timeout=PATIENCE
        ) as http:
            assert http.get("/readyz").status_code == 200
            page = http.get("/oauth2/authorize", params={"client_id": "app", **REQUEST}, follow_redirects=True)
            assert (page.status_code, LOGIN_PAGE in page.url.path) == (200, True)
            assert "max-age" in page.headers["strict-transport-security"]
            assert [(cookie.name, cookie.secure) for cookie in http.cookies.jar] == [("__Host-pushgate-browser", True)]
        with httpx.Client() as plain, pytest.raises(httpx.TransportError):
            plain.get(f"http://127.0.0.1:{port}/")
        assert server.stop() == 0
    finally:
        if process.poll() is None:
            server.kill()
    nothing_went_wrong(server)


# --- Several workers are one server -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with two workers."""
    with serving(tmp_path_factory.mktemp("pair"), MANIFEST, "--workers", "2") as found:
        yield found
        nothing_went_wrong(found)


async def both(server: Live) -> tuple[Connection, Connection]:
    """A connection to each worker, each of which knows the clients by now."""
    one, two = await across_workers(server.url, 1, 2)
    for connection in (one, two):
        while (await connection.ask(pushing(connection))).status != 201:
            pass
    return one, two


class Alternating(httpx.AsyncBaseTransport):
    """Sends each request over the next connection, so to another worker than the one before."""

    def __init__(self, *connections: Connection) -> None:
        self._next = itertools.cycle(connections)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        lines = [f"{request.method} {request.url.raw_path.decode()} HTTP/1.1".encode()]
        lines += [b"%s: %s" % field for field in request.headers.raw]
        answer = await next(self._next).ask(b"\r\n".join([*lines, b"", await request.aread()]))
        return httpx.Response(answer.status, headers=answer.fields, content=answer.body)


async def test_a_flow_may_go_from_worker_to_worker(pair: Live) -> None:
    one, two = await both(pair)
    async with httpx.AsyncClient(transport=Alternating(one, two), base_url=pair.url) as http:
        uri = (await http.post("/oauth2/par", auth=APP, data=REQUEST)).json()["request_uri"]
        browser = Browser(http)
        await browser.open("/oauth2/authorize", params={"client_id": "app", "request_uri": uri})
        await browser.sign_in()
        await browser.allow()
        form = {"grant_type": "authorization_code", "code": browser.answer["code"]}
        form |= {"redirect_uri": REDIRECT, "code_verifier": VERIFIER}
        tokens = (await http.post("/oauth2/token", auth=APP, data=form)).json()
        bearer = {"authorization": f"Bearer {tokens['access_token']}"}
        for _ in range(2):
            info = await http.get("/oauth2/userinfo", headers=bearer)
            assert (info.status_code, info.json()["email"]) == (200, "alice@example.com")
        for _ in range(2):
            refused(await http.post("/oauth2/token", auth=APP, data=form), 400, "invalid_grant", "code.replayed")
        for _ in range(2):
            refused(await http.get("/oauth2/userinfo", headers=bearer), 401, "invalid_token", "userinfo.token_invalid")


async def test_a_change_is_in_force_at_every_worker(pair: Live) -> None:
    late = {"client_id": "late", "client_secret": APP_SECRET, "redirect_uris": ["https://late.example/cb"]}
    (pair.folder / "late.json").write_text(json.dumps({"realms": [{"name": "default", "clients": [late]}]}))
    authorization = next(BasicAuth("late", APP_SECRET).auth_flow(httpx.Request("GET", "http://x")))
    form = {"response_type": "code", "redirect_uri": "https://late.example/cb", "scope": "openid"}
    connections = await both(pair)

    async def push(connection: Connection) -> int:
        request = connection.post("/oauth2/par", form, authorization=authorization.headers["authorization"])
        return (await connection.ask(request)).status

    assert [await push(connection) for connection in connections] == [401, 401]
    assert (await asyncio.to_thread(pair.pushgate, "apply", "late.json")).returncode == 0
    deadline = time.monotonic() + PATIENCE
    while [await push(connection) for connection in connections] != [201, 201]:
        assert time.monotonic() < deadline
    assert (await asyncio.to_thread(pair.pushgate, "client", "delete", "late")).returncode == 0
    deadline = time.monotonic() + PATIENCE
    while [await push(connection) for connection in connections] != [401, 401]:
        assert time.monotonic() < deadline
