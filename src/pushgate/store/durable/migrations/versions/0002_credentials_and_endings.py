"""Second factors and passkeys, initial access tokens, logouts that are to be delivered, and the session of a grant."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add tables and a column; what the first release wrote stays readable to it."""
    _of_realm(
        "credentials",
        ["credential_id"],
        sa.Column("credential_id", sa.String(length=43), nullable=False),
        sa.Column("sub", sa.String(length=255), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )
    op.create_index("credentials_sub", "credentials", ["realm", "sub"], unique=False)
    _of_realm(
        "initial_access_tokens",
        ["digest"],
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )
    op.create_index("initial_access_tokens_expires_at", "initial_access_tokens", ["expires_at"], unique=False)
    _of_realm(
        "logout_deliveries",
        ["delivery_id"],
        sa.Column("delivery_id", sa.String(length=43), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )
    op.create_index("logout_deliveries_next_at", "logout_deliveries", ["next_at"], unique=False)
    op.add_column("grants", sa.Column("sid", sa.String(length=43), nullable=True))
    op.create_index("grants_sid", "grants", ["realm", "sid"], unique=False)


def _of_realm(name: str, key: list[str], *columns: sa.Column[object]) -> None:
    op.create_table(
        name,
        sa.Column("realm", sa.String(length=63), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["realm"], ["realms.name"], name=f"{name}_realm", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("realm", *key),
    )
