"""A new secret for a client."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from pushgate.manage.change import Change, Refused
from pushgate.manage.inputs import ClientInput
from pushgate.model import Client, RealmSettings
from pushgate.protocol.registration import Problem

if TYPE_CHECKING:
    from pushgate.manage.service import Management

LENGTH = 48  # bytes, 64 characters: long enough for every use of a secret


async def plan_new_secret(management: Management, realm: RealmSettings, client: Client) -> tuple[Change, str]:
    """Replace a client's secret by a random one. Raises Refused for a client that has none."""
    if client.secret is None:
        reason = f"a client with {client.token_endpoint_auth_method} has no secret"
        raise Refused([Problem("client_secret", reason)])
    members = {name: getattr(client, name) for name in ClientInput.__struct_fields__ if name != "client_secret"}
    secret = secrets.token_urlsafe(LENGTH)
    return await management.plan_client(realm, ClientInput(**members), secret), secret
