"""Pairwise subjects (OpenID Connect Core 8): one user, another name in each sector, and nowhere a way back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushgate.model import Client
from pushgate.protocol.subjects import subject
from pushgate.testing import Running, running
from tests.support.manifests import APP_SECRET, CHALLENGE, VERIFIER
from tests.support.steps import TOKEN, answered, ask, at, but, told, userinfo, verified

NAMES = ("one", "two", "other", "plain")
HOSTS = {"one": "a.example", "two": "a.example", "other": "b.example", "plain": "a.example"}


def client(name: str, **members: Any) -> dict[str, Any]:
    """A client at its host."""
    return {
        "client_id": name, "client_secret": APP_SECRET, "redirect_uris": [redirect_uri(name)],
        "grant_types": ["authorization_code", "refresh_token", "implicit"], "scope": "openid write",
        "response_types": ["code", "id_token token", "code id_token"],
        "subject_type": "public" if name == "plain" else "pairwise", **members,
    }  # fmt: skip


def redirect_uri(name: str) -> str:
    return f"https://{HOSTS[name]}/{name}"


def manifest(*clients: dict[str, Any]) -> str:
    """A realm with these clients, and two users."""
    users = [{"username": name, "password": f"{name}-password"} for name in ("alice", "bob")]
    resources = [{"identifier": "https://api.example", "scopes": ["write"], "introspection_clients": ["one", "plain"]}]
    realm = {"name": "default", "clients": clients or [*map(client, NAMES)], "users": users, "resources": resources}
    return json.dumps({"realms": [realm]})


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server with two clients of one sector, one of another, and one that is told public subjects."""
    async with running(manifest()) as found:
        yield found


def request_of(name: str, **changes: str | None) -> dict[str, str]:
    """A valid request of this client."""
    request = {
        "response_type": "code", "redirect_uri": redirect_uri(name), "scope": "openid", "nonce": "n", "state": "s",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }  # fmt: skip
    return but(request, **changes)


async def tokens_of(server: Running, name: str, username: str = "alice", **changes: str | None) -> dict[str, Any]:
    """The token response for a fresh grant of this client."""
    browser = await answered(server, request_of(name, **changes), name, username=username)
    form = {
        "grant_type": "authorization_code", "code": browser.answer["code"], "redirect_uri": redirect_uri(name),
        "code_verifier": VERIFIER,
    }  # fmt: skip
    reply = await server.http.post(TOKEN, auth=(name, APP_SECRET), data=form)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def sub_of(server: Running, name: str, username: str = "alice") -> str:
    """What this client is told the user is called."""
    found: str = (await verified(server, (await tokens_of(server, name, username))["id_token"]))["sub"]
    return found


async def local_sub(server: Running, username: str = "alice") -> str:
    user = await server.management.accounts("default").user_by_username(username)
    assert user is not None
    return user.sub


@pytest.mark.requirement("OIDC-8-1")
async def test_one_user_has_a_name_in_each_sector(server: Running) -> None:
    local = await local_sub(server)
    subs = {name: await sub_of(server, name) for name in NAMES}
    assert subs["plain"] == local
    assert subs["one"] == subs["two"] != subs["other"]
    assert len({*subs.values()}) == 3
    assert await sub_of(server, "one") == subs["one"]
    assert await sub_of(server, "one", "bob") not in subs.values()
    assert all(sub.isascii() and 20 < len(sub) <= 255 for sub in subs.values())


@pytest.mark.requirement("OIDC-8-1")
async def test_a_user_who_is_made_again_is_somebody_else(server: Running) -> None:
    before = {name: await sub_of(server, name) for name in ("one", "plain")}
    await server.management.carry_out([await server.management.plan_delete_user("default", "alice")])
    await server.apply(manifest())
    for name, sub in before.items():
        assert await sub_of(server, name) != sub


