"""Using a request_uri at the authorization endpoint: alive, dead, foreign, beside other parameters, or missing."""

from __future__ import annotations

import pytest

from pushgate.testing import Browser, Running
from tests.support.manifests import APP, APP_SECRET, REDIRECT, REQUEST, VERIFIER
from tests.support.steps import shown, told

URN = "urn:ietf:params:oauth:request_uri:"
UNKNOWN = URN + "A" * 43
FOREVER = 2**40
MUST_PUSH = REQUEST | {"client_id": "must-push", "redirect_uri": "https://must-push.example/cb", "scope": "openid"}


async def push(server: Running, auth: tuple[str, str] = APP, **changes: str) -> str:
    reply = await server.http.post("/oauth2/par", auth=auth, data=REQUEST | changes)
    assert reply.status_code == 201
    return str(reply.json()["request_uri"])


async def visit(browser: Browser, request_uri: str, **more: str) -> Browser:
    return await browser.open("/oauth2/authorize", params={"client_id": "app", "request_uri": request_uri} | more)


async def finish(browser: Browser) -> None:
    """Sign in and allow, as far as that is asked for."""
    for button in (browser.sign_in, browser.allow):
        if browser.landed is None:
            await button()
    assert browser.answer["code"]


@pytest.mark.requirement("PAR-4-1")
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_client_id_and_request_uri_are_all_it_takes(server: Running, method: str) -> None:
    form = {"client_id": "app", "request_uri": await push(server)}
    browser = server.browser()
    if method == "GET":
        await browser.open("/oauth2/authorize", params=form)
    else:
        reply = await browser.http.post("/oauth2/authorize", data=form)
        await browser.open(reply.headers["location"])
    await finish(browser)
    assert browser.answer.keys() == {"code", "state", "iss"}
    form = {"grant_type": "authorization_code", "code": browser.answer["code"], "redirect_uri": REDIRECT}
    tokens = await server.http.post("/oauth2/token", auth=APP, data=form | {"code_verifier": VERIFIER})
    assert tokens.json()["scope"] == REQUEST["scope"]


@pytest.mark.requirement("PAR-4-2")
@pytest.mark.parametrize("who", ["the same browser", "another browser"])
@pytest.mark.parametrize("outcome", ["success", "consent denied", "login cancelled", "login_required"])
async def test_an_answered_request_uri_is_dead(server: Running, outcome: str, who: str) -> None:
    request_uri = await push(server, **({"prompt": "none"} if outcome == "login_required" else {}))
    browser = await visit(server.browser(), request_uri)
    if outcome == "login cancelled":
        await browser.submit("login-cancel")
    elif outcome == "consent denied":
        await (await browser.sign_in()).deny()
    elif outcome == "success":
        await finish(browser)
    assert browser.landed is not None
    events = len(await server.audit("authorization_answered"))
    again = await visit(browser if who == "the same browser" else server.browser(), request_uri)
    shown(again.page, 400, "invalid_request_uri", "authorize.request_uri_used")
    assert len(await server.audit("authorization_answered")) == events == 1


@pytest.mark.requirement("PAR-4-4", "PAR-2.2-2", "JAR-10.2-1")
@pytest.mark.parametrize(("auth", "lifetime"), [(APP, 60), (("slow", APP_SECRET), 300)])
async def test_a_request_uri_can_be_opened_for_expires_in_seconds_and_no_longer(
    server: Running, auth: tuple[str, str], lifetime: int
) -> None:
    await server.apply(
        f"realms: [{{name: default, clients: [{{client_id: slow, client_secret: {APP_SECRET},"
        f" redirect_uris: [{REDIRECT}], par_request_expiry: 300, scope: openid email}}]}}]"
    )
    reply = await server.http.post("/oauth2/par", auth=auth, data=REQUEST)
    assert reply.json()["expires_in"] == lifetime
    params = {"client_id": auth[0], "request_uri": reply.json()["request_uri"]}
    server.clock.advance(lifetime - 1)
    in_time = await server.browser().open("/oauth2/authorize", params=params)
    assert in_time.page is not None
    assert "/login/" in in_time.page.url.path
    server.clock.advance(2)
    too_late = await server.browser().open("/oauth2/authorize", params=params)
    shown(too_late.page, 400, "invalid_request_uri", "authorize.request_uri_unknown")
    assert await server.transient.purge(FOREVER) == 2  # the request, and the interaction that began in time


@pytest.mark.requirement("PAR-2.2-2")
@pytest.mark.parametrize("fraction", [0.0, 0.25, 0.999])
async def test_a_push_late_in_a_second_lives_no_shorter(server: Running, fraction: float) -> None:
    server.clock.advance(fraction)
    request_uri = await push(server)
    server.clock.advance(59.9)
    browser = await visit(server.browser(), request_uri)
    assert browser.page is not None
    assert (browser.page.status_code, "/login/" in browser.page.url.path) == (200, True)


@pytest.mark.requirement("PAR-4-7")
@pytest.mark.parametrize("more", [{}, {"redirect_uri": "https://evil.example/"}, {"redirect_uri": REDIRECT}, REQUEST])
async def test_an_unknown_request_uri_ends_on_a_page(server: Running, more: dict[str, str]) -> None:
    browser = await visit(server.browser(), UNKNOWN, **more)
    shown(browser.page, 400, "invalid_request_uri", "authorize.request_uri_unknown")
    assert await server.transient.purge(FOREVER) == 0


@pytest.mark.requirement("PAR-4-8")
@pytest.mark.parametrize("more", [{}, {"client_id": ""}, {"redirect_uri": REDIRECT, "response_type": "code"}])
async def test_a_request_uri_without_client_id_ends_on_a_page(server: Running, more: dict[str, str]) -> None:
    request_uri = await push(server)
    browser = await server.browser().open("/oauth2/authorize", params={"request_uri": request_uri} | more)
    shown(browser.page, 400, "invalid_request", "authorize.client_id_missing")
    await finish(await visit(server.browser(), request_uri))  # nothing was used up


