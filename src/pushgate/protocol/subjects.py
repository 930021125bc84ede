"""Subject identifiers: what a client knows a user by (OpenID Connect Core 8)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import urlsplit

from pushgate.model import Client

SUBJECT_TYPES = ("public", "pairwise")


def subject(client: Client, sub: str, key: bytes) -> str:
    """The `sub` that this client is told for a user, whose local identifier is `sub`.

    Clients of one sector are told the same one, other sectors another one, and nobody gets back from it without
    `key`, which is the realm's. OpenID Connect Core 8, 8.1.
    """
    if client.subject_type != "pairwise":
        return sub
    digest = hmac.digest(key, f"{sector_of(client)}\0{sub}".encode(), hashlib.sha256)
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def sector_of(client: Client) -> str:
    """The sector identifier: the host of `sector_identifier_uri`, else that of the redirect URIs.

    OpenID Connect Core 8.1.
    """
    if client.sector_identifier_uri is not None:
        return urlsplit(client.sector_identifier_uri).hostname or ""
    return next(iter(hosts_of(client)), None) or ""


def hosts_of(client: Client) -> list[str | None]:
    """The hosts that the client may be answered at, each once; None for a URI that has none."""
    return list(dict.fromkeys(map(_host, (*client.redirect_uris, *client.pushed_redirect_uri_prefixes))))


def _host(uri: str) -> str | None:
    try:
        return urlsplit(uri).hostname
    except ValueError:
        return None


def sector_document_problem(client: Client, document: Any) -> str | None:
    """What is wrong with what was found at `sector_identifier_uri`: it lists every redirect URI of the client.

    OpenID Connect Core 8.1, OpenID Connect Registration 5.
    """
    if not isinstance(document, list) or not all(isinstance(uri, str) for uri in document):
        return "what is there is not a JSON array of redirect URIs"
    missing = [uri for uri in client.redirect_uris if uri not in document]
    return f"what is there does not list {missing[0]}" if missing else None
