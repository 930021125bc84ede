"""Outbound fetches are guarded: what is refused, what is verified, what is remembered."""

import asyncio
import contextlib
import gzip
import ipaddress
import json
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpcore
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushgate.fetch import CachedJson, Fetcher, FetchError, is_public, parse_json
from tests.unit.fetch_support import PUBLIC, Authority, Names, Origin, Route, authority, reply

KEYS = {"keys": [{"kty": "EC", "kid": "1"}]}
GOOD = reply(json.dumps(KEYS).encode())
SHORT = 0.2  # seconds: the deadline where a test must run into it
LONG = 3.0  # seconds: where it must not

Make = Callable[..., Fetcher]


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(authority().pem())
    return path


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with Origin(authority().server_context(["keys.example", "localhost", "127.0.0.1"])) as server:
        server.routes["/jwks"] = GOOD
        yield server


@pytest.fixture
async def make(ca_file: Path) -> AsyncIterator[Make]:
    """Fetchers that trust the test CA; `keys.example` is at a public address, which leads to loopback."""
    made: list[Fetcher] = []

    def factory(**options: Any) -> Fetcher:
        defaults: dict[str, Any] = {
            "ca_file": ca_file,
            "resolver": Names(keys_example=[[PUBLIC]]),
            "dial": Route(),
        }
        made.append(Fetcher(**(defaults | options)))
        return made[-1]

    yield factory
    for fetcher in made:
        await fetcher.aclose()


