"""Local accounts: names and argon2id hashes in the durable store."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from pushgate.model import User
from pushgate.store.durable.accounts import Accounts, save_user, stored_user
from pushgate.store.ports import DurableEngine

MAX_PASSWORD = 1024  # characters

_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


def normalise(text: str) -> str:
    """One spelling for names and passwords that look alike when typed on different devices (NFKC)."""
    return unicodedata.normalize("NFKC", text)


def username_of(typed: str) -> str:
    """The name an account is kept under, however it was typed."""
    return normalise(typed).strip()


def hash_password(password: str) -> str:
    """An argon2id hash (RFC 9106, low-memory profile: 64 MiB, 3 passes)."""
    return _hasher.hash(normalise(password)[:MAX_PASSWORD])


def check_password(password_hash: str, password: str) -> bool:
    """Whether the password is the one that was hashed."""
    try:
        return _hasher.verify(password_hash, normalise(password)[:MAX_PASSWORD])
    except (VerificationError, InvalidHashError):
        return False


class LocalDirectory:
    """See directory.port.Directory. Hashing runs on a thread of its own, one at a time: 64 MiB each."""

    def __init__(self, engine: DurableEngine, *, hash_password: Callable[[str], str] = hash_password) -> None:
        """`hash_password` makes the hash that an unknown name is checked against; it must cost what real ones do."""
        self._engine = engine
        self._hash = hash_password
        self._hashing = ThreadPoolExecutor(1, thread_name_prefix="pushgate-argon2")
        self._nobody: str | None = None

    async def find(self, realm: str, username: str) -> User | None:
        """See directory.port.Directory."""
        user = await Accounts(self._engine, realm).user_by_username(username_of(username))
        return user if user is not None and user.enabled else None

    async def verify(self, realm: str, username: str, password: str) -> User | None:
        """See directory.port.Directory. An unknown name is hashed all the same."""
        user = await Accounts(self._engine, realm).user_by_username(username_of(username))
        usable = user is not None and user.enabled and user.password_hash is not None
        right = await self._check(user.password_hash if usable and user else None, password)
        return user if usable and right else None

    async def _check(self, password_hash: str | None, password: str) -> bool:
        loop = asyncio.get_running_loop()
        if self._nobody is None:
            self._nobody = await loop.run_in_executor(self._hashing, self._hash, "nobody")
        return await loop.run_in_executor(self._hashing, check_password, password_hash or self._nobody, password)

    async def claims(self, realm: str, sub: str) -> dict[str, Any] | None:
        """See directory.port.Directory."""
        user = await Accounts(self._engine, realm).user(sub)
        if user is None or not user.enabled:
            return None
        return {"preferred_username": user.username, **user.claims}

    async def change_password(self, realm: str, sub: str, current: str, new: str) -> bool:
        """See directory.port.OwnPasswords."""
        user = await Accounts(self._engine, realm).user(sub)
        usable = user is not None and user.enabled and user.password_hash is not None
        if user is None or not usable or not await self._check(user.password_hash, current):
            return False
        fresh = await asyncio.get_running_loop().run_in_executor(self._hashing, self._hash, new)

        def work(c: sa.Connection) -> bool:
            # Two changes at once: the one whose current password is still the current one.
            now = stored_user(c, realm, sub)
            if now is None or now.password_hash != user.password_hash:
                return False
            save_user(c, realm, msgspec.structs.replace(now, password_hash=fresh))
            return True

        return await self._engine.write(work)

    async def aclose(self) -> None:
        """Let go of the thread."""
        self._hashing.shutdown()
