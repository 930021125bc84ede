"""Which web pages of other sites may call the machine endpoints, and read what they answer (CORS)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pushgate.testing import Running
from tests.support.manifests import REQUEST

SPA = REQUEST | {"client_id": "spa", "redirect_uri": "https://spa.example/cb", "scope": "openid"}
SPA_ORIGIN = "https://spa.example"
MACHINES = ["/oauth2/par", "/oauth2/token"]
DOCUMENTS = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/oauth2/jwks"]
FOREIGN = [
    "https://evil.example",
    "https://app.example",  # of a client with a secret: its pages have no business here
    "https://spa.example.evil.example",
    "https://evilspa.example",
    "http://spa.example",
    "https://spa.example:8443",
    "null",
]
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}


async def push(server: Running, request: dict[str, str], url: str = "/oauth2/par", **how: Any) -> httpx.Response:
    return await server.http.post(url, data=request, **how)


def granted(reply: httpx.Response) -> list[str]:
    return [name for name in reply.headers if name.startswith("access-control-")]


@pytest.mark.requirement("VEN-T-8")
@pytest.mark.parametrize("path", MACHINES)
async def test_a_page_of_a_public_client_may_call_the_machine_endpoints(server: Running, path: str) -> None:
    preflight = await server.http.options(path, headers=PREFLIGHT | {"origin": SPA_ORIGIN})
    assert (preflight.status_code, preflight.content) == (204, b"")
    assert "content-length" not in preflight.headers
    assert preflight.headers["access-control-allow-origin"] == SPA_ORIGIN
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "content-type" in preflight.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in preflight.headers
    assert "origin" in preflight.headers["vary"].lower()


@pytest.mark.requirement("VEN-T-8")
async def test_a_page_of_a_public_client_can_read_the_answer_to_its_push(server: Running) -> None:
    reply = await push(server, SPA, headers={"origin": SPA_ORIGIN})
    assert reply.status_code == 201
    assert reply.headers["access-control-allow-origin"] == SPA_ORIGIN
    assert "access-control-allow-credentials" not in reply.headers
    assert "origin" in reply.headers["vary"].lower()


@pytest.mark.requirement("VEN-T-8")
@pytest.mark.parametrize("path", MACHINES)
async def test_a_page_of_a_public_client_can_read_why_it_was_refused(server: Running, path: str) -> None:
    reply = await push(server, {"client_id": "spa"}, url=path, headers={"origin": SPA_ORIGIN})
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")
    assert reply.headers["access-control-allow-origin"] == SPA_ORIGIN
    assert "pushgate-refusal" in reply.headers["access-control-expose-headers"]


@pytest.mark.requirement("VEN-T-8")
@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_foreign_page_may_not_call_the_machine_endpoints(server: Running, origin: str) -> None:
    for path in MACHINES:
        assert granted(await server.http.options(path, headers=PREFLIGHT | {"origin": origin})) == []
    assert granted(await push(server, SPA, headers={"origin": origin})) == []
    assert granted(await push(server, {"client_id": "spa"}, headers={"origin": origin})) == []


@pytest.mark.requirement("VEN-T-8")
@pytest.mark.parametrize("path", DOCUMENTS)
@pytest.mark.parametrize("origin", [SPA_ORIGIN, "https://evil.example"])
async def test_metadata_and_keys_can_be_read_by_any_page(server: Running, path: str, origin: str) -> None:
    reply = await server.http.get(path, headers={"origin": origin})
    assert reply.status_code == 200
    assert reply.headers["access-control-allow-origin"] == "*"


@pytest.mark.requirement("VEN-T-8")
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_the_authorization_endpoint_answers_no_page(server: Running, method: str) -> None:
    for params in (SPA, {}):
        headers = PREFLIGHT | {"origin": SPA_ORIGIN, "content-type": "application/x-www-form-urlencoded"}
        reply = await server.http.request(method, "/oauth2/authorize", params=params, headers=headers)
        assert granted(reply) == []


@pytest.mark.requirement("VEN-T-8")
async def test_the_origins_follow_the_registrations(server: Running) -> None:
    headers = PREFLIGHT | {"origin": SPA_ORIGIN}
    await server.apply(
        "realms: [{name: default, clients: [{client_id: spa, token_endpoint_auth_method: none,"
        " redirect_uris: ['https://new.example:444/cb']}]}]"
    )
    assert granted(await server.http.options("/oauth2/par", headers=headers)) == []
    reply = await server.http.options("/oauth2/par", headers=PREFLIGHT | {"origin": "https://new.example:444"})
    assert reply.headers["access-control-allow-origin"] == "https://new.example:444"
