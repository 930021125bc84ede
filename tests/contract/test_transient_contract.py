"""The contract of transient stores, on every adapter: races between tasks, instances and processes included."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from pushgate.store import contract
from pushgate.store.contract import Check
from tests.contract.stores import open_sqlite


def _rule(check: Check) -> str:
    return check.__name__


@pytest.mark.parametrize("check", contract.CHECKS, ids=_rule)
async def test_sqlite_in_memory(check: Check) -> None:
    await check(partial(open_sqlite, None))


@pytest.mark.parametrize("check", contract.ALL, ids=_rule)
async def test_sqlite_on_disk(check: Check, tmp_path: Path) -> None:
    await check(partial(open_sqlite, tmp_path / "transient.db"))
