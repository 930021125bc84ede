"""The token endpoint: who may call it and how, and the exchange of a code."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from urllib.parse import quote_plus

import pytest

from pushgate.errors import OAuthError
from pushgate.protocol.client_auth import find_credential
from pushgate.protocol.params import Params
from pushgate.testing import Running
from tests.support.manifests import APP, APP_SECRET, HMAC_SECRET, POST_SECRET, REDIRECT, REQUEST, VERIFIER
from tests.support.steps import (
    FORM,
    PAR,
    SPA,
    TOKEN,
    answered,
    but,
    code_for,
    post_as,
    redeem,
    refresh,
    refused,
    stored,
    tokens_for,
    userinfo,
    verified,
)

CREDENTIALS = {"grant_type": "client_credentials", "scope": "write"}
ENDPOINTS = pytest.mark.parametrize("path", [TOKEN, PAR])
"""Client authentication is the same at both."""


def basic(client_id: str, secret: str) -> dict[str, str]:
    """An Authorization header, encoded as RFC 6749 2.3.1 says."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def one_client(client_id: str, secret: str, **more: str) -> str:
    """A manifest with one more client."""
    members = "".join(f"\n        {name}: {value}" for name, value in more.items())
    return f"""
realms:
  - name: default
    clients:
      - client_id: {client_id!r}
        client_secret: {secret!r}
        grant_types: [client_credentials]
        scope: write{members}
"""


# --- HTTP -----------------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-3.2-1", "OA-5.2-1")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
async def test_the_token_endpoint_takes_post_alone(server: Running, method: str) -> None:
    reply = await server.http.request(method, TOKEN, auth=APP, params=CREDENTIALS)
    assert (reply.status_code, reply.headers["pushgate-refusal"]) == (405, "http.method")
    assert reply.headers["allow"] == "POST"
    if method != "HEAD":
        refused(reply, 405, "invalid_request", "http.method")


@pytest.mark.requirement("OA-3.2-1")
@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", "application/x-www-form", ""]
)
async def test_the_token_endpoint_takes_forms_alone(server: Running, content_type: str) -> None:
    body = b'{"grant_type": "client_credentials"}'
    reply = await server.http.post(TOKEN, auth=APP, content=body, headers={"content-type": content_type})
    refused(reply, 415, "invalid_request", "http.content_type")


@pytest.mark.requirement("OA-3.2-1")
async def test_the_token_endpoint_reads_nothing_from_the_url(server: Running) -> None:
    reply = await server.http.post(TOKEN, auth=APP, params=CREDENTIALS)
    refused(reply, 400, "invalid_request", "token.grant_type_missing")


@pytest.mark.requirement("OA-5.2-1")
@pytest.mark.parametrize(
    ("body", "status", "refusal"),
    [
        (b"grant_type=%ff", 400, "http.form"),
        (b"grant_type=\xff", 400, "http.form"),
        (b"&".join(b"p%d=1" % number for number in range(201)), 400, "http.too_many_parameters"),
        (b"grant_type=" + b"x" * 65_536, 413, "http.body_size"),
    ],
)
async def test_a_body_that_is_no_usable_form_is_refused_in_json(
    server: Running, body: bytes, status: int, refusal: str
) -> None:
    reply = await server.http.post(TOKEN, auth=APP, content=body, headers=FORM)
    refused(reply, status, "invalid_request", refusal)


async def test_an_unknown_address_is_refused_in_json(server: Running) -> None:
    for path in ("/oauth2/nothing", "/realms/nowhere/oauth2/token", "/realms/default/oauth2/token", "/realms/A/"):
        refused(await server.http.post(path, auth=APP, data=CREDENTIALS), 404, "invalid_request", "http.not_found")


@pytest.mark.requirement("OA-3.1-5")
async def test_the_token_endpoint_ignores_what_it_does_not_know(server: Running) -> None:
    reply = await post_as(server, "app", TOKEN, CREDENTIALS | {"foo": "bar", "response_type": "code", "tenant": "x"})
    assert reply.status_code == 200


# --- Client authentication ----------------------------------------------------------------------------------


