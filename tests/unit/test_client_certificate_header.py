"""Where a client's certificate is taken from: the TLS connection, or a trusted proxy's header; from nobody else.

RFC 9440, RFC 8705 6.5, and the TLS extension of ASGI.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import uvicorn
from cryptography import x509
from hypothesis import example, given
from hypothesis import strategies as st

from pushgate.errors import OAuthError
from pushgate.protocol.mtls import Certificate
from pushgate.web.client_certificate import (
    MAX_CHAIN,
    MAX_HEADER,
    TlsProtocol,
    certificate_of,
    header_certificate,
    header_chain,
)
from tests.support.certificates import SERVER_AUTH, Made, authority, client, make, name, self_signed

CLIENT = client("client of the header", san=[x509.DNSName("client.example")])
OTHER = client("another client of the header")
B64 = base64.b64encode(CLIENT.der).decode()
PROXY = "192.0.2.1"
PROXIES = frozenset({PROXY})
Header = tuple[bytes, bytes]


def refused(call: Callable[[], object]) -> None:
    """The call is refused because the certificate cannot be read."""
    with pytest.raises(OAuthError) as caught:
        call()
    no = caught.value
    assert (no.refusal.id, no.code, no.status) == ("certificate.malformed", "invalid_client", 401)


def outcome(call: Callable[[], object]) -> object:
    """What the call gives, or the ID of its refusal."""
    try:
        return call()
    except OAuthError as no:
        return no.refusal.id


# --- Forms of the header -----------------------------------------------------------------------------------

FORMS = {
    "RFC 9440": f":{B64}:",
    "RFC 9440 without padding": f":{B64.rstrip('=')}:",
    "RFC 9440 with spaces around": f" \t:{B64}: ",
    "nginx, escaped": quote(CLIENT.pem, safe=""),
    "Amazon, escaped in part": quote(CLIENT.pem, safe="+=/"),
    "PEM with spaces": CLIENT.pem.replace("\n", " "),
    "PEM with spaces, without the last": CLIENT.pem.replace("\n", " ").strip(),
    "PEM with tabs": CLIENT.pem.replace("\n", "\t"),
    "nginx, line ends and tabs": CLIENT.pem.replace("\n", "\n\t"),
    "bare base64": B64,
}


@pytest.mark.parametrize("case", FORMS)
def test_every_form_is_read(case: str) -> None:
    assert header_certificate(FORMS[case]) == CLIENT.der


BAD_FORMS = {
    "one colon": ":",
    "no second colon": f":{B64}",
    "no first colon": f"{B64}:",
    "a parameter": f":{B64}:;a=1",
    "two members": f":{B64}:, :{B64}:",
    "base64url": f":{B64[:-4].replace('/', '_')}-_-_:",
    "a space inside": f":{B64[:8]} {B64[8:]}:",
    "padding twice": f":{B64[:8]}=={B64[8:]}:",
    "bare base64 with a space inside": f"{B64[:8]} {B64[8:]}",
    "two in PEM": (CLIENT.pem + OTHER.pem).replace("\n", " "),
    "two in escaped PEM": quote(CLIENT.pem + OTHER.pem),
    "a key in PEM": CLIENT.key_pem.replace("\n", " "),
    "another label": CLIENT.pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE").replace("\n", " "),
    "PEM with text before": "subject=CN=x " + CLIENT.pem.replace("\n", " "),
    "PEM with text behind": CLIENT.pem.replace("\n", " ") + "x",
    "PEM without an end": CLIENT.pem[:80].replace("\n", " "),
    "PEM of nothing": "-----BEGIN CERTIFICATE-----  -----END CERTIFICATE-----x",
    "escaped twice": quote(quote(CLIENT.pem)),
    "half an escape": quote(CLIENT.pem).replace("%0A", "%0", 1),
    "an escaped byte beyond ASCII": quote(CLIENT.pem).replace("%0A", "%FF", 1),
    "not ASCII": f":{B64}é:",
    "too long": "A" * (MAX_HEADER + 1),
    "Envoy's": f'Hash={"0" * 64};Cert="{quote(CLIENT.pem)}"',
}


@pytest.mark.parametrize("case", BAD_FORMS)
def test_no_other_form_is_read(case: str) -> None:
    refused(lambda: header_certificate(BAD_FORMS[case]))


@given(st.text(max_size=60) | st.text(":-=A+/% \t", max_size=60))
@example("::")
@example("")
@example("-----BEGIN CERTIFICATE----- \ud800")
@example("-----BEGIN%")
def test_any_text_is_bytes_or_refused(value: str) -> None:
    for read in (header_certificate, header_chain):
        found = outcome(lambda read=read: read(value))
        assert found == "certificate.malformed" or isinstance(found, bytes | tuple)


@given(st.binary(max_size=80))
def test_any_bytes_of_a_proxy_give_a_certificate_none_or_a_refusal(value: bytes) -> None:
    none = value in (b"", b"(null)")
    assert outcome(lambda: of(PROXY, (b"x-client-cert", value))) == (None if none else "certificate.malformed")


def test_the_chain_of_rfc_9440() -> None:
    two = ", ".join(f":{base64.b64encode(one.der).decode()}:" for one in (CLIENT, OTHER))
    assert header_chain(two) == header_chain(two.replace(" ", "")) == (CLIENT.der, OTHER.der)
    assert header_chain("") == ()
    for wrong in (B64, f":{B64}:,", f",:{B64}:", two + ";a", ", ".join([f":{B64}:"] * (MAX_CHAIN + 1)), CLIENT.pem):
        refused(lambda wrong=wrong: header_chain(wrong))


# --- Whose word counts --------------------------------------------------------------------------------------


def of(
    peer: str | None, *headers: Header, header: bytes | None = b"x-client-cert", tls: list[Any] | None = None
) -> Certificate | None:
    """The certificate of a request from this peer."""
    scope: dict[str, Any] = {"type": "http", "client": (peer, 1) if peer is not None else None}
    if tls is not None:
        scope["extensions"] = {"tls": {"client_cert_chain": tls}}
    return certificate_of(scope, [(b"host", b"as.example"), *headers], header=header, proxies=PROXIES)


SENT = (b"x-client-cert", quote(CLIENT.pem).encode())


def der_of(found: Certificate | None) -> bytes | None:
    return None if found is None else found.der


def test_the_header_of_a_trusted_proxy_counts() -> None:
    found = of(PROXY, SENT)
    assert found is not None
    assert (found.der, found.thumbprint, found.chain) == (CLIENT.der, CLIENT.thumbprint, ())


@pytest.mark.requirement("MTLS-6.1-1")
def test_a_connection_without_certificate() -> None:
    for peer in (PROXY, "198.51.100.7", "", None):
        assert of(peer) is None
        assert of(peer, tls=[]) is None
    for nothing in (b"", b"(null)"):
        assert of(PROXY, (b"x-client-cert", nothing)) is None


@pytest.mark.parametrize("peer", ["198.51.100.7", "", None, "192.0.2.10", "::ffff:192.0.2.1"])
def test_the_header_of_anybody_else_is_ignored(peer: str | None) -> None:
    for sent in (SENT, (b"x-client-cert", b"broken")):
        assert of(peer, sent) is None
        assert of(peer, sent, (b"x-forwarded-for", PROXY.encode())) is None
        assert der_of(of(peer, sent, tls=[OTHER.pem])) == OTHER.der


def test_the_header_counts_only_where_it_is_configured() -> None:
    assert of(PROXY, SENT, header=None) is None
    assert of(PROXY, SENT, header=b"client-cert") is None
    assert of(PROXY, (b"client-cert", f":{B64}:".encode())) is None


def test_two_headers_are_refused() -> None:
    for second in (SENT, (b"x-client-cert", b""), (b"x-client-cert", quote(OTHER.pem).encode())):
        refused(lambda second=second: of(PROXY, SENT, second))
        refused(lambda second=second: of(PROXY, second, SENT))


def test_a_header_that_is_no_certificate_is_refused() -> None:
    for wrong in (b"FAILED:self signed certificate", b":AAAA:", b"AAAA", b"\xff"):
        refused(lambda wrong=wrong: of(PROXY, (b"x-client-cert", wrong)))


def test_the_chain_counts_only_beside_the_header_of_rfc_9440() -> None:
    chain = (b"client-cert-chain", f":{base64.b64encode(OTHER.der).decode()}:".encode())
    found = of(PROXY, (b"client-cert", f":{B64}:".encode()), chain, chain, header=b"client-cert")
    assert found is not None
    assert found.chain == (OTHER.der, OTHER.der)
    found = of(PROXY, SENT, chain)
    assert found is not None
    assert found.chain == ()


def test_the_certificate_of_the_connection() -> None:
    for tls in ([CLIENT.pem, OTHER.pem], [CLIENT.der, OTHER.der]):
        found = of("198.51.100.7", tls=tls)
        assert found is not None
        assert (found.der, found.chain) == (CLIENT.der, (OTHER.der,))
    refused(lambda: of("198.51.100.7", tls=["broken"]))
    refused(lambda: of("198.51.100.7", tls=["\ud800"]))
    refused(lambda: of("198.51.100.7", tls=[b"broken"]))


def test_the_certificate_of_a_proxy_is_not_the_clients() -> None:
    assert of(PROXY, tls=[OTHER.pem]) is None
    assert of(PROXY, header=None, tls=[OTHER.pem]) is None
    assert der_of(of(PROXY, SENT, tls=[OTHER.pem])) == CLIENT.der


# --- TLS of our own ------------------------------------------------------------------------------------------

LOOPS = ["asyncio", *(["uvloop"] if sys.platform != "win32" else [])]


class Seen:
    """An application that remembers the scopes of its requests."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    def found(self) -> list[Certificate | None]:
        """The certificates of the requests so far."""
        return [certificate_of(one, one["headers"], header=None, proxies=PROXIES) for one in self.scopes]


