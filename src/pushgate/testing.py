"""For your tests: a whole authorization server in this process, a clock you can turn, a browser without a screen.

    async with pushgate.testing.running(MANIFEST) as server:
        reply = await server.http.post("/oauth2/par", auth=("app", SECRET), data={...})

Nothing is faked: the stores are SQLite in memory, pages and tokens are the real ones. Only two things
are cheaper than in production: signing keys are made once per process, and passwords are hashed with
few rounds.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
from argon2 import PasswordHasher

from pushgate.directory import Directory
from pushgate.directory.local import LocalDirectory
from pushgate.fetch import Fetcher
from pushgate.jose.keys import make_key
from pushgate.jose.seal import Seal
from pushgate.manage.manifest import Applier, parse
from pushgate.manage.service import Change, Management
from pushgate.model import StoredKey
from pushgate.server import AuthorizationServer
from pushgate.store.durable.engine import SqliteEngine
from pushgate.store.durable.migrate import upgrade
from pushgate.store.transient.sqlite import SqliteTransient
from pushgate.web.asgi import Application

BASE_URL = "http://127.0.0.1:8080"
PEER = "127.0.0.1"
"""The address that requests come from."""
SECRET_KEY = "a secret key that is used in tests and nowhere else"

_cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@cache
def _key(alg: str, seal: Seal) -> StoredKey:
    return make_key(alg, seal, int(time.time()))


@cache
def _seal() -> Seal:
    return Seal(SECRET_KEY)


class FrozenClock:
    """Seconds since the epoch, standing still until told otherwise."""

    def __init__(self, now: float | None = None) -> None:
        self.now = float(int(time.time())) if now is None else now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@dataclass
class Running:
    """A server in this process."""

    server: AuthorizationServer
    management: Management
    engine: SqliteEngine
    transient: SqliteTransient
    clock: FrozenClock
    app: Application
    http: httpx.AsyncClient
    """Talks to the server as a client does; keeps no cookies, follows no redirects."""

    async def apply(self, manifest: str) -> list[Change]:
        """Apply a manifest (text); in force when this returns. Raises BadManifest."""
        changes = await Applier(self.management).apply([parse(manifest, "manifest")])
        await self.server.snapshot.refresh()
        return changes

    async def audit(self, event: str | None = None, realm: str = "default") -> list[dict[str, Any]]:
        """The audit trail, newest first; only `event` if named."""
        from pushgate.store.durable.audit import Audit

        await self.server.journal.flush()
        rows = await Audit(self.engine).recent(realm)
        return [row for row in rows if event in (None, row["event"])]

    def browser(self) -> Browser:
        """A fresh browser."""
        return Browser(httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=self.server.base_url))


@cache
def _empty() -> bytes:
    """A database with nothing but the schema: the migrations run once in a process."""
    engine = SqliteEngine(None)
    try:
        engine.migrate(upgrade)
        return engine.image()
    finally:
        engine.close()


@asynccontextmanager
async def running(
    manifest: str = "realms: [{name: default}]",
    *,
    base_url: str = BASE_URL,
    clock: FrozenClock | None = None,
    directory: Directory | None = None,
    directory_timeout: float = 10,
    fetcher: Fetcher | None = None,
    client_cert_header: str | None = None,
    mtls_base_url: str | None = None,
    sample_resource: bool = False,
) -> AsyncIterator[Running]:
    """Start a server with what the manifest says.

    With `client_cert_header` a request to `http` that has this header comes with the client certificate in it, as
    if by a proxy that is trusted.
    """
    clock = clock or FrozenClock()
    seal = _seal()
    engine = SqliteEngine(None)
    engine.restore(_empty())
    transient = SqliteTransient(None, clock)
    management = Management(
        engine, seal, clock, make_key=lambda alg, seal, now: _key(alg, seal), hash_password=_cheap.hash,
        fetcher=fetcher, base_url=base_url, mtls_base_url=mtls_base_url,
    )  # fmt: skip
    server = AuthorizationServer(
        base_url=base_url,
        engine=engine,
        transient=transient,
        seal=seal,
        directory=directory or LocalDirectory(engine, hash_password=_cheap.hash),
        directory_timeout=directory_timeout,
        fetcher=fetcher,
        clock=clock,
        client_certificates=client_cert_header is not None,
        mtls_base_url=mtls_base_url,
        sample_resource=sample_resource,
    )
    await management.ensure_default_realm()
    proxies = () if client_cert_header is None else (PEER,)
    app = Application(server, trusted_proxies=proxies, client_cert_header=client_cert_header)
    await server.start()
    transport = httpx.ASGITransport(app, client=(PEER, 123))
    try:
        async with httpx.AsyncClient(transport=transport, base_url=base_url, cookies=_no_cookies()) as http:
            found = Running(server, management, engine, transient, clock, app, http)
            await found.apply(manifest)
            yield found
    finally:
        await server.stop()
        await transient.aclose()
        await engine.aclose()


def _no_cookies() -> Any:
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


# --- A browser without a screen -----------------------------------------------------------------------


@dataclass
class Form:
    """A form as a person who changes nothing would send it; `fields` are hidden inputs and ticked boxes."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(found.get("action", "")))
        elif tag == "input" and self.forms and "name" in found:
            kind = found.get("type", "text")
            if kind == "hidden" or (kind == "checkbox" and "checked" in found) or kind in ("text", "password"):
                self.forms[-1].fields.append((found["name"], found.get("value", "")))
        elif tag == "button" and self.forms and "id" in found:
            self.forms[-1].buttons[found["id"]] = (found.get("name", ""), found.get("value", ""))


