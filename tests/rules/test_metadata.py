"""What is advertised is what is enforced: every value of the metadata works, and every other one is refused."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from pushgate.jose.keys import make_key
from pushgate.manage.manifest import BadManifest
from pushgate.testing import BASE_URL, Running, running
from tests.support.assertions import public
from tests.support.manifests import APP, APP_SECRET, HMAC_SECRET, KEY, MANIFEST, POST_SECRET, REQUEST
from tests.support.steps import (
    AUTHORIZE,
    HYBRID,
    PAR,
    TOKEN,
    answered,
    ask,
    but,
    header,
    post_as,
    refresh,
    refused,
    shown,
    stored,
    tokens_for,
    told,
    verified,
)

OAUTH, OPENID = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
DOCUMENTS = pytest.mark.parametrize("path", [OAUTH, OPENID])
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


async def metadata_of(server: Running, path: str = OAUTH) -> dict[str, Any]:
    """The metadata document."""
    reply = await server.http.get(path)
    assert reply.status_code == 200
    found: dict[str, Any] = reply.json()
    return found


# --- The documents --------------------------------------------------------------------------------------------


@pytest.mark.requirement("META-8414-1", "META-OIDD-1")
@DOCUMENTS
async def test_each_document_is_a_json_object(server: Running, path: str) -> None:
    reply = await server.http.get(path)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
    assert isinstance(reply.json(), dict)
    for method in ("POST", "PUT", "DELETE"):
        refused(await server.http.request(method, path), 405, "invalid_request", "http.method")
    head = await server.http.head(path)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.requirement("META-OIDD-1")
async def test_both_documents_say_the_same(server: Running) -> None:
    assert await metadata_of(server, OAUTH) == await metadata_of(server, OPENID)


@pytest.mark.requirement("META-8414-1", "META-8414-2", "META-OIDD-1")
@pytest.mark.parametrize("base_url", ["https://as.example", "https://as.example/", "https://as.example/id/", BASE_URL])
@pytest.mark.parametrize("realm", ["default", "alpha"])
async def test_the_documents_are_found_below_and_before_the_path_of_the_issuer(base_url: str, realm: str) -> None:
    async with running(MANIFEST.replace("name: default", f"name: {realm}"), base_url=base_url) as server:
        root = base_url.rstrip("/")
        issuer = root if realm == "default" else f"{root}/realms/{realm}"
        host, path = str(httpx.URL(issuer).copy_with(path="/")).rstrip("/"), httpx.URL(issuer).path.rstrip("/")
        found = [await metadata_of(server, url) for url in (f"{host}{OAUTH}{path}", f"{host}{OPENID}{path}",
                                                            f"{issuer}{OPENID}", f"{host}{OAUTH}{path}/")]  # fmt: skip
        assert {document["issuer"] for document in found} == {issuer}
        endpoints = [value for name, value in found[0].items() if name.endswith(("_endpoint", "_uri"))]
        assert len(endpoints) == 8
        assert all(endpoint.startswith(f"{issuer}/oauth2/") for endpoint in endpoints)


@pytest.mark.requirement("META-8414-2")
@DOCUMENTS
async def test_the_issuer_does_not_follow_what_the_caller_calls_us(server: Running, path: str) -> None:
    expected = await metadata_of(server, path)
    for headers in (
        {"host": "evil.example"},
        {"x-forwarded-host": "evil.example", "x-forwarded-proto": "https"},
        {"forwarded": "host=evil.example;proto=https"},
    ):
        reply = await server.http.get(path, headers=headers)
        assert reply.json() == expected
        assert "evil" not in reply.text
    assert expected["issuer"] == BASE_URL


async def test_the_document_of_a_realm_that_is_not_there(server: Running) -> None:
    for path in (
        f"{OAUTH}/realms/nowhere",
        f"/realms/nowhere{OPENID}",
        f"{OAUTH}/elsewhere",
        f"{OAUTH}/realms/default",
    ):
        refused(await server.http.get(path), 404, "invalid_request", "http.not_found")


@pytest.mark.requirement("META-8414-14")
@pytest.mark.parametrize(
    "realm", ["{name: default}", "{name: default, profile: oauth2}", "{name: bare, profile: oauth2}"]
)
async def test_nothing_is_published_without_a_value(realm: str) -> None:
    async with running(f"realms: [{realm}]") as server:
        document = await metadata_of(server, f"/realms/bare{OPENID}" if "bare" in realm else OAUTH)
        assert all(value not in (None, [], {}, "") for value in document.values())


# --- Endpoints ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("META-8414-3", "META-9126-1")
async def test_the_endpoints_are_absolute_and_answer() -> None:
    async with running(MANIFEST, base_url="https://as.example/id") as server:
        metadata = await metadata_of(server, f"https://as.example{OAUTH}/id")
        assert {name: value for name, value in metadata.items() if name.endswith("_endpoint")} == {
            "authorization_endpoint": "https://as.example/id/oauth2/authorize",
            "token_endpoint": "https://as.example/id/oauth2/token",
            "userinfo_endpoint": "https://as.example/id/oauth2/userinfo",
            "introspection_endpoint": "https://as.example/id/oauth2/introspect",
            "revocation_endpoint": "https://as.example/id/oauth2/revoke",
            "end_session_endpoint": "https://as.example/id/oauth2/logout",
            "pushed_authorization_request_endpoint": "https://as.example/id/oauth2/par",
        }
        shown(await server.http.get(metadata["authorization_endpoint"]), 400, "invalid_request",
              "authorize.client_id_missing")  # fmt: skip
        assert (await server.http.get(metadata["end_session_endpoint"])).status_code == 200
        for name in (
            "token_endpoint", "pushed_authorization_request_endpoint", "introspection_endpoint", "revocation_endpoint",
        ):  # fmt: skip
            refused(await server.http.post(metadata[name]), 401, "invalid_client", "client.missing")
        refused(await server.http.get(metadata["userinfo_endpoint"]), 401, "invalid_token", "userinfo.token_missing")


@pytest.mark.requirement("META-9126-1", "META-9126-2")
@pytest.mark.parametrize(
    ("setting", "published", "required"),
    [("{}", True, False), ("{required: true}", True, True), ("{supported: false}", False, None)],
)
async def test_the_push_endpoint_is_published_while_it_is_on(
    server: Running, setting: str, published: bool, required: bool | None
) -> None:
    await server.apply(f"realms: [{{name: default, pushed_authorization_requests: {setting}}}]")
    metadata = await metadata_of(server)
    assert ("pushed_authorization_request_endpoint" in metadata) is published
    assert metadata.get("require_pushed_authorization_requests") is required
    if published:
        assert (await post_as(server, "app", PAR, REQUEST)).status_code == 201
    else:
        refused(await post_as(server, "app", PAR, REQUEST), 403, "unauthorized_client", "par.off")
    if required:
        told(await ask(server, REQUEST), REQUEST, "invalid_request", "request.par_required")
    else:
        assert "code" in (await answered(server)).answer


# --- Keys ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("META-8414-4", "META-OIDD-7")
async def test_the_published_keys_are_public(server: Running) -> None:
    metadata = await metadata_of(server)
    reply = await server.http.get(metadata["jwks_uri"])
    keys = reply.json()["keys"]
    signing = [key for key in keys if key["use"] == "sig"]
    assert {key["alg"] for key in signing} == {"ES256", "PS256", "RS256", "EdDSA"}
    assert {key["kty"] for key in keys if key["use"] == "enc"} == {"RSA", "EC"}
    for key in keys:
        assert not key.keys() & {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}
        assert (key["use"] in ("sig", "enc"), bool(key["kid"])) == (True, True)
    assert len({key["kid"] for key in keys}) == len(keys)
    assert "max-age=" in reply.headers["cache-control"]


@pytest.mark.requirement("META-OIDD-7")
async def test_a_retired_key_stays_published_while_its_tokens_live(server: Running) -> None:
    tokens = await tokens_for(server)
    server.management._make_key = make_key
    server.clock.advance(1)
    await server.management.rotate_keys("default", ("ES256", "RS256"))
    await server.server.snapshot.refresh()
    fresh = await tokens_for(server)
    for kind, alg in (("id_token", "RS256"), ("access_token", "ES256")):
        assert header(fresh[kind])["kid"] != header(tokens[kind])["kid"]
        assert (await verified(server, tokens[kind], alg))["iss"] == (await verified(server, fresh[kind], alg))["iss"]
    # It is forgotten by a later rotation, when nothing that it signed can still be valid.
    server.clock.advance(28_800 + 86_400 + 1)
    await server.management.rotate_keys("default", ("ES256", "RS256"))
    await server.server.snapshot.refresh()
    published = {key["kid"] for key in (await server.http.get("/oauth2/jwks")).json()["keys"]}
    assert header(tokens["id_token"])["kid"] not in published
    assert header(fresh["id_token"])["kid"] in published


@pytest.mark.requirement("META-OIDD-7", "BCP-2.6-2")
@pytest.mark.parametrize("path", [OAUTH, OPENID, "/oauth2/jwks"])
async def test_any_web_page_may_read_what_is_public(server: Running, path: str) -> None:
    origin = {"origin": "https://anywhere.example"}
    assert (await server.http.get(path, headers=origin)).headers["access-control-allow-origin"] == "*"
    preflight = await server.http.options(path, headers={**origin, "access-control-request-method": "GET"})
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "*")


@pytest.mark.requirement("BCP-2.6-2")
async def test_pages_of_public_clients_alone_may_call_the_token_endpoint(server: Running) -> None:
    for path in (TOKEN, PAR):
        for origin, allowed in (("https://spa.example", True), ("https://app.example", False), ("null", False)):
            asked = {"origin": origin, "access-control-request-method": "POST"}
            preflight = await server.http.options(path, headers=asked)
            assert preflight.headers.get("access-control-allow-origin") == (origin if allowed else None)
            assert "access-control-allow-credentials" not in preflight.headers


@pytest.mark.requirement("BCP-2.6-2")
async def test_no_web_page_may_read_the_authorization_endpoint(server: Running) -> None:
    params = {"client_id": "spa", **REQUEST}
    for origin in ("https://spa.example", "https://evil.example", BASE_URL):
        asked = {"origin": origin, "access-control-request-method": "GET"}
        for reply in (
            await server.http.options(AUTHORIZE, params=params, headers=asked),
            await server.http.get(AUTHORIZE, params=params, headers=asked),
            await server.http.post(AUTHORIZE, data=params, headers=asked),
        ):
            assert not [name for name in reply.headers if name.startswith("access-control-")]


# --- Response types and modes -----------------------------------------------------------------------------------


@pytest.mark.requirement("META-8414-5")
async def test_every_advertised_response_type_works_and_no_other(server: Running) -> None:
    advertised = (await metadata_of(server))["response_types_supported"]
    assert len(advertised) == len(set(advertised)) == 8
    for response_type in advertised:
        request = but(HYBRID, response_type=response_type)
        assert "error" not in (await answered(server, request, "hybrid")).answer, response_type
    for other in ("foo", "Code", "code none", "code foo", "id_token id_token", "device"):
        assert other not in advertised
        reply = await post_as(server, "hybrid", PAR, but(HYBRID, response_type=other))
        refused(reply, 400, "unsupported_response_type", "request.response_type_unsupported")


@pytest.mark.requirement("META-8414-5")
async def test_a_realm_without_openid_connect_advertises_and_takes_fewer_response_types(server: Running) -> None:
    bare = MANIFEST.replace("name: default", "name: bare\n    profile: oauth2")
    bare = bare.replace("response_types: [code, token, id_token, id_token token, code id_token, code token, "
                        "code id_token token, none]", "response_types: [code, token]")  # fmt: skip
    await server.apply(bare)
    metadata = await metadata_of(server, f"{OAUTH}/realms/bare")
    assert metadata["response_types_supported"] == ["code", "token"]
    assert not metadata.keys() & {
        "userinfo_endpoint",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
    }
    for response_type in ("id_token", "code id_token", "none"):
        request = but(HYBRID, response_type=response_type, scope="write")
        reply = await server.http.post(f"/realms/bare{PAR}", auth=("hybrid", APP_SECRET), data=request)
        refused(reply, 400, "unsupported_response_type", "request.response_type_unsupported")


@pytest.mark.requirement("META-8414-6")
async def test_every_advertised_response_mode_works_and_no_other(server: Running) -> None:
    advertised = (await metadata_of(server))["response_modes_supported"]
    plain = ["form_post", "fragment", "query"]
    assert sorted(advertised) == sorted([*plain, "jwt", *(f"{mode}.jwt" for mode in plain)])
    for mode in advertised:
        browser = await answered(server, but(REQUEST, response_mode=mode))
        carrier = "form_post" if browser.landed is None else "fragment" if "#" in browser.landed else "query"
        assert carrier == ("query" if mode == "jwt" else mode.removesuffix(".jwt"))
        assert ("response" if "jwt" in mode else "code") in browser.answer
    for other in ("web_message", "cookie", "Query", "cookie.jwt"):
        reply = await post_as(server, "app", PAR, but(REQUEST, response_mode=other))
        refused(reply, 400, "invalid_request", "request.response_mode_unsupported")


# --- Grant types and client authentication --------------------------------------------------------------------


@pytest.mark.requirement("META-8414-7")
async def test_every_advertised_grant_type_works_and_no_other(server: Running) -> None:
    advertised = (await metadata_of(server))["grant_types_supported"]
    tokens = await tokens_for(server)  # authorization_code
    assert (await refresh(server, tokens["refresh_token"])).status_code == 200
    form = {"grant_type": "client_credentials", "scope": "write"}
    assert (await post_as(server, "app", TOKEN, form)).status_code == 200
    assert "access_token" in (await answered(server, but(HYBRID, response_type="token"), "hybrid")).answer  # implicit
    assert sorted(advertised) == ["authorization_code", "client_credentials", "implicit", "refresh_token"]
    for other in ("password", "urn:ietf:params:oauth:grant-type:device_code", "urn:openid:params:grant-type:ciba"):
        reply = await post_as(server, "app", TOKEN, {"grant_type": other})
        refused(reply, 400, "unsupported_grant_type", "token.grant_type_unsupported")
        with pytest.raises(BadManifest, match="is not supported"):
            await server.apply(f"realms: [{{name: default, clients: [{{client_id: x, grant_types: ['{other}']}}]}}]")


def assertion(client_id: str, key: ECKey | OctKey, alg: str) -> dict[str, str]:
    """A client assertion with all it needs."""
    now = int(time.time())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": BASE_URL,
        "exp": now + 60,
        "iat": now,
        "jti": str(time.time_ns()),
    }
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": jwt.encode({"alg": alg}, claims, key)}


def credential(method: str) -> tuple[str, dict[str, Any], dict[str, str]]:
    """A client with this method, and how its request says so: arguments of the call, members of the form."""
    hmac_key = OctKey.import_key(HMAC_SECRET.encode())
    return {
        "client_secret_basic": ("app", {"auth": APP}, {}),
        "client_secret_post": ("post", {}, {"client_id": "post", "client_secret": POST_SECRET}),
        "client_secret_jwt": ("hmac", {}, assertion("hmac", hmac_key, "HS256")),
        "private_key_jwt": ("jwt", {}, assertion("jwt", KEY, "ES256")),
        "none": ("spa", {}, {"client_id": "spa"}),
    }[method]


@pytest.mark.requirement("META-8414-8", "BCP-2.5-1")
async def test_every_advertised_authentication_method_works_at_both_endpoints(server: Running) -> None:
    metadata = await metadata_of(server)
    methods = metadata["token_endpoint_auth_methods_supported"]
    assert {"private_key_jwt", "client_secret_basic"} <= set(methods)
    for method in methods:
        for path in (PAR, TOKEN):
            client_id, arguments, form = credential(method)
            client = await server.management.configuration.client("default", client_id)
            assert client is not None
            assert client.token_endpoint_auth_method == method
            request = but(
                REQUEST, redirect_uri=client.redirect_uris[0], scope="openid", grant_type="authorization_code"
            )
            reply = await server.http.post(path, data=form | request | {"code": "x"}, **arguments)
            if path == PAR:
                assert reply.status_code == 201, (method, reply.text)
            else:
                refused(reply, 400, "invalid_grant", "code.invalid")


@pytest.mark.requirement("META-8414-8")
async def test_the_signing_algorithms_of_assertions_are_listed_without_none(server: Running) -> None:
    algorithms = (await metadata_of(server))["token_endpoint_auth_signing_alg_values_supported"]
    assert {"ES256", "PS256", "RS256", "EdDSA", "HS256"} <= set(algorithms)
    assert not {"none", "None", "NONE", ""} & set(algorithms)
    form = but(REQUEST, redirect_uri="https://jwt.example/cb", scope="openid")
    unsigned = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqd3QifQ."}
    reply = await server.http.post(PAR, data=form | unsigned)
    refused(reply, 401, "invalid_client", "assertion.alg")


@pytest.mark.requirement("META-8414-8")
@pytest.mark.parametrize("method", ["foo", "client_secret", "PRIVATE_KEY_JWT"])
async def test_a_method_that_is_not_known_cannot_be_registered(server: Running, method: str) -> None:
    assert method not in (await metadata_of(server))["token_endpoint_auth_methods_supported"]
    client = f"{{client_id: x, token_endpoint_auth_method: {method}, redirect_uris: ['https://x.example/']}}"
    with pytest.raises(BadManifest, match="token_endpoint_auth_method"):
        await server.apply(f"realms: [{{name: default, clients: [{client}]}}]")


# --- Scopes, PKCE, OpenID Connect ------------------------------------------------------------------------------


@pytest.mark.requirement("META-8414-9")
async def test_the_scopes_are_those_of_openid_connect_and_of_the_resources(server: Running) -> None:
    scopes = (await metadata_of(server))["scopes_supported"]
    assert scopes[0] == "openid"
    assert set(scopes) == {
        "openid", "profile", "email", "address", "phone", "offline_access", "write", "read", "other",
    }  # fmt: skip


@pytest.mark.requirement("META-OIDD-2")
async def test_what_openid_connect_demands(server: Running) -> None:
    metadata = await metadata_of(server)
    assert metadata["subject_types_supported"] == ["public", "pairwise"]
    assert "RS256" in metadata["id_token_signing_alg_values_supported"]
    assert "none" not in metadata["id_token_signing_alg_values_supported"]


@pytest.mark.requirement("META-OIDD-2", "OIDC-2-2")
@pytest.mark.parametrize("alg", ["none", "HS1", "RS384", "ES512", "foo"])
async def test_an_id_token_algorithm_that_is_not_advertised_cannot_be_registered(server: Running, alg: str) -> None:
    assert alg not in (await metadata_of(server))["id_token_signing_alg_values_supported"]
    with pytest.raises(BadManifest, match="id_token_signed_response_alg"):
        await server.apply(MANIFEST.replace("client_name: The App", f"id_token_signed_response_alg: {alg}"))


@pytest.mark.requirement("META-OIDD-3")
async def test_userinfo_and_its_claims_are_published_and_nothing_that_is_not_there(server: Running) -> None:
    metadata = await metadata_of(server)
    assert metadata["userinfo_endpoint"] == f"{BASE_URL}/oauth2/userinfo"
    assert {"sub", "iss", "auth_time", "name", "email", "address", "phone_number"} <= set(metadata["claims_supported"])
    keys = {"jwks": public("p256", "rsa"), "client_secret": "x" * 64}
    for what in ("id_token", "userinfo"):
        signing = metadata[f"{what}_signing_alg_values_supported"]
        assert {*signing} == {"ES256", "PS256", "RS256", "EdDSA", "HS256", "HS384", "HS512"}
        listed = {
            f"{what}_signed_response_alg": signing,
            f"{what}_encrypted_response_alg": metadata[f"{what}_encryption_alg_values_supported"],
            f"{what}_encrypted_response_enc": metadata[f"{what}_encryption_enc_values_supported"],
        }
        for member, values in listed.items():
            more = {f"{what}_encrypted_response_alg": "ECDH-ES"} if member.endswith("_enc") else {}
            for value in values:
                await server.apply(one_client(**keys, **more, **{member: value}))
            with pytest.raises(BadManifest, match=f"{member}: must be one of"):
                await server.apply(one_client(**keys, **more, **{member: "none"}))


def one_client(**members: Any) -> str:
    """A manifest with a client that has these members."""
    client = {"client_id": "one", "redirect_uris": ["https://one.example/cb"], **members}
    return json.dumps({"realms": [{"name": "default", "clients": [client]}]})


@pytest.mark.requirement("META-OIDD-5")
async def test_the_languages_of_claims_are_told_where_they_are_configured(server: Running) -> None:
    metadata = await metadata_of(server)
    assert metadata["claim_types_supported"] == ["normal"]
    assert "claims_locales_supported" not in metadata
    await server.apply("realms: [{name: default, claims_locales_supported: [de, fr-CA]}]")
    assert (await metadata_of(server))["claims_locales_supported"] == ["de", "fr-CA"]
    for wrong in ("de CH", "", "x"):
        with pytest.raises(BadManifest, match=r"claims_locales_supported\[0\]: must be a language tag"):
            await server.apply(json.dumps({"realms": [{"name": "default", "claims_locales_supported": [wrong]}]}))


@pytest.mark.requirement("META-OIDD-4")
async def test_what_is_not_supported_is_said_in_so_many_words(server: Running) -> None:
    metadata = await metadata_of(server)
    assert metadata["claims_parameter_supported"] is True
    flags = ("request_uri_parameter_supported", "require_request_uri_registration")
    assert {name: metadata[name] for name in flags} == dict.fromkeys(flags, False)
    browser = await ask(server, {**REQUEST, "request_uri": "https://app.example/request.jwt"})
    shown(browser.page, 400, "request_uri_not_supported", "authorize.request_uri_unsupported")
    assert stored(server) == 0


@pytest.mark.requirement("META-9207-1")
async def test_iss_is_announced(server: Running) -> None:
    assert (await metadata_of(server))["authorization_response_iss_parameter_supported"] is True


async def test_prompt_values_are_those_that_have_an_effect(server: Running) -> None:
    prompts = (await metadata_of(server))["prompt_values_supported"]
    assert sorted(prompts) == ["consent", "login", "none", "select_account"]


# --- Pages for people, and the signed form ------------------------------------------------------------------------


LINKS = {
    "service_documentation": "https://docs.example/api#start",
    "op_policy_uri": "https://op.example/privacy?a=1&b=2",
    "op_tos_uri": "https://op.example/terms",
}


def realm_with(**members: Any) -> str:
    """A manifest of the default realm with these settings."""
    return json.dumps({"realms": [{"name": "default", **members}]})


@pytest.mark.requirement("META-8414-13", "META-8414-14")
async def test_links_are_told_where_they_are_set_and_no_longer_when_taken_away(server: Running) -> None:
    assert not LINKS.keys() & (await metadata_of(server)).keys()
    await server.apply(realm_with(**LINKS))
    for path in (OAUTH, OPENID):
        metadata = await metadata_of(server, path)
        assert {name: metadata[name] for name in LINKS} == LINKS
    await server.apply(realm_with(op_policy_uri=None))
    metadata = await metadata_of(server)
    assert "op_policy_uri" not in metadata
    assert metadata["op_tos_uri"] == LINKS["op_tos_uri"]


@pytest.mark.requirement("META-8414-13")
async def test_policy_and_terms_are_on_every_page_of_the_realm_that_has_them(server: Running) -> None:
    pages = ("/", "/oauth2/logout", "/nothing")
    for path in pages:
        assert "op.example" not in (await server.http.get(path, headers={"accept": "text/html"})).text
    await server.apply(realm_with(**LINKS))
    for path in pages:
        page = (await server.http.get(path, headers={"accept": "text/html", "accept-language": "de"})).text
        new = 'target="_blank" rel="noopener noreferrer"'
        assert f'<a href="https://op.example/privacy?a=1&amp;b=2" {new}>Datenschutzerklärung<' in page
        assert f'<a href="https://op.example/terms" {new}>Nutzungsbedingungen<' in page
        assert "docs.example" not in page


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize(
    "wrong",
    [
        "http://op.example/",
        "javascript:alert(1)",
        "op.example",
        "",
        "https://",
        "https://op.example/ x",
        "https://a@b.example/",
    ],
)
async def test_a_link_is_an_https_url(server: Running, name: str, wrong: str) -> None:
    with pytest.raises(BadManifest, match=f"{name}: must be an https URL"):
        await server.apply(realm_with(**{name: wrong}))


@pytest.mark.requirement("META-8414-15")
@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA"])
async def test_signed_metadata_says_the_same_in_a_jwt_of_the_issuer(server: Running, alg: str) -> None:
    assert "signed_metadata" not in await metadata_of(server)
    await server.apply(realm_with(signed_metadata=True, access_token_signing_alg=alg, **LINKS))
    metadata = await metadata_of(server)
    signed = metadata.pop("signed_metadata")
    claims = await verified(server, signed, alg)
    assert claims == {"iss": BASE_URL, **metadata}
    assert "signed_metadata" not in claims
    assert "typ" not in header(signed)
    assert (await metadata_of(server, OPENID))["signed_metadata"] == signed
    await server.apply(realm_with(signed_metadata=False))
    assert "signed_metadata" not in await metadata_of(server)


@pytest.mark.requirement("META-8414-15")
async def test_signed_metadata_is_no_token(server: Running) -> None:
    await server.apply(realm_with(signed_metadata=True, access_token_signing_alg="RS256"))
    signed = (await metadata_of(server))["signed_metadata"]
    reply = await server.http.get("/oauth2/userinfo", headers={"authorization": f"Bearer {signed}"})
    assert (reply.status_code, reply.headers["pushgate-refusal"]) == (401, "userinfo.token_invalid")
    request = {**REQUEST, "id_token_hint": signed}
    told(await ask(server, request), request, "invalid_request", "authorize.id_token_hint")
