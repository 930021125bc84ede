"""What cannot be pushed: each refusal by itself, the order between two, and the form that all of them have."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pushgate import refusals
from pushgate.testing import Running
from tests.support import steps
from tests.support.manifests import APP, APP_SECRET, REQUEST

URN = "urn:ietf:params:oauth:request_uri:"
FOREVER = 2**40
OF_THE_USER = {
    "login_required",
    "consent_required",
    "interaction_required",
    "account_selection_required",
    "access_denied",
}
"""Error codes that come from a person (RFC 9126 2.3)."""


async def push(server: Running, auth: tuple[str, str] | None = APP, **changes: str | None) -> httpx.Response:
    """Push the request of `app` with changes; None leaves a parameter out."""
    data = {name: value for name, value in (REQUEST | changes).items() if value is not None}
    return await server.http.post("/oauth2/par", auth=auth, data=data)


async def refused(server: Running, reply: httpx.Response, status: int, code: str, refusal: str) -> None:
    """The reply says so, and nothing was stored."""
    steps.refused(reply, status, code, refusal)
    assert await server.transient.purge(FOREVER) == 0


@pytest.mark.requirement("PAR-2.1-2")
@pytest.mark.parametrize("request_uri", [URN + "a" * 43, "https://app.example/request.jwt", "x", " "])
async def test_a_request_uri_cannot_be_pushed(server: Running, request_uri: str) -> None:
    reply = await push(server, request_uri=request_uri)
    await refused(server, reply, 400, "invalid_request", "par.request_uri_present")


@pytest.mark.requirement("PAR-2.1-2")
async def test_a_request_uri_just_issued_to_the_client_cannot_be_pushed(server: Running) -> None:
    issued = (await push(server)).json()["request_uri"]
    reply = await push(server, request_uri=issued)
    steps.refused(reply, 400, "invalid_request", "par.request_uri_present")
    assert await server.transient.purge(FOREVER) == 1  # the first push, nothing else


@pytest.mark.requirement("PAR-2.1-2")
async def test_an_empty_request_uri_counts_as_absent(server: Running) -> None:
    assert (await push(server, request_uri="")).status_code == 201


@pytest.mark.requirement("PAR-2.1-6")
@pytest.mark.parametrize(
    ("scope", "refusal"),
    [
        ("openid phone", "request.scope_not_allowed"),  # known here, not registered for the client
        ("address", "request.scope_not_allowed"),
        ("nobody-knows-this", "request.scope_not_allowed"),
        ("write admin", "request.scope_not_allowed"),
        ("OPENID", "request.scope_not_allowed"),
        ('openid "email"', "request.scope_malformed"),
        ("openid  email", "request.scope_malformed"),
        ("openid\temail", "request.scope_malformed"),
        ("openid é", "request.scope_malformed"),
        ("write other", "request.scope_mixed_resources"),
        (None, "request.scope_missing"),
    ],
)
async def test_a_scope_the_client_may_not_have_is_refused(server: Running, scope: str | None, refusal: str) -> None:
    await refused(server, await push(server, scope=scope), 400, "invalid_scope", refusal)


@pytest.mark.requirement("PAR-2.1-7")
@pytest.mark.parametrize(
    ("response_type", "code", "refusal"),
    [
        (None, "invalid_request", "request.response_type_missing"),
        ("", "invalid_request", "request.response_type_missing"),
        ("nonsense", "unsupported_response_type", "request.response_type_unsupported"),
        ("CODE", "unsupported_response_type", "request.response_type_unsupported"),
        ("code code", "unsupported_response_type", "request.response_type_unsupported"),
        ("code nonsense", "unsupported_response_type", "request.response_type_unsupported"),
        ("token", "unauthorized_client", "request.response_type_unauthorized"),
        ("id_token code", "unauthorized_client", "request.response_type_unauthorized"),
    ],
)
async def test_a_response_type_has_to_be_there_known_and_registered(
    server: Running, response_type: str | None, code: str, refusal: str
) -> None:
    await refused(server, await push(server, response_type=response_type), 400, code, refusal)


@pytest.mark.requirement("PAR-2.3-3")
@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "none"},
        {"prompt": "login"},
        {"prompt": "consent"},
        {"prompt": "select_account"},
        {"max_age": "0"},
        {"id_token_hint": "not.an.id-token"},
        {"login_hint": "somebody-unknown"},
    ],
    ids=lambda changes: "{}={}".format(*next(iter(changes.items()))),
)
async def test_what_needs_the_user_is_no_matter_for_a_push(server: Running, changes: dict[str, str]) -> None:
    assert (await push(server, **changes)).status_code == 201


@pytest.mark.requirement("PAR-2.3-3")
async def test_the_error_of_prompt_none_appears_in_the_browser(server: Running) -> None:
    pushed = await push(server, prompt="none")
    assert pushed.status_code == 201
    browser = server.browser()
    params = {"client_id": "app", "request_uri": pushed.json()["request_uri"]}
    await browser.open("/oauth2/authorize", params=params)
    steps.told(browser, REQUEST, "login_required", "authorize.login_required")


@pytest.mark.requirement("PAR-2.3-3")
async def test_even_a_realm_without_par_says_so_with_a_code_of_the_client(server: Running) -> None:
    await server.apply("realms: [{name: default, pushed_authorization_requests: {supported: false}}]")
    reply = await push(server)
    assert (reply.status_code, reply.headers["pushgate-refusal"]) == (403, "par.off")
    assert reply.json()["error"] not in OF_THE_USER
    assert await server.transient.purge(FOREVER) == 0


WRONG = "wrong-secret-of-at-least-22-characters"
LAYERS: list[tuple[dict[str, str | None], dict[str, Any], int, str, str]] = [
    ({}, {"auth": ("app", WRONG)}, 401, "invalid_client", "client.authentication"),
    ({"request_uri": "x"}, {}, 400, "invalid_request", "par.request_uri_present"),
    ({"redirect_uri": "https://evil.example/"}, {}, 400, "invalid_request", "request.redirect_uri_mismatch"),
    ({"max_age": "soon"}, {}, 400, "invalid_request", "request.max_age"),
    ({"response_type": None}, {}, 400, "invalid_request", "request.response_type_missing"),
    ({"scope": "admin"}, {}, 400, "invalid_scope", "request.scope_not_allowed"),
    ({"nonce": "n" * 1001}, {}, 400, "invalid_request", "request.value_too_long"),
    ({"code_challenge": "short"}, {}, 400, "invalid_request", "request.code_challenge_malformed"),
    ({"prompt": "none login"}, {}, 400, "invalid_request", "request.prompt_none_combined"),
]
"""One mistake of each kind, in the order in which they are reported."""


@pytest.mark.requirement("VEN-P-10")
@pytest.mark.parametrize("first", range(len(LAYERS)))
async def test_of_several_mistakes_the_first_in_the_order_of_the_rules_is_reported(server: Running, first: int) -> None:
    changes: dict[str, str | None] = {}
    how: dict[str, Any] = {}
    for layer in LAYERS[first:]:
        changes |= layer[0]
        how |= layer[1]
    await refused(server, await push(server, **how, **changes), *LAYERS[first][2:])


@pytest.mark.requirement("VEN-P-10", "PAR-2.1-3")
async def test_a_repeated_parameter_is_reported_after_the_client(server: Running) -> None:
    body = "&".join([*(f"{name}={value}" for name, value in REQUEST.items()), "scope=openid"])
    headers = {"content-type": "application/x-www-form-urlencoded"}
    reply = await server.http.post("/oauth2/par", auth=("app", WRONG), content=body, headers=headers)
    await refused(server, reply, 401, "invalid_client", "client.authentication")
    reply = await server.http.post("/oauth2/par", auth=APP, content=body, headers=headers)
    await refused(server, reply, 400, "invalid_request", "http.repeated_parameter")


REFUSED: dict[str, dict[str, Any]] = {
    "client": {"auth": ("app", WRONG), "data": REQUEST},
    "no client": {"data": REQUEST},
    "two methods": {"auth": APP, "data": REQUEST | {"client_secret": APP_SECRET}},
    "request_uri": {"auth": APP, "data": REQUEST | {"request_uri": "x"}},
    "request object": {"auth": APP, "data": REQUEST | {"request": "a.b.c"}},
    "redirect_uri": {"auth": APP, "data": REQUEST | {"redirect_uri": "https://evil.example/"}},
    "response_type": {"auth": APP, "data": REQUEST | {"response_type": "x"}},
    "response_mode": {"auth": APP, "data": REQUEST | {"response_mode": "x"}},
    "scope": {"auth": APP, "data": REQUEST | {"scope": "x"}},
    "pkce": {"auth": APP, "data": REQUEST | {"code_challenge": "x"}},
    "prompt": {"auth": APP, "data": REQUEST | {"prompt": "none login"}},
    "json": {"auth": APP, "json": REQUEST},
    "form": {"auth": APP, "content": b"scope=%ff", "headers": {"content-type": "application/x-www-form-urlencoded"}},
    "size": {"auth": APP, "data": {"x": "x" * 70_000}},
}


@pytest.mark.requirement("PAR-2.3-1")
@pytest.mark.parametrize("accept", ["*/*", "text/html"])
@pytest.mark.parametrize("case", REFUSED)
async def test_a_refusal_is_json_uncacheable_and_never_a_redirect(server: Running, case: str, accept: str) -> None:
    how = REFUSED[case]
    headers = {"accept": accept} | how.get("headers", {})
    reply = await server.http.post("/oauth2/par", **how | {"headers": headers})
    refusal = refusals.REFUSALS[reply.headers["pushgate-refusal"]]
    expected = refusal.status or refusal.error.default_status
    assert reply.status_code == expected >= 400
    assert reply.headers["content-type"] == "application/json"
    assert "no-store" in reply.headers["cache-control"]
    assert "location" not in reply.headers
    assert reply.json().keys() == {"error", "error_description"}
    assert reply.json()["error"] == refusal.error.code
    # RFC 6749 5.2: printable ASCII without quote and backslash
    assert all(" " <= char <= "~" and char not in '"\\' for char in reply.json()["error_description"])
    assert reply.json()["error_description"]
    assert await server.transient.purge(FOREVER) == 0
