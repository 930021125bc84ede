"""docs/protect-an-api.md does what it says: its examples are APIs, called with tokens of a real server."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import django
import httpx
import pytest
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.urls import clear_url_caches, path, set_urlconf

from pushgate.refusals import REFUSALS
from pushgate.resource.starlette import Refused, refused_reply
from pushgate.testing import Running
from tests.support import certificates
from tests.support.live import Live
from tests.support.manifests import APP
from tests.support.proofs import ath, proof
from tests.support.resource import bound, made, parsed, proven

PAGE = (Path(__file__).parents[2] / "docs/protect-an-api.md").read_text()
API = "https://api.example"
NOW = cast(Running, SimpleNamespace(clock=time.time))
"""The clock of the real server, for proofs."""

if not settings.configured:
    settings.configure(
        ROOT_URLCONF="an_api_for_tests",
        ALLOWED_HOSTS=["api.example"],
        SECRET_KEY="s" * 50,
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
        MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"],
    )
    django.setup()


def example(heading: str, issuer: str, **more: str) -> dict[str, Any]:
    """The names that the example under this heading defines, with this issuer in place of its own."""
    [text] = re.findall(rf"^## {heading}$.*?^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    text = text.replace("https://login.example", issuer)
    for name, value in more.items():
        text = text.replace('audience="https://api.example"', f'audience="https://api.example", {name}={value}')
    names: dict[str, Any] = {"__name__": f"example_{heading}"}
    exec(text, names)
    return names


def urls_of(names: dict[str, Any]) -> None:
    """Make the views of an example the ones that Django serves."""
    module = ModuleType("an_api_for_tests")
    module.urlpatterns = [path("notes", names["notes"]), path("add", names["add_note"])]  # type: ignore[attr-defined]
    sys.modules["an_api_for_tests"] = module
    clear_url_caches()
    set_urlconf(None)


def django_asgi(names: dict[str, Any]) -> Any:
    """Django as an ASGI application with these views."""
    urls_of(names)
    return get_asgi_application()


APPS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "FastAPI": lambda names: names["app"],
    "Starlette": lambda names: names["app"],
    "Django": django_asgi,
}
EVERY_FRAMEWORK = pytest.mark.parametrize("framework", APPS)


def client_of(app: Any) -> httpx.AsyncClient:
    """A client of an API; the connection is told to be TLS, as behind a proxy."""
    headers = {"x-forwarded-proto": "https"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=API, headers=headers)


def token_of(live: Live, scope: str = "read", **headers: str) -> str:
    """An access token from the real server."""
    form = {"grant_type": "client_credentials", "scope": scope}
    reply = httpx.post(f"{live.url}/oauth2/token", auth=APP, data=form, headers=headers)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["access_token"])


def challenges_of(reply: httpx.Response) -> list[tuple[str, dict[str, str]]]:
    """The challenges of a reply, whether they came in one header or in several."""
    found: list[tuple[str, dict[str, str]]] = []
    for value in reply.headers.get_list("www-authenticate"):
        found += [parsed(challenge) for challenge in re.split(r", (?=(?:Bearer|DPoP) )", value)]
    return found


@EVERY_FRAMEWORK
async def test_the_example(live: Live, framework: str) -> None:
    app = APPS[framework](example(framework, live.url))
    async with client_of(app) as http:
        reply = await http.get("/notes", headers={"authorization": f"Bearer {token_of(live)}"})
        assert (reply.status_code, reply.json()) == (200, {"notes_of": "app"})

        nothing = await http.get("/notes")
        assert nothing.status_code == 401
        assert [scheme for scheme, _ in challenges_of(nothing)] == ["Bearer", "DPoP"]

        wrong = await http.get("/notes", headers={"authorization": f"Bearer {token_of(live, 'other')}"})
        assert (wrong.status_code, wrong.headers["pushgate-refusal"]) == (401, "resource.token_audience")
        assert challenges_of(wrong)[0][1]["error"] == "invalid_token"

        little = await http.get("/notes", headers={"authorization": f"Bearer {token_of(live, 'write')}"})
        assert (little.status_code, little.headers["pushgate-refusal"]) == (403, "resource.scope")
        [(scheme, told)] = challenges_of(little)
        assert (scheme, told["error"], told["scope"]) == ("Bearer", "insufficient_scope", "read")


@EVERY_FRAMEWORK
async def test_the_example_with_dpop(live: Live, framework: str) -> None:
    app = APPS[framework](example(framework, live.url))
    token = token_of(live, dpop=proof(NOW, htu=f"{live.url}/oauth2/token"))
    async with client_of(app) as http:

        async def call(sent: str) -> httpx.Response:
            return await http.get("/notes?page=1", headers={"authorization": f"DPoP {token}", "dpop": sent})

        good = proof(NOW, method="GET", htu=f"{API}/notes", ath=ath(token))
        assert (await call(good)).json() == {"notes_of": "app"}
        for sent, refusal in (
            (good, "dpop.replay"),
            (f"{good}, {good}", "dpop.twice"),
            (proof(NOW, method="GET", htu=f"{API}/other", ath=ath(token)), "dpop.htu"),
            (proof(NOW, method="POST", htu=f"{API}/notes", ath=ath(token)), "dpop.htm"),
        ):
            reply = await call(sent)
            assert (reply.status_code, reply.headers["pushgate-refusal"]) == (401, refusal)
            [(scheme, told)] = challenges_of(reply)
            assert (scheme, told["error"]) == ("DPoP", "invalid_dpop_proof")
        twice = [("authorization", f"DPoP {token}"), ("dpop", good), ("dpop", good)]
        assert (await http.get("/notes", headers=twice)).headers["pushgate-refusal"] == "dpop.twice"
        twice = [("authorization", f"Bearer {token}"), ("authorization", f"Bearer {token}")]
        assert (await http.get("/notes", headers=twice)).status_code == 400


async def test_synchronous_views_of_django(live: Live) -> None:
    """Under WSGI, which has no event loop; asynchronous views run there too. A form of another site opens nothing."""
    urls_of(example("Django", live.url))
    transport = httpx.WSGITransport(get_wsgi_application())
    good = {"authorization": f"Bearer {token_of(live, 'read write')}"}
    bad = {"authorization": f"Bearer {token_of(live)}"}

    def calls() -> list[tuple[int, Any]]:
        with httpx.Client(transport=transport, base_url=API) as http:
            replies = [http.post("/add", headers=headers) for headers in (good, bad, {})]
            replies += [http.get("/notes", headers=good)]
        return [(reply.status_code, reply.json()) for reply in replies]

    def refused(refusal: str) -> dict[str, str]:
        return {"error": REFUSALS[refusal].error.code, "error_description": REFUSALS[refusal].description}

    assert await asyncio.to_thread(calls) == [
        (201, {"noted_by": "app"}),
        (403, refused("resource.scope")),
        (401, refused("resource.token_missing")),
        (200, {"notes_of": "app"}),
    ]
    async with client_of(get_asgi_application()) as http:
        assert (await http.post("/add", headers=good)).status_code == 201


async def test_the_example_without_a_framework(live: Live) -> None:
    notes = example("Anything else", live.url)["notes"]
    good = await notes("GET", f"{API}/notes", {"authorization": f"Bearer {token_of(live)}"})
    assert good == (200, [], {"notes_of": "app"})
    status, headers, body = await notes("GET", f"{API}/notes", [])
    assert (status, body["error"]) == (401, "invalid_token")
    assert [name for name, _ in headers].count("WWW-Authenticate") == 2


async def test_the_test() -> None:
    test = example("Try it, and test it", "https://login.example")["test_a_robot_may_read"]
    await test()


@pytest.mark.parametrize("framework", ["FastAPI", "Starlette"])
async def test_the_body_can_be_an_oauth_error(live: Live, framework: str) -> None:
    app = APPS[framework](example(framework, live.url))
    app.add_exception_handler(Refused, refused_reply)
    async with client_of(app) as http:
        reply = await http.get("/notes")
    description = REFUSALS["resource.token_missing"].description
    assert reply.json() == {"error": "invalid_token", "error_description": description}
    assert len(reply.headers.get_list("www-authenticate")) == 2
    assert reply.headers["cache-control"] == "no-store"


# --- Certificates and addresses, with tokens made here ------------------------------------------------------


def keys_at_hand() -> dict[str, str]:
    """An argument that gives an example the keys of `made`."""
    from tests.support.assertions import public

    return {"keys": json.dumps(public("p256"))}


def over_tls(app: Any, certificate: str | None) -> Any:
    """The application behind a server that tells the client's certificate (ASGI extension `tls`)."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        chain = [] if certificate is None else [certificate]
        await app({**scope, "extensions": {"tls": {"client_cert_chain": chain}}}, receive, send)

    return wrapped


