"""pushgate.resource: which requests may pass at somebody's API, and how the others are told why not.

RFC 6750 3, RFC 9068 4, RFC 9449 7, RFC 8705 3, RFC 9470 3.
"""

from __future__ import annotations

import asyncio
from dataclasses import FrozenInstanceError
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushgate.errors import OAuthError
from pushgate.protocol.access_token import SKEW_AHEAD, SKEW_PAST, Binding, binding_of, check_claims, presented_token
from pushgate.protocol.dpop import NONCE_PERIOD
from pushgate.refusals import REFUSALS
from pushgate.resource import AccessRefused, AccessToken, MemoryReplay, ProtectedResource
from pushgate.testing import BASE_URL, Running
from tests.support import certificates
from tests.support.assertions import public
from tests.support.manifests import REQUEST
from tests.support.proofs import ath, proof, redeem_with, thumbprint
from tests.support.resource import (
    ALGS,
    API,
    BARE,
    URL,
    an_api,
    bearer,
    bound,
    made,
    parsed,
    passes,
    proven,
    stopped,
    told,
)
from tests.support.steps import but, code_for, tokens_for
from tests.support.strategies import anything, is_refusal, json_values, thoroughly, uris

INVALID = "invalid_token"

# --- Real tokens, keys from the issuer --------------------------------------------------------------------


@pytest.fixture
def api(server: Running) -> ProtectedResource:
    """An API that fetches the keys of the server."""
    return ProtectedResource(issuer=BASE_URL, audience=API, http=server.http, clock=server.clock)


async def test_a_token_of_the_server_passes(server: Running, api: ProtectedResource) -> None:
    tokens = await tokens_for(server, but(REQUEST, scope="openid read write"))
    token = await passes(api, bearer(tokens["access_token"]), scope="read write")
    assert (token.client_id, token.scheme, dict(token.cnf)) == ("app", "Bearer", {})
    assert token.scope == {"openid", "read", "write"}
    assert API in token.audience
    assert token.claims["auth_time"] == int(server.clock())
    assert token.expires_at > server.clock()
    assert token.token == tokens["access_token"]


async def test_a_dpop_bound_token_of_the_server_passes_with_its_proof(server: Running, api: ProtectedResource) -> None:
    reply = await redeem_with(server, await code_for(server, but(REQUEST, scope="openid read")), proof(server))
    token = reply.json()["access_token"]
    found = await passes(api, proven(server, token), scope="read")
    assert (found.scheme, dict(found.cnf)) == ("DPoP", {"jkt": thumbprint("p256")})


async def test_the_users_sign_in_is_looked_at(server: Running, api: ProtectedResource) -> None:
    tokens = await tokens_for(server, but(REQUEST, scope="openid read"))
    server.clock.advance(100)
    await passes(api, bearer(tokens["access_token"]), max_age=100)
    server.clock.advance(1)
    refusal = "resource.authentication"
    code = "insufficient_user_authentication"
    challenges = await stopped(api, bearer(tokens["access_token"]), 401, code, refusal, max_age=100)
    assert challenges == [told("Bearer", code, refusal, max_age="100")]


# --- How a token comes (RFC 6750 2.1, 3.1) ----------------------------------------------------------------


@pytest.mark.requirement("DPOP-7.1-2")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-other": "Bearer x"},
        {"authorization": ""},
        {"authorization": "Basic YTpi"},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "DPoP"},
        {"authorization": "Token abc"},
    ],
)
async def test_without_a_token_there_is_a_challenge_without_an_error(server: Running, headers: Any) -> None:
    assert await stopped(an_api(server), headers, 401, INVALID, "resource.token_missing") == BARE


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_is_not_case_sensitive_and_headers_come_in_any_form(server: Running, scheme: str) -> None:
    resource, token = an_api(server), made(server)
    value = f"{scheme} {token}"
    for headers in (
        {"authorization": value},
        {"AUTHORIZATION": value},
        [("Authorization", value)],
        [(b"authorization", value.encode())],
        iter([("a", "b"), ("authorization", f" {value}\t")]),
        {"authorization": value.replace(" ", "   ")},
    ):
        assert (await passes(resource, headers)).sub == "alice"