@pytest.mark.requirement("OA-2.3-1")
@ENDPOINTS
@pytest.mark.parametrize(
    "second",
    [
        {"client_secret": APP_SECRET},
        {"client_secret": "wrong"},
        {"client_id": "app", "client_secret": APP_SECRET},
        {"client_assertion": "e30.e30.e30"},
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
    ],
)
async def test_two_credentials_are_one_too_many(server: Running, path: str, second: dict[str, str]) -> None:
    form = {**REQUEST, **CREDENTIALS, **second}
    refused(await server.http.post(path, auth=APP, data=form), 400, "invalid_request", "client.two_methods")
    assert stored(server) == 0


@pytest.mark.requirement("OA-2.3-1")
@ENDPOINTS
async def test_two_credentials_without_basic(server: Running, path: str) -> None:
    form = {
        **REQUEST,
        **CREDENTIALS,
        "client_id": "post",
        "client_secret": POST_SECRET,
        "client_assertion": "e30.e30.x",
    }
    refused(await server.http.post(path, data=form), 400, "invalid_request", "client.two_methods")


@pytest.mark.requirement("OA-2.3-1")
def test_two_basic_headers_are_two_credentials() -> None:
    header = basic(*APP)["authorization"]
    with pytest.raises(OAuthError) as caught:
        find_credential([header, header], Params())
    assert (caught.value.code, caught.value.refusal.id) == ("invalid_request", "client.two_methods")


SECRETS = {
    "colon": "colon:in:the:middle:of:it",
    "colon first": ":colon-first-and-last-in-it:",
    "percent": "100%-sure-%41-is-not-an-A%",
    "plus": "plus+plus+is+not+a+space+",
    "space": "a secret of several words  ",
    "non-ascii": "Größe-ключ-鍵-🔑-0123456789",
    "form syntax": "a=b&c=d;e?f#g/h-0123456789",
    "quotes": "\"double\" 'single' \\back\\slash",
    "high and low": "\u00ff\u0100\u07ff\u0800\uffdc-0123456789-abcdef",
}


@pytest.mark.requirement("OA-2.3.1-1")
@ENDPOINTS
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
async def test_basic_is_form_decoded_after_base64(server: Running, path: str, secret: str) -> None:
    quoted = '"' + secret.replace("\\", "\\\\").replace('"', '\\"') + '"'
    manifest = one_client("odd", APP_SECRET, redirect_uris=f"[{REDIRECT}]", response_types="[code]")
    manifest = manifest.replace("[client_credentials]", "[client_credentials, authorization_code]")
    await server.apply(manifest.replace(f"{APP_SECRET!r}", quoted))
    form = CREDENTIALS if path == TOKEN else but(REQUEST, scope="write")
    reply = await server.http.post(path, headers=basic("odd", secret), data=form)
    assert reply.status_code == (200 if path == TOKEN else 201), reply.text
    for wrong in (secret[:-1], secret + " ", secret.swapcase() + "x", quote_plus(secret) + "%"):
        reply = await server.http.post(path, headers=basic("odd", wrong), data=form)
        refused(reply, 401, "invalid_client", "client.authentication")


@pytest.mark.requirement("OA-2.3.1-1")
@pytest.mark.parametrize("client_id", ["urn:client:1", "a%2Fb", "a+b", "https://rp.example/?a=b&c", "%"])
async def test_the_client_id_is_form_decoded_too(server: Running, client_id: str) -> None:
    await server.apply(one_client(client_id, APP_SECRET))
    reply = await server.http.post(TOKEN, headers=basic(client_id, APP_SECRET), data=CREDENTIALS)
    assert reply.status_code == 200
    assert (await verified(server, reply.json()["access_token"], "ES256"))["client_id"] == client_id


@pytest.mark.requirement("OA-2.3.1-1", "OA-5.2-2")
@ENDPOINTS
@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic YXBw",
        "Basic OnNlY3JldA==",
        "Basic " + b64encode(b"app:%ff").decode(),
        "Basic " + b64encode(b"app:\xff").decode(),
        "Basic " + b64encode(f"app:{APP_SECRET}".encode()).decode() + " x",
        "BasicYXBwOnNlY3JldA==",
    ],
)
async def test_a_malformed_basic_header(server: Running, path: str, header: str) -> None:
    reply = await server.http.post(path, headers={"authorization": header}, data={**REQUEST, **CREDENTIALS})
    refused(reply, 401, "invalid_client", "client.basic_malformed")
    assert reply.headers["www-authenticate"].startswith("Basic ")


