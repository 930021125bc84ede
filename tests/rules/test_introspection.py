"""The introspection endpoint (RFC 7662): who may learn what of which token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote_from_bytes

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import OctKey

from pushgate.manage.manifest import BadManifest, export
from pushgate.model import Client, RealmSettings, RefreshToken, Resource, User
from pushgate.profiles import FAPI2_SECURITY, OIDC, SecurityProfile, policy_of
from pushgate.protocol.introspection import Caller, access_token_members, caller_of, refresh_token_members
from pushgate.refusals import REFUSALS
from pushgate.testing import BASE_URL, Running, running
from tests.support.assertions import TYPE, claims, key, public, signed
from tests.support.introspection import (
    API,
    INACTIVE,
    INTROSPECT,
    OTHER,
    RESOURCES,
    ask_about,
    manifest,
    minted,
    told,
)
from tests.support.manifests import APP_SECRET, REQUEST
from tests.support.proofs import jwk_of, post_with, proof, redeem_with, refresh_with, thumbprint
from tests.support.raw import raw
from tests.support.steps import (
    FORM,
    SPA,
    TOKEN,
    but,
    code_for,
    form_bytes,
    post_as,
    redeem,
    refresh,
    refused,
    tokens_for,
    verified,
)

WRITE = but(REQUEST, scope="openid email write")
OWN = {"grant_type": "client_credentials", "scope": "write"}


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server with two APIs."""
    async with running(manifest()) as found:
        yield found


async def own_token(server: Running, client_id: str = "app", scope: str = "write") -> str:
    """An access token of a client for itself."""
    reply = await post_as(server, client_id, TOKEN, {**OWN, "scope": scope})
    found: str = reply.json()["access_token"]
    return found


# --- What is told -----------------------------------------------------------------------------------------


@pytest.mark.requirement("INT-2.2-1", "INT-2.2-4", "STEP-6.2-1")
async def test_an_api_learns_what_concerns_it(server: Running) -> None:
    token = (await tokens_for(server, WRITE))["access_token"]
    issued = await verified(server, token, "ES256")
    assert (issued["aud"], issued["scope"]) == ([API, BASE_URL], "openid email write")
    same = ("client_id", "exp", "iat", "sub", "iss", "jti", "auth_time")
    found = await told(server, token)
    assert found == {
        "active": True, "token_type": "Bearer", "scope": "write", "aud": API, **{name: issued[name] for name in same},
    }  # fmt: skip
    assert found["client_id"] == "app"
    assert all(type(found[name]) is int for name in ("exp", "iat", "auth_time"))


@pytest.mark.requirement("INT-2.2-1")
async def test_a_client_learns_all_of_its_own_token(server: Running) -> None:
    token = (await tokens_for(server, WRITE))["access_token"]
    issued = await verified(server, token, "ES256")
    inside = {name: value for name, value in issued.items() if name not in ("grant", "amr")}
    assert await told(server, token, "app") == {"active": True, "token_type": "Bearer", **inside}
    own = await own_token(server)
    assert await told(server, own, "app") == {
        "active": True, "token_type": "Bearer", **await verified(server, own, "ES256"),
    }  # fmt: skip


@pytest.mark.requirement("INT-2.2-1")
async def test_a_refresh_token_is_no_access_token(server: Running) -> None:
    tokens = await tokens_for(server, WRITE)
    subject = (await verified(server, tokens["access_token"], "ES256"))["sub"]
    assert await told(server, tokens["refresh_token"], "app") == {
        "active": True, "scope": "openid email write", "client_id": "app", "sub": subject, "aud": BASE_URL,
        "iss": BASE_URL, "exp": int(server.clock()) + 2_592_000,
    }  # fmt: skip


