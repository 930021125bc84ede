"""The playground: the sample application in a browser, one press of a button for each step of the flow."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.types import Receive, Scope, Send

from pushgate import refusals
from pushgate.client import BadAuthorizationResponse, ClientError, PushClient, Pushed, Tokens
from pushgate.demo.record import Recorder
from pushgate.demo.sample import CLIENT_ID, CLIENT_SECRET, PASSWORD, SCOPE, USERNAME, Sample
from pushgate.demo.steps import BACK, GO, PUSH, REDEEM, STEPS, Step
from pushgate.demo.wire import json_text, reply_text, request_text
from pushgate.dialects import RFC9126
from pushgate.endpoints.http import Reply, Request, set_cookie
from pushgate.errors import OAuthError
from pushgate.web.asgi import read_body
from pushgate.web.languages import N_
from pushgate.web.pages import Pages, redirect

COOKIE = "pushgate-playground"
BROWSERS = 200  # remembered at a time; the one that was away longest is forgotten first
ROOT = "/playground/"


@dataclass
class Visitor:
    """What the application remembers of one browser: how far it is, and what it has in its hands."""

    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    at: int = PUSH
    wires: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Request and reply of a step, as text."""
    problem: str = ""
    """What went wrong in the step that the visitor is at; `reason` is put into it."""
    reason: str = ""
    over: bool = False
    """The problem cannot be mended: only a new beginning helps."""
    pushed: Pushed | None = None
    answer: str = ""
    """The URL that the browser came back to."""
    tokens: Tokens | None = None
    claims: dict[str, Any] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def request(self) -> Pushed:
        """The pushed request; there is one from the second step on."""
        assert self.pushed is not None
        return self.pushed


class Visitors:
    """The browsers that are here, by the value of their cookie; bounded."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Visitor] = OrderedDict()

    def find(self, cookie: str | None) -> Visitor | None:
        """A browser that was here before."""
        if cookie is None or cookie not in self._known:
            return None
        self._known.move_to_end(cookie)
        return self._known[cookie]

    def welcome(self) -> tuple[str, Visitor]:
        """A new browser, and the value of its cookie."""
        cookie, visitor = secrets.token_urlsafe(32), Visitor()
        self._known[cookie] = visitor
        while len(self._known) > BROWSERS:
            self._known.popitem(last=False)
        return cookie, visitor

    def forget(self, cookie: str | None) -> None:
        """Begin anew."""
        self._known.pop(cookie or "", None)


class SampleApp:
    """The application's side of each step: talks to the server, and writes down what it sent and got."""

    def __init__(self, sample: Sample, visitor: Visitor, recorder: Recorder, http: httpx.AsyncClient) -> None:
        self._sample = sample
        self._visitor = visitor
        self._recorder = recorder
        self._http = http
        self._client = PushClient(sample.base_url, CLIENT_ID, client_secret=CLIENT_SECRET, http=http)

    async def push(self) -> None:
        """Push the request; `prompt` so that the consent page is there each time, even for who agreed before."""
        visitor, callback = self._visitor, self._sample.playground_callback
        visitor.pushed = await self._client.push(redirect_uri=callback, scope=SCOPE, prompt="consent")
        visitor.wires[GO] = (request_text(httpx.Request("GET", visitor.pushed.authorization_url)), "")

    async def come_back(self) -> None:
        """Check what the browser brought."""
        await self._client.authorization_code(self._visitor.request, self._visitor.answer)

    async def redeem(self) -> None:
        """Redeem the code."""
        self._visitor.tokens = await self._client.exchange(self._visitor.request, self._visitor.answer)

    async def userinfo(self) -> None:
        """Ask for the claims."""
        assert self._visitor.tokens is not None
        self._visitor.claims = await self._client.userinfo(self._visitor.tokens)

    async def again(self) -> None:
        """Use the reference a second time, as a stranger would: without the browser's cookies."""
        await self._http.get(self._visitor.request.authorization_url, headers={"accept": "text/html"})

    def write_down(self, path: str) -> None:
        """Keep the exchange at this path as the text of the step."""
        for exchange in self._recorder.take():
            if exchange.path == path:
                reply = reply_text(exchange.reply)
                if self._visitor.at == REDEEM and self._visitor.tokens is not None:
                    reply += f"\n\nThe ID Token in it, verified and decoded:\n{json_text(self._visitor.tokens.claims)}"
                self._visitor.wires[self._visitor.at] = (request_text(exchange.request), reply)


