"""Sign-out that an application asks for, and what other applications are told of it.

OpenID Connect RP-Initiated Logout 1.0, Back-Channel Logout 1.0, Front-Channel Logout 1.0.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from pushgate import refusals
from pushgate.model import Client, Fact, Session
from pushgate.protocol.params import Params
from pushgate.protocol.tokens import audience_of

PARAMETERS = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")
"""What decides. `logout_hint` may come too and never matters; `ui_locales` is for the page."""
LOGOUT_TOKEN_TYPE = "logout+jwt"
LOGOUT_TOKEN_LIFETIME = 120  # seconds (Back-Channel Logout 2.4: at most two minutes)
EVENT = "http://schemas.openid.net/event/backchannel-logout"
BACK_OFF = (10, 60, 300, 1800, 7200)
"""Seconds from one attempt to tell a client to the next; then nobody tries again."""
PASSING = frozenset({"timeout", "network", "dns", "tls", "closed"})
"""Reasons of a FetchError that another moment may do away with."""


# --- What an application asks for -----------------------------------------------------------------------------


class Hint(Fact, frozen=True):
    """An ID Token of ours: whose session it was about, and for which client."""

    client_id: str
    sid: str


class ReturnTo(Fact, frozen=True):
    """A registered address to go on to, with the state in it. Only `return_to` makes one."""

    url: str

    def __repr__(self) -> str:
        return "ReturnTo(...)"


class Asked(Fact, frozen=True):
    """A sign-out as it was asked for; what is here was checked."""

    client: Client | None
    hint: Hint | None
    return_to: ReturnTo | None


class AskFirst(Fact, frozen=True):
    """Somebody is signed in, and nothing proves that they want to sign out."""


class SignOut(Fact, frozen=True):
    """End the session."""


class NobodyThere(Fact, frozen=True):
    """There is no session to end."""


Decision = AskFirst | SignOut | NobodyThere


def hint_from(claims: dict[str, Any]) -> Hint:
    """What an ID Token of ours says of a sign-out. Its user is not asked for: clients know users by other names."""
    return Hint(audience_of(claims)[0], str(claims.get("sid", "")))


def client_of(params: Params, hint: Hint | None) -> str | None:
    """Which application asks. Raises InvalidRequest where `client_id` and hint differ. RP-Initiated Logout 2."""
    named = params.get("client_id")
    if hint is not None and named not in (None, hint.client_id):
        raise refusals.LOGOUT_CLIENT()
    return named if hint is None else hint.client_id


def return_to(params: Params, client: Client | None) -> ReturnTo | None:
    """Where to go on to: registered for this client, character for character; None where nothing can be checked.

    Raises InvalidRequest. RP-Initiated Logout 2, 3.
    """
    wanted = params.get("post_logout_redirect_uri")
    if wanted is None or client is None:
        return None
    if wanted not in client.post_logout_redirect_uris:
        raise refusals.LOGOUT_REDIRECT_URI()
    state = params.get("state")
    return ReturnTo(wanted if state is None else _extended(wanted, {"state": state}))


def decide(asked: Asked, session: Session | None, *, confirmed: bool) -> Decision:
    """Whether the session ends. Without being asked only who is signed out by an ID Token of this very session.

    RP-Initiated Logout 2, 6: whoever sends a browser here must not be able to sign its user out.
    """
    if session is None:
        return NobodyThere()
    proven = asked.hint is not None and asked.hint.sid == session.sid
    return SignOut() if proven or confirmed else AskFirst()


def sent_on(asked: Asked, session: Session | None, *, confirmed: bool) -> ReturnTo | None:
    """Where the browser is sent. An ID Token proves who asks, or the user saw who it is and agreed.

    Anybody can register a client where that is open, and get an ID Token for it: it counts if it is of this very
    session. RP-Initiated Logout 3, RFC 9700 4.11.2.
    """
    if asked.hint is None or asked.client is None:
        return asked.return_to if confirmed else None
    proven = session is not None and session.sid == asked.hint.sid
    return asked.return_to if confirmed or proven or not asked.client.self_registered else None


# --- What other applications are told -------------------------------------------------------------------------


def logout_token_claims(*, issuer: str, client_id: str, sub: str, sid: str, now: int, jti: str) -> dict[str, Any]:
    """The claims of a logout token; never a nonce. `now` in seconds. Back-Channel Logout 2.4."""
    return {
        "iss": issuer,
        "sub": sub,
        "aud": client_id,
        "iat": now,
        "exp": now + LOGOUT_TOKEN_LIFETIME,
        "jti": jti,
        "events": {EVENT: {}},
        "sid": sid,
    }


def delivered(status: int) -> bool:
    """Whether the client took the logout token. Back-Channel Logout 2.8."""
    return 200 <= status < 300


def passes(status: int) -> bool:
    """Whether another moment may bring another answer. Back-Channel Logout 2.5."""
    return status == 429 or status >= 500


def next_attempt(attempts: int, now: int) -> int | None:
    """When to try again after so many attempts, in seconds since the epoch; None for never."""
    return now + BACK_OFF[attempts - 1] if attempts <= len(BACK_OFF) else None


def front_channel(clients: tuple[Client, ...], issuer: str, sid: str) -> list[str]:
    """The pages that tell the clients in the user's browser. Front-Channel Logout 2, 3."""
    members = {"iss": issuer, "sid": sid}
    return [_extended(c.frontchannel_logout_uri, members) for c in clients if c.frontchannel_logout_uri is not None]


def _extended(uri: str, members: dict[str, str]) -> str:
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(members, quote_via=quote, safe='')}"
