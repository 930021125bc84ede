"""The steps of a flow, one function each, so that a test can say which one is different this time."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from joserfc import jws, jwt
from joserfc.jwk import KeySet

from pushgate.refusals import REFUSALS
from pushgate.store.transient.marks import unpacked
from pushgate.testing import BASE_URL, Browser, Running
from tests.support.manifests import APP_SECRET, REQUEST, VERIFIER

AUTHORIZE, PAR, TOKEN, USERINFO = "/oauth2/authorize", "/oauth2/par", "/oauth2/token", "/oauth2/userinfo"
PUBLIC = frozenset({"spa"})
FORM = {"content-type": "application/x-www-form-urlencoded"}

HYBRID = {**REQUEST, "redirect_uri": "https://hybrid.example/cb"}
"""A valid request of the client `hybrid`."""
SPA = {**REQUEST, "redirect_uri": "https://spa.example/cb", "scope": "openid profile"}
"""A valid request of the public client `spa`."""

VERIFIER_FORM = {"grant_type": "authorization_code", "code_verifier": VERIFIER}
"""What a redemption has beside the code and its redirect URI."""

Request = dict[str, str]


def but(request: Request, /, **changes: str | None) -> Request:
    """The same request, but with these parameters; None leaves one out."""
    return {name: value for name, value in {**request, **changes}.items() if value is not None}


async def post_as(server: Running, client_id: str, path: str, form: Request) -> httpx.Response:
    """Send a form to a machine endpoint as this client: with its secret, or by name if it has none."""
    if client_id in PUBLIC:
        return await server.http.post(path, data={"client_id": client_id, **form})
    return await server.http.post(path, auth=(client_id, APP_SECRET), data=form)


async def ask(
    server: Running, request: Request, client_id: str = "app", *, push: bool = False, browser: Browser | None = None
) -> Browser:
    """Bring the request to the authorization endpoint, pushed or in the URL; a fresh browser unless given one."""
    browser = browser or server.browser()
    if not push:
        return await browser.open(AUTHORIZE, params={"client_id": client_id, **request})
    reply = await post_as(server, client_id, PAR, request)
    assert reply.status_code == 201, reply.text
    return await browser.open(AUTHORIZE, params={"client_id": client_id, "request_uri": reply.json()["request_uri"]})


async def post_ask(browser: Browser, form: Request, params: Request | None = None) -> Browser:
    """Send the browser to the authorization endpoint with a form, as a page of the client can."""
    return await browser._follow(await browser.http.post(AUTHORIZE, data=form, params=params))


async def agree(browser: Browser, username: str = "alice") -> Browser:
    """Sign in and consent, as far as the pages ask for it."""
    if at(browser, "login"):
        await browser.sign_in(username, f"{username}-password")
    return await browser.allow() if at(browser, "consent") else browser


def at(browser: Browser, page: str) -> bool:
    """Whether the browser stands at the login or the consent page."""
    return browser.page is not None and f"/oauth2/{page}/" in browser.page.url.path and browser.page.status_code == 200


async def answered(
    server: Running,
    request: Request = REQUEST,
    client_id: str = "app",
    *,
    push: bool = False,
    browser: Browser | None = None,
    username: str = "alice",
) -> Browser:
    """The whole way to the authorization response."""
    return await agree(await ask(server, request, client_id, push=push, browser=browser), username)


async def code_for(server: Running, request: Request = REQUEST, client_id: str = "app", **kwargs: Any) -> str:
    """A fresh authorization code."""
    return (await answered(server, request, client_id, **kwargs)).answer["code"]


async def redeem(server: Running, code: str | None, client_id: str = "app", **changes: str | None) -> httpx.Response:
    """Redeem a code with the redirect URI and verifier of the client's valid request, unless changed."""
    redirect_uri = {"app": REQUEST, "hybrid": HYBRID, "spa": SPA}.get(client_id, REQUEST)["redirect_uri"]
    form = {"grant_type": "authorization_code", "redirect_uri": redirect_uri, "code_verifier": VERIFIER}
    return await post_as(server, client_id, TOKEN, but(form, code=code, **changes))


async def tokens_for(
    server: Running, request: Request = REQUEST, client_id: str = "app", **kwargs: Any
) -> dict[str, Any]:
    """The token response for a fresh grant."""
    reply = await redeem(server, await code_for(server, request, client_id, **kwargs), client_id)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def refresh(server: Running, token: str | None, client_id: str = "app", **more: str | None) -> httpx.Response:
    """Use a refresh token."""
    form = but({"grant_type": "refresh_token"}, refresh_token=token, **more)
    return await post_as(server, client_id, TOKEN, form)


