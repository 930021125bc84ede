"""How requests reach the machine endpoints: methods, paths, content types, bodies and their size."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from pushgate.testing import Running
from tests.support import steps
from tests.support.live import Live
from tests.support.manifests import APP, APP_SECRET, REQUEST

FORM = "application/x-www-form-urlencoded"
BODY = urlencode(REQUEST).encode()
LIMIT = 64 * 1024
FOREVER = 2**40


async def push(server: Running, content: bytes = BODY, content_type: str | None = FORM, **how: Any) -> httpx.Response:
    headers = how.pop("headers", {}) | ({} if content_type is None else {"content-type": content_type})
    return await server.http.post(
        how.pop("url", "/oauth2/par"), **{"auth": APP} | how, content=content, headers=headers
    )


async def refused(server: Running, reply: httpx.Response, status: int, code: str, refusal: str) -> None:
    """The reply says so, and nothing was stored."""
    steps.refused(reply, status, code, refusal)
    assert await server.transient.purge(FOREVER) == 0


# --- Methods and paths --------------------------------------------------------------------------------------


@pytest.mark.requirement("PAR-2.3-6", "VEN-T-3")
@pytest.mark.parametrize("path", ["/oauth2/par", "/oauth2/par/", "/oauth2/token", "/oauth2/token/"])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
async def test_a_method_other_than_post_is_refused(server: Running, method: str, path: str) -> None:
    reply = await server.http.request(method, path, auth=APP, params=REQUEST, headers={"accept": "text/html"})
    await refused(server, reply, 405, "invalid_request", "http.method")
    assert reply.headers["allow"] == "POST"


@pytest.mark.requirement("PAR-2.3-6")
async def test_head_is_refused_without_a_body(server: Running) -> None:
    reply = await server.http.head("/oauth2/par", auth=APP, params=REQUEST)
    assert (reply.status_code, reply.headers["allow"], reply.content) == (405, "POST", b"")
    assert reply.headers["pushgate-refusal"] == "http.method"
    assert await server.transient.purge(FOREVER) == 0


@pytest.mark.requirement("VEN-T-3")
async def test_a_trailing_slash_gives_the_same_answer(server: Running) -> None:
    for url in ("/oauth2/par/", "/oauth2/par"):
        reply = await push(server, url=url)
        assert (reply.status_code, reply.json()["expires_in"]) == (201, 60)
    for path in ("/.well-known/openid-configuration", "/oauth2/jwks"):
        assert (await server.http.get(f"{path}/")).json() == (await server.http.get(path)).json()
    page = await server.http.get("/oauth2/authorize/", params=REQUEST | {"client_id": "app"})
    assert page.status_code == 303
    assert "/login/" in page.headers["location"]


@pytest.mark.requirement("VEN-T-3")
async def test_a_refusal_is_the_same_with_a_trailing_slash(server: Running) -> None:
    replies = [await push(server, b"scope=x", url=url) for url in ("/oauth2/par", "/oauth2/par/")]
    assert replies[0].content == replies[1].content
    await refused(server, replies[1], 400, "invalid_request", "request.response_type_missing")


# --- Content types ------------------------------------------------------------------------------------------


@pytest.mark.requirement("PAR-2-2", "VEN-T-4")
@pytest.mark.parametrize(
    "content_type",
    [
        FORM,
        f"{FORM};charset=UTF-8",
        f"{FORM}; charset=utf-8",
        f'{FORM} ; charset="UTF-8"',
        "Application/X-WWW-Form-URLEncoded",
        f"{FORM};",
    ],
)
async def test_a_form_is_read_with_or_without_charset(server: Running, content_type: str) -> None:
    assert (await push(server, content_type=content_type)).status_code == 201


@pytest.mark.requirement("PAR-2-2", "VEN-T-4")
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/json",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/xml",
        "application/jwt",
        f"{FORM}x",
        f"text/html, {FORM}",
    ],
)
async def test_a_body_of_another_type_is_refused(server: Running, content_type: str | None) -> None:
    await refused(server, await push(server, content_type=content_type), 415, "invalid_request", "http.content_type")


@pytest.mark.requirement("PAR-2-2", "VEN-T-4")
@pytest.mark.parametrize("path", ["/oauth2/par", "/oauth2/token"])
@pytest.mark.parametrize("body", [{"json": REQUEST}, {"files": {name: (None, v) for name, v in REQUEST.items()}}])
async def test_json_and_multipart_bodies_are_refused(server: Running, path: str, body: dict[str, Any]) -> None:
    reply = await server.http.post(path, auth=APP, **body)
    await refused(server, reply, 415, "invalid_request", "http.content_type")


@pytest.mark.requirement("PAR-2-2")
@pytest.mark.parametrize("content_type", [None, FORM])
async def test_parameters_in_the_url_are_not_read(server: Running, content_type: str | None) -> None:
    reply = await push(server, b"", content_type, params=REQUEST)
    await refused(server, reply, 400, "invalid_request", "request.response_type_missing")


async def test_credentials_in_the_url_are_not_read(server: Running) -> None:
    query = {"client_id": "post", "client_secret": "post-secret-of-at-least-22-characters"}
    reply = await push(server, params=query, auth=None)
    await refused(server, reply, 401, "invalid_client", "client.missing")


@pytest.mark.requirement("VEN-T-4")
async def test_a_post_without_body_and_type_is_an_empty_form(server: Running) -> None:
    await refused(server, await push(server, b"", None, auth=None), 401, "invalid_client", "client.missing")


# --- Bodies as curl sends them ------------------------------------------------------------------------------

AUTH0_CLIENT = f"""
realms:
  - name: default
    clients:
      - client_id: YOUR_CLIENT_ID
        client_secret: {APP_SECRET}
        token_endpoint_auth_method: client_secret_post
        redirect_uris: [https://your-app.com/callback]
        scope: openid profile email
"""
AUTH0_BODY = (
    f"client_id=YOUR_CLIENT_ID&client_secret={APP_SECRET}&response_type=code"
    "&redirect_uri=https://your-app.com/callback&scope=openid profile email&state=xyzABC123"
    "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
)


@pytest.mark.requirement("VEN-T-5")
@pytest.mark.parametrize("encoded", [False, True])
async def test_raw_spaces_colons_and_slashes_parse_like_their_encoded_forms(server: Running, encoded: bool) -> None:
    await server.apply(AUTH0_CLIENT)
    fields = [field.split("=", 1) for field in AUTH0_BODY.split("&")]
    body = urlencode([(name, value) for name, value in fields]) if encoded else AUTH0_BODY
    assert (" " in body, "://" in body) == (not encoded, not encoded)
    reply = await push(server, body.encode(), auth=None, headers={"authorization": "Bearer <ACCESS_TOKEN>"})
    assert reply.status_code == 201
    browser = server.browser()
    params = {"client_id": "YOUR_CLIENT_ID", "request_uri": reply.json()["request_uri"]}
    await browser.open("/oauth2/authorize", params=params)
    await browser.sign_in()
    assert [value for name, value in browser.form().fields if name == "scope"] == ["openid", "profile", "email"]
    await browser.allow()
    assert browser.landed is not None
    assert browser.landed.startswith("https://your-app.com/callback?code=")
    assert browser.answer["state"] == "xyzABC123"


# --- Size ---------------------------------------------------------------------------------------------------


def padded(size: int) -> bytes:
    """A valid push of exactly so many bytes."""
    return BODY + b"&padding=" + b"x" * (size - len(BODY) - 9)


@pytest.mark.requirement("PAR-2.3-7", "VEN-T-6")
async def test_a_body_at_the_limit_is_read_and_one_byte_more_is_not(server: Running) -> None:
    assert len(padded(LIMIT)) == LIMIT
    assert (await push(server, padded(LIMIT))).status_code == 201
    assert await server.transient.purge(FOREVER) == 1
    await refused(server, await push(server, padded(LIMIT + 1)), 413, "invalid_request", "http.body_size")


@pytest.mark.requirement("PAR-2.3-7", "VEN-T-6")
@pytest.mark.parametrize("body", [b"\xff" * (LIMIT + 1), b"a=1&" * 20_000, b"scope=1&scope=2&" + b"x" * LIMIT])
async def test_a_body_over_the_limit_is_not_parsed(server: Running, body: bytes) -> None:
    for content_type in (FORM, "application/json"):
        reply = await push(server, body, content_type, auth=("app", "wrong-secret-of-at-least-22-characters"))
        await refused(server, reply, 413, "invalid_request", "http.body_size")


def pushes(live: Live) -> int:
    """How many pushed requests the running server holds."""
    (path,) = (live.folder / "pushgate-data").glob("*-transient.db")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM transient WHERE kind = 'par'").fetchone()[0])


def chunks(body: bytes, size: int = 4096) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.requirement("PAR-2.3-7", "VEN-T-6")
@pytest.mark.parametrize("chunked", [False, True])
def test_the_limit_holds_over_http_also_for_chunked_bodies(live: Live, chunked: bool) -> None:
    before = pushes(live)
    for size, status in ((LIMIT, 201), (LIMIT + 1, 413), (LIMIT * 20, 413)):
        content = chunks(padded(size)) if chunked else padded(size)
        reply = httpx.post(f"{live.url}/oauth2/par", auth=APP, content=content, headers={"content-type": FORM})
        sent = reply.request.headers
        assert ("transfer-encoding" in sent, "content-length" in sent) == (chunked, not chunked)
        assert reply.status_code == status
        if status == 413:
            assert reply.json()["error"] == "invalid_request"
            assert reply.headers["pushgate-refusal"] == "http.body_size"
    assert pushes(live) == before + 1
