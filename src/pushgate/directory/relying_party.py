"""Who passkeys are for. What is done with them is in passkeys.py, whose library takes its time to load."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from pushgate.model import Fact


class RelyingParty(Fact, frozen=True):
    """Who the passkeys are for: the host of the issuer, and the one origin that may use them."""

    rp_id: str
    origin: str


def relying_party(base_url: str) -> RelyingParty | None:
    """The relying party of a base URL; None where the host is an IP address, for which there are no passkeys."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        default = {"https": 443, "http": 80}.get(parts.scheme)
        port = "" if parts.port in (None, default) else f":{parts.port}"
        return RelyingParty(host, f"{parts.scheme}://{host}{port}")
    return None
