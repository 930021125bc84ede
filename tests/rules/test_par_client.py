"""Who pushes: every registered way to authenticate works, every other one is refused first and leaves nothing."""

from __future__ import annotations

import itertools
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from pushgate.testing import BASE_URL, Running
from tests.support import steps
from tests.support.manifests import APP, APP_SECRET, CHALLENGE, HMAC_SECRET, KEY, POST_SECRET, REDIRECT, REQUEST

URN = "urn:ietf:params:oauth:request_uri:"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
WRONG_SECRET = "wrong-secret-of-at-least-22-characters"
FOREVER = 2**40
METHODS = {
    "client_secret_basic": "app",
    "client_secret_post": "post",
    "client_secret_jwt": "hmac",
    "private_key_jwt": "jwt",
    "none": "spa",
}
"""The test client that is registered for each method."""
SECRETS = {"app": APP_SECRET, "post": POST_SECRET, "hmac": HMAC_SECRET}
REQUESTS = {
    client_id: REQUEST | {"redirect_uri": uri, "scope": "openid"}
    for client_id, uri in [
        ("app", REDIRECT),
        ("post", "https://post.example/cb"),
        ("hmac", "https://hmac.example/cb"),
        ("jwt", "https://jwt.example/cb"),
        ("spa", "https://spa.example/cb"),
    ]
}

numbers = itertools.count(1)


def assertion(server: Running, client_id: str, method: str | None = None, **changes: Any) -> dict[str, str]:
    """A fresh client assertion as form fields; a claim changed to None is left out."""
    symmetric = method == "client_secret_jwt" if method else client_id == "hmac"
    now = int(server.clock())
    claims = {"iss": client_id, "sub": client_id, "aud": BASE_URL, "iat": now, "exp": now + 60}
    claims |= {"jti": f"jti-{next(numbers)}"} | changes
    key = OctKey.import_key(HMAC_SECRET) if symmetric else KEY
    header = {"alg": "HS256"} if symmetric else {"alg": "ES256", "kid": "test-key"}
    token = jwt.encode(header, {k: v for k, v in claims.items() if v is not None}, key)
    return {"client_assertion": token, "client_assertion_type": JWT_BEARER}


def credential(server: Running, method: str, client_id: str) -> dict[str, Any]:
    """How httpx is told to authenticate as this client by this method."""
    secret = SECRETS.get(client_id, WRONG_SECRET)
    match method:
        case "client_secret_basic":
            return {"auth": (client_id, secret), "data": {}}
        case "client_secret_post":
            return {"data": {"client_id": client_id, "client_secret": secret}}
        case "none":
            return {"data": {"client_id": client_id}}
    return {"data": assertion(server, client_id, method)}


async def redeem(server: Running, **how: Any) -> httpx.Response:
    """Use a credential at the token endpoint, with a code that does not exist."""
    form = {"grant_type": "authorization_code", "code": "no-code"} | how.pop("data")
    return await server.http.post("/oauth2/token", data=form, **how)


async def push(server: Running, request: dict[str, str] = REQUEST, **how: Any) -> httpx.Response:
    return await server.http.post("/oauth2/par", **how | {"data": request | how.get("data", {})})


def basic(credentials: str, scheme: str = "Basic") -> dict[str, str]:
    return {"authorization": f"{scheme} {b64encode(credentials.encode()).decode()}"}


async def refused(server: Running, reply: httpx.Response, status: int, code: str, refusal: str) -> None:
    """The reply says so, and nothing was stored."""
    steps.refused(reply, status, code, refusal)
    assert await server.transient.purge(FOREVER) == 0


@pytest.mark.requirement("PAR-2-4", "VEN-A-1")
@pytest.mark.parametrize(("method", "client_id"), METHODS.items())
async def test_what_authenticates_at_the_token_endpoint_authenticates_a_push(
    server: Running, method: str, client_id: str
) -> None:
    assert (await push(server, REQUESTS[client_id], **credential(server, method, client_id))).status_code == 201
    reply = await redeem(server, **credential(server, method, client_id))
    assert reply.headers["pushgate-refusal"] == "code.invalid"  # the client was accepted


OTHER_METHODS = [
    (method, client_id) for method in METHODS for client_id in METHODS.values() if METHODS[method] != client_id
]


@pytest.mark.requirement("PAR-2-4", "VEN-A-1")
@pytest.mark.parametrize(("method", "client_id"), OTHER_METHODS)
async def test_another_method_than_the_registered_one_is_refused_at_both_endpoints(
    server: Running, method: str, client_id: str
) -> None:
    refusal = "client.authentication"  # the secret is not this client's, or there is none
    if method in ("client_secret_jwt", "private_key_jwt"):
        refusal = "assertion.alg" if client_id in ("hmac", "jwt") else "client.method"
    elif method != "none" and client_id in SECRETS:
        refusal = "client.method"
    pushed = await push(server, REQUESTS[client_id], **credential(server, method, client_id))
    await refused(server, pushed, 401, "invalid_client", refusal)
    assert pushed.headers["www-authenticate"].startswith("Basic ")
    redeemed = await redeem(server, **credential(server, method, client_id))
    await refused(server, redeemed, 401, "invalid_client", refusal)


