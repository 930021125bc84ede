"""Rich authorization requests (RFC 9396) and resource indicators (RFC 8707), from the request to the token."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from pushgate.testing import BASE_URL, Browser, Running, running
from tests.support.assertions import key, public, signed
from tests.support.manifests import CHALLENGE, VERIFIER
from tests.support.steps import AUTHORIZE, PAR, TOKEN, at, but, not_accepted, refused, stored, told, userinfo, verified

SECRET = "a-secret-of-at-least-32-bytes-of-text-for-hmac"
REDIRECT = "https://rp.example/cb"
BANK, CALENDAR, BARE = "https://bank.example", "https://calendar.example", "https://bare.example"
SCHEMA = {
    "type": "object",
    "properties": {
        "type": {},
        "locations": {"type": "array", "items": {"type": "string"}},
        "actions": {"type": "array", "items": {"enum": ["initiate", "status", "cancel"]}},
        "amount": {"type": "string", "pattern": "^[0-9]+[.][0-9]{2} [A-Z]{3}$", "title": "Amount"},
        "creditor": {"type": "string", "title": "To"},
    },
    "required": ["amount"],
    "additionalProperties": False,
}
PAYMENT = {
    "type": "payment_initiation", "actions": ["initiate", "status"], "locations": [f"{BANK}/payments"],
    "amount": "123.50 EUR", "creditor": "Merchant A",
}  # fmt: skip
NOTE = {"type": "note", "text": "a \"note\" & 'more' <script>alert(1)</script>; DROP TABLE grants"}
COMMON = {
    "client_secret": SECRET, "redirect_uris": [REDIRECT],
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    "scope": "openid email accounts payments events",
}  # fmt: skip
MANIFEST: dict[str, Any] = {
    "name": "default",
    "authorization_details_types": [
        {"type": "payment_initiation", "title": "Payment", "schema": SCHEMA},
        {"type": "note", "schema": {"type": "object"}},
    ],
    "resources": [
        {"identifier": BANK, "scopes": ["accounts", "payments"]},
        {"identifier": CALENDAR, "scopes": ["events"]},
        {"identifier": BARE},
    ],
    "clients": [
        {"client_id": "app", "jwks": public("p256"), **COMMON},
        {"client_id": "notes", "authorization_details_types": ["note"], "allowed_resources": [BANK], **COMMON},
    ],
    "users": [{"username": "alice", "password": "alice-password", "claims": {"email": "alice@example.com"}}],
}
REQUEST = {
    "response_type": "code", "redirect_uri": REDIRECT, "scope": "openid email accounts", "state": "s",
    "code_challenge": CHALLENGE, "code_challenge_method": "S256",
}  # fmt: skip
Form = dict[str, Any]
ENTRIES = pytest.mark.parametrize("pushed", [True, False], ids=["pushed", "browser"])


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    async with running(json.dumps({"realms": [MANIFEST]})) as found:
        yield found


def details(*entries: dict[str, Any]) -> str:
    """The parameter, as a form has it."""
    return json.dumps(entries)


async def opened(server: Running, request: Form, client_id: str = "app", *, pushed: bool = True) -> Browser:
    """Bring the request to the authorization endpoint."""
    if not pushed:
        return await server.browser().open(AUTHORIZE, params={"client_id": client_id, **request})
    reply = await server.http.post(PAR, auth=(client_id, SECRET), data=request)
    assert reply.status_code == 201, reply.text
    params = {"client_id": client_id, "request_uri": reply.json()["request_uri"]}
    return await server.browser().open(AUTHORIZE, params=params)


async def post(server: Running, form: Form, client_id: str = "app") -> httpx.Response:
    """A token request."""
    return await server.http.post(TOKEN, auth=(client_id, SECRET), data=form)


async def code_of(browser: Browser) -> str:
    """Sign in and allow everything."""
    await browser.sign_in()
    return (await browser.allow() if at(browser, "consent") else browser).answer["code"]


async def redeem(server: Running, code: str, **more: Any) -> httpx.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    return await post(server, {**form, **more})


async def tokens(server: Running, request: Form, **more: Any) -> dict[str, Any]:
    """The token response for a fresh grant."""
    reply = await redeem(server, await code_of(await opened(server, request)), **more)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


async def refresh(server: Running, token: str, **more: Any) -> httpx.Response:
    return await post(server, {"grant_type": "refresh_token", "refresh_token": token, **more})


async def claims(server: Running, response: dict[str, Any]) -> dict[str, Any]:
    """The claims of the access token in a token response."""
    return await verified(server, response["access_token"], "ES256")


# --- Authorization details: the whole way --------------------------------------------------------------------


@pytest.mark.requirement("RAR-3-1", "RAR-3.1-1", "RAR-7-1", "RAR-2-2")
@ENTRIES
async def test_scope_and_details_are_both_asked_for_and_granted(server: Running, pushed: bool) -> None:
    second = {**PAYMENT, "amount": "7.00 EUR", "creditor": "Merchant B"}
    request = but(REQUEST, authorization_details=details(PAYMENT, second))
    browser = await opened(server, request, pushed=pushed)
    await browser.sign_in()
    assert browser.page is not None
    for words in ("Payment", "123.50 EUR", "Merchant A", "7.00 EUR", "Merchant B", "Your email address", "accounts"):
        assert words in browser.page.text, words
    response = (await redeem(server, (await browser.allow()).answer["code"])).json()
    assert response["authorization_details"] == [PAYMENT, second]
    assert response["scope"] == "openid email accounts"
    token = await claims(server, response)
    assert (token["authorization_details"], token["aud"]) == ([PAYMENT, second], [BANK, BASE_URL])


@pytest.mark.requirement("RAR-3-1", "RAR-7-1")
async def test_details_need_no_scope(server: Running) -> None:
    request = but(REQUEST, scope=None, authorization_details=details(PAYMENT))
    response = await tokens(server, request)
    assert "scope" not in response
    assert "id_token" not in response
    token = await claims(server, response)
    assert (token["aud"], token["authorization_details"], "scope" in token) == (BANK, [PAYMENT], False)
    again = (await refresh(server, response["refresh_token"])).json()
    assert (again["authorization_details"], "scope" in again) == ([PAYMENT], False)
    reply = await userinfo(server, response["access_token"])
    assert (reply.status_code, reply.headers["pushgate-refusal"]) == (403, "userinfo.openid_missing")


@pytest.mark.requirement("RAR-7-1")
async def test_without_details_there_is_no_such_member(server: Running) -> None:
    response = await tokens(server, REQUEST)
    assert "authorization_details" not in response
    assert "authorization_details" not in await claims(server, response)


@pytest.mark.requirement("RAR-3-1")
async def test_a_request_object_has_them_as_json(server: Running) -> None:
    inside = {**REQUEST, "client_id": "app", "iss": "app", "authorization_details": [PAYMENT], "resource": [BANK]}
    token = signed(inside, by=key("p256"), typ="oauth-authz-req+jwt")
    response = await tokens(server, {"request": token, "authorization_details": details(NOTE)})
    assert response["authorization_details"] == [PAYMENT]
    refused(
        await server.http.post(
            PAR,
            auth=("app", SECRET),
            data={"request": signed({**inside, "authorization_details": {"type": "note"}}, by=key("p256"))},
        ),
        400, "invalid_request_object", "request_object.type",
    )  # fmt: skip


@pytest.mark.requirement("RAR-12-1")
async def test_values_are_data_and_nothing_else(server: Running) -> None:
    browser = await opened(server, but(REQUEST, authorization_details=details(NOTE)))
    await browser.sign_in()
    assert browser.page is not None
    assert "<script>alert" not in browser.page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;; DROP TABLE grants" in browser.page.text
    response = (await redeem(server, (await browser.allow()).answer["code"])).json()
    assert response["authorization_details"] == [NOTE]
    assert (await claims(server, response))["authorization_details"] == [NOTE]


@pytest.mark.requirement("RAR-3.1-1")
async def test_people_are_asked_about_details_each_time(server: Running) -> None:
    browser = await opened(server, but(REQUEST, authorization_details=details(PAYMENT)))
    await code_of(browser)
    for request, asked in ((REQUEST, False), (but(REQUEST, authorization_details=details(PAYMENT)), True)):
        reply = await server.http.post(PAR, auth=("app", SECRET), data=request)
        await browser.open(AUTHORIZE, params={"client_id": "app", "request_uri": reply.json()["request_uri"]})
        assert at(browser, "consent") == asked
    silent = but(REQUEST, authorization_details=details(PAYMENT), prompt="none")
    await browser.open(AUTHORIZE, params={"client_id": "app", **silent})
    told(browser, silent, "consent_required", "authorize.consent_required")


async def test_allowing_the_details_alone_is_an_answer(server: Running) -> None:
    browser = await opened(server, but(REQUEST, scope="email", authorization_details=details(PAYMENT)))
    await browser.sign_in()
    await browser.submit("consent-allow", scope=[])
    response = (await redeem(server, browser.answer["code"])).json()
    assert (response["authorization_details"], "scope" in response) == ([PAYMENT], False)


# --- Authorization details: refused ----------------------------------------------------------------------------

BAD: dict[str, tuple[str, str]] = {
    "no JSON": ("[", "details.malformed"),
    "object": ('{"type": "note"}', "details.malformed"),
    "empty": ("[]", "details.malformed"),
    "no type": ("[{}]", "details.malformed"),
    "numeric type": ('[{"type": 1}]', "details.malformed"),
    "member twice": ('[{"type": "note", "type": "payment_initiation"}]', "details.malformed"),
    "unknown type": ('[{"type": "other"}]', "details.type_unknown"),
    "look-alike type": ('[{"type": "n\u043ete"}]', "details.type_unknown"),
    "unknown field": (details({**PAYMENT, "x": 1}), "details.invalid"),
    "wrong field type": (details({**PAYMENT, "amount": 1}), "details.invalid"),
    "invalid value": (details({**PAYMENT, "actions": ["steal"]}), "details.invalid"),
    "missing field": ('[{"type": "payment_initiation"}]', "details.invalid"),
    "one of two": (details(PAYMENT, {"type": "other"}), "details.type_unknown"),
    "deep": ('[{"type": "note", "x": ' + "[" * 50 + "]" * 50 + "}]", "details.too_large"),
}


@pytest.mark.requirement("RAR-2-1", "RAR-5-1", "RAR-5-2", "RAR-3-1")
@ENTRIES
@pytest.mark.parametrize(("value", "refusal"), BAD.values(), ids=BAD)
async def test_details_that_cannot_be_granted(server: Running, value: str, refusal: str, pushed: bool) -> None:
    request = but(REQUEST, authorization_details=value)
    if pushed:
        reply = await server.http.post(PAR, auth=("app", SECRET), data=request)
        refused(reply, 400, "invalid_authorization_details", refusal)
        assert stored(server) == 0
    else:
        await not_accepted(server, request, "invalid_authorization_details", refusal, push=False)
    form = {"grant_type": "client_credentials", "scope": "accounts", "authorization_details": value}
    refused(await post(server, form), 400, "invalid_authorization_details", refusal)


@pytest.mark.requirement("RAR-10-1", "RAR-5-1", "RAR-6-1")
async def test_a_client_may_be_limited_to_some_types(server: Running) -> None:
    form = {"grant_type": "client_credentials", "scope": "accounts"}
    for entry, taken in ((NOTE, True), (PAYMENT, False)):
        pushed = await server.http.post(
            PAR, auth=("notes", SECRET), data=but(REQUEST, authorization_details=details(entry))
        )
        reply = await post(server, {**form, "authorization_details": details(entry)}, "notes")
        if taken:
            assert (pushed.status_code, reply.status_code) == (201, 200)
            assert reply.json()["authorization_details"] == [entry]
        else:
            refused(pushed, 400, "invalid_authorization_details", "details.type_not_allowed")
            refused(reply, 400, "invalid_authorization_details", "details.type_not_allowed")


# --- Authorization details at the token endpoint ---------------------------------------------------------------


@pytest.mark.requirement("RAR-6-1")
@pytest.mark.parametrize(
    "wanted",
    [
        {**PAYMENT, "actions": ["initiate", "status", "cancel"]}, {**PAYMENT, "locations": [f"{BANK}/other"]},
        {**PAYMENT, "amount": "9.00 EUR"}, NOTE,
    ],
    ids=["more actions", "other location", "other amount", "never granted"],
)  # fmt: skip
async def test_more_than_was_granted(server: Running, wanted: dict[str, Any]) -> None:
    request = but(REQUEST, authorization_details=details(PAYMENT))
    code = await code_of(await opened(server, request))
    reply = await redeem(server, code, authorization_details=details(wanted))
    refused(reply, 400, "invalid_authorization_details", "details.exceed")
    # And nothing was used up.
    response = (await redeem(server, code)).json()
    reply = await refresh(server, response["refresh_token"], authorization_details=details(wanted))
    refused(reply, 400, "invalid_authorization_details", "details.exceed")


@pytest.mark.requirement("RAR-6-2", "RAR-7-1")
async def test_less_is_for_one_token(server: Running) -> None:
    less = {**PAYMENT, "actions": ["status"]}
    request = but(REQUEST, authorization_details=details(PAYMENT, NOTE))
    response = await tokens(server, request, authorization_details=details(less))
    assert response["authorization_details"] == [less]
    assert (await claims(server, response))["authorization_details"] == [less]
    narrow = (await refresh(server, response["refresh_token"], authorization_details=details(NOTE))).json()
    assert narrow["authorization_details"] == [NOTE]
    whole = (await refresh(server, response["refresh_token"])).json()
    assert whole["authorization_details"] == [PAYMENT, NOTE]


@pytest.mark.requirement("RAR-9.1-1")
async def test_an_api_sees_its_own_entries(server: Running) -> None:
    mine, other = {"type": "note", "locations": [CALENDAR]}, {"type": "note", "locations": [BANK]}
    request = but(REQUEST, scope="openid", resource=[BANK, CALENDAR], authorization_details=details(mine, other, NOTE))
    response = await tokens(server, request, resource=CALENDAR)
    assert (await claims(server, response))["authorization_details"] == [mine, NOTE]
    assert response["authorization_details"] == [mine, NOTE]
    response = (await refresh(server, response["refresh_token"], resource=BANK)).json()
    assert (await claims(server, response))["authorization_details"] == [other, NOTE]


# --- Resource indicators ------------------------------------------------------------------------------------------


@pytest.mark.requirement("RES-2-1", "RES-2.2-3", "RES-2.2-4")
@ENTRIES
@pytest.mark.parametrize("name", ["resource", "audience"])
async def test_a_token_is_for_what_was_asked_for_alone(server: Running, name: str, pushed: bool) -> None:
    request = but(REQUEST, scope="openid accounts events", **{name: CALENDAR})
    reply = await redeem(server, await code_of(await opened(server, request, pushed=pushed)))
    token = await claims(server, reply.json())
    assert (token["aud"], token["scope"], reply.json()["scope"]) == (CALENDAR, "events", "events")
    # Whether there is an ID Token is no matter of the resource.
    assert (await verified(server, reply.json()["id_token"]))["aud"] == "app"
    assert (await userinfo(server, reply.json()["access_token"])).status_code == 403


@pytest.mark.requirement("RES-2-1", "RES-2.2-2", "RES-2.2-4")
async def test_a_part_is_for_one_token_and_the_grant_stays_whole(server: Running) -> None:
    request = but(REQUEST, scope="accounts events", resource=[BANK, CALENDAR])
    response = await tokens(server, request, resource=BANK)
    assert ((await claims(server, response))["aud"], response["scope"]) == (BANK, "accounts")
    for wanted, scope in ((CALENDAR, "events"), (BANK, "accounts"), ([BANK, CALENDAR], "accounts events")):
        again = (await refresh(server, response["refresh_token"], resource=wanted)).json()
        assert ((await claims(server, again))["aud"], again["scope"]) == (wanted, scope)


@pytest.mark.requirement("RES-2.2-1")
@pytest.mark.parametrize("wanted", [BARE, [CALENDAR, BARE], "https://unknown.example"])
async def test_no_other_resource_can_be_added_later(server: Running, wanted: Any) -> None:
    request = but(REQUEST, scope="accounts events", resource=[BANK, CALENDAR])
    code = await code_of(await opened(server, request))
    refused(await redeem(server, code, resource=wanted), 400, "invalid_target", "token.resource")
    response = (await redeem(server, code)).json()
    reply = await refresh(server, response["refresh_token"], resource=wanted)
    refused(reply, 400, "invalid_target", "token.resource")


BAD_RESOURCES = {
    "relative": ("/api", "request.resource_malformed"),
    "fragment": (f"{BANK}#x", "request.resource_malformed"),
    "space": ("https://a b.example", "request.resource_malformed"),
    "two in one": (f"{BANK} {CALENDAR}", "request.resource_malformed"),
    "no URI": ("bank", "request.resource_malformed"),
    "unknown": ("https://unknown.example", "request.resource_unknown"),
    "almost": (f"{BANK}/", "request.resource_unknown"),
    "other case": (BANK.upper(), "request.resource_unknown"),
}


@pytest.mark.requirement("RES-2-1", "RES-2.1-1")
@ENTRIES
@pytest.mark.parametrize(("value", "refusal"), BAD_RESOURCES.values(), ids=BAD_RESOURCES)
async def test_a_resource_that_is_none(server: Running, value: str, refusal: str, pushed: bool) -> None:
    request = but(REQUEST, resource=value)
    if pushed:
        reply = await server.http.post(PAR, auth=("app", SECRET), data=request)
        refused(reply, 400, "invalid_target", refusal)
    else:
        await not_accepted(server, request, "invalid_target", refusal, push=False)
    reply = await post(server, {"grant_type": "client_credentials", "scope": "accounts", "audience": value})
    refused(reply, 400, "invalid_target", refusal)
    assert stored(server) == 0


@pytest.mark.requirement("RES-2.1-1")
async def test_a_client_may_be_limited_to_some_resources(server: Running) -> None:
    form = {"grant_type": "client_credentials", "scope": "accounts"}
    assert (await post(server, {**form, "resource": BANK}, "notes")).status_code == 200
    reply = await post(server, {**form, "resource": CALENDAR}, "notes")
    refused(reply, 400, "invalid_target", "request.resource_not_allowed")
    pushed = await server.http.post(PAR, auth=("notes", SECRET), data=but(REQUEST, resource=CALENDAR))
    refused(pushed, 400, "invalid_target", "request.resource_not_allowed")


@pytest.mark.requirement("RES-2.1-1")
async def test_leaving_the_resource_out_is_no_way_around(server: Running) -> None:
    """Scope values and locations lead to an audience too."""
    form = {"grant_type": "client_credentials", "scope": "events"}
    refused(await post(server, form, "notes"), 400, "invalid_target", "request.resource_not_allowed")
    elsewhere = details({"type": "note", "locations": [CALENDAR]})
    for change in ({"scope": "events"}, {"authorization_details": elsewhere}):
        pushed = await server.http.post(PAR, auth=("notes", SECRET), data=but(REQUEST, **change))
        refused(pushed, 400, "invalid_target", "request.resource_not_allowed")


@pytest.mark.requirement("RES-2.1-1", "RES-2.2-1")
async def test_a_client_that_has_lost_a_resource_gets_no_more_tokens_for_it(server: Running) -> None:
    response = await tokens(server, but(REQUEST, scope="events"))
    changed = [{**c, "allowed_resources": [BANK]} for c in MANIFEST["clients"] if c["client_id"] == "app"]
    await server.apply(json.dumps({"realms": [{**MANIFEST, "clients": changed}]}))
    reply = await refresh(server, response["refresh_token"])
    refused(reply, 400, "invalid_target", "request.resource_not_allowed")


@pytest.mark.requirement("RES-2.2-4")
async def test_scope_that_the_target_does_not_understand_makes_no_token(server: Running) -> None:
    form = {"grant_type": "client_credentials", "scope": "events", "resource": BANK}
    refused(await post(server, form), 400, "invalid_scope", "request.scope_target")
    pushed = await server.http.post(PAR, auth=("app", SECRET), data=but(REQUEST, scope="events", resource=BANK))
    refused(pushed, 400, "invalid_scope", "request.scope_target")
    response = await tokens(server, but(REQUEST, scope="accounts events", resource=[BANK, CALENDAR]))
    reply = await refresh(server, response["refresh_token"], scope="accounts", resource=CALENDAR)
    refused(reply, 400, "invalid_scope", "request.scope_target")


@pytest.mark.requirement("RES-2.2-4")
async def test_what_a_person_unticks_can_leave_nothing_for_the_target(server: Running) -> None:
    request = but(REQUEST, scope="accounts events", resource=BANK)
    browser = await opened(server, request)
    await browser.sign_in()
    await browser.submit("consent-allow", scope=["events"])
    told(browser, request, "invalid_scope", "request.scope_target")


@pytest.mark.requirement("RES-2.1-1")
async def test_people_are_asked_for_each_resource(server: Running) -> None:
    """Also where its scope says nothing about it."""
    browser = await opened(server, but(REQUEST, scope="openid"))
    await code_of(browser)

    async def again(**changes: Any) -> Browser:
        reply = await server.http.post(PAR, auth=("app", SECRET), data=but(REQUEST, scope="openid", **changes))
        params = {"client_id": "app", "request_uri": reply.json()["request_uri"]}
        return await browser.open(AUTHORIZE, params=params)

    assert not at(await again(), "consent")
    silent = {"resource": CALENDAR, "prompt": "none"}
    told(await again(**silent), but(REQUEST, **silent), "consent_required", "authorize.consent_required")
    await again(resource=CALENDAR)
    assert browser.page is not None
    assert CALENDAR in browser.page.text
    await browser.allow()
    assert "code" in (await again(**silent)).answer


@pytest.mark.requirement("RES-2.2-1")
async def test_a_refresh_leads_nowhere_else_than_the_grant() -> None:
    realm = {**MANIFEST, "default_resource": BARE}
    async with running(json.dumps({"realms": [realm]})) as server:
        response = await tokens(server, REQUEST)
        assert (await claims(server, response))["aud"] == [BANK, BASE_URL]
        narrow = (await refresh(server, response["refresh_token"], scope="email")).json()
        assert (await claims(server, narrow))["aud"] == BASE_URL
        moved = [{"identifier": BANK, "scopes": ["payments"]}, {"identifier": CALENDAR, "scopes": ["accounts"]},
                 {"identifier": BARE}]  # fmt: skip
        await server.apply(json.dumps({"realms": [{**realm, "resources": moved}]}))
        reply = await refresh(server, response["refresh_token"])
        refused(reply, 400, "invalid_target", "token.resource")


@pytest.mark.requirement("RAR-10-1")
async def test_types_that_were_withdrawn_are_in_no_new_token(server: Running) -> None:
    both = await tokens(server, but(REQUEST, authorization_details=details(PAYMENT, NOTE)))
    one = await tokens(server, but(REQUEST, authorization_details=details(PAYMENT)))
    changed = [{**c, "authorization_details_types": ["note"]} for c in MANIFEST["clients"] if c["client_id"] == "app"]
    await server.apply(json.dumps({"realms": [{**MANIFEST, "clients": changed}]}))
    assert (await refresh(server, both["refresh_token"])).json()["authorization_details"] == [NOTE]
    reply = await refresh(server, one["refresh_token"])
    refused(reply, 400, "invalid_authorization_details", "details.type_not_allowed")


@pytest.mark.requirement("RAR-9.1-1", "RAR-9.2-1", "JIR-5-4")
async def test_introspection_tells_an_api_its_own_entries() -> None:
    apis = [
        {"client_id": name, "client_secret": SECRET, "grant_types": ["client_credentials"]}
        for name in ("bank", "calendar")
    ]
    resources = [
        {"identifier": BANK, "scopes": ["accounts"], "introspection_clients": ["bank"]},
        {"identifier": CALENDAR, "scopes": ["events"], "introspection_clients": ["calendar"]},
    ]
    realm = {**MANIFEST, "resources": resources, "clients": [MANIFEST["clients"][0], *apis]}
    mine, other = {"type": "note", "locations": [CALENDAR]}, {"type": "note", "locations": [BANK]}
    async with running(json.dumps({"realms": [realm]})) as server:
        request = but(REQUEST, scope="accounts events", resource=[BANK, CALENDAR])
        response = await tokens(server, but(request, authorization_details=details(mine, other, NOTE)))
        for who, wanted in (("bank", [other, NOTE]), ("calendar", [mine, NOTE])):
            form = {"token": response["access_token"]}
            told_of = (await server.http.post("/oauth2/introspect", auth=(who, SECRET), data=form)).json()
            assert (told_of["active"], told_of["authorization_details"]) == (True, wanted)


@pytest.mark.requirement("RES-2.1-2")
async def test_a_realm_may_demand_a_resource_or_have_a_default() -> None:
    async with running(json.dumps({"realms": [{**MANIFEST, "resource_required": True}]})) as server:
        pushed = await server.http.post(PAR, auth=("app", SECRET), data=REQUEST)
        refused(pushed, 400, "invalid_target", "request.resource_missing")
        reply = await post(server, {"grant_type": "client_credentials", "scope": "accounts"})
        refused(reply, 400, "invalid_target", "request.resource_missing")
    async with running(json.dumps({"realms": [{**MANIFEST, "default_resource": BARE}]})) as server:
        response = await tokens(server, but(REQUEST, scope="email"))
        assert (await claims(server, response))["aud"] == BARE


async def test_a_resource_that_the_realm_has_lost_gets_no_more_tokens(server: Running) -> None:
    response = await tokens(server, but(REQUEST, scope="events", resource=CALENDAR))
    fewer = {**MANIFEST, "resources": [r for r in MANIFEST["resources"] if r["identifier"] != CALENDAR]}
    await server.apply(json.dumps({"realms": [fewer]}))
    reply = await refresh(server, response["refresh_token"])
    refused(reply, 400, "invalid_target", "request.resource_unknown")


@pytest.mark.requirement("META-9396-1")
async def test_the_metadata_names_the_types(server: Running) -> None:
    async def named() -> Any:
        document = (await server.http.get("/.well-known/oauth-authorization-server")).json()
        return document.get("authorization_details_types_supported")

    assert await named() == ["payment_initiation", "note"]
    await server.apply(json.dumps({"realms": [{**MANIFEST, "authorization_details_types": [], "clients": []}]}))
    assert await named() is None
