"""Enrolling an authenticator app (RFC 6238) and a passkey (WebAuthn Level 3, 7.1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pyotp
import pytest

from pushgate.testing import Browser, Running, running
from tests.support.account import ACCOUNT, credentials, hidden, options_of, post, secret_of, signed_in, text
from tests.support.authenticator import PRESENT, VERIFIED, Authenticator
from tests.support.manifests import MANIFEST

TOTP, PASSKEY = f"{ACCOUNT}/totp", f"{ACCOUNT}/passkey"
HOST, ORIGIN = "localhost", "http://localhost:8080"


@pytest.fixture
async def named() -> AsyncIterator[Running]:
    """A server whose host has a name, as passkeys need one."""
    async with running(MANIFEST, base_url=ORIGIN) as found:
        yield found


# --- Authenticator apps ---------------------------------------------------------------------------------------


def code(server: Running, secret: str, *, off: int = 0) -> str:
    """What the app shows, `off` seconds from now."""
    return pyotp.TOTP(secret).at(server.clock() + off)


async def offered(browser: Browser) -> tuple[str, dict[str, str]]:
    """The secret on the page, and the form's hidden fields."""
    page = await browser.http.get(TOTP)
    return secret_of(page), {"csrf": hidden(page, "csrf"), "secret": hidden(page, "secret")}


async def test_an_authenticator_app(server: Running) -> None:
    browser = await signed_in(server)
    secret, form = await offered(browser)
    assert len(secret) == 32  # 160 bits
    assert await credentials(server) == []
    typed = code(server, secret)
    reply = await browser.http.post(TOTP, data={**form, "code": f"{typed[:3]} {typed[3:]}"})
    assert reply.status_code == 303
    assert reply.headers["location"].startswith(f"{ACCOUNT}?done=totp.")
    [credential] = await credentials(server)
    assert (credential.kind, credential.label) == ("totp", "Authenticator app")
    assert credential.last_step == int(server.clock()) // 30, "the code that enrolled is used up"
    assert secret.encode() not in credential.sealed
    [event] = await server.audit("credential_added")
    assert (event["kind"], event["credential_id"]) == ("totp", credential.credential_id)
    assert secret not in str(event)


async def test_every_page_offers_another_secret(server: Running) -> None:
    browser = await signed_in(server)
    assert (await offered(browser))[0] != (await offered(browser))[0]


async def test_a_wrong_code_can_be_typed_again(server: Running) -> None:
    browser = await signed_in(server)
    secret, form = await offered(browser)
    right = code(server, secret)
    for wrong in (
        "",
        "12345",
        "1234567",
        "abcdef",
        "١٢٣٤٥٦",
        str(int(right) ^ 1).zfill(6),
        code(server, secret, off=90),
    ):
        reply = await browser.http.post(TOTP, data={**form, "code": wrong})
        assert reply.status_code == 400
        assert secret_of(reply) == secret, "the app keeps what was scanned"
    assert await credentials(server) == []
    reply = await browser.http.post(TOTP, data={**form, "code": right})
    assert reply.status_code == 303


@pytest.mark.parametrize("off", [-30, 30])
async def test_clocks_may_be_half_a_minute_off(server: Running, off: int) -> None:
    browser = await signed_in(server)
    secret, form = await offered(browser)
    assert (await browser.http.post(TOTP, data={**form, "code": code(server, secret, off=off)})).status_code == 303


async def test_the_same_form_twice_is_one_app(server: Running) -> None:
    # Two credentials with one secret would take every code twice (RFC 6238 5.2).
    browser = await signed_in(server)
    secret, form = await offered(browser)
    for off in (0, 0, 30):
        await browser.http.post(TOTP, data={**form, "code": code(server, secret, off=off)})
    barrier = asyncio.Barrier(4)

    async def send() -> None:
        await barrier.wait()
        await browser.http.post(TOTP, data={**form, "code": code(server, secret)})

    await asyncio.gather(*(send() for _ in range(4)))
    assert len(await credentials(server)) == 1


