"""Decides what a page may load. Pure: no look-up and no request happens here.

Allowed are the LMS's own origin, whatever its address, and configured hosts with public addresses (``outbound`` checks
them when they are connected to). Everything else is refused, whatever it is called: a name, an IP literal, a redirect.
The accepted risk: an LMS that is allowed to be on a private address can make its pages load anything of its own origin.
"""

from dataclasses import dataclass

from archiveworker.domain.errors import SettingsError
from archiveworker.domain.ids import LmsOrigin

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something may not be loaded.

    Attributes:
        reason: ends the sentence "refused: ...".
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may be asked for what.

    Attributes:
        own: the LMS's origin.
        allowed_hosts: patterns as in ``GatewayConfig``.
        own_may_be_private: whether the LMS may have a private address; nobody else may.
    """

    own: LmsOrigin
    allowed_hosts: tuple[str, ...] = ()
    own_may_be_private: bool = True

    def __post_init__(self) -> None:
        for pattern in self.allowed_hosts:
            host, _, port = pattern.partition(":")
            bare = host.removeprefix("*.")
            if not bare or "*" in bare or "/" in pattern or (port and not port.isdigit()):
                raise SettingsError(
                    f"allowed host {pattern!r} must be like cdn.example.org, *.example.org or cdn.example.org:8443"
                )

    def refusal_of_url(self, url: str) -> Refusal | None:
        """Return why ``url`` may not be asked for, or None when it may."""
        try:
            origin = LmsOrigin.of(url)
        except ValueError as exc:
            return Refusal(str(exc))
        if origin == self.own:
            return None
        if not any(_matches(pattern, origin) for pattern in self.allowed_hosts):
            return Refusal("the host is not one of the allowed ones")
        return None

    def may_be_private(self, host: str, port: int) -> bool:
        """Return whether this host and port may have a private address; see ``runtime.outbound``."""
        return self.own_may_be_private and (host, port) == (self.own.host, self.own.port)


def _matches(pattern: str, origin: LmsOrigin) -> bool:
    host, _, port = pattern.lower().partition(":")
    if origin.port != (int(port) if port else _DEFAULT_PORTS[origin.scheme]):
        return False
    if host.startswith("*."):
        return origin.host.endswith(host[1:])
    return origin.host == host
