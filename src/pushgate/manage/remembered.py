"""What an operator's change leaves of a client's own registration (RFC 7591)."""

from __future__ import annotations

from typing import Any

from pushgate.manage.inputs import ClientInput
from pushgate.model import Client

REGISTERED = ("self_registered", "client_id_issued_at", "registration_token", "software_statement", "translations")
NOT_REPLACED = ("client_secret", "self_registered")
"""Members that are not simply what the operator says."""
CLOSED = ("allowed_resources", "authorization_details_types")
"""Members of which None means: whatever the realm has."""


def remembered(current: Client | None, wanted: ClientInput, members: dict[str, Any]) -> dict[str, Any]:
    """The members that stay as they are. What is not said stays closed, until somebody vouches for the client."""
    found: dict[str, Any] = {}
    if current is not None:
        found = {name: getattr(current, name) for name in REGISTERED}
        unknown = current.self_registered and wanted.self_registered is not False
        found |= {name: getattr(current, name) for name in CLOSED if unknown and members[name] is None}
    return found if wanted.self_registered is None else {**found, "self_registered": wanted.self_registered}
