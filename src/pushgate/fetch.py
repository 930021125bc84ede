"""Guarded outbound HTTP: the only way Pushgate fetches, or posts to, a URL that somebody else chose.

Whoever registers a client chooses its `jwks_uri`, so they decide where this server connects: unguarded, that
reaches cloud metadata, databases and admin ports behind our firewall (server-side request forgery, CWE-918).
httpcore, the engine of httpx, is used directly: it reads no proxy or netrc from the environment, follows no
redirect, keeps no cookie and decodes no body, so none of that has to be remembered and switched off.
"""

import asyncio
import ipaddress
import json
import re
import socket
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from dataclasses import dataclass
from functools import cached_property, partial
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpcore
import httpx

from pushgate.public_address import Address, is_public

Resolver = Callable[[str], Awaitable[Sequence[str]]]  # name -> IP addresses as text; OSError: it has none

_MAX_DIALS = 3  # addresses of one name that are tried, each with an equal share of the deadline
# Printable ASCII (RFC 3986 2), an authority without userinfo, no fragment.
_URI = re.compile(r"(?=[!-~]{1,2048}\Z)[^:/?#]+://[^@/?#]+([/?][^#]*)?")
_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_NUMERIC = re.compile(r"(.*\.)?(\d+|0x[0-9a-f]*)")  # 127.1, 0x7f000001: addresses to the C library
_JSON = ("application/json", "application/jwk-set+json")
_HEADERS = {
    "Accept-Encoding": "identity",  # a compressed body could grow a thousandfold behind the size limit
    "Connection": "close",
    "User-Agent": "pushgate",
}
_FRESH = 300.0  # seconds a fetched document is served without asking again
_REFRESH = 30.0  # seconds between two refetches of one URL for an unknown `kid`
_FAILED = 10.0  # seconds a failure is remembered, so that a broken URL is not hammered
_STALE = 3600.0  # seconds a good document is still served while its URL fails


