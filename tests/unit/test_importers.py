"""Importers: what other products export becomes a manifest that is applied as it is, or is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pushgate.manage.importers import PRODUCTS, BadExport, Imported, auth0, imported, keycloak, keycloak_fields, wso2
from pushgate.manage.importers.reading import json_document, xml_document
from pushgate.manage.manifest import Applier, parse, typed
from pushgate.testing import Running, running
from tests.support.steps import PAR

EXPORTS = Path(__file__).parent.parent / "vendors" / "exports"
FILES = {
    "auth0": ["auth0-clients.json"],
    "keycloak": ["keycloak-realm.json"],
    "wso2": ["wso2-travel.xml", "wso2-dispatch.xml"],
}
PUSHING = {
    "auth0": ("wYt2Gk8QxV1mD7sLbN4cR9fHaJ3eUoPz", "https://shop.example/auth/callback"),
    "keycloak": ("shop-web", "https://shop.example/auth/some/other/callback"),
    "wso2": ("hJ5sJrGH2gKLoBJkfVRQ0Xq2kYsa", "https://travel.example/mobile/callback"),
}
"""A client of each, and a redirect URI that worked at the product."""
CHALLENGE = {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}


def of(product: str, realm: str | None = None) -> Imported:
    """The exports in tests/vendors/exports."""
    return imported(product, [EXPORTS / name for name in FILES[product]], realm)


def clients(found: Imported) -> dict[str, dict[str, Any]]:
    """The clients of the first realm, by id."""
    return {client["client_id"]: client for client in found.manifest["realms"][0]["clients"]}


def said(found: Imported, subject: str) -> dict[str, str]:
    """What became of a client's fields; the first remark on each."""
    return {r.field: f"{r.what}: {r.reason}" for r in reversed(found.remarks) if r.subject == subject}


def text_of(found: Imported) -> str:
    """As `pushgate import` prints it."""
    return yaml.safe_dump(found.manifest, sort_keys=False, allow_unicode=True)


async def apply(server: Running, found: Imported) -> None:
    """Apply it as it is."""
    await Applier(server.management, {}).apply([parse(text_of(found), "m.yaml")])
    await server.server.snapshot.refresh()


# --- What comes over --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", FILES)
async def test_an_import_is_applied_as_it_is_and_its_clients_can_push(product: str) -> None:
    found = of(product)
    async with running() as server:
        await apply(server, found)
        name = found.manifest["realms"][0]["name"]
        there = {c.client_id for c in await server.management.configuration.clients(name)}
        assert there == set(clients(found))
        client_id, redirect = PUSHING[product]
        client = clients(found)[client_id]
        form = {"response_type": "code", "redirect_uri": redirect, "scope": "openid", **CHALLENGE}
        path = PAR if name == "default" else f"/realms/{name}{PAR}"
        if client["token_endpoint_auth_method"] == "client_secret_post":
            form |= {"client_id": client_id, "client_secret": client["client_secret"]}
            answer = await server.http.post(path, data=form)
        else:
            answer = await server.http.post(path, data=form, auth=(client_id, client["client_secret"]))
        assert answer.status_code == 201, answer.text


