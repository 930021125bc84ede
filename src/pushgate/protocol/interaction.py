"""What a browser still needs before an authorization request can be answered.

An interaction keeps no progress: what is missing is computed from the request, the session and the
consent each time. So reload, the back button and a second tab cannot confuse it.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass

import msgspec

from pushgate import refusals
from pushgate.model import AuthorizationRequest, Client, Method, RealmSettings, Session
from pushgate.protocol.assurance import Assurance
from pushgate.protocol.claims_request import level_asked
from pushgate.protocol.journey import CannotReach, Demand, Done, full_amr, journey_of, next_step, satisfied
from pushgate.protocol.user_claims import beyond_scopes, claim_word


@dataclass(frozen=True, slots=True)
class Login:
    """The user has to sign in; `again` although there is a session."""

    again: bool = False
    select: bool = False
    """Go on with the session's account, or with another one."""
    other: bool = False
    """The session is of another user than the one who is wanted, and does not count."""


@dataclass(frozen=True, slots=True)
class Consent:
    """The user of this session has to agree."""

    session: Session


@dataclass(frozen=True, slots=True)
class Nothing:
    """The request can be answered for this session, of which only what counts for it is there."""

    session: Session


Need = Login | Consent | Nothing


def session_digest(value: str) -> bytes:
    """What a session is stored under; `value` is its cookie, which is kept nowhere."""
    return hashlib.sha256(b"session\0" + value.encode()).digest()


def needed(
    request: AuthorizationRequest,
    client: Client,
    scope: tuple[str, ...],
    *,
    session: Session | None,
    consented: frozenset[str],
    other_user: bool,
    started_at: float,
    now: float,
    demand: Demand,
    enrolled: frozenset[Method] = frozenset(),
    selected: bool = False,
) -> Need:
    """What is still needed, in order: the right user, fresh enough, at the end of the journey, who agreed.

    `other_user`: the request names a user, and the session is not theirs.
    Under prompt=none a need becomes an OAuthError for the client. `started_at` and `now` are seconds
    since the epoch; a sign-in at or after `started_at` satisfies every demand for freshness. `enrolled` has to be
    right where the session does not satisfy the demand, and where it has to be fresh. `selected`: the user chose to
    go on with this session. OpenID Connect Core 3.1.2.1, 3.1.2.3, 3.1.2.4; RFC 9470 5.
    """
    silent = "none" in request.prompt
    login = _login_needed(request, session, other_user, started_at, now, selected=selected)
    used = () if session is None or login is not None else counting(session, request, client, started_at, now)
    # Where freshness is demanded, a factor that the user has is part of it: an old code does not count for a new one.
    if fresh_since(request, client, started_at, now) or not satisfied(demand, used):
        step = next_step(demand, used, enrolled)
        if isinstance(step, CannotReach):
            raise refusals.ACR_UNMET()
        if not isinstance(step, Done):
            login = login or Login(again=session is not None)
    if login is not None or session is None:
        if not silent:
            return login or Login()
        if session is not None and other_user:
            raise refusals.LOGIN_OTHER_USER()
        raise refusals.LOGIN_REQUIRED()
    # Authorization details are about one transaction: what was agreed to before says nothing about them.
    remembered = consented.issuperset((*scope, *consent_to(request, scope))) and not request.authorization_details
    agreed = client.skip_consent or remembered
    if not agreed or "consent" in request.prompt:
        if silent:
            raise refusals.CONSENT_REQUIRED()
        return Consent(as_it_counts(session, used))
    return Nothing(as_it_counts(session, used))


def consent_to(request: AuthorizationRequest, scope: tuple[str, ...]) -> tuple[str, ...]:
    """The resources that the request names, and the claims beyond its scope, as they are remembered among scope values.

    Of these none has a quote or a backslash.
    """
    claims = tuple(map(claim_word, beyond_scopes(request, scope)))
    return (*(f'"{uri}' for uri in request.resource), *claims)


def demand_of(
    request: AuthorizationRequest, client: Client, settings: RealmSettings, assurance: Assurance, *, passkeys: bool
) -> Demand:
    """What the sign-in has to be. Under prompt=none a level that is but a wish asks for nothing.

    Raises UnmetAuthenticationRequirements for a level that has to be reached and is not known here.
    """
    journey = journey_of(request.service, client.default_journey, settings.default_journey, settings.journeys)
    level = level_asked(request, client)
    known, demanded = tuple(assurance.asked(level.acr_values)), assurance.step_up or level.essential
    if level.essential and not known:
        raise refusals.ACR_UNMET()
    wish = "none" in request.prompt and not demanded
    return Demand(journey, () if wish else known, demanded, passkeys)


