"""The process that serves. It has nothing of the command line, whose libraries would stay in its memory: 10 MB.

`python -m pushgate.cli.worker ORDER`: what to do is a JSON document, from `cli.serving`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:
    import socket

    from pushgate.config import Settings
    from pushgate.web.run import Listen


class Order(msgspec.Struct, frozen=True):
    """What a worker is to do; paths are text."""

    host: str
    port: int
    config: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    tls_client_ca: str | None = None
    fd: int | None = None
    """The listening socket that it has inherited; None where it opens its own."""
    parent: int | None = None
    """The process that started it, and looks after it; None where it took the place of that process."""

    def command(self) -> list[str]:
        """The command line that carries it out, by the same interpreter with the same options.

        Modules come from where the command line's own come from: the folder only where that was run from it.
        """
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # multiprocessing's own way
        if sys.path[0] not in ("", os.getcwd()):
            flags.append("-P")
        # Not msgspec: a path may hold bytes that are no UTF-8.
        return [sys.executable, *flags, "-m", "pushgate.cli.worker", json.dumps(msgspec.structs.asdict(self))]

    def listen(self) -> Listen:
        """Where, and with which certificate."""
        from pushgate.web.run import Listen

        cert, key, client_ca = (
            None if name is None else Path(name) for name in (self.tls_cert, self.tls_key, self.tls_client_ca)
        )
        return Listen(self.host, self.port, cert, key, client_ca, self.parent)


def main() -> None:
    """Serve until a signal comes; what is no bug ends with a clear line and exit code 1."""
    gc.disable()  # what is loaded stays: looking through it time and again is a seventh of a start
    order = Order(**json.loads(sys.argv[1]))
    if order.parent is not None:
        # Ctrl-C reaches the parent too, who tells its workers.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    from pushgate.cli.problems import expected_problems, lines_of

    try:
        run(order)
    except expected_problems() as problem:
        sys.stderr.write("".join(f"{line}\n" for line in lines_of(problem)))
        sys.exit(1)
    except KeyboardInterrupt:  # before there was a server to stop
        sys.exit(130)


def run(order: Order) -> None:
    """Carry it out, in this process."""
    from pushgate import logs
    from pushgate.config import load_settings
    from pushgate.web.run import inherited

    settings = load_settings(config=None if order.config is None else Path(order.config))
    logs.configure(settings.log_level)
    listen = order.listen()
    working = serve(settings, listen, listen.bind() if order.fd is None else inherited(order.fd))
    if sys.platform == "win32":
        asyncio.run(working)
    else:
        import uvloop

        uvloop.run(working)


async def serve(settings: Settings, listen: Listen, listening: socket.socket) -> None:
    """Open the stores and serve on the socket until a signal comes."""
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


def warn_of_other_address(settings: Settings, listening: socket.socket) -> None:
    """A loopback base URL with another port than the server's is a mistake: clients would be sent elsewhere."""
    import structlog

    from pushgate.realm import LOOPBACK_HOSTS

    port = listening.getsockname()[1]
    parts = urlsplit(settings.base_url)
    if parts.hostname in LOOPBACK_HOSTS and (parts.port or 80) != port and parts.scheme == "http":
        advice = f"set PUSHGATE_BASE_URL=http://127.0.0.1:{port}, unless a proxy on this machine is in between"
        structlog.get_logger("pushgate").warning(
            "base_url_elsewhere", base_url=settings.base_url, port=port, advice=advice
        )


if __name__ == "__main__":
    main()