class Server(uvicorn.Server):
    """uvicorn, in this process: it says when it listens, and leaves the signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(app: Seen, **tls: Any) -> AsyncIterator[int]:
    """The application under uvicorn; the port."""
    config = uvicorn.Config(app, http=TlsProtocol, port=0, lifespan="off", log_config=None, access_log=False, **tls)
    server = Server(config)
    task = asyncio.create_task(server.serve())
    await server.ready.wait()
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


def own_files(folder: Path) -> dict[str, Any]:
    """TLS of the server: any client certificate of the authority, or none."""
    names = [x509.IPAddress(ip_address("127.0.0.1"))]
    certificate, key = make("127.0.0.1", issuer=authority(), san=names, eku=SERVER_AUTH).files(folder, "server")
    (folder / "ca.pem").write_text(authority().pem)
    return {
        "ssl_certfile": certificate, "ssl_keyfile": key, "ssl_ca_certs": str(folder / "ca.pem"),
        "ssl_cert_reqs": ssl.CERT_OPTIONAL,
    }  # fmt: skip


def http(folder: Path, port: int, certificate: Made | None = None, *further: Made) -> httpx.AsyncClient:
    """A client with this certificate, or without any."""
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    if certificate is not None:
        context.load_cert_chain(*certificate.files(folder, "client", *further))
    return httpx.AsyncClient(base_url=f"https://127.0.0.1:{port}", verify=context)


async def over_tls(folder: Path) -> list[Certificate | None]:
    """Two requests with a certificate, one without, one through an intermediate; what the server saw."""
    under = make(name(cn="Issuing CA"), issuer=authority(), ca=True)
    deep = client("deep", issuer=under)
    app = Seen()
    async with served(app, **own_files(folder)) as port:
        for shown in ((CLIENT,), (), (deep, under)):
            async with http(folder, port, *shown) as one:
                for _ in range(2):
                    assert (await one.get("/")).status_code == 204
    first, again, none, nor, through, _ = app.found()
    assert (der_of(first), again, none, nor, der_of(through)) == (CLIENT.der, first, None, None, deep.der)
    assert through is not None
    assert through.chain[:1] == (under.der,)
    assert app.scopes[2]["extensions"]["tls"]["client_cert_chain"] == []
    return app.found()


@pytest.mark.requirement("MTLS-6.1-1")
@pytest.mark.parametrize("loop", LOOPS)
def test_the_certificate_of_a_tls_connection_is_in_the_scope(loop: str, tmp_path: Path) -> None:
    if loop == "uvloop":
        import uvloop

        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    else:
        runner = asyncio.Runner()
    with runner:
        assert len(runner.run(over_tls(tmp_path))) == 6


async def test_a_plain_connection_has_no_extension() -> None:
    app = Seen()
    async with served(app) as port, httpx.AsyncClient() as one:
        assert (await one.get(f"http://127.0.0.1:{port}/")).status_code == 204
    assert [scope.get("extensions") for scope in app.scopes] == [None]
    assert app.found() == [None]


async def test_a_certificate_that_tls_does_not_trust_ends_the_connection(tmp_path: Path) -> None:
    app = Seen()
    async with served(app, **own_files(tmp_path)) as port, http(tmp_path, port, self_signed()) as one:
        with pytest.raises(httpx.TransportError):
            await one.get("/")
    assert app.scopes == []
