"""Request objects by reference (RFC 9101 5.2): fetched over real TLS from where the client registered, if at all."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from hashlib import sha256
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet

from pushgate.errors import InvalidRequestUri
from pushgate.fetch import Fetcher
from pushgate.manage.manifest import BadManifest
from pushgate.protocol.request_object import referred_to
from pushgate.refusals import REFUSALS
from pushgate.testing import Browser, Running, running
from tests.support.assertions import key, public, signed
from tests.support.encryption import encrypt
from tests.support.manifests import CHALLENGE
from tests.support.steps import AUTHORIZE, PAR, agree, at, post_ask, refused, shown, stored
from tests.unit.fetch_support import PUBLIC, Names, Origin, Route, authority, reply

Serve = Callable[..., AbstractAsyncContextManager[Running]]

HOST = "signer.example"
REDIRECT = "https://signer.example/cb"
CLAIMS = {
    "response_type": "code",
    "redirect_uri": REDIRECT,
    "scope": "openid email",
    "state": "from-the-object",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
SECRET = "a-secret-of-at-least-22-characters"
MEDIA_TYPE = "Content-Type: application/oauth-authz-req+jwt"
REALM: dict[str, Any] = {
    "request_uri_parameter_supported": True,
    "rates": {"fetches_per_minute": 0},
    "users": [{"username": "alice", "password": "alice-password", "claims": {"email": "alice@example.com"}}],
}


def made(client_id: str = "signer", by: str = "p256", **changes: Any) -> str:
    """A request object of this client, but with these claims."""
    claims = {**CLAIMS, "client_id": client_id, "iss": client_id, **changes}
    return signed(claims, by=key(by), typ="oauth-authz-req+jwt")


def client(*uris: str, client_id: str = "signer", **members: Any) -> dict[str, Any]:
    """A client that refers to its request objects at these addresses."""
    own = {"redirect_uris": [REDIRECT], "scope": "openid profile email", "jwks": public("p256")}
    return {"client_id": client_id, "client_secret": SECRET, "request_uris": uris, **own, **members}


def manifest(*clients: dict[str, Any], **realm: Any) -> str:
    """A realm that fetches request objects, but with these members."""
    return json.dumps({"realms": [{"name": "default", **REALM, "clients": clients, **realm}]})


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    """The client's own server, which has one request object."""
    async with Origin(authority().server_context([HOST, "127.0.0.1"])) as found:
        publish(found, made())
        yield found


def publish(origin: Origin, text: str, *headers: str, path: str = "/r", status: str = "200 OK") -> None:
    """Put this text at a path."""
    origin.routes[path] = reply(text.encode(), status, *(headers or (MEDIA_TYPE,)))


def at_origin(origin: Origin, path: str = "/r") -> str:
    """The address of a path at the origin."""
    return origin.url(path, host=HOST)


@pytest.fixture
def serve(tmp_path: Path, origin: Origin) -> Serve:
    """A server whose client `signer` has its request object at the origin."""
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(authority().pem())

    @asynccontextmanager
    async def start(text: str | None = None, **options: Any) -> AsyncIterator[Running]:
        found = {"ca_file": ca_file, "resolver": Names(signer_example=[[PUBLIC]]), "dial": Route()} | options
        async with running(text or manifest(client(at_origin(origin))), fetcher=Fetcher(**found)) as server:
            yield server

    return start


async def visit(server: Running, uri: str, client_id: str = "signer", **beside: str) -> Browser:
    """Bring a reference to the authorization endpoint."""
    return await server.browser().open(AUTHORIZE, params={"client_id": client_id, "request_uri": uri, **beside})


async def bad(server: Running, uri: str, refusal: str, error: str = "invalid_request_uri", **beside: str) -> None:
    """A page says no, and nothing is kept."""
    shown((await visit(server, uri, **beside)).page, 400, error, refusal)
    assert stored(server) == 0


