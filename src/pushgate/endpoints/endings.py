"""How a session ends, whoever ends it: its grants end with it, and its clients are told."""

from __future__ import annotations

from pushgate.endpoints.context import Context
from pushgate.endpoints.http import Request
from pushgate.endpoints.logout_delivery import LEASE
from pushgate.events import GrantRevoked, SignedOut
from pushgate.model import Client, Session
from pushgate.store.durable.endings import Ended


async def end_session(
    ctx: Context,
    session: Session,
    *,
    request: Request | None = None,
    reason: str = "user",
    client_id: str | None = None,
) -> tuple[Client, ...]:
    """End a session in every browser that has it; the clients that were used in it.

    Their refresh tokens and grants end, but for those with offline_access. Clients with a backchannel_logout_uri are
    told before this returns, or at least soon: it waits for them only a while. Those with a frontchannel_logout_uri
    are told by the page that the user gets. `reason` and `client_id` are for the audit trail.
    OpenID Connect Back-Channel Logout 2.3, 2.5, 2.7.
    """
    ended = await ctx.endings.end_session(session, deliver_at=int(ctx.now()) + LEASE)
    if ended.sids:
        ctx.emit(SignedOut(session.sub, session.sid, reason, client_id), request)
    return await _told(ctx, ended, request)


async def end_lapsed(ctx: Context, sid: str, request: Request) -> None:
    """Somebody signs out whose session has expired: what it left behind ends now, and its clients are told."""
    now = int(ctx.now())
    await _told(ctx, await ctx.endings.end_lapsed(sid, now=now, deliver_at=now + LEASE), request)


async def _told(ctx: Context, ended: Ended, request: Request | None) -> tuple[Client, ...]:
    for grant in ended.revoked:
        ctx.emit(GrantRevoked(grant.grant_id, grant.client_id, "session ended", grant.correlation_id), request)
    await ctx.services.logouts.send(ctx, ended.deliveries)
    return ended.clients
