"""The `claims` parameter (OpenID Connect Core 5.5): what is asked for by name, agreed to, and released."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pushgate.errors import InvalidRequest
from pushgate.model import ClaimsRequest, ClaimWish
from pushgate.protocol.claims_request import allows, parse_claims
from pushgate.protocol.user_claims import released_claims
from pushgate.testing import Running, running
from tests.support.assertions import key, public, signed
from tests.support.manifests import APP_SECRET, REDIRECT, REQUEST
from tests.support.steps import (
    HYBRID,
    agree,
    answered,
    ask,
    at,
    but,
    not_accepted,
    redeem,
    refresh,
    tokens_for,
    told,
    userinfo,
    verified,
)

ENTRIES = pytest.mark.parametrize("push", [True, False], ids=["pushed", "browser"])
SILVER, GOLD = "urn:example:silver", "urn:example:gold"
ALICE = {
    "name": "Alice", "name#de": "Alice Straße", "name#fr-CA": "Alice du Québec", "email": "alice@example.com",
    "email_verified": True, "department": "Post", "badge": 7, "roles": ["clerk"], "acr": GOLD, "nonce": "made up",
    "s_hash": "made up",
}  # fmt: skip
PLAIN = but(REQUEST, scope="openid")


def manifest(client: dict[str, Any] | None = None, **realm: Any) -> str:
    """A realm with two levels, of which the sign-in page reaches the lower one."""
    app = {
        "client_id": "app", "client_secret": APP_SECRET, "redirect_uris": [REDIRECT], "jwks": public("p256"),
        "grant_types": ["authorization_code", "refresh_token"], "scope": "openid profile email",
    }  # fmt: skip
    hybrid = {
        "client_id": "hybrid", "client_secret": APP_SECRET, "redirect_uris": [HYBRID["redirect_uri"]],
        "grant_types": ["authorization_code", "implicit"], "scope": "openid email",
        "response_types": ["code", "id_token", "code id_token", "id_token token"],
    }  # fmt: skip
    common = {
        "name": "default",
        "authentication_contexts": [{"acr": SILVER}, {"acr": GOLD, "amr": ["pwd", "sc"]}],
        "users": [
            {"username": "alice", "password": "alice-password", "claims": ALICE},
            {"username": "bob", "password": "bob-password"},
        ],
    }
    return json.dumps({"realms": [{**common, **realm, "clients": [{**app, **(client or {})}, hybrid]}]})


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server with a user who has claims of every kind."""
    async with running(manifest()) as found:
        yield found


def asking(request: dict[str, str] = PLAIN, /, **claims: Any) -> dict[str, str]:
    """The request with this claims parameter."""
    return but(request, claims=json.dumps(claims))


