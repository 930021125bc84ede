"""Every profile with every way to authenticate, to bind, to ask and to answer: the whole flow, or the exact refusal.

FAPI 2.0 Security Profile 5.3.2, Message Signing 5.3 and 5.4; RFC 8705, RFC 9449, RFC 9101, JARM.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from pushgate.testing import BASE_URL, Running, running
from tests.support.assertions import TYPE, claims, key, public, signed
from tests.support.certificates import Made, authority, client, self_signed
from tests.support.manifests import CHALLENGE, VERIFIER
from tests.support.proofs import ath, proof, thumbprint
from tests.support.steps import AUTHORIZE, PAR, TOKEN, USERINFO, agree, answer_in, header, refused, stored, verified

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEADER = "Client-Cert"  # RFC 9440
SAMPLE = "/resource"
REDIRECT = "https://bank.example/cb"
SUBJECT = "bank.example"
ISSUED, OWN = client(SUBJECT), self_signed(SUBJECT)
STOLEN_BY = self_signed("somebody else")
PROFILES = ("oauth2", "oidc", "fapi2-security", "fapi2-message-signing")
AUTHENTICATION = ("private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth")
BINDINGS = {"DPoP": "dpop_bound_access_tokens", "mTLS": "tls_client_certificate_bound_access_tokens"}
SCOPES = ("openid", "accounts")
STYLES = ("plain", "JAR", "JAR+JARM")


@dataclass(frozen=True)
class Case:
    """One way through the server, apart from the profile."""

    authentication: str
    binding: str
    scope: str
    style: str

    @property
    def client_id(self) -> str:
        """The client that is registered for it."""
        return f"{self.authentication}-{self.binding}"

    @property
    def certificate(self) -> Made | None:
        """What the client's connections show: to authenticate, to bind, or not at all."""
        if self.authentication == "private_key_jwt":
            return OWN if self.binding == "mTLS" else None
        return ISSUED if self.authentication == "tls_client_auth" else OWN

    @property
    def cnf(self) -> dict[str, str]:
        """What its tokens are bound to, and to nothing else."""
        if self.binding == "DPoP":
            return {"jkt": thumbprint("p256-second")}
        assert self.certificate is not None
        return {"x5t#S256": self.certificate.thumbprint}

    @property
    def resource(self) -> str:
        """Where its tokens are used, and the name of that place in refusals."""
        return USERINFO if self.scope == "openid" else SAMPLE

    def refusal(self, name: str) -> str:
        """The ID under which the resource says no."""
        return f"{'userinfo' if self.resource == USERINFO else 'resource'}.{name}"


CASES = [Case(*parts) for parts in itertools.product(AUTHENTICATION, BINDINGS, SCOPES, STYLES)]


def registered(authentication: str, binding: str) -> dict[str, Any]:
    """A client's registration."""
    keys = [*public("p256")["keys"], OWN.jwk(kid="certificate")]
    subject = {"tls_client_auth_subject_dn": f"CN={SUBJECT}"} if authentication == "tls_client_auth" else {}
    return {
        "client_id": f"{authentication}-{binding}", "token_endpoint_auth_method": authentication, **subject,
        "jwks": {"keys": keys}, BINDINGS[binding]: True, "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"], "scope": "openid accounts",
    }  # fmt: skip


@pytest.fixture(scope="module", params=PROFILES)
def profile(request: pytest.FixtureRequest) -> str:
    """The name of the profile."""
    name: str = request.param
    return name


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(profile: str) -> AsyncIterator[Running]:
    """A server whose realm has the profile, behind a proxy that passes certificates on."""
    clients = [registered(*pair) for pair in itertools.product(AUTHENTICATION, BINDINGS)]
    realm = {
        "name": "default", "profile": profile, "rates": {"failures_per_minute": 0}, "clients": clients,
        "tls_client_ca": authority().pem, "resources": [{"identifier": BASE_URL + SAMPLE, "scopes": ["accounts"]}],
        "users": [{"username": "alice", "password": "alice-password"}],
    }  # fmt: skip
    async with running(json.dumps({"realms": [realm]}), client_cert_header=HEADER, sample_resource=True) as found:
        yield found


def signing_alg(profile: str) -> str:
    """What the server signs ID Tokens and responses with, where the client registered nothing."""
    return "PS256" if profile.startswith("fapi2") else "RS256"


def forbidden(profile: str, case: Case) -> tuple[str, str] | None:
    """The code and the refusal with which a push is turned down; None where the profile allows the case."""
    if profile == "fapi2-message-signing" and case.style == "plain":
        return "invalid_request", "request.signed_required"
    if profile == "fapi2-message-signing" and case.style == "JAR":
        return "invalid_request", "request.response_mode_unauthorized"
    if profile == "oauth2" and case.scope == "openid":
        return "invalid_scope", "request.scope_not_allowed"
    return None


def shown(certificate: Made | None) -> dict[str, str]:
    """What the proxy says about the connection."""
    return {} if certificate is None else {HEADER: f":{base64.b64encode(certificate.der).decode()}:"}


async def send(
    server: Running, case: Case, path: str, form: dict[str, str], *, keyless: bool = False
) -> httpx.Response:
    """Send a form as the client, with its key to bind to; or `keyless`, without a proof and a certificate."""
    who: dict[str, str] = {"client_id": case.client_id}
    if case.authentication == "private_key_jwt":
        who |= {"client_assertion_type": TYPE, "client_assertion": signed(claims(server, case.client_id))}
    headers = {} if keyless else shown(case.certificate)
    if case.binding == "DPoP" and not keyless:
        headers["DPoP"] = proof(server, path, "p256-second")
    return await server.http.post(path, data={**form, **who}, headers=headers)