async def test_the_scheme_is_case_insensitive(server: Running) -> None:
    header = basic(*APP)["authorization"].replace("Basic", "bAsIc")
    reply = await server.http.post(TOKEN, headers={"authorization": header}, data=CREDENTIALS)
    assert reply.status_code == 200


@pytest.mark.requirement("OA-2.3.1-2")
@ENDPOINTS
async def test_a_secret_in_the_body_is_for_clients_that_registered_it(server: Running, path: str) -> None:
    form = {**REQUEST, **CREDENTIALS}
    body = {"client_id": "app", "client_secret": APP_SECRET}
    refused(await server.http.post(path, data=form | body), 401, "invalid_client", "client.method")
    reply = await server.http.post(path, headers=basic("post", POST_SECRET), data=form)
    refused(reply, 401, "invalid_client", "client.method")
    reply = await server.http.post(path, headers=basic("hmac", HMAC_SECRET), data=form)
    refused(reply, 401, "invalid_client", "client.method")
    assert stored(server) == 0


@pytest.mark.requirement("OA-2.3.1-2")
async def test_a_secret_in_the_body_works_where_it_is_registered(server: Running) -> None:
    body = {"client_id": "post", "client_secret": POST_SECRET}
    request = but(REQUEST, redirect_uri="https://post.example/cb", scope="openid")
    pushed = await server.http.post(PAR, data=body | request)
    assert pushed.status_code == 201
    code = (await answered(server, request, "post")).answer["code"]
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
    reply = await server.http.post(TOKEN, data=body | form | {"redirect_uri": request["redirect_uri"]})
    assert reply.status_code == 200
    wrong = body | {"client_secret": POST_SECRET + "x"}
    refused(await server.http.post(TOKEN, data=wrong | form), 401, "invalid_client", "client.authentication")


@pytest.mark.requirement("OA-2.3.1-3")
@ENDPOINTS
async def test_a_credential_in_the_url_is_no_credential(server: Running, path: str) -> None:
    for client_id, secret in (APP, ("post", POST_SECRET)):
        params = {"client_id": client_id, "client_secret": secret, **REQUEST, **CREDENTIALS}
        for data in ({}, CREDENTIALS):
            reply = await server.http.post(path, params=params, data=data)
            refused(reply, 401, "invalid_client", "client.missing")
        reply = await server.http.post(path, params=params, data={"client_id": client_id, **CREDENTIALS})
        refused(reply, 401, "invalid_client", "client.authentication")


@pytest.mark.requirement("OA-2.2-1", "OA-3.2.1-1", "OA-5.2-2")
@ENDPOINTS
@pytest.mark.parametrize("client_id", ["app", "post", "hmac", "jwt", "nobody"])
async def test_a_client_id_alone_authenticates_nobody_who_has_a_credential(
    server: Running, path: str, client_id: str
) -> None:
    reply = await server.http.post(path, data={**REQUEST, **CREDENTIALS, "client_id": client_id})
    refused(reply, 401, "invalid_client", "client.authentication")
    empty = {**REQUEST, **CREDENTIALS, "client_id": client_id, "client_secret": ""}
    refused(await server.http.post(path, data=empty), 401, "invalid_client", "client.authentication")


@pytest.mark.requirement("OA-3.2.1-1", "OA-5.2-2")
@ENDPOINTS
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer x"}, {"authorization": "Digest x"}])
async def test_who_does_not_say_who_they_are(server: Running, path: str, headers: dict[str, str]) -> None:
    reply = await server.http.post(path, headers=headers, data={**REQUEST, **CREDENTIALS})
    refused(reply, 401, "invalid_client", "client.missing")
    assert reply.headers["www-authenticate"] == 'Basic realm="default", charset="UTF-8"'


@pytest.mark.requirement("OA-3.2.1-1")
async def test_a_public_client_has_to_name_itself(server: Running) -> None:
    code = await code_for(server, SPA, "spa")
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
    form |= {"redirect_uri": SPA["redirect_uri"]}
    refused(await server.http.post(TOKEN, data=form), 401, "invalid_client", "client.missing")
    assert (await server.http.post(TOKEN, data=form | {"client_id": "spa"})).status_code == 200


