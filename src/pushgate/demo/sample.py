"""The sample: a realm, an application, an API and a user. Its secrets protect nothing, so they may be shown."""

from __future__ import annotations

from dataclasses import dataclass

from pushgate.model import RealmSettings
from pushgate.realm import Realm

CLIENT_ID = "sample-app"
CLIENT_SECRET = "sample-secret-for-demo"
USERNAME = "alice"
PASSWORD = "alice-password"
API = "https://notes.example/api"
SCOPE = "openid profile email notes:read"
PRODUCTS = {
    "wso2": "WSO2 Identity Server", "auth0": "Auth0", "pingone-aic": "PingOne Advanced Identity Cloud",
    "ibm-verify": "IBM Verify",
}  # fmt: skip
"""The products that realms of the sample stand in for, by dialect, which is the realm's name too."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The sample on a server at this URL."""

    base_url: str

    @property
    def callback(self) -> str:
        """Where the application of the printed flow takes its answer."""
        return f"{self.base_url}/demo/callback"

    @property
    def playground(self) -> str:
        """The playground."""
        return f"{self.base_url}/playground/"

    @property
    def playground_callback(self) -> str:
        """Where the playground's application takes its answer."""
        return f"{self.base_url}/playground/callback"

    @property
    def manifest(self) -> str:
        """What the server is given. Request and code live long, for people who read before they go on.

        The last redirect URI has no port: examples/ listen on any (RFC 8252 7.3).
        """
        return f"""
realms:
  - name: default
    pushed_authorization_requests: {{lifetime: 300}}
    lifetimes: {{code: 600}}
    clients:
      - client_id: {CLIENT_ID}
        client_name: Sample App
        client_secret: {CLIENT_SECRET}
        redirect_uris: ["{self.callback}", "{self.playground_callback}", "http://127.0.0.1/callback"]
        grant_types: [authorization_code, refresh_token]
        scope: {SCOPE} notes:write
    resources:
      - {{identifier: "{API}", scopes: ["notes:read", "notes:write"]}}
    users:
      - username: {USERNAME}
        password: {PASSWORD}
        claims: {{name: Alice Sample, email: alice@example.com, email_verified: true}}
{"".join(map(self._product, PRODUCTS))}"""

    def _product(self, dialect: str) -> str:
        return f"""
  - name: {dialect}
    dialect: {dialect}
    pushed_authorization_requests: {{supported: true}}
    clients:
      - client_id: {CLIENT_ID}
        client_name: Sample App
        client_secret: {CLIENT_SECRET}
        redirect_uris: ["{self.callback}", "http://127.0.0.1/callback"]
        scope: openid profile email
    users:
      - {{username: {USERNAME}, password: {PASSWORD}, claims: {{name: Alice Sample, email: alice@example.com}}}}
"""

    def par_of(self, dialect: str) -> str:
        """Where an application that was written for a product pushes its requests."""
        settings = RealmSettings(name=dialect, dialect=dialect)
        return Realm.of(settings, self.base_url).issuer.par
