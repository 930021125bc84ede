"""Banks for foreign libraries: FAPI 2.0 on a realm or on a client, and what a flow under it must have given."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from tests.peers.node import run
from tests.peers.walk import SCOPE, assert_played
from tests.support.live import Live
from tests.support.manifests import APP_SECRET, KEY, PEER_REDIRECT, REDIRECT

API = "https://accounts.example"
BANK_SCOPE = f"{SCOPE} accounts"
RSA = RSAKey.generate_key(2048, {"kid": "to-rsa", "use": "enc"})
EC = ECKey.generate_key("P-256", {"kid": "to-ec", "use": "enc"})


@dataclass(frozen=True)
class Bank:
    """A client: how its JWTs are signed and encrypted, and how it signs its DPoP proofs."""

    client_id: str
    alg: str
    dpop_alg: str
    to: RSAKey | ECKey | None = None
    encryption: tuple[str, str] = ("", "")

    def metadata(self) -> dict[str, Any]:
        """As it is registered; content encryption that is the default is left out."""
        keys = [KEY, *([self.to] if self.to else [])]
        alg, enc = self.encryption
        members = {
            "client_id": self.client_id,
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
            "jwks": {"keys": [key.as_dict(private=False) for key in keys]},
            "redirect_uris": [PEER_REDIRECT],
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": BANK_SCOPE,
            "id_token_signed_response_alg": self.alg,
            "authorization_signed_response_alg": self.alg,
            "authorization_encrypted_response_alg": alg,
            "authorization_encrypted_response_enc": "" if enc == "A128CBC-HS256" else enc,
        }
        return {name: value for name, value in members.items() if value}


BANKS = {
    bank.client_id: bank
    for bank in (
        Bank("bank", "ES256", "ES256"),
        Bank("bank-rsa", "PS256", "PS256", RSA, ("RSA-OAEP-256", "A128CBC-HS256")),
        Bank("bank-ec", "EdDSA", "Ed25519", EC, ("ECDH-ES", "A256GCM")),
    )
}
PLACES: dict[str, dict[str, Any]] = {
    "security": {"profile": "fapi2-security"},
    "nonces": {"profile": "fapi2-security", "dpop_nonces": True},
    "signing": {"profile": "fapi2-message-signing", "dpop_nonces": True},
    "default": {"profile": "oidc"},
}
"""Realms with a profile of their own; in the default realm the clients have FAPI 2.0 for themselves."""
APP = {"client_id": "app", "client_secret": APP_SECRET, "redirect_uris": [REDIRECT]}
ALICE = {
    "username": "alice",
    "password": "alice-password",
    "claims": {"name": "Alice", "email": "alice@example.com"},
}

SPOILT = {
    "plain": dict.fromkeys(("another issuer", "no issuer", "another state"), "OAUTH_INVALID_RESPONSE"),
    "signed": {
        **dict.fromkeys(("another code", "another signature", "no algorithm", "in the open"), "OAUTH_INVALID_RESPONSE"),
        "another client": "OAUTH_JWT_CLAIM_COMPARISON_FAILED",
    },
    "encrypted": dict.fromkeys(("another header", "another ciphertext", "another tag"), "OAUTH_DECRYPTION_FAILED"),
}
"""Why the libraries refuse a response that was changed on its way; see fapi.mjs."""


def _realm(name: str) -> dict[str, Any]:
    own = {"profile": "fapi2-security"} if name == "default" else {}
    clients = [{**bank.metadata(), **own} for bank in BANKS.values()]
    return {
        "name": name,
        **PLACES[name],
        "rates": {"failures_per_minute": 0},
        "resources": [{"identifier": API, "scopes": ["accounts"]}],
        "clients": [*clients, APP] if name == "default" else clients,
        "users": [ALICE],
    }


MANIFEST = json.dumps({"realms": [_realm(name) for name in PLACES]})


def issuer_of(live: Live, place: str) -> str:
    """The issuer identifier of a realm."""
    return live.url if place == "default" else f"{live.url}/realms/{place}"


async def play_bank(
    live: Live, library: str, place: str, client_id: str = "bank", *, allow: bool = True, **settings: Any
) -> dict[str, Any]:
    """The results of the library's FAPI script for this client; `settings` change what it is told.

    `signed`: the request is a signed object; `jarm`: the response is to be a JWT; `forget`: a nonce is kept for one
    request alone.
    """
    bank = BANKS[client_id]
    alg, enc = bank.encryption
    told = {
        "issuer": issuer_of(live, place),
        "client_id": client_id,
        "jwk": KEY.as_dict(private=True),
        "redirect_uri": PEER_REDIRECT,
        "scope": BANK_SCOPE,
        "api": API,
        "alg": bank.alg,
        "dpop_alg": bank.dpop_alg,
        "decrypt": {"jwk": bank.to.as_dict(private=True), "alg": alg, "enc": enc} if bank.to else None,
        "signed": place == "signing",
        "jarm": place == "signing",
        **settings,
    }
    return await run(live, library, f"{library.replace('-', '_')}_fapi.mjs", told, allow=allow)


def bound_to(live: Live, place: str, token: str, keys: dict[str, Any]) -> str:
    """The key that an access token is bound to; the signature is checked."""
    claims = jwt.decode(token, KeySet.import_key_set(keys), algorithms=["ES256"]).claims
    assert claims["iss"] == issuer_of(live, place)
    assert set(claims["aud"]) == {claims["iss"], API}
    assert claims["cnf"].keys() == {"jkt"}
    jkt: str = claims["cnf"]["jkt"]
    return jkt


def assert_bound(live: Live, place: str, played: dict[str, Any], client_id: str = "bank") -> None:
    """A complete flow whose tokens are bound to the library's key and open nothing without it."""
    assert_played(issuer_of(live, place), client_id, played, BANK_SCOPE)
    refreshed = played["refreshed"]
    assert {played["token_type"].lower(), refreshed["token_type"].lower()} == {"dpop"}
    assert bound_to(live, place, played["access_token"], played["jwks"]) == played["jkt"]
    assert bound_to(live, place, refreshed["access_token"], played["jwks"]) == played["jkt"]
    assert played["stolen"] == {"bearer": "userinfo.token_scheme", "another key": "userinfo.token_key"}
    # Not rotated, and for a confidential client not bound (RFC 9449 5): it works again, with another key.
    assert refreshed["refresh_token"] is False
    assert bound_to(live, place, played["renewed"]["access_token"], played["jwks"]) == played["renewed"]["jkt"]
    assert played["renewed"]["jkt"] != played["jkt"]


def retried(played: dict[str, Any]) -> list[str]:
    """The endpoints, in order, that sent the library back for a nonce; each time it came again with the one given."""
    found = []
    for refused, repeated in zip(played["traffic"], played["traffic"][1:], strict=False):
        if refused["error"] == "use_dpop_nonce":
            assert refused["status"] == (401 if refused["at"] == "userinfo" else 400)
            assert repeated["at"] == refused["at"]
            assert repeated["sent"] == refused["given"] is not None
            assert repeated["error"] != "use_dpop_nonce"
            found.append(refused["at"])
    return found
