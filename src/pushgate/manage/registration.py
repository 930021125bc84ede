"""Clients that register themselves (RFC 7591) and look after their registration (RFC 7592)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any

import msgspec

from pushgate import refusals
from pushgate.manage.inputs import ClientInput
from pushgate.manage.service import Change, Management, Refused
from pushgate.model import Client, InitialAccessToken, RealmSettings
from pushgate.profiles import PROFILES
from pushgate.protocol.client_auth import secret_digest
from pushgate.protocol.client_metadata import (
    MANAGED,
    TIGHTENED,
    refused,
    stated,
    taken,
    translations_without,
    within,
)
from pushgate.protocol.registration import Problem, complete
from pushgate.store.durable.configuration import ChangedMeanwhile
from pushgate.store.durable.registrations import (
    InitialAccessTokens,
    RegistrationChanged,
    RegistrationGone,
    TokenSpent,
    check_registration,
    delete_initial_token,
    digest_of,
    save_initial_token,
    use_initial_token,
)

LONGEST_TOKEN = 365 * 86_400  # seconds
MOST_USES = 10_000


@dataclass(frozen=True, slots=True)
class Registered:
    """A client as it is now, the secret if one was made for it, and the token that manages it."""

    client: Client
    secret: str | None
    token: str

    def __repr__(self) -> str:
        return f"Registered({self.client.client_id!r})"


class Registrations:
    """Dynamic registration in one realm; every act goes through `Management`."""

    def __init__(self, management: Management, realm: RealmSettings) -> None:
        self._management = management
        self._realm = realm
        self._tokens = InitialAccessTokens(management.engine, realm.name)

    async def usable(self, token: str) -> bool:
        """Whether an initial access token can be used now."""
        return await self._tokens.usable(token, self._management.now())

    async def create(self, document: dict[str, Any], initial_token: str | None) -> Registered:
        """Register a client under a fresh client_id; the initial access token is used up with it, or nothing is.

        Raises OAuthError. RFC 7591 3.
        """
        now = self._management.now()
        issued = {"self_registered": True, "client_id_issued_at": now}
        token = secrets.token_urlsafe(32)
        change, client = await self._planned(secrets.token_hex(16), document, token, issued, None)
        realm, work = self._realm.name, change.work
        if initial_token is not None:
            change.before = lambda c: use_initial_token(c, realm, initial_token, now)
        assert work is not None
        try:
            await self._management.carry_out([change])
        except TokenSpent:
            raise refusals.REGISTRATION_TOKEN("used up meanwhile") from None
        except ChangedMeanwhile:
            raise refusals.UNAVAILABLE("the realm was deleted meanwhile") from None
        return Registered(client, change.secret, token)

    async def authorised(self, client_id: str, token: str | None) -> Client:
        """The client, as it is in the store, if this is its registration access token.

        Raises InvalidToken, whatever is wrong. RFC 7592 2.
        """
        if token is None:
            raise refusals.REGISTRATION_ACCESS_MISSING()
        client = await self._management.configuration.client(self._realm.name, client_id)
        known = client is not None and client.registration_token is not None
        expected = client.registration_token if client is not None and known else b"\0" * 32
        right = hmac.compare_digest(_digest(token), expected or b"")
        if client is None or not right or not known or not client.enabled:
            raise refusals.REGISTRATION_ACCESS()
        return client

    async def replace(self, current: Client, document: dict[str, Any], token: str) -> Registered:
        """Replace a client's metadata: what is left out is gone. Raises OAuthError, and then nothing has changed.

        RFC 7592 2.2.
        """
        if any(name in document for name in MANAGED):
            raise refusals.REGISTRATION_MANAGED()
        if document.get("client_id") != current.client_id:
            raise refusals.REGISTRATION_CLIENT_ID()
        secret = document.get("client_secret")
        if secret is not None and not _same_secret(current, secret):
            raise refusals.REGISTRATION_SECRET()
        kept = {"self_registered": True, "client_id_issued_at": current.client_id_issued_at}
        change, client = await self._planned(current.client_id, document, token, kept, current)
        await self._carry_out_for(current, change)
        return Registered(client, change.secret, token)

    async def delete(self, client: Client) -> None:
        """Delete a client with all that it was allowed. Raises InvalidToken if it is gone. RFC 7592 2.3."""
        try:
            change = await self._management.plan_delete_client(self._realm.name, client.client_id)
        except Refused:
            raise refusals.REGISTRATION_ACCESS("gone meanwhile") from None
        await self._carry_out_for(client, change)

    async def _carry_out_for(self, client: Client, change: Change) -> None:
        realm = self._realm.name
        decided = ("enabled", "operator_set", *TIGHTENED, *client.operator_set)
        change.before = lambda c: check_registration(c, realm, client, decided)
        try:
            await self._management.carry_out([change])
        except RegistrationGone:
            raise refusals.REGISTRATION_ACCESS("gone meanwhile") from None
        except RegistrationChanged:
            raise refusals.UNAVAILABLE("an operator changed the client meanwhile") from None
        except ChangedMeanwhile:
            raise refusals.UNAVAILABLE("the realm was deleted meanwhile") from None

    async def _planned(
        self, client_id: str, document: dict[str, Any], token: str, kept: dict[str, Any], current: Client | None
    ) -> tuple[Change, Client]:
        rules = self._realm.registration
        document = stated(document, rules, PROFILES[self._realm.profile], self._management.now())
        members, translations = taken(document)
        operators = () if current is None else current.operator_set
        decided = {name: getattr(current, name) for name in (*TIGHTENED, *operators)} if current is not None else {}
        try:
            asked = {**within(complete(members), rules), **decided, "client_id": client_id}
            wanted = msgspec.convert(asked, ClientInput)
        except msgspec.ValidationError as problem:
            raise refused([_shape(str(problem))]) from None
        extra = {
            **kept,
            "allowed_resources": (),
            "registration_token": _digest(token),
            "software_statement": document.get("software_statement"),
            "operator_set": operators,
            "translations": translations_without(translations, operators),
        }
        try:
            change = await self._management.plan_client(self._realm, wanted, None, extra=extra)
        except Refused as found:
            raise refused(found.problems) from None
        client = change.client or current
        assert client is not None
        return change, client

    # --- Initial access tokens --------------------------------------------------------------------------------

    async def issue_token(self, *, uses: int = 1, seconds: int = 86_400) -> str:
        """A token for so many registrations within so many seconds; only its digest is kept. Raises Refused."""
        found = []
        if not 1 <= uses <= MOST_USES:
            found.append(Problem("uses", f"must be 1 to {MOST_USES}"))
        if not 1 <= seconds <= LONGEST_TOKEN:
            found.append(Problem("expires", f"must be 1 to {LONGEST_TOKEN} seconds"))
        if found:
            raise Refused(found)
        token, now, realm = secrets.token_urlsafe(32), self._management.now(), self._realm.name
        record = InitialAccessToken(created_at=now, expires_at=now + seconds, uses_left=uses)
        digest = digest_of(token)
        work = Change(
            realm, "token", name_of(digest), "create", work=lambda c: save_initial_token(c, realm, digest, record)
        )
        await self._management.carry_out([work])
        return token

    async def tokens(self) -> list[tuple[str, InitialAccessToken]]:
        """Those that can still be used, by name."""
        return [(name_of(digest), record) for digest, record in await self._tokens.all(self._management.now())]

    async def take_back(self, name: str) -> None:
        """Make a token useless. Raises Refused if there is none of this name."""
        digests = [digest for digest, _ in await self._tokens.all(self._management.now()) if name_of(digest) == name]
        if not digests:
            raise Refused([Problem("token", f"there is no usable token {name!r} in realm {self._realm.name!r}")])
        realm, digest = self._realm.name, digests[0]
        work = Change(realm, "token", name, "delete", work=lambda c: delete_initial_token(c, realm, digest))
        await self._management.carry_out([work])


def name_of(digest: bytes) -> str:
    """What a token is called where it cannot be shown."""
    return digest.hex()[:12]


def _digest(token: str) -> bytes:
    return hashlib.sha256(b"registration access token\0" + token.encode()).digest()


def _same_secret(client: Client, secret: Any) -> bool:
    known = client.secret
    return isinstance(secret, str) and known is not None and hmac.compare_digest(secret_digest(secret), known.digest)


def _shape(complaint: str) -> Problem:
    """msgspec's words, such as "Expected `array`, got `str` - at `$.redirect_uris`"."""
    reason, _, where = complaint.partition(" - at `$")
    field = where.strip("`").removeprefix(".") or "metadata"
    wrong = "has a value of the wrong type" if "Expected" in reason else "is not a value that this member can have"
    return Problem(field.replace("[...]", ""), wrong)
