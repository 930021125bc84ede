"""Renew requirements.lock and requirements-dev.lock from pyproject.toml (`make lock`)."""

import subprocess
import sys
import tomllib
from pathlib import Path

COMMON = [
    sys.executable, "-m", "piptools", "compile", "--quiet", "--upgrade",
    "--generate-hashes", "--allow-unsafe", "--strip-extras",
    "--no-emit-index-url", "--no-emit-trusted-host", "--no-emit-find-links", "--no-header", "--no-annotate",
]  # fmt: skip


def main() -> None:
    """Compile the run-time lock first; the development lock is constrained by it."""
    whole = ["--build-deps-for", "editable", "--all-extras"]
    subprocess.run([*COMMON, *whole, "-o", "requirements.lock", "pyproject.toml"], check=True)
    group = tomllib.loads(Path("pyproject.toml").read_text())["dependency-groups"]["dev"]
    source = Path("requirements-dev.in")
    source.write_text("\n".join(["-r requirements.lock", *group]))
    try:
        subprocess.run([*COMMON, "-o", "requirements-dev.lock", str(source)], check=True)
    finally:
        source.unlink()


if __name__ == "__main__":
    main()
