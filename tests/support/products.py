"""A realm for each product, and the application that was written for it."""

from __future__ import annotations

import json
from typing import Any

from joserfc import jwt

from pushgate.testing import Running
from tests.support.manifests import KEY

SECRET = "product-secret-of-at-least-32-bytes"
CLIENT = "myClient"
APP = (CLIENT, SECRET)
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
USERS = [{"username": "alice", "password": "alice-password", "claims": {"email": "alice@example.com"}}]
HYBRIDS = ["code", "token", "id_token", "code id_token", "code token", "id_token token", "code id_token token", "none"]

PUBLIC = {"token_endpoint_auth_method": "none", "response_types": ["code"], "grant_types": ["authorization_code"]}

# name of the realm: its dialect, the redirect URI of its application, and where the product keeps its endpoints
REALMS: dict[str, tuple[str, str, str, str, str]] = {
    "plain": ("rfc9126", "https://plain.example/cb", "/realms/plain/oauth2/par", "/realms/plain/oauth2/authorize",
              "/realms/plain/oauth2/token"),
    "acme": ("wso2", "http://localhost:8080/playground2", "/t/acme/oauth2/par", "/t/acme/oauth2/authorize",
             "/t/acme/oauth2/token"),
    "tenant": ("auth0", "https://your-app.com/callback", "/realms/tenant/oauth/par", "/realms/tenant/authorize",
               "/realms/tenant/oauth/token"),
    "alpha": ("pingone-aic", "https://www.example.com:8443", "/am/oauth2/realms/root/realms/alpha/par",
              "/am/oauth2/realms/root/realms/alpha/authorize", "/am/oauth2/realms/root/realms/alpha/access_token"),
    "verify": ("ibm-verify", "https://verify.example/cb", "/realms/verify/oauth2/par",
               "/realms/verify/oauth2/authorize", "/realms/verify/oauth2/token"),
}  # fmt: skip
PAR = {name: row[2] for name, row in REALMS.items()}
AUTHORIZE = {name: row[3] for name, row in REALMS.items()}
TOKEN = {name: row[4] for name, row in REALMS.items()}
REDIRECT = {name: row[1] for name, row in REALMS.items()}


def realm(name: str, client: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """The realm, with its application in three ways to authenticate; `client` changes the first of them."""
    dialect, uri = REALMS[name][:2]
    common = {
        "redirect_uris": [uri], "application_type": "native", "scope": "openid profile email write",
        "grant_types": ["authorization_code", "implicit", "refresh_token", "client_credentials"],
        "response_types": HYBRIDS,
    }  # fmt: skip
    secret = {"client_secret": SECRET}
    jwks = {"keys": [KEY.as_dict(private=False)]}
    return {
        "name": name, "dialect": dialect, "rates": {"failures_per_minute": 0},
        "pushed_authorization_requests": {"supported": True},
        "resources": [{"identifier": "https://api.example", "scopes": ["write"]}], "users": USERS,
        "clients": [
            {**common, **secret, "client_id": CLIENT, "jwks": jwks, **(client or {})},
            {**common, **secret, "client_id": "post", "token_endpoint_auth_method": "client_secret_post", "jwks": jwks},
            {**common, **PUBLIC, "client_id": "spa"},
            {**common, "client_id": "jwt", "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks},
        ],
        **settings,
    }  # fmt: skip


def manifest(*realms: dict[str, Any]) -> str:
    """All realms, or these."""
    return json.dumps({"realms": [*(realms or map(realm, REALMS))]})


def request_of(name: str, **changes: str | None) -> dict[str, str]:
    """A valid request of the realm's application, with these changes; None leaves a parameter out."""
    asked = {
        "client_id": CLIENT, "response_type": "code", "redirect_uri": REDIRECT[name], "scope": "openid email",
        "state": "a-state-of-8", "nonce": "a-nonce-of-8", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }  # fmt: skip
    return {key: value for key, value in {**asked, **changes}.items() if value is not None}


def request_object(**claims: Any) -> str:
    """A request object of the application, signed with its key; None leaves a claim out."""
    said = {key: value for key, value in claims.items() if value is not None}
    return jwt.encode({"alg": "ES256", "kid": "test-key"}, said, KEY)


async def push(server: Running, name: str, **changes: str | None) -> str:
    """The request_uri of a valid request with these changes."""
    reply = await server.http.post(PAR[name], data=request_of(name, **changes), auth=APP)
    assert reply.status_code == 201, reply.text
    found: str = reply.json()["request_uri"]
    return found
