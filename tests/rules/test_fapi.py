"""The FAPI 2.0 security profile, on a realm and on one client of an ordinary realm."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from pushgate.manage.manifest import BadManifest
from pushgate.testing import BASE_URL, Running, running
from tests.support.assertions import ASYMMETRIC, TYPE, key, public, signed
from tests.support.manifests import CHALLENGE, VERIFIER
from tests.support.proofs import ath, proof, resource_proof, thumbprint, userinfo_with
from tests.support.steps import agree, but, header, refused, shown, stored, verified

PAR, TOKEN = "/oauth2/par", "/oauth2/token"
REDIRECT = "https://bank.example/cb"
REQUEST = {
    "response_type": "code",
    "redirect_uri": REDIRECT,
    "scope": "openid accounts",
    "state": "a-state",
    "nonce": "n" * 64,
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
CLIENT = {
    "client_id": "bank",
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": public("p256", "rsa", "ed25519"),
    "redirect_uris": [REDIRECT],
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    "scope": "openid accounts",
}
RESOURCES = [{"identifier": "https://accounts.example", "scopes": ["accounts"]}]
ALICE = [{"username": "alice", "password": "alice-password"}]
PROFILE = "fapi2-security"
REALM = {"name": "default", "rates": {"failures_per_minute": 0}, "resources": RESOURCES, "users": ALICE}
WHERE: dict[str, dict[str, Any]] = {
    "realm": {**REALM, "profile": PROFILE, "clients": [CLIENT]},
    "client": {**REALM, "profile": "oidc", "clients": [{**CLIENT, "profile": PROFILE}]},
}


@pytest.fixture(params=WHERE)
async def bank(request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    """A server with the profile on the realm, and one with it on the client alone."""
    async with running(json.dumps({"realms": [WHERE[request.param]]})) as found:
        yield found


def assertion(server: Running, alg: str = "ES256", **changes: Any) -> dict[str, str]:
    """A client assertion as a form has it."""
    now = int(server.clock())
    claims = {"iss": "bank", "sub": "bank", "aud": BASE_URL, "iat": now, "exp": now + 60}
    claims |= {"jti": f"{now}-{next(_numbers)}", **changes}
    return {"client_assertion_type": TYPE, "client_assertion": signed(claims, alg=alg, by=key(ASYMMETRIC[alg]))}


_numbers = iter(range(10**9))


async def push(server: Running, request: dict[str, str] = REQUEST, **changes: str | None) -> httpx.Response:
    """Push a request as the bank."""
    return await server.http.post(PAR, data={**but(request, **changes), **assertion(server)})


async def sign_in(server: Running, pushed: httpx.Response) -> str:
    """A code for what was pushed."""
    assert pushed.status_code == 201, pushed.text
    browser = server.browser()
    params = {"client_id": "bank", "request_uri": pushed.json()["request_uri"]}
    await browser.open("/oauth2/authorize", params=params)
    answer = (await agree(browser)).answer
    assert answer["iss"] == BASE_URL
    return answer["code"]


async def ask_token(server: Running, sent: str | None, **form: str) -> httpx.Response:
    """A token request as the bank, with or without a proof."""
    headers = {} if sent is None else {"dpop": sent}
    return await server.http.post(TOKEN, data={**form, **assertion(server)}, headers=headers)


async def redeem(server: Running, code: str, sent: str | None) -> httpx.Response:
    """Redeem a code."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    return await ask_token(server, sent, **form)


# --- The whole way ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("FAPI-5.3.2.2-14", "FAPI-5.4.1-1", "FAPI-5.3.2.1-9", "DPOP-6.1-1")
@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA"])
async def test_the_whole_way(bank: Running, alg: str) -> None:
    by = ASYMMETRIC[alg]
    pushed = await bank.http.post(PAR, data={**REQUEST, **assertion(bank, alg)})
    assert pushed.json()["expires_in"] < 600
    reply = await redeem(bank, await sign_in(bank, pushed), proof(bank, by=by, alg=alg))
    assert reply.status_code == 200, reply.text
    tokens = reply.json()
    assert tokens["token_type"] == "DPoP"
    claims = await verified(bank, tokens["id_token"], header(tokens["id_token"])["alg"])
    assert (header(tokens["id_token"])["alg"], claims["nonce"]) == ("PS256", "n" * 64)
    assert header(tokens["access_token"])["alg"] == "ES256"
    access = await verified(bank, tokens["access_token"], "ES256")
    assert access["cnf"] == {"jkt": thumbprint(by)}
    for _ in range(2):
        again = await ask_token(
            bank, proof(bank, by=by, alg=alg), grant_type="refresh_token", refresh_token=tokens["refresh_token"]
        )
        assert (again.status_code, again.json()["token_type"], "refresh_token" in again.json()) == (200, "DPoP", False)
    sent = resource_proof(bank, tokens["access_token"], by, alg=alg)
    assert (await userinfo_with(bank, tokens["access_token"], sent)).status_code == 200


