"""What one access token is good for: scope, audience and authorization details, of a grant or of a client itself."""

from __future__ import annotations

import msgspec

from pushgate import refusals
from pushgate.model import Client, Details, Fact, Grant, RealmSettings
from pushgate.protocol.authorization_details import (
    check_details,
    check_narrowed,
    for_audience,
    requested_details,
    resources_of,
)
from pushgate.protocol.management import audience_of, check_management
from pushgate.protocol.params import Params
from pushgate.protocol.resource import audience, check_resources, check_subset, requested_resources, scope_for
from pushgate.protocol.scopes import OIDC_SCOPES


class Access(Fact, frozen=True, gc=True):
    """What one access token is good for."""

    scope: tuple[str, ...]
    audience: tuple[str, ...]
    authorization_details: Details = ()


def access_for(
    scope: tuple[str, ...],
    resource: tuple[str, ...],
    details: Details,
    client: Client,
    settings: RealmSettings,
    issuer: str,
) -> Access:
    """What was granted, cut to where the token is meant to be used, which the client's registration has to allow.

    Raises InvalidScope, InvalidTarget. RFC 8707 2.1, 2.2; RFC 9396 9.1.
    """
    known = settings.resources
    located = resources_of(details, known) if details else ()
    found = audience(scope, resource, known, issuer, settings.default_resource, located)
    if audience_of(issuer) in found:  # whatever the realm's resources are: no user's token is for management
        raise refusals.RESOURCE_NOT_ALLOWED("management")
    allowed = resources_allowed(client)
    if allowed is not None and not allowed.issuperset(uri for uri in found if uri != issuer):
        raise refusals.RESOURCE_NOT_ALLOWED("by its scope or details")
    cut = scope_for(scope, resource, known)
    theirs = for_audience(details, found, known) if details else ()
    empty = not cut and not theirs and not set(scope) <= set(OIDC_SCOPES)
    if empty and all(r.scopes for r in known if r.identifier in found):
        raise refusals.SCOPE_TARGET()
    return Access(cut, found, theirs)


def access_of_grant(
    grant: Grant, scope: tuple[str, ...], params: Params, client: Client, settings: RealmSettings, issuer: str
) -> Access:
    """What a token request makes of a grant: the whole, or the part that it asks for; the grant stays as it is.

    What realm or client have lost since is left out, and nothing comes in that was not granted.
    Raises InvalidTarget, InvalidAuthorizationDetails, InvalidScope. RFC 8707 2.2, RFC 9396 6.
    """
    wanted = requested_resources(params)
    check_subset(wanted, grant.resource or grant.audience)
    resource = wanted or grant.resource
    check_resources(resource, settings.resources, resources_allowed(client))
    granted = still_granted(grant.authorization_details, client, settings)
    details = check_narrowed(requested_details(params), granted)
    if settings.default_resource not in grant.audience:
        settings = msgspec.structs.replace(settings, default_resource=None)
    access = access_for(scope, resource, details, client, settings, issuer)
    check_subset(tuple(uri for uri in access.audience if uri != issuer), grant.audience)
    return access


def still_granted(details: Details, client: Client, settings: RealmSettings) -> Details:
    """The granted details of types that realm and client still have. Raises InvalidAuthorizationDetails for none.

    RFC 9396 10.
    """
    allowed = types_allowed(client)
    types = {known.type for known in settings.authorization_details_types if allowed is None or known.type in allowed}
    kept = tuple(entry for entry in details if entry["type"] in types)
    if details and not kept:
        raise refusals.DETAILS_TYPE_NOT_ALLOWED("no longer")
    return kept


def access_of_client(
    scope: tuple[str, ...], params: Params, client: Client, settings: RealmSettings, issuer: str
) -> Access:
    """What a client gets for itself. Raises InvalidTarget, InvalidAuthorizationDetails, InvalidScope. RFC 9396 6."""
    resource, details = requested_resources(params), requested_details(params)
    management = audience_of(issuer)
    if management in resource and not details:
        return Access(check_management(scope, resource, client, management), (management,))
    demanded = settings.resource_required
    check_resources(resource, settings.resources, resources_allowed(client), demanded=demanded)
    check_details(details, settings.authorization_details_types, types_allowed(client))
    return access_for(scope, resource, details, client, settings, issuer)


def resources_allowed(client: Client) -> frozenset[str] | None:
    """What the client's registration lets `resource` name; None leaves it to the realm."""
    return None if client.allowed_resources is None else frozenset(client.allowed_resources)


def types_allowed(client: Client) -> frozenset[str] | None:
    """The types of authorization details that the client may use; None leaves it to the realm. RFC 9396 10."""
    return None if client.authorization_details_types is None else frozenset(client.authorization_details_types)
