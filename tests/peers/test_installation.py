"""The npm libraries are installed from the lock file, which says nothing about where they come from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tools.peers import PEERS, installed

LOCK = PEERS / "package-lock.json"


def test_the_lock_file_names_versions_and_digests_but_no_registry() -> None:
    packages = {path: entry for path, entry in json.loads(LOCK.read_text())["packages"].items() if path}
    assert {"node_modules/openid-client", "node_modules/oauth4webapi", "node_modules/auth0"} <= set(packages)
    for entry in packages.values():
        assert entry["integrity"].startswith("sha512-")
        assert "resolved" not in entry


def test_another_version_than_the_locked_one_is_not_taken_for_installed(tmp_path: Path) -> None:
    shutil.copy(LOCK, tmp_path)
    assert not installed(tmp_path)

    noted = tmp_path / "node_modules" / ".package-lock.json"
    noted.parent.mkdir()
    shutil.copy(LOCK, noted)
    assert installed(tmp_path)

    document = json.loads(LOCK.read_text())
    document["packages"]["node_modules/oauth4webapi"]["version"] = "3.0.0"
    noted.write_text(json.dumps(document))
    assert not installed(tmp_path)
