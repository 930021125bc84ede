"""Where the API is: below each realm, and at the paths of the products whose words it knows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from pushgate.realm import DEFAULT_REALM, REALM_NAME

_NAME = rf"(?P<realm>(?!{DEFAULT_REALM}(?:/|$)){REALM_NAME.pattern})"
_REALMS = rf"(?:/realms/{_NAME})?"
_TENANTS = rf"(?:/t/{_NAME})?"
_ROOT = "/am/oauth2(?:/realms/root)?"
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_REALMS}(?P<rest>/api/v2(?:/.*)?)",
        rf"/t/{_NAME}(?P<rest>/api/v2(?:/.*)?)",
        rf"{_ROOT}(?:/realms/{_NAME})?(?P<rest>/api/v2(?:/.*)?)",
        rf"{_REALMS}(?P<rest>/api/server/v1/.*)",
        rf"{_TENANTS}(?P<rest>/api/server/v1/.*)",
        rf"/am/json(?:/realms/root)?(?:/realms/{_NAME})?(?P<rest>/realm-config/.*)",
        rf"{_REALMS}(?P<rest>/v1\.0/applications/.*)",
    )
)


@dataclass(frozen=True, slots=True)
class Place:
    """A call of the API: the realm that its path names, and the path below it, still percent-encoded."""

    realm: str
    path: str


def find_call(path: str, raw: bytes | None, root: str) -> Place | None:
    """The call that a path means; None for everything else, which is told quickly. `root`: the base URL's path.

    `path` is decoded, `raw` is as it was sent.
    """
    if not ("/api/" in path or "/realm-config/" in path or "/v1.0/" in path):
        return None
    sent = quote(path) if raw is None else raw.decode("latin-1")
    if not sent.startswith(root):
        return None
    below = sent[len(root) :].rstrip("/")
    for pattern in _PATTERNS:
        found = pattern.fullmatch(below)
        if found is not None:
            return Place(found["realm"] or DEFAULT_REALM, found["rest"])
    return None
