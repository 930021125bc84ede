"""A push that says what one before it said is decided as if it were the first; only what is new in it is looked at."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from itertools import permutations
from typing import Any, cast
from urllib.parse import urlencode

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushgate.endpoints import decisions
from pushgate.endpoints.context import Context
from pushgate.endpoints.decisions import NEW, SAID, Decisions
from pushgate.endpoints.facts import facts_of
from pushgate.endpoints.par import decide
from pushgate.endpoints.request_object import Asked
from pushgate.errors import InvalidScope, OAuthError
from pushgate.model import AuthorizationRequest, Client
from pushgate.protocol.authorization_request import parse_authorization_request
from pushgate.protocol.params import Params, parse_form
from pushgate.protocol.rules import OF_VALUES, RULES, Facts
from pushgate.testing import Running, running
from tests.support.manifests import APP, APP_SECRET, CHALLENGE, KEY, MANIFEST, REDIRECT, REQUEST
from tests.support.steps import FORM as FORM_TYPE
from tests.support.steps import HYBRID, PAR, SPA, but, post_as, refused

CLIENTS = [
    {"client_id": "app", "client_secret": APP_SECRET, "redirect_uris": [REDIRECT], "scope": "openid email write"},
    {
        "client_id": "hybrid",
        "client_secret": APP_SECRET,
        "redirect_uris": [HYBRID["redirect_uri"], REDIRECT],
        "grant_types": ["authorization_code", "implicit"],
        "response_types": ["code", "id_token", "code id_token", "token"],
        "scope": "openid email",
    },
    {
        "client_id": "bank",
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "jwks": {"keys": [KEY.as_dict(private=False)]},
        "redirect_uris": [REDIRECT],
        "profile": "fapi2-security",
        "scope": "openid",
    },
]
REALMS = [{"name": "default", "clients": CLIENTS}, {"name": "long", "dialect": "ibm-verify", "clients": CLIENTS}]
JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
VALUES: dict[str, tuple[str, ...]] = {
    "response_type": ("code", "code", "id_token code", "id_token", "token", "none", "x"),
    "response_mode": ("query", "fragment", "form_post", "jwt", "x"),
    "redirect_uri": (REDIRECT, REDIRECT, HYBRID["redirect_uri"], "https://evil.example/"),
    "scope": ("openid", "openid", "openid email", "email", "write", "unknown", "a  b"),
    "code_challenge_method": ("S256", "S256", "plain", "x"),
    "state": ("s", "a state of some length", "x" * 2000),
    "nonce": ("n", "a nonce of some length", "x" * 1001),
    "code_challenge": (CHALLENGE, CHALLENGE[::-1], "short"),
    "client_id": ("app",),
    "client_assertion": ("a.b.c", "d.e.f"),
    "prompt": ("login", "none login"),
    "login_hint": ("alice",),
    "dpop_jkt": (JKT, JKT[::-1], "x"),
    "request_object": ("x",),
}
PAIR = st.sampled_from([*VALUES, *SAID, *SAID, *SAID]).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(VALUES[name]))
)
PLAIN = list(but(REQUEST, scope="openid", state="a longer state", nonce="a longer nonce").items())
FORM = st.one_of(
    st.lists(PAIR, max_size=8),
    st.lists(PAIR, max_size=2).map(lambda more: PLAIN + more),
    st.tuples(st.permutations(PLAIN), st.integers(0, 7)).map(lambda some: list(some[0][: some[1]])),
    st.lists(PAIR, max_size=2).map(lambda more: list({**dict(PLAIN), **dict(more)}.items())),
)
PUSHES = st.lists(st.tuples(FORM, st.sampled_from([None, None, JKT, JKT[::-1]])), min_size=2, max_size=6)


def told(ctx: Context, client: Client, form: list[tuple[str, str]], jkt: str | None) -> Any:
    """The request and its scope, or the refusal."""
    try:
        return decide(ctx, client, Asked(parse_form(urlencode(form).encode()), signed=False), jkt)
    except OAuthError as error:
        return type(error), error.refusal.id


@pytest.mark.parametrize("realm", ["default", "long"])
@pytest.mark.parametrize("client_id", ["app", "hybrid", "bank"])
async def test_no_answer_depends_on_what_was_pushed_before(realm: str, client_id: str) -> None:
    async with running(json.dumps({"realms": REALMS})) as server:
        ctx = await server.server.realm(realm)
        assert ctx is not None
        client = await ctx.client(client_id)
        assert client is not None

        known = 0

        @settings(max_examples=300)
        @given(PUSHES)
        def same(pushes: list[tuple[list[tuple[str, str]], str | None]]) -> None:
            nonlocal known
            used = replace(ctx, decisions=Decisions())
            for form, jkt in pushes:
                known += used.decisions.find(client, parse_form(urlencode(form).encode())) is not None
                assert told(used, client, form, jkt) == told(replace(ctx, decisions=Decisions()), client, form, jkt)

        same()
        assert known > 50


@pytest.mark.parametrize("name", [*SAID, *NEW])
async def test_nothing_that_counts_is_taken_from_the_push_before(server: Running, name: str) -> None:
    ctx = await server.server.realm()
    assert ctx is not None
    client = await ctx.client("hybrid")
    assert client is not None
    answers = set()
    for first, second in permutations((None, *dict.fromkeys(VALUES[name])), 2):
        used = replace(ctx, decisions=Decisions())
        told(used, client, list(but(HYBRID, **{name: first}).items()), None)
        form = list(but(HYBRID, **{name: second}).items())
        answer = told(replace(ctx, decisions=Decisions()), client, form, None)
        assert told(used, client, form, None) == answer
        answers.add(str(answer))
    assert len(answers) > 1


# --- Which rules are applied again -----------------------------------------------------------------------------


class Watched:
    """A request that remembers which of its members a rule looked at."""

    def __init__(self, request: AuthorizationRequest) -> None:
        self._request = request
        self.seen: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.seen.add(name)
        return getattr(self._request, name)


async def test_every_rule_that_looks_at_something_new_is_applied_again(server: Running) -> None:
    ctx = await server.server.realm()
    assert ctx is not None
    client = await ctx.client("hybrid")
    assert client is not None
    looked: dict[str, set[str]] = {rule.__name__: set() for rule in RULES}
    for form in (HYBRID, but(HYBRID, nonce=None, code_challenge=None), but(HYBRID, response_type="id_token")):
        request, facts = facts_about(ctx, client, form)
        for rule in RULES:
            watched = Watched(request)
            with contextlib.suppress(OAuthError):
                rule(msgspec.structs.replace(facts, request=cast("AuthorizationRequest", watched)))
            looked[rule.__name__] |= watched.seen
    new = {*NEW, "dpop_jkt"}
    assert {name for name, seen in looked.items() if seen & new} == {rule.__name__ for rule in OF_VALUES}
    assert [rule for rule in RULES if rule in OF_VALUES] == list(OF_VALUES), "the first refusal speaks"


def facts_about(ctx: Context, client: Client, form: dict[str, str]) -> tuple[AuthorizationRequest, Facts]:
    request, malformed = parse_authorization_request(Params(form), client.client_id)
    return request, facts_of(ctx, client, request, pushed=True, malformed=malformed)


# --- What is kept ----------------------------------------------------------------------------------------------


async def kept(server: Running) -> int:
    ctx = await server.server.realm()
    assert ctx is not None
    return len(ctx.decisions._kept)


async def push(server: Running, **changes: str | None) -> httpx.Response:
    return await post_as(server, "app", PAR, but(REQUEST, **changes))


async def test_only_what_was_granted_is_kept_and_nothing_about_a_person(server: Running) -> None:
    for number in range(3):
        assert (await push(server, state=f"s{number}", nonce=f"n{number}")).status_code == 201
    assert await kept(server) == 1
    for change in ({"login_hint": "alice"}, {"claims": "{}"}, {"prompt": "login"}, {"max_age": "1"}, {"own": "x"}):
        assert (await push(server, **change)).status_code == 201
    refused(await push(server, scope="none-such"), 400, "invalid_scope", "request.scope_not_allowed")
    evil = await push(server, redirect_uri="https://evil.example/")
    refused(evil, 400, "invalid_request", "request.redirect_uri_mismatch")
    assert await kept(server) == 1


async def test_nothing_that_is_new_each_time_is_kept(server: Running) -> None:
    """A stranger can push for a public client, and make each push as long as a body."""
    long = "state-" * 10_000
    form = {**SPA, "client_id": "spa", "state": long, "nonce": "nonce-of-once"}
    assert (await server.http.post(PAR, data=form)).status_code == 201
    ctx = await server.server.realm()
    assert ctx is not None
    [(key, decided)] = ctx.decisions._kept.items()
    said = f"{key} {msgspec.json.encode(decided.facts.request).decode()} {decided.facts.malformed} {decided.scope}"
    assert not [value for value in (long[:12], "nonce-of-once", CHALLENGE) if value in said]
    assert len(said) < 1_000


async def test_the_oldest_goes_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch, server: Running) -> None:
    monkeypatch.setattr(decisions, "MAX_KEPT", 3)
    scopes = ["openid", "email", "openid email", "write", "read"]
    for scope in scopes:
        assert (await push(server, scope=scope)).status_code == 201
        assert await kept(server) <= 3
    ctx = await server.server.realm()
    assert ctx is not None
    assert [found.facts.request.scope for found in ctx.decisions._kept.values()] == [
        tuple(scope.split()) for scope in scopes[2:]
    ]


async def test_what_is_configured_anew_is_decided_anew(server: Running) -> None:
    assert (await push(server, scope="write")).status_code == 201
    await server.apply(MANIFEST.replace("scope: openid profile email write read other", "scope: openid"))
    refused(await push(server, scope="write"), 400, "invalid_scope", "request.scope_not_allowed")


async def test_what_was_decided_of_a_client_is_not_true_of_one_that_was_read_anew(server: Running) -> None:
    """As after a change, in a realm that has not heard of it yet but had to read the client once more."""
    ctx = await server.server.realm()
    assert ctx is not None
    client = await ctx.client("app")
    assert client is not None
    form = list(but(REQUEST, scope="write").items())
    _, scope = told(ctx, client, form, None)
    assert scope == ("write",)
    fewer = msgspec.structs.replace(client, scope="openid")
    assert told(ctx, fewer, form, None) == (InvalidScope, "request.scope_not_allowed")
    assert told(ctx, client, form, None)[1] == ("write",)


@pytest.mark.parametrize("name", [*NEW, *SAID])
async def test_a_parameter_that_comes_twice_is_refused_though_the_rest_is_known(server: Running, name: str) -> None:
    for form in (REQUEST, but(REQUEST, **{name: None})):
        await post_as(server, "app", PAR, form)
    twice = urlencode([*REQUEST.items(), (name, REQUEST.get(name, "query")), (name, REQUEST.get(name, "query"))])
    reply = await server.http.post(PAR, auth=APP, content=twice, headers=FORM_TYPE)
    refused(reply, 400, "invalid_request", "http.repeated_parameter")
