"""The consent page."""

from __future__ import annotations

from typing import Any

from pushgate import refusals
from pushgate.endpoints import flow
from pushgate.endpoints.browser import BrowserAnswer, Stop, session_cookie
from pushgate.endpoints.context import Context
from pushgate.endpoints.endings import end_session
from pushgate.endpoints.http import Reply, set_cookie
from pushgate.endpoints.session_state import state_cookies
from pushgate.events import ConsentGiven
from pushgate.model import ClaimWish, Session
from pushgate.protocol.client_metadata import client_text
from pushgate.protocol.details_words import in_words, name_in_words, value_in_words
from pushgate.protocol.interaction import Login, account_token, check_csrf, consent_to, is_account
from pushgate.protocol.params import Params, parse_form
from pushgate.protocol.scopes import OPENID
from pushgate.protocol.user_claims import beyond_scopes, claim_word, released_claims
from pushgate.web.call import Call
from pushgate.web.interaction.authorization import Visit, visit
from pushgate.web.languages import N_, say_for, wanted

DESCRIPTIONS = {
    OPENID: (N_("Know who you are"), N_("An identifier of your account here.")),
    "profile": (N_("Your profile"), N_("Name, picture and similar details.")),
    "email": (N_("Your email address"), N_("The address, and whether it was verified.")),
    "address": (N_("Your postal address"), ""),
    "phone": (N_("Your phone number"), ""),
    "offline_access": (N_("Stay connected"), N_("Access while you are not using the application.")),
}
CLAIM_TITLES = {
    "name": N_("Your name"),
    "given_name": N_("Your given name"),
    "family_name": N_("Your family name"),
    "middle_name": N_("Your middle name"),
    "nickname": N_("Your nickname"),
    "preferred_username": N_("Your user name"),
    "profile": N_("The address of your profile page"),
    "picture": N_("Your picture"),
    "website": N_("Your website"),
    "email": N_("Your email address"),
    "email_verified": N_("Whether your email address was verified"),
    "gender": N_("Your gender"),
    "birthdate": N_("Your date of birth"),
    "zoneinfo": N_("Your time zone"),
    "locale": N_("Your language"),
    "phone_number": N_("Your phone number"),
    "phone_number_verified": N_("Whether your phone number was verified"),
    "address": N_("Your postal address"),
    "updated_at": N_("When your profile was last changed"),
}
"""Claims of OpenID Connect Core 5.1 in words; any other is shown by its name."""


async def consent_page(call: Call) -> Reply:
    """GET shows what is asked for; POST allows, denies, or lets another person sign in."""
    here = await visit(call)
    if call.request.method == "POST":
        return await here.attempt(_decided)
    answer = await here.proceed()
    if isinstance(answer.answer, Stop) and answer.answer.page == "consent" and here.browser.session:
        return await _form(here, answer.answer.scope, here.browser.session)
    return here.reply(answer)


async def _decided(here: Visit) -> Reply:
    params, scopes = _form_of(here)
    check_csrf(params.get("csrf"), here.csrf)
    decision = params.get("decision")
    if decision == "switch":
        return await _switch(here)
    if decision != "allow":
        return await here.deny()
    step = await flow.guarded(here.call.ctx, here.call.request, here.opened, lambda: _allow(here, params, scopes))
    return here.reply(step)


def _form_of(here: Visit) -> tuple[Params, list[str]]:
    """The form, and its ticked boxes: `scope` is there once for each."""
    body = here.call.request.body
    here.call.request.form()
    ticked = [f for f in body.split(b"&") if f.startswith(b"scope=")]
    scopes = [parse_form(field).get("scope", "") for field in ticked]
    return parse_form(b"&".join(f for f in body.split(b"&") if not f.startswith(b"scope="))), scopes


