"""An authenticator in software: makes passkeys and uses them, honestly or not."""

from __future__ import annotations

import json
import os
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from pushgate.testing import Browser

ORIGIN = "http://localhost:8080"
PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


def b64(data: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Back again."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """One passkey; members can be set to what an attacker would send."""

    origin: str = ORIGIN
    rp_id: str = "localhost"
    flags: int = PRESENT | VERIFIED
    counter: int = 0
    handle: bytes = b""
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def _client_data(self, kind: str, options: dict[str, Any], changes: dict[str, Any] | None = None) -> bytes:
        told = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(told | (changes or {})).encode()

    def _data(self, more: bytes = b"", flags: int = 0) -> bytes:
        return sha256(self.rp_id.encode()).digest() + struct.pack(">BI", self.flags | flags, self.counter) + more

    def create(self, options: dict[str, Any], **told: Any) -> str:
        """The answer to creation options; `told` stands in place of members of the client data."""
        self.handle = unb64(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        attested = bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + cbor2.dumps(cose)
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._data(attested, ATTESTED)}
        response = {
            "clientDataJSON": b64(self._client_data("webauthn.create", options, told)),
            "attestationObject": b64(cbor2.dumps(attestation)),
        }
        return self._answer(response)

    def get(self, options: dict[str, Any]) -> str:
        """The answer to request options."""
        if self.counter:
            self.counter += 1
        client_data, data = self._client_data("webauthn.get", options), self._data()
        signature = self.key.sign(data + sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": b64(client_data),
            "authenticatorData": b64(data),
            "signature": b64(signature),
            "userHandle": b64(self.handle),
        }
        return self._answer(response)

    def _answer(self, response: dict[str, str]) -> str:
        name = b64(self.credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})


class _PasskeyForms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[dict[str, str], dict[str, str]]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = "data-passkey" in found
            if self._inside:
                self.forms.append((found, {}))
        elif tag == "input" and self._inside:
            self.forms[-1][1][found["name"]] = found.get("value", "")


def passkey_form(browser: Browser) -> tuple[dict[str, Any], dict[str, str]] | None:
    """What the page asks the browser for, and the fields of that form; None where it asks for nothing."""
    assert browser.page is not None
    parser = _PasskeyForms()
    parser.feed(browser.page.text)
    if not parser.forms:
        return None
    attributes, fields = parser.forms[0]
    return json.loads(attributes["data-options"]), fields


async def send(browser: Browser, credential: str, **changes: str) -> Browser:
    """Send the page's passkey form with this answer."""
    found = passkey_form(browser)
    assert found is not None
    assert browser.page is not None
    data = {**found[1], "credential": credential, **changes}
    return await browser._follow(await browser.http.post(str(browser.page.url), data=data))


async def press(browser: Browser, authenticator: Authenticator) -> Browser:
    """Press the page's passkey button, with this authenticator at hand."""
    found = passkey_form(browser)
    assert found is not None
    options = found[0]
    answer = authenticator.create(options) if "user" in options else authenticator.get(options)
    return await send(browser, answer)
