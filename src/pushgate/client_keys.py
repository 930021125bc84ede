"""The keys of clients: inline `jwks`, `jwks_uri` through the guarded fetcher, or a secret for HMAC."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pushgate.fetch import CachedJson, FetchError
from pushgate.jose.encrypt import EncryptionKey, encryption_key
from pushgate.jose.keys import SigningKey, secret_key
from pushgate.jose.seal import Seal
from pushgate.jose.verify import KeySet
from pushgate.model import Client

MAX_SETS = 5_000
T = TypeVar("T")


class RegisteredClientKeys:
    """See endpoints.context.ClientKeys. Imported sets are kept as long as their source is the same object."""

    def __init__(self, documents: CachedJson, seal: Seal, clock: Callable[[], float]) -> None:
        self._documents = documents
        self._seal = seal
        self._clock = clock
        self._imported: OrderedDict[tuple[str, str, str], tuple[object, Any]] = OrderedDict()

    async def keys(self, realm: str, client: Client, header: Mapping[str, object]) -> KeySet:
        """The keys that may have signed an assertion with this header: of the registered method alone."""
        if client.token_endpoint_auth_method == "client_secret_jwt":
            return self.secret(realm, client)
        return await self.public_keys(realm, client, header)

    async def public_keys(self, realm: str, client: Client, header: Mapping[str, object]) -> KeySet:
        """The public keys that may have signed a JWT with this header; an unknown kid causes one refetch."""
        where = (realm, client.client_id, "public")
        if client.jwks is not None:
            return self._import(where, client.jwks, lambda: KeySet.of_jwks(client.jwks))
        if client.jwks_uri is None:
            return KeySet([])
        return await self._published(where, client.jwks_uri, header)

    async def jwks(self, client: Client, *, anew: bool = False) -> dict[str, Any] | None:
        """The JWK Set as registered or published; None if it cannot be had. `anew` causes one refetch."""
        if client.jwks is not None or client.jwks_uri is None:
            return client.jwks
        if anew:
            return _jwks(await self._documents.refresh(client.jwks_uri, now=self._clock()))
        try:
            return _jwks(await self._documents.get(client.jwks_uri, now=self._clock()))
        except FetchError:
            return None

    async def _published(self, where: tuple[str, str, str], uri: str, header: Mapping[str, object]) -> KeySet:
        try:
            document = await self._documents.get(uri, now=self._clock())
            keys = self._import(where, document, lambda: KeySet.of_jwks(_jwks(document)))
            if keys.candidates(header):
                return keys
            fresh = await self._documents.refresh(uri, now=self._clock())
        except FetchError:
            return KeySet([])
        return keys if fresh is None else self._import(where, fresh, lambda: KeySet.of_jwks(_jwks(fresh)))

    async def encryption_key(self, realm: str, client: Client, alg: str) -> EncryptionKey | None:
        """The client's public key to encrypt to with this algorithm; one that is not there yet causes one refetch."""
        where = (realm, client.client_id, f"enc {alg}")
        if client.jwks is not None:
            return self._import(where, client.jwks, lambda: encryption_key(client.jwks, alg))
        if client.jwks_uri is None:
            return None
        try:
            document = await self._documents.get(client.jwks_uri, now=self._clock())
        except FetchError:
            return None
        found = self._import(where, document, lambda: encryption_key(_jwks(document), alg))
        if found is not None:
            return found
        fresh = await self._documents.refresh(client.jwks_uri, now=self._clock())
        return self._import(where, fresh, lambda: encryption_key(_jwks(fresh), alg))

    def signing_key(self, realm: str, client: Client, alg: str) -> SigningKey | None:
        """The client's secret as a key to sign with; None where it is not kept in clear."""
        where = (realm, client.client_id, alg)
        return self._import(where, client.secret, lambda: self._signing_key(realm, client, alg))

    def secret(self, realm: str, client: Client) -> KeySet:
        """The client's secret to verify with; empty where it is not kept in clear."""
        return self._import((realm, client.client_id, "secret"), client.secret, lambda: self._secret(realm, client))

    def _signing_key(self, realm: str, client: Client, alg: str) -> SigningKey | None:
        clear = self._clear(realm, client)
        return None if clear is None else secret_key(alg, clear)

    def _secret(self, realm: str, client: Client) -> KeySet:
        clear = self._clear(realm, client)
        return KeySet([]) if clear is None else KeySet.of_secret(clear)

    def _clear(self, realm: str, client: Client) -> str | None:
        if client.secret is None or client.secret.sealed is None:
            return None
        return self._seal.open(client.secret.sealed, secret_context(realm, client.client_id)).decode()

    def _import(self, where: tuple[str, str, str], source: object, make: Callable[[], T]) -> T:
        kept = self._imported.get(where)
        if kept is not None and kept[0] is source:
            found: T = kept[1]
            return found
        keys = make()
        self._imported[where] = (source, keys)
        self._imported.move_to_end(where)
        if len(self._imported) > MAX_SETS:
            self._imported.popitem(last=False)
        return keys


def secret_context(realm: str, client_id: str) -> bytes:
    """The place that a sealed client secret belongs to."""
    return f"client\0{realm}\0{client_id}".encode()


def _jwks(document: object) -> dict[str, Any] | None:
    return document if isinstance(document, dict) else None
