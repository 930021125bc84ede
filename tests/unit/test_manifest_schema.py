"""The JSON Schema of manifests: every manifest here satisfies it, and whatever it refuses is not applied either."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator

from pushgate.demo.sample import Sample
from pushgate.manage import inputs
from pushgate.manage.importers import imported
from pushgate.manage.manifest import Applier, BadManifest, export, parse
from pushgate.manage.schema import MEANING, manifest_schema
from pushgate.testing import Running
from tests.support.manifests import MANIFEST

ROOT = Path(__file__).parent.parent.parent
SCHEMA = manifest_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
FENCE = re.compile(r"^```(?:yaml|json)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def valid(document: Any) -> bool:
    """Whether an editor would say nothing."""
    return bool(VALIDATOR.is_valid(document))


def written() -> dict[str, Any]:
    """Every manifest in the repository, by where it is."""
    found = {}
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]):
        for number, text in enumerate(FENCE.findall(path.read_text())):
            if re.search(r"^\s*\"?realms\"?:", text, re.MULTILINE):
                found[f"{path.relative_to(ROOT)}-{number}"] = parse(text, "m").value
    for path in sorted([*ROOT.glob("examples/**/*.yaml"), *ROOT.glob("src/pushgate/demo/**/*.yaml")]):
        value = parse(path.read_text(), "m").value
        if isinstance(value, dict) and "realms" in value:
            found[str(path.relative_to(ROOT))] = value
    return found


WRITTEN = written()


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    closed = [part for part in SCHEMA["$defs"].values() if part["additionalProperties"] is False]
    assert len(closed) == len(SCHEMA["$defs"])
    assert all(part["description"] and "    " not in part["description"] for part in SCHEMA["$defs"].values())


def test_every_member_is_there() -> None:
    for name, part in SCHEMA["$defs"].items():
        fields = {field.encode_name for field in msgspec.structs.fields(getattr(inputs, name))}
        assert set(part["properties"]) == fields
    assert {name for name, _ in MEANING} <= {"ManifestInput", *SCHEMA["$defs"]}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_manifests_in_the_documentation_satisfy_it(name: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(WRITTEN[name])] == []


def test_there_are_manifests_to_look_at() -> None:
    assert len(WRITTEN) >= 3


def test_the_samples_satisfy_it() -> None:
    for text in (MANIFEST, Sample("http://127.0.0.1:8080").manifest):
        assert [error.message for error in VALIDATOR.iter_errors(parse(text, "m").value)] == []


def test_what_importers_make_satisfies_it() -> None:
    exports = ROOT / "tests" / "vendors" / "exports"
    for product, name in (
        ("auth0", "auth0-clients.json"),
        ("keycloak", "keycloak-realm.json"),
        ("wso2", "wso2-travel.xml"),
    ):
        assert valid(imported(product, [exports / name], None).manifest)


async def test_what_is_exported_satisfies_it(server: Running) -> None:
    document = await export(server.management, None, with_secrets=True)
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(yaml.safe_dump(document)))] == []


BASE: dict[str, Any] = {
    "realms": [
        {
            "name": "default",
            "clients": [{"client_id": "one", "redirect_uris": ["https://one.example/cb"]}],
            "resources": [{"identifier": "https://api.example", "scopes": ["read"]}],
            "users": [{"username": "carol", "password": "carol-password"}],
        }
    ]
}
REFUSED: dict[str, tuple[tuple[str | int, ...], Any]] = {
    "no-realms": (("realms",), None),
    "unknown": (("realm",), []),
    "realm-unknown": (("realms", 0, "colour"), "red"),
    "realm-name": (("realms", 0, "name"), "Über uns"),
    "realm-nameless": (("realms", 0, "name"), None),
    "realm-profile": (("realms", 0, "profile"), "fapi9"),
    "realm-dialect": (("realms", 0, "dialect"), "klingon"),
    "realm-alg": (("realms", 0, "access_token_signing_alg"), "none"),
    "realm-switch": (("realms", 0, "pkce_required"), "yes please"),
    "realm-lifetime": (("realms", 0, "lifetimes"), {"code": 0}),
    "realm-long-lifetime": (("realms", 0, "lifetimes"), {"code": 601}),
    "realm-request-lifetime": (("realms", 0, "pushed_authorization_requests"), {"lifetime": 4}),
    "realm-registration": (("realms", 0, "registration"), {"mode": "sometimes"}),
    "realm-journey": (("realms", 0, "journeys"), [{"name": "x", "ways": [["magic"]]}]),
    "client-unknown": (("realms", 0, "clients", 0, "scoop"), "x"),
    "client-text-for-list": (("realms", 0, "clients", 0, "redirect_uris"), "https://one.example/cb"),
    "client-short-secret": (("realms", 0, "clients", 0, "client_secret"), "x" * 21),
    "client-secret-source": (("realms", 0, "clients", 0, "client_secret"), {"vault": "x"}),
    "client-no-source": (("realms", 0, "clients", 0, "client_secret"), {}),
    "client-two-sources": (("realms", 0, "clients", 0, "client_secret"), {"file": "x", "env": "Y"}),
    "client-method": (("realms", 0, "clients", 0, "token_endpoint_auth_method"), "magic"),
    "client-grant": (("realms", 0, "clients", 0, "grant_types"), ["authorization_code", "password"]),
    "client-profile": (("realms", 0, "clients", 0, "profile"), "fapi9"),
    "client-kind": (("realms", 0, "clients", 0, "application_type"), "desktop"),
    "client-expiry": (("realms", 0, "clients", 0, "par_request_expiry"), 601),
    "resource-nameless": (("realms", 0, "resources", 0), {"scopes": []}),
    "user-unknown": (("realms", 0, "users", 0, "mail"), "x"),
    "user-claims": (("realms", 0, "users", 0, "claims"), []),
}


def changed(path: tuple[str | int, ...], value: Any) -> Any:
    """The valid manifest with one value in another's place; None: without it."""
    document: Any = copy.deepcopy(BASE)
    place = document
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


async def refused(server: Running, document: Any) -> bool:
    """Whether `apply` says no."""
    try:
        await Applier(server.management, {}).apply([parse(yaml.safe_dump(document), "m")], dry_run=True)
    except BadManifest:
        return True
    return False


async def test_the_base_is_right_for_both(server: Running) -> None:
    assert valid(BASE)
    assert not await refused(server, BASE)


@pytest.mark.parametrize(("path", "value"), REFUSED.values(), ids=REFUSED)
async def test_what_the_schema_refuses_is_not_applied(server: Running, path: tuple[str | int, ...], value: Any) -> None:
    document = changed(path, value)
    assert not valid(document)
    assert await refused(server, document)
