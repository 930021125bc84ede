"""The audit vocabulary: one frozen struct per thing worth remembering.

Every event is logged; those with `kept` also go to the audit table. No event holds a secret, a code,
an assertion, a request_uri or a token.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec


class Event(msgspec.Struct, frozen=True, gc=False):
    """Base of all events."""

    name: ClassVar[str]
    kept: ClassVar[bool] = True
    level: ClassVar[str] = "info"

    def members(self) -> dict[str, Any]:
        """The event's facts, without those that are absent."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}


class RequestPushed(Event, frozen=True):
    """A pushed authorization request was stored."""

    name: ClassVar[str] = "request_pushed"
    kept: ClassVar[bool] = False
    client_id: str
    correlation_id: str
    expires_in: int


class RequestValueRepeated(Event, frozen=True):
    """A client sent a value again that has to be new in each request; `values` names code_challenge, nonce or both."""

    name: ClassVar[str] = "request_value_repeated"
    level: ClassVar[str] = "warning"
    client_id: str
    correlation_id: str
    values: str


class RequestRefused(Event, frozen=True):
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


class AuthorizationStarted(Event, frozen=True):
    """A browser was sent to sign in or to consent."""

    name: ClassVar[str] = "authorization_started"
    kept: ClassVar[bool] = False
    client_id: str
    correlation_id: str
    pushed: bool


class LoginSucceeded(Event, frozen=True):
    """A user signed in."""

    name: ClassVar[str] = "login_succeeded"
    sub: str
    sid: str
    amr: str
    correlation_id: str | None = None


class LoginFailed(Event, frozen=True):
    """A sign-in failed; the name that was typed is not kept, for people type passwords there."""

    name: ClassVar[str] = "login_failed"
    level: ClassVar[str] = "warning"
    reason: str
    correlation_id: str | None = None


class AccessRemoved(Event, frozen=True):
    """A user took back what they had allowed a client."""

    name: ClassVar[str] = "access_removed"
    sub: str
    client_id: str


class PasswordChanged(Event, frozen=True):
    """A user changed their password; `tokens_revoked`: every application has to sign them in again."""

    name: ClassVar[str] = "password_changed"
    sub: str
    tokens_revoked: bool


class CredentialAdded(Event, frozen=True):
    """A user has a new second factor or passkey."""

    name: ClassVar[str] = "credential_added"
    sub: str
    kind: str
    credential_id: str


class CredentialRemoved(Event, frozen=True):
    """A second factor or passkey was taken away; `by` is user or operator."""

    name: ClassVar[str] = "credential_removed"
    level: ClassVar[str] = "warning"
    sub: str
    kind: str
    credential_id: str
    by: str


class ClientRegistered(Event, frozen=True):
    """A client registered itself, or changed or deleted its registration; the audit table has the change."""

    name: ClassVar[str] = "client_registered"
    kept: ClassVar[bool] = False
    client_id: str
    act: str


class SignedOut(Event, frozen=True):
    """A session was ended; `client_id` is the application that asked for it."""

    name: ClassVar[str] = "signed_out"
    sub: str
    sid: str
    reason: str = "user"
    client_id: str | None = None


class ConsentGiven(Event, frozen=True):
    """A user agreed."""

    name: ClassVar[str] = "consent_given"
    sub: str
    client_id: str
    scope: str
    correlation_id: str
    claims: str | None = None  # those beyond the scope


class AuthorizationAnswered(Event, frozen=True):
    """An authorization response left for the client; `error` where it is one."""

    name: ClassVar[str] = "authorization_answered"
    client_id: str
    correlation_id: str
    response_type: str | None = None
    sub: str | None = None
    grant: str | None = None
    error: str | None = None
    refusal: str | None = None


class TokenIssued(Event, frozen=True):
    """Tokens left for the client."""

    name: ClassVar[str] = "token_issued"
    kept: ClassVar[bool] = False
    client_id: str
    grant_type: str
    scope: str
    correlation_id: str | None = None
    grant: str | None = None


class GrantRevoked(Event, frozen=True):
    """A grant ended, with every token of it."""

    name: ClassVar[str] = "grant_revoked"
    level: ClassVar[str] = "warning"
    grant: str
    client_id: str
    reason: str
    correlation_id: str | None = None


class TokenRevoked(Event, frozen=True):
    """A client gave back one access token; its grant goes on."""

    name: ClassVar[str] = "token_revoked"
    client_id: str
    jti: str


class LogoutDelivered(Event, frozen=True):
    """A client was told that a session is over; `attempts` counts this one."""

    name: ClassVar[str] = "logout_delivered"
    client_id: str
    sid: str
    attempts: int


class LogoutUndelivered(Event, frozen=True):
    """A client could not be told that a session is over; `retry_at` is absent where nobody will try again."""

    name: ClassVar[str] = "logout_undelivered"
    level: ClassVar[str] = "warning"
    client_id: str
    sid: str
    attempts: int
    reason: str
    retry_at: int | None = None


class ConfigurationChanged(Event, frozen=True):
    """An operator changed something; `object` is realm, client, user, key or another kind of thing that is managed.

    `by` is the client that asked for it over the management API; absent for who has the machine.
    """

    name: ClassVar[str] = "configuration_changed"
    object: str
    id: str
    act: str
    by: str | None = None
