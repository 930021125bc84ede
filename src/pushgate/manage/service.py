"""Every administrative act, once: validated, carried out in one transaction, written to the audit trail.

The command line and manifests call this; so will every other face of administration.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Self

import msgspec
import sqlalchemy as sa

from pushgate.client_keys import secret_context
from pushgate.dialects import DIALECTS
from pushgate.directory.local import check_password, hash_password, username_of
from pushgate.endpoints.sector import sector_identifier_problems
from pushgate.events import ConfigurationChanged
from pushgate.fetch import Fetcher
from pushgate.jose.algorithms import ENCRYPTION, SIGNING
from pushgate.jose.keys import KeyRing, check_sealed, make_key
from pushgate.jose.seal import Seal
from pushgate.manage import realms as realm_rules
from pushgate.manage import users
from pushgate.manage.change import Act, Actor, Change, Forbidden, Refused, Work
from pushgate.manage.inputs import ClientInput, RealmInput, UserInput
from pushgate.manage.keys import Rotation, rotation
from pushgate.manage.remembered import NOT_REPLACED, remembered
from pushgate.model import Client, ClientSecret, RealmSettings, StoredKey, User
from pushgate.profiles import PROFILES
from pushgate.protocol.client_auth import ASSERTION_METHODS, SECRET_METHODS, secret_digest
from pushgate.protocol.conflicts import conflicts
from pushgate.protocol.management import audience_of
from pushgate.protocol.registration import Problem, problems, secret_in_clear
from pushgate.realm import Realm
from pushgate.store.durable import accounts, configuration, endings
from pushgate.store.durable import tables as t
from pushgate.store.durable.accounts import Accounts
from pushgate.store.durable.audit import append_event
from pushgate.store.durable.configuration import ChangedMeanwhile, Configuration
from pushgate.store.durable.credentials import Credentials
from pushgate.store.durable.grants import Grants
from pushgate.store.ports import DurableEngine

__all__ = ["Act", "Actor", "Change", "Forbidden", "Management", "Refused"]

LONG_SECRET = 48  # bytes, 64 characters: long enough for the HMAC with the longest key


class Management:
    """Administration of one installation."""

    def __init__(
        self,
        engine: DurableEngine,
        seal: Seal,
        clock: Callable[[], float],
        *,
        make_key: Callable[[str, Seal, int], StoredKey] = make_key,
        hash_password: Callable[[str], str] = hash_password,
        fetcher: Fetcher | None = None,
        changed: Callable[[], Awaitable[None]] | None = None,
        base_url: str | None = None,
        mtls_base_url: str | None = None,
    ) -> None:
        """`fetcher` gets the documents that clients name, where they have to be looked at when they are saved.

        `changed` is called after each change, so that it is in force here at once. `base_url` is the server's; with
        it the audience of the management API is known.
        """
        self._actor: Actor | None = None
        self._base_url = base_url
        self._base_urls = tuple(url for url in (base_url, mtls_base_url) if url is not None)
        self._changed = changed
        self._fetcher = fetcher or Fetcher()
        self._make_key = make_key
        self._hash_password = hash_password
        self.engine = engine
        self._seal = seal
        self._clock = clock
        self.configuration = Configuration(engine)

    def acting(self, actor: Actor) -> Self:
        """The same administration, on behalf of somebody who may do what their scopes say, in their realm."""
        same = copy.copy(self)
        same._actor = actor
        return same

    def audience(self, realm: RealmSettings) -> str | None:
        """The identifier of the realm's management API; None where the base URL is not known."""
        issuer = self.issuer(realm)
        return None if issuer is None else audience_of(issuer)

    def issuer(self, realm: RealmSettings) -> str | None:
        """The realm's issuer identifier; None where the base URL is not known, or the settings make no sense."""
        if self._base_url is None or realm.dialect not in DIALECTS or realm.profile not in PROFILES:
            return None
        return Realm.of(realm, self._base_url).issuer.identifier

    async def existing_realm(self, name: str) -> RealmSettings:
        """A realm's settings. Raises Refused if there is none."""
        settings = await self.configuration.realm(name)
        if settings is None:
            raise Refused([Problem("realm", f"there is no realm {name!r}")])
        return settings

    def now(self) -> int:
        """Seconds since the epoch."""
        return int(self._clock())

    def accounts(self, realm: str) -> Accounts:
        """A realm's users."""
        return Accounts(self.engine, realm)

    def grants(self, realm: str) -> Grants:
        """What a realm's users allowed clients."""
        return Grants(self.engine, realm)

    def credentials(self, realm: str) -> Credentials:
        """Second factors and passkeys of a realm's users."""
        return Credentials(self.engine, realm)

    # --- Planning: what an act would do -----------------------------------------------------------

    async def plan_realm(self, wanted: RealmInput) -> tuple[RealmSettings, Change]:
        """Create a realm with its keys, or change its settings. Raises Refused."""
        current = await self.configuration.realm(wanted.name)
        settings = realm_rules.merged(current, wanted)
        found = [
            *realm_rules.problems(settings),
            *realm_rules.taken_hosts(settings, await self.configuration.hosts(), self._base_urls),
            *realm_rules.built_in_problems(settings, self.audience(settings)),
            *await self._introspection_problems(wanted),
        ]
        if found:
            raise Refused(found)
        if current == settings:
            return current, Change(wanted.name, "realm", wanted.name, "unchanged")
        wanted_keys = (*SIGNING, *ENCRYPTION) if current is None else ()
        keys = [self._make_key(alg, self._seal, int(self._clock())) for alg in wanted_keys]

        def work(c: sa.Connection) -> None:
            configuration.save_realm(c, settings)
            for key in keys:
                configuration.save_key(c, settings.name, key)

        act: Act = "create" if current is None else "update"
        change = Change(wanted.name, "realm", wanted.name, act, _differences(current, settings), work)
        # A realm that was deleted meanwhile does not come back by an update, which would make no keys for it.
        change.before = lambda c: configuration.check_stored(c, t.realms, {"name": wanted.name}, current)
        return settings, change

    async def _introspection_problems(self, wanted: RealmInput) -> list[Problem]:
        """Who asks for an API is a client of the same manifest, or known already, and can authenticate."""
        found = []
        coming = {client.client_id: client.token_endpoint_auth_method for client in wanted.clients}
        for index, resource in enumerate(() if wanted.resources is msgspec.UNSET else wanted.resources):
            for name in resource.introspection_clients:
                client = None if name in coming else await self.configuration.client(wanted.name, name)
                method = coming.get(name) if client is None else client.token_endpoint_auth_method
                if method in (None, "none"):
                    reason = f"{name!r} is not a client" if method is None else f"{name!r} is a public client"
                    found.append(Problem(f"resources[{index}].introspection_clients", reason))
        return found

    async def plan_client(
        self, realm: RealmSettings, wanted: ClientInput, secret: str | None, *, extra: dict[str, Any] | None = None
    ) -> Change:
        """Create a client or replace it, keeping a secret that is not given anew. Raises Refused.

        `secret` is the resolved client_secret; where one is needed and there is none, it is generated. `extra` are
        members that a registration adds; an operator's change keeps them as they are.
        """
        current = await self.configuration.client(realm.name, wanted.client_id)
        generated = None
        method, in_clear = wanted.token_endpoint_auth_method, secret_in_clear(wanted)
        if method not in (*SECRET_METHODS, *ASSERTION_METHODS[:1]):
            kept = None
        elif secret is None and current is not None and current.token_endpoint_auth_method == method:
            kept = current.secret
        else:
            generated = None if secret is not None else secrets.token_urlsafe(LONG_SECRET if in_clear else 32)
            kept = self._keep(realm.name, wanted, current, secret or generated or "")
        members = {f: getattr(wanted, f) for f in wanted.__struct_fields__ if f not in NOT_REPLACED}
        for name in ("id_token_signed_response_alg", "authorization_signed_response_alg"):
            members[name] = members[name] or _default_alg(realm, wanted)
        members |= remembered(current, wanted, members) if extra is None else extra
        client = Client(**members, secret=kept)
        found = (
            problems(client, secret, PROFILES[realm.profile])
            or conflicts(client, realm, self.audience(realm))
            or await sector_identifier_problems(self._fetcher, client, current)
        )
        if current is None and await self.accounts(realm.name).user(client.client_id) is not None:
            # RFC 9700 4.15.1: a token of a client must not look like one of a user.
            found.append(Problem("client_id", "is the identifier (sub) of a user"))
        if found:
            raise Refused(found)
        if client == current:
            return Change(realm.name, "client", client.client_id, "unchanged", client=current, was=current)

        def work(c: sa.Connection) -> None:
            configuration.save_client(c, realm.name, client)

        act: Act = "create" if current is None else "update"
        fields = _differences(current, client)
        return Change(
            realm.name, "client", client.client_id, act, fields, work, generated, client, current, serial=realm.serial
        )  # fmt: skip

    def _keep(self, realm: str, wanted: ClientInput, current: Client | None, secret: str) -> ClientSecret:
        """A secret as it is stored: a digest; sealed too where an HMAC needs the secret itself."""
        digest = secret_digest(secret)
        sealed = secret_in_clear(wanted)
        before = current.secret if current is not None else None
        if before is not None and before.digest == digest and (before.sealed is not None) == sealed:
            return before
        if not sealed:
            return ClientSecret(digest=digest)
        return ClientSecret(
            digest=digest, sealed=self._seal.close(secret.encode(), secret_context(realm, wanted.client_id))
        )

    async def plan_user(self, realm: str, wanted: UserInput, password: str | None) -> Change:
        """Create a user or change them; without a password the present one stays. Raises Refused."""
        username = username_of(wanted.username)
        found = users.problems(username, password, wanted.claims)
        if found:
            raise Refused(found)
        current = await self.accounts(realm).user_by_username(username)
        kept = current.password_hash if current is not None else None
        if password is not None and not (kept is not None and check_password(kept, password)):
            kept = self._hash_password(password)
        sub = current.sub if current is not None else secrets.token_urlsafe(24)
        user = User(sub=sub, username=username, password_hash=kept, claims=wanted.claims, enabled=wanted.enabled)
        if user == current:
            return Change(realm, "user", username, "unchanged")

        now = int(self._clock())

        def work(c: sa.Connection) -> None:
            accounts.save_user(c, realm, user)
            if not user.enabled or (current is not None and user.password_hash != current.password_hash):
                # Whoever was signed in with the old password has to know the new one (RFC 9700 4.14.2).
                endings.end_sessions(c, realm, user.sub, deliver_at=now)
                accounts.revoke_grants(c, realm, user.sub)

        return Change(
            realm,
            "user",
            username,
            "create" if current is None else "update",
            _differences(current, user),
            work,
        )

    async def plan_delete_client(self, realm: str, client_id: str) -> Change:
        """Delete a client. Raises Refused if there is none."""
        if await self.configuration.client(realm, client_id) is None:
            raise Refused([Problem("client_id", f"there is no client {client_id!r} in realm {realm!r}")])
        return Change(
            realm,
            "client",
            client_id,
            "delete",
            work=lambda c: configuration.delete_client(c, realm, client_id),
        )

    async def plan_delete_user(self, realm: str, username: str) -> Change:
        """Delete a user with sessions, consents and grants. Raises Refused if there is none."""
        return await users.plan_delete(self, realm, username)

    async def plan_sign_out(self, realm: str, username: str) -> Change:
        """End all sessions of a user, as if they had signed out everywhere. Raises Refused if there is none."""
        return await users.plan_sign_out(self, realm, username)

    async def plan_remove_credential(self, realm: str, username: str, credential_id: str) -> Change:
        """Take a second factor or passkey away from a user, and sign them out. Raises Refused if there is none."""
        return await users.plan_remove_credential(self, realm, username, credential_id)

    def clear_secret(self, realm: str, client: Client) -> str | None:
        """A client's secret where it is kept in clear, sealed; None where only its digest is."""
        if client.secret is None or client.secret.sealed is None:
            return None
        return self._seal.open(client.secret.sealed, secret_context(realm, client.client_id)).decode()

    # --- Keys --------------------------------------------------------------------------------------

    async def rotate_keys(self, realm: str, algs: tuple[str, ...] = (*SIGNING, *ENCRYPTION)) -> Rotation:
        """New keys; the old ones are retired, but stay published, verify and open while they may be needed.

        A retired key is deleted by a later rotation, of whatever algorithm; see keys.kept_until. Raises Refused.
        """
        settings = await self.existing_realm(realm)
        now = int(self._clock())
        made = [self._make_key(alg, self._seal, now) for alg in algs]
        turned = rotation(settings, await self.configuration.keys(realm), made, now=now)

        def work(c: sa.Connection) -> None:
            for key in (*turned.retired, *turned.made):
                configuration.save_key(c, realm, key)

        await self.carry_out(
            [
                Change(realm, "key", ",".join(algs), "update", work=work),
                *(Change(realm, "key", key.kid, "delete", work=_deleting(realm, key)) for key in turned.deleted),
            ]
        )
        return turned

    # --- Doing ---------------------------------------------------------------------------------------

    async def carry_out(self, changes: list[Change]) -> None:
        """Do all of it in one transaction, or nothing; each change leaves an audit event.

        Raises Forbidden where who it is done for may not do one of them, ChangedMeanwhile where a change was planned
        for something that is another by now.
        """
        if self._actor is not None:
            await self._authorise(self._actor, changes)
        wanted = [change for change in changes if change.work is not None]
        if not wanted:
            return
        at, by = int(self._clock()), None if self._actor is None else self._actor.name

        def work(c: sa.Connection) -> bool:
            looked_at: set[str] = set()
            for position, change in enumerate(wanted):
                try:
                    serial = change.serial if self._actor is None else self._actor.serial
                    if serial is not None and change.realm not in looked_at:
                        configuration.check_serial(c, change.realm, serial)
                        looked_at.add(change.realm)
                    if change.before is not None:
                        change.before(c)
                except ChangedMeanwhile:
                    if position:
                        raise
                    return False  # nothing is written yet, so others in this transaction need not be undone
                if change.work is not None:
                    change.work(c)
                event = ConfigurationChanged(change.object, change.id, change.act, by)
                append_event(c, {"at": at, "realm": change.realm, "event": event.name, **event.members()})
            return True

        if not await self.configuration.change(work):
            raise ChangedMeanwhile
        if self._changed is not None:
            await self._changed()

    async def _authorise(self, actor: Actor, changes: list[Change]) -> None:
        realm = await self.existing_realm(actor.realm)
        for change in changes:
            actor.check(change, self.audience(realm))

    async def key_ring(self, realm: str) -> KeyRing:
        """A realm's keys, opened. Raises jose.seal.CannotOpen."""
        return KeyRing.of(await self.configuration.keys(realm), self._seal)

    async def check_keys(self) -> None:
        """Every key opens with this secret key. Raises jose.seal.CannotOpen."""
        for realm in await self.configuration.realms():
            for key in await self.configuration.keys(realm.name):
                check_sealed(key, self._seal)

    async def ensure_default_realm(self) -> None:
        """A fresh installation has the realm `default`."""
        if await self.configuration.realm("default") is None:
            _, change = await self.plan_realm(RealmInput(name="default"))
            with suppress(ChangedMeanwhile):  # another process was first
                await self.carry_out([change])


def _deleting(realm: str, key: StoredKey) -> Work:
    return lambda c: configuration.delete_key(c, realm, key.kid)


def _default_alg(realm: RealmSettings, wanted: ClientInput) -> str:
    """RS256 is OpenID Connect's default; a profile that forbids it has another (FAPI2-SP 5.4.1)."""
    profile = PROFILES[realm.profile]
    return PROFILES.get(wanted.profile or "", profile).within(profile).signing_alg("RS256")


def _differences(current: msgspec.Struct | None, wanted: msgspec.Struct) -> tuple[str, ...]:
    """The members that differ from what is there, or from nothing."""
    names = wanted.__struct_fields__
    if current is None:
        return ()
    return tuple(name for name in names if getattr(current, name) != getattr(wanted, name))