@pytest.mark.requirement("INT-2.2-1", "STEP-6.2-1", "RAR-9.2-1")
async def test_what_else_is_in_a_token_is_told_as_it_is_there(server: Running) -> None:
    details = [{"type": "payment", "amount": {"value": 12.5, "currency": "EUR"}, "locations": [API]}]
    more: dict[str, Any] = {"acr": "urn:example:loa:2", "auth_time": 1_700_000_000, "nbf": 1}
    more |= {"authorization_details": details}
    token = await minted(server, **more, secret_of_ours="x", amr=["pwd"])
    for client_id in ("api", "app"):
        found = await told(server, token, client_id)
        assert {name: found.get(name) for name in more} == more
        assert not found.keys() & {"secret_of_ours", "amr", "grant"}


@pytest.mark.requirement("INT-2.2-4", "INT-4-1")
async def test_each_api_sees_its_own_part(server: Running) -> None:
    token = await minted(server, aud=[API, OTHER, BASE_URL], scope="openid other write read unknown")
    seen = {name: await told(server, token, name) for name in ("api", "other-api", "both", "app")}
    assert {name: (found["aud"], found["scope"]) for name, found in seen.items()} == {
        "api": (API, "write read"),
        "other-api": (OTHER, "other"),
        "both": ([API, OTHER], "other write read"),
        "app": ([API, OTHER, BASE_URL], "openid other write read unknown"),
    }
    for scope in ("openid other", None):
        found = await told(server, await minted(server, aud=[API, OTHER], scope=scope))
        assert (found["active"], "scope" in found) == (True, False)


# --- Bound tokens -----------------------------------------------------------------------------------------


@pytest.mark.requirement("DPOP-6.2-1", "MTLS-3.2-1")
async def test_a_token_bound_by_dpop_needs_no_proof_here(server: Running) -> None:
    tokens = (await redeem_with(server, await code_for(server, WRITE), proof(server))).json()
    bound = {"jkt": thumbprint("p256")}
    for client_id in ("api", "app"):
        found = await told(server, tokens["access_token"], client_id)
        assert (found["token_type"], found["cnf"]) == ("DPoP", bound)
    # A proof that comes along is not for this endpoint to look at.
    form = {"token": tokens["access_token"]}
    assert (await post_with(server, "api", INTROSPECT, form, "garbage")).json()["active"] is True


@pytest.mark.requirement("MTLS-3.2-1")
async def test_a_token_bound_to_a_certificate_is_a_bearer_token(server: Running) -> None:
    bound = {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}
    found = await told(server, await minted(server, cnf=bound))
    assert (found["token_type"], found["cnf"]) == ("Bearer", bound)


@pytest.mark.requirement("MTLS-3.2-1", "DPOP-6.2-1", "INT-2.2-2")
async def test_opaque_tokens_of_a_client_that_was_public(server: Running) -> None:
    bound = await redeem_with(server, await code_for(server, SPA, "spa"), proof(server), "spa", SPA["redirect_uri"])
    before = (await tokens_for(server, SPA, "spa"))["refresh_token"]
    after = (await refresh(server, before, "spa")).json()["refresh_token"]
    spa = {"client_id": "spa", "redirect_uris": [SPA["redirect_uri"]], "client_secret": APP_SECRET,
           "grant_types": ["authorization_code", "refresh_token"], "scope": "openid profile"}  # fmt: skip
    await server.apply(manifest(spa))
    ask = {name: await ask_about_as_spa(server, token) for name, token in
           {"bound": bound.json()["refresh_token"], "rotated": before, "new": after}.items()}  # fmt: skip
    assert ask["bound"]["cnf"] == {"jkt": thumbprint("p256")}
    assert "token_type" not in ask["bound"]
    assert ask["rotated"] == INACTIVE
    assert (ask["new"]["active"], "cnf" in ask["new"]) == (True, False)


async def ask_about_as_spa(server: Running, token: str) -> dict[str, Any]:
    """Ask as `spa`, which has a secret by now."""
    reply = await server.http.post(INTROSPECT, auth=("spa", APP_SECRET), data={"token": token})
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


# --- The request ------------------------------------------------------------------------------------------


