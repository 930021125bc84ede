"""Sign-out that an application asked for (OpenID Connect RP-Initiated Logout). Nobody is signed out by these."""

from __future__ import annotations

from pushgate import errors as e
from pushgate.errors import Refusal

LOGOUT_HINT = Refusal(
    "logout.hint", e.InvalidRequest, "The id_token_hint of the sign-out is not an ID Token of this server.",
    "Send the ID Token that the application got here, unchanged; it may have expired.",
)  # fmt: skip
LOGOUT_CLIENT = Refusal(
    "logout.client", e.InvalidRequest, "The application that signs out is unknown, or not the one of id_token_hint.",
    "Leave client_id out, or send the one that the ID Token was issued to.",
)  # fmt: skip
LOGOUT_REDIRECT_URI = Refusal(
    "logout.redirect_uri", e.InvalidRequest, "post_logout_redirect_uri is not registered for the application.",
    "Register it among the client's post_logout_redirect_uris, character for character.",
)  # fmt: skip
