"""Somebody registers clients so that people, limits or operators take them for something else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from pushgate.manage.manifest import export
from pushgate.protocol.client_name import name_problem
from pushgate.testing import Running, running
from pushgate.throttle import household
from tests.rules.test_dynamic_registration import (
    MANIFEST,
    METADATA,
    REGISTER,
    URI,
    manage,
    refused,
    register,
    registered,
    stored_client,
)
from tests.support.manifests import REQUEST


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    async with running(MANIFEST) as found:
        yield found


# --- Names that people cannot read ---------------------------------------------------------------------------

NOT_SEEN = (" ", "\u00a0", "\u200b\u200b", "\ufeff", "\u00ad", "\u2060", "\u3164", "\u2800", "\u115f\u1160", "\u202e",
            "\u0301", "\U000e0041\U000e0042", "\ue000")  # fmt: skip
TWO_LINES = ("Bank\nSigned in as root", "a\r", "a\tb", "a\x00b", "a\x1b[1m", "a\u2028b", "a\u2029b", "a\x85b")
STACKED = ("Z" + "\u0300" * 7, "\u0e01" + "\u0e49" * 40, "a" + "\u20dd" * 10)
NAMES = (
    "App", "", "アプリ", "ধন্যবাদ", "שָׁלוֹם", "Tiếng Việt", "می\u200cخواهم", "👩\u200d💻", "1\ufe0f\u20e3", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "བསྒྲུབས",
    "Tie\u0302\u0301ng", "!",
)  # fmt: skip


@pytest.mark.requirement("REG-7591-5-1")
@pytest.mark.parametrize("member", ["client_name", "client_name#ja"])
async def test_a_name_that_nobody_can_see(server: Running, member: str) -> None:
    for name in (*NOT_SEEN, *TWO_LINES, *STACKED):
        description = refused(await register(server, **{member: name}), *METADATA)
        assert description.startswith("The client metadata cannot be registered. client_name: must "), ascii(name)


@pytest.mark.parametrize("name", NAMES)
def test_names_in_any_language_are_names(name: str) -> None:
    assert name_problem(name) is None


async def test_letters_of_another_alphabet_are_told_by_the_host(server: Running) -> None:
    # Cyrillic letters that look like Latin ones. The name is shown; where the answer goes is in ASCII alone.
    for host in ("\u0430pple.example", "ex\u0430mple.com"):
        reply = await register(server, redirect_uris=[f"https://{host}/"])
        refused(reply, 400, "invalid_redirect_uri", "registration.redirect_uri")
    client = await registered(server, client_name="\u0410pple", redirect_uris=["https://xn--pple-43d.example/cb"])
    browser = server.browser()
    request = {**REQUEST, "redirect_uri": "https://xn--pple-43d.example/cb", "scope": "openid"}
    await browser.open("/oauth2/authorize", params={**request, "client_id": client["client_id"]})
    await browser.sign_in()
    assert browser.page is not None
    assert "xn--pple-43d.example" in browser.page.text
    assert "Nobody has checked the name of this application." in browser.page.text


# --- A client that is taken for one that an operator vouches for -----------------------------------------------


async def test_an_export_does_not_vouch_for_anybody(server: Running) -> None:
    client = await registered(server, token_endpoint_auth_method="none", client_name="New App")
    document = await export(server.management, None, with_secrets=True)
    [found] = [c for r in document["realms"] for c in r["clients"] if c["client_id"] == client["client_id"]]
    assert found["self_registered"] is True
    assert found["allowed_resources"] == ()
    async with running("realms: [{name: default, authorization_details_types: [{type: payment}]}]") as other:
        await other.apply(json.dumps({"realms": [{"name": "default", "clients": [found]}]}))
        stored = await stored_client(other, client["client_id"])
        assert (stored.self_registered, stored.allowed_resources) == (True, ())


async def test_only_an_operator_vouches_and_only_for_what_is_there(server: Running) -> None:
    client = await registered(server, client_name="New App")
    vouched: dict[str, Any] = {"client_id": client["client_id"], "redirect_uris": [URI], "self_registered": False}
    await server.apply(json.dumps({"realms": [{"name": "default", "clients": [vouched]}]}))
    stored = await stored_client(server, client["client_id"])
    assert not stored.self_registered
    # What is not said is open to it now, as to any client; applying that again changes nothing.
    assert (stored.allowed_resources, stored.authorization_details_types) == (None, None)
    await server.apply(json.dumps({"realms": [{"name": "default", "clients": [vouched]}]}))
    assert await stored_client(server, client["client_id"]) == stored
    # The client still manages itself; what it says then was checked by nobody.
    body = {"client_id": client["client_id"], "redirect_uris": ["https://elsewhere.example/"], "self_registered": False}
    assert (await manage(server, client, "PUT", body=body)).status_code == 200
    assert (await stored_client(server, client["client_id"])).self_registered


# --- Floods ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("REG-7591-3-2")
async def test_an_ipv6_network_is_one_sender(server: Running) -> None:
    await server.apply('realms: [{name: default, registration: {mode: "open", per_minute: 2}}]')

    async def status(address: str) -> int:
        transport = httpx.ASGITransport(server.app, client=(address, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url=server.server.base_url) as http:
            return (await http.post(REGISTER, json={"redirect_uris": [URI]})).status_code

    assert [await status(f"2001:db8:0:1::{n:x}") for n in range(4)] == [201, 201, 429, 429]
    assert await status("2001:db8:0:2::1") == 201
    assert [await status("203.0.113.1"), await status("203.0.113.2")] == [201, 201]


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_what_is_counted_for_an_address(address: str, counted: str) -> None:
    assert household(address) == counted


async def test_numbers_that_no_clock_can_hold(server: Running) -> None:
    for seconds in (10**10, 2**63, 10**400):
        body = json.dumps({"redirect_uris": [URI], "default_max_age": seconds})
        reply = await server.http.post(REGISTER, content=body, headers={"content-type": "application/json"})
        assert "default_max_age" in refused(reply, *METADATA)