async def _allow(here: Visit, params: Params, ticked: list[str]) -> BrowserAnswer:
    """Remember the consent and answer the client, if the one who was asked is still signed in."""
    ctx, session = here.call.ctx, here.browser.session
    need, scope = await flow.assess(ctx, here.opened, here.browser)
    asked = session is not None and is_account(params.get("account"), session.sub, here.browser.value)
    if session is None or not asked or isinstance(need, Login):
        return await flow.proceed(ctx, here.call.request, here.opened, here.browser)
    granted = tuple(s for s in scope if s == OPENID or s in ticked)
    if not granted and not here.opened.record.request.authorization_details:
        raise refusals.DENIED("nothing was ticked")
    client_id = here.opened.client.client_id
    request = here.opened.record.request
    asked_too = consent_to(request, scope)
    claims = {claim_word(name): name for name in beyond_scopes(request, scope)}
    kept = tuple(word for word in asked_too if word not in claims or word in ticked)
    await ctx.grants.save_consent(
        session.sub, client_id, asked=(*scope, *asked_too), granted=(*granted, *kept), now=int(ctx.now())
    )
    agreed = tuple(claims[word] for word in kept if word in claims)
    given = ConsentGiven(
        session.sub, client_id, " ".join(granted), here.opened.record.correlation_id, " ".join(agreed) or None
    )
    ctx.emit(given, here.call.request)
    response = await flow.complete(ctx, here.call.request, here.opened, need.session, granted, agreed)
    return BrowserAnswer(response, here.browser.cookies)


async def _switch(here: Visit) -> Reply:
    """End the session here and sign in as somebody else."""
    ctx, browser = here.call.ctx, here.browser
    if browser.session is not None:
        await end_session(ctx, browser.session, request=here.call.request, reason="other user")
    browser.session = browser.session_digest = None
    browser.cookies += state_cookies(ctx, None)
    answer = await here.proceed()
    gone = set_cookie(session_cookie(ctx), "", secure=ctx.realm.issuer.secure, max_age=0)
    return here.reply(BrowserAnswer(answer.answer, [*answer.cookies, gone]))


async def _form(here: Visit, scope: tuple[str, ...], session: Session) -> Reply:
    client, types = here.opened.client, here.call.ctx.realm.settings.authorization_details_types
    locales = wanted(here.call.request)
    return here.call.pages.page(
        "consent.html",
        here.call.request,
        here.call.ctx,
        client_name=client_text(client, "client_name", locales) or client.client_id,
        client_unverified=client.self_registered,
        client_host=here.opened.reply_to.host,
        client_uri=client_text(client, "client_uri", locales),
        policy_uri=client_text(client, "policy_uri", locales),
        tos_uri=client_text(client, "tos_uri", locales),
        username=session.username,
        scopes=[describe(here.call.ctx, value) for value in scope],
        claims=await _claims(here, scope, session),
        resources=here.opened.record.request.resource,
        details=in_words(here.opened.record.request.authorization_details, types, say_for(here.call.request)),
        action=here.call.request.path,
        csrf=here.csrf,
        account=account_token(session.sub, here.browser.value),
    )


def describe(ctx: Context, scope: str) -> dict[str, Any]:
    """A scope value in words."""
    title, description = DESCRIPTIONS.get(scope, (scope, ""))
    owners = [] if scope in DESCRIPTIONS else [r.identifier for r in ctx.realm.settings.resources if scope in r.scopes]
    return {
        "name": scope,
        "title": title,
        "description": description,
        "owner": owners[0] if owners else None,
        "required": scope == OPENID,
    }


async def _claims(here: Visit, scope: tuple[str, ...], session: Session) -> list[dict[str, Any]]:
    """The claims beyond the scope that are asked for by name, with what the account has for each."""
    ctx, request = here.call.ctx, here.opened.record.request
    names = beyond_scopes(request, scope)
    if not names:
        return []
    account = await ctx.services.directory.claims(ctx.name, session.sub) or {}
    say = say_for(here.call.request)
    found = released_claims((), dict.fromkeys(names, ClaimWish()), account, request.claims_locales)
    return [
        {
            "word": claim_word(name),
            "title": CLAIM_TITLES.get(name.partition("#")[0]),
            "name": name_in_words(name),
            "language": name_in_words(name.partition("#")[2]),
            "value": value_in_words(found[name], say) if name in found else None,
        }
        for name in names
    ]