@pytest.mark.requirement("INT-2.1-1")
async def test_only_a_posted_form_with_a_token(server: Running) -> None:
    token = await own_token(server)
    for method in ("GET", "PUT", "DELETE"):
        reply = await server.http.request(method, INTROSPECT, params={"token": token}, auth=("api", APP_SECRET))
        refused(reply, 405, "invalid_request", "http.method")
    for form in ({}, {"token": ""}, {"token_type_hint": "access_token"}):
        refused(await post_as(server, "api", INTROSPECT, form), 400, "invalid_request", "introspection.token_missing")
    reply = await server.http.post(INTROSPECT, params={"token": token}, auth=("api", APP_SECRET))
    refused(reply, 400, "invalid_request", "introspection.token_missing")
    reply = await server.http.post(INTROSPECT, json={"token": token}, auth=("api", APP_SECRET))
    refused(reply, 415, "invalid_request", "http.content_type")
    twice = form_bytes(("token", token), ("token", token))
    reply = await server.http.post(INTROSPECT, content=twice, headers=FORM, auth=("api", APP_SECRET))
    refused(reply, 400, "invalid_request", "http.repeated_parameter")


@pytest.mark.requirement("INT-2.1-3")
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "id_token", "nonsense"])
async def test_a_wrong_hint_is_no_obstacle(server: Running, hint: str) -> None:
    tokens = await tokens_for(server, WRITE)
    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert (await told(server, token, "app", token_type_hint=hint))["active"] is True


# --- The caller -------------------------------------------------------------------------------------------


@pytest.mark.requirement("INT-2.1-2")
async def test_nobody_asks_without_authentication(server: Running) -> None:
    token = await own_token(server)
    form = {"token": token}
    for headers in ({}, {"authorization": f"Bearer {token}"}):
        reply = await server.http.post(INTROSPECT, data=form, headers=headers)
        refused(reply, 401, "invalid_client", "client.missing")
        assert reply.headers["www-authenticate"].startswith("Basic ")
    reply = await server.http.post(INTROSPECT, data=form, auth=("api", "wrong-secret-of-22-characters"))
    refused(reply, 401, "invalid_client", "client.authentication")
    reply = await server.http.post(INTROSPECT, data={**form, "client_id": "api"})
    refused(reply, 401, "invalid_client", "client.authentication")
    await server.apply(manifest({"client_id": "api", "client_secret": APP_SECRET, "enabled": False,
                                 "grant_types": ["client_credentials"]}))  # fmt: skip
    refused(await ask_about(server, token), 401, "invalid_client", "client.authentication")


@pytest.mark.requirement("INT-2.1-2", "INT-4-2")
async def test_a_public_client_cannot_even_ask_about_its_own_token(server: Running) -> None:
    token = (await tokens_for(server, SPA, "spa"))["access_token"]
    refused(await ask_about(server, token, "spa"), 401, "invalid_client", "introspection.public")


@pytest.mark.requirement("INT-2.1-2", "META-8414-11")
async def test_every_advertised_method_of_authentication_works(server: Running) -> None:
    document = (await server.http.get("/.well-known/oauth-authorization-server")).json()
    assert document["introspection_endpoint"] == BASE_URL + INTROSPECT
    methods = document["introspection_endpoint_auth_methods_supported"]
    assert {*methods, "none"} == set(document["token_endpoint_auth_methods_supported"])
    algs = document["introspection_endpoint_auth_signing_alg_values_supported"]
    assert algs == document["token_endpoint_auth_signing_alg_values_supported"]
    assert document["revocation_endpoint_auth_methods_supported"] == document["token_endpoint_auth_methods_supported"]
    kinds: dict[str, dict[str, Any]] = {
        "client_secret_basic": {"client_secret": APP_SECRET},
        "client_secret_post": {"client_secret": APP_SECRET},
        "client_secret_jwt": {"client_secret": APP_SECRET},
        "private_key_jwt": {"jwks": public("p256")},
    }
    for method in methods:
        api = {"client_id": "api", "grant_types": ["client_credentials"], "token_endpoint_auth_method": method}
        await server.apply(manifest(api | kinds[method]))
        form = {"token": await own_token(server)}
        if method == "client_secret_basic":
            reply = await server.http.post(INTROSPECT, data=form, auth=("api", APP_SECRET))
        elif method == "client_secret_post":
            reply = await server.http.post(INTROSPECT, data={**form, "client_id": "api", "client_secret": APP_SECRET})
        else:
            form |= {"client_assertion_type": TYPE, "client_assertion": assertion(server, method)}
            reply = await server.http.post(INTROSPECT, data=form)
            again = await server.http.post(INTROSPECT, data=form)
            refused(again, 401, "invalid_client", "assertion.replay")
        assert reply.json()["active"] is True, method


