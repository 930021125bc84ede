"""How operations are registered: the scope each needs, what its body and answer are, and its Idempotency-Key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import AfterValidator

from pushgate import refusals
from pushgate.endpoints.http import Request as Sent
from pushgate.errors import OAuthError
from pushgate.events import RequestRefused
from pushgate.manage.api.access import authorised, resource_of, url_of
from pushgate.manage.api.call import CALL, Call, nothing
from pushgate.manage.api.documents import raw_body
from pushgate.manage.api.once import Once
from pushgate.manage.api.problem import Failed, problem_of
from pushgate.manage.change import Forbidden, Refused
from pushgate.protocol.registration import Problem
from pushgate.resource import AccessRefused
from pushgate.store.durable.configuration import ChangedMeanwhile
from pushgate.store.ports import StoreUnavailable

EXPECTED = (
    Failed,
    AccessRefused,
    OAuthError,
    Refused,
    Forbidden,
    RequestValidationError,
    StoreUnavailable,
    ChangedMeanwhile,
)
SCHEME = "management"
ACCEPTS = "x-pushgate-idempotent"
Schema = dict[str, Any]


def call_of(request: Request) -> Call:
    """The call that an operation answers."""
    found: Call = request.scope[CALL]
    return found


def _decoded(value: str) -> str:
    """An identifier from the path; it is matched while percent-encoded, so that it may have any character."""
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        return "\ufffd"  # no identifier has it


Here = Annotated[Call, Depends(call_of)]
Id = Annotated[str, Path(min_length=1), AfterValidator(_decoded)]


class Guarded(APIRoute):
    """A route that is answered to whoever has its scope, and whose refusals are problem documents."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What runs: the body is read, then the token, then the Idempotency-Key, then the operation."""
        operation = super().get_route_handler()
        extra = self.openapi_extra or {}
        scope = extra["security"][0][SCHEME][0]

        async def handle(request: Request) -> Response:
            call = call_of(request)
            once: Once | None = None
            try:
                call.http, call.sent.endpoint = request, "management"
                # Before the token: whoever holds a body back may do what is allowed when it is there.
                call.body = await raw_body(request)
                ctx = await call.server.realm(call.realm)
                if ctx is None:
                    raise nothing("the realm")
                call.ctx = ctx
                url = url_of(call.ctx, call.raw_path)
                call.actor = await authorised(call.server, call.ctx, call.sent, url, scope)
                call.management = call.management.acting(call.actor)
                once = await Once.begin(call) if extra.get(ACCEPTS) else None
                reply = once.earlier if once is not None and once.earlier is not None else await operation(request)
            except EXPECTED as problem:
                reply = refusal_of(call, problem)
            if once is not None:
                await once.end(reply)
            nonce = resource_of(call.ctx, (call.ctx.realm.profile.algorithms, False)).fresh_nonce()
            if nonce is not None and "dpop-nonce" not in reply.headers:
                reply.headers["dpop-nonce"] = nonce
            return reply

        return handle


def refusal_of(call: Call, problem: Exception) -> Response:
    """A problem document, and its line in log and audit."""
    why = _as_refusal(problem)
    if isinstance(problem, StoreUnavailable):
        call.ctx.services.journal.fault("store_unavailable", call.realm, call.sent, problem)
    reply = problem_of(why, call.docs)
    emit(call, call.sent, why, reply)
    return reply


def emit(call: Call, sent: Sent, why: Failed | AccessRefused | OAuthError, reply: Response) -> None:
    """The event of a refusal; what is not there is not worth one."""
    refusal = reply.headers["pushgate-refusal"]
    if refusal == refusals.MANAGEMENT_NOTHING.id:
        return
    error = why.error if isinstance(why, Failed) else why
    code = error.error if isinstance(error, AccessRefused) else error.code
    known, detail = sent.claimed_client, error.detail or None
    call.ctx.emit(RequestRefused("management", refusal, code, reply.status_code, known, detail=detail), sent)


def _as_refusal(problem: Exception) -> Failed | AccessRefused | OAuthError:
    if isinstance(problem, Refused):
        return Failed(refusals.MANAGEMENT_INVALID, problem.problems)
    if isinstance(problem, Forbidden):
        missing = [Problem("scope", f"{scope} is needed") for scope in sorted(problem.missing)]
        return Failed(refusals.MANAGEMENT_POWER, missing)
    if isinstance(problem, StoreUnavailable | ChangedMeanwhile):
        return refusals.UNAVAILABLE()
    if isinstance(problem, RequestValidationError):
        found = [Problem(str(one["loc"][-1]), one["msg"]) for one in problem.errors()]
        return Failed(refusals.MANAGEMENT_QUERY, found)
    assert isinstance(problem, Failed | AccessRefused | OAuthError)
    return problem


def operation(
    router: APIRouter,
    method: str,
    path: str,
    scope: str,
    *,
    status: int = 200,
    body: str | None = None,
    optional_body: bool = False,
    shows: str | None = None,
    lists: str | None = None,
    filters: tuple[str, ...] = (),
) -> Callable[[Callable[..., Awaitable[Response]]], Callable[..., Awaitable[Response]]]:
    """Register an operation. `body`, `shows` (one thing) and `lists` name schemas of openapi.py."""
    extra: dict[str, Any] = {"security": [{SCHEME: [scope]}], "parameters": _parameters(method, shows, filters)}
    if method == "POST":
        extra[ACCEPTS] = True
    if body is not None:
        content = {"application/json": {"schema": _ref(body)}}
        extra["requestBody"] = {"required": not optional_body, "content": content}
    if shows is not None or lists is not None:
        schema = _ref(shows) if shows is not None else _listing(lists or "")
        extra["responses"] = {str(status): {"content": {"application/json": {"schema": schema}}}}

    def register(function: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
        summary, _, more = (function.__doc__ or "").strip().partition("\n")
        router.add_api_route(
            path, function, methods=[method], status_code=status, response_model=None, openapi_extra=extra,
            summary=summary, description=more.strip() or summary, response_class=Response,
            operation_id=function.__name__,
        )  # fmt: skip
        return function

    return register


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _listing(name: str) -> Schema:
    whole = {"type": "object", "required": ["start", "limit", "length", "total"]}
    return {"anyOf": [{"type": "array", "items": _ref(name)}, whole]}


def _parameters(method: str, shows: str | None, filters: tuple[str, ...]) -> list[Schema]:
    text = {"type": "string"}
    found = [{"name": name, "in": "query", "required": False, "schema": text} for name in filters]
    if method in ("PATCH", "PUT", "DELETE") and shows != "":
        found.append({"name": "If-Match", "in": "header", "required": False, "schema": text})
    if method == "POST":
        limits = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
        found.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": limits})
    return found