@pytest.mark.requirement("OA-5.2-2")
@ENDPOINTS
@pytest.mark.parametrize(
    ("client_id", "secret"),
    [("app", "wrong"), ("app", ""), ("app", APP_SECRET + " "), ("nobody", APP_SECRET), ("spa", "x"), ("jwt", "x")],
)
async def test_a_failed_authentication_is_401_with_a_challenge(
    server: Running, path: str, client_id: str, secret: str
) -> None:
    for sent in ({"headers": basic(client_id, secret)}, {"data": {"client_id": client_id, "client_secret": secret}}):
        form = {**REQUEST, **CREDENTIALS, **sent.pop("data", {})}
        reply = await server.http.post(path, data=form, **sent)
        refused(reply, 401, "invalid_client", "client.authentication")
        assert reply.headers["www-authenticate"] == 'Basic realm="default", charset="UTF-8"'
    assert stored(server) == 0


@ENDPOINTS
async def test_another_client_id_than_the_credential_names(server: Running, path: str) -> None:
    form = {**REQUEST, **CREDENTIALS, "client_id": "post"}
    refused(await server.http.post(path, auth=APP, data=form), 400, "invalid_request", "client.mismatch")
    same = {**but(REQUEST, scope="write"), **CREDENTIALS, "client_id": "app"}
    assert (await server.http.post(path, auth=APP, data=same)).is_success


@pytest.mark.requirement("OA-2.3.1-4")
@ENDPOINTS
async def test_guessing_a_secret_is_slowed_down(server: Running, path: str) -> None:
    await server.apply("realms: [{name: default, rates: {failures_per_minute: 3}}]")
    form = {**but(REQUEST, scope="write"), **CREDENTIALS}
    for _ in range(3):
        reply = await server.http.post(path, auth=("app", "wrong"), data=form)
        refused(reply, 401, "invalid_client", "client.authentication")
    # Not even the right secret is looked at now, or guessing would go on.
    for secret in ("wrong", APP_SECRET):
        reply = await server.http.post(path, auth=("app", secret), data=form)
        refused(reply, 429, "temporarily_unavailable", "http.rate")
        assert reply.headers["retry-after"] == "20"
    # An address that the guesser only claims to have is not another address.
    elsewhere = {"x-forwarded-for": "203.0.113.9", "forwarded": "for=203.0.113.9"}
    reply = await server.http.post(path, auth=("app", "wrong"), data=form, headers=elsewhere)
    refused(reply, 429, "temporarily_unavailable", "http.rate")
    # Another client is not held up.
    assert (await server.http.post(path, data={"client_id": "spa", **SPA})).status_code == (201 if path == PAR else 400)
    server.clock.advance(20)
    assert (await server.http.post(path, auth=APP, data=form)).is_success


@pytest.mark.requirement("OA-2.3.1-4")
async def test_successes_are_not_slowed_down(server: Running) -> None:
    await server.apply("realms: [{name: default, rates: {failures_per_minute: 3}}]")
    statuses = [(await post_as(server, "app", TOKEN, CREDENTIALS)).status_code for _ in range(8)]
    assert statuses == [200] * 8


# --- Grant types -----------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-5.2-3", "BCP-2.4-1")
@pytest.mark.parametrize(
    ("grant_type", "error", "refusal"),
    [
        (None, "invalid_request", "token.grant_type_missing"),
        ("", "invalid_request", "token.grant_type_missing"),
        ("foo", "unsupported_grant_type", "token.grant_type_unsupported"),
        ("Authorization_code", "unsupported_grant_type", "token.grant_type_unsupported"),
        ("password", "unsupported_grant_type", "token.grant_type_unsupported"),
        ("implicit", "unsupported_grant_type", "token.grant_type_unsupported"),
        ("urn:ietf:params:oauth:grant-type:jwt-bearer", "unsupported_grant_type", "token.grant_type_unsupported"),
    ],
)
async def test_a_grant_type_that_is_not_there(
    server: Running, grant_type: str | None, error: str, refusal: str
) -> None:
    form = but({"username": "alice", "password": "alice-password", "scope": "openid"}, grant_type=grant_type)
    refused(await post_as(server, "app", TOKEN, form), 400, error, refusal)


@pytest.mark.requirement("BCP-2.4-1")
async def test_no_client_can_be_registered_for_the_password_grant(server: Running) -> None:
    with pytest.raises(Exception, match="'password' is not supported"):
        await server.apply(one_client("x", APP_SECRET).replace("[client_credentials]", "[password]"))


