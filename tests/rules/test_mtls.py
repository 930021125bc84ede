"""Mutual TLS at the endpoints (RFC 8705): whom a certificate authenticates, what it binds, and what is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from ipaddress import ip_address
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from pushgate.manage.manifest import BadManifest
from pushgate.model import Client, RealmSettings
from pushgate.profiles import policy_of
from pushgate.protocol.mtls import SUBJECT_MEMBERS
from pushgate.testing import BASE_URL, Running, running
from tests.support.assertions import TYPE, claims, public, signed
from tests.support.certificates import Made, authority, client, expired, make, name, not_yet_valid, self_signed, usage
from tests.support.manifests import APP_SECRET, CHALLENGE, VERIFIER
from tests.support.proofs import proof, resource_proof, thumbprint
from tests.support.steps import PAR, TOKEN, USERINFO, agree, refused, stored, verified

HEADER = "Client-Cert"  # RFC 9440
REDIRECT = "https://bank.example/cb"
REQUEST = {
    "response_type": "code", "redirect_uri": REDIRECT, "scope": "openid", "state": "a-state", "nonce": "a-nonce",
    "code_challenge": CHALLENGE, "code_challenge_method": "S256",
}  # fmt: skip
CREDENTIALS = {"grant_type": "client_credentials", "scope": "write"}
MTLS_URL = "https://mtls.as.example"
BOUND = {"tls_client_certificate_bound_access_tokens": True}

NAME = name((NameOID.COUNTRY_NAME.dotted_string, "DE"), cn="Bank, Inc.")
SANS = [
    x509.DNSName("client.bank.example"),
    x509.UniformResourceIdentifier("https://bank.example/client"),
    x509.IPAddress(ip_address("2001:db8::1")),
    x509.RFC822Name("client@bank.example"),
]
BANK = client(NAME, san=SANS)
RENEWED = client(NAME, san=SANS)
OTHER = client("another bank")
OWN = self_signed("a client that vouches for itself")
OWN_NEXT = self_signed("the next one of it")
SUBJECTS = {
    "tls_client_auth_subject_dn": "cn=bank\\2C inc., 2.5.4.6=DE",
    "tls_client_auth_san_dns": "CLIENT.bank.example",
    "tls_client_auth_san_uri": "https://bank.example/client",
    "tls_client_auth_san_ip": "2001:0db8:0000::0001",
    "tls_client_auth_san_email": "client@BANK.example",
}
SHOWN = {"bank": BANK, "own": OWN, "bound": BANK, "own-bound": OWN, "fapi": BANK, "both": BANK}


def of(client_id: str, **members: Any) -> dict[str, Any]:
    """A client's registration."""
    common = {
        "redirect_uris": [REDIRECT], "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "scope": "openid write",
    }  # fmt: skip
    return {"client_id": client_id, **common, **members}


TLS = {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=Bank\\, Inc.,C=DE"}
SELF_SIGNED = {"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": {"keys": [OWN.jwk()]}}
PUBLIC = {"token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"]}
CLIENTS = [
    of("bank", **TLS),
    of("own", **SELF_SIGNED),
    of("off", **TLS, enabled=False),
    of("bound", **TLS, **BOUND),
    of("own-bound", **SELF_SIGNED, **BOUND),
    of("secret-bound", client_secret=APP_SECRET, **BOUND),
    of("secret", client_secret=APP_SECRET),
    of("spa", **PUBLIC, **BOUND),
    of("fapi", **TLS, profile="fapi2-security"),
    of("dpop", client_secret=APP_SECRET, dpop_bound_access_tokens=True),
    of("both", **TLS, **BOUND, dpop_bound_access_tokens=True),
    *(of(member, token_endpoint_auth_method="tls_client_auth", **{member: v}) for member, v in SUBJECTS.items()),
]


