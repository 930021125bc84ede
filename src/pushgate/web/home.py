"""The front page of a realm."""

from __future__ import annotations

from pushgate.endpoints.http import Reply
from pushgate.web.call import Call


async def home(call: Call) -> Reply:
    """The realm's front page: what this is, and where its documents are."""
    issuer = call.ctx.realm.issuer
    links = [
        {
            "href": f"{issuer.path}/.well-known/openid-configuration",
            "title": "Metadata",
            "description": "The endpoints and what they support.",
        },
        {
            "href": f"{issuer.path}{issuer.paths.jwks}",
            "title": "Keys",
            "description": "The public signing keys.",
        },
        {
            "href": f"{issuer.path}/oauth2/account",
            "title": "Your account",
            "description": "What applications may do, where you are signed in, and how.",
        },
        {
            "href": f"{issuer.path}/oauth2/logout",
            "title": "Sign out",
            "description": "End your session here.",
        },
    ]
    return call.pages.page("home.html", call.request, call.ctx, links=links, issuer=issuer.identifier)
