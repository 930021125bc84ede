"""A directory that somebody else wrote: it may fail or hang, and nobody is told more than that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from pushgate import refusals
from pushgate.directory.port import Directory, OwnPasswords
from pushgate.model import User

T = TypeVar("T")
MAX_SUB = 255  # characters

Trouble = Callable[[str, BaseException], None]


class BadUser(ValueError):
    """The directory gave out a user who cannot be one."""


def guarded(directory: Directory, timeout: float, trouble: Trouble) -> Directory:
    """The directory, with `timeout` seconds for each answer. What it raises goes to `trouble`.

    Each method raises TemporarilyUnavailable in place of anything else.
    """
    return (_WithPasswords if isinstance(directory, OwnPasswords) else _Guarded)(directory, timeout, trouble)


class _Guarded:
    """See port.Directory."""

    def __init__(self, directory: Directory, timeout: float, trouble: Trouble) -> None:
        self._directory = directory
        self._timeout = timeout
        self._trouble = trouble

    async def find(self, realm: str, username: str) -> User | None:
        return await self._ask(lambda: self._directory.find(realm, username), _checked)

    async def verify(self, realm: str, username: str, password: str) -> User | None:
        return await self._ask(lambda: self._directory.verify(realm, username, password), _checked)

    async def claims(self, realm: str, sub: str) -> dict[str, Any] | None:
        return await self._ask(lambda: self._directory.claims(realm, sub), _mapping)

    async def _ask(self, question: Callable[[], Awaitable[T]], checked: Callable[[T], T]) -> T:
        try:
            async with asyncio.timeout(self._timeout):
                return checked(await question())
        except Exception as problem:
            self._trouble("directory_failed", problem)
            raise refusals.DIRECTORY_UNAVAILABLE(type(problem).__name__) from None


class _WithPasswords(_Guarded):
    """See port.OwnPasswords."""

    async def change_password(self, realm: str, sub: str, current: str, new: str) -> bool:
        directory = cast(OwnPasswords, self._directory)
        return await self._ask(lambda: directory.change_password(realm, sub, current, new), bool)


def _checked(user: User | None) -> User | None:
    """Raises BadUser. OpenID Connect Core 2 (`sub`)."""
    if user is None:
        return None
    if not isinstance(user, User) or not isinstance(user.sub, str) or not isinstance(user.username, str):
        raise BadUser("not a User with texts for sub and username")
    if not 0 < len(user.sub) <= MAX_SUB or not user.sub.isascii() or not user.sub.isprintable():
        raise BadUser("sub must be 1 to 255 printable ASCII characters")
    return user if user.enabled else None


def _mapping(claims: dict[str, Any] | None) -> dict[str, Any] | None:
    """Raises BadUser."""
    if claims is not None and not isinstance(claims, dict):
        raise BadUser("claims must be a dict")
    return claims
