"""Run the demo: a real server on a real port with sample data, the story, and then the playground."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from pushgate import logs
from pushgate.config import Settings
from pushgate.demo import sample
from pushgate.demo.callback import Callback
from pushgate.demo.playground import Playground
from pushgate.demo.sample import Sample
from pushgate.demo.screen import Screen, complain
from pushgate.demo.story import INTRODUCTION, TITLE, StepFailed, Story
from pushgate.installation import opened
from pushgate.manage.manifest import Applier, parse
from pushgate.web.asgi import Application
from pushgate.web.run import Listen, server_for

HOST = "127.0.0.1"


def run(port: int, *, once: bool) -> int:
    """The exit code: 0 when the flow went well and the demo was stopped, 1 when a step failed.

    Raises OSError where the port is in use. The data is in a temporary folder that is removed at the end.
    """
    logs.configure("error")
    listen = Listen(HOST, port)
    try:
        listening = listen.bind()
    except OSError as problem:
        raise OSError(f"{problem} (choose another port with --port)") from None
    try:
        with _signals_end_it(), TemporaryDirectory(prefix="pushgate-demo-") as folder:
            asyncio.run(_demo(Path(folder), listen, listening, once=once))
    except KeyboardInterrupt:
        return 0
    except StepFailed as problem:
        complain(problem)
        return 1
    return 0


@contextmanager
def _signals_end_it() -> Iterator[None]:
    """SIGTERM and a closed terminal end the demo as Ctrl-C does, so that the folder is removed.

    While the server runs, uvicorn takes SIGTERM and Ctrl-C over.
    """

    def hang_up(number: int, frame: FrameType | None) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, signal.default_int_handler)}
    if hasattr(signal, "SIGHUP"):
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, hang_up)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _demo(folder: Path, listen: Listen, listening: socket.socket, *, once: bool) -> None:
    """Open the data, serve, tell the story, and stay until somebody stops it. Raises StepFailed."""
    found = Sample(f"http://{HOST}:{listen.port}")
    settings = Settings(
        base_url=found.base_url,
        database_url=f"sqlite:///{folder}/pushgate.db",
        sample_resource="true",
        log_level="error",
    )
    screen = Screen()
    screen.title(TITLE, *INTRODUCTION)
    async with opened(settings) as installation:
        await Applier(installation.management, {}).apply([parse(found.manifest, "sample")])
        callback = Callback()
        mounts: dict[str, ASGIApp] = {"/demo": callback, "/playground": Playground(found)}
        server = server_for(Application(installation.server(), mounts=mounts), listen)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            stopped = await _unless_stopped(Story(found, screen, callback), server, serving)
            if not stopped and not once:
                _show_places(screen, found)
                await serving
        finally:
            server.should_exit = True
            await serving


async def _unless_stopped(story: Story, server: uvicorn.Server, serving: asyncio.Task[None]) -> bool:
    """Play the story; True if somebody stopped the server meanwhile. Raises StepFailed."""
    playing = asyncio.create_task(story.play())
    try:
        await asyncio.wait({playing, serving}, return_when=asyncio.FIRST_COMPLETED)
        if server.should_exit:
            return True
        await playing
        return False
    finally:  # Ctrl-C before the server listens to it ends this task, and would leave the story to go on
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)


def _show_places(screen: Screen, found: Sample) -> None:
    rows = [
        ("Playground", f"{found.playground}  the same in your browser"),
        ("Server", f"{found.base_url}/"),
        ("Metadata", f"{found.base_url}/.well-known/openid-configuration"),
        ("User", f"{sample.USERNAME}, password {sample.PASSWORD}"),
        ("Client", f"{sample.CLIENT_ID}, secret {sample.CLIENT_SECRET}"),
        ("API", f"{sample.API}, scopes notes:read notes:write"),
        ("Sample API", f"{found.base_url}/resource  takes the access tokens and tells what they say"),
    ]
    screen.facts("The server keeps running", rows)
    products = [(name, found.par_of(dialect)) for dialect, name in sample.PRODUCTS.items()]
    screen.facts("Applications of other products push here, with the same client and user", products)
    screen.end("Ctrl-C stops it; nothing is kept.")
