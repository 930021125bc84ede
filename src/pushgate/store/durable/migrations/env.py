"""Alembic's entry point; the connection is handed in by `store.durable.migrate`."""

from alembic import context

from pushgate.store.durable.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=False)
context.run_migrations()