async def test_two_tokens_or_a_malformed_one_are_a_bad_request(server: Running) -> None:
    resource, token = an_api(server), made(server)
    twice = [("Authorization", f"Bearer {token}"), ("authorization", f"Bearer {token}")]
    challenges = await stopped(resource, twice, 400, "invalid_request", "resource.token_twice")
    assert challenges == [told("Bearer", "invalid_request", "resource.token_twice")]
    for value in (f"{token}, Bearer {token}", f"{token} x", f'"{token}"', "café", f"={token}", f"token={token}\n"):
        await stopped(resource, bearer(value), 400, "invalid_request", "resource.token_malformed")


async def test_a_token_in_the_query_does_not_count(server: Running) -> None:
    url = f"{URL}?access_token={made(server)}"
    await stopped(an_api(server), {}, 401, INVALID, "resource.token_missing", url=url)


@thoroughly
@given(st.lists(st.text(max_size=60) | st.from_regex(r"(Bearer|DPoP|basic) ?[!-~]{0,20}", fullmatch=True), max_size=2))
def test_any_authorization_header_is_a_token_or_a_refusal(values: list[str]) -> None:
    try:
        found = presented_token(values)
    except OAuthError as problem:
        is_refusal(problem, "invalid_token", "invalid_request")
        return
    [value] = values
    assert value.strip(" \t").lower().startswith(found.scheme.lower() + " ")
    assert value.strip(" \t").endswith(found.token)
    assert found.token.isascii()
    assert not set(found.token) & set(" ,\"'\\\t\r\n")
    assert repr(found) == f"Presented({found.scheme!r})"


# --- The token (RFC 9068 2, 4) ----------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS512", "EdDSA"])
@pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt", "AT+JWT"])
async def test_every_asymmetric_algorithm_and_spelling_of_the_type_passes(server: Running, alg: str, typ: str) -> None:
    assert (await passes(an_api(server), bearer(made(server, alg=alg, header={"typ": typ})))).sub == "alice"


async def test_algorithms_can_be_narrowed(server: Running) -> None:
    resource = an_api(server, algorithms=["PS256"])
    await passes(resource, bearer(made(server, alg="PS256")))
    challenges = await stopped(resource, bearer(made(server)), 401, INVALID, "resource.token_alg")
    assert challenges[1] == ("DPoP", {"realm": API, "algs": "PS256"})
    token = bound(server, alg="PS256")
    challenges = await stopped(resource, proven(server, token), 401, "invalid_dpop_proof", "dpop.alg")
    assert challenges[0][1]["algs"] == "PS256"


WRONG: dict[str, list[dict[str, Any]]] = {
    "resource.token_type": [
        {"header": {"typ": "JWT"}},
        {"header": {"typ": None}},
        {"header": {"typ": 1}},
        {"header": {"typ": "at+jwt2"}},
        {"header": {"crit": ["exp"]}},
    ],
    "resource.token_claims": [
        *({name: None} for name in ("iss", "sub", "client_id", "jti", "exp", "iat", "aud")),
        *({name: 1} for name in ("iss", "sub", "client_id", "jti", "aud", "scope")),
        *({name: "1"} for name in ("exp", "iat", "nbf")),
        *({"exp": value} for value in (True, 1e300, [])),
        {"sub": ""},
        {"aud": []},
        {"aud": [API, 1]},
        {"scope": ["read"]},
    ],
    "resource.token_issuer": [
        {"iss": f"{BASE_URL}/"}, {"iss": "https://evil.example"}, {"iss": f"{BASE_URL}/realms/other"},
    ],
    "resource.token_audience": [
        {"aud": "https://other.example"}, {"aud": BASE_URL}, {"aud": f"{API}/"}, {"aud": ["https://api.example.evil"]},
    ],
    "resource.token_binding": [
        {"cnf": {}}, {"cnf": "x"}, {"cnf": False}, {"cnf": {"jwk": {}}}, {"cnf": {"jkt": 1}},
        {"cnf": {"jkt": "x", "x5t#S256": None}}, {"cnf": {"x5t#S256": ""}},
    ],
}  # fmt: skip


@pytest.mark.parametrize(("refusal", "changes"), [(name, change) for name, many in WRONG.items() for change in many])
async def test_a_token_that_is_not_as_it_must_be_is_invalid(
    server: Running, refusal: str, changes: dict[str, Any]
) -> None:
    resource = an_api(server)
    challenges = await stopped(resource, bearer(made(server, **changes)), 401, INVALID, refusal)
    assert challenges == [told("Bearer", INVALID, refusal), BARE[1]]


