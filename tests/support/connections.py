"""Plain HTTP/1.1 connections for races: a request is held back by its last byte until all are ready."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

PATIENCE = 30  # seconds until every worker answers: they do not start at the same moment


class Broken(Exception):
    """The connection ended in the middle of an answer."""


class Gone(Exception):
    """The connection ended, and no part of an answer came."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        """The header fields; of several with one name, the last."""
        return dict(self.fields)

    @property
    def json(self) -> dict[str, Any]:
        """The body as JSON."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def worker(self) -> str:
        """Which process answered: request ids begin alike in one process."""
        return self.headers["x-request-id"].partition("-")[0]

    @property
    def refusal(self) -> str | None:
        """The refusal ID, if it is one."""
        return self.headers.get("pushgate-refusal")


@dataclass
class Connection:
    """One kept-alive connection."""

    host: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    held: bytes = field(default=b"")

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect to a server."""
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        return cls(parts.netloc, reader, writer)

    async def begin(self, request: bytes) -> None:
        """Send all but the last byte: the server waits."""
        self.writer.write(request[:-1])
        self.held = request[-1:]
        await self.writer.drain()

    def finish(self) -> None:
        """Send the last byte."""
        self.writer.write(self.held)

    async def answer(self) -> Answer:
        """Read one reply. Raises Gone or Broken if the server closed the connection instead."""
        head = b""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").splitlines()
            named = (line.partition(":") for line in lines if line)
            fields = [(name.lower(), value.strip()) for name, _, value in named]
            length = "0" if first.split()[1] == "204" else dict(fields)["content-length"]
            body = await self.reader.readexactly(int(length))
        except (asyncio.IncompleteReadError, ConnectionError) as problem:
            part = head or getattr(problem, "partial", b"")
            raise (Broken(part) if part else Gone) from problem
        return Answer(int(first.split()[1]), fields, body)

    async def ask(self, request: bytes) -> Answer:
        """Send a request and read its reply."""
        self.writer.write(request)
        return await self.answer()

    def close(self) -> None:
        """Hang up."""
        self.writer.close()

    def get(self, path: str, query: dict[str, str] | None = None, **headers: str) -> bytes:
        """A GET request."""
        target = path + (f"?{urlencode(query)}" if query else "")
        return self._head("GET", target, headers) + b"\r\n"

    def post(self, path: str, form: dict[str, str], **headers: str) -> bytes:
        """A POST request with a form."""
        body = urlencode(form).encode()
        headers |= {"content_type": "application/x-www-form-urlencoded", "content_length": str(len(body))}
        return self._head("POST", path, headers) + b"\r\n" + body

    def _head(self, method: str, target: str, headers: dict[str, str]) -> bytes:
        lines = [f"{method} {target} HTTP/1.1", f"host: {self.host}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return "".join(f"{line}\r\n" for line in lines).encode()


async def across_workers(url: str, each: int, workers: int) -> list[Connection]:
    """Connections to a server with several workers, `each` of them at every worker."""
    found: dict[str, list[Connection]] = {}
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        connection = await Connection.open(url)
        worker = (await connection.ask(connection.get("/healthz"))).worker
        if len(found.setdefault(worker, [])) < each:
            found[worker].append(connection)
        else:
            connection.close()
        if len(found) == workers and all(len(those) == each for those in found.values()):
            return [connection for row in zip(*found.values(), strict=True) for connection in row]
    raise RuntimeError(f"in {PATIENCE} seconds not every worker was reached {each} times")


async def volley(connections: list[Connection], requests: list[bytes]) -> list[Answer]:
    """Send one request on each connection so that all arrive complete at the same moment."""
    await asyncio.gather(*(c.begin(request) for c, request in zip(connections, requests, strict=True)))
    for connection in connections:
        connection.finish()
    return list(await asyncio.gather(*(connection.answer() for connection in connections)))


@dataclass
class Load:
    """The same request again and again on several connections, until the server goes away."""

    connections: list[Connection]
    answers: list[Answer] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    _grown: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, path: str, form: dict[str, str], **headers: str) -> None:
        """Ask until every connection has ended."""
        await asyncio.gather(*(self._ask(c, c.post(path, form, **headers)) for c in self.connections))

    async def _ask(self, connection: Connection, request: bytes) -> None:
        while True:
            try:
                self.answers.append(await connection.ask(request))
            except Gone:
                return
            except Broken as broken:
                self.broken.append(broken)
                return
            self._grown.set()

    async def reached(self, count: int) -> None:
        """Wait until so many answers have come."""
        while len(self.answers) < count:
            self._grown.clear()
            await asyncio.wait_for(self._grown.wait(), 30)
