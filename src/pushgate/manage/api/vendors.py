"""The same settings in the words of other products, at their paths: WSO2 Identity Server, PingOne AIC, IBM Verify.

Their programs send whole documents, with much that means nothing here; so what is not known is left alone, where the
API's own operations refuse it. What is named and known is changed, and nothing else, with PUT too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Response

from pushgate.manage.api import clients, settings
from pushgate.manage.api.call import Call, answer
from pushgate.manage.api.documents import invalid
from pushgate.manage.api.operation import Here, Id, operation
from pushgate.model import Client, RealmSettings
from pushgate.protocol.registration import Problem

PUSH = clients.PUSH
Taken = Callable[[dict[str, Any]], dict[str, Any]]
Shown = Callable[[Client], dict[str, Any]]
Path = tuple[str, ...]
Read = Callable[[str, Any], Any]


def register(router: APIRouter) -> None:
    """Add the operations."""
    for path, taken, shown, name in (
        ("/api/server/v1/applications/{client_id}/inbound-protocols/oidc", wso2_taken, wso2_shown, "wso2"),
        ("/realm-config/agents/OAuth2Client/{client_id}", ping_taken, ping_shown, "ping"),
        ("/v1.0/applications/{client_id}", ibm_taken, ibm_shown, "ibm"),
    ):
        _of_client(router, path, taken, shown, name)
    path = "/realm-config/services/oauth-oidc"
    operation(router, "GET", path, "read:tenant_settings")(ping_service)
    for method in ("PUT", "PATCH"):
        operation(router, method, path, "update:tenant_settings")(ping_service_update)


def _of_client(router: APIRouter, path: str, taken: Taken, shown: Shown, name: str) -> None:
    async def get(call: Here, client_id: Id) -> Response:
        """The registration in the product's words."""
        client = await clients.stored(call, client_id)
        return answer(shown(client), record=client)

    async def update(call: Here, client_id: Id) -> Response:
        """Change what is named."""
        client = await clients.update(call, client_id, taken(call.json()))
        return answer(shown(client), record=client)

    get.__name__, update.__name__ = f"{name}_get", f"{name}_update"
    operation(router, "GET", path, "read:clients")(get)
    for method in ("PUT", "PATCH"):
        operation(router, method, path, "update:clients")(update)


def _at(said: dict[str, Any], path: Path) -> Any:
    """The value at a path, or None; each step has to be an object. Raises Failed."""
    found: Any = said
    for index, name in enumerate(path):
        if not isinstance(found, dict):
            raise invalid(Problem(".".join(path[:index]), "must be an object"))
        found = found.get(name)
        if found is None:
            return None
    return found


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    PUSH: (lambda value: isinstance(value, bool), "must be true or false"),
    "dpop_bound_access_tokens": (lambda value: isinstance(value, bool), "must be true or false"),
    "client_name": (lambda value: isinstance(value, str), "must be text"),
    "redirect_uris": (_texts, "must be a list of texts"),
    "grant_types": (_texts, "must be a list of texts"),
}


def _named(said: dict[str, Any], words: dict[Path, str], read: Read | None = None) -> dict[str, Any]:
    """What a document says, in our words. Raises Failed, with the product's path of what is wrong.

    Some products say a thing in two places; where these differ, nobody can know which was meant.
    """
    found: dict[str, Any] = {}
    for path, ours in words.items():
        value = _at(said, path)
        if value is None:
            continue
        value = value if read is None else read(ours, value)
        fits, reason = CHECKS[ours]
        if not fits(value):
            raise invalid(Problem(".".join(path), reason))
        if found.get(ours, value) != value:
            raise invalid(Problem(".".join(path), "is said in another place too, and differently"))
        found[ours] = value
    return found


# --- WSO2 Identity Server ---------------------------------------------------------------------------------------

WSO2: dict[Path, str] = {
    ("pushAuthorizationRequest", "requirePushAuthorizationRequest"): PUSH,
    ("callbackURLs",): "redirect_uris",
    ("grantTypes",): "grant_types",
}


def wso2_taken(said: dict[str, Any]) -> dict[str, Any]:
    """An OIDC configuration of an application."""
    return _named(said, WSO2)


def wso2_shown(client: Client) -> dict[str, Any]:
    """An OIDC configuration of an application."""
    return {
        "clientId": client.client_id,
        "state": "ACTIVE" if client.enabled else "REVOKED",
        "grantTypes": list(client.grant_types),
        "callbackURLs": list(client.redirect_uris),
        "publicClient": client.public,
        "pushAuthorizationRequest": {"requirePushAuthorizationRequest": client.require_pushed_authorization_requests},
    }


# --- PingOne Advanced Identity Cloud -----------------------------------------------------------------------------

