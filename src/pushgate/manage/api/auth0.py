"""Auth0's words for clients and tenant settings, where they differ from ours."""

from __future__ import annotations

from typing import Any

from pushgate.manage.api.documents import invalid
from pushgate.model import Client, RealmSettings
from pushgate.protocol.registration import Problem

SAME = {
    "name": "client_name",
    "callbacks": "redirect_uris",
    "allowed_logout_urls": "post_logout_redirect_uris",
    "require_proof_of_possession": "dpop_bound_access_tokens",
}
"""Members that only have another name."""
WITHOUT_EFFECT = frozenset(
    {
        "web_origins", "allowed_origins", "allowed_clients", "client_aliases", "oidc_conformant", "sso", "sso_disabled",
        "cross_origin_authentication", "cross_origin_auth", "cross_origin_loc", "custom_login_page_on",
        "custom_login_page", "custom_login_page_preview", "form_template", "is_first_party",
        "is_token_endpoint_ip_header_trusted", "description", "client_metadata", "addons", "mobile",
        "native_social_login", "refresh_token", "organization_usage", "organization_require_behavior",
        "default_organization", "encryption_key", "token_quota", "session_transfer",
    }
)  # fmt: skip
"""Members that are taken and mean nothing here: they are about parts that this server does not have."""
APP_TYPES = ("native", "spa", "regular_web", "non_interactive")
SESSION = "session_lifetime"
HOUR = 3600  # seconds
MOST_HOURS = 720


def taken(said: dict[str, Any]) -> dict[str, Any]:
    """A body about a client in our words. Raises Failed where two words say two things, or one cannot be said here."""
    found = {name: value for name, value in said.items() if name not in WITHOUT_EFFECT and name not in SAME}
    for name, ours in SAME.items():
        if name in said:
            _put(found, ours, said[name], name)
    if "app_type" in found:
        kind = found.pop("app_type")
        if kind not in APP_TYPES:
            raise invalid(Problem("app_type", f"must be one of {', '.join(APP_TYPES)}"))
        found.setdefault("application_type", "native" if kind == "native" else "web")
    if "jwt_configuration" in found:
        alg = _signing(found.pop("jwt_configuration"))
        if alg is not None:
            _put(found, "id_token_signed_response_alg", alg, "jwt_configuration.alg")
    if "oidc_logout" in found:
        uri = _logout(found.pop("oidc_logout"))
        _put(found, "backchannel_logout_uri", uri, "oidc_logout.backchannel_logout_urls")
    return found


def _put(found: dict[str, Any], ours: str, value: Any, name: str) -> None:
    """Say in our words what was said in theirs; a document may say it in both. Raises Failed where they disagree."""
    if found.get(ours, value) != value:
        raise invalid(Problem(name, f"is {ours}, which is there too"))
    found[ours] = value


def with_defaults(said: dict[str, Any]) -> dict[str, Any]:
    """A body that creates a client, with what Auth0 adds to it. Raises Failed."""
    kind, found = said.get("app_type"), taken(said)
    public = kind in ("native", "spa")
    found.setdefault("token_endpoint_auth_method", "none" if public else "client_secret_post")
    machine = kind == "non_interactive" or not found.get("redirect_uris")
    if "response_types" not in found and "grant_types" not in found:
        others = ["authorization_code", "refresh_token", *([] if public else ["client_credentials"])]
        found["grant_types"] = ["client_credentials"] if machine else others
    return found


def _signing(configuration: Any) -> str | None:
    alg = configuration.get("alg") if isinstance(configuration, dict) else None
    if alg is not None and not isinstance(alg, str):
        raise invalid(Problem("jwt_configuration.alg", "must be text"))
    return alg


def _logout(logout: Any) -> str | None:
    urls = logout.get("backchannel_logout_urls") if isinstance(logout, dict) else None
    if not isinstance(urls, list) or len(urls) > 1:
        raise invalid(Problem("oidc_logout.backchannel_logout_urls", "must be a list of at most one URL"))
    return urls[0] if urls else None


def shown(realm: str, client: Client) -> dict[str, Any]:
    """What Auth0 calls the members of a client."""
    uri = client.backchannel_logout_uri
    return {
        "tenant": realm,
        "global": False,
        "name": client.client_name,
        "callbacks": list(client.redirect_uris),
        "allowed_logout_urls": list(client.post_logout_redirect_uris),
        "web_origins": [],
        "app_type": app_type_of(client),
        "oidc_conformant": True,
        "is_first_party": not client.self_registered,
        "require_proof_of_possession": client.dpop_bound_access_tokens,
        "jwt_configuration": {"alg": client.id_token_signed_response_alg},
        "oidc_logout": {"backchannel_logout_urls": [] if uri is None else [uri]},
    }


def app_type_of(client: Client) -> str:
    """The kind of application that a registration is."""
    if client.application_type == "native":
        return "native"
    if client.public:
        return "spa"
    return "regular_web" if client.redirect_uris else "non_interactive"


def level_of(client: Client) -> str | None:
    """What a profile is called where nobody called it by a compliance level."""
    if client.profile is None:
        return "none"
    if not client.profile.startswith("fapi2"):
        return None
    return "fapi2_sp_pkj_mtls" if client.token_endpoint_auth_method == "private_key_jwt" else "fapi2_sp_mtls_mtls"


def tenant_taken(said: dict[str, Any]) -> dict[str, Any]:
    """A body about tenant settings in our words. Raises Failed."""
    found = dict(said)
    if "default_audience" in found:
        _put(found, "default_resource", found.pop("default_audience") or None, "default_audience")
    if SESSION in found:
        hours = found.pop(SESSION)
        if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 < hours <= MOST_HOURS:
            raise invalid(Problem(SESSION, f"must be a number of hours, at most {MOST_HOURS}"))
        seconds = round(hours * HOUR)
        lifetimes = found.setdefault("lifetimes", {"session": seconds})
        if not isinstance(lifetimes, dict) or lifetimes.get("session") != seconds:
            raise invalid(Problem(SESSION, "is lifetimes.session, and lifetimes is there too"))
    return found


TENANT_READ_ONLY = ("friendly_name", "flags", "enabled_locales")
"""What is shown of a tenant and set elsewhere, or nowhere."""


def tenant_shown(settings: RealmSettings) -> dict[str, Any]:
    """What Auth0 calls the settings of a tenant."""
    return {
        "friendly_name": settings.name,
        "default_audience": settings.default_resource or "",
        SESSION: settings.lifetimes.session / HOUR,
        "flags": {},
        "enabled_locales": ["en"],
    }
