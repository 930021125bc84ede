"""Set up an authenticator app: a QR code, the secret in text, and a code that shows that it worked.

The secret is nowhere until it is confirmed. It travels in the form, sealed for this user and this browser.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from markupsafe import Markup

from pushgate.directory import totp
from pushgate.endpoints.browser import Browser
from pushgate.endpoints.context import Context
from pushgate.endpoints.factors import add_totp
from pushgate.jose.seal import CannotOpen
from pushgate.model import Credential
from pushgate.protocol.params import Params
from pushgate.realm import DEFAULT_REALM
from pushgate.web.call import Call
from pushgate.web.languages import N_, say_for

LABEL = N_("Authenticator app")
MAX_LABEL = 60  # characters
PATIENCE = 1_800  # seconds that a secret on the screen can be confirmed; shown again, it has as long again


def totp_form(call: Call, browser: Browser, sub: str, username: str, again: Params | None = None) -> dict[str, Any]:
    """The values of `_enrol_totp.html`: `totp`. With `again`, the form that was sent, its secret stays."""
    import segno  # takes longer to load than any other part, and one page needs it

    secret = (again and _secret(call.ctx, browser, sub, again)) or totp.new_secret()
    stamped = int(call.ctx.now()).to_bytes(8) + secret
    sealed = call.ctx.services.seal.close(stamped, _place(call.ctx, browser, sub))
    text = totp.as_text(secret)
    code = segno.make(totp.enrolment_uri(secret, username, _issuer(call.ctx)), error="m", micro=False)
    # Black on white whatever the colours of the page: not every camera reads the inverse.
    drawn = code.svg_inline(scale=1, border=4, dark="#000", light="#fff", omitsize=True)
    return {
        "totp": {
            "qr": Markup(drawn),  # noqa: S704 - drawn here, out of squares
            "text": " ".join(text[i : i + 4] for i in range(0, len(text), 4)),
            "sealed": urlsafe_b64encode(sealed).decode(),
        }
    }


async def confirm_totp(call: Call, browser: Browser, sub: str, form: Params) -> Credential | None:
    """Keep the app that the form of `totp_form` was sent with; None for a wrong code or a form that is not theirs."""
    secret = _secret(call.ctx, browser, sub, form)
    if secret is None:
        return None
    return await add_totp(
        call.ctx,
        call.request,
        sub,
        secret,
        form.get("code", ""),
        label_of(form.get("label", ""), say_for(call.request)(LABEL)),
    )


def label_of(typed: str, otherwise: str) -> str:
    """What a person calls a credential: one line, not endless."""
    return " ".join(typed.split())[:MAX_LABEL] or otherwise


def _issuer(ctx: Context) -> str:
    """What the app calls us."""
    host = ctx.realm.issuer.base_url.partition("://")[2].partition("/")[0].replace(":", " ")
    return host if ctx.name == DEFAULT_REALM else f"{host} {ctx.name}"


def _place(ctx: Context, browser: Browser, sub: str) -> bytes:
    return f"enrol totp\0{ctx.name}\0{sub}\0{browser.value}".encode()


def _secret(ctx: Context, browser: Browser, sub: str, form: Params) -> bytes | None:
    try:
        stamped = ctx.services.seal.open(urlsafe_b64decode(form.get("secret", "")), _place(ctx, browser, sub))
    except (CannotOpen, ValueError):
        return None
    return stamped[8:] if ctx.now() < int.from_bytes(stamped[:8]) + PATIENCE else None
