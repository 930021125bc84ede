"""The log: one JSON object a line whatever happens, ids that lead from a reply to its lines, and no lost request."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx
import pytest
import structlog

from pushgate import journal, logs
from pushgate.events import LoginFailed, RequestPushed
from pushgate.journal import Journal
from pushgate.store.durable.audit import Audit
from pushgate.store.durable.engine import SqliteEngine
from pushgate.store.durable.migrate import upgrade
from pushgate.testing import Running, running
from tests.support.connections import Connection
from tests.support.live import Live, free_port
from tests.support.manifests import APP, APP_SECRET, MANIFEST, REDIRECT, REQUEST, VERIFIER
from tests.support.steps import AUTHORIZE, PAR, TOKEN, answered, refused, shown

Lines = Callable[[], list[dict[str, Any]]]
SECRET = "a-secret-that-is-a-local-variable"


def run(code: str, **environment: str) -> str:
    """What a small program with the house's log writes to standard error."""
    program = dedent(code)
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )
    assert found.stdout == ""
    return found.stderr


def objects(text: str) -> list[dict[str, Any]]:
    """A log, every line of which must be a JSON object."""
    assert text.endswith("\n")
    found = [json.loads(line) for line in text[:-1].split("\n")]
    assert all(isinstance(line, dict) for line in found)
    return found


# --- Configuration --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_a_level_and_everything_above_it_is_written(level: str) -> None:
    lines = objects(
        run(f"""
            import structlog
            from pushgate import logs
            logs.configure({level!r})
            log = structlog.get_logger("pushgate").bind()
            for name in ("debug", "info", "warning", "error"):
                getattr(log, name)("said", a=1)
            """)
    )
    levels = ["debug", "info", "warning", "error"]
    assert [line["level"] for line in lines] == levels[levels.index(level) :]
    assert all((line["event"], line["a"]) == ("said", 1) for line in lines)
    assert all(line["timestamp"].startswith("20") and line["timestamp"].endswith("Z") for line in lines)


def test_odd_values_and_line_ends_stay_on_one_line() -> None:
    [line] = objects(
        run("""
            import structlog
            from pathlib import Path
            from pushgate import logs
            logs.configure("info")
            text = 'two\\nlines \\x1b[31m "quoted" \\u2028'
            structlog.get_logger("pushgate").bind().info("said", text=text, path=Path("/x"), raw=b"\\xff")
            """)
    )
    assert (line["text"], line["path"]) == ('two\nlines \x1b[31m "quoted" \u2028', "/x")


@pytest.mark.requirement("VEN-M-6")
@pytest.mark.parametrize("people", [False, True])
def test_the_values_of_variables_are_in_no_traceback(people: bool) -> None:
    text = run(
        f"""
        import os, structlog
        from pushgate import logs
        logs.configure("info", for_people={people})

        def work(password):
            raise RuntimeError("it broke")

        try:
            work(os.environ["THE_SECRET"])
        except RuntimeError as problem:
            structlog.get_logger("pushgate").bind().error("fault", exc_info=problem)
        """,
        THE_SECRET=SECRET,
    )
    assert "it broke" in text
    assert "in work" in text
    assert SECRET not in text
    assert people or len(objects(text)) == 1


def test_a_stranger_writes_no_lines_of_his_own_on_a_persons_terminal() -> None:
    text = run("""
        import structlog
        from pushgate import logs
        logs.configure("info", for_people=True)
        forged = "x\\n2026-01-01 00:00:00 [info     ] login_succeeded sub=admin\\x1b[2J"
        structlog.get_logger("pushgate").bind().warning("request_refused", client_id=forged)
        """)
    assert len(text.splitlines()) == 1
    assert "\x1b[2J" not in text


def test_what_libraries_log_is_json_too() -> None:
    lines = objects(
        run("""
            import logging
            from pushgate import logs
            logs.configure("info")
            logging.getLogger("uvicorn.error").warning("Invalid %s received.", "HTTP request")
            """)
    )
    assert [line["level"] for line in lines] == ["warning"]
    assert "Invalid HTTP request received." in lines[0].values()