class FetchError(Exception):
    """A document was not fetched.

    `reason` is a stable slug: `url` (malformed, userinfo, fragment), `not_https`, `private_address`, `dns`,
    `network`, `tls`, `timeout`, `redirect`, `status`, `too_large`, `content` (encoding, JSON, media type, not
    ASCII) or `closed`.
    The message is for the log only: it can hold text that the other side chose.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason, self.message = reason, message


def parse_json(body: bytes) -> Any:
    """Strict JSON (RFC 8259, RFC 7493): UTF-8, no member name twice, no NaN, no lone surrogate.

    Two readers that differ on which of two equal names counts would differ on whose key is in force.
    Raises `FetchError("content")`.
    """
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_members)
        # Writing it again finds what the reader lets through: NaN, numbers past a double, lone surrogates.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (ValueError, RecursionError) as exc:
        raise FetchError("content", f"not strict JSON: {exc}") from exc
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object has two members of one name")
    return members


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _host(text: str) -> str:
    """A host in the one spelling we compare: lower case, no brackets. ValueError: not a name or address."""
    text = text.lower().removeprefix("[").removesuffix("]")
    address = _literal(text)
    if address is not None and "%" not in text:
        return str(address)
    if len(text) > 253 or not _NAME.fullmatch(text) or _NUMERIC.fullmatch(text):
        raise ValueError(f"{text!r} is not a host name or an IP address")
    return text


@contextmanager
def _told_apart(url: str) -> Iterator[None]:
    """What the engine raises, as a FetchError."""
    try:
        yield
    except (TimeoutError, httpcore.TimeoutException) as exc:
        raise FetchError("timeout", f"{url!r}: {exc!r}") from exc
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as exc:
        tls = isinstance(exc, ssl.SSLError) or isinstance(exc.__cause__, ssl.SSLError)
        raise FetchError("tls" if tls else "network", f"{url!r}: {exc!r}") from exc


class _Guard(httpcore.AsyncNetworkBackend):
    """One exchange's way out: resolve, check and connect as a single step.

    A name looked up once to be checked and again to connect can answer differently (DNS rebinding). Here the
    checked address is the one dialled; the certificate and the Host header are still about the name.
    """

    def __init__(self, fetcher: "Fetcher", opened: AsyncExitStack) -> None:
        self._fetcher, self._opened = fetcher, opened

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        addresses = (await self._checked(host))[:_MAX_DIALS]
        for address in addresses:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                share = self._fetcher.timeout / len(addresses)
                stream = await self._fetcher.dial.connect_tcp(str(address), port, share)
                # Ours to close: httpcore 1.0 forgets a socket whose TLS handshake is cancelled midway.
                self._opened.push_async_callback(stream.aclose)
                return stream
        raise httpcore.ConnectError(f"no answer from {', '.join(map(str, addresses))}")

    async def _checked(self, host: str) -> list[Address]:
        """The addresses of `host`. One that is not public condemns the name: attackers mix them."""
        if self._fetcher.closed:
            raise FetchError("closed", "the fetcher was closed")
        try:
            answer = [host] if _literal(host) else await self._fetcher.resolve(host)
            addresses = list(dict.fromkeys(map(ipaddress.ip_address, answer)))
            if not addresses:
                raise OSError("no address")
        except (OSError, ValueError) as exc:
            raise FetchError("dns", f"{host!r}: {exc}") from exc
        for address in addresses:
            # localhost is loopback whatever DNS says (RFC 6761 6.3): on that ground http passes for it.
            allowed = host in self._fetcher.allowed or is_public(address)
            if not allowed or (host == "localhost" and not address.is_loopback):
                raise FetchError("private_address", f"{host!r} is at {address}")
        return addresses


class Fetcher:
    """Fetches small documents from URLs that others chose. For one event loop; `aclose()` it.

    allow_hosts: names or IP literals that may be at non-public addresses (ValueError: neither); for these
    alone `http` passes, if the host is `localhost` or a loopback address. ca_file: PEM, trusted beside the
    system's and certifi's (OSError, ssl.SSLError). max_bytes: of one document. timeout: seconds for a whole
    exchange, from waiting for a slot to the last byte. concurrency: exchanges at a time, of which texts get
    half, and as many posts. resolver, dial: how names are looked up and sockets opened.
    """

    def __init__(
        self,
        *,
        allow_hosts: Collection[str] = (),
        ca_file: Path | None = None,
        max_bytes: int = 64 * 1024,
        timeout: float = 3.0,
        concurrency: int = 16,
        resolver: Resolver | None = None,
        dial: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self.allowed = frozenset(map(_host, allow_hosts))
        self.timeout = timeout
        self.resolve = resolver or self._look_up
        self.dial = dial or httpcore.AnyIOBackend()
        self._max_bytes = max_bytes
        if ca_file is not None:
            self._tls.load_verify_locations(ca_file)
        self._slots = asyncio.Semaphore(concurrency)
        # Any browser can have a text fetched: that must not hold up the keys that clients are known by.
        self._text_slots = asyncio.Semaphore(max(1, concurrency // 2))
        # Nor must the many clients that hear of one logout.
        self._post_slots = asyncio.Semaphore(concurrency)
        # A lookup cannot be cancelled: slow DNS must clog threads of our own, not the ones the loop shares.
        self._threads = ThreadPoolExecutor(concurrency, "pushgate-dns")
        self.closed = False

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Verifies chain and name. Made when first needed: the system's certificates take 40 ms to read."""
        context = httpcore.default_ssl_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # BCP 195, FAPI2-SP 5.2.1
        return context

    async def get_json(self, url: str) -> Any:
        """The JSON document at `url`, fetched now. Raises `FetchError` and nothing else."""
        # Key sets are published as anything, text/plain included, so what is asked for is not insisted on.
        return parse_json(await self._fetched(url, _JSON, nullcontext()))

    async def get_text(self, url: str, media_types: Sequence[str]) -> str:
        """The ASCII text at `url`, fetched now, if it comes as one of these media types (lower case).

        Raises `FetchError` and nothing else.
        """
        body = await self._fetched(url, media_types, self._text_slots, strict=True)
        try:
            return body.decode("ascii")
        except UnicodeDecodeError as exc:
            raise FetchError("content", f"{url!r}: {exc}") from exc

    async def _fetched(
        self, url: str, accept: Sequence[str], turn: AbstractAsyncContextManager[object], *, strict: bool = False
    ) -> bytes:
        """What is at `url`; `turn` is had before a slot is waited for, `strict` wants a media type of `accept`."""
        target = self._parse(url)
        with _told_apart(url):
            async with asyncio.timeout(self.timeout), turn, self._slots:
                return await self._exchange(target, accept, strict)

    async def post_form(self, url: str, fields: dict[str, str]) -> int:
        """The status that this form is answered with at `url`; the rest of the answer is not read.

        Its time begins when it has a slot: many that hang hold up the others, but fail none of them.
        Raises `FetchError` where no answer came, and nothing else.
        """
        target, body = self._parse(url), urlencode(fields).encode("ascii")
        headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", str(len(body)))]
        with _told_apart(url):
            async with (
                self._post_slots,
                asyncio.timeout(self.timeout),
                self._answer("POST", target, headers, body) as r,
            ):
                return r.status

    async def aclose(self) -> None:
        """Refuse further fetches; those under way end by their deadline."""
        self.closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _parse(self, url: str) -> httpx.URL:
        """The URL in the very form that is connected to: two parsers would be two opinions."""
        if not _URI.fullmatch(url):
            raise FetchError("url", f"{url[:2048]!r} is no URI, too long, or has userinfo or a fragment")
        try:
            parsed = httpx.URL(url)
            host = _host(parsed.raw_host.decode("ascii"))
        except (httpx.InvalidURL, ValueError) as exc:
            raise FetchError("url", f"{url!r}: {exc}") from exc
        if parsed.port is not None and not 0 < parsed.port < 65536:
            raise FetchError("url", f"{url!r} has no such port")
        literal = _literal(host)
        loopback = literal.is_loopback if literal else host == "localhost"
        if parsed.scheme != "https" and not (parsed.scheme == "http" and loopback and host in self.allowed):
            raise FetchError("not_https", f"{url!r} is not https")
        return parsed.copy_with(host=host)

    async def _exchange(self, url: httpx.URL, accept: Sequence[str], strict: bool) -> bytes:
        async with self._answer("GET", url, [("Accept", ", ".join(accept))]) as response:
            return await self._body(response, accept if strict else None)

    @asynccontextmanager
    async def _answer(
        self, method: str, url: httpx.URL, headers: list[tuple[str, str]], body: bytes | None = None
    ) -> AsyncIterator[httpcore.Response]:
        """What comes back, before its body is read."""
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        everything = [("Host", url.netloc.decode("ascii")), *headers, *_HEADERS.items()]
        async with AsyncExitStack() as opened:
            # A connection per exchange: no pool whose connections outlive the check or jam after a cancel.
            guard = _Guard(self, opened)
            connection = httpcore.AsyncHTTPConnection(target.origin, self._tls, network_backend=guard)
            async with connection.stream(method, target, headers=everything, content=body) as response:
                yield response

    async def _body(self, response: httpcore.Response, media_types: Sequence[str] | None) -> bytes:
        headers = {name.lower(): value for name, value in response.headers}
        if response.status != 200:
            # A redirect is not followed: the URL as registered is what somebody answers for.
            reason = "redirect" if 300 <= response.status < 400 else "status"
            raise FetchError(reason, f"status {response.status}")
        if b"content-encoding" in headers:
            raise FetchError("content", "the body is encoded although identity was asked for")
        media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")
        if media_types is not None and media_type not in media_types:
            raise FetchError("content", f"the media type is {media_type!r}")
        if int(headers.get(b"content-length", 0)) > self._max_bytes:
            raise FetchError("too_large", f"announced more than {self._max_bytes} bytes")
        body = bytearray()
        async for chunk in response.aiter_stream():
            body += chunk
            if len(body) > self._max_bytes:
                raise FetchError("too_large", f"sent more than {self._max_bytes} bytes")
        return bytes(body)

    async def _look_up(self, host: str) -> list[str]:
        ask = partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return [str(sockaddr[0]) for *_, sockaddr in found]


