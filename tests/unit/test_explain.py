"""What `pushgate explain` says, beside what the server does."""

from __future__ import annotations

from pushgate.manage.explain import explain
from pushgate.model import Client, Lifetimes, RealmSettings
from pushgate.profiles import policy_of
from tests.support.certificates import authority


def told(realm: RealmSettings, client: Client) -> dict[str, tuple[str, str]]:
    """Value and source by rule."""
    return {line.rule: (line.value, line.source) for line in explain(realm, client)}


def test_a_rule_of_the_profile_names_the_profile() -> None:
    realm = RealmSettings(name="default", lifetimes=Lifetimes(code=300))
    client = Client(client_id="bank", profile="fapi2-security", token_endpoint_auth_method="private_key_jwt")
    found = told(realm, client)
    assert found["security profile"] == ("fapi2-security", "client: profile, within the realm's (oidc)")
    for rule in ("pushed requests required", "PKCE (S256) required", "tokens bound to a key"):
        assert found[rule] == ("yes", "profile fapi2-security")
    assert found["life of a code"] == ("60 s", "profile fapi2-security")
    assert found["audience of client assertions"][0] == "the issuer, as a string"
    assert policy_of(realm, client).code_lifetime == 60


def test_everybody_who_demands_a_rule_is_named() -> None:
    realm = RealmSettings(name="default", pkce_required=True)
    client = Client(client_id="spa", token_endpoint_auth_method="none", pkce_required=True, par_request_expiry=30)
    found = told(realm, client)
    assert found["PKCE (S256) required"] == ("yes", "a public client, realm: pkce_required, client: pkce_required")
    assert found["tokens bound to a key"] == ("no", "nobody demands it")
    assert found["introspection by APIs alone"] == ("no", "nobody demands it")
    assert found["life of a request_uri"] == ("30 s", "client: par_request_expiry")
    assert found["security profile"] == ("oidc", "realm: profile")


def test_request_objects_by_reference_need_realm_and_client_and_a_browser() -> None:
    realm = RealmSettings(name="default", request_uri_parameter_supported=True)
    client = Client(client_id="app", request_uris=("https://app.example/r",))
    pushing = Client(client_id="app", request_uris=("https://app.example/r",), profile="fapi2-security")
    rule = "request objects by reference"
    assert told(realm, client)[rule][0] == "yes"
    assert told(realm, pushing)[rule][0] == "no"
    assert told(realm, Client(client_id="app"))[rule][0] == "no"
    assert told(RealmSettings(name="default"), client)[rule][0] == "no"


def test_a_client_that_is_known_by_its_certificate() -> None:
    client = Client(
        client_id="bank",
        token_endpoint_auth_method="tls_client_auth",
        tls_client_auth_san_dns="client.bank.example",
        tls_client_certificate_bound_access_tokens=True,
    )
    found = told(RealmSettings(name="default", tls_client_ca=authority().pem), client)
    assert found["client certificate"] == ("client.bank.example", "client: tls_client_auth_san_dns")
    assert found["who vouches for it"] == ("CN=Test CA", "realm: tls_client_ca")
    assert found["tokens bound to a key"] == ("yes", "client: tls_client_certificate_bound_access_tokens")
    assert told(RealmSettings(name="default"), client)["who vouches for it"] == ("nobody", "realm: tls_client_ca")
    own = Client(client_id="own", token_endpoint_auth_method="self_signed_tls_client_auth", profile="fapi2-security")
    found = told(RealmSettings(name="default"), own)
    assert found["client certificate"] == ("one in x5c of the client's keys", "client: jwks or jwks_uri")
    assert "who vouches for it" not in found
    assert "allowed by fapi2-security" in found["client authentication"][1]


def test_a_rule_of_the_realm_is_not_put_down_to_the_profile_of_the_client() -> None:
    realm = RealmSettings(name="default", profile="fapi2-security")
    found = told(realm, Client(client_id="app", profile="oidc", token_endpoint_auth_method="private_key_jwt"))
    assert found["PKCE (S256) required"] == ("yes", "profile oidc within fapi2-security")
    # A profile that is stricter than the realm's keeps its name.
    found = told(RealmSettings(name="default"), Client(client_id="app", profile="fapi2-security"))
    assert found["PKCE (S256) required"] == ("yes", "profile fapi2-security")
