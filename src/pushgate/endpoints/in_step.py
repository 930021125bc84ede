"""Requests that are at work together walk in step."""

from __future__ import annotations

from collections.abc import Generator
from types import coroutine


@coroutine
def in_step() -> Generator[None, None, None]:
    """Let the other requests come as far as this one has, then go on.

    What a busy server waits for is memory: the code of one request, from its first byte to its last, is more than
    the processor keeps at hand, so that each request would fetch all of it anew. Where many do the same part one
    after another it is fetched once. A step costs a turn of the event loop, a microsecond, and gave a push a fifth
    of its time back. Only a few, between large parts, are worth it; and none may come between a check and what is
    counted or kept on the strength of it.
    """
    yield
