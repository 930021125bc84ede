"""How the client proves who it is: one value for each method, put into every request to the server."""

from __future__ import annotations

import secrets
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote_plus

from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from pushgate.client.algorithms import Algorithms

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFETIME = 60  # seconds
CURVE_ALGS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


class Authentication(Protocol):
    """A way to authenticate."""

    def headers(self) -> dict[str, str]:
        """What goes into the HTTP headers."""

    def fields(self, issuer: str, now: float) -> dict[str, str]:
        """What goes into the form. `now` in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class SecretBasic:
    """client_secret_basic: both parts form-encoded, then base64. RFC 6749 2.3.1."""

    client_id: str
    secret: str = field(repr=False)

    def headers(self) -> dict[str, str]:
        """The Authorization header."""
        credentials = f"{quote_plus(self.client_id)}:{quote_plus(self.secret)}"
        return {"authorization": f"Basic {b64encode(credentials.encode()).decode()}"}

    def fields(self, issuer: str, now: float) -> dict[str, str]:
        """Nothing."""
        return {}


@dataclass(frozen=True, slots=True)
class SecretPost:
    """client_secret_post: id and secret in the form. RFC 6749 2.3.1."""

    client_id: str
    secret: str = field(repr=False)

    def headers(self) -> dict[str, str]:
        """Nothing."""
        return {}

    def fields(self, issuer: str, now: float) -> dict[str, str]:
        """Id and secret."""
        return {"client_id": self.client_id, "client_secret": self.secret}


@dataclass(frozen=True, slots=True)
class Assertion:
    """client_secret_jwt, private_key_jwt: a fresh signed JWT for each request. RFC 7523 2.2, 3.

    The audience is the issuer identifier alone, the one value that cannot be confused between servers.
    """

    client_id: str
    key: Key = field(repr=False)
    alg: str

    def headers(self) -> dict[str, str]:
        """Nothing."""
        return {}

    def fields(self, issuer: str, now: float) -> dict[str, str]:
        """The assertion. RFC 7521 4.2."""
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": issuer,
            "jti": secrets.token_urlsafe(24),
            "iat": int(now),
            "exp": int(now) + ASSERTION_LIFETIME,
        }
        header = {"alg": self.alg, **({"kid": self.key.kid} if self.key.kid else {})}
        assertion = jwt.encode(header, claims, self.key, registry=Algorithms([self.alg]))
        return {"client_id": self.client_id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


@dataclass(frozen=True, slots=True)
class NoSecret:
    """none: a public client only says its name. RFC 6749 3.2.1."""

    client_id: str

    def headers(self) -> dict[str, str]:
        """Nothing."""
        return {}

    def fields(self, issuer: str, now: float) -> dict[str, str]:
        """The id."""
        return {"client_id": self.client_id}


def authentication(
    client_id: str, method: str | None, secret: str | None, key: Key | None, alg: str | None
) -> Authentication:
    """The method asked for; or the one that goes with what there is. Raises ValueError for what does not fit.

    The names are those of OpenID Connect Core 9.
    """
    if method is None:
        method = "private_key_jwt" if key is not None else "none" if secret is None else "client_secret_basic"
    if (secret is not None) != method.startswith("client_secret_") or (key is not None) != (
        method == "private_key_jwt"
    ):
        needed = {"private_key_jwt": "a key", "none": "no credential"}.get(method, "a client_secret")
        raise ValueError(f"{method} takes {needed} and nothing else")
    if method == "client_secret_basic":
        return SecretBasic(client_id, secret or "")
    if method == "client_secret_post":
        return SecretPost(client_id, secret or "")
    if method == "client_secret_jwt":
        return Assertion(client_id, OctKey.import_key(secret or ""), alg or "HS256")
    if method == "private_key_jwt" and key is not None:
        return Assertion(client_id, key, alg or _algorithm_of(key))
    if method == "none":
        return NoSecret(client_id)
    raise ValueError(f"{method!r} is not a method of client authentication that this client knows")


def _algorithm_of(key: Key) -> str:
    """What a private key signs with, unless told otherwise. RFC 7518 3.1, RFC 8037 3.1."""
    if isinstance(key, ECKey) and key.curve_name in CURVE_ALGS:
        return CURVE_ALGS[key.curve_name]
    if isinstance(key, RSAKey):
        return "PS256"
    if isinstance(key, OKPKey):
        return "EdDSA"
    raise ValueError("private_key_jwt needs an RSA key, an EC key on a NIST curve, or an Ed25519 key")
