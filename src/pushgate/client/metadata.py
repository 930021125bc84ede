"""What the server says about itself: its metadata document (RFC 8414, OpenID Connect Discovery)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from pushgate.client.errors import BadReply, printable
from pushgate.client.wire import fetch, json_object, safe_url

WHERE = "metadata document"
REQUIRED = ("authorization_endpoint", "token_endpoint", "pushed_authorization_request_endpoint")
OPTIONAL = ("jwks_uri", "userinfo_endpoint")


@dataclass(frozen=True, slots=True)
class Metadata:
    """The members this client uses; `document` has all of them."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    pushed_authorization_request_endpoint: str
    jwks_uri: str | None
    userinfo_endpoint: str | None
    iss_promised: bool
    """Whether every authorization response names the issuer (RFC 9207 3)."""
    id_token_algs: tuple[str, ...]
    document: Mapping[str, Any] = field(repr=False)


async def discover(http: httpx.AsyncClient, issuer: str) -> Metadata:
    """Fetch the document, where OpenID Connect puts it or else where RFC 8414 does. Raises ClientError."""
    response = None
    for url in addresses(issuer):
        response = await fetch(http, "GET", url, headers={"accept": "application/json"})
        if response.status_code != 404:
            break
    assert response is not None
    return understood(json_object(response, WHERE), issuer)


def addresses(issuer: str) -> Iterator[str]:
    """OpenID Connect Discovery 4.1 appends the well-known part, RFC 8414 3.1 inserts it before the path."""
    base = issuer.rstrip("/")
    yield f"{base}/.well-known/openid-configuration"
    parts = urlsplit(base)
    yield f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{parts.path}"


def understood(document: dict[str, Any], issuer: str) -> Metadata:
    """The document as types. Raises BadReply, above all where it speaks for another issuer.

    The issuer must be identical to the one asked for, or a stranger could put his endpoints under a
    trusted name (RFC 8414 3.3, OpenID Connect Discovery 4.3).
    """
    named = document.get("issuer")
    if named != issuer:
        raise BadReply(f"the {WHERE} is of issuer {printable(named)!r}, not of {issuer!r}")
    for name in (*REQUIRED, *OPTIONAL):
        value = document.get(name)
        if value is None and name in REQUIRED:
            raise BadReply(f"the {WHERE} has no {name}")
        if value is not None and not safe_url(value):
            raise BadReply(f"the {WHERE} has a {name} that is not an https URL")
    algs = document.get("id_token_signing_alg_values_supported")
    return Metadata(
        issuer=issuer,
        authorization_endpoint=document["authorization_endpoint"],
        token_endpoint=document["token_endpoint"],
        pushed_authorization_request_endpoint=document["pushed_authorization_request_endpoint"],
        jwks_uri=document.get("jwks_uri"),
        userinfo_endpoint=document.get("userinfo_endpoint"),
        iss_promised=document.get("authorization_response_iss_parameter_supported") is True,
        id_token_algs=tuple(map(str, algs)) if isinstance(algs, list) else ("RS256",),
        document=document,
    )
