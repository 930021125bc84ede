"""/keys: the realm's keys, of which only the public halves are ever shown."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter, Response

from pushgate.jose.algorithms import ENCRYPTION, SIGNING
from pushgate.manage.api.call import answer
from pushgate.manage.api.documents import invalid, typed
from pushgate.manage.api.operation import Here, operation
from pushgate.manage.api.paging import Paged, filters, fits, listed
from pushgate.manage.inputs import Input
from pushgate.model import StoredKey
from pushgate.protocol.registration import Problem

FILTERS = ("kid", "alg", "use")


class RotationInput(Input, frozen=True):
    """Which algorithms get new keys; all of them where that is left out."""

    algs: tuple[str, ...] = (*SIGNING, *ENCRYPTION)


def register(router: APIRouter) -> None:
    """Add the operations."""
    operation(router, "GET", "/keys", "read:keys", lists="Key", filters=FILTERS)(list_keys)
    operation(
        router, "POST", "/keys/rotate", "update:keys", body="RotationInput", optional_body=True, shows="Rotation"
    )(rotate_keys)


async def list_keys(call: Here, page: Paged) -> Response:
    """The keys of the realm, retired ones included."""
    wanted = filters(call, FILTERS)
    found = map(document, await call.management.configuration.keys(call.realm))
    return listed(call, page, "keys", [one for one in found if fits(one, wanted)])


async def rotate_keys(call: Here) -> Response:
    """Make new keys; the old ones are retired, and stay published for as long as they may be needed."""
    wanted = typed(call.json(), RotationInput) if call.body else RotationInput()
    unknown = [alg for alg in wanted.algs if alg not in (*SIGNING, *ENCRYPTION)]
    if unknown or not wanted.algs or len(set(wanted.algs)) != len(wanted.algs):
        known = ", ".join((*SIGNING, *ENCRYPTION))
        raise invalid(Problem("algs", f"must be some of {known}, each once"))
    turned = await call.management.rotate_keys(call.realm, wanted.algs)
    shown = {name: [document(key) for key in getattr(turned, name)] for name in ("made", "retired", "deleted")}
    return answer(shown)


def document(key: StoredKey) -> dict[str, Any]:
    """A key as the API shows it."""
    public: dict[str, Any] = msgspec.to_builtins(key.public)
    return {
        "kid": key.kid,
        "alg": key.alg,
        "use": "enc" if key.alg in ENCRYPTION else "sig",
        "created_at": key.created_at,
        "retired_at": key.retired_at,
        "public": public,
    }
