"""Enrol an authenticator app: show a secret, and keep it once a code made from it was typed."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

import pyotp
import segno
from markupsafe import Markup

from pushgate.endpoints.context import Context
from pushgate.endpoints.http import Request
from pushgate.events import CredentialAdded
from pushgate.jose.seal import CannotOpen
from pushgate.model import Credential
from pushgate.protocol.params import Params
from pushgate.protocol.totp import matching_step, provisioning_uri
from pushgate.web.languages import N_, say_for

LABEL = N_("Authenticator app")
MAX_LABEL = 60  # characters
PATIENCE = 1800  # seconds that a secret on the screen can be confirmed


@dataclass(frozen=True, slots=True)
class TotpForm:
    """A secret that is offered; `pending` is its sealed form: nothing is kept until it is confirmed."""

    secret: str
    pending: str
    qr: Markup

    @property
    def spelled(self) -> str:
        """The secret in groups of four, for typing."""
        return " ".join(self.secret[i : i + 4] for i in range(0, len(self.secret), 4))

    def __repr__(self) -> str:
        return "TotpForm(...)"


def totp_form(ctx: Context, sub: str, username: str, pending: str | None = None) -> TotpForm:
    """A fresh secret, or the one of a form that has to be shown again."""
    secret = None if pending is None else _opened(ctx, sub, pending)
    if secret is None or pending is None:
        secret = pyotp.random_base32()  # 160 bits (RFC 4226 4)
        payload = f"{int(ctx.now())} {secret}".encode()
        pending = urlsafe_b64encode(ctx.services.seal.close(payload, _pending(ctx, sub))).decode()
    code = segno.make(provisioning_uri(secret, username, issuer_name(ctx)), error="m", micro=False)
    drawn = code.svg_inline(scale=4, border=4, dark="#000", light="#fff", svgclass="qr", lineclass=None, omitsize=True)
    return TotpForm(secret, pending, Markup(drawn))  # noqa: S704 - drawn here, from squares


async def enrol_totp(ctx: Context, request: Request, sub: str, params: Params) -> Credential | None:
    """The new credential, if the form's code belongs to its secret; None for a wrong code or a form that grew old.

    A form that is sent twice makes one credential: two with the same secret would take every code twice.
    """
    secret = _opened(ctx, sub, params.get("pending", ""))
    step = None if secret is None else matching_step(secret, params.get("code", ""), ctx.now(), None)
    if secret is None or step is None:
        return None
    identifier = hashlib.sha256(f"totp\0{sub}\0{secret}".encode()).hexdigest()[:40]
    credential = Credential(
        credential_id=identifier,
        sub=sub,
        kind="totp",
        label=label_of(params.get("label", ""), say_for(request)(LABEL)),
        created_at=int(ctx.now()),
        sealed=ctx.services.seal.close(secret.encode(), totp_context(ctx, identifier)),
        last_step=step,
    )
    if not await ctx.credentials.add(credential):
        return await ctx.credentials.credential(identifier)
    ctx.emit(CredentialAdded(sub, credential.kind, identifier), request)
    return credential


def totp_context(ctx: Context, credential_id: str) -> bytes:
    """The place a TOTP secret is sealed for."""
    return f"totp {ctx.name} {credential_id}".encode()


def issuer_name(ctx: Context) -> str:
    """Who stands above the code in an authenticator app."""
    return ctx.realm.issuer.identifier.partition("://")[2]


def label_of(typed: str, otherwise: str) -> str:
    """What a person calls a credential: one line, not endless."""
    return " ".join(typed.split())[:MAX_LABEL] or otherwise


def _opened(ctx: Context, sub: str, pending: str) -> str | None:
    try:
        payload = ctx.services.seal.open(urlsafe_b64decode(pending.encode()), _pending(ctx, sub))
    except (CannotOpen, ValueError):
        return None
    made_at, _, secret = payload.decode().partition(" ")
    return secret if int(made_at) + PATIENCE > ctx.now() else None


def _pending(ctx: Context, sub: str) -> bytes:
    return f"totp pending {ctx.name} {sub}".encode()
