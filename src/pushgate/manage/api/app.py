"""The FastAPI application: its routers, what is said of paths that are not there, and the pages about it."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from pushgate import refusals
from pushgate.errors import OAuthError
from pushgate.manage.api import clients, grants, journeys, keys, logs, resources, settings, users, vendors
from pushgate.manage.api.call import CALL, Call
from pushgate.manage.api.openapi import described
from pushgate.manage.api.operation import Guarded, emit
from pushgate.manage.api.page import page
from pushgate.manage.api.problem import NO_STORE, Failed, problem_of

TITLE = "Pushgate management API"
PROTECTION = {
    **NO_STORE,
    "content-security-policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}


def application() -> FastAPI:
    """The API of every realm; the realm of a call is in its scope. Nothing redirects."""
    app = FastAPI(title=TITLE, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    routers: list[APIRouter] = []
    for module in (clients, settings, users, grants, resources, journeys, keys, logs):
        router = APIRouter(route_class=Guarded, prefix="/api/v2", redirect_slashes=False)
        module.register(router)
        routers.append(router)
    routers.append(APIRouter(route_class=Guarded, redirect_slashes=False, include_in_schema=False))
    vendors.register(routers[-1])
    for router in routers:
        app.include_router(router)
    app.add_api_route("/api/v2/openapi.json", _document, include_in_schema=False)
    app.add_api_route("/api/v2/docs", _page, include_in_schema=False)
    app.add_exception_handler(HTTPException, _not_routed)
    app.add_exception_handler(Exception, _failed)
    app.state.routers = routers
    return app


async def _document(request: Request) -> Response:
    """The OpenAPI document, with the realm's own URLs."""
    call: Call = request.scope[CALL]
    document = described(request.app, call.ctx.realm.issuer)
    return Response(msgspec.json.encode(document), 200, NO_STORE, media_type="application/json")


async def _page(request: Request) -> Response:
    """The same for people: made here, and loading nothing from anywhere else."""
    call: Call = request.scope[CALL]
    issuer = call.ctx.realm.issuer
    return Response(page(described(request.app, issuer), issuer), 200, PROTECTION, media_type="text/html")


async def _not_routed(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    call: Call = request.scope[CALL]
    why: Failed | OAuthError = Failed(refusals.MANAGEMENT_NOTHING)
    if problem.status_code == 405:
        allowed = ", ".join(sorted(_allowed(request)))
        why = Failed(refusals.METHOD, headers={"allow": allowed})
    reply = problem_of(why, call.docs)
    emit(call, call.sent, why, reply)
    return reply


def _allowed(request: Request) -> set[str]:
    """Every method of the path: several routes may share it."""
    routers: list[APIRouter] = request.app.state.routers
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    found = {m for route in routes if route.path_regex.match(request.scope["path"]) for m in route.methods or ()}
    return (found or {"GET"}) | ({"HEAD"} if "GET" in found or not found else set())


async def _failed(request: Request, problem: Exception) -> Response:
    """A bug: logged once, and told in the API's own form."""
    call: Call = request.scope[CALL]
    call.ctx.services.journal.fault("fault", call.realm, call.sent, problem)
    return problem_of(refusals.SERVER_ERROR(), call.docs)
