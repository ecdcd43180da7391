"""The proxy through which requests leave, where an administrator has named one, and the hosts that are asked directly.

HTTP proxies get plain requests in absolute form and a tunnel (CONNECT) for https, SOCKS proxies a tunnel for everything;
names are resolved by the proxy. This machine is always asked directly. The usual variables of the environment
(``HTTPS_PROXY``) are not read: a proxy of whoever started the worker is no decision about where tokens go.

Accepted risk: what a proxy connects to is the proxy's to decide. The rule about addresses holds for hosts that are asked
directly, and for the URL, not for what the proxy makes of a name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp_socks import ProxyConnector, ProxyType
from yarl import URL

from archiveworker.domain.errors import SettingsError
from archiveworker.domain.secret import Secret
from archiveworker.runtime.addresses import literal

_SOCKS: Final = {"socks4": ProxyType.SOCKS4, "socks5": ProxyType.SOCKS5, "socks5h": ProxyType.SOCKS5}
_HTTP: Final = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy for everything but some hosts. Made by ``Proxy.of``.

    Attributes:
        url: without credentials.
        user: None when it wants none.
        password: of the user.
        bypass: hosts that are asked directly: ``lms.example.org`` (with all below it), ``.example.org``, an address, or
            a network in CIDR notation.
    """

    url: URL
    user: str | None = None
    password: Secret = Secret("")
    bypass: tuple[str, ...] = ()

    @classmethod
    def of(cls, url: Secret | None, bypass: Iterable[str]) -> Self | None:
        """Return what the settings say, None when they name no proxy.

        Raises:
            SettingsError: it cannot be used; the message does not show it, since it may hold a password.
        """
        if url is None:
            return None
        try:
            parsed = URL(url.reveal().strip())
            port = parsed.port or (1080 if parsed.scheme in _SOCKS else None)
        except ValueError as exc:
            raise _unusable() from exc
        if parsed.scheme not in _HTTP | _SOCKS.keys() or not parsed.host or port is None:
            raise _unusable()
        bare = URL.build(scheme=parsed.scheme, host=parsed.host, port=port)
        hosts = tuple(host.lower().removeprefix("*") for host in bypass)
        return cls(bare, parsed.user, Secret(parsed.password or ""), hosts)

    def is_bypassed(self, host: str) -> bool:
        """Return whether a host is asked directly."""
        host = host.lower().strip("[]")
        address = literal(host)
        if host == "localhost" or (address is not None and address.is_loopback):
            return True
        if address is not None:
            return any(address in network for network in map(_network, self.bypass) if network is not None)
        return any(host == rule.lstrip(".") or host.endswith("." + rule.lstrip(".")) for rule in self.bypass)


def connector(proxy: Proxy | None, **options: Any) -> aiohttp.TCPConnector:
    """Return a connector that goes through the proxy.

    Args:
        proxy: None connects directly.
        options: of ``aiohttp.TCPConnector``; its resolver is asked about the proxy and hosts that are asked directly.
    """
    if proxy is None:
        return aiohttp.TCPConnector(**options)
    return _Tunnels(proxy, **options) if proxy.url.scheme in _SOCKS else _Relays(proxy, **options)


class _Relays(aiohttp.TCPConnector):
    """Goes through an HTTP proxy."""

    def __init__(self, proxy: Proxy, **options: Any) -> None:
        super().__init__(**options)
        self._through = proxy

    async def connect(
        self, req: aiohttp.ClientRequest, traces: Any, timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        """Name the proxy to the request before a connection for it is looked for or made."""
        proxy = self._through
        if not proxy.is_bypassed(req.url.host or ""):
            known = None if proxy.user is None else aiohttp.BasicAuth(proxy.user, proxy.password.reveal(), "utf-8")
            req.update_proxy(proxy.url, known, None)
        return await super().connect(req, traces, timeout)


class _Tunnels(ProxyConnector):
    """Goes through a SOCKS proxy, but for the hosts that are asked directly."""

    def __init__(self, proxy: Proxy, **options: Any) -> None:
        self._through = proxy
        direct = options.pop("resolver", None) or aiohttp.ThreadedResolver()
        super().__init__(
            host=str(proxy.url.host),
            port=int(proxy.url.port or 0),
            proxy_type=_SOCKS[proxy.url.scheme],
            username=proxy.user,
            password=proxy.password.reveal() or None,
            rdns=True,
            **options,
        )
        self._resolver = _SomeNames(proxy, direct)

    async def _wrap_create_connection(self, *args: Any, req: aiohttp.ClientRequest, **options: Any) -> Any:
        if self._through.is_bypassed(req.url.host or ""):
            return await aiohttp.TCPConnector._wrap_create_connection(self, *args, req=req, **options)
        return await super()._wrap_create_connection(*args, req=req, **options)


class _SomeNames(AbstractResolver):
    """Resolves names of hosts that are asked directly; the others are for the proxy to resolve."""

    def __init__(self, proxy: Proxy, direct: AbstractResolver) -> None:
        self._proxy = proxy
        self._direct = direct

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        if self._proxy.is_bypassed(host):
            return await self._direct.resolve(host, port, family)
        return [ResolveResult(hostname=host, host=host, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        await self._direct.close()


def _network(rule: str) -> Any:
    try:
        return ip_network(rule.strip("[]"), strict=False)
    except ValueError:
        return None


def _unusable() -> SettingsError:
    return SettingsError(
        "ARCHIVEWORKER_PROXY must be like http://proxy.example.org:3128 or socks5://user:password@proxy.example.org:1080"
    )
