"""For APIs: check the access tokens of Pushgate, or of any issuer that follows RFC 9068.

    resource = ProtectedResource(issuer="https://login.example", audience="https://api.example")
    token = await resource.check(method="GET", url=url, headers=headers, scope="notes:read")

`token.sub` is the user, `token.client_id` the application; a request that may not pass raises AccessRefused, which
knows status, headers and body of the answer. DPoP (RFC 9449), certificate-bound tokens (RFC 8705) and step-up
(RFC 9470) are checked where the token or the call asks for them.

In a framework: `pushgate.resource.starlette` (FastAPI too) and `pushgate.resource.django` have a ProtectedResource
that takes the framework's request.
"""

from pushgate.resource.core import Headers, ProtectedResource
from pushgate.resource.refused import AccessRefused
from pushgate.resource.replay import MemoryReplay, Replay
from pushgate.resource.token import AccessToken

__all__ = ["AccessRefused", "AccessToken", "Headers", "MemoryReplay", "ProtectedResource", "Replay"]
