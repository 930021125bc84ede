"""The OpenAPI document, computed from the operations and the types of the service."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from pushgate import __version__
from pushgate.manage.api import settings
from pushgate.manage.api.keys import RotationInput
from pushgate.manage.api.operation import ACCEPTS, SCHEME
from pushgate.manage.inputs import ClientInput, JourneyInput, RealmInput, ResourceInput, UserInput
from pushgate.protocol.management import SCOPES, audience_of
from pushgate.realm import Issuer

Document = dict[str, Any]
REF = "#/components/schemas/{name}"
ABOUT = (
    "Everything about a realm that an operator can change: clients, settings, users, APIs, keys, journeys; and what "
    "happened in it. Tokens are for the audience `{audience}`, from client_credentials or `pushgate token admin`."
)
TEXT: Document = {"type": "string"}
NUMBER: Document = {"type": "integer"}


def described(app: FastAPI, issuer: Issuer) -> Document:
    """The document, with a realm's URLs."""
    about = ABOUT.format(audience=audience_of(issuer.identifier))
    document: Document = get_openapi(
        title=app.title, version=__version__, openapi_version="3.1.0", description=about, routes=app.routes
    )
    document["servers"] = [{"url": issuer.root}]
    flow = {"tokenUrl": issuer.token, "scopes": {scope: _told(scope) for scope in SCOPES}}
    scheme = {"type": "oauth2", "flows": {"clientCredentials": flow}}
    document["components"] = {"schemas": schemas(), "securitySchemes": {SCHEME: scheme}}
    for operations in document["paths"].values():
        for operation in operations.values():
            _finish(operation)
    return document


def _told(scope: str) -> str:
    verb, _, thing = scope.partition(":")
    return f"{verb} {thing.replace('_', ' ')}"


def _finish(operation: Document) -> None:
    """Every refusal is a problem; the framework's own forms never happen."""
    operation.pop(ACCEPTS, None)
    responses = operation["responses"]
    responses.pop("422", None)
    for status, response in responses.items():
        if status == "204":
            response.pop("content", None)
        response["headers"] = {"X-Request-Id": {"schema": TEXT, "description": "Names the request in the log."}}
    problem = {"application/problem+json": {"schema": {"$ref": REF.format(name="Problem")}}}
    responses["default"] = {"description": "A problem (RFC 9457)", "content": problem}


# --- Schemas -------------------------------------------------------------------------------------------------------


def schemas() -> Document:
    """The schemas by name: what may be sent are the types of the service, and what is shown are their members."""
    kinds = [ClientInput, UserInput, ResourceInput, JourneyInput, RealmInput, RotationInput]
    found: Document = msgspec.json.schema_components(kinds, ref_template=REF)[1]
    client, user, realm = found.pop("ClientInput"), found.pop("UserInput"), found.pop("RealmInput")
    found.pop("SecretSource", None)
    secret = {"anyOf": [TEXT, {"type": "null"}]}
    client["properties"]["client_secret"] = user["properties"]["password"] = secret
    found["NewClient"] = {**client, "required": []}
    found["ClientPatch"] = _partial(client)
    found["Client"] = _shown(client, "client_secret") | {"description": CLIENT}
    found["NewUser"], found["UserPatch"] = user, _partial(user)
    found["User"] = _shown(user, "password", user_id=TEXT, has_password={"type": "boolean"})
    found["ResourcePatch"], found["JourneyPatch"] = _partial(found["ResourceInput"]), _partial(found["JourneyInput"])
    for name, of in (("ResourceServer", "ResourceInput"), ("Journey", "JourneyInput")):
        found[name] = _shown(found[of], built_in={"type": "boolean"})
    found |= _settings(realm) | _records()
    return dict(sorted(found.items()))


CLIENT = "A client. In a realm with the auth0 dialect it has Auth0's names for its members too."


def _partial(schema: Document) -> Document:
    """The same where nothing has to be there, and nothing is assumed of what is not."""
    properties = {n: {k: v for k, v in one.items() if k != "default"} for n, one in schema["properties"].items()}
    return {**schema, "properties": properties, "required": []}


def _shown(schema: Document, *hidden: str, **more: Document) -> Document:
    """What is shown of something that can be sent; more members may come, and `fields` may leave out any of them."""
    properties = {name: one for name, one in _partial(schema)["properties"].items() if name not in hidden}
    shown = {**schema, "properties": {**properties, **more}, "required": []}
    shown.pop("additionalProperties", None)
    return shown


def _settings(realm: Document) -> Document:
    switch = {settings.SUPPORTED: {"type": "boolean"}}
    own = {name: one for name, one in realm["properties"].items() if name in settings.MEMBERS}
    changeable = {name: one for name, one in own.items() if name not in settings.SHOWN_ALONE}
    base = {"title": "Settings", "type": "object"}
    patch = {**base, "properties": {**changeable, **switch}, "additionalProperties": False}
    return {
        "Settings": {**base, "properties": {**own, **switch}},
        "SettingsPatch": _partial(patch),
    }


def _object(**members: Document) -> Document:
    return {"type": "object", "properties": members}


def _list(of: Document) -> Document:
    return {"type": "array", "items": of}


def _or_null(of: Document) -> Document:
    return {"anyOf": [of, {"type": "null"}]}


def _records() -> Document:
    """What is shown, and never sent."""
    key = _object(
        kid=TEXT, alg=TEXT, use={"enum": ["sig", "enc"]}, created_at=NUMBER, retired_at=_or_null(NUMBER),
        public={"type": "object"},
    )  # fmt: skip
    keys = _list({"$ref": REF.format(name="Key")})
    error = _object(field=TEXT, reason=TEXT)
    return {
        "Key": key,
        "Rotation": _object(made=keys, retired=keys, deleted=keys),
        "Credential": _object(
            credential_id=TEXT, kind=TEXT, label=TEXT, created_at=NUMBER, last_used_at=_or_null(NUMBER)
        ),
        "Session": _object(
            session_id=TEXT, user_id=TEXT, username=TEXT, authenticated_at=NUMBER, expires_at=NUMBER, amr=_list(TEXT),
            browser=_or_null(TEXT),
        ),
        "Grant": _object(
            grant_id=TEXT, client_id=TEXT, user_id=TEXT, session_id=TEXT, scope=TEXT, audience=_list(TEXT),
            authorization_details=_list({"type": "object"}), auth_time=NUMBER, amr=_list(TEXT), acr=_or_null(TEXT),
            revoked={"type": "boolean"},
        ),
        "Consent": _object(client_id=TEXT, scope=TEXT, given_at=NUMBER),
        "LogEvent": _object(log_id=TEXT, at=NUMBER, realm=TEXT, event=TEXT),
        "Problem": _object(
            type=TEXT, title=TEXT, status=NUMBER, detail=TEXT, errors=_list(error), error=TEXT, error_description=TEXT,
            statusCode=NUMBER, message=TEXT, errorCode=TEXT,
        ),
    }  # fmt: skip
