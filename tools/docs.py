"""Regenerate docs/reference from the tables that the server runs on (`make docs`); --check only compares."""

from __future__ import annotations

import argparse
import json
import sys
import types
import typing
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec

from pushgate.config import PREFIX, Settings
from pushgate.manage import inputs
from pushgate.manage.schema import manifest_schema
from pushgate.model import RealmSettings
from pushgate.protocol.metadata import metadata
from pushgate.realm import Realm
from pushgate.refusals import REFUSALS
from pushgate.web.routes import ROUTES

FOLDER = Path("docs/reference")
EDITOR = """An editor that speaks YAML checks a manifest and completes its members if the first line names the schema:
[manifest.schema.json](manifest.schema.json), or what `pushgate schema > manifest.schema.json` writes beside it.

```yaml
# yaml-language-server: $schema=manifest.schema.json
```
"""
MADE = "Made by `make docs` from the server's own tables; do not edit.\n"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def refusals() -> str:
    """Every way in which the server says no."""
    out = [
        "# Refusals\n",
        MADE,
        "Every refusal has a stable ID. JSON errors carry it in the header `Pushgate-Refusal`, error pages show it,",
        "the log has it as `refusal`. The text is the `error_description`; the last line says what to do.\n",
    ]
    group = ""
    for refusal in REFUSALS.values():
        if refusal.id.split(".")[0] != group:
            group = refusal.id.split(".")[0]
            out.append(f"## {group}\n")
        status = refusal.status or refusal.error.default_status
        out.append(
            f"### {refusal.id}\n\n`{status}` `{refusal.error.code}`: {refusal.description}  \n{refusal.advice}\n"
        )
    return "\n".join(out)


def settings() -> str:
    """The bootstrap settings."""
    rows = [
        [f"`{PREFIX}{f.name.upper()}`", f"`{f.default}`" if f.default else "", str(f.metadata["meaning"])]
        for f in fields(Settings)
    ]
    return "\n".join(
        [
            "# Settings\n",
            MADE,
            "From the environment, or from `pushgate.toml` under the same names in lower case without the prefix; the",
            "environment wins. An unknown name refuses to start. Everything about realms is in the database.\n",
            table(["Name", "Default", "Meaning"], rows),
        ]
    )


def endpoints() -> str:
    """Routes and metadata of a fresh realm."""
    rows = [
        [f"`{path}{'{id}' if path.endswith('/') and path != '/' else ''}`", ", ".join(r.methods), kind(r), r.cors]
        for path, r in ROUTES.items()
    ]
    realm = Realm.of(RealmSettings(name="default"), "https://login.example")
    return "\n".join(
        [
            "# Endpoints\n",
            MADE,
            "Below the issuer: the base URL for the realm `default`, `/realms/NAME` below it for others.\n",
            table(["Path", "Methods", "Answers", "CORS"], rows),
            "`/api/v2` is the [management API](../management-api.md); its operations are in `/api/v2/docs`.\n",
            "## Metadata of a realm with default settings\n",
            f"```json\n{json.dumps(metadata(realm), indent=2)}\n```\n",
        ]
    )


def schema() -> str:
    """The JSON Schema of manifests, as `pushgate schema` prints it."""
    return json.dumps(manifest_schema(), indent=2, ensure_ascii=False) + "\n"


def kind(route: Any) -> str:
    """Machine endpoint or page."""
    if route.sample:
        return "JSON, where `PUSHGATE_SAMPLE_RESOURCE` is true"
    return "pages, redirects" if route.page is not None else "JSON"


def manifest() -> str:
    """Members of a manifest."""
    out = [
        "# Manifest\n",
        MADE,
        "What `pushgate apply` takes, as YAML or JSON; an unknown member is refused.\n",
        EDITOR,
    ]
    for struct in (inputs.ManifestInput, inputs.RealmInput, *members_of_realm()):
        out.append(f"## {struct.__name__.removesuffix('Input')}\n\n{struct.__doc__}\n")
        rows = [[f"`{f.name}`", f"`{spelled(f.type)}`", default(f)] for f in msgspec.structs.fields(struct)]
        out.append(table(["Member", "Type", "Default"], rows))
    return "\n".join(out)


def members_of_realm() -> Iterator[type[msgspec.Struct]]:
    """The structs below a realm, in the order of its members."""
    for found in vars(inputs).values():
        known = (inputs.Input, inputs.ManifestInput, inputs.RealmInput)
        if isinstance(found, type) and issubclass(found, inputs.Input) and found not in known:
            yield found


def default(field: Any) -> str:
    """The default, as JSON."""
    if field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT:
        return "required"
    if field.default is msgspec.UNSET:
        return "as it is"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return f"`{json.dumps(msgspec.to_builtins(value))}`"


def spelled(kind: Any) -> str:
    """A type in the words of JSON."""
    if kind is msgspec.UnsetType:
        return ""
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        return " or ".join(filter(None, map(spelled, typing.get_args(kind))))
    if typing.get_origin(kind) is typing.Literal:
        return " or ".join(map(json.dumps, typing.get_args(kind)))
    if typing.get_origin(kind) is tuple:
        return f"list of {spelled(typing.get_args(kind)[0])}"
    if typing.get_origin(kind) is dict or kind is dict:
        return "object"
    names = {str: "text", int: "integer", bool: "true/false", type(None): "null"}
    return names.get(kind) or kind.__name__.removesuffix("Input")


def commands() -> str:
    """The command line's own help."""
    import os
    import subprocess

    names = [
        [],
        ["demo"],
        ["serve"],
        ["apply"],
        ["export"],
        ["import"],
        ["schema"],
        ["realm"],
        ["client"],
        ["user"],
        ["resource"],
        ["keys"],
        ["db"],
        ["doctor"],
        ["explain"],
    ]
    out = ["# Commands\n", MADE, "Exit codes: 0 done, 1 refused or failed, 2 wrong usage.\n"]
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    for name in names:
        text = subprocess.run(
            [sys.executable, "-m", "pushgate", *name, "--help"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        body = "\n".join(line.rstrip() for line in text.strip().splitlines())
        out.append(f"## pushgate {' '.join(name)}".rstrip() + f"\n\n```text\n{body}\n```\n")
    return "\n".join(out)


PAGES = {
    "refusals.md": refusals,
    "settings.md": settings,
    "endpoints.md": endpoints,
    "manifest.md": manifest,
    "manifest.schema.json": schema,
    "commands.md": commands,
}


def main() -> int:
    """Write the pages, or say which are out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a page is out of date")
    check = parser.parse_args().check
    FOLDER.mkdir(parents=True, exist_ok=True)
    stale = []
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        if check:
            stale += [name] if not path.exists() or path.read_text() != text else []
        else:
            path.write_text(text)
    if stale:
        sys.stderr.write(f"out of date: {', '.join(stale)}; run: make docs\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
