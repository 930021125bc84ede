"""Client metadata: what a registration may say, and the problems in it, in words with field paths."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pushgate.jose.algorithms import HMACS, SIGNING
from pushgate.jose.encrypt import CONTENT_ENCS, KEY_ALGS, encryption_key
from pushgate.jose.verify import KeySet
from pushgate.model import Client
from pushgate.profiles import ALGORITHMS as SECURE
from pushgate.profiles import COMPLIANCE_LEVELS, PROFILES, SecurityProfile, canonical_response_type
from pushgate.protocol.authorization_request import SCOPE
from pushgate.protocol.client_assertion import ASYMMETRIC_ALGS, METHOD_ALGS
from pushgate.protocol.client_auth import CERTIFICATE_METHODS, MAX_CLIENT_ID, METHODS
from pushgate.protocol.client_name import name_problem
from pushgate.protocol.metadata import GRANT_TYPES
from pushgate.protocol.mtls import SUBJECT_MEMBERS, has_certificate, registered_subjects, subject_problem
from pushgate.protocol.redirect_uri import LOOPBACK_ADDRESSES, origin_of, registration_problem
from pushgate.protocol.request_object import DIGEST, MAX_REFERENCE
from pushgate.protocol.subjects import hosts_of

MIN_SECRET = 22  # characters: 128 bits in base64url
MIN_HMAC_SECRET = 32  # bytes (RFC 7518 3.2)
SELF_SIGNED = "self_signed_tls_client_auth"
SECRETLESS = ("none", "private_key_jwt", *CERTIFICATE_METHODS)
CLIENT_ID = re.compile(rf"[\x21-\x7e]{{1,{MAX_CLIENT_ID}}}")
ORIGIN = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
MAX_REFERENCES = 50  # request_uris of one client
SECRET_SIGNED = ("id_token_signed_response_alg", "userinfo_signed_response_alg")
"""What may be signed with the client's secret. OpenID Connect Core 10.1."""
GRANTS_OF = (("authorization_code", {"code"}), ("implicit", {"id_token", "token"}))
"""What a response type needs to be among the grant types (RFC 7591 2.1)."""
LIFETIME_RANGE = range(5, 601)  # seconds (RFC 9126 2.2)
LONGEST_AGE = 9_999_999_999  # seconds, as `max_age` of a request


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that cannot be saved; `field` is the member's name or path."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


def complete(members: dict[str, Any]) -> dict[str, Any]:
    """Fill in what a registration leaves out, from what it says.

    `application_type` is native where a redirect URI is http on loopback, for only a native
    application may have one; `grant_types` follow `response_types` (RFC 7591 2.1).
    """
    filled = dict(members)
    uris = members.get("redirect_uris")
    responses = members.get("response_types")
    if "grant_types" not in members and isinstance(responses, list | tuple):
        kinds = {kind for value in responses if isinstance(value, str) for kind in value.split()}
        needed = [grant for grant, kinds_of in GRANTS_OF if kinds & kinds_of]
        filled |= {"grant_types": needed} if needed else {}
    if "application_type" not in members and isinstance(uris, list | tuple) and any(map(_loopback, uris)):
        filled["application_type"] = "native"
    return filled


def _loopback(uri: object) -> bool:
    if not isinstance(uri, str) or not uri.startswith("http://"):
        return False
    try:
        return _own_device(uri)
    except ValueError:
        return False


def _own_device(uri: str) -> bool:
    return urlsplit(uri).hostname in {*LOOPBACK_ADDRESSES, "localhost"}


def problems(client: Client, secret: str | None, profile: SecurityProfile) -> list[Problem]:
    """Everything that is wrong with a registration; empty if it may be saved. RFC 7591 2, 5."""
    return [
        *_identity(client, secret),
        *_redirects(client),
        *_endings(client),
        *_references(client, PROFILES.get(client.profile or "", profile).within(profile)),
        *_flows(client, own := PROFILES.get(client.profile or "", profile).within(profile)),
        *_profile(client, own),
        *_keys(client),
        *_certificates(client),
        *_secret_signed(client, secret),
        *_subjects(client),
        *_encryption(client, "request_object_encryption", to_client=False),
        *_encryption(client, "id_token_encrypted_response"),
        *_encryption(client, "userinfo_encrypted_response"),
        *_encryption(client, "authorization_encrypted_response"),
        *_encryption(client, "introspection_encrypted_response"),
        *_limits(client),
    ]


