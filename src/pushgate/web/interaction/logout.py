"""The sign-out page: for people who come by themselves, and for those whom an application sends.

OpenID Connect RP-Initiated Logout 1.0, Front-Channel Logout 1.0.
"""

from __future__ import annotations

import secrets

from pushgate import refusals
from pushgate.endpoints.authorize import parameters
from pushgate.endpoints.browser import Browser, browser_of, session_cookie
from pushgate.endpoints.context import Context
from pushgate.endpoints.endings import end_lapsed, end_session
from pushgate.endpoints.http import Reply, set_cookie, with_cookies
from pushgate.endpoints.session_state import state_cookies
from pushgate.endpoints.subjects import hint_of
from pushgate.errors import OAuthError
from pushgate.model import Session
from pushgate.protocol.interaction import check_csrf, csrf_token
from pushgate.protocol.logout import (
    PARAMETERS,
    Asked,
    AskFirst,
    Hint,
    NobodyThere,
    ReturnTo,
    client_of,
    decide,
    front_channel,
    hint_from,
    return_to,
    sent_on,
)
from pushgate.protocol.params import Params
from pushgate.protocol.redirect_uri import origin_of
from pushgate.web.call import Call
from pushgate.web.pages import POLICY, redirect

RESENT = "resent"  # marks a form that our own page sent on


async def logout_page(call: Call) -> Reply:
    """Sign out at once who is proven to want it, ask everybody else; then go on where the application may lead.

    A foreign page can sign nobody out: that takes an ID Token of the very session, or our own form (CSRF).
    """
    ctx, request = call.ctx, call.request
    if "prefetch" in (request.header(b"sec-purpose") or request.header(b"purpose") or ""):
        raise refusals.PREFETCH()
    params = parameters(request)
    request.ui_locales = tuple(params.get("ui_locales", "").split())
    params.reject_repeated(*PARAMETERS)
    asked = await what_is_asked(ctx, params)
    request.claimed_client = None if asked.client is None else asked.client.client_id
    fields = _fields(params, asked)
    browser = await browser_of(ctx, request)
    if request.method == "POST" and browser.session is None:
        if not fields:
            # Posted from another site, where cookies with SameSite=Lax stay at home, or twice: look again.
            return redirect(request.path)
        if not browser.known and RESENT not in params:
            return _send_again(call, fields)
    confirmed = _confirmed(call, params, browser, fields)
    decision = decide(asked, browser.session, confirmed=confirmed)
    if isinstance(decision, NobodyThere) or browser.session is None:
        return await _nobody(call, asked, browser)
    if isinstance(decision, AskFirst):
        return _ask(call, asked, browser, browser.session, fields)
    return await _sign_out(call, asked, browser.session, sent_on(asked, browser.session, confirmed=confirmed))


async def what_is_asked(ctx: Context, params: Params) -> Asked:
    """Who asks, with which proof, and where to go on to. Raises InvalidRequest, for the page. RP-Initiated Logout 2."""
    sent = params.get("id_token_hint")
    hint = None if sent is None else await _hint(ctx, sent)
    client_id = client_of(params, hint)
    client = None if client_id is None else await ctx.client(client_id)
    if client_id is not None and (client is None or not client.enabled):
        raise refusals.LOGOUT_CLIENT()
    return Asked(client, hint, return_to(params, client))


async def _hint(ctx: Context, sent: str) -> Hint:
    """An ID Token of ours; it may have expired. Raises InvalidRequest. RP-Initiated Logout 2, 4."""
    try:
        return hint_from(await hint_of(ctx, sent))
    except OAuthError as error:
        raise refusals.LOGOUT_HINT(error.detail) from None


def _fields(params: Params, asked: Asked) -> list[tuple[str, str]]:
    """What our own page has to send again. What nobody vouches for stays off it."""
    counts = PARAMETERS if asked.return_to is not None else PARAMETERS[:2]
    return [(name, params[name]) for name in counts if name in params]


def _confirmed(call: Call, params: Params, browser: Browser, fields: list[tuple[str, str]]) -> bool:
    """Whether the user pressed the button of our page. Raises AccessDenied for a forged one."""
    if browser.session is None or call.request.method != "POST" or ("csrf" not in params and fields):
        return False
    check_csrf(params.get("csrf"), csrf_token(browser.session.sid, browser.value))
    return True


def _send_again(call: Call, fields: list[tuple[str, str]]) -> Reply:
    """A form posted from another site brings no cookies; sent on by our own page it does."""
    nonce = secrets.token_urlsafe(16)
    return call.pages.page(
        "logout_resend.html",
        call.request,
        call.ctx,
        policy=f"{POLICY}; script-src 'nonce-{nonce}'",
        action=call.request.path,
        fields=[*fields, (RESENT, "1")],
        csp_nonce=nonce,
    )


def _ask(call: Call, asked: Asked, browser: Browser, session: Session, fields: list[tuple[str, str]]) -> Reply:
    reply = call.pages.page(
        "logout.html",
        call.request,
        call.ctx,
        username=session.username,
        client_name=None if asked.client is None else asked.client.label,
        action=call.request.path,
        csrf=csrf_token(session.sid, browser.value),
        fields=fields,
    )
    return with_cookies(reply, browser.cookies)


async def _nobody(call: Call, asked: Asked, browser: Browser) -> Reply:
    """There is no session, which is no error; of an expired one there may be something left. RP-Initiated Logout 4."""
    if asked.hint is not None:
        await end_lapsed(call.ctx, asked.hint.sid, call.request)
    target = sent_on(asked, None, confirmed=False)
    if target is not None:
        return with_cookies(redirect(target.url), browser.cookies)
    return with_cookies(_signed_out(call, asked, asked.return_to, [], no_session=True), browser.cookies)


async def _sign_out(call: Call, asked: Asked, session: Session, target: ReturnTo | None) -> Reply:
    """End the session and tell everybody; then go on, by way of a page where other sites have to be loaded."""
    ctx = call.ctx
    client_id = None if asked.client is None else asked.client.client_id
    clients = await end_session(ctx, session, request=call.request, client_id=client_id)
    gone = set_cookie(session_cookie(ctx), "", secure=ctx.realm.issuer.secure, max_age=0)
    frames = front_channel(clients, ctx.realm.issuer.identifier, session.sid)
    if target is not None and not frames:
        reply = redirect(target.url)
    else:
        reply = _signed_out(call, asked, target, frames, no_session=False)
    return with_cookies(reply, [gone, *state_cookies(ctx, None)])


def _signed_out(call: Call, asked: Asked, target: ReturnTo | None, frames: list[str], *, no_session: bool) -> Reply:
    """The last page. It may load the clients' pages that sign out, and nothing else of theirs."""
    sources = " ".join(sorted({origin_of(url) for url in frames}))
    return call.pages.page(
        "signed_out.html",
        call.request,
        call.ctx,
        policy=f"{POLICY}; frame-src {sources}" if sources else POLICY,
        no_session=no_session,
        frames=frames,
        return_to=None if target is None else target.url,
        goes_on=target is not None and not no_session,
        client_name=None if asked.client is None else asked.client.label,
    )
