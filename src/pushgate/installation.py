"""Open what the settings name: stores, seal, management. Shared by every command and by tests."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pushgate.config import BadSettings, Settings
from pushgate.directory import Directory
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

    def server(
        self,
        clock: Callable[[], float] = time.time,
        *,
        directory: Directory | None = None,
        client_certificates: bool = False,
    ) -> AuthorizationServer:
        """An authorization server over this data; `client_certificates`: its own listener asks for them.

        `directory` knows the users of an application that embeds the server (docs/own-users.md).
        """
        return AuthorizationServer(
            base_url=self.settings.base_url,
            engine=self.engine,
            transient=self.transient,
            seal=self.seal,
            directory=directory,
            fetcher=make_fetcher(self.settings),
            clock=clock,
            client_certificates=client_certificates or bool(self.settings.client_cert_header),
            mtls_base_url=self.settings.mtls_base_url or None,
            sample_resource=self.settings.has_sample_resource,
        )


@asynccontextmanager
async def opened(settings: Settings, clock: Callable[[], float] = time.time) -> AsyncIterator[Installation]:
    """Open the stores, bring the schema up to date, and close them afterwards. Raises BadSettings."""
    seal = Seal(settings.load_secret_key())
    engine = open_engine(settings)
    try:
        bring_up_to_date(engine)
        transient = open_transient(settings, clock)
        try:
            fetcher = make_fetcher(settings)
            try:
                management = Management(
                    engine, seal, clock, fetcher=fetcher, base_url=settings.base_url,
                    mtls_base_url=settings.mtls_base_url or None,
                )  # fmt: skip
                yield Installation(settings, engine, transient, seal, management)
            finally:
                await fetcher.aclose()
        finally:
            await transient.aclose()
    finally:
        await engine.aclose()


def make_fetcher(settings: Settings) -> Fetcher:
    """What fetches the documents that clients name. Raises BadSettings."""
    ca_file = Path(settings.ca_file) if settings.ca_file else None
    try:
        return Fetcher(allow_hosts=settings.fetch_hosts, ca_file=ca_file)
    except OSError as problem:
        raise BadSettings(f"PUSHGATE_CA_FILE: {ca_file}: {problem.strerror or problem}") from None
    except ValueError as problem:
        raise BadSettings(f"PUSHGATE_FETCH_ALLOW: {problem}") from None


def open_engine(settings: Settings) -> SqliteEngine:
    """The durable store, whatever its schema. Raises BadSettings."""
    with _usable("PUSHGATE_DATABASE_URL", settings.database_path):
        return SqliteEngine(settings.database_path)


def open_transient(settings: Settings, clock: Callable[[], float]) -> SqliteTransient:
    """The transient store. Raises BadSettings."""
    with _usable("PUSHGATE_TRANSIENT_URL", settings.transient_path):
        return SqliteTransient(settings.transient_path, clock)


@contextmanager
def _usable(setting: str, path: Path) -> Iterator[None]:
    """Make the folder of a SQLite file, and say in one line why the file cannot be used."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield
    except (OSError, sqlite3.Error) as problem:
        raise BadSettings(f"{setting}: {path}: {problem}") from None


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