async def refused(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(FetchError) as caught:
        await fetcher.get_json(url)
    return caught.value.reason


# --- a form that is posted ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "302 Found", "400 Bad Request", "503 Unavailable"])
async def test_a_form_is_posted_and_its_status_comes_back(make: Make, origin: Origin, status: str) -> None:
    extra = () if status.startswith("204") else ("Location: http://127.0.0.1/",)
    origin.routes["/back?x=y"] = reply(b"", status, *extra)
    route = Route()
    assert await make(dial=route).post_form(origin.url("/back?x=y"), {"logout_token": "a.b&c=ö"}) == int(status[:3])
    [(path, headers)] = origin.requests
    assert (path, route.dialled) == ("/back?x=y", [PUBLIC])
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert headers["content-length"] == str(len("logout_token=a.b%26c%3D%C3%B6"))
    assert {"authorization", "cookie"} & headers.keys() == set()


async def test_what_comes_back_is_not_read(make: Make, origin: Origin) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n")
        with contextlib.suppress(OSError):
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()

    origin.routes["/back"] = endless
    assert await make().post_form(origin.url("/back"), {"a": "b"}) == 200


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1"])
async def test_no_form_goes_to_a_private_address(make: Make, origin: Origin, address: str) -> None:
    names = Names(keys_example=[[address]])
    for url, reason in ((origin.url("/back"), "private_address"), (origin.url("/back", scheme="http"), "not_https")):
        with pytest.raises(FetchError) as caught:
            await make(resolver=names).post_form(url, {"a": "b"})
        assert caught.value.reason == reason
    assert origin.requests == []


async def test_a_server_that_never_answers_a_form(make: Make, origin: Origin) -> None:
    async def silent(_: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    origin.routes["/back"] = silent
    with pytest.raises(FetchError) as caught:
        await make(timeout=SHORT).post_form(origin.url("/back"), {"a": "b"})
    assert caught.value.reason == "timeout"


# --- a good fetch -------------------------------------------------------------------------------------------


async def test_a_document_is_fetched(make: Make, origin: Origin) -> None:
    route = Route()
    assert await make(dial=route).get_json(origin.url("/jwks")) == KEYS
    assert route.dialled == [PUBLIC]


async def test_name_is_kept_for_sni_and_host_while_the_address_is_dialled(make: Make, origin: Origin) -> None:
    await make().get_json(origin.url())
    [(_, headers)] = origin.requests
    assert origin.sni == ["keys.example"]
    assert headers["host"] == f"keys.example:{origin.port}"
    assert headers["accept-encoding"] == "identity"


async def test_query_is_sent(make: Make, origin: Origin) -> None:
    origin.routes["/a%20b?c=d&e"] = GOOD
    assert await make().get_json(origin.url("/a%20b?c=d&e")) == KEYS


async def test_environment_and_cookies_are_ignored(
    make: Make, origin: Origin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / "netrc").write_text("machine keys.example login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    origin.routes["/jwks"] = reply(b"{}", "200 OK", "Set-Cookie: seen=1; Path=/")
    fetcher = make()
    await fetcher.get_json(origin.url())
    await fetcher.get_json(origin.url())
    assert [sorted({"authorization", "cookie"} & headers.keys()) for _, headers in origin.requests] == [
        [],
        [],
    ]


async def test_nothing_stays_open(make: Make, origin: Origin) -> None:
    await make().get_json(origin.url())
    async with asyncio.timeout(1):
        await origin.left.wait()
    assert origin.serving == 0


async def test_next_address_is_tried_when_one_does_not_answer(make: Make, origin: Origin) -> None:
    route = Route(dead=["2606:2800:21f::1"])
    names = Names(keys_example=[["2606:2800:21f::1", PUBLIC]])
    assert await make(dial=route, resolver=names).get_json(origin.url()) == KEYS
    assert route.dialled == ["2606:2800:21f::1", PUBLIC]


async def test_three_addresses_are_enough(make: Make, origin: Origin) -> None:
    route = Route(dead=["1.1.1.1", "1.1.1.2", "1.1.1.3"])
    names = Names(keys_example=[[*route.dead, PUBLIC]])
    assert await refused(make(dial=route, resolver=names), origin.url()) == "network"
    assert route.dialled == route.dead


async def test_no_answer_anywhere(make: Make, origin: Origin) -> None:
    assert await refused(make(dial=Route(dead=[PUBLIC])), origin.url()) == "network"


async def test_concurrency_is_limited(make: Make, origin: Origin) -> None:
    async def slowly(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)
        writer.write(GOOD)

    origin.routes["/jwks"] = slowly
    fetcher = make(concurrency=2)
    await asyncio.gather(*(fetcher.get_json(origin.url()) for _ in range(6)))
    assert (origin.connections, origin.peak) == (6, 2)


async def test_closed_fetcher_fetches_nothing(make: Make, origin: Origin) -> None:
    fetcher = make()
    await fetcher.aclose()
    assert await refused(fetcher, origin.url()) == "closed"


# --- TLS ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("FAPI-5.2.1-2")
async def test_certificate_for_another_name(make: Make) -> None:
    async with Origin(authority().server_context(["other.example", "127.0.0.1", PUBLIC])) as server:
        assert await refused(make(), server.url()) == "tls"
        assert server.requests == []


@pytest.mark.requirement("FAPI-5.2.1-2")
async def test_certificate_of_an_unknown_authority(make: Make, origin: Origin) -> None:
    assert await refused(make(ca_file=None), origin.url()) == "tls"
    async with Origin(Authority().server_context(["keys.example"])) as server:  # same CA name, another key
        assert await refused(make(), server.url()) == "tls"


async def test_expired_certificate(make: Make) -> None:
    async with Origin(authority().server_context(["keys.example"], days=-1)) as server:
        assert await refused(make(), server.url()) == "tls"


async def test_server_that_speaks_no_tls(make: Make) -> None:
    async with Origin(None) as server:
        server.routes["/jwks"] = GOOD
        assert await refused(make(timeout=SHORT), server.url()) in {"tls", "timeout"}
        assert server.requests == []


def test_unreadable_ca_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Fetcher(ca_file=tmp_path / "missing.pem")


# --- which URLs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://keys.example/jwks", "not_https"),
        ("http://127.0.0.1/jwks", "not_https"),
        ("ftp://keys.example/jwks", "not_https"),
        ("https://user@keys.example/", "url"),
        ("https://user:secret@keys.example/", "url"),
        ("https://@keys.example/", "url"),
        ("https://keys.example\\@evil.example/", "url"),
        ("https://keys.example/#part", "url"),
        ("https://keys.example/#", "url"),
        ("https://keys.example:0/", "url"),
        ("https://keys.example:65536/", "url"),
        ("https://keys.example:-1/", "url"),
        ("https://keys.example:port/", "url"),
        ("https://keys..example/", "url"),
        ("https://keys.example./", "url"),
        ("https://k%65ys.example/", "url"),
        ("https://kéys.example/", "url"),
        ("https://①②⑦.0.0.1/", "url"),
        ("https://keys.example/a b", "url"),
        ("https://keys.example/\r\nX: y", "url"),
        ("https://keys.example/\n", "url"),
        ("https://keys.example/" + "a" * 2048, "url"),
        ("https:keys.example", "url"),
        ("https:///jwks", "url"),
        ("/jwks", "url"),
        ("", "url"),
        ("\ud800", "url"),
    ],
)
async def test_url_is_refused(make: Make, url: str, reason: str) -> None:
    route, names = Route(), Names()
    assert await refused(make(ca_file=None, dial=route, resolver=names), url) == reason
    assert (route.dialled, names.asked) == ([], [])


NOT_PUBLIC = """
    127.0.0.1 127.9.9.9 0.0.0.0 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1
    100.100.100.200 192.0.0.192 192.0.2.1 198.18.0.1 192.88.99.1 168.63.129.16 224.0.0.1 240.0.0.1
    255.255.255.255 [::] [::1] [::127.0.0.1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:8.8.8.8]
    [fe80::1] [fec0::1] [fd00:ec2::254] [ff02::1] [2001::1] [2001:db8::1] [2002:7f00:1::]
    [2002:808:808::] [64:ff9b::7f00:1] [64:ff9b::a9fe:a9fe] [64:ff9b:1::1] [3fff::1] [5f00::1] [100::1]
"""


@pytest.mark.parametrize("host", NOT_PUBLIC.split())
async def test_address_that_is_not_public_is_refused(make: Make, host: str) -> None:
    route, names = Route(), Names(keys_example=[[host.strip("[]")]])
    fetcher = make(ca_file=None, dial=route, resolver=names)
    assert await refused(fetcher, f"https://{host}/jwks") == "private_address"
    assert await refused(fetcher, "https://keys.example/jwks") == "private_address"
    assert route.dialled == []


@pytest.mark.parametrize("address", ["8.8.8.8", PUBLIC, "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_embedded_address_is_never_more_public_than_itself(address: ipaddress.IPv4Address) -> None:
    assert is_public(ipaddress.IPv6Address(f"64:ff9b::{address}")) == is_public(address)
    assert not is_public(ipaddress.IPv6Address(f"::ffff:{address}"))
    assert not is_public(ipaddress.IPv6Address(0x2002 << 112 | int(address) << 80))


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "0",
        "017700000001",
        "[::1%25lo]",
    ],
)
async def test_odd_spelling_of_an_address_is_refused(make: Make, host: str) -> None:
    route, names = Route(), Names()
    assert await refused(make(ca_file=None, dial=route, resolver=names), f"https://{host}/") == "url"
    assert (route.dialled, names.asked) == ([], [])


@pytest.mark.parametrize(
    "answer", [[PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC] * 9 + ["::1"], ["fe80::1%eth0"]]
)
async def test_name_with_one_private_address_is_refused(make: Make, answer: list[str]) -> None:
    route = Route()
    fetcher = make(dial=route, resolver=Names(keys_example=[answer]))
    assert await refused(fetcher, "https://keys.example/") == "private_address"
    assert route.dialled == []


async def test_rebinding_name_is_looked_up_once_and_that_answer_is_used(make: Make, origin: Origin) -> None:
    route, names = Route(), Names(keys_example=[[PUBLIC], ["127.0.0.1"]])
    fetcher = make(dial=route, resolver=names)
    assert await fetcher.get_json(origin.url()) == KEYS
    assert (names.asked, route.dialled) == (["keys.example"], [PUBLIC])
    assert await refused(fetcher, origin.url()) == "private_address"  # asked again, checked again
    assert route.dialled == [PUBLIC]


@pytest.mark.parametrize("answer", [[], ["not an address"]])
async def test_name_without_address(make: Make, answer: list[str]) -> None:
    assert await refused(make(resolver=Names(keys_example=[answer])), "https://keys.example/") == "dns"


async def test_name_that_does_not_resolve(make: Make) -> None:
    async def none(host: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert await refused(make(resolver=none), "https://keys.example/") == "dns"


# --- allow_hosts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
async def test_allowed_host_may_be_private(origin: Origin, ca_file: Path, host: str) -> None:
    fetcher = Fetcher(ca_file=ca_file, allow_hosts=[host])  # the system's own resolver and sockets
    assert await fetcher.get_json(origin.url(host=host)) == KEYS
    await fetcher.aclose()
    refusing = Fetcher(ca_file=ca_file, allow_hosts=["else.example"])
    assert await refused(refusing, origin.url(host=host)) == "private_address"
    await refusing.aclose()


async def test_allowed_name_is_still_verified(make: Make) -> None:
    fetcher = make(allow_hosts=["keys.example"], resolver=Names(keys_example=[["127.0.0.1"]]))
    async with Origin(authority().server_context(["other.example"])) as server:
        assert await refused(fetcher, server.url()) == "tls"
        assert await refused(fetcher, server.url(scheme="http")) == "not_https"


async def test_ipv6_loopback_when_allowed(ca_file: Path) -> None:
    server = Origin(authority().server_context(["::1"]), "::1")
    try:
        await server.__aenter__()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    server.routes["/jwks"] = GOOD
    fetcher = Fetcher(ca_file=ca_file, allow_hosts=["[::1]"])
    assert await fetcher.get_json(server.url(host="[0:0:0:0:0:0:0:1]")) == KEYS
    assert server.requests[0][1]["host"] == f"[::1]:{server.port}"
    await fetcher.aclose()
    await server.__aexit__(None, None, None)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_plain_http_only_to_an_allowed_loopback_host(make: Make, host: str) -> None:
    async with Origin(None) as server:
        server.routes["/jwks"] = GOOD
        names = Names(localhost=[["127.0.0.1"]])
        assert await make(allow_hosts=[host], resolver=names).get_json(server.url(host=host, scheme="http")) == KEYS
        assert await refused(make(resolver=names), server.url(host=host, scheme="http")) == "not_https"


@pytest.mark.parametrize("address", [PUBLIC, "10.0.0.1"])
async def test_localhost_is_loopback_whatever_dns_says(make: Make, address: str) -> None:
    fetcher = make(allow_hosts=["localhost"], resolver=Names(localhost=[[address]]))
    assert await refused(fetcher, "http://localhost/jwks") == "private_address"


@pytest.mark.parametrize("entry", ["keys.example:443", "https://keys.example", "10.0.0.0/8", "*.example", ""])
def test_allow_hosts_takes_only_hosts(entry: str) -> None:
    with pytest.raises(ValueError, match="is not a host name"):
        Fetcher(allow_hosts=[entry])


# --- what comes back ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Again", "308 There", "304 Same"])
async def test_redirect_is_not_followed(make: Make, origin: Origin, status: str) -> None:
    origin.routes["/old"] = reply(b"", status, f"Location: {origin.url('/jwks')}")
    assert await refused(make(), origin.url("/old")) == "redirect"
    assert [path for path, _ in origin.requests] == ["/old"]


@pytest.mark.parametrize("status", ["201 Created", "206 Part", "401 No", "404 Not Found", "500 Oops"])
async def test_only_200_will_do(make: Make, origin: Origin, status: str) -> None:
    origin.routes["/jwks"] = reply(b"{}", status)
    assert await refused(make(), origin.url()) == "status"


@pytest.mark.parametrize("length", [True, False])
async def test_document_of_exactly_the_limit_and_one_more(make: Make, origin: Origin, length: bool) -> None:
    fetcher = make(max_bytes=1000)
    origin.routes["/jwks"] = reply(b'"' + b"a" * 998 + b'"', length=length)
    assert await fetcher.get_json(origin.url()) == "a" * 998
    origin.routes["/jwks"] = reply(b'"' + b"a" * 999 + b'"', length=length)
    assert await refused(fetcher, origin.url()) == "too_large"


async def test_announced_size_is_believed_before_anything_is_read(make: Make, origin: Origin) -> None:
    origin.routes["/jwks"] = b"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n"
    assert await refused(make(), origin.url()) == "too_large"


async def test_endless_chunked_body_is_cut(make: Make, origin: Origin) -> None:
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"400\r\n" + b" " * 1024 + b"\r\n")
            sent += 1024
            await writer.drain()

    origin.routes["/jwks"] = endless
    assert await refused(make(), origin.url()) == "too_large"
    async with asyncio.timeout(1):
        await origin.left.wait()
    assert sent < 16 * 1024 * 1024  # only what fits into socket buffers beyond the limit


async def test_endless_headers_are_cut(make: Make, origin: Origin) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X: " + b"y" * 1024 + b"\r\n")
            await writer.drain()

    origin.routes["/jwks"] = endless
    assert await refused(make(), origin.url()) == "network"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "identity", "gzip, gzip"])