async def userinfo(server: Running, token: str) -> httpx.Response:
    """Use an access token at the UserInfo endpoint."""
    return await server.http.get(USERINFO, headers={"authorization": f"Bearer {token}"})


async def verified(server: Running, token: str, alg: str = "RS256") -> dict[str, Any]:
    """The claims of a JWT, verified with the published keys by another library than the product's own code."""
    keys = KeySet.import_key_set((await server.http.get("/oauth2/jwks")).json())
    return jwt.decode(token, keys, algorithms=[alg]).claims


def header(token: str) -> dict[str, Any]:
    """The header of a JWT."""
    found: dict[str, Any] = jws.extract_compact(token.encode()).headers()
    return found


# --- What a refusal looks like ------------------------------------------------------------------------


def refused(reply: httpx.Response, status: int, error: str, refusal: str) -> None:
    """A machine endpoint said no: JSON, not cacheable, with code and refusal ID. RFC 6749 5.2."""
    assert (reply.status_code, reply.headers.get("pushgate-refusal")) == (status, refusal), reply.text
    assert reply.headers["content-type"] == "application/json"
    assert "no-store" in reply.headers["cache-control"]
    assert reply.json() == {"error": error, "error_description": REFUSALS[refusal].description}


def shown(reply: httpx.Response | None, status: int, error: str, refusal: str) -> None:
    """A page said no, and sent the browser nowhere. RFC 6749 3.1.2.4."""
    assert reply is not None, "the browser was sent away"
    assert (reply.status_code, reply.headers.get("pushgate-refusal")) == (status, refusal), reply.text
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "location" not in reply.headers
    assert f">{error}<" in reply.text
    assert f">{refusal}<" in reply.text


def told(
    browser: Browser, request: Request, error: str, refusal: str, *, carrier: str = "query", iss: str = BASE_URL
) -> None:
    """The client was told no at its redirect URI, with state and iss. RFC 6749 4.1.2.1, RFC 9207 2."""
    expected = {"error": error, "error_description": REFUSALS[refusal].description, "iss": iss}
    assert answer_in(browser, carrier, request["redirect_uri"]) == expected | (
        {"state": request["state"]} if "state" in request else {}
    )


def answer_in(browser: Browser, carrier: str, redirect_uri: str) -> Request:
    """The authorization response, if it came at this redirect URI in this carrier and in no other."""
    if carrier == "form_post":
        assert browser.page is not None, browser.landed
        assert (browser.page.status_code, browser.form().action) == (200, redirect_uri)
        return dict(browser.form().fields)
    assert browser.landed is not None, browser.page and browser.page.text
    parts = urlsplit(browser.landed)
    assert parts._replace(query="", fragment="").geturl() == redirect_uri
    other = {"query": parts.fragment, "fragment": parts.query}[carrier]
    assert other == ""
    found = parse_qs(getattr(parts, carrier), keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}


async def not_accepted(
    server: Running,
    request: Request,
    error: str,
    refusal: str,
    *,
    push: bool,
    client_id: str = "app",
    carrier: str = "query",
) -> None:
    """The client is told so, in JSON or at its redirect URI, and nothing is kept of the request."""
    if push:
        refused(await post_as(server, client_id, PAR, request), 400, error, refusal)
    else:
        told(await ask(server, request, client_id), request, error, refusal, carrier=carrier)
    assert stored(server) == 0


def stored(server: Running, kind: str = "par") -> int:
    """How many rows of a kind the transient store holds."""
    query = "SELECT count(*) FROM transient WHERE kind = ?"
    return int(server.transient._connection.execute(query, (kind,)).fetchone()[0])


def used(server: Running) -> int:
    """How many marks the transient store holds: jti of assertions and proofs that were used."""
    rows = server.transient._connection.execute("SELECT numbers FROM mark_sets").fetchall()
    return sum(len(unpacked(numbers)) for [numbers] in rows)


async def revoked(server: Running) -> list[str]:
    """Why grants were revoked, newest first."""
    return [row["reason"] for row in await server.audit("grant_revoked")]


def form_bytes(*pairs: tuple[str, str]) -> bytes:
    """A form in which a name may be there twice."""
    return urlencode(pairs).encode()
