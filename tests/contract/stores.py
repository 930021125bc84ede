"""How the contract opens each store; other processes import these functions by name."""

from __future__ import annotations

import time
from pathlib import Path

from pushgate.store.transient.sqlite import SqliteTransient


async def open_sqlite(path: Path | None) -> SqliteTransient:
    """SQLite on a file, or in memory."""
    return SqliteTransient(path, time.time)
