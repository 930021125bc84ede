"""People with second factors, at a server whose host can have passkeys."""

from __future__ import annotations

import re
from base64 import b32decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pyotp

from pushgate.testing import Browser, FrozenClock, Running, running
from tests.support.authenticator import Authenticator, press
from tests.support.manifests import MANIFEST, REQUEST
from tests.support.steps import AUTHORIZE

BASE_URL = "http://localhost:8080"
MFA, OTP, KEY, SMART_CARD = "urn:level:mfa", "urn:level:otp", "urn:level:key", "urn:level:card"
CONTEXTS = f"""
    authentication_contexts:
      - {{acr: "urn:level:basic"}}
      - {{acr: "{MFA}", amr: [mfa]}}
      - {{acr: "{OTP}", amr: [pwd, otp]}}
      - {{acr: "{KEY}", amr: [pop]}}
      - {{acr: "{SMART_CARD}", amr: [sc]}}
"""
WITH_LEVELS = MANIFEST.replace("    rates:", CONTEXTS.strip("\n") + "\n    rates:", 1)
HALF_A_STEP = 15  # seconds


@asynccontextmanager
async def serving(extra: str = "", **options: object) -> AsyncIterator[Running]:
    """A server with levels, in the middle of a time step; `extra` are lines of the realm."""
    now = FrozenClock()
    now.now = now.now // 30 * 30 + HALF_A_STEP
    manifest = WITH_LEVELS.replace("    rates:", f"{extra}\n    rates:", 1)
    async with running(manifest, base_url=BASE_URL, clock=now, **options) as found:  # type: ignore[arg-type]
        yield found


def code_of(secret: str, server: Running, steps: int = 0) -> str:
    """What the app shows, `steps` time steps from now."""
    return pyotp.TOTP(secret).at(int(server.clock()) + 30 * steps)


def secret_on(browser: Browser) -> str:
    """The secret that the enrolment page shows."""
    assert browser.page is not None
    found = re.search(r'id="totp-secret"[^>]*>([A-Z2-7 ]+)<', browser.page.text)
    assert found is not None, browser.page.text
    secret = found[1].replace(" ", "")
    assert len(b32decode(secret)) == 20
    return secret


async def ask(server: Running, browser: Browser | None = None, **changes: str) -> Browser:
    """Come with a request, in a fresh browser unless given one."""
    return await (browser or server.browser()).open(AUTHORIZE, params={"client_id": "app", **REQUEST, **changes})


async def with_totp(server: Running, username: str = "alice") -> str:
    """Let a user enrol an authenticator app in a sign-in; its secret. The present code is used up by that."""
    browser = await ask(server, service="password-totp")
    await browser.sign_in(username, f"{username}-password")
    secret = secret_on(browser)
    await browser.submit("enrol-submit", code=code_of(secret, server))
    server.clock.advance(30)
    return secret


async def with_passkey(server: Running, username: str = "alice", **members: int) -> Authenticator:
    """Let a user create a passkey in a sign-in."""
    authenticator = Authenticator(**members)  # type: ignore[arg-type]
    await server.apply("""
realms:
  - name: default
    journeys: [{name: with-passkey, ways: [[password, passkey]]}]
""")
    browser = await ask(server, service="with-passkey")
    await browser.sign_in(username, f"{username}-password")
    if 'id="code-submit"' in (browser.page.text if browser.page else ""):
        raise AssertionError("the user has an app already")
    await press(browser, authenticator)
    server.clock.advance(1)
    return authenticator


def shows(browser: Browser, heading: str) -> bool:
    """Whether the page has this heading."""
    return browser.page is not None and f"<h1>{heading}</h1>" in browser.page.text


def session_of(browser: Browser) -> str | None:
    """The value of the session cookie."""
    return browser.http.cookies.get("pushgate-session-default")
