"""Pushgate as it is measured: a data folder, the commands on it, the running server."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scenarios import (
    BASIC_CLIENT,
    JWT_CLIENT,
    REDIRECT_URI,
    RESOURCE,
    SCOPE,
    SERVICE_CLIENT,
    SERVICE_SCOPE,
)
from benchmarks.servers import Server, Unavailable, discover, free_port, started
from benchmarks.sign_in import PASSWORD, USERNAME
from benchmarks.signing import SigningKey


def manifest(secret: str, key: SigningKey) -> str:
    """What `pushgate apply` makes; JSON is YAML."""
    shared = {
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "scope": SCOPE,
        "id_token_signed_response_alg": "ES256",
    }
    with_secret = {
        "client_id": BASIC_CLIENT,
        "client_secret": secret,
        "token_endpoint_auth_method": "client_secret_basic",
    }
    with_key = {
        "client_id": JWT_CLIENT,
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "jwks": key.jwks(),
    }
    service = {
        "client_id": SERVICE_CLIENT,
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "jwks": key.jwks(),
        "grant_types": ["client_credentials"],
        "response_types": [],
        "scope": SERVICE_SCOPE,
    }
    user = {
        "username": USERNAME,
        "password": PASSWORD,
        "claims": {"email": "alice@example.com", "name": "Alice"},
    }
    realm = {
        "name": "default",
        "profile": "oidc",
        "clients": [with_secret | shared, with_key | shared, service],
        "resources": [{"identifier": RESOURCE, "scopes": SERVICE_SCOPE.split()}],
        "users": [user],
    }
    return json.dumps({"realms": [realm]}, indent=2)


@dataclass(frozen=True, slots=True)
class Installation:
    """A data folder of Pushgate, and how to run commands on it."""

    folder: Path
    port: int
    secret: str

    @classmethod
    def new(cls, folder: Path) -> "Installation":
        """Nothing in it yet: the first command makes the database and the keys."""
        folder.mkdir(parents=True)
        return cls(folder, free_port(), secrets.token_urlsafe(32))

    @property
    def database(self) -> Path:
        """Where the SQLite file is."""
        return self.folder / "pushgate.db"

    def environment(self) -> dict[str, str]:
        """Only these settings; whatever else the caller has set for Pushgate stays out."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PUSHGATE_")}
        return inherited | {
            "PUSHGATE_DATABASE_URL": f"sqlite:///{self.database}",
            "PUSHGATE_BASE_URL": f"http://127.0.0.1:{self.port}",
        }

    def command(self, *arguments: str) -> list[str]:
        """The command line of this Python environment's own `pushgate`."""
        program = Path(sys.executable).with_name("pushgate")
        if not program.exists():
            raise Unavailable("there is no `pushgate` in this Python environment: run `make bench`")
        return [str(program), *arguments]

    def apply(self, key: SigningKey) -> None:
        """Clients and the user."""
        path = self.folder / "manifest.yaml"
        path.write_text(manifest(self.secret, key))
        done = subprocess.run(
            self.command("apply", str(path)),
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Unavailable(f"`pushgate apply` failed:\n{done.stderr.strip()}")

    @contextmanager
    def serving(self, *, logs: Path | None = None) -> Iterator[Server]:
        """`pushgate serve` as anyone would start it; its log goes to `logs`, or else beside the data."""
        command = self.command("serve", "--port", str(self.port))
        with started(
            "pushgate",
            command,
            port=self.port,
            ready="/readyz",
            folder=self.folder,
            environment=self.environment(),
            logs=logs,
        ) as server:
            server.secret = self.secret
            server.target = discover(server)
            yield server


@contextmanager
def pushgate(folder: Path, key: SigningKey) -> Iterator[Server]:
    """Pushgate on SQLite in a folder of its own."""
    installation = Installation.new(folder / "pushgate")
    installation.apply(key)
    with installation.serving() as server:
        yield server