@dataclass(slots=True)
class _Entry:
    value: Any = None
    fetched_at: float = -inf
    failed_at: float = -inf
    refreshed_at: float = -inf
    failure: tuple[str, str] | None = None  # not the exception itself: that keeps its frames alive
    task: asyncio.Task[None] | None = None

    def serve(self, now: float) -> Any:
        if self.failure is None or _within(_STALE, self.fetched_at, now):
            return self.value
        raise FetchError(*self.failure)


def _within(seconds: float, moment: float, now: float) -> bool:
    return abs(now - moment) < seconds  # abs: a clock set back must not keep an old document fresh


class CachedJson:
    """Documents kept by URL, so that a client's key set is not fetched at every request.

    `now` is in seconds on any clock, always the same one. Served values are shared: do not change them.
    max_entries: URLs remembered; the one asked for least recently is forgotten first.
    """

    def __init__(self, fetcher: Fetcher, *, max_entries: int = 1000) -> None:
        self._fetcher, self._max_entries = fetcher, max_entries
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    async def get(self, url: str, *, now: float) -> Any:
        """The document, at most 5 minutes old, or up to an hour while its URL fails; else FetchError."""
        entry = self._entry(url)
        if not (_within(_FRESH, entry.fetched_at, now) or _within(_FAILED, entry.failed_at, now)):
            await self._fetch(url, entry, now)
        return entry.serve(now)

    async def refresh(self, url: str, *, now: float) -> Any | None:
        """For an unknown `kid` (RFC 7523 3): the document asked for anew, once per URL in 30 seconds.

        Otherwise, and on failure, what `get` would serve; None if there is nothing. No FetchError.
        """
        entry = self._entry(url)
        recent = _within(_REFRESH, entry.refreshed_at, now) or _within(_FAILED, entry.failed_at, now)
        if entry.task or not recent:  # one under way is newer than what the caller saw: join it
            entry.refreshed_at = now
            await self._fetch(url, entry, now)
        with suppress(FetchError):
            return entry.serve(now)
        return None

    def _entry(self, url: str) -> _Entry:
        entry = self._entries.setdefault(url, _Entry())
        self._entries.move_to_end(url)
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)
        return entry

    async def _fetch(self, url: str, entry: _Entry, now: float) -> None:
        """One fetch however many wait; a task of its own, so that one waiter's cancellation stops nobody."""
        if entry.task is None:
            entry.task = asyncio.create_task(self._run(url, entry, now))
        await asyncio.shield(entry.task)

    async def _run(self, url: str, entry: _Entry, now: float) -> None:
        try:
            entry.value, entry.fetched_at = await self._fetcher.get_json(url), now
            entry.failure, entry.failed_at = None, -inf
        except FetchError as exc:
            entry.failure, entry.failed_at = (exc.reason, exc.message), now
        finally:
            entry.task = None
