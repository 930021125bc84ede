"""Mutual TLS over real connections: behind a real nginx, at a listener of our own, and with keys at a jwks_uri.

RFC 8705; FAPI 2.0 Security Profile 5.2.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import KeySet

from pushgate.fetch import Fetcher
from pushgate.testing import Browser, running
from tests.flows.test_cli import failed, run
from tests.support.certificates import SERVER_AUTH, Made, authority, client, make, self_signed
from tests.support.live import Live, free_port, serving, start
from tests.support.manifests import APP, CHALLENGE, VERIFIER
from tests.support.nginx import HEADER, Front, nginx
from tests.support.steps import agree, refused
from tests.unit.fetch_support import PUBLIC, Names, Origin, Route, reply
from tests.unit.fetch_support import authority as origin_authority

REDIRECT = "https://app.example/callback"
MIDDLE = make("Middle CA of the flows", issuer=authority(), ca=True)
BANK = client("bank of the flows")
BEYOND = client("bank of the flows", issuer=MIDDLE)
OTHER = client("another bank of the flows")
OWN = self_signed("a client of the flows that vouches for itself")
STRANGER = self_signed("somebody that nobody knows")
CERTIFICATES = {"bank": BANK, "own": OWN}
RSA_KEY = rsa.generate_private_key(65537, 2048)
"""Of the listener: with RSA there are suites of every kind."""
COMMON = {
    "redirect_uris": [REDIRECT],
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    "scope": "openid write",
    "tls_client_certificate_bound_access_tokens": True,
}
TLS = {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=bank of the flows"}
SELF_SIGNED = {"token_endpoint_auth_method": "self_signed_tls_client_auth"}
MANIFEST = json.dumps(
    {
        "realms": [
            {
                "name": "default",
                "tls_client_ca": "authorities.pem",
                "resources": [{"identifier": "https://api.example", "scopes": ["write"]}],
                "clients": [
                    {"client_id": "bank", **TLS, **COMMON},
                    {"client_id": "own", **SELF_SIGNED, **COMMON, "jwks": {"keys": [OWN.jwk()]}},
                    {"client_id": "app", "client_secret": APP[1], "redirect_uris": [REDIRECT], "scope": "openid"},
                ],
                "users": [{"username": "alice", "password": "alice-password"}],
            }
        ]
    }
)
REQUEST = {
    "response_type": "code", "redirect_uri": REDIRECT, "scope": "openid", "state": "a-state",
    "code_challenge": CHALLENGE, "code_challenge_method": "S256",
}  # fmt: skip
CREDENTIALS = {"grant_type": "client_credentials", "scope": "write"}


@dataclass
class Place:
    """A server that clients reach with certificates."""

    issuer: str
    live: Live
    front: Front | Live

    def http(self, certificate: Made | None = None, *further: Made) -> httpx.Client:
        """A client with this certificate."""
        return self.front.http(certificate, *further)


def folder_with_authorities(folder: Path) -> Path:
    (folder / "authorities.pem").write_text(authority().pem)
    return folder


@pytest.fixture(scope="module")
def behind_nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server behind nginx, which asks for any certificate and passes it on."""
    port = free_port()
    folder = folder_with_authorities(tmp_path_factory.mktemp("behind"))
    with nginx(tmp_path_factory.mktemp("nginx"), port) as front:
        settings = {
            "PUSHGATE_BASE_URL": front.url, "PUSHGATE_TRUSTED_PROXIES": "127.0.0.1",
            "PUSHGATE_CLIENT_CERT_HEADER": HEADER,
        }  # fmt: skip
        with serving(folder, MANIFEST, port=port, **settings) as live:
            yield Place(front.url, live, front)


