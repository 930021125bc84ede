"""The JSON Schema of manifests, for editors: the shapes of `inputs.py`, and the words that are known at run time."""

from __future__ import annotations

from typing import Any

import msgspec

from pushgate.dialects import DIALECTS
from pushgate.jose.algorithms import SIGNING
from pushgate.manage.inputs import ManifestInput
from pushgate.profiles import PROFILES
from pushgate.protocol.client_auth import METHODS
from pushgate.protocol.metadata import GRANT_TYPES
from pushgate.protocol.registration import MIN_SECRET
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
NAMED = {"ManifestInput": ("realms",), "RealmInput": ("name",), "ClientInput": ("client_id",)}


def manifest_schema() -> dict[str, Any]:
    """What an editor checks a manifest by. Whatever it refuses `pushgate apply` refuses too; not the other way round."""
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
    for part in parts.values():
        part["title"] = part["title"].removesuffix("Input")
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


def _source(part: dict[str, Any]) -> None:
    """A secret is in a file or in a variable."""
    part["oneOf"] = [{"required": ["file"]}, {"required": ["env"]}]
