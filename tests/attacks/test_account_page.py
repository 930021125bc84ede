"""Somebody else's hands on the account page: forms from elsewhere, other people's ids, markup in names."""

from __future__ import annotations

import json
import re

import pytest

from pushgate.model import Credential
from pushgate.testing import Browser, Running
from tests.rules.test_account import ACCOUNT, at_account, csrf_of, send
from tests.support.steps import answered

FORMS = {
    "remove-access": {"client_id": "app"},
    "end-session": {"sid": "x"},
    "end-others": {},
    "remove-credential": {"credential_id": "c"},
}


async def credential_of(server: Running, username: str, label: str = "Phone") -> str:
    """Something this user has enrolled."""
    context = await server.server.realm()
    assert context is not None
    user = await context.accounts.user_by_username(username)
    assert user is not None
    await context.credentials.save(
        Credential(credential_id=f"c-{username}", sub=user.sub, kind="totp", label=label, created_at=1)
    )
    return f"c-{username}"


@pytest.mark.parametrize("action", FORMS)
@pytest.mark.parametrize("csrf", ["", "wrong", None, "another browser's", "another user's"])
async def test_a_form_from_elsewhere_does_nothing(server: Running, action: str, csrf: str | None) -> None:
    browser = await at_account(server, browser=await answered(server))
    if csrf == "another browser's":
        csrf = await csrf_of(await at_account(server))
    elif csrf == "another user's":
        csrf = await csrf_of(await at_account(server, "bob"))
    form = {"action": action, **FORMS[action], **({} if csrf is None else {"csrf": csrf})}
    reply = await browser.http.post(ACCOUNT, data=form)
    assert reply.status_code == 403
    assert reply.headers["pushgate-refusal"] == "login.csrf"
    await browser.open(ACCOUNT)
    assert browser.page is not None
    assert "The App" in browser.page.text


@pytest.mark.parametrize("page", ["password", "totp"])
async def test_changes_are_not_made_from_elsewhere(server: Running, page: str) -> None:
    browser = await at_account(server)
    form = {"current": "alice-password", "new": "correct horse battery", "again": "correct horse battery"}
    reply = await browser.http.post(f"{ACCOUNT}/{page}", data=form)
    assert (reply.status_code, reply.headers["pushgate-refusal"]) == (403, "login.csrf")
    assert await server.audit("password_changed") == []
    assert await server.audit("credential_added") == []


async def test_the_ids_of_another_user_open_nothing(server: Running) -> None:
    """Mallory knows Alice's sid and credential ids, and has a client in common with her."""
    alice = await at_account(server, browser=await answered(server))
    theirs = await credential_of(server, "alice")
    context = await server.server.realm()
    assert context is not None
    user = await context.accounts.user_by_username("alice")
    assert user is not None
    ((_, session),) = await context.accounts.sessions_of(user.sub, 0)
    bob = await at_account(server, "bob")
    await send(bob, "remove-credential", credential_id=theirs)
    await send(bob, "end-session", sid=session.sid)
    await send(bob, "remove-access", client_id="app")
    assert await context.credentials.credential(theirs) is not None
    await alice.open(ACCOUNT)
    assert alice.page is not None
    assert alice.page.url.path == ACCOUNT
    assert "The App" in alice.page.text
    for event in ("credential_removed", "signed_out", "access_removed"):
        assert await server.audit(event) == []


async def test_the_page_of_one_user_decides_nothing_for_the_next(server: Running) -> None:
    """Alice's page stays open in a tab while Bob signs in in the same browser."""
    browser = await at_account(server, browser=await answered(server))
    stale = await csrf_of(browser)
    await browser.open("/oauth2/logout")
    await browser.submit("logout-submit")
    await at_account(server, "bob", browser)
    reply = await browser.http.post(ACCOUNT, data={"csrf": stale, "action": "end-others"})
    assert (reply.status_code, reply.headers["pushgate-refusal"]) == (403, "login.csrf")


async def test_the_secret_of_one_user_enrols_nobody_else(server: Running) -> None:
    bob = await (await at_account(server, "bob")).open(f"{ACCOUNT}/totp")
    pending = dict(bob.form().fields)["pending"]
    secret = re.search(r'id="totp-secret">([A-Z2-7 ]+)<', bob.page.text)  # type: ignore[union-attr]
    assert secret
    import pyotp

    code = pyotp.TOTP(secret[1].replace(" ", "")).at(server.clock.now)
    alice = await (await at_account(server)).open(f"{ACCOUNT}/totp")
    await send(alice, "enrol-totp", f"{ACCOUNT}/totp", pending=pending, code=code)
    assert alice.page is not None
    assert alice.page.status_code == 400
    assert await server.audit("credential_added") == []


HOSTILE = "\"><script>alert(1)</script><b x='"


async def test_names_are_only_names(server: Running) -> None:
    await server.apply(
        "realms: [{name: default, clients: [{client_id: app, client_secret: app-secret-of-at-least-22-characters,"
        f" client_name: {json.dumps(HOSTILE)}, redirect_uris: [https://app.example/callback], scope: openid email}}]}}]"
    )
    browser = await answered(server)
    await credential_of(server, "alice", HOSTILE)
    await at_account(server, browser=browser)
    assert browser.page is not None
    assert "<script>alert" not in browser.page.text
    assert browser.page.text.count("&lt;script&gt;alert") >= 2


async def test_a_user_agent_is_not_shown_as_it_comes(server: Running) -> None:
    browser: Browser = server.browser()
    browser.http.headers["user-agent"] = f"{HOSTILE} Firefox/1 Windows {HOSTILE}"
    await at_account(server, browser=browser)
    assert browser.page is not None
    assert "Firefox, Windows" in browser.page.text
    assert "alert(1)" not in browser.page.text


@pytest.mark.parametrize("path", ["", "/password", "/totp"])
async def test_nobody_frames_or_keeps_the_pages(server: Running, path: str) -> None:
    browser = await (await at_account(server)).open(ACCOUNT + path)
    assert browser.page is not None
    headers = browser.page.headers
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "no-store" in headers["cache-control"]
