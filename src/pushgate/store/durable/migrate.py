"""The schema's versions: where a database stands, and bringing it up to date (Alembic)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

HEAD = "0003"
"""The newest migration; a test holds it to the files in `migrations/versions`."""


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
    if not sa.inspect(connection).has_table("alembic_version"):
        return SchemaStatus(None, HEAD)
    return SchemaStatus(connection.scalar(sa.text("SELECT version_num FROM alembic_version")), HEAD)


def upgrade(connection: sa.Connection) -> None:
    """Run the migrations that are missing, in one transaction where the caller opened one."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