# --- What works ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("JAR-5.2.3-1", "JAR-5-5", "JAR-5-6")
async def test_the_object_is_fetched_and_nothing_beside_it_counts(serve: Serve, origin: Origin) -> None:
    beside = {"scope": "openid profile", "state": "outside", "redirect_uri": "https://evil.example/", "prompt": "none"}
    async with serve() as server:
        browser = await agree(await visit(server, at_origin(origin), **beside))
        assert browser.landed is not None
        assert browser.landed.startswith(REDIRECT)
        assert (browser.answer["state"], "code" in browser.answer) == ("from-the-object", True)
    [(path, headers)] = origin.requests
    assert (path, headers["accept"]) == ("/r", "application/oauth-authz-req+jwt, application/jwt")


@pytest.mark.requirement("JAR-5.2.3-1", "JAR-6.1-1")
async def test_signed_then_encrypted(serve: Serve, origin: Origin) -> None:
    async with serve() as server:
        keys = (await server.http.get("/oauth2/jwks")).json()
        publish(origin, encrypt(made(), jwk_keys=keys, alg="RSA-OAEP-256", enc="A256GCM"))
        assert "code" in (await agree(await visit(server, at_origin(origin)))).answer


@pytest.mark.requirement("JAR-10.4.1-2")
@pytest.mark.parametrize(
    "media_type",
    ["application/oauth-authz-req+jwt", "Application/OAuth-Authz-Req+JWT; charset=us-ascii", "application/jwt"],
)
async def test_media_types_that_are_taken(serve: Serve, origin: Origin, media_type: str) -> None:
    publish(origin, made() + "\n", f"Content-Type: {media_type}")
    async with serve() as server:
        assert at(await visit(server, at_origin(origin)), "login")


async def test_after_the_first_opening_nothing_is_fetched_again(serve: Serve, origin: Origin) -> None:
    """The request is stored as one that was pushed: pages can be reloaded, and a form is sent on to its own URN."""
    async with serve() as server:
        browser = await visit(server, at_origin(origin))
        publish(origin, "gone", status="404 Not Found")
        assert browser.page is not None
        await browser.open(str(browser.page.url))
        assert "code" in (await agree(browser)).answer
        assert len(origin.requests) == 1
        publish(origin, made())
        posted = await post_ask(server.browser(), {"client_id": "signer", "request_uri": at_origin(origin)})
        assert at(posted, "login")
        assert len(origin.requests) == 2


async def test_each_opening_fetches_what_is_there_now(serve: Serve, origin: Origin) -> None:
    async with serve() as server:
        await visit(server, at_origin(origin))
        publish(origin, made(state="second"))
        assert (await agree(await visit(server, at_origin(origin)))).answer["state"] == "second"


async def test_the_switch_for_objects_in_the_request_is_another_one(serve: Serve, origin: Origin) -> None:
    text = manifest(client(at_origin(origin)), request_parameter_supported=False)
    async with serve(text) as server:
        assert at(await visit(server, at_origin(origin)), "login")
        document = (await server.http.get("/.well-known/oauth-authorization-server")).json()
        assert document["request_parameter_supported"] is False
        assert "ES256" in document["request_object_signing_alg_values_supported"]


async def test_it_satisfies_a_client_that_must_sign(serve: Serve, origin: Origin) -> None:
    async with serve(manifest(client(at_origin(origin), require_signed_request_object=True))) as server:
        assert "code" in (await agree(await visit(server, at_origin(origin)))).answer


async def test_a_fragment_is_the_hash_of_what_is_there(serve: Serve, origin: Origin) -> None:
    """OpenID Connect Core 6.2: the server can tell when the contents changed."""
    text = made()
    digest = urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode()
    uri = f"{at_origin(origin)}#{digest}"
    publish(origin, text)
    async with serve(manifest(client(uri))) as server:
        assert at(await visit(server, uri), "login")
        assert origin.requests[0][0] == "/r"
    async with serve(manifest(client(uri))) as server:
        for other in (made(state="another"), text + "\n"):
            publish(origin, other)
            await bad(server, uri, "authorize.request_uri_content")
        await bad(server, at_origin(origin), "authorize.request_uri_unregistered")


# --- Where it is not fetched from -----------------------------------------------------------------------------


