"""The keys of an issuer: fetched through its metadata, kept for a while, looked for again when one is unknown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import httpx

from pushgate import refusals
from pushgate.client.errors import BadReply, ClientError
from pushgate.client.metadata import addresses
from pushgate.client.wire import fetch, json_object, safe_url
from pushgate.jose.verify import KeySet, Unverified, verify_jws

FRESH = 300  # seconds that keys are used without asking
STALE = 3600  # seconds that they are used while the issuer does not answer
AGAIN = 10  # seconds between two attempts, whatever unknown keys are named meanwhile
TIMEOUT = 10  # seconds

_log = logging.getLogger("pushgate.resource")


class Keys(Protocol):
    """Where the keys come from."""

    async def verified(self, unverified: Unverified) -> bool:
        """Whether a key of the issuer made the signature. Raises TemporarilyUnavailable."""


class FixedKeys:
    """Keys that are at hand; they never change."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    async def verified(self, unverified: Unverified) -> bool:
        """See Keys."""
        return verify_jws(unverified, self._keys)


class IssuerKeys:
    """The published keys of an issuer; safe to share between tasks, threads and event loops.

    `clock` gives seconds since the epoch. Without `http` each fetch has a client of its own: fetches are rare, and a
    client belongs to one event loop. RFC 8414 3, RFC 7517 5, OpenID Connect Core 10.1.1.
    """

    def __init__(self, issuer: str, http: httpx.AsyncClient | None, clock: Callable[[], float]) -> None:
        self._issuer = issuer
        self._http = http
        self._clock = clock
        self._jwks_uri: str | None = None
        self._keys: KeySet | None = None
        self._fetched = self._tried = float("-inf")
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    async def verified(self, unverified: Unverified) -> bool:
        """See Keys. An unknown kid is looked for once more, but not more often than every ten seconds."""
        if not self._within(self._fetched, FRESH):
            await self._renew(wait=not self._within(self._fetched, STALE))
        keys = self._held()
        if not keys.candidates(unverified.header):
            await self._renew(wait=True)
            keys = self._held()
        return verify_jws(unverified, keys)

    def _within(self, since: float, seconds: float) -> bool:
        """Whether less than that has gone by; a clock that was put back ends every wait."""
        return 0 <= self._clock() - since < seconds

    def _held(self) -> KeySet:
        if self._keys is None or not self._within(self._fetched, STALE):
            error = refusals.ACCESS_NO_KEYS()
            error.retry_after = AGAIN
            raise error
        return self._keys

    async def _renew(self, *, wait: bool) -> None:
        """Fetch the keys, one task at a time; whoever waited for it does not ask again.

        Who need not `wait` goes on with the keys at hand while another task fetches. A task that is cancelled in
        between has not tried: the next one does.
        """
        lock = self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        if lock.locked() and not wait:
            return
        async with lock:
            if self._within(self._tried, AGAIN):
                return
            try:
                self._keys = await self._load()
                self._fetched = self._clock()
            except ClientError as problem:
                self._jwks_uri = None
                _log.warning("the keys of %s cannot be fetched: %s", self._issuer, problem)
            self._tried = self._clock()

    async def _load(self) -> KeySet:
        if self._http is not None:
            return await self._load_with(self._http)
        async with httpx.AsyncClient(timeout=TIMEOUT) as http:
            return await self._load_with(http)

    async def _load_with(self, http: httpx.AsyncClient) -> KeySet:
        if self._jwks_uri is None:
            self._jwks_uri = await self._discovered(http)
        keys = KeySet.of_jwks(json_object(await fetch(http, "GET", self._jwks_uri), "key document"))
        if not keys.keys:
            raise BadReply("the key document has no key that can be used")
        return keys

    async def _discovered(self, http: httpx.AsyncClient) -> str:
        """The jwks_uri. The document must be of this very issuer. RFC 8414 3.3, OpenID Connect Discovery 4.3."""
        document: dict[str, Any] = {}
        for url in addresses(self._issuer):
            response = await fetch(http, "GET", url, headers={"accept": "application/json"})
            if response.status_code != 404:
                document = json_object(response, "metadata document")
                break
        jwks_uri = document.get("jwks_uri")
        if document.get("issuer") != self._issuer:
            raise BadReply("there is no metadata document of this issuer")
        if not isinstance(jwks_uri, str) or not safe_url(jwks_uri):
            raise BadReply("the metadata document has no jwks_uri that is an https URL")
        return jwks_uri
