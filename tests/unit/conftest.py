"""Fixtures that several unit tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pushgate.store.transient.sqlite import SqliteTransient
from tests.support.stores import open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of the transient store."""
    return tmp_path / "transient.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteTransient]:
    """The transient store on that file."""
    opened = open_store(path)
    yield opened
    await opened.aclose()
