"""pushgate schema."""

from __future__ import annotations

from pushgate.cli.common import print_json


def schema() -> None:
    """Print the JSON Schema of manifests, for editors.

    The first line of a manifest names it: # yaml-language-server: $schema=manifest.schema.json
    """
    from pushgate.manage.schema import manifest_schema

    print_json(manifest_schema())