def listener(folder: Path, *, ask: bool) -> tuple[list[str], str]:
    """Arguments of `pushgate serve` for a listener with TLS, and whom its clients have to trust."""
    names = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
    trusted = authority("Test CA of the listener")
    made = client("localhost", issuer=trusted, san=names, eku=SERVER_AUTH, key=RSA_KEY)
    certificate, key = made.files(folder, "tls")
    (folder / "trust.pem").write_text(trusted.pem)
    arguments = ["--tls-cert", certificate, "--tls-key", key]
    if ask:
        (folder / "clients.pem").write_text(authority().pem + OWN.pem)
        arguments += ["--tls-client-ca", str(folder / "clients.pem")]
    return arguments, str(folder / "trust.pem")


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server whose own listener asks for certificates."""
    folder = folder_with_authorities(tmp_path_factory.mktemp("asking"))
    arguments, trust = listener(folder, ask=True)
    port = free_port()
    url = f"https://localhost:{port}"
    with serving(folder, MANIFEST, *arguments, port=port, trust=trust, PUSHGATE_BASE_URL=url) as live:
        yield Place(url, live, live)


@pytest.fixture(scope="module")
def not_asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server whose own listener speaks TLS and asks for nothing."""
    folder = folder_with_authorities(tmp_path_factory.mktemp("not-asking"))
    arguments, trust = listener(folder, ask=False)
    with serving(folder, MANIFEST, *arguments, trust=trust) as live:
        yield Place(live.url, live, live)


