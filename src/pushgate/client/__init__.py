"""A client of any authorization server that takes pushed authorization requests (RFC 9126).

    async with PushClient("https://as.example", "my-app", client_secret=SECRET) as client:
        pushed = await client.push(redirect_uri="https://app.example/callback", scope="openid email")
        # keep `pushed` in the browser's session, and send the browser to pushed.authorization_url;
        # when it is back at the redirect URI:
        tokens = await client.exchange(pushed, url_the_browser_came_back_to)
        claims = await client.userinfo(tokens)

It knows nothing of Pushgate's own insides, and works with every server that follows the specifications.
"""

from pushgate.client.client import PushClient
from pushgate.client.errors import (
    BadAuthorizationResponse,
    BadIdToken,
    BadReply,
    ClientError,
    Refused,
    Unreachable,
)
from pushgate.client.metadata import Metadata
from pushgate.client.pushed import Pushed
from pushgate.client.tokens import Tokens

__all__ = [
    "BadAuthorizationResponse",
    "BadIdToken",
    "BadReply",
    "ClientError",
    "Metadata",
    "PushClient",
    "Pushed",
    "Refused",
    "Tokens",
    "Unreachable",
]
