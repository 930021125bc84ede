"""Idempotency-Key: a POST that is sent again gets the answer of the first time, and does nothing."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import msgspec
from starlette.responses import Response

from pushgate import refusals
from pushgate.manage.api.call import Call
from pushgate.manage.api.problem import Failed
from pushgate.model import Record
from pushgate.protocol.registration import Problem

KEPT = 24 * 3600  # seconds that an answer is given again
LONGEST = 60  # seconds that a request may take; after a crash its key is free again
_KEY = re.compile(r"[!-~]{1,255}")
_TOLD = ("content-type", "etag", "location", "pushgate-refusal", "cache-control", "pragma")


class Answered(Record, frozen=True):
    """What is kept: which request it was, and how it was answered; sealed, for it may have a secret in it."""

    request: bytes
    status: int = 0
    headers: dict[str, str] = {}  # noqa: RUF012 - each record has one of its own
    body: bytes = b""


@dataclass(slots=True)
class Once:
    """One use of a key."""

    call: Call
    handle: str
    request: bytes
    earlier: Response | None = None

    @classmethod
    async def begin(cls, call: Call) -> Once | None:
        """Claim the key, or find the earlier answer; None without a key.

        A key belongs to the caller. Raises Failed for one that was used for something else, or is in use.
        """
        key = call.sent.header(b"idempotency-key")
        if key is None:
            return None
        if not _KEY.fullmatch(key):
            problem = Problem("Idempotency-Key", "must be 1 to 255 printable ASCII characters without spaces")
            raise Failed(refusals.MANAGEMENT_QUERY, [problem])
        assert call.actor is not None
        asked = b"\0".join([call.sent.method.encode(), call.raw_path.encode(), call.sent.query, call.body])
        caller = f"{call.actor.name}\0{' '.join(sorted(call.actor.scopes))}"  # who may do less is somebody else
        once = cls(call, f"{caller}\0{key}", hashlib.sha256(asked).digest())
        while True:
            earlier = await once._stored("answered")
            if earlier is not None:
                once.earlier = once._again(earlier)
                return once
            if await once._keep("asked", Answered(request=once.request), LONGEST):
                return once
            asking = await once._stored("asked")
            if asking is not None and await once._stored("answered") is None:
                raise Failed(refusals.MANAGEMENT_KEY_BUSY if once._same(asking) else refusals.MANAGEMENT_KEY_REUSED)

    async def end(self, reply: Response) -> None:
        """Keep the answer, unless the server itself failed."""
        if self.earlier is not None or reply.status_code >= 500:
            return
        told = {name: reply.headers[name] for name in _TOLD if name in reply.headers}
        kept = Answered(request=self.request, status=reply.status_code, headers=told, body=bytes(reply.body))
        await self._keep("answered", kept, KEPT)

    def _again(self, earlier: Answered) -> Response:
        if not self._same(earlier):
            raise Failed(refusals.MANAGEMENT_KEY_REUSED)
        return Response(earlier.body, earlier.status, {**earlier.headers, "idempotency-replayed": "true"})

    def _same(self, earlier: Answered) -> bool:
        return earlier.request == self.request

    def _key(self, kind: str) -> bytes:
        return self.call.ctx.transient.key(f"api_{kind}", hashlib.sha256(self.handle.encode()).hexdigest())

    async def _stored(self, kind: str) -> Answered | None:
        found, key = await self.call.ctx.transient.get(f"api_{kind}", self._key(kind)), self._key(kind)
        if found is None:
            return None
        try:
            return Answered.decode(self.call.ctx.services.seal.open(found.value, key))
        except msgspec.DecodeError:
            return None

    async def _keep(self, kind: str, record: Answered, seconds: int) -> bool:
        key = self._key(kind)
        sealed = self.call.ctx.services.seal.close(record.encode(), key)
        return await self.call.ctx.transient.add(f"api_{kind}", key, sealed, int(self.call.ctx.now()) + seconds)
