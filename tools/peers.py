"""Install the npm libraries that tests/peers drives the server with, if they are not there (`make test`).

Without node and npm this does nothing, and the tests that need them are skipped by name; with
PUSHGATE_REQUIRE_SERVICES=1 that is an error.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).resolve().parents[1] / "tests" / "peers"
NPM_CI = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]


def main() -> int:
    """Exit code 0, or 1 where the libraries are required and cannot be had."""
    required = os.environ.get("PUSHGATE_REQUIRE_SERVICES") == "1"
    problem = None if installed(PEERS) else install()
    if problem and required:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problem and required else 0


def installed(folder: Path) -> bool:
    """Whether node_modules holds what the lock file says; npm notes there what it installed."""
    wanted = packages(folder / "package-lock.json")
    return wanted is not None and wanted == packages(folder / "node_modules" / ".package-lock.json")


def packages(lock: Path) -> dict[str, tuple[str, str]] | None:
    """Version and digest of each package in a lock file; None if there is no such file."""
    try:
        found = json.loads(lock.read_text())["packages"]
    except (OSError, ValueError, KeyError):
        return None
    return {path: (entry["version"], entry.get("integrity", "")) for path, entry in found.items() if path}


def install() -> str | None:
    """Run npm; what went wrong, or None."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return "node and npm are missing: install Node.js 20 or later"
    print("installing the npm libraries of tests/peers ...", flush=True)
    done = subprocess.run([npm, *NPM_CI], cwd=PEERS, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    print("npm could not install them; the tests that need them will say so", flush=True)
    return f"npm ci in tests/peers failed:\n{done.stderr.strip()}"


if __name__ == "__main__":
    sys.exit(main())
