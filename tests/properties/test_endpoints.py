"""Whatever is sent to whichever address, the server answers, and in the form that belongs to the address.

Never 5xx (but for 503), never a page or a redirect from an endpoint for machines.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from pushgate.refusals import REFUSALS
from pushgate.testing import Running, running
from pushgate.web.routes import ROUTES
from tests.support.assertions import TYPE, b64, claims, signed
from tests.support.manifests import APP, APP_SECRET, CHALLENGE, MANIFEST, REDIRECT, REQUEST, VERIFIER
from tests.support.raw import Answer, Header, raw
from tests.support.steps import agree, ask, code_for, tokens_for
from tests.support.strategies import json_values, text

PAGES = {"account", "authorize", "login", "consent", "logout", "check_session", "home"}
MACHINES = sorted(path for path, route in ROUTES.items() if route.name not in PAGES)
FOR_PEOPLE = sorted(path for path, route in ROUTES.items() if route.name in PAGES)

RENEW = 10  # requests after which codes and the like are made anew, for some of them were used up
tirelessly = settings(deadline=None, max_examples=40, derandomize=True)


@dataclass(repr=False)
class Prey:
    """A server that answers one request after another, and things of it that are worth sending."""

    runner: asyncio.Runner
    server: Running
    known: dict[str, str] = field(default_factory=dict)
    sent: int = 0

    def send(self, method: str, path: str, query: bytes, headers: list[Header], body: bytes) -> Answer:
        """Send exactly this, past every client that would repair it; `<name>` stands for a thing that is known."""
        if self.sent % RENEW == 0:
            self.known = self.runner.run(worth_sending(self.server))
        self.sent += 1
        for name, value in self.known.items():
            mark, real = f"<{name}>".encode(), value.encode()
            path, query, body = path.replace(f"<{name}>", value), query.replace(mark, real), body.replace(mark, real)
            headers = [(key, found.replace(mark, real)) for key, found in headers]
        return self.runner.run(raw(self.server.app, method, path, query=query, headers=headers, body=body))


@pytest.fixture(scope="module")
def prey() -> Iterator[Prey]:
    """One server for all the requests of this file, on an event loop of its own."""
    with asyncio.Runner() as runner, capture_logs():  # thousands of lines that nobody reads
        stack = AsyncExitStack()
        server = runner.run(stack.enter_async_context(running(MANIFEST, sample_resource=True)))
        try:
            yield Prey(runner, server)
        finally:
            runner.run(stack.aclose())


async def worth_sending(server: Running) -> dict[str, str]:
    """Handles, tokens and cookies that are alive, so that requests get further than the first check."""
    pushed = await server.http.post("/oauth2/par", auth=APP, data=REQUEST)
    signed_in = await agree(await ask(server, REQUEST))
    at_login = await ask(server, REQUEST)
    assert at_login.page is not None
    tokens = await tokens_for(server)
    cookies = {**at_login.http.cookies, **{k: v for k, v in signed_in.http.cookies.items() if "session" in k}}
    return {
        "request_uri": pushed.json()["request_uri"],
        "interaction": at_login.page.url.path.rpartition("/")[2],
        "csrf": dict(at_login.form().fields)["csrf"],
        "code": await code_for(server),
        "cookies": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        "assertion": signed(claims(server, "hmac"), alg="HS256"),
        **{name: tokens[name] for name in ("access_token", "refresh_token", "id_token")},
    }


# --- Requests ------------------------------------------------------------------------------------------------

forged = st.builds(
    lambda header, payload, tail: f"{b64(header)}.{b64(payload)}.{b64(tail)}",
    st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit"]), st.just("ES256") | json_values),
    st.dictionaries(st.sampled_from(["iss", "sub", "aud", "exp", "jti"]), st.just("jwt") | json_values),
    st.binary(max_size=70),
)
VALUES: dict[str, list[str]] = {
    "client_id": ["app", "spa", "jwt", "hybrid", "must-push", "nobody"],
    "client_secret": [APP_SECRET],
    "client_assertion": ["<assertion>", "a.b.c"],
    "client_assertion_type": [TYPE],
    "request_uri": ["<request_uri>", "urn:ietf:params:oauth:request_uri:x", "https://evil.example"],
    "request": ["a.b.c"],
    "response_type": ["code", "id_token", "code id_token", "none"],
    "response_mode": ["query", "fragment", "form_post", "jwt"],
    "redirect_uri": [REDIRECT, "https://hybrid.example/cb", "javascript:x"],
    "scope": ["openid", "openid email", "write", "write other"],
    "state": ["s"],
    "nonce": ["n"],
    "prompt": ["none", "login", "consent", "select_account"],
    "max_age": ["0", "9999999999"],
    "code_challenge": [CHALLENGE],
    "code_challenge_method": ["S256", "plain"],
    "id_token_hint": ["<id_token>", "a.b.c"],
    "login_hint": ["alice"],
    "grant_type": ["authorization_code", "refresh_token", "client_credentials", "implicit"],
    "code": ["<code>", "x"],
    "code_verifier": [VERIFIER],
    "refresh_token": ["<refresh_token>", "x"],
    "access_token": ["<access_token>"],
    "token": ["<access_token>", "<refresh_token>", "<id_token>", "x"],
    "post_logout_redirect_uri": [REDIRECT, "https://evil.example"],
    "csrf": ["<csrf>"],
    "username": ["alice"],
    "password": ["alice-password"],
    "action": ["cancel", "submit"],
    "decision": ["allow", "deny", "switch"],
}
REFERENCE = {"client_id": "app", "request_uri": "<request_uri>"}
SIGN_IN = {"csrf": "<csrf>", "username": "alice", "password": "alice-password"}
GOOD: dict[str, list[dict[str, str]]] = {
    "/oauth2/par": [REQUEST],
    "/oauth2/authorize": [
        REFERENCE,
        {"client_id": "app", **REQUEST},
        {"client_id": "app", **REQUEST, "prompt": "none"},
    ],
    "/oauth2/token": [
        {"grant_type": "authorization_code", "code": "<code>", "redirect_uri": REDIRECT, "code_verifier": VERIFIER},
        {"grant_type": "refresh_token", "refresh_token": "<refresh_token>"},
        {"grant_type": "client_credentials", "scope": "write"},
    ],
    "/oauth2/userinfo": [{"access_token": "<access_token>"}],
    "/oauth2/introspect": [{"token": "<access_token>"}, {"token": "<refresh_token>", "token_type_hint": "x"}],
    "/oauth2/login/": [SIGN_IN, {"csrf": "<csrf>", "action": "cancel"}],
    "/oauth2/consent/": [{"csrf": "<csrf>", "decision": "allow", "scope": "openid"}, {"csrf": "<csrf>"}],
    "/oauth2/revoke": [{"token": "<access_token>"}, {"token": "<refresh_token>"}, {"token": "<id_token>"}],
    "/oauth2/logout": [
        {"csrf": "<csrf>"},
        {"id_token_hint": "<id_token>", "state": "s"},
        {"client_id": "app", "post_logout_redirect_uri": REDIRECT},
    ],
}
"""Forms, or queries, that the endpoint takes."""
odd_fields = st.sampled_from(sorted(VALUES)).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(VALUES[name]) | text | forged)
)


def mostly(likely: st.SearchStrategy[Any], *others: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The first, three times in four."""
    return st.sampled_from([likely] * 3 * len(others) + [*others]).flatmap(lambda chosen: chosen)


