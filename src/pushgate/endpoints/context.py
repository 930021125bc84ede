"""Everything an endpoint may use: one realm in force, its part of the stores, and the server's services."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from pushgate.directory import Directory
from pushgate.endpoints.http import Request
from pushgate.events import Event
from pushgate.jose.keys import KeyRing
from pushgate.jose.seal import Seal
from pushgate.jose.verify import KeySet
from pushgate.journal import Journal
from pushgate.model import Client
from pushgate.profiles import PROFILES, Policy
from pushgate.realm import Realm
from pushgate.store.durable.accounts import Accounts
from pushgate.store.durable.grants import Grants
from pushgate.store.ports import RealmTransient
from pushgate.throttle import Buckets


class ClientKeys(Protocol):
    """Where the keys of a client come from: its registration, its jwks_uri, or its secret."""

    async def keys(self, realm: str, client: Client, header: dict[str, object]) -> KeySet:
        """The keys to verify a JWT with this header; empty if they cannot be had."""


@dataclass(frozen=True, slots=True)
class Services:
    """What all realms share."""

    clock: Callable[[], float]
    journal: Journal
    seal: Seal
    client_keys: ClientKeys
    directory: Directory
    buckets: Buckets


class KnownClients(Protocol):
    """The realm's clients, from the snapshot."""

    def __call__(self, client_id: str) -> Awaitable[Client | None]: ...


@dataclass(frozen=True)
class Context:
    """A realm as the endpoints see it."""

    realm: Realm
    keys: KeyRing
    transient: RealmTransient
    accounts: Accounts
    grants: Grants
    client: KnownClients
    services: Services

    @property
    def name(self) -> str:
        """The realm's name."""
        return self.realm.settings.name

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.services.clock()

    def policy(self, client: Client) -> Policy:
        """The rules this client is held to, now."""
        profile = PROFILES[client.profile] if client.profile else self.realm.profile
        return profile.tighten(self.realm.settings, client)

    def emit(self, event: Event, request: Request | None = None) -> None:
        """Log and keep an event."""
        self.services.journal.emit(event, self.name, request)


def new_handle() -> str:
    """An unguessable value: 256 random bits in 43 base64url characters."""
    return urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def new_id() -> str:
    """An identifier that is not a secret: 128 random bits in hexadecimal."""
    return secrets.token_hex(16)
