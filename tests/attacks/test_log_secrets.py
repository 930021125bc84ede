"""Read secrets in the log: whole flows with every client authentication method, right and wrong, then a search.

Everything secret that crossed the wire is written down by the test as it passes: credentials, assertions,
codes, request_uri handles, tokens, verifiers, challenges, passwords, cookies, anti-forgery values. None of
it may be in the log, in the audit table, or in what the commands print; and what is kept on disk for later
comparison may not be there in a usable form.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from pushgate.testing import Browser
from tests.support.connections import Connection
from tests.support.live import Live, serving
from tests.support.manifests import APP, APP_SECRET, HMAC_SECRET, KEY, MANIFEST, POST_SECRET, REQUEST, VERIFIER

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
URN = "urn:ietf:params:oauth:request_uri:"
NEAR = 8  # characters at the beginning of a handle that tell the time, and are no secret
SECRET_MEMBERS = frozenset(
    {
        *("client_secret", "client_assertion", "code", "code_verifier", "code_challenge", "refresh_token"),
        *("access_token", "id_token", "id_token_hint", "password", "request_uri", "csrf"),
    }
)
AUTHORIZE, PAR, TOKEN, USERINFO = "/oauth2/authorize", "/oauth2/par", "/oauth2/token", "/oauth2/userinfo"
REDIRECTS = {
    "app": REQUEST["redirect_uri"], "post": "https://post.example/cb", "hmac": "https://hmac.example/cb",
    "jwt": "https://jwt.example/cb", "spa": "https://spa.example/cb", "hybrid": "https://hybrid.example/cb",
}  # fmt: skip
OTHER_KEY = ECKey.generate_key("P-256", {"kid": "test-key"})


@dataclass
class Witness:
    """Writes down every secret that it sees on the wire, by sort."""

    secrets: dict[str, str] = field(default_factory=dict)

    def saw(self, sort: str, value: str) -> None:
        """One secret; of a JWT also the parts, of a request_uri the handle alone."""
        value = value.removeprefix(URN)
        if len(value) >= 8:
            self.secrets[value] = sort
        if sort == "request_uri" and len(value) > 40:
            self.secrets[value[NEAR:]] = sort
        if value.count(".") == 2:
            self.secrets |= dict.fromkeys(value.split(".")[1:], f"part of {sort}")

    def members(self, pairs: list[tuple[str, str]]) -> None:
        """The secret ones among parameters."""
        for name, value in pairs:
            if name in SECRET_MEMBERS:
                self.saw(name, value)

    async def request(self, request: httpx.Request) -> None:
        """An httpx hook."""
        self.members(parse_qsl(request.url.query.decode()))
        self.members(parse_qsl((await request.aread()).decode("latin-1")))
        self._path(request.url.path)
        for pair in request.headers.get("cookie", "").split("; "):
            self.saw("cookie", pair.partition("=")[2])
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        self.saw("authorization", credentials)
        if scheme.lower() == "basic" and ":" in (decoded := base64.b64decode(credentials).decode()):
            self.saw("client_secret", decoded.partition(":")[2])

    async def response(self, response: httpx.Response) -> None:
        """An httpx hook."""
        await response.aread()
        for cookie in response.headers.get_list("set-cookie"):
            self.saw("cookie", cookie.partition("=")[2].partition(";")[0])
        target = urlsplit(response.headers.get("location", ""))
        self.members(parse_qsl(target.query) + parse_qsl(target.fragment))
        self._path(target.path)
        if response.headers.get("content-type") == "application/json" and "keys" not in response.text[:9]:
            self.members([(name, value) for name, value in response.json().items() if isinstance(value, str)])

    def _path(self, path: str) -> None:
        page, _, identifier = path.rpartition("/")
        if page in ("/oauth2/login", "/oauth2/consent"):
            self.saw("interaction", identifier)

    def found_in(self, text: str) -> dict[str, str]:
        """The secrets that the text holds, plain or percent-encoded."""
        spelled = {s: {s, quote(s), quote(s, safe=""), quote_plus(s), json.dumps(s)[1:-1]} for s in self.secrets}
        return {secret: self.secrets[secret] for secret, forms in spelled.items() if any(f in text for f in forms)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that logs all it has to say."""
    with serving(tmp_path_factory.mktemp("secrets"), MANIFEST, PUSHGATE_LOG_LEVEL="debug") as found:
        yield found


