"""A folder with data, for tests of commands."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest

from tests.support.commands import done
from tests.support.manifests import MANIFEST


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the data of the tests' manifest."""
    folder = tmp_path_factory.mktemp("template")
    (folder / "manifest.yaml").write_text(MANIFEST)
    done(folder, "apply", "manifest.yaml")
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    """The same data, to be changed by one test."""
    return copytree(template, tmp_path / "data")
