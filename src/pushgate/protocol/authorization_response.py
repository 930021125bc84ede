"""The authorization response: the one place that adds `state` and `iss` (RFC 9207) and picks the carrier."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from pushgate.errors import OAuthError
from pushgate.protocol.redirect_uri import ReplyTo


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


def respond(reply_to: ReplyTo, issuer: str, members: dict[str, str]) -> AuthorizationResponse:
    """Answer at the checked redirect URI. `state` comes back unchanged, and only if it was sent.

    RFC 6749 4.1.2, 4.2.2; RFC 9207 2; OAuth 2.0 Multiple Response Types 2.1.
    """
    fields = dict(members)
    if reply_to.state is not None:
        fields["state"] = reply_to.state
    fields["iss"] = issuer
    if reply_to.response_mode == "form_post":
        return FormPost(reply_to.redirect_uri, tuple(fields.items()))
    encoded = urlencode(fields, quote_via=quote, safe="")
    if reply_to.response_mode == "fragment":
        return RedirectTo(f"{reply_to.redirect_uri}#{encoded}")
    # The URI's own query is kept (RFC 6749 3.1.2).
    joint = "&" if "?" in reply_to.redirect_uri else "?"
    return RedirectTo(f"{reply_to.redirect_uri}{joint}{encoded}")


def respond_error(reply_to: ReplyTo, issuer: str, error: OAuthError) -> AuthorizationResponse:
    """An error response to the client. RFC 6749 4.1.2.1, 4.2.2.1."""
    return respond(reply_to, issuer, {"error": error.code, "error_description": error.description})
