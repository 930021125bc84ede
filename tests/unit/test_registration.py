"""Client registrations: good ones, and the same with one thing wrong, which is named with its reason."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pushgate.model import Client, ClientSecret
from pushgate.profiles import OAUTH2, OIDC
from pushgate.protocol.registration import Problem, complete, problems
from tests.support.assertions import key, public
from tests.support.certificates import self_signed

SECRET = "a-secret-of-at-least-22-characters"
KEYS = public("p256")
GOOD = Client(client_id="app", redirect_uris=("https://app.example/cb",))
"""A client that leaves everything else to the defaults."""

NATIVE = {"application_type": "native"}
PUBLIC = {"token_endpoint_auth_method": "none"}
SIGNS = {"token_endpoint_auth_method": "private_key_jwt", "jwks": KEYS}
RECOGNISED = {"token_endpoint_auth_method": "tls_client_auth"}
TLS = RECOGNISED | {"tls_client_auth_subject_dn": "CN=app,O=App\\, Inc."}
CERTIFICATE = self_signed("a client that registers")
X5C = {"x5c": CERTIFICATE.jwk()["x5c"]}
OWN = {"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": {"keys": [CERTIFICATE.jwk()]}}
BOUND = {"tls_client_certificate_bound_access_tokens": True}
ID_HMAC = {"id_token_signed_response_alg": "HS256"}
PAIRWISE = {"subject_type": "pairwise"}
MACS = {"token_endpoint_auth_method": "client_secret_jwt"}


def found(changes: dict[str, Any], secret: str | None = None, profile: Any = OIDC) -> list[Problem]:
    return problems(msgspec.structs.replace(GOOD, **changes), secret, profile)


WELCOME: dict[str, tuple[dict[str, Any], str | None]] = {
    "defaults": ({}, None),
    "a secret as short as may be": ({}, "x" * 22),
    "a secret for macs as short as may be": (MACS, "x" * 32),
    "a secret for macs counted in bytes": (MACS, "ż" * 22),
    "public": (PUBLIC, None),
    "keys inline": (SIGNS, None),
    "keys at an address": (SIGNS | {"jwks": None, "jwks_uri": "https://app.example/jwks"}, None),
    "keys on this machine": (SIGNS | {"jwks": None, "jwks_uri": "http://127.0.0.1:8081/jwks"}, None),
    "keys although not needed": ({"jwks": KEYS}, None),
    "every algorithm of the method": (SIGNS | {"token_endpoint_auth_signing_alg": "EdDSA"}, None),
    "a mac of the method": (MACS | {"token_endpoint_auth_signing_alg": "HS256"}, None),
    "ID Tokens under its secret": (ID_HMAC, "x" * 32),
    "UserInfo under its secret": ({"userinfo_signed_response_alg": "HS512"}, "x" * 64),
    "one host, so one sector": (PAIRWISE | {"redirect_uris": ("https://a.example/1", "https://a.example:444/2")}, None),
    "a sector for two hosts": (
        PAIRWISE
        | {"redirect_uris": ("https://a.example/", "https://b.example/"), "sector_identifier_uri": "https://s.example/s"},
        None,
    ),
    "a sector of a native scheme": (
        PAIRWISE | NATIVE | {"redirect_uris": ("com.example.app:/cb",), "sector_identifier_uri": "https://s.example/s"},
        None,
    ),
    "what is encrypted to it": (
        {"jwks": KEYS, "id_token_encrypted_response_alg": "ECDH-ES", "userinfo_encrypted_response_alg": "ECDH-ES"},
        None,
    ),
    "what it encrypts": (
        {"request_object_encryption_alg": "RSA-OAEP-256", "request_object_encryption_enc": "A256GCM"}, None,
    ),
    "levels by default": ({"default_acr_values": ("urn:a", "2")}, None),
    "an id as long as may be": ({"client_id": "x" * 200}, None),
    "an id that is an address": ({"client_id": "https://app.example/?a=b#c"}, None),
    "no redirect where nobody redirects": ({"redirect_uris": (), "grant_types": ("client_credentials",)}, None),
    "a native scheme": (NATIVE | {"redirect_uris": ("com.example.app:/cb",)}, None),
    "native on loopback": (NATIVE | {"redirect_uris": ("http://127.0.0.1/cb", "http://[::1]/cb")}, None),
    "native by name": (NATIVE | {"redirect_uris": ("http://localhost:8000/cb",)}, None),
    "native claimed https": (NATIVE | {"redirect_uris": ("https://app.example/cb",)}, None),
    "query and port": ({"redirect_uris": ("https://app.example:8443/cb?tenant=1",)}, None),
    "every response type": (
        {
            "response_types": ("code", "token", "id_token", "token id_token", "id_token code", "code token", "none"),
            "grant_types": ("authorization_code", "implicit", "refresh_token"),
        },
        None,
    ),
    "a subject": (TLS, None),
    "another kind of subject": (RECOGNISED | {"tls_client_auth_san_ip": "2001:db8::1"}, None),
    "certificates inline": (OWN, None),
    "certificates at an address": (OWN | {"jwks": None, "jwks_uri": "https://app.example/jwks"}, None),
    "a certificate among other keys": (OWN | {"jwks": {"keys": [*KEYS["keys"], CERTIFICATE.jwk()]}}, None),
    "tokens bound to a certificate": (BOUND, None),
    "the endpoints with certificates": ({"use_mtls_endpoint_aliases": True}, None),
    "scopes": ({"scope": "openid profile https://api.example/read !#[]~"}, None),
    "pushed prefixes": ({"pushed_redirect_uri_prefixes": ("https://app.example/tenants/",)}, None),
    "limits": ({"par_request_expiry": 5, "default_max_age": 0}, None),
    "other limits": ({"par_request_expiry": 600, "default_max_age": 10**9}, None),
    "pages": ({"client_uri": "https://app.example", "policy_uri": "https://app.example/p"}, None),
    "a page of another site": ({"tos_uri": "https://law.example/?terms"}, None),
}  # fmt: skip


@pytest.mark.parametrize("case", WELCOME)
def test_welcome(case: str) -> None:
    assert found(*WELCOME[case]) == []


PRIVATE = {"keys": [key("p256").as_dict(private=True)]}
REFUSED: dict[str, tuple[dict[str, Any], str | None, str]] = {
    # Who it is
    "no id": ({"client_id": ""}, None, "client_id"),
    "an id that is too long": ({"client_id": "x" * 201}, None, "client_id"),
    "an id with a space": ({"client_id": "my app"}, None, "client_id"),
    "an id with a line break behind": ({"client_id": "app\n"}, None, "client_id"),
    "an id outside ASCII": ({"client_id": "аpp"}, None, "client_id"),
    "an id with a zero byte": ({"client_id": "app\0"}, None, "client_id"),
    "an unknown method": ({"token_endpoint_auth_method": "tls"}, None, "token_endpoint_auth_method"),
    "a method in capitals": ({"token_endpoint_auth_method": "NONE"}, None, "token_endpoint_auth_method"),
    "an unknown profile": ({"profile": "fapi3"}, None, "profile"),
    "a short secret": ({}, "x" * 21, "client_secret"),
    "an empty secret": ({}, "", "client_secret"),
    "a short secret for macs": (MACS, "x" * 31, "client_secret"),
    "a secret for a public client": (PUBLIC, SECRET, "client_secret"),
    "a secret beside keys": (SIGNS, SECRET, "client_secret"),
    # Where it is answered
    "no redirect URI": ({"redirect_uris": ()}, None, "redirect_uris"),
    "no redirect URI, implicit": ({"redirect_uris": (), "grant_types": ("implicit",)}, None, "redirect_uris"),
    "http": ({"redirect_uris": ("http://app.example/cb",)}, None, "redirect_uris[0]"),
    "http, native": (NATIVE | {"redirect_uris": ("http://app.example/cb",)}, None, "redirect_uris[0]"),
    "http on loopback, web": ({"redirect_uris": ("http://127.0.0.1/cb",)}, None, "redirect_uris[0]"),
    "http that only begins like loopback": (
        NATIVE | {"redirect_uris": ("http://127.0.0.1.evil.example/cb",)}, None, "redirect_uris[0]",
    ),
    "relative": ({"redirect_uris": ("/cb",)}, None, "redirect_uris[0]"),
    "without scheme": ({"redirect_uris": ("//app.example/cb",)}, None, "redirect_uris[0]"),
    "without host": ({"redirect_uris": ("https:///cb",)}, None, "redirect_uris[0]"),
    "only a port": ({"redirect_uris": ("https://:443/cb",)}, None, "redirect_uris[0]"),
    "a fragment": ({"redirect_uris": ("https://app.example/cb#x",)}, None, "redirect_uris[0]"),
    "an empty fragment": ({"redirect_uris": ("https://app.example/cb#",)}, None, "redirect_uris[0]"),
    "a user name": ({"redirect_uris": ("https://app.example@evil.example/cb",)}, None, "redirect_uris[0]"),
    "an empty user name": ({"redirect_uris": ("https://@app.example/cb",)}, None, "redirect_uris[0]"),
    "a backslash": ({"redirect_uris": ("https://app.example\\@evil.example",)}, None, "redirect_uris[0]"),
    "a space": ({"redirect_uris": ("https://app.example/c b",)}, None, "redirect_uris[0]"),
    "a line break": ({"redirect_uris": ("https://app.example/cb\r\nX: y",)}, None, "redirect_uris[0]"),
    "a tab": ({"redirect_uris": ("https://app.example/\tcb",)}, None, "redirect_uris[0]"),
    "outside ASCII": ({"redirect_uris": ("https://żółć.example/cb",)}, None, "redirect_uris[0]"),
    "a bad port": ({"redirect_uris": ("https://app.example:99999/cb",)}, None, "redirect_uris[0]"),
    "no port": ({"redirect_uris": ("https://app.example:x/cb",)}, None, "redirect_uris[0]"),
    "half an address": ({"redirect_uris": ("https://[::1/cb",)}, None, "redirect_uris[0]"),
    "too long": ({"redirect_uris": ("https://app.example/" + "x" * 2000,)}, None, "redirect_uris[0]"),
    "empty": ({"redirect_uris": ("",)}, None, "redirect_uris[0]"),
    "the second": ({"redirect_uris": ("https://app.example/cb", "http://x.example")}, None, "redirect_uris[1]"),
    "a scheme of its own, web": ({"redirect_uris": ("com.example.app:/cb",)}, None, "redirect_uris[0]"),
    "a scheme without a dot": (NATIVE | {"redirect_uris": ("myapp:/cb",)}, None, "redirect_uris[0]"),
    "javascript": (NATIVE | {"redirect_uris": ("javascript:alert(1)",)}, None, "redirect_uris[0]"),
    "JavaScript": (NATIVE | {"redirect_uris": ("JavaScript:alert(1)",)}, None, "redirect_uris[0]"),
    "data": (NATIVE | {"redirect_uris": ("data:text/html,x",)}, None, "redirect_uris[0]"),
    "file": (NATIVE | {"redirect_uris": ("file:///etc/passwd",)}, None, "redirect_uris[0]"),
    "a prefix without a path": (
        {"pushed_redirect_uri_prefixes": ("https://app.example",)}, None, "pushed_redirect_uri_prefixes[0]",
    ),
    "a prefix on http": (
        {"pushed_redirect_uri_prefixes": ("http://app.example/",)}, None, "pushed_redirect_uri_prefixes[0]",
    ),
    "prefixes of a public client": (
        PUBLIC | {"pushed_redirect_uri_prefixes": ("https://app.example/x/",)}, None, "pushed_redirect_uri_prefixes",
    ),
    # What it may do
    "an unknown grant": ({"grant_types": ("authorization_code", "password")}, None, "grant_types"),
    "a public client for itself": (
        PUBLIC | {"grant_types": ("authorization_code", "client_credentials")}, None, "grant_types",
    ),
    "code without its grant": ({"grant_types": ("refresh_token",)}, None, "grant_types"),
    "a hybrid without the grant": (
        {"grant_types": ("implicit",), "response_types": ("code id_token",)}, None, "grant_types",
    ),
    "an unknown response type": ({"response_types": ("code", "device")}, None, "response_types"),
    "an empty response type": ({"response_types": ("code", "")}, None, "response_types"),
    "none with others": ({"response_types": ("code none",)}, None, "response_types"),
    "scopes with a tab": ({"scope": "openid\tprofile"}, None, "scope"),
    "scopes with two spaces": ({"scope": "openid  profile"}, None, "scope"),
    "scopes with a quote": ({"scope": 'openid "x"'}, None, "scope"),
    "an empty scope": ({"scope": ""}, None, "scope"),
    "unsigned ID Tokens": ({"id_token_signed_response_alg": "none"}, None, "id_token_signed_response_alg"),
    "unsigned UserInfo": ({"userinfo_signed_response_alg": "none"}, None, "userinfo_signed_response_alg"),
    "other answers under a secret": (
        {"authorization_signed_response_alg": "HS256"}, None, "authorization_signed_response_alg",
    ),
    "ID Tokens under no secret": (PUBLIC | ID_HMAC, None, "id_token_signed_response_alg"),
    "ID Tokens under no secret but keys": (SIGNS | ID_HMAC, None, "id_token_signed_response_alg"),
    "UserInfo under no secret": (
        PUBLIC | {"userinfo_signed_response_alg": "HS512"}, None, "userinfo_signed_response_alg",
    ),
    "a secret too short for its ID Tokens": (ID_HMAC, "x" * 31, "client_secret"),
    "a secret too short for a longer key": (
        {"id_token_signed_response_alg": "HS384"}, "x" * 47, "client_secret",
    ),
    "a secret that was not kept": (
        ID_HMAC | {"secret": ClientSecret(digest=b"x")}, None, "client_secret",
    ),
    # Who its users are to it
    "two hosts in no sector": (
        PAIRWISE | {"redirect_uris": ("https://a.example/cb", "https://b.example/cb")}, None, "sector_identifier_uri",
    ),
    "no host and no sector": (
        PAIRWISE | NATIVE | {"redirect_uris": ("com.example.app:/cb",)}, None, "sector_identifier_uri",
    ),
    "another host by prefix": (
        PAIRWISE | {"pushed_redirect_uri_prefixes": ("https://other.example/x/",)}, None, "sector_identifier_uri",
    ),
    "a sector on http": ({"sector_identifier_uri": "http://app.example/sector"}, None, "sector_identifier_uri"),
    "a sector on this machine": ({"sector_identifier_uri": "http://127.0.0.1/sector"}, None, "sector_identifier_uri"),
    "a sector that is none": ({"sector_identifier_uri": "app.example"}, None, "sector_identifier_uri"),
    "a level of two words": ({"default_acr_values": ("a", "b c")}, None, "default_acr_values[1]"),
    # What is encrypted to it, and by it
    "an encoding of requests alone": (
        {"request_object_encryption_enc": "A256GCM"}, None, "request_object_encryption_enc",
    ),
    "requests encrypted in a broken way": (
        {"request_object_encryption_alg": "RSA1_5"}, None, "request_object_encryption_alg",
    ),
    **{
        f"{what} in {enc}": ({f"{what}_encrypted_response_enc": enc}, None, f"{what}_encrypted_response_enc")
        for what in ("id_token", "userinfo") for enc in ("A128CBC-HS256", "A128CTR")
    },
    **{
        f"{what} to nobody": ({f"{what}_encrypted_response_alg": "ECDH-ES"}, None, f"{what}_encrypted_response_alg")
        for what in ("id_token", "userinfo")
    },
    **{
        f"{what} in a broken way": (
            {"jwks": KEYS, f"{what}_encrypted_response_alg": "RSA1_5"}, None, f"{what}_encrypted_response_alg",
        )
        for what in ("id_token", "userinfo")
    },
    # What it signs with
    "no keys": (SIGNS | {"jwks": None}, None, "jwks"),
    "keys twice": (SIGNS | {"jwks_uri": "https://app.example/jwks"}, None, "jwks_uri"),
    "keys over http": (SIGNS | {"jwks": None, "jwks_uri": "http://app.example/jwks"}, None, "jwks_uri"),
    "keys nowhere": (SIGNS | {"jwks": None, "jwks_uri": "https:/jwks"}, None, "jwks_uri"),
    "keys at no host": (SIGNS | {"jwks": None, "jwks_uri": "https://"}, None, "jwks_uri"),
    "keys behind a user name": (SIGNS | {"jwks": None, "jwks_uri": "https://a@app.example/jwks"}, None, "jwks_uri"),
    "keys in a fragment": (SIGNS | {"jwks": None, "jwks_uri": "https://app.example/jwks#x"}, None, "jwks_uri"),
    "keys in a file": (SIGNS | {"jwks": None, "jwks_uri": "file:///etc/jwks"}, None, "jwks_uri"),
    "keys in a cloud": (SIGNS | {"jwks": None, "jwks_uri": "http://169.254.169.254/jwks"}, None, "jwks_uri"),
    "an empty set": (SIGNS | {"jwks": {"keys": []}}, None, "jwks"),
    "no set": (SIGNS | {"jwks": {}}, None, "jwks"),
    "a set that is none": (SIGNS | {"jwks": {"keys": {"a": 1}}}, None, "jwks"),
    "a private key": (SIGNS | {"jwks": PRIVATE}, None, "jwks"),
    "a private key among others": (SIGNS | {"jwks": {"keys": [*KEYS["keys"], *PRIVATE["keys"]]}}, None, "jwks"),
    "a secret as a key": (SIGNS | {"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}, None, "jwks"),
    "a key of an odd kind": (SIGNS | {"jwks": {"keys": [{"kty": ["EC"]}]}}, None, "jwks"),
    "a private key although not needed": ({"jwks": PRIVATE}, None, "jwks"),
    "no algorithm": (SIGNS | {"token_endpoint_auth_signing_alg": "none"}, None, "token_endpoint_auth_signing_alg"),
    "a mac with keys": (SIGNS | {"token_endpoint_auth_signing_alg": "HS256"}, None, "token_endpoint_auth_signing_alg"),
    "a key with macs": (MACS | {"token_endpoint_auth_signing_alg": "ES256"}, None, "token_endpoint_auth_signing_alg"),
    "an algorithm with Basic": ({"token_endpoint_auth_signing_alg": "ES256"}, None, "token_endpoint_auth_signing_alg"),
    # Its certificate
    "no subject": (RECOGNISED, None, "tls_client_auth_subject_dn"),
    "two subjects": (TLS | {"tls_client_auth_san_dns": "app.example"}, None, "tls_client_auth_san_dns"),
    "a subject with a secret": ({"tls_client_auth_san_dns": "app.example"}, SECRET, "tls_client_auth_san_dns"),
    "a subject with keys": (SIGNS | {"tls_client_auth_san_dns": "app.example"}, None, "tls_client_auth_san_dns"),
    "a subject with certificates": (OWN | {"tls_client_auth_san_dns": "x.example"}, None, "tls_client_auth_san_dns"),
    "a name that is none": (TLS | {"tls_client_auth_subject_dn": "app"}, None, "tls_client_auth_subject_dn"),
    "a wildcard": (RECOGNISED | {"tls_client_auth_san_dns": "*.app.example"}, None, "tls_client_auth_san_dns"),
    "an empty name": (RECOGNISED | {"tls_client_auth_san_email": ""}, None, "tls_client_auth_san_email"),
    "a network": (RECOGNISED | {"tls_client_auth_san_ip": "10.0.0.0/8"}, None, "tls_client_auth_san_ip"),
    "a relative URI": (RECOGNISED | {"tls_client_auth_san_uri": "/app"}, None, "tls_client_auth_san_uri"),
    "no certificates": (OWN | {"jwks": None}, None, "jwks"),
    "keys without certificates": (OWN | {"jwks": KEYS}, None, "jwks"),
    "a certificate of another key": (OWN | {"jwks": {"keys": [KEYS["keys"][0] | X5C]}}, None, "jwks"),
    "a secret beside a certificate": (TLS, SECRET, "client_secret"),
    "a secret beside its own certificate": (OWN, SECRET, "client_secret"),
    "a bound token in the browser": (
        BOUND | {"response_types": ("code", "token"), "grant_types": ("authorization_code", "implicit")},
        None, "response_types",
    ),
    # Limits
    "too short a life": ({"par_request_expiry": 4}, None, "par_request_expiry"),
    "too long a life": ({"par_request_expiry": 601}, None, "par_request_expiry"),
    "no life": ({"par_request_expiry": 0}, None, "par_request_expiry"),
    "a negative age": ({"default_max_age": -1}, None, "default_max_age"),
    "a page on http": ({"client_uri": "http://app.example"}, None, "client_uri"),
    "a page that runs": ({"policy_uri": "javascript:alert(1)"}, None, "policy_uri"),
    "a page that is none": ({"tos_uri": "terms"}, None, "tos_uri"),
}  # fmt: skip


@pytest.mark.requirement("REG-OIDC-2-3", "REG-OIDC-2-4", "REG-OIDC-2-2")
@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    changes, secret, member = REFUSED[case]
    told = found(changes, secret)
    assert [problem.field for problem in told] == [member]
    assert told[0].reason
    assert str(told[0]).startswith(f"{member}: ")


def test_everything_wrong_is_told_at_once() -> None:
    told = found({"client_id": "", "redirect_uris": ("x",), "grant_types": ("magic",), "scope": "\t"})
    assert {p.field for p in told} >= {"client_id", "redirect_uris[0]", "grant_types", "scope"}


@pytest.mark.parametrize("value", ["id_token", "code id_token", "id_token token", "none"])
def test_openid_connect_needs_a_realm_that_has_it(value: str) -> None:
    changes = {"response_types": (value,), "grant_types": ("authorization_code", "implicit")}
    assert found(changes) == []
    assert [p.field for p in found(changes, profile=OAUTH2)] == ["response_types"]


@pytest.mark.parametrize("value", ["code id_token", "id_token"])
def test_a_client_of_a_stricter_profile_is_held_to_it(value: str) -> None:
    changes = {"response_types": (value,), "grant_types": ("authorization_code", "implicit"), "profile": "oauth2"}
    assert [p.field for p in found(changes)] == ["response_types"]


@pytest.mark.parametrize("value", ["code id_token", "id_token"])
def test_a_client_cannot_leave_the_profile_of_its_realm(value: str) -> None:
    changes = {"response_types": (value,), "grant_types": ("authorization_code", "implicit"), "profile": "oidc"}
    assert [p.field for p in found(changes, profile=OAUTH2)] == ["response_types"]


@pytest.mark.parametrize("uri", ["http://127.0.0.1:8000/cb", "http://[::1]/cb", "http://localhost/cb"])
def test_whoever_is_answered_on_loopback_is_native(uri: str) -> None:
    assert complete({"redirect_uris": ["https://app.example", uri]})["application_type"] == "native"
    assert complete({"redirect_uris": [uri], "application_type": "web"})["application_type"] == "web"


@pytest.mark.parametrize(
    "uris",
    [None, [], "http://127.0.0.1", ["https://127.0.0.1/cb"], ["http://127.0.0.1.example"], ["http://["], [5], {}],
)
def test_whoever_is_not_stays_as_it_is(uris: object) -> None:
    assert complete({"redirect_uris": uris}) == {"redirect_uris": uris}
    assert complete({}) == {}
