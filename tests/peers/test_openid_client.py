"""openid-client (npm) against a real server: the library itself checks iss, state, nonce and the ID Token."""

from __future__ import annotations

import pytest

from tests.peers.node import play
from tests.peers.walk import assert_complete
from tests.support.live import Live
from tests.support.manifests import PEERS

LIBRARY = "openid-client"


@pytest.mark.requirement("PAR-4-1")
@pytest.mark.parametrize("method", PEERS)
async def test_whole_flow(live: Live, method: str) -> None:
    assert_complete(live, method, await play(live, LIBRARY, method))


async def test_reports_why_a_code_is_refused(live: Live) -> None:
    played = await play(live, LIBRARY, "client_secret_basic", redeem_twice=True)
    assert played["refused"] == {
        "error": "invalid_grant",
        "error_description": "The authorization code was used before; its tokens are revoked.",
        "status": 400,
        "refusal": "code.replayed",
    }


async def test_reports_why_a_push_is_refused(live: Live) -> None:
    played = await play(live, LIBRARY, "private_key_jwt", redirect_uri="https://peer.example/elsewhere")
    assert played["refused"] == {
        "error": "invalid_request",
        "error_description": "redirect_uri is not registered for this client.",
        "status": 400,
        "refusal": "request.redirect_uri_mismatch",
    }


async def test_reports_that_the_user_said_no(live: Live) -> None:
    played = await play(live, LIBRARY, "none", allow=False)
    assert played["refused"] == {"error": "access_denied", "error_description": "The request was denied."}
