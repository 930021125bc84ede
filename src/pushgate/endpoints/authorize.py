"""The authorization endpoint: find the request, and send the browser on its way (`flow`)."""

from __future__ import annotations

import math
from dataclasses import replace
from urllib.parse import quote, urlencode

from pushgate import refusals
from pushgate.dialects import NATIVE
from pushgate.endpoints.browser import Browser, BrowserAnswer, GoTo, browser_of
from pushgate.endpoints.context import Context
from pushgate.endpoints.facts import facts_of, must_name_uri
from pushgate.endpoints.flow import (
    Opened,
    Told,
    begin,
    deliver_error,
    failed,
    guarded,
    known_client,
    open_request,
)
from pushgate.endpoints.http import Request
from pushgate.endpoints.par import URN, notice_repeats, request_lifetime, row_of
from pushgate.endpoints.request_object import brought
from pushgate.errors import OAuthError
from pushgate.model import Client, PushedAuthorizationRequest
from pushgate.protocol.authorization_request import BESIDE, beside_pushed, parse_authorization_request
from pushgate.protocol.params import Params, parse_form
from pushgate.protocol.redirect_uri import reply_to
from pushgate.protocol.rules import check

ADDRESSING = ("client_id", "request_uri", "redirect_uri", "response_mode")


async def authorize(ctx: Context, request: Request) -> BrowserAnswer:
    """GET or POST at the authorization endpoint. RFC 6749 3.1, RFC 9126 4.

    Raises OAuthError for the page; everything that may be told to the client travels in the answer.
    """
    if "prefetch" in (request.header(b"sec-purpose") or request.header(b"purpose") or ""):
        raise refusals.PREFETCH()
    params = parameters(request)
    request.claimed_client = params.get("client_id")
    request.ui_locales = tuple(params.get("ui_locales", "").split())
    params.reject_repeated(*ADDRESSING)
    if request.claimed_client is None:
        raise refusals.CLIENT_ID_MISSING()
    client = await known_client(ctx, request.claimed_client)
    browser = await browser_of(ctx, request)
    handle = params.get("request_uri", "")
    if handle.startswith(URN) and "request" not in params:
        key = ctx.transient.key("par", handle.removeprefix(URN))
        beside = beside_pushed(params, client.client_id, ctx.policy(client))
        opened = await open_request(ctx, request, key, client, beside)
    elif handle and "request" in params:
        raise refusals.REQUEST_BOTH()
    else:
        received = await receive(ctx, request, client, params)
        if not isinstance(received, Opened):
            silent = "none" in params.get("prompt", "").split()
            return BrowserAnswer(received, doubtful=_doubtful(client, browser, silent=silent))
        opened, handle = received, URN + (received.handle or "")
    if request.method == "POST" and browser.session is None:
        # Cookies with SameSite=Lax do not come with a form posted from another site; they do with a GET.
        # So nothing is set here: a browser that seems new may have a cookie, and a sign-in in another tab.
        more = {} if opened.beside is None else {name: params[name] for name in BESIDE & params.keys()}
        return BrowserAnswer(GoTo(own_path(ctx, client_id=client.client_id, request_uri=handle, **more)))
    answer = await guarded(ctx, request, opened, lambda: begin(ctx, request, opened, browser, params))
    if isinstance(answer.answer, GoTo):
        return answer
    return replace(answer, doubtful=_doubtful(client, browser, silent="none" in opened.record.request.prompt))


def _doubtful(client: Client, browser: Browser, *, silent: bool) -> str | None:
    """Whether an answer is no reason to send somebody to the client: a made-up request would be a way to anywhere.

    Only where an operator vouches for the redirect URIs, the user has signed in, or the client asks to be told without
    a page, does the browser go there by itself. Without a session any answer is an error. RFC 9700 4.11.2.
    """
    return client.label if client.self_registered and browser.session is None and not silent else None


def parameters(request: Request) -> Params:
    """Of a GET the query, of a POST the form; a name that is in both is there twice.

    Raises InvalidRequest. RFC 6749 3.1, OpenID Connect Core 3.1.2.1.
    """
    if request.method != "POST":
        return parse_form(request.query)
    params = request.form()
    if request.query:
        params.repeated |= parse_form(request.body, query=request.query).repeated
        for name in params.repeated:
            params.pop(name, None)
    return params


def own_path(ctx: Context, **params: str) -> str:
    """The authorization endpoint with a stored request, as a path on this host."""
    return f"{ctx.realm.issuer.path}{NATIVE.authorize}?{urlencode(params, quote_via=quote)}"


async def receive(ctx: Context, request: Request, client: Client, params: Params) -> Opened | Told:
    """A request that came through the browser: check it, then store it as if it had been pushed.

    So there is one way on from here, and an object that was fetched is not fetched again. A request that breaks a
    rule is answered at once and not stored.
    """
    sent = await brought(ctx, client, params)
    policy = ctx.policy(client)
    asked, malformed = parse_authorization_request(sent.params, client.client_id, policy.dialect.custom_parameters)
    request.ui_locales, request.display = asked.ui_locales, asked.display
    target = reply_to(asked, client, named=must_name_uri(ctx, client, asked))
    request.correlation_id = request.id
    record = PushedAuthorizationRequest(
        request=asked,
        scope=(),
        expires_at=math.ceil(ctx.now()) + request_lifetime(ctx, policy),
        correlation_id=request.correlation_id,
        pushed=False,
        signed=sent.signed,
    )
    try:
        check(facts_of(ctx, client, asked, pushed=False, signed=sent.signed, malformed=malformed))
        handle, row = row_of(ctx, record)
        if not await ctx.transient.add(row.kind, row.key, row.value, row.keep_until):
            raise RuntimeError("a random handle of 208 bits came twice: the random source is broken")
        notice_repeats(ctx, request, record)
    except OAuthError as error:
        return await deliver_error(ctx, request, record, client, target, error)
    except Exception as problem:
        return await failed(ctx, request, client, target, problem)
    return Opened(row.key, handle, record, client, target)
