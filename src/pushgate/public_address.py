"""Which addresses anybody on the internet can reach."""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Written down because `is_global` differs between Python versions, or says yes where we say no.
_NOT_PUBLIC = (
    ipaddress.ip_network("192.0.0.0/24"),  # IETF protocol assignments (RFC 6890); Oracle Cloud metadata
    ipaddress.ip_network("192.88.99.0/24"),  # 6to4 relays, deprecated (RFC 7526)
    ipaddress.ip_network("168.63.129.16/32"),  # Azure's platform: a public number that answers inside only
    ipaddress.ip_network("2002::/16"),  # 6to4 (RFC 3056): carries an IPv4 address, deprecated with its relays
    ipaddress.ip_network("2001::/23"),  # IETF protocol assignments, Teredo among them (RFC 4380)
    ipaddress.ip_network("3fff::/20"),  # documentation (RFC 9637)
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # RFC 4291 2.4; outside it nothing is an ordinary host


def is_public(address: Address) -> bool:
    """Whether anybody on the internet reaches this address as well as we do.

    IANA special-purpose registries (RFC 6890). A NAT64 address is as public as the IPv4 address in it;
    IPv4-mapped ones no honest name has, so they are refused.
    """
    if any(address.version == block.version and address in block for block in _NOT_PUBLIC):
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not (address.is_multicast or address.is_reserved)
    if address in _NAT64:
        return is_public(ipaddress.IPv4Address(address.packed[-4:]))
    return address in _GLOBAL_UNICAST and address.is_global