@pytest.mark.requirement("JAR-7-2", "META-OIDD-4")
async def test_off_by_default(serve: Serve, origin: Origin) -> None:
    realm = {"name": "default", "clients": [client(at_origin(origin))]}
    async with serve(json.dumps({"realms": [realm]})) as server:
        await bad(server, at_origin(origin), "authorize.request_uri_unsupported", "request_uri_not_supported")
        document = (await server.http.get("/.well-known/openid-configuration")).json()
        assert document["request_uri_parameter_supported"] is False
        pushed = await server.http.post(PAR, auth=("signer", SECRET), data={"request": made()})
        assert at(await visit(server, pushed.json()["request_uri"]), "login")
    assert origin.connections == 0


@pytest.mark.requirement("META-OIDD-4", "REG-OIDC-2-7")
async def test_the_metadata_say_that_it_is_on_and_needs_registration(serve: Serve) -> None:
    async with serve() as server:
        document = (await server.http.get("/.well-known/openid-configuration")).json()
        assert document["request_uri_parameter_supported"] is True
        assert document["require_request_uri_registration"] is True


@pytest.mark.requirement("JAR-10.4.1-1", "REG-OIDC-2-7")
async def test_only_what_is_registered_exactly(serve: Serve, origin: Origin, subtests: pytest.Subtests) -> None:
    uri = at_origin(origin)
    lookalikes = [
        f"{uri}/", f"{uri}?", f"{uri}?x=1", f"{uri}#", f"{uri}#{'A' * 43}", f"{uri}.jwt", f"{uri}%20", f" {uri}",
        uri.replace("/r", "/R"), uri.replace("/r", "//r"), uri.replace("/r", "/x/../r"), uri.replace("/r", "/%72"),
        uri.replace(HOST, HOST.upper()), uri.replace(HOST, f"evil@{HOST}"), uri.replace(HOST, f"{HOST}."),
        uri.replace(HOST, f"{HOST}.evil.example"), uri.replace(HOST, "evil.example"), "https://signer.example/r",
    ]  # fmt: skip
    async with serve(manifest(client(uri), client(client_id="other"))) as server:
        for lookalike in lookalikes:
            with subtests.test(lookalike):
                foreign = lookalike.startswith(" ")
                refusal = "authorize.request_uri_foreign" if foreign else "authorize.request_uri_unregistered"
                await bad(server, lookalike, refusal)
        shown(
            (await visit(server, uri, "other")).page, 400, "invalid_request_uri", "authorize.request_uri_unregistered"
        )
        assert origin.connections == 0


@pytest.mark.requirement("JAR-5.2-1", "JAR-5.2-2", "JAR-5.2-4")
@pytest.mark.parametrize(
    "uri", ["http://signer.example/r", "file:///etc/passwd", "data:,x", "ftp://x/", "gopher://x/", "urn:example:x"]
)
async def test_schemes_that_are_never_fetched(serve: Serve, uri: str) -> None:
    async with serve() as server:
        await bad(server, uri, "authorize.request_uri_foreign")
        await bad(server, "https://signer.example/".ljust(513, "x"), "authorize.request_uri_unregistered")


PRIVATE = ["127.0.0.1", "[::1]", "169.254.169.254", "10.0.0.1", HOST]


@pytest.mark.requirement("JAR-10.4.1-1")
@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "fd00::1", "169.254.169.254"])
async def test_a_private_address_is_not_connected_to(
    serve: Serve, origin: Origin, subtests: pytest.Subtests, address: str
) -> None:
    uris = [origin.url("/r", host=host) for host in PRIVATE]
    route = Route()
    async with serve(manifest(client(*uris)), dial=route, resolver=Names(signer_example=[[address]])) as server:
        for uri in uris:
            with subtests.test(uri):
                await bad(server, uri, "authorize.request_uri_fetch")
    assert (route.dialled, origin.connections) == ([], 0)


async def test_a_reference_is_never_pushed(serve: Serve, origin: Origin) -> None:
    async with serve() as server:
        reply = await server.http.post(PAR, auth=("signer", SECRET), data={"request_uri": at_origin(origin)})
        refused(reply, 400, "invalid_request", "par.request_uri_present")
    assert origin.connections == 0


