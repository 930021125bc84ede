"""`pushgate demo`: the whole flow readable from one command, the playground, and an end that leaves nothing behind."""

from __future__ import annotations

import html
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from examples import web_app
from pushgate.client import PushClient
from pushgate.demo.page import Page
from pushgate.demo.playground import BROWSERS, Visitors
from pushgate.demo.wire import address, json_text, short
from pushgate.testing import Browser
from tests.support.live import PATIENCE, free_port

STEPS = [
    "0  Discover",
    "1  Push the request",
    "2  The browser carries only the reference",
    "3  Sign in",
    "4  Consent",
    "5  Back to the client",
    "6  Redeem the code",
    "7  Use the access token",
    "8  The reference is used up",
]
EXAMPLES = Path(web_app.__file__).parent
WRONG_PASSWORD = """
import sys
from pushgate.demo import run, story
story.PASSWORD = "a-wrong-password"
sys.exit(run.run(int(sys.argv[1]), once=True))
"""


def command(folder: Path, *arguments: str) -> tuple[list[str], dict[str, object]]:
    """A command line of Python, and how to run it: temporary files go to `folder`, settings there are ignored."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PUSHGATE_")}
    environment = {**kept, "TMPDIR": str(folder), "PUSHGATE_DATABASE_URL": "postgresql://not.this.one/db"}
    return [sys.executable, *arguments], {"cwd": folder, "env": environment, "text": True}


def finished(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run to the end."""
    line, how = command(folder, *arguments)
    return subprocess.run(line, **how, capture_output=True, timeout=60, check=False)  # type: ignore[call-overload]


@dataclass
class Demo:
    """A demo that is running."""

    url: str
    folder: Path
    process: subprocess.Popen[str]

    def until(self, text: str) -> None:
        """Wait until it has printed this."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.printed:
            assert self.process.poll() is None, self.printed
            assert time.monotonic() < deadline, self.printed
            time.sleep(0.02)

    @property
    def printed(self) -> str:
        """What it has printed so far."""
        return (self.folder / "out").read_text()

    def end(self, number: int) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)

    def left_behind(self) -> list[str]:
        """Temporary folders that are still there."""
        return [path.name for path in self.folder.iterdir() if path.name.startswith("pushgate-demo-")]


@contextmanager
def demonstrating(folder: Path) -> Iterator[Demo]:
    """`pushgate demo` on a free port."""
    port = free_port()
    line, how = command(folder, "-m", "pushgate", "demo", "--port", str(port))
    with (folder / "out").open("w") as out:
        process = subprocess.Popen(line, **how, stdout=out, stderr=out)  # type: ignore[call-overload]
    try:
        yield Demo(f"http://127.0.0.1:{port}", folder, process)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


# --- The story ----------------------------------------------------------------------------------------


def test_once_tells_the_whole_story_and_leaves_nothing_behind(tmp_path: Path) -> None:
    port = free_port()
    done = finished(tmp_path, "-m", "pushgate", "demo", "--once", "--port", str(port))
    assert (done.returncode, done.stderr) == (0, "")
    assert [*map(done.stdout.index, STEPS)] == sorted(map(done.stdout.index, STEPS))
    assert list(tmp_path.iterdir()) == []

    story = done.stdout.splitlines()
    assert max(map(len, story)) <= 80
    assert done.stdout.isascii()
    assert "\x1b" not in done.stdout, "no colours where there is no terminal"
    assert all(line == line.rstrip() for line in story)
    for expected in (
        "| POST /oauth2/par HTTP/1.1",
        "| Authorization: Basic c2FtcGxlLWFwcDpzYW1wbGUtc2VjcmV0LWZvci1kZW1v",
        "| code_challenge_method=S256",
        "| HTTP/1.1 201 Created",
        "| GET /oauth2/authorize",
        "|     ?client_id=sample-app",
        "| password=alice-password",
        "|     &iss=http://127.0.0.1:" + str(port),
        "| grant_type=authorization_code",
        '|   "aud": "sample-app",',
        '|   "email": "alice@example.com",',
        "| Pushgate-Refusal: authorize.request_uri_used",
    ):
        assert expected in story


def test_a_failed_step_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    done = finished(tmp_path, "-c", WRONG_PASSWORD, str(free_port()))
    assert done.returncode == 1
    assert (
        done.stderr
        == "pushgate: step 3 (Sign in) failed: expected a redirect to /consent/, got 400 Bad Request (Sign in)\n"
    )
    assert STEPS[3] in done.stdout
    assert STEPS[4] not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = finished(tmp_path, "-m", "pushgate", "demo", "--port", str(port))
    assert (done.returncode, done.stdout) == (1, "")
    expected = (
        f"pushgate: cannot listen on 127.0.0.1:{port}: Address already in use (choose another port with --port)\n"
    )
    assert done.stderr == expected
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("moment", ["Pushgate demo", STEPS[1], "Ctrl-C stops it"])
def test_a_signal_ends_it_well_at_any_moment(tmp_path: Path, moment: str, number: int) -> None:
    with demonstrating(tmp_path) as demo:
        demo.until(moment)
        assert demo.end(number) == 0
        assert demo.left_behind() == []
        assert "Traceback" not in demo.printed
        assert "failed" not in demo.printed


# --- The playground -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo that has told its story and stays."""
    with demonstrating(tmp_path_factory.mktemp("demo")) as found:
        found.until("Ctrl-C stops it")
        yield found
        assert found.end(signal.SIGTERM) == 0
        assert found.left_behind() == []


