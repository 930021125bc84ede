"""When a realm's keys change: what a rotation makes, retires and deletes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from pushgate.manage.realms import LONGEST
from pushgate.model import RealmSettings, StoredKey

MARGIN = max(LONGEST["access_token"], LONGEST["id_token"])
"""Seconds. The longest that a token may live in any realm: what was signed before lifetimes were shortened holds too.

It is also time for those who keep a copy of the JWK Set to fetch a new one before they encrypt again.
"""


@dataclass(frozen=True, slots=True)
class Rotation:
    """Keys that were made, those they replace, and those that were deleted."""

    made: tuple[StoredKey, ...]
    retired: tuple[StoredKey, ...]
    deleted: tuple[StoredKey, ...]


def kept_until(key: StoredKey, settings: RealmSettings) -> int | None:
    """When a retired key may go, in seconds since the epoch; None for a key in use.

    Until then it is published and opens request objects. An ID Token is a hint at its user (`id_token_hint`) for as
    long as the session it came from, longer than it is valid. OpenID Connect Core 10.1.1, 3.1.2.1.
    """
    if key.retired_at is None:
        return None
    lifetimes = settings.lifetimes
    return key.retired_at + max(lifetimes.access_token, lifetimes.id_token, lifetimes.session) + MARGIN


def rotation(settings: RealmSettings, before: Sequence[StoredKey], made: Sequence[StoredKey], *, now: int) -> Rotation:
    """Every key in use of the new ones' algorithms is retired; keys retired for long enough are deleted.

    A key is never retired and deleted at once.
    """
    algs = {key.alg for key in made}
    retired = [k for k in before if k.retired_at is None and k.alg in algs]
    deleted = [k for k in before if (until := kept_until(k, settings)) is not None and until < now]
    return Rotation(
        made=tuple(made),
        retired=tuple(msgspec.structs.replace(key, retired_at=now) for key in retired),
        deleted=tuple(deleted),
    )
