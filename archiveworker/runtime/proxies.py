"""The proxy through which requests leave, where an administrator has named one, and the hosts that are asked directly.

HTTP proxies get plain requests in absolute form and a tunnel (CONNECT) for https; SOCKS proxies get a tunnel for all.
Names are resolved by the proxy. This machine is always asked directly. The usual variables of the environment
(``HTTPS_PROXY``) are not read: a proxy of whoever started the worker is no decision about where tokens go.

Object stores and traces have clients of libraries (``Proxy.for_library``), which know HTTP proxies alone.

Accepted risk: what a proxy connects to is the proxy's to decide. The rule about addresses (``outbound``) holds for
hosts that are asked directly, and for the URL, not for what the proxy makes of a name.
"""

import base64
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Final, Self

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError, ProxyType
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
    password: Secret | None = None
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
        return cls(bare, parsed.user, Secret(parsed.password) if parsed.password else None, hosts)

    def credentials(self) -> dict[str, str]:
        """Return the header that tells an HTTP proxy who asks (RFC 7617); nothing when it does not want to know."""
        if self.user is None:
            return {}
        known = f"{self.user}:{self.password.reveal() if self.password else ''}"
        return {hdrs.PROXY_AUTHORIZATION: "Basic " + base64.b64encode(known.encode()).decode()}

    def for_library(self, host: str, who: str) -> Secret | None:
        """Return the proxy's URL, with its password, for libraries that have clients of their own (botocore, requests).

        Args:
            host: that will be asked.
            who: that is, for the message.

        Returns:
            None when the host is asked directly.

        Raises:
            SettingsError: it is a SOCKS proxy; these libraries speak to HTTP proxies alone.
        """
        if self.is_bypassed(host):
            return None
        if self.url.scheme in _SOCKS:
            raise SettingsError(
                f"{who} cannot be asked through a SOCKS proxy; name an HTTP proxy in ARCHIVEWORKER_PROXY, or {host} in "
                "ARCHIVEWORKER_NO_PROXY"
            )
        password = self.password.reveal() if self.password else None
        return Secret(str(self.url.with_user(self.user).with_password(password)))

    def is_bypassed(self, host: str) -> bool:
        """Return whether a host is asked directly."""
        host = host.lower().strip("[]")
        address = literal(host)
        if host == "localhost" or (address is not None and address.is_loopback):
            return True
        if address is not None:
            return any(address in network for network in map(_network, self.bypass) if network is not None)
        return any(host == rule.lstrip(".") or host.endswith("." + rule.lstrip(".")) for rule in self.bypass)


def connector(proxy: Proxy, check: Callable[[URL], None], **options: Any) -> aiohttp.TCPConnector:
    """Return a connector that goes through the proxy; for ``outbound``, which keeps the rule about addresses.

    Args:
        proxy: through which.
        check: is given the URL of each request that the proxy will make; raises when it may not be made.
        options: of ``aiohttp.TCPConnector``; its resolver is asked about the proxy and hosts that are asked directly.
    """
    return _Tunnels(proxy, check, **options) if proxy.url.scheme in _SOCKS else _Relays(proxy, check, **options)


class _Relays(aiohttp.TCPConnector):
    """Goes through an HTTP proxy."""

    def __init__(self, proxy: Proxy, check: Callable[[URL], None], **options: Any) -> None:
        super().__init__(**options)
        self._through, self._check = proxy, check

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: Any,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the signature is aiohttp's
    ) -> aiohttp.connector.Connection:
        """Name the proxy to the request before a connection for it is looked for or made."""
        proxy = self._through
        if not proxy.is_bypassed(req.url.host or ""):
            self._check(req.url)
            # Of a tunnel the header belongs to the request for it, which aiohttp makes; else to the request itself.
            req.update_proxy(proxy.url, None, proxy.credentials() if req.is_ssl() else None)
            if not req.is_ssl():
                req.headers.update(proxy.credentials())
        return await super().connect(req, traces, timeout)


class _Tunnels(ProxyConnector):
    """Goes through a SOCKS proxy, but for the hosts that are asked directly."""

    def __init__(self, proxy: Proxy, check: Callable[[URL], None], **options: Any) -> None:
        self._through, self._check = proxy, check
        direct = options.pop("resolver")
        super().__init__(
            host=str(proxy.url.host),
            port=int(proxy.url.port or 0),
            proxy_type=_SOCKS[proxy.url.scheme],
            username=proxy.user,
            password=proxy.password.reveal() if proxy.password else None,
            rdns=True,
            **options,
        )
        # The library's own resolves no name at all.
        self._resolver = _SomeNames(proxy, direct)

    async def _wrap_create_connection(self, *args: Any, req: aiohttp.ClientRequest, **options: Any) -> Any:
        if self._through.is_bypassed(req.url.host or ""):
            return await aiohttp.TCPConnector._wrap_create_connection(self, *args, req=req, **options)
        self._check(req.url)
        key = req.connection_key
        try:
            return await super()._wrap_create_connection(*args, req=req, **options)
        except ssl.SSLCertVerificationError as exc:
            raise aiohttp.ClientConnectorCertificateError(key, exc) from exc
        except ssl.SSLError as exc:
            raise aiohttp.ClientConnectorSSLError(key, exc) from exc
        except (ProxyError, ProxyConnectionError, ProxyTimeoutError) as exc:
            raise aiohttp.ClientProxyConnectionError(key, OSError(None, str(exc))) from exc


class _SomeNames(AbstractResolver):
    """Resolves names of hosts that are asked directly; the others are for the proxy to resolve."""

    def __init__(self, proxy: Proxy, direct: AbstractResolver) -> None:
        self._proxy = proxy
        self._direct = direct

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Look a name up, or leave it to the proxy."""
        if self._proxy.is_bypassed(host):
            return await self._direct.resolve(host, port, family)
        return [ResolveResult(hostname=host, host=host, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Close what resolves the others."""
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
