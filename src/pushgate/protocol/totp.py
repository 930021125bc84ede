"""One-time passwords by time (TOTP, RFC 6238): six digits, half a minute, SHA-1, as every authenticator app does it."""

from __future__ import annotations

import re

import pyotp

STEP = 30  # seconds
WINDOW = 1  # steps that a clock may be off, either way (RFC 6238 5.2)
CODE = re.compile(r"[0-9]{6}")
SPACES = str.maketrans("", "", " \u00a0\u3000-")


def matching_step(secret: str, code: str, now: float, last_step: int | None) -> int | None:
    """The time step that a typed code belongs to, None if it is wrong or was used: each step is good for one use.

    `secret` is Base32, `now` seconds since the epoch, `last_step` the last one used. RFC 6238 4.2, 5.2.
    """
    typed = code.translate(SPACES)
    if not CODE.fullmatch(typed):
        return None
    generator, current = pyotp.TOTP(secret, interval=STEP), int(now) // STEP
    steps = range(current - WINDOW, current + WINDOW + 1)
    # Every step is compared, so that the time it takes does not tell which one was near.
    right = [step for step in steps if pyotp.utils.strings_equal(typed, generator.at(step * STEP))]
    fresh = [step for step in right if last_step is None or step > last_step]
    return fresh[0] if fresh else None


def provisioning_uri(secret: str, username: str, issuer: str) -> str:
    """What a QR code says to an authenticator app."""
    return pyotp.TOTP(secret, interval=STEP).provisioning_uri(name=username, issuer_name=issuer)