def assertion(server: Running, method: str) -> str:
    """A client assertion of `api` with this method."""
    if method == "private_key_jwt":
        return signed(claims(server, "api"), by=key("p256"))
    return signed(claims(server, "api"), alg="HS256", by=OctKey.import_key(APP_SECRET))


# --- Whom a token concerns ----------------------------------------------------------------------------------


@pytest.mark.requirement("INT-2.2-3", "INT-4-2")
async def test_a_token_that_is_for_somebody_else_is_not_active(server: Running) -> None:
    for scope, strangers in (("write", ("other-api", "hybrid")), ("other", ("api", "hybrid"))):
        tokens = await tokens_for(server, but(REQUEST, scope=f"openid {scope}"))
        own = await own_token(server, scope=scope)
        for stranger in strangers:
            for token in (tokens["access_token"], tokens["refresh_token"], own):
                assert await told(server, token, stranger) == INACTIVE
    # Tokens for UserInfo alone concern no API, and refresh tokens never do.
    tokens = await tokens_for(server)
    for api in ("api", "other-api", "both"):
        for token in (tokens["access_token"], tokens["refresh_token"]):
            assert await told(server, token, api) == INACTIVE


@pytest.mark.requirement("INT-4-2")
async def test_who_answers_for_an_api_is_the_operators_choice_of_this_moment(server: Running) -> None:
    token = await own_token(server)
    assert (await told(server, token))["active"] is True
    await server.apply(manifest(resources=[{**RESOURCES[0], "introspection_clients": ["both"]}, RESOURCES[1]]))
    assert await told(server, token) == INACTIVE
    assert (await told(server, token, "both"))["active"] is True
    await server.apply(manifest(resources=[RESOURCES[1]]))
    assert await told(server, token, "both") == INACTIVE


async def test_who_answers_for_an_api_is_a_client_that_can_authenticate(server: Running) -> None:
    for name, reason in (("nobody", "'nobody' is not a client"), ("spa", "'spa' is a public client")):
        resources = [RESOURCES[0], {**RESOURCES[1], "introspection_clients": ["api", name]}]
        with pytest.raises(BadManifest, match=rf"resources\[1\]\.introspection_clients: {reason}"):
            await server.apply(manifest(resources=resources))
        # Clients that are there already need not be in the manifest again.
        with pytest.raises(BadManifest, match=reason):
            await server.apply(json.dumps({"realms": [{"name": "default", "resources": resources}]}))
    resources = [{**RESOURCES[0], "introspection_clients": ["api"]}]
    await server.apply(json.dumps({"realms": [{"name": "default", "resources": resources}]}))
    assert (await told(server, await own_token(server)))["active"] is True
    exported = (await export(server.management, "default", with_secrets=False))["realms"][0]
    assert json.loads(json.dumps(exported["resources"])) == resources


def only_resources(profile: SecurityProfile) -> SecurityProfile:
    """The profile, but it serves registered resource servers alone."""
    return replace(profile, introspection_for_resources_only=True)


