"""The overview: applications, browsers that are signed in, and ways to sign in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

import msgspec

from pushgate.directory import OwnPasswords
from pushgate.endpoints.endings import end_session
from pushgate.endpoints.factors import passkeys_work
from pushgate.endpoints.http import Reply
from pushgate.events import AccessRemoved, CredentialRemoved
from pushgate.model import Client, Grant
from pushgate.protocol.client_metadata import client_text
from pushgate.protocol.details_words import in_words, name_in_words
from pushgate.protocol.params import Params, parse_form
from pushgate.protocol.scopes import OPENID
from pushgate.web.account.here import Here, signed_in
from pushgate.web.call import Call
from pushgate.web.enrol.totp import label_of
from pushgate.web.interaction.consent import CLAIM_TITLES, describe
from pushgate.web.languages import N_, say_for, wanted

DONE = {
    "access-removed": N_("The application can no longer use your account."),
    "signed-out": N_("That browser is signed out."),
    "others-signed-out": N_("All other browsers are signed out."),
    "password": N_("Your password is changed. Other browsers are signed out."),
    "totp": N_("The authenticator app is set up."),
    "passkey": N_("The passkey is ready to use."),
    "removed": N_("It is removed and no longer signs anybody in."),
    "renamed": N_("The name is changed."),
}
"""What the overview says after a form, by the name in its query."""
MANY_DETAILS = 5  # of an application's authorization details, the latest are shown


async def account_page(call: Call) -> Reply:
    """GET shows the account, POST carries out one of its forms."""
    here = await signed_in(call)
    if isinstance(here, Reply):
        return here
    if call.request.method == "POST":
        params = here.form()
        return await ACTIONS.get(params.get("action", ""), _nothing)(here, params)
    return here.page("account.html", **await _overview(here))


async def _overview(here: Here) -> dict[str, Any]:
    ctx, sub = here.call.ctx, here.session.sub
    credentials = await ctx.credentials.of_user(sub)
    return {
        "done": DONE.get(here.done(parse_form(here.call.request.query))),
        "applications": await _applications(here),
        "sessions": [
            {"session": session, "here": session.sid == here.session.sid}
            for _, session in await ctx.accounts.sessions_of(sub, int(ctx.now()))
        ],
        "logout": f"{ctx.realm.issuer.path}/oauth2/logout",
        "password": isinstance(ctx.services.directory, OwnPasswords),
        "totps": [c for c in credentials if c.kind == "totp"],
        "passkeys": [c for c in credentials if c.kind == "passkey"],
        "passkeys_possible": passkeys_work(ctx),
    }


# --- Applications -----------------------------------------------------------------------------------------


async def _applications(here: Here) -> list[dict[str, Any]]:
    """Who may use the account: by a consent that is remembered, or by a grant whose tokens live."""
    ctx, sub = here.call.ctx, here.session.sub
    consents = await ctx.grants.consents_of(sub)
    grants: dict[str, list[Grant]] = {}
    for grant in await ctx.grants.of_user(sub, int(ctx.now())):
        grants.setdefault(grant.client_id, []).append(grant)
    found = []
    for client_id in {*consents, *grants}:
        client = await ctx.client(client_id)
        if client is not None:
            found.append(_application(here, client, consents.get(client_id), grants.get(client_id, [])))
    return sorted(found, key=lambda one: str(one["name"]).casefold())


def _application(
    here: Here, client: Client, consent: tuple[frozenset[str], int] | None, grants: list[Grant]
) -> dict[str, Any]:
    ctx, say = here.call.ctx, say_for(here.call.request)
    agreed, since = consent or (frozenset(), min(grant.auth_time for grant in grants))
    # Resources and claims stand among remembered scope values, behind a quote and a backslash
    # (protocol.interaction.consent_to).
    scopes = {s for s in agreed if not s.startswith(('"', "\\"))}.union(*(g.scope for g in grants))
    claims = sorted(unquote(s[1:]) for s in agreed if s.startswith("\\"))
    resources = {s[1:] for s in agreed if s.startswith('"')}.union(*(g.resource for g in grants))
    details = [entry for grant in reversed(grants) for entry in grant.authorization_details]
    return {
        "client_id": client.client_id,
        "name": client_text(client, "client_name", wanted(here.call.request)) or client.client_id,
        "host": _host(client),
        "since": since,
        "scopes": [describe(ctx, value) for value in sorted(scopes, key=lambda s: (s != OPENID, s))],
        "claims": [{"title": CLAIM_TITLES.get(name.partition("#")[0]), "name": name_in_words(name)} for name in claims],
        "resources": sorted(resources),
        "details": in_words(tuple(details[:MANY_DETAILS]), ctx.realm.settings.authorization_details_types, say),
        "earlier": max(0, len(details) - MANY_DETAILS),
        "asks_again": not client.skip_consent,
        "open": _opening(here, client),
    }


def _host(client: Client) -> str | None:
    """Where the application lives, as far as its registration says."""
    uri = next((u for u in (client.client_uri, *client.redirect_uris) if u and u.startswith("https://")), None)
    return None if uri is None else urlsplit(uri).hostname


def _opening(here: Here, client: Client) -> str | None:
    """The link that lets the application begin a sign-in here (OpenID Connect Core 4)."""
    uri = client.initiate_login_uri
    if uri is None:
        return None
    joint = "&" if "?" in uri else "?"
    return f"{uri}{joint}{urlencode({'iss': here.call.ctx.realm.issuer.identifier}, quote_via=quote, safe='')}"


async def _remove_access(here: Here, params: Params) -> Reply:
    ctx, sub, client_id = here.call.ctx, here.session.sub, params.get("client_id", "")
    if not await ctx.grants.forget_client(sub, client_id):
        return here.back()
    ctx.emit(AccessRemoved(sub, client_id), here.call.request)
    return here.back("access-removed")


# --- Sessions ---------------------------------------------------------------------------------------------


async def _end_session(here: Here, params: Params) -> Reply:
    ended = await end_sessions(here, lambda sid: sid == params.get("sid") != here.session.sid)
    return here.back("signed-out" if ended else None)


async def _end_others(here: Here, params: Params) -> Reply:
    await end_sessions(here, lambda sid: sid != here.session.sid)
    return here.back("others-signed-out")


async def end_sessions(here: Here, which: Callable[[str], bool]) -> int:
    """End those of this user's sessions that `which` names by sid; how many there were."""
    ctx, sub = here.call.ctx, here.session.sub
    wanted = [one for _, one in await ctx.accounts.sessions_of(sub, int(ctx.now())) if which(one.sid)]
    for session in wanted:
        await end_session(ctx, session, request=here.call.request, reason="account page")
    return len(wanted)


