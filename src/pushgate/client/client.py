"""The client: discover, push, exchange, refresh, userinfo."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx
from joserfc.jwk import Key

from pushgate.client import pushed as requests
from pushgate.client import tokens as responses
from pushgate.client.authentication import authentication
from pushgate.client.errors import BadReply, ClientError
from pushgate.client.id_token import ServerKeys, check_claims
from pushgate.client.metadata import Metadata, discover
from pushgate.client.pushed import Pushed, Secrets, request_form
from pushgate.client.tokens import Tokens
from pushgate.client.wire import fetch, json_object, safe_url

TIMEOUT = 10  # seconds


class PushClient:
    """A client of one authorization server, safe to share between tasks.

    `auth_method` is one of client_secret_basic (what a `client_secret` alone means), client_secret_post,
    client_secret_jwt, private_key_jwt (what a `key` alone means; a joserfc key, signing with `signing_alg`
    or what fits it) and none. `http` is used, and left open, if given. `clock` gives seconds since the
    epoch. Raises ValueError for an issuer without TLS and for credentials that do not fit the method.
    """

    def __init__(
        self,
        issuer: str,
        client_id: str,
        *,
        client_secret: str | None = None,
        auth_method: str | None = None,
        key: Key | None = None,
        signing_alg: str | None = None,
        http: httpx.AsyncClient | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not safe_url(issuer):
            raise ValueError(f"{issuer!r} is not an issuer: it must be an https URL (http on loopback only)")
        self.issuer = issuer
        self.client_id = client_id
        self._authentication = authentication(client_id, auth_method, client_secret, key, signing_alg)
        self._http = httpx.AsyncClient(timeout=TIMEOUT) if http is None else http
        self._http_is_ours = http is None
        self._keys = ServerKeys(self._http)
        self._clock = clock
        self._metadata: Metadata | None = None

    def __repr__(self) -> str:
        return f"PushClient({self.issuer!r}, {self.client_id!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections, unless they are somebody else's."""
        if self._http_is_ours:
            await self._http.aclose()

    async def discover(self) -> Metadata:
        """The server's metadata; fetched once. The other methods call this themselves. RFC 8414 3."""
        if self._metadata is None:
            self._metadata = await discover(self._http, self.issuer)
        return self._metadata

    async def push(self, *, redirect_uri: str, scope: str = "", **params: Any) -> Pushed:
        """Push an authorization request; state, nonce and PKCE are made here. RFC 9126 2.

        Further parameters go by their own names: `resource=[...]`, `prompt="login"`, `max_age=300`,
        `claims={...}`. Raises ClientError; ValueError for a parameter that is made here.
        """
        made = Secrets.make(openid="openid" in scope.split())
        form = request_form(self.client_id, redirect_uri, scope, made, params)
        metadata = await self.discover()
        url, where = metadata.pushed_authorization_request_endpoint, "pushed authorization request endpoint"
        reply = json_object(await self._post(url, form), where, 201)
        return requests.pushed(reply, metadata, form, made, params.get("max_age"))

    async def authorization_code(self, pushed: Pushed, redirected: str | Mapping[str, str]) -> str:
        """The code that the browser brought back, its `state` and `iss` checked; `exchange` does this itself.

        `redirected` is the URL the browser came back to, or its parameters (of a form post). Raises
        BadAuthorizationResponse, and Refused where the answer is no.
        """
        return requests.authorization_code(await self.discover(), pushed, redirected)

    async def exchange(self, pushed: Pushed, redirected: str | Mapping[str, str]) -> Tokens:
        """Check what the browser brought back, and redeem its code for tokens. Raises ClientError.

        RFC 6749 4.1.3, RFC 7636 4.5, RFC 9207 2.4, OpenID Connect Core 3.1.3.
        """
        form = {
            "grant_type": "authorization_code",
            "code": await self.authorization_code(pushed, redirected),
            "redirect_uri": pushed.redirect_uri,
            "code_verifier": pushed.code_verifier,
        }
        tokens = responses.understood(await self._token(form), pushed.scope)
        if tokens.openid and tokens.id_token is None:
            raise BadReply("the token endpoint sent no ID Token, although the scope has openid")
        return await self._with_claims(tokens, nonce=pushed.nonce, max_age=pushed.max_age)

    async def refresh(self, tokens: Tokens, *, scope: str | None = None) -> Tokens:
        """Fresh tokens; with `scope`, narrower ones. Raises ClientError. RFC 6749 6, OpenID Connect Core 12."""
        if tokens.refresh_token is None:
            raise ClientError("there is no refresh token")
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
        if scope is not None:
            form["scope"] = scope
        fresh = responses.understood(await self._token(form), scope or tokens.scope, tokens.refresh_token)
        if fresh.id_token is None:
            return dataclasses.replace(fresh, id_token=tokens.id_token, claims=tokens.claims)
        return await self._with_claims(fresh, subject=None if tokens.claims is None else tokens.claims["sub"])

    async def userinfo(self, tokens: Tokens) -> dict[str, Any]:
        """The user's claims. They are about the ID Token's subject, or worthless. Raises ClientError.

        OpenID Connect Core 5.3, RFC 6750 2.1.
        """
        metadata = await self.discover()
        if metadata.userinfo_endpoint is None:
            raise BadReply("the metadata document has no userinfo_endpoint")
        bearer = {"authorization": f"Bearer {tokens.access_token}"}
        claims = json_object(
            await fetch(self._http, "GET", metadata.userinfo_endpoint, headers=bearer), "UserInfo endpoint"
        )
        if tokens.claims is not None and claims.get("sub") != tokens.claims["sub"]:
            raise BadReply("the UserInfo endpoint spoke of somebody else (sub)")
        return claims

    async def _token(self, form: dict[str, str]) -> dict[str, Any]:
        metadata = await self.discover()
        return json_object(await self._post(metadata.token_endpoint, form), responses.WHERE)

    async def _post(self, url: str, form: Mapping[str, str | list[str]]) -> httpx.Response:
        """A form with the client's credential."""
        credential = self._authentication
        fields = {**form, **credential.fields(self.issuer, self._clock())}
        headers = {**credential.headers(), "accept": "application/json"}
        return await fetch(self._http, "POST", url, data=fields, headers=headers)

    async def _with_claims(
        self, tokens: Tokens, *, nonce: str | None = None, max_age: int | None = None, subject: str | None = None
    ) -> Tokens:
        """The tokens with the claims of their ID Token, if there is one. Raises BadIdToken."""
        if tokens.id_token is None:
            return tokens
        metadata = await self.discover()
        claims = check_claims(
            await self._keys.verified(tokens.id_token, metadata),
            metadata,
            self.client_id,
            now=self._clock(),
            nonce=nonce,
            access_token=tokens.access_token,
            max_age=max_age,
            subject=subject,
        )
        return dataclasses.replace(tokens, claims=claims)
