"""The one page that other sites may frame: it tells whether the session is the same (Session Management 3.3).

There is nothing on it to see or to press, so that framing it deceives nobody.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode

from markupsafe import Markup

from pushgate import refusals
from pushgate.endpoints.http import Reply
from pushgate.endpoints.session_state import state_cookie
from pushgate.web.call import Call
from pushgate.web.static import FOLDER

SCRIPT = (FOLDER / "check-session.js").read_text()
_DIGEST = b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
POLICY = f"default-src 'none'; script-src 'sha256-{_DIGEST}'; frame-ancestors *; base-uri 'none'; form-action 'none'"


async def check_session(call: Call) -> Reply:
    """The page, where the realm has turned it on. Raises InvalidRequest (404) elsewhere."""
    if not call.ctx.realm.settings.session_management:
        raise refusals.NOT_FOUND("session management is off")
    script = Markup(SCRIPT)  # noqa: S704 - our own file
    reply = call.pages.page(
        "check_session.html", call.request, call.ctx, policy=POLICY, script=script, cookie=state_cookie(call.ctx)
    )
    reply.headers = [header for header in reply.headers if header[0] != b"x-frame-options"]
    return reply