def test_auth0() -> None:
    found = of("auth0", "shop")
    assert found.manifest["realms"][0]["name"] == "shop"
    assert set(clients(found)) == {
        "wYt2Gk8QxV1mD7sLbN4cR9fHaJ3eUoPz",
        "kL5nT0vB8wX2zQ6rS9yM3pC7dF1gH4jE",
        "pH0nE1pH0nE2pH0nE3pH0nE4pH0nE5pH",
        "m2mM2Mm2mM2Mm2mM2Mm2mM2Mm2mM2Mm2",
    }
    shop = clients(found)["wYt2Gk8QxV1mD7sLbN4cR9fHaJ3eUoPz"]
    assert shop["redirect_uris"] == ["https://shop.example/auth/callback"]
    assert (shop["par_request_expiry"], shop["require_pushed_authorization_requests"]) == (45, True)
    assert shop["backchannel_logout_uri"] == "https://shop.example/auth/backchannel"
    why = said(found, "wYt2Gk8QxV1mD7sLbN4cR9fHaJ3eUoPz")
    assert why["callbacks"].startswith("dropped: 'https://*.preview.shop.example/auth/callback' has a wildcard")
    assert why["grant_types"].startswith("dropped: the password grant is not supported")
    assert "client_metadata" in why
    phone = clients(found)["pH0nE1pH0nE2pH0nE3pH0nE4pH0nE5pH"]
    assert (phone["application_type"], phone["token_endpoint_auth_method"]) == ("native", "none")
    assert "id_token_signed_response_alg" not in phone
    left = {remark.subject: remark.reason for remark in found.remarks if remark.what == "left out"}
    assert left["ZnJhbmtseSBub3QgYSBjbGllbnQ0000A"].startswith("it is the global client")
    assert "only the ids are exported" in left["bankBANKbankBANKbankBANKbankBANK"]


def test_keycloak() -> None:
    found = of("keycloak")
    realm = found.manifest["realms"][0]
    assert (realm["name"], realm["access_token_signing_alg"]) == ("acme-shop", "RS256")
    assert realm["pushed_authorization_requests"] == {"lifetime": 90}
    assert realm["lifetimes"]["access_token"] == realm["lifetimes"]["id_token"] == 300
    assert said(found, "acme-shop")["accessCodeLifespanLogin"].startswith("changed: 7200 seconds is the most")
    assert set(clients(found)) == {"shop-web", "shop-spa", "reports", "legacy", "gateway", "old-portal"}
    web, spa = clients(found)["shop-web"], clients(found)["shop-spa"]
    assert web["redirect_uris"] == ["https://shop.example/auth/callback", "https://shop.example/"]
    assert web["pushed_redirect_uri_prefixes"] == ["https://shop.example/"]
    assert web["skip_consent"]
    assert "skip_consent" not in spa
    assert (spa["redirect_uris"], spa["pkce_required"]) == (["https://spa.shop.example/"], True)
    assert clients(found)["gateway"]["jwks"]["keys"][0]["kty"] == "EC"
    assert clients(found)["reports"]["scope"] == "openid reports.read"
    assert clients(found)["old-portal"]["enabled"] is False
    for client_id in ("reports", "legacy"):
        assert "client_secret" not in clients(found)[client_id]
        assert "apply makes a new one" in said(found, client_id)["secret"]
    left = {remark.subject for remark in found.remarks if remark.what == "left out"}
    assert left == {"account", "admin-cli", "broker", "realm-management", "security-admin-console", "intranet", "api"}


def test_wso2() -> None:
    found = of("wso2")
    travel = clients(found)["hJ5sJrGH2gKLoBJkfVRQ0Xq2kYsa"]
    assert travel["redirect_uris"] == ["https://travel.example/callback", "https://travel.example/mobile/callback"]
    assert travel["grant_types"] == ["refresh_token", "client_credentials", "authorization_code"]
    assert (travel["pkce_required"], travel["skip_consent"]) == (True, True)
    assert "audiences" in said(found, "hJ5sJrGH2gKLoBJkfVRQ0Xq2kYsa")
    mobile = clients(found)["Mobile_0QGZm2xjWfXo9sVnKc4dR"]
    assert (mobile["token_endpoint_auth_method"], mobile["dpop_bound_access_tokens"]) == ("none", True)
    assert mobile["response_types"] == ["code", "code id_token"]
    assert said(found, "saml2-web-app-dispatch.com")["InboundAuthType"].startswith("left out: ")


def test_no_secret_is_in_the_report() -> None:
    for product in FILES:
        found = of(product)
        kept = [c["client_secret"] for c in clients(found).values() if "client_secret" in c]
        report = str(found.remarks)
        assert not [secret for secret in (*kept, "changeit", "spaSecret") if secret in report]


