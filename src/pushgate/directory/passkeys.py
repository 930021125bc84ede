"""Passkeys (WebAuthn Level 3): what the browser is asked, and whether its answer holds.

Every passkey is discoverable and verifies its user. So the sign-in page asks everybody the same and names no
credential, and its question tells nothing about who has an account.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import webauthn
from webauthn.helpers import base64url_to_bytes, options_to_json, parse_client_data_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from pushgate.directory.relying_party import RelyingParty
from pushgate.model import Credential, Fact

REQUIRED = UserVerificationRequirement.REQUIRED
TIMEOUT = 300_000  # milliseconds for the user to find their authenticator


class Registered(Fact, frozen=True):
    """A new passkey; `amr` is its RFC 8176 name."""

    webauthn_id: bytes
    public_key: bytes
    sign_count: int
    amr: str


class Used(Fact, frozen=True):
    """A passkey that was used."""

    sign_count: int
    amr: str


def user_handle(realm: str, sub: str) -> bytes:
    """What the authenticator knows the account by; it says nothing about the person. WebAuthn 5.4.3."""
    return hashlib.sha256(f"{realm}\0{sub}".encode()).digest()


def request_options(party: RelyingParty, challenge: bytes, allowed: list[Credential]) -> str:
    """JSON for `navigator.credentials.get`. Without `allowed` any passkey for this host will do."""
    options = webauthn.generate_authentication_options(
        rp_id=party.rp_id,
        challenge=challenge,
        timeout=TIMEOUT,
        allow_credentials=_descriptors(allowed),
        user_verification=REQUIRED,
    )
    return options_to_json(options)


def creation_options(
    party: RelyingParty, challenge: bytes, *, handle: bytes, username: str, rp_name: str, present: list[Credential]
) -> str:
    """JSON for `navigator.credentials.create`. An authenticator that holds one of `present` makes no second one."""
    options = webauthn.generate_registration_options(
        rp_id=party.rp_id,
        rp_name=rp_name,
        user_name=username,
        user_id=handle,
        challenge=challenge,
        timeout=TIMEOUT,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=REQUIRED
        ),
        exclude_credentials=_descriptors(present),
    )
    return options_to_json(options)


def _descriptors(credentials: list[Credential]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=c.webauthn_id) for c in credentials if c.webauthn_id is not None]


def read(answer: str) -> tuple[dict[str, Any], bytes, bytes] | None:
    """A browser's answer, the id in it and the challenge that it signed; None for what is none. Nothing is proven."""
    try:
        found = json.loads(answer)
        client_data = parse_client_data_json(base64url_to_bytes(found["response"]["clientDataJSON"]))
        return found, base64url_to_bytes(found["rawId"]), client_data.challenge
    except Exception:  # whatever a stranger sends is parsed here
        return None


def registered(party: RelyingParty, answer: dict[str, Any], challenge: bytes) -> Registered | None:
    """The passkey that was made for this challenge, by a verified user at our origin; None for another answer."""
    try:
        found = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except Exception:  # the library raises many kinds for malformed answers
        return None
    amr = _amr(found.credential_device_type)
    return Registered(found.credential_id, found.credential_public_key, found.sign_count, amr)


def used(
    party: RelyingParty, answer: dict[str, Any], challenge: bytes, credential: Credential, handle: bytes
) -> Used | None:
    """The use of a passkey for this challenge, by its verified user at our origin; None for another answer.

    A counter that did not rise is refused: a copy of the authenticator is about. WebAuthn 7.2.
    """
    if credential.public_key is None:
        return None
    try:
        named = answer["response"].get("userHandle")
        if named is not None and base64url_to_bytes(named) != handle:
            return None
        found = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=party.origin,
            credential_public_key=credential.public_key,
            credential_current_sign_count=credential.sign_count,
            require_user_verification=True,
        )
    except Exception:  # the library raises many kinds for malformed answers
        return None
    return Used(found.new_sign_count, _amr(found.credential_device_type))


def _amr(kind: CredentialDeviceType) -> str:
    """RFC 8176: a key that never leaves its device, or one that is copied between devices."""
    return "hwk" if kind is CredentialDeviceType.SINGLE_DEVICE else "swk"