@pytest.mark.requirement("OIDC-8-1")
async def test_the_same_name_is_in_everything_that_the_client_gets(server: Running) -> None:
    pairwise, local = await sub_of(server, "one"), await local_sub(server)
    tokens = await tokens_of(server, "one", scope="openid write")
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    again = (await server.http.post(TOKEN, auth=("one", APP_SECRET), data=form)).json()
    for reply in (tokens, again):
        assert (await verified(server, reply["id_token"]))["sub"] == pairwise
        assert (await verified(server, reply["access_token"], "ES256"))["sub"] == pairwise
        assert (await userinfo(server, reply["access_token"])).json()["sub"] == pairwise
    for response_type in ("id_token token", "code id_token"):
        browser = await answered(server, request_of("one", response_type=response_type), "one")
        assert (await verified(server, browser.answer["id_token"]))["sub"] == pairwise
    for caller in ("one", "plain"):
        for token in (tokens["access_token"], tokens["refresh_token"]):
            asked = await server.http.post("/oauth2/introspect", auth=(caller, APP_SECRET), data={"token": token})
            assert asked.status_code == 200
            if caller == "one" or token == tokens["access_token"]:
                assert (asked.json()["active"], asked.json()["sub"]) == (True, pairwise)
            else:
                assert asked.json() == {"active": False}
    # The house itself knows them by one name.
    [event] = [e for e in await server.audit("authorization_answered") if e["client_id"] == "one"][:1]
    assert event["sub"] == local


@pytest.mark.requirement("OIDC-8-1")
async def test_a_user_who_is_disabled_is_out_under_each_name(server: Running) -> None:
    tokens = await tokens_of(server, "one", scope="openid write")
    await server.apply(manifest().replace('"username": "alice"', '"enabled": false, "username": "alice"'))
    assert (await userinfo(server, tokens["access_token"])).status_code == 401
    asked = await server.http.post(
        "/oauth2/introspect", auth=("one", APP_SECRET), data={"token": tokens["access_token"]}
    )
    assert asked.json() == {"active": False}


@pytest.mark.requirement("OIDC-8-1", "OIDC-3.1.2.1-13")
@pytest.mark.parametrize("issued_to", NAMES)
async def test_a_hint_is_understood_whichever_client_got_it(server: Running, issued_to: str) -> None:
    hint = (await tokens_of(server, issued_to))["id_token"]
    browser = await answered(server, request_of("one"), "one")
    request = request_of("one", id_token_hint=hint, prompt="none")
    assert "code" in (await ask(server, request, "one", browser=browser)).answer
    stranger = await answered(server, request_of("one"), "one", username="bob")
    told(await ask(server, request, "one", browser=stranger), request, "login_required", "authorize.login_other_user")


@pytest.mark.requirement("OIDC-8-1", "OIDC-3.1.2.2-2")
async def test_a_client_asks_for_a_user_by_the_name_it_knows(server: Running) -> None:
    browser = await answered(server, request_of("one"), "one")
    server.clock.advance(5)
    for sub, found in (
        (await sub_of(server, "one"), True), (await sub_of(server, "other"), False), (await local_sub(server), False),
    ):  # fmt: skip
        wishes = json.dumps({"id_token": {"sub": {"value": sub}}})
        silent = request_of("one", claims=wishes, prompt="none")
        await ask(server, silent, "one", browser=browser)
        if found:
            assert "code" in browser.answer
        else:
            told(browser, silent, "login_required", "authorize.login_other_user")
            assert at(await ask(server, request_of("one", claims=wishes), "one", browser=browser), "login")


@pytest.mark.requirement("OIDC-8-1")
async def test_another_realm_of_the_same_server_has_other_names(server: Running) -> None:
    contexts = []
    await server.apply(json.dumps({"realms": [{"name": "twin"}]}))
    for name in ("default", "twin"):
        context = await server.server.realm(name)
        assert context is not None
        contexts.append(context)
    keys = [context.pairwise_key for context in contexts]
    assert len({*keys}) == 2
    assert len({subject(Client(client_id="x", subject_type="pairwise"), "sub", k) for k in keys}) == 2


HOST = st.from_regex(r"[a-z]{1,8}\.example", fullmatch=True)


@pytest.mark.requirement("OIDC-8-1")
@given(HOST, HOST, st.text("abc", min_size=1), st.text("abc", min_size=1), st.binary(min_size=32, max_size=32))
def test_names_are_equal_for_equal_sectors_and_users_alone(a: str, b: str, u: str, v: str, key: bytes) -> None:
    def named(host: str, sub: str) -> str:
        found = Client(client_id=host, subject_type="pairwise", redirect_uris=(f"https://{host}/cb",))
        return subject(found, sub, key)

    assert (named(a, u) == named(b, v)) == ((a, u) == (b, v))
    assert named(a, u) != u
    assert named(a, u) != subject(
        Client(client_id="x", subject_type="pairwise", redirect_uris=(f"https://{a}/",)), u, b"k"
    )