# --- What is refused -------------------------------------------------------------------------------------------


@pytest.mark.requirement("FAPI-5.3.2.1-4")
async def test_no_token_without_a_key(bank: Running) -> None:
    tokens = (await redeem(bank, await sign_in(bank, await push(bank)), proof(bank))).json()
    code = await sign_in(bank, await push(bank))
    replies = [
        await redeem(bank, code, None),
        await ask_token(bank, None, grant_type="refresh_token", refresh_token=tokens["refresh_token"]),
        await ask_token(bank, None, grant_type="client_credentials", scope="accounts"),
    ]
    for reply in replies:
        refused(reply, 400, "invalid_dpop_proof", "dpop.required")


@pytest.mark.requirement("FAPI-5.3.2.1-8")
@pytest.mark.parametrize(
    "aud",
    [
        BASE_URL + TOKEN,
        BASE_URL + PAR,
        [BASE_URL],
        [BASE_URL, BASE_URL + TOKEN],
        BASE_URL + "/",
        "https://other.example",
    ],
    ids=["token", "par", "list", "two", "slash", "other"],
)
async def test_an_assertion_is_for_the_issuer_and_nothing_else(bank: Running, aud: Any) -> None:
    for path, form in ((PAR, REQUEST), (TOKEN, {"grant_type": "client_credentials"})):
        reply = await bank.http.post(path, data={**form, **assertion(bank, aud=aud)})
        refused(reply, 401, "invalid_client", "assertion.aud")
    assert stored(bank) == 0


@pytest.mark.requirement("FAPI-5.3.2.1-13")
async def test_clocks_may_differ_a_little(bank: Running) -> None:
    now = int(bank.clock())
    for ahead, status in ((8, 201), (65, 401)):
        for name in ("iat", "nbf"):
            reply = await bank.http.post(PAR, data={**REQUEST, **assertion(bank, **{name: now + ahead})})
            assert reply.status_code == status, reply.text
    fine = {"grant_type": "client_credentials", "scope": "accounts"}
    assert (await ask_token(bank, proof(bank, iat=now + 8), **fine)).status_code == 200
    refused(await ask_token(bank, proof(bank, iat=now + 65), **fine), 400, "invalid_dpop_proof", "dpop.iat")


@pytest.mark.requirement("FAPI-5.4.1-1")
@pytest.mark.parametrize("alg", ["RS256", "PS384", "RS512"])
async def test_other_algorithms_are_refused(bank: Running, alg: str) -> None:
    reply = await bank.http.post(PAR, data={**REQUEST, **assertion(bank, alg)})
    refused(reply, 401, "invalid_client", "assertion.alg")
    sent = proof(bank, PAR, "rsa", alg=alg) if alg in ("RS256", "PS384") else proof(bank, PAR, "rsa", alg="RS256")
    reply = await bank.http.post(PAR, data={**REQUEST, **assertion(bank)}, headers={"dpop": sent})
    refused(reply, 400, "invalid_dpop_proof", "dpop.alg")
    assert stored(bank) == 0


REFUSED: dict[str, tuple[dict[str, str | None], str, str]] = {
    "hybrid": ({"response_type": "code id_token"}, "unsupported_response_type", "request.response_type_unsupported"),
    "token": ({"response_type": "token"}, "unsupported_response_type", "request.response_type_unsupported"),
    "none": ({"response_type": "none"}, "unsupported_response_type", "request.response_type_unsupported"),
    "no-challenge": (
        {"code_challenge": None, "code_challenge_method": None},
        "invalid_request",
        "request.code_challenge_missing",
    ),
    "plain": ({"code_challenge_method": "plain"}, "invalid_request", "request.code_challenge_method"),
    "no-method": ({"code_challenge_method": None}, "invalid_request", "request.code_challenge_method"),
    "no-uri": ({"redirect_uri": None}, "invalid_request", "request.redirect_uri_missing"),
    "no-uri-oauth": ({"redirect_uri": None, "scope": "accounts"}, "invalid_request", "request.redirect_uri_missing"),
}