@pytest.mark.parametrize("token", ["x", "a.b", "a.b.c", "a.b.c.d.e", "eyJ9.e30.", "=", "x" * 20_000])
async def test_what_is_no_jwt_is_no_access_token(server: Running, token: str) -> None:
    error = ("invalid_request", "resource.token_malformed") if token == "=" else (INVALID, "resource.token_type")
    await stopped(an_api(server), bearer(token), 400 if token == "=" else 401, *error)


async def test_times_have_a_little_leeway(server: Running) -> None:
    resource, now = an_api(server), int(server.clock())
    for good in ({"exp": now + 1 - SKEW_PAST}, {"iat": now + SKEW_AHEAD}, {"nbf": now + SKEW_AHEAD}, {"nbf": 0.5}):
        await passes(resource, bearer(made(server, **good)))
    await stopped(resource, bearer(made(server, exp=now - SKEW_PAST)), 401, INVALID, "resource.token_expired")
    for early in ({"iat": now + SKEW_AHEAD + 1}, {"nbf": now + SKEW_AHEAD + 1}):
        await stopped(resource, bearer(made(server, **early)), 401, INVALID, "resource.token_early")


async def test_one_of_several_audiences_is_enough(server: Running) -> None:
    resource = an_api(server, audience=[API, "urn:api"])
    for audience in (API, "urn:api", ["https://other.example", API], [API, "urn:api"]):
        await passes(resource, bearer(made(server, aud=audience)))
    await stopped(resource, bearer(made(server, aud="https://other.example")), 401, INVALID, "resource.token_audience")


async def test_a_token_without_scope_passes_where_none_is_asked_for(server: Running) -> None:
    token = await passes(an_api(server), bearer(made(server, scope=None)))
    assert token.scope == frozenset()


json_claims = st.dictionaries(
    st.sampled_from(["iss", "sub", "aud", "client_id", "exp", "iat", "nbf", "jti", "scope", "cnf"]),
    json_values | st.sampled_from([BASE_URL, API, [API], "x", 2_000_000_000, {"jkt": "x"}]),
)


@anything
@given(json_claims)
def test_any_claims_make_a_token_or_a_refusal(claims: dict[str, Any]) -> None:
    try:
        check_claims(claims, BASE_URL, {API}, 1_900_000_000)
        binding = binding_of(claims)
    except OAuthError as problem:
        is_refusal(problem, "invalid_token")
        return
    token = AccessToken.of(claims, "Bearer", "x")
    assert API in token.audience
    assert (binding == Binding()) == ("cnf" not in claims)


@thoroughly
@given(
    st.sampled_from(["Bearer", "DPoP", "dpop"]),
    st.sampled_from(["<bound>", "<plain>", "x"]) | st.text(max_size=20),
    st.none() | st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,40}){2}", fullmatch=True),
    st.sampled_from([URL, "/notes", ""]) | uris,
)
def test_any_request_passes_or_is_refused(scheme: str, token: str, sent: str | None, url: str) -> None:
    server = cast(Running, SimpleNamespace(clock=lambda: 1_900_000_000.0))
    known = {"<bound>": bound(server), "<plain>": made(server)}
    headers = {"authorization": f"{scheme} {known.get(token, token)}"} | ({} if sent is None else {"dpop": sent})
    resource = an_api(server)
    if (scheme, token) == ("Bearer", "<plain>"):
        assert asyncio.run(passes(resource, headers, url=url)).scheme == "Bearer"
        return
    with pytest.raises(AccessRefused) as caught:
        asyncio.run(passes(resource, headers, url=url))
    assert caught.value.refusal in REFUSALS
    assert [parsed(challenge) for challenge in caught.value.challenges]


# --- Scope (RFC 6750 3.1) ---------------------------------------------------------------------------------


async def test_too_little_scope_is_told_with_what_is_needed(server: Running) -> None:
    resource, token = an_api(server), made(server, scope="read")
    assert (await passes(resource, bearer(token), scope="read")).scope == {"read"}
    for scope in ("read write", ("read", "write"), ["read", "write"]):
        challenges = await stopped(resource, bearer(token), 403, "insufficient_scope", "resource.scope", scope=scope)
        assert challenges == [told("Bearer", "insufficient_scope", "resource.scope", scope="read write")]
    for scope in ("rea", "READ", "reads"):
        await stopped(resource, bearer(token), 403, "insufficient_scope", "resource.scope", scope=scope)
    dpop = bound(server, scope="read")
    challenges = await stopped(
        resource, proven(server, dpop), 403, "insufficient_scope", "resource.scope", scope="write"
    )
    assert challenges == [told("DPoP", "insufficient_scope", "resource.scope", scope="write")]


