"""pushgate serve, pushgate demo."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from pushgate.cli.common import ConfigFile
from pushgate.cli.worker import Order, run
from pushgate.config import Settings, load_settings


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
) -> None:
    """Run the server. Its data is in ./pushgate-data/ unless PUSHGATE_DATABASE_URL says otherwise."""
    settings = load_settings(config=config)
    if (tls_cert is None) != (tls_key is None):
        raise typer.BadParameter("--tls-cert and --tls-key go together")
    if tls_client_ca is not None and tls_cert is None:
        raise typer.BadParameter("--tls-client-ca needs --tls-cert and --tls-key")
    file, cert, key, client_ca = map(_text, (config, tls_cert, tls_key, tls_client_ca))
    order = Order(host, port, config=file, tls_cert=cert, tls_key=key, tls_client_ca=client_ca)
    if workers == 1:
        take_place(order)
    else:
        look_after(order, workers, settings)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def look_after(order: Order, workers: int, settings: Settings) -> None:
    """Keep so many workers at work on one socket."""
    gc.disable()  # what is loaded stays: looking through it time and again is a seventh of a start
    from pushgate import logs
    from pushgate.web.run import supervise

    logs.configure(settings.log_level)
    listening = order.listen().bind()
    asyncio.run(_prepare(settings))
    gc.enable()
    shared = msgspec.structs.replace(order, fd=listening.fileno(), parent=os.getpid())
    raise typer.Exit(supervise(shared.command(), workers, listening))


def take_place(order: Order) -> None:
    """Become the worker, or, where a system cannot, do its work here."""
    if sys.platform == "win32":
        run(order)
    else:
        os.execv(sys.executable, order.command())  # noqa: S606 - our own command line


async def _prepare(settings: Settings) -> None:
    """Schema, secret key and default realm, once, before any worker starts."""
    from pushgate.installation import opened

    async with opened(settings) as installation:
        await installation.management.ensure_default_realm()
        await installation.management.check_keys()


def demo(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8080,
    once: Annotated[bool, typer.Option("--once", help="Stop after the flow.")] = False,
) -> None:
    """Start a server with sample data and watch a whole flow, every request and reply, over real HTTP."""
    from pushgate.demo.run import run as play

    raise typer.Exit(play(port, once=once))