# --- Nothing is lost silently -----------------------------------------------------------------------------------

AUTH0 = {"client_id": "a", "grant_types": ["authorization_code"], "callbacks": ["https://a.example/cb"],
         "token_endpoint_auth_method": "none"}  # fmt: skip
KEYCLOAK = {"clientId": "a", "publicClient": True, "redirectUris": ["https://a.example/cb"]}
WSO2 = ("<ServiceProvider><ApplicationName>a</ApplicationName>{0}<InboundAuthenticationConfig>"
        "<InboundAuthenticationRequestConfigs><InboundAuthenticationRequestConfig><InboundAuthType>oauth2</InboundAuthType>"
        "<inboundConfiguration><![CDATA[<oAuthAppDO><oauthConsumerKey>a</oauthConsumerKey>"
        "<grantTypes>authorization_code</grantTypes><callbackUrl>https://a.example/cb</callbackUrl>{1}</oAuthAppDO>]]>"
        "</inboundConfiguration></InboundAuthenticationRequestConfig></InboundAuthenticationRequestConfigs>"
        "</InboundAuthenticationConfig></ServiceProvider>")  # fmt: skip


def one(product: str, *, outer: str = "", inner: str = "", **fields: Any) -> Imported:
    """One client with these fields besides."""
    if product == "auth0":
        return auth0.imported([[{**AUTH0, **fields}]], None)
    if product == "keycloak":
        return keycloak.imported([[{**KEYCLOAK, **fields}]], None)
    return wso2.imported([xml_document(WSO2.format(outer, inner))], None)


def test_a_field_that_nobody_knows_is_reported() -> None:
    assert said(one("auth0", brand_new=1), "a")["brand_new"].startswith("unknown: ")
    assert said(one("auth0", jwt_configuration={"brand": {}, "new": 5}), "a").keys() == {"jwt_configuration.new"}
    assert said(one("keycloak", brandNew="x"), "a")["brandNew"].startswith("unknown: ")
    assert said(one("keycloak", attributes={"brand.new": "x"}), "a")["attributes.brand.new"].startswith("unknown: ")
    assert said(one("wso2", outer="<BrandNew>x</BrandNew>"), "a")["BrandNew"].startswith("unknown: ")
    assert said(one("wso2", inner="<brandNew>x</brandNew>"), "a")["brandNew"].startswith("unknown: ")


def test_a_field_without_counterpart_is_reported_where_it_was_used() -> None:
    for name in auth0.DROPPED:
        top, _, inner = name.partition(".")
        used = one("auth0", **{top: {inner: "x"} if inner else "x"})
        assert said(used, "a")[name].startswith("dropped: "), name
        assert name not in said(one("auth0", **{top: {inner: False} if inner else None}), "a"), name
    for name in keycloak_fields.DROPPED:
        top, _, inner = name.partition(".")
        if "ciba.grant" not in name:
            used = one("keycloak", **{top: {inner: "x"} if inner else "x"})
            assert said(used, "a")[name].startswith("dropped: "), name
    for name in wso2.DROPPED:
        assert said(one("wso2", inner=f"<{name}>x</{name}>"), "a")[name].startswith("dropped: "), name


LEFT_OUT = {
    "no-redirect": ("auth0", {"callbacks": []}, "it has no redirect URI that can be registered"),
    "no-flow": ("auth0", {"grant_types": ["password"]}, "no flow of it is supported here"),
    "odd-id": ("auth0", {"client_id": "a b"}, "client_id: must be 1 to"),
    "odd-method": ("auth0", {"token_endpoint_auth_method": "magic"}, "token_endpoint_auth_method: must be one of"),
    "signed-without-keys": ("auth0", {"signed_request_object": {"required": True}}, "signed_request_object: its keys"),
    "odd-authenticator": (
        "keycloak", {"publicClient": False, "clientAuthenticatorType": "magic"}, "clientAuthenticatorType: 'magic'"),
    "key-without-key": (
        "keycloak", {"publicClient": False, "clientAuthenticatorType": "client-jwt"}, "jwks: private_key_jwt needs"),
    "saml": ("keycloak", {"protocol": "saml"}, "its protocol is 'saml'"),
}  # fmt: skip


