"""For Starlette and FastAPI.

resource = ProtectedResource(issuer="https://login.example", audience="https://api.example")
token = await resource.authorize(request, scope="notes:read")          # in any endpoint
Token = Annotated[AccessToken, Depends(resource.requires("notes:read"))]   # in FastAPI
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pushgate.resource import core
from pushgate.resource.asgi import certificate_of, url_of
from pushgate.resource.refused import AccessRefused, Wanted
from pushgate.resource.token import AccessToken

__all__ = ["AccessToken", "ProtectedResource", "Refused", "refused_reply"]


class Refused(HTTPException):
    """AccessRefused as the framework's own exception: it is answered with the right status and headers as it is.

    `app.add_exception_handler(Refused, refused_reply)` makes the body an OAuth error too.
    """

    def __init__(self, why: AccessRefused) -> None:
        super().__init__(why.status, why.description, why.joined_headers)
        self.why = why


async def refused_reply(request: Request, error: Exception) -> Response:
    """An exception handler: the body is `{"error": ..., "error_description": ...}`, each challenge has its header."""
    assert isinstance(error, Refused)
    reply = JSONResponse(error.why.body, error.why.status)
    for name, value in error.why.headers:
        reply.headers.append(name, value)
    return reply


class ProtectedResource(core.ProtectedResource):
    """A ProtectedResource that takes Starlette's requests; FastAPI's are the same."""

    async def authorize(
        self,
        request: Request,
        *,
        scope: str | Iterable[str] = (),
        acr_values: str | Iterable[str] = (),
        max_age: int | None = None,
        certificate: bytes | str | None = None,
    ) -> AccessToken:
        """See `check`. Raises Refused. `certificate` where a proxy, and not the ASGI server, has it."""
        try:
            return await self.check(
                method=request.method,
                url=url_of(request.scope),
                headers=request.scope["headers"],
                certificate=certificate or certificate_of(request.scope),
                scope=scope,
                acr_values=acr_values,
                max_age=max_age,
            )
        except AccessRefused as why:
            raise Refused(why) from None

    def requires(
        self,
        scope: str | Iterable[str] = (),
        *,
        acr_values: str | Iterable[str] = (),
        max_age: int | None = None,
    ) -> Callable[[Request], Awaitable[AccessToken]]:
        """A dependency for FastAPI's `Depends` that gives the token. Raises ValueError, now, for a bad scope."""
        wanted = Wanted.of(scope, acr_values, max_age)

        async def access_token(request: Request) -> AccessToken:
            return await self.authorize(
                request, scope=wanted.scope, acr_values=wanted.acr_values, max_age=wanted.max_age
            )

        return access_token
