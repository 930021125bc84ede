"""What users allowed clients, and what hangs on it."""

from __future__ import annotations

from pushgate.model.base import Details, Record
from pushgate.model.request import ClaimsRequest


class Confirmation(Record, frozen=True):
    """The key that a token is bound to: a DPoP key's thumbprint, or a certificate's (RFC 7800 3.1)."""

    jkt: str | None = None
    x5t_s256: str | None = None

    def members(self) -> dict[str, str]:
        """The `cnf` claim. RFC 9449 6.1, RFC 8705 3.1."""
        found = {"jkt": self.jkt, "x5t#S256": self.x5t_s256}
        return {name: value for name, value in found.items() if value is not None}


class Grant(Record, frozen=True):
    """What a user allowed a client, once; every token of that flow hangs on it and falls with it."""

    grant_id: str
    client_id: str
    sub: str
    scope: tuple[str, ...]
    audience: tuple[str, ...]  # the resources that a token of it may be for
    auth_time: int
    amr: tuple[str, ...]
    sid: str
    correlation_id: str
    acr: str | None = None
    revoked: bool = False
    resource: tuple[str, ...] = ()  # those that the request named
    authorization_details: Details = ()
    claims: ClaimsRequest | None = None  # what of them the user agreed to
    claims_locales: tuple[str, ...] = ()


class AuthorizationCode(Record, frozen=True):
    """What an authorization code stands for until it is redeemed (RFC 6749 4.1.3)."""

    grant: Grant
    redirect_uri: str | None  # None: the request left it out, so the token request may too
    expires_at: int
    code_challenge: str | None = None
    code_challenge_method: str | None = None
    nonce: str | None = None
    dpop_jkt: str | None = None


class RefreshToken(Record, frozen=True):
    """A refresh token at rest; the key it is stored under is the digest of the token."""

    grant_id: str
    client_id: str
    scope: tuple[str, ...]
    expires_at: int
    consumed: bool = False
    confirmation: Confirmation | None = None  # only those of public clients are bound (RFC 9449 5, RFC 8705 4)