@pytest.mark.requirement("FMS-6.2-1")
def test_a_profile_may_serve_apis_alone() -> None:
    resource = Resource(identifier=API, scopes=("write",), introspection_clients=("api",))
    issued = {"client_id": "app", "aud": API, "scope": "write", "sub": "app"}
    refresh_token = RefreshToken(grant_id="g", client_id="app", scope=("write",), expires_at=1)
    for strict in (False, True):
        profile = only_resources(FAPI2_SECURITY) if strict else FAPI2_SECURITY
        callers = {
            name: caller_of(client, (resource,), profile.tighten(RealmSettings(name="r"), client))
            for name in ("app", "api")
            for client in [Client(client_id=name, token_endpoint_auth_method="private_key_jwt")]
        }
        assert (access_token_members(issued, callers["app"]) is None) is strict
        assert (refresh_token_members(refresh_token, "alice", BASE_URL, callers["app"]) is None) is strict
        assert access_token_members(issued, callers["api"]) == {"active": True, "token_type": "Bearer", **issued}
    # An API that is a client too sees its own token only as the API that it is for.
    both = Caller("app", (resource,), own_tokens=False)
    seen = access_token_members({**issued, "aud": [API, OTHER], "scope": "write other"}, both)
    assert seen is not None
    assert (seen["aud"], seen["scope"]) == (API, "write")


@pytest.mark.requirement("FMS-6.2-1")
def test_a_client_of_that_profile_is_held_to_it_in_any_realm_and_the_other_way_round() -> None:
    for inner, outer in ((only_resources(OIDC), OIDC), (OIDC, only_resources(OIDC))):
        assert inner.within(outer).introspection_for_resources_only is True
    assert OIDC.within(OIDC).introspection_for_resources_only is False
    policy = policy_of(RealmSettings(name="r"), Client(client_id="app"))
    assert caller_of(Client(client_id="app"), (), policy) == Caller("app", (), own_tokens=True)


# --- Tokens that are not active -----------------------------------------------------------------------------


@pytest.mark.requirement("INT-2.2-2", "INT-4-1")
async def test_what_is_not_a_token_of_this_server_is_not_active(server: Running) -> None:
    tokens = await tokens_for(server, WRITE)
    good, now = tokens["access_token"], int(server.clock())
    start, payload, signature = good.split(".")
    forged = {"iss": BASE_URL, "aud": API, "client_id": "app", "sub": "app", "iat": now, "exp": now + 60, "jti": "x"}
    wrong = {
        "text": "x", "dots": "..", "an ID Token": tokens["id_token"], "a code": await code_for(server, WRITE),
        "altered": f"{start}.{payload}.{'A' * len(signature)}", "without signature": f"{start}.{payload}.",
        "longer": good + "x", "of a stranger": signed(forged, by=key("p256"), typ="at+jwt"),
        "with the key inside": signed(forged, by=key("p256"), typ="at+jwt", jwk=jwk_of(key("p256"))),
        "of another issuer": await minted(server, iss="https://evil.example"),
        "a JWT for another purpose": await minted(server, "token-introspection+jwt"),
        "typ JWT": await minted(server, "JWT"),
        "of another realm": await minted(server, iss=f"{BASE_URL}/realms/beta"),
        "a user's without grant": await minted(server, sub="alice"),
    }  # fmt: skip
    for client_id in ("api", "app"):
        assert {name: await told(server, token, client_id) for name, token in wrong.items()} == dict.fromkeys(
            wrong, INACTIVE
        )


@pytest.mark.requirement("INT-2.2-2", "INT-4-1")
async def test_a_token_lives_from_its_beginning_to_its_end(server: Running) -> None:
    tokens = await tokens_for(server, WRITE)
    later = await minted(server, nbf=int(server.clock()) + 10, exp=int(server.clock()) + 20)
    assert await told(server, later) == INACTIVE
    server.clock.advance(10)
    assert (await told(server, later))["nbf"] == int(server.clock())
    server.clock.advance(10)
    assert await told(server, later) == INACTIVE
    server.clock.advance(579)
    assert (await told(server, tokens["access_token"]))["active"] is True
    server.clock.advance(1)
    assert await told(server, tokens["access_token"]) == INACTIVE
    assert (await told(server, tokens["refresh_token"], "app"))["active"] is True
    server.clock.advance(2_592_000 - 600)
    assert await told(server, tokens["refresh_token"], "app") == INACTIVE


