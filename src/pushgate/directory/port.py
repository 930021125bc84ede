"""The port: users may live elsewhere."""

from __future__ import annotations

from typing import Any, Protocol

from pushgate.model import User


class Directory(Protocol):
    """An async object that knows the users of a realm."""

    async def verify(self, realm: str, username: str, password: str) -> User | None:
        """The user if name and password are right, None otherwise; both cases take alike long."""

    async def claims(self, realm: str, sub: str) -> dict[str, Any] | None:
        """The user's claims (OpenID Connect Core 5.1); None for a user who is gone or disabled."""
