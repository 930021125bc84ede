"""Enrol a passkey (WebAuthn Level 3, 7.1): the browser makes a key pair, its public half is kept here."""

from __future__ import annotations

import hashlib
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import parse_client_data_json, parse_registration_credential_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from pushgate.endpoints.context import Context, new_handle
from pushgate.endpoints.http import Request
from pushgate.events import CredentialAdded
from pushgate.model import Credential
from pushgate.protocol.params import Params
from pushgate.store.ports import First
from pushgate.web.enrol.totp import issuer_name, label_of
from pushgate.web.languages import N_, say_for

LABEL = N_("Passkey")
PATIENCE = 600  # seconds that a challenge can be answered
SCRIPT = "passkey-enrol.js"

Outcome = Credential | Literal["failed", "known"]
"""The new passkey; or it could not be made, or it is enrolled already."""


def passkeys_possible(ctx: Context) -> bool:
    """WebAuthn knows hosts by name alone: there are no passkeys for an address such as 127.0.0.1."""
    try:
        ip_address(rp_id(ctx))
    except ValueError:
        return True
    return False


def rp_id(ctx: Context) -> str:
    """The relying party of passkeys: the issuer's host (WebAuthn 5.1.2)."""
    return urlsplit(ctx.realm.issuer.identifier).hostname or ""


def origin(ctx: Context) -> str:
    """Where the ceremony has to take place."""
    parts = urlsplit(ctx.realm.issuer.identifier)
    return f"{parts.scheme}://{parts.netloc}"


async def passkey_options(ctx: Context, sub: str, username: str, *, browser: str) -> str:
    """What the browser is asked, as JSON. `browser` is the cookie's value, which the answer has to come with."""
    challenge = new_handle(ctx.now())
    key = ctx.transient.key("webauthn", f"{challenge}{browser}")
    ends_at = int(ctx.now()) + PATIENCE
    await ctx.transient.add("webauthn", key, f"{ends_at} {sub}".encode(), ends_at)
    known = [c.webauthn_id for c in await ctx.credentials.of_user(sub) if c.webauthn_id is not None]
    options = webauthn.generate_registration_options(
        rp_id=rp_id(ctx),
        rp_name=issuer_name(ctx),
        user_id=user_handle(ctx, sub),
        user_name=username,
        challenge=challenge.encode(),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
    )
    return webauthn.options_to_json(options)


async def enrol_passkey(ctx: Context, request: Request, sub: str, params: Params, *, browser: str) -> Outcome:
    """Keep the passkey that the browser made, if it answers a challenge of ours that was not answered before."""
    credential = _parsed(params.get("credential", ""))
    challenge = None if credential is None else _challenge(credential)
    if credential is None or challenge is None:
        return "failed"
    taken = await ctx.transient.consume("webauthn", ctx.transient.key("webauthn", f"{challenge}{browser}"))
    made = (
        _verified(ctx, credential, challenge) if isinstance(taken, First) and _is_for(ctx, sub, taken.value) else None
    )
    if made is None:
        return "failed"
    identifier = passkey_key(ctx, made.credential_id)
    row = Credential(
        credential_id=identifier,
        sub=sub,
        kind="passkey",
        label=label_of(params.get("label", ""), say_for(request)(LABEL)),
        created_at=int(ctx.now()),
        webauthn_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
    )
    # What an id is, nobody attests: whoever says that of another user's passkey must not get its place.
    if not await ctx.credentials.add(row):
        return "known"
    ctx.emit(CredentialAdded(sub, row.kind, row.credential_id), request)
    return row


def _is_for(ctx: Context, sub: str, asked: bytes) -> bool:
    """Whether this user was asked, and not too long ago."""
    ends_at, _, whom = asked.decode().partition(" ")
    return whom == sub and int(ends_at) > ctx.now()


def _parsed(answer: str) -> RegistrationCredential | None:
    try:
        return parse_registration_credential_json(answer)
    except Exception:  # whatever the parser makes of foreign bytes, it is no passkey
        return None


def _challenge(credential: RegistrationCredential) -> str | None:
    try:
        return parse_client_data_json(credential.response.client_data_json).challenge.decode("ascii")
    except Exception:
        return None


def _verified(ctx: Context, credential: RegistrationCredential, challenge: str) -> VerifiedRegistration | None:
    try:
        return webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge.encode(),
            expected_rp_id=rp_id(ctx),
            expected_origin=origin(ctx),
            require_user_verification=True,
        )
    except Exception:
        return None


def passkey_key(ctx: Context, webauthn_id: bytes) -> str:
    """What a passkey is stored under: found by its own id at sign-in, and each one once."""
    return hashlib.sha256(b"passkey\0" + webauthn_id).hexdigest()[:40]


def user_handle(ctx: Context, sub: str) -> bytes:
    """What an authenticator knows an account by: no personal data (WebAuthn 5.4.3)."""
    return hashlib.sha256(f"{ctx.name}\0{sub}".encode()).digest()
