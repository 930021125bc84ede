"""The schema. Records are kept as JSON in `data`; columns beside it exist to be searched.

Migrations are in `migrations/`; a test holds the two together.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

metadata = MetaData()

revision = Table(
    "revision",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

realms = Table(
    "realms",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

realm_hosts = Table(
    "realm_hosts",
    metadata,
    Column("host", String(260), primary_key=True),  # so that no two realms have one
    Column("realm", String(63), nullable=False),
    ForeignKeyConstraint(["realm"], ["realms.name"], name="realm_hosts_realm", ondelete="CASCADE"),
)


def _of_realm(name: str, *columns: Column[object] | Index | UniqueConstraint) -> Table:
    """A table whose rows belong to a realm and vanish with it."""
    return Table(
        name,
        metadata,
        Column("realm", String(63), primary_key=True),
        *columns,
        ForeignKeyConstraint(["realm"], ["realms.name"], name=f"{name}_realm", ondelete="CASCADE"),
    )


clients = _of_realm(
    "clients",
    Column("client_id", String(200), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

keys = _of_realm(
    "keys",
    Column("kid", String(100), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

users = _of_realm(
    "users",
    Column("sub", String(255), primary_key=True),
    Column("username", String(255), nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("realm", "username", name="users_username"),
)

credentials = _of_realm(
    "credentials",
    Column("credential_id", String(43), primary_key=True),
    Column("sub", String(255), nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("credentials_sub", "realm", "sub"),
)

sessions = _of_realm(
    "sessions",
    Column("digest", LargeBinary(32), primary_key=True),
    Column("sub", String(255), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("sessions_sub", "realm", "sub"),
    Index("sessions_expires_at", "expires_at"),
)

consents = _of_realm(
    "consents",
    Column("sub", String(255), primary_key=True),
    Column("client_id", String(200), primary_key=True),
    Column("scope", String, nullable=False),
    Column("given_at", BigInteger, nullable=False),
)

grants = _of_realm(
    "grants",
    Column("grant_id", String(43), primary_key=True),
    Column("client_id", String(200), nullable=False),
    Column("sub", String(255), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked", Boolean, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("sid", String(43), nullable=True),
    Index("grants_sub", "realm", "sub"),
    Index("grants_expires_at", "expires_at"),
    Index("grants_sid", "realm", "sid"),
)

refresh_tokens = _of_realm(
    "refresh_tokens",
    Column("digest", LargeBinary(32), primary_key=True),
    Column("grant_id", String(43), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("consumed", Boolean, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("refresh_tokens_expires_at", "expires_at"),
)

initial_access_tokens = _of_realm(
    "initial_access_tokens",
    Column("digest", LargeBinary(32), primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("initial_access_tokens_expires_at", "expires_at"),
)

logout_deliveries = _of_realm(
    "logout_deliveries",
    Column("delivery_id", String(43), primary_key=True),
    Column("next_at", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("logout_deliveries_next_at", "next_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("realm", String(63), nullable=False),
    Column("event", String(60), nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("audit_realm_at", "realm", "at"),
)