@pytest.fixture
async def browser(demo: Demo) -> AsyncIterator[Browser]:
    """A fresh browser on the playground."""
    async with httpx.AsyncClient(base_url=demo.url) as http:
        yield await Browser(http).open("/playground/")


def link(browser: Browser) -> str:
    """Where the next step's link goes."""
    assert browser.page is not None
    found = re.search(r'id="playground-next" href="([^"]+)"', browser.page.text)
    assert found is not None, browser.page.text
    return html.unescape(found[1])


def shown(browser: Browser) -> str:
    """The text of the page."""
    assert browser.page is not None
    return html.unescape(browser.page.text)


async def at_the_server(browser: Browser) -> None:
    """Push, and go to the server."""
    await browser.submit("playground-next")
    await browser.open(link(browser))


async def test_the_playground_goes_through_the_flow(demo: Demo, browser: Browser) -> None:
    assert "A pushed authorization request, step by step" in shown(browser)
    await browser.submit("playground-next")
    assert "POST /oauth2/par HTTP/1.1" in shown(browser)
    assert "HTTP/1.1 201 Created" in shown(browser)
    assert link(browser).startswith(f"{demo.url}/oauth2/authorize?client_id=sample-app&request_uri=urn")

    await browser.open(link(browser))
    await browser.sign_in()
    await browser.allow()
    assert browser.page is not None
    assert str(browser.page.url) == f"{demo.url}/playground/#step-3", "the code is not in the address bar"
    assert "GET /playground/callback" in shown(browser)

    await browser.submit("playground-next")
    assert "grant_type=authorization_code" in shown(browser)
    assert '"aud": "sample-app"' in shown(browser)
    assert "The application now knows who you are" in shown(browser)
    await browser.submit("playground-next")
    assert "alice@example.com" in shown(browser)
    await browser.submit("playground-next")
    assert "Pushgate-Refusal: authorize.request_uri_used" in shown(browser)
    assert "You are here" not in shown(browser)

    await browser.open("/playground/reset")
    assert "POST /oauth2/par" not in shown(browser)


async def test_the_playground_is_a_page_like_the_others(browser: Browser) -> None:
    assert browser.page is not None
    assert browser.page.status_code == 200
    headers = browser.page.headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-cache, no-store"
    assert headers["referrer-policy"] == "no-referrer"
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


async def test_a_no_at_the_server_is_shown_and_there_is_a_way_on(browser: Browser) -> None:
    await at_the_server(browser)
    await browser.sign_in()
    await browser.deny()
    assert "This step failed: the authorization endpoint refused: access_denied" in shown(browser)
    assert link(browser) == "/playground/reset"
    await browser.open("/playground/reset")
    await browser.submit("playground-next")
    assert "HTTP/1.1 201 Created" in shown(browser)


async def test_an_answer_from_elsewhere_is_dropped_and_does_not_end_the_run(browser: Browser) -> None:
    await at_the_server(browser)
    page = browser.page
    await browser.open("/playground/callback?code=stolen&state=of-somebody-else&iss=https://evil.example")
    assert "The browser brought an answer that was dropped: the state is not the one of this request." in shown(browser)
    browser.page = page
    await browser.sign_in()
    await browser.allow()
    assert "dropped" not in shown(browser)
    await browser.submit("playground-next")
    assert "The application now knows who you are" in shown(browser)


async def test_a_button_works_only_on_its_own_page_and_in_its_turn(demo: Demo, browser: Browser) -> None:
    csrf = dict(browser.form().fields)["csrf"]
    forged = await browser.http.post("/playground/push", data={"csrf": "forged"})
    assert (forged.status_code, forged.headers["pushgate-refusal"]) == (403, "login.csrf")
    for early in ("redeem", "userinfo", "again"):
        reply = await browser.http.post(f"/playground/{early}", data={"csrf": csrf})
        assert (reply.status_code, reply.headers["location"]) == (303, "/playground/#step-1")
    await browser.open("/playground/callback?code=x&state=y")
    assert "HTTP/1.1" not in shown(browser), "nothing was taken"
    async with httpx.AsyncClient(base_url=demo.url) as stranger:
        assert (await stranger.post("/playground/push", data={"csrf": csrf})).headers["location"] == "/playground/"