class Playground:
    """An ASGI application below /playground/; it talks to the server over HTTP like any other client."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self._pages = Pages()
        self._visitors = Visitors()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"],
            headers=scope["headers"],
            body=b"",
            address="",
            id=f"playground-{secrets.token_hex(4)}",
        )
        try:
            if request.method == "POST":
                request.body = await read_body(request, receive, RFC9126.body_limit)
            reply = await self._answer(request)
        except OAuthError as error:
            reply = self._pages.error(error, request, "")
        headers = [*reply.headers, (b"content-length", b"%d" % len(reply.body)), (b"x-request-id", request.id.encode())]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else reply.body})

    async def _answer(self, request: Request) -> Reply:
        """Raises OAuthError for the page."""
        cookie = request.cookies().get(COOKIE)
        visitor = self._visitors.find(cookie)
        place = request.path.removeprefix(ROOT)
        if request.method == "POST":
            return await self._pressed(place, visitor, request)
        if request.method not in ("GET", "HEAD"):
            raise refusals.METHOD()
        if "prefetch" in (request.header(b"sec-purpose") or ""):
            raise refusals.PREFETCH()
        if place == "callback":
            return await self._came_back(visitor, request)
        if place == "reset":
            self._visitors.forget(cookie)
            return redirect(ROOT)
        if request.path == ROOT.rstrip("/"):
            return redirect(ROOT)
        if place:
            raise refusals.NOT_FOUND()
        if visitor is not None:
            return self._page(visitor, request)
        cookie, visitor = self._visitors.welcome()
        return self._page(visitor, request).with_cookie(set_cookie(COOKIE, cookie, secure=False))

    async def _pressed(self, place: str, visitor: Visitor | None, request: Request) -> Reply:
        """A button: carry out its step if it is that step's turn, then show the page. Raises OAuthError."""
        if place not in {step.action for step in STEPS if step.action}:
            raise refusals.NOT_FOUND()
        if visitor is None:
            return redirect(ROOT)
        if not hmac.compare_digest(request.form().get("csrf", "").encode(), visitor.csrf.encode()):
            raise refusals.CSRF()
        async with visitor.lock:
            if not visitor.over and visitor.at < len(STEPS) and STEPS[visitor.at].action == place:
                await self._take(visitor, place)
        return _show(visitor)

    async def _came_back(self, visitor: Visitor | None, request: Request) -> Reply:
        """The browser is back from the server; its answer leaves the address bar at once."""
        if visitor is None:
            return redirect(ROOT)
        async with visitor.lock:
            if not visitor.over and visitor.at == GO:
                visitor.at = BACK
                visitor.answer = f"{self._sample.playground_callback}?{request.query.decode('latin-1')}"
                visitor.wires[BACK] = (request_text(httpx.Request("GET", visitor.answer)), "")
                await self._take(visitor, "come_back")
        return _show(visitor)

    async def _take(self, visitor: Visitor, name: str) -> None:
        """Take the step the visitor is at; one further if it went well."""
        recorder = Recorder()
        async with recorder.client() as http:
            app = SampleApp(self._sample, visitor, recorder, http)
            acts: dict[str, tuple[Callable[[], Awaitable[None]], str]] = {
                "push": (app.push, "/oauth2/par"),
                "come_back": (app.come_back, ""),
                "redeem": (app.redeem, "/oauth2/token"),
                "userinfo": (app.userinfo, "/oauth2/userinfo"),
                "again": (app.again, "/oauth2/authorize"),
            }
            act, path = acts[name]
            visitor.problem = visitor.reason = ""
            try:
                await act()
            except BadAuthorizationResponse as problem:
                # Somebody else's answer must not end this run: the true one may still come.
                visitor.at, visitor.reason = GO, str(problem)
                visitor.problem = N_("The browser brought an answer that was dropped: %(reason)s.")
                return
            except (ClientError, httpx.HTTPError) as problem:
                visitor.over, visitor.reason = True, str(problem) or type(problem).__name__
                visitor.problem = N_("This step failed: %(reason)s.")
            app.write_down(path)
            visitor.at += not visitor.over

    def _page(self, visitor: Visitor, request: Request) -> Reply:
        claims = visitor.claims or (visitor.tokens.claims if visitor.tokens is not None else None)
        return self._pages.page(
            "playground.html",
            request,
            None,
            steps=[_described(visitor, number, step) for number, step in enumerate(STEPS)],
            action=_next(visitor),
            reset_url=f"{ROOT}reset" if visitor.at > PUSH and not visitor.over else None,
            user=claims,
            person={"username": USERNAME, "password": PASSWORD},
            csrf=visitor.csrf,
        )


def _show(visitor: Visitor) -> Reply:
    """The page, at the step that was taken last, so that its reply is on the screen with the next button."""
    taken = visitor.at + 1 if visitor.over or visitor.at == PUSH else visitor.at
    return redirect(f"{ROOT}#step-{taken}")


def _described(visitor: Visitor, number: int, step: Step) -> dict[str, str]:
    """A step for the template."""
    current = number == visitor.at
    request, reply = visitor.wires.get(number, ("", "")) if number <= visitor.at else ("", "")
    return {
        "title": step.title,
        "text": step.text,
        "problem": visitor.problem if current else "",
        "reason": visitor.reason,
        "request": request,
        "reply": reply,
        "status": "done" if number < visitor.at else "current" if current else "todo",
    }


def _next(visitor: Visitor) -> dict[str, Any] | None:
    """What there is to press."""
    if visitor.over:
        return {"label": N_("Start again"), "href": f"{ROOT}reset", "post": False, "url": None}
    if visitor.at == GO:
        return {"label": STEPS[GO].button, "href": visitor.request.authorization_url, "post": False, "url": None}
    if visitor.at < len(STEPS):
        step = STEPS[visitor.at]
        return {"label": step.button, "href": None, "post": True, "url": f"{ROOT}{step.action}"}
    return None
