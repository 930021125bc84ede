"""The ASGI application: read the request, find realm and route, answer, and turn refusals into replies."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pushgate import refusals
from pushgate.endpoints.context import Context
from pushgate.endpoints.http import NO_STORE, Reply, Request, error_reply
from pushgate.endpoints.in_step import Convoys, in_step
from pushgate.errors import OAuthError
from pushgate.events import RequestRefused
from pushgate.manage.api import ManagementApi, find_call
from pushgate.manage.api import Place as ApiPlace
from pushgate.manage.service import Management
from pushgate.protocol import dpop
from pushgate.realm import DEFAULT_REALM
from pushgate.store.ports import StoreUnavailable
from pushgate.web import cors
from pushgate.web.addresses import client_address
from pushgate.web.call import Call
from pushgate.web.client_certificate import certificate_of
from pushgate.web.pages import Pages
from pushgate.web.routes import Place, Route, find_place, route_of
from pushgate.web.static import static_files

if TYPE_CHECKING:
    from pushgate.server import AuthorizationServer


MAX_CLAIM = 200  # characters of a claimed client_id that are worth logging
QUERY_LIMIT = 32 * 1024  # bytes; a longer request belongs into a push


class Application:
    """The server behind an ASGI server. `mounts` are other applications by path prefix.

    `trusted_proxies` are addresses whose X-Forwarded-For counts, and their header `client_cert_header`, in which
    they pass on the certificates of clients.
    """

    def __init__(
        self,
        server: AuthorizationServer,
        *,
        mounts: Mapping[str, ASGIApp] | None = None,
        trusted_proxies: tuple[str, ...] = (),
        client_cert_header: str | None = None,
    ) -> None:
        self.server = server
        self.mounts: dict[str, ASGIApp] = {"/static": static_files(), **(mounts or {})}
        self._proxies = frozenset(trusted_proxies)
        self._certificate_header = None if client_cert_header is None else client_cert_header.lower().encode("ascii")
        self._root = urlsplit(server.base_url).path
        self.pages = Pages(self._root)
        self.management = Management(
            server.engine,
            server.services.seal,
            server.clock,
            fetcher=server.fetcher,
            changed=server.snapshot.refresh,
            base_url=server.base_url,
            mtls_base_url=server.mtls_base_url,
        )
        self.api = ManagementApi(server, self.management)
        self._mount_points = tuple(f"{self._root}{prefix}" for prefix in self.mounts)
        self._convoys = Convoys()
        self._ids = map("{}-{:x}".format, itertools.repeat(secrets.token_hex(5)), itertools.count(1))
        self._hsts = (
            (b"strict-transport-security", b"max-age=31536000") if server.base_url.startswith("https:") else None
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            mounted = self._mounted(scope)
            if mounted is not None:
                await mounted(scope, receive, send)
            else:
                await self._http(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.server.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.server.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _mounted(self, scope: Scope) -> ASGIApp | None:
        path: str = scope["path"]
        if not path.startswith(self._mount_points):
            return None
        for prefix, app in self.mounts.items():
            below = f"{self._root}{prefix}"
            if path == below or path.startswith(f"{below}/"):
                scope["root_path"] = scope.get("root_path", "") + below
                return app
        return None

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        request = Request(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"],
            headers=headers,
            body=b"",
            address=client_address(scope, headers, self._proxies),
            id=next(self._ids),
        )
        if self.server.client_certificates:
            request.certificate = partial(
                certificate_of, scope, headers, header=self._certificate_header, proxies=self._proxies
            )
        place = find_call(request.path, scope.get("raw_path"), self._root)
        if place is not None:
            await self._managed(scope, receive, send, request, place)
            return
        reply = await self.answer(request, receive)
        await in_step()
        out = [*reply.headers, (b"x-request-id", request.id.encode())]
        if reply.status != 204:  # which has no content at all (RFC 9110 8.6)
            out.append((b"content-length", b"%d" % len(reply.body)))
        if self._hsts is not None:
            out.append(self._hsts)
        await send({"type": "http.response.start", "status": reply.status, "headers": out})
        body = b"" if request.method == "HEAD" else reply.body
        await send({"type": "http.response.body", "body": body})

    async def _managed(self, scope: Scope, receive: Receive, send: Send, request: Request, place: ApiPlace) -> None:
        """A call of the management API, which is an application of its own."""
        also = [(b"x-request-id", request.id.encode()), *([] if self._hsts is None else [self._hsts])]

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *also]}
            await send(message)

        await self.api(scope, receive, sending, request, place)

    async def answer(self, request: Request, receive: Receive) -> Reply:
        """Route a request; whatever happens, there is a reply of the right kind."""
        place = find_place(request.path, self._root)
        route = None if place is None else route_of(place)
        if place is not None and route is not None:
            place = self._by_host(place, route, request)
        if route is not None and route.sample and not self.server.sample_resource:
            route = None
        realm = "" if place is None else place.realm
        request.endpoint = route.name if route is not None else "unknown"
        try:
            if place is None or route is None:
                raise refusals.NOT_FOUND()
            reply = await self._routed(request, receive, place, route)
        except OAuthError as error:
            reply = self._refused(request, realm, route, error)
        except StoreUnavailable as problem:
            self.server.journal.fault("store_unavailable", realm, request, problem)
            reply = self._refused(request, realm, route, refusals.UNAVAILABLE())
        except Exception as problem:
            self.server.journal.fault("fault", realm, request, problem)
            reply = self._refused(request, realm, route, refusals.SERVER_ERROR())
        if route is not None and route.cors and request.method != "OPTIONS" and request.header(b"origin") is not None:
            cors.allow(reply, await self._allowed_origin(request, realm, route))
        return reply

    def _by_host(self, place: Place, route: Route, request: Request) -> Place | None:
        """On a host that a realm has to itself, there is no other realm."""
        if not self.server.snapshot.hosts:
            return place
        bound = self.server.snapshot.bound(request.header(b"host"))
        if bound is None or route.server_wide is not None or place.realm == bound:
            return place
        return replace(place, realm=bound) if place.realm == DEFAULT_REALM else None

    def _elsewhere(self, ctx: Context, request: Request) -> bool:
        """A person came by path to a realm that has a host of its own: its pages and cookies are there."""
        return ctx.realm.issuer.host is not None and self.server.snapshot.bound(request.header(b"host")) is None

    async def _allowed_origin(self, request: Request, realm: str, route: Route) -> bytes | None:
        """The web origin that may read the reply, errors included; none if the store cannot say."""
        try:
            ctx = await self.server.realm(realm)
            return None if ctx is None else await cors.allowed_origin(self.server, ctx, route, request)
        except StoreUnavailable:
            return None

    async def _routed(self, request: Request, receive: Receive, place: Place, route: Route) -> Reply:
        if route.server_wide is not None:
            return await route.server_wide(self.server, request)
        ctx = await self._in_force(place)
        if request.method == "OPTIONS" and route.cors:
            return cors.preflight(await cors.allowed_origin(self.server, ctx, route, request), route.methods)
        if request.method not in route.methods and not (request.method == "HEAD" and route.takes_head):
            raise refusals.METHOD()
        if len(request.query) > QUERY_LIMIT:
            raise refusals.URI_SIZE()
        if request.method in ("POST", "PUT"):
            request.body = await read_body(request, receive, ctx.realm.dialect.body_limit)
        await self._convoys.next()
        # Whoever holds a body back is answered by what holds when it is there.
        if self.server.snapshot.loaded(place.realm) is not ctx:
            ctx = await self._in_force(place)
        if route.machine is not None:
            return await route.machine(ctx, request)
        if route.page is not None and self._elsewhere(ctx, request):
            query = f"?{request.query.decode('ascii', 'ignore')}" if request.query else ""
            target = f"{ctx.realm.issuer.root}{place.path}{place.rest}{query}"
            return Reply(307, b"", [(b"location", target.encode("latin-1")), *NO_STORE])
        call = Call(ctx, request, self.pages, place.rest, management=self.management)
        if route.managing is not None:
            return await route.managing(call)
        assert route.page is not None
        return await route.page(call)

    async def _in_force(self, place: Place) -> Context:
        """The realm as it is now. Raises NotFound."""
        ctx = self.server.snapshot.loaded(place.realm) or await self.server.realm(place.realm)
        if ctx is None:
            raise refusals.NOT_FOUND("unknown realm")
        if place.dialects is not None and ctx.realm.dialect.name not in place.dialects:
            raise refusals.NOT_FOUND("a path of another product")
        return ctx

    def _refused(self, request: Request, realm: str, route: Route | None, error: OAuthError) -> Reply:
        if error.refusal not in (refusals.NOT_FOUND, refusals.PREFETCH):
            event = RequestRefused(
                endpoint=request.endpoint,
                refusal=error.refusal.id,
                error=error.code,
                status=error.status,
                client_id=request.claimed_client and request.claimed_client[:MAX_CLAIM],
                correlation_id=request.correlation_id,
                detail=error.detail or None,
            )
            self.server.journal.emit(event, realm, request)
        machine = route.page is None if route is not None else "text/html" not in (request.header(b"accept") or "")
        reply = self._told(error, realm) if machine else self._page(error, request, realm)
        if error.refusal is refusals.METHOD and route is not None:
            reply.headers.append((b"allow", ", ".join(route.methods).encode()))
        return reply

    def _page(self, error: OAuthError, request: Request, realm: str) -> Reply:
        return self.pages.error(error, request, realm, self.server.snapshot.loaded(realm))

    def _told(self, error: OAuthError, realm: str) -> Reply:
        """The JSON form, with the DPoP algorithms of the client, or those of the realm's metadata. RFC 9449 7.1."""
        if error.dpop_algs is not None:
            return error_reply(error, realm, error.dpop_algs)
        ctx = self.server.snapshot.loaded(realm)
        algs = dpop.ALGS if ctx is None else dpop.algs_within(ctx.realm.profile.algorithms)
        return error_reply(error, realm, algs)


async def read_body(request: Request, receive: Receive, limit: int) -> bytes:
    """The body, up to the limit; a longer one is not parsed (413)."""
    declared = request.header(b"content-length")
    if declared is not None and declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
        raise refusals.BODY_SIZE()
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise refusals.UNAVAILABLE("the client went away")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise refusals.BODY_SIZE()
        chunks.append(chunk)
        if not message.get("more_body"):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