def _identity(client: Client, secret: str | None) -> list[Problem]:
    found = []
    if not CLIENT_ID.fullmatch(client.client_id):
        found.append(Problem("client_id", f"must be 1 to {MAX_CLIENT_ID} printable ASCII characters without spaces"))
    method = client.token_endpoint_auth_method
    if method not in METHODS:
        found.append(Problem("token_endpoint_auth_method", f"must be one of {', '.join(METHODS)}"))
    if secret is not None:
        if method in SECRETLESS:
            found.append(Problem("client_secret", f"a client with {method} has no secret"))
        elif len(secret) < MIN_SECRET:
            found.append(Problem("client_secret", f"must have at least {MIN_SECRET} characters"))
        elif secret.lstrip().startswith(("-----BEGIN", "ssh-", "ecdsa-")):
            found.append(Problem("client_secret", "looks like a key file; a secret is random text"))
        elif method == "client_secret_jwt" and len(secret.encode()) < MIN_HMAC_SECRET:
            found.append(Problem("client_secret", f"client_secret_jwt needs at least {MIN_HMAC_SECRET} bytes"))
    names = [value for key, value in client.translations.items() if key.startswith("client_name#")]
    reasons = map(name_problem, (client.client_name or "", *names))
    found += [Problem("client_name", reason) for reason in reasons if reason]
    if client.profile is not None and client.profile not in PROFILES:
        found.append(Problem("profile", f"must be one of {', '.join(PROFILES)}"))
    level = client.compliance_level
    if level is not None and level not in COMPLIANCE_LEVELS:
        found.append(Problem("compliance_level", f"must be one of {', '.join(COMPLIANCE_LEVELS)}"))
    elif level is not None and COMPLIANCE_LEVELS[level] != client.profile:
        found.append(Problem("compliance_level", f"goes with the profile {COMPLIANCE_LEVELS[level] or 'null'}"))
    return found


def _redirects(client: Client) -> list[Problem]:
    found = []
    for index, uri in enumerate(client.redirect_uris):
        reason = registration_problem(uri, client.application_type)
        if reason:
            found.append(Problem(f"redirect_uris[{index}]", reason))
        elif client.application_type == "web" and "implicit" in client.grant_types and _own_device(uri):
            found.append(Problem(f"redirect_uris[{index}]", "is on the user's device, which implicit does not go with"))
    for index, prefix in enumerate(client.pushed_redirect_uri_prefixes):
        if registration_problem(prefix, "web") or not urlsplit(prefix).path:
            found.append(Problem(f"pushed_redirect_uri_prefixes[{index}]", "must be an https URL with a path"))
    if client.public and client.pushed_redirect_uri_prefixes:
        found.append(Problem("pushed_redirect_uri_prefixes", "not for public clients (RFC 9126 7.2)"))
    if not client.redirect_uris and set(client.grant_types) & {"authorization_code", "implicit"}:
        found.append(Problem("redirect_uris", "at least one is needed for authorization_code and implicit"))
    for name in ("client_uri", "policy_uri", "tos_uri", "logo_uri", "initiate_login_uri"):
        tagged = [value for key, value in client.translations.items() if key.startswith(f"{name}#")]
        if any(value is not None and registration_problem(value, "web") for value in (getattr(client, name), *tagged)):
            found.append(Problem(name, "must be an https URL"))
    return found