async def ends_with(server: Running, change: str, code: str) -> None:
    """Something that ends the tokens happens."""
    match change:
        case "the grant is revoked":
            refused(await redeem(server, code), 400, "invalid_grant", "code.replayed")
        case "the client is disabled":
            app = {"client_id": "app", "redirect_uris": [REQUEST["redirect_uri"]], "client_secret": APP_SECRET}
            await server.apply(manifest({**app, "enabled": False}))
        case "the client is deleted":
            await server.management.carry_out([await server.management.plan_delete_client("default", "app")])
        case "the user is disabled":
            await server.apply(manifest(users=[{"username": "alice", "enabled": False}]))
        case "the user is deleted":
            await server.management.carry_out([await server.management.plan_delete_user("default", "alice")])
    await server.server.snapshot.refresh()


CHANGES = (
    "the grant is revoked", "the client is disabled", "the client is deleted", "the user is disabled",
    "the user is deleted",
)  # fmt: skip


@pytest.mark.requirement("INT-2.2-2", "INT-4-1")
@pytest.mark.parametrize("change", CHANGES)
async def test_a_token_falls_with_what_it_stands_on(server: Running, change: str) -> None:
    code = await code_for(server, WRITE)
    tokens = (await redeem(server, code)).json()
    own = await own_token(server)
    for token in (tokens["access_token"], own):
        assert (await told(server, token))["active"] is True
    assert (await told(server, tokens["refresh_token"], "app"))["active"] is True
    await ends_with(server, change, code)
    assert await told(server, tokens["access_token"]) == INACTIVE
    assert (await told(server, own))["active"] is ("client" not in change)
    if "client" not in change:
        assert await told(server, tokens["refresh_token"], "app") == INACTIVE
        assert await told(server, tokens["access_token"], "app") == INACTIVE


@pytest.mark.requirement("INT-2.2-2", "INT-4-1")
async def test_what_a_directory_says_of_a_user_counts_at_once() -> None:
    # Users who live elsewhere are gone without anybody revoking their grants here.
    directory = Elsewhere()
    async with running(manifest(), directory=directory) as server:
        tokens = await tokens_for(server, WRITE)
        for there in (True, False, True):
            directory.there = there
            assert (await told(server, tokens["access_token"]))["active"] is there
            assert (await told(server, tokens["refresh_token"], "app"))["active"] is there


class Elsewhere:
    """A directory with one user, who comes and goes."""

    there = True

    async def verify(self, realm: str, username: str, password: str) -> User | None:
        """Whoever it is, it is the one."""
        return User(sub="one", username=username)

    async def claims(self, realm: str, sub: str) -> dict[str, Any] | None:
        """Nothing is known but that the user is there."""
        return {} if self.there else None


# --- Guessing ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("INT-4-3")
async def test_whoever_tries_many_tokens_has_to_wait(server: Running) -> None:
    tokens = await tokens_for(server, WRITE)
    for number in range(60):
        assert await told(server, f"guess-{number}", "app") == INACTIVE
    for token in ("one-more", tokens["refresh_token"]):
        reply = await ask_about(server, token, "app")
        refused(reply, 429, "temporarily_unavailable", "http.rate")
        assert reply.headers["retry-after"] == "1"
    # Nobody else waits, and what this server signed was not guessed.
    assert await told(server, "guess", "api") == INACTIVE
    assert (await told(server, tokens["access_token"], "app"))["active"] is True
    server.clock.advance(1)
    assert (await told(server, tokens["refresh_token"], "app"))["active"] is True


