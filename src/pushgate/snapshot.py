"""Hot reads from memory: realms, their keys and clients, as of one revision of the configuration.

A change made here is in force at once; one made elsewhere (another worker, the command line) as soon
as the revision is looked at again, within a second.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

from pushgate.endpoints.context import Context, Services
from pushgate.jose.keys import KeyRing
from pushgate.model import Client, RealmSettings
from pushgate.realm import Realm
from pushgate.store.durable.accounts import Accounts
from pushgate.store.durable.configuration import Configuration
from pushgate.store.durable.credentials import Credentials
from pushgate.store.durable.endings import Endings
from pushgate.store.durable.grants import Grants
from pushgate.store.ports import DurableEngine, RealmTransient, Transient

MAX_CLIENTS = 20_000
"""Clients kept per realm; unknown ids are not kept, so that guessing cannot fill it."""


class Clients:
    """A realm's clients, loaded when they are first asked for."""

    __slots__ = ("_configuration", "_known", "_realm")

    def __init__(self, configuration: Configuration, realm: str) -> None:
        self._configuration = configuration
        self._realm = realm
        self._known: OrderedDict[str, Client] = OrderedDict()

    async def __call__(self, client_id: str) -> Client | None:
        """The client, from memory or from the store."""
        known = self._known.get(client_id)
        if known is not None:
            return known
        client = await self._configuration.client(self._realm, client_id)
        if client is not None:
            self._known[client_id] = client
            if len(self._known) > MAX_CLIENTS:
                self._known.popitem(last=False)
        return client

    async def origins(self) -> frozenset[str]:
        """Web origins of public clients' redirect URIs: those pages may call the token endpoint (CORS)."""
        found = set()
        for client in await self._configuration.clients(self._realm):
            if client.public and client.enabled:
                found |= {_origin(uri) for uri in client.redirect_uris if uri.startswith("http")}
        return frozenset(found)


def _origin(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}".lower()


class Snapshot:
    """The realms in force."""

    def __init__(
        self,
        realm_of: Callable[[RealmSettings], Realm],
        engine: DurableEngine,
        transient: Transient,
        services: Services,
    ) -> None:
        self._realm_of = realm_of
        self._engine = engine
        self._transient = transient
        self._services = services
        self.configuration = Configuration(engine)
        self._revision = -1
        self._realms: dict[str, Context] = {}
        self._origins: dict[str, frozenset[str]] = {}
        self.hosts: dict[str, str] = {}
        """The realms that have host names of their own, by host."""

    def bound(self, host: str | None) -> str | None:
        """The realm that has this host (of the header) to itself; None for the server's own."""
        if not self.hosts or host is None:
            return None
        host = host.lower()
        name, colon, port = host.partition(":")
        name = name.removesuffix(".")  # the same host, spelt out (RFC 1034 3.1)
        host = f"{name}{colon}{port}"
        return self.hosts.get(host) or self.hosts.get(name)

    def loaded(self, name: str) -> Context | None:
        """The realm if it is in memory."""
        return self._realms.get(name)

    async def realm(self, name: str) -> Context | None:
        """The realm, from memory or from the store; None if there is none."""
        return self._realms.get(name) or await self._load(name)

    async def origins(self, ctx: Context) -> frozenset[str]:
        """The web origins that may call the realm's token endpoint from a browser."""
        if ctx.name not in self._origins:
            assert isinstance(ctx.client, Clients)
            self._origins[ctx.name] = await ctx.client.origins()
        return self._origins[ctx.name]

    async def refresh(self) -> None:
        """Forget everything if the configuration changed."""
        revision = await self.configuration.revision()
        if revision != self._revision:
            hosts = await self.configuration.hosts()  # if that fails, the next look finds the change again
            self._revision, self._realms, self._origins, self.hosts = revision, {}, {}, hosts

    async def _load(self, name: str) -> Context | None:
        await self.refresh()  # a realm made a moment ago comes with its hosts, not before them
        realms = self._realms
        settings = await self.configuration.realm(name)
        if settings is None:
            return None
        keys = KeyRing.of(await self.configuration.keys(name), self._services.seal)
        context = Context(
            realm=self._realm_of(settings),
            keys=keys,
            transient=RealmTransient(self._transient, f"{name}/{settings.serial}" if settings.serial else name),
            accounts=Accounts(self._engine, name),
            credentials=Credentials(self._engine, name),
            grants=Grants(self._engine, name),
            endings=Endings(self._engine, name),
            client=Clients(self.configuration, name),
            services=self._services,
        )
        realms[name] = context  # not into what replaced it meanwhile: this may be of before
        return context
