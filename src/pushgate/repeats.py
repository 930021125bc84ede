"""Clients that send a constant where each request needs a fresh value (RFC 9700 2.1.1): noticed, in this process."""

from __future__ import annotations

MAX_CLIENTS = 5_000
"""Clients that are remembered; the one seen first is forgotten first."""


class Repeats:
    """The `code_challenge` and `nonce` that each client sent last; what is constant is in the last request too."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        # challenge, nonce, state, and whether their repetition was told already
        self._last: dict[tuple[str, str], tuple[str | None, str | None, str | None, bool]] = {}

    def seen(
        self, client: tuple[str, str], challenge: str | None, nonce: str | None, state: str | None = None
    ) -> tuple[str, ...]:
        """The names of what `client` (realm and client_id) sent in its last request too; each value is named once.

        A request with the same `state`, where one is given, is the same one again: somebody reloaded a page.
        """
        last = self._last.get(client)
        if last is None:
            if len(self._last) >= MAX_CLIENTS:
                del self._last[next(iter(self._last))]
            self._last[client] = (challenge, nonce, state, False)
            return ()
        same_challenge = challenge is not None and challenge == last[0]
        same_nonce = nonce is not None and nonce == last[1]
        if not same_challenge and not same_nonce:
            self._last[client] = (challenge, nonce, state, False)
            return ()
        if last[3] or (state is not None and state == last[2]):
            return ()
        self._last[client] = (challenge, nonce, state, True)
        return (*(("code_challenge",) if same_challenge else ()), *(("nonce",) if same_nonce else ()))