def _endings(client: Client) -> list[Problem]:
    """Where a client is told that a session is over, and where users go from there.

    RP-Initiated Logout 3.1, Back-Channel Logout 2.2, Front-Channel Logout 2.
    """
    found = []
    for index, uri in enumerate(client.post_logout_redirect_uris):
        reason = registration_problem(uri, client.application_type)
        if reason:
            found.append(Problem(f"post_logout_redirect_uris[{index}]", reason))
    for name in ("backchannel_logout_uri", "frontchannel_logout_uri"):
        uri = getattr(client, name)
        if uri is None:
            continue
        if not uri.startswith(("https://", "http://")) or registration_problem(uri, _kind(uri)):
            found.append(Problem(name, "must be an https URL without a fragment"))
        elif name == "frontchannel_logout_uri" and not _own_site(client, uri):
            found.append(Problem(name, "must have the scheme, host and port of one of the redirect_uris"))
    for name in ("backchannel_logout", "frontchannel_logout"):
        if getattr(client, f"{name}_session_required") and getattr(client, f"{name}_uri") is None:
            found.append(Problem(f"{name}_session_required", f"needs {name}_uri"))
    return found


def _own_site(client: Client, uri: str) -> bool:
    """Whether a redirect URI has the same origin. It goes into a header, so it is spelled plainly."""
    registered = [u for u in client.redirect_uris if not registration_problem(u, client.application_type)]
    return ORIGIN.fullmatch(origin_of(uri)) is not None and origin_of(uri) in map(origin_of, registered)


def _kind(uri: str) -> str:
    """Plain http is for loopback addresses alone: an application under development."""
    return "native" if _loopback(uri) else "web"


def _references(client: Client, profile: SecurityProfile) -> list[Problem]:
    """Where request objects are fetched from. RFC 9101 5.2, 10.4.1; OpenID Connect Registration 2."""
    found = []
    if client.request_uris and profile.par_required:
        found.append(Problem("request_uris", f"the profile {profile.name} takes pushed requests alone"))
    if len(client.request_uris) > MAX_REFERENCES:
        found.append(Problem("request_uris", f"at most {MAX_REFERENCES} can be registered"))
    for index, uri in enumerate(client.request_uris):
        location, hash_sign, digest = uri.partition("#")
        if not uri.startswith("https://") or registration_problem(location, "web"):
            found.append(Problem(f"request_uris[{index}]", "must be an https URL"))
        elif len(uri) > MAX_REFERENCE:
            found.append(Problem(f"request_uris[{index}]", f"is longer than {MAX_REFERENCE} characters"))
        elif hash_sign and not DIGEST.fullmatch(digest):
            reason = "has a fragment that is not the base64url SHA-256 of what is there"
            found.append(Problem(f"request_uris[{index}]", reason))
    return found


def _flows(client: Client, profile: SecurityProfile) -> list[Problem]:
    found = []
    for grant in client.grant_types:
        if grant not in GRANT_TYPES:
            found.append(Problem("grant_types", f"{grant!r} is not supported; supported are {', '.join(GRANT_TYPES)}"))
    if client.public and "client_credentials" in client.grant_types:
        found.append(Problem("grant_types", "a public client cannot use client_credentials"))
    found += _responses(client, profile)
    if client.scope is not None and not SCOPE.fullmatch(client.scope):
        found.append(Problem("scope", "must be scope values separated by single spaces"))
    for name in (*SECRET_SIGNED, "authorization_signed_response_alg", "introspection_signed_response_alg"):
        allowed = (*SIGNING, *HMACS) if name in SECRET_SIGNED else SIGNING
        if getattr(client, name) not in (*allowed, None):
            found.append(Problem(name, f"must be one of {', '.join(allowed)}"))
    for mode in client.response_modes or ():
        if mode not in profile.response_modes:
            found.append(Problem("response_modes", f"{mode!r} is not supported under the profile {profile.name}"))
    return found


