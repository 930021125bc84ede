"""Create a passkey."""

from __future__ import annotations

from typing import Any

from pushgate.endpoints.browser import Browser
from pushgate.endpoints.factors import add_passkey, passkey_creation
from pushgate.model import Credential
from pushgate.protocol.params import Params
from pushgate.web.call import Call
from pushgate.web.enrol.totp import label_of
from pushgate.web.languages import N_, say_for

LABEL = N_("Passkey")


async def passkey_form(call: Call, browser: Browser, sub: str, username: str) -> dict[str, Any]:
    """The values of `_enrol_passkey.html`: `creation`, None where there can be no passkeys. Needs `passkey.js`."""
    return {"creation": await passkey_creation(call.ctx, _purpose(sub), browser.value, sub, username)}


async def confirm_passkey(call: Call, browser: Browser, sub: str, form: Params) -> tuple[Credential, str] | None:
    """Keep the passkey that the form was sent with; with its RFC 8176 name. None for one that does not hold."""
    answer, label = form.get("credential", ""), label_of(form.get("label", ""), say_for(call.request)(LABEL))
    return await add_passkey(call.ctx, call.request, _purpose(sub), browser.value, sub, answer, label)


def _purpose(sub: str) -> str:
    return f"create {sub}"
