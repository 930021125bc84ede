"""What a good access token says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from pushgate.protocol.access_token import audiences_of


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token that was checked: of the right issuer, for this resource, valid, sent by whom it is bound to."""

    sub: str
    """The user; where a client acts for itself, the client."""
    client_id: str
    scope: frozenset[str]
    audience: tuple[str, ...]
    expires_at: int
    """Seconds since the epoch."""
    scheme: str
    """How it was sent: Bearer or DPoP."""
    cnf: Mapping[str, Any] = field(repr=False)
    """What it is bound to (RFC 7800): jkt, x5t#S256; empty for a token that is bound to nothing."""
    claims: Mapping[str, Any] = field(repr=False)
    """All its claims; acr and auth_time among them where the issuer tells them."""
    token: str = field(repr=False)
    """The token itself; no repr and no log shows it."""

    @classmethod
    def of(cls, claims: dict[str, Any], scheme: str, token: str) -> Self:
        """The types of claims that were checked (protocol/access_token.py)."""
        scope = claims.get("scope", "")
        return cls(
            sub=claims["sub"],
            client_id=claims["client_id"],
            scope=frozenset(scope.split()),
            audience=audiences_of(claims),
            expires_at=int(claims["exp"]),
            scheme=scheme,
            cnf=MappingProxyType(claims.get("cnf", {})),
            claims=MappingProxyType(claims),
            token=token,
        )
