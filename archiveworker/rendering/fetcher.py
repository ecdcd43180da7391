"""The gateway's way to the LMS: checked addresses, no credentials, limits, and one request for what many pages want.

The addresses of a name are checked where they are connected to (``runtime.outbound``), and kept for a while. Redirects
are handed back to the browser, which comes again with the new address.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
import structlog
from yarl import URL

from archiveworker.domain.errors import AddressRefusedError
from archiveworker.domain.ids import LmsOrigin
from archiveworker.rendering.cache import ResponseCache
from archiveworker.rendering.config import GatewayConfig
from archiveworker.rendering.policy import Policy
from archiveworker.rendering.wire import Response
from archiveworker.runtime import outbound, trust

log = structlog.get_logger()

_NAME_LIFE_S = 300
_CONNECT_LIMIT_S = 10.0
_UNREACHABLE_LIFE_S = 60.0
_REFUSED_LIFE_S = 5.0
"""Short: a refusal, or a name that is not found, may pass; but a page may want dozens of files of one host."""
_CONNECTION_COUNT = 8
_PASSING_STATUSES = frozenset({429, 502, 503, 504})
_PAUSE_S = 0.5
# What an answer may depend on must not be a page's choice: the others get the same answer from the cache. (Scripts
# cannot choose the User-Agent in Chromium.)
_SENT = {"Accept": "*/*", "Accept-Language": "en"}
_PASSED_UP = ("user-agent",)
_PASSED_DOWN = (
    "Content-Type",
    "Content-Language",
    "Content-Disposition",
    "Content-Security-Policy",
    "Location",
    "X-Content-Type-Options",
    "X-Frame-Options",
)
_SHARED_TYPES = (
    "text/css",
    "text/javascript",
    "application/javascript",
    "application/x-javascript",
    "application/json",
)
_SHARED_FAMILIES = ("font/", "image/", "application/font", "application/x-font", "application/vnd.ms-fontobject")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no response.

    Attributes:
        status: of HTTP, for the browser.
        reason: for the page's record.
    """

    status: int
    reason: str


class Fetcher:
    """Fetches for all pages of one LMS. Close it when it is no longer used.

    Args:
        policy: who may be asked.
        config: limits, authorities, size of the cache.

    Raises:
        SettingsError: the CA bundle cannot be used.
    """

    def __init__(self, policy: Policy, config: GatewayConfig) -> None:
        self._policy = policy
        self._config = config
        self._trust = trust.context(config.ca_bundle)
        self._cache = ResponseCache(config.cache_bytes)
        self._running: dict[str, asyncio.Task[Response | Failure]] = {}
        self._session: aiohttp.ClientSession | None = None
        # A host behind a firewall, or without a name server, must not cost every page the time to find that out.
        self._unreachable: dict[LmsOrigin, tuple[float, Failure]] = {}

    async def close(self) -> None:
        """End what is under way and drop the connections."""
        for task in tuple(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def get(self, url: str, headers: Mapping[str, str]) -> Response | Failure:
        """Return what the LMS answers to a GET of ``url``; the same URL is asked for once, however many pages want it.

        Args:
            url: absolute; its fragment is ignored.
            headers: of the browser, names in lower case; only User-Agent is sent on.
        """
        url = url.partition("#")[0]
        if (cached := self._cache.get(url)) is not None:
            return cached
        if (task := self._running.get(url)) is None:
            passed = {name: headers[name] for name in _PASSED_UP if name in headers}
            task = asyncio.create_task(self._fetch(url, _SENT | passed))
            self._running[url] = task
            task.add_done_callback(lambda _: self._running.pop(url, None))
        # A page that is closed must not take the answer away from the others.
        return await asyncio.shield(task)

    async def _fetch(self, url: str, headers: dict[str, str]) -> Response | Failure:
        if (refusal := self._policy.refusal_of_url(url)) is not None:
            return Failure(403, refusal.reason)
        origin = LmsOrigin.of(url)
        until_s, failure = self._unreachable.get(origin, (0.0, None))
        if failure is not None and until_s > asyncio.get_running_loop().time():
            return failure
        try:
            async with asyncio.timeout(self._config.request_limit_s):
                return await self._ask_twice(url, headers)
        except AddressRefusedError:
            # Its own words would show an archive's readers what the LMS's network is like.
            refused = Failure(403, "the host has an address that is not public")
            return self._remembered(origin, refused, _REFUSED_LIFE_S)
        except aiohttp.ConnectionTimeoutError:
            return self._remembered(
                origin, Failure(504, f"no connection within {_CONNECT_LIMIT_S:g} s"), _UNREACHABLE_LIFE_S
            )
        except aiohttp.ClientConnectorError as exc:
            # An LMS that is starting anew must be found as soon as it is there.
            life_s = 0.0 if origin == self._policy.own else _REFUSED_LIFE_S
            return self._remembered(origin, Failure(502, f"no answer ({type(exc).__name__})"), life_s)
        except TimeoutError:
            return Failure(504, f"no answer within {self._config.request_limit_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            return Failure(502, f"no answer ({type(exc).__name__})")

    def _remembered(self, origin: LmsOrigin, failure: Failure, life_s: float) -> Failure:
        self._unreachable[origin] = asyncio.get_running_loop().time() + life_s, failure
        return failure

    async def _ask_twice(self, url: str, headers: dict[str, str]) -> Response | Failure:
        # A style sheet that fails for a moment would spoil the picture of every page that wants it.
        try:
            answer = await self._ask(url, headers)
            if isinstance(answer, Failure) or answer.status not in _PASSING_STATUSES:
                return answer
        except aiohttp.ClientConnectorError:
            raise
        except aiohttp.ClientConnectionError:
            log.info("asset_asked_again", host=LmsOrigin.of(url).host)
        await asyncio.sleep(_PAUSE_S)
        return await self._ask(url, headers)

    async def _ask(self, url: str, headers: dict[str, str]) -> Response | Failure:
        session = self._open_session()
        async with session.get(URL(url, encoded=True), headers=headers, allow_redirects=False) as answer:
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > self._config.max_response_bytes:
                    return Failure(502, f"larger than {self._config.max_response_bytes} bytes")
            shared = answer.status == 200 and _may_be_shared(answer.headers)
            passed = [(name, answer.headers[name]) for name in _PASSED_DOWN if name in answer.headers]
            passed.append(("Cache-Control", "public, max-age=31536000, immutable" if shared else "no-store"))
            response = Response(answer.status, tuple(passed), bytes(body))
        if shared:
            self._cache.put(url, response)
        return response

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=outbound.connector(
                    self._policy.may_be_private,
                    self._config.proxy,
                    ttl_dns_cache=_NAME_LIFE_S,
                    ssl=self._trust,
                    limit_per_host=_CONNECTION_COUNT,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_LIMIT_S),
            )
        return self._session


def _may_be_shared(headers: Mapping[str, str]) -> bool:
    media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if "no-store" in headers.get("Cache-Control", "").lower():
        return False
    return media_type in _SHARED_TYPES or media_type.startswith(_SHARED_FAMILIES)
