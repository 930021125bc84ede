"""The management API as a program uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from pushgate.manage.tokens import mint_admin_token
from pushgate.protocol.management import SCOPES
from pushgate.refusals import REFUSALS
from pushgate.testing import BASE_URL, Running

API = "/api/v2"
AUDIENCE = f"{BASE_URL}{API}/"
SECRET = "manager-secret-of-at-least-22-characters"
MANAGER = ("manager", SECRET)
ALPHA = "/realms/alpha"

MANAGED = f"""
realms:
  - name: default
    registration: {{mode: open, per_minute: 0}}
    resources:
      - {{identifier: "https://api.example", scopes: [write, read]}}
    clients:
      - client_id: manager
        client_secret: {SECRET}
        grant_types: [client_credentials]
        scope: {" ".join(SCOPES)}
        allowed_resources: [{AUDIENCE}]
      - client_id: app
        client_name: The App
        client_secret: app-secret-of-at-least-22-characters
        redirect_uris: [https://app.example/callback]
        grant_types: [authorization_code, refresh_token, client_credentials]
        scope: openid profile email write read
    users:
      - {{username: alice, password: alice-password, claims: {{name: Alice, email: alice@example.com}}}}
      - {{username: bob, password: bob-password}}
  - name: alpha
    clients:
      - client_id: manager
        client_secret: {SECRET}
        grant_types: [client_credentials]
        scope: {" ".join(SCOPES)}
        allowed_resources: [{BASE_URL}{ALPHA}{API}/]
"""


@dataclass
class Api:
    """The API of one realm, called with one token."""

    server: Running
    token: str
    prefix: str = ""

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Call an operation below /api/v2; `body` is sent as JSON."""
        sent = {"authorization": f"Bearer {self.token}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        more = {} if body is None else {"json": body}
        return await self.server.http.request(method, f"{self.prefix}{API}{path}", headers=sent, **more)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """GET."""
        return await self.call("GET", path, **headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """POST."""
        return await self.call("POST", path, body, **headers)

    async def patch(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """PATCH."""
        return await self.call("PATCH", path, body, **headers)

    async def delete(self, path: str, **headers: str) -> httpx.Response:
        """DELETE."""
        return await self.call("DELETE", path, **headers)


async def api(server: Running, *scope: str, realm: str = "default") -> Api:
    """The API with a token of an operator; all scopes unless some are named."""
    token = await mint_admin_token(server.management, realm, scope or SCOPES)
    return Api(server, token, "" if realm == "default" else f"/realms/{realm}")


async def client_token(
    server: Running, client: tuple[str, str] = MANAGER, *, prefix: str = "", **form: str
) -> httpx.Response:
    """Ask for a management token as a client does."""
    audience = f"{BASE_URL}{prefix}{API}/"
    data = {"grant_type": "client_credentials", "resource": audience, **form}
    return await server.http.post(f"{prefix}/oauth2/token", auth=client, data=data)


async def as_client(server: Running, client: tuple[str, str] = MANAGER, *, prefix: str = "", **form: str) -> Api:
    """The API with a client's own token."""
    reply = await client_token(server, client, prefix=prefix, **form)
    assert reply.status_code == 200, reply.text
    return Api(server, reply.json()["access_token"], prefix)


def told(reply: httpx.Response, status: int, refusal: str, *fields: str, error: str | None = None) -> None:
    """A problem document (RFC 9457) with this refusal, about these fields."""
    assert (reply.status_code, reply.headers.get("pushgate-refusal")) == (status, refusal), reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert "no-store" in reply.headers["cache-control"]
    document = reply.json()
    known = REFUSALS[refusal]
    assert document["type"].endswith(f"/api/v2/docs#{refusal}")
    assert (document["status"], document["statusCode"]) == (status, status)
    assert document["error"] == (error or known.error.code)
    assert document["title"] == document["error_description"] == known.description
    assert document["message"].startswith(known.description)
    assert document["detail"]
    assert tuple(one["field"] for one in document["errors"]) == fields
    assert all(one["reason"] for one in document["errors"])