def manifest(*clients: dict[str, Any], **realm: Any) -> str:
    """A realm in which the authority of the tests is trusted."""
    common: dict[str, Any] = {
        "name": "default",
        "rates": {"failures_per_minute": 0},
        "tls_client_ca": authority().pem,
        "resources": [{"identifier": "https://api.example", "scopes": ["write"]}],
        "users": [{"username": "alice", "password": "alice-password"}],
    }
    return json.dumps({"realms": [{**common, "clients": list(clients or CLIENTS), **realm}]})


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server behind a proxy that passes certificates on."""
    async with running(manifest(), client_cert_header=HEADER) as found:
        yield found


def shown(certificate: Made | None, *chain: Made) -> dict[str, str]:
    """What the proxy says about the connection."""
    if certificate is None:
        return {}
    first, *further = [f":{base64.b64encode(one.der).decode()}:" for one in (certificate, *chain)]
    return {HEADER: first} | ({"Client-Cert-Chain": ", ".join(further)} if further else {})


async def post(
    server: Running, path: str, form: dict[str, str], certificate: Made | None, *chain: Made, **headers: str
) -> httpx.Response:
    """Send a form over a connection with this certificate."""
    return await server.http.post(path, data=form, headers={**shown(certificate, *chain), **headers})


async def token(
    server: Running, client_id: str, certificate: Made | None, *chain: Made, sent: str | None = None, **form: str
) -> httpx.Response:
    """A token request, for the client itself unless the form says otherwise."""
    headers = {} if sent is None else {"DPoP": sent}
    return await post(server, TOKEN, {**CREDENTIALS, **form, "client_id": client_id}, certificate, *chain, **headers)


async def code_for(server: Running, client_id: str, certificate: Made | None = None) -> str:
    """A code for a pushed request of this client."""
    pushed = await post(server, PAR, {**REQUEST, "client_id": client_id}, certificate)
    assert pushed.status_code == 201, pushed.text
    browser = server.browser()
    await browser.open(
        "/oauth2/authorize", params={"client_id": client_id, "request_uri": pushed.json()["request_uri"]}
    )
    return (await agree(browser)).answer["code"]


async def redeem(
    server: Running, client_id: str, code: str, certificate: Made | None, sent: str | None = None
) -> httpx.Response:
    """Redeem a code."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    return await token(server, client_id, certificate, sent=sent, **form)


async def tokens_for(
    server: Running, client_id: str, certificate: Made | None, sent: str | None = None
) -> dict[str, Any]:
    """A token response for a user's grant."""
    code = await code_for(server, client_id, certificate)
    reply = await redeem(server, client_id, code, certificate, sent)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def refresh(
    server: Running, client_id: str, value: str, certificate: Made | None, sent: str | None = None
) -> httpx.Response:
    """Use a refresh token."""
    form = {"grant_type": "refresh_token", "refresh_token": value, "scope": "openid"}
    return await token(server, client_id, certificate, sent=sent, **form)


async def userinfo(
    server: Running, access_token: str, certificate: Made | None, sent: str | None = None
) -> httpx.Response:
    """Use an access token."""
    scheme = "Bearer" if sent is None else "DPoP"
    headers = {"authorization": f"{scheme} {access_token}", **({} if sent is None else {"DPoP": sent})}
    return await server.http.get(USERINFO, headers={**headers, **shown(certificate)})


async def cnf(server: Running, reply: httpx.Response | dict[str, Any]) -> dict[str, str] | None:
    """The key that the new access token is bound to."""
    if isinstance(reply, httpx.Response):
        assert reply.status_code == 200, reply.text
        reply = reply.json()
    found: dict[str, str] | None = (await verified(server, reply["access_token"], "ES256")).get("cnf")
    return found


def x5t(certificate: Made) -> dict[str, str]:
    """What a token is bound to that is bound to this certificate alone."""
    return {"x5t#S256": certificate.thumbprint}


# --- Authentication -------------------------------------------------------------------------------------------


