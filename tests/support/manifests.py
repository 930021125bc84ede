"""The clients that tests use, one for each kind; keys are made once per process."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from hashlib import sha256

from joserfc.jwk import ECKey

APP_SECRET = "app-secret-of-at-least-22-characters"
POST_SECRET = "post-secret-of-at-least-22-characters"
HMAC_SECRET = "hmac-secret-of-at-least-32-bytes-of-text"
APP = ("app", APP_SECRET)
REDIRECT = "https://app.example/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

KEY = ECKey.generate_key("P-256", {"kid": "test-key"})
"""The private key of the client `jwt`."""

REQUEST = {
    "response_type": "code",
    "redirect_uri": REDIRECT,
    "scope": "openid email",
    "state": "a-state",
    "nonce": "a-nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
"""A valid request of the client `app`; tests change one thing in it."""

PEER_SECRET = "peer-secret-of-at-least-32-bytes-of-text"
PEER_REDIRECT = "https://peer.example/callback"
PEERS = {
    "client_secret_basic": "peer-basic",
    "client_secret_post": "peer-post",
    "client_secret_jwt": "peer-hmac",
    "private_key_jwt": "peer-jwt",
    "none": "peer-spa",
}
"""Clients for foreign libraries: one for each authentication method, all with refresh tokens."""

PEER_ALGS = {
    "peer-basic": "RS256",
    "peer-post": "ES256",
    "peer-hmac": "PS256",
    "peer-jwt": "EdDSA",
    "peer-spa": "ES256",
}
"""How their ID Tokens are signed."""


def _peer(method: str, client_id: str) -> str:
    members = {
        "client_id": client_id,
        "token_endpoint_auth_method": method,
        "redirect_uris": [PEER_REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile email",
        "id_token_signed_response_alg": PEER_ALGS[client_id],
    }
    if method.startswith("client_secret"):
        members["client_secret"] = PEER_SECRET
    if method == "private_key_jwt":
        members |= {"token_endpoint_auth_signing_alg": "ES256", "jwks": {"keys": [KEY.as_dict(private=False)]}}
    return f"      - {json.dumps(members)}\n"


MANIFEST = f"""
realms:
  - name: default
    rates: {{failures_per_minute: 0}}
    authorization_details_types:
      - type: payment
        schema: {{type: object, properties: {{type: {{}}, amount: {{type: integer}}}}, additionalProperties: false}}
    resources:
      - {{identifier: "https://api.example", scopes: [write, read]}}
      - {{identifier: "https://other.example", scopes: [other]}}
    clients:
      - client_id: app
        client_name: The App
        client_secret: {APP_SECRET}
        redirect_uris: [{REDIRECT}]
        grant_types: [authorization_code, refresh_token, client_credentials]
        scope: openid profile email write read other
      - client_id: post
        client_secret: {POST_SECRET}
        token_endpoint_auth_method: client_secret_post
        redirect_uris: [https://post.example/cb]
        scope: openid
      - client_id: hmac
        client_secret: {HMAC_SECRET}
        token_endpoint_auth_method: client_secret_jwt
        redirect_uris: [https://hmac.example/cb]
        scope: openid
      - client_id: jwt
        token_endpoint_auth_method: private_key_jwt
        token_endpoint_auth_signing_alg: ES256
        jwks: {json.dumps({"keys": [KEY.as_dict(private=False)]})}
        redirect_uris: [https://jwt.example/cb]
        scope: openid write
      - client_id: spa
        token_endpoint_auth_method: none
        redirect_uris: [https://spa.example/cb]
        grant_types: [authorization_code, refresh_token]
        scope: openid profile
      - client_id: hybrid
        client_secret: {APP_SECRET}
        redirect_uris: [https://hybrid.example/cb]
        grant_types: [authorization_code, implicit, refresh_token]
        response_types: [code, token, id_token, id_token token, code id_token, code token, code id_token token, none]
        scope: openid profile email write
      - client_id: must-push
        client_secret: {APP_SECRET}
        redirect_uris: [https://must-push.example/cb]
        require_pushed_authorization_requests: true
        scope: openid
      - client_id: wordy
        client_name: "{"Donaudampfschifffahrt" * 3} \u202egnitcelloc"
        client_secret: {APP_SECRET}
        redirect_uris: ["https://{"very-" * 10}long.{"sub-domain." * 4}wordy.example/cb"]
        scope: openid profile email address phone write read
        client_uri: https://wordy.example/
        policy_uri: https://wordy.example/privacy
        tos_uri: https://wordy.example/terms
{"".join(map(_peer, PEERS, PEERS.values()))}    users:
      - {{username: alice, password: alice-password, claims: {{name: Alice, email: alice@example.com}}}}
      - {{username: bob, password: bob-password, claims: {{name: Bob}}}}
"""


def s256(verifier: str) -> str:
    """The challenge of a verifier, computed apart from the product."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
