"""Fixtures that every test may use."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from hypothesis import settings

from pushgate.testing import Running, running
from tests.support.live import Live, serving
from tests.support.manifests import MANIFEST

# The same examples each time, so that a change is judged by itself; to look for others: --hypothesis-seed=NUMBER.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")
# What a failed test shows of the log is plain: colours, and the local variables of a traceback, take their time.
_plain = structlog.processors
structlog.configure(processors=[_plain.add_log_level, _plain.format_exc_info, _plain.KeyValueRenderer()])
# A shell script that runs the tests in its background has them, and the programs they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
pytest_plugins = ["tests.plugin_requirements"]


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server in this process, with a clock that stands still and the clients of tests/support/manifests.py."""
    async with running(MANIFEST) as found:
        yield found


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A real `pushgate serve` process on a free port, with the same clients; one per test process."""
    with serving(tmp_path_factory.mktemp("live"), MANIFEST) as found:
        yield found