@pytest.mark.requirement("OA-5.2-3")
@pytest.mark.parametrize("grant_type", ["client_credentials", "refresh_token"])
async def test_a_grant_type_that_is_not_this_clients(server: Running, grant_type: str) -> None:
    form = {"grant_type": grant_type, "client_id": "post", "client_secret": POST_SECRET, "refresh_token": "x"}
    refused(await server.http.post(TOKEN, data=form), 400, "unauthorized_client", "token.grant_type_unauthorized")


@pytest.mark.requirement("OA-5.2-3")
async def test_a_client_without_the_code_grant_redeems_no_code(server: Running) -> None:
    await server.apply(one_client("machine", APP_SECRET))
    reply = await redeem(server, await code_for(server), "machine")
    refused(reply, 400, "unauthorized_client", "token.grant_type_unauthorized")


# --- Redeeming a code --------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-5.1-1", "OA-5.1-2", "OIDC-3.1.3.3-1")
async def test_a_token_response(server: Running) -> None:
    reply = await redeem(server, await code_for(server, but(REQUEST, scope="openid email write")))
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert "no-store" in reply.headers["cache-control"]
    assert reply.headers["pragma"] == "no-cache"
    document = reply.json()
    assert document.keys() == {"access_token", "token_type", "expires_in", "scope", "id_token", "refresh_token"}
    assert (document["token_type"], document["expires_in"], document["scope"]) == (
        "Bearer", 600, "openid email write",
    )  # fmt: skip
    assert type(document["expires_in"]) is int


@pytest.mark.requirement("OA-5.1-2")
async def test_no_answer_with_a_credential_in_it_is_kept_by_a_cache(server: Running) -> None:
    redeemed = await redeem(server, await code_for(server))
    tokens = redeemed.json()
    for reply in (
        redeemed,
        await refresh(server, tokens["refresh_token"]),
        await post_as(server, "app", TOKEN, CREDENTIALS),
        await post_as(server, "app", PAR, REQUEST),
        await userinfo(server, tokens["access_token"]),
    ):
        assert reply.is_success
        assert "no-store" in reply.headers["cache-control"]
        assert reply.headers["pragma"] == "no-cache"


@pytest.mark.requirement("OIDC-3.1.3.2-1", "OIDC-3.1.2.1-2")
async def test_no_id_token_without_openid(server: Running) -> None:
    tokens = await tokens_for(server, but(REQUEST, scope="write"))
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    refused(await userinfo(server, tokens["access_token"]), 403, "insufficient_scope", "userinfo.openid_missing")


@pytest.mark.requirement("OA-4.1.3-3", "OA-3.1-4")
@pytest.mark.parametrize("code", [None, ""])
async def test_a_redemption_without_code(server: Running, code: str | None) -> None:
    refused(await redeem(server, code), 400, "invalid_request", "code.missing")


@pytest.mark.requirement("OA-4.1.3-3", "OA-10.3-1")
async def test_an_unknown_or_altered_code(server: Running) -> None:
    code = await code_for(server)
    altered = [
        code[:position] + ("A" if code[position] != "A" else "B") + code[position + 1 :] for position in (0, 8, 42)
    ]
    foreign = (await tokens_for(server))["refresh_token"]
    for wrong in (*altered, code[:-1], code + "A", code + "=", code.swapcase(), "x", "é", "x" * 5000, foreign):
        refused(await redeem(server, wrong), 400, "invalid_grant", "code.invalid")
    assert (await redeem(server, code)).status_code == 200


@pytest.mark.requirement("OA-4.1.3-3")
async def test_a_code_is_no_refresh_token(server: Running) -> None:
    code = await code_for(server)
    refused(await refresh(server, code), 400, "invalid_grant", "refresh.invalid")
    assert (await redeem(server, code)).status_code == 200


@pytest.mark.requirement("OA-4.1.2-3")
@pytest.mark.parametrize("lifetime", [60, 600])
async def test_a_code_expires(server: Running, lifetime: int) -> None:
    await server.apply(f"realms: [{{name: default, lifetimes: {{code: {lifetime}}}}}]")
    in_time, late = await code_for(server), await code_for(server)
    server.clock.advance(lifetime - 1)
    assert (await redeem(server, in_time)).status_code == 200
    server.clock.advance(1)
    refused(await redeem(server, late), 400, "invalid_grant", "code.invalid")


