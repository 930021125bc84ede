"""The FAPI 2.0 message signing profile: signed requests in, signed responses out, and nothing else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from pushgate.refusals import REFUSALS
from pushgate.testing import BASE_URL, Browser, Running, running
from tests.support.assertions import TYPE, key, public, signed
from tests.support.manifests import CHALLENGE, VERIFIER
from tests.support.proofs import proof
from tests.support.steps import AUTHORIZE, PAR, TOKEN, agree, answer_in, header, refused, shown, stored

REDIRECT = "https://bank.example/cb"
PROFILE = "fapi2-message-signing"
CLIENT = {
    "client_id": "bank",
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": public("p256", "rsa"),
    "redirect_uris": [REDIRECT],
    "scope": "openid accounts",
}
REALM = {
    "name": "default",
    "rates": {"failures_per_minute": 0},
    "resources": [{"identifier": "https://accounts.example", "scopes": ["accounts"]}],
    "users": [{"username": "alice", "password": "alice-password"}],
}
WHERE: dict[str, dict[str, Any]] = {
    "realm": {**REALM, "profile": PROFILE, "clients": [CLIENT]},
    "client": {**REALM, "profile": "oidc", "clients": [{**CLIENT, "profile": PROFILE}]},
}
REQUEST = {
    "client_id": "bank", "response_type": "code", "redirect_uri": REDIRECT, "scope": "openid accounts",
    "state": "a-state", "nonce": "a-nonce", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    "response_mode": "jwt",
}  # fmt: skip
_numbers = iter(range(10**9))


@pytest.fixture(params=WHERE)
async def bank(request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    """A server with the profile on the realm, and one with it on the client alone."""
    async with running(json.dumps({"realms": [WHERE[request.param]]})) as found:
        yield found


def assertion(server: Running) -> dict[str, str]:
    """A client assertion as a form has it."""
    now = int(server.clock())
    claims = {"iss": "bank", "sub": "bank", "aud": BASE_URL, "exp": now + 60, "jti": f"jti-{next(_numbers)}"}
    return {"client_assertion_type": TYPE, "client_assertion": signed(claims, by=key("p256"))}


def object_of(server: Running, *, alg: str = "ES256", by: str = "p256", **changes: Any) -> str:
    """A request object as the profile wants it, but with these claims; None leaves one out."""
    now = int(server.clock())
    claims = {**REQUEST, "iss": "bank", "aud": BASE_URL, "nbf": now, "exp": now + 300, **changes}
    present = {name: value for name, value in claims.items() if value is not None}
    return signed(present, alg=alg, by=key(by), typ="oauth-authz-req+jwt")


async def push(server: Running, request: str) -> httpx.Response:
    """Push a request object."""
    return await server.http.post(PAR, data={"client_id": "bank", "request": request, **assertion(server)})


async def open_(server: Running, pushed: httpx.Response) -> Browser:
    """Bring the reference to the authorization endpoint."""
    assert pushed.status_code == 201, pushed.text
    params = {"client_id": "bank", "request_uri": pushed.json()["request_uri"]}
    return await server.browser().open(AUTHORIZE, params=params)


async def inside(server: Running, browser: Browser, carrier: str = "query") -> dict[str, Any]:
    """The claims of the response; outside them there is nothing. The default algorithm RS256 is not used."""
    answer = answer_in(browser, carrier, REDIRECT)
    assert answer.keys() == {"response"}
    keys = KeySet.import_key_set((await server.http.get("/oauth2/jwks")).json())
    decoded = jwt.decode(answer["response"], keys, algorithms=["PS256"])
    assert (decoded.claims["iss"], decoded.claims["aud"]) == (BASE_URL, "bank")
    return decoded.claims


@pytest.mark.requirement("FMS-5.3.1-1", "FMS-5.4.1-2", "FMS-5.3.1-5", "JARM-3-1")
@pytest.mark.parametrize(
    ("mode", "carrier"),
    [("jwt", "query"), ("query.jwt", "query"), ("fragment.jwt", "fragment"), ("form_post.jwt", "form_post")],
)
async def test_the_whole_way(bank: Running, mode: str, carrier: str) -> None:
    browser = await agree(await open_(bank, await push(bank, object_of(bank, response_mode=mode))))
    claims = await inside(bank, browser, carrier)
    assert claims["state"] == "a-state"
    form = {"grant_type": "authorization_code", "code": claims["code"], "redirect_uri": REDIRECT}
    reply = await bank.http.post(
        TOKEN, data={**form, "code_verifier": VERIFIER, **assertion(bank)}, headers={"dpop": proof(bank)}
    )
    assert (reply.status_code, reply.json()["token_type"]) == (200, "DPoP")
    assert header(reply.json()["id_token"])["alg"] == "PS256"


@pytest.mark.requirement("FMS-5.3.1-1")
async def test_a_plain_push_is_refused(bank: Running) -> None:
    reply = await bank.http.post(PAR, data={**REQUEST, **assertion(bank)})
    refused(reply, 400, "invalid_request", "request.signed_required")
    assert stored(bank) == 0


@pytest.mark.requirement("FMS-5.4.1-1")
@pytest.mark.parametrize("mode", [None, "query", "fragment", "form_post"])
async def test_a_response_in_the_open_cannot_be_asked_for(bank: Running, mode: str | None) -> None:
    reply = await push(bank, object_of(bank, response_mode=mode))
    refused(reply, 400, "invalid_request", "request.response_mode_unauthorized")
    assert stored(bank) == 0


OBJECTS: dict[str, tuple[dict[str, Any], str]] = {
    "no aud": ({"aud": None}, "request_object.aud"),
    "aud of an endpoint": ({"aud": BASE_URL + PAR}, "request_object.aud"),
    "aud in an array of others": ({"aud": ["https://other.example"]}, "request_object.aud"),
    "no nbf": ({"nbf": None}, "request_object.nbf"),
    "old nbf": ({"nbf": -3661}, "request_object.nbf_old"),
    "no exp": ({"exp": None}, "request_object.exp"),
    "past exp": ({"exp": -61}, "request_object.exp"),
    "far exp": ({"exp": 3661}, "request_object.exp_far"),
    "RS256": ({"alg": "RS256", "by": "rsa"}, "request_object.alg"),
}


@pytest.mark.requirement("FMS-5.3.1-2", "FMS-5.3.1-3", "FMS-5.3.1-4", "FAPI-5.4.1-1")
@pytest.mark.parametrize(("changes", "refusal"), OBJECTS.values(), ids=OBJECTS)
async def test_an_object_that_the_profile_forbids(bank: Running, changes: dict[str, Any], refusal: str) -> None:
    now = int(bank.clock())
    times = {name: now + value for name, value in changes.items() if isinstance(value, int)}
    refused(await push(bank, object_of(bank, **{**changes, **times})), 400, "invalid_request_object", refusal)
    assert stored(bank) == 0


@pytest.mark.requirement("FMS-5.3.1-2", "FMS-5.3.1-3")
@pytest.mark.parametrize(
    "changes", [{"aud": [BASE_URL, "https://other.example"]}, {"nbf": 8}, {"nbf": -3590, "exp": 9}]
)
async def test_what_the_profile_leaves_free(bank: Running, changes: dict[str, Any]) -> None:
    now = int(bank.clock())
    changes = {name: now + value if isinstance(value, int) else value for name, value in changes.items()}
    assert (await push(bank, object_of(bank, **changes))).status_code == 201


@pytest.mark.requirement("FMS-5.4.1-2", "JARM-2.1-4")
async def test_errors_are_signed_too(bank: Running) -> None:
    browser = await open_(bank, await push(bank, object_of(bank, prompt="none")))
    claims = await inside(bank, browser)
    assert (claims["error"], claims["state"]) == ("login_required", "a-state")
    browser = await open_(bank, await push(bank, object_of(bank)))
    await browser.sign_in()
    claims = await inside(bank, await browser.deny())
    assert (claims["error"], claims["error_description"]) == (
        "access_denied", REFUSALS["authorize.denied"].description,
    )  # fmt: skip


async def test_a_request_through_the_browser_is_refused(bank: Running) -> None:
    params = {"client_id": "bank", "request": object_of(bank)}
    browser = await bank.browser().open(AUTHORIZE, params=params)
    # Its outer parameters name no redirect URI, and the object of a request that was not pushed is not opened.
    shown(browser.page, 400, "invalid_request", "request.redirect_uri_missing")
    browser = await bank.browser().open(AUTHORIZE, params={**REQUEST, "request": object_of(bank)})
    assert (await inside(bank, browser))["error_description"] == REFUSALS["request.par_required"].description


@pytest.mark.requirement("FMS-5.4.1-1")
async def test_even_the_refusal_of_a_plain_request_is_signed(bank: Running) -> None:
    params = {"client_id": "bank", "response_type": "code", "redirect_uri": REDIRECT, "state": "a-state"}
    for more in ({}, {"response_mode": "query"}):
        claims = await inside(bank, await bank.browser().open(AUTHORIZE, params={**params, **more}))
        assert (claims["error_description"], claims["state"]) == (
            REFUSALS["request.par_required"].description, "a-state",
        )  # fmt: skip


async def test_the_metadata_of_the_profile() -> None:
    async with running(json.dumps({"realms": [WHERE["realm"]]})) as server:
        found = (await server.http.get("/.well-known/openid-configuration")).json()
    assert set(found["response_modes_supported"]) == {"jwt", "query.jwt", "fragment.jwt", "form_post.jwt"}
    assert (found["require_signed_request_object"], found["require_pushed_authorization_requests"]) == (True, True)
    for name in ("authorization_signing_alg_values_supported", "request_object_signing_alg_values_supported"):
        assert not {"RS256", "none", "HS256"} & set(found[name]), name
