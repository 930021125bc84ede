"""The registration endpoint (RFC 7591) and the configuration endpoint of each client (RFC 7592)."""

from __future__ import annotations

from typing import Any

from pushgate import refusals
from pushgate.endpoints.http import NO_STORE, Reply, json_reply
from pushgate.events import ClientRegistered
from pushgate.jose.verify import BadJws, json_object
from pushgate.manage.registration import Registered, Registrations
from pushgate.protocol.client_metadata import rendered
from pushgate.throttle import Limit
from pushgate.web.call import Call

JSON = "application/json"


async def register(call: Call) -> Reply:
    """POST: register a client. RFC 7591 3, OpenID Connect Registration 3."""
    registrations, rules = _registrations(call), call.ctx.realm.settings.registration
    token = None
    if rules.mode == "token":
        token = _bearer(call)
        if token is None:
            raise refusals.REGISTRATION_TOKEN_MISSING()
        if not await registrations.usable(token):
            raise refusals.REGISTRATION_TOKEN()
    _count(call)
    registered = await registrations.create(_document(call), token)
    return _told(call, registered, "create", 201)


async def configuration(call: Call) -> Reply:
    """GET, PUT, DELETE: a client's own registration, for whoever has its registration access token. RFC 7592 2."""
    registrations, token = _registrations(call), _bearer(call)
    client = registrations.authorised(await call.ctx.client(call.rest), token)
    assert token is not None
    call.request.claimed_client = client.client_id
    if call.request.method == "PUT":
        _count(call)
        return _told(call, await registrations.replace(client, _document(call), token), "update", 200)
    if call.request.method == "DELETE":
        await registrations.delete(client)
        call.ctx.emit(ClientRegistered(client.client_id, "delete"), call.request)
        return Reply(204, b"", [*NO_STORE])
    return _told(call, Registered(client, None, token), None, 200)


def _registrations(call: Call) -> Registrations:
    settings = call.ctx.realm.settings
    if settings.registration.mode == "off":
        raise refusals.NOT_FOUND("registration is off")
    return Registrations(call.management, settings)


def _count(call: Call) -> None:
    """Where registration is open: an update costs as much as a registration. Raises SlowDown, with status 429."""
    rules = call.ctx.realm.settings.registration
    if rules.mode == "open" and rules.per_minute:
        limit = Limit(("register", call.ctx.name, call.request.address), rules.per_minute / 60, rules.per_minute)
        call.ctx.services.buckets.take(limit, call.ctx.now())


def _bearer(call: Call) -> str | None:
    """The token of the Authorization header (RFC 6750 2.1); None without one, or with more than one."""
    found = call.request.header_values(b"authorization")
    scheme, _, token = (found[0] if len(found) == 1 else "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _document(call: Call) -> dict[str, Any]:
    content_type = (call.request.header(b"content-type") or "").partition(";")[0].strip().lower()
    if content_type != JSON:
        raise refusals.REGISTRATION_TYPE()
    try:
        return json_object(call.request.body)
    except BadJws as bad:
        raise refusals.REGISTRATION_JSON(str(bad)) from None


def _told(call: Call, registered: Registered, act: str | None, status: int) -> Reply:
    """The client information response. RFC 7591 3.2.1, RFC 7592 3."""
    client, issuer = registered.client, call.ctx.realm.issuer
    if act is not None:
        call.ctx.emit(ClientRegistered(client.client_id, act), call.request)
    secret = {} if registered.secret is None else {"client_secret": registered.secret}
    expires = {} if client.secret is None else {"client_secret_expires_at": 0}
    document = {
        "client_id": client.client_id,
        "client_id_issued_at": client.client_id_issued_at,
        **secret,
        **expires,
        "registration_client_uri": f"{issuer.register}/{client.client_id}",
        "registration_access_token": registered.token,
        **rendered(client),
    }
    return json_reply(document, status)
