"""What an authorization request must satisfy: a valid one, then "the same, but ...", pushed and in the URL alike."""

from __future__ import annotations

import pytest

from pushgate.manage.manifest import BadManifest
from pushgate.model import PushedAuthorizationRequest
from pushgate.testing import Running, running
from tests.support.manifests import APP, APP_SECRET, CHALLENGE, MANIFEST, REDIRECT, REQUEST
from tests.support.steps import (
    AUTHORIZE,
    FORM,
    HYBRID,
    PAR,
    SPA,
    TOKEN,
    Request,
    answer_in,
    answered,
    ask,
    at,
    but,
    code_for,
    form_bytes,
    not_accepted,
    post_as,
    post_ask,
    redeem,
    refused,
    shown,
    stored,
    tokens_for,
    told,
    verified,
)

ENTRIES = pytest.mark.parametrize("push", [True, False], ids=["pushed", "browser"])
"""Both ways in: the same rules hold for a push and for a request in the URL."""

OTHER_CLIENTS = f"""
realms:
  - name: default
    clients:
      - client_id: machine
        client_secret: {APP_SECRET}
        grant_types: [client_credentials]
        response_types: []
        redirect_uris: [https://machine.example/cb]
        scope: openid write
      - client_id: implicit-only
        client_secret: {APP_SECRET}
        grant_types: [implicit]
        response_types: [id_token]
        redirect_uris: [https://implicit.example/cb]
        scope: openid
      - client_id: careful
        client_secret: {APP_SECRET}
        redirect_uris: [https://careful.example/cb]
        scope: openid
"""


# --- The valid request, and what makes no difference -----------------------------------------------------


@ENTRIES
async def test_a_valid_request_is_answered_with_a_code(server: Running, push: bool) -> None:
    browser = await answered(server, push=push)
    answer = answer_in(browser, "query", REDIRECT)
    assert answer.keys() == {"code", "state", "iss"}
    assert (await redeem(server, answer["code"])).status_code == 200


@pytest.mark.requirement("OA-3.1-5", "OIDC-3.1.2.1-9", "OIDC-3.1.2.1-11")
@ENTRIES
@pytest.mark.parametrize(
    "extra",
    [
        {"foo": "bar", "code": "x", "grant_type": "password"},
        {"prompt": "foo"},
        {"prompt": "create foo"},
        {"display": "hologram"},
        {"ui_locales": "xx-YY tlh"},
        {"claims_locales": "xx-YY"},
        {"acr_values": "urn:nobody:knows"},
        {"login_hint": "nobody@nowhere.example"},
    ],
    ids="-".join,
)
async def test_an_unknown_parameter_or_value_is_ignored(server: Running, push: bool, extra: Request) -> None:
    answer = answer_in(await answered(server, REQUEST | extra, push=push), "query", REDIRECT)
    assert answer.keys() == {"code", "state", "iss"}


@pytest.mark.requirement("OIDC-3.1.2.6-2")
@ENTRIES
async def test_a_self_issued_registration_is_never_processed(server: Running, push: bool) -> None:
    foreign = {"registration": '{"redirect_uris": ["https://evil.example/cb"]}'}
    assert "code" in answer_in(await answered(server, REQUEST | foreign, push=push), "query", REDIRECT)


@pytest.mark.requirement("OA-3.1-4")
@ENTRIES
async def test_a_parameter_without_value_counts_as_absent(server: Running, push: bool) -> None:
    empty = dict.fromkeys(("response_mode", "prompt", "max_age", "request", "id_token_hint", "nonce", "state"), "")
    browser = await answered(server, REQUEST | empty, push=push)
    answer = answer_in(browser, "query", REDIRECT)
    assert answer.keys() == {"code", "iss"}
    tokens = (await redeem(server, answer["code"])).json()
    assert "nonce" not in await verified(server, tokens["id_token"])


@pytest.mark.requirement("OA-3.1-4")
@ENTRIES
@pytest.mark.parametrize(
    ("empty", "error", "refusal"),
    [
        ("scope", "invalid_scope", "request.scope_missing"),
        ("response_type", "invalid_request", "request.response_type_missing"),
        ("code_challenge", "invalid_request", "request.code_challenge_method_alone"),
        ("code_challenge_method", "invalid_request", "request.code_challenge_method"),
    ],
)
async def test_an_empty_parameter_is_as_good_as_a_missing_one(
    server: Running, push: bool, empty: str, error: str, refusal: str
) -> None:
    await not_accepted(server, but(REQUEST, **{empty: ""}), error, refusal, push=push)
    await not_accepted(server, but(REQUEST, **{empty: None}), error, refusal, push=push)