@pytest.mark.parametrize("pending", ["", "x", "é", "AAAA", "A" * 4000])
async def test_a_secret_that_was_not_offered(server: Running, pending: str) -> None:
    browser = await signed_in(server)
    reply = await post(browser, TOTP, secret=pending, code="123456")
    assert (reply.status_code, await credentials(server)) == (400, [])


async def test_enrol_the_secret_that_an_attacker_was_offered(server: Running) -> None:
    attacker, victim = await signed_in(server, "bob"), await signed_in(server)
    secret, form = await offered(attacker)
    reply = await post(victim, TOTP, secret=form["secret"], code=code(server, secret))
    assert reply.status_code == 400
    assert (await credentials(server), await credentials(server, "bob")) == ([], [])
    assert secret_of(reply) != secret


# --- Passkeys ---------------------------------------------------------------------------------------------------


async def asked(browser: Browser) -> tuple[dict[str, Any], str]:
    """What the authenticator is asked, and the form's anti-forgery value."""
    page = await browser.http.get(PASSKEY)
    return options_of(page), hidden(page, "csrf")


async def answer(browser: Browser, credential: str, value: str, **more: str) -> httpx.Response:
    """Post what the authenticator said."""
    return await browser.http.post(PASSKEY, data={"csrf": value, "credential": credential, **more})


async def test_a_passkey(named: Running) -> None:
    browser = await signed_in(named)
    options, value = await asked(browser)
    assert options["rp"]["id"] == HOST
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert "excludeCredentials" not in options or options["excludeCredentials"] == []
    assert b"alice" not in Authenticator(ORIGIN, HOST).handle
    passkey = Authenticator(ORIGIN, HOST)
    reply = await answer(browser, passkey.create(options), value, label="  My \n phone ")
    assert reply.status_code == 303
    assert reply.headers["location"].startswith(f"{ACCOUNT}?done=passkey.")
    [credential] = await credentials(named)
    assert (credential.kind, credential.label, credential.webauthn_id) == ("passkey", "My phone", passkey.credential_id)
    # The next page tells the browser which ones there are, so that the same device is not enrolled twice.
    options, _ = await asked(browser)
    assert len(options["excludeCredentials"]) == 1


async def test_a_host_without_a_name_has_no_passkeys(server: Running) -> None:
    browser = await signed_in(server)
    assert PASSKEY not in text(browser)
    reply = await browser.http.get(PASSKEY)
    assert (reply.status_code, reply.headers["location"]) == (303, ACCOUNT)


CHANGES: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "https://evil.example"},
    "another port": {"origin": "http://localhost:8081"},
    "a signature instead": {"type": "webauthn.get"},
    "another challenge": {"challenge": "A" * 58},
    "no challenge": {"challenge": ""},
    "a challenge that is no text": {"challenge": "_____w"},
    "a challenge of another type": {"challenge": None},
}


@pytest.mark.parametrize("change", CHANGES)
async def test_client_data_that_says_otherwise(named: Running, change: str) -> None:
    browser = await signed_in(named)
    options, value = await asked(browser)
    reply = await answer(browser, Authenticator(ORIGIN, HOST).create(options, **CHANGES[change]), value)
    assert (reply.status_code, await credentials(named)) == (400, [])
    assert 'id="login-error"' in reply.text


@pytest.mark.parametrize(
    "passkey",
    [
        Authenticator(ORIGIN, "evil.example"),
        Authenticator(ORIGIN, HOST, flags=PRESENT),
        Authenticator(ORIGIN, HOST, flags=VERIFIED),
    ],
    ids=["of another host", "nobody was verified", "nobody was there"],
)
async def test_authenticator_data_that_is_not_enough(named: Running, passkey: Authenticator) -> None:
    browser = await signed_in(named)
    options, value = await asked(browser)
    reply = await answer(browser, passkey.create(options), value)
    assert (reply.status_code, await credentials(named)) == (400, [])


