"""Keys that are too short count nowhere, and the server's own are long enough, told apart, and named by no URL.

FAPI 2.0 Security Profile 5.4.1, 5.4.2.
"""

from __future__ import annotations

import base64
import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc.jwk import ECKey, RSAKey

from pushgate.jose.keys import make_key
from pushgate.manage.manifest import BadManifest
from pushgate.testing import BASE_URL, Running, running
from tests.support.assertions import b64, key, public, seal
from tests.support.certificates import Made, authority, client, self_signed
from tests.support.introspection import ask_about, manifest
from tests.support.manifests import APP_SECRET, REQUEST
from tests.support.proofs import jwk_of, proof
from tests.support.steps import PAR, TOKEN, answered, but, post_as, redeem, refused, used

pytestmark = pytest.mark.filterwarnings("ignore:Key size should be")

HEADER = "Client-Cert"  # RFC 9440
CREDENTIALS = {"grant_type": "client_credentials"}
NUMBERS = ec.generate_private_key(ec.SECP192R1())
RSA_SHORT = {bits: rsa.generate_private_key(65537, bits) for bits in (1024, 2047)}


def number(value: int) -> str:
    """A number as a JWK has it."""
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def rsa_jwk(bits: int) -> dict[str, Any]:
    """A public RSA key."""
    return {"kty": "RSA", "e": "AQAB", "n": number(RSA_SHORT[bits].public_key().public_numbers().n)}


def ec_jwk(curve: str) -> dict[str, Any]:
    """A point of P-192, under this name."""
    point = NUMBERS.public_key().public_numbers()
    return {"kty": "EC", "crv": curve, "x": number(point.x), "y": number(point.y)}


SHORT: dict[str, dict[str, Any]] = {
    "RSA 1024": rsa_jwk(1024),
    "RSA 2047": rsa_jwk(2047),
    "P-192": ec_jwk("P-192"),
    "P-192 called by its other name": ec_jwk("secp192r1"),
    "P-192 called P-256": ec_jwk("P-256"),
}


# --- Of clients --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("FAPI-5.4.1-2")
@pytest.mark.parametrize("case", SHORT)
@pytest.mark.parametrize("method", ["private_key_jwt", "client_secret_basic"])
async def test_a_short_key_is_not_registered(server: Running, case: str, method: str) -> None:
    members = {"client_id": "new", "token_endpoint_auth_method": method, "redirect_uris": ["https://new.example/cb"]}
    members |= {"client_secret": APP_SECRET} if method == "client_secret_basic" else {}
    for keys in ([SHORT[case]], [*public("p256")["keys"], SHORT[case]]):
        with pytest.raises(BadManifest) as caught:
            await server.apply(
                json.dumps({"realms": [{"name": "default", "clients": [{**members, "jwks": {"keys": keys}}]}]})
            )
        [complaint] = caught.value.complaints
        assert complaint.where.endswith(".jwks")
        assert complaint.reason == "must be a JWK Set of public EC, RSA (2048 bits or more) or Ed25519 keys"


@pytest.mark.requirement("FAPI-5.4.1-2", "DPOP-4.3-7")
@pytest.mark.parametrize("case", SHORT)
async def test_a_proof_by_a_short_key(server: Running, case: str) -> None:
    claims = {"jti": "1", "htm": "POST", "htu": BASE_URL + TOKEN, "iat": int(server.clock())}
    alg = "PS256" if case.startswith("RSA") else "ES256"
    head = {"typ": "dpop+jwt", "alg": alg, "jwk": SHORT[case]}
    if alg == "PS256":
        pem = Made(self_signed().certificate, RSA_SHORT[int(case[-4:])]).key_pem
        sent = seal(head, claims, alg, RSAKey.import_key(pem))
    else:
        sent = seal(head, claims, alg, key("p256"))
    reply = await server.http.post(TOKEN, auth=("app", APP_SECRET), data=CREDENTIALS, headers={"dpop": sent})
    refused(reply, 400, "invalid_dpop_proof", "dpop.jwk")
    assert used(server) == 0