async def test_every_line_of_a_server_is_json_even_if_a_stranger_speaks_no_http(live: Live) -> None:
    before = len(live.log)
    for garbage in (b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"POST /oauth2/par HTTP/1.1\r\nhost\r\n\r\n"):
        connection = await Connection.open(live.url)
        connection.writer.write(garbage)
        await connection.reader.read()
        connection.close()
    async with httpx.AsyncClient(base_url=live.url) as http:
        reply = await http.post(PAR, auth=("app", "wrong\nsecret"), data={**REQUEST, "client_id": "a\nb"})
        assert reply.status_code == 400
    lines = objects(live.log[before:])
    assert reply.headers["x-request-id"] in [line.get("request_id") for line in lines]


# --- Lines together -------------------------------------------------------------------------------------------


class Pieces(io.BytesIO):
    """A stream that remembers what came in one call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[bytes] = []

    def write(self, data: Any) -> int:
        self.calls.append(bytes(data))
        return super().write(data)


async def test_what_is_logged_in_one_turn_of_the_loop_is_written_together_and_in_whole_lines() -> None:
    stream = Pieces()
    lines = logs._Lines(stream)
    said = [b"%d %s\n" % (number, b"x" * (number * 37 % 300)) for number in range(500)]
    said.insert(300, b"y" * (2 * logs.PIPE_BUF) + b"\n")
    for line in said:
        lines.write(line)
    assert stream.calls == []
    await asyncio.sleep(0)
    assert b"".join(stream.calls) == b"".join(said)
    assert all(call.endswith(b"\n") for call in stream.calls)
    assert all(len(call) <= logs.PIPE_BUF or call == said[300] for call in stream.calls), "a pipe would tear it"
    assert len(stream.calls) <= 2 * len(b"".join(said)) / logs.PIPE_BUF
    lines.write(b"once more\n")
    await asyncio.sleep(0)
    assert stream.calls[-1] == b"once more\n"


def test_lines_that_a_loop_left_behind_come_first() -> None:
    stream = Pieces()
    lines = logs._Lines(stream)
    for number in range(3):
        loop = asyncio.new_event_loop()
        loop.call_soon(lines.write, b"loop %d\n" % number)
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
    assert stream.calls == []
    lines.write(b"no loop\n")
    assert b"".join(stream.calls) == b"loop 0\nloop 1\nloop 2\nno loop\n"


def test_threads_and_loops_lose_no_line() -> None:
    stream, turns = Pieces(), 300
    lines = logs._Lines(stream)
    ready = threading.Barrier(4)

    async def in_loop(name: int) -> None:
        for turn in range(turns):
            lines.write(b"%d %d\n" % (name, turn))
            if turn % 7 == 0:
                await asyncio.sleep(0)

    def work(name: int) -> None:
        ready.wait()
        if name % 2:
            asyncio.run(in_loop(name))
        else:
            for turn in range(turns):
                lines.write(b"%d %d\n" % (name, turn))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines.flush()
    wrote = b"".join(stream.calls).splitlines()
    assert sorted(wrote) == sorted(b"%d %d" % (name, turn) for name in range(4) for turn in range(turns))


def test_what_waits_when_the_program_ends_is_written() -> None:
    lines = objects(
        run("""
            import asyncio, structlog
            from pushgate import logs
            logs.configure("info")

            def last():
                loop.stop()
                loop.call_soon(log.info, "never")
                log.info("last")

            log = structlog.get_logger("pushgate").bind()
            loop = asyncio.new_event_loop()
            loop.call_soon(last)
            loop.run_forever()
            """)
    )
    assert [line["event"] for line in lines] == ["last"]


# --- Ids ------------------------------------------------------------------------------------------------------


@pytest.fixture
def log() -> Iterator[Lines]:
    """Everything that is logged while the test runs, as it would be written."""
    kept: list[dict[str, Any]] = []

    def keep(logger: Any, level: str, event: Any) -> str:
        kept.append({"level": level, **event})
        raise structlog.DropEvent

    structlog.configure(
        processors=[keep], logger_factory=structlog.PrintLoggerFactory(), cache_logger_on_first_use=False
    )
    yield lambda: kept
    structlog.reset_defaults()


@pytest.fixture
async def watched(log: Lines) -> AsyncIterator[Running]:
    """A server whose log is seen."""
    async with running(MANIFEST) as server:
        yield server


async def test_the_request_id_of_a_reply_leads_to_its_lines(watched: Running, log: Lines) -> None:
    replies = [
        await watched.http.post(PAR, auth=APP, data=REQUEST),
        await watched.http.post(PAR, auth=("app", "wrong"), data=REQUEST),
        await watched.http.get(AUTHORIZE, params={"client_id": "nobody"}),
        await watched.http.post(TOKEN, auth=APP, data={"grant_type": "client_credentials", "scope": "write"}),
        await watched.http.get("/oauth2/userinfo"),
    ]
    ids = [reply.headers["x-request-id"] for reply in replies]
    assert len(set(ids)) == len(ids)
    assert [line["request_id"] for line in log() if "request_id" in line] == ids
    events = [line["event"] for line in log() if "request_id" in line]
    assert events == ["request_pushed", "request_refused", "request_refused", "token_issued", "request_refused"]
    assert ids[2] in replies[2].text  # a person can read it on the page


async def test_one_correlation_id_leads_from_the_push_to_the_last_token(watched: Running, log: Lines) -> None:
    browser = await answered(watched, push=True)
    form = {"grant_type": "authorization_code", "code": browser.answer["code"], "redirect_uri": REDIRECT}
    tokens = (await watched.http.post(TOKEN, auth=APP, data={**form, "code_verifier": VERIFIER})).json()
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    await watched.http.post(TOKEN, auth=APP, data=refresh)
    await watched.http.post(TOKEN, auth=APP, data={**form, "code_verifier": VERIFIER})
    lines = [line for line in log() if "correlation_id" in line]
    assert [line["event"] for line in lines] == [
        *("request_pushed", "authorization_started", "login_succeeded", "consent_given", "authorization_answered"),
        *("token_issued", "token_issued", "grant_revoked", "request_refused"),
    ]
    assert len({line["correlation_id"] for line in lines}) == 1
    assert {line["client_id"] for line in lines if line["event"] != "login_succeeded"} == {"app"}
    kept = [row for row in await watched.audit() if "correlation_id" in row]
    assert {row["correlation_id"] for row in kept} == {lines[0]["correlation_id"]}


async def test_two_flows_have_two_correlation_ids(watched: Running, log: Lines) -> None:
    for _ in range(2):
        await answered(watched, push=True)
    assert len({line["correlation_id"] for line in log() if "correlation_id" in line}) == 2


async def test_a_line_holds_what_the_event_knows_and_nothing_else(watched: Running, log: Lines) -> None:
    reply = await watched.http.post(PAR, auth=APP, data=REQUEST)
    [line] = [line for line in log() if line["event"] == "request_pushed"]
    assert line == {
        "level": "info", "event": "request_pushed", "client_id": "app", "expires_in": 60, "realm": "default",
        "address": "127.0.0.1", "request_id": reply.headers["x-request-id"], "correlation_id": line["correlation_id"],
    }  # fmt: skip


@pytest.mark.requirement("VEN-M-6", "VEN-A-5")
async def test_a_failed_push_is_one_audit_event_with_client_address_and_refusal(watched: Running) -> None:
    reply = await watched.http.post(PAR, auth=("app", "wrong"), data=REQUEST)
    refused(reply, 401, "invalid_client", "client.authentication")
    [row] = await watched.audit("request_refused")
    assert row == {
        "at": int(watched.clock()), "event": "request_refused", "realm": "default", "endpoint": "par",
        "refusal": "client.authentication", "error": "invalid_client", "status": 401, "client_id": "app",
        "address": "127.0.0.1", "request_id": reply.headers["x-request-id"],
    }  # fmt: skip


async def test_a_claimed_client_id_is_kept_only_as_long_as_client_ids_may_be(watched: Running, log: Lines) -> None:
    """Or strangers could fill the audit table by 64 KiB with each request."""
    form = {**REQUEST, "client_id": "x" * 60_000, "client_secret": APP_SECRET}
    refused(await watched.http.post(PAR, data=form), 401, "invalid_client", "client.authentication")
    [row] = await watched.audit("request_refused")
    assert len(row.get("client_id", "")) <= 201
    assert all(len(json.dumps(line)) < 1000 for line in log())


@pytest.mark.parametrize("path", [AUTHORIZE, PAR, TOKEN])
async def test_names_of_parameters_are_kept_only_up_to_a_length(watched: Running, log: Lines, path: str) -> None:
    twice = "&".join(2 * [f"{'y' * 10_000}=1"] + 2 * ["client_id=app"])
    if path == AUTHORIZE:
        shown(await watched.http.get(f"{path}?{twice}"), 400, "invalid_request", "http.repeated_parameter")
    else:
        form = {"content-type": "application/x-www-form-urlencoded"}
        reply = await watched.http.post(path, auth=APP, content=twice.encode(), headers=form)
        refused(reply, 400, "invalid_request", "http.repeated_parameter")
    assert all(len(json.dumps(row)) < 1000 for row in await watched.audit("request_refused"))
    assert all(len(json.dumps(line)) < 1000 for line in log())


async def test_a_fault_is_logged_once_under_the_request_id_of_the_reply(
    watched: Running, log: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("pushgate.endpoints.par.parse_authorization_request", broken)
    reply = await watched.http.post(PAR, auth=APP, data=REQUEST)
    refused(reply, 500, "server_error", "http.server_error")
    assert "a bug" not in reply.text
    [fault] = [line for line in log() if line["level"] == "error"]
    assert (fault["event"], fault["request_id"]) == ("fault", reply.headers["x-request-id"])
    assert isinstance(fault["exc_info"], RuntimeError)


# --- The journal ----------------------------------------------------------------------------------------------


@pytest.fixture
async def engine() -> AsyncIterator[SqliteEngine]:
    """A durable store with its tables."""
    found = SqliteEngine(None)
    found.migrate(upgrade)
    yield found
    await found.aclose()


async def test_events_worth_keeping_are_kept_in_order_and_others_only_logged(engine: SqliteEngine, log: Lines) -> None:
    kept = Journal(Audit(engine), lambda: 1000.5)
    kept.emit(RequestPushed("app", "c", 60), "default")
    for number in range(300):
        kept.emit(LoginFailed(f"reason {number}", "c"), "default")
    await kept.flush()
    rows = await Audit(engine).recent("default", limit=1000)
    assert [row["reason"] for row in reversed(rows)] == [f"reason {number}" for number in range(300)]
    assert {row["at"] for row in rows} == {1000}
    assert len(log()) == 301


async def test_audit_rows_that_cannot_be_written_fail_nobody_and_are_counted(engine: SqliteEngine, log: Lines) -> None:
    engine.writer.exec_driver_sql("DROP TABLE audit")
    kept = Journal(Audit(engine), time.time)
    for _ in range(3):
        kept.emit(LoginFailed("x", "c"), "default")
    await kept.flush()
    [lost] = [line for line in log() if line["level"] == "error"]
    assert (lost["event"], lost["rows"]) == ("audit_lost", 3)


async def test_memory_is_bounded_when_the_audit_table_is_too_slow(
    engine: SqliteEngine, log: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MAX_WAITING", 5)
    kept = Journal(Audit(engine), time.time)
    for _ in range(8):
        kept.emit(LoginFailed("x", "c"), "default")
    await kept.flush()
    assert len(await Audit(engine).recent("default")) == 5
    assert [(line["event"], line["rows"]) for line in log() if line["level"] == "error"] == [("audit_dropped", 3)]


# --- A log that cannot be written -------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is missing: no disk to be full")
@pytest.mark.parametrize("trouble", ["disk is full", "reader is gone"])
def test_a_log_that_cannot_be_written_fails_no_request(tmp_path: Path, trouble: str) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {n: v for n, v in os.environ.items() if not n.startswith("PUSHGATE_")} | {"PUSHGATE_BASE_URL": url}
    command = [sys.executable, "-m", "pushgate"]
    (tmp_path / "m.yaml").write_text(MANIFEST)
    subprocess.run([*command, "apply", "m.yaml"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    serve = [*command, "serve", "--port", str(port)]
    if trouble == "disk is full":
        with open("/dev/full", "wb") as full:
            process = subprocess.Popen(serve, cwd=tmp_path, env=environment, stderr=full)
    else:
        process = subprocess.Popen(serve, cwd=tmp_path, env=environment, stderr=subprocess.PIPE)
        assert process.stderr is not None
        process.stderr.readline()  # it serves
        process.stderr.close()
    try:
        deadline = time.monotonic() + 20
        while not _up(url):
            assert process.poll() is None, "the server did not start"
            assert time.monotonic() < deadline
        for _ in range(3):
            assert httpx.post(f"{url}{PAR}", auth=APP, data=REQUEST).status_code == 201
        wrong = httpx.post(f"{url}{PAR}", auth=("app", "wrong"), data=REQUEST)
        refused(wrong, 401, "invalid_client", "client.authentication")
    finally:
        process.terminate()
    assert process.wait(30) == 0


def _up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False
