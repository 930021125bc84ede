"""How often a client, or an address, may push; whoever keeps to its rate is not slowed down by others."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pushgate.testing import Running
from tests.support.manifests import APP, APP_SECRET, REQUEST

FOREVER = 2**40


def rates(members: str) -> str:
    return f"realms: [{{name: default, rates: {{{members}}}}}]"


SPA = REQUEST | {"client_id": "spa", "redirect_uri": "https://spa.example/cb", "scope": "openid"}


async def push(server: Running, request: dict[str, str] = REQUEST, **how: Any) -> httpx.Response:
    return await server.http.post(**{"url": "/oauth2/par", "auth": APP} | how, data=request)


async def from_address(server: Running, address: str, **how: Any) -> httpx.Response:
    transport = httpx.ASGITransport(server.app, client=(address, 50_000))
    async with httpx.AsyncClient(transport=transport, base_url=server.server.base_url) as http:
        return await http.post("/oauth2/par", data=REQUEST, **{"auth": APP} | how)


def slowed_down(reply: httpx.Response) -> int:
    """The reply is the 429 of a rate limit; the seconds it tells to wait."""
    assert (reply.status_code, reply.json()["error"]) == (429, "temporarily_unavailable")
    assert reply.headers["pushgate-refusal"] == "http.rate"
    assert int(reply.headers["retry-after"]) >= 1
    return int(reply.headers["retry-after"])


@pytest.mark.requirement("PAR-2.3-8", "VEN-T-7")
async def test_a_client_above_its_rate_has_to_wait_and_nobody_else(server: Running) -> None:
    await server.apply(rates("pushes_per_client: 3"))
    assert [(await push(server)).status_code for _ in range(3)] == [201, 201, 201]
    wait = slowed_down(await push(server))
    assert (await push(server, SPA, auth=None)).status_code == 201
    assert await server.transient.purge(FOREVER) == 4
    server.clock.advance(wait)
    assert (await push(server)).status_code == 201


@pytest.mark.requirement("PAR-2.3-8", "VEN-T-7")
async def test_somebody_who_is_not_the_client_cannot_use_up_its_rate(server: Running) -> None:
    await server.apply(rates("pushes_per_client: 1, failures_per_minute: 0"))
    wrong = ("app", "wrong-secret-of-at-least-22-characters")
    assert {(await push(server, auth=wrong)).status_code for _ in range(5)} == {401}
    assert (await push(server)).status_code == 201
    slowed_down(await push(server))


@pytest.mark.requirement("VEN-T-7")
async def test_an_address_above_its_rate_has_to_wait_and_no_other_address(server: Running) -> None:
    await server.apply(rates("pushes_per_address: 2"))
    # Who pushes from there, and whether it succeeds, makes no difference.
    nobody = ("nobody", APP_SECRET)
    assert (await from_address(server, "192.0.2.1", auth=nobody)).status_code == 401
    assert (await from_address(server, "192.0.2.1")).status_code == 201
    wait = slowed_down(await from_address(server, "192.0.2.1"))
    slowed_down(await from_address(server, "192.0.2.1", auth=nobody))
    slowed_down(await from_address(server, "192.0.2.1", headers={"x-forwarded-for": "192.0.2.7"}))
    assert (await from_address(server, "192.0.2.2")).status_code == 201
    assert (await from_address(server, "2001:db8::1")).status_code == 201
    server.clock.advance(wait)
    assert (await from_address(server, "192.0.2.1")).status_code == 201


@pytest.mark.requirement("VEN-T-7")
async def test_rates_are_off_unless_somebody_sets_them(server: Running) -> None:
    assert {(await push(server)).status_code for _ in range(150)} == {201}


@pytest.mark.requirement("VEN-T-7")
async def test_rates_of_one_realm_do_not_slow_another(server: Running) -> None:
    client = f"{{client_id: app, client_secret: {APP_SECRET}, redirect_uris: [{REQUEST['redirect_uri']}]}}"
    await server.apply(
        "realms: [{name: default, rates: {pushes_per_client: 1, pushes_per_address: 1}},"
        f" {{name: x, clients: [{client}]}}]"
    )
    assert (await push(server)).status_code == 201
    slowed_down(await push(server))
    assert (await push(server, url="/realms/x/oauth2/par")).status_code == 201
