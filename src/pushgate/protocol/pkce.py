"""Proof Key for Code Exchange (RFC 7636)."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode

from pushgate import refusals

S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
METHODS = ("S256",)
PLAIN_CHALLENGE = VERIFIER


def s256(verifier: str) -> str:
    """The S256 challenge of a verifier. RFC 7636 4.2."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def check_challenge(
    challenge: str | None, method: str | None, methods: tuple[str, ...] = METHODS, *, required: bool
) -> None:
    """The request's challenge is there if it must be, well formed, and made in one of `methods`. Raises InvalidRequest.

    RFC 7636 4.2, 4.3, 4.4.1. An absent method means plain, which is not offered unless it is among them.
    """
    if challenge is None:
        if method is not None:
            raise refusals.CHALLENGE_METHOD_ALONE()
        if required:
            raise refusals.CHALLENGE_MISSING()
        return
    if method not in methods:
        raise refusals.CHALLENGE_METHOD()
    shape = PLAIN_CHALLENGE if method == "plain" else S256_CHALLENGE
    if not shape.fullmatch(challenge):
        raise refusals.CHALLENGE_MALFORMED()


def check_verifier(challenge: str | None, verifier: str | None, method: str = "S256") -> None:
    """The verifier is the one behind the stored challenge; all failures are invalid_grant.

    RFC 7636 4.6; a verifier without a challenge is a downgrade attack: RFC 9700 2.1.1, 4.8.2.
    """
    if challenge is None:
        if verifier is not None:
            raise refusals.VERIFIER_UNEXPECTED()
        return
    if verifier is None:
        raise refusals.VERIFIER_MISSING()
    if not VERIFIER.fullmatch(verifier):
        raise refusals.VERIFIER_MALFORMED()
    if not hmac.compare_digest(verifier if method == "plain" else s256(verifier), challenge):
        raise refusals.VERIFIER_WRONG()
