"""Everything an endpoint may use: one realm in force, its part of the stores, and the server's services."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from os import urandom
from typing import Any, Protocol

from pushgate.directory import Directory
from pushgate.endpoints.decisions import Decisions
from pushgate.endpoints.http import Request
from pushgate.events import Event
from pushgate.fetch import Fetcher
from pushgate.jose.certificates import TrustAnchors, parse_anchors
from pushgate.jose.encrypt import EncryptionKey
from pushgate.jose.keys import KeyRing, SigningKey
from pushgate.jose.seal import Seal
from pushgate.jose.sign import sign_jwt
from pushgate.jose.verify import KeySet
from pushgate.journal import Journal
from pushgate.model import Client
from pushgate.profiles import Policy, policy_of
from pushgate.protocol.assurance import Assurance
from pushgate.protocol.metadata import metadata
from pushgate.protocol.scopes import OPENID, realm_scopes
from pushgate.realm import Realm
from pushgate.repeats import Repeats
from pushgate.store.durable.accounts import Accounts
from pushgate.store.durable.credentials import Credentials
from pushgate.store.durable.endings import Due, Endings
from pushgate.store.durable.grants import Grants
from pushgate.store.ports import RealmTransient
from pushgate.throttle import Buckets


class ClientKeys(Protocol):
    """Where the keys of a client come from: its registration, its jwks_uri, or its secret."""

    async def keys(self, realm: str, client: Client, header: Mapping[str, object]) -> KeySet:
        """The keys to verify an assertion with this header; empty if they cannot be had."""

    async def public_keys(self, realm: str, client: Client, header: Mapping[str, object]) -> KeySet:
        """The keys to verify another JWT of the client with; never a secret."""

    async def encryption_key(self, realm: str, client: Client, alg: str) -> EncryptionKey | None:
        """The client's public key to encrypt to with this algorithm; None if there is none to be had."""

    def signing_key(self, realm: str, client: Client, alg: str) -> SigningKey | None:
        """The client's secret as a key to sign with; None where it is not kept in clear."""

    def secret(self, realm: str, client: Client) -> KeySet:
        """The client's secret to verify with; empty where it is not kept in clear."""

    async def jwks(self, client: Client, *, anew: bool = False) -> dict[str, Any] | None:
        """The client's JWK Set as it stands, with the certificates in it; `anew` asks its jwks_uri again."""


class Logouts(Protocol):
    """Who tells clients that a session is over."""

    async def send(self, ctx: Context, deliveries: Iterable[Due]) -> None:
        """Start all of them, and wait for them a while."""


@dataclass(frozen=True, slots=True)
class Services:
    """What all realms share."""

    clock: Callable[[], float]
    journal: Journal
    seal: Seal
    client_keys: ClientKeys
    directory: Directory
    buckets: Buckets
    fetcher: Fetcher
    logouts: Logouts
    repeats: Repeats = field(default_factory=Repeats)


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
    credentials: Credentials
    grants: Grants
    endings: Endings
    client: KnownClients
    services: Services
    decisions: Decisions = field(default_factory=Decisions, repr=False)
    _policies: dict[str, tuple[Client, Policy]] = field(default_factory=dict, repr=False)

    @cached_property
    def default_scope(self) -> tuple[str, ...] | None:
        """What a request without scope asks for."""
        realm = self.realm
        scope = realm.settings.default_scope
        if scope is None and (realm.profile.openid_connect or realm.dialect.default_scope != OPENID):
            scope = realm.dialect.default_scope
        return None if scope is None else tuple(scope.split())

    @cached_property
    def known_scopes(self) -> frozenset[str]:
        """Every scope value the realm knows by itself."""
        return realm_scopes(self.realm.profile, self.realm.settings.resources)

    @cached_property
    def anchors(self) -> TrustAnchors:
        """The authorities that may vouch for clients of this realm; none unless the operator named some."""
        pem = self.realm.settings.tls_client_ca
        return TrustAnchors() if pem is None else parse_anchors(pem)

    @cached_property
    def pairwise_key(self) -> bytes:
        """What pairwise subjects of this realm are made with; it lasts as long as the server's secret key."""
        return self.services.seal.derive(f"pairwise\0{self.name}".encode())

    @cached_property
    def name(self) -> str:
        """The realm's name."""
        return self.realm.settings.name

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """The metadata document, with its signed form where the realm wants that too. RFC 8414 2, 2.1."""
        document, settings = metadata(self.realm), self.realm.settings
        if settings.signed_metadata:
            key = self.keys.signing[settings.access_token_signing_alg]
            document["signed_metadata"] = sign_jwt({"iss": document["issuer"], **document}, key, None)
        return document

    @cached_property
    def now(self) -> Callable[[], float]:
        """Call it for the seconds since the epoch."""
        return self.services.clock

    def policy(self, client: Client) -> Policy:
        """The rules this client is held to, now; worked out once per client and revision."""
        client_id = client.client_id
        known = self._policies.get(client_id)
        if known is not None and known[0] is client:
            return known[1]
        policy = policy_of(self.realm.settings, client)
        self._policies[client_id] = (client, policy)
        return policy

    def assurance(self, client: Client) -> Assurance:
        """How surely the client's users are to be known."""
        return Assurance(self.realm.settings.authentication_contexts, self.policy(client).step_up)

    def emit(self, event: Event, request: Request | None = None) -> None:
        """Log and keep an event."""
        self.services.journal.emit(event, self.name, request)


def new_handle(now: float) -> str:
    """An unguessable value: 208 random bits behind the time, in 43 base64url characters.

    The time (48 bits, in 1/256 seconds: 8 characters) lets stores keep what was made together close
    together, see RealmTransient.key.
    """
    ticks = int(now * 256) & 0xFFFFFFFFFFFF
    return b2a_base64(ticks.to_bytes(6) + urandom(26), newline=False).translate(_URL_SAFE)[:43].decode()


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def new_id() -> str:
    """An identifier that is not a secret: 128 random bits in hexadecimal."""
    return urandom(16).hex()
