"""Authlib (PyPI), as a Starlette application uses it, against a real server.

The library keeps state and nonce in the application's session, checks them, and checks the ID Token
against jwks_uri. It knows neither PAR nor the `iss` of RFC 9207: `Pushing` adds both, in the few lines
that an application needs for it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from authlib.common.urls import add_params_to_uri
from authlib.integrations.starlette_client import OAuth, OAuthError, StarletteOAuth2App
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from starlette.requests import Request

from tests.peers.walk import SCOPE, assert_complete, walk
from tests.support.live import Live
from tests.support.manifests import KEY, PEER_REDIRECT, PEER_SECRET, PEERS

SECRETS: dict[str, Any] = {"private_key_jwt": KEY, "none": None}


class Pushing(StarletteOAuth2App):
    """An application that pushes what Authlib would have put into the authorization URL."""

    async def create_authorization_url(self, redirect_uri: str | None = None, **kwargs: Any) -> dict[str, Any]:
        made: dict[str, Any] = await super().create_authorization_url(redirect_uri, **kwargs)
        metadata = await self.load_server_metadata()
        parameters = dict(parse_qsl(urlsplit(made["url"]).query))
        del parameters["client_id"]  # comes with the credentials
        async with self._get_oauth_client(**metadata) as client:
            pushed = await client.post(
                metadata["pushed_authorization_request_endpoint"],
                data=parameters,
                auth=client.client_auth(client.token_endpoint_auth_method),
            )
        document = pushed.json()
        if "error" in document:
            raise OAuthError(document["error"], document["error_description"])
        reference = {"client_id": self.client_id, "request_uri": document["request_uri"]}
        return {**made, "url": add_params_to_uri(metadata["authorization_endpoint"], reference.items())}

    async def authorize_access_token(self, request: Request, **kwargs: Any) -> dict[str, Any]:
        metadata = await self.load_server_metadata()
        assert metadata["authorization_response_iss_parameter_supported"]
        assert request.query_params["iss"] == metadata["issuer"]
        token: dict[str, Any] = await super().authorize_access_token(request, **kwargs)
        return token


class Peer:
    """An application of one user: the library's client, and the session between its two requests."""

    def __init__(self, live: Live, method: str) -> None:
        self.live = live
        self.session: dict[str, Any] = {}
        self.app = Pushing(
            OAuth().framework_integration_cls("pushgate"),
            "pushgate",
            client_id=PEERS[method],
            client_secret=SECRETS.get(method, PEER_SECRET),
            server_metadata_url=f"{live.url}/.well-known/openid-configuration",
            client_auth_methods=[ClientSecretJWT(), PrivateKeyJWT(alg="ES256")],
            client_kwargs={
                "scope": SCOPE,
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": method,
            },
        )

    def request(self, url: str = PEER_REDIRECT) -> Request:
        """A request of the user's browser to the application."""
        parts = urlsplit(url)
        scope = {"type": "http", "method": "GET", "path": parts.path, "query_string": parts.query.encode()}
        return Request({**scope, "headers": [], "session": self.session})

    async def landed(self, *, allow: bool = True) -> tuple[str, str]:
        """Push, let the user decide: the authorization URL, and where the browser was sent to."""
        response = await self.app.authorize_redirect(self.request(), PEER_REDIRECT, prompt="consent")
        url = response.headers["location"]
        return url, await walk(self.live, url, allow=allow)

    @property
    def nonce(self) -> str:
        """The nonce that the library keeps for the answer."""
        (kept,) = self.session.values()
        return str(kept["data"]["nonce"])

    async def refreshed(self, token: dict[str, Any]) -> dict[str, Any]:
        """Use the refresh token."""
        metadata = await self.app.load_server_metadata()
        async with self.app._get_oauth_client(**metadata) as client:
            fresh = await client.refresh_token(refresh_token=token["refresh_token"])
        return {
            "claims": await self.app.parse_id_token(fresh, nonce=None),
            "userinfo": await self.app.userinfo(token=fresh),
            "refresh_token": fresh["refresh_token"] != token["refresh_token"],
        }


@pytest.mark.requirement("PAR-4-1")
@pytest.mark.parametrize("method", PEERS)
async def test_whole_flow(live: Live, method: str) -> None:
    peer = Peer(live, method)
    url, landed = await peer.landed()
    nonce = peer.nonce
    token = await peer.app.authorize_access_token(peer.request(landed))
    played = {
        "authorization_url": url,
        "nonce": nonce,
        "scope": token["scope"],
        "claims": token["userinfo"],
        "userinfo": await peer.app.userinfo(token=token),
        "refreshed": await peer.refreshed(token),
    }
    assert_complete(live, method, played)


async def test_reports_why_a_code_is_refused(live: Live) -> None:
    peer = Peer(live, "client_secret_jwt")
    _, landed = await peer.landed()
    session = dict(peer.session)
    await peer.app.authorize_access_token(peer.request(landed))
    peer.session = session
    with pytest.raises(OAuthError) as caught:
        await peer.app.authorize_access_token(peer.request(landed))
    assert caught.value.error == "invalid_grant"
    assert caught.value.description == "The authorization code was used before; its tokens are revoked."


async def test_reports_why_a_push_is_refused(live: Live) -> None:
    peer = Peer(live, "private_key_jwt")
    with pytest.raises(OAuthError) as caught:
        await peer.app.authorize_redirect(peer.request(), "https://peer.example/elsewhere")
    assert caught.value.error == "invalid_request"
    assert caught.value.description == "redirect_uri is not registered for this client."


async def test_reports_that_the_user_said_no(live: Live) -> None:
    peer = Peer(live, "none")
    _, landed = await peer.landed(allow=False)
    with pytest.raises(OAuthError) as caught:
        await peer.app.authorize_access_token(peer.request(landed))
    assert (caught.value.error, caught.value.description) == ("access_denied", "The request was denied.")