PING_CORE, PING_MORE = "coreOAuth2ClientConfig", "advancedOAuth2ClientConfig"
PING: dict[Path, str] = {
    (PING_MORE, "require_pushed_authorization_requests"): PUSH,
    (PING_MORE, "grantTypes"): "grant_types",
    (PING_CORE, "redirectionUris"): "redirect_uris",
}
LIFETIME = "parRequestUriLifetime"
PING_SERVICE = "advancedOAuth2Config"


def _unwrapped(value: Any) -> Any:
    """`{"inherited": false, "value": ...}` is the value."""
    return value["value"] if isinstance(value, dict) and "value" in value else value


def _wrapped(value: Any) -> dict[str, Any]:
    return {"inherited": False, "value": value}


def ping_taken(said: dict[str, Any]) -> dict[str, Any]:
    """An OAuth 2.0 client of a realm."""
    return _named(said, PING, lambda ours, value: _unwrapped(value))


def ping_shown(client: Client) -> dict[str, Any]:
    """An OAuth 2.0 client of a realm."""
    return {
        "_id": client.client_id,
        PING_CORE: {
            "clientName": _wrapped([] if client.client_name is None else [client.client_name]),
            "redirectionUris": _wrapped(list(client.redirect_uris)),
            "status": _wrapped("Active" if client.enabled else "Inactive"),
        },
        PING_MORE: {
            "require_pushed_authorization_requests": _wrapped(client.require_pushed_authorization_requests),
            "grantTypes": _wrapped(list(client.grant_types)),
            "tokenEndpointAuthMethod": _wrapped(client.token_endpoint_auth_method),
        },
        "_type": {"_id": "OAuth2Client", "name": "OAuth2 Clients", "collection": True},
    }


async def ping_service(call: Here) -> Response:
    """The OAuth 2.0 provider of a realm."""
    found = await call.settings()
    return answer(_service(call, found), record=found)


async def ping_service_update(call: Here) -> Response:
    """Change what is named."""
    said = call.json()
    value = _unwrapped(_at(said, (PING_SERVICE, LIFETIME)) if PING_SERVICE in said else said.get(LIFETIME))
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise invalid(Problem(LIFETIME, "must be a number of seconds"))
    patch = {} if value is None else {settings.PAR: {"lifetime": value}}
    found = await settings.update(call, patch)
    return answer(_service(call, found), record=found)


def _service(call: Call, found: RealmSettings) -> dict[str, Any]:
    lifetime = found.pushed_authorization_requests.lifetime
    shown = call.ctx.realm.dialect.request_lifetime if lifetime is None else lifetime
    required = found.pushed_authorization_requests.required
    return {
        "_id": "",
        PING_SERVICE: {LIFETIME: shown, "requirePushedAuthorizationRequests": required},
        LIFETIME: shown,
        "_type": {"_id": "oauth-oidc", "name": "OAuth2 Provider", "collection": False},
    }


# --- IBM Verify ----------------------------------------------------------------------------------------------------

IBM_PATH = ("providers", "oidc", "properties")
IBM_MORE = "additionalConfig"
IBM: dict[Path, str] = {
    (*IBM_PATH, IBM_MORE, "requirePushAuthorize"): PUSH,
    (IBM_MORE, "requirePushAuthorize"): PUSH,
    (*IBM_PATH, IBM_MORE, "dpopBoundAccessTokens"): "dpop_bound_access_tokens",
    (IBM_MORE, "dpopBoundAccessTokens"): "dpop_bound_access_tokens",
    (*IBM_PATH, "redirectUris"): "redirect_uris",
    ("name",): "client_name",
}


def _switch(ours: str, value: Any) -> Any:
    """The product writes switches as text in places."""
    switch = isinstance(value, str) and ours in (PUSH, "dpop_bound_access_tokens")
    return {"true": True, "false": False}.get(value, value) if switch else value


def ibm_taken(said: dict[str, Any]) -> dict[str, Any]:
    """An application."""
    return _named(said, IBM, _switch)


def ibm_shown(client: Client) -> dict[str, Any]:
    """An application."""
    more = {
        "requirePushAuthorize": client.require_pushed_authorization_requests,
        "dpopBoundAccessTokens": client.dpop_bound_access_tokens,
        "responseTypes": list(client.response_types),
    }
    properties = {"clientId": client.client_id, "redirectUris": list(client.redirect_uris), IBM_MORE: more}
    return {
        "applicationId": client.client_id,
        "name": client.label,
        "applicationState": client.enabled,
        "providers": {"sso": {"userOptions": "oidc"}, "oidc": {"properties": properties}},
        IBM_MORE: more,
    }