@pytest.mark.parametrize(
    "credential", ["", "x", "{}", "null", "[]", '{"id": 1}', "[" * 1000, "é", '{"id":"a","rawId":"a"}']
)
async def test_bytes_that_are_no_passkey(named: Running, credential: str) -> None:
    browser = await signed_in(named)
    _, value = await asked(browser)
    reply = await answer(browser, credential, value)
    assert (reply.status_code, await credentials(named)) == (400, [])


async def test_a_challenge_is_answered_once(named: Running) -> None:
    browser = await signed_in(named)
    options, value = await asked(browser)
    assert (await answer(browser, Authenticator(ORIGIN, HOST).create(options), value)).status_code == 303
    assert (await answer(browser, Authenticator(ORIGIN, HOST).create(options), value)).status_code == 400
    assert len(await credentials(named)) == 1


async def test_a_challenge_is_answered_in_time(named: Running) -> None:
    browser = await signed_in(named)
    options, _ = await asked(browser)
    named.clock.advance(1801)
    await browser.open(PASSKEY)
    await browser.sign_in()
    _, value = await asked(browser)
    reply = await answer(browser, Authenticator(ORIGIN, HOST).create(options), value)
    assert (reply.status_code, await credentials(named)) == (400, [])


async def test_one_challenge_many_passkeys_at_once(named: Running) -> None:
    browser = await signed_in(named)
    options, value = await asked(browser)
    barrier = asyncio.Barrier(5)

    async def send() -> int:
        credential = Authenticator(ORIGIN, HOST).create(options)
        await barrier.wait()
        return (await answer(browser, credential, value)).status_code

    assert sorted(await asyncio.gather(*(send() for _ in range(5)))) == [303, 400, 400, 400, 400]
    assert len(await credentials(named)) == 1


async def test_the_challenge_of_another_user_or_browser(named: Running) -> None:
    attacker, victim, second = await signed_in(named, "bob"), await signed_in(named), await signed_in(named)
    options, _ = await asked(attacker)
    for browser in (victim, second):
        _, value = await asked(browser)
        assert (await answer(browser, Authenticator(ORIGIN, HOST).create(options), value)).status_code == 400
    options, _ = await asked(victim)
    _, value = await asked(second)
    assert (await answer(second, Authenticator(ORIGIN, HOST).create(options), value)).status_code == 400
    # Somebody else signs in in the same browser: what was begun for the first is not for them.
    options, _ = await asked(victim)
    await victim.open("/oauth2/logout")
    await victim.submit("logout-submit")
    await signed_in(named, "bob", victim)
    _, value = await asked(victim)
    assert (await answer(victim, Authenticator(ORIGIN, HOST).create(options), value)).status_code == 400
    assert (await credentials(named), await credentials(named, "bob")) == ([], [])


async def test_take_over_the_passkey_of_another_user(named: Running) -> None:
    # Nobody attests what a passkey's id is: an attacker can claim the victim's, with a key of their own.
    victim, attacker = await signed_in(named), await signed_in(named, "bob")
    passkey = Authenticator(ORIGIN, HOST)
    options, value = await asked(victim)
    await answer(victim, passkey.create(options), value)
    [before] = await credentials(named)
    options, value = await asked(attacker)
    forged = Authenticator(ORIGIN, HOST, credential_id=passkey.credential_id).create(options)
    assert (await answer(attacker, forged, value)).status_code == 400
    assert (await credentials(named), await credentials(named, "bob")) == ([before], [])


async def test_claim_the_same_passkey_at_the_same_moment(named: Running) -> None:
    browsers = [await signed_in(named, name) for name in ("alice", "bob", "alice", "bob")]
    asks = [await asked(browser) for browser in browsers]
    shared = Authenticator(ORIGIN, HOST).credential_id
    answers = [Authenticator(ORIGIN, HOST, credential_id=shared).create(options) for options, _ in asks]
    barrier = asyncio.Barrier(len(browsers))

    async def send(i: int) -> int:
        await barrier.wait()
        return (await answer(browsers[i], answers[i], asks[i][1])).status_code

    assert sorted(await asyncio.gather(*map(send, range(len(browsers))))) == [303, 400, 400, 400]
    assert len([*await credentials(named), *await credentials(named, "bob")]) == 1
