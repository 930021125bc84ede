"""The sign-out page."""

from __future__ import annotations

from pushgate.endpoints.browser import browser_of, session_cookie
from pushgate.endpoints.http import Reply, set_cookie, with_cookies
from pushgate.events import SignedOut
from pushgate.protocol.interaction import check_csrf, csrf_token
from pushgate.web.call import Call
from pushgate.web.pages import redirect


async def logout_page(call: Call) -> Reply:
    """GET asks, POST signs out; a foreign page can do neither for somebody (CSRF)."""
    ctx = call.ctx
    browser = await browser_of(ctx, call.request)
    session = browser.session
    if session is None and call.request.method == "POST":
        # Posted from another site, where cookies with SameSite=Lax stay at home, or twice: look again.
        return redirect(call.request.path)
    if session is None:
        return with_cookies(call.pages.page("signed_out.html", call.request, ctx, no_session=True), browser.cookies)
    csrf = csrf_token(session.sid, browser.value)
    if call.request.method != "POST":
        reply = call.pages.page(
            "logout.html", call.request, ctx, username=session.username, action=call.request.path, csrf=csrf
        )
        return with_cookies(reply, browser.cookies)
    check_csrf(call.request.form().get("csrf"), csrf)
    if browser.session_digest is not None:
        await ctx.accounts.end_session(browser.session_digest)
    ctx.emit(SignedOut(session.sub, session.sid), call.request)
    gone = set_cookie(session_cookie(ctx), "", secure=ctx.realm.issuer.secure, max_age=0)
    return with_cookies(call.pages.page("signed_out.html", call.request, ctx, no_session=False), [gone])