WEAK: dict[str, Any] = {"RSA 1024": RSA_SHORT[1024], "RSA 2047": RSA_SHORT[2047], "P-192": NUMBERS}
ENOUGH: dict[str, Any] = {
    "RSA 2048": rsa.generate_private_key(65537, 2048),
    "P-224": ec.generate_private_key(ec.SECP224R1()),
    "P-256": ec.generate_private_key(ec.SECP256R1()),
}


def shown(certificate: Made) -> dict[str, str]:
    """What the proxy says about the connection."""
    return {HEADER: f":{base64.b64encode(certificate.der).decode()}:"}


def behind_a_proxy() -> str:
    """A client that an authority vouches for, and one whose certificate, any one, binds its tokens."""
    common: dict[str, Any] = {"redirect_uris": ["https://bank.example/cb"], "scope": "write"}
    common["grant_types"] = ["authorization_code", "client_credentials"]
    method = {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=bank"}
    bound = {"client_secret": APP_SECRET, "tls_client_certificate_bound_access_tokens": True}
    clients = [{"client_id": "bank", **common, **method}, {"client_id": "bound", **common, **bound}]
    resources = [{"identifier": "https://api.example", "scopes": ["write"]}]
    realm = {"name": "default", "tls_client_ca": authority().pem, "clients": clients, "resources": resources}
    return json.dumps({"realms": [{**realm, "rates": {"failures_per_minute": 0}}]})


@pytest.mark.requirement("FAPI-5.4.1-2", "MTLS-2.1-1")
async def test_a_certificate_with_a_short_key_neither_authenticates_nor_binds() -> None:
    async with running(behind_a_proxy(), client_cert_header=HEADER) as server:
        for how in WEAK.values():
            for certificate in (client("bank", key=how), self_signed("bank", key=how)):
                for path in (PAR, TOKEN):
                    form = {**CREDENTIALS, "client_id": "bank"}
                    reply = await server.http.post(path, data=form, headers=shown(certificate))
                    refused(reply, 401, "invalid_client", "certificate.key")
                reply = await server.http.post(
                    TOKEN, data=CREDENTIALS, auth=("bound", APP_SECRET), headers=shown(certificate)
                )
                refused(reply, 401, "invalid_client", "certificate.key")
        for how in ENOUGH.values():
            certificate = client("bank", key=how)
            own = await server.http.post(TOKEN, data={**CREDENTIALS, "client_id": "bank"}, headers=shown(certificate))
            bound = await server.http.post(
                TOKEN, data=CREDENTIALS, auth=("bound", APP_SECRET), headers=shown(certificate)
            )
            assert (own.status_code, bound.status_code) == (200, 200), (own.text, bound.text)


# --- Our own -------------------------------------------------------------------------------------------------------


def size(jwk: dict[str, Any]) -> int:
    """Bits of the modulus or the coordinate, read off the JWK itself."""
    member = "n" if jwk["kty"] == "RSA" else "x"
    raw = urlsafe_b64decode(jwk[member] + "==")
    return int.from_bytes(raw, "big").bit_length() if member == "n" else len(raw) * 8


@pytest.mark.requirement("FAPI-5.4.1-2", "FAPI-5.4.2-1")
async def test_the_published_keys_are_long_enough_and_told_apart_also_after_rotations(server: Running) -> None:
    server.management._make_key = make_key
    for rotations in range(1, 4):
        document = (await server.http.get("/oauth2/jwks")).json()
        kids = [jwk["kid"] for jwk in document["keys"]]
        assert len(kids) == len(set(kids)) == 6 * rotations
        for jwk in document["keys"]:
            assert not {"x5u", "jku", "x5c", "d", "p", "q", "k"} & jwk.keys()
            assert (jwk["kty"], size(jwk) >= (2048 if jwk["kty"] == "RSA" else 224)) in {
                ("RSA", True), ("EC", True), ("OKP", True),
            }  # fmt: skip
        server.clock.advance(1)
        await server.management.rotate_keys("default")
        await server.server.snapshot.refresh()


@pytest.mark.requirement("FAPI-5.4.2-1")
@pytest.mark.parametrize("base_url", ["https://as.example", "https://as.example:8443/some/path"])
async def test_keys_are_published_over_tls(base_url: str) -> None:
    async with running("realms: [{name: default, profile: fapi2-security}, {name: beta}]", base_url=base_url) as server:
        for realm in ("", "/realms/beta"):
            for where in ("oauth-authorization-server", "openid-configuration"):
                found = (await server.http.get(f"{base_url}{realm}/.well-known/{where}")).json()
                assert found["jwks_uri"] == f"{base_url}{realm}/oauth2/jwks"


ELSEWHERE = "https://elsewhere.example/key"


def to_encrypt_to() -> dict[str, Any]:
    """A client's keys, which say where else they can be found."""
    found = ECKey.generate_key("P-256", {"kid": "enc"}).as_dict(private=False)
    return {"keys": [{**found, "use": "enc", "x5u": ELSEWHERE, "jku": ELSEWHERE}]}


SEALED = {"alg": "ECDH-ES", "enc": "A256GCM"}


@pytest.mark.requirement("FAPI-5.4.2-1")
async def test_no_jwt_of_ours_says_where_a_key_is() -> None:
    members = {f"{kind}_encrypted_response_{name}": value for kind in ("authorization", "introspection")
               for name, value in SEALED.items()}  # fmt: skip
    common = {"client_secret": APP_SECRET, "redirect_uris": [REQUEST["redirect_uri"]], "scope": "openid"}
    sealed = {"client_id": "sealed", "jwks": to_encrypt_to(), **members, **common}
    async with running(manifest(sealed)) as server:
        hybrid = but(REQUEST, redirect_uri="https://hybrid.example/cb", scope="openid")
        tokens = (await redeem(server, (await answered(server, but(REQUEST, scope="openid"))).answer["code"])).json()
        by_code = (await post_as(server, "app", TOKEN, {"grant_type": "client_credentials", "scope": "write"})).json()
        made = {
            "access token": tokens["access_token"],
            "access token of a client": by_code["access_token"],
            "ID Token": tokens["id_token"],
            "response": (await answered(server, but(hybrid, response_mode="jwt"), "hybrid")).answer["response"],
            "introspection": (
                await ask_about(server, by_code["access_token"], accept="application/token-introspection+jwt")
            ).text,
        }
        for what, value in made.items():
            assert head(value).keys() == {"alg", "kid", "typ"}, what
        request = but(REQUEST, scope="openid", response_mode="jwt")
        encrypted = (await answered(server, request, "sealed")).answer["response"]
        asked = await ask_about(server, by_code["access_token"], "sealed")
        for value in (encrypted, asked.text):
            assert head(value).keys() == {"alg", "enc", "kid", "cty", "epk"}
            assert head(value)["epk"].keys() == {"kty", "crv", "x", "y"}


def head(value: str) -> dict[str, Any]:
    """The protected header, signed or encrypted."""
    found: dict[str, Any] = json.loads(urlsafe_b64decode(value.partition(".")[0] + "=="))
    return found


@pytest.mark.requirement("FAPI-5.4.1-2")
async def test_a_key_that_is_long_enough_works(server: Running) -> None:
    """What the proofs above would be, so that they fail for the right reason."""
    long = RSAKey.generate_key(2048)
    assert jwk_of(long).keys() == SHORT["RSA 1024"].keys()
    sent = proof(server, by=long, alg="PS256")
    reply = await server.http.post(
        TOKEN, auth=("app", APP_SECRET), data={**CREDENTIALS, "scope": "write"}, headers={"dpop": sent}
    )
    assert (reply.status_code, reply.json()["token_type"]) == (200, "DPoP")