@pytest.mark.requirement("FAPI-5.3.2.2-1", "FAPI-5.3.2.2-5", "FAPI-5.3.2.2-6")
@pytest.mark.parametrize(("changes", "error", "refusal"), REFUSED.values(), ids=REFUSED)
async def test_a_request_that_the_profile_forbids(
    bank: Running, changes: dict[str, str | None], error: str, refusal: str
) -> None:
    refused(await push(bank, **changes), 400, error, refusal)
    assert stored(bank) == 0


@pytest.mark.requirement("FAPI-5.3.2.2-3", "PAR-4-6")
async def test_a_request_that_was_not_pushed(bank: Running) -> None:
    browser = await bank.browser().open("/oauth2/authorize", params={"client_id": "bank", **REQUEST})
    assert browser.answer["error"] == "invalid_request"
    by_reference = {"client_id": "bank", "request_uri": "https://bank.example/request.jwt"}
    page = (await bank.browser().open("/oauth2/authorize", params=by_reference)).page
    shown(page, 400, "invalid_request", "request.redirect_uri_missing")


@pytest.mark.requirement("FAPI-5.3.2.2-4")
async def test_a_push_by_nobody(bank: Running) -> None:
    reply = await bank.http.post(PAR, data={"client_id": "bank", **REQUEST})
    refused(reply, 401, "invalid_client", "client.authentication")


@pytest.mark.requirement("FAPI-5.3.2.1-11")
async def test_a_code_lives_for_a_minute(bank: Running) -> None:
    code = await sign_in(bank, await push(bank))
    bank.clock.advance(61)
    refused(await redeem(bank, code, proof(bank)), 400, "invalid_grant", "code.invalid")


@pytest.mark.requirement("FAPI-5.3.2.1-11")
async def test_the_profile_of_a_client_shortens_the_codes_of_its_realm() -> None:
    realm = {**WHERE["client"], "lifetimes": {"code": 600}}
    async with running(json.dumps({"realms": [realm]})) as server:
        code = await sign_in(server, await push(server))
        server.clock.advance(61)
        refused(await redeem(server, code, proof(server)), 400, "invalid_grant", "code.invalid")


@pytest.mark.requirement("FAPI-5.3.2.2-15")
async def test_a_request_uri_may_be_opened_twice_before_it_is_answered(bank: Running) -> None:
    pushed = await push(bank)
    params = {"client_id": "bank", "request_uri": pushed.json()["request_uri"]}
    await bank.browser().open("/oauth2/authorize", params=params)
    assert await sign_in(bank, pushed)


@pytest.mark.requirement("FAPI-5.4.3-1")
async def test_keys_with_one_kid_are_told_apart() -> None:
    jwks = {"keys": [{**jwk, "kid": "same"} for jwk in public("p256", "rsa")["keys"]]}
    realm = {**WHERE["realm"], "clients": [{**CLIENT, "jwks": jwks}]}
    async with running(json.dumps({"realms": [realm]})) as server:
        now = int(server.clock())
        for alg in ("ES256", "PS256"):
            claims = {"iss": "bank", "sub": "bank", "aud": BASE_URL, "iat": now, "exp": now + 60, "jti": alg}
            made = signed(claims, alg=alg, by=key(ASYMMETRIC[alg]), kid="same")
            form = {**REQUEST, "client_assertion_type": TYPE, "client_assertion": made}
            assert (await server.http.post(PAR, data=form)).status_code == 201


# --- What cannot be saved, and what a profile that comes later does --------------------------------------------------


SECRET = {"client_secret": "a-secret-of-more-than-32-bytes-of-text"}
UNSAVED: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "public": (lambda c: {**c, "token_endpoint_auth_method": "none"}, "token_endpoint_auth_method"),
    "basic": (lambda c: {**c, **SECRET, "token_endpoint_auth_method": "client_secret_basic"}, "takes private_key_jwt"),
    "post": (lambda c: {**c, **SECRET, "token_endpoint_auth_method": "client_secret_post"}, "takes private_key_jwt"),
    "hmac": (lambda c: {**c, **SECRET, "token_endpoint_auth_method": "client_secret_jwt"}, "takes private_key_jwt"),
    "rs256-id-token": (lambda c: {**c, "id_token_signed_response_alg": "RS256"}, "id_token_signed_response_alg"),
    "rs256-assertion": (lambda c: {**c, "token_endpoint_auth_signing_alg": "RS256"}, "token_endpoint_auth_signing_alg"),
    "hybrid": (lambda c: {**c, "response_types": ["code id_token"]}, "response_types"),
    "lifetime": (lambda c: {**c, "par_request_expiry": 600}, "par_request_expiry"),
}


