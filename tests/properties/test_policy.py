"""Stricter never allows more: neither for a client that asks to be held to more, nor beside what its realm allows."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushgate.endpoints.context import Context
from pushgate.endpoints.facts import facts_of
from pushgate.errors import OAuthError
from pushgate.model import Client
from pushgate.profiles import PROFILES, canonical_response_type
from pushgate.protocol.authorization_request import parse_authorization_request
from pushgate.protocol.metadata import metadata
from pushgate.protocol.params import Params
from pushgate.protocol.redirect_uri import reply_to
from pushgate.protocol.rules import check
from pushgate.testing import running
from tests.support.strategies import thoroughly

REDIRECT = "https://app.example/cb"
RESPONSE_TYPES = ("code", "token", "id_token", "id_token token", "code id_token", "code token", "none")
SCOPES = ("openid", "email", "write", "read", "other", "unknown")
SWITCHES = [
    {"profile": profile, "pkce_required": pkce, "pushed_authorization_requests": {"required": required}}
    for profile, pkce, required in itertools.product(PROFILES, [False, True], [False, True])
]
"""The realms: one for each combination."""


@pytest.fixture(scope="module")
def realms() -> list[Context]:
    """The realms in force, as an endpoint sees them."""

    async def load() -> list[Context]:
        resources = [
            {"identifier": "https://api.example", "scopes": ["write", "read"]},
            {"identifier": "https://other.example", "scopes": ["other"]},
        ]
        wanted = [{"name": f"r{n}", "resources": resources, **each} for n, each in enumerate(SWITCHES)]
        async with running(json.dumps({"realms": wanted})) as server:
            found = [await server.server.realm(realm["name"]) for realm in wanted]
            return [realm for realm in found if realm is not None]

    return asyncio.run(load())


some = st.lists(st.sampled_from(SCOPES), min_size=1, max_size=4, unique=True).map(" ".join)
types = st.lists(st.sampled_from(RESPONSE_TYPES), min_size=1, unique=True).map(tuple)
clients = st.builds(
    Client,
    client_id=st.just("app"),
    token_endpoint_auth_method=st.sampled_from(["client_secret_basic", "none"]),
    redirect_uris=st.sampled_from([(REDIRECT,), (REDIRECT, REDIRECT + "/2")]),
    grant_types=st.sampled_from([("authorization_code", "implicit"), ("implicit",), ("authorization_code",)]),
    response_types=types,
    scope=st.none() | some,
    profile=st.sampled_from([None, *PROFILES]),
    pkce_required=st.sampled_from([None, False, True]),
    require_pushed_authorization_requests=st.booleans(),
    response_modes=st.sampled_from([None, ("jwt",), ("query", "fragment.jwt"), ("form_post", "query.jwt", "jwt")]),
)
requests = st.fixed_dictionaries(
    {"response_type": st.sampled_from(RESPONSE_TYPES), "scope": some},
    optional={
        "redirect_uri": st.sampled_from([REDIRECT, REDIRECT + "/2"]),
        "response_mode": st.sampled_from(["query", "fragment", "form_post", "jwt", "query.jwt", "form_post.jwt"]),
        "nonce": st.just("n"),
        "code_challenge": st.just("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        "code_challenge_method": st.sampled_from(["S256", "plain"]),
    },
)


def allowed(ctx: Context, client: Client, request: dict[str, str], *, pushed: bool) -> tuple[str, ...] | None:
    """The scope that the request would get, signed; None if it is refused."""
    asked, malformed = parse_authorization_request(Params(request), client.client_id)
    try:
        reply_to(asked, client, named="openid" in (asked.scope or ()))
        return check(facts_of(ctx, client, asked, pushed=pushed, signed=True, malformed=malformed))
    except OAuthError:
        return None


def stricter(client: Client, wish: int) -> Client:
    """The client, asking to be held to more in one respect."""
    changes: list[dict[str, Any]] = [
        {"require_pushed_authorization_requests": True},
        {"pkce_required": True},
        {"profile": "oauth2"} if client.profile in (None, "oidc") else {},
        {"response_types": client.response_types[1:]},
        {"grant_types": client.grant_types[1:]},
        {"redirect_uris": client.redirect_uris[:1]} if len(client.redirect_uris) == 1 else {},
        {"scope": client.scope.rpartition(" ")[0]} if client.scope and " " in client.scope else {},
        {"profile": "fapi2-security"} if client.profile in (None, "oidc") else {},
        {"dpop_bound_access_tokens": True},
        {"tls_client_certificate_bound_access_tokens": True},
        {"response_modes": client.response_modes[1:]} if client.response_modes else {"response_modes": ("jwt",)},
        {"profile": "fapi2-message-signing"} if client.profile in (None, "oidc", "fapi2-security") else {},
    ]
    return msgspec.structs.replace(client, **changes[wish])


@thoroughly
@given(st.integers(0, len(SWITCHES) - 1), clients, requests, st.booleans(), st.lists(st.integers(0, 11), max_size=3))
def test_asking_for_more_strictness_never_allows_more(
    realms: list[Context], number: int, client: Client, request: dict[str, str], pushed: bool, wishes: list[int]
) -> None:
    held = client
    for wish in wishes:
        held = stricter(held, wish)
    lenient = allowed(realms[number], client, request, pushed=pushed)
    strict = allowed(realms[number], held, request, pushed=pushed)
    if strict is not None:
        assert lenient is not None
        assert set(strict) <= set(lenient)


@thoroughly
@given(st.integers(0, len(SWITCHES) - 1), clients, requests, st.booleans())
def test_no_client_gets_what_its_realm_forbids(
    realms: list[Context], number: int, client: Client, request: dict[str, str], pushed: bool
) -> None:
    ctx, switches = realms[number], SWITCHES[number]
    policy, profile = ctx.policy(client), PROFILES[str(switches["profile"])]
    assert policy.response_types <= profile.response_types
    assert policy.par_required >= switches["pushed_authorization_requests"]["required"]
    assert policy.pkce_required >= switches["pkce_required"]
    assert policy.profile.introspection_for_resources_only >= profile.introspection_for_resources_only
    granted = allowed(ctx, client, request, pushed=pushed)
    if granted is None:
        return
    assert canonical_response_type(request["response_type"]) in profile.response_types
    assert profile.openid_connect or "openid" not in granted
    assert pushed or not switches["pushed_authorization_requests"]["required"]
    if switches["pkce_required"] and "code" in request["response_type"].split():
        assert request["code_challenge_method"] == "S256"


@thoroughly
@given(st.integers(0, len(SWITCHES) - 1), clients, requests, st.booleans())
def test_no_client_gets_what_its_own_registration_forbids(
    realms: list[Context], number: int, client: Client, request: dict[str, str], pushed: bool
) -> None:
    granted = allowed(realms[number], client, request, pushed=pushed)
    if granted is None:
        return
    own = PROFILES[client.profile] if client.profile else PROFILES["oidc"]
    response_type = canonical_response_type(request["response_type"])
    assert response_type in map(canonical_response_type, client.response_types)
    assert response_type in own.response_types
    assert own.openid_connect or "openid" not in granted
    assert "code" not in response_type.split() or "authorization_code" in client.grant_types
    assert client.scope is None or set(granted) <= set(client.scope.split())
    assert set(granted) <= set(request["scope"].split())
    assert pushed or not client.require_pushed_authorization_requests
    if client.public and "code" in response_type.split():
        assert request["code_challenge_method"] == "S256"


@pytest.mark.parametrize("number", range(len(SWITCHES)))
def test_what_the_metadata_promises_is_granted(realms: list[Context], number: int) -> None:
    """And so the documents never advertise what the realm refuses."""
    ctx = realms[number]
    document = metadata(ctx.realm)
    everything = Client(
        client_id="app",
        redirect_uris=(REDIRECT,),
        grant_types=tuple(document["grant_types_supported"]),
        response_types=tuple(document["response_types_supported"]),
    )
    challenge = {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}
    for response_type in document["response_types_supported"]:
        scope = "openid" if "openid" in document["scopes_supported"] else "write"
        for mode in document["response_modes_supported"]:
            request = {"response_type": response_type, "scope": scope, "nonce": "n", "redirect_uri": REDIRECT}
            request |= {**challenge, "code_challenge_method": "S256", "response_mode": mode}
            granted = allowed(ctx, everything, request, pushed=True)
            tokens = {"token", "id_token"} & set(response_type.split())
            assert (granted is None) == bool(mode in ("query", "query.jwt") and tokens), (response_type, mode)
    for scope in document["scopes_supported"]:
        request = {"response_type": "code", "scope": scope, "redirect_uri": REDIRECT, "code_challenge_method": "S256"}
        request["response_mode"] = document["response_modes_supported"][-1]
        assert allowed(ctx, everything, request | challenge, pushed=True) == (scope,)
