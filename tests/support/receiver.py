"""The server of an application that hears of sign-outs: real HTTP on this machine."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from tests.peers.node import HERE, node_with

PATIENCE = 20  # seconds for something to arrive


@dataclass
class Receiver:
    """What has arrived at `url`."""

    url: str = ""
    tokens: list[str] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, wanted: Callable[[str], bool]) -> list[str]:
        """Those of this kind, as soon as there is one."""
        with self.news:
            assert self.news.wait_for(lambda: any(map(wanted, self.tokens)), PATIENCE), "nothing came"
            return list(filter(wanted, self.tokens))


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()
            with found.news:
                found.tokens += parse_qs(body)["logout_token"]
                found.news.notify_all()

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/back"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


_SCRIPT = """
import { createRemoteJWKSet, jwtVerify } from 'jose'
const { token, jwks, issuer, audience } = JSON.parse(process.argv[1])
const options = { issuer, audience, typ: 'logout+jwt', requiredClaims: ['iat', 'exp', 'jti', 'events', 'sid', 'sub'] }
const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(jwks)), options)
console.log(JSON.stringify(payload))
"""


def verified_by_jose(token: str, issuer: str, audience: str) -> dict[str, Any]:
    """The claims of a logout token, as another people's library (npm `jose`) reads them."""
    told = {"token": token, "jwks": f"{issuer}/oauth2/jwks", "issuer": issuer, "audience": audience}
    done = subprocess.run(
        [node_with("jose"), "--input-type=module", "-e", _SCRIPT, json.dumps(told)],
        cwd=HERE, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    claims: dict[str, Any] = json.loads(done.stdout)
    return claims
