"""FAPI 2.0 with oauth4webapi (npm), step by step; the library also plays the API that the access token is for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.peers.fapi import BANKS, SPOILT, assert_bound, issuer_of, play_bank, retried
from tests.support.live import Live

LIBRARY = "oauth4webapi"
PLAIN, JARM = {"code", "state", "iss"}, {"response"}


def assert_good_at_the_api(live: Live, place: str, client_id: str, played: dict[str, Any]) -> None:
    """The library, as a resource server, took the token with its proof, and refused it in every other way."""
    claims = dict(played["api"]["claims"])
    assert claims["iss"] == issuer_of(live, place)
    assert (claims["client_id"], claims["sub"]) == (client_id, played["claims"]["sub"])
    assert claims["cnf"] == {"jkt": played["jkt"]}
    assert {name: told for name, told in played["api"].items() if name != "claims"} == {
        "bearer": "OAUTH_INVALID_RESPONSE",
        "another key": "OAUTH_JWT_CLAIM_COMPARISON_FAILED",
        "another API": "OAUTH_JWT_CLAIM_COMPARISON_FAILED",
    }


@pytest.mark.requirement("DPOP-5-1", "DPOP-6.1-1", "DPOP-5-3", "DPOP-7.2-1", "FAPI-5.3.2.1-4", "FAPI-5.3.2.1-9")
@pytest.mark.parametrize("client_id", BANKS)
@pytest.mark.parametrize("place", ["security", "default"])
async def test_whole_flow(banks: Live, place: str, client_id: str) -> None:
    played = await play_bank(banks, LIBRARY, place, client_id)
    assert_bound(banks, place, played, client_id)
    assert_good_at_the_api(banks, place, client_id, played)
    assert set(played["landed"]) == PLAIN
    assert played["responses"] == SPOILT["plain"]
    assert retried(played) == []


@pytest.mark.requirement("DPOP-10-1", "DPOP-10.1-1", "DPOP-10.1-2")
async def test_a_code_is_bound_to_the_key_of_the_push(banks: Live) -> None:
    played = await play_bank(banks, LIBRARY, "security")
    assert played["codes"] == {"no proof": "dpop.required", "another key": "dpop.key_code"}


@pytest.mark.requirement("DPOP-10.1-3")
@pytest.mark.parametrize("place", ["security", "signing"])
async def test_reports_that_dpop_jkt_is_of_another_key(banks: Live, place: str) -> None:
    """As a pushed parameter, and inside the signed request object."""
    refused = (await play_bank(banks, LIBRARY, place, stranger=True))["refused"]
    assert (refused["status"], refused["error"], refused["refusal"]) == (400, "invalid_dpop_proof", "dpop.key_pushed")


@pytest.mark.requirement("DPOP-8-1", "DPOP-9-1")
async def test_a_nonce_is_fetched_and_used_again(banks: Live) -> None:
    played = await play_bank(banks, LIBRARY, "nonces")
    assert_bound(banks, "nonces", played)
    assert retried(played) == ["par", "token", "userinfo", "token", "userinfo", "userinfo", "token"]


@pytest.mark.requirement("JARM-2.1-1", "JARM-2.1-3", "JARM-2.3.1-1", "JARM-2.3.4-1", "JARM-3-1", "ISS-2.4-2")
@pytest.mark.parametrize("place", ["security", "default"])
async def test_a_signed_response(banks: Live, place: str) -> None:
    played = await play_bank(banks, LIBRARY, place, jarm=True)
    assert_bound(banks, place, played)
    assert set(played["landed"]) == JARM
    assert played["responses"] == SPOILT["signed"]


@pytest.mark.requirement("JARM-2.2-1", "JARM-3-1", "JARM-3-2")
@pytest.mark.parametrize("client_id", ["bank-rsa", "bank-ec"])
async def test_an_encrypted_response(banks: Live, client_id: str) -> None:
    played = await play_bank(banks, LIBRARY, "security", client_id, jarm=True)
    assert_bound(banks, "security", played, client_id)
    assert set(played["landed"]) == JARM
    assert set(played["responses"]) == set(SPOILT["encrypted"])
    assert None not in played["responses"].values()


@pytest.mark.requirement("FMS-5.3.1-1", "FMS-5.3.1-2", "FMS-5.3.1-5", "FMS-5.4.1-2", "JARM-3-1", "DPOP-10-2")
@pytest.mark.parametrize("client_id", BANKS)
async def test_message_signing(banks: Live, client_id: str) -> None:
    played = await play_bank(banks, LIBRARY, "signing", client_id)
    assert_bound(banks, "signing", played, client_id)
    assert_good_at_the_api(banks, "signing", client_id, played)
    assert set(played["landed"]) == JARM
    assert set(played["responses"]) == set(SPOILT["signed" if client_id == "bank" else "encrypted"])
    assert None not in played["responses"].values()
    assert "par" in retried(played)


REFUSED: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "unsigned": ({"signed": False}, ("invalid_request", "request.signed_required")),
    "in the open": ({"jarm": False}, ("invalid_request", "request.response_mode_unauthorized")),
    "object without aud": ({"object": {"aud": None}}, ("invalid_request_object", "request_object.aud")),
    "object long since made": ({"object": {"nbf": 1}}, ("invalid_request_object", "request_object.nbf_old")),
    "object for ever": ({"object": {"exp": 10**10}}, ("invalid_request_object", "request_object.exp_far")),
    "object of another": ({"object": {"iss": "bank-ec"}}, ("invalid_request_object", "request_object.iss")),
}


@pytest.mark.requirement("FMS-5.3.1-1", "FMS-5.3.1-2", "FMS-5.3.1-3", "FMS-5.3.1-4", "FMS-5.4.1-1")
@pytest.mark.parametrize(("settings", "told"), REFUSED.values(), ids=REFUSED)
async def test_reports_why_a_push_is_refused(banks: Live, settings: dict[str, Any], told: tuple[str, str]) -> None:
    refused = (await play_bank(banks, LIBRARY, "signing", **settings))["refused"]
    assert (refused["status"], refused["error"], refused["refusal"]) == (400, *told)


@pytest.mark.requirement("JARM-2.1-4", "FMS-5.4.1-2")
@pytest.mark.parametrize("client_id", BANKS)
async def test_reports_that_the_user_said_no(banks: Live, client_id: str) -> None:
    played = await play_bank(banks, LIBRARY, "signing", client_id, allow=False)
    assert played["refused"] == {"error": "access_denied", "error_description": "The request was denied."}
