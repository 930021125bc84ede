"""The SQLite transient store of a test, on a file of its own."""

from __future__ import annotations

import time
from pathlib import Path

from pushgate.store.transient.sqlite import SqliteTransient


def open_store(path: Path | None) -> SqliteTransient:
    """A store on this file, or in memory; whoever opens it closes it."""
    return SqliteTransient(path, time.time)
