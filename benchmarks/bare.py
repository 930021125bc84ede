"""The ceiling: an ASGI application that reads the body and answers a constant 201, nothing more.

What uvicorn itself costs is the part of a push that Pushgate cannot make faster.
Run as ``python -m benchmarks.bare PORT``.
"""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# As long as a real answer, so that the same number of bytes travels.
BODY = b'{"request_uri":"urn:ietf:params:oauth:request_uri:' + b"a" * 43 + b'","expires_in":60}'
START = {
    "type": "http.response.start",
    "status": 201,
    "headers": [
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"content-length", str(len(BODY)).encode()),
    ],
}
FINISH = {"type": "http.response.body", "body": BODY}


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer every request with the same 201."""
    while (await receive()).get("more_body"):
        pass
    await send(START)
    await send(FINISH)


def main() -> None:
    """Serve on the port given as the first argument."""
    uvicorn.run(
        application,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