@pytest.mark.requirement("VEN-A-1")
@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC", "bAsIc"])
async def test_the_scheme_of_a_basic_header_may_have_any_case(server: Running, scheme: str) -> None:
    assert (await push(server, headers=basic(f"app:{APP_SECRET}", scheme))).status_code == 201


ODD_ID, ODD_SECRET = "https://odd.example/client?a=1", "a secret: with 100% +&= and żółć"
ODD = f"""
realms:
  - name: default
    clients:
      - client_id: {ODD_ID}
        client_secret: "{ODD_SECRET}"
        redirect_uris: [{REDIRECT}]
        scope: openid email
"""


@pytest.mark.requirement("VEN-A-1")
async def test_id_and_secret_of_a_basic_header_are_form_decoded(server: Running) -> None:
    await server.apply(ODD)
    encoded = f"{quote_plus(ODD_ID)}:{quote_plus(ODD_SECRET)}"
    assert (await push(server, headers=basic(encoded))).status_code == 201
    raw = await push(server, headers=basic(f"{ODD_ID}:{ODD_SECRET}"))
    assert (raw.status_code, raw.headers["pushgate-refusal"]) == (401, "client.authentication")


@pytest.mark.requirement("PAR-2-5")
@pytest.mark.parametrize("client_id", ["jwt", "hmac"])
@pytest.mark.parametrize("aud", [BASE_URL, f"{BASE_URL}/oauth2/token", f"{BASE_URL}/oauth2/par"])
@pytest.mark.parametrize("form", [str, lambda aud: [aud]], ids=["string", "array"])
async def test_an_assertion_names_issuer_token_or_par_endpoint(
    server: Running, client_id: str, aud: str, form: Callable[[str], Any]
) -> None:
    reply = await push(server, REQUESTS[client_id], data=assertion(server, client_id, aud=form(aud)))
    assert reply.status_code == 201


@pytest.mark.requirement("PAR-2-5")
@pytest.mark.parametrize(
    "aud",
    [
        None,
        "",
        [],
        f"{BASE_URL}/oauth2/authorize",
        f"{BASE_URL}/",
        f"{BASE_URL}/oauth2/par/",
        f"{BASE_URL}/oauth2/par?x=y",
        "https://other.example",
        "HTTP://127.0.0.1:8080",
        [BASE_URL, "https://other.example"],
        [BASE_URL, BASE_URL],
        {"aud": BASE_URL},
    ],
)
async def test_an_assertion_for_anybody_else_is_refused(server: Running, aud: object) -> None:
    reply = await push(server, REQUESTS["jwt"], data=assertion(server, "jwt", aud=aud))
    await refused(server, reply, 401, "invalid_client", "assertion.aud")


@pytest.mark.requirement("PAR-2.1-1")
@pytest.mark.parametrize("identity", [{}, {"client_id": ""}], ids=["absent", "empty"])
async def test_a_push_that_names_no_client_is_refused(server: Running, identity: dict[str, str]) -> None:
    reply = await push(server, REQUESTS["spa"], data=identity)
    await refused(server, reply, 401, "invalid_client", "client.missing")
    assert reply.headers["www-authenticate"].startswith('Basic realm="default"')


@pytest.mark.requirement("PAR-2.1-1")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_jwt", "private_key_jwt"])
async def test_a_client_known_from_its_credential_need_not_send_client_id(server: Running, method: str) -> None:
    client_id = METHODS[method]
    how = credential(server, method, client_id)
    assert "client_id" not in how["data"]
    assert (await push(server, REQUESTS[client_id], **how)).status_code == 201


BROKEN = {"response_type": "nonsense", "redirect_uri": "https://evil.example/", "request_uri": URN + "x"}
"""A request that breaks rule after rule."""
BAD_CREDENTIALS: dict[str, tuple[str, Callable[[Running], dict[str, Any]]]] = {
    "no credential": ("client.authentication", lambda s: {"data": {"client_id": "app"}}),
    "unknown client": ("client.authentication", lambda s: {"auth": ("nobody", APP_SECRET)}),
    "wrong secret": ("client.authentication", lambda s: {"auth": ("app", WRONG_SECRET)}),
    "empty secret": ("client.authentication", lambda s: {"auth": ("app", "")}),
    "secret of another client": ("client.authentication", lambda s: {"auth": ("app", POST_SECRET)}),
    "wrong secret in the form": (
        "client.authentication",
        lambda s: {"data": {"client_id": "post", "client_secret": WRONG_SECRET}},
    ),
    "expired assertion": ("assertion.exp", lambda s: {"data": assertion(s, "jwt", exp=int(s.clock()) - 60)}),
    "assertion of another key": ("assertion.sub", lambda s: {"data": assertion(s, "jwt", sub="app")}),
}


