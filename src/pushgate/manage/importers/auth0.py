"""Auth0: what `GET /api/v2/clients` answers, as an array or as `{clients: [...]}`."""

from __future__ import annotations

from typing import Any

from pushgate.manage.importers.common import (
    BadExport,
    Imported,
    LeftOut,
    Reading,
    Remark,
    flattened,
    identified,
    put_exact,
    put_flows,
    put_redirects,
    put_secret,
    realm_name,
)
from pushgate.manage.importers.settled import settled
from pushgate.model import RealmSettings

MAPPED = {
    "name": "client_name",
    "logo_uri": "logo_uri",
    "initiate_login_uri": "initiate_login_uri",
    "jwks_uri": "jwks_uri",
    "require_pushed_authorization_requests": "require_pushed_authorization_requests",
    "par_request_expiry": "par_request_expiry",
}
OBJECTS = (
    "jwt_configuration", "refresh_token", "oidc_logout", "oidc_backchannel_logout", "signed_request_object",
    "client_authentication_methods",
)  # fmt: skip
BOOKS = (
    "client_id", "tenant", "global", "created_at", "updated_at", "owners", "signing_keys", "callback_url_template",
    "encrypted", "jwt_configuration.secret_encoded", "skip_non_verifiable_callback_uri_confirmation_prompt",
    "external_metadata_type", "external_metadata_created_by", "external_metadata_status", "external_client_id",
    "is_heroku_app", "resource_server_identifier", "third_party_security_mode", "redirection_policy",
)  # fmt: skip
TOKENS = "refresh tokens are used once and live as long as the realm says (lifetimes.refresh_token)"
PAGES = "the pages of this server are its own"
ORIGINS = "web origins are those of the redirect URIs of public clients"
ORGANIZATIONS = "there are no organizations; a realm for each does the same"
DROPPED = {
    "description": "a client has a name alone",
    "client_metadata": "there is no place for free metadata",
    "allowed_origins": ORIGINS,
    "web_origins": ORIGINS,
    "cross_origin_auth": "credentials are typed at this server alone",
    "cross_origin_authentication": "credentials are typed at this server alone",
    "cross_origin_loc": "credentials are typed at this server alone",
    "client_aliases": "is for WS-Federation and SAML",
    "form_template": "is for WS-Federation",
    "addons": "is for other protocols",
    "allowed_clients": "delegation is not supported",
    "sso": "users are signed in once for all clients of a realm",
    "sso_disabled": "users are signed in once for all clients of a realm; prompt=login asks again",
    "custom_login_page": PAGES,
    "custom_login_page_preview": PAGES,
    "mobile": "links between applications and sites are published by the site",
    "native_social_login": "there is no sign-in by way of other providers",
    "fedcm_login": "there is no sign-in by way of the browser",
    "encryption_key": "tokens are encrypted to a key of jwks or jwks_uri",
    "is_token_endpoint_ip_header_trusted": "proxies that are trusted are named once (PUSHGATE_TRUSTED_PROXIES)",
    "session_transfer": "sessions stay in the browser they began in",
    "default_organization": ORGANIZATIONS,
    "organization_usage": ORGANIZATIONS,
    "organization_require_behavior": ORGANIZATIONS,
    "organization_discovery_methods": ORGANIZATIONS,
    "my_organization_configuration": ORGANIZATIONS,
    "token_exchange": "token exchange is not supported",
    "token_vault_privileged_access": "token exchange is not supported",
    "identity_assertion_authorization_grant": "token exchange is not supported",
    "token_quota": "how often a client may push is the realm's to say (rates)",
    "express_configuration": "there is nothing to configure it for",
    "anonymous_sessions": "a session begins with a sign-in",
    "enforce_anon_session_transfer_network_binding": "a session begins with a sign-in",
    "async_approval_notification_channels": "backchannel authentication (CIBA) is not supported",
    "jwt_configuration.scopes": "is deprecated there too",
    "refresh_token.rotation_type": TOKENS,
    "refresh_token.expiration_type": TOKENS,
    "refresh_token.leeway": TOKENS,
    "refresh_token.token_lifetime": TOKENS,
    "refresh_token.infinite_token_lifetime": TOKENS,
    "refresh_token.idle_token_lifetime": TOKENS,
    "refresh_token.infinite_idle_token_lifetime": TOKENS,
    "refresh_token.policies": TOKENS,
    "oidc_logout.backchannel_logout_initiators": "a client is told of every sign-out",
    "oidc_logout.backchannel_logout_session_metadata": "a logout token has the members of the specification alone",
    "signed_request_object.credentials": "only the ids of keys are exported; add jwks or jwks_uri",
}
KEY_METHODS = ("private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth")
DEFAULT_GRANTS = ("authorization_code", "implicit", "refresh_token", "client_credentials")
"""What a client has that was made before grant types could be chosen."""


def imported(documents: list[Any], realm: str | None) -> Imported:
    """The manifest of these exports, and what is not in it. Raises BadExport."""
    clients = [client for document in documents for client in _clients(document)]
    remarks: list[Remark] = []
    settings = RealmSettings(name=realm_name(realm, None, remarks))
    found = []
    for client_id, fields in identified(clients, "client_id", "clients"):
        members, said = _client(client_id, fields, settings)
        remarks += said
        found += [] if members is None else [members]
    # A new realm of this dialect begins without pushed requests; whoever moves here wants them.
    pushed = {"supported": True}
    named = {"name": settings.name, "dialect": "auth0", "pushed_authorization_requests": pushed, "clients": found}
    return Imported({"realms": [named]}, tuple(remarks))