@EVERY_FRAMEWORK
async def test_a_token_that_is_bound_to_a_certificate(server: Running, framework: str) -> None:
    server.clock.now = time.time()
    app = APPS[framework](example(framework, "http://127.0.0.1:8080", **keys_at_hand()))
    own, other = certificates.client(), certificates.client()
    headers = {"authorization": f"Bearer {made(server, cnf={'x5t#S256': own.thumbprint})}"}
    for certificate, status in ((own.pem, 200), (other.pem, 401), (None, 401)):
        async with client_of(over_tls(app, certificate)) as http:
            assert (await http.get("/notes", headers=headers)).status_code == status


async def test_the_certificate_that_apache_tells_django(server: Running) -> None:
    server.clock.now = time.time()
    urls_of(example("Django", "http://127.0.0.1:8080", **keys_at_hand()))
    own = certificates.client()
    token = made(server, cnf={"x5t#S256": own.thumbprint})

    def call(**sent: str) -> int:
        def app(environ: dict[str, Any], start: Any) -> Any:
            return get_wsgi_application()({**environ, **sent}, start)

        headers = {"authorization": f"Bearer {token}", "ssl-client-cert": own.pem.replace("\n", " ")}
        with httpx.Client(transport=httpx.WSGITransport(app), base_url=API) as http:
            return http.get("/notes", headers=headers).status_code

    assert await asyncio.to_thread(call, SSL_CLIENT_CERT=own.pem) == 200
    assert await asyncio.to_thread(call, SSL_CLIENT_CERT="") == 401
    assert await asyncio.to_thread(call) == 401, "a header of the client counted as its certificate"


