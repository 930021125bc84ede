"""requests_oauth2client (PyPI) against a real server: the library itself checks iss, state, nonce and the ID Token."""

from __future__ import annotations

from typing import Any

import pytest
from requests.auth import AuthBase
from requests_oauth2client import (
    AuthorizationRequest,
    AuthorizationResponse,
    AuthorizationResponseError,
    BearerToken,
    ClientSecretBasic,
    ClientSecretJwt,
    ClientSecretPost,
    EndpointError,
    InvalidGrant,
    InvalidRequest,
    OAuth2Client,
    PrivateKeyJwt,
    PublicApp,
)

from tests.peers.walk import SCOPE, assert_complete, walk
from tests.support.live import Live
from tests.support.manifests import KEY, PEER_ALGS, PEER_REDIRECT, PEER_SECRET, PEERS

METHODS: dict[str, AuthBase] = {
    "client_secret_basic": ClientSecretBasic("peer-basic", PEER_SECRET),
    "client_secret_post": ClientSecretPost("peer-post", PEER_SECRET),
    "client_secret_jwt": ClientSecretJwt("peer-hmac", PEER_SECRET),
    "private_key_jwt": PrivateKeyJwt("peer-jwt", KEY.as_dict(private=True), alg="ES256"),
    "none": PublicApp("peer-spa"),
}


def client_of(live: Live, method: str) -> OAuth2Client:
    """A client from the discovery document; `testing` lets the library use http."""
    return OAuth2Client.from_discovery_endpoint(
        issuer=live.url,
        auth=METHODS[method],
        redirect_uri=PEER_REDIRECT,
        id_token_signed_response_alg=PEER_ALGS[PEERS[method]],
        testing=True,
    )


async def answered(
    live: Live, client: OAuth2Client, *, allow: bool = True
) -> tuple[str, AuthorizationRequest, AuthorizationResponse]:
    """Push, let the user decide, and have the library check the answer."""
    asked = client.authorization_request(scope=SCOPE, prompt="consent")
    pushed = client.pushed_authorization_request(asked)
    landed = await walk(live, pushed.uri, allow=allow)
    return pushed.uri, asked, asked.validate_callback(landed)


def refused(error: EndpointError) -> dict[str, Any]:
    """What the library makes of an error reply."""
    reply = error.response
    return {
        "error": error.error,
        "error_description": error.description,
        "status": reply.status_code,
        "refusal": reply.headers["pushgate-refusal"],
    }


def played(
    client: OAuth2Client, url: str, asked: AuthorizationRequest, answer: AuthorizationResponse
) -> dict[str, Any]:
    """Redeem (which validates the ID Token), fetch UserInfo, refresh, fetch again."""
    tokens: BearerToken = client.authorization_code(answer)
    refreshed = client.refresh_token(tokens)
    assert client.authorization_response_iss_parameter_supported
    return {
        "authorization_url": url,
        "nonce": asked.nonce,
        "scope": tokens.scope,
        "claims": tokens.id_token.claims,
        "userinfo": client.userinfo(tokens),
        "refreshed": {
            "claims": refreshed.id_token.claims,
            "userinfo": client.userinfo(refreshed),
            "refresh_token": refreshed.refresh_token is not None,
        },
    }


@pytest.mark.requirement("PAR-4-1")
@pytest.mark.parametrize("method", PEERS)
async def test_whole_flow(live: Live, method: str) -> None:
    client = client_of(live, method)
    assert_complete(live, method, played(client, *await answered(live, client)))


async def test_reports_why_a_code_is_refused(live: Live) -> None:
    client = client_of(live, "client_secret_post")
    _, _, answer = await answered(live, client)
    client.authorization_code(answer)
    with pytest.raises(InvalidGrant) as caught:
        client.authorization_code(answer)
    assert refused(caught.value) == {
        "error": "invalid_grant",
        "error_description": "The authorization code was used before; its tokens are revoked.",
        "status": 400,
        "refusal": "code.replayed",
    }


async def test_reports_why_a_push_is_refused(live: Live) -> None:
    client = client_of(live, "private_key_jwt")
    asked = client.authorization_request(scope=SCOPE, redirect_uri="https://peer.example/elsewhere")
    with pytest.raises(InvalidRequest) as caught:
        client.pushed_authorization_request(asked)
    assert refused(caught.value) == {
        "error": "invalid_request",
        "error_description": "redirect_uri is not registered for this client.",
        "status": 400,
        "refusal": "request.redirect_uri_mismatch",
    }


async def test_reports_that_the_user_said_no(live: Live) -> None:
    client = client_of(live, "none")
    with pytest.raises(AuthorizationResponseError) as caught:
        await answered(live, client, allow=False)
    assert (caught.value.error, caught.value.description) == ("access_denied", "The request was denied.")
