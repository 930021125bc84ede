"""Be told the names that users have in somebody else's sector, or make the server fetch what it must not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pushgate.fetch import Fetcher
from pushgate.manage.manifest import BadManifest
from pushgate.manage.service import Change
from pushgate.testing import Running, running
from tests.unit.fetch_support import PUBLIC, Names, Origin, Route, authority, reply

HOST = "sector.example"
REDIRECTS = ["https://a.example/cb", "https://b.example/cb"]


def manifest(uri: str, redirect_uris: list[str] = REDIRECTS) -> str:
    """A client with pairwise subjects that says it is of this sector."""
    client = {
        "client_id": "app", "redirect_uris": redirect_uris, "subject_type": "pairwise", "sector_identifier_uri": uri,
    }  # fmt: skip
    return json.dumps({"realms": [{"name": "default", "clients": [client]}]})


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    """The host of the sector."""
    async with Origin(authority().server_context([HOST])) as found:
        yield found


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A server that resolves the sector's host to a public address, and others to where attackers point them."""
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(authority().pem())
    names = Names(sector_example=[[PUBLIC]], inside_example=[["10.0.0.1"]], metadata_example=[["169.254.169.254"]],
                  localhost=[["127.0.0.1"]], nobody_example=[[]])  # fmt: skip
    async with running(fetcher=Fetcher(ca_file=ca_file, resolver=names, dial=Route())) as found:
        yield found


def publish(origin: Origin, document: Any, status: str = "200 OK", *headers: str) -> str:
    """Put a document at the sector's address; the address."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    origin.routes["/sector"] = reply(body, status, *(headers or ("Content-Type: application/json",)))
    return origin.url("/sector", host=HOST)


async def refused(server: Running, uri: str, reason: str, redirect_uris: list[str] = REDIRECTS) -> None:
    """The client is not saved, for this reason and no other."""
    with pytest.raises(BadManifest) as refusal:
        await server.apply(manifest(uri, redirect_uris))
    [complaint] = refusal.value.complaints
    assert complaint.where == "realms[0].clients[0].sector_identifier_uri"
    assert complaint.reason == reason
    assert await server.management.configuration.client("default", "app") is None


@pytest.mark.requirement("REG-OIDC-2-2")
async def test_a_sector_that_lists_the_redirect_uris_vouches_for_them(server: Running, origin: Origin) -> None:
    uri = publish(origin, [*REDIRECTS, "https://c.example/cb"])
    [change] = await saved(server, uri)
    assert change.act == "create"
    # Nothing is fetched for what was vouched for already; for another redirect URI it is.
    origin.routes.clear()
    [change] = await saved(server, uri)
    assert change.act == "unchanged"
    [change] = await saved(server, uri, REDIRECTS[:1])
    assert change.act == "update"
    with pytest.raises(BadManifest, match="does not answer with 200"):
        await server.apply(manifest(uri, [*REDIRECTS, "https://c.example/cb"]))


async def saved(server: Running, uri: str, redirect_uris: list[str] = REDIRECTS) -> list[Change]:
    return [c for c in await server.apply(manifest(uri, redirect_uris)) if c.object == "client"]


@pytest.mark.requirement("REG-OIDC-2-2")
async def test_join_a_sector_that_does_not_know_you(server: Running, origin: Origin) -> None:
    for listed in (REDIRECTS[:1], [REDIRECTS[0], REDIRECTS[1] + "/"], [], ["https://a.example", "https://b.example"]):
        uri = publish(origin, listed)
        missing = next(u for u in REDIRECTS if u not in listed)
        await refused(server, uri, f"what is there does not list {missing}")
    for document in ({"redirect_uris": REDIRECTS}, REDIRECTS[0], None, [REDIRECTS], [*REDIRECTS, 1]):
        await refused(server, publish(origin, document), "what is there is not a JSON array of redirect URIs")
    for text in (b"", b"<html>", b'["a", "a"'):
        await refused(server, publish(origin, text), "is not JSON")


@pytest.mark.requirement("REG-OIDC-2-2")
async def test_do_without_a_document(server: Running) -> None:
    text = json.loads(manifest("x"))
    del text["realms"][0]["clients"][0]["sector_identifier_uri"]
    with pytest.raises(BadManifest, match="sector_identifier_uri: pairwise subjects need it"):
        await server.apply(json.dumps(text))


@pytest.mark.requirement("REG-OIDC-2-2")
@pytest.mark.parametrize("uri", ["http://sector.example/sector", "http://127.0.0.1/sector", "file:///etc/passwd",
                                 "https://", "https://a@sector.example/", "https://sector.example/#x"])  # fmt: skip
async def test_name_what_is_no_https_address(server: Running, uri: str) -> None:
    await refused(server, uri, "must be an https URL")


@pytest.mark.parametrize(
    "uri",
    ["https://inside.example/", "https://metadata.example/latest/meta-data/", "https://127.0.0.1/", "https://[::1]/",
     "https://10.0.0.1:8443/", "https://169.254.169.254/latest/", "https://localhost/", "https://nobody.example/"],
)  # fmt: skip
async def test_reach_inside_and_learn_what_is_there(server: Running, uri: str) -> None:
    # The same words for a name that is there and one that is not.
    await refused(server, uri, "cannot be reached at a public https address")


async def test_send_a_megabyte(server: Running, origin: Origin) -> None:
    uri = publish(origin, [*REDIRECTS, "https://c.example/" + "x" * 2**20])
    await refused(server, uri, "is larger than 64 KiB")


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
async def test_redirect_to_another_document(server: Running, origin: Origin, status: str) -> None:
    origin.routes["/good"] = reply(json.dumps(REDIRECTS).encode(), "200 OK", "Content-Type: application/json")
    where = f"Location: {origin.url('/good', host=HOST)}"
    await refused(server, publish(origin, REDIRECTS, status, where), "answers with a redirect, which is not followed")
