"""A web application that signs people in, with pushed authorization requests.

What the client has to remember between the push and the answer (`Pushed`) is kept on the server, under the
value of a cookie; the browser never sees state, nonce or verifier apart from what the protocol shows it.
Run it beside `pushgate demo` and open http://127.0.0.1:8090/
"""

from __future__ import annotations

import secrets
from html import escape
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from pushgate.client import ClientError, PushClient, Pushed

ISSUER = "http://127.0.0.1:8080"
CLIENT_ID = "sample-app"
CLIENT_SECRET = "sample-secret-for-demo"
PORT = 8090
CALLBACK = f"http://127.0.0.1:{PORT}/callback"
COOKIE = "web-app"

client = PushClient(ISSUER, CLIENT_ID, client_secret=CLIENT_SECRET)
waiting: dict[str, Pushed] = {}  # in a real application: the session store, with an expiry
users: dict[str, dict[str, Any]] = {}


async def home(request: Request) -> Response:
    """Who is signed in, or the way to sign in."""
    user = users.get(request.cookies.get(COOKIE, ""))
    if user is None:
        return HTMLResponse('<p>Nobody is signed in. <a href="/login">Sign in</a></p>')
    # People may allow less than was asked for.
    name, email = user.get("name", user["sub"]), user.get("email", "no address")
    return HTMLResponse(f"<p>Hello {escape(name)} ({escape(email)})</p>")


async def login(request: Request) -> Response:
    """Push the request, remember it under a new cookie, and send the browser to the server."""
    pushed = await client.push(redirect_uri=CALLBACK, scope="openid profile email")
    session = secrets.token_urlsafe(32)
    waiting[session] = pushed
    return _with_session(RedirectResponse(pushed.authorization_url, 303), session)


async def callback(request: Request) -> Response:
    """The browser is back. Whoever has no request waiting, or brings another's answer, gets nothing."""
    pushed = waiting.pop(request.cookies.get(COOKIE, ""), None)
    if pushed is None:
        return HTMLResponse('<p>No sign-in is waiting. <a href="/login">Start one</a></p>', 400)
    try:
        tokens = await client.exchange(pushed, str(request.url))
        user = await client.userinfo(tokens)
    except ClientError as problem:
        return HTMLResponse(f'<p>{escape(str(problem))}. <a href="/login">Try again</a></p>', 400)
    session = secrets.token_urlsafe(32)  # a new one, so that nobody who knew the old one is signed in too
    users[session] = user
    return _with_session(RedirectResponse("/", 303), session)


def _with_session(response: Response, session: str) -> Response:
    response.set_cookie(COOKIE, session, httponly=True, samesite="lax")
    response.headers["cache-control"] = "no-store"
    return response


app = Starlette(routes=[Route("/", home), Route("/login", login), Route("/callback", callback)])

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT)
