"""Fixtures: a real Chromium, the client's web site, and people who use them.

Playwright keeps an event loop running for as long as it is started, so it must have stopped before
asynchronous tests run in the same process: the browser belongs to this folder, not to the session.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.relying_party import RelyingParty, listening
from tests.browser.visitor import Arrive, Visitor, Watch
from tests.support.live import Live
from tests.support.services import missing

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="package")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelyingParty]:
    """The web site behind https://app.example."""
    with listening(tmp_path_factory.mktemp("client")) as found:
        yield found


@pytest.fixture(scope="package")
def chromium(client: RelyingParty) -> Iterator[Browser]:
    """A Chromium that finds this machine and nothing else."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        missing("Chromium", f"install it so that one of {', '.join(NAMES)} is on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *client.arguments])
        yield browser
        browser.close()


@pytest.fixture
def arrive(chromium: Browser, client: RelyingParty, live: Live, tmp_path: Path) -> Iterator[Arrive]:
    """People who come with a fresh browser; keywords are options of the browser, such as `java_script_enabled`.

    Whatever they do in the test: nothing is asked for but the server and the client, the console stays
    empty, and every page has its protecting headers.
    """
    client.arrivals.clear()
    client.pages.clear()
    contexts = []
    watch = Watch(live)

    def arrival(**options: Any) -> Visitor:
        context = chromium.new_context(**options)
        contexts.append(context)
        watch.on(context)
        return Visitor(live, client, context, context.new_page(), watch, tmp_path)

    yield arrival
    for context in contexts:
        context.close()
    assert not watch.strangers
    assert not watch.complaints
    assert not watch.unprotected


@pytest.fixture
def person(arrive: Arrive) -> Visitor:
    """Somebody with an ordinary browser."""
    return arrive()
