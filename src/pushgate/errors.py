"""The OAuthError tree: one class per registered error code, which fixes the code and the HTTP status.

Errors know their code; the stage that catches them knows the delivery (JSON, page, redirect).
Descriptions are fixed English text without user input, so that RFC 6749 5.2's character set holds by
construction and nothing can be reflected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Refusal:
    """One way in which the server says no; calling it makes the exception to raise.

    `id` is stable and public, `description` goes on the wire as `error_description`, `advice` tells a
    developer what to do and appears on error pages and in the documentation. `status` overrides the
    status of the error class where HTTP has a better one.
    """

    id: str
    error: type[OAuthError]
    description: str
    advice: str
    status: int | None = None

    def __call__(self, detail: str = "") -> OAuthError:
        """Make the error; `detail` is for the log only and never reaches the wire."""
        return self.error(self, detail)


class OAuthError(Exception):
    """A request was refused. Bugs are never OAuthErrors."""

    code: ClassVar[str]
    default_status: ClassVar[int] = 400

    def __init__(self, refusal: Refusal, detail: str = "") -> None:
        super().__init__(refusal.id)
        self.refusal = refusal
        self.detail = detail
        self.retry_after: int | None = None
        self.about: str | None = None
        """What it is about, in our own words and nobody else's: a field's path, and a reason where that is fixed."""
        self.at_resource = False
        """Whether a protected resource refuses a DPoP proof: 401 and a challenge there (RFC 9449 7.1)."""
        self.status_instead: int | None = None
        """The status where an endpoint has to answer with another one (RFC 9701 5)."""
        self.dpop_algs: tuple[str, ...] | None = None
        """What proofs may be signed with, where the client is known; the realm's otherwise (RFC 9449 7.1)."""
        self.dpop_nonce: str | None = None
        """The nonce that the next proof has to carry (RFC 9449 8)."""

    @property
    def status(self) -> int:
        """HTTP status when the error is answered directly."""
        own = self.status_instead or self.refusal.status or self.default_status
        return 401 if self.at_resource else own

    @property
    def description(self) -> str:
        """`error_description` as it goes on the wire."""
        return self.refusal.description if self.about is None else f"{self.refusal.description} {self.about}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.refusal.id}>"


def _code(code: str, status: int = 400) -> Callable[[type[OAuthError]], type[OAuthError]]:
    def fix(cls: type[OAuthError]) -> type[OAuthError]:
        cls.code, cls.default_status = code, status
        return cls

    return fix


@_code("invalid_request")
class InvalidRequest(OAuthError):
    """RFC 6749 4.1.2.1, 5.2."""


@_code("invalid_client", 401)
class InvalidClient(OAuthError):
    """RFC 6749 5.2; always 401 with a challenge, whichever method was tried."""


@_code("invalid_grant")
class InvalidGrant(OAuthError):
    """RFC 6749 5.2."""


@_code("unauthorized_client")
class UnauthorizedClient(OAuthError):
    """RFC 6749 4.1.2.1, 5.2."""


@_code("unsupported_grant_type")
class UnsupportedGrantType(OAuthError):
    """RFC 6749 5.2."""


@_code("unsupported_token_type")
class UnsupportedTokenType(OAuthError):
    """RFC 7009 2.2.1."""


@_code("invalid_scope")
class InvalidScope(OAuthError):
    """RFC 6749 4.1.2.1, 5.2."""


@_code("access_denied")
class AccessDenied(OAuthError):
    """RFC 6749 4.1.2.1; status 403 where a page or a JSON body reports it."""


@_code("unsupported_response_type")
class UnsupportedResponseType(OAuthError):
    """RFC 6749 4.1.2.1."""


@_code("server_error", 500)
class ServerError(OAuthError):
    """RFC 6749 4.1.2.1."""


@_code("temporarily_unavailable", 503)
class TemporarilyUnavailable(OAuthError):
    """RFC 6749 4.1.2.1; with status 429 where a rate limit speaks (RFC 9126 2.3)."""


@_code("invalid_request_uri")
class InvalidRequestUri(OAuthError):
    """RFC 9101 7, OpenID Connect Core 3.1.2.6."""


@_code("request_uri_not_supported")
class RequestUriNotSupported(OAuthError):
    """OpenID Connect Core 3.1.2.6."""


@_code("invalid_request_object")
class InvalidRequestObject(OAuthError):
    """RFC 9101 7, OpenID Connect Core 3.1.2.6."""


@_code("invalid_target")
class InvalidTarget(OAuthError):
    """RFC 8707 2."""


@_code("invalid_authorization_details")
class InvalidAuthorizationDetails(OAuthError):
    """RFC 9396 5."""


@_code("unmet_authentication_requirements")
class UnmetAuthenticationRequirements(OAuthError):
    """OpenID Connect Core Unmet Authentication Requirements 1.0; RFC 9470 5."""


@_code("invalid_dpop_proof")
class InvalidDpopProof(OAuthError):
    """RFC 9449 5, 12.2; 400 where tokens are made, 401 at a protected resource."""


@_code("use_dpop_nonce")
class UseDpopNonce(OAuthError):
    """RFC 9449 8; 400 where tokens are made, 401 at a protected resource."""


@_code("request_not_supported")
class RequestNotSupported(OAuthError):
    """OpenID Connect Core 3.1.2.6."""


@_code("login_required")
class LoginRequired(OAuthError):
    """OpenID Connect Core 3.1.2.6."""


@_code("consent_required")
class ConsentRequired(OAuthError):
    """OpenID Connect Core 3.1.2.6."""


@_code("invalid_token", 401)
class InvalidToken(OAuthError):
    """RFC 6750 3.1."""


@_code("insufficient_scope", 403)
class InsufficientScope(OAuthError):
    """RFC 6750 3.1."""


@_code("insufficient_user_authentication", 401)
class InsufficientUserAuthentication(OAuthError):
    """RFC 9470 3: the token is good, but its user has to sign in again."""


@_code("invalid_redirect_uri")
class InvalidRedirectUri(OAuthError):
    """RFC 7591 3.2.2."""


@_code("invalid_client_metadata")
class InvalidClientMetadata(OAuthError):
    """RFC 7591 3.2.2."""


@_code("invalid_software_statement")
class InvalidSoftwareStatement(OAuthError):
    """RFC 7591 3.2.2."""


@_code("unapproved_software_statement")
class UnapprovedSoftwareStatement(OAuthError):
    """RFC 7591 3.2.2."""


class InvalidRegistrationToken(InvalidToken):
    """RFC 7591 3, RFC 7592 2: an initial or a registration access token, which are plain bearer tokens."""


class NoToken(InvalidToken):
    """RFC 6750 3.1: a request without a token gets a challenge that carries no error code."""