async def push(server: Running, case: Case) -> httpx.Response:
    """Push the request in the style of the case."""
    request = {
        "response_type": "code", "redirect_uri": REDIRECT, "scope": case.scope, "state": "a-state", "nonce": "a-nonce",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }  # fmt: skip
    if case.style == "plain":
        return await send(server, case, PAR, request)
    now = int(server.clock())
    inside = {**request, "client_id": case.client_id, "iss": case.client_id, "aud": BASE_URL, "nbf": now}
    inside |= {"exp": now + 300} | ({"response_mode": "jwt"} if case.style == "JAR+JARM" else {})
    made = signed(inside, by=key("p256"), typ="oauth-authz-req+jwt")
    return await send(server, case, PAR, {"request": made})


async def code_for(server: Running, case: Case, pushed: httpx.Response, alg: str) -> str:
    """Sign in and consent; the code stands in the open, or in the JWT with everything else and nothing beside it."""
    browser = server.browser()
    params = {"client_id": case.client_id, "request_uri": pushed.json()["request_uri"]}
    answer: dict[str, Any] = dict(
        answer_in(await agree(await browser.open(AUTHORIZE, params=params)), "query", REDIRECT)
    )
    if case.style == "JAR+JARM":
        assert answer.keys() == {"response"}
        answer = await verified(server, answer["response"], alg)
        assert answer.pop("aud") == case.client_id
        assert server.clock() < answer.pop("exp") <= server.clock() + 600
    assert answer == {"code": answer["code"], "state": "a-state", "iss": BASE_URL}
    return str(answer["code"])


async def use(
    server: Running, case: Case, token: str, *, scheme: str | None = None, by: str | None = "p256-second",
    certificate: Made | None = None,
) -> httpx.Response:  # fmt: skip
    """Bring a token to the resource; a DPoP proof `by` this key comes along under that scheme."""
    scheme = scheme or case.binding.replace("mTLS", "Bearer")
    headers = {"authorization": f"{scheme} {token}", **shown(certificate)}
    if scheme == "DPoP" and by is not None:
        headers["DPoP"] = proof(server, case.resource, by, method="GET", ath=ath(token))
    return await server.http.get(case.resource, headers=headers)


async def useless_without_the_key(server: Running, case: Case, token: str) -> None:
    """Whoever has stolen the token, and nothing else, gets nowhere with it."""
    if case.binding == "DPoP":
        attempts = [
            (await use(server, case, token, scheme="Bearer"), "invalid_token", case.refusal("token_scheme")),
            (await use(server, case, token, by=None), "invalid_dpop_proof", "dpop.required"),
            (await use(server, case, token, by="p256"), "invalid_token", case.refusal("token_key")),
        ]
    else:
        attempts = [
            (await use(server, case, token, certificate=other), "invalid_token", case.refusal("token_certificate"))
            for other in (None, STOLEN_BY)
        ]
    for reply, error, refusal in attempts:
        refused(reply, 401, error, refusal)


async def check(server: Running, case: Case, tokens: dict[str, Any]) -> None:
    """The access token is bound to the key of the case, opens the resource with it, and opens nothing without."""
    token = tokens["access_token"]
    found = await verified(server, token, "ES256")
    assert (found["cnf"], found["client_id"], found["scope"]) == (case.cnf, case.client_id, case.scope)
    assert tokens["token_type"] == ("DPoP" if case.binding == "DPoP" else "Bearer")
    await useless_without_the_key(server, case, token)
    reply = await use(server, case, token, certificate=case.certificate)
    assert reply.status_code == 200, reply.text
    assert reply.json()["sub"] == found["sub"]


def refresh_refusal(case: Case) -> tuple[int, str, str]:
    """How a refresh token that comes without the client's key is turned down: status, code and refusal."""
    if case.authentication != "private_key_jwt":
        return 401, "invalid_client", "certificate.missing"
    if case.binding == "DPoP":
        return 400, "invalid_dpop_proof", "dpop.required"
    return 400, "invalid_request", "certificate.required"


@pytest.mark.requirement(
    "FAPI-5.3.2.1-4", "FAPI-5.3.2.1-6", "FAPI-5.3.2.1-9", "FMS-5.3.1-1", "FMS-5.4.1-1", "FMS-5.4.1-2", "MTLS-3-1",
    "DPOP-5-1", "OIDC-2-1", "PAR-2-4",
)  # fmt: skip
@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.client_id}-{case.scope}-{case.style}"
)  # fmt: skip
async def test_the_whole_way_or_the_exact_refusal(server: Running, profile: str, case: Case) -> None:
    alg, before = signing_alg(profile), stored(server)
    pushed = await push(server, case)
    if (no := forbidden(profile, case)) is not None:
        refused(pushed, 400, *no)
        assert stored(server) == before
        return
    assert pushed.status_code == 201, pushed.text
    form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    reply = await send(server, case, TOKEN, {**form, "code": await code_for(server, case, pushed, alg)})
    assert reply.status_code == 200, reply.text
    tokens = reply.json()
    assert ("id_token" in tokens) == (case.scope == "openid")
    if case.scope == "openid":
        assert header(tokens["id_token"]).keys() == {"alg", "kid", "typ"}
        found = await verified(server, tokens["id_token"], alg)
        assert (found["aud"], found["nonce"], found["iss"]) == (case.client_id, "a-nonce", BASE_URL)
    await check(server, case, tokens)

    again = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    refused(await send(server, case, TOKEN, again, keyless=True), *refresh_refusal(case))
    reply = await send(server, case, TOKEN, again)
    assert reply.status_code == 200, reply.text
    await check(server, case, reply.json())