@pytest.mark.parametrize(("product", "fields", "reason"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_a_client_that_cannot_be_is_left_out_with_the_reason(product: str, fields: dict[str, Any], reason: str) -> None:
    found = one(product, **fields)
    assert clients(found) == {}
    [remark] = found.remarks
    assert (remark.what, remark.reason[: len(reason)]) == ("left out", reason)


KEPT = {
    "dpop": ("auth0", {"require_proof_of_possession": True}, {"dpop_bound_access_tokens": True}),
    "fapi": ("auth0", {"compliance_level": "fapi1_adv_pkj_par"}, {}),
    "confidential": ("keycloak", {"publicClient": False, "secret": "x" * 22}, {"client_secret": "x" * 22}),
    "hmac": (
        "keycloak", {"publicClient": False, "clientAuthenticatorType": "client-secret-jwt", "secret": "x" * 32},
        {"token_endpoint_auth_method": "client_secret_jwt"}),
    "certificate": (
        "keycloak", {"publicClient": False, "clientAuthenticatorType": "client-x509",
                     "attributes": {"x509.subjectdn": "CN=a,C=DE"}}, {"tls_client_auth_subject_dn": "CN=a,C=DE"}),
    "jwks-uri": (
        "keycloak", {"publicClient": False, "clientAuthenticatorType": "client-jwt",
                     "attributes": {"use.jwks.url": "true", "jwks.url": "https://a.example/jwks"}},
        {"jwks_uri": "https://a.example/jwks"}),
    "front-channel-logout": (
        "keycloak", {"frontchannelLogout": True, "attributes": {"frontchannel.logout.url": "https://a.example/out",
                                                                "frontchannel.logout.session.required": "true"}},
        {"frontchannel_logout_uri": "https://a.example/out", "frontchannel_logout_session_required": True}),
    "no-refresh": ("keycloak", {"attributes": {"use.refresh.tokens": "false"}},
                   {"grant_types": ["authorization_code"]}),
}  # fmt: skip


@pytest.mark.parametrize(("product", "fields", "members"), KEPT.values(), ids=KEPT)
def test_a_field_becomes_its_member(product: str, fields: dict[str, Any], members: dict[str, Any]) -> None:
    client = clients(one(product, **fields))["a"]
    assert {name: client.get(name) for name in members} == members


CALLBACKS = {
    "plain": ("https://a.example/cb", ["https://a.example/cb"]),
    "choice": (r"regexp=(https://a.example/cb|https://b\.example/cb\?x=1)",
               ["https://a.example/cb", "https://b.example/cb?x=1"]),
    "anchored": (r"regexp=^https://a\.example/cb$", ["https://a.example/cb"]),
    "pattern": (r"regexp=(https://a.example/cb|https://.*\.example/cb)", ["https://a.example/cb"]),
}  # fmt: skip


@pytest.mark.parametrize(("value", "uris"), CALLBACKS.values(), ids=CALLBACKS)
def test_a_pattern_is_taken_where_it_is_a_choice_of_addresses(value: str, uris: list[str]) -> None:
    text = WSO2.format("", "").replace("https://a.example/cb", value.replace("&", "&amp;"))
    assert clients(wso2.imported([xml_document(text)], None))["a"]["redirect_uris"] == uris


# --- Hostile files ----------------------------------------------------------------------------------------------

ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><ServiceProvider>&b;</ServiceProvider>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><ServiceProvider>&a;</ServiceProvider>'
DTD = "has a document type or entities, which are not taken"
INNER = WSO2.replace("<oAuthAppDO>", OUTSIDE.replace("<ServiceProvider>&a;</ServiceProvider>", "<oAuthAppDO>&a;"))
TWICE = [{"client_id": "a"}, {"client_id": "a"}]
BAD: dict[str, tuple[str, bytes, str]] = {
    "empty": ("auth0", b"", "is not JSON: Expecting value (line 1)"),
    "text": ("keycloak", b"\n\nhello", "is not JSON: Expecting value (line 3)"),
    "binary": ("auth0", b"\xff\xfe\x00", "is not JSON: it has characters that are not Unicode"),
    "half-a-character": ("auth0", b'["\\ud800"]', "is not JSON: it has characters that are not Unicode"),
    "endless-number": ("auth0", b"[" + b"9" * 5000 + b"]", "is not JSON: a number has too many digits"),
    "no-number": ("auth0", b"[NaN]", "is not JSON: NaN is not a number"),
    "repeated-name": ("auth0", b'[{"client_id": "a", "client_id": "b"}]', "the name 'client_id' is there twice in one"),
    "deep": ("auth0", b"[" * 100_000 + b"]" * 100_000, "is nested too deeply"),
    "rather-deep": ("keycloak", b"[" * 60 + b"]" * 60, "is nested too deeply"),
    "ten-megabytes": ("auth0", b"[" + b"1," * 5_000_000 + b"1]", "clients[0] is not a client with a client_id"),
    "too-large": ("auth0", b" " * (32 * 2**20 + 1), "is larger than 32 MiB"),
    "auth0-number": ("auth0", b"5", "is not an answer of GET /api/v2/clients"),
    "auth0-other": ("auth0", b'{"clients": 5}', "is not an answer of GET /api/v2/clients"),
    "auth0-nameless": ("auth0", b"[{}]", "clients[0] is not a client with a client_id"),
    "auth0-twice": ("auth0", json.dumps(TWICE).encode(), "the client 'a' is there twice"),
    "keycloak-other": ("keycloak", b'{"a": 1}', "is not an export of realms (with realm and clients) or clients"),
    "keycloak-list": ("keycloak", b"[1]", "is not an export of realms or clients"),
    "keycloak-nameless": ("keycloak", b'{"realm": "a", "clients": [{}]}', "clients[0] is not a client with a clientId"),
    "keycloak-twice": ("keycloak", b'[{"clientId": "a"}, {"clientId": "a"}]', "the client 'a' is there twice"),
    "keycloak-realm-twice": ("keycloak", b'[{"realm": "a"}, {"realm": "A"}]', "the realm 'a' is there twice"),
    "json-for-xml": ("wso2", b"{}", "is not XML: not well-formed"),
    "xml-empty": ("wso2", b"", "is not XML: no element found"),
    "xml-cut": ("wso2", b"<ServiceProvider>", "is not XML: no element found"),
    "xml-other": ("wso2", b"<html/>", "is not an export of a service provider"),
    "xml-encoding": ("wso2", b"<?xml version='1.0' encoding='klingon'?><a/>", "is not XML"),
    "xml-bomb": ("wso2", ENTITIES.encode(), DTD),
    "xml-outside": ("wso2", OUTSIDE.encode(), DTD),
    "xml-inside": ("wso2", INNER.format("", "").encode(), DTD),
    "xml-deep": ("wso2", b"<a>" * 50_000 + b"</a>" * 50_000, "is nested too deeply"),
    "xml-nameless": ("wso2", WSO2.format("", "").replace("<oauthConsumerKey>a</oauthConsumerKey>", "").encode(),
                     "the OAuth applications[0] is not a client with a oauthConsumerKey"),
}  # fmt: skip


@pytest.mark.parametrize(("product", "content", "reason"), BAD.values(), ids=BAD)
def test_a_hostile_file_is_refused_in_one_line(tmp_path: Path, product: str, content: bytes, reason: str) -> None:
    path = tmp_path / "export"
    path.write_bytes(content)
    with pytest.raises(BadExport) as caught:
        imported(product, [path], None)
    assert str(caught.value).startswith(f"{path}: {reason}")
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_twice_and_a_bad_realm_name_are_refused(tmp_path: Path) -> None:
    path = EXPORTS / "wso2-travel.xml"
    with pytest.raises(BadExport, match="the client 'hJ5sJrGH2gKLoBJkfVRQ0Xq2kYsa' is there twice"):
        imported("wso2", [path, path], None)
    with pytest.raises(BadExport, match="--realm: 'A B' is not"):
        of("auth0", "A B")
    with pytest.raises(BadExport, match="cannot be read: No such file"):
        imported("auth0", [tmp_path / "none"], None)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
    | st.sampled_from(["https://a.example/*", "https://a.example/cb", "http://localhost/cb", "none", "code", "true"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
NAMES = {
    "auth0": [*auth0.MAPPED, *auth0.OBJECTS, *auth0.DROPPED, "callbacks", "grant_types", "app_type", "client_secret",
              "token_endpoint_auth_method", "allowed_logout_urls", "compliance_level"],
    "keycloak": [*keycloak_fields.DROPPED, "redirectUris", "attributes", "protocolMappers", "defaultClientScopes",
                 "clientAuthenticatorType", "secret", "publicClient", "protocol", "rootUrl", "name"],
}  # fmt: skip


def settles(product: str, document: Any) -> None:
    """A manifest that is read as it was written, or a refusal."""
    try:
        found = PRODUCTS[product][1]([json_document(json.dumps(document).encode())], None)
    except BadExport:
        return
    again = parse(text_of(found), "m.yaml")
    assert again.value == found.manifest
    typed(again)


@pytest.mark.parametrize("product", ["auth0", "keycloak"])
@given(document=VALUES)
def test_any_json_is_a_manifest_or_refused(product: str, document: Any) -> None:
    settles(product, document)


@given(fields=st.dictionaries(st.sampled_from(NAMES["auth0"]), VALUES, max_size=8))
def test_any_auth0_client_is_a_manifest_or_refused(fields: dict[str, Any]) -> None:
    settles("auth0", [{**AUTH0, **fields}])


READ = (*keycloak_fields.MAPPED, *keycloak_fields.SWITCHES, *keycloak_fields.LISTS)
ATTRIBUTES = [name.partition(".")[2] for name in READ]
REALM = [*keycloak_fields.LIFETIMES, "defaultSignatureAlgorithm"]


@given(
    fields=st.dictionaries(st.sampled_from(NAMES["keycloak"]), VALUES, max_size=6),
    attributes=st.dictionaries(st.sampled_from(ATTRIBUTES), VALUES, max_size=4),
    realm=st.dictionaries(st.sampled_from(REALM), VALUES, max_size=4),
)
def test_any_keycloak_realm_is_a_manifest_or_refused(
    fields: dict[str, Any], attributes: dict[str, Any], realm: dict[str, Any]
) -> None:
    settles("keycloak", {"realm": "x", **realm, "clients": [{**KEYCLOAK, "attributes": attributes, **fields}]})


@given(st.text())
def test_any_text_is_no_service_provider(text: str) -> None:
    try:
        wso2.imported([xml_document(text)], None)
    except BadExport:
        return


ELEMENTS = [*wso2.MAPPED, *wso2.SWITCHES, "grantTypes", "callbackUrl", "tokenEndpointAuthMethod", "Certificate"]
PLAIN = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="<>&]")


@given(st.sampled_from(ELEMENTS), st.text(PLAIN, max_size=12))
def test_any_service_provider_is_a_manifest(name: str, value: str) -> None:
    found = one("wso2", inner=f"<{name}>{value}</{name}>")
    assert typed(parse(text_of(found), "m.yaml")) is not None
