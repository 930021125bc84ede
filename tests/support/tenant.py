"""A realm in the dialect auth0 at a host of its own with TLS, as that product's libraries want a tenant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc.jwk import RSAKey

from pushgate.protocol.management import SCOPES
from tests.support.certificates import SERVER_AUTH, authority, client
from tests.support.live import Live, free_port, serving
from tests.support.manifests import PEER_REDIRECT

SECRET = "tenant-secret-of-at-least-32-bytes-of-text"
KEY = rsa.generate_private_key(65537, 2048)
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
ALICE = {"name": "Alice", "email": "alice@example.com"}
WEB = {
    "redirect_uris": [PEER_REDIRECT],
    "grant_types": ["authorization_code", "refresh_token"],
    "scope": "openid profile email offline_access",
}


@dataclass
class Tenant:
    """What an application's configuration says."""

    live: Live
    domain: str

    @property
    def audience(self) -> str:
        """Of the management API."""
        return f"https://{self.domain}/api/v2/"


def manifest(domain: str) -> str:
    """The realm: what manages it, and an application with a secret and one with a key."""
    post = {"client_secret": SECRET, "token_endpoint_auth_method": "client_secret_post"}
    jwk = RSAKey.import_key(PUBLIC).as_dict(private=False)
    key = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [jwk]}}
    manager = {
        "grant_types": ["client_credentials"], "scope": " ".join(SCOPES),
        "allowed_resources": [f"https://{domain}/api/v2/"],
    }  # fmt: skip
    realm = {
        "name": "tenant", "dialect": "auth0", "hosts": [domain], "rates": {"failures_per_minute": 0},
        "clients": [
            {"client_id": "manager", **post, **manager}, {"client_id": "manager-jwt", **key, **manager},
            {"client_id": "web", **post, **WEB}, {"client_id": "web-jwt", **key, **WEB},
        ],
        "users": [{"username": "alice", "password": "alice-password", "claims": ALICE}],
    }  # fmt: skip
    return json.dumps({"realms": [realm]})


@contextmanager
def tenant(folder: Path) -> Iterator[Tenant]:
    """A server whose base URL has an IP address, and whose realm is at `localhost`."""
    names = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
    trusted = authority("Test CA of the tenant")
    certificate, key = client("localhost", issuer=trusted, san=names, eku=SERVER_AUTH).files(folder, "tls")
    (folder / "trust.pem").write_text(trusted.pem)
    port = free_port()
    arguments = ["--tls-cert", certificate, "--tls-key", key]
    base = f"https://127.0.0.1:{port}"
    domain, trust = f"localhost:{port}", str(folder / "trust.pem")
    with serving(folder, manifest(domain), *arguments, port=port, trust=trust, PUSHGATE_BASE_URL=base) as live:
        yield Tenant(live, domain)