@pytest.mark.requirement("MTLS-2-1", "PAR-2-4")
@pytest.mark.parametrize("client_id", ["bank", "own"])
async def test_a_certificate_and_a_client_id_authenticate(server: Running, client_id: str) -> None:
    certificate = SHOWN[client_id]
    pushed = await post(server, PAR, {**REQUEST, "client_id": client_id}, certificate)
    assert pushed.status_code == 201, pushed.text
    tokens = await tokens_for(server, client_id, certificate)
    assert tokens["token_type"] == "Bearer"
    assert await cnf(server, tokens) is None, "authentication alone binds nothing"
    assert (await refresh(server, client_id, tokens["refresh_token"], certificate)).status_code == 200
    assert (await token(server, client_id, certificate)).status_code == 200


@pytest.mark.requirement("MTLS-2-1")
@pytest.mark.parametrize("client_id", ["bank", "own"])
async def test_without_certificate_or_client_id_nobody_is_authenticated(server: Running, client_id: str) -> None:
    for path, form in ((PAR, REQUEST), (TOKEN, CREDENTIALS)):
        missing = await post(server, path, {**form, "client_id": client_id}, None)
        refused(missing, 401, "invalid_client", "certificate.missing")
        refused(await post(server, path, form, SHOWN[client_id]), 401, "invalid_client", "client.missing")
        broken = await server.http.post(path, data={**form, "client_id": client_id}, headers={HEADER: ":AAAA:"})
        refused(broken, 401, "invalid_client", "certificate.malformed")
    assert stored(server) == 0


@pytest.mark.requirement("MTLS-2-2", "MTLS-2.1-2", "MTLS-2.2-1")
async def test_the_certificate_of_somebody_else(server: Running) -> None:
    for path, form in ((PAR, REQUEST), (TOKEN, CREDENTIALS)):
        reply = await post(server, path, {**form, "client_id": "bank"}, OTHER)
        refused(reply, 401, "invalid_client", "certificate.subject")
        for certificate in (OTHER, BANK, self_signed("a client that vouches for itself", key=OWN.key)):
            reply = await post(server, path, {**form, "client_id": "own"}, certificate)
            refused(reply, 401, "invalid_client", "certificate.unknown")
        for who in ("nobody", "off"):
            reply = await post(server, path, {**form, "client_id": who}, BANK)
            refused(reply, 401, "invalid_client", "client.authentication")


@pytest.mark.requirement("MTLS-2.1-1", "MTLS-7.4-1")
async def test_an_authority_that_is_trusted_has_to_vouch_for_it_today(server: Running) -> None:
    middle = make("Middle CA", issuer=authority(), ca=True)
    wrong = {
        "self-signed": self_signed(NAME, san=SANS),
        "expired": expired(NAME, san=SANS),
        "not yet valid": not_yet_valid(NAME, san=SANS),
        "of another authority": client(NAME, san=SANS, issuer=authority("Somebody else")),
        "without what is between": client(NAME, san=SANS, issuer=middle),
        "an authority itself": client(NAME, san=SANS, ca=True),
        "for signing certificates": client(NAME, san=SANS, key_usage=usage("key_cert_sign")),
    }
    for why, certificate in wrong.items():
        reply = await token(server, "bank", certificate)
        refused(reply, 401, "invalid_client", "certificate.chain")
        assert reply.headers["www-authenticate"].startswith("Basic "), why
    assert (await token(server, "bank", client(NAME, issuer=middle), middle)).status_code == 200


@pytest.mark.requirement("MTLS-2.1-1", "MTLS-7.4-1")
async def test_where_nobody_is_trusted_nobody_is_authenticated(server: Running) -> None:
    assert (await token(server, "bank", BANK)).status_code == 200
    await server.apply('{"realms": [{"name": "default", "tls_client_ca": null}]}')
    refused(await token(server, "bank", BANK), 401, "invalid_client", "certificate.chain")
    assert (await token(server, "own", OWN)).status_code == 200
    await server.apply(manifest(tls_client_ca=authority("Somebody else").pem + authority().pem))
    assert (await token(server, "bank", BANK)).status_code == 200


@pytest.mark.requirement("MTLS-2.1-2", "MTLS-2.1-3", "MTLS-2.1.2-2")
@pytest.mark.parametrize("member", SUBJECT_MEMBERS)
async def test_the_registered_subject_is_the_one_that_counts(server: Running, member: str) -> None:
    assert (await token(server, member, BANK)).status_code == 200
    nearly = client("client.bank.example", san=[x509.DNSName("Bank, Inc."), x509.DNSName("2001:db8::1")])
    refused(await token(server, member, nearly), 401, "invalid_client", "certificate.subject")


