"""Pushed requests that say the same but for their random values: decided once.

A client sends the same request again and again; only state, nonce, code challenge and the key of its DPoP proof are new
each time. What was decided of the rest holds as long as client and realm are what they were, so it is kept with the
realm's `Context`, which is made anew whenever something is configured. No refusal is kept: who is refused is looked at
by every rule, in order.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from pushgate.model import AuthorizationRequest, Client, Fact
from pushgate.protocol.params import Params
from pushgate.protocol.rules import Facts, check_values

SAID = ("response_type", "response_mode", "redirect_uri", "scope", "code_challenge_method")
NEW = ("state", "nonce", "code_challenge")
CREDENTIALS = ("client_id", "client_secret", "client_assertion", "client_assertion_type")
PLAIN = frozenset({*SAID, *NEW, *CREDENTIALS})
"""A request with any other parameter (a user's name, say) is not kept."""
MAX_KEPT = 1_000  # for a realm; most clients have one way to ask, a hostile one has as many as it likes


class Decided(Fact, frozen=True, gc=True):
    """A request that every rule let pass, and the scope that may be granted."""

    facts: Facts
    scope: tuple[str, ...]

    def again(self, params: Params, jkt: str | None) -> AuthorizationRequest:
        """The same request with the values of this one, which are looked at. Raises OAuthError."""
        state, nonce, challenge = map(params.get, NEW)
        asked = msgspec.structs.replace(
            self.facts.request, state=state, nonce=nonce, code_challenge=challenge, dpop_jkt=jkt
        )
        check_values(msgspec.structs.replace(self.facts, request=asked))
        return asked


class Decisions:
    """Of one realm."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str | None, ...], Decided] = OrderedDict()

    def find(self, client: Client, params: Params) -> Decided | None:
        """What was decided of a request with the same parameters and the same values of `SAID`."""
        found = None if params.repeated else self._kept.get(_key(client, params))
        return found if found is not None and found.facts.client is client else None

    def keep(self, params: Params, facts: Facts, scope: tuple[str, ...]) -> None:
        """Keep it, if it is plain. The oldest goes when there are too many."""
        if params.repeated or not PLAIN.issuperset(params):
            return
        # What is new each time would stay in memory for nothing, and may be as long as a body.
        asked = msgspec.structs.replace(facts.request, state=None, nonce=None, code_challenge=None, dpop_jkt=None)
        self._kept[_key(facts.client, params)] = Decided(msgspec.structs.replace(facts, request=asked), scope)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)


def _key(client: Client, params: Params) -> tuple[str | None, ...]:
    """Which parameters there are, and what those say that are not new each time: always as many, at the end."""
    return (client.client_id, *params, *map(params.get, SAID))
