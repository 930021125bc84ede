"""How a resource says no: status, challenges and body (RFC 6750 3, RFC 9449 7.1, RFC 9470 3)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pushgate.errors import InsufficientScope, InsufficientUserAuthentication, InvalidToken, NoToken, OAuthError
from pushgate.protocol.access_token import BEARER, DPOP

_VALUE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


class AccessRefused(Exception):
    """A request may not pass. Answer it with `status`, `headers` and `body`.

    `error` is the code (RFC 6750 3.1), `refusal` a stable ID that docs/reference/refusals.md explains, `detail` a word
    for the log alone. A missing token, a bad one or a bad proof: 401. Too little scope: 403. A malformed request: 400.
    The issuer cannot be reached: 503.
    """

    def __init__(self, error: OAuthError, challenges: Iterable[str]) -> None:
        super().__init__(f"{error.code}: {error.description}")
        self.status = error.status
        self.error = error.code
        self.description = error.description
        self.refusal = error.refusal.id
        self.detail = error.detail
        self.challenges = tuple(challenges)
        """The values of WWW-Authenticate, one for each scheme."""
        self.dpop_nonce = error.dpop_nonce
        self.retry_after = error.retry_after

    def __repr__(self) -> str:
        return f"<AccessRefused {self.status} {self.refusal}>"

    @property
    def body(self) -> dict[str, str]:
        """The JSON document of the answer."""
        return {"error": self.error, "error_description": self.description}

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers of the answer; WWW-Authenticate is there once for each scheme."""
        found = [("Cache-Control", "no-store"), ("Pushgate-Refusal", self.refusal)]
        found += [("WWW-Authenticate", challenge) for challenge in self.challenges]
        if self.dpop_nonce is not None:
            found.append(("DPoP-Nonce", self.dpop_nonce))
        if self.retry_after is not None:
            found.append(("Retry-After", str(self.retry_after)))
        return found

    @property
    def joined_headers(self) -> dict[str, str]:
        """The same where a name can be there once only: the challenges in one value (RFC 9110 11.6.1)."""
        found = dict(self.headers)
        if self.challenges:
            found["WWW-Authenticate"] = ", ".join(self.challenges)
        return found


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operation of the API asks of a token."""

    scope: tuple[str, ...] = ()
    acr_values: tuple[str, ...] = ()
    max_age: int | None = None

    @classmethod
    def of(cls, scope: str | Iterable[str], acr_values: str | Iterable[str], max_age: int | None) -> Wanted:
        """Lists may be text with spaces. Raises ValueError for what a challenge cannot say."""
        if max_age is not None and (isinstance(max_age, bool) or not isinstance(max_age, int) or max_age < 0):
            raise ValueError("max_age is a number of seconds")
        return cls(_values(scope), _values(acr_values), max_age)


def _values(given: str | Iterable[str]) -> tuple[str, ...]:
    values = tuple(given.split() if isinstance(given, str) else given)
    for value in values:
        if not _VALUE.fullmatch(value):
            raise ValueError(f"{value!r} is no value of a scope or acr_values list (RFC 6749 A.4)")
    return values


def challenges(error: OAuthError, *, scheme: str, realm: str, algs: Iterable[str], wanted: Wanted) -> list[str]:
    """The challenges of an answer. The scheme that was tried has the error; none where the resource itself failed.

    Who sent a Bearer token that is not good is told that DPoP is there; who tried DPoP is not invited to do without.
    A request without a token gets no error code. RFC 6750 3, RFC 9449 7.1, RFC 9470 3.
    """
    offered = {"algs": " ".join(algs)}
    bearer, dpop = {"realm": realm}, {"realm": realm, **offered}
    if isinstance(error, NoToken):
        return [_challenge(BEARER, bearer), _challenge(DPOP, dpop)]
    if error.status >= 500:
        return []
    told = {"realm": realm, "error": error.code, "error_description": error.description}
    if isinstance(error, InsufficientScope | InsufficientUserAuthentication) and wanted.scope:
        told["scope"] = " ".join(wanted.scope)
    if isinstance(error, InsufficientUserAuthentication):
        told |= {"acr_values": " ".join(wanted.acr_values)} if wanted.acr_values else {}
        told |= {"max_age": str(wanted.max_age)} if wanted.max_age is not None else {}
    if scheme == DPOP or error.at_resource:
        return [_challenge(DPOP, {**told, **offered})]
    also = [_challenge(DPOP, dpop)] if isinstance(error, InvalidToken) else []
    return [_challenge(BEARER, told), *also]


def _challenge(scheme: str, parameters: dict[str, str]) -> str:
    return f"{scheme} " + ", ".join(f'{name}="{value}"' for name, value in parameters.items())
