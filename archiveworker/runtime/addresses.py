"""Which IP addresses are those of the public internet: what may be asked for on behalf of data that others wrote."""

import ipaddress

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Global unicast by the registries' tables, yet the address of metadata services at large providers.
_METADATA = frozenset({ipaddress.ip_address("168.63.129.16"), ipaddress.ip_address("192.0.0.192")})

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: IpAddress) -> bool:
    """Return whether the address, and any IPv4 address inside it, is one of the public internet.

    Sources: IANA special-purpose registries (RFC 6890), RFC 4291 2.5.5, RFC 3056, RFC 6052.
    """
    inner = _embedded(address)
    if inner is not None and not is_public(inner):
        return False
    return address.is_global and not address.is_multicast and address not in _METADATA


def _embedded(address: IpAddress) -> ipaddress.IPv4Address | None:
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if address in _NAT64 or int(address) >> 32 == 0:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def literal(host: str) -> IpAddress | None:
    """Return the address that ``host`` is written as, None when it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
