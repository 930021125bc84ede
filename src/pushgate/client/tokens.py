"""What the token endpoint gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pushgate.client.errors import BadReply

WHERE = "token endpoint"


@dataclass(frozen=True, slots=True)
class Tokens:
    """A token response; `claims` are those of the ID Token, and were verified."""

    access_token: str = field(repr=False)
    scope: str
    expires_in: int | None = None
    """Seconds, from when it was issued."""
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    claims: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def openid(self) -> bool:
        """Whether the scope has `openid`, so that there must be an ID Token."""
        return "openid" in self.scope.split()


def understood(reply: Mapping[str, Any], scope: str, refresh_token: str | None = None) -> Tokens:
    """A token response as types; `scope` and `refresh_token` hold where it says nothing new. Raises BadReply.

    RFC 6749 5.1, 6. Only bearer tokens: another type would have to be used in another way (7.1).
    """
    for name in ("access_token", "token_type"):
        if not isinstance(reply.get(name), str) or not reply[name]:
            raise BadReply(f"the {WHERE} sent no {name}")
    if not reply["access_token"].isascii() or not reply["access_token"].isprintable():
        raise BadReply(f"the {WHERE} sent an access_token that no header can carry")
    if reply["token_type"].lower() != "bearer":
        raise BadReply(f"the {WHERE} sent a token of a type this client cannot use")
    for name in ("refresh_token", "id_token", "scope"):
        if not isinstance(reply.get(name, ""), str):
            raise BadReply(f"the {WHERE} sent a {name} that is no text")
    lifetime = reply.get("expires_in")
    return Tokens(
        access_token=reply["access_token"],
        scope=reply.get("scope", scope),
        expires_in=int(lifetime) if isinstance(lifetime, int | float) and abs(lifetime) < 1e9 else None,
        refresh_token=reply.get("refresh_token", refresh_token),
        id_token=reply.get("id_token"),
    )
