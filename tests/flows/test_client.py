"""`pushgate.client` does the whole job with every method, and lets nobody else's answer through."""

from __future__ import annotations

import dataclasses
import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from pushgate.client import (
    BadAuthorizationResponse,
    BadIdToken,
    BadReply,
    ClientError,
    PushClient,
    Pushed,
    Refused,
    Unreachable,
)
from pushgate.client.errors import printable
from pushgate.client.id_token import left_half
from pushgate.jose.keys import SigningKey
from pushgate.jose.sign import sign_jwt
from pushgate.testing import Browser, Running
from tests.support.live import Live
from tests.support.manifests import APP_SECRET, KEY, PEER_ALGS, PEER_REDIRECT, PEER_SECRET, PEERS, REDIRECT

ISSUER = "http://127.0.0.1:8080"
STRANGER = ECKey.generate_key("P-256", {"kid": "stranger"})
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/oauth2/authorize",
    "token_endpoint": f"{ISSUER}/oauth2/token",
    "pushed_authorization_request_endpoint": f"{ISSUER}/oauth2/par",
}


class Between(httpx.AsyncBaseTransport):
    """Stands between the client and the server: keeps the requests, and may change a JSON reply by its path."""

    def __init__(self, server: Running) -> None:
        self._inner = httpx.ASGITransport(server.app)
        self.seen: list[httpx.Request] = []
        self.changes: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass it on."""
        self.seen.append(request)
        response = await self._inner.handle_async_request(request)
        change = self.changes.get(request.url.path)
        if change is None:
            return response
        return httpx.Response(
            response.status_code, json=change(httpx.Response(200, content=await response.aread()).json())
        )

    def paths(self) -> list[str]:
        """Where the client went."""
        return [request.url.path for request in self.seen]


def app_client(server: Running, http: httpx.AsyncClient | None = None) -> PushClient:
    """The client `app`, on the server's clock."""
    return PushClient(ISSUER, "app", client_secret=APP_SECRET, http=http or server.http, clock=server.clock)


def peer_client(method: str, issuer: str, http: httpx.AsyncClient, clock: Callable[[], float]) -> PushClient:
    """The client that is registered for this method."""
    return PushClient(
        issuer,
        PEERS[method],
        client_secret=PEER_SECRET if method.startswith("client_secret") else None,
        key=KEY if method == "private_key_jwt" else None,
        auth_method=method,
        http=http,
        clock=clock,
    )


async def signed_in(browser: Browser, pushed: Pushed) -> str:
    """Alice signs in and agrees; the URL the browser is sent back to."""
    await browser.open(pushed.authorization_url)
    await browser.sign_in()
    if browser.page is not None:  # unless she agreed before
        await browser.allow()
    assert browser.landed is not None
    return browser.landed


async def whole_flow(client: PushClient, browser: Browser) -> None:
    """Push, exchange, UserInfo, refresh."""
    pushed = await client.push(redirect_uri=PEER_REDIRECT, scope="openid email")
    assert pushed.expires_in == 60
    landed = await signed_in(browser, pushed)
    assert landed.startswith(f"{PEER_REDIRECT}?")

    tokens = await client.exchange(pushed, landed)
    assert tokens.claims is not None
    assert tokens.claims["aud"] == client.client_id
    assert tokens.claims["nonce"] == pushed.nonce
    assert await client.userinfo(tokens) == {"sub": tokens.claims["sub"], "email": "alice@example.com"}

    fresh = await client.refresh(tokens)
    assert fresh.access_token != tokens.access_token
    assert fresh.claims is not None
    assert fresh.claims["sub"] == tokens.claims["sub"]
    assert (await client.userinfo(fresh))["email"] == "alice@example.com"


# --- The way it should go -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", PEERS)
async def test_every_method_goes_from_push_to_refresh(server: Running, method: str) -> None:
    await whole_flow(peer_client(method, ISSUER, server.http, server.clock), server.browser())
    assert {*PEER_ALGS.values()} == {"RS256", "ES256", "PS256", "EdDSA"}, "and with it every algorithm of ID Tokens"


