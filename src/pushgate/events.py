"""The audit vocabulary: one frozen dataclass per thing worth remembering.

Every event is logged; those with `kept` also go to the audit table. No event holds a secret, a code,
an assertion, a request_uri or a token.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""

    name: ClassVar[str]
    kept: ClassVar[bool] = True
    level: ClassVar[str] = "info"

    def members(self) -> dict[str, Any]:
        """The event's facts, without those that are absent."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class RequestPushed(Event):
    """A pushed authorization request was stored."""

    name: ClassVar[str] = "request_pushed"
    kept: ClassVar[bool] = False
    client_id: str
    correlation_id: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class RequestRefused(Event):
    """A request was refused; `client_id` is what it claimed to be."""

    name: ClassVar[str] = "request_refused"
    level: ClassVar[str] = "warning"
    endpoint: str
    refusal: str
    error: str
    status: int
    client_id: str | None = None
    correlation_id: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationStarted(Event):
    """A browser was sent to sign in or to consent."""

    name: ClassVar[str] = "authorization_started"
    kept: ClassVar[bool] = False
    client_id: str
    correlation_id: str
    pushed: bool


@dataclass(frozen=True, slots=True)
class LoginSucceeded(Event):
    """A user signed in."""

    name: ClassVar[str] = "login_succeeded"
    sub: str
    sid: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class LoginFailed(Event):
    """A sign-in failed; the name that was typed is not kept, for people type passwords there."""

    name: ClassVar[str] = "login_failed"
    level: ClassVar[str] = "warning"
    reason: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class SignedOut(Event):
    """A session was ended by its user."""

    name: ClassVar[str] = "signed_out"
    sub: str
    sid: str


@dataclass(frozen=True, slots=True)
class ConsentGiven(Event):
    """A user agreed."""

    name: ClassVar[str] = "consent_given"
    sub: str
    client_id: str
    scope: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class AuthorizationAnswered(Event):
    """An authorization response left for the client; `error` where it is one."""

    name: ClassVar[str] = "authorization_answered"
    client_id: str
    correlation_id: str
    response_type: str | None = None
    sub: str | None = None
    grant: str | None = None
    error: str | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class TokenIssued(Event):
    """Tokens left for the client."""

    name: ClassVar[str] = "token_issued"
    kept: ClassVar[bool] = False
    client_id: str
    grant_type: str
    scope: str
    correlation_id: str | None = None
    grant: str | None = None


@dataclass(frozen=True, slots=True)
class GrantRevoked(Event):
    """A grant ended, with every token of it."""

    name: ClassVar[str] = "grant_revoked"
    level: ClassVar[str] = "warning"
    grant: str
    client_id: str
    reason: str
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class ConfigurationChanged(Event):
    """An operator changed something; `object` is realm, client, user or key."""

    name: ClassVar[str] = "configuration_changed"
    object: str
    id: str
    act: str
