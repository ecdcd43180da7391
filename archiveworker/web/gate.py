"""Who may post jobs: whoever knows the secret, for an LMS that is allowed, not too often.

Moodle's plugins can send no header of the administrator's choice, so the secret may also be a part of the worker's
address: ``https://worker.example.org/<secret>`` as the worker's URL in the plugin. Not for administrators' routes, see
``access``. Accepted risk: an address is seen by proxies on the way and may end in their logs; a header would not.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from aiohttp import web

from archiveworker.domain.errors import AccessDeniedError, NotFoundError, RateLimitedError
from archiveworker.domain.ids import LmsOrigin
from archiveworker.domain.secret import Secret
from archiveworker.web.access import ADMIN_TOKEN, bearer, is_token

KEY: Final = "key"
"""Name of the part of the address that may hold the secret."""
_CLIENTS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class GateRules:
    """What the administrator decided.

    Attributes:
        secret: what whoever posts must know; None lets everybody in.
        allowed_lms: origins whose jobs are taken; empty takes those of all.
        posts_per_minute: of one client, on average, and at once; 0: no limit.
        trusted_proxies: networks whose ``X-Forwarded-For`` is believed.
    """

    secret: Secret | None = None
    allowed_lms: frozenset[LmsOrigin] = frozenset()
    posts_per_minute: int = 0
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()


class Gate:
    """Lets requests in, or says why not.

    Args:
        rules: see GateRules.
        now_s: a clock that only goes forward, in seconds.
    """

    def __init__(self, rules: GateRules, now_s: Callable[[], float] = time.monotonic) -> None:
        self._rules = rules
        self._now_s = now_s
        self._free_at_s: OrderedDict[str, float] = OrderedDict()

    def check_address(self, request: web.Request) -> None:
        """Check the secret in the address, where there is one.

        Raises:
            NotFoundError: it is wrong: for all that is said, there is nothing at this address.
            RateLimitedError: this client has tried too often.
        """
        if KEY in request.match_info and not self._is_secret(request.match_info[KEY]):
            self.count(request)
            raise NotFoundError("There is nothing at this address.")

    def check_poster(self, request: web.Request) -> None:
        """Check whether the caller may post a job now.

        Raises:
            AccessDeniedError: the secret is missing or wrong.
            RateLimitedError: this client posts too often.
        """
        self.count(request)
        if self._rules.secret is None or KEY in request.match_info:
            return
        given, admin = bearer(request), request.app[ADMIN_TOKEN]
        if not self._is_secret(given) and not (admin is not None and is_token(given, admin)):
            raise AccessDeniedError(
                "This worker takes jobs only with ARCHIVEWORKER_POST_SECRET: send it as a bearer token, or put "
                "it behind the worker's address (https://worker.example.org/<secret>) in the plugin's settings."
            )

    def check_lms(self, base_url: str) -> None:
        """Check whether jobs of this LMS are taken.

        Raises:
            AccessDeniedError: they are not.
        """
        allowed = self._rules.allowed_lms
        if allowed and LmsOrigin.of(base_url) not in allowed:
            raise AccessDeniedError(
                f"This worker takes no jobs of {LmsOrigin.of(base_url)}; its administrator can add it to "
                "ARCHIVEWORKER_ALLOWED_LMS."
            )

    def _is_secret(self, given: str) -> bool:
        return self._rules.secret is not None and is_token(given, self._rules.secret)

    def count(self, request: web.Request) -> None:
        """Count one request of the client; each is free again a while after the last (generic cell rate algorithm).

        Raises:
            RateLimitedError: there were too many.
        """
        if not self._rules.posts_per_minute:
            return
        client, now_s = self._client(request), self._now_s()
        free_at_s = max(now_s, self._free_at_s.pop(client, now_s))
        wait_s = free_at_s - now_s - 60.0
        step_s = 60.0 / self._rules.posts_per_minute
        refused = wait_s + step_s > 1e-9
        self._free_at_s[client] = free_at_s if refused else free_at_s + step_s
        while len(self._free_at_s) > _CLIENTS_MAX:
            self._free_at_s.popitem(last=False)
        if refused:
            raise RateLimitedError(
                f"More than {self._rules.posts_per_minute} requests of {client} in a minute; try again in a minute, or "
                "raise ARCHIVEWORKER_POSTS_PER_MINUTE."
            )

    def _client(self, request: web.Request) -> str:
        """Return the caller's address; that before the trusted proxies, which append what they have seen."""
        seen = [part.strip() for line in request.headers.getall("X-Forwarded-For", []) for part in line.split(",")]
        client = request.remote or "unknown"
        while seen and self._is_trusted(client):
            client = seen.pop()
        return client[:64]

    def _is_trusted(self, client: str) -> bool:
        try:
            address = ip_address(client)
        except ValueError:
            return False
        return any(address in network for network in self._rules.trusted_proxies)


GATE: web.AppKey[Gate] = web.AppKey("gate", Gate)


def shown_path(request: web.Request) -> str:
    """Return the path for logs, without the secret that may be in it."""
    key = request.match_info.get(KEY)
    return request.path if key is None else f"/***{request.path.removeprefix(f'/{key}')}"