@pytest.mark.parametrize("method", ["client_secret_basic", "private_key_jwt"])
async def test_the_same_over_real_http(live: Live, method: str) -> None:
    async with httpx.AsyncClient() as http, httpx.AsyncClient(base_url=live.url) as screen:
        await whole_flow(peer_client(method, live.url, http, time.time), Browser(screen))


async def test_it_makes_its_own_connections_and_closes_them(live: Live) -> None:
    async with PushClient(live.url, "app", client_secret=APP_SECRET) as client:
        assert (await client.push(redirect_uri=REDIRECT, scope="openid")).expires_in == 60
    with pytest.raises(RuntimeError, match="closed"):
        await client.push(redirect_uri=REDIRECT, scope="openid")


async def test_the_request_goes_to_the_server_and_only_its_reference_to_the_browser(server: Running) -> None:
    pushed = await app_client(server).push(redirect_uri=REDIRECT, scope="openid write", login_hint="alice")
    url = httpx.URL(pushed.authorization_url)
    assert dict(url.params) == {"client_id": "app", "request_uri": pushed.request_uri}


async def test_each_push_makes_everything_afresh(server: Running) -> None:
    client = app_client(server)
    first = await client.push(redirect_uri=REDIRECT, scope="openid")
    second = await client.push(redirect_uri=REDIRECT, scope="openid")
    for name in ("state", "nonce", "code_verifier", "request_uri"):
        assert getattr(first, name) != getattr(second, name)
        assert len(getattr(first, name)) >= 43


async def test_further_parameters_go_by_their_own_names(server: Running) -> None:
    between = Between(server)
    async with httpx.AsyncClient(transport=between) as http:
        await app_client(server, http).push(
            redirect_uri=REDIRECT,
            scope="write",
            resource=["https://api.example", "https://other.example"],
            claims={"userinfo": {"name": None}},
            max_age=0,
            prompt=None,
        )
    sent = httpx.QueryParams(between.seen[-1].content.decode())
    assert sent.get_list("resource") == ["https://api.example", "https://other.example"]
    assert sent["claims"] == '{"userinfo":{"name":null}}'
    assert sent["max_age"] == "0"
    assert "prompt" not in sent
    assert "nonce" not in sent, "a nonce belongs to an ID Token, and none is asked for"


async def test_a_form_post_is_read_as_well(server: Running) -> None:
    client, browser = app_client(server), server.browser()
    pushed = await client.push(redirect_uri=REDIRECT, scope="openid", response_mode="form_post")
    await browser.open(pushed.authorization_url)
    await browser.sign_in()
    await browser.allow()
    assert (await client.exchange(pushed, browser.answer)).claims is not None


async def test_without_openid_there_are_no_claims(server: Running) -> None:
    client, browser = app_client(server), server.browser()
    pushed = await client.push(redirect_uri=REDIRECT, scope="write")
    tokens = await client.exchange(pushed, await signed_in(browser, pushed))
    assert (tokens.claims, tokens.id_token, tokens.scope) == (None, None, "write")
    with pytest.raises(Refused) as refused:
        await client.userinfo(tokens)
    assert (refused.value.error, refused.value.status) == ("insufficient_scope", 403)


async def test_refreshing_can_narrow_the_scope(server: Running) -> None:
    client, browser = app_client(server), server.browser()
    pushed = await client.push(redirect_uri=REDIRECT, scope="openid write read")
    tokens = await client.exchange(pushed, await signed_in(browser, pushed))
    fresh = await client.refresh(tokens, scope="openid write")
    assert fresh.scope == "openid write"
    assert fresh.refresh_token == tokens.refresh_token, "kept: the server rotates only those of public clients"


async def test_new_keys_of_the_server_are_found(server: Running) -> None:
    client, browser = app_client(server), server.browser()
    pushed = await client.push(redirect_uri=REDIRECT, scope="openid")
    await client.exchange(pushed, await signed_in(browser, pushed))
    await server.management.rotate_keys("default", ("ES256",))
    server.clock.advance(1)
    context = await server.server.realm()
    assert context is not None
    fresh = SigningKey("brand-new", "ES256", STRANGER)
    tokens = await exchange_with(server, {}, signed_by=fresh, published=True)
    assert tokens.claims is not None


# --- The server says no -------------------------------------------------------------------------------