@pytest.mark.requirement("MTLS-2.2.2-1")
async def test_a_key_that_is_not_its_certificates_is_not_used(server: Running) -> None:
    wrong = OWN.jwk(x5c=[base64.b64encode(OWN_NEXT.der).decode()])
    await server.apply(manifest(of("own", **{**SELF_SIGNED, "jwks": {"keys": [wrong, OWN.jwk()]}})))
    refused(await token(server, "own", OWN_NEXT), 401, "invalid_client", "certificate.unknown")
    assert (await token(server, "own", OWN)).status_code == 200


async def test_a_credential_beside_the_certificate_is_one_too_many(server: Running) -> None:
    assertion = {"client_assertion_type": TYPE, "client_assertion": signed(claims(server, "bank"))}
    secret = {"client_id": "bank", "client_secret": APP_SECRET}
    for form in (secret, assertion):
        reply = await post(server, TOKEN, {**CREDENTIALS, **form}, BANK)
        refused(reply, 400, "invalid_request", "client.two_methods")
    basic = await server.http.post(TOKEN, data=CREDENTIALS, auth=("bank", APP_SECRET), headers=shown(BANK))
    refused(basic, 400, "invalid_request", "client.two_methods")
    # Without the certificate it is one method, and the wrong one.
    refused(await post(server, TOKEN, {**CREDENTIALS, **secret}, None), 401, "invalid_client", "client.authentication")
    refused(await post(server, TOKEN, {**CREDENTIALS, **assertion}, None), 401, "invalid_client", "client.method")


@pytest.mark.requirement("MTLS-6.1-1")
async def test_other_clients_do_not_mind_a_certificate(server: Running) -> None:
    for certificate in (None, BANK, OWN):
        reply = await server.http.post(TOKEN, data=CREDENTIALS, auth=("secret", APP_SECRET), headers=shown(certificate))
        assert await cnf(server, reply) is None
    # It is not even read.
    broken = {HEADER: "no certificate at all"}
    reply = await server.http.post(TOKEN, data=CREDENTIALS, auth=("secret", APP_SECRET), headers=broken)
    assert reply.status_code == 200


async def test_failures_are_counted(server: Running) -> None:
    await server.apply('{"realms": [{"name": "default", "rates": {"failures_per_minute": 2}}]}')
    for _ in range(2):
        refused(await token(server, "bank", OTHER), 401, "invalid_client", "certificate.subject")
    assert (await token(server, "bank", BANK)).status_code == 429


@pytest.mark.requirement("BCP-4.13-1")
async def test_a_header_from_anybody_but_the_proxy_is_ignored(server: Running) -> None:
    direct = httpx.ASGITransport(server.app, client=("192.0.2.7", 123))
    async with httpx.AsyncClient(transport=direct, base_url=BASE_URL) as http:
        for client_id in ("bank", "own"):
            sent = {**shown(SHOWN[client_id]), "x-forwarded-for": "127.0.0.1"}
            reply = await http.post(TOKEN, data={**CREDENTIALS, "client_id": client_id}, headers=sent)
            refused(reply, 401, "invalid_client", "certificate.missing")
    refusals = await server.audit("request_refused")
    assert {row["address"] for row in refusals} == {"192.0.2.7"}


async def test_certificates_do_not_count_where_the_server_was_not_told_of_them() -> None:
    async with running(manifest()) as server:
        refused(await token(server, "bank", BANK), 401, "invalid_client", "certificate.missing")
        reply = await server.http.post(TOKEN, data=CREDENTIALS, auth=("secret-bound", APP_SECRET), headers=shown(BANK))
        refused(reply, 400, "invalid_request", "certificate.required")
        metadata = (await server.http.get("/.well-known/oauth-authorization-server")).json()
        assert "tls_client_certificate_bound_access_tokens" not in metadata
        assert not [m for m in metadata["token_endpoint_auth_methods_supported"] if "tls" in m]


