"""A command-line program signs its user in, with a pushed authorization request.

The server sends the browser back to a port of this machine, where the program listens for one answer
(RFC 8252 7.3). Run it beside `pushgate demo`; the argument is the issuer.
"""
# ruff: noqa: T201 - this program talks to a person

from __future__ import annotations

import asyncio
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from pushgate.client import ClientError, PushClient

ISSUER = "http://127.0.0.1:8080"
CLIENT_ID = "sample-app"
CLIENT_SECRET = "sample-secret-for-demo"


class Landing(HTTPServer):
    """Listens on a free port; `answer` is the URL that the browser came back to."""

    answer = ""

    @property
    def callback(self) -> str:
        """The redirect URI."""
        return f"http://127.0.0.1:{self.server_port}/callback"


class Page(BaseHTTPRequestHandler):
    """Thanks the browser for the answer."""

    def do_GET(self) -> None:  # the name is the standard library's
        """Take the answer; browsers also ask for icons and the like."""
        assert isinstance(self.server, Landing)
        found = self.path.startswith("/callback?")
        if found:
            self.server.answer = f"http://127.0.0.1:{self.server.server_port}{self.path}"
        self.send_response(200 if found else 404)
        self.send_header("content-type", "text/plain")
        self.end_headers()
        self.wfile.write(b"Thank you. You can close this window." if found else b"Nothing here.")

    def log_message(self, *arguments: object) -> None:
        """Keep the code out of the log."""


async def sign_in(issuer: str) -> None:
    """Push, wait for the browser, redeem, and say who it is."""
    with Landing(("127.0.0.1", 0), Page) as landing:
        async with PushClient(issuer, CLIENT_ID, client_secret=CLIENT_SECRET) as client:
            pushed = await client.push(redirect_uri=landing.callback, scope="openid profile email")
            print(f"Open this address within {pushed.expires_in} seconds and sign in:\n\n{pushed.authorization_url}\n")
            sys.stdout.flush()
            while not landing.answer:
                await asyncio.to_thread(landing.handle_request)
            tokens = await client.exchange(pushed, landing.answer)
            for name, value in (await client.userinfo(tokens)).items():
                print(f"{name}: {value}")


if __name__ == "__main__":
    try:
        asyncio.run(sign_in(sys.argv[1] if len(sys.argv) > 1 else ISSUER))
    except ClientError as problem:
        sys.exit(f"That did not work: {problem}")
