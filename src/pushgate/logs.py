"""Logs: one JSON object a line on standard error, or aligned text where a person watches."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import select
import sys
import time
from collections import deque
from collections.abc import Callable, MutableMapping
from typing import Any, BinaryIO

import msgspec
import structlog

PIPE_BUF: int = getattr(select, "PIPE_BUF", 512)
"""Bytes that a pipe takes in one piece."""
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(level: str, *, for_people: bool | None = None) -> None:
    """Set up the log. `for_people` None: text on a terminal, JSON elsewhere."""
    threshold = LEVELS[level]
    people = sys.stderr.isatty() if for_people is None else for_people
    if people:
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.dev.ConsoleRenderer(
                    colors=sys.stderr.isatty(),
                    exception_formatter=structlog.dev.plain_traceback,  # the default shows the values of variables
                ),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(threshold),
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        )
    else:
        lines = _Lines(open(sys.stderr.fileno(), "wb", buffering=0, closefd=False))  # noqa: SIM115 - for good
        structlog.configure(
            processors=[_line],
            wrapper_class=_straight(threshold),
            logger_factory=lambda *_: lines,
        )
    root = logging.getLogger()
    root.handlers = [_Libraries()]
    root.setLevel(max(threshold, 30))


def _straight(threshold: int) -> type[structlog.BoundLoggerBase]:
    """A logger that hands an event to `_line` and on to the stream: half of what the general one does per line."""

    def written(level: str) -> Callable[..., None]:
        def log(self: Any, event: str, **members: Any) -> None:
            members["event"] = event
            self._logger.write(_line(None, level, members))

        return log

    def dropped(self: Any, event: str, **members: Any) -> None:
        """Below the threshold."""

    methods = {level: written(level) if number >= threshold else dropped for level, number in LEVELS.items()}
    return type("Straight", (structlog.BoundLoggerBase,), methods)


class _Libraries(logging.Handler):
    """What libraries log goes the same way as our own lines."""

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname.lower() if record.levelname.lower() in LEVELS else "error"
        more = {"exc_info": record.exc_info} if record.exc_info else {}
        getattr(structlog.get_logger("pushgate"), level)(record.getMessage(), logger=record.name, **more)


class _Lines:
    """Writes the lines of one turn of the event loop together: one call for each took 1 to 2 % of a push."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._waiting: deque[bytes] = deque()  # other threads log too
        self._loop: asyncio.AbstractEventLoop | None = None
        atexit.register(self.flush)

    def write(self, line: bytes) -> None:
        """Write a line, at once where there is no loop."""
        self._waiting.append(line)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        if loop is not self._loop:
            self._loop = loop
            loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what waits, in whole lines, so that those of several workers never mix."""
        self._loop = None
        together = b""
        with contextlib.suppress(IndexError):
            while True:
                line = self._waiting.popleft()
                if together and len(together) + len(line) > PIPE_BUF:
                    self._put(together)
                    together = b""
                together += line
        if together:
            self._put(together)

    def _put(self, lines: bytes) -> None:
        """A log that cannot be written (disk full, reader gone) is no reason to fail a request."""
        with contextlib.suppress(OSError):
            self._stream.write(lines)


_second = (0, "")


def _line(logger: Any, level: str, event: MutableMapping[str, Any]) -> bytes:
    """The event as JSON; the time down to the second is formatted once a second."""
    global _second  # noqa: PLW0603 - a cache of one entry
    second, rest = divmod(time.time_ns(), 1_000_000_000)
    if _second[0] != second:
        _second = (second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))
    event["level"] = level
    event["timestamp"] = f"{_second[1]}.{rest // 1000:06d}Z"
    if "exc_info" in event:
        event = structlog.processors.format_exc_info(logger, level, event)
    return _encode(event) + b"\n"


_encode = msgspec.json.Encoder(enc_hook=str).encode
