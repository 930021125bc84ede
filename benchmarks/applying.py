"""How long `pushgate apply` takes for a large manifest, from the start of the process to its end."""

import json
import secrets
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.installation import Installation
from benchmarks.paired import Note
from benchmarks.servers import Unavailable


@dataclass(frozen=True, slots=True)
class Applying:
    """Seconds, for this many clients."""

    clients: int
    first: float
    """Into an empty data folder: database, schema and keys are made too."""
    again: float
    """The same manifest once more, which changes nothing."""

    def rows(self) -> list[tuple[str, float]]:
        """For the report."""
        return [("into an empty data folder", self.first), ("again, nothing changes", self.again)]


def measure(clients: int, note: Note) -> Applying:
    """Apply twice."""
    with tempfile.TemporaryDirectory(prefix="pushgate-bench-") as folder:
        installation = Installation.new(Path(folder) / "pushgate")
        path = Path(folder) / "manifest.yaml"
        path.write_text(manifest(clients))
        note(f"applying {clients:,} clients")
        first = applied(installation, path)
        note(f"applying {clients:,} clients again")
        return Applying(clients, first, applied(installation, path))


def manifest(clients: int) -> str:
    """As a person or an importer writes one: a few lines for each client."""
    lines = ["realms:", "  - name: default", "    clients:"]
    for number in range(clients):
        lines += [
            f"      - client_id: client-{number}",
            f"        client_secret: {secrets.token_urlsafe(32)}",
            f"        client_name: {json.dumps(f'Client {number}')}",
            f"        redirect_uris: [https://app{number}.example/callback]",
            "        grant_types: [authorization_code, refresh_token]",
            "        scope: openid profile email",
        ]
    return "\n".join(lines) + "\n"


def applied(installation: Installation, path: Path) -> float:
    """Seconds for one run."""
    began = time.perf_counter()
    done = subprocess.run(
        installation.command("apply", str(path)),
        cwd=installation.folder,
        env=installation.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable(f"`pushgate apply` failed:\n{done.stderr.strip()}")
    return time.perf_counter() - began