@pytest.mark.requirement("JAR-5-1", "JAR-5-2")
async def test_beside_an_object_or_without_a_client(serve: Serve, origin: Origin) -> None:
    async with serve() as server:
        uri = at_origin(origin)
        await bad(server, uri, "authorize.request_and_request_uri", "invalid_request", request=made())
        alone = await server.browser().open(AUTHORIZE, params={"request_uri": uri})
        shown(alone.page, 400, "invalid_request", "authorize.client_id_missing")
    assert origin.connections == 0


async def test_a_client_that_must_push_gets_nothing_fetched(serve: Serve, origin: Origin) -> None:
    text = manifest(client(at_origin(origin), require_pushed_authorization_requests=True))
    async with serve(text) as server:
        browser = await visit(server, at_origin(origin), redirect_uri=REDIRECT, response_type="code")
        assert browser.landed is not None
        assert browser.landed.startswith(REDIRECT)
        assert browser.answer["error_description"] == REFUSALS["request.par_required"].description
    assert origin.connections == 0


@pytest.mark.parametrize("profile", ["fapi2-security", "fapi2-message-signing"])
async def test_never_under_fapi(serve: Serve, origin: Origin, profile: str) -> None:
    strict = {"profile": profile, "token_endpoint_auth_method": "private_key_jwt", "dpop_bound_access_tokens": True}
    modes = {"id_token_signed_response_alg": "ES256", "authorization_signed_response_alg": "ES256"}
    bank = {k: v for k, v in client(**strict, **modes).items() if k != "client_secret"}
    async with serve() as server:
        with pytest.raises(BadManifest, match=f"request_uri_parameter_supported: the profile {profile} takes pushed"):
            await server.apply(manifest(profile=profile))
        with pytest.raises(BadManifest, match=r"request_uris: the profile .* takes pushed requests alone"):
            await server.apply(manifest({**bank, "request_uris": [at_origin(origin)]}))
        await server.apply(manifest(bank))
        browser = await visit(server, at_origin(origin), redirect_uri=REDIRECT, response_type="code")
        assert browser.landed is not None
        assert browser.landed.startswith(REDIRECT)
        told = browser.answer
        if "response" in told:  # message signing
            keys = KeySet.import_key_set((await server.http.get("/oauth2/jwks")).json())
            told = jwt.decode(told["response"], keys, algorithms=["ES256"]).claims
        assert told["error_description"] == REFUSALS["request.par_required"].description
        assert stored(server) == 0
    assert origin.connections == 0


async def test_not_where_everybody_has_to_push(serve: Serve) -> None:
    async with serve() as server:
        with pytest.raises(BadManifest, match=r"cannot be on while pushed_authorization_requests\.required is on"):
            await server.apply(manifest(pushed_authorization_requests={"required": True}))


WRONG_URIS = {
    "http": ("http://signer.example/r", r"request_uris\[0\]: must be an https URL"),
    "loopback": ("http://127.0.0.1/r", r"request_uris\[0\]: must be an https URL"),
    "userinfo": ("https://a@signer.example/r", r"request_uris\[0\]: must be an https URL"),
    "capitals": ("HTTPS://signer.example/r", r"request_uris\[0\]: must be an https URL"),
    "relative": ("/r", r"request_uris\[0\]: must be an https URL"),
    "fragment": ("https://signer.example/r#part", r"request_uris\[0\]: has a fragment that is not the base64url"),
    "empty fragment": ("https://signer.example/r#", r"request_uris\[0\]: has a fragment that is not the base64url"),
    "long": ("https://signer.example/".ljust(513, "x"), r"request_uris\[0\]: is longer than 512 characters"),
}


@pytest.mark.requirement("REG-OIDC-2-7", "JAR-5.2-4")
@pytest.mark.parametrize(("uri", "reason"), WRONG_URIS.values(), ids=WRONG_URIS)
async def test_what_cannot_be_registered(serve: Serve, uri: str, reason: str) -> None:
    async with serve() as server:
        with pytest.raises(BadManifest, match=reason):
            await server.apply(manifest(client(uri)))