@pytest.mark.requirement("FAPI-5.3.2.1-3", "FAPI-5.3.2.1-6", "FAPI-5.4.1-1")
@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize(("change", "reason"), UNSAVED.values(), ids=UNSAVED)
async def test_a_client_that_the_profile_forbids_is_not_saved(
    where: str, change: Callable[[dict[str, Any]], dict[str, Any]], reason: str
) -> None:
    realm = WHERE[where]
    async with running(json.dumps({"realms": [{**realm, "clients": []}]})) as server:
        with pytest.raises(BadManifest, match=reason):
            await server.apply(json.dumps({"realms": [{**realm, "clients": [change(realm["clients"][0])]}]}))


CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "par-off": ({"pushed_authorization_requests": {"supported": False}}, "needs pushed requests"),
    "lifetime": ({"pushed_authorization_requests": {"lifetime": 600}}, "at most 599 seconds"),
    "code": ({"lifetimes": {"code": 61}}, "at most 60 seconds"),
    "rs256": ({"access_token_signing_alg": "RS256"}, "access_token_signing_alg"),
}


@pytest.mark.requirement("FAPI-5.3.2.2-12", "FAPI-5.3.2.1-11")
@pytest.mark.parametrize(("change", "reason"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
async def test_a_realm_that_contradicts_its_profile_is_not_saved(change: dict[str, Any], reason: str) -> None:
    async with running() as server:
        with pytest.raises(BadManifest, match=reason):
            await server.apply(json.dumps({"realms": [{"name": "default", "profile": PROFILE, **change}]}))


@pytest.mark.requirement("FAPI-5.3.2.1-3", "FAPI-5.3.2.1-6")
async def test_clients_that_were_there_before_the_profile_are_held_to_it() -> None:
    clients = [
        {"client_id": "basic", **SECRET, "redirect_uris": [REDIRECT]},
        {"client_id": "spa", "token_endpoint_auth_method": "none", "redirect_uris": [REDIRECT]},
        {**CLIENT, "id_token_signed_response_alg": "RS256"},
    ]
    async with running(json.dumps({"realms": [{**REALM, "clients": clients}]})) as server:
        await server.apply(json.dumps({"realms": [{"name": "default", "profile": PROFILE}]}))
        basic = await server.http.post(PAR, data=REQUEST, auth=("basic", SECRET["client_secret"]))
        refused(basic, 401, "invalid_client", "client.profile")
        spa = await server.http.post(PAR, data={**REQUEST, "client_id": "spa"})
        refused(spa, 401, "invalid_client", "client.profile")
        tokens = (await redeem(server, await sign_in(server, await push(server)), proof(server))).json()
        assert header(tokens["id_token"])["alg"] == "PS256"


# --- What is said of it ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("META-9126-2", "META-8414-5", "META-8414-8", "META-9449-1")
async def test_the_metadata_of_a_realm_under_the_profile() -> None:
    async with running(json.dumps({"realms": [WHERE["realm"]]})) as server:
        document = (await server.http.get("/.well-known/oauth-authorization-server")).json()
    algs = {"ES256", "PS256", "EdDSA", "Ed25519"}
    assert document["require_pushed_authorization_requests"] is True
    assert document["response_types_supported"] == ["code"]
    assert document["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert set(document["token_endpoint_auth_signing_alg_values_supported"]) == algs
    assert set(document["dpop_signing_alg_values_supported"]) == algs
    assert set(document["id_token_signing_alg_values_supported"]) == {"ES256", "PS256", "EdDSA"}
    assert "implicit" not in document["grant_types_supported"]
    assert document["authorization_response_iss_parameter_supported"] is True


@pytest.mark.requirement("DPOP-7.1-2")
async def test_a_challenge_names_the_algorithms_of_the_profile() -> None:
    async with running(json.dumps({"realms": [WHERE["realm"]]})) as server:
        told = (await server.http.get("/oauth2/userinfo")).headers.get_list("www-authenticate")
        document = (await server.http.get("/.well-known/openid-configuration")).json()
    algs = document["dpop_signing_alg_values_supported"]
    assert "RS256" not in algs
    assert told[1] == f'DPoP realm="default", algs="{" ".join(algs)}"'


@pytest.mark.requirement("FAPI-5.3.2.2-13")
async def test_the_consent_page_names_client_and_scope(bank: Running) -> None:
    browser = bank.browser()
    params = {"client_id": "bank", "request_uri": (await push(bank)).json()["request_uri"]}
    await browser.open("/oauth2/authorize", params=params)
    await browser.sign_in()
    assert browser.page is not None
    assert "bank" in browser.page.text
    assert "accounts" in browser.page.text


@pytest.mark.requirement("FAPI-5.3.2.1-4", "FAPI-5.3.2.2-5")
async def test_what_was_issued_before_the_profile_is_worth_nothing_after_it() -> None:
    """An unbound access token at UserInfo, and a code without PKCE."""
    client = {**CLIENT, "token_endpoint_auth_method": "client_secret_basic", "client_secret": "x" * 32}
    async with running(json.dumps({"realms": [{**REALM, "profile": "oidc", "clients": [client]}]})) as server:
        auth = ("bank", "x" * 32)
        codes = []
        for _ in range(2):
            plain = but(REQUEST, code_challenge=None, code_challenge_method=None)
            codes.append(await sign_in(server, await server.http.post(PAR, auth=auth, data=plain)))
        form = {"grant_type": "authorization_code", "code": codes[0], "redirect_uri": REDIRECT}
        tokens = (await server.http.post(TOKEN, auth=auth, data=form)).json()
        await server.apply(json.dumps({"realms": [{**REALM, "profile": PROFILE, "clients": [CLIENT]}]}))
        reply = await userinfo_with(server, tokens["access_token"], None, scheme="Bearer")
        assert (reply.status_code, reply.headers["pushgate-refusal"]) == (401, "userinfo.token_unbound")
        assert 'error="invalid_token"' in reply.headers["www-authenticate"]
        form = {"grant_type": "authorization_code", "code": codes[1], "redirect_uri": REDIRECT}
        refused(await ask_token(server, proof(server), **form), 400, "invalid_grant", "code.invalid")


@pytest.mark.requirement("FAPI-5.3.2.1-4", "FAPI-5.4.1-1", "DPOP-7.1-2")
async def test_the_profile_of_a_client_holds_at_resources_of_an_ordinary_realm() -> None:
    """At UserInfo and at the sample: what proofs may be signed with, and that tokens are bound."""
    plain = {**CLIENT, "token_endpoint_auth_method": "client_secret_basic", "client_secret": "x" * 32}
    ordinary = {**REALM, "profile": "oidc", "clients": [plain]}
    strict = {**REALM, "profile": "oidc", "clients": [{**CLIENT, "profile": PROFILE}]}
    async with running(json.dumps({"realms": [ordinary]}), sample_resource=True) as server:
        auth, form = ("bank", "x" * 32), {"grant_type": "authorization_code", "redirect_uri": REDIRECT}
        found = []
        for sent in (None, proof(server, by="rsa", alg="RS256")):
            code = await sign_in(server, await server.http.post(PAR, auth=auth, data=REQUEST))
            headers = {} if sent is None else {"dpop": sent}
            data = {**form, "code": code, "code_verifier": VERIFIER}
            found.append((await server.http.post(TOKEN, auth=auth, data=data, headers=headers)).json()["access_token"])
        await server.apply(json.dumps({"realms": [strict]}))
        unbound, bound = found
        for path, refusals in (
            ("/oauth2/userinfo", ("userinfo.token_unbound", "dpop.alg")),
            ("/resource", ("resource.token_unbound", "dpop.alg")),
        ):
            replies = [
                await server.http.get(path, headers={"authorization": f"Bearer {unbound}"}),
                await server.http.get(
                    path,
                    headers={
                        "authorization": f"DPoP {bound}",
                        "dpop": proof(server, path, "rsa", method="GET", alg="RS256", ath=ath(bound)),
                    },
                ),
            ]
            for reply, error, refusal in zip(replies, ("invalid_token", "invalid_dpop_proof"), refusals, strict=True):
                told = (reply.status_code, reply.json()["error"], reply.headers["pushgate-refusal"])
                assert told == (401, error, refusal)
                challenges = ", ".join(reply.headers.get_list("www-authenticate"))
                assert "ES256" in challenges
                assert "RS256" not in challenges
