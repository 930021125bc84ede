"""What can go wrong, as types. Messages never hold a secret, a code or a token."""

from __future__ import annotations

LONGEST = 500  # characters of somebody else's text in a message


class ClientError(Exception):
    """Base of everything this package raises at run time."""


class Unreachable(ClientError):
    """The server did not answer: no connection, no TLS, no reply in time."""


class Refused(ClientError):
    """The server said no, in the words of OAuth. RFC 6749 4.1.2.1, 5.2; RFC 6750 3.1; RFC 9126 2.3.

    `error` is the code, `description` the server's explanation, `where` which endpoint spoke, `status`
    the HTTP status (None where the answer came through the browser).
    """

    def __init__(self, where: str, error: str, description: str = "", *, status: int | None = None) -> None:
        self.where = where
        self.error = printable(error)
        self.description = printable(description)
        self.status = status
        sentence = self.description.removesuffix(".")
        about = f" ({sentence})" if sentence else ""
        super().__init__(f"the {where} refused: {self.error}{about}")


class BadReply(ClientError):
    """A reply is not what the specification says. RFC 6749 5.1, RFC 8414 3.3, RFC 9126 2.2."""


class BadAuthorizationResponse(ClientError):
    """What the browser brought back does not belong to this request, or not to this server.

    Nothing of it may be used: it can be an attack. RFC 6749 10.12, RFC 9207 2.4.
    """


class BadIdToken(ClientError):
    """The ID Token does not prove what it should. OpenID Connect Core 3.1.3.7."""


def printable(text: object) -> str:
    """Somebody else's text, safe for a terminal and a log: no control characters, not too long."""
    shown = "".join(c if c.isprintable() else " " for c in str(text)[: LONGEST + 1])
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."
