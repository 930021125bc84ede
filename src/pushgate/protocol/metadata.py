"""The metadata documents, computed from the tables that the server runs on (RFC 8414, OpenID Connect Discovery)."""

from __future__ import annotations

from typing import Any

from pushgate.jose.algorithms import HMACS, SIGNING
from pushgate.jose.encrypt import CONTENT_ENCS, KEY_ALGS
from pushgate.protocol import dpop
from pushgate.protocol.client_assertion import ASYMMETRIC_ALGS, METHOD_ALGS
from pushgate.protocol.client_auth import METHODS
from pushgate.protocol.languages import DISPLAYS, UI_LOCALES
from pushgate.protocol.redirect_uri import RESPONSE_MODES
from pushgate.protocol.scopes import OPENID, SCOPE_CLAIMS, realm_scopes
from pushgate.protocol.subjects import SUBJECT_TYPES
from pushgate.realm import Realm

GRANT_TYPES = ("authorization_code", "client_credentials", "implicit", "refresh_token")
ALIASED = (
    "token_endpoint",
    "pushed_authorization_request_endpoint",
    "userinfo_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
)
"""What clients call themselves, so that they can show a certificate there (RFC 8705 5)."""
LINKS = ("service_documentation", "op_policy_uri", "op_tos_uri")
"""Pages for people, which an operator may name. RFC 8414 2."""
PROMPT_VALUES = ("none", "login", "consent", "select_account")
ID_TOKEN_CLAIMS = ("sub", "iss", "aud", "exp", "iat", "auth_time", "amr", "sid", "nonce", "at_hash", "c_hash", "s_hash")


def metadata(realm: Realm) -> dict[str, Any]:
    """Authorization server metadata; members without a value are left out. RFC 8414 2, RFC 9126 5, RFC 9207 3."""
    issuer, par = realm.issuer, realm.settings.pushed_authorization_requests
    scopes = realm_scopes(realm.profile, realm.settings.resources)
    document: dict[str, Any] = {
        "issuer": issuer.identifier,
        "authorization_endpoint": issuer.authorize,
        "token_endpoint": issuer.token,
        "jwks_uri": issuer.jwks,
        "response_types_supported": sorted(realm.profile.response_types),
        "response_modes_supported": [m for m in RESPONSE_MODES if m in realm.profile.response_modes],
        "grant_types_supported": [g for g in GRANT_TYPES if g != "implicit" or _front_channel(realm)],
        "token_endpoint_auth_methods_supported": _auth_methods(realm),
        "token_endpoint_auth_signing_alg_values_supported": _assertion_algs(realm),
        "code_challenge_methods_supported": list(realm.dialect.challenge_methods),
        "dpop_signing_alg_values_supported": list(dpop.algs_within(realm.profile.algorithms)),
        "authorization_response_iss_parameter_supported": True,
        "authorization_signing_alg_values_supported": [a for a in SIGNING if a in realm.profile.algorithms],
        "authorization_encryption_alg_values_supported": list(KEY_ALGS),
        "authorization_encryption_enc_values_supported": list(CONTENT_ENCS),
        "prompt_values_supported": [p for p in PROMPT_VALUES if p in realm.dialect.prompts],
        "request_parameter_supported": realm.settings.request_parameter_supported,
        "require_signed_request_object": realm.profile.signed_requests or realm.settings.require_signed_request_object,
        "request_uri_parameter_supported": realm.settings.request_uri_parameter_supported,
        "ui_locales_supported": list(UI_LOCALES),
        **{name: uri for name in LINKS if (uri := getattr(realm.settings, name)) is not None},
        **_introspection(realm),
        "revocation_endpoint": issuer.revoke,
        "revocation_endpoint_auth_methods_supported": _auth_methods(realm),
        "revocation_endpoint_auth_signing_alg_values_supported": _assertion_algs(realm),
    }
    if realm.settings.registration.mode != "off":
        document["registration_endpoint"] = issuer.register
    if realm.settings.request_parameter_supported or realm.settings.request_uri_parameter_supported:
        document |= {
            "request_object_signing_alg_values_supported": [
                a for a in ASYMMETRIC_ALGS if a in realm.profile.algorithms
            ],
            "request_object_encryption_alg_values_supported": list(KEY_ALGS),
            "request_object_encryption_enc_values_supported": list(CONTENT_ENCS),
        }
    types = [known.type for known in realm.settings.authorization_details_types]
    contexts = [context.acr for context in realm.settings.authentication_contexts]
    if contexts:
        document["acr_values_supported"] = contexts
    if types:
        document["authorization_details_types_supported"] = types
    if scopes:
        document["scopes_supported"] = sorted(scopes, key=lambda s: (s != OPENID, s))
    if par.supported:
        document["pushed_authorization_request_endpoint"] = issuer.par
        document["require_pushed_authorization_requests"] = par.required or realm.profile.par_required
    if realm.profile.openid_connect:
        document |= _openid(realm)
    if realm.client_certificates:
        document |= _mutual_tls(realm, document)
    return document


