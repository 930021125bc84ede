"""Client assertions for tests, put together byte by byte, so that every part of one can be wrong.

Signatures are made by joserfc's algorithms, not by the product's own code.
"""

from __future__ import annotations

import itertools
import json
from base64 import urlsafe_b64encode
from functools import cache
from typing import Any

import httpx
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from pushgate.testing import BASE_URL, Running
from tests.support.manifests import APP_SECRET, POST_SECRET
from tests.support.steps import PAR, TOKEN

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAC_SECRET = "a-secret-for-macs-that-is-as-long-as-the-longest-hash-of-them-all"
BASIC_SECRET = "basic-secret-of-at-least-22-characters"

ASYMMETRIC = {
    "ES256": "p256", "ES384": "p384", "ES512": "p521", "EdDSA": "ed25519", "Ed25519": "ed25519",
    "PS256": "rsa", "PS384": "rsa", "PS512": "rsa", "RS256": "rsa", "RS384": "rsa", "RS512": "rsa",
}  # fmt: skip
"""What a private_key_jwt client may sign with, and the kid of the key of `any` that fits."""
SYMMETRIC = ("HS256", "HS384", "HS512")

FORMS = {
    PAR: {"response_type": "code", "redirect_uri": "https://client.example/cb", "scope": "write"},
    TOKEN: {"grant_type": "client_credentials"},
}
"""A form that succeeds at each endpoint, once the client is authenticated."""

_numbers = itertools.count(1)


@cache
def key(name: str) -> Key:
    """A key pair, made once per process; its name is its kid."""
    named = {"kid": name}
    if name.startswith("rsa"):
        return RSAKey.generate_key(2048, named)
    if name.startswith("ed25519"):
        return OKPKey.generate_key("Ed25519", named)
    return ECKey.generate_key({"p384": "P-384", "p521": "P-521"}.get(name, "P-256"), named)


def public(*names: str) -> dict[str, Any]:
    """A JWK Set of public keys."""
    return {"keys": [key(name).as_dict(private=False) for name in names]}


@cache
def manifest() -> str:
    """`any` may sign with everything there is, `fixed` with ES256 alone; both realms have the same clients."""
    everything = public("p256", "p256-second", "p384", "p521", "rsa", "ed25519")
    twin = {"keys": [key("twin").as_dict(private=False) | {"kid": "p256"}]}
    jwt, mac = {"token_endpoint_auth_method": "private_key_jwt"}, {"token_endpoint_auth_method": "client_secret_jwt"}
    clients = {
        "any": jwt | {"jwks": everything},
        "fixed": jwt | {"jwks": everything, "token_endpoint_auth_signing_alg": "ES256"},
        "single": jwt | {"jwks": public("p256")},
        "twin": jwt | {"jwks": twin},
        "off": jwt | {"jwks": public("p256"), "enabled": False},
        "mac": mac | {"client_secret": MAC_SECRET},
        "fixed-mac": mac | {"client_secret": MAC_SECRET, "token_endpoint_auth_signing_alg": "HS512"},
        "default": {"client_secret": BASIC_SECRET, "jwks": public("p256")},
        "post": {"client_secret": POST_SECRET, "token_endpoint_auth_method": "client_secret_post"},
        "spa": {"token_endpoint_auth_method": "none", "jwks": public("p256"), "grant_types": ["authorization_code"]},
    }
    realm = {
        "rates": {"failures_per_minute": 0},
        "resources": [{"identifier": "https://api.example", "scopes": ["write"]}],
        "clients": [_client(client_id, members) for client_id, members in clients.items()],
    }
    app = {"client_id": "app", "client_secret": APP_SECRET, "redirect_uris": ["https://app.example/callback"]}
    alice = {"username": "alice", "password": "alice-password"}
    alpha = {"name": "default", **realm, "clients": [*realm["clients"], app], "users": [alice]}  # type: ignore[misc]
    return json.dumps({"realms": [alpha, {"name": "beta", **realm}]})


def _client(client_id: str, members: dict[str, Any]) -> dict[str, Any]:
    common = {"redirect_uris": ["https://client.example/cb"], "scope": "write"}
    return {"client_id": client_id, **common, "grant_types": ["authorization_code", "client_credentials"], **members}


def claims(server: Running, client_id: str = "any", /, **changes: Any) -> dict[str, Any]:
    """The claims of a good assertion with a new jti, but with these changes; None leaves one out."""
    now = int(server.clock())
    good = {"iss": client_id, "sub": client_id, "aud": BASE_URL, "iat": now, "exp": now + 60}
    return {k: v for k, v in {**good, "jti": f"jti-{next(_numbers)}", **changes}.items() if v is not None}


def b64(part: object) -> str:
    """Base64url of bytes as they are, or of a value as JSON."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(payload: object, *, alg: str = "ES256", by: Key | None = None, **header: Any) -> str:
    """A compact JWS with the key that goes with `alg`, or `by` another; a header member None is left out."""
    signer = by or (OctKey.import_key(MAC_SECRET) if alg in SYMMETRIC else key(ASYMMETRIC[alg]))
    members = {"alg": alg} | ({} if alg in SYMMETRIC else {"kid": signer.kid}) | header
    return seal({name: value for name, value in members.items() if value is not None}, payload, alg, signer)


def seal(header: object, payload: object, alg: str, by: Key) -> str:
    """Header and payload, whatever they are, under a signature that holds."""
    signing_input = f"{b64(header)}.{b64(payload)}"
    return f"{signing_input}.{b64(JWSRegistry.algorithms[alg].sign(signing_input.encode(), by))}"


async def send(server: Running, path: str, assertion: str | None, realm: str = "", **more: Any) -> httpx.Response:
    """Bring an assertion to an endpoint, with a form that is good otherwise; None leaves a field out."""
    headers = more.pop("headers", None)
    form = {**FORMS[path], "client_assertion_type": TYPE, "client_assertion": assertion, **more}
    form = {name: value for name, value in form.items() if value is not None}
    return await server.http.post(realm + path, data=form, headers=headers)


def accepted(reply: httpx.Response) -> None:
    """The client was authenticated, and got what it asked for."""
    assert reply.status_code == (201 if reply.request.url.path.endswith("/par") else 200), reply.text
    assert {"request_uri", "access_token"} & reply.json().keys()
