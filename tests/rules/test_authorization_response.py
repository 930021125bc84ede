"""Authorization responses: which members, in which carrier, with state and iss; success, denial and failure."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from hashlib import sha256
from typing import Any

import pytest
from structlog.testing import capture_logs

from pushgate.manage.manifest import BadManifest
from pushgate.realm import BadBaseUrl
from pushgate.store.ports import StoreUnavailable
from pushgate.testing import BASE_URL, Running, running
from tests.support.manifests import MANIFEST, REDIRECT, REQUEST
from tests.support.steps import (
    AUTHORIZE,
    HYBRID,
    SPA,
    Request,
    agree,
    answer_in,
    answered,
    ask,
    at,
    but,
    redeem,
    refresh,
    shown,
    stored,
    tokens_for,
    told,
    userinfo,
    verified,
)

ENTRIES = pytest.mark.parametrize("push", [True, False], ids=["pushed", "browser"])

TOKEN = {"access_token", "token_type", "expires_in", "scope"}
MEMBERS: dict[str, set[str]] = {
    "code": {"code"},
    "none": set(),
    "token": TOKEN,
    "id_token": {"id_token"},
    "id_token token": {"id_token", *TOKEN},
    "code id_token": {"code", "id_token"},
    "code token": {"code", *TOKEN},
    "code id_token token": {"code", "id_token", *TOKEN},
}
"""The response types, each with the members that it names."""
IN_QUERY = ("code", "none")
TYPES = pytest.mark.parametrize("response_type", MEMBERS)

WAYS = [(kind, None) for kind in MEMBERS] + [(kind, mode) for kind in MEMBERS for mode in ("fragment", "form_post")]
WAYS += [(kind, "query") for kind in IN_QUERY]
EVERY_WAY = pytest.mark.parametrize(("response_type", "mode"), WAYS)
"""Every response type in every response mode that may carry it; None leaves the mode out."""


def carrier(response_type: str, mode: str | None) -> str:
    """Where the response has to be."""
    return mode or ("query" if response_type in IN_QUERY else "fragment")


def half_hash(value: str) -> str:
    """at_hash and c_hash for RS256, computed apart from the product."""
    return urlsafe_b64encode(sha256(value.encode()).digest()[:16]).rstrip(b"=").decode()


# --- Success ------------------------------------------------------------------------------------------


@pytest.mark.requirement(
    "MRT-2.1-1", "MRT-2.1-2", "MRT-4-1", "MRT-5-1", "ISS-2-1", "OA-4.2.2-1", "OIDC-3.2.2.5-1", "OIDC-3.3.2.5-1",
)  # fmt: skip
@ENTRIES
@EVERY_WAY
async def test_the_response_has_exactly_the_members_that_its_type_names(
    server: Running, push: bool, response_type: str, mode: str | None
) -> None:
    request = but(HYBRID, response_type=response_type, response_mode=mode)
    browser = await answered(server, request, "hybrid", push=push)
    answer = answer_in(browser, carrier(response_type, mode), request["redirect_uri"])
    assert answer.keys() == MEMBERS[response_type] | {"state", "iss"}
    assert (answer["state"], answer["iss"]) == (request["state"], BASE_URL)
    if "token" in response_type.split():
        assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("Bearer", "600", "openid email")
        assert (await userinfo(server, answer["access_token"])).status_code == 200
    if "code" in answer:
        assert (await redeem(server, answer["code"], "hybrid")).status_code == 200


@pytest.mark.requirement("OA-4.2.2-1")
@ENTRIES
async def test_an_implicit_response_without_openid(server: Running, push: bool) -> None:
    request = but(HYBRID, response_type="token", scope="write", state=None)
    browser = await answered(server, request, "hybrid", push=push)
    answer = answer_in(browser, "fragment", request["redirect_uri"])
    assert answer.keys() == TOKEN | {"iss"}
    claims = await verified(server, answer["access_token"], "ES256")
    assert (claims["scope"], claims["aud"]) == ("write", "https://api.example")


@pytest.mark.requirement("MRT-4-1")
@ENTRIES
async def test_none_gives_nothing_but_asks_the_user_all_the_same(server: Running, push: bool) -> None:
    browser = await ask(server, but(HYBRID, response_type="none"), "hybrid", push=push)
    assert at(browser, "login")
    await browser.sign_in()
    assert at(browser, "consent")
    await browser.allow()
    assert answer_in(browser, "query", HYBRID["redirect_uri"]).keys() == {"state", "iss"}
    assert stored(server, "code") == 0


@pytest.mark.requirement("OIDC-2-1", "OIDC-3.2.2.10-1", "OIDC-3.3.2.11-1", "ISS-2.4-1")
@ENTRIES
@pytest.mark.parametrize("response_type", [kind for kind in MEMBERS if "id_token" in kind.split()])
async def test_the_id_token_binds_what_is_issued_beside_it(server: Running, push: bool, response_type: str) -> None:
    request = but(HYBRID, response_type=response_type)
    browser = await answered(server, request, "hybrid", push=push)
    answer = answer_in(browser, "fragment", request["redirect_uri"])
    claims = await verified(server, answer["id_token"])
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (answer["iss"], "hybrid", request["nonce"])
    assert claims.get("c_hash") == (half_hash(answer["code"]) if "code" in answer else None)
    assert claims.get("at_hash") == (half_hash(answer["access_token"]) if "access_token" in answer else None)


@pytest.mark.requirement("OIDC-3.3.3.6-1")
@ENTRIES
@pytest.mark.parametrize("response_type", ["code id_token", "code id_token token"])
async def test_both_id_tokens_of_a_hybrid_flow_agree(server: Running, push: bool, response_type: str) -> None:
    request = but(HYBRID, response_type=response_type)
    browser = await answered(server, request, "hybrid", push=push)
    server.clock.advance(20)
    first = await verified(server, browser.answer["id_token"])
    tokens = (await redeem(server, browser.answer["code"], "hybrid")).json()
    second = await verified(server, tokens["id_token"])
    same = ("iss", "sub", "aud", "nonce", "auth_time", "amr", "sid")
    assert {name: first[name] for name in same} == {name: second[name] for name in same}


@pytest.mark.requirement("OIDC-5.4-1")
@pytest.mark.parametrize("response_type", ["id_token", "id_token token", "code id_token"])
async def test_claims_are_in_the_id_token_only_where_there_is_no_access_token(
    server: Running, response_type: str
) -> None:
    request = but(HYBRID, response_type=response_type)
    claims = await verified(server, (await answered(server, request, "hybrid")).answer["id_token"])
    assert claims.get("email") == ("alice@example.com" if response_type == "id_token" else None)
    # `profile` was not granted.
    assert "name" not in claims


@pytest.mark.requirement("OA-4.2.2-1")
async def test_no_refresh_token_comes_without_a_code(server: Running) -> None:
    browser = await answered(server, but(HYBRID, response_type="id_token token"), "hybrid")
    assert "refresh_token" not in browser.answer
    tokens = await tokens_for(server, but(HYBRID, response_type="code id_token"), "hybrid")
    assert (await refresh(server, tokens["refresh_token"], "hybrid")).status_code == 200


# --- State ----------------------------------------------------------------------------------------------

STATES = {
    "long": "s" * 1000,
    "very long": "0123456789" * 400,
    "percent": "%",
    "encoded": "a%20b%2Fc%zz",
    "separators": "&a=b;c=d#e?f/g:h@i!$'()*,",
    "plus and space": " a + b ",
    "unicode": "Zürich – 東京 – 🗝",
    "long unicode": "ключ" * 300,
    "markup": "\"'><script>alert(1)</script><!--",
    "template": "{{ 7 * 7 }}{% raw %}${7}",
    "entities": "&amp;&lt;&#39;&nbsp",
    "json": '{"a": ["b", null], "c": "\\u0000"}',
    "url": "https://evil.example/?state=x#y",
    "tab": "a\tb",
    "zero": "0",
    "null": "null",
}


@pytest.mark.requirement("OA-4.1.2-4", "MRT-5-1")
@ENTRIES
@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
async def test_state_comes_back_unchanged(server: Running, push: bool, mode: str, state: str) -> None:
    request = but(REQUEST, state=state, response_mode=mode)
    browser = await answered(server, request, push=push)
    assert answer_in(browser, mode, REDIRECT)["state"] == state
    # And with an error.
    failed = await ask(server, but(request, prompt="none"), push=push)
    told(failed, request, "login_required", "authorize.login_required", carrier=mode)


@pytest.mark.requirement("OA-4.1.2-4")
@pytest.mark.parametrize("mode", ["query", "fragment"])
@pytest.mark.parametrize("state", ["a\r\nb", "\0", "\x7f", "\u2028"])
async def test_state_with_control_characters_breaks_no_header(server: Running, mode: str, state: str) -> None:
    browser = await answered(server, but(REQUEST, state=state, response_mode=mode))
    assert answer_in(browser, mode, REDIRECT)["state"] == state
    assert browser.landed is not None
    assert browser.landed.isprintable()


@pytest.mark.requirement("OA-4.1.2-4", "MRT-5-1")
@EVERY_WAY
async def test_state_is_absent_if_it_was_absent(server: Running, response_type: str, mode: str | None) -> None:
    request = but(HYBRID, response_type=response_type, response_mode=mode, state=None)
    browser = await answered(server, request, "hybrid")
    answer = answer_in(browser, carrier(response_type, mode), request["redirect_uri"])
    assert answer.keys() == MEMBERS[response_type] | {"iss"}
    failed = await ask(server, but(request, prompt="none"), "hybrid")
    told(failed, request, "login_required", "authorize.login_required", carrier=carrier(response_type, mode))


# --- Form post --------------------------------------------------------------------------------------------


@pytest.mark.requirement("FP-2-1", "FP-2-2", "FP-2-3")
@ENTRIES
async def test_a_form_post_is_a_page_that_posts_the_response_and_nothing_else(server: Running, push: bool) -> None:
    uri = "https://form.example/cb?a=%22&b=1"
    manifest = MANIFEST.replace("https://app.example/callback", uri)
    await server.apply(manifest)
    request = but(REQUEST, redirect_uri=uri, response_mode="form_post", state="\"'><script>x</script>")
    browser = await ask(server, request, push=push)
    await browser.sign_in()
    form = browser.form()
    data = dict(form.fields) | {"decision": "allow"}
    reply = await browser.http.post(form.action, data=data)
    assert reply.status_code == 200
    assert "location" not in reply.headers
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["cache-control"] == "no-cache, no-store"
    assert "<script>x" not in reply.text
    browser.page = reply
    sent = browser.form()
    assert (sent.action, dict(sent.fields).keys()) == (uri, {"code", "state", "iss"})
    assert dict(sent.fields)["state"] == request["state"]
    # The button works without script, and adds no field of its own.
    assert sent.buttons == {"form-post-continue": ("", "")}
    assert 'method="post"' in reply.text


@pytest.mark.requirement("FP-2-1", "ISS-2-2")
@ENTRIES
async def test_an_error_is_posted_too(server: Running, push: bool) -> None:
    request = but(REQUEST, response_mode="form_post", prompt="none")
    browser = await ask(server, request, push=push)
    told(browser, request, "login_required", "authorize.login_required", carrier="form_post")


@pytest.mark.requirement("FP-2-3")
async def test_the_script_of_the_form_post_page_is_the_only_one_that_its_policy_lets_run(server: Running) -> None:
    request = but(REQUEST, response_mode="form_post", prompt="none")
    nonces = set()
    for _ in range(2):
        page = (await ask(server, request)).page
        assert page is not None
        policy = dict(part.strip().partition(" ")[::2] for part in page.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        nonce = policy["script-src"].removeprefix("'nonce-").removesuffix("'")
        assert page.text.count("<script") == page.text.count(f'<script nonce="{nonce}">') == 1
        # Nothing that would keep the form from leaving for the client.
        assert "form-action" not in policy
        nonces.add(nonce)
    assert len(nonces) == 2


# --- Denial -----------------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-4.1.2.1-1", "ISS-2-2", "OA-4.2.2.1-1", "OIDC-3.3.2.5-1", "MRT-5-1")
@EVERY_WAY
@pytest.mark.parametrize("page", ["login", "consent"])
async def test_who_cancels_or_denies_is_sent_back_with_access_denied(
    server: Running, response_type: str, mode: str | None, page: str
) -> None:
    request = but(HYBRID, response_type=response_type, response_mode=mode)
    browser = await ask(server, request, "hybrid", push=True)
    if page == "login":
        await browser.submit("login-cancel")
    else:
        await browser.sign_in()
        await browser.deny()
    told(browser, request, "access_denied", "authorize.denied", carrier=carrier(response_type, mode))
    assert stored(server, "code") == 0
    assert [row["refusal"] for row in await server.audit("authorization_answered")] == ["authorize.denied"]


@pytest.mark.requirement("OA-3.3-2")
@ENTRIES
async def test_a_user_may_allow_less_and_the_client_is_told(server: Running, push: bool) -> None:
    browser = await ask(server, but(REQUEST, scope="openid email write"), push=push)
    await browser.sign_in()
    await browser.submit("consent-allow", scope=["openid", "write"])
    tokens = (await redeem(server, browser.answer["code"])).json()
    assert tokens["scope"] == "openid write"
    assert (await verified(server, tokens["access_token"], "ES256"))["scope"] == "openid write"
    assert (await userinfo(server, tokens["access_token"])).json().keys() == {"sub"}
    assert (await refresh(server, tokens["refresh_token"])).json()["scope"] == "openid write"


@pytest.mark.requirement("OA-3.3-2")
async def test_an_implicit_response_says_what_the_user_left_of_the_scope(server: Running) -> None:
    browser = await ask(server, but(HYBRID, response_type="token", scope="openid email write"), "hybrid")
    await browser.sign_in()
    await browser.submit("consent-allow", scope=["openid", "write"])
    assert answer_in(browser, "fragment", HYBRID["redirect_uri"])["scope"] == "openid write"


async def test_a_form_cannot_add_what_the_client_did_not_ask_for(server: Running) -> None:
    browser = await ask(server, but(REQUEST, scope="openid email"))
    await browser.sign_in()
    await browser.submit("consent-allow", scope=["openid", "email", "write", "profile"])
    assert (await redeem(server, browser.answer["code"])).json()["scope"] == "openid email"


async def test_allowing_nothing_at_all_is_a_denial(server: Running) -> None:
    request = but(REQUEST, scope="write read")
    browser = await ask(server, request)
    await browser.sign_in()
    await browser.submit("consent-allow", scope=["profile"])
    told(browser, request, "access_denied", "authorize.denied")


# --- Errors before anybody signs in ------------------------------------------------------------------------


@pytest.mark.requirement("OA-4.2.2.1-1", "OIDC-3.3.2.5-1", "ISS-2-2", "MRT-5-1")
@EVERY_WAY
async def test_a_bad_scope_is_reported_in_the_carrier_of_the_response(
    server: Running, response_type: str, mode: str | None
) -> None:
    request = but(HYBRID, response_type=response_type, response_mode=mode, scope="unknown")
    browser = await ask(server, request, "hybrid")
    told(browser, request, "invalid_scope", "request.scope_not_allowed", carrier=carrier(response_type, mode))
    assert stored(server) == 0


# --- Our own failures ----------------------------------------------------------------------------------------

FAULTS = {"temporarily_unavailable": "store_unavailable", "server_error": "fault"}
BESIDE = "audit_lost"  # of no request: rows of the one before, written while the database is broken
Failure = Callable[..., Awaitable[Any]]
FAILURES = pytest.mark.parametrize(
    ("problem", "error", "refusal"),
    [
        (StoreUnavailable("disk full"), "temporarily_unavailable", "http.unavailable"),
        (RuntimeError("a bug"), "server_error", "http.server_error"),
    ],
    ids=["outage", "bug"],
)


Log = list[MutableMapping[str, Any]]


@pytest.fixture
def log() -> Iterator[Log]:
    """The log instead of its output: rendering a traceback for people takes seconds."""
    with capture_logs() as lines:
        yield lines


def faults(log: Log) -> list[str]:
    """What the operator finds about our own failures; each names the request it happened in."""
    found = [line for line in log if line["log_level"] == "error"]
    assert all(line["exc_info"] for line in found)
    ours = [line for line in found if line["event"] != BESIDE]
    assert all(line["request_id"] for line in ours)
    return [line["event"] for line in ours]


def failing(problem: Exception) -> Failure:
    """Something that breaks."""

    async def fail(*args: object, **kwargs: object) -> None:
        raise problem

    return fail


def breaking(server: Running, monkeypatch: pytest.MonkeyPatch, method: str, kind: str, problem: Exception) -> None:
    """From now on the transient store cannot do this with rows of this kind."""
    working = getattr(server.transient, method)

    async def sometimes(asked: str, *args: Any) -> Any:
        if asked == kind:
            raise problem
        return await working(asked, *args)

    monkeypatch.setattr(server.transient, method, sometimes)


@pytest.mark.requirement("OA-4.1.2.1-3", "ISS-2-2")
@FAILURES
@pytest.mark.parametrize("kind", ["par", "interaction"])
@pytest.mark.parametrize("mode", ["query", "form_post"])
async def test_a_failure_when_the_request_is_kept_is_told_to_the_client(
    server: Running,
    monkeypatch: pytest.MonkeyPatch,
    log: Log,
    problem: Exception,
    error: str,
    refusal: str,
    kind: str,
    mode: str,
) -> None:
    request = but(REQUEST, response_mode=mode)
    breaking(server, monkeypatch, "add", kind, problem)
    told(await ask(server, request), request, error, refusal, carrier=mode)
    assert faults(log) == [FAULTS[error]]
    monkeypatch.undo()
    assert "code" in (await answered(server, request)).answer


@pytest.mark.requirement("OA-4.1.2.1-3")
@FAILURES
@pytest.mark.parametrize("push", [True, False], ids=["pushed", "browser"])
async def test_a_failure_at_login_is_told_to_the_client_and_can_be_tried_again(
    server: Running, monkeypatch: pytest.MonkeyPatch, log: Log, problem: Exception, error: str, refusal: str, push: bool
) -> None:
    for owner, method in ((server.server.services.directory, "verify"), (server.engine, "write")):
        browser = await ask(server, REQUEST, push=push)
        page = browser.page
        monkeypatch.setattr(owner, method, failing(problem))
        await browser.sign_in()
        told(browser, REQUEST, error, refusal)
        assert set(faults(log)) == {FAULTS[error]}
        monkeypatch.undo()
        browser.page = page
        await agree(browser)
        assert "code" in browser.answer


@pytest.mark.requirement("OA-4.1.2.1-3")
@FAILURES
@pytest.mark.parametrize("button", ["consent-allow", "consent-deny"])
async def test_a_failure_at_consent_is_told_to_the_client_and_nothing_is_issued(
    server: Running,
    monkeypatch: pytest.MonkeyPatch,
    log: Log,
    problem: Exception,
    error: str,
    refusal: str,
    button: str,
) -> None:
    browser = await ask(server, REQUEST)
    await browser.sign_in()
    page = browser.page
    breaking(server, monkeypatch, "consume", "par", problem)
    await browser.submit(button)
    told(browser, REQUEST, error, refusal)
    assert faults(log) == [FAULTS[error]]
    assert stored(server, "code") == 0
    # Nothing was decided, so the same page works once the store is back.
    monkeypatch.undo()
    browser.page = page
    await browser.submit(button)
    assert ("code" in browser.answer) is (button == "consent-allow")


@pytest.mark.requirement("OA-4.1.2.1-3")
@FAILURES
async def test_a_failure_between_consuming_and_issuing_loses_the_login_and_nothing_else(
    server: Running, monkeypatch: pytest.MonkeyPatch, log: Log, problem: Exception, error: str, refusal: str
) -> None:
    browser = await ask(server, REQUEST, push=True)
    await browser.sign_in()
    page = browser.page
    breaking(server, monkeypatch, "add", "code", problem)
    await browser.allow()
    told(browser, REQUEST, error, refusal)
    assert faults(log) == [FAULTS[error]]
    monkeypatch.undo()
    browser.page = page
    await browser.allow()
    shown(browser.page, 400, "invalid_request_uri", "authorize.request_uri_used")
    assert stored(server, "code") == 0


@pytest.mark.requirement("OA-4.1.2.1-3")
@FAILURES
@pytest.mark.parametrize("response_type", ["id_token token", "code id_token token"])
async def test_a_failure_of_a_front_channel_flow_travels_in_the_fragment(
    server: Running,
    monkeypatch: pytest.MonkeyPatch,
    log: Log,
    problem: Exception,
    error: str,
    refusal: str,
    response_type: str,
) -> None:
    request = but(HYBRID, response_type=response_type)
    browser = await ask(server, request, "hybrid")
    await browser.sign_in()
    monkeypatch.setattr(server.engine, "write", failing(problem))
    await browser.allow()
    told(browser, request, error, refusal, carrier="fragment")
    assert faults(log) == [FAULTS[error]]


@FAILURES
async def test_a_failure_before_the_redirect_uri_is_known_stays_on_a_page(
    server: Running, monkeypatch: pytest.MonkeyPatch, log: Log, problem: Exception, error: str, refusal: str
) -> None:
    browser = await ask(server, REQUEST, push=True)
    monkeypatch.setattr(server.transient, "get", failing(problem))
    await browser.sign_in()
    status = 503 if error == "temporarily_unavailable" else 500
    shown(browser.page, status, error, refusal)
    assert faults(log) == [FAULTS[error]]


# --- iss ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("ISS-2-3")
@pytest.mark.parametrize(
    "base_url",
    ["https://as.example?x", "https://as.example/?", "https://as.example/a#f", "https://as.example#", "http://as.example",
     "https://u@as.example", "as.example", "ftp://as.example", "https://"],
)  # fmt: skip
async def test_what_cannot_be_an_issuer_is_refused_at_start(base_url: str) -> None:
    with pytest.raises(BadBaseUrl):
        async with running(MANIFEST, base_url=base_url):
            pass


@pytest.mark.requirement("ISS-2.3-1", "ISS-2-3", "META-9207-1")
@pytest.mark.parametrize(
    ("base_url", "issuer"),
    [
        ("https://as.example", "https://as.example"),
        ("https://as.example/", "https://as.example"),
        ("https://as.example/some/path/", "https://as.example/some/path"),
        ("https://as.example:8443", "https://as.example:8443"),
    ],
)
async def test_iss_is_the_issuer_of_the_metadata_character_for_character(base_url: str, issuer: str) -> None:
    async with running(MANIFEST, base_url=base_url) as server:
        metadata = (await server.http.get(f"{issuer}/.well-known/openid-configuration")).json()
        assert (metadata["issuer"], metadata["authorization_response_iss_parameter_supported"]) == (issuer, True)
        browser = server.browser()
        await browser.open(metadata["authorization_endpoint"], params={"client_id": "app", **REQUEST})
        await agree(browser)
        assert answer_in(browser, "query", REDIRECT)["iss"] == issuer


@pytest.mark.requirement("ISS-2-1", "ISS-2-2", "ISS-2.3-1")
async def test_each_realm_answers_with_its_own_iss(server: Running) -> None:
    await server.apply(MANIFEST.replace("name: default", "name: other"))
    issuer = f"{BASE_URL}/realms/other"
    metadata = (await server.http.get(f"{issuer}/.well-known/openid-configuration")).json()
    browser = await server.browser().open(metadata["authorization_endpoint"], params={"client_id": "app", **REQUEST})
    await browser.sign_in()
    await browser.deny()
    assert (browser.answer["iss"], browser.answer["error"]) == (issuer, "access_denied")
    assert metadata["issuer"] == issuer


# --- How the browser is sent -----------------------------------------------------------------------------------


@pytest.mark.requirement("BCP-4.12-1")
async def test_after_a_form_the_browser_is_sent_on_with_303(server: Running) -> None:
    browser = await ask(server, REQUEST)
    seen = []
    for button, values in (
        ("login-submit", {"username": "alice", "password": "alice-password"}),
        ("consent-allow", {}),
    ):
        form = browser.form()
        name, value = form.buttons[button]
        reply = await browser.http.post(
            form.action, data={**dict(form.fields), **values, **({name: value} if name else {})}
        )
        seen.append(reply.status_code)
        await browser._follow(reply)
    reply = await server.http.post(AUTHORIZE, data={"client_id": "app", **REQUEST})
    assert [*seen, reply.status_code] == [303, 303, 303]


@pytest.mark.requirement("OA-5.1-2")
async def test_a_response_with_a_code_is_kept_by_nobody_and_has_no_body(server: Running) -> None:
    browser = await answered(server)
    reply = await browser.http.get(AUTHORIZE, params={"client_id": "app", **REQUEST})
    assert (reply.status_code, reply.content) == (303, b"")
    assert "no-store" in reply.headers["cache-control"]
    assert reply.headers["pragma"] == "no-cache"
    assert reply.headers["referrer-policy"] == "no-referrer"


async def test_one_request_has_one_answer(server: Running) -> None:
    browser = await ask(server, REQUEST, push=True)
    url = str(browser.page.url) if browser.page else ""
    await agree(browser)
    assert "code" in browser.answer
    for again in (browser, server.browser()):
        reply = await again.http.get(url)
        if again is browser:
            shown(reply, 400, "invalid_request_uri", "authorize.request_uri_used")
        else:
            shown(reply, 403, "access_denied", "login.other_browser")


@pytest.mark.parametrize("bad", ["id_token foo", "Code", "token code foo"])
async def test_a_response_type_that_is_not_there_cannot_be_registered(server: Running, bad: str) -> None:
    manifest = MANIFEST.replace("response_types: [code, token,", f"response_types: [{bad}, token,")
    with pytest.raises(BadManifest, match="response_types"):
        await server.apply(manifest)


async def test_a_public_client_gets_its_answer_like_any_other(server: Running) -> None:
    request: Request = SPA
    answer = answer_in(await answered(server, request, "spa", push=True), "query", request["redirect_uri"])
    assert answer.keys() == {"code", "state", "iss"}
