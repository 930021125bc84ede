"""What is misconfigured, and every relaxation in force."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pushgate.jose.algorithms import ENCRYPTION, SIGNING
from pushgate.jose.certificates import parse_anchors
from pushgate.jose.keys import open_key
from pushgate.jose.seal import CannotOpen
from pushgate.model import Client, RealmSettings, StoredKey
from pushgate.profiles import PROFILES, policy_of
from pushgate.protocol.client_auth import CERTIFICATE_METHODS
from pushgate.protocol.conflicts import conflicts
from pushgate.protocol.journey import AMR
from pushgate.protocol.registration import problems
from pushgate.store.durable.migrate import schema_status
from pushgate.store.turns import Turns

if TYPE_CHECKING:
    from pushgate.config import Settings
    from pushgate.installation import Installation

SMALL_FREE = 200 * 2**20  # bytes
LONG_TOKEN = 3600  # seconds
MAX_NAMES = 5  # in one finding
LIMITS = {
    "failures_per_minute": "client secrets can be guessed",
    "unknown_tokens_per_minute": "tokens can be guessed at the introspection endpoint",
    "fetches_per_minute": "browsers can cause fetches of request objects",
}
"""Limits of a realm's rates that are on by default, and what happens without."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something an operator should know. A problem stops something from working; a relaxation is a choice."""

    level: Literal["problem", "relaxation"]
    where: str
    text: str
    advice: str


async def examine(installation: Installation) -> list[Finding]:
    """Look at settings, files, keys, realms and clients."""
    found = [*_settings(installation), *_files(installation)]
    configuration = installation.management.configuration
    realms = await configuration.realms()
    if not realms:
        found.append(Finding("problem", "realms", "there is no realm", "run pushgate serve once, or pushgate apply"))
    for realm in realms:
        found += _keys(installation, realm, await configuration.keys(realm.name))
        found += _realm(realm)
        found += _authorities(realm, time.time())
        clients = await configuration.clients(realm.name)
        found += _bearer(realm, clients)
        found += _stolen_proofs(realm, clients)
        for client in clients:
            found += _client(realm, client, installation.management.audience(realm))
            found += _certificates(installation.settings, realm, client)
    return found


def _settings(installation: Installation) -> Iterator[Finding]:
    settings = installation.settings
    if settings.base_url.startswith("http://"):
        yield Finding(
            "relaxation",
            "PUSHGATE_BASE_URL",
            "http on a loopback address",
            "use https for anything but development",
        )
    elif settings.has_sample_resource:
        yield Finding(
            "relaxation", "PUSHGATE_SAMPLE_RESOURCE", "the sample API is served at a public address",
            "it is for demonstrations; leave the setting out",
        )  # fmt: skip
    if settings.fetch_hosts:
        yield Finding(
            "relaxation", "PUSHGATE_FETCH_ALLOW", f"fetches may reach {', '.join(settings.fetch_hosts)}",
            "name only hosts that serve your clients' keys and request objects",
        )  # fmt: skip


def _files(installation: Installation) -> Iterator[Finding]:
    settings = installation.settings
    status = schema_status(installation.engine.writer)
    if not status.up_to_date:
        yield Finding("problem", "database", f"schema {status.current}, newest is {status.head}", "pushgate db upgrade")
    key = settings.database_path.with_name("secret.key")
    if not settings.secret_key and not settings.secret_key_file and stat.S_IMODE(key.stat().st_mode) & 0o077:
        yield Finding("problem", str(key), "others can read the secret key", f"chmod 600 {key}")
    for path in (settings.database_path, settings.transient_path):
        if problem := Turns(path).problem():
            yield Finding(
                "problem", str(path), f"workers cannot make their checkpoints in turn: {problem}",
                "make it a file that the server may write: SQLite before 3.51.3 can lose commits otherwise",
            )  # fmt: skip
    disk = os.statvfs(settings.database_path.parent)
    if disk.f_bavail * disk.f_frsize < SMALL_FREE:
        yield Finding("problem", str(settings.database_path.parent), "less than 200 MiB are free", "make room")


def _keys(installation: Installation, realm: RealmSettings, keys: list[StoredKey]) -> Iterator[Finding]:
    where = f"{realm.name}: keys"
    for alg in (*SIGNING, *ENCRYPTION):
        if not any(k.alg == alg and k.retired_at is None for k in keys):
            yield Finding("problem", where, f"no {alg} key", f"pushgate keys rotate --alg {alg} --realm {realm.name}")
    for key in keys:
        try:
            open_key(key, installation.seal)
        except CannotOpen:
            yield Finding(
                "problem",
                where,
                f"{key.kid} is sealed under another secret key",
                "restore that PUSHGATE_SECRET_KEY",
            )