# --- Registration ----------------------------------------------------------------------------------------------


async def problem(server: Running, member: str, **members: Any) -> str:
    """Why this registration is refused, by the member complained about."""
    with pytest.raises(BadManifest) as caught:
        await server.apply(manifest(of("new", **members)))
    [complaint] = [c for c in caught.value.complaints if c.where.endswith(f".{member}")]
    return complaint.reason


@pytest.mark.requirement("MTLS-2.1.2-1")
async def test_exactly_one_subject_is_registered(server: Running) -> None:
    dn, dns = "tls_client_auth_subject_dn", "tls_client_auth_san_dns"
    tls = {"token_endpoint_auth_method": "tls_client_auth"}
    assert "needs one of" in await problem(server, dn, **tls)
    assert "one subject counts" in await problem(server, dns, **tls, **{dn: "CN=x", dns: "x.example"})
    for method in ({}, PUBLIC, SELF_SIGNED):
        assert "tls_client_auth alone" in await problem(server, dns, **{**method, dns: "x.example"})
    assert "not an IP address" in await problem(server, "tls_client_auth_san_ip", **tls, tls_client_auth_san_ip="x")
    assert await problem(server, dn, **tls, **{dn: "no name"})


async def test_who_vouches_for_itself_registers_its_certificates(server: Running) -> None:
    method = {"token_endpoint_auth_method": "self_signed_tls_client_auth"}
    assert "needs jwks or jwks_uri" in await problem(server, "jwks", **method)
    bare = {name: value for name, value in OWN.jwk().items() if name != "x5c"}
    mismatch = OWN.jwk(x5c=[base64.b64encode(OWN_NEXT.der).decode()])
    for jwk in (bare, mismatch, {**bare, "x5c": ["garbage"]}, {**bare, "x5c": ["AAAA"]}):
        assert "x5c" in await problem(server, "jwks", **method, jwks={"keys": [jwk]})
    for tls in (TLS, SELF_SIGNED):
        assert "has no secret" in await problem(server, "client_secret", **tls, client_secret=APP_SECRET)


@pytest.mark.requirement("MTLS-6.4-1")
async def test_no_token_in_the_front_channel_for_clients_whose_tokens_are_bound(server: Running) -> None:
    implicit = {"grant_types": ["implicit"], "response_types": ["token"], "client_secret": APP_SECRET}
    assert "bound to no key" in await problem(server, "response_types", **implicit, **BOUND)
    members: dict[str, Any] = {"response_types": ("code", "token", "id_token"), **BOUND}
    policy = policy_of(RealmSettings(name="default"), Client(client_id="x", **members))
    assert policy.response_types == {"code", "id_token"}


# --- Bound tokens -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("MTLS-3-1", "MTLS-3.1-1", "MTLS-3.1-2", "MTLS-2-1")
@pytest.mark.parametrize("client_id", ["bound", "own-bound", "fapi"])
async def test_the_tokens_of_every_grant_type_are_bound_to_the_certificate(server: Running, client_id: str) -> None:
    certificate = SHOWN[client_id]
    tokens = await tokens_for(server, client_id, certificate)
    again = await refresh(server, client_id, tokens["refresh_token"], certificate)
    own = await token(server, client_id, certificate)
    for found in (tokens, again.json(), own.json()):
        assert found["token_type"] == "Bearer"
        assert await cnf(server, found) == x5t(certificate)


@pytest.mark.requirement("MTLS-3-1")
async def test_a_renewed_certificate_goes_on_with_the_refresh_token(server: Running) -> None:
    tokens = await tokens_for(server, "bound", BANK)
    again = await refresh(server, "bound", tokens["refresh_token"], RENEWED)
    assert await cnf(server, again) == x5t(RENEWED)