async def test_a_refused_push_says_why(server: Running) -> None:
    with pytest.raises(Refused, match="pushed authorization request endpoint refused: invalid_request") as refused:
        await app_client(server).push(redirect_uri="https://evil.example/cb", scope="openid")
    assert (refused.value.error, refused.value.status) == ("invalid_request", 400)
    assert refused.value.description


async def test_a_wrong_secret_says_so_without_showing_it(server: Running) -> None:
    client = PushClient(ISSUER, "app", client_secret="a-wrong-secret-of-22-chars", http=server.http)
    with pytest.raises(Refused) as refused:
        await client.push(redirect_uri=REDIRECT)
    assert (refused.value.error, refused.value.status) == ("invalid_client", 401)
    assert "a-wrong-secret" not in str(refused.value)


async def test_the_user_says_no(server: Running) -> None:
    client, browser = app_client(server), server.browser()
    pushed = await client.push(redirect_uri=REDIRECT, scope="openid")
    await browser.open(pushed.authorization_url)
    await browser.sign_in()
    await browser.deny()
    assert browser.landed is not None
    with pytest.raises(Refused) as refused:
        await client.exchange(pushed, browser.landed)
    assert (refused.value.where, refused.value.error) == ("authorization endpoint", "access_denied")
    assert refused.value.status is None


async def test_a_code_works_once(server: Running) -> None:
    client, browser = app_client(server), server.browser()
    pushed = await client.push(redirect_uri=REDIRECT, scope="openid")
    landed = await signed_in(browser, pushed)
    tokens = await client.exchange(pushed, landed)
    with pytest.raises(Refused) as again:
        await client.exchange(pushed, landed)
    assert (again.value.where, again.value.error) == ("token endpoint", "invalid_grant")
    with pytest.raises(Refused) as revoked:
        await client.userinfo(tokens)
    assert (revoked.value.error, revoked.value.status) == ("invalid_token", 401)


async def test_another_verifier_does_not_redeem_the_code(server: Running) -> None:
    client, browser = app_client(server), server.browser()
    pushed = await client.push(redirect_uri=REDIRECT, scope="openid")
    other = await client.push(redirect_uri=REDIRECT, scope="openid")
    landed = await signed_in(browser, pushed)
    with pytest.raises(Refused) as refused:
        await client.exchange(dataclasses.replace(pushed, code_verifier=other.code_verifier), landed)
    assert refused.value.error == "invalid_grant"


# --- Attacks through the browser ----------------------------------------------------------------------


def edited(landed: str, **changes: str | None) -> str:
    """The URL with parameters changed, or (None) left out."""
    url = httpx.URL(landed)
    params = {**dict(url.params), **changes}
    return str(url.copy_with(params={name: value for name, value in params.items() if value is not None}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state": "somebody-elses-state"}, "state"),
        ({"state": None}, "state"),
        ({"state": ""}, "state"),
        ({"iss": "https://evil.example"}, "issuer"),
        ({"iss": f"{ISSUER}/"}, "issuer"),
        ({"iss": None}, "which server"),
        ({"iss": "https://evil.example", "error": "access_denied", "code": None}, "issuer"),
        ({"state": "wrong", "error": "access_denied", "code": None}, "state"),
        ({"code": None}, "neither a code nor an error"),
    ],
)  # fmt: skip
async def test_an_answer_that_is_not_ours_is_dropped_before_its_code_is_used(
    server: Running, changes: dict[str, str | None], message: str
) -> None:
    between = Between(server)
    async with httpx.AsyncClient(transport=between) as http:
        client, browser = app_client(server, http), server.browser()
        pushed = await client.push(redirect_uri=REDIRECT, scope="openid")
        landed = await signed_in(browser, pushed)
        with pytest.raises(BadAuthorizationResponse, match=message):
            await client.exchange(pushed, edited(landed, **changes))
        assert "/oauth2/token" not in between.paths()
        assert (await client.exchange(pushed, landed)).claims is not None, "and the true answer still works"


async def test_a_parameter_that_is_there_twice_is_dropped(server: Running) -> None:
    client, browser = app_client(server), server.browser()
    pushed = await client.push(redirect_uri=REDIRECT, scope="openid")
    landed = await signed_in(browser, pushed)
    with pytest.raises(BadAuthorizationResponse, match="more than once"):
        await client.exchange(pushed, f"{landed}&code=another")