@pytest.mark.requirement("INT-4-3")
async def test_tokens_that_have_ended_are_no_guesses(server: Running) -> None:
    await server.apply(manifest(rates={"unknown_tokens_per_minute": 2}))
    tokens = await tokens_for(server, WRITE)
    server.clock.advance(600)
    for _ in range(5):
        assert await told(server, tokens["access_token"]) == INACTIVE
        assert (await told(server, tokens["refresh_token"], "app"))["active"] is True
    # The refresh token of another client is as good as unknown.
    assert [(await ask_about(server, tokens["refresh_token"])).status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.requirement("INT-4-3")
async def test_the_limit_can_be_switched_off(server: Running) -> None:
    await server.apply(manifest(rates={"unknown_tokens_per_minute": 0}))
    assert {(await ask_about(server, f"guess-{n}")).status_code for n in range(80)} == {200}
    with pytest.raises(BadManifest, match="rates"):
        await server.apply(manifest(rates={"unknown_tokens_per_minute": -1}))


@pytest.mark.requirement("INT-4-3")
async def test_failed_authentications_are_limited_as_everywhere(server: Running) -> None:
    await server.apply(manifest(rates={"failures_per_minute": 2}))
    wrong: dict[str, Any] = {"auth": ("api", "wrong-secret-of-22-characters"), "data": {"token": "x"}}
    replies = [(await server.http.post(INTROSPECT, **wrong)).status_code for _ in range(3)]
    assert replies == [401, 401, 429]


# --- The trail, and anything at all -------------------------------------------------------------------------


async def test_answers_leave_no_trace_and_refusals_one_without_the_token(server: Running) -> None:
    token = await own_token(server)
    before = await server.audit()
    assert (await told(server, token))["active"] is True
    assert await told(server, token, "hybrid") == INACTIVE
    assert await server.audit() == before
    await ask_about(server, token, "spa")
    [refusal, *_] = await server.audit()
    assert (refusal["endpoint"], refusal["refusal"], refusal["client_id"]) == (
        "introspect", "introspection.public", "spa",
    )  # fmt: skip
    assert token not in json.dumps(refusal)


async def test_a_refreshed_token_is_told_of_in_its_own_scope(server: Running) -> None:
    tokens = await tokens_for(server, but(REQUEST, scope="openid write read"))
    reply = await refresh_with(server, tokens["refresh_token"], None, scope="read")
    assert (await told(server, reply.json()["access_token"]))["scope"] == "read"


def test_whatever_the_token_is_there_is_a_clean_answer() -> None:
    with asyncio.Runner() as runner:
        found = running(manifest(rates={"unknown_tokens_per_minute": 0, "failures_per_minute": 0}))
        server = runner.run(found.__aenter__())
        good = runner.run(own_token(server)).encode()
        basic = httpx.BasicAuth("api", APP_SECRET)._auth_header.encode()
        fields = [(b"content-type", FORM["content-type"].encode()), (b"authorization", basic)]
        start, payload, signature = good.split(b".")
        near = st.tuples(*(st.just(part) | st.binary(max_size=40) for part in (start, payload, signature)))
        tampered = near.filter(lambda parts: parts != (start, payload, signature)).map(b".".join)

        @settings(deadline=None, max_examples=100)
        @given(st.binary(max_size=60) | st.text(max_size=40).map(lambda t: t.encode("utf-8", "replace")) | tampered)
        def attempt(token: bytes) -> None:
            body = b"token=" + quote_from_bytes(token, safe="").encode()
            reply = runner.run(raw(server.app, "POST", INTROSPECT, headers=fields, body=body))
            if reply.status == 200:
                assert json.loads(reply.body) == INACTIVE
            else:
                assert reply.status == 400
                assert reply.headers["pushgate-refusal"] in REFUSALS

        try:
            attempt()
        finally:
            runner.run(found.__aexit__(None, None, None))