@pytest.mark.requirement("MTLS-3.4-1")
async def test_a_client_that_wants_tokens_bound_to_its_certificate_gets_no_others(server: Running) -> None:
    for sent in (None, proof(server)):
        reply = await server.http.post(
            TOKEN, data=CREDENTIALS, auth=("secret-bound", APP_SECRET), headers={} if sent is None else {"DPoP": sent}
        )
        refused(reply, 400, "invalid_request", "certificate.required")
    reply = await server.http.post(TOKEN, data=CREDENTIALS, auth=("secret-bound", APP_SECRET), headers=shown(OWN))
    assert await cnf(server, reply) == x5t(OWN), "any certificate binds; the secret authenticates"
    code = await code_for(server, "spa")
    refused(await redeem(server, "spa", code, None), 400, "invalid_request", "certificate.required")
    assert await cnf(server, await redeem(server, "spa", code, OWN)) == x5t(OWN), "the refusal used the code up"


@pytest.mark.requirement("FAPI-5.3.2.1-4", "FAPI-5.3.2.1-6", "DPOP-5.2-1")
async def test_under_fapi_a_certificate_or_a_proof_has_to_come(server: Running) -> None:
    jwt = {"token_endpoint_auth_method": "private_key_jwt", "jwks": public("p256"), "profile": "fapi2-security"}
    await server.apply(manifest(*CLIENTS, of("fapi-jwt", **jwt)))

    async def ask(certificate: Made | None, sent: str | None = None) -> httpx.Response:
        who = {"client_assertion_type": TYPE, "client_assertion": signed(claims(server, "fapi-jwt", aud=BASE_URL))}
        headers = {} if sent is None else {"DPoP": sent}
        return await post(server, TOKEN, {**CREDENTIALS, **who}, certificate, **headers)

    refused(await ask(None), 400, "invalid_request", "certificate.or_proof")
    assert await cnf(server, await ask(OWN)) == x5t(OWN)
    # A proof goes before a certificate that nobody registered.
    for certificate in (None, OWN):
        assert await cnf(server, await ask(certificate, proof(server))) == {"jkt": thumbprint("p256")}
    reply = await token(server, "fapi", BANK, sent=proof(server))
    assert (await cnf(server, reply), reply.json()["token_type"]) == ({"jkt": thumbprint("p256")}, "DPoP")


@pytest.mark.requirement("DPOP-5.2-1")
async def test_who_registered_for_dpop_needs_a_proof_and_a_certificate_does_not_replace_it(server: Running) -> None:
    reply = await server.http.post(TOKEN, data=CREDENTIALS, auth=("dpop", APP_SECRET), headers=shown(OWN))
    refused(reply, 400, "invalid_dpop_proof", "dpop.required")
    refused(await token(server, "both", BANK), 400, "invalid_dpop_proof", "dpop.required")


@pytest.mark.parametrize("client_id", ["bound", "both"])
async def test_with_both_the_tokens_are_bound_to_both(server: Running, client_id: str) -> None:
    tokens = await tokens_for(server, client_id, BANK, proof(server))
    assert tokens["token_type"] == "DPoP"
    assert await cnf(server, tokens) == {"jkt": thumbprint("p256"), **x5t(BANK)}
    value = tokens["access_token"]
    assert (await userinfo(server, value, BANK, resource_proof(server, value))).status_code == 200
    for certificate in (None, RENEWED):
        reply = await userinfo(server, value, certificate, resource_proof(server, value))
        refused(reply, 401, "invalid_token", "userinfo.token_certificate")
    refused(await userinfo(server, value, BANK), 401, "invalid_token", "userinfo.token_scheme")


# --- Public clients ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("MTLS-4-1", "MTLS-4-2")
async def test_tokens_of_a_public_client_are_bound_to_the_certificate_it_came_with(server: Running) -> None:
    tokens = await tokens_for(server, "spa", OWN)
    assert await cnf(server, tokens) == x5t(OWN)
    for certificate in (OWN_NEXT, BANK):
        reply = await refresh(server, "spa", tokens["refresh_token"], certificate)
        refused(reply, 400, "invalid_grant", "certificate.refresh")
    refused(await refresh(server, "spa", tokens["refresh_token"], None), 400, "invalid_request", "certificate.required")
    # Bound as it is, the refresh token is not rotated.
    for _ in range(2):
        again = await refresh(server, "spa", tokens["refresh_token"], OWN)
        assert await cnf(server, again) == x5t(OWN)
        assert "refresh_token" not in again.json()


