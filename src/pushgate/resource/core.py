"""ProtectedResource: an API that takes access tokens, free of any framework."""

from __future__ import annotations

import hashlib
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from pushgate import refusals
from pushgate.client.wire import safe_url
from pushgate.errors import InvalidDpopProof, OAuthError, UseDpopNonce
from pushgate.jose.thumbprints import certificate_thumbprint
from pushgate.jose.verify import KeySet
from pushgate.profiles import ASYMMETRIC
from pushgate.protocol import access_token as rules
from pushgate.protocol import dpop
from pushgate.resource.keys import FixedKeys, IssuerKeys, Keys
from pushgate.resource.refused import AccessRefused, Wanted, challenges
from pushgate.resource.replay import MemoryReplay, Replay
from pushgate.resource.token import AccessToken

Headers = Mapping[str, str] | Iterable[tuple[str, str] | tuple[bytes, bytes]]
"""The headers of a request; pairs can have a name twice, which a mapping hides."""

MIN_NONCE_KEY = 32  # bytes
_QUOTABLE = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+")
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")


class ProtectedResource:
    """An API that takes the access tokens of one issuer (RFC 9068, RFC 6750).

    `issuer`: its identifier, exactly as its metadata has it; its keys are fetched when the first token comes.
    `audience`: what `aud` has to contain, one of these if there are several.
    `base_url`: the public URL of the API's root, where a proxy stands in front; DPoP proofs are compared with it.
    `bound_only`: take no tokens that are bound to no key (FAPI 2.0). `algorithms`: what tokens and proofs may be
    signed with. `realm`: the name in challenges; the audience unless given.
    `replay`: remembers used DPoP proofs; in this process unless given. `nonce_key`: 32 or more secret bytes, common to
    all processes; with it every proof needs a nonce of the last minutes.
    `keys`: a JWK Set, instead of fetching one. `http`: the client to fetch with. `clock`: seconds since the epoch.
    Raises ValueError for an issuer or base URL without TLS, and for other arguments that cannot be.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str | Collection[str],
        base_url: str | None = None,
        bound_only: bool = False,
        algorithms: Collection[str] = ASYMMETRIC,
        realm: str | None = None,
        replay: Replay | None = None,
        nonce_key: bytes | None = None,
        keys: Mapping[str, Any] | KeySet | None = None,
        http: httpx.AsyncClient | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.issuer = _safe("issuer", issuer)
        self.audience = frozenset({audience} if isinstance(audience, str) else audience)
        self.realm = realm or min(self.audience, default="")
        if not self.audience or not all(self.audience) or not _QUOTABLE.fullmatch(self.realm):
            raise ValueError("audience (and realm) must be printable ASCII without quotes and backslashes")
        if not algorithms or not ASYMMETRIC.issuperset(algorithms):
            raise ValueError(f"algorithms must be some of {', '.join(sorted(ASYMMETRIC))}")
        if nonce_key is not None and len(nonce_key) < MIN_NONCE_KEY:
            raise ValueError(f"nonce_key needs {MIN_NONCE_KEY} bytes")
        self._algorithms = frozenset(algorithms)
        self._algs = [alg for alg in dpop.ALGS if alg in self._algorithms]
        self._base_url = None if base_url is None else _safe("base_url", base_url).rstrip("/")
        self._bound_only = bound_only
        self._replay = MemoryReplay(clock=clock) if replay is None else replay
        self._nonce_key = nonce_key
        self._keys = _keys(self.issuer, keys, http, clock)
        self._clock = clock

    def __repr__(self) -> str:
        return f"{type(self).__name__}(issuer={self.issuer!r}, audience={sorted(self.audience)!r})"

    async def check(
        self,
        *,
        method: str,
        url: str,
        headers: Headers,
        certificate: bytes | str | None = None,
        scope: str | Iterable[str] = (),
        acr_values: str | Iterable[str] = (),
        max_age: int | None = None,
    ) -> AccessToken:
        """The access token of a request that may pass. Raises AccessRefused for any other.

        `method` and `url` are the request's, the URL as the client saw it (or see `base_url`). `certificate` is that of
        the client's TLS connection: DER, PEM or SHA-256 thumbprint (base64url); it must come from the connection or
        from a proxy that nobody else can pose as. The token must have every value of `scope`, one of `acr_values` as
        `acr`, and the user must have signed in at most `max_age` seconds ago. RFC 6750, 8705, 9068, 9449, 9470.
        """
        wanted = Wanted.of(scope, acr_values, max_age)
        found = _pairs(headers)
        sent = rules.Presented(rules.BEARER, "")
        try:
            sent = rules.presented_token(_values(found, "authorization"))
            claims = await self._claims(sent.token)
            await self._check_sender(sent, claims, method, url, _values(found, "dpop"), certificate)
            rules.check_scope(claims, wanted.scope)
            rules.check_authentication(claims, wanted.acr_values, wanted.max_age, self._clock())
        except OAuthError as error:
            told = challenges(error, scheme=sent.scheme, realm=self.realm, algs=self._algs, wanted=wanted)
            raise AccessRefused(error, told) from None
        return AccessToken.of(claims, sent.scheme, sent.token)

    def fresh_nonce(self) -> str | None:
        """What a good answer may carry as `DPoP-Nonce`, so that the next proof is not refused. RFC 9449 8.2."""
        return None if self._nonce_key is None else dpop.make_nonce(self._nonce_key, self._purpose, self._clock())

    async def _claims(self, token: str) -> dict[str, Any]:
        """The claims of a token that the issuer signed for this resource. RFC 9068 4."""
        unverified = rules.parse_access_token(token, self._algorithms)
        if not await self._keys.verified(unverified):
            raise refusals.ACCESS_SIGNATURE()
        rules.check_claims(unverified.claims, self.issuer, self.audience, self._clock())
        return unverified.claims

    async def _check_sender(
        self,
        sent: rules.Presented,
        claims: dict[str, Any],
        method: str,
        url: str,
        proofs: list[str],
        certificate: bytes | str | None,
    ) -> None:
        """The token was sent by whom it is bound to. RFC 9449 7, RFC 8705 3."""
        binding = rules.binding_of(claims)
        rules.check_scheme(sent.scheme, binding, bound_only=self._bound_only)
        rules.check_certificate(binding, _thumbprint(certificate))
        if binding.jkt is None:
            return
        try:
            proof = self._proof(proofs, method, url, sent.token)
            if proof.jkt != binding.jkt:
                raise refusals.ACCESS_KEY()
            await self._use_up(proof)
        except (InvalidDpopProof, UseDpopNonce) as error:
            error.at_resource = True
            raise

    def _proof(self, values: list[str], method: str, url: str, token: str) -> dpop.Proof:
        """RFC 9449 4.3."""
        value = dpop.find_proof(values)
        if value is None:
            raise refusals.DPOP_REQUIRED()
        try:
            urls = frozenset({dpop.normalise_htu(self._public(url))})
        except ValueError as problem:
            raise refusals.DPOP_HTU(f"the request's own URL: {problem}") from None
        proof = dpop.verify_proof(
            value, method=method, urls=urls, now=self._clock(), algorithms=self._algorithms, access_token=token
        )
        if self._nonce_key is not None:
            try:
                dpop.check_nonce(proof, self._nonce_key, self._purpose, self._clock())
            except UseDpopNonce as error:
                error.dpop_nonce = self.fresh_nonce()
                raise
        return proof

    async def _use_up(self, proof: dpop.Proof) -> None:
        """Exactly one use of a proof wins. RFC 9449 11.1."""
        digest = hashlib.sha256(f"{self.realm}\0{proof.handle}".encode()).digest()
        new = self._replay(urlsafe_b64encode(digest).rstrip(b"=").decode(), proof.remember_until)
        if not (await new if isinstance(new, Awaitable) else new):
            raise refusals.DPOP_REPLAY()

    def _public(self, url: str) -> str:
        return url if self._base_url is None else self._base_url + urlsplit(url).path

    @property
    def _purpose(self) -> str:
        return f"resource\0{self.realm}"


def _safe(name: str, url: str) -> str:
    if not safe_url(url):
        raise ValueError(f"{name}: {url!r} must be an https URL (http on loopback only)")
    return url


def _keys(
    issuer: str, keys: Mapping[str, Any] | KeySet | None, http: httpx.AsyncClient | None, clock: Callable[[], float]
) -> Keys:
    if keys is None:
        return IssuerKeys(issuer, http, clock)
    found = keys if isinstance(keys, KeySet) else KeySet.of_jwks(dict(keys))
    if not found.keys:
        raise ValueError("keys is a JWK Set with at least one public key for signatures")
    return FixedKeys(found)


def _pairs(headers: Headers) -> list[tuple[str, str]]:
    """Names, in lower case, and values as text."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return [(_text(name).lower(), _text(value)) for name, value in pairs]


def _text(part: str | bytes) -> str:
    return part.decode("latin-1") if isinstance(part, bytes) else part


def _values(pairs: list[tuple[str, str]], name: str) -> list[str]:
    return [value for key, value in pairs if key == name]


def _thumbprint(certificate: bytes | str | None) -> str | None:
    """`x5t#S256` of a certificate, the first of a PEM text; of other text a value that equals no thumbprint.

    RFC 8705 3.1.
    """
    if certificate is None or (isinstance(certificate, str) and _THUMBPRINT.fullmatch(certificate)):
        return certificate
    if isinstance(certificate, bytes):
        return certificate_thumbprint(certificate)
    try:
        return certificate_thumbprint(load_pem_x509_certificate(certificate.encode()).public_bytes(Encoding.DER))
    except ValueError:
        return ""