def _responses(client: Client, profile: SecurityProfile) -> list[Problem]:
    found = []
    redirecting = bool(client.redirect_uris)
    for value in client.response_types if redirecting else ():
        canonical = canonical_response_type(value)
        if canonical not in profile.response_types:
            found.append(Problem("response_types", f"{value!r} is not supported under the profile {profile.name}"))
        for grant, kinds in GRANTS_OF:
            if kinds & set(canonical.split()) and grant not in client.grant_types:
                found.append(Problem("grant_types", f"response type {value!r} needs {grant}"))
        if _bound(client) and "token" in canonical.split():
            found.append(Problem("response_types", f"{value!r} gives out a token that is bound to no key"))
    return found


def _encryption(client: Client, prefix: str, *, to_client: bool = True) -> list[Problem]:
    """`<prefix>_alg` and `<prefix>_enc`: how something is encrypted, to the client or by it.

    OpenID Connect Registration 2, JARM 3, RFC 9701 6.
    """
    alg, enc = getattr(client, f"{prefix}_alg"), getattr(client, f"{prefix}_enc")
    found = []
    if alg is not None and alg not in KEY_ALGS:
        found.append(Problem(f"{prefix}_alg", f"must be one of {', '.join(KEY_ALGS)}"))
    elif to_client and alg is not None and client.jwks_uri is None and encryption_key(client.jwks, alg) is None:
        reason = "needs a key for it in jwks, with use: enc or without use, or jwks_uri"
        found.append(Problem(f"{prefix}_alg", reason))
    if enc is not None and enc not in CONTENT_ENCS:
        found.append(Problem(f"{prefix}_enc", f"must be one of {', '.join(CONTENT_ENCS)}"))
    elif enc is not None and alg is None:
        found.append(Problem(f"{prefix}_enc", f"needs {prefix}_alg"))
    return found


def secret_in_clear(client: Any) -> bool:
    """Whether the secret of a client, or of one to be, has to be kept so that it can be used, and not only compared.

    OpenID Connect Core 9, 10.1.
    """
    return client.token_endpoint_auth_method == "client_secret_jwt" or any(
        getattr(client, name) in HMACS for name in SECRET_SIGNED
    )


def _secret_signed(client: Client, secret: str | None) -> list[Problem]:
    """Nothing is signed with a secret that is not there, or too short. OpenID Connect Core 10.1, RFC 7518 3.2."""
    found = []
    for name in SECRET_SIGNED:
        alg = getattr(client, name)
        if alg not in HMACS:
            continue
        if client.token_endpoint_auth_method in SECRETLESS:
            found.append(Problem(name, f"a client with {client.token_endpoint_auth_method} has no secret to sign with"))
        elif secret is not None and len(secret.encode()) < HMACS[alg]:
            found.append(Problem("client_secret", f"{alg} needs at least {HMACS[alg]} bytes"))
        elif client.secret is not None and client.secret.sealed is None:
            found.append(Problem("client_secret", f"has to be given anew for {alg}: only its digest was kept"))
    return found


def _subjects(client: Client) -> list[Problem]:
    """Pairwise subjects need one host, or a document that vouches for all. OpenID Connect Core 8.1."""
    found = []
    uri, hosts = client.sector_identifier_uri, hosts_of(client)
    if uri is not None and (not uri.startswith("https://") or registration_problem(uri, "web")):
        found.append(Problem("sector_identifier_uri", "must be an https URL"))
    elif uri is None and client.subject_type == "pairwise" and (len(hosts) > 1 or None in hosts):
        reason = "pairwise subjects need it where redirect URIs are not all at one host"
        found.append(Problem("sector_identifier_uri", reason))
    for index, acr in enumerate(client.default_acr_values):
        if not SCOPE.fullmatch(acr) or " " in acr:
            found.append(Problem(f"default_acr_values[{index}]", "must be one word"))
    return found


def _bound(client: Client) -> bool:
    return client.dpop_bound_access_tokens or client.tls_client_certificate_bound_access_tokens


