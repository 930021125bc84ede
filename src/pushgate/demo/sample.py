"""The sample: a realm, an application, an API and a user. Its secrets protect nothing, so they may be shown."""

from __future__ import annotations

from dataclasses import dataclass

CLIENT_ID = "sample-app"
CLIENT_SECRET = "sample-secret-for-demo"
USERNAME = "alice"
PASSWORD = "alice-password"
API = "https://notes.example/api"
SCOPE = "openid profile email notes:read"


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
"""