@pytest.mark.requirement("OA-4.1.2-3")
async def test_a_code_cannot_be_made_to_live_longer_than_ten_minutes(server: Running) -> None:
    with pytest.raises(Exception, match=r"lifetimes\.code: must be 1 to 600 seconds"):
        await server.apply("realms: [{name: default, lifetimes: {code: 601}}]")


@pytest.mark.requirement("OA-4.1.3-2", "OA-3.1-4")
@pytest.mark.parametrize("push", [True, False], ids=["pushed", "browser"])
@pytest.mark.parametrize(
    "redirect_uri",
    [None, "", REDIRECT.upper(), REDIRECT + "/", REDIRECT + "?", "https://other.example/cb", "https://app.example"],
)
async def test_the_redirect_uri_must_be_the_one_of_the_request(
    server: Running, push: bool, redirect_uri: str | None
) -> None:
    code = await code_for(server, push=push)
    refused(await redeem(server, code, redirect_uri=redirect_uri), 400, "invalid_grant", "code.redirect_uri")
    assert (await redeem(server, code)).status_code == 200


@pytest.mark.requirement("OA-4.1.3-2")
async def test_another_registered_redirect_uri_is_not_the_one_of_the_request(server: Running) -> None:
    await server.apply(
        f"""
realms:
  - name: default
    clients:
      - client_id: two
        client_secret: {APP_SECRET}
        redirect_uris: [https://two.example/a, https://two.example/b]
        scope: openid
"""
    )
    request = but(REQUEST, redirect_uri="https://two.example/a", scope="openid")
    code = await code_for(server, request, "two")
    reply = await redeem(server, code, "two", redirect_uri="https://two.example/b")
    refused(reply, 400, "invalid_grant", "code.redirect_uri")
    assert (await redeem(server, code, "two", redirect_uri="https://two.example/a")).status_code == 200


@pytest.mark.requirement("OA-4.1.3-2")
async def test_a_redirect_uri_that_the_request_left_out_is_not_needed_and_not_made_up(server: Running) -> None:
    code = await code_for(server, but(REQUEST, redirect_uri=None, scope="write"))
    refused(await redeem(server, code, redirect_uri=REDIRECT), 400, "invalid_grant", "code.redirect_uri")
    assert (await redeem(server, code, redirect_uri=None)).status_code == 200


@pytest.mark.requirement("OA-4.1.2-1")
async def test_of_many_simultaneous_redemptions_one_succeeds(server: Running) -> None:
    for _ in range(5):
        code = await code_for(server)
        replies = await asyncio.gather(*(redeem(server, code) for _ in range(10)))
        statuses = sorted(reply.status_code for reply in replies)
        assert statuses == [200] + [400] * 9
        for reply in replies:
            if reply.status_code == 400:
                refused(reply, 400, "invalid_grant", "code.replayed")


async def test_scope_at_the_redemption_changes_nothing(server: Running) -> None:
    tokens = (await redeem(server, await code_for(server), scope="openid email write read")).json()
    assert tokens["scope"] == "openid email"


# --- What happened meanwhile ------------------------------------------------------------------------------


async def test_a_deleted_user_gets_no_tokens_any_more(server: Running) -> None:
    code = await code_for(server)
    await server.management.carry_out([await server.management.plan_delete_user("default", "alice")])
    refused(await redeem(server, code), 400, "invalid_grant", "token.grant_revoked")


async def test_a_disabled_user_gets_no_tokens_any_more(server: Running) -> None:
    code = await code_for(server)
    await server.apply("realms: [{name: default, users: [{username: alice, enabled: false}]}]")
    refused(await redeem(server, code), 400, "invalid_grant", "token.grant_revoked")


@pytest.mark.parametrize("how", ["disabled", "deleted"])
async def test_a_client_that_is_gone_gets_no_tokens_any_more(server: Running, how: str) -> None:
    code = await code_for(server)
    if how == "deleted":
        await server.management.carry_out([await server.management.plan_delete_client("default", "app")])
        await server.server.snapshot.refresh()
    else:
        await server.apply(one_client("app", APP_SECRET, enabled="false"))
    refused(await redeem(server, code), 401, "invalid_client", "client.authentication")