async def test_what_is_not_there_is_an_error_page(browser: Browser) -> None:
    found = await browser.http.get("/playground/nothing")
    assert (found.status_code, found.headers["pushgate-refusal"]) == (404, "http.not_found")
    found = await browser.http.post("/playground/nothing")
    assert (found.status_code, found.headers["pushgate-refusal"]) == (404, "http.not_found")
    found = await browser.http.put("/playground/")
    assert (found.status_code, found.headers["pushgate-refusal"]) == (405, "http.method")
    found = await browser.http.get("/playground")
    assert (found.status_code, found.headers["location"]) == (303, "/playground/")
    found = await browser.http.get("/playground/reset", headers={"sec-purpose": "prefetch"})
    assert found.headers["pushgate-refusal"] == "authorize.prefetch"
    assert (await browser.http.get("/demo/elsewhere")).status_code == 404


def test_only_so_many_browsers_are_remembered() -> None:
    visitors = Visitors()
    first, _ = visitors.welcome()
    second, _ = visitors.welcome()
    for _ in range(BROWSERS - 2):
        visitors.welcome()
    assert visitors.find(first) is not None
    visitors.welcome()
    assert visitors.find(first) is not None, "it was here just now"
    assert visitors.find(second) is None, "it was away longest"


# --- Readable -----------------------------------------------------------------------------------------


def test_random_values_are_cut_and_names_are_not() -> None:
    assert short("state=" + "aB3" * 15) == "state=aB3aB3aB...aB3aB3"
    token = ".".join(["eyJ" + "aB3" * 20, "x1Y" * 20, "Z9z" * 20])
    assert short(token) == "eyJaB3aB...Z9zZ9z"
    assert short("authorization_response_iss_parameter_supported") == "authorization_response_iss_parameter_supported"


def test_an_address_is_broken_at_its_parameters() -> None:
    assert address("/login/abc") == "/login/abc"
    assert address("/a?b=c") == "/a?b=c"
    assert address("/a?iss=https%3A%2F%2Fas.example&b=") == "/a\n    ?iss=https://as.example\n    &b="


def test_a_short_list_stays_on_its_line() -> None:
    assert json_text({"amr": ["pwd", "otp"]}) == '{\n  "amr": ["pwd", "otp"]\n}'


def test_a_form_is_sent_as_a_person_sends_it() -> None:
    page = Page.read(
        "<h1>Allow <bdi>it</bdi>?</h1><form action='/go'><input type=hidden name=csrf value=c>"
        "<input type=hidden name=scope value=openid><input type=checkbox name=scope value=email checked>"
        "<input type=checkbox name=scope value=phone><input name=username>"
        "<button id=yes name=decision value=allow>Allow</button><button id=no name=decision value=deny>No</button>"
    )
    assert (page.heading, page.action, page.typed) == ("Allow it?", "/go", ["username"])
    assert page.form("yes", {"username": "alice"}) == {
        "csrf": ["c"],
        "scope": ["openid", "email"],
        "username": ["alice"],
        "decision": ["allow"],
    }


# --- The examples run against the demo ----------------------------------------------------------------


@pytest.fixture
def in_the_terminal(demo: Demo, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The terminal example, running."""
    line, how = command(tmp_path, str(EXAMPLES / "sign_in_from_terminal.py"), demo.url)
    process = subprocess.Popen(line, **how, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def test_the_terminal_example_signs_in(demo: Demo, in_the_terminal: subprocess.Popen[str]) -> None:
    assert in_the_terminal.stdout is not None
    url = next(said for said in in_the_terminal.stdout if said.startswith("http")).strip()
    async with httpx.AsyncClient(base_url=demo.url) as http:
        browser = await Browser(http).open(url)
        await browser.sign_in()
        if browser.page is not None:  # unless alice agreed before
            await browser.allow()
        assert browser.landed is not None
        assert (await http.get(browser.landed)).text == "Thank you. You can close this window."
    printed, complaints = in_the_terminal.communicate(timeout=30)
    assert (in_the_terminal.returncode, complaints) == (0, "")
    assert "name: Alice Sample\n" in printed


async def test_the_web_example_signs_in(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    client = PushClient(demo.url, web_app.CLIENT_ID, client_secret=web_app.CLIENT_SECRET)
    monkeypatch.setattr(web_app, "client", client)
    transport = httpx.ASGITransport(web_app.app)
    async with client, httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8090") as application:
        assert "Nobody is signed in" in (await application.get("/")).text
        sent = (await application.get("/login")).headers["location"]
        async with httpx.AsyncClient(base_url=demo.url) as http:
            browser = await Browser(http).open(sent)
            await browser.sign_in()
            if browser.page is not None:
                await browser.allow()
        assert browser.landed is not None
        back = await application.get(browser.landed)
        assert (back.status_code, back.headers["location"]) == (303, "/")
        assert (await application.get("/")).text == "<p>Hello Alice Sample (alice@example.com)</p>"
        assert (await application.get(browser.landed)).status_code == 400, "nothing waits any more"
        await application.get("/login")
        foreign = await application.get("/callback?code=stolen&state=of-somebody-else")
        assert (foreign.status_code, "the state is not the one" in foreign.text) == (400, True)