async def test_encoded_body_is_refused(make: Make, origin: Origin, encoding: str) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    assert len(bomb) < 64 * 1024
    origin.routes["/jwks"] = reply(bomb, "200 OK", f"Content-Encoding: {encoding}")
    assert await refused(make(), origin.url()) == "content"


async def test_gzip_without_saying_so_is_not_decoded(make: Make, origin: Origin) -> None:
    origin.routes["/jwks"] = reply(gzip.compress(b"{}"))
    assert await refused(make(), origin.url()) == "content"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}",
    ],
)
async def test_broken_http(make: Make, origin: Origin, raw: bytes) -> None:
    origin.routes["/jwks"] = raw
    assert await refused(make(), origin.url()) == "network"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{",
        b"{'a': 1}",
        b"{} {}",
        b'{"a": 1, "a": 2}',
        b'[{"b": {"a": 1, "\\u0061": 1}}]',
        b"NaN",
        b"[-Infinity]",
        b"1e999",
        b'"\\ud800"',
        b'{"\\udc00": 1}',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        b"[" * 60_000,
        b"1" * 5000,
        b'"\x00"',
    ],
)
async def test_body_that_is_not_strict_json(make: Make, origin: Origin, body: bytes) -> None:
    origin.routes["/jwks"] = reply(body)
    assert await refused(make(), origin.url()) == "content"


