"""What the tests use of the machine and cannot bring along: Chromium, node, PostgreSQL and the like."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

REQUIRED = os.environ.get("PUSHGATE_REQUIRE_SERVICES") == "1"


def missing(service: str, remedy: str) -> NoReturn:
    """Skip by name, or fail where PUSHGATE_REQUIRE_SERVICES=1 says that everything has to be there."""
    message = f"{service} is missing: {remedy}"
    if REQUIRED:
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
