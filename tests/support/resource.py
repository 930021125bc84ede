"""An API that checks tokens with pushgate.resource, tokens that a test has made, and what a refusal looks like."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from pushgate.refusals import REFUSALS
from pushgate.resource import AccessRefused, AccessToken, ProtectedResource
from pushgate.testing import BASE_URL, Running
from tests.support.assertions import public, signed
from tests.support.proofs import ath, proof, thumbprint

API = "https://api.example"
"""The resource of tests/support/manifests.py with the scopes read and write."""
URL = f"{API}/notes"
ALGS = "ES256 ES384 ES512 PS256 PS384 PS512 RS256 EdDSA Ed25519"
BARE = [
    ("Bearer", {"realm": API}),
    ("DPoP", {"realm": API, "algs": ALGS}),
]
"""The challenges to a request without a token."""

_numbers = itertools.count(1)


def an_api(server: Running, **changes: Any) -> ProtectedResource:
    """An API with keys at hand: those of `made`."""
    keys = public("p256", "p384", "p521", "rsa", "ed25519")
    return ProtectedResource(**{"issuer": BASE_URL, "audience": API, "keys": keys, "clock": server.clock, **changes})


def made(server: Running, *, alg: str = "ES256", header: dict[str, Any] | None = None, **changes: Any) -> str:
    """A good access token (RFC 9068), but with these claims; None leaves one out."""
    now = int(server.clock())
    good = {
        "iss": BASE_URL, "sub": "alice", "aud": API, "client_id": "app", "scope": "read write",
        "iat": now, "exp": now + 300, "jti": f"token-{next(_numbers)}",
    }  # fmt: skip
    claims = {name: value for name, value in {**good, **changes}.items() if value is not None}
    return signed(claims, alg=alg, **{"typ": "at+jwt", **(header or {})})


def bound(server: Running, by: str = "p256", **changes: Any) -> str:
    """A token that is bound to this DPoP key."""
    return made(server, cnf={"jkt": thumbprint(by)}, **changes)


def proven(server: Running, token: str, by: str = "p256", *, method: str = "GET", **changes: Any) -> dict[str, str]:
    """The headers of a request with a bound token and a good proof, but with these claims in it."""
    sent = proof(server, by=by, method=method, **{"htu": URL, "ath": ath(token), **changes})
    return {"authorization": f"DPoP {token}", "dpop": sent}


def bearer(token: str) -> dict[str, str]:
    """The header of a request with a token."""
    return {"authorization": f"Bearer {token}"}


async def passes(resource: ProtectedResource, headers: Any, **more: Any) -> AccessToken:
    """The request may pass."""
    return await resource.check(**{"method": "GET", "url": URL, "headers": headers, **more})


async def stopped(
    resource: ProtectedResource, headers: Any, status: int, error: str, refusal: str, **more: Any
) -> list[tuple[str, dict[str, str]]]:
    """The request may not pass, for this reason; the challenges."""
    with pytest.raises(AccessRefused) as caught:
        await passes(resource, headers, **more)
    why = caught.value
    assert (why.status, why.error, why.refusal) == (status, error, refusal), why.detail
    assert why.body == {"error": error, "error_description": REFUSALS[refusal].description}
    assert why.headers[:2] == [("Cache-Control", "no-store"), ("Pushgate-Refusal", refusal)]
    challenges = [value for name, value in why.headers if name == "WWW-Authenticate"]
    assert challenges == list(why.challenges)
    assert why.joined_headers.get("WWW-Authenticate", "") == ", ".join(challenges)
    return [parsed(challenge) for challenge in challenges]


def parsed(challenge: str) -> tuple[str, dict[str, str]]:
    """Scheme and parameters of a challenge, every one of them a quoted string. RFC 9110 11.6.1."""
    scheme, _, rest = challenge.partition(" ")
    assert re.fullmatch(r'[a-z_]+="[^"\\]*"(, [a-z_]+="[^"\\]*")*', rest), challenge
    found = re.findall(r'([a-z_]+)="([^"\\]*)"', rest)
    assert len(found) == len(dict(found)), challenge
    return scheme, dict(found)


def told(scheme: str, error: str, refusal: str, **more: str) -> tuple[str, dict[str, str]]:
    """A challenge with an error in it."""
    algs = {"algs": ALGS} if scheme == "DPoP" else {}
    return scheme, {
        "realm": API, "error": error, "error_description": REFUSALS[refusal].description, **more, **algs,
    }  # fmt: skip
