"""The directory that knows the users."""

from __future__ import annotations

from pushgate import errors as e
from pushgate.errors import Refusal

DIRECTORY_UNAVAILABLE = Refusal(
    "directory.unavailable", e.TemporarilyUnavailable, "Users cannot be looked up at the moment.",
    "Try again in a few minutes. The directory of users does not answer; the server's log has the reason.",
)  # fmt: skip
