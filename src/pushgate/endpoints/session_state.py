"""The browser's side of session management: a cookie that scripts of one page of ours may read.

Off unless the realm turns it on (`session_management`). OpenID Connect Session Management 1.0.
"""

from __future__ import annotations

from collections.abc import Mapping

from pushgate.endpoints.context import Context, new_id
from pushgate.endpoints.http import set_cookie
from pushgate.model import Session
from pushgate.protocol.authorization_response import Members
from pushgate.protocol.redirect_uri import ReplyTo, origin_of
from pushgate.protocol.scopes import OPENID
from pushgate.protocol.session_state import browser_state, session_state


def state_cookie(ctx: Context) -> str:
    """The name of the cookie with the browser state; over TLS it is bound to this host."""
    return f"{'__Host-' if ctx.realm.issuer.secure else ''}pushgate-state-{ctx.name}"


def state_of(ctx: Context, session: Session | None) -> str:
    """The browser state of a session, or of nobody."""
    return browser_state(None if session is None else session.sid, ctx.services.seal.derive(b"browser state"))


def state_cookies(ctx: Context, session: Session | None, cookies: Mapping[str, str] | None = None) -> list[bytes]:
    """What brings the cookie up to date: nothing where it is, or where the realm has session management off.

    `cookies` are those that the browser sent; a browser that never signed in gets none.
    """
    if not ctx.realm.settings.session_management:
        return []
    wanted, name = state_of(ctx, session), state_cookie(ctx)
    if cookies is not None and cookies.get(name, None if session else wanted) == wanted:
        return []
    return [set_cookie(name, wanted, secure=ctx.realm.issuer.secure, scripts=True)]


def state_members(ctx: Context, client_id: str, reply_to: ReplyTo, session: Session, scope: tuple[str, ...]) -> Members:
    """`session_state`, for OpenID Connect requests that web pages made. Session Management 2."""
    if not ctx.realm.settings.session_management or OPENID not in scope:
        return {}
    origin = origin_of(reply_to.redirect_uri)
    if not origin.startswith(("https://", "http://")):
        return {}
    return {"session_state": session_state(client_id, origin, state_of(ctx, session), new_id())}