@asynccontextmanager
async def watched(server: Live, witness: Witness) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose every exchange is seen."""
    hooks: Any = {"request": [witness.request], "response": [witness.response]}
    async with httpx.AsyncClient(base_url=server.url, event_hooks=hooks) as http:
        yield http


def assertion(server: Live, client_id: str, *, wrong: bool = False, **changes: Any) -> dict[str, str]:
    """The form members of a client assertion, fresh unless said otherwise."""
    now = int(time.time())
    claims = {"iss": client_id, "sub": client_id, "aud": server.url, "iat": now, "exp": now + 60}
    claims |= {"jti": base64.urlsafe_b64encode(now.to_bytes(8, "big") + OctKey.generate_key(128).raw_value).decode()}
    if client_id == "hmac":
        header, key = {"alg": "HS256"}, OctKey.import_key(HMAC_SECRET if not wrong else HMAC_SECRET[::-1])
    else:
        header, key = {"alg": "ES256", "kid": "test-key"}, OTHER_KEY if wrong else KEY  # type: ignore[assignment]
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": jwt.encode(header, claims | changes, key)}


def credential(server: Live, client_id: str, *, wrong: bool = False) -> dict[str, Any]:
    """What httpx has to send to authenticate the client by its registered method."""
    if client_id in ("app", "hybrid"):
        return {"auth": (client_id, APP_SECRET[::-1] if wrong else APP_SECRET)}
    if client_id == "post":
        return {"data": {"client_id": "post", "client_secret": POST_SECRET[::-1] if wrong else POST_SECRET}}
    if client_id == "spa":
        return {"data": {"client_id": "nobody-knows-this-one" if wrong else "spa"}}
    return {"data": assertion(server, client_id, wrong=wrong)}


async def post(
    server: Live, http: httpx.AsyncClient, path: str, client_id: str, form: dict[str, str], *, wrong: bool = False
) -> httpx.Response:
    """A form to a machine endpoint as this client."""
    sent = credential(server, client_id, wrong=wrong)
    return await http.post(path, auth=sent.get("auth"), data={**form, **sent.get("data", {})})


def request_of(client_id: str, **changes: str) -> dict[str, str]:
    """A valid authorization request of the client."""
    return {**REQUEST, "redirect_uri": REDIRECTS[client_id], "scope": "openid", **changes}


def redemption(client_id: str, code: str, **changes: str) -> dict[str, str]:
    """A valid redemption."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECTS[client_id]}
    return {**form, "code_verifier": VERIFIER, **changes}


async def whole_flow(server: Live, witness: Witness, client_id: str, **changes: str) -> Browser:
    """Push, sign in after a wrong password, consent, redeem, refresh, use; then again what must not work twice."""
    async with watched(server, witness) as http:
        pushed = await post(server, http, PAR, client_id, request_of(client_id, **changes))
        assert pushed.status_code == 201, pushed.text
        query = {"client_id": client_id, "request_uri": pushed.json()["request_uri"]}
        browser = await Browser(http).open(AUTHORIZE, params=query)
        await browser.sign_in("alice", "a-wrong-password-of-alice")
        await browser.sign_in()
        if browser.landed is None and "/consent/" in str(browser.page and browser.page.url):
            await browser.allow()
        witness.members(list(browser.answer.items()))
        if "code" in browser.answer:
            form = redemption(client_id, browser.answer["code"])
            bad = await post(server, http, TOKEN, client_id, {**form, "code_verifier": VERIFIER[::-1]})
            assert bad.headers["pushgate-refusal"] == "code.verifier_wrong"
            tokens = (await post(server, http, TOKEN, client_id, form)).json()
            bearer = {"authorization": f"Bearer {tokens['access_token']}"}
            assert (await http.get(USERINFO, headers=bearer)).status_code == 200
            for _ in range(2):
                if "refresh_token" in tokens:
                    again = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
                    await post(server, http, TOKEN, client_id, again)
            replay = await post(server, http, TOKEN, client_id, form)
            assert replay.headers["pushgate-refusal"] == "code.replayed"
            assert (await http.get(USERINFO, headers=bearer)).status_code == 401
        assert (await http.get(AUTHORIZE, params=query)).headers["pushgate-refusal"] == "authorize.request_uri_used"
        return browser


