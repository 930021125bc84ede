"""What a registration demands, or is held to, and its realm does not offer: a policy that nobody could satisfy."""

from __future__ import annotations

from collections.abc import Iterator

from pushgate.model import Client, RealmSettings
from pushgate.profiles import Policy, policy_of
from pushgate.protocol.journey import journey_named
from pushgate.protocol.redirect_uri import FRONT_CHANNEL
from pushgate.protocol.registration import Problem


def conflicts(client: Client, realm: RealmSettings, built_in: str | None = None) -> list[Problem]:
    """Everything of that kind; empty if the client can be used. The profile of both must exist.

    `built_in` is the audience of the realm's management API.
    """
    policy = policy_of(realm, client)
    return [*_requests(client, realm, policy), *_responses(client, policy), *_names(client, realm, built_in)]


def _requests(client: Client, realm: RealmSettings, policy: Policy) -> Iterator[Problem]:
    if policy.par_required and not realm.pushed_authorization_requests.supported and client.redirect_uris:
        demanded = client.require_pushed_authorization_requests
        name = "require_pushed_authorization_requests" if demanded else "profile"
        yield Problem(name, "needs pushed requests, which the realm has switched off")
    if policy.signed_request_required and not realm.request_parameter_supported:
        name = "require_signed_request_object" if client.require_signed_request_object else "profile"
        yield Problem(name, "needs request objects, which the realm has switched off")


def _responses(client: Client, policy: Policy) -> Iterator[Problem]:
    """Each response type needs a mode that may carry it. OAuth 2.0 Multiple Response Types 3.0, JARM 2.3.1."""
    closed = {"query"} if client.authorization_encrypted_response_alg else {"query", "query.jwt"}
    for value in sorted(policy.response_types) if client.redirect_uris else ():
        tokens = not FRONT_CHANNEL.isdisjoint(value.split(" "))
        if not policy.response_modes - (closed if tokens else set()):
            yield Problem("response_modes", f"leave no mode for the response type {value!r}")


def _names(client: Client, realm: RealmSettings, built_in: str | None) -> Iterator[Problem]:
    """A name that is not there would never match, and look as if it did."""
    resources = {built_in, *(resource.identifier for resource in realm.resources)}
    types = {known.type for known in realm.authorization_details_types}
    for member, known in (("allowed_resources", resources), ("authorization_details_types", types)):
        for name in getattr(client, member) or ():
            if name not in known:
                yield Problem(member, f"{name!r} is none of the realm's")
    if client.default_journey is not None and journey_named(client.default_journey, realm.journeys) is None:
        yield Problem("default_journey", f"{client.default_journey!r} is none of the realm's, and not built in")