# --- ID Tokens that prove nothing ---------------------------------------------------------------------


async def exchange_with(
    server: Running,
    changes: Mapping[str, Any],
    *,
    signed_by: SigningKey | None = None,
    published: bool = False,
    token: Callable[[str], str] | None = None,
    **params: Any,
) -> Any:
    """A flow in which the ID Token is the server's, with claims changed and signed anew (None leaves out)."""
    context = await server.server.realm()
    assert context is not None
    key = signed_by or context.keys.signing["RS256"]

    def tampered(reply: dict[str, Any]) -> dict[str, Any]:
        if token is not None:
            return {**reply, "id_token": token(reply["id_token"])}
        claims = {**claims_of(reply["id_token"]), "at_hash": left_half(reply["access_token"], key.alg), **changes}
        kept = {name: value for name, value in claims.items() if value is not None}
        return {**reply, "id_token": sign_jwt(kept, key, "JWT")}

    between = Between(server)
    async with httpx.AsyncClient(transport=between) as http:
        client, browser = app_client(server, http), server.browser()
        pushed = await client.push(redirect_uri=REDIRECT, scope="openid", **params)
        landed = await signed_in(browser, pushed)
        between.changes["/oauth2/token"] = tampered
        if published:
            jwk = {**key.key.as_dict(private=False), "kid": key.kid}
            between.changes["/oauth2/jwks"] = lambda reply: {"keys": [*reply["keys"], jwk]}
        return await client.exchange(pushed, landed)


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a token, unverified."""
    found: dict[str, Any] = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
    return found


async def test_an_id_token_signed_anew_with_nothing_changed_is_accepted(server: Running) -> None:
    assert (await exchange_with(server, {})).claims["sub"]
    assert (await exchange_with(server, {"aud": ["app"], "azp": "app"})).claims["sub"]
    assert (await exchange_with(server, {"aud": ["other", "app"], "azp": "app"})).claims["sub"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"iss": "https://evil.example"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "other"}, "aud"),
        ({"aud": ["other"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": ["app", "other"]}, "azp"),
        ({"azp": "other"}, "azp"),
        ({"sub": None}, "sub"),
        ({"sub": 7}, "sub"),
        ({"nonce": "of-another-request"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"exp": 1}, "exp"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": 1e300}, "exp"),
        ({"iat": None}, "iat"),
        ({"iat": 9_999_999_999}, "iat"),
        ({"at_hash": "of-another-token"}, "at_hash"),
    ],
)  # fmt: skip
async def test_a_wrong_claim_is_refused(server: Running, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadIdToken, match=message):
        await exchange_with(server, changes)


async def test_a_sign_in_that_is_too_old_is_refused(server: Running) -> None:
    long_ago = int(server.clock()) - 3600
    assert (await exchange_with(server, {"auth_time": long_ago}, max_age=7200)).claims["sub"]
    for auth_time in (long_ago, None):
        with pytest.raises(BadIdToken, match="auth_time"):
            await exchange_with(server, {"auth_time": auth_time}, max_age=300)


def without_signature(token: str) -> str:
    """The attacker's cheapest try: `alg` none."""
    return "eyJhbGciOiJub25lIn0." + token.split(".")[1] + "."


def cut(token: str) -> str:
    """The signature of nothing."""
    return token[:-10] + "A" * 10


@pytest.mark.parametrize("forged", [without_signature, cut, lambda t: "no token", lambda t: t.rpartition(".")[0]])
async def test_a_signature_that_does_not_hold_is_refused(server: Running, forged: Callable[[str], str]) -> None:
    with pytest.raises(BadIdToken, match="not validly signed"):
        await exchange_with(server, {}, token=forged)


async def test_a_strangers_key_is_refused(server: Running) -> None:
    with pytest.raises(BadIdToken, match="does not publish"):
        await exchange_with(server, {}, signed_by=SigningKey("stranger", "ES256", STRANGER))


async def test_a_strangers_key_under_the_servers_key_id_is_refused(server: Running) -> None:
    context = await server.server.realm()
    assert context is not None
    kid = context.keys.signing["ES256"].kid
    with pytest.raises(BadIdToken, match="not validly signed"):
        await exchange_with(server, {}, signed_by=SigningKey(kid, "ES256", STRANGER))


