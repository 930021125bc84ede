"""Many clients and realms: do they slow a push of one client?"""

import json
import secrets
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.applying import applied
from benchmarks.installation import Installation
from benchmarks.load import Round
from benchmarks.paired import Note, Plan
from benchmarks.signing import SigningKey
from benchmarks.turns import Turns, interleave

PART = 50  # realms in one manifest: each makes keys, and the writer waits for none of them long


@dataclass
class Tenants(Turns):
    """What was measured; the empty server has one realm with a handful of clients."""

    clients: int
    realms: int

    def lines(self) -> list[tuple[str, Round]]:
        """For the report."""
        pairs = enumerate(zip(self.empty, self.full, strict=True), 1)
        return [line for n, (e, f) in pairs for line in ((f"few, round {n}", e), (f"many, round {n}", f))]


def measure(clients: int, realms: int, plan: Plan, note: Note) -> Tenants:
    """Fill one of two servers, and compare."""
    result, key = Tenants(clients=clients, realms=realms), SigningKey.generate()
    with tempfile.TemporaryDirectory(prefix="pushgate-bench-") as name, ExitStack() as stack:
        few, many = (Installation.new(Path(name) / kind) for kind in ("few", "many"))
        for installation in (few, many):
            installation.apply(key)
        path = many.folder / "more.yaml"
        note(f"tenants: {clients:,} clients")
        path.write_text(manifest("default", clients))
        applied(many, path)
        for start in range(0, realms, PART):
            note(f"tenants: realms {start + 1} to {min(start + PART, realms)} of {realms}")
            parts = [json.loads(manifest(f"realm-{n}", 1))["realms"] for n in range(start, min(start + PART, realms))]
            path.write_text(json.dumps({"realms": [realm for part in parts for realm in part]}))
            applied(many, path)
        without, with_them = (stack.enter_context(each.serving()) for each in (few, many))
        interleave("tenants", result, without, with_them, plan, note)
    return result


def manifest(realm: str, clients: int) -> str:
    """A realm with so many clients; JSON is YAML."""
    found = [
        {
            "client_id": f"client-{number}",
            "client_secret": secrets.token_urlsafe(32),
            "redirect_uris": [f"https://app{number}.example/callback"],
            "scope": "openid profile email",
        }
        for number in range(clients)
    ]
    return json.dumps({"realms": [{"name": realm, "clients": found}]})
