"""FAPI 2.0 with openid-client (npm): the library binds its tokens, and checks what is signed and encrypted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.peers.fapi import BANKS, SPOILT, assert_bound, issuer_of, play_bank, retried
from tests.support.live import Live

LIBRARY = "openid-client"
PLAIN, JARM = {"code", "state", "iss"}, {"response"}


@pytest.mark.requirement("DPOP-5-1", "DPOP-6.1-1", "DPOP-5-3", "DPOP-7.2-1", "FAPI-5.3.2.1-4", "FAPI-5.3.2.1-9")
@pytest.mark.parametrize("client_id", BANKS)
@pytest.mark.parametrize("place", ["security", "default"])
async def test_whole_flow(banks: Live, place: str, client_id: str) -> None:
    played = await play_bank(banks, LIBRARY, place, client_id)
    assert_bound(banks, place, played, client_id)
    assert set(played["landed"]) == PLAIN
    assert played["responses"] == SPOILT["plain"]
    assert retried(played) == []


@pytest.mark.requirement("DPOP-10.1-2", "FAPI-5.3.2.1-4")
async def test_a_code_is_bound_to_the_key_of_the_push(banks: Live) -> None:
    played = await play_bank(banks, LIBRARY, "security")
    assert played["codes"] == {"no proof": "dpop.required", "another key": "dpop.key_code"}
    assert [seen["status"] for seen in played["traffic"] if seen["at"] == "token"] == [400, 400, 200, 200, 200]


@pytest.mark.requirement("DPOP-8-1", "DPOP-8.2-1", "DPOP-9-1")
async def test_a_nonce_is_fetched_and_used_again(banks: Live) -> None:
    """The library keeps the last nonce of an origin, and an API's is none for the token endpoint (RFC 9449 8)."""
    played = await play_bank(banks, LIBRARY, "nonces")
    assert_bound(banks, "nonces", played)
    with_kept_key = ["par", "userinfo", "token", "userinfo"]
    with_other_key = ["token", "userinfo", "token"]
    sent_back = retried(played)
    assert sent_back == [*with_kept_key[:1], *with_other_key[:1], *with_kept_key[1:], *with_other_key[1:]]
    code_redeemed = next(seen for seen in played["traffic"] if (seen["at"], seen["status"]) == ("token", 200))
    assert code_redeemed["sent"] == next(seen["given"] for seen in played["traffic"] if seen["at"] == "par")


@pytest.mark.requirement("DPOP-8-1", "DPOP-9-1", "DPOP-11.3-1")
async def test_without_a_nonce_every_request_is_sent_back_once(banks: Live) -> None:
    played = await play_bank(banks, LIBRARY, "nonces", forget=True)
    assert_bound(banks, "nonces", played)
    assert retried(played) == ["par", "token", "token", "userinfo", "token", "userinfo", "userinfo", "token"]
    assert not any(seen["sent"] is None and seen["status"] < 400 for seen in played["traffic"])


@pytest.mark.requirement("JARM-2.1-1", "JARM-2.1-3", "JARM-2.3.1-1", "JARM-2.3.4-1", "JARM-3-1", "ISS-2.4-2")
async def test_a_signed_response(banks: Live) -> None:
    played = await play_bank(banks, LIBRARY, "security", jarm=True)
    assert_bound(banks, "security", played)
    assert set(played["landed"]) == JARM
    assert played["responses"] == SPOILT["signed"]


@pytest.mark.requirement("JARM-2.2-1", "JARM-3-1", "JARM-3-2")
@pytest.mark.parametrize("client_id", ["bank-rsa", "bank-ec"])
@pytest.mark.parametrize("place", ["security", "default"])
async def test_an_encrypted_response(banks: Live, place: str, client_id: str) -> None:
    played = await play_bank(banks, LIBRARY, place, client_id, jarm=True)
    assert_bound(banks, place, played, client_id)
    assert set(played["landed"]) == JARM
    assert played["responses"] == SPOILT["encrypted"]


@pytest.mark.requirement("FMS-5.3.1-1", "FMS-5.3.1-2", "FMS-5.3.1-5", "FMS-5.4.1-2", "JARM-3-1")
@pytest.mark.parametrize("client_id", BANKS)
async def test_message_signing(banks: Live, client_id: str) -> None:
    played = await play_bank(banks, LIBRARY, "signing", client_id)
    assert_bound(banks, "signing", played, client_id)
    assert set(played["landed"]) == JARM
    assert played["responses"] == SPOILT["signed" if client_id == "bank" else "encrypted"]
    assert "par" in retried(played)


async def test_a_signed_request_without_the_profile_that_demands_it(banks: Live) -> None:
    played = await play_bank(banks, LIBRARY, "security", signed=True)
    assert_bound(banks, "security", played)
    assert set(played["landed"]) == PLAIN


REFUSED: dict[str, tuple[str, dict[str, Any], tuple[int, str, str]]] = {
    "unsigned": ("signing", {"signed": False}, (400, "invalid_request", "request.signed_required")),
    "in the open": ("signing", {"jarm": False}, (400, "invalid_request", "request.response_mode_unauthorized")),
    "object for another": (
        "signing", {"object": {"aud": "https://other.example"}}, (400, "invalid_request_object", "request_object.aud"),
    ),
    "object without nbf": (
        "signing", {"object": {"nbf": None}}, (400, "invalid_request_object", "request_object.nbf"),
    ),
}  # fmt: skip


@pytest.mark.requirement("FMS-5.3.1-1", "FMS-5.3.1-2", "FMS-5.3.1-3", "FMS-5.4.1-1")
@pytest.mark.parametrize(("place", "settings", "told"), REFUSED.values(), ids=REFUSED)
async def test_reports_why_a_push_is_refused(
    banks: Live, place: str, settings: dict[str, Any], told: tuple[int, str, str]
) -> None:
    refused = (await play_bank(banks, LIBRARY, place, **settings))["refused"]
    assert (refused["status"], refused["error"], refused["refusal"]) == told


@pytest.mark.requirement("FAPI-5.3.2.1-8")
@pytest.mark.parametrize("place", ["security", "default"])
async def test_reports_that_an_assertion_is_for_the_wrong_audience(banks: Live, place: str) -> None:
    issuer = issuer_of(banks, place)
    for aud in (f"{issuer}/oauth2/par", f"{issuer}/oauth2/token", [issuer], [issuer, "https://other.example"]):
        played = await play_bank(banks, LIBRARY, place, assertion={"aud": aud})
        # Of a 401 the library tells the challenge alone.
        assert played["refused"] == {"status": 401, "refusal": "assertion.aud"}


@pytest.mark.requirement("JARM-2.1-4", "FMS-5.4.1-2")
@pytest.mark.parametrize("client_id", BANKS)
async def test_reports_that_the_user_said_no(banks: Live, client_id: str) -> None:
    """The error is inside the JWT, which the library opened."""
    played = await play_bank(banks, LIBRARY, "signing", client_id, allow=False)
    assert played["refused"] == {"error": "access_denied", "error_description": "The request was denied."}
