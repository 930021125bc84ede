"""Realm settings: merging what an operator says into what is there, and what cannot be saved."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from typing import Any, get_type_hints
from urllib.parse import urlsplit

import msgspec

from pushgate.dialects import DIALECTS
from pushgate.jose.algorithms import SIGNING
from pushgate.jose.certificates import parse_anchors
from pushgate.jose.verify import KeySet
from pushgate.manage.inputs import RealmInput
from pushgate.model import PushedAuthorizationRequests, RealmSettings
from pushgate.profiles import PROFILES
from pushgate.protocol.authorization_request import SCOPE
from pushgate.protocol.journey import BUILT_IN, FIRST, journey_named
from pushgate.protocol.metadata import LINKS
from pushgate.protocol.redirect_uri import registration_problem
from pushgate.protocol.registration import LIFETIME_RANGE, Problem
from pushgate.realm import DEFAULT_REALM, HOST, REALM_NAME

LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,5}")
NOT_SETTINGS = frozenset({"name", "clients", "users"})
# Upper bounds in seconds; codes are short-lived by RFC 6749 4.1.2.
LONGEST = {
    "code": 600,
    "access_token": 86_400,
    "id_token": 86_400,
    "refresh_token": 31_536_000,
    "session": 2_592_000,
    "interaction": 7_200,
}


def merged(current: RealmSettings | None, wanted: RealmInput) -> RealmSettings:
    """The settings after the change: members that are not said keep their value."""
    base = current or _new(wanted)
    said: dict[str, Any] = {}
    for name in wanted.__struct_fields__:
        value = getattr(wanted, name)
        if name not in NOT_SETTINGS and value is not msgspec.UNSET:
            said[name] = _setting(name, value)
    return msgspec.structs.replace(base, **said)


def _new(wanted: RealmInput) -> RealmSettings:
    """What a realm begins with: as its product has it.

    A realm that is made anew knows nothing that was pushed to one of the same name. The default realm stays.
    """
    serial = "" if wanted.name == DEFAULT_REALM else secrets.token_urlsafe(9)
    dialect = DIALECTS.get(wanted.dialect) if isinstance(wanted.dialect, str) else None
    settings = RealmSettings(name=wanted.name, serial=serial)
    if dialect is None or dialect.par_from_start:
        return settings
    off = PushedAuthorizationRequests(supported=False)
    return msgspec.structs.replace(settings, pushed_authorization_requests=off)


def _setting(name: str, value: Any) -> Any:
    """What an operator said, as the setting has it: inputs and records have the same members."""
    return msgspec.convert(msgspec.to_builtins(value), _TYPES[name])


_TYPES = get_type_hints(RealmSettings)


def problems(settings: RealmSettings) -> list[Problem]:
    """Everything that is wrong with a realm; empty if it may be saved."""
    found = []
    if not REALM_NAME.fullmatch(settings.name):
        found.append(Problem("name", "must be lower-case letters, digits and hyphens, at most 63"))
    for name, known in (("profile", PROFILES), ("dialect", DIALECTS)):
        if getattr(settings, name) not in known:
            found.append(Problem(name, f"must be one of {', '.join(known)}"))
    par = settings.pushed_authorization_requests
    if settings.require_signed_request_object and not settings.request_parameter_supported:
        found.append(Problem("require_signed_request_object", "cannot be on while request_parameter_supported is off"))
    if par.lifetime is not None and par.lifetime not in LIFETIME_RANGE:
        found.append(Problem("pushed_authorization_requests.lifetime", "must be 5 to 600 seconds"))
    if par.required and not par.supported:
        found.append(Problem("pushed_authorization_requests.required", "cannot be on while supported is off"))
    if par.required and settings.request_uri_parameter_supported:
        reason = "cannot be on while pushed_authorization_requests.required is on"
        found.append(Problem("request_uri_parameter_supported", reason))
    for name, longest in LONGEST.items():
        if not 1 <= getattr(settings.lifetimes, name) <= longest:
            found.append(Problem(f"lifetimes.{name}", f"must be 1 to {longest} seconds"))
    found += _host_problems(settings)
    if any(rate is not None and rate < 0 for rate in msgspec.structs.astuple(settings.rates)):
        found.append(Problem("rates", "must not be negative"))
    found += _profile_problems(settings)
    if settings.access_token_signing_alg not in SIGNING:
        found.append(Problem("access_token_signing_alg", f"must be one of {', '.join(SIGNING)}"))
    if settings.default_scope is not None and not SCOPE.fullmatch(settings.default_scope):
        found.append(Problem("default_scope", "must be scope values separated by single spaces"))
    return [
        *found,
        *_authority_problems(settings),
        *_resource_problems(settings),
        *_details_problems(settings),
        *_context_problems(settings),
        *_language_problems(settings),
        *_link_problems(settings),
        *_registration_problems(settings),
        *_journey_problems(settings),
    ]


def _registration_problems(settings: RealmSettings) -> list[Problem]:
    found, asked = [], settings.registration
    if not SCOPE.fullmatch(asked.scope):
        found.append(Problem("registration.scope", "must be scope values separated by single spaces"))
    if asked.per_minute < 0:
        found.append(Problem("registration.per_minute", "must not be negative"))
    if asked.statement_required and not asked.statement_issuers:
        found.append(Problem("registration.statement_required", "cannot be on without statement_issuers"))
    for index, issuer in enumerate(asked.statement_issuers):
        keys = issuer.jwks.get("keys")
        if not isinstance(keys, list) or not keys or len(KeySet.of_jwks(issuer.jwks).keys) != len(keys):
            found.append(Problem(f"registration.statement_issuers[{index}].jwks", "must be a JWK Set of public keys"))
    return found


def _language_problems(settings: RealmSettings) -> list[Problem]:
    return [
        Problem(f"claims_locales_supported[{index}]", "must be a language tag (RFC 5646)")
        for index, tag in enumerate(settings.claims_locales_supported)
        if not LANGUAGE.fullmatch(tag)
    ]


def _link_problems(settings: RealmSettings) -> list[Problem]:
    links = {name: getattr(settings, name) for name in LINKS}
    return [
        Problem(name, "must be an https URL")
        for name, uri in links.items()
        if uri is not None and (not uri.startswith("https://") or registration_problem(uri.partition("#")[0], "web"))
    ]


def _authority_problems(settings: RealmSettings) -> list[Problem]:
    try:
        parse_anchors(settings.tls_client_ca or "")
    except ValueError as problem:
        return [] if settings.tls_client_ca is None else [Problem("tls_client_ca", str(problem))]
    return []


def _host_problems(settings: RealmSettings) -> list[Problem]:
    if settings.hosts and settings.name == DEFAULT_REALM:
        return [Problem("hosts", "the realm default is at the base URL, wherever that is")]
    return [
        Problem(f"hosts[{index}]", "must be a host name in lower case, with a port where that is another one")
        for index, host in enumerate(settings.hosts)
        if not HOST.fullmatch(host)
    ]


def taken_hosts(settings: RealmSettings, hosts: dict[str, str], base_urls: Iterable[str]) -> list[Problem]:
    """A host belongs to one realm, `hosts` are those of all; those of `base_urls` belong to the server itself."""
    found = [
        Problem(f"hosts[{index}]", f"belongs to the realm {hosts[host]!r}")
        for index, host in enumerate(settings.hosts)
        if hosts.get(host, settings.name) != settings.name
    ]
    for url in map(urlsplit, base_urls):
        default = {"https": 443, "http": 80}[url.scheme]
        own = {url.hostname} if url.port in (None, default) else set()
        own |= {f"{url.hostname}:{url.port or default}"}
        for index, host in enumerate(settings.hosts):
            if host in own or (host == url.hostname and ":" not in host):
                found.append(Problem(f"hosts[{index}]", "is the server's own"))
            elif host.endswith(f":{default}"):
                found.append(Problem(f"hosts[{index}]", "names the port that goes without saying"))
    return found


def _profile_problems(settings: RealmSettings) -> list[Problem]:
    """What the security profile forbids; a policy that contradicts itself is not saved."""
    profile = PROFILES.get(settings.profile)
    if profile is None:
        return []
    found, par, name = [], settings.pushed_authorization_requests, profile.name
    if profile.par_required and not par.supported:
        found.append(Problem("pushed_authorization_requests.supported", f"the profile {name} needs pushed requests"))
    if profile.par_required and settings.request_uri_parameter_supported:
        found.append(Problem("request_uri_parameter_supported", f"the profile {name} takes pushed requests alone"))
    if profile.signed_requests and not settings.request_parameter_supported:
        found.append(Problem("request_parameter_supported", f"the profile {name} needs request objects"))
    if profile.longest_request < (par.lifetime or 0) < LIFETIME_RANGE.stop:
        limit = profile.longest_request
        found.append(Problem("pushed_authorization_requests.lifetime", f"at most {limit} seconds under {name}"))
    if profile.longest_code < settings.lifetimes.code <= LONGEST["code"]:
        found.append(Problem("lifetimes.code", f"at most {profile.longest_code} seconds under {name}"))
    if settings.access_token_signing_alg in SIGNING and settings.access_token_signing_alg not in profile.algorithms:
        found.append(Problem("access_token_signing_alg", f"not allowed under {name}"))
    return found


def _details_problems(settings: RealmSettings) -> list[Problem]:
    """RFC 9396 10: what is advertised as a type can be checked."""
    found = []
    seen: set[str] = set()
    for index, known in enumerate(settings.authorization_details_types):
        where = f"authorization_details_types[{index}]"
        if not known.type or len(known.type) > 200 or known.type in seen:
            found.append(Problem(f"{where}.type", "is there twice" if known.type in seen else "must be a short name"))
        seen.add(known.type)
        reason = _schema_problem(known.schema)
        if reason:
            found.append(Problem(f"{where}.schema", reason))
    return found


def _schema_problem(schema: dict[str, Any]) -> str | None:
    from pushgate.protocol.details_schema import schema_problem  # with jsonschema, which takes its time: few have types

    return schema_problem(schema)


def _context_problems(settings: RealmSettings) -> list[Problem]:
    found = []
    seen: set[str] = set()
    for index, context in enumerate(settings.authentication_contexts):
        where = f"authentication_contexts[{index}]"
        if not SCOPE.fullmatch(context.acr) or " " in context.acr or context.acr in seen:
            found.append(Problem(f"{where}.acr", "must be one word, and not there twice"))
        seen.add(context.acr)
        if not context.amr:
            found.append(Problem(f"{where}.amr", "at least one method is needed"))
    return found


def _journey_problems(settings: RealmSettings) -> list[Problem]:
    found = []
    seen = {journey.name for journey in BUILT_IN}
    for index, journey in enumerate(settings.journeys):
        where = f"journeys[{index}]"
        if not SCOPE.fullmatch(journey.name) or " " in journey.name or len(journey.name) > 200:
            found.append(Problem(f"{where}.name", "must be one word"))
        elif journey.name in seen:
            found.append(Problem(f"{where}.name", "is there already, built in or above"))
        seen.add(journey.name)
        if not journey.ways:
            found.append(Problem(f"{where}.ways", "at least one way is needed"))
        for way in journey.ways:
            if not way or way[0] not in FIRST or len(set(way)) != len(way):
                found.append(Problem(f"{where}.ways", "a way begins with password or passkey and has no method twice"))
    if settings.default_journey is not None and journey_named(settings.default_journey, settings.journeys) is None:
        found.append(Problem("default_journey", "must be one of the journeys, or a built-in one"))
    return found


def built_in_problems(settings: RealmSettings, audience: str | None) -> list[Problem]:
    """The management API is a resource of every realm, and not one that a realm defines."""
    return [
        Problem(f"resources[{index}].identifier", "is that of the management API")
        for index, resource in enumerate(settings.resources)
        if resource.identifier == audience
    ]


def _resource_problems(settings: RealmSettings) -> list[Problem]:
    found = []
    if settings.resource_required and not settings.resources:
        found.append(Problem("resource_required", "cannot be on without resources"))
    default = settings.default_resource
    if default is not None and default not in {r.identifier for r in settings.resources}:
        found.append(Problem("default_resource", "must be the identifier of one of the resources"))
    seen: set[str] = set()
    owners: dict[str, str] = {}
    for index, resource in enumerate(settings.resources):
        if not resource.identifier or "#" in resource.identifier or ":" not in resource.identifier:
            found.append(Problem(f"resources[{index}].identifier", "must be an absolute URI without a fragment"))
        if resource.identifier in seen:
            found.append(Problem(f"resources[{index}].identifier", "is there twice"))
        seen.add(resource.identifier)
        for scope in resource.scopes:
            if not SCOPE.fullmatch(scope) or " " in scope:
                found.append(Problem(f"resources[{index}].scopes", f"{scope!r} is not a scope value"))
            if owners.setdefault(scope, resource.identifier) != resource.identifier:
                found.append(Problem(f"resources[{index}].scopes", f"{scope!r} belongs to {owners[scope]} already"))
    return found
