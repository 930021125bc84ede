"""Static files, with names that change when their content does."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from pushgate import refusals
from pushgate.endpoints.http import error_reply

FOLDER = Path(__file__).parent / "static"


class _Forever(StaticFiles):
    """A versioned URL may be kept for a year; what is not there is refused like everywhere else."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            return await super().get_response(path, scope)
        except HTTPException as problem:
            refusal = refusals.METHOD if problem.status_code == 405 else refusals.NOT_FOUND
        reply = error_reply(refusal())
        response = Response(reply.body, reply.status)
        response.raw_headers += [*reply.headers, *([(b"allow", b"GET, HEAD")] if refusal is refusals.METHOD else [])]
        return response

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        scope: Scope = args[2]  # type: ignore[assignment]
        forever = b"v=" in scope["query_string"]
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if forever else "no-cache"
        response.headers["x-content-type-options"] = "nosniff"
        return response


def static_files() -> StaticFiles:
    """The ASGI application for `/static`."""
    return _Forever(directory=FOLDER)


@cache
def version(name: str) -> str:
    """A short digest of a static file."""
    return hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:12]
