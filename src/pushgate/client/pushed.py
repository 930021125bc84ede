"""A pushed request as the client remembers it, and reading what the browser brings back for it."""

from __future__ import annotations

import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from pushgate.client.errors import BadAuthorizationResponse, BadReply, Refused, printable
from pushgate.client.metadata import Metadata

MADE_HERE = frozenset(
    {"client_id", "code_challenge", "code_challenge_method", "nonce", "request_uri", "response_type", "state"}
)
"""Parameters that the client makes itself."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """A request that waits at the server. Keep it where only this browser's session leads to it.

    `state`, `nonce` and `code_verifier` tie the answer to this request and this client; none of them is
    for anybody else's eyes.
    """

    request_uri: str = field(repr=False)
    expires_in: int
    """Seconds to send the browser to the server."""
    authorization_url: str = field(repr=False)
    """Where to send the browser."""
    redirect_uri: str
    scope: str
    state: str = field(repr=False)
    nonce: str | None = field(repr=False)
    code_verifier: str = field(repr=False)
    max_age: int | None = None


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is made afresh for each request. RFC 6749 10.12, OpenID Connect Core 15.5.2, RFC 7636 4.1."""

    state: str
    nonce: str | None
    code_verifier: str

    def __repr__(self) -> str:
        return "Secrets(...)"

    @classmethod
    def make(cls, *, openid: bool) -> Secrets:
        """256 random bits each."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32) if openid else None, secrets.token_urlsafe(32))

    @property
    def challenge(self) -> str:
        """S256: the hash goes ahead, the verifier follows with the code. RFC 7636 4.2."""
        return urlsafe_b64encode(sha256(self.code_verifier.encode()).digest()).rstrip(b"=").decode()


def request_form(
    client_id: str, redirect_uri: str, scope: str, made: Secrets, params: Mapping[str, Any]
) -> dict[str, str | list[str]]:
    """The form of a push: an authorization request, word for word. RFC 9126 2.1.

    Of `params`, text and lists of text go as they are, everything else as JSON (`claims`,
    `authorization_details`, `max_age`); None is left out. Raises ValueError for a parameter made here.
    """
    reserved = sorted(MADE_HERE & params.keys())
    if reserved:
        raise ValueError(f"{', '.join(reserved)}: the client makes this itself")
    form: dict[str, str | list[str]] = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": scope,
        "state": made.state,
        "nonce": made.nonce or "",
        "code_challenge": made.challenge,
        "code_challenge_method": "S256",
    }
    form |= {name: _written(value) for name, value in params.items() if value is not None}
    return {name: value for name, value in form.items() if value}


def _written(value: Any) -> str | list[str]:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        return list(value)
    return json.dumps(value, separators=(",", ":"))


def pushed(
    reply: Mapping[str, Any], metadata: Metadata, form: Mapping[str, str | list[str]], made: Secrets, max_age: Any
) -> Pushed:
    """The server's answer to a push, with what is needed to finish. Raises BadReply. RFC 9126 2.2."""
    request_uri, expires_in = reply.get("request_uri"), reply.get("expires_in")
    if not isinstance(request_uri, str) or not request_uri:
        raise BadReply("the pushed authorization request endpoint sent no request_uri")
    if not isinstance(expires_in, int) or expires_in <= 0:
        raise BadReply("the pushed authorization request endpoint sent no usable expires_in")
    query = urlencode({"client_id": form["client_id"], "request_uri": request_uri}, quote_via=quote, safe="")
    joint = "&" if "?" in metadata.authorization_endpoint else "?"
    return Pushed(
        request_uri=request_uri,
        expires_in=expires_in,
        authorization_url=f"{metadata.authorization_endpoint}{joint}{query}",
        redirect_uri=str(form["redirect_uri"]),
        scope=str(form.get("scope", "")),
        state=made.state,
        nonce=made.nonce,
        code_verifier=made.code_verifier,
        max_age=None if max_age is None else int(max_age),
    )


def authorization_code(metadata: Metadata, pushed: Pushed, redirected: str | Mapping[str, str]) -> str:
    """The code out of an authorization response, after everything about the response was checked.

    In this order: it answers our request (`state`), it comes from our server (`iss`), it is no refusal.
    Raises BadAuthorizationResponse, Refused. RFC 6749 4.1.2, 10.12; RFC 9207 2.4.
    """
    answer = _members(redirected) if isinstance(redirected, str) else redirected
    if not hmac.compare_digest(answer.get("state", "").encode(), pushed.state.encode()):
        raise BadAuthorizationResponse("the state is not the one of this request")
    issuer = answer.get("iss")
    if issuer is None and metadata.iss_promised:
        raise BadAuthorizationResponse("the response does not say which server it comes from (iss)")
    if issuer is not None and issuer != metadata.issuer:
        raise BadAuthorizationResponse(f"the response is of issuer {printable(issuer)!r}, not of {metadata.issuer!r}")
    if "error" in answer:
        raise Refused("authorization endpoint", answer["error"], answer.get("error_description", ""))
    if not answer.get("code"):
        raise BadAuthorizationResponse("the response has neither a code nor an error")
    return answer["code"]


def _members(url: str) -> dict[str, str]:
    """The parameters in a redirect URI's query or fragment; none may be there twice. RFC 6749 3.1."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.fragment or parts.query, keep_blank_values=True)
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadAuthorizationResponse("the response has a parameter more than once")
    return members