def _realm(realm: RealmSettings) -> Iterator[Finding]:
    par = realm.pushed_authorization_requests
    if not par.supported:
        yield Finding("relaxation", realm.name, "pushed authorization requests are off", "switch them on")
    elif not par.required and not PROFILES[realm.profile].par_required:
        yield Finding(
            "relaxation", realm.name, "requests may come through the browser, unpushed",
            "set pushed_authorization_requests.required",
        )  # fmt: skip
    if not realm.pkce_required and not PROFILES[realm.profile].pkce_required:
        yield Finding("relaxation", realm.name, "confidential clients may go without PKCE", "set pkce_required")
    if realm.request_uri_parameter_supported:
        yield Finding(
            "relaxation", realm.name, "request objects are fetched by reference",
            "let clients push, and unset request_uri_parameter_supported",
        )  # fmt: skip
    if realm.session_management:
        yield Finding(
            "relaxation", realm.name, "other sites may frame one page, to ask whether the session is the same",
            "unset session_management unless an application needs it: back-channel logout works without it",
        )  # fmt: skip
    if realm.registration.mode == "open":
        yield Finding(
            "relaxation", realm.name, "anybody can register a client",
            "set registration.mode to token, and give out initial access tokens",
        )  # fmt: skip
    for context in realm.authentication_contexts:
        if not AMR.issuperset(context.amr):
            methods = " and ".join(sorted(set(context.amr) - AMR))
            yield Finding(
                "relaxation", realm.name, f"no sign-in page here reaches the level {context.acr}: it needs {methods}",
                "where it is demanded, clients get unmet_authentication_requirements",
            )  # fmt: skip
    if realm.lifetimes.access_token > LONG_TOKEN:
        yield Finding(
            "relaxation", realm.name, f"access tokens live for {realm.lifetimes.access_token} seconds",
            f"set lifetimes.access_token to {LONG_TOKEN} or less: a signed token cannot be called back everywhere",
        )  # fmt: skip
    for name, what in LIMITS.items():
        if not getattr(realm.rates, name) and (name != "fetches_per_minute" or realm.request_uri_parameter_supported):
            yield Finding("relaxation", realm.name, f"{what} without limit", f"set rates.{name}")


def _bearer(realm: RealmSettings, clients: list[Client]) -> Iterator[Finding]:
    """Clients whose tokens are good in anybody's hands. RFC 9700 2.2.1."""
    names = [c.client_id for c in clients if c.grant_types and not policy_of(realm, c).sender_constrained]
    if names:
        shown = ", ".join(names[:MAX_NAMES]) + (f" and {len(names) - MAX_NAMES} more" if names[MAX_NAMES:] else "")
        yield Finding(
            "relaxation", realm.name, f"access tokens are bound to no key: those of {shown}",
            "set dpop_bound_access_tokens or tls_client_certificate_bound_access_tokens where the client can",
        )  # fmt: skip


def _stolen_proofs(realm: RealmSettings, clients: list[Client]) -> Iterator[Finding]:
    """DPoP proofs made ahead of time, for tokens that live long. RFC 9449 11.2."""
    bound = [c for c in clients if policy_of(realm, c).sender_constrained]
    proving = any(c.dpop_bound_access_tokens or not c.tls_client_certificate_bound_access_tokens for c in bound)
    if proving and not realm.dpop_nonces and realm.lifetimes.access_token > LONG_TOKEN:
        yield Finding(
            "relaxation", realm.name,
            f"DPoP-bound access tokens live for {realm.lifetimes.access_token} seconds and proofs need no nonce",
            "set dpop_nonces, or a shorter lifetimes.access_token: proofs can be made ahead of time and taken away",
        )  # fmt: skip


def _authorities(realm: RealmSettings, now: float) -> Iterator[Finding]:
    for name in parse_anchors(realm.tls_client_ca).expired(now) if realm.tls_client_ca else ():
        yield Finding("problem", realm.name, f"tls_client_ca: {name} has expired", "name its successor there too")


def _certificates(settings: Settings, realm: RealmSettings, client: Client) -> Iterator[Finding]:
    """A client that needs certificates, where none can come or none is believed. RFC 8705 2, 3."""
    where, method = f"{realm.name}/{client.client_id}", client.token_endpoint_auth_method
    if method == "tls_client_auth" and realm.tls_client_ca is None:
        advice = "name the authority of its certificate in the realm's tls_client_ca"
        yield Finding("problem", where, "tls_client_auth without anybody who may vouch for it", advice)
    needs = method in CERTIFICATE_METHODS or client.tls_client_certificate_bound_access_tokens
    if needs and not settings.client_cert_header and not settings.mtls_base_url:
        # Whether a server runs with its own listener for certificates cannot be seen from here.
        text = "needs client certificates, which come with pushgate serve --tls-client-ca alone"
        advice = "behind a proxy, set PUSHGATE_CLIENT_CERT_HEADER and PUSHGATE_TRUSTED_PROXIES"
        yield Finding("relaxation", where, text, advice)


def _client(realm: RealmSettings, client: Client, audience: str | None) -> Iterator[Finding]:
    where = f"{realm.name}/{client.client_id}"
    for problem in problems(client, None, PROFILES[realm.profile]) or conflicts(client, realm, audience):
        yield Finding("problem", where, str(problem), "change the registration")
    if any("token" in value.split() for value in client.response_types):
        yield Finding("relaxation", where, "access tokens travel through the browser", "use response type code")
    if client.pushed_redirect_uri_prefixes:
        yield Finding("relaxation", where, "may push redirect URIs that are not registered", "register them")
    if client.skip_consent:
        yield Finding("relaxation", where, "its users are not asked for consent", "unset skip_consent")
    if any(uri.startswith("http://") for uri in client.redirect_uris):
        yield Finding(
            "relaxation",
            where,
            "has an http redirect URI (loopback)",
            "use https where the client is not local",
        )
