"""Consent that a page of the operator collected: `decision`, `csrf` and `save_consent` instead of our page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from pushgate.testing import Browser, Running, running
from tests.support.products import AUTHORIZE, CLIENT, REALMS, manifest, push, realm, request_of
from tests.support.steps import at

PLAIN, ACME, TENANT, ALPHA, VERIFY = REALMS


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server with a realm for each product."""
    async with running(manifest(realm(PLAIN), realm(ALPHA))) as found:
        yield found


async def signed_in(server: Running, name: str) -> tuple[Browser, str]:
    """A browser with a session and no consent yet, and the session's secret."""
    browser = await server.browser().open(AUTHORIZE[name], params=request_of(name, prompt="login"))
    await browser.sign_in()
    assert at(browser, "consent")
    server.clock.advance(1)
    return browser, browser.http.cookies[f"pushgate-session-{name}"]


async def send(browser: Browser, name: str, method: str, uri: str, **fields: str) -> Browser:
    """Go to the authorization endpoint with a pushed request and these fields."""
    form = {"client_id": CLIENT, "request_uri": uri, **fields}
    if method == "GET":
        return await browser.open(AUTHORIZE[name], params=form)
    return await browser._follow(await browser.http.post(AUTHORIZE[name], data=form))


@pytest.mark.requirement("VEN-P-9", "VEN-Z-2")
@pytest.mark.parametrize("name", [PLAIN, ALPHA])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("save", ["on", "off", None])
async def test_who_allowed_gets_no_page(server: Running, name: str, method: str, save: str | None) -> None:
    browser, secret = await signed_in(server, name)
    fields = {"decision": "allow", "csrf": secret, **({} if save is None else {"save_consent": save})}
    await send(browser, name, method, await push(server, name), **fields)
    assert "code" in browser.answer
    [event] = await server.audit("consent_given", name)
    assert (event["client_id"], event["scope"]) == (CLIENT, "openid email")
    # What was not to be remembered is asked again.
    await send(browser, name, method, await push(server, name))
    assert at(browser, "consent") is (save != "on")


@pytest.mark.requirement("VEN-P-9")
@pytest.mark.parametrize("name", [PLAIN, ALPHA])
@pytest.mark.parametrize("consented", [False, True])
async def test_who_denied_is_not_asked_again(server: Running, name: str, consented: bool) -> None:
    browser, secret = await signed_in(server, name)
    if consented:
        await browser.allow()
    await send(browser, name, "POST", await push(server, name), decision="deny", csrf=secret)
    if name == PLAIN:
        assert browser.answer["error"] == "access_denied"
    else:
        assert browser.page is not None
        assert (browser.page.status_code, browser.page.headers["pushgate-refusal"]) == (401, "authorize.denied")


@pytest.mark.requirement("VEN-P-9")
@pytest.mark.parametrize("name", [PLAIN, ALPHA])
@pytest.mark.parametrize(
    "fields",
    [
        {"decision": "allow"}, {"decision": "allow", "csrf": "wrong"}, {"decision": "maybe", "csrf": "<secret>"},
        {"decision": "allow", "csrf": ""}, {"csrf": "<secret>"}, {"decision": "allow", "csrf": "<digest>"},
    ],
)  # fmt: skip
async def test_without_the_secret_of_the_session_people_are_asked(
    server: Running, name: str, fields: dict[str, str]
) -> None:
    from hashlib import sha256

    browser, secret = await signed_in(server, name)
    known = {"<secret>": secret, "<digest>": sha256(secret.encode()).hexdigest()}
    sent = {key: known.get(value, value) for key, value in fields.items()}
    for method in ("GET", "POST"):
        await send(browser, name, method, await push(server, name), **sent)
        assert at(browser, "consent")
    assert await server.audit("consent_given", name) == []


@pytest.mark.requirement("VEN-P-9")
@pytest.mark.parametrize("name", [PLAIN, ALPHA])
async def test_no_client_agrees_in_a_users_place(server: Running, name: str) -> None:
    browser, secret = await signed_in(server, name)
    other, _ = await signed_in(server, name)
    for pushed in ({"csrf": "guess"}, {}, {"csrf": secret}):
        uri = await push(server, name, decision="allow", save_consent="on", **pushed)
        await send(other, name, "GET", uri)
        assert at(other, "consent"), "the secret is that of another session"
    # Of the user whose secret it is, it is the user's own decision, pushed by whoever they trust with it.
    await send(browser, name, "GET", await push(server, name, decision="allow", csrf=secret))
    assert "code" in browser.answer


@pytest.mark.requirement("VEN-P-9")
async def test_a_decision_is_no_sign_in(server: Running) -> None:
    browser, secret = await signed_in(server, PLAIN)
    stranger = await send(server.browser(), PLAIN, "POST", await push(server, PLAIN), decision="allow", csrf=secret)
    assert at(stranger, "login")
    for demand in ({"prompt": "login"}, {"max_age": "0"}):
        await send(browser, PLAIN, "POST", await push(server, PLAIN, **demand), decision="allow", csrf=secret)
        assert at(browser, "login"), "a fresh sign-in is still asked for"
    await browser.sign_in()
    assert at(browser, "consent"), "and what was decided before it does not count"


@pytest.mark.requirement("VEN-P-9")
async def test_a_plain_request_with_a_decision(server: Running) -> None:
    browser, secret = await signed_in(server, PLAIN)
    fields: dict[str, Any] = {**request_of(PLAIN), "decision": "allow", "csrf": secret}
    assert "code" in (await browser.open(AUTHORIZE[PLAIN], params=fields)).answer
