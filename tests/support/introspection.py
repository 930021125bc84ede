"""APIs that ask about tokens: a realm with two of them, and the steps of asking."""

from __future__ import annotations

import json
from typing import Any

import httpx

from pushgate.jose.sign import sign_jwt
from pushgate.testing import BASE_URL, Running
from tests.support.manifests import APP_SECRET, REDIRECT
from tests.support.steps import post_as

INTROSPECT = "/oauth2/introspect"
API, OTHER = "https://api.example", "https://other.example"
INACTIVE = {"active": False}

_CODE = {"client_secret": APP_SECRET, "grant_types": ["authorization_code", "refresh_token", "client_credentials"]}
_NO_USERS = {"client_secret": APP_SECRET, "grant_types": ["client_credentials"]}
CLIENTS: list[dict[str, Any]] = [
    {"client_id": "app", "redirect_uris": [REDIRECT], "scope": "openid email write read other", **_CODE},
    {"client_id": "hybrid", "redirect_uris": ["https://hybrid.example/cb"], "scope": "openid write", **_CODE},
    {"client_id": "spa", "redirect_uris": ["https://spa.example/cb"], "token_endpoint_auth_method": "none",
     "grant_types": ["authorization_code", "refresh_token"], "scope": "openid profile"},
    {"client_id": "api", **_NO_USERS},
    {"client_id": "other-api", **_NO_USERS},
    {"client_id": "both", **_NO_USERS},
]  # fmt: skip
RESOURCES = [
    {"identifier": API, "scopes": ["write", "read"], "introspection_clients": ["api", "both"]},
    {"identifier": OTHER, "scopes": ["other"], "introspection_clients": ["other-api", "both"]},
]
USERS = [{"username": "alice", "password": "alice-password", "claims": {"email": "alice@example.com"}}]


def manifest(*clients: dict[str, Any], **realm: Any) -> str:
    """Both APIs, with more clients, or other members of the realm."""
    known = {client["client_id"]: client for client in (*CLIENTS, *clients)}
    settings = {"rates": {"failures_per_minute": 0}, "resources": RESOURCES, "users": USERS, **realm}
    return json.dumps({"realms": [{"name": "default", **settings, "clients": [*known.values()]}]})


async def ask_about(
    server: Running, token: str, client_id: str = "api", *, accept: str | None = None, **more: str
) -> httpx.Response:
    """Ask about a token as this client."""
    if accept is None:
        return await post_as(server, client_id, INTROSPECT, {"token": token, **more})
    form = {"token": token, **more}
    return await server.http.post(INTROSPECT, auth=(client_id, APP_SECRET), data=form, headers={"accept": accept})


async def told(server: Running, token: str, client_id: str = "api", **more: str) -> dict[str, Any]:
    """What the client is told of a token."""
    reply = await ask_about(server, token, client_id, **more)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json"), reply.text
    assert "no-store" in reply.headers["cache-control"]
    found: dict[str, Any] = reply.json()
    return found


async def minted(server: Running, typ: str = "at+jwt", **changes: Any) -> str:
    """An access token that the server's own key signed, of the client `app` for itself, but with these claims."""
    ctx = await server.server.realm()
    assert ctx is not None
    now = int(server.clock())
    claims = {
        "iss": BASE_URL, "sub": "app", "aud": API, "client_id": "app", "iat": now, "exp": now + 600, "jti": "a-jti",
        "scope": "write", **changes,
    }  # fmt: skip
    return sign_jwt({k: v for k, v in claims.items() if v is not None}, ctx.keys.signing["ES256"], typ)
