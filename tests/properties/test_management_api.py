"""The management API against its own OpenAPI document: whatever is sent, the answer is one that it promises."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS

from pushgate.manage.api.app import application
from pushgate.manage.api.openapi import described
from pushgate.manage.tokens import mint_admin_token
from pushgate.model import RealmSettings
from pushgate.protocol.management import SCOPES
from pushgate.realm import Realm
from pushgate.testing import BASE_URL, Running, running
from tests.support.management import MANAGED

ISSUER = Realm.of(RealmSettings(name="default"), BASE_URL).issuer
KNOWN = {"client_id": "app", "identifier": "urn:example:api", "name": "passkey"}
schema = schemathesis.openapi.from_dict(described(application(), ISSUER))
# Much of what is wrong with a document is beyond JSON Schema: a redirect URI in http, an algorithm without its key.
EXCLUDED = CHECKS.get_by_names(["positive_data_acceptance"])


@dataclass
class Served:
    """A server in a thread of its own, for tests that are not asynchronous."""

    portal: BlockingPortal
    server: Running
    token: str
    known: dict[str, str]
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def send(self, kwargs: dict[str, object]) -> httpx.Response:
        """Send what schemathesis made."""
        made = requests.Request(**kwargs).prepare()  # type: ignore[arg-type]
        body = made.body.encode() if isinstance(made.body, str) else made.body

        async def sent() -> httpx.Response:
            headers = [(_bytes(name), _bytes(value)) for name, value in made.headers.items()]
            return await self.server.http.request(str(made.method), str(made.url), headers=headers, content=body)

        return self.portal.call(sent)


def _bytes(text: str | bytes) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A server with a few things in it."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(running(MANAGED)) as server:
        portal.call(
            server.apply, "realms: [{name: default, resources: [{identifier: 'urn:example:api', scopes: [a]}]}]"
        )
        token = portal.call(mint_admin_token, server.management, "default", SCOPES)
        user = portal.call(server.management.accounts("default").user_by_username, "alice")
        assert user is not None
        yield Served(portal, server, token, {**KNOWN, "user_id": user.sub})


KEY = "Idempotency-Key"
STEADY = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))


def sent(case: schemathesis.Case, served: Served) -> tuple[httpx.Response, dict[str, Any]]:
    """The answer to a case, and what was sent. A key of the generator's would be one that it used before."""
    kwargs = case.as_transport_kwargs(base_url=BASE_URL, headers={"Authorization": f"Bearer {served.token}"})
    headers = kwargs["headers"]
    if len(headers.get(KEY, "")) in range(1, 200):
        headers[KEY] += str(next(served.numbers))
    return served.send(kwargs), kwargs


@schema.parametrize()
@STEADY
def test_every_answer_is_as_promised(case: schemathesis.Case, served: Served) -> None:
    reply, kwargs = sent(case, served)
    case.validate_response(reply, excluded_checks=EXCLUDED, headers=kwargs["headers"], transport_kwargs=kwargs)


@schema.include(method=["GET", "POST", "PATCH", "PUT"], path_regex="{").parametrize()
@STEADY
def test_so_are_those_about_what_is_there(case: schemathesis.Case, served: Served) -> None:
    case.path_parameters = {name: served.known.get(name, "x") for name in case.path_parameters or {}}
    reply, kwargs = sent(case, served)
    excluded = [*EXCLUDED, *CHECKS.get_by_names(["negative_data_rejection"])]
    case.validate_response(reply, excluded_checks=excluded, headers=kwargs["headers"], transport_kwargs=kwargs)
    assert reply.status_code != 404 or "x" in case.path_parameters.values()