@pytest.mark.requirement("OA-3.1-4")
async def test_an_empty_redirect_uri_counts_as_absent(server: Running) -> None:
    request = but(REQUEST, redirect_uri="")
    reply = await post_as(server, "app", PAR, request)
    refused(reply, 400, "invalid_request", "request.redirect_uri_missing")
    shown((await ask(server, request)).page, 400, "invalid_request", "request.redirect_uri_missing")


@pytest.mark.requirement("OA-3.1.1-2")
@ENTRIES
@pytest.mark.parametrize("response_type", ["id_token code", "code id_token"])
async def test_the_order_in_a_response_type_does_not_matter(server: Running, push: bool, response_type: str) -> None:
    request = but(HYBRID, response_type=response_type)
    browser = await answered(server, request, "hybrid", push=push)
    assert answer_in(browser, "fragment", request["redirect_uri"]).keys() == {"code", "id_token", "state", "iss"}


# --- GET and POST ------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-3.1-2", "OIDC-3.1.2.1-1")
async def test_a_request_posted_to_the_authorization_endpoint_works_like_one_in_the_url(server: Running) -> None:
    browser = server.browser()
    form = {"client_id": "app", **REQUEST}
    await post_ask(browser, form)
    assert at(browser, "login")
    await browser.sign_in()
    await browser.allow()
    assert answer_in(browser, "query", REDIRECT).keys() == {"code", "state", "iss"}
    # And with the session that this left behind:
    await post_ask(browser, form)
    assert answer_in(browser, "query", REDIRECT).keys() == {"code", "state", "iss"}


@pytest.mark.requirement("OIDC-3.1.2.1-1")
async def test_a_posted_request_is_refused_like_one_in_the_url(server: Running) -> None:
    request = but(REQUEST, scope="openid write other")
    browser = server.browser()
    await post_ask(browser, {"client_id": "app", **request})
    told(browser, request, "invalid_scope", "request.scope_mixed_resources")


@pytest.mark.requirement("OIDC-3.1.2.1-1")
async def test_a_post_does_not_take_its_parameters_from_the_url(server: Running) -> None:
    reply = await server.http.post(AUTHORIZE, params={"client_id": "app", **REQUEST})
    shown(reply, 400, "invalid_request", "authorize.client_id_missing")


@pytest.mark.requirement("OA-3.1-2")
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_refused_at_the_authorization_endpoint(server: Running, method: str) -> None:
    reply = await server.http.request(method, AUTHORIZE, params={"client_id": "app", **REQUEST})
    shown(reply, 405, "invalid_request", "http.method")
    assert reply.headers["allow"] == "GET, POST"
    assert stored(server) == 0


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
async def test_a_posted_request_that_is_no_form_is_refused(server: Running, content_type: str) -> None:
    reply = await server.http.post(AUTHORIZE, content=b"{}", headers={"content-type": content_type})
    shown(reply, 415, "invalid_request", "http.content_type")


async def test_a_request_that_is_no_utf_8_is_refused(server: Running) -> None:
    reply = await server.http.get(f"{AUTHORIZE}?client_id=app&state=%ff")
    shown(reply, 400, "invalid_request", "http.form")


async def test_a_request_longer_than_a_browser_should_carry_is_refused(server: Running) -> None:
    reply = await server.http.get(f"{AUTHORIZE}?client_id=app&state={'s' * 32_768}")
    shown(reply, 414, "invalid_request", "http.uri_size")


async def test_a_request_with_hundreds_of_parameters_is_refused(server: Running) -> None:
    many = "&".join(f"p{number}=1" for number in range(201))
    reply = await server.http.get(f"{AUTHORIZE}?client_id=app&{many}")
    shown(reply, 400, "invalid_request", "http.too_many_parameters")


# --- No parameter twice ---------------------------------------------------------------------------------


