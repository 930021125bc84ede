"""What an operator's change leaves of a client's own registration (RFC 7591)."""

from __future__ import annotations

from typing import Any

from pushgate.manage.inputs import ClientInput
from pushgate.model import Client
from pushgate.protocol.client_metadata import REGISTRABLE, translations_without

REGISTERED = (
    "self_registered", "client_id_issued_at", "registration_token", "software_statement", "operator_set",
    "translations",
)  # fmt: skip
NOT_REPLACED = ("client_secret", "self_registered")
"""Members that are not simply what the operator says."""
CLOSED = ("allowed_resources", "authorization_details_types")
"""Members of which None means: whatever the realm has."""


def remembered(current: Client | None, wanted: ClientInput, members: dict[str, Any]) -> dict[str, Any]:
    """The members that stay as they are. What is not said stays closed, until somebody vouches for the client.

    Of a client that can replace its registration it is written down what the operator changed: that is not the
    client's any more, and neither is its translation. What was opened by being left out is closed again by its PUT.
    """
    found: dict[str, Any] = {}
    if current is not None:
        found = {name: getattr(current, name) for name in REGISTERED}
        unknown = current.self_registered and wanted.self_registered is not False
        found |= {name: getattr(current, name) for name in CLOSED if unknown and members[name] is None}
    if current is not None and current.registration_token is not None:
        now = {**members, **found}
        opened = [name for name in (*CLOSED, "scope") if now[name] is None]
        changed = [name for name in REGISTRABLE if now[name] != getattr(current, name) and name not in opened]
        found["operator_set"] = tuple(sorted({*current.operator_set, *changed}))
        found["translations"] = translations_without(current.translations, changed)
    return found if wanted.self_registered is None else {**found, "self_registered": wanted.self_registered}