async def told_of(server: Running, request: dict[str, str], **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the client learns of the user: from the ID Token, and at UserInfo."""
    tokens = await tokens_for(server, request, **kwargs)
    return await verified(server, tokens["id_token"]), (await userinfo(server, tokens["access_token"])).json()


async def sub_of(server: Running, username: str) -> str:
    found = await server.management.accounts("default").user_by_username(username)
    assert found is not None
    return found.sub


# --- Which claims, and where ----------------------------------------------------------------------------------


@pytest.mark.requirement("OIDC-5.5-1", "OIDC-5.5-2")
@ENTRIES
async def test_claims_come_where_they_were_asked_for(server: Running, push: bool) -> None:
    request = asking(
        id_token={"department": None, "email": {"essential": True}, "missing": {"essential": True}},
        userinfo={"badge": {"essential": False, "unknown_member": 1}, "roles": {}, "email": None},
        another_place={"name": None},
    )
    identity, info = await told_of(server, request, push=push)
    assert (identity["department"], identity["email"]) == ("Post", "alice@example.com")
    assert not {"badge", "roles", "missing", "name"} & identity.keys()
    assert info == {"sub": identity["sub"], "badge": 7, "roles": ["clerk"], "email": "alice@example.com"}


@pytest.mark.requirement("OIDC-5.5-1")
@ENTRIES
async def test_a_request_object_holds_them_as_an_object(server: Running, push: bool) -> None:
    claims = {
        **but(PLAIN, response_mode=None),
        "client_id": "app",
        "iss": "app",
        "claims": {"userinfo": {"badge": None}},
    }
    request = {"request": signed(claims, by=key("p256"))}
    tokens = await tokens_for(server, request, push=push)
    assert (await userinfo(server, tokens["access_token"])).json()["badge"] == 7
    as_text = {"request": signed({**claims, "claims": json.dumps(claims["claims"])}, by=key("p256"))}
    browser = await ask(server, as_text)
    assert browser.page is not None
    assert browser.page.headers["pushgate-refusal"] == "request_object.type"


@pytest.mark.requirement("OIDC-5.5-1")
async def test_a_refresh_keeps_them(server: Running) -> None:
    tokens = await tokens_for(server, asking(id_token={"department": None}, userinfo={"badge": None}))
    again = (await refresh(server, tokens["refresh_token"])).json()
    assert (await verified(server, again["id_token"]))["department"] == "Post"
    assert (await userinfo(server, again["access_token"])).json()["badge"] == 7


@pytest.mark.requirement("OIDC-5.5-1", "OIDC-5.4-1")
async def test_an_id_token_through_the_browser_has_them_too(server: Running) -> None:
    request = asking(but(HYBRID, scope="openid email"), id_token={"department": None})
    for response_type in ("id_token", "code id_token", "id_token token"):
        browser = await answered(server, but(request, response_type=response_type), "hybrid")
        identity = await verified(server, browser.answer["id_token"])
        assert identity["department"] == "Post"
        assert ("email" in identity) is (response_type == "id_token")


@pytest.mark.requirement("OIDC-5.5-1")
async def test_what_an_account_has_never_speaks_for_the_server(server: Running) -> None:
    names = ("acr", "nonce", "s_hash", "iss", "aud", "amr", "auth_time", "sid", "exp")
    request = asking(but(PLAIN, nonce=None), id_token=dict.fromkeys(names), userinfo=dict.fromkeys(names))
    identity, info = await told_of(server, request)
    assert identity["acr"] == SILVER
    assert not {"nonce", "s_hash"} & identity.keys()
    assert info.keys() == {"sub"}


@pytest.mark.requirement("OIDC-5.5.1-1")
@pytest.mark.parametrize(
    ("wish", "kept"),
    [
        ({"value": "Post"}, True), ({"value": "post"}, False), ({"values": ["Bank", "Post"]}, True),
        ({"values": ["Bank"], "essential": True}, False), ({"value": None}, True), ({"value": ["Post"]}, False),
        ({"value": "Post", "values": ["Bank"]}, True),
    ],
)  # fmt: skip
async def test_another_value_than_the_one_asked_for_is_left_out(server: Running, wish: Any, kept: bool) -> None:
    identity, info = await told_of(server, asking(id_token={"department": wish}, userinfo={"department": wish}))
    assert (identity.get("department"), info.get("department")) == (("Post", "Post") if kept else (None, None))


@pytest.mark.requirement("OIDC-5.5.1-1")
async def test_a_wish_narrows_what_a_scope_releases(server: Running) -> None:
    request = asking(REQUEST, userinfo={"email": {"value": "bob@example.com"}})
    assert "email" not in (await told_of(server, request))[1]


@pytest.mark.requirement("OIDC-5.5.1-1")
def test_true_is_not_one() -> None:
    assert not allows(ClaimWish(values=(1,)), True)
    assert not allows(ClaimWish(values=(1.0,)), 1)
    assert allows(ClaimWish(values=(False, {"a": 1})), {"a": 1})


# --- Consent --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("OIDC-3.1.2.4-1", "OIDC-5.5-1")
async def test_the_page_lists_what_no_scope_covers_and_the_answer_is_remembered(server: Running) -> None:
    request = asking(REQUEST, id_token={"department": None, "email": None, "acr": None}, userinfo={"x <b>%s": None})
    browser = await ask(server, request)
    await browser.sign_in()
    assert at(browser, "consent")
    assert browser.page is not None
    ticked = [value for name, value in browser.form().fields if name == "scope"]
    assert ticked == ["openid", "email", "\\department", "\\x%20%3Cb%3E%25s"]
    assert "Post</bdi>" in browser.page.text
    assert "x &lt;b&gt;%s" in browser.page.text
    await browser.allow()
    assert "code" in (await ask(server, request, browser=browser)).answer
    # One more claim, or the same one for the first time in a language, has to be agreed to.
    for more in ("badge", "department#de"):
        wider = asking(REQUEST, id_token={"department": None, more: None})
        assert at(await ask(server, wider, browser=browser), "consent")
        silent = but(wider, prompt="none")
        told(await ask(server, silent, browser=browser), silent, "consent_required", "authorize.consent_required")


@pytest.mark.requirement("OIDC-3.1.2.4-1")
@pytest.mark.parametrize("name", ["department", "missing"])
async def test_a_silent_request_does_not_tell_what_an_account_has(server: Running, name: str) -> None:
    browser = await answered(server, PLAIN)
    for wish in (None, {"value": "Post"}, {"value": "Bank"}):
        request = but(asking(userinfo={name: wish}), prompt="none")
        told(await ask(server, request, browser=browser), request, "consent_required", "authorize.consent_required")


@pytest.mark.requirement("OIDC-3.1.2.4-1", "OIDC-5.5-1")
async def test_what_the_user_does_not_tick_is_not_released(server: Running) -> None:
    wishes = {"department": None, "badge": None, "email": None}
    browser = await ask(server, asking(REQUEST, id_token=wishes, userinfo=wishes))
    await browser.sign_in()
    await browser.submit("consent-allow", scope=["\\badge"])
    tokens = (await redeem(server, browser.answer["code"])).json()
    assert tokens["scope"] == "openid"
    identity = await verified(server, tokens["id_token"])
    info = (await userinfo(server, tokens["access_token"])).json()
    assert [found.keys() & wishes.keys() for found in (identity, info)] == [{"badge"}, {"badge"}]
    [given] = await server.audit("consent_given")
    assert (given["scope"], given["claims"]) == ("openid", "badge")
    # Nothing that was refused is remembered as agreed to.
    assert at(await ask(server, asking(userinfo={"department": None}), browser=browser), "consent")
    assert "code" in (await ask(server, asking(userinfo={"badge": None}), browser=browser)).answer


@pytest.mark.requirement("OIDC-3.1.2.4-1")
async def test_a_box_that_was_not_on_the_page_counts_for_nothing(server: Running) -> None:
    browser = await ask(server, asking(userinfo={"badge": None}))
    await browser.sign_in()
    await browser.submit("consent-allow", scope=["\\badge", "\\department", "email"])
    tokens = (await redeem(server, browser.answer["code"])).json()
    assert (await userinfo(server, tokens["access_token"])).json().keys() == {"sub", "badge"}
    assert at(await ask(server, asking(userinfo={"department": None}), browser=browser), "consent")


async def test_who_is_approved_by_an_operator_need_not_ask() -> None:
    async with running(manifest({"skip_consent": True})) as server:
        browser = await ask(server, asking(userinfo={"badge": None}))
        await browser.sign_in()
        tokens = (await redeem(server, browser.answer["code"])).json()
        assert (await userinfo(server, tokens["access_token"])).json()["badge"] == 7


# --- Languages ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("OIDC-5.5-1", "META-OIDD-5")
@ENTRIES
@pytest.mark.parametrize(
    ("locales", "name"),
    [(None, "Alice"), ("de", "Alice Straße"), ("DE-ch en", "Alice Straße"), ("xx fr-CA", "Alice du Québec"),
     ("fr", "Alice"), ("nonsense de-", "Alice Straße")],
)  # fmt: skip
async def test_claims_come_in_the_language_asked_for(
    server: Running, push: bool, locales: str | None, name: str
) -> None:
    request = but(asking(but(PLAIN, scope="openid profile"), id_token={"name": None}), claims_locales=locales)
    identity, info = await told_of(server, request, push=push)
    assert (identity["name"], info["name"]) == (name, name)
    assert not [claim for claim in info if "#" in claim]


@pytest.mark.requirement("OIDC-5.5-1")
async def test_a_claim_can_be_asked_for_in_a_language(server: Running) -> None:
    request = asking(userinfo={"name#de": None, "name#FR-ca": None, "name#it": None})
    browser = await ask(server, request)
    await browser.sign_in()
    assert browser.page is not None
    assert "Your name" in browser.page.text
    tokens = (await redeem(server, (await browser.allow()).answer["code"])).json()
    info = (await userinfo(server, tokens["access_token"])).json()
    assert info.pop("sub")
    assert info == {"name#de": "Alice Straße", "name#FR-ca": "Alice du Québec"}


# --- Who it has to be -------------------------------------------------------------------------------------------


@pytest.mark.requirement("OIDC-3.1.2.2-2", "OIDC-5.5.1-1")
@ENTRIES
@pytest.mark.parametrize("place", ["id_token", "userinfo"])
async def test_a_sub_binds_the_answer_to_that_user(server: Running, push: bool, place: str) -> None:
    alice = await sub_of(server, "alice")
    for wish in ({"value": alice}, {"values": ["somebody", alice]}, {"essential": True}, None):
        request = asking(**{place: {"sub": wish}})
        identity, _ = await told_of(server, request, push=push)
        assert identity["sub"] == alice
    # Another account is signed in: the login page, and whoever signs in there as somebody else gets no code.
    browser = await answered(server, PLAIN, username="bob")
    server.clock.advance(5)
    request = asking(**{place: {"sub": {"value": alice}}})
    assert at(await ask(server, request, browser=browser, push=push), "login")
    told(await agree(browser, "bob"), request, "login_required", "authorize.login_other_user")
    server.clock.advance(5)
    assert at(await ask(server, request, browser=browser, push=push), "login")
    assert "code" in (await agree(browser, "alice")).answer


@pytest.mark.requirement("OIDC-3.1.2.2-2", "OIDC-5.5.1-1")
@ENTRIES
async def test_a_silent_request_for_another_user(server: Running, push: bool) -> None:
    alice, bob = await sub_of(server, "alice"), await sub_of(server, "bob")
    browser = await answered(server, PLAIN)
    for wishes in (
        {"id_token": {"sub": {"value": bob}}},
        {"id_token": {"sub": {"value": alice}}, "userinfo": {"sub": {"value": bob}}},
        {"id_token": {"sub": {"value": 1}}},
    ):
        request = but(asking(**wishes), prompt="none")
        await ask(server, request, browser=browser, push=push)
        told(browser, request, "login_required", "authorize.login_other_user")
    request = but(asking(id_token={"sub": {"value": alice}}), prompt="none")
    assert "code" in (await ask(server, request, browser=browser, push=push)).answer
    told(await ask(server, request, push=push), request, "login_required", "authorize.login_required")


# --- How surely -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("OIDC-5.5.1.1-1")
@ENTRIES
@pytest.mark.parametrize("values", [{"value": GOLD}, {"values": [GOLD, "urn:unknown"]}, {"value": "urn:unknown"},
                                    {"value": 1}])  # fmt: skip
async def test_an_essential_level_that_cannot_be_reached_is_an_error(
    server: Running, push: bool, values: dict[str, Any]
) -> None:
    request = asking(id_token={"acr": {"essential": True, **values}})
    browser = await ask(server, request, push=push)
    told(browser, request, "unmet_authentication_requirements", "authorize.acr_unmet")


@pytest.mark.requirement("OIDC-5.5.1.1-1")
@ENTRIES
async def test_an_essential_level_that_was_reached_is_in_the_token(server: Running, push: bool) -> None:
    request = asking(id_token={"acr": {"essential": True, "values": [GOLD, SILVER]}})
    identity, _ = await told_of(server, request, push=push)
    assert identity["acr"] == SILVER


@pytest.mark.requirement("OIDC-5.5.1.1-2")
@pytest.mark.parametrize("wish", [{"values": [GOLD]}, {"value": "urn:unknown"}, {"essential": True}, None])
async def test_any_other_level_is_a_wish(server: Running, wish: Any) -> None:
    identity, _ = await told_of(server, asking(id_token={"acr": wish}))
    assert identity["acr"] == SILVER


@pytest.mark.requirement("OIDC-5.5.1.1-1", "OIDC-5.5.1.1-2")
async def test_the_claims_request_decides_over_acr_values() -> None:
    async with running(manifest(step_up=True)) as server:
        # Step-up makes a demand of acr_values, but what is asked for in claims counts in their place.
        request = but(asking(id_token={"acr": {"values": [SILVER]}}), acr_values=GOLD)
        identity, _ = await told_of(server, request)
        assert identity["acr"] == SILVER
        request = but(asking(id_token={"acr": {"essential": True, "values": [GOLD]}}), acr_values=SILVER)
        browser = await ask(server, request)
        told(browser, request, "unmet_authentication_requirements", "authorize.acr_unmet")


@pytest.mark.requirement("REG-OIDC-2-6")
@ENTRIES
async def test_levels_by_default_count_where_the_request_says_nothing(push: bool) -> None:
    async with running(manifest({"default_acr_values": [GOLD]}, step_up=True)) as server:
        browser = await ask(server, PLAIN, push=push)
        told(browser, PLAIN, "unmet_authentication_requirements", "authorize.acr_unmet")
        for request in (but(PLAIN, acr_values=SILVER), asking(id_token={"acr": {"value": SILVER}})):
            identity, _ = await told_of(server, request, push=push)
            assert identity["acr"] == SILVER


@pytest.mark.requirement("REG-OIDC-2-6", "OIDC-2-6")
async def test_an_age_by_default_is_overridden_and_auth_time_is_always_there() -> None:
    async with running(manifest({"default_max_age": 50, "require_auth_time": True})) as server:
        browser = await answered(server, PLAIN)
        signed_in_at = int(server.clock())
        server.clock.advance(100)
        assert "code" in (await ask(server, but(PLAIN, max_age="500"), browser=browser)).answer
        tokens = (await redeem(server, browser.answer["code"])).json()
        assert (await verified(server, tokens["id_token"]))["auth_time"] == signed_in_at
        assert at(await ask(server, PLAIN, browser=browser), "login")


# --- What is no claims request ------------------------------------------------------------------------------------

DEEP = '{"userinfo": {"a": {"value": ' + "[" * 10 + "]" * 10 + "}}}"
MALFORMED = [
    "x", "[]", '"a"', "null", "1", "{", '{"id_token": []}', '{"id_token": "sub"}', '{"userinfo": {"a": true}}',
    '{"userinfo": {"a": []}}', '{"userinfo": {"a": {"essential": 1}}}', '{"userinfo": {"a": {"essential": "true"}}}',
    '{"userinfo": {"a": {"values": "b"}}}', '{"userinfo": {"a": {"values": []}}}', '{"userinfo": {}, "userinfo": {}}',
    '{"userinfo": {"a": {"value": NaN}}}', '{"userinfo": {"a": {"value": "\\ud800"}}}', DEEP,
    json.dumps({"userinfo": {f"claim{n}": None for n in range(101)}}), json.dumps({"userinfo": {"x" * 101: None}}),
    json.dumps({"userinfo": {"a": {"values": list(range(101))}}}), json.dumps({"other": "x" * 17_000}),
    "[" * 2000, '{"id_token":' * 1200,
]  # fmt: skip


@pytest.mark.requirement("OIDC-5.5-1")
@ENTRIES
@pytest.mark.parametrize("text", MALFORMED, ids=range(len(MALFORMED)))
async def test_what_is_no_claims_request_is_refused(server: Running, push: bool, text: str) -> None:
    await not_accepted(server, but(PLAIN, claims=text), "invalid_request", "request.claims", push=push)


@pytest.mark.requirement("OIDC-5.5-1")
@pytest.mark.parametrize("text", ["{}", '{"id_token": null, "userinfo": {}}', '{"id_token": {"": null}, "x": [[1]]}'])
async def test_what_asks_for_nothing_is_fine(server: Running, text: str) -> None:
    _, info = await told_of(server, but(PLAIN, claims=text))
    assert info.keys() == {"sub"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.text(max_size=5) | st.sampled_from(["id_token", "userinfo", "essential", "value", "values", "sub"]), inner,
        max_size=4,
    ),
    max_leaves=15,
)  # fmt: skip


@given(st.text() | JSON.map(json.dumps))
@example("\ud800")
def test_any_text_is_a_claims_request_or_refused(text: str) -> None:
    with suppress(InvalidRequest):
        found = parse_claims(text)
        assert ClaimsRequest.decode(found.encode()) == found


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=5), st.lists(st.text(max_size=5), max_size=3))
def test_nothing_is_released_that_was_neither_granted_nor_asked_for(account: dict[str, Any], tags: list[str]) -> None:
    wishes = {"department": ClaimWish(), "sub": ClaimWish(), "iss": ClaimWish()}
    found = released_claims(("email", "nonsense"), wishes, account, tuple(tags))
    assert found.keys() <= {"email", "email_verified", "department"}