async def test_what_can_be_registered(serve: Serve) -> None:
    uris = ["https://signer.example/".ljust(512, "x"), f"https://signer.example/r#{'A' * 43}", "https://a.example/r?x"]
    async with serve() as server:
        await server.apply(manifest(client(*uris)))
        with pytest.raises(BadManifest, match="request_uris: at most 50 can be registered"):
            await server.apply(manifest(client(*(f"https://signer.example/{number}" for number in range(51)))))
        with pytest.raises(BadManifest, match="jwks: signed request objects need jwks or jwks_uri"):
            await server.apply(manifest(client(*uris, jwks=None)))


# --- What is fetched and not taken ----------------------------------------------------------------------------


@pytest.mark.requirement("JAR-8-1")
async def test_a_certificate_of_another_name_or_authority(serve: Serve, origin: Origin) -> None:
    uri = origin.url("/r", host="other.example")
    elsewhere = serve(manifest(client(uri)), resolver=Names(other_example=[[PUBLIC]]))
    for starting, where in ((elsewhere, uri), (serve(ca_file=None), at_origin(origin))):
        async with starting as server:
            await bad(server, where, "authorize.request_uri_fetch")
            [event] = await server.audit("request_refused")
            assert event["detail"].startswith("tls: ")
    assert origin.requests == []


@pytest.mark.requirement("JAR-10.4.1-4")
@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect"])
async def test_a_redirect_is_not_followed(serve: Serve, origin: Origin, status: str) -> None:
    publish(origin, made(), path="/elsewhere")
    publish(origin, made(), MEDIA_TYPE, f"Location: {at_origin(origin, '/elsewhere')}", status=status)
    async with serve() as server:
        await bad(server, at_origin(origin), "authorize.request_uri_fetch")
    assert [path for path, _ in origin.requests] == ["/r"]


@pytest.mark.requirement("JAR-10.4.1-4", "JAR-4-3")
async def test_an_object_that_refers_to_another_one(serve: Serve, origin: Origin) -> None:
    publish(origin, made(request_uri=at_origin(origin, "/elsewhere")))
    async with serve() as server:
        await bad(server, at_origin(origin), "request_object.nested", "invalid_request_object")
    assert [path for path, _ in origin.requests] == ["/r"]


@pytest.mark.requirement("JAR-10.4.1-3")
async def test_too_large(serve: Serve, origin: Origin) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{MEDIA_TYPE}\r\n\r\n".encode())
        while True:
            writer.write(b"a" * 4096)
            await writer.drain()

    async with serve() as server:
        for answer in (reply(made(padding="x" * 65_536).encode(), "200 OK", MEDIA_TYPE), endless):
            origin.routes["/r"] = answer
            await bad(server, at_origin(origin), "authorize.request_uri_fetch")


@pytest.mark.requirement("JAR-10.4.1-3")
async def test_a_slow_server_holds_up_no_key_set(serve: Serve, origin: Origin) -> None:
    """However many browsers wait for it, and although the server has slots for so many fetches only."""
    never = asyncio.Event()

    async def hang(writer: asyncio.StreamWriter) -> None:
        await never.wait()

    origin.routes["/r"] = hang
    origin.routes["/jwks"] = reply(json.dumps(public("p256")).encode())
    assertion = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": at_origin(origin, "/jwks")}
    key_client = {**client(client_id="keys"), **assertion, "jwks": None, "client_secret": None}
    async with serve(manifest(client(at_origin(origin)), key_client), timeout=30, concurrency=4) as server:
        waiting = [asyncio.create_task(bad(server, at_origin(origin), "authorize.request_uri_fetch")) for _ in range(5)]
        await origin.asked.wait()
        now = int(server.clock())
        claims = {"iss": "keys", "sub": "keys", "aud": server.server.base_url, "exp": now + 60, "jti": "1"}
        form = {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": signed(claims, by=key("p256")), "request": made("keys"),
        }  # fmt: skip
        assert (await server.http.post(PAR, data=form)).status_code == 201
        assert not any(task.done() for task in waiting)
        assert origin.peak <= 3
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    async with serve(timeout=0.2) as server:
        await bad(server, at_origin(origin), "authorize.request_uri_fetch")


