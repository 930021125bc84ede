"""The FAPI 2.0 security profile with Authlib (PyPI), as a Starlette application uses it.

The library lets an application choose the audience of its assertions and register token types, and that is enough:
`Key` and `BoundClient` add DPoP, which the library does not know.
"""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth2Auth
from authlib.integrations.starlette_client import OAuth, OAuthError
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.requests import Request

from pushgate.refusals import REFUSALS
from tests.peers.fapi import BANK_SCOPE, BANKS, assert_bound, issuer_of, retried
from tests.peers.test_authlib import Pushing
from tests.peers.walk import walk
from tests.support.live import Live
from tests.support.manifests import KEY, PEER_REDIRECT


class Key:
    """A DPoP key, the last nonce that came for it, and what was seen of the traffic; in the form of fapi.mjs."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256")
        self.nonce: str | None = None
        self.traffic: list[dict[str, Any]] = []

    async def prove(self, request: Any) -> None:
        """Add a proof to a request that is about to be sent."""
        if request.method == "GET" and "authorization" not in request.headers:
            return
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.as_dict(private=False)}
        claims = {"jti": str(uuid4()), "htm": request.method, "htu": str(request.url), "iat": int(time.time())}
        if self.nonce:
            claims["nonce"] = self.nonce
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme == "DPoP":
            claims["ath"] = urlsafe_b64encode(sha256(token.encode()).digest()).rstrip(b"=").decode()
        request.headers["dpop"] = jwt.encode(header, claims, self.key, algorithms=["ES256"])

    async def note(self, response: Any) -> None:
        """Keep the nonce of a reply."""
        at = urlsplit(str(response.request.url)).path.rpartition("/")[2]
        if at in ("par", "token", "userinfo"):
            await response.aread()
            given, error = response.headers.get("dpop-nonce"), response.json().get("error")
            seen = {"at": at, "status": response.status_code, "error": error, "sent": self.nonce, "given": given}
            self.traffic.append(seen)
            self.nonce = given or self.nonce


def add_dpop_token(token: str, uri: str, headers: Any, body: Any, placement: str) -> tuple[str, Any, Any]:
    """A token type of the library's own kind: the token under the scheme DPoP."""
    headers["Authorization"] = f"DPoP {token}"
    return uri, headers, body


class BoundAuth(OAuth2Auth):
    """Tokens of the type DPoP beside Bearer."""

    SIGN_METHODS: ClassVar = {**OAuth2Auth.SIGN_METHODS, "dpop": add_dpop_token}


class BoundClient(AsyncOAuth2Client):
    """Comes again with the nonce where the server wants one."""

    token_auth_class = BoundAuth

    async def send(self, request: Any, **kwargs: Any) -> Any:
        response = await super().send(request, **kwargs)
        if response.status_code in (400, 401) and response.json()["error"] == "use_dpop_nonce":
            response = await super().send(request, **kwargs)
        return response


class Bound(Pushing):
    """An application that pushes, and binds its tokens."""

    client_cls = BoundClient


