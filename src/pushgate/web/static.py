"""Static files, with names that change when their content does."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"


class _Forever(StaticFiles):
    """A versioned URL may be kept for a year."""

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
