"""pushgate serve, pushgate demo."""

from __future__ import annotations

import asyncio
import gc
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from pushgate.cli.common import ConfigFile
from pushgate.config import Settings, load_settings
from pushgate.realm import LOOPBACK_HOSTS


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8080,
    workers: Annotated[int, typer.Option(help="Number of processes.", min=1, max=256)] = 1,
    config: ConfigFile = None,
    tls_cert: Annotated[Path | None, typer.Option("--tls-cert", help="Certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="Private key, PEM.")] = None,
    tls_client_ca: Annotated[
        Path | None,
        typer.Option("--tls-client-ca", help="Ask clients for certificates of these authorities, PEM. Not compulsory."),
    ] = None,
    fd: Annotated[int, typer.Option("--fd", hidden=True)] = -1,
    parent: Annotated[int | None, typer.Option("--parent", hidden=True)] = None,
) -> None:
    """Run the server. Its data is in ./pushgate-data/ unless PUSHGATE_DATABASE_URL says otherwise."""
    gc.disable()  # what is loaded stays: looking through it time and again is a seventh of a start
    from pushgate import logs
    from pushgate.web.run import Listen, inherited, supervise

    settings = load_settings(config=config)
    logs.configure(settings.log_level)
    if (tls_cert is None) != (tls_key is None):
        raise typer.BadParameter("--tls-cert and --tls-key go together")
    if tls_client_ca is not None and tls_cert is None:
        raise typer.BadParameter("--tls-client-ca needs --tls-cert and --tls-key")
    listen = Listen(host, port, tls_cert, tls_key, tls_client_ca, parent)
    if fd >= 0:
        _run(settings, listen, inherited(fd))
        return
    listening = listen.bind()
    if workers == 1:
        _run(settings, listen, listening)
        return
    asyncio.run(_prepare(settings))
    gc.enable()
    own = [sys.executable, "-m", "pushgate", *_without_workers(sys.argv[1:])]
    raise typer.Exit(supervise(own, workers, listening))


def _run(settings: Settings, listen: Any, listening: Any) -> None:
    import uvloop

    uvloop.run(_serve(settings, listen, listening))


async def _prepare(settings: Settings) -> None:
    """Schema, secret key and default realm, once, before any worker starts."""
    from pushgate.installation import opened

    async with opened(settings) as installation:
        await installation.management.ensure_default_realm()
        await installation.management.check_keys()


async def _serve(settings: Settings, listen: Any, listening: Any) -> None:
    import structlog

    from pushgate import __version__
    from pushgate.installation import opened
    from pushgate.web.asgi import Application
    from pushgate.web.run import server_for

    async with opened(settings) as installation:
        await installation.management.ensure_default_realm()
        await installation.management.check_keys()
        app = Application(
            installation.server(client_certificates=listen.tls_client_ca is not None),
            trusted_proxies=settings.proxies,
            client_cert_header=settings.client_cert_header or None,
        )
        warn_of_other_address(settings, listening)
        # What is there now stays: the collector need not look at it again. What requests make is freed
        # by reference counting; looking for cycles less often saves about a tenth of the processor time.
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        gc.enable()
        # The writer's thread needs the interpreter for a moment after each commit; it should get it soon.
        sys.setswitchinterval(0.001)
        log = structlog.get_logger("pushgate")
        address = "{}:{}".format(*listening.getsockname()[:2])
        log.info("serving", version=__version__, address=address, base_url=settings.base_url)
        await server_for(app, listen).serve(sockets=[listening])
        log.info("stopped")


def warn_of_other_address(settings: Settings, listening: Any) -> None:
    """A loopback base URL with another port than the server's is a mistake: clients would be sent elsewhere."""
    import structlog

    port = listening.getsockname()[1]
    parts = urlsplit(settings.base_url)
    if parts.hostname in LOOPBACK_HOSTS and (parts.port or 80) != port and parts.scheme == "http":
        advice = f"set PUSHGATE_BASE_URL=http://127.0.0.1:{port}, unless a proxy on this machine is in between"
        structlog.get_logger("pushgate").warning(
            "base_url_elsewhere", base_url=settings.base_url, port=port, advice=advice
        )


def _without_workers(arguments: list[str]) -> list[str]:
    kept: list[str] = []
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument == "--workers":
            skip = True
        elif not argument.startswith("--workers="):
            kept.append(argument)
    return kept


def demo(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8080,
    once: Annotated[bool, typer.Option("--once", help="Stop after the flow.")] = False,
) -> None:
    """Start a server with sample data and watch a whole flow, every request and reply, over real HTTP."""
    from pushgate.demo.run import run

    raise typer.Exit(run(port, once=once))