class Peer:
    """An application of one user: the library's client, and the session between its two requests."""

    def __init__(self, live: Live, place: str, client_id: str = "bank", *, audience: str | None = None) -> None:
        self.live = live
        self.issuer = issuer_of(live, place)
        self.session: dict[str, Any] = {}
        self.key = Key()
        self.app = Bound(
            OAuth().framework_integration_cls("bank"),
            "bank",
            client_id=client_id,
            client_secret=KEY,
            server_metadata_url=f"{self.issuer}/.well-known/openid-configuration",
            client_auth_methods=[PrivateKeyJWT(audience or self.issuer, alg="ES256")],
            client_kwargs={
                "scope": BANK_SCOPE,
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": "private_key_jwt",
                "event_hooks": {"request": [self.prove], "response": [self.note]},
            },
        )

    async def prove(self, request: Any) -> None:
        """With the key of the moment."""
        await self.key.prove(request)

    async def note(self, response: Any) -> None:
        """With the key of the moment."""
        await self.key.note(response)

    def request(self, url: str = PEER_REDIRECT) -> Request:
        """A request of the user's browser to the application."""
        parts = urlsplit(url)
        scope = {"type": "http", "method": "GET", "path": parts.path, "query_string": parts.query.encode()}
        return Request({**scope, "headers": [], "session": self.session})

    async def landed(self) -> tuple[str, str]:
        """Push and let the user agree: the authorization URL, and where the browser was sent to."""
        response = await self.app.authorize_redirect(self.request(), PEER_REDIRECT, prompt="consent")
        url = response.headers["location"]
        return url, await walk(self.live, url)

    async def refreshed(self, token: dict[str, Any]) -> dict[str, Any]:
        """Use the refresh token with the key of the moment."""
        metadata = await self.app.load_server_metadata()
        async with self.app._get_oauth_client(**metadata) as client:
            found: dict[str, Any] = await client.refresh_token(refresh_token=token["refresh_token"])
        return found

    async def refusal(self, token: dict[str, Any]) -> str:
        """Why UserInfo refuses a token."""
        metadata = await self.app.load_server_metadata()
        reply = await self.app.get(metadata["userinfo_endpoint"], token=token)
        return str(reply.headers["pushgate-refusal"])

    async def played(self) -> dict[str, Any]:
        """The whole flow, in the form of fapi.mjs."""
        url, landed = await self.landed()
        assert parse_qs(urlsplit(landed).query).keys() == {"code", "state", "iss"}
        (kept,) = self.session.values()
        token = await self.app.authorize_access_token(self.request(landed))
        first = await self.app.userinfo(token=token)
        fresh = await self.refreshed(token)
        again = await self.app.userinfo(token=fresh)
        own, self.key = self.key, Key()
        stolen = {
            "bearer": await self.refusal({**token, "token_type": "Bearer"}),
            "another key": await self.refusal(token),
        }
        renewed = await self.refreshed(token)
        return {
            "authorization_url": url,
            "nonce": kept["data"]["nonce"],
            "scope": token["scope"],
            "token_type": token["token_type"],
            "access_token": token["access_token"],
            "jkt": own.key.thumbprint(),
            "claims": token["userinfo"],
            "userinfo": first,
            "refreshed": {
                "claims": await self.app.parse_id_token(fresh, nonce=None),
                "userinfo": again,
                "token_type": fresh["token_type"],
                "access_token": fresh["access_token"],
                "refresh_token": fresh["refresh_token"] != token["refresh_token"],
            },
            "stolen": stolen,
            "renewed": {"access_token": renewed["access_token"], "jkt": self.key.key.thumbprint()},
            "jwks": await self.app.fetch_jwk_set(),
            "traffic": own.traffic,
        }


@pytest.mark.requirement("DPOP-5-1", "DPOP-6.1-1", "DPOP-5-3", "DPOP-7.2-1", "FAPI-5.3.2.1-9")
@pytest.mark.parametrize("client_id", BANKS)
@pytest.mark.parametrize("place", ["security", "default"])
async def test_whole_flow(banks: Live, place: str, client_id: str) -> None:
    played = await Peer(banks, place, client_id).played()
    assert_bound(banks, place, played, client_id)
    assert retried(played) == []


@pytest.mark.requirement("DPOP-8-1", "DPOP-9-1")
async def test_whole_flow_with_nonces(banks: Live) -> None:
    """With one nonce for both kinds of endpoint, it is sent back at each change between them."""
    played = await Peer(banks, "nonces").played()
    assert_bound(banks, "nonces", played)
    assert retried(played) == ["par", "userinfo", "token", "userinfo"]


@pytest.mark.requirement("FAPI-5.3.2.1-4", "DPOP-10.1-2")
@pytest.mark.parametrize("proofs", [False, True])
async def test_reports_why_a_code_is_refused(banks: Live, proofs: bool) -> None:
    """Without a proof, and with one of another key than the push."""
    peer = Peer(banks, "security")
    _, landed = await peer.landed()
    peer.key = Key()
    if not proofs:
        peer.app.client_kwargs.pop("event_hooks")
    with pytest.raises(OAuthError) as caught:
        await peer.app.authorize_access_token(peer.request(landed))
    error, refusal = ("invalid_grant", "dpop.key_code") if proofs else ("invalid_dpop_proof", "dpop.required")
    assert (caught.value.error, caught.value.description) == (error, REFUSALS[refusal].description)


@pytest.mark.requirement("FAPI-5.3.2.1-8")
async def test_reports_that_an_assertion_for_the_token_endpoint_is_refused(banks: Live) -> None:
    """Which is the library's own choice of audience, were it not told better."""
    peer = Peer(banks, "security", audience=f"{issuer_of(banks, 'security')}/oauth2/token")
    with pytest.raises(OAuthError) as caught:
        await peer.landed()
    assert (caught.value.error, caught.value.description) == (
        "invalid_client", REFUSALS["assertion.aud"].description,
    )  # fmt: skip
