"""The JSON Schema of manifests, for editors: the shapes of `inputs.py`, and the words that are known at run time."""

from __future__ import annotations

from inspect import cleandoc
from typing import Any

import msgspec

from pushgate.dialects import DIALECTS
from pushgate.jose.algorithms import SIGNING
from pushgate.manage.inputs import ManifestInput
from pushgate.manage.realms import LONGEST
from pushgate.profiles import PROFILES
from pushgate.protocol.client_auth import METHODS
from pushgate.protocol.metadata import GRANT_TYPES
from pushgate.protocol.registration import LIFETIME_RANGE, MIN_SECRET
from pushgate.realm import REALM_NAME

DRAFT = "https://json-schema.org/draft/2020-12/schema"
WORDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("RealmInput", "profile"): tuple(PROFILES),
    ("RealmInput", "dialect"): tuple(DIALECTS),
    ("RealmInput", "access_token_signing_alg"): tuple(SIGNING),
    ("ClientInput", "profile"): tuple(PROFILES),
    ("ClientInput", "token_endpoint_auth_method"): tuple(METHODS),
}
"""Members that are one of a few words."""
SECONDS = {
    **{("LifetimesInput", name): range(1, longest + 1) for name, longest in LONGEST.items()},
    ("ParInput", "lifetime"): LIFETIME_RANGE,
    ("ClientInput", "par_request_expiry"): LIFETIME_RANGE,
}
MEANING: dict[tuple[str, str], str] = {
    ("ManifestInput", "realms"): "Each is an issuer of its own.",
    ("RealmInput", "name"): "`default` is at the base URL, any other at /realms/<name>.",
    ("RealmInput", "profile"): "The security profile that every client of the realm is held to.",
    ("RealmInput", "dialect"): "Whose paths and habits the realm has.",
    ("RealmInput", "registration"): "Clients that register themselves (RFC 7591): nobody, who has a token, everybody.",
    ("RealmInput", "lifetimes"): "How long things live, in seconds.",
    ("RealmInput", "rates"): "Limits per client and address; 0 switches one off.",
    ("RealmInput", "pkce_required"): "PKCE for confidential clients too; public ones always need it.",
    ("RealmInput", "dpop_nonces"): "DPoP proofs need a nonce of this server (RFC 9449 8).",
    ("RealmInput", "default_scope"): "The scope of a request that names none.",
    ("RealmInput", "default_resource"): "The API that a token is for if the request names none.",
    ("RealmInput", "resource_required"): "A request has to name an API (RFC 8707).",
    ("RealmInput", "authentication_contexts"): "What `acr` values mean, the weakest first.",
    ("RealmInput", "journeys"): "Ways to sign in, beside the built-in ones.",
    ("RealmInput", "access_token_signing_alg"): "What access tokens are signed with.",
    ("RealmInput", "tls_client_ca"): "A PEM file beside the manifest, or PEM text: who vouches for tls_client_auth.",
    ("RealmInput", "resources"): "APIs that access tokens are for.",
    ("RealmInput", "users"): "Local accounts.",
    ("ClientInput", "client_id"): "Printable ASCII characters without spaces.",
    ("ClientInput", "client_secret"): "Text, {file: path} or {env: NAME}; left out, it is generated and shown once.",
    ("ClientInput", "redirect_uris"): "Compared character by character.",
    ("ClientInput", "scope"): "Scope values the client may ask for, separated by spaces; left out, any.",
    ("ClientInput", "require_pushed_authorization_requests"): "Every request has to be pushed (RFC 9126).",
    ("ClientInput", "profile"): "A stricter security profile than the realm's.",
    ("ClientInput", "enabled"): "A disabled client is refused everywhere.",
    ("ClientInput", "par_request_expiry"): "Seconds that a request_uri of this client lives.",
    ("ClientInput", "pushed_redirect_uri_prefixes"): "How redirect URIs may begin in pushed requests (RFC 9126 2.4).",
    ("ClientInput", "skip_consent"): "Users are not asked: the operator allowed it for them.",
    ("ClientInput", "allowed_resources"): "APIs that the client may name; left out, all of the realm's.",
    ("ClientInput", "default_journey"): "How its users sign in if the request does not say.",
    ("ClientInput", "step_up"): "A known acr that cannot be reached is an error (RFC 9470).",
    ("ResourceInput", "introspection_clients"): "client_id of those that may ask about its tokens (RFC 7662).",
    ("UserInput", "password"): "Text, {file: path} or {env: NAME}; left out, the present one stays.",
    ("UserInput", "claims"): "Claims by name, as in OpenID Connect.",
}


def manifest_schema() -> dict[str, Any]:
    """What an editor checks a manifest by. Whatever it refuses `pushgate apply` refuses too, and more besides."""
    (_,), parts = msgspec.json.schema_components([ManifestInput], ref_template="#/$defs/{name}")
    for (part, member), words in WORDS.items():
        parts[part]["properties"][member] = _one_of(parts[part]["properties"][member], words)
    client, realm = parts["ClientInput"]["properties"], parts["RealmInput"]["properties"]
    client["grant_types"]["items"]["enum"] = list(GRANT_TYPES)
    for kind in client["client_secret"]["anyOf"]:
        if kind.get("type") == "string":
            kind["minLength"] = MIN_SECRET
    realm["name"]["pattern"] = f"^{REALM_NAME.pattern}$"
    _source(parts["SecretSource"])
    for (name, member), seconds in SECONDS.items():
        _bounded(parts[name]["properties"][member], seconds)
    for (name, member), meaning in MEANING.items():
        parts[name]["properties"][member]["description"] = meaning
    for found in parts.values():
        found["title"] = found["title"].removesuffix("Input")
        found["description"] = cleandoc(found["description"])
    return {
        "$schema": DRAFT,
        "title": "Pushgate manifest",
        "description": "What `pushgate apply` takes. A member that is left out has its default, in a realm its value.",
        **{name: value for name, value in parts.pop("ManifestInput").items() if name not in ("title", "description")},
        "$defs": parts,
    }


def _one_of(member: dict[str, Any], words: tuple[str, ...]) -> dict[str, Any]:
    """A member that is text, or text and null, as one of these words."""
    optional = any(kind.get("type") == "null" for kind in member.get("anyOf", ()))
    rest = {name: value for name, value in member.items() if name not in ("type", "anyOf")}
    return {"enum": [*words, *([None] if optional else [])], **rest}


def _bounded(member: dict[str, Any], seconds: range) -> None:
    for kind in member.get("anyOf", [member]):
        if kind.get("type") == "integer":
            kind |= {"minimum": seconds.start, "maximum": seconds.stop - 1}


def _source(part: dict[str, Any]) -> None:
    """A secret is in a file or in a variable."""
    part["oneOf"] = [{"required": [name], "properties": {name: {"type": "string"}}} for name in ("file", "env")]
