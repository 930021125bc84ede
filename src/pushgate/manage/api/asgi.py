"""The API as an ASGI application: the realm is found, and FastAPI routes what is below it."""

from __future__ import annotations

from functools import cached_property

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pushgate import refusals
from pushgate.endpoints.context import Context
from pushgate.endpoints.http import Request
from pushgate.errors import OAuthError
from pushgate.manage.api.call import CALL, Call
from pushgate.manage.api.places import Place
from pushgate.manage.api.problem import problem_of
from pushgate.manage.service import Management
from pushgate.realm import DEFAULT_REALM
from pushgate.server import AuthorizationServer
from pushgate.store.ports import StoreUnavailable


class ManagementApi:
    """One application for the APIs of all realms; it is made when the first call comes."""

    def __init__(self, server: AuthorizationServer, management: Management) -> None:
        self._server = server
        self._management = management

    @cached_property
    def _app(self) -> ASGIApp:
        from pushgate.manage.api.app import application  # FastAPI takes its time: only who is managed waits for it

        return application()

    async def __call__(self, scope: Scope, receive: Receive, send: Send, request: Request, place: Place) -> None:
        """Answer a call; whatever happens, in the API's own form."""
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            if scope["method"] == "HEAD" and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            ctx = await realm_of(self._server, place, request)
            if ctx is None:
                await problem_of(refusals.NOT_FOUND("unknown realm"), self._docs)(scope, receive, sending)
                return
            raw = scope.get("raw_path") or scope["path"].encode()
            call = Call(self._server, ctx, request, self._management, raw.decode("latin-1"))
            await self._app(self._below(scope, place, call), receive, sending)
        except Exception as problem:
            if started:  # it was told, and logged, by the application
                return
            await problem_of(self._fault(place, request, problem), self._docs)(scope, receive, sending)

    def _below(self, scope: Scope, place: Place, call: Call) -> Scope:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        return {
            **scope,
            "path": place.path,
            "raw_path": place.path.encode(),
            "root_path": "",
            "method": method,
            CALL: call,
        }

    def _fault(self, place: Place, request: Request, problem: Exception) -> OAuthError:
        if isinstance(problem, StoreUnavailable):
            self._server.journal.fault("store_unavailable", place.realm, request, problem)
            return refusals.UNAVAILABLE()
        self._server.journal.fault("fault", place.realm, request, problem)
        return refusals.SERVER_ERROR()

    @property
    def _docs(self) -> str:
        return f"{self._server.base_url}/api/v2/docs"


async def realm_of(server: AuthorizationServer, place: Place, request: Request) -> Context | None:
    """The realm of a call, or None: the one that its path names, or its host; at a realm's own host no other."""
    bound, name = server.snapshot.bound(request.header(b"host")), place.realm
    if bound is not None and bound != name:
        if name != DEFAULT_REALM:
            return None
        name = bound
    return server.snapshot.loaded(name) or await server.realm(name)