def fresh_since(request: AuthorizationRequest, client: Client, started_at: float, now: float) -> float:
    """From when on a method counts that was used; seconds since the epoch. OpenID Connect Core 3.1.2.1."""
    max_age = request.max_age if request.max_age is not None else client.default_max_age
    if max_age == 0 or "login" in request.prompt:
        return started_at
    return 0.0 if max_age is None else min(started_at, int(now) - max_age)


def counting(
    session: Session, request: AuthorizationRequest, client: Client, started_at: float, now: float
) -> tuple[str, ...]:
    """The methods of a session that are fresh enough for the request (RFC 8176)."""
    since = fresh_since(request, client, started_at, now)
    return tuple(name for name, when in session.used.items() if when >= since)


def as_it_counts(session: Session, names: tuple[str, ...]) -> Session:
    """The session with these of its methods alone; it is as old as the oldest of them.

    So `amr`, `acr` and `auth_time` never speak of a method that was not fresh enough for the request, nor call an old
    one new because another was used after it. OpenID Connect Core 2.
    """
    methods = {name: session.used[name] for name in names}
    return msgspec.structs.replace(
        session, methods=methods, amr=full_amr(methods), authenticated_at=min(methods.values())
    )


def _login_needed(
    request: AuthorizationRequest,
    session: Session | None,
    other_user: bool,
    started_at: float,
    now: float,
    *,
    selected: bool,
) -> Login | None:
    """Whether somebody else has to sign in than who has, or nobody has."""
    if session is None or session.expires_at <= now:
        return Login()
    fresh = session.authenticated_at >= started_at
    if other_user:
        # Another user signed in on our page although the client named one: do not ask for ever.
        if fresh:
            raise refusals.LOGIN_OTHER_USER()
        return Login(again=True, other=True)
    if "select_account" in request.prompt and "login" not in request.prompt and not (fresh or selected):
        return Login(again=True, select=True)
    return None


def known_enough(session: Session | None, now: float, *, max_age: int | None = None, amr: tuple[str, ...] = ()) -> bool:
    """Whether a page of ours may be shown to this session: it lives, and these methods were used, lately enough.

    `max_age` in seconds, for each of the methods: an old code beside a new password is no fresh second factor. `amr`
    holds RFC 8176 names.
    """
    if session is None or session.expires_at <= now:
        return False
    used = [name for name, when in session.used.items() if max_age is None or now - when <= max_age]
    return bool(used) and {*used, *full_amr(used)}.issuperset(amr)


def interaction_id(request_key: bytes, browser: str) -> str:
    """The id of this browser's interaction for this request: a reload finds it again, nobody else can.

    `browser` is the random value of the browser's cookie.
    """
    return _mac(browser, b"interaction", request_key)


def csrf_token(interaction: str, browser: str) -> str:
    """The anti-forgery value of an interaction's forms; only the browser's cookie leads to it."""
    return _mac(browser, b"csrf", interaction.encode())


def account_token(sub: str, browser: str) -> str:
    """Whose account a page was about, without naming it: what one person was asked, no other decides."""
    return _mac(browser, b"account", sub.encode())


def is_account(sent: str | None, sub: str, browser: str) -> bool:
    """Whether a page was about this person's account."""
    return sent is not None and hmac.compare_digest(sent.encode(), account_token(sub, browser).encode())


def is_interaction(sent: str, request_key: bytes, browser: str) -> bool:
    """Whether an interaction's id is that of this browser for this request."""
    return hmac.compare_digest(sent.encode(), interaction_id(request_key, browser).encode())


def check_csrf(sent: str | None, expected: str) -> None:
    """A form comes from our page in this browser. Raises AccessDenied. RFC 6749 10.12."""
    if sent is None or not hmac.compare_digest(sent.encode(), expected.encode()):
        raise refusals.CSRF()


def _mac(browser: str, purpose: bytes, value: bytes) -> str:
    digest = hmac.digest(browser.encode(), purpose + b"\0" + value, hashlib.sha256)
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