def _clients(document: Any) -> list[Any]:
    found = document.get("clients") if isinstance(document, dict) else document
    if not isinstance(found, list):
        raise BadExport("is not an answer of GET /api/v2/clients: an array of clients, or {clients: [...]}")
    return found


def _client(client_id: str, fields: dict[str, Any], realm: RealmSettings) -> tuple[dict[str, Any] | None, list[Remark]]:
    client = Reading(client_id, flattened(fields, OBJECTS), {"client_id": client_id})
    try:
        if fields.get("global") is True:
            raise LeftOut("it is the global client, which stands for settings of the tenant")
        client.copy(MAPPED)
        method = _authentication(client)
        put_secret(client, "client_secret", needed=method.startswith("client_secret"))
        _kind(client)
        put_redirects(client, client.texts("callbacks"), "callbacks", public=method == "none")
        put_exact(client, "post_logout_redirect_uris", client.texts("allowed_logout_urls"), "allowed_logout_urls")
        asked = client.texts("grant_types") if fields.get("grant_types") is not None else list(DEFAULT_GRANTS)
        client.forget(["grant_types"])
        if method == "none":
            asked = [grant for grant in asked if grant != "client_credentials"]
        put_flows(client, asked, (), "grant_types")
        _tokens(client)
        _logout(client)
        _security(client, method)
    except LeftOut as reason:
        return None, [Remark(client_id, "", "left out", str(reason))]
    client.forget(BOOKS)
    client.drop(DROPPED)
    client.rest()
    return settled(client, realm)


def _kind(client: Reading) -> None:
    kind = client.text("app_type")
    if kind == "native":
        client.put("application_type", "native", "app_type")
    elif kind not in ("spa", "regular_web", "non_interactive", None):
        client.remark("app_type", "changed", f"{kind!r} is an ordinary client here")
    if client.flag("is_first_party"):
        client.put("skip_consent", True, "is_first_party")
    if client.take("oidc_conformant") is False:
        client.remark("oidc_conformant", "changed", "the rules of OpenID Connect hold for every client")
    page, on = "custom_login_page_on", client.take("custom_login_page_on")
    if on and client.fields.get("custom_login_page"):
        client.remark(page, "dropped", PAGES)


def _authentication(client: Reading) -> str:
    """The one method that a client authenticates by. Raises LeftOut where its keys are not in the export."""
    origin = "client_authentication_methods"
    keyed = [name for name in KEY_METHODS if client.take(f"{origin}.{name}") is not None]
    client.forget([origin])
    method = client.text("token_endpoint_auth_method")
    if keyed:
        if keyed[0] == "tls_client_auth" or "jwks_uri" not in client.members:
            raise LeftOut(f"{origin}: {keyed[0]} needs its keys, of which only the ids are exported; add it by hand")
        method = keyed[0]
    if method is None:
        method = "none" if client.fields.get("app_type") in ("native", "spa") else "client_secret_post"
        client.remark("token_endpoint_auth_method", "changed", f"is not in the export; {method} is what it stands for")
    client.members["token_endpoint_auth_method"] = method
    client.origins["token_endpoint_auth_method"] = "token_endpoint_auth_method"
    return method


def _tokens(client: Reading) -> None:
    alg, encoded = client.text("jwt_configuration.alg"), client.flag("jwt_configuration.secret_encoded")
    if alg == "HS256" and encoded:
        client.remark("jwt_configuration.alg", "dropped", "the secret is Base64 of a key there, the key itself here")
    else:
        client.put("id_token_signed_response_alg", alg, "jwt_configuration.alg")
    if client.take("jwt_configuration.lifetime_in_seconds") not in (None, 36_000):
        reason = "ID Tokens live as long as the realm says (lifetimes.id_token)"
        client.remark("jwt_configuration.lifetime_in_seconds", "dropped", reason)


def _logout(client: Reading) -> None:
    for name in ("oidc_logout", "oidc_backchannel_logout"):
        origin = f"{name}.backchannel_logout_urls"
        urls = client.texts(origin)
        client.put("backchannel_logout_uri", urls[0] if urls else None, origin)
        if len(urls) > 1:
            client.remark(origin, "dropped", "a client is told at one address; the first one is kept")


def _security(client: Reading, method: str) -> None:
    if client.flag("require_proof_of_possession"):
        bound = "tls_client_certificate_bound_access_tokens" if "tls" in method else "dpop_bound_access_tokens"
        client.put(bound, True, "require_proof_of_possession")
    if client.flag("signed_request_object.required"):
        if "jwks_uri" not in client.members:
            raise LeftOut("signed_request_object: its keys are not in the export; add it by hand")
        client.put("require_signed_request_object", True, "signed_request_object.required")
    level = client.text("compliance_level")
    if level is not None and level.startswith("fapi2_sp"):
        client.put("profile", "fapi2-security", "compliance_level")
    elif level not in (None, "none"):
        client.remark("compliance_level", "dropped", f"{level!r} is not FAPI 2.0 (profile: fapi2-security)")
