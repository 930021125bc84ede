"""One-time passwords of authenticator apps: RFC 6238 with the values that every app knows (SHA-1, six digits, 30 s)."""

from __future__ import annotations

import hmac
import secrets
from base64 import b32encode

import pyotp

STEP = 30  # seconds
WINDOW = 1  # steps before and after the present one that are accepted (RFC 6238 5.2)
SECRET_BYTES = 20  # RFC 4226 4: 160 bits


def new_secret() -> bytes:
    """A random secret."""
    return secrets.token_bytes(SECRET_BYTES)


def as_text(secret: bytes) -> str:
    """The secret as people type it into an app."""
    return b32encode(secret).decode()


def enrolment_uri(secret: bytes, username: str, issuer: str) -> str:
    """What the QR code says: the otpauth URI of the common apps."""
    return pyotp.TOTP(as_text(secret)).provisioning_uri(name=username, issuer_name=issuer)


def matching_step(secret: bytes, code: str, now: float) -> int | None:
    """The time step whose code this is, in the window around `now`; None for a wrong code."""
    typed = "".join(code.split())
    if len(typed) != 6 or not typed.isascii() or not typed.isdigit():
        return None
    totp, present = pyotp.TOTP(as_text(secret)), int(now) // STEP
    found = None
    for step in range(present - WINDOW, present + WINDOW + 1):
        if hmac.compare_digest(totp.generate_otp(step), typed):
            found = step
    return found