async def test_a_public_key_is_no_hmac_secret(server: Running) -> None:
    context = await server.server.realm()
    assert context is not None
    own = context.keys.signing["RS256"]
    header = urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": own.kid}).encode()).rstrip(b"=")

    def forged(token: str) -> str:
        signed = header + b"." + token.split(".")[1].encode()
        mac = hmac.digest(own.key.as_pem(private=False), signed, "sha256")
        return (signed + b"." + urlsafe_b64encode(mac).rstrip(b"=")).decode()

    with pytest.raises(BadIdToken, match="'HS256' is not allowed here"):
        await exchange_with(server, {}, token=forged)


async def test_userinfo_of_somebody_else_is_refused(server: Running) -> None:
    between = Between(server)
    async with httpx.AsyncClient(transport=between) as http:
        client, browser = app_client(server, http), server.browser()
        pushed = await client.push(redirect_uri=REDIRECT, scope="openid")
        tokens = await client.exchange(pushed, await signed_in(browser, pushed))
        between.changes["/oauth2/userinfo"] = lambda claims: {**claims, "sub": "somebody-else"}
        with pytest.raises(BadReply, match="somebody else"):
            await client.userinfo(tokens)


async def test_refreshing_into_another_user_is_refused(server: Running) -> None:
    between = Between(server)
    async with httpx.AsyncClient(transport=between) as http:
        client, browser = app_client(server, http), server.browser()
        pushed = await client.push(redirect_uri=REDIRECT, scope="openid")
        tokens = await client.exchange(pushed, await signed_in(browser, pushed))
        other = dataclasses.replace(tokens, claims={"sub": "somebody-else"})
        with pytest.raises(BadIdToken, match="subject"):
            await client.refresh(other)


# --- Servers that are not what they should be ---------------------------------------------------------


def answering(document: Any, status: int = 200) -> PushClient:
    """A client of a server that answers everything with this."""

    def answer(request: httpx.Request) -> httpx.Response:
        if isinstance(document, bytes):
            return httpx.Response(status, content=document)
        return httpx.Response(status, json=document)

    return PushClient(ISSUER, "app", http=httpx.AsyncClient(transport=httpx.MockTransport(answer)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"issuer": "https://evil.example"}, "issuer"),
        ({"issuer": f"{ISSUER}/"}, "issuer"),
        ({"issuer": None}, "issuer"),
        ({"token_endpoint": None}, "no token_endpoint"),
        ({"pushed_authorization_request_endpoint": None}, "no pushed_authorization_request_endpoint"),
        ({"token_endpoint": "http://as.example/token"}, "token_endpoint that is not an https URL"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint that is not an https URL"),
        ({"jwks_uri": 7}, "jwks_uri that is not an https URL"),
    ],
)  # fmt: skip
async def test_metadata_that_cannot_be_trusted_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadReply, match=message):
        await answering({**METADATA, **changes}).discover()