def forms(path: str) -> st.SearchStrategy[bytes]:
    """What the endpoint takes, with a few fields changed, left out, sent twice or added."""
    return st.builds(
        lambda good, without, odd, again: urlencode(
            [*{**{name: good[name] for name in good if name != without}, **dict(odd)}.items(), *again], safe="<>"
        ).encode(),
        st.sampled_from(GOOD.get(path, [REQUEST])),
        mostly(st.none(), st.sampled_from(sorted(VALUES))),
        st.lists(odd_fields, max_size=2),
        mostly(st.just([]), st.lists(odd_fields | st.tuples(text, text), max_size=2)),
    )


HUGE = st.sampled_from([b"a=" + b"x" * 70_000, b"&" * 300])


def bodies(path: str) -> st.SearchStrategy[bytes]:
    """Mostly forms, but also anything else."""
    return mostly(forms(path), st.binary(max_size=100), HUGE, json_values.map(b64).map(str.encode))


def queries(path: str) -> st.SearchStrategy[bytes]:
    """Mostly nothing, but a form where the endpoint takes one."""
    likely = forms(path) if path == "/oauth2/authorize" else st.just(b"")
    return mostly(likely, forms(path), st.binary(max_size=30), HUGE)


METHODS = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "get", "X"]
FORM_HEADER = (b"content-type", b"application/x-www-form-urlencoded")
BASIC = (b"authorization", httpx.BasicAuth(*APP)._auth_header.encode())
HEADERS: dict[bytes, list[bytes]] = {
    b"content-type": [
        FORM_HEADER[1] + b"; charset=utf-8",
        b"application/json",
        b"multipart/form-data; boundary=x",
        b"",
    ],
    b"authorization": [BASIC[1], b"Basic", b"Bearer <access_token>", b"Bearer <id_token>", b"Bearer ", b"DPoP x"],
    b"cookie": [b"<cookies>", b"pushgate-browser=x", b"=;;=", b"pushgate-session-default=x"],
    b"accept": [b"text/html", b"application/json", b"*/*"],
    b"origin": [b"https://spa.example", b"null", b"https://evil.example"],
    b"sec-purpose": [b"prefetch", b"prefetch;prerender"],
    b"content-length": [b"0", b"99999999999999999999", b"-1", b"x", b"\xb2", b"9" * 5000],
    b"x-forwarded-for": [b"1.2.3.4", b","],
    b"transfer-encoding": [b"chunked"],
}
odd_headers = st.lists(
    st.sampled_from(sorted(HEADERS)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(HEADERS[name]) | st.binary(max_size=20))
    ),
    max_size=3,
)


