"""Read what only the client may know from the logs or the audit trail: they hold who, where and why, and no more."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest
from joserfc import jwt

from pushgate.testing import Browser, Running
from tests.support.live import Live
from tests.support.manifests import APP, APP_SECRET, CHALLENGE, KEY, POST_SECRET, REDIRECT, REQUEST, VERIFIER

WRONG = "wrong-secret-of-at-least-22-characters"
PASSWORD = "not-the-password-of-alice"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JWT_REQUEST = REQUEST | {"redirect_uri": "https://jwt.example/cb", "scope": "openid"}
FAILURES: dict[str, tuple[str | None, dict[str, Any]]] = {
    "client.authentication": ("app", {"auth": ("app", WRONG), "data": REQUEST}),
    "client.two_methods": (None, {"auth": APP, "data": REQUEST | {"client_secret": WRONG}}),
    "client.basic_malformed": (None, {"headers": {"authorization": f"Basic app:{WRONG}"}, "data": REQUEST}),
    "client.mismatch": ("spa", {"auth": APP, "data": REQUEST | {"client_id": "spa"}}),
    "request.redirect_uri_mismatch": (
        "app",
        {"auth": APP, "data": REQUEST | {"redirect_uri": f"https://evil.example/{WRONG}"}},
    ),
    "request.code_challenge_malformed": ("app", {"auth": APP, "data": REQUEST | {"code_challenge": f"{CHALLENGE}x"}}),
    "http.content_type": (None, {"auth": APP, "json": REQUEST}),
}
"""Who a failed push says it is from, as far as that is clear, and the push."""


@pytest.mark.requirement("VEN-M-6")
@pytest.mark.parametrize("refusal", FAILURES)
async def test_a_failed_push_is_remembered_with_client_address_and_reason(server: Running, refusal: str) -> None:
    client_id, how = FAILURES[refusal]
    transport = httpx.ASGITransport(server.app, client=("192.0.2.7", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url=server.server.base_url) as http:
        reply = await http.post("/oauth2/par", **how)
    assert reply.headers["pushgate-refusal"] == refusal
    (event,) = await server.audit("request_refused")
    assert (event["endpoint"], event["address"], event["refusal"]) == ("par", "192.0.2.7", refusal)
    assert (event.get("client_id"), event["request_id"]) == (client_id, reply.headers["x-request-id"])
    trail = json.dumps(await server.audit())
    assert [secret for secret in (WRONG, APP_SECRET, CHALLENGE) if secret in trail] == []


def assertion(live: Live, **changes: Any) -> str:
    now = int(time.time())
    claims = {"iss": "jwt", "sub": "jwt", "aud": live.url, "jti": f"jti-{time.time_ns()}", "exp": now + 60} | changes
    return jwt.encode({"alg": "ES256", "kid": "test-key"}, claims, KEY)


async def push_with(token: str, http: httpx.AsyncClient, status: int) -> list[str]:
    """Push with this assertion; what of it must stay secret."""
    form = JWT_REQUEST | {"client_assertion": token, "client_assertion_type": JWT_BEARER}
    reply = await http.post("/oauth2/par", data=form)
    assert reply.status_code == status
    # The first part of a JWT only names algorithm and key.
    return [token, *token.split(".")[1:], *([reply.json()["request_uri"]] if status == 201 else [])]


async def whole_flow(live: Live) -> list[str]:
    """Push, fail to sign in, sign in, agree, redeem, redeem again, refresh; everything that must stay secret."""
    async with httpx.AsyncClient(base_url=live.url) as http:
        browser = Browser(http)
        pushed = (await http.post("/oauth2/par", auth=APP, data=REQUEST)).json()["request_uri"]
        await browser.open("/oauth2/authorize", params={"client_id": "app", "request_uri": pushed})
        await browser.sign_in(password=PASSWORD)
        await browser.sign_in()
        await browser.allow()
        code = browser.answer["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
        tokens = (await http.post("/oauth2/token", auth=APP, data=form)).json()
        bearer = {"authorization": f"Bearer {tokens['access_token']}"}
        assert (await http.get("/oauth2/userinfo", headers=bearer)).status_code == 200
        assert (await http.post("/oauth2/token", auth=APP, data=form)).status_code == 400
        again = await browser.open("/oauth2/authorize", params={"client_id": "app", "request_uri": pushed})
        assert again.page is not None
        assert again.page.status_code == 400
        cookies = list(http.cookies.values())
    assert len(cookies) == 3
    made = [tokens[name] for name in ("access_token", "id_token", "refresh_token")]
    return [pushed, code, *made, *cookies, "alice-password", PASSWORD]


async def many_pushes(live: Live) -> list[str]:
    """Pushes good and bad, by every method; everything that must stay secret."""
    post = REQUEST | {"client_id": "post", "redirect_uri": "https://post.example/cb", "scope": "openid"}
    async with httpx.AsyncClient(base_url=live.url) as http:
        for refusal, (_, how) in FAILURES.items():
            assert (await http.post("/oauth2/par", **how)).headers["pushgate-refusal"] == refusal
        for secret, status in ((POST_SECRET, 201), (WRONG, 401)):
            assert (await http.post("/oauth2/par", data=post | {"client_secret": secret})).status_code == status
        token = assertion(live)
        return [
            *await push_with(token, http, 201),
            *await push_with(token, http, 401),
            *await push_with(assertion(live, aud="https://other.example"), http, 401),
            *await push_with(assertion(live, sub="app"), http, 401),
            *await push_with(assertion(live)[:-8] + "AAAAAAAA", http, 401),
        ]


@pytest.mark.requirement("VEN-M-6")
async def test_read_a_secret_from_the_log_of_a_running_server(live: Live) -> None:
    secrets = [APP_SECRET, POST_SECRET, WRONG, CHALLENGE, VERIFIER, REQUEST["nonce"]]
    secrets += await whole_flow(live) + await many_pushes(live)
    log = live.log
    assert [secret for secret in secrets if secret.rpartition(":")[2] in log] == []
    events = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert {"request_refused", "request_pushed", "login_failed"} <= {event["event"] for event in events}
    for refusal in FAILURES:
        found = [event for event in events if event.get("refusal") == refusal]
        assert {event["address"] for event in found} == {"127.0.0.1"}