@pytest.mark.requirement("OA-3.1-6")
@ENTRIES
@pytest.mark.parametrize("name", ["state", "scope", "nonce", "code_challenge", "response_type", "unknown"])
async def test_a_repeated_parameter_is_refused(server: Running, push: bool, name: str) -> None:
    once = {**REQUEST, "unknown": "x"}
    body = form_bytes(*once.items(), (name, once[name]))
    if push:
        reply = await server.http.post(PAR, auth=APP, content=body, headers=FORM)
        refused(reply, 400, "invalid_request", "http.repeated_parameter")
    else:
        browser = await server.browser().open(f"{AUTHORIZE}?client_id=app&{body.decode()}")
        # Of a state that is there twice, neither is the state.
        told(browser, but(REQUEST, **{name: None}), "invalid_request", "http.repeated_parameter")
    assert stored(server) == 0


@pytest.mark.requirement("OA-3.1-6")
@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "response_mode", "request_uri"])
async def test_a_repeated_address_is_refused_on_a_page(server: Running, name: str) -> None:
    once = {"client_id": "app", **REQUEST, "response_mode": "query", "request_uri": "urn:x"}
    body = form_bytes(*once.items(), (name, once[name]))
    reply = await server.http.get(f"{AUTHORIZE}?{body.decode()}")
    shown(reply, 400, "invalid_request", "http.repeated_parameter")


@pytest.mark.requirement("OA-3.1-6")
async def test_a_parameter_in_the_url_and_in_the_body_is_there_twice(server: Running) -> None:
    browser = server.browser()
    form = {"client_id": "app", **REQUEST}
    await post_ask(browser, form, {"state": "other"})
    told(browser, but(REQUEST, state=None), "invalid_request", "http.repeated_parameter")
    reply = await server.http.post(AUTHORIZE, params={"client_id": "spa"}, data=form)
    shown(reply, 400, "invalid_request", "http.repeated_parameter")
    assert stored(server) == 0


@pytest.mark.requirement("OA-3.1-6")
@pytest.mark.parametrize("name", ["grant_type", "code", "redirect_uri", "scope"])
async def test_a_repeated_parameter_is_refused_at_the_token_endpoint(server: Running, name: str) -> None:
    form = {"grant_type": "authorization_code", "code": "x", "redirect_uri": REDIRECT, "scope": "openid"}
    body = form_bytes(*form.items(), (name, form[name]))
    reply = await server.http.post(TOKEN, auth=APP, content=body, headers=FORM)
    refused(reply, 400, "invalid_request", "http.repeated_parameter")


# --- Response type and mode -----------------------------------------------------------------------------


@pytest.mark.requirement("OA-3.1.1-1")
@ENTRIES
@pytest.mark.parametrize(
    ("response_type", "error", "refusal"),
    [
        (None, "invalid_request", "request.response_type_missing"),
        ("foo", "unsupported_response_type", "request.response_type_unsupported"),
        ("Code", "unsupported_response_type", "request.response_type_unsupported"),
        ("code foo", "unsupported_response_type", "request.response_type_unsupported"),
        ("code code", "unsupported_response_type", "request.response_type_unsupported"),
        ("code,token", "unsupported_response_type", "request.response_type_unsupported"),
        ("code\ttoken", "unsupported_response_type", "request.response_type_unsupported"),
    ],
)
async def test_a_response_type_that_is_not_understood(
    server: Running, push: bool, response_type: str | None, error: str, refusal: str
) -> None:
    await not_accepted(server, but(REQUEST, response_type=response_type), error, refusal, push=push)


@pytest.mark.requirement("MRT-4-1")
@ENTRIES
async def test_none_cannot_be_combined_with_another_response_type(server: Running, push: bool) -> None:
    request = but(HYBRID, response_type="code none")
    error, refusal = "unsupported_response_type", "request.response_type_unsupported"
    await not_accepted(server, request, error, refusal, push=push, client_id="hybrid")


@pytest.mark.requirement("BCP-2.1.2-1")
@ENTRIES
@pytest.mark.parametrize("response_type", ["token", "id_token token", "code token", "code id_token token"])
async def test_a_client_gets_no_access_token_through_the_browser_unless_registered_for_it(
    server: Running, push: bool, response_type: str
) -> None:
    request = but(REQUEST, response_type=response_type)
    error, refusal = "unauthorized_client", "request.response_type_unauthorized"
    await not_accepted(server, request, error, refusal, push=push, carrier="fragment")