def _profile(client: Client, profile: SecurityProfile) -> list[Problem]:
    """What the security profile forbids. FAPI2-SP 5.3.2.1, 5.3.2.2, 5.4.1."""
    found = []
    method = client.token_endpoint_auth_method
    if method in METHODS and method not in profile.auth_methods:
        allowed = ", ".join(sorted(profile.auth_methods))
        found.append(Problem("token_endpoint_auth_method", f"the profile {profile.name} takes {allowed} alone"))
    for name in (
        *SECRET_SIGNED, "authorization_signed_response_alg", "introspection_signed_response_alg",
        "token_endpoint_auth_signing_alg", "request_object_signing_alg",
    ):  # fmt: skip
        alg = getattr(client, name)
        if alg in SECURE and alg not in profile.algorithms:
            allowed = ", ".join(sorted(profile.algorithms))
            found.append(Problem(name, f"the profile {profile.name} allows {allowed} alone"))
    if profile.longest_request < (client.par_request_expiry or 0) < LIFETIME_RANGE.stop:
        limit = profile.longest_request
        found.append(Problem("par_request_expiry", f"the profile {profile.name} allows at most {limit} seconds"))
    return found


def _keys(client: Client) -> list[Problem]:
    found = []
    method, alg = client.token_endpoint_auth_method, client.token_endpoint_auth_signing_alg
    if alg is not None and alg not in METHOD_ALGS.get(method, ()):
        found.append(Problem("token_endpoint_auth_signing_alg", f"{alg!r} does not go with {method}"))
    alg = client.request_object_signing_alg
    if alg is not None and alg not in ASYMMETRIC_ALGS:
        found.append(Problem("request_object_signing_alg", f"must be one of {', '.join(ASYMMETRIC_ALGS)}"))
    signs = alg is not None or client.require_signed_request_object or bool(client.request_uris)
    if signs and client.jwks is None and client.jwks_uri is None:
        found.append(Problem("jwks", "signed request objects need jwks or jwks_uri"))
    if client.jwks is not None and client.jwks_uri is not None:
        found.append(Problem("jwks_uri", "jwks and jwks_uri exclude each other (RFC 7591 2)"))
    if method in ("private_key_jwt", SELF_SIGNED) and client.jwks is None and client.jwks_uri is None:
        found.append(Problem("jwks", f"{method} needs jwks or jwks_uri"))
    if client.jwks is not None:
        keys = client.jwks.get("keys")
        if not isinstance(keys, list) or len(KeySet.of_jwks(client.jwks).keys) != len(keys) or not keys:
            found.append(Problem("jwks", "must be a JWK Set of public EC, RSA (2048 bits or more) or Ed25519 keys"))
    where = "native" if _loopback(client.jwks_uri) else "web"
    if client.jwks_uri is not None and registration_problem(client.jwks_uri, where):
        found.append(Problem("jwks_uri", "must be an https URL"))
    return found


def _certificates(client: Client) -> list[Problem]:
    """A subject to look for, exactly one, or certificates to compare with. RFC 8705 2.1.2, 2.2.2."""
    subjects, method = registered_subjects(client), client.token_endpoint_auth_method
    found = []
    if method != "tls_client_auth":
        found += [Problem(member, "goes with tls_client_auth alone") for member, _ in subjects]
    elif not subjects:
        found.append(Problem(SUBJECT_MEMBERS[0], f"tls_client_auth needs one of {', '.join(SUBJECT_MEMBERS)}"))
    found += [Problem(member, f"{subjects[0][0]} is there already; one subject counts") for member, _ in subjects[1:]]
    for member, value in subjects:
        reason = subject_problem(member, value)
        if reason is not None:
            found.append(Problem(member, reason))
    if method == SELF_SIGNED and client.jwks is not None and not has_certificate(client.jwks):
        found.append(Problem("jwks", f"{method} needs a key with its own certificate in x5c"))
    return found


def _limits(client: Client) -> list[Problem]:
    found = []
    if client.par_request_expiry is not None and client.par_request_expiry not in LIFETIME_RANGE:
        found.append(Problem("par_request_expiry", "must be 5 to 600 seconds"))
    if client.default_max_age is not None and not 0 <= client.default_max_age <= LONGEST_AGE:
        found.append(Problem("default_max_age", f"must be 0 to {LONGEST_AGE} seconds"))
    return found
