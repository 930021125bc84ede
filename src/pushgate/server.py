"""AuthorizationServer: the composition root. Everything it is made of is a constructor argument."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from pushgate.client_keys import RegisteredClientKeys
from pushgate.directory import Directory
from pushgate.directory.guarded import guarded
from pushgate.directory.local import LocalDirectory
from pushgate.endpoints.context import Context, Services
from pushgate.endpoints.logout_delivery import LogoutDeliveries
from pushgate.fetch import CachedJson, Fetcher
from pushgate.jose.seal import Seal
from pushgate.journal import Journal
from pushgate.model import RealmSettings
from pushgate.realm import Realm, check_base_url, check_mtls_base_url
from pushgate.snapshot import Snapshot
from pushgate.store.durable.audit import Audit, purge_expired
from pushgate.store.ports import DurableEngine, Transient
from pushgate.throttle import Buckets

if TYPE_CHECKING:
    from pushgate.web.asgi import Application

REFRESH_EVERY = 0.5  # seconds between two looks at the configuration's revision
DELIVER_EVERY = 1.0  # seconds between two looks for clients that have to be told of a logout
PURGE_EVERY = 5.0  # seconds between two clearings of what has expired
LATER = ("pushgate.directory.passkeys", "pushgate.protocol.details_schema")
"""What has libraries that take long to load and that no push needs: loaded beside the first requests, not before."""
LATER_AFTER = 1.0  # seconds


class AuthorizationServer:
    """An authorization server over two stores.

    `base_url` is the issuer of the default realm (https, or http on loopback), `seal` opens keys and
    secrets at rest, `clock` gives seconds since the epoch. `client_certificates`: clients can show
    certificates at the base URL; `mtls_base_url`: they can there (RFC 8705 5).
    `directory` knows the users, where they are not kept here; an answer may take `directory_timeout` seconds.
    `sample_resource` adds an API that takes the tokens (/resource). Raises realm.BadBaseUrl.
    """

    def __init__(
        self,
        *,
        base_url: str,
        engine: DurableEngine,
        transient: Transient,
        seal: Seal,
        directory: Directory | None = None,
        directory_timeout: float = 10,
        fetcher: Fetcher | None = None,
        clock: Callable[[], float] = time.time,
        client_certificates: bool = False,
        mtls_base_url: str | None = None,
        sample_resource: bool = False,
    ) -> None:
        self.base_url = check_base_url(base_url)
        self.mtls_base_url = None if mtls_base_url is None else check_mtls_base_url(mtls_base_url, self.base_url)
        self.client_certificates = client_certificates or mtls_base_url is not None
        self.sample_resource = sample_resource
        self.engine = engine
        self.transient = transient
        self.clock = clock
        self.fetcher = fetcher or Fetcher()
        self.journal = Journal(Audit(engine), clock)
        self.logouts = LogoutDeliveries(engine)
        self.services = Services(
            clock=clock,
            journal=self.journal,
            seal=seal,
            client_keys=RegisteredClientKeys(CachedJson(self.fetcher), seal, clock),
            directory=self._guarded(directory or LocalDirectory(engine), directory_timeout),
            buckets=Buckets(),
            fetcher=self.fetcher,
            logouts=self.logouts,
        )
        self.snapshot = Snapshot(self._realm_of, engine, transient, self.services)
        self._chores: list[asyncio.Task[None]] = []

    def _guarded(self, directory: Directory, timeout: float) -> Directory:
        """Our own needs no guard: what it fails with is the store's, and many passwords at once wait their turn."""
        return directory if isinstance(directory, LocalDirectory) else guarded(directory, timeout, self.journal.trouble)

    def _realm_of(self, settings: RealmSettings) -> Realm:
        return Realm.of(
            settings,
            self.base_url,
            client_certificates=self.client_certificates,
            mtls_base_url=self.mtls_base_url,
        )

    async def realm(self, name: str = "default") -> Context | None:
        """A realm in force, or None."""
        return await self.snapshot.realm(name)

    def asgi(self) -> Application:
        """The server as an ASGI application; its lifespan starts and stops the server."""
        from pushgate.web.asgi import Application

        return Application(self)

    async def start(self) -> None:
        """Begin the chores: seeing changes made elsewhere, clearing away what has expired, telling of logouts."""
        await self.snapshot.refresh()
        self._chores = [
            asyncio.create_task(self._every(REFRESH_EVERY, self.snapshot.refresh)),
            asyncio.create_task(self._every(PURGE_EVERY, self.purge)),
            asyncio.create_task(self._every(DELIVER_EVERY, self.deliver_logouts)),
            asyncio.create_task(self._load_later()),
        ]

    async def stop(self) -> None:
        """End the chores and write what is pending. The stores are closed by whoever opened them."""
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        await self.logouts.aclose()
        await self.journal.flush()
        await self.fetcher.aclose()

    async def purge(self) -> None:
        """Delete what has expired from both stores, in small steps."""
        now = int(self.clock())
        await self.transient.purge(now)
        await purge_expired(self.engine, now)

    async def deliver_logouts(self) -> None:
        """Tell clients of ended sessions where it is time to, for the first time or once more."""
        await self.logouts.run_due(self.realm, int(self.clock()))

    async def _every(self, seconds: float, chore: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await chore()
            except Exception as problem:
                self.journal.trouble("chore_failed", problem)

    async def _load_later(self) -> None:
        """Whoever needs it sooner loads it then."""
        await asyncio.sleep(LATER_AFTER)
        for module in LATER:
            try:
                await asyncio.to_thread(importlib.import_module, module)
            except Exception as problem:  # of a library that is broken, or not there
                self.journal.trouble("chore_failed", problem)
