"""What is misconfigured, and every relaxation in force."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pushgate.jose.algorithms import ENCRYPTION, SIGNING
from pushgate.jose.keys import open_key
from pushgate.jose.seal import CannotOpen
from pushgate.model import Client, RealmSettings, StoredKey
from pushgate.profiles import PROFILES
from pushgate.protocol.registration import problems
from pushgate.store.durable.migrate import schema_status

if TYPE_CHECKING:
    from pushgate.installation import Installation

SMALL_FREE = 200 * 2**20  # bytes


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
        for client in await configuration.clients(realm.name):
            found += _client(realm, client)
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
    if settings.fetch_hosts:
        yield Finding(
            "relaxation", "PUSHGATE_FETCH_ALLOW", f"fetches may reach {', '.join(settings.fetch_hosts)}",
            "name only hosts that serve your clients' keys",
        )  # fmt: skip


def _files(installation: Installation) -> Iterator[Finding]:
    settings = installation.settings
    status = schema_status(installation.engine.writer)
    if not status.up_to_date:
        yield Finding("problem", "database", f"schema {status.current}, newest is {status.head}", "pushgate db upgrade")
    key = settings.database_path.with_name("secret.key")
    if not settings.secret_key and not settings.secret_key_file and stat.S_IMODE(key.stat().st_mode) & 0o077:
        yield Finding("problem", str(key), "others can read the secret key", f"chmod 600 {key}")
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


def _client(realm: RealmSettings, client: Client) -> Iterator[Finding]:
    where = f"{realm.name}/{client.client_id}"
    for problem in problems(client, None, PROFILES[realm.profile]):
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