@pytest.mark.requirement("JAR-10.4.1-2")
@pytest.mark.parametrize(
    "headers", [("Content-Type: text/html",), ("Content-Type: application/json",), ("Content-Type: text/plain",),
                ("Content-Type: application/jwtx",), ("X-Nothing: x",)]
)  # fmt: skip
async def test_a_wrong_media_type(serve: Serve, origin: Origin, headers: tuple[str, ...]) -> None:
    publish(origin, made(), *headers)
    async with serve() as server:
        await bad(server, at_origin(origin), "authorize.request_uri_fetch")


CONTENTS = {
    "page": "<html><body>Sign in</body></html>",
    "claims": json.dumps({**CLAIMS, "client_id": "signer"}),
    "empty": "",
    "blank": " \n",
    "two parts": "e30.e30",
    "four parts": "e30.e30.e30.e30",
    "two objects": f"{made()}\n{made()}",
    "quoted": json.dumps(made()),
    "form": f"request={made()}",
}


@pytest.mark.requirement("JAR-5.2-3")
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
async def test_what_is_no_request_object(serve: Serve, origin: Origin, content: str) -> None:
    publish(origin, content)
    async with serve() as server:
        await bad(server, at_origin(origin), "authorize.request_uri_content")


@pytest.mark.requirement("JAR-5.2-3")
@pytest.mark.parametrize("status", ["404 Not Found", "500 Internal Server Error", "405 Method Not Allowed", "204 None"])
async def test_an_answer_that_is_no_success(serve: Serve, origin: Origin, status: str) -> None:
    publish(origin, made(), status=status)
    async with serve() as server:
        await bad(server, at_origin(origin), "authorize.request_uri_fetch")


async def test_text_that_is_not_ascii(serve: Serve, origin: Origin) -> None:
    publish(origin, "é.é.é")
    async with serve() as server:
        await bad(server, at_origin(origin), "authorize.request_uri_fetch")


JWTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "key": ({"by": "p256-second"}, "invalid_request_object", "request_object.key"),
    "client": ({"client_id": "other"}, "invalid_request", "request_object.client_id"),
    "audience": ({"aud": "https://other.example"}, "invalid_request_object", "request_object.aud"),
    "expired": ({"exp": 1}, "invalid_request_object", "request_object.exp"),
    "type": ({"redirect_uri": [REDIRECT]}, "invalid_request_object", "request_object.type"),
    "redirect": ({"redirect_uri": "https://evil.example/"}, "invalid_request", "request.redirect_uri_mismatch"),
}


@pytest.mark.requirement("JAR-5.2.3-1", "JAR-6.3-1")
@pytest.mark.parametrize(("changes", "error", "refusal"), JWTS.values(), ids=JWTS)
async def test_an_object_is_held_to_the_same_rules_as_in_request(
    serve: Serve, origin: Origin, changes: dict[str, Any], error: str, refusal: str
) -> None:
    publish(origin, made(**changes))
    async with serve() as server:
        await bad(server, at_origin(origin), refusal, error)


@pytest.mark.requirement("JAR-5-3", "JAR-6.2-1")
async def test_an_object_that_nobody_signed(serve: Serve, origin: Origin) -> None:
    head, payload, signature = made().split(".")
    none = urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    async with serve() as server:
        for text in (f"{none}.{payload}.", f"{none}.{payload}.{signature}"):
            publish(origin, text)
            await bad(server, at_origin(origin), "request_object.alg", "invalid_request_object")
        other = made(state="another").split(".")[1]
        publish(origin, f"{head}.{other}.{signature}")
        await bad(server, at_origin(origin), "request_object.signature", "invalid_request_object")