async def test_an_issuer_with_a_path_is_found_at_either_place(server: Running) -> None:
    await server.apply("realms: [{name: alpha}]")
    found = await PushClient(f"{ISSUER}/realms/alpha", "app", http=server.http).discover()
    assert found.token_endpoint == f"{ISSUER}/realms/alpha/oauth2/token"
    asked: list[str] = []

    def only_rfc8414(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        known = request.url.path == "/.well-known/oauth-authorization-server/tenant"
        return httpx.Response(200, json={**METADATA, "issuer": f"{ISSUER}/tenant"}) if known else httpx.Response(404)

    http = httpx.AsyncClient(transport=httpx.MockTransport(only_rfc8414))
    assert (await PushClient(f"{ISSUER}/tenant", "app", http=http).discover()).iss_promised is False
    assert asked == ["/tenant/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/tenant"]


@pytest.mark.parametrize(("document", "status"), [(b"<html>", 200), (b"<html>", 502), ([1], 200), ({}, 302), ({}, 500)])
async def test_a_reply_that_is_no_reply_is_said_in_one_line(document: Any, status: int) -> None:
    with pytest.raises(BadReply, match=f"metadata document answered {status}"):
        await answering(document, status).discover()


@pytest.mark.parametrize(
    "reply", [{}, {"request_uri": 7, "expires_in": 60}, {"request_uri": "urn:x"}, {"request_uri": "u", "expires_in": 0}]
)  # fmt: skip
async def test_a_push_without_a_usable_reference_is_refused(server: Running, reply: dict[str, Any]) -> None:
    between = Between(server)
    between.changes["/oauth2/par"] = lambda _: reply
    async with httpx.AsyncClient(transport=between) as http:
        with pytest.raises(BadReply, match="pushed authorization request endpoint sent no"):
            await app_client(server, http).push(redirect_uri=REDIRECT, scope="openid")


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": None},
        {"access_token": "line\nbreak"},
        {"token_type": None},
        {"token_type": "DPoP"},
        {"id_token": 7},
        {"id_token": None},
        {"refresh_token": ["a"]},
    ],
)
async def test_a_token_response_that_is_none_is_refused(server: Running, changes: dict[str, Any]) -> None:
    between = Between(server)
    async with httpx.AsyncClient(transport=between) as http:
        client, browser = app_client(server, http), server.browser()
        pushed = await client.push(redirect_uri=REDIRECT, scope="openid")
        landed = await signed_in(browser, pushed)
        kept = lambda reply: {n: v for n, v in {**reply, **changes}.items() if v is not None}  # noqa: E731
        between.changes["/oauth2/token"] = kept
        with pytest.raises(BadReply, match="token endpoint sent"):
            await client.exchange(pushed, landed)


async def test_nobody_there_is_said_in_one_line() -> None:
    def nobody(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    client = PushClient(ISSUER, "app", http=httpx.AsyncClient(transport=httpx.MockTransport(nobody)))
    with pytest.raises(Unreachable, match=r"GET http://127.0.0.1:8080/.* connection refused"):
        await client.push(redirect_uri=REDIRECT)


# --- Using it wrongly, and what it shows --------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        {"issuer": "http://as.example"},
        {"issuer": "as.example"},
        {"auth_method": "client_secret_basic"},
        {"auth_method": "client_secret_jwt"},
        {"auth_method": "private_key_jwt"},
        {"auth_method": "private_key_jwt", "client_secret": "s" * 32},
        {"auth_method": "none", "client_secret": "s" * 32},
        {"auth_method": "tls_client_auth"},
        {"client_secret": "s" * 32, "key": KEY},
    ],
)
def test_credentials_that_do_not_fit_are_a_value_error(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"takes|issuer|not a method"):
        PushClient(arguments.pop("issuer", ISSUER), "app", **arguments)


@pytest.mark.parametrize("name", ["state", "nonce", "code_challenge", "request_uri", "response_type", "client_id"])
async def test_what_the_client_makes_itself_cannot_be_given(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: the client makes this itself"):
        await answering(METADATA).push(redirect_uri=REDIRECT, **{name: "x"})


async def test_no_refresh_token_no_refresh(server: Running) -> None:
    client, browser = app_client(server), server.browser()
    pushed = await client.push(redirect_uri=REDIRECT, scope="openid")
    tokens = await client.exchange(pushed, await signed_in(browser, pushed))
    with pytest.raises(ClientError, match="no refresh token"):
        await client.refresh(dataclasses.replace(tokens, refresh_token=None))


async def test_repr_shows_no_secret(server: Running) -> None:
    client, browser = app_client(server), server.browser()
    pushed = await client.push(redirect_uri=REDIRECT, scope="openid email")
    tokens = await client.exchange(pushed, await signed_in(browser, pushed))
    shown = f"{client!r} {client._authentication!r} {pushed!r} {tokens!r}"
    assert "scope='openid email'" in shown
    for secret in (APP_SECRET, pushed.request_uri, pushed.state, pushed.nonce, pushed.code_verifier):
        assert str(secret) not in shown
    for secret in (tokens.access_token, tokens.id_token, tokens.refresh_token):
        assert str(secret) not in shown


def test_a_servers_text_cannot_command_a_terminal() -> None:
    assert "\x1b" not in str(Refused("token endpoint", "invalid_grant", "\x1b[2J\nfooled"))
    assert len(printable("x" * 10_000)) < 600
