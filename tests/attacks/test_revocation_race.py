"""Keep a token alive by refreshing it at the very moment at which its owner revokes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
from httpx import BasicAuth

from pushgate.testing import Browser
from tests.support.connections import across_workers, volley
from tests.support.live import Live, serving
from tests.support.manifests import APP, MANIFEST, REDIRECT, REQUEST, VERIFIER

ROUNDS = 15
RACERS = 20
WORKERS = 2

_basic = next(BasicAuth(*APP).auth_flow(httpx.Request("GET", "http://x"))).headers["authorization"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """`pushgate serve --workers 2`."""
    with serving(tmp_path_factory.mktemp("revocation"), MANIFEST, "--workers", str(WORKERS)) as found:
        yield found
        assert "Traceback" not in found.log


async def refresh_token(http: httpx.AsyncClient) -> str:
    """A refresh token of a fresh grant."""
    browser = await Browser(http).open("/oauth2/authorize", params={"client_id": "app", **REQUEST})
    if browser.landed is None and "/login/" in str(browser.page and browser.page.url):
        await browser.sign_in()
    if browser.landed is None:
        await browser.allow()
    form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    reply = await http.post("/oauth2/token", data={**form, "code": browser.answer["code"]}, auth=APP)
    found: str = reply.json()["refresh_token"]
    return found


@pytest.mark.requirement("REV-2.1-4")
async def test_after_the_answer_no_token_of_the_grant_works(server: Live) -> None:
    connections = await across_workers(server.url, RACERS // WORKERS, WORKERS)
    seen: Counter[int] = Counter()
    async with httpx.AsyncClient(base_url=server.url) as http:
        for round_number in range(ROUNDS):
            token = await refresh_token(http)
            turned = [*connections[round_number % RACERS :], *connections[: round_number % RACERS]]
            refreshing = {"grant_type": "refresh_token", "refresh_token": token}
            requests = [
                c.post("/oauth2/revoke", {"token": token}, authorization=_basic)
                if c is turned[RACERS // 2]
                else c.post("/oauth2/token", refreshing, authorization=_basic)
                for c in turned
            ]
            answers = await volley(turned, requests)
            [revocation] = [a for a in answers if a.headers.get("content-length") == "0"]
            assert revocation.status == 200
            refreshes = [a for a in answers if a is not revocation]
            seen.update(a.status for a in refreshes)
            assert {(a.status, a.refusal) for a in refreshes} <= {(200, None), (400, "refresh.invalid")}
            for answer in refreshes:
                if answer.status == 200:
                    got = answer.json
                    reply = await http.get(
                        "/oauth2/userinfo", headers={"authorization": f"Bearer {got['access_token']}"}
                    )
                    assert reply.status_code == 401
                    form = {"token": got["access_token"]}
                    assert (await http.post("/oauth2/introspect", data=form, auth=APP)).json() == {"active": False}
            reply = await http.post("/oauth2/token", data=refreshing, auth=APP)
            assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")
    for connection in connections:
        connection.writer.close()
    assert seen[200] > 0, "nobody refreshed before the revocation: the race was none"
    assert seen[400] > 0, "nobody refreshed after it"
