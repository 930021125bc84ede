"""Durable data on SQLAlchemy Core: each adapter method is a function over a connection, run by an engine."""