@EVERY_FRAMEWORK
async def test_behind_a_proxy(server: Running, framework: str) -> None:
    server.clock.now = time.time()
    names = example(framework, "http://127.0.0.1:8080", base_url='"https://public.example"', **keys_at_hand())
    async with client_of(APPS[framework](names)) as http:
        token = bound(server)
        outside = proven(server, token, htu="https://public.example/notes")
        assert (await http.get("/notes", headers=outside)).status_code == 200
        inside = proven(server, token, htu=f"{API}/notes")
        assert (await http.get("/notes", headers=inside)).headers["pushgate-refusal"] == "dpop.htu"


@pytest.mark.parametrize("framework", ["FastAPI", "Starlette"])
async def test_escapes_in_a_path_are_compared_as_they_were_sent(server: Running, framework: str) -> None:
    server.clock.now = time.time()
    names = example(framework, "http://127.0.0.1:8080", **keys_at_hand())
    app, resource = names["app"], names["resource"]
    seen = []

    async def any_path(request: Any) -> Any:
        from starlette.responses import JSONResponse

        seen.append((await resource.authorize(request)).sub)
        return JSONResponse({})

    app.add_route("/files/{name:path}", any_path)
    token = bound(server)
    async with client_of(app) as http:
        for sent, stated, status in (
            ("/files/a%2Fb", "/files/a%2Fb", 200),
            ("/files/a%2Fb", "/files/a/b", 401),
            ("/files/%C3%BC", "/files/%c3%bc", 200),
            ("/files/a~b", "/files/a%7Eb", 200),
        ):
            headers = proven(server, token, htu=API + stated)
            assert (await http.get(sent, headers=headers)).status_code == status, sent
    assert seen == ["alice"] * 3


def test_what_it_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", PAGE)
    assert links
    assert [link for link in links if not (Path(__file__).parents[2] / "docs" / link).exists()] == []
