"""Requests that are at work together do each part of it together."""

from __future__ import annotations

import asyncio

import pytest

from pushgate.endpoints import client_authentication, par
from pushgate.endpoints.in_step import in_step
from pushgate.protocol import client_auth
from pushgate.testing import Running
from tests.support.manifests import APP, REQUEST
from tests.support.steps import PAR


async def test_all_come_up_before_one_goes_on() -> None:
    seen: list[tuple[str, int]] = []

    async def walk(number: int) -> None:
        for part in "abc":
            seen.append((part, number))
            await in_step()

    await asyncio.gather(*map(walk, range(3)))
    assert seen == [(part, number) for part in "abc" for number in range(3)]


async def test_pushes_that_come_together_are_authenticated_together_then_checked_together(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def told(name: str, part: object) -> object:
        def call(*arguments: object, **named: object) -> object:
            seen.append(name)
            return part(*arguments, **named)  # type: ignore[operator]

        return call

    monkeypatch.setattr(client_authentication.client_auth, "authenticate", told("who", client_auth.authenticate))
    monkeypatch.setattr(par, "check", told("what", par.check))
    replies = await asyncio.gather(*(server.http.post(PAR, auth=APP, data=REQUEST) for _ in range(8)))
    assert {reply.status_code for reply in replies} == {201}
    assert seen == ["who"] * 8 + ["what"] * 8