@pytest.mark.requirement("PAR-2.1-3")
@pytest.mark.parametrize("request_", [REQUEST, BROKEN], ids=["valid request", "broken request"])
@pytest.mark.parametrize("case", BAD_CREDENTIALS)
async def test_the_client_is_authenticated_before_the_request_is_looked_at(
    server: Running, case: str, request_: dict[str, str]
) -> None:
    refusal, how = BAD_CREDENTIALS[case]
    await refused(server, await push(server, request_, **how(server)), 401, "invalid_client", refusal)


@pytest.mark.requirement("VEN-A-5")
@pytest.mark.parametrize("case", BAD_CREDENTIALS)
async def test_a_rejected_credential_leaves_one_audit_event_and_nothing_else(server: Running, case: str) -> None:
    before = len(await server.audit())
    refusal, how = BAD_CREDENTIALS[case]
    await refused(server, await push(server, **how(server)), 401, "invalid_client", refusal)
    newest, *older = await server.audit()
    assert len(older) == before
    assert (newest["event"], newest["refusal"], newest["status"]) == ("request_refused", refusal, 401)


@pytest.mark.requirement("PAR-2.1-4")
async def test_a_basic_client_cannot_push_for_another(server: Running) -> None:
    reply = await push(server, REQUESTS["spa"], auth=APP, data={"client_id": "spa"})
    await refused(server, reply, 400, "invalid_request", "client.mismatch")


@pytest.mark.requirement("PAR-2.1-4")
@pytest.mark.parametrize("victim", ["spa", "app", "nobody"])
async def test_a_client_with_an_assertion_cannot_push_for_another(server: Running, victim: str) -> None:
    reply = await push(server, data=assertion(server, "jwt") | {"client_id": victim})
    await refused(server, reply, 401, "invalid_client", "assertion.client_id")


@pytest.mark.requirement("PAR-2.1-9")
@pytest.mark.parametrize(("method", "client_id"), METHODS.items())
async def test_credentials_are_not_stored_with_the_request(server: Running, method: str, client_id: str) -> None:
    how = credential(server, method, client_id)
    pushed = await push(server, REQUESTS[client_id], **how)
    assert pushed.status_code == 201
    table = server.transient._connection.serialize()
    assert CHALLENGE.encode() in table  # the request is in there, in clear
    secrets = [value for name, value in how["data"].items() if name in ("client_secret", "client_assertion")]
    secrets += [part for value in secrets for part in value.split(".") if len(part) > 20]
    secrets += [SECRETS.get(client_id, WRONG_SECRET), JWT_BEARER, "client_secret", "client_assertion"]
    assert [secret for secret in secrets if secret.encode() in table] == []
    assert pushed.json()["request_uri"].removeprefix(URN).encode() not in table


@pytest.mark.requirement("VEN-A-2")
@pytest.mark.parametrize("token", ["<ACCESS_TOKEN>", "abc.def.ghi", ""])
async def test_a_bearer_header_beside_a_credential_in_the_body_is_ignored(server: Running, token: str) -> None:
    how = credential(server, "client_secret_post", "post")
    reply = await push(server, REQUESTS["post"], headers={"authorization": f"Bearer {token}"}, **how)
    assert reply.status_code == 201


@pytest.mark.requirement("VEN-A-2")
@pytest.mark.parametrize(
    ("identity", "refusal"), [({}, "client.missing"), ({"client_id": "post"}, "client.authentication")]
)
async def test_a_bearer_header_alone_authenticates_nobody(
    server: Running, identity: dict[str, str], refusal: str
) -> None:
    reply = await push(server, REQUESTS["post"], headers={"authorization": "Bearer <ACCESS_TOKEN>"}, data=identity)
    await refused(server, reply, 401, "invalid_client", refusal)


@pytest.mark.requirement("VEN-A-3")
@pytest.mark.parametrize("header", ["Basic -u app:secret", "Basic app:secret", "Basic", "Basic ====", "Basic YXBw"])
async def test_a_misprinted_basic_header_is_told_what_one_looks_like(server: Running, header: str) -> None:
    reply = await push(server, headers={"authorization": header})
    await refused(server, reply, 401, "invalid_client", "client.basic_malformed")
    assert "'Basic' and base64 of client_id:client_secret" in reply.json()["error_description"]
    assert reply.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.requirement("VEN-A-4")
@pytest.mark.parametrize("also", ["client_secret_post", "client_secret_jwt", "private_key_jwt"])
async def test_a_basic_header_beside_another_credential_is_refused(server: Running, also: str) -> None:
    client_id = METHODS[also]
    how = credential(server, also, client_id)
    for auth in (APP, (client_id, SECRETS.get(client_id, WRONG_SECRET))):
        reply = await push(server, REQUESTS[client_id], auth=auth, **how)
        await refused(server, reply, 400, "invalid_request", "client.two_methods")


@pytest.mark.requirement("VEN-A-4")
async def test_two_credentials_in_the_body_are_refused(server: Running) -> None:
    how = credential(server, "client_secret_post", "post")
    reply = await push(server, REQUESTS["post"], data=how["data"] | assertion(server, "post"))
    await refused(server, reply, 400, "invalid_request", "client.two_methods")
