"""Resource indicators (RFC 8707): where an access token is meant to be used, and what its scopes mean there."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

from pushgate import refusals
from pushgate.model import Resource
from pushgate.protocol.params import NO_SPACE, Params
from pushgate.protocol.scopes import OIDC_SCOPES, OPENID

MAX_RESOURCES = 10
MAX_LENGTH = 2000  # characters of one URI
# RFC 3986 4.3 by its characters; a fragment has none of its own here, so `#` never fits.
ABSOLUTE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]|%[0-9A-Fa-f]{2})+")


def requested_resources(params: Params) -> tuple[str, ...]:
    """What a request says in `audience`, which wins, or in `resource`. Raises InvalidTarget.

    `audience` is an older spelling of the same wish, with one value. RFC 8707 2.
    """
    audience = params.get("audience")
    return parse_resources(params.get("resource") if audience is None else audience.replace(" ", NO_SPACE))


def parse_resources(value: str | None) -> tuple[str, ...]:
    """The `resource` parameters, joined by one space as `Params` has them, in order and without doubles.

    Each is an absolute URI without fragment or user name, at most ten are taken, and none is normalised.
    Raises InvalidTarget. RFC 8707 2.
    """
    if value is None:
        return ()
    if len(value) > MAX_RESOURCES * (MAX_LENGTH + 1):
        raise refusals.RESOURCE_MALFORMED("too long")
    found = value.split(" ")
    if len(found) > MAX_RESOURCES:
        raise refusals.RESOURCE_MALFORMED("too many")
    for uri in found:
        if problem := _problem(uri):
            raise refusals.RESOURCE_MALFORMED(problem)
    return tuple(dict.fromkeys(found))


def _problem(uri: str) -> str | None:
    if len(uri) > MAX_LENGTH:
        return "too long"
    if not ABSOLUTE_URI.fullmatch(uri):
        return "not an absolute URI"
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return "not a URI"
    if "@" in parts.netloc:
        return "a user name"
    if parts.scheme in ("http", "https") and not parts.hostname:
        return "no host"
    return None


def check_resources(
    wanted: tuple[str, ...], known: tuple[Resource, ...], allowed: frozenset[str] | None, *, demanded: bool = False
) -> None:
    """Every resource is one of the realm's, and of the client's where it has a list. Raises InvalidTarget.

    Identifiers are compared character for character. `demanded`: a request has to name one.
    RFC 8707 2.1.
    """
    if not wanted:
        if demanded:
            raise refusals.RESOURCE_MISSING()
        return
    identifiers = {resource.identifier for resource in known}
    for uri in wanted:
        if uri not in identifiers:
            raise refusals.RESOURCE_UNKNOWN(uri[:200])
        if allowed is not None and uri not in allowed:
            raise refusals.RESOURCE_NOT_ALLOWED(uri[:200])


@lru_cache(maxsize=256)
def audience(
    scope: tuple[str, ...],
    wanted: tuple[str, ...],
    known: tuple[Resource, ...],
    issuer: str,
    default: str | None,
    located: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """The audience of an access token; it is never empty.

    What was asked for with `resource` is the audience, and nothing else: not even UserInfo, which is
    addressed by the issuer identifier, so that a client which wants UserInfo needs a token asked for
    without `resource` (RFC 8707 2.2). Where nothing was asked for, it is the one resource that the scopes
    belong to, those where authorization details are `located`, and the issuer for openid. Scopes that
    belong to no resource, and requests without any, lead to `default`, or to the issuer where the realm
    has none; openid with claims alone is for UserInfo and needs no default. Raises InvalidScope for scopes
    of two resources. RFC 9068 2.2, 3.
    """
    if wanted:
        return wanted
    owners = [r.identifier for r in known if any(s in r.scopes for s in scope)]
    if len(owners) > 1:
        raise refusals.SCOPE_MIXED()
    owners = list(dict.fromkeys((*owners, *located)))
    if not owners and default is not None and (OPENID not in scope or any(s not in OIDC_SCOPES for s in scope)):
        owners = [default]
    # The default may be the issuer itself.
    return tuple(dict.fromkeys((*owners, issuer))) if OPENID in scope or not owners else tuple(owners)


def scope_for(scope: tuple[str, ...], wanted: tuple[str, ...], known: tuple[Resource, ...]) -> tuple[str, ...]:
    """The scope of an access token: what the wanted resources understand, in the order of the request.

    Without `resource` nothing is cut. With it openid and its claims go too, because the issuer is not in
    the audience; so this is for access tokens only, while the grant, and whether there is an ID Token,
    stay with the whole scope. May be empty. RFC 8707 2.2, RFC 9068 2.2.3.
    """
    if not wanted:
        return scope
    understood = {value for resource in known if resource.identifier in wanted for value in resource.scopes}
    return tuple(value for value in scope if value in understood)


def check_subset(wanted: tuple[str, ...], granted: tuple[str, ...]) -> None:
    """At the token endpoint only resources of the grant can be asked for. Raises InvalidTarget.

    `granted` are the resources of the authorization request, or its audience where it named none.
    RFC 8707 2.2.
    """
    for uri in wanted:
        if uri not in granted:
            raise refusals.RESOURCE_EXCEED(uri[:200])