async def every_refusal(server: Live, witness: Witness) -> None:
    """Requests that fail, with something secret in each."""
    async with watched(server, witness) as http:
        for client_id in ("app", "post", "hmac", "jwt", "spa"):
            form = request_of(client_id)
            for path, wrong in ((PAR, form), (TOKEN, redemption(client_id, "a-code-that-never-was"))):
                reply = await post(server, http, path, client_id, wrong, wrong=True)
                assert reply.status_code == 401, reply.text
        used = assertion(server, "jwt")
        for status in (201, 401):
            assert (await http.post(PAR, data={**request_of("jwt"), **used})).status_code == status
        for bad in (
            assertion(server, "jwt", aud="https://other.example"),
            assertion(server, "jwt", exp=1),
            {"client_assertion_type": ASSERTION_TYPE, "client_assertion": "not.a-jwt-but-still.secret-enough"},
            {"client_assertion_type": "magic", "client_assertion": "another-secret-assertion"},
            {"client_assertion": used["client_assertion"], "client_secret": "two-methods-one-secret"},
        ):
            assert (await http.post(PAR, data={**request_of("jwt"), **bad})).status_code in (400, 401)
        reply = await http.post(PAR, headers={"authorization": "Basic bm8tY29sb24taW4tdGhpcy1zZWNyZXQ="})
        assert reply.headers["pushgate-refusal"] == "client.basic_malformed"
        pushed = (await http.post(PAR, auth=APP, data=REQUEST)).json()["request_uri"]
        for query in (
            {"client_id": "spa", "request_uri": pushed},
            {"client_id": "app", "request_uri": URN + "a-handle-that-nobody-was-given-ever-before"},
            {"client_id": "app", "request_uri": "https://elsewhere.example/a-secret-request"},
            {"request_uri": pushed},
            {"client_id": "app", **REQUEST, "code_challenge": "a-challenge-that-is-too-short"},
            {"client_id": "app", **REQUEST, "id_token_hint": "an.id-token-hint.that-is-none"},
        ):
            await http.get(AUTHORIZE, params=query)
        assert (await http.post(PAR, auth=APP, data={**REQUEST, "request_uri": pushed})).status_code == 400
        assert (await http.post(PAR, auth=APP, json={"client_secret": "a-secret-as-json"})).status_code == 415
        assert (
            await http.get(f"{TOKEN}?client_secret=a-secret-in-the-query&code=a-code-in-the-query")
        ).status_code == 405
        assert (await http.post(TOKEN, content=b"client_secret=a-secret-cut-off-%ff", headers=_FORM)).status_code == 400
        twice = b"client_secret=the-first-secret&client_secret=the-second-secret"
        assert (await http.post(TOKEN, content=twice, headers=_FORM)).status_code == 400
        huge = {"client_secret": "a-secret-in-a-huge-body", "state": "x" * 70_000}
        assert (await http.post(PAR, data=huge)).status_code == 413
        for token in ("a-token-that-never-was", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"):
            reply = await http.get(USERINFO, headers={"authorization": f"Bearer {token}"})
            assert reply.status_code == 401
        form = {"grant_type": "refresh_token", "refresh_token": "a-refresh-token-that-never-was"}
        assert (await http.post(TOKEN, auth=APP, data=form)).status_code == 400
        browser = await Browser(http).open(AUTHORIZE, params={"client_id": "app", "request_uri": pushed})
        assert browser.page is not None
        witness.members(browser.form().fields)
        forged = {"csrf": "a-forged-anti-forgery-value", "username": "alice", "password": "a-password-sent-by-forgery"}
        assert (await http.post(browser.page.url.path, data=forged)).status_code == 403
        await browser.submit("login-submit", username="the-password-of-alice-typed-as-name", password="short-one")
        witness.saw("password", "the-password-of-alice-typed-as-name")
        other = httpx.AsyncClient(base_url=server.url)
        assert (await other.get(browser.page.url.path)).status_code == 403
        await other.aclose()
        await browser.submit("login-cancel") if "login-cancel" in browser.form().buttons else await browser.sign_in()


_FORM = {"content-type": "application/x-www-form-urlencoded"}


async def what_is_not_even_http(server: Live) -> None:
    """Bytes that the HTTP parser refuses."""
    for garbage in (b"POST /oauth2/par HTTP/9.9 client_secret=%s\r\n\r\n", b"\x16\x03\x01 %s\r\n\r\n"):
        connection = await Connection.open(server.url)
        connection.writer.write(garbage % APP_SECRET.encode())
        await connection.reader.read()
        connection.close()


def the_command_line(server: Live, witness: Witness) -> str:
    """Commands that are given secrets, and what they print."""
    made = "a-secret-given-on-the-command-line"
    witness.saw("client_secret", made)
    bad = (
        MANIFEST.replace(APP_SECRET, "tooshortasecret")
        .replace("alice-password", "secret7")
        .replace(POST_SECRET, "9" * 30)
    )
    (server.folder / "bad.yaml").write_text(bad)
    witness.saw("client_secret", "tooshortasecret")
    witness.saw("client_secret", "9" * 30)
    commands = [
        ["apply", "bad.yaml"], ["apply", "worse.yaml"], ["apply", "manifest.yaml"], ["export"], ["doctor", "--json"],
        ["client", "create", "cli", "--set", f"client_secret={made}", "--set", 'redirect_uris=["https://c.example/cb"]'],
        ["client", "show", "cli"], ["client", "show", "hmac", "--json"], ["client", "list", "--json"],
        ["user", "create", "cli"], ["user", "show", "cli", "--json"], ["keys", "rotate"],
    ]  # fmt: skip
    witness.saw("password", "a-password-typed-at-the-prompt")
    printed = [server.pushgate(*command, input="a-password-typed-at-the-prompt\n") for command in commands]
    assert [done.returncode for done in printed] == [1, 1] + [0] * (len(commands) - 2)
    return "".join(done.stdout + done.stderr for done in printed)


SORTS = SECRET_MEMBERS | {"authorization", "cookie", "interaction", "secret key"}
AT_REST = frozenset({"code_challenge", "id_token_hint", "part of id_token_hint"})
"""Parameters of a request that are kept with it as they are, until it is answered."""


@pytest.mark.requirement("VEN-M-6", "VEN-A-5", "PAR-2.1-9")
async def test_no_secret_is_in_the_log_the_audit_table_or_the_output_of_commands(server: Live) -> None:
    witness = Witness(dict.fromkeys((APP_SECRET, POST_SECRET, HMAC_SECRET), "client_secret"))
    for client_id in ("app", "post", "hmac", "jwt", "spa"):
        await whole_flow(server, witness, client_id)
    await whole_flow(server, witness, "hybrid", response_type="code id_token token")
    await whole_flow(server, witness, "hybrid", response_type="code id_token", response_mode="form_post")
    await every_refusal(server, witness)
    await what_is_not_even_http(server)
    printed = the_command_line(server, witness)
    witness.saw("secret key", (server.folder / "pushgate-data" / "secret.key").read_text().strip())
    assert server.stop() == 0

    log, audit = server.log, audit_rows(server)
    assert set(witness.secrets.values()) >= SORTS, "a sort of secret never occurred"
    assert len(witness.secrets) > 150
    assert witness.found_in(log) == {}
    assert witness.found_in(json.dumps(audit)) == {}
    assert witness.found_in(printed) == {}
    assert len(witness.found_in(log + " ".join(witness.secrets))) == len(witness.secrets), "the search finds nothing"
    everything_was_told(log, audit)
    disk = on_disk(server)
    usable = {secret: sort for secret, sort in witness.secrets.items() if secret.encode() in disk}
    assert {secret: sort for secret, sort in usable.items() if sort not in AT_REST} == {}


def everything_was_told(log: str, audit: list[dict[str, Any]]) -> None:
    """The flows left their events, and each failed push says who, from where and why."""
    events = {json.loads(line)["event"] for line in log.splitlines() if line.startswith("{")}
    assert events >= {
        *("request_pushed", "request_refused", "authorization_started", "login_failed", "login_succeeded"),
        *("consent_given", "authorization_answered", "token_issued", "grant_revoked"),
    }
    failed = [row for row in audit if row["event"] == "request_refused" and row["endpoint"] == "par"]
    assert {row["address"] for row in failed} == {"127.0.0.1"}
    assert {row.get("client_id") for row in failed} >= {"app", "post", "hmac", "jwt", "nobody-knows-this-one"}
    assert {row["refusal"] for row in failed} >= {
        *("client.authentication", "client.basic_malformed", "client.two_methods", "par.request_uri_present"),
        *("assertion.signature", "assertion.aud", "assertion.exp", "assertion.replay", "assertion.malformed"),
        *("assertion.type", "http.content_type", "http.body_size"),
    }


def audit_rows(server: Live) -> list[dict[str, Any]]:
    """The whole audit table."""
    with closing(sqlite3.connect(server.folder / "pushgate-data" / "pushgate.db")) as database, database:
        return [json.loads(row[0]) for row in database.execute("SELECT data FROM audit")]


def on_disk(server: Live) -> bytes:
    """Every byte of the data folder, except the secret key itself."""
    files = [path for path in Path(server.folder / "pushgate-data").iterdir() if path.name != "secret.key"]
    return b"\0".join(path.read_bytes() for path in files)
