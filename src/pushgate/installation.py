"""Open what the settings name: stores, seal, management. Shared by every command and by tests."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pushgate.config import BadSettings, Settings
from pushgate.fetch import Fetcher
from pushgate.jose.seal import Seal
from pushgate.manage.service import Management
from pushgate.server import AuthorizationServer
from pushgate.store.durable.engine import SqliteEngine
from pushgate.store.durable.migrate import schema_status, upgrade
from pushgate.store.transient.sqlite import SqliteTransient


@dataclass(frozen=True)
class Installation:
    """One set of data, opened."""

    settings: Settings
    engine: SqliteEngine
    transient: SqliteTransient
    seal: Seal
    management: Management

    def server(self, clock: Callable[[], float] = time.time) -> AuthorizationServer:
        """An authorization server over this data."""
        ca_file = Path(self.settings.ca_file) if self.settings.ca_file else None
        return AuthorizationServer(
            base_url=self.settings.base_url,
            engine=self.engine,
            transient=self.transient,
            seal=self.seal,
            fetcher=Fetcher(allow_hosts=self.settings.fetch_hosts, ca_file=ca_file),
            clock=clock,
        )


@asynccontextmanager
async def opened(settings: Settings, clock: Callable[[], float] = time.time) -> AsyncIterator[Installation]:
    """Open the stores, bring the schema up to date, and close them afterwards. Raises BadSettings."""
    seal = Seal(settings.load_secret_key())
    engine = open_engine(settings)
    try:
        bring_up_to_date(engine)
        settings.transient_path.parent.mkdir(parents=True, exist_ok=True)
        transient = SqliteTransient(settings.transient_path, clock)
        try:
            yield Installation(settings, engine, transient, seal, Management(engine, seal, clock))
        finally:
            await transient.aclose()
    finally:
        await engine.aclose()


def open_engine(settings: Settings) -> SqliteEngine:
    """The durable store, whatever its schema. Raises BadSettings."""
    try:
        settings.database_path.parent.mkdir(parents=True, exist_ok=True)
        return SqliteEngine(settings.database_path)
    except OSError as problem:
        raise BadSettings(f"PUSHGATE_DATABASE_URL: {problem}") from None


def bring_up_to_date(engine: SqliteEngine) -> None:
    """Migrate an embedded database: nobody else does it. Raises BadSettings for one of a newer release."""
    status = schema_status(engine.writer)
    if status.up_to_date:
        return
    if status.current is not None and status.current > status.head:
        raise BadSettings(
            f"the database is at schema {status.current}, which is newer than this release ({status.head})"
        )
    engine.migrate(upgrade)
