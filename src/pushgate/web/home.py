"""The front page of a realm."""

from __future__ import annotations

from pushgate.dialects import NATIVE
from pushgate.endpoints.http import Reply
from pushgate.web.call import Call
from pushgate.web.languages import N_


async def home(call: Call) -> Reply:
    """The realm's front page: what this is, and where its documents are."""
    issuer = call.ctx.realm.issuer
    links = [
        {
            "href": f"{issuer.path}/.well-known/openid-configuration",
            "title": N_("Metadata"),
            "description": N_("The endpoints and what they support."),
        },
        {
            "href": f"{issuer.path}{NATIVE.jwks}",
            "title": N_("Keys"),
            "description": N_("The public signing keys."),
        },
        {
            "href": f"{issuer.path}/oauth2/account",
            "title": N_("Your account"),
            "description": N_("What applications may do, where you are signed in, and how."),
        },
        {
            "href": f"{issuer.path}/oauth2/logout",
            "title": N_("Sign out"),
            "description": N_("End your session here."),
        },
    ]
    return call.pages.page("home.html", call.request, call.ctx, links=links, issuer=issuer.identifier)
