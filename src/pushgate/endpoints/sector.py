"""The sector that a client says it is of, looked up when the client is saved (OpenID Connect Registration 5)."""

from __future__ import annotations

from pushgate.fetch import Fetcher, FetchError
from pushgate.model import Client
from pushgate.protocol.registration import Problem
from pushgate.protocol.subjects import sector_document_problem

TOLD = {
    "redirect": "answers with a redirect, which is not followed",
    "status": "does not answer with 200",
    "too_large": "is larger than 64 KiB",
    "content": "is not JSON",
    "tls": "has no certificate that is trusted here",
}
UNREACHABLE = "cannot be reached at a public https address"
"""Whatever the reason: what names and ports there are inside is no business of whoever registers a client."""


async def sector_identifier_problems(fetcher: Fetcher, client: Client, before: Client | None = None) -> list[Problem]:
    """Whether the document at `sector_identifier_uri` vouches for the client's redirect URIs; empty if it does.

    For every way to save a client, once `registration.problems` found none. Nothing is fetched where neither the URI
    nor the redirect URIs differ from the client as it was `before`. OpenID Connect Core 8.1.
    """
    uri = client.sector_identifier_uri
    same = before is not None and before.sector_identifier_uri == uri
    if uri is None or (same and before is not None and set(client.redirect_uris) <= set(before.redirect_uris)):
        return []
    try:
        document = await fetcher.get_json(uri)
    except FetchError as problem:
        return [Problem("sector_identifier_uri", TOLD.get(problem.reason, UNREACHABLE))]
    reason = sector_document_problem(client, document)
    return [] if reason is None else [Problem("sector_identifier_uri", reason)]
