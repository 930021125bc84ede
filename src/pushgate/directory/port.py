"""The port: users may live elsewhere."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from pushgate.model import User


class Directory(Protocol):
    """An async object that knows the users of each realm.

    A user's `sub` never changes and never passes to another person: at most 255 ASCII characters (OpenID Connect Core
    2). Nothing of a user is copied: who is gone or disabled here is so for sessions and tokens at once. Whatever these
    methods raise means that nobody can be looked up now; None is an answer.
    """

    async def find(self, realm: str, username: str) -> User | None:
        """The user of this name, in whichever spelling it may be typed; None if there is none or they are disabled."""

    async def verify(self, realm: str, username: str, password: str) -> User | None:
        """The user if name and password are right, None otherwise; both cases take alike long."""

    async def claims(self, realm: str, sub: str) -> dict[str, Any] | None:
        """The user's claims (OpenID Connect Core 5.1); None for a user who is gone or disabled.

        Pages call the user by `preferred_username`.
        """


@runtime_checkable
class OwnPasswords(Protocol):
    """A directory that keeps passwords itself, so that users can change theirs on the account page."""

    async def change_password(self, realm: str, sub: str, current: str, new: str) -> bool:
        """Set a new password if the current one is right; False if it is not."""