# --- Ways to sign in --------------------------------------------------------------------------------------


async def _rename_credential(here: Here, params: Params) -> Reply:
    credential = await here.call.ctx.credentials.credential(params.get("credential_id", ""))
    if credential is None or credential.sub != here.session.sub:
        return here.back()
    renamed = msgspec.structs.replace(credential, label=label_of(params.get("label", ""), credential.label))
    # Where it was used for a sign-in at the same moment, that counts.
    return here.back("renamed" if await here.call.ctx.credentials.advance(credential, renamed) else None)


async def _remove_credential(here: Here, params: Params) -> Reply:
    ctx, sub = here.call.ctx, here.session.sub
    first = await here.fresh_first()
    if first is not None:
        return first
    credential = await ctx.credentials.credential(params.get("credential_id", ""))
    if credential is None or not await ctx.credentials.delete(sub, credential.credential_id):
        return here.back()
    ctx.emit(CredentialRemoved(sub, credential.kind, credential.credential_id, by="user"), here.call.request)
    return here.back("removed")


async def _nothing(here: Here, params: Params) -> Reply:
    return here.back()


ACTIONS: dict[str, Callable[[Here, Params], Awaitable[Reply]]] = {
    "remove-access": _remove_access,
    "end-session": _end_session,
    "end-others": _end_others,
    "rename-credential": _rename_credential,
    "remove-credential": _remove_credential,
}