@given(st.binary())
def test_any_bytes_are_json_or_a_fetch_error(body: bytes) -> None:
    with contextlib.suppress(FetchError):
        parse_json(body)


# --- text ---------------------------------------------------------------------------------------------------

TYPES = ("text/one", "text/two")


@pytest.mark.parametrize("media_type", ["text/one", "Text/Two ; charset=utf-8"])
async def test_a_text_of_a_wanted_media_type(make: Make, origin: Origin, media_type: str) -> None:
    origin.routes["/jwks"] = reply(b" a\n", "200 OK", f"Content-Type: {media_type}")
    assert await make().get_text(origin.url(), TYPES) == " a\n"
    assert origin.requests[0][1]["accept"] == "text/one, text/two"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"a", ["Content-Type: text/three"]),
        (b"a", ["Content-Type: text/one, text/two"]),
        (b"a", ["Content-Type: text/one\xe9"]),
        (b"a", []),
        ("é".encode(), ["Content-Type: text/one"]),
        (b"\xff", ["Content-Type: text/one; charset=latin1"]),
    ],
)
async def test_a_text_that_is_not_wanted(make: Make, origin: Origin, body: bytes, headers: list[str]) -> None:
    origin.routes["/jwks"] = reply(body, "200 OK", *headers)
    with pytest.raises(FetchError) as caught:
        await make().get_text(origin.url(), TYPES)
    assert caught.value.reason == "content"


