"""Responses leave in one piece, in order, and no faster than the client takes them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, cast

import httpx
import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState

from pushgate.web.connection import ENOUGH, Connection, Joined

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop, uvloop.new_event_loop]
CHUNK = b"c" * 65_536
CHUNKS = 1024  # far more than any socket buffer takes


class Recorded:
    """A transport that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.told.append(data)

    def write_eof(self) -> None:
        self.told.append("eof")

    def close(self) -> None:
        self.closing = True
        self.told.append("close")

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, name: str) -> str:
        return f"the {name}"


def joined() -> tuple[Joined, Recorded]:
    transport = Recorded()
    return Joined(cast("asyncio.Transport", transport), asyncio.get_running_loop()), transport


async def test_what_is_written_in_one_turn_is_sent_together_and_in_order() -> None:
    ours, transport = joined()
    ours.write(b"head ")
    ours.writelines([b"bo", b"dy"])
    assert transport.told == []
    await asyncio.sleep(0)
    assert transport.told == [b"head body"]
    ours.write(b"next")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert transport.told == [b"head body", b"next"]


async def test_much_is_sent_at_once_so_that_the_transport_can_say_stop() -> None:
    ours, transport = joined()
    ours.write(b"head")
    ours.write(b"x" * ENOUGH)
    assert transport.told == [b"head" + b"x" * ENOUGH]
    ours.write(b"tail")
    await asyncio.sleep(0)
    assert transport.told[1:] == [b"tail"]


@pytest.mark.parametrize("end", ["close", "write_eof"])
async def test_what_was_written_is_sent_before_the_end(end: str) -> None:
    ours, transport = joined()
    ours.write(b"last words")
    getattr(ours, end)()
    await asyncio.sleep(0)
    assert transport.told == [b"last words", "close" if end == "close" else "eof"]


async def test_nothing_is_sent_to_somebody_who_has_gone() -> None:
    ours, transport = joined()
    ours.write(b"too late")
    transport.closing = True
    await asyncio.sleep(0)
    assert transport.told == []
    assert ours.is_closing()


async def test_everything_else_is_the_transports_own() -> None:
    ours, _ = joined()
    assert ours.get_extra_info("peername") == "the peername"


# --- in a server -------------------------------------------------------------------------------------------


class Observed(Connection):
    """A connection whose writes to the loop's own transport are kept."""

    def __init__(self, written: list[bytes], **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self.written = written

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        class Spy:
            def write(_, data: bytes) -> None:
                self.written.append(data)
                transport.write(data)

            def __getattr__(_, name: str) -> Any:
                return getattr(transport, name)

        super().connection_made(cast("asyncio.Transport", Spy()))


@contextlib.asynccontextmanager
async def served(app: Any, written: list[bytes]) -> AsyncIterator[int]:
    """The application behind such connections; the port."""
    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
    config.load()
    loop = asyncio.get_running_loop()
    protocol = partial(Observed, written, config=config, server_state=ServerState(), app_state={}, _loop=loop)
    server = await loop.create_server(protocol, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def short(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def pieces() -> list[bytes]:
    """What two requests on one connection, and one that ends its connection, are sent."""
    written: list[bytes] = []
    async with served(short, written) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for headers in ({}, {}, {"connection": "close"}):
            assert (await client.get("/", headers=headers)).text == "hello"
    return written


@pytest.mark.parametrize("loop", LOOPS)
def test_a_response_is_one_piece(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        written = runner.run(pieces())
    assert len(written) == 3
    assert all(one.startswith(b"HTTP/1.1 200") and one.endswith(b"\r\n\r\nhello") for one in written)


async def half_closed() -> int:
    """How many of those who ask and close their half at once are answered, by who answers at once."""
    answered = 0
    async with served(short, []) as port:
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            writer.write_eof()
            answered += (await reader.read()).endswith(b"\r\n\r\nhello")
            writer.close()
    return answered


@pytest.mark.parametrize("loop", LOOPS)
def test_what_was_answered_reaches_a_client_that_has_closed_its_half(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(half_closed()) == 20


class Flood:
    """An application that has much to say."""

    def __init__(self) -> None:
        self.said = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(CHUNKS):
            await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
            self.said += 1
        await send({"type": "http.response.body", "body": b""})


async def flood() -> None:
    app = Flood()
    async with served(app, []) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        before = -1
        while app.said == 0 or app.said != before:  # until it does not get further
            before = app.said
            for _ in range(1000):
                await asyncio.sleep(0)
        assert app.said < CHUNKS
        everything = await reader.read()
        assert everything.count(b"c" * 1024) == CHUNKS * 64
        assert app.said == CHUNKS
        writer.close()


@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_that_does_not_read_is_waited_for(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(flood())