async def test_nobody_learns_why(serve: Serve, origin: Origin) -> None:
    """What is at an address does not come out in the page; the log has the reason."""
    pages = []
    async with serve(resolver=Names(signer_example=[["10.0.0.1"]])) as server:
        pages.append((await visit(server, at_origin(origin))).page)
    publish(origin, "a secret of the neighbourhood", status="500 Oops")
    async with serve() as server:
        pages.append((await visit(server, at_origin(origin))).page)
        [event] = await server.audit("request_refused")
        assert (event["refusal"], event["detail"]) == ("authorize.request_uri_fetch", "status: status 500")
    for page in pages:
        shown(page, 400, "invalid_request_uri", "authorize.request_uri_fetch")
        assert page is not None
        assert "10.0.0.1" not in page.text
        assert "neighbourhood" not in page.text


async def test_browsers_cannot_flood_the_host_of_a_client(serve: Serve, origin: Origin) -> None:
    both = [client(at_origin(origin)), client(at_origin(origin), client_id="other")]
    async with serve(manifest(*both, rates={"fetches_per_minute": 3})) as server:
        for _ in range(3):
            await bad(server, at_origin(origin, "/x"), "authorize.request_uri_unregistered")
        for _ in range(3):
            assert at(await visit(server, at_origin(origin)), "login")
        limited = (await visit(server, at_origin(origin))).page
        shown(limited, 429, "temporarily_unavailable", "http.rate")
        assert limited is not None
        assert limited.headers["retry-after"] == "20"
        assert len(origin.requests) == 3
        await visit(server, at_origin(origin), "other")
        assert len(origin.requests) == 4
        server.clock.advance(20)
        assert at(await visit(server, at_origin(origin)), "login")


BASE64URL = set(ascii_letters + digits + "-_")


@given(st.text("ab-_.=\n 0", max_size=20) | st.text(st.characters(max_codepoint=127)))
@example("a.b.c")
@example("a..")
@example(" a.b.c.d.e\r\n")
@example("a.b.c\v")
@example(".b.c")
def test_text_has_the_form_of_a_jwt_or_is_refused(text: str) -> None:
    value = text.strip(" \t\r\n")
    parts = value.split(".")
    if len(parts) in (3, 5) and parts[0] and all(set(part) <= BASE64URL for part in parts):
        assert referred_to(text, "") == value
    else:
        with pytest.raises(InvalidRequestUri):
            referred_to(text, "")
    with pytest.raises(InvalidRequestUri):
        referred_to(text, "A" * 43)


# --- At the push ------------------------------------------------------------------------------------------------


async def push(server: Running, uri: str, **beside: str) -> Any:
    """Push a reference to a request object."""
    form = {"client_id": "signer", "request_uri": uri, **beside}
    return await server.http.post(PAR, data=form, auth=("signer", SECRET))


async def test_one_product_lets_clients_push_a_reference(serve: Serve, origin: Origin) -> None:
    at = at_origin(origin)
    publish(origin, made(state="of-eight", nonce="of-eight"))
    async with serve(manifest(client(at), dialect="ibm-verify")) as server:
        reply = await push(server, at)
        assert reply.status_code == 201
        browser = await agree(await visit(server, reply.json()["request_uri"]))
        assert browser.answer["state"] == "of-eight"
        assert len(origin.requests) == 1, "what was fetched at the push is not fetched again"
        refused(await push(server, at_origin(origin, "/other")), 400, "invalid_request_uri",
                "authorize.request_uri_unregistered")  # fmt: skip
        refused(await push(server, at.replace("https", "http")), 400, "invalid_request_uri",
                "authorize.request_uri_foreign")  # fmt: skip
        refused(await push(server, at, request=made()), 400, "invalid_request", "par.request_uri_present")
    for dialect, more in (("ibm-verify", {"request_uri_parameter_supported": False}), ("rfc9126", {}), ("wso2", {})):
        async with serve(manifest(client(at), dialect=dialect, **more)) as server:
            reply = await push(server, at)
            assert reply.status_code == 400
            wanted = "request_uri_not_supported" if dialect == "ibm-verify" else "invalid_request"
            assert reply.json()["error"] == wanted
            assert stored(server) == 0