async def test_a_refresh_token_that_is_bound_twice_needs_both_keys(server: Running) -> None:
    tokens = await tokens_for(server, "spa", OWN, proof(server))
    value = tokens["refresh_token"]
    refused(await refresh(server, "spa", value, OWN), 400, "invalid_grant", "dpop.key_refresh")
    reply = await refresh(server, "spa", value, OWN_NEXT, proof(server))
    refused(reply, 400, "invalid_grant", "certificate.refresh")
    assert (await refresh(server, "spa", value, OWN, proof(server))).status_code == 200


async def test_a_refresh_token_stays_bound_where_the_registration_wants_no_binding_any_more(server: Running) -> None:
    tokens = await tokens_for(server, "spa", OWN)
    await server.apply(manifest(of("spa", **PUBLIC)))
    reply = await refresh(server, "spa", tokens["refresh_token"], OWN_NEXT)
    refused(reply, 400, "invalid_grant", "certificate.refresh")


# --- UserInfo -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("MTLS-3-2")
@pytest.mark.parametrize("client_id", ["bound", "own-bound"])
async def test_a_bound_token_works_with_its_certificate_alone(server: Running, client_id: str) -> None:
    certificate = SHOWN[client_id]
    value = (await tokens_for(server, client_id, certificate))["access_token"]
    reply = await userinfo(server, value, certificate)
    assert (reply.status_code, set(reply.json())) == (200, {"sub"})
    for other in (None, RENEWED, OTHER, OWN_NEXT):
        reply = await userinfo(server, value, other)
        refused(reply, 401, "invalid_token", "userinfo.token_certificate")
        assert 'Bearer realm="default", error="invalid_token"' in reply.headers["www-authenticate"]
    broken = {"authorization": f"Bearer {value}", HEADER: "garbage"}
    refused(await server.http.get(USERINFO, headers=broken), 401, "invalid_token", "userinfo.token_certificate")
    sent = resource_proof(server, value)
    refused(await userinfo(server, value, certificate, sent), 401, "invalid_token", "userinfo.token_scheme")
    direct = httpx.ASGITransport(server.app, client=("192.0.2.7", 123))
    async with httpx.AsyncClient(transport=direct, base_url=BASE_URL) as http:
        reply = await http.get(USERINFO, headers={"authorization": f"Bearer {value}", **shown(certificate)})
        refused(reply, 401, "invalid_token", "userinfo.token_certificate")


async def test_an_unbound_token_does_not_mind_a_certificate(server: Running) -> None:
    value = (await tokens_for(server, "bank", BANK))["access_token"]
    for certificate in (None, BANK, OTHER):
        assert (await userinfo(server, value, certificate)).status_code == 200


# --- Metadata, aliases ------------------------------------------------------------------------------------------------


async def metadata_of(server: Running) -> dict[str, Any]:
    """The metadata document."""
    found: dict[str, Any] = (await server.http.get("/.well-known/oauth-authorization-server")).json()
    return found


@pytest.mark.requirement("META-8705-1")
async def test_the_metadata_say_what_certificates_are_good_for(server: Running) -> None:
    metadata = await metadata_of(server)
    methods = {"tls_client_auth", "self_signed_tls_client_auth"}
    assert metadata["tls_client_certificate_bound_access_tokens"] is True
    assert methods <= set(metadata["token_endpoint_auth_methods_supported"])
    assert "mtls_endpoint_aliases" not in metadata
    await server.apply('{"realms": [{"name": "default", "tls_client_ca": null}]}')
    listed = (await metadata_of(server))["token_endpoint_auth_methods_supported"]
    assert methods & set(listed) == {"self_signed_tls_client_auth"}
    await server.apply('{"realms": [{"name": "bank", "profile": "fapi2-security"}]}')
    document = await server.http.get("/realms/bank/.well-known/oauth-authorization-server")
    listed = document.json()["token_endpoint_auth_methods_supported"]
    assert listed == ["private_key_jwt", "self_signed_tls_client_auth"]


