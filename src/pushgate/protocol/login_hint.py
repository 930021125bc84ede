"""`login_hint`: whom the client expects, plain or as JSON with the directory that knows them."""

from __future__ import annotations

import json

from pushgate import refusals


def hinted_username(hint: str | None, source: str) -> str:
    """The name to fill in; empty without one. `source` is what the realm's directory is called.

    Plain text is the name itself (OpenID Connect Core 3.1.2.1). What begins like a JSON object has to be
    `{"realm": ..., "username": ...}`, where `realm` may be left out. Raises InvalidRequest for another one.
    """
    if hint is None or not hint.lstrip().startswith("{"):
        return hint or ""
    try:
        members = json.loads(hint)
    except (ValueError, RecursionError):
        raise refusals.LOGIN_HINT() from None
    if not isinstance(members, dict) or not members.keys() <= {"realm", "username"}:
        raise refusals.LOGIN_HINT()
    username = members.get("username")
    if not isinstance(username, str) or members.get("realm", source) != source:
        raise refusals.LOGIN_HINT()
    return username
