"""Chromium's only way out: what a page's requests are answered with. One cache an LMS, one session a page.

Whatever a page asks for ends here (see ``chromium.arguments`` and ``pool``: every host is forced through the proxy, and
names are resolved nowhere else; ``listener`` knows whose request it is). The page's own HTML is served from here too,
under the LMS's origin, so that relative links, ``M.cfg.wwwroot`` and origins are right.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

import structlog

from archiveworker.domain.ids import LmsOrigin
from archiveworker.rendering import pixels, quiet
from archiveworker.rendering.config import GatewayConfig
from archiveworker.rendering.fetcher import Failure, Fetcher
from archiveworker.rendering.mirror import Mirrors
from archiveworker.rendering.policy import Policy
from archiveworker.rendering.wire import Request, Response

log = structlog.get_logger()

_NOTE_COUNT = 40
_URL_SHOWN_CHARACTERS = 200


class LmsGateway:
    """What all pages of one LMS share: policy, connections, cache.

    Args:
        origin: of the LMS.
        config: limits and further hosts.
    """

    def __init__(self, origin: LmsOrigin, config: GatewayConfig) -> None:
        self.origin = origin
        self._config = config
        self._fetcher = Fetcher(Policy(origin, config.allowed_hosts, config.lms_may_be_private), config)
        self._mirrors = Mirrors(config.mirrors)

    def open(self, html: str, base_url: str) -> "PageSession":
        """Return what answers for one page.

        Args:
            html: the page.
            base_url: where the page's relative links start; of this gateway's origin.
        """
        return PageSession(
            fetcher=self._fetcher,
            mirrors=self._mirrors,
            config=self._config,
            page_url=f"{base_url.rstrip('/')}/{secrets.token_urlsafe(24)}",
            page=html.encode("utf-8", errors="replace"),
        )

    async def close(self) -> None:
        """Drop the connections and the cache."""
        await self._fetcher.close()


@dataclass(slots=True)
class _Traffic:
    """What one page did so far.

    Attributes:
        request_count: requests that came.
        body_bytes: of all answers.
        open_count: requests that are not answered yet.
        changed: set when a request begins or ends.
        last_s: loop time of the last beginning or end.
        notes: what was refused or failed, each once.
    """

    request_count: int = 0
    body_bytes: int = 0
    open_count: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    last_s: float = 0.0
    notes: dict[str, None] = field(default_factory=dict)


class PageSession:
    """What one page gets, and what it did. Made by ``LmsGateway.open`` on a running event loop.

    Attributes:
        page_url: where the page's own HTML is served.
        page: that HTML.
    """

    def __init__(
        self,
        *,
        fetcher: Fetcher,
        mirrors: Mirrors,
        config: GatewayConfig,
        page_url: str,
        page: bytes,
    ) -> None:
        self.page_url = page_url
        self._fetcher = fetcher
        self._mirrors = mirrors
        self._config = config
        self.page = page
        self._traffic = _Traffic()
        self._traffic.last_s = asyncio.get_running_loop().time()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was refused or failed, as sentences, in the order in which it happened."""
        return tuple(self._traffic.notes)

    @property
    def request_count(self) -> int:
        """Requests that came so far."""
        return self._traffic.request_count

    def quiet_for_s(self) -> float:
        """Seconds since the last request began or ended; 0 while one is open."""
        if self._traffic.open_count:
            return 0.0
        return asyncio.get_running_loop().time() - self._traffic.last_s

    async def wait_quiet(self, quiet_s: float) -> None:
        """Return once no request has been open for ``quiet_s`` seconds."""
        while (left_s := quiet_s - self.quiet_for_s()) > 0:
            self._traffic.changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if self._traffic.open_count else left_s):
                    await self._traffic.changed.wait()

    async def fetch(self, url: str) -> Response | None:
        """Return what the page got, or would get, for a GET of ``url``; None when it is refused or failed."""
        response = await self.answer(url, Request("GET", url, {"accept": "*/*"}, b""))
        return response if response.status == 200 else None

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Count a request from its beginning until its answer is written."""
        self._mark(+1)
        self._traffic.request_count += 1
        try:
            yield
        finally:
            self._mark(-1)

    def _mark(self, step: int) -> None:
        self._traffic.open_count += step
        self._traffic.last_s = asyncio.get_running_loop().time()
        self._traffic.changed.set()

    async def answer(self, url: str, request: Request) -> Response:
        """Return the answer to a request of the page.

        Args:
            url: absolute.
            request: as the browser made it.
        """
        if url == self.page_url and request.method == "GET":
            return Response(
                200, (("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")), self.page
            )
        path = urlsplit(url).path
        local = self._local_answer(url, path, request)
        if local is not None:
            if local.status == HTTPStatus.NOT_FOUND:
                self._note(url, "HTTP 404")
            return _for_origin(local, request)
        result = await self._fetcher.get(url, request.headers)
        if isinstance(result, Failure):
            self._note(url, result.reason)
            return Response(result.status)
        if result.status >= 400:
            self._note(url, f"HTTP {result.status}")
        response = quiet.after_asking(path, request, await self._with_few_pixels(url, result))
        self._traffic.body_bytes += len(response.body)
        return _for_origin(response, request)

    async def _with_few_pixels(self, url: str, response: Response) -> Response:
        """Put a note in the place of an image that would take the browser's memory when it is unpacked."""
        limit = self._config.max_image_px
        if not pixels.looks_like_image(response.body):
            return response
        if not await asyncio.to_thread(pixels.has_too_many, response.body, limit):
            return response
        self._note(url, pixels.remark(limit))
        return Response(200, (("Content-Type", pixels.NOTE_TYPE), ("Cache-Control", "no-store")), pixels.note(limit))

    def _local_answer(self, url: str, path: str, request: Request) -> Response | None:
        if request.headers.get("sec-fetch-dest") == "document":
            self._note(url, "the page tried to go there")
            return quiet.NOTHING
        if "service-worker" in request.headers or request.headers.get("sec-fetch-dest") == "serviceworker":
            self._note(url, "refused: service workers would outlive the page")
            return Response(403)
        if "upgrade" in request.headers.get("connection", "").lower():
            self._note(url, "refused: web sockets are not available")
            return Response(403)
        if self._traffic.request_count > self._config.max_request_count:
            self._traffic.notes["the page made more requests than allowed; the further ones were refused"] = None
            return Response(429)
        if self._traffic.body_bytes > self._config.max_document_bytes:
            self._traffic.notes["the page loaded more than allowed; further requests were refused"] = None
            return Response(413)
        return quiet.before_asking(path, request) or self._mirrors.get(url)

    def _note(self, url: str, what: str) -> None:
        if len(self._traffic.notes) < _NOTE_COUNT:
            # Queries may hold session keys.
            shown = url.partition("?")[0].partition("#")[0][:_URL_SHOWN_CHARACTERS]
            self._traffic.notes[f"{shown}: {what}"] = None


def _for_origin(response: Response, request: Request) -> Response:
    """Let the page read what it loaded from another allowed host: nothing here was fetched with anybody's rights."""
    # Vary, or Chromium's cache would answer one who needs the permission with what was loaded without it.
    permission = [("Access-Control-Allow-Origin", request.headers.get("origin") or "*"), ("Vary", "Origin")]
    if "origin" in request.headers:
        permission.append(("Access-Control-Allow-Credentials", "true"))
    return Response(response.status, (*response.headers, *permission), response.body)
