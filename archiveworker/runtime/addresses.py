"""Which IP addresses there are: those of the public internet, those of one's own networks, and those of neither.

Pure: nothing is looked up. The tables are the special-purpose registries of IANA (RFC 6890 and its successors, as of
November 2026), and the addresses at which providers serve their machines' identities. They stand here instead of
``ipaddress.is_global``, which knows less with each older Python and counts metadata services as anybody's. An IPv6
address that carries an IPv4 address is never better than that one. Who may be asked at which of them: ``outbound``.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Realm(Enum):
    """Whose an address is."""

    PUBLIC = "public"
    """The internet's."""
    PRIVATE = "private"
    """This machine's, or its own network's: an LMS may well be there."""
    SPECIAL = "special"
    """Nobody's who serves documents: metadata services, multicast, tunnels, documentation, reserved."""


@dataclass(frozen=True, slots=True)
class Range:
    """A block of addresses.

    Attributes:
        network: the block.
        realm: whose it is.
        name: what it is, for people.
    """

    network: _Network
    realm: Realm
    name: str


def _ranges(realm: Realm, rows: str) -> Iterator[Range]:
    for row in filter(None, map(str.strip, rows.splitlines())):
        network, _, name = row.partition(" ")
        yield Range(ipaddress.ip_network(network), realm, name.strip())


_METADATA: Final = "the metadata service of a cloud provider"
# The first that holds an address counts.
RANGES: Final = (
    *_ranges(
        Realm.SPECIAL,
        f"""
        100.100.100.200/32  {_METADATA}
        168.63.129.16/32    {_METADATA}
        192.0.0.192/32      {_METADATA}
        fd00:ec2::/32       {_METADATA}
        fd00:42::42/128     {_METADATA}
        fd00:c1::/32        {_METADATA}
        fd20:ce::/32        {_METADATA}
        169.254.0.0/16      link-local, where metadata services are
        fe80::/10           link-local, where metadata services are
        """,
    ),
    *_ranges(
        Realm.PRIVATE,
        """
        127.0.0.0/8         loopback
        10.0.0.0/8          a private network
        172.16.0.0/12       a private network
        192.168.0.0/16      a private network
        100.64.0.0/10       the shared network of a provider
        ::1/128             loopback
        fc00::/7            a private network
        """,
    ),
    *_ranges(
        Realm.SPECIAL,
        """
        0.0.0.0/8           no address of a host
        192.0.0.0/24        reserved for protocols
        192.0.2.0/24        for documentation
        192.88.99.0/24      reserved (6to4 relays)
        198.18.0.0/15       for benchmarks
        198.51.100.0/24     for documentation
        203.0.113.0/24      for documentation
        224.0.0.0/4         multicast
        240.0.0.0/4         reserved
        64:ff9b:1::/48      reserved for local translation
        2001::/23           reserved for protocols
        2001:db8::/32       for documentation
        3fff::/20           for documentation
        ff00::/8            multicast
        """,
    ),
    # Of IPv6 only these are handed out to hosts (IANA, "IPv6 Address Space"); the translated ones carry IPv4.
    *_ranges(Realm.PUBLIC, "2000::/3 public\n64:ff9b::/96 public\n0.0.0.0/0 public"),
    *_ranges(Realm.SPECIAL, "::/0 reserved"),
)
"""All blocks, narrow ones first; every address is in one."""

_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR: Final = ipaddress.IPv6Network("2002::/16")
_ISATAP: Final = (0x00005EFE, 0x02005EFE)


def range_of(address: IpAddress) -> Range:
    """Return the block that decides about ``address``, that of an IPv4 address inside it when it is no better.

    Sources: IANA registries; RFC 4291 2.5.5.2 (mapped), RFC 6052 (NAT64), RFC 3056 (6to4), RFC 5214 (ISATAP). Teredo
    (RFC 4380) and IPv4-compatible addresses (RFC 4291 2.5.5.1) are reserved as a whole.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address in _MAPPED:
            # The system connects to the IPv4 address itself.
            return range_of(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        inner = _carried(address)
        if inner is not None and (found := range_of(inner)).realm is not Realm.PUBLIC:
            return Range(found.network, Realm.SPECIAL, f"{found.name}, written as IPv6")
    return next(one for one in RANGES if one.network.version == address.version and address in one.network)


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address to which a translator or tunnel would take what is sent to ``address``."""
    bits = int(address)
    if address in _SIX_TO_FOUR:
        return ipaddress.IPv4Address(bits >> 80 & 0xFFFFFFFF)
    if address in _TRANSLATED or bits >> 32 & 0xFFFFFFFF in _ISATAP:
        return ipaddress.IPv4Address(bits & 0xFFFFFFFF)
    return None


def is_public(address: IpAddress) -> bool:
    """Return whether the address, and any IPv4 address inside it, is one of the public internet."""
    return range_of(address).realm is Realm.PUBLIC


def literal(host: str) -> IpAddress | None:
    """Return the address that ``host`` is written as, None when it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