def _auth_methods(realm: Realm) -> list[str]:
    """The methods that the profile takes, and that can work here: no certificate counts that nobody may vouch for."""
    off = set() if realm.client_certificates else {"self_signed_tls_client_auth"}
    if not realm.client_certificates or realm.settings.tls_client_ca is None:
        off.add("tls_client_auth")
    return [m for m in METHODS if m in realm.profile.auth_methods and m not in off]


def _mutual_tls(realm: Realm, document: dict[str, Any]) -> dict[str, Any]:
    """Tokens can be bound to certificates; where the endpoints have aliases, these are told. RFC 8705 3.3, 5."""
    found: dict[str, Any] = {"tls_client_certificate_bound_access_tokens": True}
    if realm.issuer.mtls_base_url is not None:
        aliases = {name: realm.issuer.alias(document[name]) for name in ALIASED if name in document}
        found["mtls_endpoint_aliases"] = aliases
    return found


def _front_channel(realm: Realm) -> bool:
    """Whether a response type gives out tokens at the authorization endpoint, which is the grant type implicit."""
    return any({"token", "id_token"} & set(value.split(" ")) for value in realm.profile.response_types)


def _assertion_algs(realm: Realm) -> list[str]:
    """What client assertions may be signed with, by the methods that the profile takes. RFC 8414 2."""
    algs = [a for method, algs in METHOD_ALGS.items() if method in realm.profile.auth_methods for a in algs]
    return [a for a in algs if a in realm.profile.algorithms]


def _introspection(realm: Realm) -> dict[str, Any]:
    """Who asks about tokens authenticates, so `none` is no method. RFC 8414 2, RFC 9701 7."""
    return {
        "introspection_endpoint": realm.issuer.introspect,
        "introspection_endpoint_auth_methods_supported": [m for m in _auth_methods(realm) if m != "none"],
        "introspection_endpoint_auth_signing_alg_values_supported": _assertion_algs(realm),
        "introspection_signing_alg_values_supported": [a for a in SIGNING if a in realm.profile.algorithms],
        "introspection_encryption_alg_values_supported": list(KEY_ALGS),
        "introspection_encryption_enc_values_supported": list(CONTENT_ENCS),
    }


def _id_token_algs(realm: Realm) -> list[str]:
    """What ID Tokens and UserInfo are signed with, by registration of the client. OpenID Connect Discovery 3."""
    return [a for a in (*SIGNING, *HMACS) if a in realm.profile.algorithms]


def _openid(realm: Realm) -> dict[str, Any]:
    """The members that OpenID Connect adds. OpenID Connect Discovery 3."""
    locales = realm.settings.claims_locales_supported
    acr = ["acr"] if realm.settings.authentication_contexts else []
    claims = [*ID_TOKEN_CLAIMS, *acr, *(name for names in SCOPE_CLAIMS.values() for name in names)]
    return {
        "userinfo_endpoint": realm.issuer.userinfo,
        "subject_types_supported": list(SUBJECT_TYPES),
        "id_token_signing_alg_values_supported": _id_token_algs(realm),
        "id_token_encryption_alg_values_supported": list(KEY_ALGS),
        "id_token_encryption_enc_values_supported": list(CONTENT_ENCS),
        "userinfo_signing_alg_values_supported": _id_token_algs(realm),
        "userinfo_encryption_alg_values_supported": list(KEY_ALGS),
        "userinfo_encryption_enc_values_supported": list(CONTENT_ENCS),
        "claims_supported": list(dict.fromkeys(claims)),
        "claims_parameter_supported": True,
        "claim_types_supported": ["normal"],
        "display_values_supported": list(DISPLAYS),
        "require_request_uri_registration": realm.settings.request_uri_parameter_supported,
        **({"claims_locales_supported": list(locales)} if locales else {}),
        **_logout(realm),
    }


def _logout(realm: Realm) -> dict[str, Any]:
    """How sessions end.

    RP-Initiated Logout 2.1, Back-Channel Logout 2.1, Front-Channel Logout 3, Session Management 3.3.
    """
    found: dict[str, Any] = {
        "end_session_endpoint": realm.issuer.end_session,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
    }
    if realm.settings.session_management:
        found["check_session_iframe"] = realm.issuer.check_session
    return found