@pytest.fixture(params=["behind_nginx", "asking"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each of the two ways for certificates to arrive."""
    found: Place = request.getfixturevalue(request.param)
    return found


# --- Both ways ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("MTLS-2-1", "MTLS-3-1", "MTLS-3-2", "MTLS-3.1-1", "MTLS-2.1-1", "MTLS-2.2-1")
@pytest.mark.parametrize("client_id", CERTIFICATES)
async def test_the_whole_way(place: Place, client_id: str) -> None:
    certificate, who = CERTIFICATES[client_id], {"client_id": client_id}
    async with httpx.AsyncClient(base_url=place.issuer, verify=place.front.context(certificate)) as http:
        metadata = (await http.get("/.well-known/oauth-authorization-server")).json()
        assert metadata["tls_client_certificate_bound_access_tokens"] is True
        assert {"tls_client_auth", "self_signed_tls_client_auth"} <= set(
            metadata["token_endpoint_auth_methods_supported"]
        )
        pushed = await http.post(metadata["pushed_authorization_request_endpoint"], data={**REQUEST, **who})
        assert pushed.status_code == 201, pushed.text
        browser = await agree(
            await Browser(http).open("/oauth2/authorize", params={**who, "request_uri": pushed.json()["request_uri"]})
        )
        form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT, "code_verifier": VERIFIER, **who}
        tokens = await http.post(metadata["token_endpoint"], data={**form, "code": browser.answer["code"]})
        assert tokens.status_code == 200, tokens.text
        again = {"grant_type": "refresh_token", "refresh_token": tokens.json()["refresh_token"], **who}
        refreshed = (await http.post(metadata["token_endpoint"], data=again)).json()
        keys = KeySet.import_key_set((await http.get(metadata["jwks_uri"])).json())
    for value in (tokens.json()["access_token"], refreshed["access_token"]):
        assert jwt.decode(value, keys, algorithms=["ES256"]).claims["cnf"] == {"x5t#S256": certificate.thumbprint}
        bearer = {"authorization": f"Bearer {value}"}
        for shown, status in ((certificate, 200), (None, 401), (OTHER, 401)):
            with place.http(shown) as client_http:
                answer = client_http.get("/oauth2/userinfo", headers=bearer)
            assert answer.status_code == status, answer.text
            if status == 401:
                refused(answer, 401, "invalid_token", "userinfo.token_certificate")


@pytest.mark.requirement("MTLS-2-1", "MTLS-2-2", "MTLS-6.1-1")
def test_who_is_turned_away_and_who_needs_no_certificate(place: Place) -> None:
    expected = {
        "bank": [(None, "certificate.missing"), (OTHER, "certificate.subject"), (OWN, "certificate.chain")],
        "own": [(None, "certificate.missing"), (OTHER, "certificate.unknown"), (BANK, "certificate.unknown")],
    }
    for client_id, cases in expected.items():
        for certificate, refusal in cases:
            with place.http(certificate) as http:
                answer = http.post("/oauth2/token", data={**CREDENTIALS, "client_id": client_id})
            refused(answer, 401, "invalid_client", refusal)
    for certificate in (None, OTHER):
        with place.http(certificate) as http:
            assert http.post("/oauth2/par", data=REQUEST, auth=APP).status_code == 201


@pytest.mark.requirement("MTLS-2.1-1")
def test_what_stands_between_comes_along_with_the_connection(asking: Place) -> None:
    """nginx passes on the certificate alone; TLS brings the rest, on every connection."""
    context = asking.front.context(BEYOND, MIDDLE)
    for _ in range(3):
        with httpx.Client(base_url=asking.issuer, verify=context) as http:
            answer = http.post("/oauth2/token", data={**CREDENTIALS, "client_id": "bank"})
            assert answer.status_code == 200, answer.text


@pytest.mark.requirement("MTLS-2.1-1")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_connection_that_takes_up_a_session_has_the_chain_too(asking: Place, version: ssl.TLSVersion) -> None:
    context = asking.front.context(BEYOND, MIDDLE)
    context.minimum_version = context.maximum_version = version
    form = "grant_type=client_credentials&client_id=bank"
    request = (
        "POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n\r\n{form}"
    ).encode()
    session = None
    for _ in range(2):
        with connection(asking, context, session) as tls:
            tls.sendall(request)
            answer = b"".join(iter(lambda tls=tls: tls.recv(65536), b""))
            assert answer.startswith(b"HTTP/1.1 200 "), answer
            session = tls.session


# --- Behind nginx ------------------------------------------------------------------------------------------


@pytest.mark.requirement("BCP-4.13-1")
def test_a_header_counts_from_the_proxy_alone(behind_nginx: Place) -> None:
    for client_id, certificate in CERTIFICATES.items():
        form = {**CREDENTIALS, "client_id": client_id}
        forged = {HEADER: quote(certificate.pem), "X-Forwarded-For": "198.51.100.1"}
        # Through nginx, which puts its own in its place.
        with behind_nginx.http() as http:
            refused(http.post("/oauth2/token", data=form, headers=forged), 401, "invalid_client", "certificate.missing")
        # Past nginx, from an address that is not the proxy's; the proxy's own address is believed.
        for address, status in (("127.0.0.2", 401), ("127.0.0.1", 200)):
            transport = httpx.HTTPTransport(local_address=address)
            with httpx.Client(transport=transport, base_url=behind_nginx.live.url) as http:
                answer = http.post("/oauth2/token", data=form, headers=forged)
            assert answer.status_code == status, answer.text
            if status == 401:
                refused(answer, 401, "invalid_client", "certificate.missing")
    addresses = {line["address"] for line in events(behind_nginx, "request_refused")}
    assert "127.0.0.2" in addresses
    assert "198.51.100.1" not in {line["address"] for line in from_here(behind_nginx, "127.0.0.2")}


def events(place: Place, name: str) -> list[dict[str, str]]:
    """The log's lines about one sort of event."""
    return [line for line in map(json.loads, place.live.log.splitlines()) if line["event"] == name]


def from_here(place: Place, address: str) -> list[dict[str, str]]:
    """Refusals of requests from this address."""
    return [line for line in events(place, "request_refused") if line["address"] == address]


# --- A listener of our own -------------------------------------------------------------------------------------


def connection(place: Place, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
    """A TLS connection, shaken hands. Raises ssl.SSLError."""
    parts = urlsplit(place.issuer)
    raw = socket.create_connection((parts.hostname, parts.port), 10)
    try:
        return context.wrap_socket(raw, server_hostname="localhost", session=session)
    except BaseException:
        raw.close()
        raise


def test_a_certificate_of_nobody_that_the_listener_knows_ends_the_connection(asking: Place) -> None:
    with asking.http(STRANGER) as http, pytest.raises(httpx.TransportError):
        http.post("/oauth2/token", data={**CREDENTIALS, "client_id": "own"})
    with asking.http(OWN) as http:
        assert http.post("/oauth2/token", data={**CREDENTIALS, "client_id": "own"}).status_code == 200


def test_a_header_means_nothing_where_no_proxy_is(asking: Place) -> None:
    for header in ("Client-Cert", HEADER):
        with asking.http() as http:
            sent = {header: quote(BANK.pem)}
            answer = http.post("/oauth2/token", data={**CREDENTIALS, "client_id": "bank"}, headers=sent)
        refused(answer, 401, "invalid_client", "certificate.missing")


@pytest.fixture(params=["asking", "not_asking"])
def own_listener(request: pytest.FixtureRequest) -> Place:
    """Each of our own listeners."""
    found: Place = request.getfixturevalue(request.param)
    return found


GOOD = {
    "1.2 AES128": ("TLSv1_2", "ECDHE-RSA-AES128-GCM-SHA256"),
    "1.2 AES256": ("TLSv1_2", "ECDHE-RSA-AES256-GCM-SHA384"),
    "1.3": ("TLSv1_3", None),
}
BAD = {
    "1.0": ("TLSv1", "ALL:@SECLEVEL=0"),
    "1.1": ("TLSv1_1", "ALL:@SECLEVEL=0"),
    "1.2 CBC SHA-1": ("TLSv1_2", "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA"),
    "1.2 CBC SHA-2": ("TLSv1_2", "ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384"),
    "1.2 without forward secrecy": ("TLSv1_2", "AES128-GCM-SHA256:AES256-GCM-SHA384"),
    "1.2 without forward secrecy, CBC": ("TLSv1_2", "AES128-SHA:AES256-SHA"),
}


def of_version(place: Place, version: str, suites: str | None) -> ssl.SSLContext:
    """TLS of a client that speaks this version alone, with these suites."""
    context = place.front.context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    if suites is not None:
        context.set_ciphers(suites)
    return context


@pytest.mark.requirement("FAPI-5.2.1-1", "FAPI-5.2.2-1")
@pytest.mark.parametrize("case", GOOD)
def test_tls_of_today(own_listener: Place, case: str) -> None:
    version, suite = GOOD[case]
    with connection(own_listener, of_version(own_listener, version, suite)) as tls:
        assert tls.version() == version.replace("_", ".")
        assert suite in (None, (tls.cipher() or ("",))[0])


@pytest.mark.requirement("FAPI-5.2.1-1", "FAPI-5.2.2-1")
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("case", BAD)
def test_tls_of_yesterday_is_refused(own_listener: Place, case: str) -> None:
    context = of_version(own_listener, *BAD[case])
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        connection(own_listener, context)
    # It is the server that refuses: another one with the same certificate takes the same client.
    lax = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    lax.minimum_version = ssl.TLSVersion.TLSv1
    lax.set_ciphers("ALL:@SECLEVEL=0")
    lax.load_cert_chain(own_listener.live.folder / "tls.pem", own_listener.live.folder / "tls.key")
    assert agreed(context, lax) == BAD[case][0].replace("_", ".")


def agreed(client_context: ssl.SSLContext, server_context: ssl.SSLContext) -> str | None:
    """The version that the two agree on, without a network between them. Raises ssl.SSLError."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client_context.wrap_bio(down, up, server_hostname="localhost"),
        server_context.wrap_bio(up, down, server_side=True),
    ]
    for _ in range(4):
        for side in sides:
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    return sides[0].version()


@pytest.mark.requirement("FAPI-5.2.1-1")
def test_a_request_in_clear_text_gets_no_answer(own_listener: Place) -> None:
    port = urlsplit(own_listener.issuer).port
    with httpx.Client() as http, pytest.raises(httpx.TransportError):
        http.get(f"http://localhost:{port}/oauth2/authorize")


@pytest.mark.requirement("FAPI-5.2.3-1")
def test_browsers_are_told_to_stay_with_tls(own_listener: Place) -> None:
    with own_listener.http() as http:
        started = http.get("/oauth2/authorize", params={"client_id": "app", **REQUEST})
        assert started.status_code == 303
        pages = [started, http.get(started.headers["location"]), http.get("/oauth2/authorize"), http.get("/")]
        pages += [http.get("/oauth2/logout"), http.get("/nowhere"), http.post("/oauth2/token")]
    assert [page.status_code for page in pages] == [303, 200, 400, 200, 200, 404, 401]
    for page in pages:
        found = re.fullmatch(r"max-age=(\d+)", page.headers["strict-transport-security"])
        assert found is not None
        assert int(found[1]) >= 31_536_000


# --- A host of its own for certificates ---------------------------------------------------------------------------


@pytest.mark.requirement("MTLS-5-1", "META-8705-2", "MTLS-3-2")
async def test_a_second_process_serves_the_aliases(tmp_path: Path) -> None:
    """Browsers see the one that asks for nothing; clients with certificates go to the other one."""
    folder_with_authorities(tmp_path)
    plain, trust = listener(tmp_path, ask=False)
    asks = [*plain, "--tls-client-ca", str(tmp_path / "authorities.pem")]
    other = free_port()
    elsewhere = {"PUSHGATE_MTLS_BASE_URL": f"https://localhost:{other}"}
    with serving(tmp_path, MANIFEST, *plain, trust=trust, **elsewhere) as here:
        there = start(tmp_path, *asks, port=other, trust=trust, **elsewhere, PUSHGATE_BASE_URL=here.url)
        try:
            async with (
                httpx.AsyncClient(base_url=here.url, verify=here.context()) as browsing,
                httpx.AsyncClient(verify=there.context(BANK)) as showing,
            ):
                metadata = (await browsing.get("/.well-known/openid-configuration")).json()
                assert metadata == (await showing.get(f"{there.url}/.well-known/openid-configuration")).json()
                aliases, who = metadata["mtls_endpoint_aliases"], {"client_id": "bank"}
                assert {url.partition("/oauth2/")[0] for url in aliases.values()} == {there.url}
                pushed = await showing.post(aliases["pushed_authorization_request_endpoint"], data={**REQUEST, **who})
                params = {**who, "request_uri": pushed.json()["request_uri"]}
                browser = await agree(await Browser(browsing).open(metadata["authorization_endpoint"], params=params))
                form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
                form |= {"code": browser.answer["code"], **who}
                # Where nobody asks for a certificate none is seen, whatever the client has.
                answer = await showing.post(metadata["token_endpoint"], data=form)
                refused(answer, 401, "invalid_client", "certificate.missing")
                tokens = await showing.post(aliases["token_endpoint"], data=form)
                assert tokens.status_code == 200, tokens.text
                bearer = {"authorization": f"Bearer {tokens.json()['access_token']}"}
                assert (await showing.get(aliases["userinfo_endpoint"], headers=bearer)).status_code == 200
                answer = await showing.get(metadata["userinfo_endpoint"], headers=bearer)
                refused(answer, 401, "invalid_token", "userinfo.token_certificate")
        finally:
            assert there.stop() == 0


# --- Keys at a jwks_uri ------------------------------------------------------------------------------------------


@pytest.mark.requirement("MTLS-2.2-2", "MTLS-2.2.2-1")
async def test_a_rotated_certificate_works_without_a_new_registration(tmp_path: Path) -> None:
    following = self_signed("the next certificate of the flows")
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(origin_authority().pem())
    async with Origin(origin_authority().server_context(["keys.example"])) as origin:
        origin.routes["/jwks"] = reply(json.dumps({"keys": [OWN.jwk()]}).encode())
        own = {"client_id": "own", **SELF_SIGNED, **COMMON, "jwks_uri": origin.url()}
        realm = {"name": "default", "rates": {"failures_per_minute": 0}, "clients": [own]}
        realm["resources"] = [{"identifier": "https://api.example", "scopes": ["write"]}]
        fetcher = Fetcher(ca_file=ca_file, resolver=Names(keys_example=[[PUBLIC]]), dial=Route())
        manifest = json.dumps({"realms": [realm]})
        async with running(manifest, fetcher=fetcher, client_cert_header=HEADER) as server:

            async def ask(certificate: Made) -> httpx.Response:
                headers = {HEADER: quote(certificate.pem)}
                return await server.http.post(
                    "/oauth2/token", data={**CREDENTIALS, "client_id": "own"}, headers=headers
                )

            for _ in range(3):
                assert (await ask(OWN)).status_code == 200
            assert len(origin.requests) == 1
            origin.routes["/jwks"] = reply(json.dumps({"keys": [following.jwk()]}).encode())
            for _ in range(3):
                assert (await ask(following)).status_code == 200
            assert len(origin.requests) == 2, "one refetch"
            refused(await ask(OWN), 401, "invalid_client", "certificate.unknown")
            # Strangers cause no flood of fetches, and an outage lets nobody in.
            for _ in range(5):
                refused(await ask(STRANGER), 401, "invalid_client", "certificate.unknown")
            assert len(origin.requests) == 2
            server.clock.advance(31)
            refused(await ask(STRANGER), 401, "invalid_client", "certificate.unknown")
            assert len(origin.requests) == 3
            origin.routes["/jwks"] = reply(b"", "503 Service Unavailable")
            server.clock.advance(7200)
            refused(await ask(following), 401, "invalid_client", "certificate.unknown")


# --- What operators are told -------------------------------------------------------------------------------------


def test_what_cannot_work_refuses_to_start(tmp_path: Path) -> None:
    (tmp_path / "garbage.pem").write_text("garbage")
    arguments, _ = listener(tmp_path, ask=False)
    serve = ["serve", "--port", str(free_port())]
    told = failed(tmp_path, *serve, *arguments, "--tls-client-ca", "nowhere.pem")
    assert told.startswith("--tls-client-ca nowhere.pem: ")
    told = failed(tmp_path, *serve, *arguments, "--tls-client-ca", "garbage.pem")
    assert told.startswith("--tls-client-ca garbage.pem: ")
    without = run(tmp_path, *serve, "--tls-client-ca", "garbage.pem")
    assert without.returncode == 2
    assert "--tls-client-ca needs --tls-cert and --tls-key" in without.stderr.replace("\n", " ").replace("│", "")


def findings(folder: Path, **settings: str) -> set[tuple[str, str, str]]:
    """What doctor says."""
    told = json.loads(run(folder, "doctor", "--json", **settings).stdout)
    return {(found["level"], found["where"], found["finding"]) for found in told}


def test_doctor_finds_clients_whose_certificates_cannot_count(tmp_path: Path) -> None:
    folder_with_authorities(tmp_path)
    (tmp_path / "manifest.json").write_text(MANIFEST)
    assert run(tmp_path, "apply", "manifest.json").returncode == 0
    nowhere = "needs client certificates, which come with pushgate serve --tls-client-ca alone"
    told = findings(tmp_path)
    assert ("relaxation", "default/bank", nowhere) in told
    assert ("relaxation", "default/own", nowhere) in told
    assert {level for level, _, _ in told} == {"relaxation"}
    behind = {"PUSHGATE_CLIENT_CERT_HEADER": "Client-Cert", "PUSHGATE_TRUSTED_PROXIES": "127.0.0.1"}
    for settings in (behind, {"PUSHGATE_MTLS_BASE_URL": "https://mtls.example"}):
        assert nowhere not in {text for _, _, text in findings(tmp_path, **settings)}
    (tmp_path / "nobody.yaml").write_text("realms: [{name: default, tls_client_ca: null}]")
    assert run(tmp_path, "apply", "nobody.yaml").returncode == 0
    alone = ("problem", "default/bank", "tls_client_auth without anybody who may vouch for it")
    assert alone in findings(tmp_path)
    over = make("Old CA", ca=True, start=-10 * 86_400, end=-86_400)
    (tmp_path / "old.pem").write_text(over.pem)
    (tmp_path / "old.yaml").write_text("realms: [{name: default, tls_client_ca: old.pem}]")
    assert run(tmp_path, "apply", "old.yaml").returncode == 0
    assert ("problem", "default", "tls_client_ca: CN=Old CA has expired") in findings(tmp_path)