@pytest.mark.requirement("OA-4.1.2.1-2")
@ENTRIES
@pytest.mark.parametrize(
    ("client_id", "redirect_uri"),
    [("machine", "https://machine.example/cb"), ("implicit-only", "https://implicit.example/cb")],
)
async def test_a_client_that_may_not_use_the_code_flow(
    server: Running, push: bool, client_id: str, redirect_uri: str
) -> None:
    await server.apply(OTHER_CLIENTS)
    request = but(REQUEST, redirect_uri=redirect_uri, scope="openid")
    error, refusal = "unauthorized_client", "request.response_type_unauthorized"
    await not_accepted(server, request, error, refusal, push=push, client_id=client_id)


@pytest.mark.requirement("OIDC-3.1.2.6-1")
@pytest.mark.parametrize("mode", ["foo", "Query", "JWT", "cookie.jwt", "web_message"])
async def test_an_unsupported_response_mode_is_refused_without_redirect(server: Running, mode: str) -> None:
    request = but(REQUEST, response_mode=mode)
    browser = await ask(server, request)
    shown(browser.page, 400, "invalid_request", "request.response_mode_unsupported")
    reply = await post_as(server, "app", PAR, request)
    refused(reply, 400, "invalid_request", "request.response_mode_unsupported")
    assert stored(server) == 0


@pytest.mark.requirement("MRT-3-1")
@ENTRIES
@pytest.mark.parametrize(
    "response_type",
    ["token", "id_token", "id_token token", "code token", "code id_token", "code id_token token"],
)
async def test_tokens_are_never_put_into_the_query(server: Running, push: bool, response_type: str) -> None:
    request = but(HYBRID, response_type=response_type, response_mode="query")
    error, refusal = "invalid_request", "request.response_mode_query"
    await not_accepted(server, request, error, refusal, push=push, client_id="hybrid", carrier="fragment")


@pytest.mark.requirement("OIDC-3.2.2.1-1", "OIDC-3.3.2.1-1")
@ENTRIES
@pytest.mark.parametrize("response_type", ["id_token", "id_token token", "code id_token", "code id_token token"])
async def test_an_id_token_through_the_browser_needs_a_nonce(server: Running, push: bool, response_type: str) -> None:
    request = but(HYBRID, response_type=response_type, nonce=None)
    error, refusal = "invalid_request", "request.nonce_missing"
    await not_accepted(server, request, error, refusal, push=push, client_id="hybrid", carrier="fragment")


@pytest.mark.requirement("OIDC-3.3.2.1-1")
@ENTRIES
async def test_code_token_needs_no_nonce(server: Running, push: bool) -> None:
    request = but(HYBRID, response_type="code token", nonce=None)
    browser = await answered(server, request, "hybrid", push=push)
    assert "access_token" in answer_in(browser, "fragment", request["redirect_uri"])


@ENTRIES
@pytest.mark.parametrize("response_type", ["id_token", "code id_token"])
async def test_an_id_token_needs_the_scope_openid(server: Running, push: bool, response_type: str) -> None:
    request = but(HYBRID, response_type=response_type, scope="write")
    error, refusal = "invalid_scope", "request.openid_missing"
    await not_accepted(server, request, error, refusal, push=push, client_id="hybrid", carrier="fragment")


async def test_a_request_by_reference_is_refused_on_a_page_and_fetched_from_nowhere(server: Running) -> None:
    browser = await ask(server, but(REQUEST, request_uri="https://app.example/request.jwt"))
    shown(browser.page, 400, "request_uri_not_supported", "authorize.request_uri_unsupported")
    assert stored(server) == 0


async def test_a_client_that_must_push_is_told_so(server: Running) -> None:
    request = but(REQUEST, redirect_uri="https://must-push.example/cb", scope="openid")
    for extra in ({}, {"request_uri": "https://evil.example/r"}, {"request": "e30.e30."}):
        browser = await ask(server, request | extra, "must-push")
        told(browser, request, "invalid_request", "request.par_required")
    assert "code" in (await answered(server, request, "must-push", push=True)).answer