@pytest.fixture
async def aliased() -> AsyncIterator[Running]:
    """A server with another host for certificates."""
    text = json.loads(manifest())
    text["realms"].append({"name": "beta", "tls_client_ca": authority().pem, "clients": [of("bank", **TLS)]})
    async with running(json.dumps(text), client_cert_header=HEADER, mtls_base_url=f"{MTLS_URL}/") as found:
        yield found


@pytest.mark.requirement("META-8705-2", "MTLS-5-1")
async def test_each_alias_does_what_its_endpoint_does(aliased: Running) -> None:
    for prefix in ("", "/realms/beta"):
        metadata = (await aliased.http.get(f"{prefix}/.well-known/openid-configuration")).json()
        aliases = metadata["mtls_endpoint_aliases"]
        expected = ("token_endpoint", "pushed_authorization_request_endpoint", "userinfo_endpoint")
        assert set(expected) <= set(aliases)
        assert "authorization_endpoint" not in aliases
        for name_, url in aliases.items():
            assert metadata[name_].startswith(BASE_URL)
            assert url == MTLS_URL + metadata[name_].removeprefix(BASE_URL)
        form = {**REQUEST, "client_id": "bank"}
        pushed = await aliased.http.post(
            aliases["pushed_authorization_request_endpoint"], data=form, headers=shown(BANK)
        )
        assert pushed.status_code == 201, pushed.text
        if prefix:
            continue
        browser = aliased.browser()
        params = {"client_id": "bank", "request_uri": pushed.json()["request_uri"]}
        await browser.open(metadata["authorization_endpoint"], params=params)
        code = (await agree(browser)).answer["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "client_id": "bank"}
        form["code_verifier"] = VERIFIER
        tokens = await aliased.http.post(aliases["token_endpoint"], data=form, headers=shown(BANK))
        assert tokens.status_code == 200, tokens.text
        bearer = {"authorization": f"Bearer {tokens.json()['access_token']}"}
        assert (await aliased.http.get(aliases["userinfo_endpoint"], headers=bearer)).status_code == 200


@pytest.mark.requirement("DPOP-4.3-9", "VEN-T-2")
async def test_assertions_and_proofs_may_name_the_alias(aliased: Running) -> None:
    jwt = {"token_endpoint_auth_method": "private_key_jwt", "jwks": public("p256")}
    await aliased.apply(manifest(of("jwt", **jwt)))

    async def ask(base: str, **changes: Any) -> httpx.Response:
        aud, htu = changes.get("aud", base + TOKEN), changes.get("htu", base + TOKEN)
        who = {"client_assertion_type": TYPE, "client_assertion": signed(claims(aliased, "jwt", aud=aud))}
        return await aliased.http.post(
            base + TOKEN, data={**CREDENTIALS, **who}, headers={"DPoP": proof(aliased, htu=htu)}
        )

    for base in (BASE_URL, MTLS_URL):
        for other in (BASE_URL, MTLS_URL):
            assert (await ask(base, aud=other + TOKEN)).status_code == 200
            reply = await ask(base, htu=other + TOKEN)
            if (base, other) == (BASE_URL, MTLS_URL):
                refused(reply, 400, "invalid_dpop_proof", "dpop.htu")
            else:
                assert reply.status_code == 200
    assert (await ask(MTLS_URL, aud=MTLS_URL + PAR)).status_code == 200
    refused(await ask(MTLS_URL, aud=MTLS_URL), 401, "invalid_client", "assertion.aud")
    refused(await ask(MTLS_URL, aud="https://else.example" + TOKEN), 401, "invalid_client", "assertion.aud")
    refused(await ask(MTLS_URL, htu="https://else.example" + TOKEN), 400, "invalid_dpop_proof", "dpop.htu")
    refused(await ask(MTLS_URL, htu=MTLS_URL + PAR), 400, "invalid_dpop_proof", "dpop.htu")