# --- Step-up (RFC 9470 3) ---------------------------------------------------------------------------------


async def test_a_sign_in_that_is_not_strong_enough_is_told_what_is(server: Running) -> None:
    resource, now = an_api(server), int(server.clock())
    code, refusal = "insufficient_user_authentication", "resource.authentication"
    good = made(server, acr="urn:strong", auth_time=now - 10)
    await passes(resource, bearer(good), acr_values=["urn:weak", "urn:strong"], max_age=10)
    await passes(resource, bearer(made(server)))
    for token, asked, parameters in (
        (good, {"acr_values": "urn:other urn:more"}, {"acr_values": "urn:other urn:more"}),
        (good, {"max_age": 9}, {"max_age": "9"}),
        (good, {"max_age": 0, "scope": "read"}, {"max_age": "0", "scope": "read"}),
        (good, {"acr_values": "a", "max_age": 9}, {"acr_values": "a", "max_age": "9"}),
        (made(server), {"acr_values": ["urn:strong"]}, {"acr_values": "urn:strong"}),
        (made(server), {"max_age": 10}, {"max_age": "10"}),
        (made(server, acr=["a"]), {"acr_values": "a"}, {"acr_values": "a"}),
        (made(server, auth_time="0"), {"max_age": 10}, {"max_age": "10"}),
        (made(server, auth_time=now + 3600), {"max_age": 10}, {"max_age": "10"}),
    ):
        challenges = await stopped(resource, bearer(token), 401, code, refusal, **asked)
        [(scheme, members), *others] = challenges
        assert (scheme, members["error"], others) == ("Bearer", code, [])
        assert {name: members[name] for name in parameters} == parameters
        assert members.keys() == {"realm", "error", "error_description", *parameters}
    token = bound(server)
    challenges = await stopped(resource, proven(server, token), 401, code, refusal, max_age=1)
    assert challenges == [told("DPoP", code, refusal, max_age="1")]


# --- DPoP (RFC 9449 7) ------------------------------------------------------------------------------------