# --- Scope ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-3.3-1")
@ENTRIES
@pytest.mark.parametrize(
    ("scope", "refusal"),
    [
        ("openid\temail", "request.scope_malformed"),
        ('openid "email"', "request.scope_malformed"),
        ("openid  email", "request.scope_malformed"),
        (" openid", "request.scope_malformed"),
        ("openid ", "request.scope_malformed"),
        ("openid\\email", "request.scope_malformed"),
        ("openid é", "request.scope_malformed"),
        ("openid\nemail", "request.scope_malformed"),
        ("OPENID", "request.scope_not_allowed"),
        ("write Read", "request.scope_not_allowed"),
        ("unknown", "request.scope_not_allowed"),
        ("write unknown", "request.scope_not_allowed"),
        ("openid address", "request.scope_not_allowed"),
        ("openid write other", "request.scope_mixed_resources"),
    ],
)
async def test_a_scope_that_cannot_be_granted(server: Running, push: bool, scope: str, refusal: str) -> None:
    await not_accepted(server, but(REQUEST, scope=scope), "invalid_scope", refusal, push=push)


@pytest.mark.requirement("OA-3.3-1")
@ENTRIES
async def test_the_order_of_scope_values_does_not_matter(server: Running, push: bool) -> None:
    tokens = await tokens_for(server, but(REQUEST, scope="write email openid email"), push=push)
    assert sorted(tokens["scope"].split(" ")) == ["email", "openid", "write"]


@pytest.mark.requirement("OIDC-3.1.2.1-3")
@ENTRIES
async def test_an_unknown_scope_beside_openid_is_dropped_and_the_grant_says_so(server: Running, push: bool) -> None:
    tokens = await tokens_for(server, but(REQUEST, scope="openid foo email"), push=push)
    assert tokens["scope"] == "openid email"
    assert (await verified(server, tokens["access_token"], "ES256"))["scope"] == "openid email"


@pytest.mark.requirement("OA-3.3-3")
@ENTRIES
async def test_a_request_without_scope_is_refused_where_the_realm_has_no_default(server: Running, push: bool) -> None:
    await not_accepted(server, but(REQUEST, scope=None), "invalid_scope", "request.scope_missing", push=push)


@pytest.mark.requirement("OA-3.3-3")
@ENTRIES
async def test_a_request_without_scope_gets_the_default_of_the_realm(server: Running, push: bool) -> None:
    await server.apply("realms: [{name: default, default_scope: write}]")
    tokens = await tokens_for(server, but(REQUEST, scope=None), push=push)
    assert tokens["scope"] == "write"


@pytest.mark.requirement("OA-3.3-3")
async def test_a_default_scope_that_the_client_may_not_have_is_no_default_for_it(server: Running) -> None:
    await server.apply("realms: [{name: default, default_scope: write}]")
    request = but(SPA, scope=None)
    await not_accepted(server, request, "invalid_scope", "request.scope_not_allowed", push=False, client_id="spa")


# --- Values that are out of range --------------------------------------------------------------------------


@pytest.mark.requirement("OIDC-3.1.2.1-10")
@ENTRIES
@pytest.mark.parametrize("max_age", ["-1", "1.5", "soon", "+5", "٣", "99999999999"])
async def test_max_age_must_be_a_number_of_seconds(server: Running, push: bool, max_age: str) -> None:
    request = but(REQUEST, max_age=max_age)
    await not_accepted(server, request, "invalid_request", "request.max_age", push=push)


@pytest.mark.requirement("OIDC-3.1.2.1-6")
@ENTRIES
@pytest.mark.parametrize("prompt", ["none login", "login none", "none consent", "none foo"])
async def test_prompt_none_stands_alone(server: Running, push: bool, prompt: str) -> None:
    request = but(REQUEST, prompt=prompt)
    await not_accepted(server, request, "invalid_request", "request.prompt_none_combined", push=push)


@ENTRIES
async def test_a_nonce_is_bounded_because_every_id_token_repeats_it(server: Running, push: bool) -> None:
    longest = await tokens_for(server, but(REQUEST, nonce="n" * 1000), push=push)
    assert (await verified(server, longest["id_token"]))["nonce"] == "n" * 1000
    before = stored(server)
    request = but(REQUEST, nonce="n" * 1001)
    if push:
        refused(await post_as(server, "app", PAR, request), 400, "invalid_request", "request.value_too_long")
    else:
        told(await ask(server, request), request, "invalid_request", "request.value_too_long")
    assert stored(server) == before


