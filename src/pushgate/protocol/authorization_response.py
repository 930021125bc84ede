"""The authorization response: the one place that adds `state` and `iss` (RFC 9207) and picks the carrier."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from pushgate.errors import (
    AccessDenied,
    ConsentRequired,
    LoginRequired,
    OAuthError,
    UnmetAuthenticationRequirements,
)
from pushgate.protocol.redirect_uri import ReplyTo

Members = dict[str, str | int]

RESPONSE_LIFETIME = 300  # seconds that a response JWT is valid (JARM 2.1: at most ten minutes)
ABOUT_THE_USER = (AccessDenied, LoginRequired, ConsentRequired, UnmetAuthenticationRequirements)
RESPONSE_TYPE = "JWT"  # JARM gives its response no media type of its own


@dataclass(frozen=True, slots=True)
class RedirectTo:
    """Send the browser there with 303."""

    url: str

    def __repr__(self) -> str:
        return "RedirectTo(...)"


@dataclass(frozen=True, slots=True)
class FormPost:
    """Let the browser post these fields there (OAuth 2.0 Form Post Response Mode)."""

    action: str
    fields: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return "FormPost(...)"


AuthorizationResponse = RedirectTo | FormPost


def response_members(reply_to: ReplyTo, issuer: str, members: Members) -> Members:
    """All of a response. `state` comes back unchanged, and only if it was sent.

    RFC 6749 4.1.2, 4.2.2; RFC 9207 2.
    """
    state: Members = {} if reply_to.state is None else {"state": reply_to.state}
    return {**members, **state, "iss": issuer}


def error_members(error: OAuthError) -> Members:
    """What tells the client of an error. RFC 6749 4.1.2.1, 4.2.2.1."""
    return {"error": error.code, "error_description": error.description}


def on_page(error: OAuthError) -> OAuthError:
    """The same for a page: 401 where it is about the user and no fault of the request."""
    error.status_instead = 401 if isinstance(error, ABOUT_THE_USER) else None
    return error


def response_claims(members: Members, client_id: str, now: float) -> Members:
    """The claims of a response JWT: every member, numbers as numbers, for this client, for a short time. JARM 2.1."""
    return {**members, "aud": client_id, "exp": int(now) + RESPONSE_LIFETIME}


def deliver(reply_to: ReplyTo, members: Members) -> AuthorizationResponse:
    """Send these members, or the one that holds them all, to the checked redirect URI.

    OAuth 2.0 Multiple Response Types 2.1, OAuth 2.0 Form Post Response Mode 2, JARM 2.3.
    """
    fields = tuple((name, str(value)) for name, value in members.items())
    if reply_to.carrier == "form_post":
        return FormPost(reply_to.redirect_uri, fields)
    encoded = urlencode(fields, quote_via=quote, safe="")
    if reply_to.carrier == "fragment":
        return RedirectTo(f"{reply_to.redirect_uri}#{encoded}")
    # The URI's own query is kept (RFC 6749 3.1.2).
    joint = "&" if "?" in reply_to.redirect_uri else "?"
    return RedirectTo(f"{reply_to.redirect_uri}{joint}{encoded}")
