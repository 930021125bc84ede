"""Users who live elsewhere: whom the server asks, and what happens when the answer is no, or does not come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from pushgate.directory import User
from pushgate.testing import Running, running
from tests.support.introspection import INTROSPECT
from tests.support.manifests import MANIFEST, REQUEST
from tests.support.steps import (
    agree,
    answered,
    ask,
    at,
    but,
    code_for,
    post_as,
    redeem,
    refresh,
    refused,
    shown,
    stored,
    tokens_for,
    told,
    userinfo,
    verified,
)

SECRET = "the password of the directory's own database"
SILENT = but(REQUEST, prompt="none")
FAILURES = pytest.mark.parametrize("fails", ["raises", "hangs", "is no coroutine"])


@dataclass
class Elsewhere:
    """People in a dictionary; nobody of them has a row of ours."""

    people: dict[str, tuple[str, str]] = field(default_factory=lambda: {"p1": ("alice", "alice-password")})
    fails: str = ""
    asked: list[str] = field(default_factory=list)
    changed: dict[str, Any] = field(default_factory=dict)
    """Members of the User, in place of the right ones."""

    async def find(self, realm: str, username: str) -> User | None:
        await self._trouble("find")
        found = next((sub for sub, (name, _) in self.people.items() if name == username.lower()), None)
        return None if found is None else self._user(found)

    async def verify(self, realm: str, username: str, password: str) -> User | None:
        await self._trouble("verify")
        found = next((sub for sub, known in self.people.items() if known == (username.lower(), password)), None)
        return None if found is None else self._user(found)

    async def claims(self, realm: str, sub: str) -> dict[str, Any] | None:
        await self._trouble("claims")
        if sub not in self.people:
            return None
        name = self.people[sub][0]
        return {"preferred_username": name, "email": f"{name}@elsewhere.example", "name": name.title()}

    def _user(self, sub: str) -> User:
        return User(**{"sub": sub, "username": self.people[sub][0], **self.changed})

    async def _trouble(self, method: str) -> None:
        self.asked.append(method)
        if self.fails == "raises":
            raise ConnectionError(SECRET)
        if self.fails == "hangs":
            await asyncio.Event().wait()
        if self.fails == "is no coroutine":
            await None  # type: ignore[misc]


class WithPasswords(Elsewhere):
    """Users can change theirs."""

    async def change_password(self, realm: str, sub: str, current: str, new: str) -> bool:
        name, known = self.people[sub]
        if known == current:
            self.people[sub] = (name, new)
        return known == current


NO_LOCAL_USERS = MANIFEST.split("    users:")[0]


@pytest.fixture
async def elsewhere() -> Elsewhere:
    """A directory."""
    return Elsewhere()


@pytest.fixture
async def embedded(elsewhere: Elsewhere) -> AsyncIterator[Running]:
    """A server that asks it, and does not wait long."""
    async with running(NO_LOCAL_USERS, directory=elsewhere, directory_timeout=0.05) as found:
        assert await found.management.accounts("default").users() == []
        yield found


# --- All goes through it --------------------------------------------------------------------------------------


async def test_a_flow_from_sign_in_to_refresh_needs_no_account_of_ours(embedded: Running) -> None:
    tokens = await tokens_for(embedded)
    claims = await verified(embedded, tokens["id_token"])
    assert claims["sub"] == "p1"
    assert (await userinfo(embedded, tokens["access_token"])).json() == {
        "sub": "p1",
        "email": "alice@elsewhere.example",
    }
    renewed = await refresh(embedded, tokens["refresh_token"])
    assert renewed.status_code == 200
    assert (await post_as(embedded, "app", INTROSPECT, {"token": tokens["access_token"]})).json()["active"] is True


async def test_session_and_consent_are_remembered_by_sub_alone(embedded: Running, elsewhere: Elsewhere) -> None:
    browser = await answered(embedded)
    elsewhere.people["p1"] = ("alicia", "another password")  # married, and changed everything but the sub
    assert (await ask(embedded, SILENT, browser=browser)).answer.keys() == {"code", "state", "iss"}
    page = await browser.open("/oauth2/account")
    assert page.page is not None
    assert "The App" in page.page.text


async def test_a_wrong_password_is_wrong(embedded: Running) -> None:
    browser = await ask(embedded, REQUEST)
    await browser.sign_in("alice", "wrong")
    assert browser.page is not None
    assert (browser.page.status_code, "do not match" in browser.page.text) == (400, True)


async def test_passwords_are_changed_where_the_directory_keeps_them(embedded: Running) -> None:
    browser = await answered(embedded)
    await browser.open("/oauth2/account")
    assert browser.page is not None
    assert "/oauth2/account/password" not in browser.page.text
    directory = WithPasswords()
    async with running(NO_LOCAL_USERS, directory=directory) as server:
        browser = await answered(server)
        await browser.open("/oauth2/account/password")
        new = "three new words"
        await browser.submit("password-submit", current="alice-password", new=new, again=new)
        assert directory.people["p1"] == ("alice", new)


# --- Who is gone ----------------------------------------------------------------------------------------------


async def test_a_user_who_is_gone_is_so_at_once(embedded: Running, elsewhere: Elsewhere) -> None:
    browser = await answered(embedded)
    tokens = (await redeem(embedded, browser.answer["code"])).json()
    code = await code_for(embedded)
    del elsewhere.people["p1"]
    told(await ask(embedded, SILENT, browser=browser), SILENT, "login_required", "authorize.login_required")
    assert at(await ask(embedded, REQUEST, browser=browser), "login")
    await browser.open("/oauth2/account")
    assert browser.page is not None
    assert browser.page.url.path == "/oauth2/login/own"
    refused(await redeem(embedded, code), 400, "invalid_grant", "token.grant_revoked")
    refused(await refresh(embedded, tokens["refresh_token"]), 400, "invalid_grant", "refresh.invalid")
    assert (await userinfo(embedded, tokens["access_token"])).status_code == 401
    assert (await post_as(embedded, "app", INTROSPECT, {"token": tokens["access_token"]})).json() == {"active": False}


async def test_a_user_who_went_while_being_asked_is_not_answered_for(embedded: Running, elsewhere: Elsewhere) -> None:
    request = but(REQUEST, response_type="id_token", redirect_uri="https://hybrid.example/cb", scope="openid")
    browser = await ask(embedded, request, "hybrid")
    await browser.sign_in()
    assert at(browser, "consent")
    del elsewhere.people["p1"]
    await browser.allow()
    assert at(browser, "login")


async def test_somebody_who_is_disabled_does_not_get_in(embedded: Running, elsewhere: Elsewhere) -> None:
    elsewhere.changed = {"enabled": False}
    browser = await ask(embedded, REQUEST)
    await browser.sign_in()
    assert browser.page is not None
    assert browser.page.status_code == 400
    assert "do not match" in browser.page.text


# --- No answer ------------------------------------------------------------------------------------------------


@FAILURES
async def test_a_sign_in_without_answer_is_a_page_and_may_be_tried_again(
    embedded: Running, elsewhere: Elsewhere, fails: str
) -> None:
    browser = await ask(embedded, but(REQUEST, ui_locales="fr"), push=True)
    form, elsewhere.fails = browser.page, fails
    await browser.sign_in()
    shown(browser.page, 503, "temporarily_unavailable", "directory.unavailable")
    assert browser.page is not None
    assert SECRET not in browser.page.text
    assert "Les utilisateurs ne peuvent pas être consultés" in browser.page.text
    browser.page, elsewhere.fails = form, ""
    await browser.sign_in()
    assert (await agree(browser)).answer.keys() == {"code", "state", "iss"}


@FAILURES
async def test_with_a_session_the_client_is_told(embedded: Running, elsewhere: Elsewhere, fails: str) -> None:
    browser = await answered(embedded)
    elsewhere.fails = fails
    told(await ask(embedded, SILENT, browser=browser), SILENT, "temporarily_unavailable", "directory.unavailable")
    elsewhere.fails = ""
    assert "code" in (await ask(embedded, SILENT, browser=browser)).answer


@FAILURES
async def test_machines_are_told_and_nothing_is_used_up(embedded: Running, elsewhere: Elsewhere, fails: str) -> None:
    tokens, code = await tokens_for(embedded), await code_for(embedded)
    elsewhere.fails = fails
    for reply in (
        await redeem(embedded, code),
        await refresh(embedded, tokens["refresh_token"]),
        await userinfo(embedded, tokens["access_token"]),
        await post_as(embedded, "app", INTROSPECT, {"token": tokens["access_token"]}),
    ):
        refused(reply, 503, "temporarily_unavailable", "directory.unavailable")
        assert SECRET not in reply.text
    elsewhere.fails = ""
    assert (await redeem(embedded, code)).status_code == 200
    assert (await refresh(embedded, tokens["refresh_token"])).status_code == 200


async def test_signing_out_asks_nobody(embedded: Running, elsewhere: Elsewhere) -> None:
    browser = await answered(embedded)
    elsewhere.fails = "raises"
    await browser.open("/oauth2/logout")
    await browser.submit("logout-submit")
    assert browser.page is not None
    assert "You are signed out" in browser.page.text


@pytest.mark.parametrize("sub", ["", "x" * 256, "j\u00f6rg", "a\nb", 7, None])
async def test_a_sub_that_cannot_be_one_lets_nobody_in(embedded: Running, elsewhere: Elsewhere, sub: Any) -> None:
    elsewhere.changed = {"sub": sub}
    browser = await ask(embedded, REQUEST)
    await browser.sign_in()
    shown(browser.page, 503, "temporarily_unavailable", "directory.unavailable")


async def test_the_reason_is_in_the_log_and_nowhere_else(
    embedded: Running, elsewhere: Elsewhere, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere.fails = "raises"
    browser = await ask(embedded, REQUEST)
    await browser.sign_in()
    logged = capsys.readouterr().out
    assert "directory_failed" in logged
    assert "ConnectionError" in logged
    assert stored(embedded, "half") == 0


async def test_the_local_directory_finds_by_any_spelling(server: Running) -> None:
    directory = server.server.services.directory
    found = await directory.find("default", "  \uff41lice ")
    assert found is not None
    assert found.username == "alice"
    assert await directory.find("default", "nobody") is None
    await server.apply("realms: [{name: default, users: [{username: alice, enabled: false}]}]")
    assert await directory.find("default", "alice") is None
