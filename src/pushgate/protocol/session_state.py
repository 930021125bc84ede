"""Whether the session is still the same, as pages of other sites may ask (OpenID Connect Session Management 1.0)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode

SIGNED_OUT = "none"
"""The browser state of nobody. It is a value of its own: a browser that hides the cookie must not look signed out."""


def browser_state(sid: str | None, key: bytes) -> str:
    """What the browser keeps of a session: the same while it lasts, and of no use to get into it."""
    if sid is None:
        return SIGNED_OUT
    return urlsafe_b64encode(hmac.digest(key, sid.encode(), hashlib.sha256)).rstrip(b"=").decode()


def session_state(client_id: str, origin: str, state: str, salt: str) -> str:
    """The response member that a client asks with later on; the page computes it too. Session Management 3.2."""
    digest = hashlib.sha256(f"{client_id} {origin} {state} {salt}".encode()).hexdigest()
    return f"{digest}.{salt}"
