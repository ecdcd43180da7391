"""The one rule about which addresses the worker connects to, kept at the only place where all connections begin.

    public addresses           always
    private ones, loopback     where an administrator decided so: see ``MayBePrivate`` of each caller
    metadata services, others  never, whoever asks (``addresses``)

The rule holds for the address that is connected to, not for the text that it was written as: a name is resolved
once, every address in the answer is checked, and the connection goes to one of these. There is no second look-up that
could answer otherwise, and no way of writing an address that could hide it. Redirects are followed nowhere in the
worker; the browser comes again with the new address, and it is checked again.

Which URLs may be asked for at all is not decided here (``rendering.policy``, ``web.gate``), nor where tokens go
(``sources``). Accepted risk: of a name that has private and public addresses, whoever may be private is asked at any.
"""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from archiveworker.domain.errors import AddressRefusedError
from archiveworker.runtime import proxies
from archiveworker.runtime.addresses import IpAddress, Realm, literal, range_of
from archiveworker.runtime.proxies import Proxy

log = structlog.get_logger(__name__)

MayBePrivate = Callable[[str, int], bool]
"""Says whether the host (lower case, as it was written) and port may have a private address."""


def anyone(_host: str, _port: int) -> bool:
    """Let every host have a private address: an administrator named it."""
    return True


def nobody(_host: str, _port: int) -> bool:
    """Let no host have a private address."""
    return False


def check_address(host: str, port: int, address: IpAddress, may_be_private: MayBePrivate) -> None:
    """Check one address of a host before it is connected to.

    Raises:
        AddressRefusedError: the worker does not connect to it. The message does not show it: who named the host need
            not learn what it is called inside; the log has it.
    """
    found = range_of(address)
    if found.realm is Realm.PUBLIC or (found.realm is Realm.PRIVATE and may_be_private(host, port)):
        return
    log.warning("address_refused", host=host, port=port, address=str(address), range=found.name)
    raise AddressRefusedError(
        f"{host} has an address to which the worker does not connect ({found.name})"
        + ("; an LMS there must be in ARCHIVEWORKER_ALLOWED_LMS" if found.realm is Realm.PRIVATE else "")
    )


def connector(may_be_private: MayBePrivate, proxy: Proxy | None = None, **options: Any) -> aiohttp.TCPConnector:
    """Return a connector that keeps the rule.

    Args:
        may_be_private: who may have private addresses.
        proxy: through which requests go; which addresses names have is then for it to find out and to judge. None for
            no proxy.
        options: of ``aiohttp.TCPConnector``: limits, TLS, how long answers of name servers are kept.
    """
    if proxy is None:
        gate = _Gate(may_be_private)
        return aiohttp.TCPConnector(resolver=gate, socket_factory=gate.open_socket, **options)
    own = (proxy.url.host, proxy.url.port)
    gate = _Gate(lambda host, port: (host, port) == own or may_be_private(host, port))
    return proxies.connector(proxy, gate.check, resolver=gate, socket_factory=gate.open_socket, **options)


def session(may_be_private: MayBePrivate = anyone, proxy: Proxy | None = None, **options: Any) -> aiohttp.ClientSession:
    """Return a session that keeps the rule and has no cookies; to be closed by the caller."""
    return aiohttp.ClientSession(
        connector=connector(may_be_private, proxy), cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, **options
    )


class _Checked(str):
    """An address that a name server gave and that may be connected to; one that stands in a URL is a plain string."""

    __slots__ = ()


class _Gate(AbstractResolver):
    """Resolves names to addresses that may be connected to, and opens sockets for these alone.

    aiohttp does not ask its resolver about hosts that are written as addresses; those are checked with the socket.
    """

    def __init__(self, may_be_private: MayBePrivate) -> None:
        self._may_be_private = may_be_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Look a name up.

        Raises:
            AddressRefusedError: one of its addresses may not be connected to.
            OSError: there is no such name.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(
                host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
            )
        except UnicodeError as exc:
            raise OSError(None, "this is no host name") from exc
        addresses = {ip_address(str(entry[4][0])): entry[0] for entry in found}
        for address in addresses:
            check_address(host.lower(), port, address, self._may_be_private)
        return [
            ResolveResult(
                hostname=host, host=_Checked(address), port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST
            )
            for address, family in addresses.items()
        ]

    def check(self, url: URL) -> None:
        """Check what somebody else will connect to, as far as the URL says it.

        Raises:
            AddressRefusedError: it is written as an address that may not be connected to.
        """
        if (address := literal(url.host or "")) is not None:
            check_address(str(address), url.port or 0, address, self._may_be_private)

    def open_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """Open the socket for a connection; the last thing that happens before it is made.

        Raises:
            AddressRefusedError: to an address, written as such in the URL, that may not be connected to.
        """
        family, kind, protocol, _, target = info
        if not isinstance(target[0], _Checked):
            address = ip_address(str(target[0]))
            check_address(str(address), int(target[1]), address, self._may_be_private)
        return socket.socket(family=family, type=kind, proto=protocol)

    async def close(self) -> None:
        """Nothing is held open."""