# --- Who asks -------------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-3.1.2.4-1")
@pytest.mark.parametrize("client_id", ["nobody", "APP", "app\u0000", "../app"])
async def test_an_unknown_client_is_sent_nowhere(server: Running, client_id: str) -> None:
    browser = await ask(server, REQUEST, client_id)
    shown(browser.page, 400, "invalid_request", "authorize.client_unknown")
    assert stored(server) == 0


@pytest.mark.requirement("OA-3.1.2.4-1")
async def test_a_request_without_client_is_sent_nowhere(server: Running) -> None:
    for params in (REQUEST, {**REQUEST, "client_id": ""}):
        browser = await server.browser().open(AUTHORIZE, params=params)
        shown(browser.page, 400, "invalid_request", "authorize.client_id_missing")


async def test_a_disabled_client_is_not_known_any_more(server: Running) -> None:
    await server.apply(OTHER_CLIENTS)
    request = but(REQUEST, redirect_uri="https://careful.example/cb", scope="openid")
    browser = await ask(server, request, "careful")
    assert at(browser, "login")
    await server.apply(OTHER_CLIENTS.rstrip() + "\n        enabled: false\n")
    shown((await ask(server, request, "careful")).page, 400, "invalid_request", "authorize.client_unknown")
    # Nor for the browser that was on its way:
    await browser.sign_in()
    shown(browser.page, 400, "invalid_request", "authorize.client_unknown")
    refused(await server.http.post(PAR, auth=("careful", APP_SECRET), data=request), 401, "invalid_client",
            "client.authentication")  # fmt: skip


# --- Before anything is issued ---------------------------------------------------------------------------


@pytest.mark.requirement("OA-3.1-3")
@ENTRIES
async def test_nothing_is_issued_before_somebody_signed_in(server: Running, push: bool) -> None:
    browser = await ask(server, REQUEST, push=push)
    assert at(browser, "login")
    assert stored(server, "code") == 0
    for forged in ("pushgate-session-default=forged", "pushgate-session-default=" + "A" * 43):
        reply = await server.http.get(AUTHORIZE, params={"client_id": "app", **REQUEST}, headers={"cookie": forged})
        assert reply.status_code == 303
        assert "/oauth2/login/" in reply.headers["location"]
    assert stored(server, "code") == 0


@pytest.mark.requirement("OA-3.1-3")
async def test_nothing_is_issued_for_a_session_that_has_ended(server: Running) -> None:
    browser = await answered(server)
    server.clock.advance(28_800)
    await ask(server, REQUEST, browser=browser)
    assert at(browser, "login")


async def test_a_speculative_request_starts_nothing(server: Running) -> None:
    params = {"client_id": "app", **REQUEST}
    for name, value in (("sec-purpose", "prefetch"), ("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch")):
        reply = await server.http.get(AUTHORIZE, params=params, headers={name: value})
        shown(reply, 503, "temporarily_unavailable", "authorize.prefetch")
    assert stored(server) == 0


@pytest.mark.requirement("OA-3.1-1")
@pytest.mark.parametrize("base_url", ["https://as.example/#f", "https://as.example#", "https://as.example/?a=b"])
async def test_an_authorization_endpoint_with_a_fragment_cannot_be_configured(base_url: str) -> None:
    with pytest.raises(ValueError, match="query or a fragment"):
        async with running(MANIFEST, base_url=base_url):
            pass


async def test_a_registration_without_redirect_uri_is_refused_for_the_code_flow(server: Running) -> None:
    manifest = f"realms: [{{name: default, clients: [{{client_id: x, client_secret: {APP_SECRET}}}]}}]"
    with pytest.raises(BadManifest, match="redirect_uris"):
        await server.apply(manifest)


async def test_the_stored_request_is_what_was_asked(server: Running) -> None:
    await ask(server, but(REQUEST, client_secret="not-a-parameter-here", code_verifier="x" * 43))
    query = "SELECT value FROM transient WHERE kind = 'par'"
    [(value,)] = server.transient._connection.execute(query).fetchall()
    record = PushedAuthorizationRequest.decode(value)
    assert (record.request.client_id, record.request.redirect_uri, record.pushed) == ("app", REDIRECT, False)
    assert record.request.code_challenge == CHALLENGE
    assert b"not-a-parameter-here" not in value
    assert b"x" * 43 not in value
    assert (await code_for(server)) not in value.decode("latin-1")
