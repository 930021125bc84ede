"""The schema's versions: where a database stands, and bringing it up to date (Alembic)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from pushgate.store.durable import tables

HEAD = "0003"
"""The newest migration; a test holds it to the files in `migrations/versions`."""

_version = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """Where the database stands; `current` is None for an empty one."""

    current: str | None
    head: str

    @property
    def up_to_date(self) -> bool:
        """Nothing to do."""
        return self.current == self.head


def schema_status(connection: sa.Connection) -> SchemaStatus:
    """Read the version, without loading Alembic: every start does this."""
    if not sa.inspect(connection).has_table(_version.name):
        return SchemaStatus(None, HEAD)
    return SchemaStatus(connection.scalar(sa.select(_version.c.version_num)), HEAD)


def upgrade(connection: sa.Connection) -> None:
    """Bring the schema up to date, in one transaction where the caller opened one.

    A new database gets the tables as they are now, as Alembic advises, and any other the migrations that it lacks. A
    test holds that both come to the same.
    """
    if sa.inspect(connection).has_table(_version.name):
        run_migrations(connection)
    else:
        _install(connection)


def _install(connection: sa.Connection) -> None:
    tables.metadata.create_all(connection, checkfirst=False)
    connection.execute(tables.revision.insert().values(id=1, value=1))
    _version.create(connection)
    connection.execute(_version.insert().values(version_num=HEAD))


def run_migrations(connection: sa.Connection, target: str = HEAD) -> None:
    """Run the migrations that are missing, up to this one."""
    from alembic import command  # with Mako and all dialects a tenth of a start; a database that is at HEAD needs none
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, target)
