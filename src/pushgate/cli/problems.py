"""What may go wrong without being a bug."""

from __future__ import annotations


def expected_problems() -> tuple[type[Exception], ...]:
    """What ends a command with one line instead of a traceback."""
    from pushgate.config import BadSettings
    from pushgate.jose.seal import CannotOpen
    from pushgate.manage.importers.common import BadExport
    from pushgate.manage.manifest import BadManifest
    from pushgate.manage.service import Refused
    from pushgate.store.durable.configuration import ChangedMeanwhile
    from pushgate.store.ports import StoreUnavailable

    return (BadSettings, BadExport, BadManifest, Refused, ChangedMeanwhile, StoreUnavailable, CannotOpen, OSError)


def lines_of(problem: Exception) -> list[str]:
    """What a person is told of one, on standard error."""
    return [f"pushgate: {line}" for line in str(problem).splitlines() or [type(problem).__name__]]
