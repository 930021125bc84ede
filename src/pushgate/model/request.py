"""Authorization requests, and browsers on their way through one."""

from __future__ import annotations

from typing import Any

from pushgate.model.base import Details, Record, words


class ClaimWish(Record, frozen=True):
    """How one claim is asked for (OpenID Connect Core 5.5.1)."""

    essential: bool = False
    values: tuple[Any, ...] | None = None  # `value` is one of one; None: any will do


class ClaimsRequest(Record, frozen=True):
    """The `claims` parameter (OpenID Connect Core 5.5): claim names to wishes, for each place."""

    id_token: dict[str, ClaimWish] = {}
    userinfo: dict[str, ClaimWish] = {}


class AuthorizationRequest(Record, frozen=True):
    """What a client asks for, parsed once; the same type whether pushed or sent through the browser."""

    client_id: str
    response_type: str | None = None
    response_mode: str | None = None
    redirect_uri: str | None = None
    scope: tuple[str, ...] | None = None
    state: str | None = None
    nonce: str | None = None
    prompt: tuple[str, ...] = ()
    max_age: int | None = None  # seconds
    code_challenge: str | None = None
    code_challenge_method: str | None = None
    login_hint: str | None = None
    id_token_hint: str | None = None
    acr_values: tuple[str, ...] = ()
    dpop_jkt: str | None = None  # the key that the code is bound to (RFC 9449 10)
    ui_locales: tuple[str, ...] = ()
    display: str | None = None
    resource: tuple[str, ...] = ()  # RFC 8707
    authorization_details: Details = ()  # RFC 9396
    claims: ClaimsRequest | None = None
    claims_locales: tuple[str, ...] = ()
    service: str | None = None  # the journey that the user is to take
    # What products have beyond the specifications; kept for the pages.
    connection: str | None = None
    organization: str | None = None
    invitation: str | None = None
    csrf: bytes | None = None  # what was sent is the secret of a session; kept as sessions are, by its digest
    decision: str | None = None
    save_consent: str | None = None
    custom: dict[str, str] = {}  # parameters of the client's own, by name

    @property
    def response_types(self) -> frozenset[str]:
        """The single values of a composite `response_type`."""
        return words(self.response_type or "")


class PushedAuthorizationRequest(Record, frozen=True):
    """A stored authorization request; `pushed` is False for one that came through the browser."""

    request: AuthorizationRequest
    scope: tuple[str, ...]
    expires_at: int  # the redemption window ends: time to start, not to finish (FAPI2-SP 5.3.2.2 note 3)
    correlation_id: str
    pushed: bool = True
    signed: bool = False  # the request came in a signed request object (RFC 9101)


class Interaction(Record, frozen=True):
    """A browser on its way through login and consent. What is still missing is computed, never stored."""

    request_key: bytes
    started_at: float
    beside: AuthorizationRequest | None = None  # what this browser brought beside a pushed request