def methods(path: str) -> st.SearchStrategy[str]:
    """Mostly those that the endpoint takes."""
    return mostly(st.sampled_from(ROUTES[path].methods), st.sampled_from(METHODS))


def headers(*good: Header) -> st.SearchStrategy[list[Header]]:
    """Mostly these, and perhaps more."""
    return mostly(st.just([*good]), odd_headers.map(lambda odd: [*good, *odd]), odd_headers)


def well_answered(reply: Answer, *, machine: bool) -> None:
    """There is an answer; a refusal says which it is; a machine gets no page and is sent nowhere."""
    assert reply.status < 500 or reply.status == 503, reply.body
    assert "x-request-id" in reply.headers
    kind = reply.headers.get("content-type", "")
    form_again = b"login-submit" in reply.body
    if reply.status >= 400 and not form_again:
        assert reply.headers["pushgate-refusal"] in REFUSALS
    if machine:
        assert "text/html" not in kind
        assert "location" not in reply.headers
        assert not 300 <= reply.status < 400
        if reply.body:
            document = json.loads(reply.body)
            assert kind == "application/json"
            assert reply.status < 400 or document.keys() == {"error", "error_description"}
    else:
        assert kind in ("", "text/html; charset=utf-8", "application/json")
        assert (reply.status == 303) == ("location" in reply.headers)


@pytest.mark.requirement("PAR-2.3-1", "OA-5.2-1")
@pytest.mark.parametrize("path", MACHINES)
def test_endpoints_for_machines(prey: Prey, path: str) -> None:
    @tirelessly
    @given(
        methods(path),
        st.sampled_from(["", "", "/", "//"]),
        queries(path),
        mostly(
            headers(FORM_HEADER, BASIC), headers(FORM_HEADER), headers((b"authorization", b"Bearer <access_token>"))
        ),
        bodies(path),
    )
    def attempt(method: str, ending: str, query: bytes, fields: list[Header], body: bytes) -> None:
        well_answered(prey.send(method, path + ending, query, fields, body), machine=True)

    attempt()


@pytest.mark.parametrize("path", FOR_PEOPLE)
def test_endpoints_for_people(prey: Prey, path: str) -> None:
    @tirelessly
    @given(
        methods(path),
        mostly(st.just("<interaction>"), st.sampled_from(["", "x", "%00"]) | text),
        queries(path),
        headers(FORM_HEADER, (b"cookie", b"<cookies>")),
        bodies(path),
    )
    def attempt(method: str, rest: str, query: bytes, fields: list[Header], body: bytes) -> None:
        below = path + (rest if path.endswith("/") and path != "/" else "")
        well_answered(prey.send(method, below, query, fields, body), machine=False)

    attempt()


@tirelessly
@given(st.sampled_from(METHODS), text, queries("/"), headers(FORM_HEADER), bodies("/"))
def test_any_other_address(prey: Prey, method: str, path: str, query: bytes, fields: list[Header], body: bytes) -> None:
    well_answered(prey.send(method, f"/{path}", query, fields, body), machine=False)


@tirelessly
@given(forged, st.sampled_from(["/oauth2/par", "/oauth2/token"]))
def test_any_forged_assertion(prey: Prey, assertion: str, path: str) -> None:
    body = urlencode({"client_assertion_type": TYPE, "client_assertion": assertion}).encode()
    reply = prey.send("POST", path, b"", [FORM_HEADER], body)
    well_answered(reply, machine=True)
    assert (reply.status, json.loads(reply.body)["error"]) == (401, "invalid_client")


@tirelessly
@given(st.sampled_from(["/oauth2/userinfo", "/resource"]), st.sampled_from(["Bearer", "bearer"]), forged | text)
def test_any_access_token(prey: Prey, path: str, scheme: str, token: str) -> None:
    value = f"{scheme} {token}".encode("latin-1", "replace")
    reply = prey.send("GET", path, b"", [(b"authorization", value)], b"")
    well_answered(reply, machine=True)
    assert reply.status == 401 or (path, reply.status) == ("/resource", 400)
    assert reply.headers["www-authenticate"].startswith("Bearer ")
