"""Keep what an HTTP client sends and gets, to be shown."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its reply; the body is read."""

    request: httpx.Request
    reply: httpx.Response

    @property
    def path(self) -> str:
        """Where the request went."""
        return self.request.url.path


@dataclass
class Recorder:
    """What went over the wire since somebody last looked."""

    _kept: list[Exchange] = field(default_factory=list)

    def client(self, *, cookies: bool = False) -> httpx.AsyncClient:
        """An HTTP client whose exchanges are kept; it follows no redirects."""
        jar = CookieJar() if cookies else CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        return httpx.AsyncClient(event_hooks={"response": [self._keep]}, cookies=jar, verify=_trust())

    def take(self) -> list[Exchange]:
        """What was kept; it is kept no longer."""
        kept, self._kept = self._kept, []
        return kept

    async def _keep(self, reply: httpx.Response) -> None:
        await reply.aread()
        self._kept.append(Exchange(reply.request, reply))


@cache
def _trust() -> ssl.SSLContext:
    """Loaded once: it takes longer than the whole flow."""
    return httpx.create_ssl_context()
