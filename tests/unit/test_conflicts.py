"""A client that could never be served by its realm is not saved, and doctor finds the ones that are there."""

from __future__ import annotations

from typing import Any

import pytest

from pushgate.model import (
    AuthorizationDetailsType,
    Client,
    PushedAuthorizationRequests,
    RealmSettings,
    Resource,
)
from pushgate.protocol.conflicts import conflicts

NO_PAR = {"pushed_authorization_requests": PushedAuthorizationRequests(supported=False)}
NO_OBJECTS = {"request_parameter_supported": False}
FAPI = {"profile": "fapi2-message-signing", "token_endpoint_auth_method": "private_key_jwt"}
PUSH, SIGN = "require_pushed_authorization_requests", "require_signed_request_object"


def found(client: dict[str, Any], realm: dict[str, Any]) -> list[str]:
    """The problems, in words."""
    registered = Client(**{"client_id": "app", "redirect_uris": ("https://app.example/cb",), **client})
    return [str(problem) for problem in conflicts(registered, RealmSettings(name="default", **realm))]


CONFLICTS: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "push": ({PUSH: True}, NO_PAR, [f"{PUSH}: needs pushed requests, which the realm has switched off"]),
    "sign": ({SIGN: True}, NO_OBJECTS, [f"{SIGN}: needs request objects, which the realm has switched off"]),
    "profile": (
        FAPI,
        NO_PAR | NO_OBJECTS,
        [
            "profile: needs pushed requests, which the realm has switched off",
            "profile: needs request objects, which the realm has switched off",
        ],
    ),
    "no mode": ({"response_modes": ()}, {}, ["response_modes: leave no mode for the response type 'code'"]),
    "no mode of the profile": (
        {**FAPI, "response_modes": ("query",)}, {}, ["response_modes: leave no mode for the response type 'code'"],
    ),
    "tokens in the query": (
        {"response_types": ("code id_token",), "response_modes": ("query", "query.jwt")}, {},
        ["response_modes: leave no mode for the response type 'code id_token'"],
    ),
    "resource": (
        {"allowed_resources": ("https://api.example", "https://typo.example")},
        {"resources": (Resource(identifier="https://api.example"),)},
        ["allowed_resources: 'https://typo.example' is none of the realm's"],
    ),
    "type": (
        {"authorization_details_types": ("payment", "paiment")},
        {"authorization_details_types": (AuthorizationDetailsType(type="payment"),)},
        ["authorization_details_types: 'paiment' is none of the realm's"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("client", "realm", "expected"), CONFLICTS.values(), ids=CONFLICTS)
def test_what_nobody_could_satisfy(client: dict[str, Any], realm: dict[str, Any], expected: list[str]) -> None:
    assert found(client, realm) == expected


def test_what_can_be_satisfied() -> None:
    assert found({}, {}) == []
    assert found(FAPI, {}) == []
    encrypted = {"authorization_encrypted_response_alg": "ECDH-ES", "response_modes": ("query.jwt",)}
    assert found({**encrypted, "response_types": ("code id_token",)}, {}) == []
    # Who is never redirected asks for nothing that could be pushed.
    assert found({PUSH: True, "redirect_uris": (), "response_modes": ()}, NO_PAR) == []
