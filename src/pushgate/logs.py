"""Logs: one JSON object a line on standard error, or aligned text where a person watches."""

from __future__ import annotations

import logging
import sys
from typing import Any

import msgspec
import structlog

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(level: str, *, for_people: bool | None = None) -> None:
    """Set up the log. `for_people` None: text on a terminal, JSON elsewhere."""
    threshold = LEVELS[level]
    people = sys.stderr.isatty() if for_people is None else for_people
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Any]
    factory: Any
    if people:
        last = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        factory = structlog.PrintLoggerFactory(sys.stderr)
    else:
        last = [structlog.processors.format_exc_info, _json]
        factory = structlog.BytesLoggerFactory(sys.stderr.buffer)
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(threshold, 30), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")


_encode = msgspec.json.Encoder(enc_hook=str).encode


def _json(logger: Any, method: str, event: dict[str, Any]) -> bytes:
    return _encode(event)
