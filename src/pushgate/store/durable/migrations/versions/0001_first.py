"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table, and the row that counts revisions."""
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("realm", sa.String(length=63), nullable=False),
        sa.Column("event", sa.String(length=60), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_realm_at", "audit", ["realm", "at"], unique=False)
    op.create_table(
        "realms",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "clients",
        sa.Column("realm", sa.String(length=63), nullable=False),
        sa.Column("client_id", sa.String(length=200), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["realm"], ["realms.name"], name="clients_realm", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("realm", "client_id"),
    )
    op.create_table(
        "consents",
        sa.Column("realm", sa.String(length=63), nullable=False),
        sa.Column("sub", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=200), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["realm"], ["realms.name"], name="consents_realm", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("realm", "sub", "client_id"),
    )
    op.create_table(
        "grants",
        sa.Column("realm", sa.String(length=63), nullable=False),
        sa.Column("grant_id", sa.String(length=43), nullable=False),
        sa.Column("client_id", sa.String(length=200), nullable=False),
        sa.Column("sub", sa.String(length=255), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["realm"], ["realms.name"], name="grants_realm", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("realm", "grant_id"),
    )
    op.create_index("grants_expires_at", "grants", ["expires_at"], unique=False)
    op.create_index("grants_sub", "grants", ["realm", "sub"], unique=False)
    op.create_table(
        "keys",
        sa.Column("realm", sa.String(length=63), nullable=False),
        sa.Column("kid", sa.String(length=100), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["realm"], ["realms.name"], name="keys_realm", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("realm", "kid"),
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("realm", sa.String(length=63), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("grant_id", sa.String(length=43), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("consumed", sa.Boolean(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["realm"], ["realms.name"], name="refresh_tokens_realm", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("realm", "digest"),
    )
    op.create_index("refresh_tokens_expires_at", "refresh_tokens", ["expires_at"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("realm", sa.String(length=63), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sub", sa.String(length=255), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["realm"], ["realms.name"], name="sessions_realm", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("realm", "digest"),
    )
    op.create_index("sessions_expires_at", "sessions", ["expires_at"], unique=False)
    op.create_index("sessions_sub", "sessions", ["realm", "sub"], unique=False)
    op.create_table(
        "users",
        sa.Column("realm", sa.String(length=63), nullable=False),
        sa.Column("sub", sa.String(length=255), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["realm"], ["realms.name"], name="users_realm", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("realm", "sub"),
        sa.UniqueConstraint("realm", "username", name="users_username"),
    )
    op.execute("INSERT INTO revision (id, value) VALUES (1, 1)")