async def test_texts_take_half_of_the_slots(make: Make, origin: Origin) -> None:
    origin.routes["/slow"] = silence
    origin.routes["/text"] = reply(b"a", "200 OK", "Content-Type: text/one")
    fetcher = make(timeout=SHORT, concurrency=2)
    slow = [asyncio.create_task(fetcher.get_text(origin.url("/slow"), TYPES)) for _ in range(3)]
    await origin.asked.wait()
    assert await fetcher.get_json(origin.url()) == KEYS
    found = await asyncio.gather(*slow, return_exceptions=True)
    assert [error.reason for error in found if isinstance(error, FetchError)] == ["timeout"] * 3
    fetcher.timeout = LONG
    assert await fetcher.get_text(origin.url("/text"), TYPES) == "a"  # the slots came back


# --- the deadline -------------------------------------------------------------------------------------------


async def drip_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    await drip(writer)


async def drip_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    await drip(writer)


async def drip_hints(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await asyncio.sleep(0.02)


async def drip(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("behaviour", [silence, drip_head, drip_body, drip_hints])
async def test_deadline_is_for_the_whole_exchange(make: Make, origin: Origin, behaviour: Any) -> None:
    origin.routes["/jwks"] = behaviour
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await refused(make(timeout=SHORT), origin.url()) == "timeout"
    assert loop.time() - began < 5 * SHORT


async def test_slow_look_up_hits_the_deadline(make: Make) -> None:
    async def never(host: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    assert await refused(make(timeout=SHORT, resolver=never), "https://keys.example/") == "timeout"


async def test_waiting_for_a_slot_counts(make: Make, origin: Origin) -> None:
    origin.routes["/slow"] = silence
    fetcher = make(timeout=SHORT, concurrency=1)
    slow = asyncio.create_task(refused(fetcher, origin.url("/slow")))
    await asyncio.sleep(0)
    assert await refused(fetcher, origin.url()) == "timeout"
    assert await slow == "timeout"
    fetcher.timeout = LONG
    assert await fetcher.get_json(origin.url()) == KEYS  # the slot came back


async def test_unfinished_handshake_is_hung_up(make: Make) -> None:
    """httpcore forgets the socket of a TLS handshake that is cancelled: each would stay open for good."""
    hung_up = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(4096):
                pass
        except ConnectionError:
            pass
        hung_up.set()
        writer.close()

    async with await asyncio.start_server(mute, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await refused(make(timeout=SHORT), f"https://keys.example:{port}/") == "timeout"
        async with asyncio.timeout(1):
            await hung_up.wait()


async def test_cancelling_the_caller_is_not_a_fetch_error(make: Make, origin: Origin) -> None:
    origin.routes["/jwks"] = silence
    task = asyncio.create_task(make().get_json(origin.url()))
    await origin.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# --- any text as URL ----------------------------------------------------------------------------------------


class Refusing(httpcore.AsyncNetworkBackend):
    """Where the property test's connection attempts end: nothing may leave this machine."""

    def __init__(self) -> None:
        self.dialled: list[str] = []

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        self.dialled.append(host)
        assert 0 < port < 65536
        raise httpcore.ConnectError("not from here")


async def public(host: str) -> list[str]:
    return [PUBLIC]


HOSTS = st.text(max_size=12) | st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map("[{}]".format)
HOSTS |= st.from_regex(r"[a-zA-Z0-9_.%\[\]:@-]{1,20}", fullmatch=True) | st.integers(0, 2**33).map(str)
URLS = st.text() | st.builds("https://{}".format, st.text())
URLS |= st.builds("{}://{}{}".format, st.sampled_from(["https", "HTTPS", "http", "x"]), HOSTS, st.text(max_size=8))
LOCKED = Fetcher(resolver=public, allow_hosts=["localhost"])


@settings(max_examples=150, deadline=None)
@given(URLS)
def test_any_text_as_url_is_refused_or_dialled_at_a_public_address(url: str) -> None:
    LOCKED.dial = dial = Refusing()
    with pytest.raises(FetchError) as caught:
        asyncio.run(LOCKED.get_json(url))
    assert (caught.value.reason == "network") == bool(dial.dialled)
    assert all(is_public(ipaddress.ip_address(address)) for address in dial.dialled)


# --- the cache ----------------------------------------------------------------------------------------------

NEW = {"keys": [{"kty": "EC", "kid": "2"}]}
ROTATED = reply(json.dumps(NEW).encode())
BROKEN = reply(b"", "500 Oops")


@pytest.fixture
def cache(make: Make) -> CachedJson:
    return CachedJson(make())


async def test_document_is_kept_for_five_minutes(cache: CachedJson, origin: Origin) -> None:
    assert await cache.get(origin.url(), now=1000.0) == KEYS
    origin.routes["/jwks"] = ROTATED
    assert await cache.get(origin.url(), now=1299.9) == KEYS
    assert len(origin.requests) == 1
    assert await cache.get(origin.url(), now=1300.0) == NEW
    assert len(origin.requests) == 2


async def test_clock_set_back_does_not_keep_a_document_fresh(cache: CachedJson, origin: Origin) -> None:
    await cache.get(origin.url(), now=100_000.0)
    await cache.get(origin.url(), now=1000.0)
    assert len(origin.requests) == 2


async def test_fifty_callers_share_one_fetch(cache: CachedJson, origin: Origin) -> None:
    found = await asyncio.gather(*(cache.get(origin.url(), now=1000.0) for _ in range(50)))
    assert found == [KEYS] * 50
    found = await asyncio.gather(*(cache.refresh(origin.url(), now=1001.0) for _ in range(50)))
    assert found == [KEYS] * 50
    assert len(origin.requests) == 2


async def test_fifty_callers_share_one_failure(cache: CachedJson, origin: Origin) -> None:
    origin.routes["/jwks"] = BROKEN
    calls = (cache.get(origin.url(), now=1000.0) for _ in range(50))
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert [getattr(failure, "reason", None) for failure in found] == ["status"] * 50
    assert len({id(failure) for failure in found}) == 50  # one shared exception would grow a traceback each time
    assert len(origin.requests) == 1


async def test_one_cancelled_caller_does_not_stop_the_others(cache: CachedJson, origin: Origin) -> None:
    gate = asyncio.Event()

    async def wait(writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        writer.write(GOOD)

    origin.routes["/jwks"] = wait
    first, second = (asyncio.create_task(cache.get(origin.url(), now=1000.0)) for _ in range(2))
    await origin.asked.wait()
    first.cancel()
    gate.set()
    assert await second == KEYS
    assert len(origin.requests) == 1


async def test_refresh_sees_a_rotated_key_set_at_once(cache: CachedJson, origin: Origin) -> None:
    await cache.get(origin.url(), now=1000.0)
    origin.routes["/jwks"] = ROTATED
    assert await cache.refresh(origin.url(), now=1001.0) == NEW
    assert await cache.get(origin.url(), now=1002.0) == NEW
    assert len(origin.requests) == 2


async def test_flood_of_unknown_keys_makes_few_fetches(cache: CachedJson, origin: Origin) -> None:
    await cache.get(origin.url(), now=1000.0)
    for tick in range(600):  # one minute, ten a second
        assert await cache.refresh(origin.url(), now=1000.0 + tick / 10) == KEYS
    assert len(origin.requests) == 3  # get, refresh at 0 s, refresh at 30 s


async def test_refresh_without_anything_known(cache: CachedJson, origin: Origin) -> None:
    assert await cache.refresh(origin.url(), now=1000.0) == KEYS
    assert await cache.refresh(origin.url("/none"), now=1000.0) is None


async def test_refresh_of_a_broken_url_serves_what_is_known(cache: CachedJson, origin: Origin) -> None:
    await cache.get(origin.url(), now=1000.0)
    origin.routes["/jwks"] = BROKEN
    assert await cache.refresh(origin.url(), now=1001.0) == KEYS
    assert await cache.refresh(origin.url(), now=1031.0) == KEYS
    assert await cache.refresh(origin.url(), now=4600.0) is None  # more than an hour after the last good one


async def test_failure_is_remembered_for_ten_seconds(cache: CachedJson, origin: Origin) -> None:
    for now, requests in [(1000.0, 1), (1005.0, 1), (1009.9, 1), (1010.0, 2), (1015.0, 2)]:
        with pytest.raises(FetchError) as caught:
            await cache.get(origin.url("/none"), now=now)
        assert caught.value.reason == "status"
        assert await cache.refresh(origin.url("/none"), now=now) is None
        assert len(origin.requests) == requests
    origin.routes["/none"] = GOOD
    assert await cache.get(origin.url("/none"), now=1020.0) == KEYS


async def test_stale_document_is_served_for_an_hour_while_its_url_fails(cache: CachedJson, origin: Origin) -> None:
    await cache.get(origin.url(), now=1000.0)
    origin.routes["/jwks"] = BROKEN
    for now, requests in [(1300.0, 2), (1305.0, 2), (1310.0, 3), (4599.0, 4)]:
        assert await cache.get(origin.url(), now=now) == KEYS
        assert len(origin.requests) == requests
    with pytest.raises(FetchError):
        await cache.get(origin.url(), now=4600.0)


async def test_least_recently_asked_url_is_forgotten(make: Make, origin: Origin) -> None:
    cache = CachedJson(make(), max_entries=2)
    origin.routes |= dict.fromkeys(("/1", "/2", "/3"), GOOD)
    for path in ("/1", "/2", "/1", "/3", "/1", "/2"):
        await cache.get(origin.url(path), now=1000.0)
    assert [path for path, _ in origin.requests] == ["/1", "/2", "/3", "/2"]