@dataclass
class Browser:
    """Follows redirects within the server, fills in forms, and stops at the client's redirect URI."""

    http: httpx.AsyncClient
    page: httpx.Response | None = None
    """The page on the screen."""
    landed: str | None = None
    """The URL outside the server that the browser was sent to."""

    async def open(self, url: str, **kwargs: Any) -> Browser:
        """Go to a URL; relative ones are the server's."""
        return await self._follow(await self.http.get(url, **kwargs))

    async def submit(self, button: str, **values: str | list[str]) -> Browser:
        """Press the button with this id, with `values` typed or ticked in place of what is there."""
        form = self.form(button)
        name, value = form.buttons[button]
        data: dict[str, Any] = {}
        for field_name, field_value in form.fields:
            data.setdefault(field_name, []).append(field_value)
        data |= values
        if name:
            data[name] = value
        assert self.page is not None
        return await self._follow(await self.http.post(urljoin(str(self.page.url), form.action), data=data))

    async def sign_in(self, username: str = "alice", password: str = "alice-password") -> Browser:  # noqa: S107
        """Fill in the login page."""
        return await self.submit("login-submit", username=username, password=password)

    async def allow(self) -> Browser:
        """Agree on the consent page."""
        return await self.submit("consent-allow")

    async def deny(self) -> Browser:
        """Refuse on the consent page."""
        return await self.submit("consent-deny")

    def form(self, button: str | None = None) -> Form:
        """The first form of the page, or the one with this button."""
        assert self.page is not None, f"no page: the browser landed at {self.landed}"
        parser = _Forms()
        parser.feed(self.page.text)
        return next(form for form in parser.forms if button is None or button in form.buttons)

    @property
    def answer(self) -> dict[str, str]:
        """The authorization response the browser carries: query, fragment, or the fields of a form post."""
        if self.landed is not None:
            parts = urlsplit(self.landed)
            members = parse_qs(parts.fragment or parts.query, keep_blank_values=True)
            return {name: values[0] for name, values in members.items()}
        return dict(self.form().fields)

    async def _follow(self, response: httpx.Response) -> Browser:
        own = str(self.http.base_url).rstrip("/") + "/"
        while response.is_redirect:
            target = urljoin(str(response.url), response.headers["location"])
            if not target.startswith(own):
                self.landed, self.page = target, None
                return self
            response = await self.http.get(target)
        self.page, self.landed = response, None
        return self