@pytest.mark.requirement("DPOP-7.1-1")
@pytest.mark.parametrize("by", ["p256", "rsa", "ed25519"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_bound_token_passes_with_its_proof(server: Running, by: str, method: str) -> None:
    token = bound(server, by)
    alg = {"p256": "ES256", "rsa": "PS256", "ed25519": "EdDSA"}[by]
    headers = {
        "Authorization": f"dpop {token}",
        "DPoP": proof(server, by=by, alg=alg, method=method, htu=URL, ath=ath(token)),
    }
    assert (await passes(an_api(server), headers, method=method)).scheme == "DPoP"


@pytest.mark.requirement("DPOP-7.1-1", "DPOP-7.1-2", "DPOP-4.3-14", "DPOP-4.3-15", "DPOP-4.3-1")
async def test_a_bound_token_opens_nothing_without_the_right_proof(server: Running) -> None:
    resource, token = an_api(server), bound(server)
    other = bound(server)
    wrong: dict[str, dict[str, str]] = {
        "dpop.required": {"authorization": f"DPoP {token}"},
        "dpop.ath": proven(server, token, ath=ath(other)),
        "dpop.malformed": {"authorization": f"DPoP {token}", "dpop": "x"},
        "dpop.htm": proven(server, token, method="POST"),
        "dpop.htu": proven(server, token, htu=f"{URL}/1"),
        "dpop.iat": proven(server, token, iat=int(server.clock()) - 3600),
        "dpop.twice": {**proven(server, token), "dpop": f"{proof(server)}, {proof(server)}"},
    }
    for refusal, headers in wrong.items():
        challenges = await stopped(resource, headers, 401, "invalid_dpop_proof", refusal)
        assert challenges == [told("DPoP", "invalid_dpop_proof", refusal)]
    challenges = await stopped(resource, proven(server, token, "p384", alg="ES384"), 401, INVALID, "resource.token_key")
    assert challenges == [told("DPoP", INVALID, "resource.token_key")]


@pytest.mark.requirement("DPOP-7.2-1")
async def test_the_scheme_is_the_one_that_the_token_is_for(server: Running) -> None:
    resource, token, plain = an_api(server), bound(server), made(server)
    sent = proven(server, token)["dpop"]
    for headers in (bearer(token), {**bearer(token), "dpop": sent}):
        challenges = await stopped(resource, headers, 401, INVALID, "resource.token_scheme")
        assert challenges == [told("Bearer", INVALID, "resource.token_scheme"), BARE[1]]
    challenges = await stopped(resource, proven(server, plain), 401, INVALID, "resource.token_scheme")
    assert challenges == [told("DPoP", INVALID, "resource.token_scheme")]


@pytest.mark.requirement("DPOP-11.1-1")
async def test_a_proof_is_used_once(server: Running) -> None:
    resource, token = an_api(server), bound(server)
    headers = proven(server, token, jti="one")
    await passes(resource, headers)
    await stopped(resource, headers, 401, "invalid_dpop_proof", "dpop.replay")
    same_jti = proven(server, token, jti="one")
    await stopped(resource, same_jti, 401, "invalid_dpop_proof", "dpop.replay")
    server.clock.advance(100)
    await passes(resource, proven(server, token, jti="one"))


async def test_used_proofs_can_be_remembered_elsewhere(server: Running) -> None:
    kept: dict[str, int] = {}

    async def replay(key: str, until: int) -> bool:
        return kept.setdefault(key, until) is until

    one, two, token = an_api(server, replay=replay), an_api(server, replay=replay), bound(server)
    headers = proven(server, token)
    await passes(one, headers)
    await stopped(two, headers, 401, "invalid_dpop_proof", "dpop.replay")
    [(key, until)] = kept.items()
    assert (len(key), key.isascii()) == (43, True)
    assert until == int(server.clock()) + 61


async def test_a_full_memory_lets_nothing_pass(server: Running) -> None:
    resource, token = an_api(server, replay=MemoryReplay(1, server.clock)), bound(server)
    await passes(resource, proven(server, token))
    code, refusal = "temporarily_unavailable", "resource.replay_full"
    assert await stopped(resource, proven(server, token), 503, code, refusal) == []
    server.clock.advance(62)
    await passes(resource, proven(server, token))


def test_the_memory_forgets_what_cannot_come_again(server: Running) -> None:
    memory, now = MemoryReplay(10, server.clock), int(server.clock())
    assert [memory("a", now + 5), memory("b", now + 1), memory("a", now + 9)] == [True, True, False]
    server.clock.advance(2)
    assert (memory("b", now + 5), len(memory)) == (True, 2)
    server.clock.advance(10)
    assert (memory("c", now + 99), len(memory)) == (True, 1)


async def test_behind_a_proxy_the_public_address_counts(server: Running) -> None:
    resource = an_api(server, base_url="https://public.example/v1/")
    token = bound(server)
    inside = "http://10.0.0.7:8000/notes?x=1"
    await passes(resource, proven(server, token, htu="https://public.example/v1/notes"), url=inside)
    for htu in ("http://10.0.0.7:8000/notes", "https://public.example/notes"):
        await stopped(resource, proven(server, token, htu=htu), 401, "invalid_dpop_proof", "dpop.htu", url=inside)


@pytest.mark.parametrize("url", ["", "/notes", "ftp://api.example/", "https://[bad/notes", "https://api.example/ü"])
async def test_a_url_that_no_proof_can_name_lets_nothing_pass(server: Running, url: str) -> None:
    token = bound(server)
    await stopped(an_api(server), proven(server, token), 401, "invalid_dpop_proof", "dpop.htu", url=url)


# --- Nonces (RFC 9449 9) ----------------------------------------------------------------------------------


async def test_where_nonces_are_demanded_the_refusal_brings_one(server: Running) -> None:
    resource, token = an_api(server, nonce_key=b"n" * 32), bound(server)
    headers = proven(server, token)
    with pytest.raises(AccessRefused) as caught:
        await passes(resource, headers)
    why = caught.value
    assert (why.status, why.error, why.refusal) == (401, "use_dpop_nonce", "dpop.nonce")
    assert [parsed(value) for value in why.challenges] == [told("DPoP", "use_dpop_nonce", "dpop.nonce")]
    [nonce] = [value for name, value in why.headers if name == "DPoP-Nonce"]
    assert nonce == resource.fresh_nonce()
    await passes(resource, proven(server, token, nonce=nonce))
    for bad in ("guessed", nonce[:-1], an_api(server, nonce_key=b"m" * 32).fresh_nonce()):
        await stopped(resource, proven(server, token, nonce=bad), 401, "use_dpop_nonce", "dpop.nonce")
    server.clock.advance(2 * NONCE_PERIOD)
    fresh = bound(server)
    await stopped(resource, proven(server, fresh, nonce=nonce), 401, "use_dpop_nonce", "dpop.nonce")
    assert an_api(server).fresh_nonce() is None


# --- Certificates (RFC 8705 3) ----------------------------------------------------------------------------


async def test_a_token_that_is_bound_to_a_certificate_passes_with_it_alone(server: Running) -> None:
    resource, own, other = an_api(server), certificates.client(), certificates.client()
    token = made(server, cnf={"x5t#S256": own.thumbprint})
    for certificate in (own.der, own.pem, own.thumbprint, own.pem + other.pem):
        found = await passes(resource, bearer(token), certificate=certificate)
        assert (found.scheme, dict(found.cnf)) == ("Bearer", {"x5t#S256": own.thumbprint})
    refusal = "resource.token_certificate"
    for wrong in (None, other.der, other.pem, other.thumbprint, b"", "", "no PEM", other.pem + own.pem):
        challenges = await stopped(resource, bearer(token), 401, INVALID, refusal, certificate=wrong)
        assert challenges == [told("Bearer", INVALID, refusal), BARE[1]]
    await stopped(resource, proven(server, token), 401, INVALID, "resource.token_scheme", certificate=own.der)
    await passes(resource, bearer(made(server)), certificate=own.der)


async def test_a_token_that_is_bound_twice_needs_both(server: Running) -> None:
    resource, own = an_api(server), certificates.client()
    token = made(server, cnf={"x5t#S256": own.thumbprint, "jkt": thumbprint("p256"), "kid": "ignored"})
    await passes(resource, proven(server, token), certificate=own.der)
    await stopped(resource, proven(server, token), 401, INVALID, "resource.token_certificate")
    await stopped(resource, bearer(token), 401, INVALID, "resource.token_scheme", certificate=own.der)


async def test_an_api_may_take_bound_tokens_alone(server: Running) -> None:
    resource, own = an_api(server, bound_only=True), certificates.client()
    await stopped(resource, bearer(made(server)), 401, INVALID, "resource.token_unbound")
    await passes(resource, proven(server, bound(server)))
    token = made(server, cnf={"x5t#S256": own.thumbprint})
    await passes(resource, bearer(token), certificate=own.der)


# --- The types --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "http://login.example"},
        {"issuer": "login.example"},
        {"issuer": ""},
        {"audience": ""},
        {"audience": []},
        {"audience": [API, ""]},
        {"audience": 'https://"api"'},
        {"base_url": "http://api.example"},
        {"realm": "a\nb"},
        {"algorithms": []},
        {"algorithms": ["none"]},
        {"algorithms": ["ES256", "HS256"]},
        {"nonce_key": b"short"},
        {"keys": {}},
        {"keys": {"keys": [{"kty": "oct", "k": "AAAA"}]}},
    ],
)
def test_what_cannot_be_is_refused_when_the_resource_is_made(server: Running, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        an_api(server, **changes)


@pytest.mark.parametrize("asked", [{"scope": 'a"b'}, {"scope": ["a b"]}, {"acr_values": "é"}, {"max_age": -1}])
async def test_what_a_challenge_cannot_say_is_the_callers_mistake(server: Running, asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"max_age|no value"):
        await passes(an_api(server), {}, **asked)


async def test_the_token_is_frozen_and_hides_itself(server: Running) -> None:
    resource, sent = an_api(server), made(server, email="alice@example.com")
    token = await passes(resource, bearer(sent))
    assert repr(token).startswith("AccessToken(sub='alice', client_id='app'")
    assert sent not in repr(token)
    assert "example.com'" not in repr(token).replace(API, "")
    with pytest.raises(FrozenInstanceError):
        token.sub = "mallory"  # type: ignore[misc]
    with pytest.raises(TypeError):
        token.claims["sub"] = "mallory"  # type: ignore[index]
    assert repr(resource) == f"ProtectedResource(issuer='{BASE_URL}', audience=['{API}'])"


async def test_a_refusal_shows_no_token(server: Running) -> None:
    sent = made(server, aud="https://other.example")
    with pytest.raises(AccessRefused) as caught:
        await passes(an_api(server), bearer(sent))
    why = caught.value
    assert repr(why) == "<AccessRefused 401 resource.token_audience>"
    assert str(why) == f"invalid_token: {REFUSALS['resource.token_audience'].description}"
    assert why.__suppress_context__


def test_the_algorithms_of_the_challenge_are_those_that_proofs_may_use() -> None:
    resource = ProtectedResource(issuer=BASE_URL, audience=API, keys=public("p256"))
    assert " ".join(resource._algs) == ALGS