@pytest.mark.requirement("PAR-4-9")
@pytest.mark.parametrize(
    "more",
    [
        {"scope": "openid profile write"},
        {"redirect_uri": "https://evil.example/"},
        {"state": "another-state"},
        {"nonce": "another-nonce"},
        {"prompt": "none"},
        {"response_type": "token"},
        {"response_mode": "fragment"},
        {"response_mode": "nonsense"},
        {"code_challenge": "A" * 43, "code_challenge_method": "plain"},
        {"max_age": "soon"},
        {"login_hint": "bob"},
        {"id_token_hint": "x"},
        {"client_secret": APP_SECRET},
    ],
    ids="+".join,
)
async def test_other_parameters_beside_a_request_uri_change_nothing(server: Running, more: dict[str, str]) -> None:
    browser = await visit(server.browser(), await push(server, scope="openid email"), **more)
    assert ("username", "") in browser.form().fields
    await browser.sign_in()
    assert [value for name, value in browser.form().fields if name == "scope"] == ["openid", "email"]
    await browser.allow()
    assert browser.landed is not None
    assert browser.landed.startswith(f"{REDIRECT}?code=")
    assert browser.answer["state"] == REQUEST["state"]
    form = {"grant_type": "authorization_code", "code": browser.answer["code"], "redirect_uri": REDIRECT}
    tokens = await server.http.post("/oauth2/token", auth=APP, data=form | {"code_verifier": VERIFIER})
    assert tokens.json()["scope"] == "openid email"


UNPUSHED: dict[str, dict[str, str]] = {
    "plain parameters": {},
    "request object by value": {"request": "eyJhbGciOiJub25lIn0.e30."},
    "https request_uri": {"request_uri": "https://must-push.example/request.jwt"},
    "foreign URN": {"request_uri": "urn:example:request:1"},
    "prefix in another case": {"request_uri": URN.upper() + "A" * 43},
}


@pytest.mark.requirement("PAR-4-6", "VEN-Z-1")
@pytest.mark.parametrize("case", UNPUSHED)
@pytest.mark.parametrize("scope", ["the client", "the realm"])
async def test_where_par_is_required_anything_else_is_refused_at_the_client(
    server: Running, case: str, scope: str
) -> None:
    request = MUST_PUSH
    if scope == "the realm":
        await server.apply("realms: [{name: default, pushed_authorization_requests: {required: true}}]")
        request = REQUEST | {"client_id": "app"}
    browser = await server.browser().open("/oauth2/authorize", params=request | UNPUSHED[case])
    told(browser, request, "invalid_request", "request.par_required")
    assert "PAR" in browser.answer["error_description"]
    assert await server.transient.purge(FOREVER) == 0


@pytest.mark.requirement("PAR-4-6", "VEN-Z-1")
@pytest.mark.parametrize("case", UNPUSHED)
@pytest.mark.parametrize("redirect_uri", ["https://evil.example/", "https://must-push.example/cb/"])
async def test_where_par_is_required_nothing_goes_to_an_unregistered_redirect_uri(
    server: Running, case: str, redirect_uri: str
) -> None:
    params = MUST_PUSH | UNPUSHED[case] | {"redirect_uri": redirect_uri}
    browser = await server.browser().open("/oauth2/authorize", params=params)
    shown(browser.page, 400, "invalid_request", "request.redirect_uri_mismatch")
    assert await server.transient.purge(FOREVER) == 0


@pytest.mark.requirement("PAR-4-6", "PAR-4-7")
async def test_where_par_is_required_an_invented_request_uri_ends_on_a_page(server: Running) -> None:
    browser = await server.browser().open("/oauth2/authorize", params=MUST_PUSH | {"request_uri": UNKNOWN})
    shown(browser.page, 400, "invalid_request_uri", "authorize.request_uri_unknown")


@pytest.mark.requirement("PAR-4-6", "PAR-4-1")
async def test_where_par_is_required_a_push_works(server: Running) -> None:
    await server.apply("realms: [{name: default, pushed_authorization_requests: {required: true}}]")
    await finish(await visit(server.browser(), await push(server)))


@pytest.mark.requirement("PAR-6-1", "VEN-Z-1")
async def test_to_require_par_of_one_client_leaves_the_others_alone(server: Running) -> None:
    browser = await server.browser().open("/oauth2/authorize", params=MUST_PUSH)
    told(browser, MUST_PUSH, "invalid_request", "request.par_required")
    await finish(await server.browser().open("/oauth2/authorize", params=REQUEST | {"client_id": "app"}))
    await finish(await visit(server.browser(), await push(server)))


@pytest.mark.requirement("PAR-6-1")
async def test_a_client_that_says_nothing_need_not_push(server: Running) -> None:
    client = await server.management.configuration.client("default", "app")
    assert client is not None
    assert client.require_pushed_authorization_requests is False


@pytest.mark.requirement("PAR-5-1")
async def test_a_pushed_request_uri_works_where_request_uris_by_reference_do_not(server: Running) -> None:
    document = (await server.http.get("/.well-known/oauth-authorization-server")).json()
    assert document["request_uri_parameter_supported"] is False
    reference = REQUEST | {"client_id": "app", "request_uri": "https://app.example/request.jwt"}
    browser = await server.browser().open("/oauth2/authorize", params=reference)
    shown(browser.page, 400, "request_uri_not_supported", "authorize.request_uri_unsupported")
    await finish(await visit(server.browser(), await push(server)))
