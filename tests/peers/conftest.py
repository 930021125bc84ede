"""A server with banks: one per test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.peers.fapi import MANIFEST
from tests.support.live import Live, serving


@pytest.fixture(scope="session")
def banks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A real `pushgate serve` process with the realms of tests/peers/fapi.py."""
    with serving(tmp_path_factory.mktemp("banks"), MANIFEST) as found:
        yield found
