"""The host names of realms."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add a table; what the release before wrote stays readable to it."""
    op.create_table(
        "realm_hosts",
        sa.Column("host", sa.String(length=260), nullable=False),
        sa.Column("realm", sa.String(length=63), nullable=False),
        sa.ForeignKeyConstraint(["realm"], ["realms.name"], name="realm_hosts_realm", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("host"),
    )
