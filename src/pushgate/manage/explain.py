"""Why a client is held to what it is held to: every rule in force, its value, and where the value comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pushgate.dialects import DIALECTS
from pushgate.jose.certificates import parse_anchors
from pushgate.model import Client, RealmSettings
from pushgate.profiles import PROFILES, SecurityProfile, policy_of
from pushgate.protocol.client_auth import CERTIFICATE_METHODS
from pushgate.protocol.mtls import registered_subjects


@dataclass(frozen=True, slots=True)
class Line:
    """One rule in force."""

    rule: str
    value: str
    source: str


def explain(realm: RealmSettings, client: Client) -> list[Line]:
    """The effective policy of a client, computed by the function that the server runs on."""
    return [*_profile(realm, client), *_switches(realm, client), *_lifetimes(realm, client)]


def _profile(realm: RealmSettings, client: Client) -> Iterator[Line]:
    policy, whose = policy_of(realm, client), _whose(realm, client)
    profile = policy.profile
    yield Line("security profile", profile.name, whose)
    yield Line("OpenID Connect", _yes(profile.openid_connect), whose)
    method = client.token_endpoint_auth_method
    allowed = "allowed" if method in profile.auth_methods else "refused"
    yield Line("client authentication", method, f"client: token_endpoint_auth_method; {allowed} by {profile.name}")
    if method in CERTIFICATE_METHODS:
        yield from _certificate(realm, client)
    yield Line("signature algorithms", " ".join(sorted(profile.algorithms)), whose)
    audience = "the issuer, as a string" if profile.issuer_audience else "issuer, token or PAR endpoint"
    yield Line("audience of client assertions", audience, whose)
    types = " | ".join(sorted(policy.response_types)) or "none"
    yield Line("response types", types, f"client: response_types, within {profile.name}")
    modes = " ".join(sorted(policy.response_modes)) or "none"
    whose_modes = whose if client.response_modes is None else f"client: response_modes, within {profile.name}"
    yield Line("response modes", modes, whose_modes)
    fetched = realm.request_uri_parameter_supported and bool(client.request_uris) and not policy.par_required
    whose_uris = "client: request_uris, where realm: request_uri_parameter_supported and requests need not be pushed"
    yield Line("request objects by reference", _yes(fetched), whose_uris)
    yield Line("redirect_uri must be sent", _yes(profile.redirect_uri_required), whose)


def _certificate(realm: RealmSettings, client: Client) -> Iterator[Line]:
    """What is compared with the certificate, and who may vouch for it."""
    if client.token_endpoint_auth_method != "tls_client_auth":
        yield Line("client certificate", "one in x5c of the client's keys", "client: jwks or jwks_uri")
        return
    for member, value in registered_subjects(client):
        yield Line("client certificate", value, f"client: {member}")
    vouching = "nobody" if realm.tls_client_ca is None else " | ".join(parse_anchors(realm.tls_client_ca).names)
    yield Line("who vouches for it", vouching, "realm: tls_client_ca")


def _switches(realm: RealmSettings, client: Client) -> Iterator[Line]:
    """Each switch with everybody who demands it: it is on if one does."""
    policy = policy_of(realm, client)
    profile, par = policy.profile, realm.pushed_authorization_requests
    demands = {
        "pushed requests required": (
            policy.par_required,
            [
                (profile.par_required, f"profile {profile.name}"),
                (par.required, "realm: pushed_authorization_requests.required"),
                (client.require_pushed_authorization_requests, "client: require_pushed_authorization_requests"),
            ],
        ),
        "PKCE (S256) required": (
            policy.pkce_required,
            [
                (profile.pkce_required, f"profile {profile.name}"),
                (client.public, "a public client"),
                (realm.pkce_required, "realm: pkce_required"),
                (bool(client.pkce_required), "client: pkce_required"),
            ],
        ),
        "signed request objects required": (
            policy.signed_request_required,
            [
                (profile.signed_requests, f"profile {profile.name}"),
                (realm.require_signed_request_object, "realm: require_signed_request_object"),
                (client.require_signed_request_object, "client: require_signed_request_object"),
            ],
        ),
        "tokens bound to a key": (
            policy.sender_constrained,
            [
                (profile.sender_constrained, f"profile {profile.name}"),
                (client.dpop_bound_access_tokens, "client: dpop_bound_access_tokens"),
                (
                    client.tls_client_certificate_bound_access_tokens,
                    "client: tls_client_certificate_bound_access_tokens",
                ),
            ],
        ),
        "introspection by APIs alone": (
            profile.introspection_for_resources_only,
            [(profile.introspection_for_resources_only, f"profile {profile.name}")],
        ),
        "a known acr that cannot be reached is an error": (
            policy.step_up,
            [
                (profile.step_up, f"profile {profile.name}"),
                (realm.step_up, "realm: step_up"),
                (client.step_up, "client: step_up"),
            ],
        ),
        "DPoP nonces": (realm.dpop_nonces, [(realm.dpop_nonces, "realm: dpop_nonces")]),
    }
    for rule, (value, reasons) in demands.items():
        because = [reason for holds, reason in reasons if holds]
        yield Line(rule, _yes(value), ", ".join(because) or "nobody demands it")


def _lifetimes(realm: RealmSettings, client: Client) -> Iterator[Line]:
    policy = policy_of(realm, client)
    profile = policy.profile
    dialect, par = DIALECTS[realm.dialect], realm.pushed_authorization_requests
    lifetime = policy.request_lifetime or min(dialect.request_lifetime, profile.longest_request)
    source = f"dialect {dialect.name}"
    if client.par_request_expiry is not None:
        source = "client: par_request_expiry"
    elif par.lifetime is not None:
        source = "realm: pushed_authorization_requests.lifetime"
    yield Line("life of a request_uri", f"{lifetime} s", source)
    capped = policy.code_lifetime < realm.lifetimes.code
    yield Line(
        "life of a code", f"{policy.code_lifetime} s", f"profile {profile.name}" if capped else "realm: lifetimes.code"
    )


def _whose(realm: RealmSettings, client: Client) -> str:
    own: SecurityProfile | None = PROFILES.get(client.profile or "")
    if own is None:
        return "realm: profile"
    return f"client: profile, within the realm's ({realm.profile})"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
